//! Allocations: a whole machine lent to a customer for a period.
//!
//! Invariants: two allocations of a machine never overlap while they hold it, because the exclusion constraint refuses the
//! second, whoever was first to look; states move only forward and with an event in the same transaction; the customer
//! sees figures of its own period only; nothing ends because a machine is silent.

mod access;
mod advance;
mod bulk;
mod health;
mod holdings;
mod jump;
mod keys;
mod lending;
mod list;
mod notices;
mod period;
mod reclaim;
mod renewals;
mod store;
mod timeline;
mod told;
mod visits;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use contract::allocations::{
    AllocationCreate, AllocationDetail, AllocationEnd, AllocationState, AllocationView, DEFAULT_GRACE_DAYS, MAX_MONTHS,
};
use contract::machines::MachineView;
use contract::metrics::{History, HistoryQuery, MachineLive};
use contract::{AllocationId, CustomerId, ErrorCode, MachineId, Permission};

pub use access::{end_of_machine, ssh};
pub use advance::advance;
pub use bulk::{act_on_many, preview_many};
pub use health::handover;
pub(crate) use health::leases;
use holdings::keep;
pub(crate) use holdings::{holders, holdings, machine_codes, running_of};
pub use jump::{DoorIdentity, MachineChoice, MachineVisit, enter_by_ssh, ssh_choices};
pub(crate) use keys::HostStand;
pub use keys::follow_keys;
use lending::overlap;
pub(crate) use lending::{LeaseMachine, all_to_come, next_leases, refuse_if_held, to_come};
pub use lending::{ToCome, may_be_lent};
pub use list::{export, list, mine, note_export, of_note};
pub(crate) use notices::{
    maintenance as tell_of_maintenance, maintenance_begun, maintenance_missed, maintenance_off, maintenance_over,
};
use period::{end_of, move_end, renew_in_tx};
pub use period::{may_extend, renew};
pub use reclaim::{STEPS as RECLAIM_STEPS, can_be_skipped, skip_step};
pub(crate) use renewals::is_requested;
pub use renewals::{
    decide_renewal, list_renewals, may_request_renewal, page_of_renewals, request_renewal, withdraw_renewal,
};
pub(crate) use store::{Held, Span, SpansOf};
pub use timeline::timeline;
pub use visits::{end_any_visit, end_visit, list_all_visits, list_visits, tidy_visits};

use crate::authz::{
    AllocationRef, CreateAllocation, ManageAllocation, MonitorAllocation, Scope, UpdateAllocation, ViewAllocation,
};
use crate::calendar::add_months;
use crate::db::Tx;
use crate::fields::Wrong;
use crate::rechecks::Wanted;
use crate::{
    Error, OpContext, Platform, Principal, Result, SystemActor, audit, customers, machines, metrics, settings,
};

/// One allocation with its history.
pub async fn get(platform: &Platform, ctx: &OpContext, id: AllocationId) -> Result<AllocationDetail> {
    let mut tx = platform.db().begin(ctx).await?;
    let row = find(&mut tx, ctx, id).await?;
    ctx.authorize(ManageAllocation, &row.resource())?;
    let detail = detail(platform, ctx, &mut tx, row).await?;
    tx.commit().await?;
    Ok(detail)
}

/// The caller's customer's allocation of this machine that is not over, with its history; or the last one that is, so that
/// what told of it leads somewhere for as long as it is kept.
pub async fn of_machine(platform: &Platform, ctx: &OpContext, machine: &str) -> Result<AllocationDetail> {
    let customer = own_customer(ctx, Permission::AllocationsView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let current = match machines::id_in_tx(&mut tx, machine).await? {
        Some(id) => store::current(&mut tx, id, customer).await?,
        None => None,
    };
    let row = match current {
        Some(row) => row,
        None => {
            let ids = machines::ids_ever_in_tx(&mut tx, machine).await?;
            let unseen = || ctx.unseen(Permission::AllocationsView, "machine", machine);
            store::last(&mut tx, &ids, customer).await?.ok_or_else(unseen)?
        }
    };
    ctx.authorize(ViewAllocation, &row.resource())?;
    let detail = detail(platform, ctx, &mut tx, row).await?;
    tx.commit().await?;
    Ok(detail)
}

/// Lends a machine to a customer.
///
/// # Errors
/// `Validation` with a field for what is wrong; an overlap names who has the machine and until when.
pub async fn create(
    platform: &Platform,
    ctx: &OpContext,
    machine: &str,
    body: AllocationCreate,
) -> Result<AllocationDetail> {
    // Of the machine: the allocation is not there yet.
    let ctx = &ctx.trying(machines::attempt("allocations:create", machine));
    ctx.authorize_list::<AllocationRef>(Permission::AllocationsManage)?;
    let zone = settings::time_zone(platform).await;
    let mut tx = platform.db().begin(ctx).await?;
    let machine = machines::lock_for_lease(&mut tx, machine).await?.ok_or_else(Error::not_found)?;
    let granted = ctx.authorize(CreateAllocation, &machines::resource(machine.id))?;
    let mut wrong = Wrong::new();
    let starts_at = body.starts_at.unwrap_or(ctx.now());
    // A start that lies back would claim that the customer had it then.
    if starts_at < ctx.now() - chrono::TimeDelta::days(1) {
        wrong.add("startsAt", "field-start-past");
    }
    // A wrong year would keep the machine from nobody, and be found by nobody.
    if add_months(ctx.now(), MAX_MONTHS, zone, None).is_some_and(|latest| starts_at > latest) {
        wrong.add_with("startsAt", "field-start-far", vec![("months", MAX_MONTHS.to_string())]);
    }
    let ends_at = end_of(&mut wrong, (starts_at, starts_at), zone, body.months, body.ends_at);
    let end_path = if body.months.is_some() { "months" } else { "endsAt" };
    // Both may lie ahead the wrong way round.
    if ends_at.is_some_and(|end| end <= ctx.now().max(starts_at)) {
        wrong.add(end_path, "field-end-past");
    }
    let grace_days = body.grace_days.unwrap_or(DEFAULT_GRACE_DAYS);
    wrong.number("graceDays", Some(grace_days), 90);
    let remark = wrong.text("remark", body.remark, 1000);
    let customer = match body.customer_id {
        None => {
            wrong.add("customerId", "field-required");
            None
        }
        Some(id) => match customers::lock(&mut tx, id).await? {
            Some(true) => Some(id),
            Some(false) => {
                wrong.add("customerId", "field-customer-disabled");
                None
            }
            None => {
                wrong.add("customerId", "field-customer-unknown");
                None
            }
        },
    };
    wrong.into_result()?;
    let (Some(customer), Some(ends_at)) = (customer, ends_at) else { return Err(Error::internal("checked above")) };
    may_be_lent(machine.pool, machine.service_state)?;
    let new = store::NewAllocation { customer, starts_at, ends_at, grace_days, remark };
    // Who is in the way is asked before the constraint refuses, because after it the transaction is over.
    if let Some(other) = store::in_the_way(&mut tx, granted.id(), None, starts_at, new.hold_until()).await? {
        // Whoever has it on the first day is in the way of the beginning, who comes later in the way of the end.
        let path = if body.starts_at.is_some() && other.starts_at <= starts_at { "startsAt" } else { end_path };
        return Err(overlap(platform, ctx, &mut tx, &other, path).await?);
    }
    // A lease that was to end before may still be on its way out: then this one waits for the machine.
    let begins = starts_at <= ctx.now() && !store::is_occupied(&mut tx, granted.id()).await?;
    let id = store::insert(&mut tx, &granted, &new, begins, ctx).await?;
    event(&mut tx, ctx, id, "created", None, Some(ends_at), new.remark.as_deref()).await?;
    if begins {
        event(&mut tx, ctx, id, "started", None, None, None).await?;
    }
    let row = store::get(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    record(&mut tx, ctx, "allocations:create", None, &row).await?;
    notices::given(platform, &mut tx, ctx, &row).await?;
    let detail = detail(platform, ctx, &mut tx, row).await?;
    keep(platform, tx).await?;
    // At once, not with the next round: what comes back before it would have nothing to be compared with.
    if begins && let Err(error) = health::take_handovers(platform).await {
        tracing::error!(%error, allocation = id.0, "how the machine is at its hand-over was not kept; it is tried again");
    }
    Ok(detail)
}

/// Ends an allocation now: one that has not begun is cancelled, one that runs goes to its reclaim.
pub async fn end(
    platform: &Platform,
    ctx: &OpContext,
    id: AllocationId,
    body: AllocationEnd,
) -> Result<AllocationDetail> {
    let mut tx = platform.db().begin(ctx).await?;
    let after = end_in_tx(platform, &mut tx, ctx, id, body).await?;
    let detail = detail(platform, ctx, &mut tx, after).await?;
    keep(platform, tx).await?;
    Ok(detail)
}

async fn end_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    id: AllocationId,
    body: AllocationEnd,
) -> Result<store::Row> {
    let ctx = &ctx.trying_on("allocations:end", "allocation", id);
    let before = lock(tx, ctx, id).await?;
    let mut wrong = Wrong::new();
    let note = wrong.text("note", body.note, 1000);
    wrong.into_result()?;
    let granted = ctx.authorize(UpdateAllocation, &before.resource())?;
    match before.state {
        AllocationState::Scheduled => {
            store::close(tx, &granted, AllocationState::Cancelled, ctx.now()).await?;
            event(tx, ctx, id, "cancelled", None, None, note.as_deref()).await?;
            notices::taken_back(platform, tx, ctx, &before).await?;
        }
        AllocationState::Active | AllocationState::Grace => {
            reclaim::begin(platform, tx, ctx, &before, note.as_deref()).await?;
        }
        AllocationState::Reclaiming | AllocationState::Ended | AllocationState::Cancelled => {
            return Err(wrong_state(before.state));
        }
    }
    let after = store::get(tx, id).await?.ok_or_else(Error::not_found)?;
    record(tx, ctx, "allocations:end", Some(&before), &after).await?;
    Ok(after)
}

/// The machine one has, or has still to save things from: its hardware and how to reach it.
pub async fn machine(platform: &Platform, ctx: &OpContext, machine: &str) -> Result<MachineView> {
    readable_now(platform, ctx, machine).await?;
    let mut tx = platform.db().begin(ctx).await?;
    let mut view = machines::for_customer(platform, &mut tx, machine, ctx.now()).await?;
    tx.commit().await?;
    told::of_windows(ctx, &mut view.maintenance);
    Ok(view)
}

/// A lease that begins so soon after its day is not late.
const PUNCTUAL: chrono::TimeDelta = chrono::TimeDelta::minutes(1);

/// The newest figures of a machine one has.
pub async fn machine_live(platform: &Platform, ctx: &OpContext, machine: &str) -> Result<MachineLive> {
    held_now(platform, ctx, machine).await?;
    metrics::live_of_machine(platform, ctx, machine).await
}

/// History of a machine one has, of one's own period only; in the grace after it, what was is still there to read.
pub async fn history(platform: &Platform, ctx: &OpContext, machine: &str, query: &HistoryQuery) -> Result<History> {
    let row = readable_now(platform, ctx, machine).await?;
    metrics::history_between(platform, ctx, (row.machine, machine), query, (row.since(), row.ends_at)).await
}

/// The allocation by which the caller's customer has this machine now.
///
/// # Errors
/// `NotFound` when it does not have it.
pub(crate) async fn held_now(platform: &Platform, ctx: &OpContext, machine: &str) -> Result<store::Row> {
    let row = readable_now(platform, ctx, machine).await?;
    if row.lets_in(platform.clock().now()) { Ok(row) } else { Err(Error::not_found()) }
}

/// The allocation by which the caller's customer has this machine, or had it until its grace.
async fn readable_now(platform: &Platform, ctx: &OpContext, machine: &str) -> Result<store::Row> {
    let customer = own_customer(ctx, Permission::AllocationsMonitor)?;
    let now = platform.clock().now();
    let mut tx = platform.db().begin(ctx).await?;
    let unseen = ctx.unseen(Permission::AllocationsMonitor, "machine", machine);
    let Some(id) = machines::id_in_tx(&mut tx, machine).await? else { return Err(unseen) };
    let Some(row) = store::readable(&mut tx, id, customer, now).await? else {
        return Err(access::unless_had(&mut tx, id, customer, unseen).await?);
    };
    ctx.authorize(MonitorAllocation, &row.resource())?;
    tx.commit().await?;
    Ok(row)
}

/// An open connection's interest in a machine its customer has.
pub(crate) struct HoldingWatch(Wanted<(CustomerId, MachineId), bool>);

/// Follows whether the caller's customer has this machine; all watches of a server share one query.
///
/// # Errors
/// `NotFound` when it does not have it.
pub(crate) async fn watch_holding(platform: &Platform, ctx: &OpContext, machine: &str) -> Result<HoldingWatch> {
    let row = held_now(platform, ctx, machine).await?;
    Ok(HoldingWatch::of(platform, &row))
}

impl HoldingWatch {
    fn of(platform: &Platform, row: &store::Row) -> Self {
        Self(platform.holdings().want((row.customer, row.machine)))
    }

    /// Whether it is still theirs; at most two seconds old.
    pub(crate) async fn still_held(&self, platform: &Platform) -> Result<bool> {
        Ok(self.ask(platform).await? == Some(true))
    }

    /// Whether they may still get at what is on it, in the grace too; at most two seconds old.
    pub(crate) async fn still_reached(&self, platform: &Platform) -> Result<bool> {
        Ok(self.ask(platform).await?.is_some())
    }

    async fn ask(&self, platform: &Platform) -> Result<Option<bool>> {
        let held = self.0.ask(async |pairs| {
            // For everybody's sockets at once, so with the powers of the background, not of one customer.
            let ctx = platform.system(SystemActor::Metrics);
            let mut tx = platform.db().begin(&ctx).await?;
            let found = store::held_pairs(&mut tx, &pairs, ctx.now()).await?;
            tx.commit().await?;
            Ok(found)
        });
        held.await
    }
}

/// Who has which machine now, on their way back included: customer and the machine's code.
pub(crate) async fn lent(platform: &Platform, ctx: &OpContext) -> Result<Vec<(CustomerId, String)>> {
    ctx.authorize_list::<AllocationRef>(Permission::AllocationsManage)?;
    let mut tx = platform.db().begin(ctx).await?;
    let pairs = store::lent(&mut tx).await?;
    let ids: Vec<i64> = pairs.iter().map(|(_, machine)| machine.0).collect();
    let codes = machines::codes(&mut tx, &ids).await?;
    tx.commit().await?;
    Ok(pairs.into_iter().filter_map(|(customer, id)| Some((customer, codes.get(&id.0)?.clone()))).collect())
}

/// Machine, beginning and end until now of every allocation of a customer that began, for a slice that has decided that
/// the caller may know.
pub(crate) async fn spans(
    tx: &mut Tx,
    customer: CustomerId,
    now: DateTime<Utc>,
) -> Result<Vec<(MachineId, DateTime<Utc>, DateTime<Utc>)>> {
    store::spans(tx, customer, now).await
}

/// How often customers gave a machine back so far.
pub(crate) async fn ended_on(tx: &mut Tx, machine: MachineId) -> Result<i64> {
    store::ended_on(tx, machine).await
}

/// Which of these machines somebody has, or will have.
pub(crate) async fn held_among(tx: &mut Tx, machines: &[i64]) -> Result<HashSet<MachineId>> {
    store::held_among(tx, machines).await
}

/// Parts of allocations that lie in a period, for a slice that has decided that the caller may know; of these customers or of
/// these machines alone when some are named.
pub(crate) async fn spans_between(
    tx: &mut Tx,
    of: SpansOf<'_>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Span>> {
    store::spans_between(tx, of, from, until).await
}

/// Machines held now and the next end of every customer that holds any.
pub(crate) async fn all_held(tx: &mut Tx) -> Result<HashMap<i64, Held>> {
    store::all_held(tx).await
}

/// Machines held now and the next end, by customer.
pub(crate) async fn held_by(tx: &mut Tx, customers: &[i64]) -> Result<HashMap<i64, Held>> {
    store::held_by(tx, customers).await
}

/// The customer one acts for with this permission; staff look at the fleet, not at what a customer has.
fn own_customer(ctx: &OpContext, permission: Permission) -> Result<CustomerId> {
    match ctx.authorize_list::<AllocationRef>(permission)? {
        Scope::Customer(customer) => Ok(customer),
        Scope::All | Scope::Own(_) => Err(Error::not_found()),
    }
}

async fn find(tx: &mut Tx, ctx: &OpContext, id: AllocationId) -> Result<store::Row> {
    ctx.authorize_list::<AllocationRef>(Permission::AllocationsView)?;
    store::get(tx, id).await?.ok_or_else(|| ctx.unseen(Permission::AllocationsView, "allocation", id))
}

/// Loads and locks an allocation to change it.
async fn lock(tx: &mut Tx, ctx: &OpContext, id: AllocationId) -> Result<store::Row> {
    // Whoever may not change it cannot lock it either: the answer comes from what they may see.
    let row = find(tx, ctx, id).await?;
    ctx.authorize(UpdateAllocation, &row.resource())?;
    store::lock(tx, id).await?.ok_or_else(Error::not_found)
}

fn wrong_state(state: AllocationState) -> Error {
    Error::new(ErrorCode::WrongState).with_key("error-allocation-state").with_arg("state", state.code())
}

async fn detail(platform: &Platform, ctx: &OpContext, tx: &mut Tx, row: store::Row) -> Result<AllocationDetail> {
    let id = row.id;
    let staff = ctx.is_staff();
    let events = store::events(tx, id, staff).await?;
    let events = if staff { events } else { told::history(ctx, events) };
    let requests = renewals::of_allocation(platform, ctx, tx, &row).await?;
    let steps = if staff { store::steps(tx, id).await? } else { Vec::new() };
    let allocation = views(platform, ctx, tx, vec![row]).await?.pop().ok_or_else(Error::not_found)?;
    Ok(AllocationDetail { allocation, events, requests, steps })
}

/// Rows with what other slices know of their machines and customers.
async fn views(
    platform: &Platform,
    ctx: &OpContext,
    tx: &mut Tx,
    rows: Vec<store::Row>,
) -> Result<Vec<AllocationView>> {
    let mut machine_ids: Vec<i64> = rows.iter().map(|row| row.machine.0).collect();
    let mut customer_ids: Vec<i64> = rows.iter().map(|row| row.customer.0).collect();
    machine_ids.sort_unstable();
    machine_ids.dedup();
    customer_ids.sort_unstable();
    customer_ids.dedup();
    let machines = machines::briefs(platform, tx, &machine_ids, ctx.now()).await?;
    let names = customers::names(tx, &customer_ids).await?;
    let maintenance = machines::maintenance_of(tx, &machine_ids).await?;
    let staff = ctx.is_staff();
    Ok(rows
        .into_iter()
        .map(|row| {
            let brief = machines.get(&row.machine.0).cloned().unwrap_or_default();
            let maintenance = told::maintenance(ctx, maintenance.get(&row.machine.0), &row);
            AllocationView {
                id: row.id,
                machine: brief.code,
                machine_name: brief.name,
                region: brief.region,
                gpu_model: brief.gpu_model,
                gpu_count: brief.gpu_count,
                // How a machine is doing is told to who has it.
                presence: (staff || row.state == AllocationState::Active).then_some(brief.presence),
                monitored: brief.monitored,
                load: None,
                ssh: None,
                customer_id: row.customer,
                customer_name: names.get(&row.customer.0).cloned().unwrap_or_default(),
                starts_at: row.starts_at,
                ends_at: row.ends_at,
                grace_days: row.grace_days,
                state: row.state,
                days_left: contract::allocations::days_left(row.ends_at, ctx.now()),
                remark: row.remark.filter(|_| staff),
                ended_at: row.ended_at,
                waits_since: row.waits_since.filter(|_| row.state == AllocationState::Scheduled),
                began_at: row.began_at.filter(|began| *began >= row.starts_at + PUNCTUAL),
                waits_for: row.waits_for.filter(|_| row.state == AllocationState::Scheduled),
                open_request: row.open_request,
                reminded_days: row.reminded_days.and_then(|days| u32::try_from(days).ok()),
                maintenance,
                revision: row.revision,
            }
        })
        .collect())
}

/// Adds a line to the allocation's history.
async fn event(
    tx: &mut Tx,
    ctx: &OpContext,
    id: AllocationId,
    kind: &'static str,
    ends_before: Option<DateTime<Utc>>,
    ends_after: Option<DateTime<Utc>>,
    note: Option<&str>,
) -> Result<()> {
    let actor = match ctx.principal() {
        Principal::User(user) => user.display_name.clone(),
        // The page has its own word for "by itself".
        _ => String::new(),
    };
    store::insert_event(tx, id, ctx.now(), kind, (ends_before, ends_after), &actor, note).await
}

async fn record(
    tx: &mut Tx,
    ctx: &OpContext,
    action: &'static str,
    before: Option<&store::Row>,
    after: &store::Row,
) -> Result<()> {
    let code = machines::codes(tx, &[after.machine.0]).await?.remove(&after.machine.0);
    let facts = |row: &store::Row| facts(row, code.as_deref());
    let entry = audit::Entry {
        action,
        target_kind: "allocation",
        target_id: Some(after.id.to_string()),
        customer: Some(after.customer),
        before: before.map(facts),
        after: Some(facts(after)),
    };
    audit::record_in_tx(tx, ctx, entry).await
}

/// `code`: the machine's, which is what an allocation is called by.
fn facts(row: &store::Row, code: Option<&str>) -> serde_json::Value {
    serde_json::json!({
        "name": code,
        "machine": row.machine, "customer": row.customer, "startsAt": row.starts_at, "endsAt": row.ends_at,
        "graceDays": row.grace_days, "state": row.state, "remark": row.remark, "waitsSince": row.waits_since,
        "waitsFor": row.waits_for, "beganAt": row.began_at,
    })
}

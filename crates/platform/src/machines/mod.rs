//! GPU hosts: adding, changing, finding them; what was typed beside what the agent found; how agents join.
//!
//! Invariants: a code never changes; hardware the agent found is kept apart from what somebody typed; "online" is derived
//! from the last sign of life and never stored; a join token's secret is stored only as a hash and shown once.

mod bulk;
mod check;
mod connection;
mod differences;
pub(crate) mod fuzzing;
mod gpu_times;
mod held;
mod host_keys;
mod hosts;
pub(crate) mod import;
mod joining;
mod maintenance;
mod passport;
mod reporting;
mod service;
mod store;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use contract::machines::{
    MachineCreate, MachineFacets, MachineQuery, MachineRow, MachineUpdate, MachineView, MaintenanceView, Presence,
    ServiceState, SshAccess, presence,
};
use contract::{ErrorCode, ListColumns, MachineId, Page, Permission};

pub(crate) use bulk::too_many_match;
pub use bulk::{Preview, act_on_many, plan_for_many, preview_many, preview_plan_for_many};
pub(crate) use connection::library_folder_in_tx;
pub use connection::set_connection;
pub use differences::differences;
pub(crate) use gpu_times::GpuTimes;
pub(crate) use host_keys::{HostKeys, Logged, all_host_keys, host_keys_in_tx, keys_accounts};
pub use host_keys::{note_keys_account, report_host_keys};
pub(crate) use hosts::{HostCard, HostFacts, gpu_uuids, hosts_in_tx, lock_id_in_tx, service_returns_in_tx};
pub use import::{EXPORTED, ExportRow, Written, export, note_export};
pub use joining::{NodeCredentials, authenticate_node, create_join_token, list_join_tokens, revoke_join_token};
pub use maintenance::{advance_maintenance, cancel_maintenance, check_window, plan_maintenance};
pub use passport::passport;
pub use reporting::report_inventory;
pub use service::{act, leases_to_come, may_act, take_out};

use crate::authz::{CreateMachine, Fleet, MachineRef, UpdateMachine, ViewMachine};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, accounts, allocations, audit, instances};

/// A machine's place in the tenancy. Customers reach machines through allocations, which come with the fleet's leases.
pub(crate) fn resource(id: MachineId) -> MachineRef {
    MachineRef { id, customer: None, owner: None, machine: Some(id) }
}

/// The machines the caller may see, filtered, in order, one page.
pub async fn list(platform: &Platform, ctx: &OpContext, query: &MachineQuery) -> Result<Page<MachineRow>> {
    let mut tx = platform.db().begin(ctx).await?;
    let found = list_in_tx(&mut tx, ctx, query).await?;
    tx.commit().await?;
    Ok(freshened(platform, ctx, found))
}

/// All that the page of the list shows, in one transaction: machines, what their filters offer, the caller's columns.
pub async fn list_page(
    platform: &Platform,
    ctx: &OpContext,
    query: &MachineQuery,
) -> Result<(Page<MachineRow>, MachineFacets, ListColumns)> {
    let mut tx = platform.db().begin(ctx).await?;
    let found = list_in_tx(&mut tx, ctx, query).await?;
    let facets = held::facets(&mut tx, ctx, query.customer_id).await?;
    let columns = accounts::columns_in_tx(&mut tx, ctx, "machines").await?;
    tx.commit().await?;
    Ok((freshened(platform, ctx, found), facets, columns))
}

async fn list_in_tx(tx: &mut Tx, ctx: &OpContext, query: &MachineQuery) -> Result<Page<MachineRow>> {
    let scope = ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let sort = query.sort_columns().map_err(|_| Error::field("sort", "field-sort-unknown"))?;
    let wanted = held::wanted(tx, ctx, query, &sort).await?;
    let (mut found, total) = store::list(tx, scope, &wanted, &sort, page, page_size, ctx.now()).await?;
    if ctx.holds(Permission::AllocationsManage) {
        let ids: Vec<i64> = found.iter().map(|(id, _)| id.0).collect();
        let mut holders = allocations::holders(tx, Some(&ids), ctx.now()).await?;
        let mut next = allocations::next_leases(tx, &ids).await?;
        for (id, row) in &mut found {
            row.holder = holders.remove(id);
            row.next = next.remove(id);
        }
    }
    let list = found.into_iter().map(|(_, row)| row).collect();
    Ok(Page { list, total, page, page_size })
}

/// With what this server knows of the machines by now.
fn freshened(platform: &Platform, ctx: &OpContext, mut found: Page<MachineRow>) -> Page<MachineRow> {
    for row in &mut found.list {
        platform.live().freshen(&mut row.last_seen_at, &mut row.presence, &row.id, ctx.now());
    }
    found
}

/// What the list's filters offer, and how many there are in all.
pub async fn facets(platform: &Platform, ctx: &OpContext) -> Result<MachineFacets> {
    ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let facets = held::facets(&mut tx, ctx, None).await?;
    tx.commit().await?;
    Ok(facets)
}

/// One machine in full.
pub async fn get(platform: &Platform, ctx: &OpContext, code: &str) -> Result<MachineView> {
    ctx.trying(attempt("machines:view", code)).authorize_list::<MachineRef>(Permission::MachinesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let unseen = || ctx.unseen(Permission::MachinesView, "machine", code);
    let (id, mut view) = store::view(&mut tx, code, ctx.now()).await?.ok_or_else(unseen)?;
    ctx.authorize(ViewMachine, &resource(id))?;
    tx.commit().await?;
    platform.live().freshen(&mut view.last_seen_at, &mut view.presence, &view.id, ctx.now());
    Ok(view)
}

/// The id behind a code, when the caller may see the machine.
pub(crate) async fn find(platform: &Platform, ctx: &OpContext, code: &str) -> Result<MachineId> {
    let mut tx = platform.db().begin(ctx).await?;
    let unseen = || ctx.unseen(Permission::MachinesView, "machine", code);
    let id = store::id_of(&mut tx, code).await?.ok_or_else(unseen)?;
    tx.commit().await?;
    Ok(id)
}

/// What other slices' lists say of a machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Brief {
    pub code: String,
    pub name: String,
    pub region: Option<String>,
    pub gpu_model: Option<String>,
    pub gpu_count: Option<u32>,
    pub presence: Presence,
    pub monitored: bool,
}

/// [`Brief`]s by id, of those the transaction's caller may see.
pub(crate) async fn briefs(
    platform: &Platform,
    tx: &mut Tx,
    ids: &[i64],
    now: DateTime<Utc>,
) -> Result<HashMap<i64, Brief>> {
    let mut briefs = store::briefs(tx, ids).await?;
    Ok(briefs
        .drain()
        .map(|(id, (mut brief, mut last_seen_at))| {
            brief.presence = presence(last_seen_at, now);
            platform.live().freshen(&mut last_seen_at, &mut brief.presence, &brief.code, now);
            (id, brief)
        })
        .collect())
}

/// Machines whose code or name contains this.
pub(crate) async fn matching(tx: &mut Tx, text: &str) -> Result<Vec<i64>> {
    store::matching(tx, text).await
}

/// Every machine's id, by name, those that are gone included: for other slices' lists in this order.
pub(crate) async fn ids_by_name(tx: &mut Tx) -> Result<Vec<i64>> {
    store::ids_by_name(tx).await
}

/// A page of machines by code: id, code, name; with the number of all.
pub(crate) async fn page_of_names(
    tx: &mut Tx,
    q: Option<&str>,
    page: u32,
    page_size: u32,
) -> Result<(Vec<(MachineId, String, String)>, u64)> {
    store::page_of_names(tx, q, page, page_size).await
}

/// Codes by id.
pub(crate) async fn codes(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, String>> {
    store::codes(tx, ids).await
}

/// Driver, physical cores and memory in bytes, as the agent found them.
pub(crate) async fn hardware_of(tx: &mut Tx, id: MachineId) -> Result<(Option<String>, Option<u32>, Option<u64>)> {
    let found = store::discovered_of(tx, id).await?;
    Ok(found.map(|found| (found.driver_version, found.cpu_cores, found.memory_bytes)).unwrap_or_default())
}

/// The id behind a code, when the transaction's caller may see the machine.
pub(crate) async fn id_in_tx(tx: &mut Tx, code: &str) -> Result<Option<MachineId>> {
    store::id_of(tx, code).await
}

/// The ids of all that have or had this code, of those that the transaction's caller may find.
pub(crate) async fn ids_ever_in_tx(tx: &mut Tx, code: &str) -> Result<Vec<i64>> {
    store::ids_ever_of(tx, code).await
}

/// Which of these codes are, or were, of a machine that the transaction's caller may find.
pub(crate) async fn known_codes(tx: &mut Tx, codes: &[String]) -> Result<HashSet<String>> {
    Ok(store::known_codes(tx, codes).await?.into_iter().collect())
}

/// A machine for the customer who has it: without what staff note for themselves.
pub(crate) async fn for_customer(
    platform: &Platform,
    tx: &mut Tx,
    code: &str,
    now: DateTime<Utc>,
) -> Result<MachineView> {
    let (_, mut view) = store::view(tx, code, now).await?.ok_or_else(Error::not_found)?;
    view.remark = None;
    view.agent_version = None;
    view.service_note = None;
    view.connection = None;
    view.differences.clear();
    platform.live().freshen(&mut view.last_seen_at, &mut view.presence, &view.id, now);
    Ok(view)
}

/// How the host is reached, without its secret, for the customer who has the machine.
pub(crate) async fn ssh_access(tx: &mut Tx, code: &str, now: DateTime<Utc>) -> Result<SshAccess> {
    let (_, view) = store::view(tx, code, now).await?.ok_or_else(Error::not_found)?;
    let known = view.connection.unwrap_or_default();
    let user = known.keys.as_ref().map(|keys| keys.account.clone()).or(known.user);
    let access = SshAccess::new(view.public_address.or(view.private_address), known.port, user);
    let keys_hindered = known.keys.as_ref().is_some_and(|keys| keys.fault.is_some());
    Ok(SshAccess { keys_by_agent: known.keys.is_some(), keys_hindered, ..access })
}

/// The same of several, by their codes.
pub(crate) async fn ssh_access_of(tx: &mut Tx, codes: &[String]) -> Result<HashMap<String, SshAccess>> {
    store::ssh_access_of(tx, codes).await
}

/// Maintenance that is planned or running, by machine, the next first, of those the transaction's caller may see.
pub(crate) async fn maintenance_of(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, Vec<MaintenanceView>>> {
    let mut windows: HashMap<i64, Vec<MaintenanceView>> = HashMap::new();
    for (machine, window) in store::windows(tx, ids).await? {
        windows.entry(machine).or_default().push(window);
    }
    Ok(windows)
}

/// Whether who has it may have it longer: not while it is drained or retired.
pub(crate) async fn takes_renewals(tx: &mut Tx, id: MachineId) -> Result<bool> {
    Ok(!matches!(store::service_state_of(tx, id).await?, ServiceState::Draining | ServiceState::Retired))
}

/// Where the staff's decision about each of these stands.
pub(crate) async fn service_states(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, ServiceState>> {
    store::service_states(tx, ids).await
}

/// The id behind a code, locked for this transaction.
pub(crate) async fn lock_in_tx(tx: &mut Tx, code: &str) -> Result<Option<MachineId>> {
    store::lock(tx, code).await
}

/// Machines that could be lent as they stand, whoever has them: id and code.
pub(crate) async fn lendable(tx: &mut Tx) -> Result<Vec<(MachineId, String)>> {
    store::lendable(tx).await
}

/// Keeps the machine as it is for this transaction.
pub(crate) async fn lock_for_lease(tx: &mut Tx, code: &str) -> Result<Option<allocations::LeaseMachine>> {
    store::lock_for_lease(tx, code).await
}

/// Adds a machine. Without a code it gets the next `host-NNN`.
pub async fn create(platform: &Platform, ctx: &OpContext, machine: MachineCreate) -> Result<MachineView> {
    let mut tx = platform.db().begin(ctx).await?;
    let ctx = &ctx.trying_new("machines:create", "machine");
    let granted = ctx.authorize(CreateMachine, &Fleet)?;
    let machine = check::create(machine)?;
    let code = match &machine.id {
        Some(code) => code.clone(),
        None => store::next_code(&mut tx).await?,
    };
    store::insert(&mut tx, &granted, &code, &machine).await?;
    let (_, view) = store::view(&mut tx, &code, ctx.now()).await?.ok_or_else(Error::not_found)?;
    audit::record_in_tx(&mut tx, ctx, entry("machines:create", &code, None, Some(facts(&view)))).await?;
    tx.commit().await?;
    platform.live().forget_catalog();
    Ok(view)
}

/// Replaces what may change about a machine.
///
/// # Errors
/// `Conflict` when somebody changed it after the revision the caller read.
pub async fn update(platform: &Platform, ctx: &OpContext, code: &str, change: MachineUpdate) -> Result<MachineView> {
    let ctx = &ctx.trying(attempt("machines:update", code));
    ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let id = store::lock(&mut tx, code).await?.ok_or_else(Error::not_found)?;
    let granted = ctx.authorize(UpdateMachine, &resource(id))?;
    let (_, before) = store::view(&mut tx, code, ctx.now()).await?.ok_or_else(Error::not_found)?;
    let change = check::update(change)?;
    if change.revision.is_some_and(|revision| revision != before.revision) {
        return Err(Error::new(ErrorCode::Conflict).with_key("error-machine-changed"));
    }
    // Whoever has a whole machine has it to the end: others are let on it after that.
    if change.pool.is_some_and(|pool| pool != before.pool) {
        allocations::refuse_if_held(platform, ctx, &mut tx, id).await?;
        instances::refuse_if_used(&mut tx, id).await?;
    }
    store::update(&mut tx, &granted, &change).await?;
    let (_, mut after) = store::view(&mut tx, code, ctx.now()).await?.ok_or_else(Error::not_found)?;
    let entry = entry("machines:update", code, Some(facts(&before)), Some(facts(&after)));
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    platform.live().forget_catalog();
    platform.live().freshen(&mut after.last_seen_at, &mut after.presence, &after.id, ctx.now());
    Ok(after)
}

/// What the audit log keeps of a machine: what people decide, not what agents measure.
fn facts(view: &MachineView) -> serde_json::Value {
    let mut facts = import::decided(&import::Written::of(view));
    facts["serviceState"] = serde_json::json!(view.service_state);
    facts["serviceNote"] = serde_json::json!(view.service_note);
    facts
}

/// What somebody tries with a machine. What is no code at all is nothing that the log keeps.
pub(crate) fn attempt(action: &'static str, code: &str) -> audit::Entry {
    let code = contract::machines::is_valid_code(code).then(|| code.to_owned());
    audit::Entry::attempt(action, "machine", code)
}

fn entry(
    action: &'static str,
    code: &str,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
) -> audit::Entry {
    audit::Entry { action, target_kind: "machine", target_id: Some(code.to_owned()), customer: None, before, after }
}

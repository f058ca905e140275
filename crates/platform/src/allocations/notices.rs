//! What the people of a customer are told about its machines.

use chrono::{DateTime, Utc};
use contract::allocations::{AllocationState, RenewalState, WaitReason};
use contract::machines::{MaintenanceState, MaintenanceView};
use contract::notifications::NotificationKind;
use contract::{AllocationId, CustomerId, MachineId, Permission, UserId};

use super::store;
use crate::db::Tx;
use crate::notifications::{self, Notice, Value};
use crate::{OpContext, Platform, Result, accounts, customers, machines};

/// A machine is theirs: now, or from its day on.
pub(super) async fn given(platform: &Platform, tx: &mut Tx, ctx: &OpContext, row: &store::Row) -> Result<()> {
    let begins = if row.state == AllocationState::Scheduled { "later" } else { "now" };
    let args = vec![
        ("begins", Value::Text(begins.to_owned())),
        ("startsAt", Value::Time(row.starts_at)),
        ("endsAt", Value::Time(row.ends_at)),
    ];
    tell(platform, tx, ctx, everybody(row), NotificationKind::AllocationGiven, args).await
}

/// Its time has come and the machine is out of service or not free: told to who was to have it, and to those who may do
/// something about it.
pub(super) async fn waits(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &store::Row,
    why: WaitReason,
) -> Result<()> {
    let args = vec![
        ("state", Value::Text(why.code().to_owned())),
        ("startsAt", Value::Time(row.starts_at)),
        ("endsAt", Value::Time(row.ends_at)),
    ];
    tell(platform, tx, ctx, everybody(row), NotificationKind::AllocationDelayed, args).await?;
    let args = vec![("startsAt", Value::Time(row.starts_at)), ("state", Value::Text(why.code().to_owned()))];
    let (people, notice) = for_staff(platform, tx, ctx, row, NotificationKind::AllocationWaits, args).await?;
    notifications::notify_in_tx(platform, tx, ctx, &people, &notice).await
}

/// The end was moved by staff, whom nobody had asked.
pub(super) async fn moved(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    before: &store::Row,
    after: &store::Row,
) -> Result<()> {
    let change = if after.ends_at < before.ends_at { "earlier" } else { "later" };
    let args = vec![("change", Value::Text(change.to_owned())), ("endsAt", Value::Time(after.ends_at))];
    tell(platform, tx, ctx, everybody(after), NotificationKind::AllocationRenewed, args).await
}

/// The period is over; what is there can be read until the grace is.
pub(super) async fn grace(platform: &Platform, tx: &mut Tx, ctx: &OpContext, row: &store::Row) -> Result<()> {
    let args = vec![("endsAt", Value::Time(row.grace_ends_at()))];
    tell(platform, tx, ctx, everybody(row), NotificationKind::AllocationGrace, args).await
}

/// It is taken back, or does not begin.
pub(super) async fn taken_back(platform: &Platform, tx: &mut Tx, ctx: &OpContext, row: &store::Row) -> Result<()> {
    let change = if row.state == AllocationState::Scheduled { "cancelled" } else { "reclaimed" };
    let args = vec![("change", Value::Text(change.to_owned())), ("startsAt", Value::Time(row.starts_at))];
    tell(platform, tx, ctx, everybody(row), NotificationKind::AllocationReclaimed, args).await
}

/// The time runs out.
pub(super) async fn ending(platform: &Platform, tx: &mut Tx, ctx: &OpContext, row: &store::Row) -> Result<()> {
    let args = vec![("endsAt", Value::Time(row.ends_at))];
    tell(platform, tx, ctx, everybody(row), NotificationKind::AllocationEnding, args).await
}

/// A customer asks for more time: told to those who may answer.
pub(super) async fn wished(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &store::Row,
    wanted: DateTime<Utc>,
) -> Result<()> {
    let (people, notice) = wish(platform, tx, ctx, row, (wanted, "open")).await?;
    notifications::notify_in_tx(platform, tx, ctx, &people, &notice).await
}

/// It is asked for anew, so soon that what those who may answer were told of it says so. Who reads of it outside of the product
/// read there that it was taken back, and reads there that it was not.
pub(super) async fn wished_again(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &store::Row,
    wanted: DateTime<Utc>,
) -> Result<()> {
    let (people, notice) = wish(platform, tx, ctx, row, (wanted, "open")).await?;
    notifications::amend_in_tx(tx, &people, &notice, None).await?;
    notifications::notify_outside_in_tx(platform, tx, ctx, &people, &notice).await
}

/// Who asked takes it back. That stands in what those who may answer were told of it, and goes to them by every other way by
/// which they were asked.
pub(super) async fn wish_withdrawn(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &store::Row,
    wanted: DateTime<Utc>,
) -> Result<()> {
    amend_wish(tx, row.id, vec![stand("withdrawn")], None).await?;
    let (people, notice) = wish(platform, tx, ctx, row, (wanted, "withdrawn")).await?;
    notifications::notify_outside_in_tx(platform, tx, ctx, &people, &notice).await
}

/// It was closed with its lease, and nobody has to answer it any more.
pub(super) async fn wish_lapsed(tx: &mut Tx, id: AllocationId) -> Result<()> {
    amend_wish(tx, id, vec![stand("lapsed")], None).await
}

/// Somebody answered it: what the others were told of it says who and how, and leads nobody to it any more.
pub(super) async fn wish_answered(
    tx: &mut Tx,
    ctx: &OpContext,
    id: AllocationId,
    state: RenewalState,
    until: Option<DateTime<Utc>>,
) -> Result<()> {
    let mut args = vec![stand(state.code()), ("answeredBy", notifications::by(ctx))];
    args.extend(until.map(|until| ("grantedUntil", Value::Time(until))));
    amend_wish(tx, id, args, Some(ctx.now())).await
}

/// Who may answer, and what they are told of the wish and of how it stands.
async fn wish(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &store::Row,
    (wanted, how): (DateTime<Utc>, &'static str),
) -> Result<(Vec<UserId>, Notice)> {
    let more = vec![("endsAt", Value::Time(wanted)), ("by", notifications::by(ctx)), stand(how)];
    for_staff(platform, tx, ctx, row, NotificationKind::RenewalRequested, more).await
}

/// Those who may do something about a lease, and what they are told of it: with whose it is.
async fn for_staff(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &store::Row,
    kind: NotificationKind,
    more: Vec<(&'static str, Value)>,
) -> Result<(Vec<UserId>, Notice)> {
    let brief = machines::briefs(platform, tx, &[row.machine.0], ctx.now()).await?;
    let names = customers::names(tx, &[row.customer.0]).await?;
    let mut args = vec![
        ("machine", Value::Text(brief.get(&row.machine.0).cloned().unwrap_or_default().name)),
        ("customer", Value::Text(names.get(&row.customer.0).cloned().unwrap_or_default())),
    ];
    args.extend(more);
    let link = Some(format!("/admin/allocations/{}", row.id));
    let people = accounts::holders(tx, Permission::AllocationsUpdate).await?;
    Ok((people, Notice { kind, args, link }))
}

fn stand(how: &'static str) -> (&'static str, Value) {
    ("stand", Value::Text(how.to_owned()))
}

async fn amend_wish(
    tx: &mut Tx,
    id: AllocationId,
    args: Vec<(&'static str, Value)>,
    read_at: Option<DateTime<Utc>>,
) -> Result<()> {
    let people = accounts::holders(tx, Permission::AllocationsUpdate).await?;
    let link = Some(format!("/admin/allocations/{id}"));
    let notice = Notice { kind: NotificationKind::RenewalRequested, args, link };
    notifications::amend_in_tx(tx, &people, &notice, read_at).await
}

/// A wish for more time was answered: the new end, or the word with which it was refused.
pub(super) async fn decided(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &store::Row,
    refusal: Option<&str>,
) -> Result<()> {
    let answer = if refusal.is_some() { "refused" } else { "granted" };
    let args = vec![
        ("answer", Value::Text(answer.to_owned())),
        ("endsAt", Value::Time(row.ends_at)),
        ("word", Value::Text(refusal.unwrap_or_default().to_owned())),
    ];
    // Owners ask for more time.
    let whom = Whom { customer: row.customer, machine: row.machine, owners_only: true };
    tell(platform, tx, ctx, whom, NotificationKind::RenewalDecided, args).await
}

/// Staff ended somebody's way onto it: told to who was on it and to the customer's owners, with the reason.
pub(super) async fn access_ended(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &store::VisitRow,
    reason: &str,
) -> Result<()> {
    let owners = customers::people(tx, row.customer, true).await?;
    let people = customers::people(tx, row.customer, false).await?;
    let told: Vec<UserId> = people.into_iter().filter(|it| *it == row.user || owners.contains(it)).collect();
    let brief = machines::briefs(platform, tx, &[row.machine.0], ctx.now()).await?;
    let args = vec![
        ("what", Value::Text("machine".to_owned())),
        ("machine", Value::Text(brief.get(&row.machine.0).cloned().unwrap_or_default().name)),
        ("word", Value::Text(reason.to_owned())),
    ];
    let link = Some(format!("/machines/{}", row.machine_code));
    let notice = Notice { kind: NotificationKind::AccessEnded, args, link };
    notifications::notify_in_tx(platform, tx, ctx, &told, &notice).await
}

/// A machine will be out: told to those who have it then.
pub(crate) async fn maintenance(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    machine: MachineId,
    (starts_at, ends_at): (DateTime<Utc>, DateTime<Utc>),
    word: &str,
) -> Result<()> {
    let word = Value::Text(word.to_owned());
    let args = vec![("startsAt", Value::Time(starts_at)), ("endsAt", Value::Time(ends_at)), ("word", word)];
    let about = (machine, (starts_at, ends_at));
    tell_those_between(platform, tx, ctx, about, NotificationKind::MaintenancePlanned, args).await
}

/// A maintenance they were told of does not come, or is over before its time.
pub(crate) async fn maintenance_off(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    machine: MachineId,
    window: &MaintenanceView,
) -> Result<()> {
    // Its begin may not have been noted yet.
    let has_begun = window.state == MaintenanceState::Active || window.starts_at <= ctx.now();
    let change = if has_begun { "over" } else { "off" };
    cancelled(platform, tx, ctx, machine, (window.starts_at, window.ends_at), change).await
}

/// The time of a maintenance went by without it.
pub(crate) async fn maintenance_missed(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    machine: MachineId,
    period: (DateTime<Utc>, DateTime<Utc>),
) -> Result<()> {
    cancelled(platform, tx, ctx, machine, period, "off").await
}

async fn cancelled(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    machine: MachineId,
    (starts_at, ends_at): (DateTime<Utc>, DateTime<Utc>),
    change: &str,
) -> Result<()> {
    let change = Value::Text(change.to_owned());
    let args = vec![("change", change), ("startsAt", Value::Time(starts_at)), ("endsAt", Value::Time(ends_at))];
    let about = (machine, (starts_at, ends_at));
    tell_those_between(platform, tx, ctx, about, NotificationKind::MaintenanceCancelled, args).await
}

/// A maintenance begins: told to those who have the machine while it lasts, also to who got it after it was planned.
pub(crate) async fn maintenance_begun(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    machine: MachineId,
    (starts_at, ends_at): (DateTime<Utc>, DateTime<Utc>),
    word: &str,
) -> Result<()> {
    let args = vec![("endsAt", Value::Time(ends_at)), ("word", Value::Text(word.to_owned()))];
    let about = (machine, (starts_at, ends_at));
    tell_those_between(platform, tx, ctx, about, NotificationKind::MaintenanceBegun, args).await
}

/// A maintenance has run its time: told to those of them who still have the machine, or get it.
pub(crate) async fn maintenance_over(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    machine: MachineId,
    (starts_at, ends_at): (DateTime<Utc>, DateTime<Utc>),
) -> Result<()> {
    let args = vec![("startsAt", Value::Time(starts_at)), ("endsAt", Value::Time(ends_at))];
    let about = (machine, (starts_at, ends_at));
    tell_those_between(platform, tx, ctx, about, NotificationKind::MaintenanceOver, args).await
}

/// Tells all people of everybody who has the machine in this time.
async fn tell_those_between(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    (machine, (from, until)): (MachineId, (DateTime<Utc>, DateTime<Utc>)),
    kind: NotificationKind,
    args: Vec<(&'static str, Value)>,
) -> Result<()> {
    for customer in store::customers_between(tx, machine, from, until).await? {
        let whom = Whom { customer, machine, owners_only: false };
        tell(platform, tx, ctx, whom, kind, args.clone()).await?;
    }
    Ok(())
}

/// All people of who has it, or had it.
fn everybody(row: &store::Row) -> Whom {
    Whom { customer: row.customer, machine: row.machine, owners_only: false }
}

/// Which people of which customer, about which machine.
struct Whom {
    customer: CustomerId,
    machine: MachineId,
    owners_only: bool,
}

async fn tell(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    whom: Whom,
    kind: NotificationKind,
    mut args: Vec<(&'static str, Value)>,
) -> Result<()> {
    let brief = machines::briefs(platform, tx, &[whom.machine.0], ctx.now()).await?;
    let brief = brief.get(&whom.machine.0).cloned().unwrap_or_default();
    args.push(("machine", Value::Text(brief.name)));
    // For staff, who read of many.
    let names = customers::names(tx, &[whom.customer.0]).await?;
    args.push(("customer", Value::Text(names.get(&whom.customer.0).cloned().unwrap_or_default())));
    let people = customers::people(tx, whom.customer, whom.owners_only).await?;
    // Where the customer's portal shows it, also when it is over.
    let notice = Notice { kind, args, link: Some(format!("/machines/{}", brief.code)) };
    notifications::notify_in_tx(platform, tx, ctx, &people, &notice).await
}

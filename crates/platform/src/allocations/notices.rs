//! What the people of a customer are told about its machines.

use chrono::{DateTime, Utc};
use contract::notifications::NotificationKind;
use contract::{CustomerId, MachineId};

use super::store;
use crate::db::Tx;
use crate::notifications::{self, Notice, Value};
use crate::{OpContext, Platform, Result, customers, machines};

/// The time runs out.
pub(super) async fn ending(platform: &Platform, tx: &mut Tx, ctx: &OpContext, row: &store::Row) -> Result<()> {
    let args = vec![("endsAt", Value::Time(row.ends_at))];
    let whom = Whom { customer: row.customer, machine: row.machine, owners_only: false };
    tell(platform, tx, ctx, whom, NotificationKind::AllocationEnding, args).await
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

/// A machine will be out: told to those who have it then.
pub(crate) async fn maintenance(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    machine: MachineId,
    (starts_at, ends_at): (DateTime<Utc>, DateTime<Utc>),
    word: &str,
) -> Result<()> {
    for customer in store::customers_between(tx, machine, starts_at, ends_at).await? {
        let args = vec![
            ("startsAt", Value::Time(starts_at)),
            ("endsAt", Value::Time(ends_at)),
            ("word", Value::Text(word.to_owned())),
        ];
        let whom = Whom { customer, machine, owners_only: false };
        tell(platform, tx, ctx, whom, NotificationKind::MaintenancePlanned, args).await?;
    }
    Ok(())
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
    // Where the customer's portal shows it.
    let notice = Notice { kind, args, link: Some(format!("/machines/{}", brief.code)) };
    notifications::notify_in_tx(platform, tx, ctx, &people, &notice).await
}

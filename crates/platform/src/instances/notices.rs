//! Who is told of instances.

use chrono::{DateTime, Utc};
use contract::access::RecordingEnding;
use contract::instances::InstanceAction;
use contract::notifications::NotificationKind;
use contract::{CustomerId, Permission, UserId};

use super::data;
use super::store::Row;
use crate::db::Tx;
use crate::notifications::{self, Notice, Value};
use crate::{OpContext, Platform, Result, accounts, customers};

/// Whose it is, while they belong to its customer, and those who run the platform: its share of a GPU is not kept.
pub(super) async fn share_broken(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &Row,
    staff: &[UserId],
) -> Result<()> {
    with_staff(platform, tx, ctx, row, (staff, "split")).await
}

/// The same of what was `made` of it.
async fn with_staff(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &Row,
    (staff, made): (&[UserId], &'static str),
) -> Result<()> {
    let people = customers::people(tx, row.customer, false).await?;
    let own: Vec<UserId> = people.into_iter().filter(|person| *person == row.owner).collect();
    let others: Vec<UserId> = staff.iter().copied().filter(|person| !own.contains(person)).collect();
    for (people, link) in [(own, format!("/instances/{}", row.id)), (others, format!("/admin/instances/{}", row.id))] {
        let notice = Notice {
            kind: NotificationKind::InstanceFailed,
            args: vec![
                ("instance", Value::Text(row.name.clone())),
                ("machine", Value::Text(row.machine_name.clone())),
                ("made", Value::Text(made.to_owned())),
            ],
            link: Some(link),
        };
        notifications::notify_in_tx(platform, tx, ctx, &people, &notice).await?;
    }
    Ok(())
}

/// Whose it is, while they belong to its customer; that its data disk is gone, those who run the platform, too: they may know
/// who took it away.
pub(super) async fn failed(platform: &Platform, tx: &mut Tx, ctx: &OpContext, row: &Row) -> Result<()> {
    if row.failure.as_deref() == Some(data::GONE) {
        let staff = accounts::holders(tx, Permission::InstancesOperate).await?;
        return with_staff(platform, tx, ctx, row, (&staff, data::GONE)).await;
    }
    let made = if row.made_at.is_some() { "yes" } else { "no" };
    let args = vec![("made", Value::Text(made.to_owned()))];
    tell_owner(platform, tx, ctx, row, (NotificationKind::InstanceFailed, args)).await
}

/// The same, that its container was taken away at the machine and is made anew: what was written in it went with it.
pub(super) async fn made_again(platform: &Platform, tx: &mut Tx, ctx: &OpContext, row: &Row) -> Result<()> {
    let args = vec![("made", Value::Text("again".to_owned()))];
    tell_owner(platform, tx, ctx, row, (NotificationKind::InstanceFailed, args)).await
}

/// The same, that its machine goes on with another engine, and what it has there (`made`).
pub(super) async fn engine_left(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &Row,
    made: &'static str,
) -> Result<()> {
    let args = vec![("made", Value::Text(made.to_owned()))];
    tell_owner(platform, tx, ctx, row, (NotificationKind::InstanceFailed, args)).await
}

/// The same of what staff did with it, and why.
pub(super) async fn acted(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &Row,
    (action, reason): (InstanceAction, &str),
) -> Result<()> {
    let args = vec![("action", Value::Text(action.code().to_owned())), ("word", Value::Text(reason.to_owned()))];
    tell_owner(platform, tx, ctx, row, (NotificationKind::InstanceActed, args)).await
}

/// Whose it is, and who was in it, that staff ended an access to it or took the link of an application (`app`) away, and why.
pub(super) async fn access_ended(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &Row,
    person: Option<UserId>,
    (what, app, reason): (&str, &str, &str),
) -> Result<()> {
    let people = customers::people(tx, row.customer, false).await?;
    let told: Vec<UserId> = people.into_iter().filter(|it| *it == row.owner || Some(*it) == person).collect();
    let args = [
        ("what", what),
        ("instance", row.name.as_str()),
        ("machine", row.machine_name.as_str()),
        ("app", app),
        ("word", reason),
    ];
    let notice = Notice {
        kind: NotificationKind::AccessEnded,
        args: Vec::from(args.map(|(name, text)| (name, Value::Text(text.to_owned())))),
        link: Some(format!("/instances/{}", row.id)),
    };
    notifications::notify_in_tx(platform, tx, ctx, &told, &notice).await
}

/// Whose it is, of how full its disks are: nearly, wholly, or that it is stopped for it then, or was.
pub(super) async fn disks(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &Row,
    (made, percent, stops_at): (&'static str, u64, Option<DateTime<Utc>>),
) -> Result<()> {
    let mut args = vec![("made", Value::Text(made.to_owned())), ("percent", Value::Text(percent.to_string()))];
    args.extend(stops_at.map(|at| ("stopsAt", Value::Time(at))));
    tell_owner(platform, tx, ctx, row, (NotificationKind::InstanceFailed, args)).await
}

async fn tell_owner(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &Row,
    (kind, more): (NotificationKind, Vec<(&'static str, Value)>),
) -> Result<()> {
    let people = customers::people(tx, row.customer, false).await?;
    if !people.contains(&row.owner) {
        return Ok(());
    }
    let mut args =
        vec![("instance", Value::Text(row.name.clone())), ("machine", Value::Text(row.machine_name.clone()))];
    args.extend(more);
    let notice = Notice { kind, args, link: Some(format!("/instances/{}", row.id)) };
    notifications::notify_in_tx(platform, tx, ctx, &[row.owner], &notice).await
}

/// Whoever looks after instances, that a customer's sessions cannot be recorded any more, why, and whether they are ended.
pub(super) async fn recording_stopped(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    (customer, why, ends): (CustomerId, RecordingEnding, bool),
) -> Result<()> {
    let people = accounts::holders(tx, Permission::InstancesOperate).await?;
    let name = customers::names(tx, &[customer.0]).await?.remove(&customer.0).unwrap_or_default();
    let then = if ends { "ended" } else { "unrecorded" };
    let notice = Notice {
        kind: NotificationKind::RecordingStopped,
        args: vec![
            ("customer", Value::Text(name)),
            ("why", Value::Text(why.code().to_owned())),
            ("then", Value::Text(then.to_owned())),
        ],
        link: Some("/admin/instances/access/recordings".to_owned()),
    };
    notifications::notify_in_tx(platform, tx, ctx, &people, &notice).await
}

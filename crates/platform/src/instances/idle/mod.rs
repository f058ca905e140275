//! Instances that nobody uses: looked at each minute, warned of, kept by who says why, and stopped.
//!
//! Invariants: nothing is stopped without evidence, nor before its people had their warning for as long as is set; time in
//! which nobody could look counts as use; each look is one transaction under the lock of the instance, so that it does not
//! matter which server looks or where it dies.

mod evidence;
mod judge;

use chrono::{DateTime, TimeDelta, Utc};
use contract::instances::{IdleKeep, InstanceIdle, InstanceKeep, InstanceState, InstanceView};
use contract::notifications::NotificationKind;
use contract::quotas::IdlePolicy;
use contract::{CustomerId, ErrorCode, InstanceId};
use futures_util::{StreamExt as _, stream};
use serde_json::json;

use self::evidence::Thresholds;
pub(super) use self::judge::{Idle, Kept};
use self::judge::{Next, Rule};
use super::store::{self, Row};
use super::{entry, halt, own_row, system, views, worker};
use crate::authz::{CustomerRef, ManageCustomer, ManageOwnInstance, UpdateCustomer};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::notifications::{Notice, Value, notify_in_tx};
use crate::settings::IdleSettings;
use crate::{Error, OpContext, Platform, Result, audit, customers, settings};

/// Instances that are looked at at a time: engines may take their time.
const AT_ONCE: usize = 8;
/// Longest time without use that can be set, hours.
const MAX_HOURS: u32 = 720;

/// Nothing where it is never idle.
fn rule(set: &IdleSettings, own: Option<u32>) -> Rule {
    let hours = own.unwrap_or(set.after_hours);
    Rule { after: (hours > 0).then(|| TimeDelta::hours(hours.into())), warning: set.warning }
}

/// The job: looks at whatever runs and may be idle.
///
/// # Errors
/// When the database is away; what one of them cannot be done for does not hold up the others.
pub async fn watch(platform: &Platform) -> Result<()> {
    let ctx = worker(platform);
    let set = settings::idle(platform).await;
    let mut tx = platform.db().begin(&ctx).await?;
    let policies = store::idle_policies(&mut tx).await?;
    let running = store::all_running(&mut tx).await?;
    tx.commit().await?;
    let watched = running.into_iter().filter_map(|(id, customer)| {
        let rule = rule(&set, policies.get(&customer).copied());
        rule.after.is_some().then_some((id, rule))
    });
    let set = &set;
    let looks = stream::iter(watched).map(|(id, rule)| async move { (id, one(platform, id, rule, set).await) });
    let mut looks = looks.buffer_unordered(AT_ONCE);
    while let Some((id, looked)) = looks.next().await {
        if let Err(error) = looked {
            tracing::warn!(instance = id.0, %error, "whether an instance is used could not be looked at");
        }
    }
    Ok(())
}

async fn one(platform: &Platform, id: InstanceId, rule: Rule, set: &IdleSettings) -> Result<()> {
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let found = store::find(&mut tx, id).await?;
    let before = store::idle_of(&mut tx, &[id.0]).await?.remove(&id);
    tx.commit().await?;
    let Some(row) = found.filter(|row| row.state() == InstanceState::Running) else { return Ok(()) };
    let run = row.started_at.unwrap_or(row.created_at);
    let counters = before.filter(|before| before.run == run).and_then(|before| before.counters);
    let thresholds = Thresholds { gpu: set.gpu_percent, cpu: set.cpu_percent };
    let seen = evidence::look(platform, &ctx, &row, counters.as_ref(), thresholds).await?;

    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let Some(row) = store::lock(&mut tx, id).await? else { return Ok(()) };
    // Another run, or another wish: what was seen is not of it.
    if row.state() != InstanceState::Running || row.started_at.unwrap_or(row.created_at) != run {
        return Ok(());
    }
    let before = store::idle_of(&mut tx, &[id.0]).await?.remove(&id);
    // Another server looked meanwhile.
    if before.as_ref().is_some_and(|before| before.looked_at > ctx.now()) {
        return Ok(());
    }
    let mut idle = Idle::after(before.as_ref(), run, seen, ctx.now());
    let next = idle.next(rule, ctx.now());
    store::save_idle(&mut tx, id, &idle).await?;
    match next {
        Next::Nothing => {}
        Next::Warn => tell(platform, &mut tx, &ctx, &row, &idle, idle.stops_at(rule, ctx.now())).await?,
        Next::Stop => {
            let detail = idle.active_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            if halt::halt_in_tx(&mut tx, &ctx, &row, ("idle", &detail)).await? {
                tell(platform, &mut tx, &ctx, &row, &idle, None).await?;
            }
        }
    }
    tx.commit().await?;
    if next == Next::Stop {
        platform.bell().notify_one();
    }
    Ok(())
}

/// Whose it is, while they belong to its customer; without a time it was stopped.
async fn tell(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    row: &Row,
    idle: &Idle,
    stops_at: Option<DateTime<Utc>>,
) -> Result<()> {
    let people = customers::people(tx, row.customer, false).await?;
    if !people.contains(&row.owner) {
        return Ok(());
    }
    let state = if stops_at.is_some() { "warned" } else { "stopped" };
    let notice = Notice {
        kind: NotificationKind::InstanceIdle,
        args: vec![
            ("instance", Value::Text(row.name.clone())),
            ("since", Value::Time(idle.active_at)),
            ("state", Value::Text(state.to_owned())),
            ("stopsAt", Value::Time(stops_at.unwrap_or(ctx.now()))),
        ],
        link: Some(format!("/instances/{}#idle", row.id)),
    };
    notify_in_tx(platform, tx, ctx, &[row.owner], &notice).await
}

/// Keeps an instance that is not used for some hours from now on: it is not warned of or stopped before that. Its customer
/// reads why.
///
/// # Errors
/// `NotFound` where there is none, `Forbidden` for one that is another person's, `Validation` for too long a time or without
/// a reason, `WrongState` for one that does not run or that nobody stops.
pub async fn keep(platform: &Platform, ctx: &OpContext, id: InstanceId, body: InstanceKeep) -> Result<InstanceView> {
    let tried = ctx.trying_on("instances:keep", "instance", id);
    let row = own_row(platform, &tried, id).await?;
    tried.authorize(ManageOwnInstance, &row.own())?;
    let set = settings::idle(platform).await;
    let mut wrong = Wrong::new();
    if !(1..=set.keep_hours).contains(&body.hours) {
        let args = vec![("min", "1".to_owned()), ("max", set.keep_hours.to_string())];
        wrong.add_with("hours", "field-number-range", args);
    }
    let because = wrong.required("because", body.because, 1000);
    wrong.into_result()?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let row = store::lock(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    if row.state() != InstanceState::Running {
        return Err(Error::new(ErrorCode::WrongState)
            .with_key("error-instance-state")
            .with_arg("state", row.state().code()));
    }
    let own = store::idle_policies(&mut tx).await?.get(&row.customer).copied();
    if rule(&set, own).after.is_none() {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-instance-not-watched"));
    }
    let run = row.started_at.unwrap_or(row.created_at);
    let before = store::idle_of(&mut tx, &[id.0]).await?.remove(&id).filter(|before| before.run == run);
    let mut idle = before.unwrap_or_else(|| Idle::new(run, ctx.now()));
    let by = ctx.user().map_or("", |user| user.display_name.as_str()).to_owned();
    let until = ctx.now() + TimeDelta::hours(body.hours.into());
    idle.kept = Some(Kept { at: ctx.now(), until, by, because: because.clone() });
    idle.warned_at = None;
    store::save_idle(&mut tx, id, &idle).await?;
    let after = json!({ "name": row.name, "hours": body.hours, "until": until, "because": because });
    audit::record_in_tx(&mut tx, ctx, entry("instances:keep", &row, None, Some(after))).await?;
    tx.commit().await?;
    views::one(platform, ctx, row).await
}

/// Says of views whether they are used, where somebody looks.
pub(super) async fn fill(
    platform: &Platform,
    tx: &mut Tx,
    now: DateTime<Utc>,
    views: &mut [InstanceView],
) -> Result<()> {
    let running: Vec<i64> =
        views.iter().filter(|view| view.state == InstanceState::Running).map(|view| view.id.0).collect();
    if running.is_empty() {
        return Ok(());
    }
    let set = settings::idle(platform).await;
    let policies = store::idle_policies(tx).await?;
    let known = store::idle_of(tx, &running).await?;
    for view in views {
        let rule = rule(&set, policies.get(&view.customer_id).copied());
        let Some(after) = rule.after else { continue };
        let Some(idle) = known.get(&view.id).filter(|idle| Some(idle.run) == view.started_at) else { continue };
        view.idle = Some(InstanceIdle {
            since: idle.active_at,
            looked_at: idle.looked_at,
            unknown: idle.unknown,
            gpu_percent: idle.gpu_percent,
            gpu_memory_bytes: idle.gpu_memory.map(i64::unsigned_abs),
            cpu_percent: idle.cpu_percent,
            threshold_percent: if view.spec.gpu_count > 0 { set.gpu_percent } else { set.cpu_percent },
            after_hours: u32::try_from(after.num_hours()).unwrap_or(u32::MAX),
            warned_at: idle.warned_at,
            stops_at: idle.stops_at(rule, now).filter(|_| idle.unknown.is_none()),
            kept: idle.kept.clone().filter(|kept| kept.until > now).map(|kept| IdleKeep {
                until: kept.until,
                by: kept.by,
                because: kept.because,
            }),
            keep_at_most: set.keep_hours,
        });
    }
    Ok(())
}

fn customer(id: CustomerId) -> CustomerRef {
    CustomerRef { customer: Some(id), ..CustomerRef::of_platform(id) }
}

/// After how long a customer's instances are idle, for staff.
///
/// # Errors
/// `NotFound` where there is no such customer.
pub async fn idle_policy(platform: &Platform, ctx: &OpContext, id: CustomerId) -> Result<IdlePolicy> {
    let mut tx = platform.db().begin(ctx).await?;
    ctx.authorize(ManageCustomer, &customer(id))?;
    customers::exists_in_tx(&mut tx, id).await?;
    let own = store::idle_policies(&mut tx).await?.get(&id).copied();
    tx.commit().await?;
    Ok(IdlePolicy { after_hours: own, usual_hours: settings::idle(platform).await.after_hours })
}

/// Sets it: nothing is as for everybody, 0 is never.
///
/// # Errors
/// `NotFound` where there is no such customer, `Validation` for too long a time.
pub async fn set_idle_policy(
    platform: &Platform,
    ctx: &OpContext,
    id: CustomerId,
    after_hours: Option<u32>,
) -> Result<IdlePolicy> {
    let ctx = &ctx.trying_on("customers:set-idle", "customer", id);
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(UpdateCustomer, &customer(id))?;
    customers::lock_present(&mut tx, id).await?;
    let mut wrong = Wrong::new();
    wrong.number("afterHours", after_hours, MAX_HOURS);
    wrong.into_result()?;
    let before = store::idle_policies(&mut tx).await?.get(&id).copied();
    store::set_idle_policy(&mut tx, &granted, after_hours).await?;
    let fact = |hours: Option<u32>| Some(json!({ "afterHours": hours }));
    let entry = audit::Entry {
        action: "customers:set-idle",
        target_kind: "customer",
        target_id: Some(id.to_string()),
        customer: Some(id),
        before: fact(before),
        after: fact(after_hours),
    };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(IdlePolicy { after_hours, usual_hours: settings::idle(platform).await.after_hours })
}

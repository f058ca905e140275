//! Maintenance windows: a machine is out from one time to another, and the people on it read so beforehand. Begun and ended
//! by the clock, each in a transaction of its own.

use chrono::{DateTime, Utc};
use contract::machines::{MachineView, MaintenanceCreate, MaintenanceView, ServiceState};
use contract::{ErrorCode, MachineId, MaintenanceId, Permission};

use super::{attempt, entry, resource, service, store};
use crate::authz::{MachineRef, OperateMachine};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result, SystemActor, allocations, audit};

/// Longest window, days.
const MAX_DAYS: i64 = 90;

/// Whether a window can be one, whatever machine it is for.
///
/// # Errors
/// `Validation` with a field for what is wrong.
pub fn check_window(ctx: &OpContext, window: &MaintenanceCreate) -> Result<()> {
    checked(ctx, window).map(|_| ())
}

/// When it begins, and what people read.
fn checked(ctx: &OpContext, window: &MaintenanceCreate) -> Result<(DateTime<Utc>, String)> {
    let mut wrong = Wrong::new();
    let message = wrong.required("message", window.message.clone(), 1000);
    let starts_at = window.starts_at.unwrap_or(ctx.now()).max(ctx.now());
    if window.ends_at <= starts_at {
        wrong.add("endsAt", "field-end-before-start");
    } else if window.ends_at - starts_at > chrono::TimeDelta::days(MAX_DAYS) {
        wrong.add_with("endsAt", "field-window-too-long", vec![("days", MAX_DAYS.to_string())]);
    }
    wrong.into_result()?;
    Ok((starts_at, message))
}

/// Plans one; it begins by itself, at once when its time has come.
///
/// # Errors
/// `Validation` with a field for what is wrong; `Conflict` when another is planned in that time; `WrongState` for a retired
/// machine.
pub async fn plan_maintenance(
    platform: &Platform,
    ctx: &OpContext,
    code: &str,
    body: MaintenanceCreate,
) -> Result<MachineView> {
    let ctx = &ctx.trying(attempt("machines:plan-maintenance", code));
    ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let before = plan_in_tx(platform, &mut tx, ctx, code, body).await?;
    finish(platform, ctx, tx, code, "machines:plan-maintenance", &before).await
}

/// The same in the caller's transaction, without its audit row; the machine as it was.
pub(super) async fn plan_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    code: &str,
    body: MaintenanceCreate,
) -> Result<MachineView> {
    let id = store::lock(tx, code).await?.ok_or_else(Error::not_found)?;
    let ctx = &ctx.trying(attempt("machines:plan-maintenance", code));
    let granted = ctx.authorize(OperateMachine, &resource(id))?;
    let (_, before) = store::view(tx, code, ctx.now()).await?.ok_or_else(Error::not_found)?;
    let (starts_at, message) = checked(ctx, &body)?;
    if before.service_state == ServiceState::Retired {
        return Err(service::wrong_state(&before));
    }
    if before.maintenance.iter().any(|other| other.starts_at < body.ends_at && starts_at < other.ends_at) {
        let mut error = Error::field("startsAt", "field-maintenance-overlap");
        error.code = ErrorCode::Conflict;
        return Err(error);
    }
    let new = store::Window { starts_at, ends_at: body.ends_at, message };
    store::insert_window(tx, &granted, &new, ctx).await?;
    // What begins at once is told of once.
    let has_begun = starts_at <= ctx.now() && begin_due(platform, tx, ctx, code, id).await?;
    if !has_begun {
        let period = (new.starts_at, new.ends_at);
        allocations::tell_of_maintenance(platform, tx, ctx, id, period, &new.message).await?;
    }
    Ok(before)
}

/// Calls a planned one off, or ends a running one: the machine goes back to what it was.
///
/// # Errors
/// `NotFound` for one that is over.
pub async fn cancel_maintenance(
    platform: &Platform,
    ctx: &OpContext,
    code: &str,
    window: MaintenanceId,
) -> Result<MachineView> {
    let ctx = &ctx.trying(attempt("machines:cancel-maintenance", code));
    ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let id = store::lock(&mut tx, code).await?.ok_or_else(Error::not_found)?;
    ctx.authorize(OperateMachine, &resource(id))?;
    let (_, before) = store::view(&mut tx, code, ctx.now()).await?.ok_or_else(Error::not_found)?;
    let ended = store::end_window(&mut tx, id, Some(window), ctx.now()).await?;
    let Some(ended) = ended.into_iter().next() else { return Err(Error::not_found()) };
    give_back(&mut tx, ctx, code, &ended).await?;
    if let Some(window) = before.maintenance.iter().find(|known| known.id == window) {
        allocations::maintenance_off(platform, &mut tx, ctx, id, window).await?;
    }
    finish(platform, ctx, tx, code, "machines:cancel-maintenance", &before).await
}

async fn finish(
    platform: &Platform,
    ctx: &OpContext,
    mut tx: Tx,
    code: &str,
    action: &'static str,
    before: &MachineView,
) -> Result<MachineView> {
    let (_, mut after) = store::view(&mut tx, code, ctx.now()).await?.ok_or_else(Error::not_found)?;
    let windows = |view: &MachineView| Some(serde_json::json!({ "maintenance": view.maintenance }));
    audit::record_in_tx(&mut tx, ctx, entry(action, code, windows(before), windows(&after))).await?;
    tx.commit().await?;
    platform.live().forget_catalog();
    platform.live().freshen(&mut after.last_seen_at, &mut after.presence, &after.id, ctx.now());
    Ok(after)
}

/// Begins and ends what is due, and tells who has the machine in the same transaction; returns how many machines changed. Run
/// every few seconds by the job queue.
pub async fn advance_maintenance(platform: &Platform) -> Result<usize> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    let due = store::machines_with_due_windows(&mut tx, ctx.now()).await?;
    tx.commit().await?;
    let mut changed = 0;
    for (id, code) in due {
        match advance_one(platform, &ctx, id, &code).await {
            Ok(()) => changed += 1,
            Err(error) => tracing::error!(%error, machine = code, "its maintenance could not be moved on"),
        }
    }
    if changed > 0 {
        platform.live().forget_catalog();
    }
    Ok(changed)
}

async fn advance_one(platform: &Platform, ctx: &OpContext, id: MachineId, code: &str) -> Result<()> {
    let mut tx = platform.db().begin(ctx).await?;
    if store::lock(&mut tx, code).await?.is_none() {
        return Ok(());
    }
    for ended in store::end_windows_past(&mut tx, id, ctx.now()).await? {
        give_back(&mut tx, ctx, code, &ended).await?;
        // What never began, because nobody came to it in its time, is not told of as over.
        if ended.state_before.is_some() {
            allocations::maintenance_over(platform, &mut tx, ctx, id, ended.period).await?;
        } else {
            allocations::maintenance_missed(platform, &mut tx, ctx, id, ended.period).await?;
        }
    }
    begin_due(platform, &mut tx, ctx, code, id).await?;
    tx.commit().await?;
    Ok(())
}

/// True when one began; who has the machine is told.
async fn begin_due(platform: &Platform, tx: &mut Tx, ctx: &OpContext, code: &str, id: MachineId) -> Result<bool> {
    let Some(window) = store::begin_window(tx, id, ctx.now()).await? else { return Ok(false) };
    service::set_by_window(tx, ctx, code, ServiceState::Maintenance, Some(&window.message)).await?;
    let period = (window.starts_at, window.ends_at);
    allocations::maintenance_begun(platform, tx, ctx, id, period, &window.message).await?;
    Ok(true)
}

/// Only a window that had begun changed the machine; and only if nobody decided otherwise meanwhile.
async fn give_back(tx: &mut Tx, ctx: &OpContext, code: &str, ended: &store::EndedWindow) -> Result<()> {
    let Some(before) = ended.state_before else { return Ok(()) };
    let now = store::view(tx, code, ctx.now()).await?.ok_or_else(Error::not_found)?.1.service_state;
    if now == ServiceState::Maintenance {
        service::set_by_window(tx, ctx, code, before, None).await?;
    }
    Ok(())
}

/// Ends every window of a machine whose state somebody decides otherwise; who was told of them reads so.
pub(super) async fn end_all(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    id: MachineId,
    windows: &[MaintenanceView],
) -> Result<()> {
    store::end_window(tx, id, None, ctx.now()).await?;
    for window in windows {
        allocations::maintenance_off(platform, tx, ctx, id, window).await?;
    }
    Ok(())
}

//! Taking machines out of service and back, one or many.

use std::collections::HashMap;

use contract::machines::{MachineAction, MachineTakenOut, MachineView, ServiceState};
use contract::{ErrorCode, MachineId, May, Permission};

use super::{attempt, entry, facts, maintenance, resource, store};
use crate::authz::{DeleteMachine, MachineRef, OperateMachine, UpdateMachine};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result, allocations, audit, engines, instances};

/// Does something with a machine; `None` when it is deleted.
///
/// # Errors
/// `WrongState` where the action makes no sense; `Conflict` (`error-machine-allocated`, `error-machine-scheduled`) with who has
/// it until when, or from when on.
pub async fn act(
    platform: &Platform,
    ctx: &OpContext,
    code: &str,
    action: MachineAction,
    note: Option<String>,
) -> Result<Option<MachineView>> {
    let ctx = &ctx.trying(attempt(name(action), code));
    ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let mut wrong = Wrong::new();
    let note = wrong.text("note", note, 1000);
    let mut tx = platform.db().begin(ctx).await?;
    let id = store::lock(&mut tx, code).await?.ok_or_else(Error::not_found)?;
    let (_, before) = store::view(&mut tx, code, ctx.now()).await?.ok_or_else(Error::not_found)?;
    match action {
        MachineAction::MonitoringOn | MachineAction::MonitoringOff => {
            let granted = ctx.authorize(UpdateMachine, &resource(id))?;
            wrong.into_result()?;
            store::set_monitored(&mut tx, &granted, action == MachineAction::MonitoringOn).await?;
        }
        MachineAction::Delete => {
            let granted = ctx.authorize(DeleteMachine, &resource(id))?;
            wrong.into_result()?;
            possible(platform, ctx, &mut tx, (id, &before), action).await?;
            maintenance::end_all(platform, &mut tx, ctx, id, &before.maintenance).await?;
            engines::forget_in_tx(&mut tx, &granted).await?;
            store::delete(&mut tx, &[granted], ctx.now()).await?;
        }
        _ => {
            let granted = ctx.authorize(OperateMachine, &resource(id))?;
            wrong.into_result()?;
            possible(platform, ctx, &mut tx, (id, &before), action).await?;
            let next = before.service_state.after(action).ok_or_else(|| wrong_state(&before))?;
            if next == ServiceState::Retired || before.service_state == ServiceState::Maintenance {
                maintenance::end_all(platform, &mut tx, ctx, id, &before.maintenance).await?;
            }
            store::set_service(&mut tx, &granted, next, note.as_deref(), ctx.now()).await?;
        }
    }
    let after = store::view(&mut tx, code, ctx.now()).await?.map(|(_, view)| view);
    let entry = entry(name(action), code, Some(facts(&before)), after.as_ref().map(facts));
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    platform.live().forget_catalog();
    let gone = after.as_ref().is_none_or(|view| view.service_state == ServiceState::Retired);
    if gone {
        platform.live().cut_link(id);
    }
    Ok(after.map(|mut view| {
        platform.live().freshen(&mut view.last_seen_at, &mut view.presence, &view.id, ctx.now());
        view
    }))
}

/// Does what keeps new customers off a machine, and names the leases that wait for it from then on; none for who does not see
/// leases.
///
/// # Errors
/// As [`act`]'s.
pub async fn take_out(
    platform: &Platform,
    ctx: &OpContext,
    code: &str,
    action: MachineAction,
    note: Option<String>,
) -> Result<MachineTakenOut> {
    let mut scheduled = Vec::new();
    // Before it is done: nothing is answered with an error that was.
    if ctx.holds(Permission::AllocationsManage) {
        let mut tx = platform.db().begin(ctx).await?;
        if let Some(id) = super::id_in_tx(&mut tx, code).await? {
            scheduled = allocations::all_to_come(&mut tx, id).await?;
        }
        tx.commit().await?;
    }
    let machine = act(platform, ctx, code, action, note).await?.ok_or_else(Error::not_found)?;
    Ok(MachineTakenOut { machine, scheduled })
}

/// Whether something can be done with a machine now, by whoever has the permission.
pub(super) async fn possible(
    platform: &Platform,
    ctx: &OpContext,
    tx: &mut Tx,
    (id, machine): (MachineId, &MachineView),
    action: MachineAction,
) -> Result<()> {
    let next = machine.service_state.after(action);
    match action {
        MachineAction::MonitoringOn | MachineAction::MonitoringOff => Ok(()),
        MachineAction::Delete => refuse_if_used(platform, ctx, tx, id).await,
        MachineAction::Retire if next.is_some() => refuse_if_used(platform, ctx, tx, id).await,
        _ => next.map(|_| ()).ok_or_else(|| wrong_state(machine)),
    }
}

/// `Conflict` while somebody has it, or something of customers is on it.
async fn refuse_if_used(platform: &Platform, ctx: &OpContext, tx: &mut Tx, id: MachineId) -> Result<()> {
    allocations::refuse_if_held(platform, ctx, tx, id).await?;
    instances::refuse_if_used(tx, id).await
}

/// What of this the caller may do with a machine now.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn may_act<const N: usize>(
    platform: &Platform,
    ctx: &OpContext,
    code: &str,
    actions: [MachineAction; N],
) -> Result<[(MachineAction, May); N]> {
    ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (id, machine) = store::view(&mut tx, code, ctx.now()).await?.ok_or_else(Error::not_found)?;
    let mut found = actions.map(|action| (action, May::default()));
    for (action, may) in &mut found {
        let permitted = ctx.authorize_list::<MachineRef>(action.permission()).is_ok();
        *may = crate::may(ctx, permitted, possible(platform, ctx, &mut tx, (id, &machine), *action).await)?;
    }
    tx.commit().await?;
    Ok(found)
}

/// The next lease that is to begin on each of these machines, by code: it would wait while the machine is out of service.
pub async fn leases_to_come(
    platform: &Platform,
    ctx: &OpContext,
    codes: &[String],
) -> Result<HashMap<String, allocations::ToCome>> {
    ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let mut by_id = HashMap::with_capacity(codes.len());
    for code in codes {
        by_id.extend(super::id_in_tx(&mut tx, code).await?.map(|id| (id.0, code.clone())));
    }
    let ids: Vec<i64> = by_id.keys().copied().collect();
    let mut to_come = allocations::to_come(&mut tx, ctx, &ids).await?;
    tx.commit().await?;
    Ok(by_id.into_iter().filter_map(|(id, code)| Some((code, to_come.remove(&id)?))).collect())
}

/// The action in the audit log.
pub(super) fn name(action: MachineAction) -> &'static str {
    match action {
        MachineAction::Cordon => "machines:cordon",
        MachineAction::Uncordon => "machines:uncordon",
        MachineAction::Drain => "machines:drain",
        MachineAction::Retire => "machines:retire",
        MachineAction::MonitoringOn => "machines:monitoring-on",
        MachineAction::MonitoringOff => "machines:monitoring-off",
        MachineAction::Delete => "machines:delete",
    }
}

/// Moves the service state for the system: maintenance that begins or ends.
pub(super) async fn set_by_window(
    tx: &mut Tx,
    ctx: &OpContext,
    code: &str,
    next: ServiceState,
    note: Option<&str>,
) -> Result<()> {
    let (id, before) = store::view(tx, code, ctx.now()).await?.ok_or_else(Error::not_found)?;
    let granted = ctx.authorize(OperateMachine, &resource(id))?;
    store::set_service(tx, &granted, next, note, ctx.now()).await?;
    let (_, after) = store::view(tx, code, ctx.now()).await?.ok_or_else(Error::not_found)?;
    let entry = entry("machines:maintenance", code, Some(facts(&before)), Some(facts(&after)));
    audit::record_in_tx(tx, ctx, entry).await
}

pub(super) fn wrong_state(machine: &MachineView) -> Error {
    Error::new(ErrorCode::WrongState).with_key("error-service-state").with_arg("state", machine.service_state.code())
}

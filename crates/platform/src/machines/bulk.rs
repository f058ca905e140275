//! The same with many machines: first what would become of each, then the doing, each for itself.
//!
//! Invariants: a machine named twice is one; "all that match" is decided here, in one query; what is shown beforehand is at
//! most [`MAX_BULK`], and says how many more there are; what is done is never a part of what was asked for.

use contract::allocations::LeaseToCome;
use contract::machines::{MAX_BULK, MachineBulk, MachineQuery, MachineView, MaintenanceBulk, MaintenanceCreate};
use contract::{ErrorCode, Permission};

use super::{act, maintenance, service, store};
use crate::authz::{MachineRef, Scope};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result};

/// What would become of many; `D`: what is known of one that would be done.
pub struct Preview<T, D = ()> {
    pub rows: Vec<(T, Result<D>)>,
    /// How many more match than one bulk takes.
    pub more: u64,
}

/// A machine, and the leases that wait for it from now on; or why nothing was done with it.
type Outcome = (String, Result<Vec<LeaseToCome>>);

/// Does something with many; of each that takes nobody new afterwards, the leases that wait for it are named, as of one
/// alone.
///
/// # Errors
/// `Validation` for no machine or more than [`MAX_BULK`]; `NotFound` or `Forbidden` when it may not be done at all.
pub async fn act_on_many(platform: &Platform, ctx: &OpContext, bulk: MachineBulk) -> Result<Vec<Outcome>> {
    let ctx = &ctx.trying_new(service::name(bulk.action), "machine");
    ctx.authorize_many::<MachineRef>(bulk.action.permission())?;
    let codes = to_be_done(platform, ctx, bulk.ids, bulk.matching.as_ref()).await?;
    let mut outcomes = Vec::with_capacity(codes.len());
    for code in codes {
        let note = bulk.note.clone();
        let done = if bulk.action.keeps_out() {
            service::take_out(platform, ctx, &code, bulk.action, note).await.map(|taken_out| taken_out.scheduled)
        } else {
            act(platform, ctx, &code, bulk.action, note).await.map(|_| Vec::new())
        };
        outcomes.push((code, done));
    }
    Ok(outcomes)
}

/// What would become of each, without doing anything.
///
/// # Errors
/// As [`act_on_many`]'s, but none for none or for more than fit.
pub async fn preview_many(platform: &Platform, ctx: &OpContext, bulk: &MachineBulk) -> Result<Preview<MachineView>> {
    let scope = ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    ctx.authorize_many::<MachineRef>(bulk.action.permission())?;
    let mut tx = platform.db().begin(ctx).await?;
    let (codes, more) = chosen(&mut tx, ctx, scope, bulk.ids.clone(), bulk.matching.as_ref()).await?;
    let mut rows = Vec::with_capacity(codes.len());
    for code in codes {
        let Some((id, view)) = store::view(&mut tx, &code, ctx.now()).await? else { continue };
        let possible = service::possible(platform, ctx, &mut tx, (id, &view), bulk.action).await;
        rows.push((view, possible));
    }
    tx.commit().await?;
    Ok(Preview { rows, more })
}

/// Plans the same maintenance for many.
///
/// # Errors
/// As [`act_on_many`]'s, and `Validation` with the field for a window that cannot be.
pub async fn plan_for_many(
    platform: &Platform,
    ctx: &OpContext,
    bulk: MaintenanceBulk,
) -> Result<Vec<(String, Result<()>)>> {
    let ctx = &ctx.trying_new("machines:plan-maintenance", "machine");
    ctx.authorize_many::<MachineRef>(Permission::MachinesOperate)?;
    let window = window_of(&bulk)?;
    // What no machine could have is not said of each.
    maintenance::check_window(ctx, &window)?;
    let codes = to_be_done(platform, ctx, bulk.ids, bulk.matching.as_ref()).await?;
    let mut outcomes = Vec::with_capacity(codes.len());
    for code in codes {
        let done = maintenance::plan_maintenance(platform, ctx, &code, window.clone()).await.map(|_| ());
        outcomes.push((code, done));
    }
    Ok(outcomes)
}

/// The window that is asked for, said in one of the two ways.
fn window_of(bulk: &MaintenanceBulk) -> Result<MaintenanceCreate> {
    let said = bulk.starts_at.is_some() || bulk.ends_at.is_some() || bulk.message.is_some();
    if let Some(window) = &bulk.window {
        return if said { Err(Error::field("window", "field-window-twice")) } else { Ok(window.clone()) };
    }
    let mut wrong = Wrong::new();
    let message = wrong.required("message", bulk.message.clone().unwrap_or_default(), 1000);
    if bulk.ends_at.is_none() {
        wrong.add("endsAt", "field-required");
    }
    wrong.into_result()?;
    let ends_at = bulk.ends_at.ok_or_else(|| Error::internal("checked above"))?;
    Ok(MaintenanceCreate { starts_at: bulk.starts_at, ends_at, message })
}

/// What would become of each: the same work in a transaction that is thrown away; without a window, what is there.
///
/// # Errors
/// As [`preview_many`]'s.
pub async fn preview_plan_for_many(
    platform: &Platform,
    ctx: &OpContext,
    (ids, matching): (Vec<String>, Option<&MachineQuery>),
    window: Option<&MaintenanceCreate>,
) -> Result<Preview<MachineView>> {
    let scope = ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    ctx.authorize_many::<MachineRef>(Permission::MachinesOperate)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (codes, more) = chosen(&mut tx, ctx, scope, ids, matching).await?;
    let mut views = Vec::with_capacity(codes.len());
    for code in codes {
        views.extend(store::view(&mut tx, &code, ctx.now()).await?.map(|(_, view)| view));
    }
    tx.commit().await?;
    let mut rows = Vec::with_capacity(views.len());
    for view in views {
        let possible = match window {
            None => Ok(()),
            Some(window) => {
                let mut tx = platform.db().begin(ctx).await?;
                let tried = maintenance::plan_in_tx(platform, &mut tx, ctx, &view.id, window.clone()).await.map(|_| ());
                tx.rollback().await?;
                tried
            }
        };
        rows.push((view, possible));
    }
    Ok(Preview { rows, more })
}

/// Every machine the bulk is about, or why it cannot be done as one.
async fn to_be_done(
    platform: &Platform,
    ctx: &OpContext,
    ids: Vec<String>,
    matching: Option<&MachineQuery>,
) -> Result<Vec<String>> {
    let scope = ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (codes, more) = chosen(&mut tx, ctx, scope, ids, matching).await?;
    tx.commit().await?;
    if more > 0 {
        return Err(too_many_match(MAX_BULK as u64 + more));
    }
    if codes.is_empty() {
        return Err(Error::field("ids", "field-choose-some"));
    }
    Ok(codes)
}

/// The machines, each once, at most [`MAX_BULK`]; and how many more match.
async fn chosen(
    tx: &mut Tx,
    ctx: &OpContext,
    scope: Scope,
    ids: Vec<String>,
    matching: Option<&MachineQuery>,
) -> Result<(Vec<String>, u64)> {
    let Some(query) = matching else {
        if ids.len() > MAX_BULK {
            return Err(Error::new(ErrorCode::Validation).with_field("ids", "field-too-many"));
        }
        let mut seen = std::collections::HashSet::new();
        return Ok((ids.into_iter().filter(|code| seen.insert(code.clone())).collect(), 0));
    };
    if !ids.is_empty() {
        return Err(Error::field("ids", "field-ids-or-matching"));
    }
    let wanted = super::held::wanted(tx, ctx, query, &[]).await?;
    let (codes, total) = store::codes_matching(tx, scope, &wanted, MAX_BULK, ctx.now()).await?;
    let more = total.saturating_sub(codes.len() as u64);
    Ok((codes, more))
}

/// `Validation` with how many match: a part of them would be done twice when it is asked for again.
pub(crate) fn too_many_match(total: u64) -> Error {
    let mut wrong = Wrong::new();
    let values = vec![("n", total.to_string()), ("max", MAX_BULK.to_string())];
    wrong.add_with("matching", "field-too-many-match", values);
    wrong.into_result().err().unwrap_or_else(|| Error::internal("a field was added"))
}

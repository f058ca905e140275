//! Another spec for an instance that is stopped.
//!
//! It stays on its machine, where the function that decides about new ones decides with what it holds itself taken away. What
//! it gets, holds and costs is changed in one transaction, and the engine is asked nothing: the container is made anew by the
//! next start, which sees by the container's label of which spec it is. So it can be killed anywhere, an image can still be
//! made of the old container before, and volumes are the same. Until the old container is seen to be gone, what it was made
//! with is held beside what the next one gets: whoever starts it all the same takes nothing of others.

use contract::instances::{
    InstanceAction, InstanceEventKind, InstanceResize, InstanceSize, InstanceSpec, InstanceView, Miss, MissReason,
    Observed,
};
use contract::{ErrorCode, InstanceId};

use super::place::{self, Limits};
use super::placement::{Decision, Host, decide};
use super::store::{self, Event, Part, Remake, Row};
use super::{chosen_spec, disks, entry, facts, need, over_limit, own_row, system, views};
use crate::authz::ManageOwnInstance;
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, audit, billing, images, specs};

/// In the audit log.
pub(super) const RESIZE: &str = "instances:resize";

/// What it could have instead, with what is in the way of each; what it has is among them while that is offered.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn sizes(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<Vec<InstanceSize>> {
    let row = own_row(platform, ctx, id).await?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let offered = specs::offered_in_tx(platform, &mut tx, ctx.now()).await?;
    let image = images::still_usable_in_tx(&mut tx, row.image).await?;
    let limits = place::limits(platform, &mut tx, ctx, (row.customer, row.owner)).await?;
    let host = place::look(platform, &mut tx, ctx, &row).await?;
    tx.commit().await?;
    let size = |spec: InstanceSpec| {
        let current = is_same(&spec, &row.spec);
        let misses = match current {
            true => Vec::new(),
            false => all_misses(ctx, &row, (image.as_ref(), host.as_ref(), &limits), &spec),
        };
        InstanceSize { current, fits: misses.is_empty(), misses, spec }
    };
    Ok(offered.iter().filter_map(InstanceSpec::of).map(size).collect())
}

fn all_misses(
    ctx: &OpContext,
    row: &Row,
    (image, host, limits): (Option<&images::Usable>, Option<&Host>, &Limits),
    spec: &InstanceSpec,
) -> Vec<Miss> {
    let mut misses = limits.misses(ctx, spec, Some(&row.spec));
    misses.extend(judge(ctx, row, (image, host), spec).misses);
    misses
}

/// The same on its machine, apart from limits.
fn judge(
    ctx: &OpContext,
    row: &Row,
    (image, host): (Option<&images::Usable>, Option<&Host>),
    spec: &InstanceSpec,
) -> Decision {
    let mut decision = match (image, host) {
        (Some(image), Some(host)) => decide(need(spec, image), host),
        // A machine with instances is not deleted.
        (Some(_), None) => Decision { misses: vec![Miss::of(MissReason::NotInService)], cards: Vec::new() },
        (None, _) => Decision { misses: vec![Miss::of(MissReason::ImageGone)], cards: Vec::new() },
    };
    if spec.data_disk_gb == 0 && row.spec.data_disk_gb > 0 {
        decision.misses.push(Miss::of(MissReason::DataDisk));
    } else if spec.data_disk_gb < row.spec.data_disk_gb
        && let Some(used) = disks::data_gb(row).filter(|used| *used > u64::from(spec.data_disk_gb))
    {
        decision.misses.push(Miss::short(MissReason::DataUsed, u64::from(spec.data_disk_gb), used));
    }
    for miss in &mut decision.misses {
        miss.message = place::message(ctx, miss);
    }
    decision
}

/// Whether it gets the same by both: a price that changed since changes what is paid by itself.
fn is_same(one: &InstanceSpec, other: &InstanceSpec) -> bool {
    let without_words = |spec: &InstanceSpec| InstanceSpec {
        name: String::new(),
        price_per_hour: String::new(),
        currency: String::new(),
        ..spec.clone()
    };
    without_words(one) == without_words(other)
}

/// Gives one of one's own another spec, while it is stopped. What it has already changes nothing.
///
/// # Errors
/// `NotFound` where there is none, `Forbidden` for one that is another person's, `Conflict` when somebody changed it meanwhile
/// or an image is being made of it, `WrongState` while it is not stopped or holds nothing, `Validation` for a spec there is
/// not, `QuotaExceeded` with which limit and by how much, `NoCapacity` with what is in the way on its machine.
pub async fn resize(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    body: InstanceResize,
) -> Result<InstanceView> {
    let tried = ctx.trying_on(RESIZE, "instance", id);
    let row = own_row(platform, &tried, id).await?;
    let granted = tried.authorize(ManageOwnInstance, &row.own())?;
    let _turn = platform.placements().acquire().await.map_err(Error::internal)?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let before = store::lock(&mut tx, granted.id()).await?.ok_or_else(Error::not_found)?;
    if body.revision.is_some_and(|seen| seen != before.revision) {
        return Err(Error::new(ErrorCode::Conflict));
    }
    may_be_resized(&before)?;
    let offered = specs::offered_in_tx(platform, &mut tx, ctx.now()).await?;
    let spec = chosen_spec(&offered, body.spec)?;
    if is_same(&spec, &before.spec) {
        tx.commit().await?;
        return views::one(platform, ctx, before).await;
    }
    refuse_if_used(&mut tx, ctx, &before).await?;
    store::lock_limits(&mut tx, before.customer, before.owner).await?;
    let limits = place::limits(platform, &mut tx, ctx, (before.customer, before.owner)).await?;
    if let Some(miss) = limits.misses(ctx, &spec, Some(&before.spec)).first() {
        return Err(over_limit(miss));
    }
    let image = images::still_usable_in_tx(&mut tx, before.image).await?;
    let host = place::stay(platform, &mut tx, ctx, &before).await?;
    let decision = judge(ctx, &before, (image.as_ref(), host.as_ref()), &spec);
    if let Some(miss) = decision.misses.first() {
        return Err(Error::new(ErrorCode::NoCapacity)
            .with_key("error-instance-not-there")
            .with_arg("machine", before.machine_name.clone())
            .with_arg("reason", miss.message.clone()));
    }
    let remake = remake(&mut tx, &before, decision.cards).await?;
    store::release(&mut tx, before.id, ctx.now()).await?;
    store::hold(&mut tx, before.id, &remake.held()).await?;
    // Also where its engine has one of later than is known here, after a backup was put back.
    let remakes = before.remakes_wanted.max(before.remakes_done).saturating_add(1);
    store::set_spec(&mut tx, &granted, &spec, (remakes, &remake)).await?;
    let detail = format!("{} \u{2192} {}", before.spec.name, spec.name);
    let event = Event { detail: Some(&detail), ..Event::of(InstanceEventKind::Resized) };
    store::note(&mut tx, ctx, before.id, event).await?;
    let after = store::find(&mut tx, before.id).await?.ok_or_else(Error::not_found)?;
    let entry = entry(RESIZE, &after, Some(facts(&before)), Some(facts(&after)));
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    views::one(platform, ctx, after).await
}

/// What is there beside what is to come, also after several other specs without a start between them.
async fn remake(tx: &mut Tx, row: &Row, mut next: Vec<Part>) -> Result<Remake> {
    next.sort_by_key(|(gpu, _)| *gpu);
    let cards = match &row.remake {
        Some(remake) => remake.cards.clone(),
        None => store::parts_of(tx, row.id).await?,
    };
    Ok(Remake { spec: row.made_of().clone(), cards, next })
}

/// Nobody makes an image of it, and what ran is paid for as what it was: its row is closed before it is something else.
async fn refuse_if_used(tx: &mut Tx, ctx: &OpContext, row: &Row) -> Result<()> {
    if store::is_being_saved(tx, row.id).await? {
        return Err(Error::new(ErrorCode::Conflict).with_key("error-save-going"));
    }
    match billing::newest(tx, &[row.id.0], ctx.now()).await?.iter().any(|run| run.ended_at.is_none()) {
        true => Err(Error::new(ErrorCode::WrongState).with_key("error-instance-run-open")),
        false => Ok(()),
    }
}

fn may_be_resized(row: &Row) -> Result<()> {
    // What was given up may run all the same, where its engine did not do what it was asked to.
    if !row.state().allows(InstanceAction::Resize) || row.observed == Observed::Running {
        let state = row.state().code();
        return Err(Error::new(ErrorCode::WrongState).with_key("error-instance-state").with_arg("state", state));
    }
    match row.released_at {
        None => Ok(()),
        Some(_) => Err(Error::new(ErrorCode::WrongState).with_key("error-instance-holds-nothing")),
    }
}

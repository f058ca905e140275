//! The worker of an instance: brings what is there to what is wanted, step by step, and may die between any two of them.
//!
//! Steps are asked again of the engine without harm: what is there by its name and made of the same is the one, what runs
//! runs, what is gone is gone. One worker at a time has the instance's lease; who sees another wish drops what it is at.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::instances::{InstanceEventKind as Kind, InstancePort, InstanceState, InstanceWish, Observed};
use contract::{InstanceId, MachineId};
use runtime::docker::containers::{Container, ContainerSpec, Containers, Created, State};
use runtime::docker::{Endpoint, Fault, FaultKind};
use uuid::Uuid;

use super::data::{self, Disk};
use super::split::{self, Plan};
use super::store::{self, Event, Row};
pub(super) use super::trouble::{Meaning, Trouble, kind_of};
use super::{charge, identity, logs, look, made_of, missed, notices, worker};
use crate::billing::Seen;
use crate::{Error, Platform, Result, engines, images, outbound};

/// Between two signs of life of a worker, and looks whether another wish came.
const BEAT: Duration = Duration::from_secs(1);
/// A container that was never there is given up after so long without an engine: what it holds is others' again.
const TRYING: TimeDelta = TimeDelta::seconds(25);
/// How long a program has to end by itself.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// What came of a step.
enum Step {
    /// It may go on.
    Again,
    /// There is nothing to do, or nothing that could be done now.
    Settled,
}

/// Why a worker stops what it is at.
enum Ended {
    Stepped(Result<Step>),
    OtherWish,
    LeaseLost,
}

/// The job: brings it to what is wanted. Where the engine cannot be asked, the next look begins again.
///
/// # Errors
/// What is wrong on this side, while somebody tries again.
pub async fn apply(platform: &Platform, id: InstanceId) -> Result<()> {
    let token = Uuid::new_v4();
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let taken = store::take(&mut tx, id, token).await?;
    tx.commit().await?;
    if !taken {
        // Whoever is at it sees the wish before they let it go.
        return Ok(());
    }
    loop {
        let ctx = worker(platform);
        let mut tx = platform.db().begin(&ctx).await?;
        let row = store::find(&mut tx, id).await?;
        tx.commit().await?;
        let Some(row) = row else { return Ok(()) };
        let ended = tokio::select! {
            stepped = step(platform, &row) => Ended::Stepped(stepped),
            ended = watch(platform, &row, token) => ended,
        };
        match ended {
            Ended::Stepped(Ok(Step::Again)) | Ended::OtherWish => {}
            Ended::LeaseLost => return Ok(()),
            Ended::Stepped(Ok(Step::Settled)) => {
                if leave(platform, id, token, Some(row.wish)).await? {
                    return Ok(());
                }
            }
            Ended::Stepped(Err(error)) => {
                leave(platform, id, token, None).await?;
                return Err(error);
            }
        }
    }
}

/// Lets it go; with a wish, unless another one came meanwhile.
async fn leave(platform: &Platform, id: InstanceId, token: Uuid, wish: Option<i64>) -> Result<bool> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let wish = match wish {
        Some(wish) => wish,
        None => store::beat(&mut tx, id, token).await?.unwrap_or_default(),
    };
    let left = store::leave(&mut tx, id, token, wish).await?;
    tx.commit().await?;
    Ok(left)
}

/// Signs of life, until there is a reason to stop.
async fn watch(platform: &Platform, row: &Row, token: Uuid) -> Ended {
    loop {
        tokio::time::sleep(BEAT).await;
        let beat = async {
            let mut tx = platform.db().begin(&worker(platform)).await?;
            let wish = store::beat(&mut tx, row.id, token).await?;
            tx.commit().await?;
            Ok::<_, Error>(wish)
        };
        match beat.await {
            Ok(Some(wish)) if wish == row.wish => {}
            Ok(Some(_)) => return Ended::OtherWish,
            Ok(None) => return Ended::LeaseLost,
            // The database may be away for a moment; the lease decides what that means.
            Err(error) => tracing::debug!(%error, "no sign of life of an instance's worker could be written"),
        }
    }
}

async fn step(platform: &Platform, row: &Row) -> Result<Step> {
    let state = row.state();
    if !state.is_moving() {
        return Ok(Step::Settled);
    }
    let done = match connect(platform, row.machine).await {
        Ok(engine) => match state {
            InstanceState::Deleting => delete(platform, &engine, row).await,
            InstanceState::Creating => make(platform, &engine, row).await,
            InstanceState::Stopping => stop(platform, &engine, row).await,
            _ => start(platform, &engine, row).await,
        },
        Err(trouble) => Err(trouble),
    };
    match done {
        Ok(()) => Ok(Step::Again),
        Err(Trouble::Ours(error)) => Err(error),
        Err(Trouble::Engine(fault)) => met(platform, row, &fault).await,
    }
}

/// The installation's containers on a machine; a fault where another engine answers than the one that they are on.
pub(super) async fn connect(platform: &Platform, machine: MachineId) -> Result<Containers, Trouble> {
    let engine = reach(platform, machine).await?;
    identity::check(platform, &engine, machine).await?;
    Ok(engine)
}

/// The same, whichever engine it is: for who asks of a container by the id that one engine alone knows.
pub(super) async fn reach(platform: &Platform, machine: MachineId) -> Result<Containers, Trouble> {
    let unknown = || Fault::new(FaultKind::Unreachable, "nobody says how its engine is reached");
    let endpoint = engines::endpoint_of(platform, &worker(platform), machine).await?.ok_or_else(unknown)??;
    containers(platform, &endpoint).await
}

/// The installation's containers there.
pub(super) async fn containers(platform: &Platform, endpoint: &Endpoint) -> Result<Containers, Trouble> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let installation = store::installation(&mut tx).await?;
    tx.commit().await.map_err(Error::from)?;
    Ok(Containers::new(endpoint, outbound::may_be_a_host, &installation)?)
}

/// What its container is made of, with all of it there that needs no container.
async fn prepare(
    platform: &Platform,
    engine: &Containers,
    row: &Row,
) -> Result<(ContainerSpec, Option<Plan>), Trouble> {
    let (spec, plan) = made_of::container(platform, &worker(platform), row).await?;
    let network = async {
        match &spec.network {
            Some(network) => engine.create_network(network, &made_of::owner(row.customer)).await,
            None => Ok(()),
        }
    };
    let volumes = async {
        for mount in &spec.volumes {
            engine.create_volume(&mount.volume, &spec.instance).await?;
        }
        Ok::<_, Fault>(())
    };
    // Neither waits for the other.
    tokio::try_join!(network, volumes)?;
    Ok((spec, plan))
}

/// Makes its container and starts it: only then it was ever there.
async fn make(platform: &Platform, engine: &Containers, row: &Row) -> Result<(), Trouble> {
    let Some(disk) = data::ready(platform, engine, row).await? else { return Ok(()) };
    let made_of = prepare(platform, engine, row).await?;
    build(platform, engine, row, made_of, disk).await
}

async fn build(
    platform: &Platform,
    engine: &Containers,
    row: &Row,
    (mut spec, plan): (ContainerSpec, Option<Plan>),
    disk: Disk,
) -> Result<(), Trouble> {
    have_image(platform, engine, row, &mut spec).await?;
    let created = match create(engine, &spec, plan.as_ref()).await {
        // Somebody tidied the engine up meanwhile.
        Err(fault) if fault.kind == FaultKind::Image => {
            spec.image = images::bring_now(platform, &worker(platform), row.image, row.machine).await??;
            create(engine, &spec, plan.as_ref()).await?
        }
        created => created?,
    };
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    store::set_setup(&mut tx, row.id, plan.map(|plan| plan.setup)).await?;
    store::set_begins_empty(&mut tx, row.id, false).await?;
    // For another spec, or with an empty disk, it is made anew because its people wanted that.
    if row.made_at.is_some() && !row.is_of_another_spec() && disk == Disk::Fine {
        notices::made_again(platform, &mut tx, &ctx, row).await?;
    }
    tx.commit().await.map_err(Error::from)?;
    engine.start_made(&created).await?;
    let seen = engine.inspect(&created.id).await?;
    change(platform, row, charge::seen(&seen), |now, row| {
        seen_running(row, &seen, now);
        row.made_at = row.made_at.or(Some(now));
        row.restarts_done = row.restarts_wanted;
        vec![Event { reason: (disk == Disk::Renewed).then_some(data::EMPTY), ..Event::of(Kind::Made) }]
    })
    .await?;
    Ok(())
}

/// Brings its image there where it is not, and has the container made of just that.
async fn have_image(
    platform: &Platform,
    engine: &Containers,
    row: &Row,
    spec: &mut ContainerSpec,
) -> Result<(), Trouble> {
    let ctx = worker(platform);
    if !images::is_there(platform, &ctx, engine, &spec.image).await?? {
        spec.image = images::bring_now(platform, &ctx, row.image, row.machine).await??;
    }
    Ok(())
}

async fn create(engine: &Containers, spec: &ContainerSpec, plan: Option<&Plan>) -> Result<Created, Fault> {
    match plan {
        Some(plan) => plan.create(engine, spec).await,
        None => engine.create(spec).await,
    }
}

/// Its spec was changed: the container that there is goes with what was written in it, volumes stay, and another is made. It
/// stays where something that the other one needs is not there.
async fn make_anew(platform: &Platform, engine: &Containers, row: &Row) -> Result<(), Trouble> {
    let ctx = worker(platform);
    let Some(disk) = data::ready(platform, engine, row).await? else { return Ok(()) };
    let (mut spec, plan) = prepare(platform, engine, row).await?;
    have_image(platform, engine, row, &mut spec).await?;
    match engine.inspect(&spec.name).await {
        Err(fault) if fault.kind == FaultKind::NotFound => {}
        // Whoever was at it before came so far.
        Ok(seen) if made_of::remakes(&seen) == row.remakes_wanted => {}
        found => {
            let old = found?.id;
            let mut tx = platform.db().begin(&ctx).await?;
            let saved = store::is_being_saved(&mut tx, row.id).await?;
            tx.commit().await.map_err(Error::from)?;
            if saved {
                // The image comes first: the looks try again.
                return Err(Fault::new(FaultKind::Busy, "an image is being made of it").into());
            }
            // It may run: then what it ran is paid for as what it was.
            end_first(platform, engine, row, &old).await?;
            engine.remove(&spec.name, true).await?;
        }
    }
    build(platform, engine, row, (spec, plan), disk).await
}

async fn start(platform: &Platform, engine: &Containers, row: &Row) -> Result<(), Trouble> {
    if row.is_of_another_spec() {
        return make_anew(platform, engine, row).await;
    }
    let Some(container) = row.container.as_deref().filter(|_| row.observed != Observed::Missing) else {
        return make(platform, engine, row).await;
    };
    let restarts = row.observed == Observed::Running;
    let done = match restarts {
        true => engine.restart(container, GRACE).await,
        false => engine.start(container).await,
    };
    match done {
        Err(fault) if fault.kind == FaultKind::NotFound => return missing(platform, row).await,
        done => done?,
    }
    let seen = engine.inspect(container).await?;
    change(platform, row, charge::seen(&seen), |now, row| {
        seen_running(row, &seen, now);
        row.restarts_done = row.restarts_wanted;
        vec![Event::of(if restarts { Kind::Restarted } else { Kind::Started })]
    })
    .await?;
    Ok(())
}

async fn stop(platform: &Platform, engine: &Containers, row: &Row) -> Result<(), Trouble> {
    let Some(container) = row.container.as_deref() else { return missing(platform, row).await };
    match engine.stop(container, GRACE).await {
        Err(fault) if fault.kind == FaultKind::NotFound => return missing(platform, row).await,
        done => done?,
    }
    let seen = engine.inspect(container).await?;
    change(platform, row, charge::seen(&seen), |now, row| {
        seen_ended(row, &seen, now);
        vec![ended(Kind::Stopped, row)]
    })
    .await?;
    Ok(())
}

/// Takes its container and its volumes away; then nothing is held any more.
async fn delete(platform: &Platform, engine: &Containers, row: &Row) -> Result<(), Trouble> {
    if let Some(container) = row.container.as_deref() {
        end_first(platform, engine, row, container).await?;
    }
    take_away(platform, engine, row).await?;
    gone(platform, row).await?;
    if let Err(Trouble::Engine(fault)) = look::sweep_networks(platform, engine, row.machine).await {
        tracing::debug!(machine = row.machine.0, %fault, "a network is left for the next look");
    }
    Ok(())
}

/// Before its container goes. One that cannot be asked does not go either; one that does not say goes without a word.
async fn end_first(platform: &Platform, engine: &Containers, row: &Row, container: &str) -> Result<(), Trouble> {
    match end_and_keep(platform, engine, row, container).await {
        Err(Trouble::Engine(fault)) if kind_of(fault.kind) == Meaning::Final => {
            tracing::warn!(instance = row.id.0, %fault, "what an instance said last could not be kept");
            Ok(())
        }
        done => done,
    }
}

/// Has its program end, and keeps how it did and what it said.
async fn end_and_keep(platform: &Platform, engine: &Containers, row: &Row, container: &str) -> Result<(), Trouble> {
    engine.stop(container, GRACE).await?;
    let seen = engine.inspect(container).await?;
    // Also one that somebody started again at the machine, which no look has seen yet.
    if row.observed == Observed::Running || seen.started_at > row.started_at {
        change(platform, row, charge::seen(&seen), |now, row| {
            seen_ended(row, &seen, now);
            Vec::new()
        })
        .await?;
    }
    logs::keep(platform, engine, row.id, container).await
}

async fn take_away(platform: &Platform, engine: &Containers, row: &Row) -> Result<(), Trouble> {
    let ctx = worker(platform);
    let name = made_of::name(platform, &ctx, row.id).await?;
    engine.remove(&name, true).await?;
    // Also where it has no part of a GPU any more: it may have had one before.
    engine.remove_filler(&split::volume(&name)).await?;
    let own = row.id.to_string();
    for volume in engine.list_volumes().await?.into_iter().filter(|volume| volume.instance == own) {
        engine.remove_volume(&volume.name).await?;
    }
    Ok(())
}

async fn gone(platform: &Platform, row: &Row) -> Result<()> {
    let now = change(platform, row, Some(Seen::Gone), |now, row| {
        row.deleted_at = Some(now);
        row.released_at = row.released_at.or(Some(now));
        row.observed = if row.made_at.is_some() { Observed::Missing } else { Observed::None };
        row.lost_since = None;
        vec![ended(Kind::Deleted, row)]
    })
    .await?;
    debug_assert!(now, "nothing is wanted of what is to be deleted");
    Ok(())
}

/// Somebody took its container away: it is made anew where it is to run.
async fn missing(platform: &Platform, row: &Row) -> Result<(), Trouble> {
    change(platform, row, Some(Seen::Gone), |now, row| {
        (row.observed, row.observed_at) = (Observed::Missing, Some(now));
        vec![Event::of(Kind::Missing)]
    })
    .await?;
    Ok(())
}

/// An engine did not do it, or was not reached.
async fn met(platform: &Platform, row: &Row, fault: &Fault) -> Result<Step> {
    let made = row.made_at.is_some();
    match kind_of(fault.kind) {
        Meaning::Wait => Ok(Step::Settled),
        // What was never there has nothing to be lost; what it may have left behind is swept away when the engine is back.
        Meaning::Unreachable if row.state() == InstanceState::Deleting && !made => {
            gone(platform, row).await?;
            Ok(Step::Again)
        }
        Meaning::Unreachable if made => {
            lose(platform, row).await?;
            Ok(Step::Settled)
        }
        Meaning::Unreachable if row.trying_since.is_none_or(|since| worker(platform).now() - since < TRYING) => {
            keep_trying(platform, row).await?;
            Ok(Step::Settled)
        }
        // It stays wanted, and is tried again with the next look.
        Meaning::Final if row.state() == InstanceState::Deleting => {
            tracing::warn!(instance = row.id.0, %fault, "an instance could not be taken away");
            Ok(Step::Settled)
        }
        Meaning::Unreachable | Meaning::Final => {
            give_up(platform, row, fault.kind.code(), &fault.detail).await?;
            Ok(Step::Again)
        }
    }
}

/// Its patience begins where its engine is not reached: who waits in line, or for an image, misses no engine.
async fn keep_trying(platform: &Platform, row: &Row) -> Result<()> {
    if row.trying_since.is_some() {
        return Ok(());
    }
    change(platform, row, None, |now, row| {
        row.trying_since = Some(now);
        Vec::new()
    })
    .await?;
    Ok(())
}

/// Its engine cannot be asked: nothing is deleted because of it.
pub(super) async fn lose(platform: &Platform, row: &Row) -> Result<()> {
    if row.lost_since.is_some() {
        return Ok(());
    }
    change(platform, row, None, |now, row| {
        row.lost_since = Some(now);
        vec![Event::of(Kind::Lost)]
    })
    .await?;
    Ok(())
}

/// It is not tried any more, and its people are told. What was never there holds nothing from now on.
pub(super) async fn give_up(platform: &Platform, row: &Row, reason: &str, detail: &str) -> Result<()> {
    // What has the name and is of something else may be what a backup that was put back does not know of.
    if row.made_at.is_none()
        && reason != FaultKind::Differs.code()
        && let Ok(engine) = connect(platform, row.machine).await
    {
        // What is left where this fails is swept away by the looks.
        let _ = take_away(platform, &engine, row).await;
    }
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let Some(mut fresh) = store::lock(&mut tx, row.id).await?.filter(|fresh| fresh.wish == row.wish) else {
        return Ok(());
    };
    fresh.wanted = InstanceWish::Stopped;
    (fresh.failure, fresh.detail) = (Some(reason.to_owned()), Some(detail.to_owned()));
    if fresh.made_at.is_none() {
        fresh.released_at = Some(ctx.now());
        store::release(&mut tx, fresh.id, ctx.now()).await?;
    }
    store::save(&mut tx, &fresh).await?;
    let event =
        Event { reason: Some(reason), detail: Some(detail), exit_code: fresh.exit_code, ..Event::of(Kind::Failed) };
    store::note(&mut tx, &ctx, fresh.id, event).await?;
    notices::failed(platform, &mut tx, &ctx, &fresh).await?;
    tx.commit().await?;
    Ok(())
}

/// Writes what was found out, and what the ledger says by it, as long as nobody wants something else meanwhile; false where somebody does.
pub(super) async fn change(
    platform: &Platform,
    row: &Row,
    seen: Option<Seen>,
    found: impl FnOnce(DateTime<Utc>, &mut Row) -> Vec<Event<'static>>,
) -> Result<bool> {
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let Some(mut fresh) = store::lock(&mut tx, row.id).await? else { return Ok(false) };
    let stale = fresh.wish != row.wish;
    let before = fresh.clone();
    let events = found(ctx.now(), &mut fresh);
    if stale {
        // What was seen is true, what was to be is not any more.
        fresh.restarts_done = fresh.restarts_done.min(row.restarts_wanted);
        (fresh.deleted_at, fresh.released_at) = (row.deleted_at, row.released_at);
    }
    if before.released_at.is_none() && fresh.released_at.is_some() {
        store::release(&mut tx, fresh.id, ctx.now()).await?;
    } else if fresh.released_at.is_none() && !fresh.is_of_another_spec() {
        store::settle(&mut tx, &fresh, ctx.now()).await?;
    }
    store::save(&mut tx, &fresh).await?;
    charge::follow(platform, &mut tx, &ctx, (&before, fresh.made_of()), seen).await?;
    for event in events {
        store::note(&mut tx, &ctx, fresh.id, event).await?;
    }
    tx.commit().await?;
    Ok(!stale)
}

/// What an engine says of a container that was just started.
fn seen_running(row: &mut Row, seen: &Container, now: DateTime<Utc>) {
    row.container = Some(seen.id.clone());
    row.remakes_done = made_of::remakes(seen);
    (row.observed, row.observed_at) = (observed(seen.state).unwrap_or(row.observed), Some(now));
    row.started_at = seen.started_at.or(Some(now));
    row.host_ports = ports(seen);
    (row.exit_code, row.out_of_memory, row.ended_at) = (None, false, None);
    (row.failure, row.detail, row.lost_since) = (None, None, None);
}

/// Where its ports are on its machine: somewhere else after each start.
pub(super) fn ports(seen: &Container) -> Vec<InstancePort> {
    seen.ports.iter().map(|it| InstancePort { port: it.container, host_port: it.host }).collect()
}

/// With how its program ended, if it ever ran.
pub(super) fn ended(kind: Kind, row: &Row) -> Event<'static> {
    Event {
        exit_code: row.exit_code,
        reason: row.exit_code.and_then(|code| missed::why(code, row.out_of_memory)),
        ..Event::of(kind)
    }
}

/// And of one that ended.
pub(super) fn seen_ended(row: &mut Row, seen: &Container, now: DateTime<Utc>) {
    (row.observed, row.observed_at) = (observed(seen.state).unwrap_or(Observed::Ended), Some(now));
    if let State::Exited { code, out_of_memory } = seen.state {
        (row.exit_code, row.out_of_memory) = (Some(code), out_of_memory);
    }
    row.ended_at = seen.finished_at.or(Some(now));
    row.host_ports = Vec::new();
    row.lost_since = None;
}

/// Nothing where the engine itself is in between.
pub(super) fn observed(state: State) -> Option<Observed> {
    match state {
        State::Created => Some(Observed::Created),
        // An engine that is about to start it again means it to run.
        State::Running { .. } | State::Paused | State::Restarting { .. } => Some(Observed::Running),
        State::Exited { .. } => Some(Observed::Ended),
        State::Removing | State::Dead | State::Unknown => None,
    }
}

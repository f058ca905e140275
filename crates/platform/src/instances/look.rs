//! Looks at machines: what their engines say of the instances on them, and what is there that nobody wants.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use contract::instances::{InstanceEventKind as Kind, InstanceWish, Observed};
use contract::{InstanceId, MachineId};
use runtime::docker::containers::{Container, Containers, State};
use runtime::docker::{Fault, FaultKind};

use super::missed::{self, Missed};
use super::store::{self, Event, Row};
use super::work::{self, Meaning, Trouble};
use super::{charge, made_of, save, split, worker};
use crate::billing::Seen;
use crate::{Error, Platform, Result};

/// A program that its engine was about to start again at so many looks in a row keeps ending.
const KEEPS_ENDING: i32 = 3;
/// A program that ran so long did not end at once.
const STEADY: TimeDelta = TimeDelta::seconds(10);

/// What a look at a machine found out.
#[derive(Debug)]
pub struct Looked {
    /// Why its engine did not answer.
    pub fault: Option<FaultKind>,
    /// Instances are there, or are to be.
    pub alive: bool,
    /// Those that something is left to be done for.
    pub unsettled: Vec<InstanceId>,
}

/// Looks at a machine: writes what its engine says of the instances there.
///
/// # Errors
/// What is wrong on this side.
pub async fn look(platform: &Platform, machine: MachineId) -> Result<Looked> {
    let rows = alive_on(platform, machine).await?;
    let fault = match seen(platform, machine, &rows).await {
        Ok(()) => None,
        Err(Trouble::Ours(error)) => return Err(error),
        Err(Trouble::Engine(fault)) => {
            match work::kind_of(fault.kind) {
                Meaning::Unreachable => {
                    for row in rows.iter().filter(|row| row.made_at.is_some()) {
                        work::lose(platform, row).await?;
                    }
                }
                _ => tracing::warn!(machine = machine.0, %fault, "a machine could not be looked at"),
            }
            Some(fault.kind)
        }
    };
    let (alive, unsettled) = left_to_do(platform, machine, fault.is_none()).await?;
    Ok(Looked { fault, alive, unsettled })
}

/// Whether instances are there or are to be, and those that something is left to be done for: of those that are to be made also
/// where nothing was seen, because who tries that has a limit.
pub(super) async fn left_to_do(platform: &Platform, machine: MachineId, seen: bool) -> Result<(bool, Vec<InstanceId>)> {
    let rows = alive_on(platform, machine).await?;
    let can_go_on = |row: &&Row| row.is_unsettled() && (seen || row.made_at.is_none());
    Ok((!rows.is_empty(), rows.iter().filter(can_go_on).map(|row| row.id).collect()))
}

async fn alive_on(platform: &Platform, machine: MachineId) -> Result<Vec<Row>> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let rows = store::alive_on(&mut tx, machine).await?;
    tx.commit().await?;
    Ok(rows)
}

async fn seen(platform: &Platform, machine: MachineId, rows: &[Row]) -> Result<(), Trouble> {
    let engine = work::connect(platform, machine).await?;
    let listed = engine.list().await?;
    let of: HashMap<&str, &str> = listed.iter().map(|it| (it.origin.instance.as_str(), it.id.as_str())).collect();
    for row in rows.iter().filter(|row| row.made_at.is_some()) {
        let found = match of.get(row.id.to_string().as_str()) {
            None => None,
            Some(id) => match engine.inspect(id).await {
                Ok(found) => Some(found),
                Err(fault) if fault.kind == FaultKind::NotFound => None,
                Err(fault) => return Err(fault.into()),
            },
        };
        let missed = match &found {
            Some(found) => missed::ask(&engine, row, found).await?,
            None => None,
        };
        if note(platform, row, (found.as_ref(), missed.as_ref())).await? {
            end(platform, &engine, row.id, None).await?;
        }
    }
    for id in split::watch::watch(platform, &alive_on(platform, machine).await?).await? {
        end(platform, &engine, id, Some("split-broken")).await?;
    }
    sweep_away(platform, &engine, machine, listed.iter().map(|it| (it.origin.instance.as_str(), it.id.as_str()))).await
}

/// Writes what was seen, unless a worker is at it, or somebody found out something of it since `known`, which was read before
/// its engine was asked: what was seen may be older than that. True when its program keeps ending.
async fn note(
    platform: &Platform,
    known: &Row,
    (found, missed): (Option<&Container>, Option<&Missed>),
) -> Result<bool> {
    let (ctx, id) = (worker(platform), known.id);
    let mut tx = platform.db().begin(&ctx).await?;
    let Some(mut row) = store::lock(&mut tx, id).await? else { return Ok(false) };
    if !store::free(&mut tx, id).await? || row.deleted_at.is_some() {
        return Ok(false);
    }
    let is_known = |row: &Row| (row.container.clone(), row.remakes_done, row.observed_at, row.started_at);
    if is_known(&row) != is_known(known) {
        return Ok(false);
    }
    let before = row.clone();
    let times = missed.and_then(Missed::times);
    let mut events = Vec::new();
    if row.lost_since.take().is_some() {
        events.push(Event::of(Kind::Found));
    }
    events.extend(missed.map(|missed| missed.event(times.as_deref())));
    match found {
        None if row.observed != Observed::Missing => {
            row.observed = Observed::Missing;
            // What is to be made anew is taken away by whoever makes it.
            if !row.is_of_another_spec() {
                events.push(Event::of(Kind::Missing));
            }
        }
        None => {}
        Some(seen) => events.extend(take_over(&mut row, (seen, missed), ctx.now())),
    }
    let changed = !events.is_empty()
        || row.observed != before.observed
        || row.restarting_seen != before.restarting_seen
        || row.out_of_memory != before.out_of_memory
        || row.container != before.container
        || row.remakes_done != before.remakes_done
        || row.started_at != before.started_at
        || row.host_ports != before.host_ports;
    if changed {
        row.observed_at = Some(ctx.now());
        store::save(&mut tx, &row).await?;
    }
    if row.released_at.is_none() && (found.is_none() || !row.is_of_another_spec()) {
        store::settle(&mut tx, &row, ctx.now()).await?;
    }
    let ledger = found.map_or(Some(Seen::Gone), charge::seen);
    charge::follow(platform, &mut tx, &ctx, (&before, row.made_of()), ledger).await?;
    // Each start of a program that keeps ending would be a line.
    for event in events.into_iter().filter(|event| event.kind != Kind::Started || row.restarting_seen == 0) {
        store::note(&mut tx, &ctx, id, event).await?;
    }
    tx.commit().await?;
    Ok(row.restarting_seen >= KEEPS_ENDING && row.wanted == InstanceWish::Running)
}

/// What an engine says of its container now, and what is new in that.
fn take_over(
    row: &mut Row,
    (seen, missed): (&Container, Option<&Missed>),
    now: DateTime<Utc>,
) -> Option<Event<'static>> {
    row.container = Some(seen.id.clone());
    row.remakes_done = made_of::remakes(seen);
    row.restarting_seen = match seen.state {
        State::Restarting { .. } => row.restarting_seen.saturating_add(1),
        // Just started: it may be about to end again.
        State::Running { .. } if now - seen.started_at.unwrap_or(now) < STEADY => row.restarting_seen,
        _ => 0,
    };
    // Of a program that keeps ending the engine may miss it once; one that runs steadily is past it.
    let kept = (row.out_of_memory || missed.is_some_and(Missed::is_out_of_memory)) && row.restarting_seen > 0;
    row.out_of_memory = kept || seen.state.is_out_of_memory();
    let before = row.observed;
    match work::observed(seen.state)? {
        Observed::Ended if before != Observed::Ended => {
            work::seen_ended(row, seen, now);
            Some(work::ended(Kind::Ended, row))
        }
        Observed::Running => {
            let again = seen.started_at > row.started_at && !matches!(seen.state, State::Restarting { .. });
            row.observed = Observed::Running;
            row.host_ports = work::ports(seen);
            row.started_at = seen.started_at.or(row.started_at);
            if matches!(seen.state, State::Restarting { .. }) {
                row.ended_at = seen.finished_at.or(row.ended_at);
            }
            (again || before != Observed::Running).then(|| Event::of(Kind::Started))
        }
        observed => {
            row.observed = observed;
            None
        }
    }
}

/// Stops a program, for this reason; without one it keeps ending, and says how.
async fn end(
    platform: &Platform,
    engine: &Containers,
    id: InstanceId,
    reason: Option<&'static str>,
) -> Result<(), Trouble> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let row = store::find(&mut tx, id).await?;
    tx.commit().await.map_err(Error::from)?;
    let Some((row, container)) = row.and_then(|row| Some((row.clone(), row.container?))) else { return Ok(()) };
    engine.stop(&container, work::GRACE).await?;
    let seen = engine.inspect(&container).await?;
    let out_of_memory = row.out_of_memory || seen.state.is_out_of_memory();
    work::change(platform, &row, charge::seen(&seen), |now, row| {
        work::seen_ended(row, &seen, now);
        row.out_of_memory = out_of_memory;
        Vec::new()
    })
    .await?;
    let reason = reason.unwrap_or(if out_of_memory { "out-of-memory" } else { "keeps-ending" });
    work::give_up(platform, &row, reason, &seen.error).await?;
    Ok(())
}

/// Takes away what is left of instances that are gone, or were given up before they were there.
async fn sweep_away(
    platform: &Platform,
    engine: &Containers,
    machine: MachineId,
    listed: impl Iterator<Item = (&str, &str)>,
) -> Result<(), Trouble> {
    let number = |text: &str| text.parse::<i64>().ok();
    let listed: Vec<(i64, &str)> = listed.filter_map(|(of, id)| Some((number(of)?, id))).collect();
    let volumes = engine.list_volumes().await?;
    let mut asked: Vec<i64> = listed.iter().map(|(of, _)| *of).collect();
    asked.extend(volumes.iter().filter_map(|volume| number(&volume.instance)));
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let gone: HashSet<i64> = store::ids_gone(&mut tx, machine, &asked).await?.into_iter().collect();
    tx.commit().await.map_err(Error::from)?;
    for (of, id) in listed.into_iter().filter(|(of, _)| gone.contains(of)) {
        tracing::warn!(instance = of, container = id, "what is left of an instance is taken away");
        engine.remove(id, true).await?;
    }
    for volume in volumes.iter().filter(|it| number(&it.instance).is_some_and(|of| gone.contains(&of))) {
        engine.remove_filler(&volume.name).await?;
        match engine.remove_volume(&volume.name).await {
            Err(Fault { kind: FaultKind::Busy, .. }) | Ok(()) => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    save::sweep(platform, engine, machine).await?;
    sweep_networks(platform, engine, machine).await
}

/// A customer's network goes with its last instance there: also one that is stopped needs it to start again.
pub(super) async fn sweep_networks(
    platform: &Platform,
    engine: &Containers,
    machine: MachineId,
) -> Result<(), Trouble> {
    let networks = engine.list_networks().await?;
    if networks.is_empty() {
        return Ok(());
    }
    let needed: HashSet<_> = alive_on(platform, machine).await?.into_iter().map(|row| row.customer).collect();
    for network in networks {
        if made_of::customer(&network.owner).is_some_and(|customer| !needed.contains(&customer)) {
            match engine.remove_network(&network.name).await {
                Err(Fault { kind: FaultKind::Busy, .. }) | Ok(()) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
    }
    Ok(())
}

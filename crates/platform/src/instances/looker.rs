//! Has every engine looked at in its turn, for as long as the server runs, what is unsettled there brought on, and what was left
//! running by SSH hung up.

use std::time::Duration;

use contract::{InstanceId, MachineId};
use runtime::docker::FaultKind;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::{disks, look, ssh, terminals, work};
use crate::engines::{self, DueLook};
use crate::{Platform, Result};

/// Looks at a time of one server: most wait for engines that do not answer.
const LOOKS: usize = 32;
/// Instances that one server brings on at a time beside those whose people asked for something.
const WORKS: usize = 8;
/// Machines that one server has measured at a time: an engine reads its disk for it.
const MEASURES: usize = 4;
/// Between two times that it is looked whether it is time to measure somewhere.
const MEASURE: Duration = Duration::from_secs(5);
/// Between two times that it is looked for what a server or a door that is gone left: shells, and programs by SSH.
const SWEEP: Duration = Duration::from_secs(5);
/// Between two looks at a machine with instances, and at one without: what is known of its engine has to be fresh for who
/// places something there.
const BUSY: Duration = Duration::from_secs(5);
const QUIET: Duration = Duration::from_secs(60);

/// Looks until `shutdown`; what was begun then is ended.
pub async fn keep_looking(platform: Platform, shutdown: CancellationToken) {
    let (mut looks, mut works, mut measures) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
    let (mut measured_at, mut swept_at, mut sweeps) = (Instant::now(), Instant::now(), JoinSet::new());
    let mut every = interval(Duration::from_secs(1));
    every.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while shutdown.run_until_cancelled(every.tick()).await.is_some() {
        while works.try_join_next().is_some() {}
        while measures.try_join_next().is_some() {}
        while sweeps.try_join_next().is_some() {}
        if swept_at.elapsed() >= SWEEP && sweeps.is_empty() {
            swept_at = Instant::now();
            sweeps.spawn(sweep(platform.clone()));
        }
        while let Some(ended) = looks.try_join_next() {
            let unsettled: Vec<InstanceId> = ended.unwrap_or_default();
            // Those there is no room for have another look in a moment.
            for id in unsettled.into_iter().take(WORKS.saturating_sub(works.len())) {
                works.spawn(bring_on(platform.clone(), id));
            }
        }
        if measured_at.elapsed() >= MEASURE && measures.len() < MEASURES {
            measured_at = Instant::now();
            match disks::due(&platform, MEASURES.saturating_sub(measures.len())).await {
                Ok(due) => due.into_iter().for_each(|machine| {
                    measures.spawn(measure(platform.clone(), machine));
                }),
                Err(error) => tracing::debug!(%error, "which machines are to be measured could not be read"),
            }
        }
        let due = match engines::due_looks(&platform, LOOKS.saturating_sub(looks.len())).await {
            Ok(due) => due,
            Err(error) => {
                tracing::debug!(%error, "which machines are to be looked at could not be read");
                continue;
            }
        };
        for one in due {
            looks.spawn(look_once(platform.clone(), one));
        }
    }
    // Nothing is half done by it.
    measures.abort_all();
    sweeps.abort_all();
    while looks.join_next().await.is_some() {}
    while works.join_next().await.is_some() {}
}

/// A look at a machine whose turn it is, and those that something is left to be done for.
async fn look_once(platform: Platform, due: DueLook) -> Vec<InstanceId> {
    let (found, again, unsettled) = look_at(&platform, due.machine).await;
    let found = found.map(|fault| fault.map_or(Ok(()), |fault| Err(fault.code())));
    if let Err(error) = engines::looked(&platform, &due, found, again).await {
        tracing::warn!(machine = due.machine.0, %error, "what a look found out could not be written");
    }
    unsettled
}

/// What was found out, if anything was; when to look again, and what is unsettled.
async fn look_at(platform: &Platform, machine: MachineId) -> (Option<Option<FaultKind>>, Duration, Vec<InstanceId>) {
    let looked: Result<_, _> = timeout(engines::LOOK, look::look(platform, machine)).await;
    match looked {
        Ok(Ok(looked)) => (Some(looked.fault), if looked.alive { BUSY } else { QUIET }, looked.unsettled),
        Ok(Err(error)) => {
            tracing::warn!(machine = machine.0, %error, "a machine could not be looked at");
            (None, BUSY, Vec::new())
        }
        Err(_) => {
            // Who is to be made there waits for no look that is too long.
            let unsettled = match look::left_to_do(platform, machine, false).await {
                Ok((_, unsettled)) => unsettled,
                Err(error) => {
                    tracing::debug!(machine = machine.0, %error, "what is left to be done at a machine could not be read");
                    Vec::new()
                }
            };
            (Some(Some(FaultKind::Timeout)), BUSY, unsettled)
        }
    }
}

async fn measure(platform: Platform, machine: MachineId) {
    if let Err(error) = disks::measure_disks(&platform, machine).await {
        tracing::warn!(machine = machine.0, %error, "how much its instances take could not be written");
    }
}

async fn sweep(platform: Platform) {
    match terminals::end_orphaned_terminals(&platform).await {
        Ok(0) => {}
        Ok(shells) => tracing::info!(shells, "shells whose server is gone were ended"),
        Err(error) => tracing::debug!(%error, "shells whose server is gone could not be ended"),
    }
    if let Err(error) = ssh::hang_up_left(&platform).await {
        tracing::debug!(%error, "what is left running by SSH could not be read");
    }
}

async fn bring_on(platform: Platform, id: InstanceId) {
    let done: Result<()> = work::apply(&platform, id).await;
    if let Err(error) = done {
        tracing::warn!(instance = id.0, %error, "an instance could not be brought on; the next look begins again");
    }
}

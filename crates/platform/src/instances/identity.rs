//! Whether the engine that answers at a machine is the one that its instances are on, and what becomes of them where staff go on
//! with another.
//!
//! What is not there is made anew, and its volume is an empty one then: so nothing is made or taken away on an engine that was
//! put in another's place, by a slip in its address, an address that was given to another host, or data that is not mounted.
//! An engine that calls itself as before is the one, whatever is missing there: a data disk that is gone is told by its instance
//! (`data`). One that calls itself otherwise is told by what is there of ours, because an engine that was set up anew with its
//! data has another id; but not where it was given up before, because what is there of ours is older than what is elsewhere.

use std::collections::HashSet;

use contract::engines::EngineLeft;
use contract::instances::InstanceWish;
use contract::{InstanceId, MachineId};
use runtime::docker::containers::Containers;
use runtime::docker::{Endpoint, Fault, FaultKind};

use super::store::{self, Row};
use super::work::{self, Meaning, Trouble};
use super::{charge, data, made_of, notices, worker};
use crate::billing::Seen;
use crate::db::Tx;
use crate::engines::{self, EngineIdentity};
use crate::{OpContext, Platform, Result};

/// An instance whose container is to be on the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Made {
    id: InstanceId,
    container: String,
    /// It is to stay, and has a volume.
    data: bool,
}

/// Of the instances that are not gone. What failed because its disk is gone cannot show that an engine is another one.
fn made(rows: Vec<Row>) -> Vec<Made> {
    let rows = rows.into_iter().filter(|row| row.made_at.is_some() && row.failure.as_deref() != Some(data::GONE));
    rows.filter_map(|row| {
        // What is being deleted may be gone already, and nobody wrote it.
        let data = row.wanted != InstanceWish::Deleted && row.made_of().data_disk_gb > 0;
        Some(Made { id: row.id, container: row.container?, data })
    })
    .collect()
}

/// Of those that were asked for the ones that are still to be there, as they are now.
fn still(asked: &[Made], now: Vec<Made>) -> Vec<Made> {
    let was_asked = |it: &Made| asked.iter().any(|one| one.id == it.id && one.container == it.container);
    now.into_iter().filter(was_asked).collect()
}

/// What an engine calls itself.
#[derive(Clone, Copy, Debug, Default)]
enum Called {
    AsBefore,
    Otherwise,
    /// As one that was given up for another.
    AsGivenUp,
    /// It does not say, or nothing is known of before.
    #[default]
    Unknown,
}

impl Called {
    fn of(known: &EngineIdentity, says: Option<&str>) -> Self {
        match (known.id.as_deref(), says) {
            _ if known.has_given_up(says) => Self::AsGivenUp,
            (Some(kept), Some(says)) if kept == says => Self::AsBefore,
            (Some(_), Some(_)) => Self::Otherwise,
            _ => Self::Unknown,
        }
    }
}

/// What is known of a machine's instances, and what its engine says.
#[derive(Clone, Copy, Debug, Default)]
struct Evidence {
    called: Called,
    /// One of the very containers that were made is there.
    container: bool,
    /// A container or a volume of one of the instances is there.
    anything: bool,
    /// Instances are to stay that have a volume.
    data: bool,
}

impl Evidence {
    fn is_of_another(self) -> bool {
        if self.container {
            return false;
        }
        match self.called {
            Called::AsGivenUp => true,
            Called::AsBefore => false,
            Called::Otherwise => !self.anything,
            // Without an instance that has something to lose there, a container that is gone is only a container.
            Called::Unknown => self.data && !self.anything,
        }
    }
}

/// What was found out: whether it is another one, and what it calls itself.
struct Answered {
    is_other: bool,
    id: Option<String>,
    known: EngineIdentity,
}

/// Before anything is made or taken away: a fault where it is another engine, which is kept and told of once.
pub(super) async fn check(platform: &Platform, engine: &Containers, machine: MachineId) -> Result<(), Trouble> {
    let answered = ask(platform, engine, machine).await?;
    let id = answered.id.as_deref();
    if answered.is_other {
        engines::other_answers(platform, machine, &answered.known, id).await?;
        return Err(Fault::new(FaultKind::OtherEngine, id.unwrap_or_default()).into());
    }
    engines::same_answers(platform, machine, &answered.known, id).await?;
    Ok(())
}

/// Whether another engine answers there, as it is or is to be reached; nothing where none answers, or it is the same one. What
/// was found out of the one that is stored is kept.
pub(crate) async fn other_at(
    platform: &Platform,
    machine: MachineId,
    endpoint: &Endpoint,
    is_stored: bool,
) -> Result<Option<Fault>> {
    let asked = async {
        let engine = work::containers(platform, endpoint).await?;
        if is_stored {
            return check(platform, &engine, machine).await;
        }
        let answered = ask(platform, &engine, machine).await?;
        if answered.is_other {
            return Err(Fault::new(FaultKind::OtherEngine, answered.id.unwrap_or_default()).into());
        }
        Ok(())
    };
    match asked.await {
        Err(Trouble::Ours(error)) => Err(error),
        Err(Trouble::Engine(fault)) if fault.kind == FaultKind::OtherEngine => Ok(Some(fault)),
        Err(Trouble::Engine(_)) | Ok(()) => Ok(None),
    }
}

/// The engine that answers at a machine, whichever it is.
pub(crate) struct Answering {
    /// What it calls itself.
    pub id: Option<String>,
    /// Its volumes that are this installation's, by name.
    pub volumes: HashSet<String>,
}

/// Asks it, before it is gone on with.
///
/// # Errors
/// `NodeUnreachable` where none answers, `EngineFailed` where it does not say.
pub(crate) async fn answering(platform: &Platform, machine: MachineId) -> Result<Answering> {
    let asked = async {
        let engine = work::reach(platform, machine).await?;
        let id = says(&engine).await?;
        let volumes = engine.list_volumes().await?.into_iter().map(|volume| volume.name).collect();
        Ok::<_, Trouble>(Answering { id, volumes })
    };
    asked.await.map_err(Trouble::told)
}

/// Those that begin anew where their machine goes on with another engine.
async fn left(tx: &mut Tx, machine: MachineId) -> Result<(Vec<Row>, EngineLeft)> {
    let mut rows = store::alive_on(tx, machine).await?;
    rows.retain(|row| row.made_at.is_some() && row.container.is_some() && row.wanted != InstanceWish::Deleted);
    let customers: HashSet<i64> = rows.iter().map(|row| row.customer.0).collect();
    let disks = rows.iter().filter(|row| row.made_of().data_disk_gb > 0).count();
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let left =
        EngineLeft { instances: number(rows.len()), customers: number(customers.len()), data_disks: number(disks) };
    Ok((rows, left))
}

/// How many that would be.
pub(crate) async fn left_in_tx(tx: &mut Tx, machine: MachineId) -> Result<EngineLeft> {
    Ok(left(tx, machine).await?.1)
}

/// The machine goes on with another engine, which has these volumes: the containers on the one before are not looked for any
/// more, and whose instances they are of is told what becomes of them. Of how many.
pub(crate) async fn leave_engine_in_tx(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    machine: MachineId,
    volumes: &HashSet<String>,
) -> Result<EngineLeft> {
    let (rows, left) = left(tx, machine).await?;
    let mut empty = Vec::new();
    for row in &rows {
        let disk = made_of::data_volume(&made_of::name_in_tx(tx, row.id).await?);
        let made = match row.made_of().data_disk_gb {
            0 => "engine-anew",
            _ if volumes.contains(&disk) => "engine-found",
            _ => "engine-empty",
        };
        if made == "engine-empty" {
            empty.push(row.id.0);
        }
        notices::engine_left(platform, tx, ctx, row, made).await?;
        // Nobody saw the run on the one before end.
        charge::follow(platform, tx, ctx, (row, row.made_of()), Some(Seen::Gone)).await?;
    }
    store::forget_containers(tx, machine, &empty).await?;
    Ok(left)
}

async fn ask(platform: &Platform, engine: &Containers, machine: MachineId) -> Result<Answered, Trouble> {
    let (asked, known) = known_on(platform, machine).await?;
    if asked.is_empty() {
        let id = says(engine).await?;
        let is_other = known.has_given_up(id.as_deref());
        let id = if is_other { id } else { id.or_else(|| known.id.clone()) };
        return Ok(Answered { is_other, id, known });
    }
    let listed = engine.list().await?;
    let made: HashSet<&str> = asked.iter().map(|it| it.container.as_str()).collect();
    let container = listed.iter().any(|it| made.contains(it.id.as_str()));
    if container && known.is_known(worker(platform).now()) {
        // The rule, at each step of each instance: one question is enough.
        return Ok(Answered { is_other: false, id: known.id.clone(), known });
    }
    let says = says(engine).await?;
    let volumes = engine.list_volumes().await?;
    let judge = |made: &[Made]| {
        let names: HashSet<String> = made.iter().map(|it| it.id.to_string()).collect();
        let evidence = Evidence {
            called: Called::of(&known, says.as_deref()),
            container,
            anything: listed.iter().any(|it| names.contains(&it.origin.instance))
                || volumes.iter().any(|it| names.contains(&it.instance)),
            data: made.iter().any(|it| it.data),
        };
        evidence.is_of_another()
    };
    let mut is_other = judge(&asked);
    if is_other && !known.has_given_up(says.as_deref()) {
        // What was deleted between question and answer was rightly not there.
        let still = still(&asked, known_on(platform, machine).await?.0);
        is_other = !still.is_empty() && judge(&still);
    }
    let id = if is_other { says } else { says.or_else(|| known.id.clone()) };
    Ok(Answered { is_other, id, known })
}

/// The instances whose containers are to be on a machine's engine, and what is known of that one.
async fn known_on(platform: &Platform, machine: MachineId) -> Result<(Vec<Made>, EngineIdentity)> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let rows = store::alive_on(&mut tx, machine).await?;
    let known = engines::identity_in_tx(&mut tx, machine).await?;
    tx.commit().await?;
    Ok((made(rows), known))
}

/// Its id; nothing where it is one that does not say.
async fn says(engine: &Containers) -> Result<Option<String>, Fault> {
    match engine.identity().await {
        Err(fault) if work::kind_of(fault.kind) != Meaning::Unreachable => Ok(None),
        said => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_another_where_its_id_is_another_and_nothing_of_ours_is_there() {
        let of = |called: Called| {
            let evidence = Evidence { called, data: true, ..Evidence::default() };
            [
                evidence,
                Evidence { data: false, ..evidence },
                Evidence { anything: true, ..evidence },
                Evidence { container: true, anything: true, ..evidence },
            ]
            .map(Evidence::is_of_another)
        };
        assert_eq!(of(Called::AsBefore), [false, false, false, false]);
        assert_eq!(of(Called::Otherwise), [true, true, false, false], "what is there of ours was set up anew with it");
        assert_eq!(of(Called::AsGivenUp), [true, true, true, false], "what is there of ours was left there");
        assert_eq!(of(Called::Unknown), [true, false, false, false]);
    }

    #[test]
    fn what_was_deleted_meanwhile_was_not_to_be_there() {
        let made = |id: i64, container: &str| Made { id: InstanceId(id), container: container.to_owned(), data: true };
        let asked = [made(1, "a"), made(2, "b"), made(3, "c")];
        assert_eq!(still(&asked, vec![made(2, "d"), made(3, "c"), made(4, "e")]), [made(3, "c")]);
        assert!(still(&asked, Vec::new()).is_empty());
    }
}

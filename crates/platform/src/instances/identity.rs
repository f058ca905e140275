//! Whether the engine that answers at a machine is the one that its instances are on.
//!
//! What is not there is made anew, and its volume is an empty one then: so nothing is made or taken away on an engine that was
//! put in another's place, by a slip in its address, an address that was given to another host, or data that is not mounted.
//! An engine's id does not tell all of that, because some keep it beside their configuration; what is there of ours tells it.

use std::collections::HashSet;

use contract::MachineId;
use contract::instances::InstanceWish;
use runtime::docker::containers::Containers;
use runtime::docker::{Endpoint, Fault, FaultKind};

use super::work::{self, Meaning, Trouble};
use super::{data, store, worker};
use crate::db::Tx;
use crate::engines::{self, EngineIdentity};
use crate::{Error, Platform, Result};

/// What is known of a machine's instances, and what its engine says.
#[derive(Clone, Copy, Debug, Default)]
struct Evidence<'a> {
    /// The id that was kept, and the one that it says.
    ids: (Option<&'a str>, Option<&'a str>),
    /// One of the very containers that were made is there.
    container: bool,
    /// A container or a volume of one of the instances is there.
    anything: bool,
    /// Instances are to stay that have a volume.
    data: bool,
}

impl Evidence<'_> {
    fn is_of_another(self) -> bool {
        if self.container {
            return false;
        }
        let differs = matches!(self.ids, (Some(kept), Some(says)) if kept != says);
        // Without an instance that has something to lose there, a container that is gone is only a container.
        differs || (self.data && !self.anything)
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

/// The containers of a machine's instances are not looked for any more: they are on an engine that is given up. Of how many.
pub(crate) async fn forget_containers_in_tx(tx: &mut Tx, machine: MachineId) -> Result<u64> {
    store::forget_containers(tx, machine).await
}

async fn ask(platform: &Platform, engine: &Containers, machine: MachineId) -> Result<Answered, Trouble> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let mut rows = store::alive_on(&mut tx, machine).await?;
    let known = engines::identity_in_tx(&mut tx, machine).await?;
    tx.commit().await.map_err(Error::from)?;
    // What failed because its disk is gone cannot show that an engine is another one.
    let is_there = |row: &store::Row| row.container.is_some() && row.failure.as_deref() != Some(data::GONE);
    rows.retain(|row| row.made_at.is_some() && is_there(row));
    if rows.is_empty() {
        let id = says(engine).await?.or_else(|| known.id.clone());
        return Ok(Answered { is_other: false, id, known });
    }
    let listed = engine.list().await?;
    let made: HashSet<&str> = rows.iter().filter_map(|row| row.container.as_deref()).collect();
    let container = listed.iter().any(|it| made.contains(it.id.as_str()));
    if container && known.id.is_some() {
        // The rule, at each step of each instance: one question is enough.
        return Ok(Answered { is_other: false, id: known.id.clone(), known });
    }
    let says = says(engine).await?;
    let volumes = engine.list_volumes().await?;
    let names: HashSet<String> = rows.iter().map(|row| row.id.to_string()).collect();
    let evidence = Evidence {
        ids: (known.id.as_deref(), says.as_deref()),
        container,
        anything: listed.iter().any(|it| names.contains(&it.origin.instance))
            || volumes.iter().any(|it| names.contains(&it.instance)),
        // What is being deleted may be gone already, and nobody wrote it.
        data: rows.iter().any(|row| row.wanted != InstanceWish::Deleted && row.made_of().data_disk_gb > 0),
    };
    let is_other = evidence.is_of_another();
    let id = if is_other { says } else { says.or_else(|| known.id.clone()) };
    Ok(Answered { is_other, id, known })
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
    fn an_engine_is_another_where_its_id_is_or_nothing_of_ours_is_there() {
        let same = Evidence { ids: (Some("A"), Some("A")), data: true, ..Evidence::default() };
        let other = Evidence { ids: (Some("A"), Some("B")), ..same };
        let silent = Evidence { ids: (Some("A"), None), ..same };
        let of = |evidence: Evidence<'_>| {
            [
                evidence,
                Evidence { data: false, ..evidence },
                Evidence { anything: true, ..evidence },
                Evidence { container: true, anything: true, ..evidence },
            ]
            .map(Evidence::is_of_another)
        };
        assert_eq!(of(same), [true, false, false, false], "its data is not there");
        assert_eq!(of(other), [true, true, true, false], "a container is on one engine alone");
        assert_eq!(of(silent), [true, false, false, false]);
        assert_eq!(of(Evidence { ids: (None, Some("B")), ..same }), [true, false, false, false]);
    }
}

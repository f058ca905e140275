//! How a program ended that its engine started again since by itself, before anybody looked.

use contract::instances::{InstanceEventKind as Kind, Observed};
use runtime::docker::Fault;
use runtime::docker::containers::{Container, Containers, Ended};

use super::store::{Event, Row};
use super::work::{self, Meaning};

/// In its history, of an end that the engine does not know any more.
const UNSEEN: &str = "unseen";

/// That the run which was known is over, and another one began.
pub(super) struct Missed {
    /// The last end before the run of now, where the engine still knows it.
    last: Option<Ended>,
    /// How many there were, as far as it knows.
    times: usize,
}

impl Missed {
    /// Something in it was over its memory.
    pub(super) fn is_out_of_memory(&self) -> bool {
        self.last.is_some_and(|last| last.out_of_memory)
    }

    /// How often, where that was more than once: the last one alone is told.
    pub(super) fn times(&self) -> Option<String> {
        (self.times > 1).then(|| format!("\u{d7} {}", self.times))
    }

    /// The line of its history.
    pub(super) fn event<'a>(&self, times: Option<&'a str>) -> Event<'a> {
        let reason = match self.last {
            Some(last) => why(last.code, last.out_of_memory),
            None => Some(UNSEEN),
        };
        Event { reason, detail: times, exit_code: self.last.map(|last| last.code), ..Event::of(Kind::Ended) }
    }
}

/// Why a program ended, where that is known. Something in it may have been over its memory, and the program gone on.
pub(super) fn why(code: i32, out_of_memory: bool) -> Option<&'static str> {
    const KILLED: i32 = 128 + 9;
    const ASKED: i32 = 128 + 15;
    match code {
        0 | ASKED => None,
        _ if out_of_memory => Some("out-of-memory"),
        KILLED => Some("killed"),
        _ => None,
    }
}

/// Asks the engine, where it says that another run began than is known. Nothing where there is nothing to ask: how the last run
/// ended is told by what its container is now.
///
/// # Errors
/// The engine could not be asked. Where it does not say, it is not known.
pub(super) async fn ask(engine: &Containers, row: &Row, seen: &Container) -> Result<Option<Missed>, Fault> {
    let Some((known, began)) = row.started_at.zip(seen.started_at) else { return Ok(None) };
    let same = row.container.as_deref() == Some(seen.id.as_str());
    // What people asked for, a worker does and tells.
    let asked_for = row.restarts_done < row.restarts_wanted || row.is_of_another_spec();
    if !same || asked_for || row.observed != Observed::Running || began <= known {
        return Ok(None);
    }
    let ends = match engine.ends(&seen.id, known, began).await {
        Err(fault) if work::kind_of(fault.kind) == Meaning::Final => {
            tracing::warn!(instance = row.id.0, %fault, "an engine does not say how a program ended");
            Vec::new()
        }
        ends => ends?,
    };
    Ok(Some(Missed { last: ends.last().copied(), times: ends.len() }))
}

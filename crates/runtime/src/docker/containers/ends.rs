//! How a container ended that its engine has started again since: what it is now does not say that any more.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::Containers;
use super::events::{Change, Event, Notice, Reader, seconds};
use super::lifecycle::good;
use super::wire::{Ask, QUICK};
use crate::docker::Fault;

/// What is asked for.
const ACTIONS: [&str; 3] = ["start", "die", "oom"];

/// An end that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// As of [`super::State::Exited`].
    pub code: i32,
    /// Something in it was ended before because it was over its memory.
    pub out_of_memory: bool,
    pub at: DateTime<Utc>,
}

impl Containers {
    /// Each end of a container that ran at `from`, until it was started last at `until`, the oldest first. Both are times of the
    /// engine and past. It keeps its newest events (256 of all kinds) and loses them when it ends: what it forgot is not there.
    ///
    /// # Errors
    /// As everything here.
    pub async fn ends(&self, id: &str, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Ended>, Fault> {
        let nanos = |at: DateTime<Utc>| at.timestamp_nanos_opt().filter(|nanos| *nanos > 0);
        let Some((since, until)) = nanos(from).zip(nanos(until)).filter(|(since, until)| since < until) else {
            return Ok(Vec::new());
        };
        let filters = json!({ "type": ["container"], "container": [id], "event": ACTIONS });
        let ask = Ask::get("/events").with("since", seconds(since)).with("until", seconds(until));
        let answer = self.wire.ask(ask.with("filters", filters), QUICK).await?;
        let mut reader = Reader::new(None);
        reader.push(&good(&answer)?);
        Ok(read(reader.ready, id))
    }
}

/// Of a container that ran before.
fn read(told: VecDeque<Notice>, id: &str) -> Vec<Ended> {
    let of_it = |notice: Notice| match notice {
        Notice::Event(event) if event.container == id => Some(event),
        Notice::Event(_) | Notice::Resync => None,
    };
    let mut ends: Vec<Ended> = Vec::new();
    let (mut runs, mut over) = (true, false);
    for Event { change, at, .. } in told.into_iter().filter_map(of_it) {
        match change {
            Change::Started => (runs, over) = (true, false),
            Change::OutOfMemory => {
                over = true;
                // The kernel's word of it may come after that of the end.
                if let (false, Some(last)) = (runs, ends.last_mut()) {
                    last.out_of_memory = true;
                }
            }
            Change::Ended { code } => {
                ends.push(Ended { code, out_of_memory: over, at });
                (runs, over) = (false, false);
            }
            _ => {}
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "e2171973164d9e6cdb646b30385bc55042370dd2041052a16b712c67841c25ca";

    fn line(id: &str, action: &str, code: &str, nanos: i64) -> String {
        let attributes = json!({ "name": "c1", "exitCode": code, "remotegpu.instance": "7" });
        let event = json!({ "Type": "container", "Action": action, "Actor": { "ID": id, "Attributes": attributes },
            "timeNano": nanos });
        format!("{event}\n")
    }

    #[test]
    fn each_end_is_told_with_its_reason() {
        let mut reader = Reader::new(None);
        let lines = [
            line(ID, "die", "137", 1),
            line(ID, "start", "", 2),
            line(ID, "oom", "", 3),
            line(ID, "die", "137", 4),
            line(ID, "start", "", 5),
            line("another", "oom", "", 6),
            line(ID, "die", "137", 7),
            // Late.
            line(ID, "oom", "", 8),
            line(ID, "start", "", 9),
            line(ID, "die", "3", 10),
        ];
        reader.push(lines.concat().as_bytes());
        let ends = read(reader.ready, ID);
        let told: Vec<_> =
            ends.iter().map(|end| (end.code, end.out_of_memory, end.at.timestamp_nanos_opt().unwrap())).collect();
        assert_eq!(told, [(137, false, 1), (137, true, 4), (137, true, 7), (3, false, 10)]);
    }
}

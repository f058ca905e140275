//! What happens to containers, told as it happens, and picked up where it was left.
//!
//! An engine keeps its newest events (256 of all kinds), and loses them when it ends. Asked for those since a time, it tells
//! what it kept from then on and goes on with what happens, without a word in between. So whoever comes back asks from the
//! very event that was seen last: if the engine still has that one, it tells it again, everything told before it was seen, and
//! nothing is missing after it. If it does not come, something may be missing, and that is said ([`Notice::Resync`]).

use std::collections::VecDeque;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout_at};

use super::Containers;
use super::labels::{INSTANCE, filter};
use super::lines::Lines;
use super::refusal::{Doing, refusal};
use super::spec::is_word;
use super::state::{Health, word};
use super::wire::{Ask, Flow, json as read};
use crate::docker::{Fault, FaultKind};

/// Longest event, bytes: the labels of a container and its image are in it.
const MAX_EVENT: usize = 1 << 20;
/// Within this, the event that was seen last is told again. Where it takes longer, nothing is lost: all is looked at once more.
const AGAIN: Duration = Duration::from_secs(2);
/// Most events that are held until it is.
const MAX_HELD: usize = 1024;
/// After this long without an event the connection may have died without a word.
const SILENCE: Duration = Duration::from_secs(120);
/// What is asked for. Not what is run in a container: such an event has the command in it.
const ACTIONS: [&str; 9] = ["create", "start", "die", "oom", "destroy", "pause", "unpause", "rename", "health_status"];

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something may have been missed: look at all containers now. What happens from now on is told after this.
    Resync,
    Event(Event),
}

/// Something happened to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The container's id.
    pub container: String,
    pub name: String,
    /// See [`super::ContainerSpec::instance`].
    pub instance: String,
    pub change: Change,
    pub at: DateTime<Utc>,
    /// Where to go on after it.
    pub mark: EventMark,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Created,
    Started,
    /// Something in it was ended because it was over its memory; it may run on.
    OutOfMemory,
    Ended {
        /// As of [`super::State::Exited`].
        code: i32,
    },
    /// It is no more.
    Removed,
    Paused,
    Continued,
    Renamed,
    Health(Health),
}

/// An event that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventMark {
    /// The engine's time of it, since 1970.
    nanos: i64,
    /// A hash of it.
    hash: u64,
}

/// To be kept: `1795732552992219865-00af…`.
impl std::fmt::Display for EventMark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{:016x}", self.nanos, self.hash)
    }
}

impl FromStr for EventMark {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (nanos, hash) = text.split_once('-').ok_or(())?;
        let plain = hash.len() == 16 && hash.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        let nanos = nanos.parse().ok().filter(|nanos| *nanos > 0 && plain).ok_or(())?;
        Ok(Self { nanos, hash: u64::from_str_radix(hash, 16).map_err(|_| ())? })
    }
}

#[derive(Deserialize)]
struct RawEvent {
    #[serde(rename = "Type")]
    typ: String,
    #[serde(rename = "Action")]
    action: String,
    #[serde(rename = "Actor")]
    actor: RawActor,
    #[serde(rename = "timeNano")]
    nanos: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawActor {
    #[serde(rename = "ID")]
    id: String,
    #[serde(default)]
    attributes: std::collections::BTreeMap<String, String>,
}

impl RawEvent {
    /// `None`: nothing that is told of.
    fn event(self) -> Option<Event> {
        let attribute = |key: &str| self.actor.attributes.get(key);
        let change = match self.action.as_str() {
            "create" => Change::Created,
            "start" => Change::Started,
            "oom" => Change::OutOfMemory,
            "die" => Change::Ended { code: attribute("exitCode").and_then(|code| code.parse().ok())? },
            "destroy" => Change::Removed,
            "pause" => Change::Paused,
            "unpause" => Change::Continued,
            "rename" => Change::Renamed,
            action => Change::Health(Health::read(action.strip_prefix("health_status: ")?)?),
        };
        let mut hash = Sha256::new();
        for part in [&self.actor.id, &self.action] {
            hash.update(part);
            hash.update([0]);
        }
        hash.update(self.nanos.to_be_bytes());
        let hash = hash.finalize();
        let hash = hash.iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte));
        let plain = self.typ == "container" && self.nanos > 0 && is_word(&self.actor.id);
        plain.then_some(Event {
            container: self.actor.id.clone(),
            name: attribute("name").map(|name| word(name)).unwrap_or_default(),
            instance: attribute(INSTANCE).filter(|it| is_word(it))?.clone(),
            change,
            at: DateTime::from_timestamp_nanos(self.nanos),
            mark: EventMark { nanos: self.nanos, hash },
        })
    }
}

/// What comes over one connection. It ends with a fault, always; whoever wants more asks anew, after the last mark.
pub struct Events {
    flow: Flow,
    reader: Reader,
    ended: bool,
}

impl Containers {
    /// What happens to ours after `after`; without it, from now on, beginning with [`Notice::Resync`].
    ///
    /// # Errors
    /// As everything here.
    pub async fn events(&self, after: Option<EventMark>) -> Result<Events, Fault> {
        // The engine answers before it listens to itself: from its own time on, nothing is between the two.
        let since = match after {
            Some(mark) => seconds(mark.nanos),
            None => self.wire.time().await?.timestamp().to_string(),
        };
        let filters = json!({ "type": ["container"], "label": [filter(&self.installation)], "event": ACTIONS });
        let ask = Ask::get("/events").with("since", since).with("filters", filters);
        let flow = self.wire.flow(ask).await?.map_err(|answer| refusal(Doing::Other, &answer))?;
        Ok(Events { flow, reader: Reader::new(after), ended: false })
    }
}

impl Events {
    /// The next one. `None` after a fault.
    pub async fn next(&mut self) -> Option<Result<Notice, Fault>> {
        loop {
            if let Some(notice) = self.reader.ready.pop_front() {
                return Some(Ok(notice));
            }
            if self.ended {
                return None;
            }
            let until = self.reader.until.unwrap_or_else(|| Instant::now() + SILENCE);
            let fault = match timeout_at(until, self.flow.next()).await {
                Ok(Some(Ok(bytes))) => {
                    self.reader.push(&bytes);
                    continue;
                }
                Err(_) if self.reader.until.is_some() => {
                    self.reader.give_up();
                    continue;
                }
                Ok(Some(Err(fault))) => fault,
                Ok(None) => Fault::new(FaultKind::Closed, "the engine ended its events"),
                Err(_) => Fault::new(FaultKind::Timeout, format!("nothing happened for {} s", SILENCE.as_secs())),
            };
            // What is held stays untold, and is told to whoever asks anew.
            self.ended = true;
            return Some(Err(fault));
        }
    }
}

/// Bytes to notices.
pub(super) struct Reader {
    lines: Lines,
    /// What is told next.
    pub(super) ready: VecDeque<Notice>,
    /// The event that has to come again before anything else is told.
    awaited: Option<EventMark>,
    held: Vec<Event>,
    /// One that did not come in time, and was seen all the same.
    late: Option<EventMark>,
    /// Until when it is waited for.
    until: Option<Instant>,
}

impl Reader {
    pub(super) fn new(after: Option<EventMark>) -> Self {
        let ready = if after.is_none() { VecDeque::from([Notice::Resync]) } else { VecDeque::new() };
        let until = after.map(|_| Instant::now() + AGAIN);
        Self { lines: Lines::new(MAX_EVENT), ready, awaited: after, held: Vec::new(), late: None, until }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let mut lines = std::mem::replace(&mut self.lines, Lines::new(MAX_EVENT));
        lines.push(bytes, |line| self.line(line));
        self.lines = lines;
    }

    fn line(&mut self, line: Option<&[u8]>) {
        let event = match line.map(read::<RawEvent>) {
            Some(Ok(event)) => event.event(),
            // Whatever it was, it may have been about one of ours.
            _ => return self.give_up(),
        };
        match (event, self.awaited) {
            (None, _) => {}
            (Some(event), None) if self.late == Some(event.mark) => {}
            (Some(event), None) => self.ready.push_back(Notice::Event(event)),
            (Some(event), Some(awaited)) if event.mark == awaited => {
                // The engine's order is the same each time: what it told before this was seen before this.
                self.held.clear();
                (self.awaited, self.until) = (None, None);
            }
            (Some(event), Some(_)) => {
                self.held.push(event);
                if self.held.len() > MAX_HELD {
                    self.give_up();
                }
            }
        }
    }

    /// Something may be missing, such as the awaited event.
    pub(super) fn give_up(&mut self) {
        self.late = self.awaited.take().or(self.late);
        self.until = None;
        if self.ready.back() != Some(&Notice::Resync) {
            self.ready.push_back(Notice::Resync);
        }
        self.ready.extend(self.held.drain(..).map(Notice::Event));
    }
}

/// As an engine reads a time.
pub(super) fn seconds(nanos: i64) -> String {
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "e2171973164d9e6cdb646b30385bc55042370dd2041052a16b712c67841c25ca";

    fn line(action: &str, nanos: i64) -> String {
        let attributes = json!({ "image": "bb:1", "name": "c1", "exitCode": "137", "remotegpu.instance": "7" });
        let event = json!({ "status": action, "id": ID, "Type": "container", "Action": action,
            "Actor": { "ID": ID, "Attributes": attributes }, "scope": "local", "time": 1, "timeNano": nanos });
        format!("{event}\n")
    }

    fn told(reader: &mut Reader, lines: &[String]) -> Vec<String> {
        reader.push(lines.concat().as_bytes());
        let one = |notice| match notice {
            Notice::Resync => "resync".to_owned(),
            Notice::Event(event) => format!("{:?} {}", event.change, event.mark.nanos),
        };
        reader.ready.drain(..).map(one).collect()
    }

    fn mark(action: &str, nanos: i64) -> EventMark {
        let mut reader = Reader::new(None);
        reader.push(line(action, nanos).as_bytes());
        let Some(Notice::Event(event)) = reader.ready.pop_back() else { panic!("it is one") };
        event.mark
    }

    #[tokio::test]
    async fn what_happened_is_read_and_the_rest_is_not_told() {
        let mut reader = Reader::new(None);
        let lines =
            ["create", "start", "oom", "die", "health_status: unhealthy", "exec_start: sh -c x", "destroy", "new"];
        let lines: Vec<String> = lines.iter().zip(1..).map(|(action, nanos)| line(action, nanos)).collect();
        let expected = [
            "resync",
            "Created 1",
            "Started 2",
            "OutOfMemory 3",
            "Ended { code: 137 } 4",
            "Health(Unhealthy) 5",
            "Removed 7",
        ];
        assert_eq!(told(&mut reader, &lines), expected);
        // What is no event may have been one.
        assert_eq!(
            told(&mut reader, &["{}\n".to_owned(), "x\n".to_owned(), line("start", 9)]),
            ["resync", "Started 9"]
        );
        let strangers = line("start", 10).replace("remotegpu.instance", "other");
        assert!(told(&mut reader, &[strangers]).is_empty());
    }

    #[tokio::test]
    async fn who_comes_back_misses_nothing_and_hears_nothing_twice() {
        let seen = mark("start", 5);
        let mut reader = Reader::new(Some(seen));
        // Two that happened at once are told in the engine's order, which is not always that of their times.
        assert!(told(&mut reader, &[line("create", 6)]).is_empty(), "it waits for what was seen");
        assert_eq!(told(&mut reader, &[line("start", 5), line("die", 7)]), ["Ended { code: 137 } 7"]);
        // An engine that began anew does not know it.
        let mut reader = Reader::new(Some(seen));
        assert!(told(&mut reader, &[line("die", 8)]).is_empty());
        reader.give_up();
        assert_eq!(
            told(&mut reader, &[line("start", 5), line("start", 9)]),
            ["resync", "Ended { code: 137 } 8", "Started 9"]
        );
    }

    #[test]
    fn marks_are_kept_as_text() {
        let seen = mark("start", 1_795_732_552_992_219_865);
        assert_eq!(seen.to_string().parse(), Ok(seen));
        assert_eq!(seconds(seen.nanos), "1795732552.992219865");
        assert_eq!(seconds(1_000_000_001), "1.000000001");
        for bad in
            ["", "1", "1-", "-1-0123456789abcdef", "1-0123456789ABCDEF", "1-+123456789abcdef", "0-0123456789abcdef"]
        {
            assert!(bad.parse::<EventMark>().is_err(), "{bad}");
        }
        assert_ne!(mark("start", 5), mark("die", 5));
        assert_ne!(mark("start", 5), mark("start", 6));
    }
}

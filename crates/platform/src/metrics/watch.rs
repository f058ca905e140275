//! Topics of `/ws/live`: snapshot, then deltas with a sequence, encoded once for all watchers of this server.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use contract::Permission;
use contract::live::{FLEET_TOPIC, LiveData, Position, ServerMessage, WALL_TOPIC};
use contract::metrics::{FleetTotals, MachineLive, WallTile};
use tokio::sync::broadcast;

use super::hub::{Entry, State, live_of};
use super::{hub, tiles};
use crate::allocations::{self, HoldingWatch};
use crate::authz::{MachineRef, Scope, ViewMetrics};
use crate::{Error, OpContext, Platform, Result, machines};

/// Deltas kept for those who come back.
const RING: usize = 60;

type Message = (u64, Arc<str>);

/// One topic of this server.
struct Topic {
    epoch: String,
    seq: u64,
    ring: VecDeque<Message>,
    sender: broadcast::Sender<Message>,
}

impl Topic {
    fn new() -> Self {
        Self {
            epoch: uuid::Uuid::new_v4().simple().to_string(),
            seq: 0,
            ring: VecDeque::new(),
            sender: broadcast::channel(32).0,
        }
    }

    fn send(&mut self, topic: &str, data: LiveData) {
        self.seq += 1;
        let message = ServerMessage::Delta { topic: topic.to_owned(), epoch: self.epoch.clone(), seq: self.seq, data };
        let text = encode(&message);
        self.ring.push_back((self.seq, text.clone()));
        if self.ring.len() > RING {
            self.ring.pop_front();
        }
        // Nobody listening is fine.
        let _ = self.sender.send((self.seq, text));
    }

    /// What somebody missed, when it is all still here.
    fn missed(&self, position: &Position) -> Option<Vec<Arc<str>>> {
        if position.epoch != self.epoch || position.seq > self.seq {
            return None;
        }
        let oldest = self.ring.front().map_or(self.seq + 1, |(seq, _)| *seq);
        (position.seq + 1 >= oldest)
            .then(|| self.ring.iter().filter(|(seq, _)| *seq > position.seq).map(|(_, text)| text.clone()).collect())
    }
}

/// Every topic somebody watches or watched lately.
#[derive(Default)]
pub(super) struct Topics {
    wall: Option<Topic>,
    /// The wall of those who do not see allocations.
    plain: Option<Topic>,
    tiles: BTreeMap<String, WallTile>,
    fleet: Option<(Topic, FleetTotals)>,
    machines: HashMap<String, (Topic, Option<MachineLive>)>,
}

impl Topics {
    fn wall_of(&mut self, name: &TopicName) -> &mut Option<Topic> {
        if *name == TopicName::PlainWall { &mut self.plain } else { &mut self.wall }
    }

    pub(super) fn watched(&self) -> bool {
        [&self.wall, &self.plain].into_iter().flatten().any(|topic| topic.sender.receiver_count() > 0)
            || self.fleet.as_ref().is_some_and(|(topic, _)| topic.sender.receiver_count() > 0)
            || self.machines.values().any(|(topic, _)| topic.sender.receiver_count() > 0)
    }
}

impl State {
    /// Sends what changed to whoever watches.
    pub(super) fn tell(&mut self, now: DateTime<Utc>) {
        let State { catalog, entries, topics, .. } = self;
        let none = Entry::default();
        let Topics { wall, plain, tiles: shown, fleet, machines } = topics;
        if fleet.as_ref().is_some_and(|(topic, _)| topic.sender.receiver_count() == 0) {
            *fleet = None;
        }
        if let Some((topic, shown)) = fleet {
            let totals = totals(catalog, entries, now);
            if *shown != totals {
                *shown = totals.clone();
                topic.send(FLEET_TOPIC, LiveData::Fleet(totals));
            }
        }
        if wall.is_some() || plain.is_some() {
            let mut changed = Vec::new();
            for machine in catalog.values() {
                let tile = tiles::tile(machine, entries.get(&machine.code).unwrap_or(&none), now);
                if shown.get(&machine.code).is_none_or(|before| differs(before, &tile)) {
                    shown.insert(machine.code.clone(), tile.clone());
                    changed.push(tile);
                }
            }
            let gone: Vec<String> = shown.keys().filter(|code| !catalog.contains_key(*code)).cloned().collect();
            for code in &gone {
                shown.remove(code);
            }
            if !changed.is_empty() || !gone.is_empty() {
                if let Some(topic) = plain {
                    let tiles = changed.iter().cloned().map(WallTile::without_lease).collect();
                    topic.send(WALL_TOPIC, LiveData::WallChange { tiles, gone: gone.clone() });
                }
                if let Some(topic) = wall {
                    topic.send(WALL_TOPIC, LiveData::WallChange { tiles: changed, gone });
                }
            }
        }
        machines.retain(|_, (topic, _)| topic.sender.receiver_count() > 0);
        for (code, (topic, shown)) in machines {
            let Some(machine) = catalog.get(code) else { continue };
            let live = live_of(machine, entries.get(code).unwrap_or(&none), now);
            if shown.as_ref() != Some(&live) {
                *shown = Some(live.clone());
                topic.send(&contract::live::machine_topic(code), LiveData::Machine(Box::new(live)));
            }
        }
    }

    fn topic(&mut self, name: &TopicName, now: DateTime<Utc>) -> &mut Topic {
        match name {
            TopicName::Wall | TopicName::PlainWall => {
                if self.topics.wall_of(name).is_none() {
                    *self.topics.wall_of(name) = Some(Topic::new());
                    self.tell(now); // fills the tiles that deltas are measured against
                }
                self.topics.wall_of(name).get_or_insert_with(Topic::new)
            }
            TopicName::Fleet => &mut self.topics.fleet.get_or_insert_with(|| (Topic::new(), FleetTotals::default())).0,
            TopicName::Machine(code) => {
                &mut self.topics.machines.entry(code.clone()).or_insert_with(|| (Topic::new(), None)).0
            }
        }
    }

    /// The whole state with the sequence it belongs to.
    fn snapshot(&mut self, name: &TopicName, now: DateTime<Utc>) -> Option<Message> {
        let data = match name {
            TopicName::Wall | TopicName::PlainWall => {
                self.topic(name, now);
                // Nobody may have watched for a while: what was shown last is then not what is.
                self.tell(now);
                let mut machines: Vec<_> = self.topics.tiles.values().cloned().collect();
                if *name == TopicName::PlainWall {
                    machines = machines.into_iter().map(WallTile::without_lease).collect();
                }
                LiveData::Wall(contract::metrics::WallSnapshot { machines, at: Some(now) })
            }
            TopicName::Fleet => LiveData::Fleet(totals(&self.catalog, &self.entries, now)),
            TopicName::Machine(code) => {
                let entry = self.entries.get(code).cloned().unwrap_or_default();
                LiveData::Machine(Box::new(live_of(self.catalog.get(code)?, &entry, now)))
            }
        };
        let topic = self.topic(name, now);
        let (epoch, seq) = (topic.epoch.clone(), topic.seq);
        Some((seq, encode(&ServerMessage::Snapshot { topic: name.text(), epoch, seq, data })))
    }
}

fn totals(
    catalog: &BTreeMap<String, hub::Catalog>,
    entries: &HashMap<String, Entry>,
    now: DateTime<Utc>,
) -> FleetTotals {
    let none = Entry::default();
    let tiles: Vec<_> = catalog
        .values()
        .map(|machine| tiles::tile(machine, entries.get(&machine.code).unwrap_or(&none), now))
        .collect();
    FleetTotals::of(tiles.iter())
}

/// The instant alone is a change only every few seconds: often enough that a page does not call a quiet machine's
/// figures old, and not every tile every second.
fn differs(before: &WallTile, after: &WallTile) -> bool {
    let aged = after.at.unwrap_or(0) - before.at.unwrap_or(0) >= 3;
    aged || WallTile { at: None, ..before.clone() } != WallTile { at: None, ..after.clone() }
}

fn encode(message: &ServerMessage) -> Arc<str> {
    serde_json::to_string(message).expect("live messages have string keys only").into()
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TopicName {
    Wall,
    /// The same without who has what.
    PlainWall,
    Fleet,
    Machine(String),
}

impl TopicName {
    pub(super) fn parse(text: &str) -> Result<Self> {
        match text.strip_prefix("machine/") {
            Some(code) if contract::machines::is_valid_code(code) => Ok(Self::Machine(code.to_owned())),
            None if text == WALL_TOPIC => Ok(Self::Wall),
            None if text == FLEET_TOPIC => Ok(Self::Fleet),
            _ => Err(Error::not_found()),
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Wall | Self::PlainWall => WALL_TOPIC.to_owned(),
            Self::Fleet => FLEET_TOPIC.to_owned(),
            Self::Machine(code) => contract::live::machine_topic(code),
        }
    }
}

/// An open subscription. Dropping it ends it.
pub struct TopicWatch {
    name: TopicName,
    right: Arc<TopicRight>,
    pending: VecDeque<Arc<str>>,
    receiver: broadcast::Receiver<Message>,
    sent: u64,
    platform: Platform,
}

/// The right to a topic, followed while it is open.
pub struct TopicRight {
    name: TopicName,
    holding: Option<HoldingWatch>,
}

impl TopicRight {
    /// Whether the caller may still see the topic; at most two seconds old. A machine that is gone ends its topic.
    pub async fn still_held(&self, platform: &Platform) -> Result<bool> {
        if let Some(holding) = &self.holding {
            return holding.still_held(platform).await;
        }
        // Staff's right follows from their role alone, which ends with their session.
        Ok(match &self.name {
            TopicName::Wall | TopicName::PlainWall | TopicName::Fleet => true,
            TopicName::Machine(code) => platform.live().state().catalog.contains_key(code),
        })
    }
}

impl TopicWatch {
    /// By which it is watched; to be asked again while it is.
    pub fn right(&self) -> Arc<TopicRight> {
        self.right.clone()
    }

    /// The next encoded [`ServerMessage`]; a reader that fell behind gets a snapshot. `None` when the server stops or
    /// the machine is gone.
    pub async fn next(&mut self) -> Option<Arc<str>> {
        if let Some(text) = self.pending.pop_front() {
            return Some(text);
        }
        loop {
            match self.receiver.recv().await {
                Ok((seq, _)) if seq <= self.sent => {}
                Ok((seq, text)) => {
                    self.sent = seq;
                    return Some(text);
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    let now = self.platform.clock().now();
                    let (seq, text) = self.platform.live().state().snapshot(&self.name, now)?;
                    self.sent = seq;
                    return Some(text);
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

/// Begins, or resumes, a topic: `wall`, `fleet` or `machine/<code>`.
///
/// # Errors
/// `NotFound` for a topic that does not exist or may not be seen.
pub async fn watch(platform: &Platform, ctx: &OpContext, topic: &str, resume: Option<Position>) -> Result<TopicWatch> {
    let right = right_to(platform, ctx, topic).await?;
    begin(platform, ctx, right, resume).await
}

/// Begins the topic of a machine one's customer has; it ends with the holding, whatever else one may see.
///
/// # Errors
/// `NotFound` for a machine it does not have.
pub async fn watch_held(platform: &Platform, ctx: &OpContext, code: &str) -> Result<TopicWatch> {
    let right = held_right(platform, ctx, code).await?;
    begin(platform, ctx, right, None).await
}

async fn begin(
    platform: &Platform,
    ctx: &OpContext,
    right: TopicRight,
    resume: Option<Position>,
) -> Result<TopicWatch> {
    let name = right.name.clone();
    hub::refresh(platform).await?;
    let mut state = platform.live().state();
    let receiver = state.topic(&name, ctx.now()).sender.subscribe();
    // What was before one had the machine is not for one: customers begin with the newest state.
    let resume = resume.filter(|_| ctx.holds(Permission::MetricsView));
    let missed = resume.and_then(|position| state.topic(&name, ctx.now()).missed(&position));
    let (sent, pending) = match missed {
        Some(missed) => (state.topic(&name, ctx.now()).seq, missed.into()),
        None => {
            let (seq, text) = state.snapshot(&name, ctx.now()).ok_or_else(Error::not_found)?;
            (seq, VecDeque::from([text]))
        }
    };
    drop(state);
    Ok(TopicWatch { name, right: Arc::new(right), pending, receiver, sent, platform: platform.clone() })
}

/// Whether the caller may see a topic.
///
/// # Errors
/// `NotFound` for a topic that does not exist or may not be seen.
pub async fn may_watch(platform: &Platform, ctx: &OpContext, topic: &str) -> Result<()> {
    right_to(platform, ctx, topic).await.map(|_| ())
}

async fn right_to(platform: &Platform, ctx: &OpContext, topic: &str) -> Result<TopicRight> {
    // Customers watch the machine they have, for as long as they have it.
    if !ctx.holds(Permission::MetricsView) && ctx.holds(Permission::AllocationsMonitor) {
        let TopicName::Machine(code) = TopicName::parse(topic)? else {
            // Refused, and in the log, as what it is: the fleet is for those who may see it.
            return Err(ctx
                .authorize_list::<MachineRef>(Permission::MetricsView)
                .err()
                .unwrap_or_else(Error::not_found));
        };
        return held_right(platform, ctx, &code).await;
    }
    let scope = ctx.authorize_list::<MachineRef>(Permission::MetricsView)?;
    let name = match TopicName::parse(topic)? {
        TopicName::Wall if !sees_leases(ctx) => TopicName::PlainWall,
        name => name,
    };
    match &name {
        TopicName::Wall | TopicName::PlainWall | TopicName::Fleet => whole_fleet(scope)?,
        TopicName::Machine(code) => {
            let id = machines::find(platform, ctx, code).await?;
            ctx.authorize(ViewMetrics, &machines::resource(id))?;
        }
    }
    Ok(TopicRight { name, holding: None })
}

async fn held_right(platform: &Platform, ctx: &OpContext, code: &str) -> Result<TopicRight> {
    let holding = Some(allocations::watch_holding(platform, ctx, code).await?);
    Ok(TopicRight { name: TopicName::Machine(code.to_owned()), holding })
}

/// The wall shows every machine, so it takes the reach over every machine.
pub(super) fn authorize_wall(ctx: &OpContext) -> Result<()> {
    whole_fleet(ctx.authorize_list::<MachineRef>(Permission::MetricsView)?)
}

/// Who has a machine is told to those who see allocations.
pub(super) fn sees_leases(ctx: &OpContext) -> bool {
    ctx.holds(Permission::AllocationsManage)
}

fn whole_fleet(scope: Scope) -> Result<()> {
    if scope == Scope::All { Ok(()) } else { Err(Error::not_found()) }
}

//! Refusals that come again and again. Whoever holds no credentials could fill the log otherwise, and who holds some could bury
//! in it what they did: so the first of a kind have a row each, and what follows within some minutes is counted and told in
//! one row, with from when until when.
//!
//! Counted where it happens, by each server for itself: what a server that is killed had counted is lost, the rows before are not.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::{CustomerId, UserId};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Actor, Entry, Outcome, record_apart, store};
use crate::context::network_of;
use crate::{OpContext, Platform, Principal, Result, SystemActor, Via};

/// How long repeats are told in one row.
const PERIOD: TimeDelta = TimeDelta::minutes(10);
/// Rows of a kind within a period, of somebody who is not signed in.
const ROWS_OF_STRANGERS: u64 = 3;
/// The same of a person or a machine, who can be asked about it.
const ROWS_OF_KNOWN: u64 = 10;
/// Rows of one action within a period, whatever the same one tried it with: they may reach for a million things too.
const ROWS_OF_ACTION: u64 = 50;
/// Signing in, which strangers try with one account or another.
const SIGN_IN: &str = "accounts:sign-in";
/// Kinds of the same one that are told apart at once; nobody takes the room of another.
const ROOM: usize = 200;
/// Lines that are told apart at once, beyond which strangers are one; and rows that wait to be written.
const MOST: usize = 5_000;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    User(UserId),
    Node(i64),
    System(&'static str),
    /// All from one line; whatever they reach for, because they may reach for a million things.
    Stranger(Option<IpAddr>),
    /// Those for whom there is no room.
    Strangers,
}

impl Who {
    fn of(ctx: &OpContext) -> Self {
        match ctx.principal() {
            Principal::User(user) => Who::User(user.id),
            Principal::Node { machine, .. } => Who::Node(machine.0),
            Principal::System(actor) => Who::System(actor.name()),
            Principal::Anonymous => Who::Stranger(ctx.address().map(network_of)),
        }
    }

    fn is_stranger(self) -> bool {
        matches!(self, Who::Stranger(_) | Who::Strangers)
    }

    fn rows(self) -> u64 {
        if self.is_stranger() { ROWS_OF_STRANGERS } else { ROWS_OF_KNOWN }
    }
}

#[derive(PartialEq, Eq, Hash)]
struct Kind {
    outcome: &'static str,
    action: &'static str,
    target_kind: &'static str,
    target_id: Option<String>,
    customer: Option<CustomerId>,
    /// Of several that could be told apart, if there were room.
    coarse: bool,
}

impl Kind {
    fn of(who: Who, entry: &Entry, outcome: Outcome) -> Self {
        // An account that somebody tries to get into is its owner's matter, from wherever it is tried.
        let told_apart = !who.is_stranger() || entry.action == SIGN_IN;
        let target_id = entry.target_id.clone().filter(|_| told_apart);
        let (action, target_kind, customer) = (entry.action, entry.target_kind, entry.customer);
        Self { outcome: outcome.code(), action, target_kind, target_id, customer, coarse: false }
    }
}

/// How many rows there were since.
struct Spent {
    began: DateTime<Utc>,
    rows: u64,
}

struct Counted {
    began: DateTime<Utc>,
    rows: u64,
    more: Option<More>,
}

/// What has no row of its own yet.
pub(super) struct More {
    pub actor: Actor,
    pub actor_side: Option<&'static str>,
    pub via: Via,
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
    /// Of the first; none where many are told as one.
    pub request_id: Option<String>,
    pub entry: Entry,
    pub outcome: Outcome,
    count: u64,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
}

impl More {
    fn of(ctx: &OpContext, entry: Entry, outcome: Outcome, coarse: bool) -> Self {
        Self {
            actor: Actor::of(ctx.principal()),
            actor_side: store::side_of(ctx, &entry),
            via: ctx.via(),
            address: ctx.address().filter(|_| !coarse),
            user_agent: ctx.user_agent().filter(|_| !coarse).map(str::to_owned),
            request_id: Some(ctx.request_id().to_owned()).filter(|_| !coarse),
            entry,
            outcome,
            count: 1,
            first: ctx.now(),
            last: ctx.now(),
        }
    }

    /// One more. What is not the same of all of them is said of none.
    fn add(&mut self, ctx: &OpContext) {
        self.count += 1;
        self.last = self.last.max(ctx.now());
        self.address = self.address.filter(|address| ctx.address() == Some(*address));
        self.user_agent = self.user_agent.take().filter(|agent| ctx.user_agent() == Some(agent.as_str()));
    }

    /// What the row says beside who and what.
    pub fn details(&self) -> serde_json::Value {
        let mut details = match &self.entry.after {
            Some(serde_json::Value::Object(details)) => details.clone(),
            _ => serde_json::Map::new(),
        };
        details.insert("repeats".to_owned(), json!(self.count));
        details.insert("from".to_owned(), json!(self.first));
        details.insert("until".to_owned(), json!(self.last));
        details.into()
    }
}

/// What one of them tried.
#[derive(Default)]
struct Tried {
    /// By outcome and action.
    spent: HashMap<(&'static str, &'static str), Spent>,
    kinds: HashMap<Kind, Counted>,
}

#[derive(Default)]
struct Kinds {
    open: HashMap<Who, Tried>,
    /// Of periods that are over.
    over: Vec<More>,
}

/// As much as there is room for: where the database is away for long, the newest are not told.
fn wait(over: &mut Vec<More>, more: impl IntoIterator<Item = More>) {
    let more: Vec<_> = more.into_iter().collect();
    let room = MOST.saturating_sub(over.len());
    if more.len() > room {
        tracing::warn!(rows = more.len() - room, "how often some requests were refused is not kept: too much waits");
    }
    over.extend(more.into_iter().take(room));
}

/// See the module.
#[derive(Default)]
pub(crate) struct Repeats(Mutex<Kinds>);

impl Repeats {
    /// True when it has a row of its own; else it is counted.
    fn has_a_row(&self, ctx: &OpContext, entry: &Entry, outcome: Outcome) -> bool {
        let now = ctx.now();
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Kinds { open, over } = &mut *held;
        let mut who = Who::of(ctx);
        if who.is_stranger() && open.len() >= MOST && !open.contains_key(&who) {
            who = Who::Strangers;
        }
        let Tried { spent, kinds } = open.entry(who).or_default();
        let spent = spent.entry((outcome.code(), entry.action)).or_insert(Spent { began: now, rows: 0 });
        if now - spent.began >= PERIOD {
            *spent = Spent { began: now, rows: 0 };
        }
        let mut kind = Kind::of(who, entry, outcome);
        if !kinds.contains_key(&kind) && (spent.rows >= ROWS_OF_ACTION || kinds.len() >= ROOM) {
            let customer = kind.customer.filter(|_| kinds.len() < 2 * ROOM);
            kind = Kind { target_id: None, customer, coarse: true, ..kind };
        }
        if kinds.get(&kind).is_some_and(|counted| now - counted.began >= PERIOD)
            && let Some(counted) = kinds.remove(&kind)
        {
            wait(over, counted.more);
        }
        let (target_id, customer) = (kind.target_id.clone(), kind.customer);
        let coarse = kind.coarse || who == Who::Strangers;
        let counted = kinds.entry(kind).or_insert(Counted { began: now, rows: 0, more: None });
        if counted.rows < who.rows() && spent.rows < ROWS_OF_ACTION {
            counted.rows += 1;
            spent.rows += 1;
            return true;
        }
        match &mut counted.more {
            Some(more) => more.add(ctx),
            None => {
                // What was found missing or wrong is of one of many as well.
                let after = entry.after.clone().filter(|_| !coarse);
                let entry = Entry { target_id, customer, after, ..entry.clone() };
                counted.more = Some(More::of(ctx, entry, outcome, coarse));
            }
        }
        false
    }

    /// What is to be told now, the oldest first; `all` also of periods that go on.
    fn take(&self, now: DateTime<Utc>, all: bool) -> Vec<More> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Kinds { open, over } = &mut *kinds;
        let mut taken = std::mem::take(over);
        open.retain(|_, tried| {
            tried.kinds.retain(|_, counted| {
                let goes_on = !all && now - counted.began < PERIOD;
                if !goes_on {
                    taken.extend(counted.more.take());
                }
                goes_on
            });
            tried.spent.retain(|_, spent| !all && now - spent.began < PERIOD);
            !tried.kinds.is_empty() || !tried.spent.is_empty()
        });
        taken.sort_by_key(|more| more.first);
        taken
    }

    /// What could not be told.
    fn give_back(&self, more: Vec<More>) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wait(&mut kinds.over, more);
    }
}

/// Records it, or counts it as one more of what was recorded just now.
pub(super) async fn record(platform: &Platform, ctx: &OpContext, entry: Entry, outcome: Outcome) -> Result<()> {
    if platform.repeats().has_a_row(ctx, &entry, outcome) {
        return record_apart(platform, ctx, entry, outcome).await;
    }
    Ok(())
}

/// Writes down what this server counted, in one statement: of periods that are over, or, where it stops, everything.
///
/// # Errors
/// When it cannot be written; it is told the next time.
pub async fn tell_repeats(platform: &Platform, all: bool) -> Result<()> {
    let now = platform.clock().now();
    let told = platform.repeats().take(now, all);
    if told.is_empty() {
        return Ok(());
    }
    let written = write(platform, now, &told).await;
    if written.is_err() {
        platform.repeats().give_back(told);
    }
    written
}

async fn write(platform: &Platform, now: DateTime<Utc>, told: &[More]) -> Result<()> {
    let mut tx = platform.db().begin(&platform.system(SystemActor::Sealer)).await?;
    store::insert_told(&mut tx, now, told).await?;
    tx.commit().await?;
    Ok(())
}

/// Tells what is over again and again until the token is cancelled. No job: each server counts for itself, one that runs no
/// jobs too.
pub async fn keep_telling(platform: Platform, every: Duration, stopping: CancellationToken) {
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        if let Err(error) = tell_repeats(&platform, false).await {
            tracing::warn!(%error, "how often some requests were refused could not be written down");
        }
    }
}

/// What is refused before any operation is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// A token that opens nothing.
    BadToken,
    /// A page of somebody else's made the request.
    ForeignOrigin,
}

/// Records that a request was refused before any operation was asked.
///
/// # Errors
/// When the row cannot be written.
pub async fn note_stranger(platform: &Platform, ctx: &OpContext, what: Stranger) -> Result<()> {
    let action = match what {
        Stranger::BadToken => "accounts:bad-token",
        Stranger::ForeignOrigin => "accounts:foreign-origin",
    };
    let target_id = ctx.user().map(|user| user.id.to_string());
    record(platform, ctx, Entry::attempt(action, "user", target_id), Outcome::Failed).await
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use contract::MachineId;
    use contract::accounts::Language;

    use super::*;

    fn context(principal: Principal, address: u32) -> OpContext {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let address = Some(IpAddr::V4(Ipv4Addr::from(address)));
        OpContext::new(principal, now, Via::Rest, "request", address, Language::default())
    }

    fn node() -> OpContext {
        context(Principal::Node { machine: MachineId(7), code: "host-7".to_owned() }, 7)
    }

    fn tried(action: &'static str, target: u32) -> Entry {
        Entry::attempt(action, "machine", Some(target.to_string()))
    }

    /// How many of so many have rows.
    fn rows(of: impl Iterator<Item = bool>) -> usize {
        of.filter(|has_a_row| *has_a_row).count()
    }

    #[test]
    fn strangers_without_room_are_one_and_take_nobody_s() {
        let repeats = Repeats::default();
        let comes = |n: u32| {
            let ctx = context(Principal::Anonymous, n);
            repeats.has_a_row(&ctx, &tried("accounts:bad-token", n), Outcome::Failed)
        };
        let most = u32::try_from(MOST).unwrap();
        assert_eq!(rows((0..most).map(comes)), MOST, "each line has a row");
        assert_eq!(rows((most..most + 10).map(comes)), 3, "those beyond have the rows of one");
        assert_eq!(rows((0..11).map(|_| repeats.has_a_row(&node(), &tried("machines:view", 1), Outcome::Denied))), 10);
        let told = repeats.take(node().now(), true);
        let said: Vec<_> = told.iter().map(|more| (more.entry.action, more.count, more.address.is_some())).collect();
        assert!(said.contains(&("accounts:bad-token", 7, false)), "{said:?}");
        assert!(said.contains(&("machines:view", 1, true)) && said.len() == 2, "{said:?}");
        let of_many = told.iter().find(|more| more.count == 7).unwrap();
        assert_eq!((&of_many.user_agent, &of_many.request_id, &of_many.entry.target_id), (&None, &None, &None));
        assert!(repeats.take(node().now(), true).is_empty(), "once");
    }

    #[test]
    fn one_s_own_room_ends_and_what_else_is_tried_still_has_rows() {
        let repeats = Repeats::default();
        let tries = |action: &'static str, times: u32| {
            rows((0..times).map(|n| repeats.has_a_row(&node(), &tried(action, n), Outcome::Denied)))
        };
        for action in ["a:view", "b:view", "c:view", "d:view"] {
            assert_eq!(tries(action, 60), 50, "{action}");
        }
        assert_eq!(tries("e:view", 30), 10, "no room to tell them apart");
        let told = repeats.take(node().now(), true);
        let mut said: Vec<_> = told.iter().map(|more| (more.entry.action, more.count, &more.entry.target_id)).collect();
        said.sort_unstable();
        let expected = [("a:view", 10), ("b:view", 10), ("c:view", 10), ("d:view", 10), ("e:view", 20)];
        assert_eq!(said, expected.map(|(action, count)| (action, count, &None)));
    }

    #[test]
    fn what_is_not_the_same_of_all_is_said_of_none_and_what_waits_is_bounded() {
        let mut more = More::of(&node(), tried("a:view", 1), Outcome::Denied, false);
        more.add(&node());
        assert!(more.address.is_some());
        more.add(&context(Principal::Anonymous, 8));
        assert_eq!((more.count, more.address), (3, None));
        let repeats = Repeats::default();
        let one = || More::of(&node(), tried("a:view", 1), Outcome::Denied, false);
        repeats.give_back((0..MOST - 1).map(|_| one()).collect());
        repeats.give_back(vec![one(), one(), one()]);
        assert_eq!(repeats.take(node().now(), false).len(), MOST);
    }
}

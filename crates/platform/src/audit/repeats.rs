//! Refusals that come again and again. Whoever holds no credentials could fill the log otherwise, and who holds some could bury
//! in it what they did: so the first of a kind have a row each, and what follows within some minutes is counted and told in
//! one row, with from when until when.
//!
//! Counted where it happens, by each server for itself: what a server that is killed had counted is lost, the rows before are not.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use contract::{CustomerId, UserId};
use serde_json::json;

use super::{Entry, Outcome, record_apart};
use crate::context::network_of;
use crate::{OpContext, Platform, Principal, Result};

/// How long repeats are told in one row.
const PERIOD: TimeDelta = TimeDelta::minutes(10);
/// Rows of a kind within a period, of somebody who is not signed in.
const ROWS_OF_STRANGERS: u64 = 3;
/// The same of a person or a machine, who can be asked about it.
const ROWS_OF_KNOWN: u64 = 10;
/// Kinds that are told apart at once; beyond, strangers are one, and so are the targets of everybody else.
const MOST: usize = 5_000;

#[derive(Clone, PartialEq, Eq, Hash)]
enum Who {
    User(UserId),
    Node(i64),
    System(&'static str),
    /// All from one line; whatever they reach for, because they may reach for a million things.
    Stranger(Option<IpAddr>),
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Kind {
    who: Who,
    outcome: &'static str,
    action: &'static str,
    target_kind: &'static str,
    target_id: Option<String>,
    customer: Option<CustomerId>,
}

impl Kind {
    fn of(ctx: &OpContext, entry: &Entry, outcome: Outcome) -> Self {
        let who = match ctx.principal() {
            Principal::User(user) => Who::User(user.id),
            Principal::Node { machine, .. } => Who::Node(machine.0),
            Principal::System(actor) => Who::System(actor.name()),
            Principal::Anonymous => Who::Stranger(ctx.address().map(network_of)),
        };
        let target_id = entry.target_id.clone().filter(|_| !matches!(who, Who::Stranger(_)));
        let (action, target_kind, customer) = (entry.action, entry.target_kind, entry.customer);
        Self { who, outcome: outcome.code(), action, target_kind, target_id, customer }
    }

    /// With less told apart.
    fn coarse(self) -> Self {
        let who = match self.who {
            Who::Stranger(_) => Who::Stranger(None),
            known => known,
        };
        Self { who, target_id: None, ..self }
    }

    fn rows(&self) -> u64 {
        if matches!(self.who, Who::Stranger(_)) { ROWS_OF_STRANGERS } else { ROWS_OF_KNOWN }
    }
}

struct Counted {
    began: DateTime<Utc>,
    rows: u64,
    more: Option<More>,
}

/// What has no row of its own yet.
struct More {
    ctx: OpContext,
    entry: Entry,
    outcome: Outcome,
    count: u64,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
}

#[derive(Default)]
struct Kinds {
    open: HashMap<Kind, Counted>,
    /// Of periods that are over.
    over: Vec<More>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Repeats(Mutex<Kinds>);

impl Repeats {
    /// True when it has a row of its own; else it is counted.
    fn has_a_row(&self, ctx: &OpContext, entry: &Entry, outcome: Outcome) -> bool {
        let mut kind = Kind::of(ctx, entry, outcome);
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kinds.open.len() >= MOST && !kinds.open.contains_key(&kind) {
            kind = kind.coarse();
        }
        let now = ctx.now();
        let (most, target_id) = (kind.rows(), kind.target_id.clone());
        let is_over = kinds.open.get(&kind).is_some_and(|counted| now - counted.began >= PERIOD);
        if is_over && let Some(counted) = kinds.open.remove(&kind) {
            kinds.over.extend(counted.more);
        }
        let counted = kinds.open.entry(kind).or_insert(Counted { began: now, rows: 0, more: None });
        if counted.rows < most {
            counted.rows += 1;
            return true;
        }
        match &mut counted.more {
            Some(more) => {
                more.count += 1;
                more.last = more.last.max(now);
            }
            None => {
                let (ctx, entry) = (ctx.clone(), Entry { target_id, ..entry.clone() });
                counted.more = Some(More { ctx, entry, outcome, count: 1, first: now, last: now });
            }
        }
        false
    }

    /// What is to be told now; `all` also of periods that go on.
    fn take(&self, now: DateTime<Utc>, all: bool) -> Vec<More> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = std::mem::take(&mut kinds.over);
        let over: Vec<Kind> = kinds
            .open
            .iter()
            .filter(|(_, counted)| all || now - counted.began >= PERIOD)
            .map(|(kind, _)| kind.clone())
            .collect();
        taken.extend(over.iter().filter_map(|kind| kinds.open.remove(kind)?.more));
        taken
    }

    /// What could not be told.
    fn give_back(&self, more: impl IntoIterator<Item = More>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).over.extend(more);
    }
}

/// Records it, or counts it as one more of what was recorded just now.
pub(super) async fn record(platform: &Platform, ctx: &OpContext, entry: Entry, outcome: Outcome) -> Result<()> {
    if platform.repeats().has_a_row(ctx, &entry, outcome) {
        return record_apart(platform, ctx, entry, outcome).await;
    }
    Ok(())
}

/// Writes down what this server counted: of periods that are over, or, where it stops, everything.
///
/// # Errors
/// When a row cannot be written; what is left is told the next time.
pub async fn tell_repeats(platform: &Platform, all: bool) -> Result<()> {
    let now = platform.clock().now();
    let mut left = platform.repeats().take(now, all).into_iter();
    while let Some(more) = left.next() {
        let mut details = match &more.entry.after {
            Some(serde_json::Value::Object(details)) => details.clone(),
            _ => serde_json::Map::new(),
        };
        details.insert("repeats".to_owned(), json!(more.count));
        details.insert("from".to_owned(), json!(more.first));
        details.insert("until".to_owned(), json!(more.last));
        let entry = Entry { after: Some(details.into()), ..more.entry.clone() };
        if let Err(error) = record_apart(platform, &more.ctx.at(now), entry, more.outcome).await {
            platform.repeats().give_back(std::iter::once(more).chain(left));
            return Err(error);
        }
    }
    Ok(())
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

//! The hash chain: `hash = SHA-256(previous hash || canonical text of the event)`; positions have no gaps.
//!
//! Each seal notes the oldest transaction that was running: all rows before it are sealed, and the sealer looks only at
//! those after it. When old months are dropped, the chain begins at an anchor: position and hash of the last seal that went
//! with them. The order of the chain is the order of sealing, not of ids: a row whose transaction committed late is sealed later.
//!
//! An event is dated by the beginning of the request that it is of, so its time may be before that of its neighbours, but not by
//! more than a request takes. What is dated further back than [`DATED_BACK`] was put in by hand, or a clock was wrong. That is
//! judged by the time of sealing, which is part of what is hashed, so that it comes out the same whenever it is asked. So is
//! what was dated ahead of its sealing by more than clocks of servers are apart.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use chrono::{DateTime, TimeDelta, Utc};

use crate::authz::{AuditLog, SealAudit};
use crate::{Platform, Result, secrets};

use super::{sealer, store};

/// Rows sealed in one go.
const BATCH: i64 = 2000;

/// An end of the chain that was noted outside of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    pub position: i64,
    pub hash: [u8; 32],
}

/// The older part of the chain, dropped by the rule of how long the log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// Events before are gone.
    pub before: DateTime<Utc>,
    /// Where the chain was cut.
    pub anchor: Anchor,
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainReport {
    /// Seals looked at.
    pub checked: u64,
    /// The first position that does not fit, and why.
    pub broken: Option<(i64, &'static str)>,
    /// The last one that does.
    pub end: Option<Anchor>,
    /// What was dropped before the first one.
    pub pruned: Option<Pruned>,
    /// How many of the ends that were noted lie in what was dropped, where nothing can be compared any more.
    pub unknown: u64,
    /// Rows the sealer has not come to yet.
    pub unsealed: u64,
    /// The first of those to which it never will: somebody put them in by hand, dated back.
    pub outside: Vec<Outside>,
    /// The newest of those in the chain that are dated far before what was sealed before them, and that nobody accepted.
    pub dated_back: Vec<Misdated>,
    /// How many there are of these.
    pub dated_back_total: u64,
    /// The newest of those in the chain that were yet to come when they were sealed, and that nobody accepted.
    pub dated_ahead: Vec<Misdated>,
    /// How many there are of these.
    pub dated_ahead_total: u64,
}

/// How far an event may be dated before those that were sealed before it.
const DATED_BACK: TimeDelta = TimeDelta::days(1);
/// Those that are named, of each kind.
const MOST_MISDATED: usize = 10;
/// How many seals before it count: what a clock that was wrong once wrote is forgotten again.
const NEIGHBOURS: usize = 1000;

/// How far clocks of servers may be apart, of which one dates an event and another one seals it; also in `store`'s lists.
const CLOCKS_APART: TimeDelta = TimeDelta::hours(1);

/// The times of the events that were sealed last.
struct Newest {
    times: VecDeque<DateTime<Utc>>,
}

impl Newest {
    fn new() -> Self {
        Self { times: VecDeque::with_capacity(NEIGHBOURS) }
    }

    /// Takes the next event of the chain; whether it is dated back. What was yet to come when it was sealed is a wrong clock's
    /// and compared with nothing: one that was set right leaves such times behind.
    fn take(&mut self, at: DateTime<Utc>, sealed_at: DateTime<Utc>) -> bool {
        let known = sealed_at + CLOCKS_APART;
        let newest = self.times.iter().filter(|time| **time <= known).max();
        let dated_back = newest.is_some_and(|newest| *newest - at > DATED_BACK);
        if self.times.len() == NEIGHBOURS {
            self.times.pop_front();
        }
        self.times.push_back(at);
        dated_back
    }
}

/// An event of the chain that was not done when it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misdated {
    pub position: i64,
    pub id: i64,
    pub at: DateTime<Utc>,
    /// Unknown where the event was dropped with its month.
    pub action: Option<String>,
}

/// What a walk along the chain comes upon of these.
#[derive(Default)]
struct Upon {
    newest: VecDeque<Misdated>,
    total: u64,
}

impl Upon {
    fn note(&mut self, seal: &store::Seal) {
        self.total += 1;
        self.newest.truncate(MOST_MISDATED - 1);
        self.newest.push_front(Misdated { position: seal.position, id: seal.event, at: seal.at, action: None });
    }
}

/// A row that no seal is of, nor ever can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub action: String,
}

/// Rows outside of the chain that are named.
const MOST_OUTSIDE: i64 = 10;

/// Chains the committed rows that are not yet part of the chain; returns how many. Any number of servers may call it.
pub async fn seal(platform: &Platform) -> Result<usize> {
    let ctx = sealer(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let granted = ctx.authorize(SealAudit, &AuditLog)?;
    store::lock_chain(&mut tx).await?;
    store::look_up_by_index(&mut tx).await?;
    let store::ChainEnd { mut position, mut hash, horizon } = store::chain_end(&mut tx).await?;
    let window = store::window(&mut tx, horizon.as_deref()).await?;
    let events = store::unsealed(&mut tx, &window, (BATCH, ctx.now())).await?;
    let count = events.len();
    let mut newest = Newest::new();
    if count > 0 {
        newest.times.extend(store::last_times(&mut tx, NEIGHBOURS as i64).await?);
    }
    // What a full batch left over is older than this horizon: the next one begins where this one did.
    let horizon = if (count as i64) < BATCH { Some(window.horizon) } else { horizon };
    for event in events {
        position += 1;
        let next = link(&hash, &event.text);
        let event = (&event, newest.take(event.at, ctx.now()));
        store::insert_seal(&mut tx, &granted, position, event, (&hash, &next), horizon.as_deref()).await?;
        hash = next;
    }
    tx.commit().await?;
    Ok(count)
}

/// The end of the chain as it is now.
pub async fn chain_end(platform: &Platform) -> Result<Option<Anchor>> {
    let mut tx = platform.db().begin(&sealer(platform)).await?;
    let store::ChainEnd { position, hash, .. } = store::chain_end(&mut tx).await?;
    tx.commit().await?;
    Ok((position > 0).then_some(Anchor { position, hash }))
}

/// Walks the whole chain and compares it with the rows, and with ends that were noted before. A chain whose older part was
/// dropped begins at its anchor, which the log itself must tell of. Events at `accepted` positions are known to be misdated.
pub async fn verify_chain(
    platform: &Platform,
    noted: &[Anchor],
    accepted: &[RangeInclusive<i64>],
) -> Result<ChainReport> {
    let ctx = sealer(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let (mut expected, mut hash) = (1, [0u8; 32]);
    let cut = store::cut(&mut tx).await?;
    let (unsealed, outside) = store::outside(&mut tx, MOST_OUTSIDE).await?;
    let mut report = ChainReport {
        checked: 0,
        broken: None,
        end: None,
        pruned: None,
        unknown: 0,
        unsealed,
        outside,
        dated_back: Vec::new(),
        dated_back_total: 0,
        dated_ahead: Vec::new(),
        dated_ahead_total: 0,
    };
    let (mut newest, mut back, mut ahead) = (Newest::new(), Upon::default(), Upon::default());
    if let Some(cut) = &cut {
        (expected, hash) = (cut.position + 1, cut.hash);
        let anchor = Anchor { position: cut.position, hash: cut.hash };
        report.pruned = Some(Pruned { before: cut.before, anchor });
        report.unknown = noted.iter().filter(|noted| noted.position < cut.position).count() as u64;
        if !cut.recorded {
            report.broken = Some((cut.position, "the log does not tell of what was dropped before"));
        } else if noted.iter().any(|noted| noted.position == cut.position && noted.hash != cut.hash) {
            report.broken = Some((cut.position, ANOTHER));
        }
        if report.broken.is_some() {
            return Ok(report);
        }
    }
    let gone_before = cut.map(|cut| cut.before);
    loop {
        let seals = store::seals_from(&mut tx, expected, BATCH).await?;
        if seals.is_empty() {
            if let Some(noted) = noted.iter().find(|noted| noted.position >= expected) {
                report.broken = Some((noted.position, "the chain ends before the end that was noted"));
            }
            (report.dated_back_total, report.dated_ahead_total) = (back.total, ahead.total);
            report.dated_back = store::named(&mut tx, back.newest.into()).await?;
            report.dated_ahead = store::named(&mut tx, ahead.newest.into()).await?;
            return Ok(report);
        }
        for seal in seals {
            let differs = |noted: &Anchor| noted.position == expected && noted.hash[..] != seal.hash[..];
            let broken = misfit(&seal, expected, &hash, gone_before).or(noted.iter().any(differs).then_some(ANOTHER));
            if let Some(why) = broken {
                return Ok(ChainReport { broken: Some((expected, why)), ..report });
            }
            hash.copy_from_slice(&seal.hash);
            let is_dated_back = newest.take(seal.at, seal.sealed_at);
            let is_accepted = accepted.iter().any(|positions| positions.contains(&expected));
            if is_dated_back && !is_accepted {
                back.note(&seal);
            }
            if seal.at - seal.sealed_at > CLOCKS_APART && !is_accepted {
                ahead.note(&seal);
            }
            report.end = Some(Anchor { position: expected, hash });
            report.checked += 1;
            expected += 1;
        }
    }
}

const ANOTHER: &str = "the chain is not the one that was noted";

/// Why a seal does not follow the one before it, with this hash.
fn misfit(
    seal: &store::Seal,
    expected: i64,
    previous: &[u8; 32],
    gone_before: Option<DateTime<Utc>>,
) -> Option<&'static str> {
    if seal.position != expected {
        return Some("a seal is missing");
    }
    if seal.prev_hash[..] != previous[..] {
        return Some("a seal does not follow the one before");
    }
    match &seal.text {
        // Dropped with its month, while its seal holds together what stays.
        None if gone_before.is_some_and(|before| seal.at < before) => None,
        None => Some("the event is missing"),
        Some(text) if link(previous, text)[..] != seal.hash[..] => Some("the event was changed"),
        Some(_) => None,
    }
}

fn link(previous: &[u8; 32], text: &str) -> [u8; 32] {
    secrets::sha256(&[&previous[..], text.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dated_far_before_its_neighbours_is_found_and_one_wrong_clock_is_forgotten() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut newest = Newest::new();
        let mut take = |hours: i64| newest.take(now + TimeDelta::hours(hours), now);
        assert!(!take(-2000), "the first has none before it");
        assert!(!take(-1000) && !take(-1024), "a request that took a day");
        assert!(take(-1025));
        assert!(take(-1025), "one that was found is no neighbour that would hide the next");
        assert!(!take(2) && !take(-1000), "what is to come is no time to compare with");
        assert!(take(-1025), "and hides nothing");
        assert!(!take(-100));
        assert!((0..NEIGHBOURS).all(|_| take(-200)), "all that follow, as long as it counts");
        assert!(!take(-200), "and then no more");
    }

    #[test]
    fn a_clock_that_was_ahead_and_is_set_right_dates_nothing_back_as_time_goes_on() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let mut newest = Newest::new();
        let mut take = |at: i64, sealed: i64| newest.take(now + TimeDelta::hours(at), now + TimeDelta::hours(sealed));
        assert!(!take(0, 0));
        assert!(!take(72, 72), "three days ahead, and so is the sealer");
        assert!((1..96).all(|hour| !take(hour, hour)), "set right, and until long after those three days");
        assert!(take(10, 96), "put in by hand");
    }
}

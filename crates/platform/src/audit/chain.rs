//! The hash chain: `hash = SHA-256(previous hash || canonical text of the event)`; positions have no gaps.
//!
//! Each seal notes the oldest transaction that was running: all rows before it are sealed, and the sealer looks only at
//! those after it. When old months are dropped, the chain begins at an anchor: position and hash of the last seal that went
//! with them. The order of the chain is the order of sealing, not of ids: a row whose transaction committed late is sealed later.

use chrono::{DateTime, Utc};

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
    let events = store::unsealed(&mut tx, &window, BATCH).await?;
    let count = events.len();
    // What a full batch left over is older than this horizon: the next one begins where this one did.
    let horizon = if (count as i64) < BATCH { Some(window.horizon) } else { horizon };
    for event in events {
        position += 1;
        let next = link(&hash, &event.text);
        store::insert_seal(&mut tx, &granted, position, &event, (&hash, &next), horizon.as_deref()).await?;
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
/// dropped begins at its anchor, which the log itself must tell of.
pub async fn verify_chain(platform: &Platform, noted: &[Anchor]) -> Result<ChainReport> {
    let ctx = sealer(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let (mut expected, mut hash) = (1, [0u8; 32]);
    let cut = store::cut(&mut tx).await?;
    let (unsealed, outside) = store::outside(&mut tx, MOST_OUTSIDE).await?;
    let mut report = ChainReport { checked: 0, broken: None, end: None, pruned: None, unknown: 0, unsealed, outside };
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
            return Ok(report);
        }
        for seal in seals {
            let differs = |noted: &Anchor| noted.position == expected && noted.hash[..] != seal.hash[..];
            let broken = misfit(&seal, expected, &hash, gone_before).or(noted.iter().any(differs).then_some(ANOTHER));
            if let Some(why) = broken {
                return Ok(ChainReport { broken: Some((expected, why)), ..report });
            }
            hash.copy_from_slice(&seal.hash);
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

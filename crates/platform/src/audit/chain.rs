//! The hash chain: `hash = SHA-256(previous hash || canonical text of the event)`; positions have no gaps.
//!
//! Each seal notes the oldest transaction that was running: all rows before it are sealed, and the sealer looks only at
//! those after it. The order of the chain is the order of sealing, not of ids: a row whose transaction committed late is sealed later.

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

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainReport {
    /// Seals looked at.
    pub checked: u64,
    /// The first position that does not fit, and why.
    pub broken: Option<(i64, &'static str)>,
    /// The last one that does.
    pub end: Option<Anchor>,
    /// Rows the sealer has not come to yet.
    pub unsealed: u64,
}

/// Chains the committed rows that are not yet part of the chain; returns how many. Any number of servers may call it.
pub async fn seal(platform: &Platform) -> Result<usize> {
    let ctx = sealer(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let granted = ctx.authorize(SealAudit, &AuditLog)?;
    store::lock_chain(&mut tx).await?;
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

/// Walks the whole chain and compares it with the rows, and with an end that was noted before.
pub async fn verify_chain(platform: &Platform, noted: Option<Anchor>) -> Result<ChainReport> {
    let ctx = sealer(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let (mut expected, mut hash) = (1, [0u8; 32]);
    let mut report =
        ChainReport { checked: 0, broken: None, end: None, unsealed: store::count_unsealed(&mut tx).await? };
    loop {
        let seals = store::seals_from(&mut tx, expected, BATCH).await?;
        if seals.is_empty() {
            if let Some(noted) = noted.filter(|noted| noted.position >= expected) {
                report.broken = Some((noted.position, "the chain ends before the end that was noted"));
            }
            return Ok(report);
        }
        for seal in seals {
            let broken = misfit(&seal, expected, &hash).or_else(|| {
                let noted = noted.filter(|noted| noted.position == expected)?;
                (noted.hash[..] != seal.hash[..]).then_some("the chain is not the one that was noted")
            });
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

/// Why a seal does not follow the one before it, with this hash.
fn misfit(seal: &store::Seal, expected: i64, previous: &[u8; 32]) -> Option<&'static str> {
    if seal.position != expected {
        return Some("a seal is missing");
    }
    if seal.prev_hash[..] != previous[..] {
        return Some("a seal does not follow the one before");
    }
    match &seal.text {
        None => Some("the event is missing"),
        Some(text) if link(previous, text)[..] != seal.hash[..] => Some("the event was changed"),
        Some(_) => None,
    }
}

fn link(previous: &[u8; 32], text: &str) -> [u8; 32] {
    secrets::sha256(&[&previous[..], text.as_bytes()].concat())
}

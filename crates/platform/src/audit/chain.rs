//! The hash chain: `hash = SHA-256(previous hash || canonical text of the event)`; positions have no gaps.
//!
//! The order of the chain is the order of sealing, not of ids: a row whose transaction committed late is sealed later.

use crate::authz::{AuditLog, SealAudit};
use crate::{Platform, Result, secrets};

use super::{sealer, store};

/// Rows sealed in one go.
const BATCH: i64 = 2000;

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainReport {
    /// Seals looked at.
    pub checked: u64,
    /// The first position that does not fit, and why.
    pub broken: Option<(i64, &'static str)>,
}

/// Chains the committed rows that are not yet part of the chain; returns how many. Any number of servers may call it.
pub async fn seal(platform: &Platform) -> Result<usize> {
    let ctx = sealer(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let granted = ctx.authorize(SealAudit, &AuditLog)?;
    store::lock_chain(&mut tx).await?;
    let (mut position, mut hash) = store::chain_end(&mut tx).await?;
    let events = store::unsealed(&mut tx, BATCH).await?;
    let count = events.len();
    for event in events {
        position += 1;
        let next = link(&hash, &event.text);
        store::insert_seal(&mut tx, &granted, position, &event, &hash, &next).await?;
        hash = next;
    }
    tx.commit().await?;
    Ok(count)
}

/// Walks the whole chain and compares it with the rows.
pub async fn verify_chain(platform: &Platform) -> Result<ChainReport> {
    let ctx = sealer(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let (mut expected, mut hash, mut checked) = (1, [0u8; 32], 0);
    loop {
        let seals = store::seals_from(&mut tx, expected, BATCH).await?;
        if seals.is_empty() {
            return Ok(ChainReport { checked, broken: None });
        }
        for seal in seals {
            let broken = if seal.position != expected {
                Some("a seal is missing")
            } else if seal.prev_hash != hash {
                Some("a seal does not follow the one before")
            } else {
                match &seal.text {
                    None => Some("the event is missing"),
                    Some(text) if link(&hash, text)[..] != seal.hash[..] => Some("the event was changed"),
                    Some(_) => None,
                }
            };
            if let Some(why) = broken {
                return Ok(ChainReport { checked, broken: Some((expected, why)) });
            }
            hash.copy_from_slice(&seal.hash);
            expected += 1;
            checked += 1;
        }
    }
}

fn link(previous: &[u8; 32], text: &str) -> [u8; 32] {
    secrets::sha256(&[&previous[..], text.as_bytes()].concat())
}

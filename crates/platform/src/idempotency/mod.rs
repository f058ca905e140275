//! Asking again without doing again: a caller names its change with a key, and within a day the same key gets the same answer.
//!
//! Invariants: a key belongs to one person and one request, told apart by an HMAC of all of it; of two at once one runs; a
//! run whose server died may be taken over once its lease is over, and until then nobody knows how it ended; answers are
//! sealed, because some hold a password or a token; a key lives a day, and a person has a bounded number of them.

mod store;

use chrono::TimeDelta;
use contract::ErrorCode;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Error, OpContext, Platform, Result, SystemActor};

/// How long an answer is kept.
pub const KEPT: TimeDelta = TimeDelta::hours(24);
/// How long a run counts as running when it is not heard of again: longer than any statement may take.
pub const LEASE: TimeDelta = TimeDelta::seconds(90);
/// Longest key.
pub const MAX_KEY: usize = 128;
/// Largest answer that is kept, bytes.
pub const MAX_ANSWER: usize = 1 << 19;
/// Most keys of one person within a day.
pub const MAX_KEYS: i64 = 10_000;

/// An answer that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP-like status; the door's business.
    pub status: u16,
    /// Where what was made lies.
    pub location: Option<String>,
    /// JSON.
    pub body: String,
}

/// The right to run a request.
#[derive(Clone, Debug)]
pub struct Run {
    key: String,
    run: Uuid,
}

/// What a key leads to.
#[derive(Clone, Debug)]
pub enum Begun {
    /// Nobody asked before: do it, then [`finish`].
    Run(Run),
    /// It was done: this was the answer.
    Answered(Answer),
}

/// Looks a key up, and takes it for this request when it is new. `request` is everything that makes the request what it is.
///
/// # Errors
/// `Validation` for what is no key; `WrongState` for a key of another request; `Conflict` while the first one runs;
/// `RateLimited` for too many keys; `Unauthenticated` for nobody.
pub async fn begin(platform: &Platform, ctx: &OpContext, key: &str, request: &[u8]) -> Result<Begun> {
    let principal = principal(ctx)?;
    if !is_key(key) {
        return Err(Error::field("Idempotency-Key", "field-idempotency-key"));
    }
    let hash = platform.keyring().sign("idempotency request", request);
    let run = Uuid::new_v4();
    let mut tx = platform.db().begin(ctx).await?;
    let new = store::NewRun {
        principal: &principal,
        key,
        hash: &hash,
        run,
        now: ctx.now(),
        lease_until: ctx.now() + LEASE,
        expired: ctx.now() - KEPT,
    };
    if store::take(&mut tx, &new).await? {
        if store::count(&mut tx, &principal, MAX_KEYS + 1).await? > MAX_KEYS {
            return Err(Error::new(ErrorCode::RateLimited).with_key("error-idempotency-too-many"));
        }
        tx.commit().await?;
        return Ok(Begun::Run(Run { key: key.to_owned(), run }));
    }
    let known = store::find(&mut tx, &principal, key).await?;
    tx.commit().await?;
    // Let go of between the two statements: the caller may ask again.
    let known = known.ok_or_else(|| Error::new(ErrorCode::Conflict).with_key("error-idempotency-running"))?;
    if known.hash != hash {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-idempotency-other"));
    }
    let sealed = known.response.ok_or_else(|| Error::new(ErrorCode::Conflict).with_key("error-idempotency-running"))?;
    let plain = platform.keyring().open(&place(&principal, key), &sealed)?;
    Ok(Begun::Answered(serde_json::from_slice(&plain).map_err(Error::internal)?))
}

/// Keeps the answer of a run, unless another took it over meanwhile.
///
/// # Errors
/// `TooLarge` beyond [`MAX_ANSWER`]: the key then stays taken without an answer until its lease is over.
pub async fn finish(platform: &Platform, ctx: &OpContext, run: &Run, answer: &Answer) -> Result<()> {
    let principal = principal(ctx)?;
    if answer.body.len() > MAX_ANSWER {
        return Err(Error::new(ErrorCode::TooLarge));
    }
    let json = serde_json::to_vec(answer).map_err(Error::internal)?;
    let sealed = platform.keyring().seal(&place(&principal, &run.key), &json);
    let mut tx = platform.db().begin(ctx).await?;
    store::finish(&mut tx, &principal, &run.key, run.run, &sealed).await?;
    tx.commit().await?;
    Ok(())
}

/// Lets a key go whose request came to nothing that is worth keeping: it may be asked again.
pub async fn abandon(platform: &Platform, ctx: &OpContext, run: &Run) -> Result<()> {
    let principal = principal(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    store::abandon(&mut tx, &principal, &run.key, run.run).await?;
    tx.commit().await?;
    Ok(())
}

/// Forgets keys whose day is over. Run by the job queue.
pub async fn forget(platform: &Platform) -> Result<u64> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    let forgotten = store::delete_before(&mut tx, ctx.now() - KEPT).await?;
    tx.commit().await?;
    Ok(forgotten)
}

pub(crate) fn is_key(key: &str) -> bool {
    (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

fn principal(ctx: &OpContext) -> Result<String> {
    let user = ctx.user().ok_or_else(|| Error::new(ErrorCode::Unauthenticated))?;
    Ok(format!("user:{}", user.id))
}

/// Binds a sealed answer to its row.
fn place(principal: &str, key: &str) -> String {
    format!("idempotency_keys.response:{principal}:{key}")
}

//! The second step of a browser's sign-in: the password was right, the code comes in a request of its own.
//!
//! What stands between the two is a row, bound to the browser by the SHA-256 of its session's secret: five minutes, five
//! tries, one use. The password is kept nowhere meanwhile.

use chrono::TimeDelta;
use contract::ErrorCode;

use super::attempts::{self, Subjects};
use super::sign_in::{self, CodeNeeded, Proof, SignedIn};
use super::{second_factor, store};
use crate::{Error, OpContext, Platform, Result, SystemActor, Via};

/// How long there is to type the code.
const MINUTES: i64 = 5;
/// Wrong codes until one has to begin again.
const TRIES: i32 = 5;

/// Remembers that this browser's password was right.
pub async fn open_challenge(
    platform: &Platform,
    ctx: &OpContext,
    needed: CodeNeeded,
    browser_hash: &[u8; 32],
) -> Result<()> {
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let until = ctx.now() + TimeDelta::minutes(MINUTES);
    store::second_factor::insert_challenge(&mut tx, browser_hash, &needed, until).await?;
    tx.commit().await?;
    Ok(())
}

/// True while this browser is asked for a code.
pub async fn is_challenged(platform: &Platform, ctx: &OpContext, browser_hash: &[u8; 32]) -> Result<bool> {
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let open = store::second_factor::challenge(&mut tx, browser_hash, TRIES, ctx.now()).await?.is_some();
    tx.commit().await?;
    Ok(open)
}

/// Signs this browser in by a code of the app or a recovery code.
///
/// # Errors
/// `Unauthenticated` when it is not asked for one (any more); `SecondFactorRequired` when the code is wrong or was used
/// before; `RateLimited` after too many failures.
pub async fn answer_challenge(
    platform: &Platform,
    ctx: &OpContext,
    browser_hash: &[u8; 32],
    code: &str,
) -> Result<SignedIn> {
    let over = || Error::new(ErrorCode::Unauthenticated).with_key("error-challenge-over");
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let challenge = store::second_factor::challenge(&mut tx, browser_hash, TRIES, ctx.now()).await?;
    let store::second_factor::Challenge { user, token_version, provider } = challenge.ok_or_else(over)?;
    let row = store::credentials_of(&mut tx, user).await?.filter(|row| row.active);
    let row = row.filter(|row| row.token_version == token_version).ok_or_else(over)?;
    let subjects = Subjects::of(ctx, &row.name);
    attempts::check_delay(&mut tx, ctx, &subjects, user).await?;
    match second_factor::check(platform, &mut tx, user, code, ctx.now()).await? {
        Some(factor) => {
            store::second_factor::delete_challenge(&mut tx, browser_hash).await?;
            let proof = Proof { factor: Some(factor), provider, in_browser: ctx.via() == Via::Page };
            sign_in::finish(tx, ctx, &subjects, row, proof).await
        }
        None => {
            store::second_factor::fail_challenge(&mut tx, browser_hash).await?;
            tx.commit().await?;
            let why = Some(serde_json::json!({ "why": "code" }));
            attempts::note_failure_because(platform, ctx, &subjects, ("accounts:sign-in", Some(user)), why).await?;
            Err(sign_in::wrong_code(code))
        }
    }
}

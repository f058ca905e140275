//! The challenge that comes with a form after some failures: work for the browser, or letters in a picture.
//!
//! The work is that of ALTCHA, made and judged by its own crate, with one thing on top: what the crate reads from the
//! system's clock, we read from the context's as well.
//!
//! Invariants: the server keeps nothing of a challenge before it is answered: what it wants back is signed or sealed into
//! what the client has; a challenge counts for five minutes and once, on every server, also when the answer was wrong;
//! either kind counts wherever one is asked for, because a picture may not be the only way in.

pub(super) mod picture;
pub(super) mod work;

use chrono::{DateTime, TimeDelta, Utc};
use contract::ErrorCode;
use contract::accounts::{CaptchaKind, CaptchaView};

use super::store;
use crate::db::Tx;
use crate::secrets::Keyring;
use crate::{Error, OpContext, Platform, Result, settings};

const LIFE: TimeDelta = TimeDelta::minutes(5);
/// Longest id and answer that are looked at, bytes; ours are shorter.
const MAX_BYTES: usize = 2048;

/// What came back with a form.
#[derive(Clone, Copy, Default)]
pub(super) struct Given<'a> {
    pub id: Option<&'a str>,
    pub answer: Option<&'a str>,
}

/// Both challenges for a form: the one in place of the other.
#[derive(Clone, Debug)]
pub struct Captchas {
    pub work: CaptchaView,
    pub picture: CaptchaView,
    /// What the settings want to see first.
    pub first: CaptchaKind,
}

/// What our id says about an answer.
pub(super) struct Judged {
    /// What the challenge is known by, however it is written.
    key: [u8; 32],
    expires_at: DateTime<Utc>,
    pub(super) right: bool,
}

/// A challenge, of the kind that the settings name where none is wanted.
pub async fn new_captcha(platform: &Platform, ctx: &OpContext, kind: Option<CaptchaKind>) -> Result<CaptchaView> {
    match kind.unwrap_or(usual(platform).await) {
        CaptchaKind::Pow => work::new(platform.keyring(), ctx.now()),
        CaptchaKind::Image => picture::new(platform, ctx.now()).await,
    }
}

async fn usual(platform: &Platform) -> CaptchaKind {
    if settings::sign_in(platform).await.captcha_image { CaptchaKind::Image } else { CaptchaKind::Pow }
}

/// Both kinds, for a form.
pub(super) async fn both(platform: &Platform, ctx: &OpContext) -> Result<Captchas> {
    Ok(Captchas {
        work: work::new(platform.keyring(), ctx.now())?,
        picture: picture::new(platform, ctx.now()).await?,
        first: usual(platform).await,
    })
}

/// Goes on when the challenge was solved, which uses it up.
///
/// # Errors
/// `CaptchaRequired`, with another message when something came that does not count.
pub(super) async fn demand(platform: &Platform, mut tx: Tx, ctx: &OpContext, given: Given<'_>) -> Result<Tx> {
    fn said(text: Option<&str>) -> Option<&str> {
        text.map(str::trim).filter(|text| !text.is_empty())
    }
    let (Some(id), Some(answer)) = (said(given.id), said(given.answer)) else {
        return Err(Error::new(ErrorCode::CaptchaRequired));
    };
    let wrong = || Error::new(ErrorCode::CaptchaRequired).with_key("error-captcha-wrong");
    let judged = judge(platform.keyring(), id, answer, ctx.now()).ok_or_else(wrong)?;
    let first = store::attempts::use_captcha(&mut tx, &judged.key, judged.expires_at).await?;
    if first && judged.right {
        return Ok(tx);
    }
    tx.commit().await?;
    Err(wrong())
}

/// What an answer is worth now; `None` for what is none of ours, or over.
pub(super) fn judge(keyring: &Keyring, id: &str, answer: &str, now: DateTime<Utc>) -> Option<Judged> {
    if id.len() > MAX_BYTES || answer.len() > MAX_BYTES {
        return None;
    }
    let judged = picture::judge(keyring, id, answer).or_else(|| work::judge(keyring, id, answer));
    judged.filter(|judged| judged.expires_at > now)
}

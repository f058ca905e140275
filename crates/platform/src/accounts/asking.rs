//! Strangers who ask for a mail: how often, and for what work in return.
//!
//! What they name is counted whether it is there or not, so that an answer tells nothing.

use chrono::{DateTime, TimeDelta, Utc};
use contract::ErrorCode;

use super::captcha::{self, Given};
use super::store;
use crate::context::network_of;
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, secrets};

/// Requests for one name from one address in [`WINDOW`].
const MOST_PER_NAME: i64 = 3;
/// Requests from one address in it: a school may share one.
const MOST_PER_ADDRESS: i64 = 20;
/// Mails to one person or address in it, whoever asks: nobody's mailbox is flooded.
pub(super) const MOST_MAILS: i64 = 3;
pub(super) const WINDOW: TimeDelta = TimeDelta::minutes(15);

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) struct Asking {
    /// Each kind is counted for itself.
    pub word: &'static str,
    /// Requests that come without a challenge.
    pub free_of_challenge: i64,
}

/// What requests are counted by.
pub(super) struct Asked {
    asking: Asking,
    pair: [u8; 32],
    name: [u8; 32],
    address: [u8; 32],
}

/// How things stand before a request.
pub(super) struct Standing {
    /// Seconds until it is taken.
    wait: Option<i64>,
    pub challenged: bool,
}

impl Asked {
    /// `name` as it was typed, in lower case.
    pub(super) fn of(ctx: &OpContext, asking: Asking, name: &str) -> Self {
        let address = ctx.address().map(|address| network_of(address).to_string()).unwrap_or_default();
        let word = asking.word;
        Self {
            asking,
            pair: secrets::sha256(format!("{word}\0{name}\0{address}").as_bytes()),
            name: secrets::sha256(format!("{word}-name\0{name}").as_bytes()),
            address: secrets::sha256(format!("{word}-address\0{address}").as_bytes()),
        }
    }

    pub(super) async fn standing(&self, tx: &mut Tx, ctx: &OpContext) -> Result<Standing> {
        let since = ctx.now() - WINDOW;
        let pair = store::attempts::since(tx, &self.pair, since).await?;
        let name = store::attempts::since(tx, &self.name, since).await?;
        let address = store::attempts::since(tx, &self.address, since).await?;
        let left = |(asked, last): (i64, Option<DateTime<Utc>>), most: i64| {
            let last = last.filter(|_| asked >= most)?;
            Some((last + WINDOW - ctx.now()).num_seconds().max(1))
        };
        let wait = left(pair, MOST_PER_NAME).max(left(address, MOST_PER_ADDRESS));
        Ok(Standing { wait, challenged: name.0.max(address.0) >= self.asking.free_of_challenge })
    }

    /// Counts one, and goes on.
    ///
    /// # Errors
    /// `RateLimited` with the seconds to wait; `CaptchaRequired` where a challenge is asked for that was not solved.
    pub(super) async fn take(&self, platform: &Platform, mut tx: Tx, ctx: &OpContext, given: Given<'_>) -> Result<Tx> {
        let standing = self.standing(&mut tx, ctx).await?;
        if let Some(seconds) = standing.wait {
            let limited = Error::new(ErrorCode::RateLimited).with_key("error-rate-limited-wait");
            return Err(limited.with_arg("seconds", seconds));
        }
        if standing.challenged {
            tx = captcha::demand(platform, tx, ctx, given).await?;
        }
        platform.attempts().note(ctx.now());
        store::attempts::note(&mut tx, &[&self.pair, &self.name, &self.address], ctx.now()).await?;
        Ok(tx)
    }
}

//! What failures cost: a delay that grows, and a challenge.
//!
//! Failures are counted three times: of a name from one address, of a name from anywhere, of an address over all names.
//! The first alone can hold up somebody who signed in from there before; for them, what strangers did elsewhere counts for
//! nothing once the password is right. So nobody is locked out, and who guesses from many addresses is slowed down all the
//! same. Names are counted as they are typed, whether there is such an account or not.
//!
//! An account has a user name and an address, so its failures are counted once more by the account, whatever was typed: else
//! who guesses would have every try twice. That count shows in no answer: it would say which name and which address are one
//! person's. While it holds the account up, a password says nothing, and what is answered is what the typed name is due. For a
//! name of nobody the same is counted and asked for.
//!
//! While the name or the address is delayed, a password is still looked at, but says nothing: whatever it was, the answer
//! and the work behind it are those of a wrong one, unless it was right and the address is known.

use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use contract::{ErrorCode, UserId};

use super::{entry, identity, store};
use crate::context::network_of;
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, secrets};

/// Failures of a name from one address that cost nothing.
const FREE_OF_PAIR: i64 = 3;
/// Failures of a name, wherever from, that cost nothing: beyond what one person mistypes.
const FREE_OF_NAME: i64 = 10;
/// Failures from one address, over all names, that cost nothing: a school may share one.
const FREE_OF_ADDRESS: i64 = 20;
/// Failures of a name, or from an address, after which a challenge comes with the form.
pub(super) const FREE_OF_CHALLENGE: i64 = 3;
/// Longest delay.
const MAX_DELAY_SECONDS: i64 = 60;
/// How long a failure counts.
pub(super) const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// How long an address counts as one's own.
const KNOWN: TimeDelta = TimeDelta::days(90);

/// When this process saw the last attempt that counts: while there was none, a page that nobody typed anything into yet
/// need not ask the database whether a challenge belongs on it. Where another server saw it, the form is refused once.
#[derive(Debug, Default)]
pub(crate) struct AttemptsSeen {
    /// Seconds since 1970.
    last: AtomicI64,
}

impl AttemptsSeen {
    pub(super) fn note(&self, now: DateTime<Utc>) {
        self.last.fetch_max(now.timestamp(), Ordering::Relaxed);
    }

    pub(super) fn any(&self, now: DateTime<Utc>) -> bool {
        now.timestamp() - self.last.load(Ordering::Relaxed) <= WINDOW.num_seconds()
    }
}

/// False while no form of those that can ask for a challenge was refused here: nothing has to be asked then.
pub fn may_be_challenged(platform: &Platform, ctx: &OpContext) -> bool {
    platform.attempts().any(ctx.now())
}

/// What failures are counted by.
pub(super) struct Subjects {
    pair: [u8; 32],
    name: [u8; 32],
    address: [u8; 32],
    network: Option<IpAddr>,
}

impl Subjects {
    pub(super) fn of(ctx: &OpContext, name: &str) -> Self {
        let network = ctx.address().map(network_of);
        let address = network.map(|network| network.to_string()).unwrap_or_default();
        Self {
            pair: secrets::sha256(format!("account\0{name}\0{address}").as_bytes()),
            name: secrets::sha256(format!("name\0{name}").as_bytes()),
            address: secrets::sha256(format!("address\0{address}").as_bytes()),
            network,
        }
    }

    /// What the account behind the typed name is counted by; for nobody, something of the name's own.
    fn of_account(&self, user: Option<UserId>) -> AccountSubjects {
        let who = user.map_or(self.name, |user| secrets::sha256(format!("account-id\0{user}").as_bytes()));
        AccountSubjects {
            pair: secrets::sha256(&[&b"account-pair\0"[..], &who, &self.address].concat()),
            all: secrets::sha256(&[&b"account-all\0"[..], &who].concat()),
            address: secrets::sha256(&[&b"account-address\0"[..], &self.address].concat()),
        }
    }
}

/// See [`Subjects::of_account`].
struct AccountSubjects {
    pair: [u8; 32],
    all: [u8; 32],
    /// Of all accounts, from one address, while a directory is away.
    address: [u8; 32],
}

/// How things stand before an attempt.
pub(super) struct Standing {
    /// Seconds that this name is held up from this address.
    of_pair: Option<i64>,
    /// Seconds that the name is held up from anywhere.
    of_name: Option<i64>,
    /// Seconds that the address is held up.
    of_address: Option<i64>,
    /// A challenge has to be solved.
    pub challenged: bool,
}

impl Standing {
    /// # Errors
    /// `RateLimited` when this name is held up from this address: nothing is looked at then.
    pub(super) fn admit(&self) -> Result<()> {
        self.of_pair.map_or(Ok(()), |seconds| Err(wait(seconds)))
    }

    /// What a wrong password is answered, and a right one too where it does not count.
    pub(super) fn refusal(&self) -> Error {
        self.of_name.max(self.of_address).map_or_else(|| Error::new(ErrorCode::BadCredentials), wait)
    }

    /// Whether a right password counts, from an address that the person signed in from before or not.
    pub(super) fn lets_in(&self, known: bool) -> bool {
        known || (self.of_name.is_none() && self.of_address.is_none())
    }
}

/// See [`Standing`].
pub(super) async fn standing(tx: &mut Tx, ctx: &OpContext, subjects: &Subjects) -> Result<Standing> {
    let since = ctx.now() - WINDOW;
    let pair = store::attempts::since(tx, &subjects.pair, since).await?;
    let name = store::attempts::since(tx, &subjects.name, since).await?;
    let address = store::attempts::since(tx, &subjects.address, since).await?;
    Ok(Standing {
        of_pair: left(pair, FREE_OF_PAIR, ctx.now()),
        of_name: left(name, FREE_OF_NAME, ctx.now()),
        of_address: left(address, FREE_OF_ADDRESS, ctx.now()),
        challenged: name.0.max(address.0) >= FREE_OF_CHALLENGE,
    })
}

/// How things stand with the account, by whatever name it is called; never answered to somebody who is not signed in.
pub(super) struct AccountStanding {
    /// Seconds that it is held up from this address.
    of_pair: Option<i64>,
    /// Seconds that it is held up from anywhere.
    of_all: Option<i64>,
    /// Seconds that every account is held up from this address.
    of_address: Option<i64>,
}

impl AccountStanding {
    /// Whether a right password counts.
    pub(super) fn lets_in(&self, known: bool) -> bool {
        self.of_pair.is_none() && (known || (self.of_all.is_none() && self.of_address.is_none()))
    }
}

/// See [`AccountStanding`]; asked for nobody as well.
pub(super) async fn account_standing(
    tx: &mut Tx,
    ctx: &OpContext,
    subjects: &Subjects,
    user: Option<UserId>,
) -> Result<AccountStanding> {
    let (since, by) = (ctx.now() - WINDOW, subjects.of_account(user));
    let pair = store::attempts::since(tx, &by.pair, since).await?;
    let all = store::attempts::since(tx, &by.all, since).await?;
    let address = store::attempts::since(tx, &by.address, since).await?;
    Ok(AccountStanding {
        of_pair: left(pair, FREE_OF_PAIR, ctx.now()),
        of_all: left(all, FREE_OF_NAME, ctx.now()),
        of_address: left(address, FREE_OF_ADDRESS, ctx.now()),
    })
}

/// Seconds that so many failures still cost: one after the first that is not free, twice as many after each further.
fn left((failures, last): (i64, Option<DateTime<Utc>>), free: i64, now: DateTime<Utc>) -> Option<i64> {
    let over = failures - free;
    let last = last.filter(|_| over >= 0)?;
    let delay = (1i64 << over.min(10)).min(MAX_DELAY_SECONDS);
    let left = (last + TimeDelta::seconds(delay) - now).num_milliseconds();
    (left > 0).then_some((left + 999) / 1000)
}

fn wait(seconds: i64) -> Error {
    Error::new(ErrorCode::RateLimited).with_key("error-sign-in-wait").with_arg("seconds", seconds)
}

/// True when this person signed in from this address not long ago; asked for nobody as well.
pub(super) async fn is_known(tx: &mut Tx, ctx: &OpContext, subjects: &Subjects, user: Option<UserId>) -> Result<bool> {
    let user = user.unwrap_or(UserId(0));
    store::attempts::signed_in_from(tx, user, subjects.network, ctx.now() - KNOWN).await
}

/// For somebody whose session, or right password, says already who they are.
///
/// # Errors
/// `RateLimited` with the seconds to wait.
pub(super) async fn check_delay(tx: &mut Tx, ctx: &OpContext, subjects: &Subjects, user: UserId) -> Result<()> {
    let standing = standing(tx, ctx, subjects).await?;
    standing.admit()?;
    let known = is_known(tx, ctx, subjects, Some(user)).await?;
    if !standing.lets_in(known) {
        return Err(standing.refusal());
    }
    let account = account_standing(tx, ctx, subjects, Some(user)).await?;
    if account.lets_in(known) {
        return Ok(());
    }
    Err(wait(account.of_pair.max(account.of_all).max(account.of_address).unwrap_or(1)))
}

/// Counts a failure and writes it down. The name is what was typed, which may be a password typed into the wrong field:
/// only a known one is kept.
pub(super) async fn note_failure(
    platform: &Platform,
    ctx: &OpContext,
    subjects: &Subjects,
    action: &'static str,
    user: Option<UserId>,
) -> Result<()> {
    note_failure_because(platform, ctx, subjects, (action, user), None).await
}

/// The same with what is known of why, for the log alone.
pub(super) async fn note_failure_because(
    platform: &Platform,
    ctx: &OpContext,
    subjects: &Subjects,
    (action, user): (&'static str, Option<UserId>),
    why: Option<serde_json::Value>,
) -> Result<()> {
    count_failure(platform, ctx, subjects, user).await?;
    let mut failed = entry(action, UserId(0));
    failed.target_id = user.map(|id| id.to_string());
    failed.after = why;
    audit::record_failed(platform, ctx, failed).await
}

async fn count_failure(platform: &Platform, ctx: &OpContext, subjects: &Subjects, user: Option<UserId>) -> Result<()> {
    platform.attempts().note(ctx.now());
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let standing = standing(&mut tx, ctx, subjects).await?;
    let (account, by) = (account_standing(&mut tx, ctx, subjects, user).await?, subjects.of_account(user));
    let by = [
        (None, &subjects.pair),
        (account.of_pair, &by.pair),
        (account.of_all, &by.all),
        (standing.of_name, &subjects.name),
        (standing.of_address, &subjects.address),
    ];
    note_free(&mut tx, ctx, &by).await?;
    tx.commit().await?;
    Ok(())
}

/// What is tried during a delay of many does not make it longer: somebody could keep it up for ever.
async fn note_free(tx: &mut Tx, ctx: &OpContext, by: &[(Option<i64>, &[u8; 32])]) -> Result<()> {
    let counted: Vec<_> = by.iter().filter(|(delay, _)| delay.is_none()).map(|(_, subject)| *subject).collect();
    store::attempts::note(tx, &counted, ctx.now()).await
}

/// A directory that has to be asked is away. What a password here was tried against counts all the same, of the account and
/// of the address over all accounts, which shows in no answer: else somebody could guess unhindered meanwhile. Of everybody
/// else nothing is counted, so that whoever is held up by the outage finds neither a delay nor a challenge after it. One that
/// is set up wrongly stays so until somebody mends it, and is no excuse: there every try counts as a failure.
pub(super) async fn note_unchecked(
    platform: &Platform,
    ctx: &OpContext,
    subjects: &Subjects,
    found: Option<&store::Credentials>,
    error: &Error,
) -> Result<()> {
    if error.key != "error-directory-away" {
        count_failure(platform, ctx, subjects, found.map(|row| row.id)).await?;
    } else if let Some(row) = found.filter(|row| row.password_hash.is_some()) {
        let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
        let account = account_standing(&mut tx, ctx, subjects, Some(row.id)).await?;
        let by = subjects.of_account(Some(row.id));
        let by = [(account.of_pair, &by.pair), (account.of_all, &by.all), (account.of_address, &by.address)];
        note_free(&mut tx, ctx, &by).await?;
        tx.commit().await?;
    }
    let mut failed = entry("accounts:sign-in", UserId(0));
    failed.target_id = found.map(|row| row.id.to_string());
    failed.after = identity::why_of(error).map(|why| serde_json::json!({ "why": why }));
    audit::record_failed_again(platform, ctx, failed).await
}

/// Everything was right: forgets this person's failures from here and remembers the address.
pub(super) async fn note_success(tx: &mut Tx, ctx: &OpContext, subjects: &Subjects, user: UserId) -> Result<()> {
    store::attempts::forget(tx, &subjects.pair, &[&subjects.name, &subjects.address]).await?;
    let by = subjects.of_account(Some(user));
    store::attempts::forget(tx, &by.pair, &[&by.all, &by.address, &subjects.address]).await?;
    store::attempts::note_sign_in(tx, user, subjects.network, ctx.now()).await
}

/// Who used a link that went to their mailbox signs in from where they are, whatever strangers try meanwhile.
pub(super) async fn note_proved(tx: &mut Tx, ctx: &OpContext, user: UserId) -> Result<()> {
    store::attempts::note_network(tx, user, ctx.address().map(network_of), ctx.now()).await
}

/// Removes what counts no longer.
pub(super) async fn delete_old(tx: &mut Tx, now: DateTime<Utc>) -> Result<()> {
    store::attempts::delete_old(tx, now - TimeDelta::days(1), now - KNOWN, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_a_minute_and_runs_out() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let seconds = |failures: i64| left((failures, Some(now)), 3, now);
        let expected = [None, None, None, Some(1), Some(2), Some(4), Some(8), Some(16), Some(32), Some(60), Some(60)];
        assert_eq!((0..11).map(seconds).collect::<Vec<_>>(), expected);
        assert_eq!(left((5, Some(now - TimeDelta::milliseconds(2500))), 3, now), Some(2), "rounded up");
        assert_eq!(left((5, Some(now - TimeDelta::seconds(4))), 3, now), None);
        assert_eq!(left((900, None), 3, now), None);
    }
}

//! Signing in with name, password and, where it is on, a code; with a delay that grows with failures.
//!
//! Failures are counted per account *and* address together, and per address: somebody who guesses from elsewhere slows
//! themselves down and never locks the true owner out. A wrong code counts like a wrong password. What no password here
//! proves, directories are asked about; then every refusal takes equal time.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use contract::accounts::LoginRequest;
use contract::{CustomerId, ErrorCode, SessionId, UserId};

use super::second_factor::{self, Factor};
use super::{entry, identity, password, store};
use crate::db::Tx;
use crate::{Credential, Error, OpContext, Platform, Principal, Result, SystemActor, UserPrincipal, audit, secrets};

/// Failures that cost nothing.
const FREE_FAILURES: i64 = 3;
/// Failures from one address, over all accounts, that cost nothing: a school may share one.
const FREE_FAILURES_PER_ADDRESS: i64 = 20;
/// Longest delay.
const MAX_DELAY_SECONDS: i64 = 60;
/// How long a failure counts.
const WINDOW_MINUTES: i64 = 15;
/// How long every refusal takes where directories are asked: longer than they need, so that the time says nothing about
/// where an account is, or whether there is one.
const REFUSAL_TIME: Duration = Duration::from_millis(800);

/// Who signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedIn {
    pub user: UserId,
    pub token_version: i64,
    /// The customer to act for, if the person belongs to one.
    pub active_customer: Option<CustomerId>,
}

/// Proof that a password was right, made only here; the code of the second factor is still missing.
#[derive(Debug)]
pub struct CodeNeeded {
    pub(super) user: UserId,
    pub(super) token_version: i64,
}

/// How far a sign-in has come.
#[derive(Debug)]
pub enum SignInStep {
    Done(SignedIn),
    CodeNeeded(CodeNeeded),
}

/// Checks name (or e-mail), password and code, all in one request.
///
/// # Errors
/// `BadCredentials` whatever was wrong; `SecondFactorRequired` after a right password when the code is missing or wrong;
/// `RateLimited` with the seconds to wait after too many failures.
pub async fn sign_in(platform: &Platform, ctx: &OpContext, request: &LoginRequest) -> Result<SignedIn> {
    match begin_sign_in(platform, ctx, request).await? {
        SignInStep::Done(who) => Ok(who),
        SignInStep::CodeNeeded(_) => Err(Error::new(ErrorCode::SecondFactorRequired)),
    }
}

/// The same, but a missing code is no error: for a door that asks for it in a second step.
///
/// # Errors
/// As [`sign_in`].
pub async fn begin_sign_in(platform: &Platform, ctx: &OpContext, request: &LoginRequest) -> Result<SignInStep> {
    let name = request.username.trim().to_lowercase();
    let mut empty = Error::new(ErrorCode::Validation);
    if name.is_empty() {
        empty = empty.with_field("username", "field-required");
    }
    if request.password.is_empty() {
        empty = empty.with_field("password", "field-required");
    }
    empty.into_result()?;
    let began = Instant::now();
    let subjects = Subjects::of(ctx, &name);
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    check_delay(&mut tx, ctx, &subjects).await?;
    // PostgreSQL's texts have no zero byte: nobody is called so.
    let found = if name.contains('\0') { None } else { store::credentials(&mut tx, &name).await? };
    tx.commit().await?; // hashing takes a while: hold no connection meanwhile

    let hash = found.as_ref().filter(|row| row.active).and_then(|row| row.password_hash.clone());
    let fits = password::verify(platform, &request.password, hash).await?;
    let known = found.as_ref().map(|row| row.id);
    if let Some(row) = found.as_ref().filter(|_| fits) {
        return go_on(platform, ctx, &subjects, row.clone(), request.otp.as_deref(), None).await;
    }
    let typed = (request.username.trim(), request.password.as_str());
    let (asked, refusal) = match identity::ask(platform, ctx, typed, found.as_ref()).await {
        Ok(identity::Answer::Proved(row, provider)) => {
            return go_on(platform, ctx, &subjects, *row, request.otp.as_deref(), Some(provider)).await;
        }
        Ok(identity::Answer::NotAsked) => (false, Error::new(ErrorCode::BadCredentials)),
        Ok(identity::Answer::Refused) => (true, Error::new(ErrorCode::BadCredentials)),
        Err(error) => (true, error),
    };
    note_failure(platform, ctx, &subjects, "accounts:sign-in", known).await?;
    if asked {
        tokio::time::sleep(REFUSAL_TIME.saturating_sub(began.elapsed())).await;
    }
    Err(refusal)
}

/// The person is known; what is left is the code, where one is asked for.
pub(super) async fn go_on(
    platform: &Platform,
    ctx: &OpContext,
    subjects: &Subjects,
    row: store::Credentials,
    otp: Option<&str>,
    provider: Option<String>,
) -> Result<SignInStep> {
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let mut factor = None;
    if store::second_factor::is_on(&mut tx, row.id).await? {
        let Some(code) = otp.filter(|code| !code.trim().is_empty()) else {
            return Ok(SignInStep::CodeNeeded(CodeNeeded { user: row.id, token_version: row.token_version }));
        };
        factor = second_factor::check(platform, &mut tx, row.id, code, ctx.now()).await?;
        if factor.is_none() {
            drop(tx);
            note_failure(platform, ctx, subjects, "accounts:sign-in", Some(row.id)).await?;
            return Err(wrong_code());
        }
    }
    finish(tx, ctx, subjects, row, Proof { factor, provider }).await.map(SignInStep::Done)
}

/// What a sign-in was proved with, beside a password kept here.
#[derive(Default)]
pub(super) struct Proof {
    pub factor: Option<Factor>,
    /// The provider's name.
    pub provider: Option<String>,
}

/// A code that was wrong, or used before.
pub(super) fn wrong_code() -> Error {
    Error::new(ErrorCode::SecondFactorRequired).with_key("error-second-factor-wrong")
}

/// Everything was right: forgets the failures and writes it down.
pub(super) async fn finish(
    mut tx: Tx,
    ctx: &OpContext,
    subjects: &Subjects,
    row: store::Credentials,
    proof: Proof,
) -> Result<SignedIn> {
    store::note_sign_in(&mut tx, row.id, &subjects.account, ctx.now()).await?;
    let who = as_user(ctx, &row);
    let mut after = serde_json::Map::new();
    after.extend(proof.factor.map(|factor| ("secondFactor".to_owned(), factor.code().into())));
    after.extend(proof.provider.map(|provider| ("provider".to_owned(), provider.into())));
    let after = (!after.is_empty()).then_some(serde_json::Value::Object(after));
    audit::record_in_tx(&mut tx, &who, audit::Entry { after, ..entry("accounts:sign-in", row.id) }).await?;
    tx.commit().await?;
    Ok(SignedIn {
        user: row.id,
        token_version: row.token_version,
        active_customer: row.first_customer.filter(|_| !row.platform_admin),
    })
}

/// What failures are counted by.
pub(super) struct Subjects {
    pub account: [u8; 32],
    pub address: [u8; 32],
}

impl Subjects {
    pub(super) fn of(ctx: &OpContext, name: &str) -> Self {
        let address = ctx.address().map(|a| a.to_string()).unwrap_or_default();
        Self {
            account: secrets::sha256(format!("account\0{name}\0{address}").as_bytes()),
            address: secrets::sha256(format!("address\0{address}").as_bytes()),
        }
    }
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
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    store::note_failure(&mut tx, &subjects.account, &subjects.address, ctx.now()).await?;
    tx.commit().await?;
    let mut failed = entry(action, UserId(0));
    failed.target_id = user.map(|id| id.to_string());
    audit::record_failed(platform, ctx, failed).await
}

pub(super) async fn check_delay(tx: &mut Tx, ctx: &OpContext, subjects: &Subjects) -> Result<()> {
    let since = ctx.now() - TimeDelta::minutes(WINDOW_MINUTES);
    for (subject, free) in [(&subjects.account, FREE_FAILURES), (&subjects.address, FREE_FAILURES_PER_ADDRESS)] {
        let (failures, last) = store::failures_since(tx, subject, since).await?;
        let (Some(last), over) = (last, failures - free) else { continue };
        if over < 0 {
            continue;
        }
        let delay = (1i64 << over.min(10)).min(MAX_DELAY_SECONDS);
        let left = (last + TimeDelta::seconds(delay) - ctx.now()).num_milliseconds();
        if left > 0 {
            return Err(Error::new(ErrorCode::RateLimited)
                .with_key("error-sign-in-wait")
                .with_arg("seconds", (left + 999) / 1000));
        }
    }
    Ok(())
}

/// The context as the person it turned out to be, for the audit row.
fn as_user(ctx: &OpContext, row: &store::Credentials) -> OpContext {
    let user = UserPrincipal {
        id: row.id,
        name: row.name.clone(),
        display_name: row.name.clone(),
        session: SessionId(0),
        credential: Credential::default(),
        token_version: row.token_version,
        platform_admin: row.platform_admin,
        memberships: Vec::new(),
        active_customer: None,
        language: None,
        theme: None,
        time_zone: None,
    };
    ctx.as_principal(Principal::User(Box::new(user)))
}

//! Signing in with name and password, with a delay that grows with failures.
//!
//! Failures are counted per account *and* address together, and per address: somebody who guesses from elsewhere slows
//! themselves down and never locks the true owner out.

use chrono::TimeDelta;
use contract::accounts::LoginRequest;
use contract::{CustomerId, ErrorCode, SessionId, UserId};

use super::{entry, password, store};
use crate::{Error, OpContext, Platform, Principal, Result, SystemActor, UserPrincipal, audit, secrets};

/// Failures that cost nothing.
const FREE_FAILURES: i64 = 3;
/// Failures from one address, over all accounts, that cost nothing: a school may share one.
const FREE_FAILURES_PER_ADDRESS: i64 = 20;
/// Longest delay.
const MAX_DELAY_SECONDS: i64 = 60;
/// How long a failure counts.
const WINDOW_MINUTES: i64 = 15;

/// Who signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedIn {
    pub user: UserId,
    pub token_version: i64,
    /// The customer to act for, if the person belongs to one.
    pub active_customer: Option<CustomerId>,
}

/// Checks name (or e-mail) and password.
///
/// # Errors
/// `BadCredentials` whatever was wrong; `RateLimited` with the seconds to wait after too many failures.
pub async fn sign_in(platform: &Platform, ctx: &OpContext, request: &LoginRequest) -> Result<SignedIn> {
    let name = request.username.trim().to_lowercase();
    let mut empty = Error::new(ErrorCode::Validation);
    if name.is_empty() {
        empty = empty.with_field("username", "field-required");
    }
    if request.password.is_empty() {
        empty = empty.with_field("password", "field-required");
    }
    empty.into_result()?;
    let system = ctx.as_system(SystemActor::Authenticator);
    let subjects = Subjects::of(ctx, &name);

    let mut tx = platform.db().begin(&system).await?;
    check_delay(&mut tx, ctx, &subjects).await?;
    let found = store::credentials(&mut tx, &name).await?;
    tx.commit().await?; // hashing takes a while: hold no connection meanwhile

    let hash = found.as_ref().filter(|row| row.active).and_then(|row| row.password_hash.clone());
    let sane = request.password.len() <= password::MAX_PASSWORD_BYTES;
    let fits = password::verify(platform, if sane { &request.password } else { "" }, hash).await? && sane;

    let mut tx = platform.db().begin(&system).await?;
    match found {
        Some(row) if fits => {
            store::note_sign_in(&mut tx, row.id, &subjects.account, ctx.now()).await?;
            let who = as_user(ctx, &row);
            audit::record_in_tx(&mut tx, &who, entry("accounts:sign-in", row.id)).await?;
            tx.commit().await?;
            Ok(SignedIn {
                user: row.id,
                token_version: row.token_version,
                active_customer: row.first_customer.filter(|_| !row.staff),
            })
        }
        _ => {
            store::note_failure(&mut tx, &subjects.account, &subjects.address, ctx.now()).await?;
            tx.commit().await?;
            // The name is what was typed, which may be a password typed into the wrong field: only a known one is kept.
            let mut failed = entry("accounts:sign-in", UserId(0));
            failed.target_id = found.map(|row| row.id.to_string());
            audit::record_failed(platform, ctx, failed).await?;
            Err(Error::new(ErrorCode::BadCredentials))
        }
    }
}

struct Subjects {
    account: [u8; 32],
    address: [u8; 32],
}

impl Subjects {
    fn of(ctx: &OpContext, name: &str) -> Self {
        let address = ctx.address().map(|a| a.to_string()).unwrap_or_default();
        Self {
            account: secrets::sha256(format!("account\0{name}\0{address}").as_bytes()),
            address: secrets::sha256(format!("address\0{address}").as_bytes()),
        }
    }
}

async fn check_delay(tx: &mut crate::db::Tx, ctx: &OpContext, subjects: &Subjects) -> Result<()> {
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
        token_version: row.token_version,
        platform_admin: row.platform_admin,
        operator: false,
        permissions: Vec::new(),
        memberships: Vec::new(),
        active_customer: None,
        language: None,
        theme: None,
        time_zone: None,
    };
    let principal = Principal::User(Box::new(user));
    OpContext::new(principal, ctx.now(), ctx.via(), ctx.request_id(), ctx.address(), ctx.language())
}

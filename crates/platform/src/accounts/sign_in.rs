//! Signing in with name, password and, where it is on, a code. What failures cost is in [`super::attempts`]; a wrong code
//! counts like a wrong password. What no password here proves, directories are asked about; then every refusal takes equal
//! time. Delay and challenge come before both.

use std::time::{Duration, Instant};

use contract::accounts::LoginRequest;
use contract::{CustomerId, ErrorCode, IdentityProviderId, SessionId, UserId};

use super::attempts::{self, Subjects};
use super::captcha::{self, Captchas, Given};
use super::second_factor::{self, Factor};
use super::{entry, identity, password, store};
use crate::db::Tx;
use crate::{Credential, Error, OpContext, Platform, Principal, Result, SystemActor, UserPrincipal, Via, audit};

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
    /// By which service or directory, if by one: its end ends the session.
    pub provider: Option<IdentityProviderId>,
}

/// Proof that a password was right, made only here; the code of the second factor is still missing.
#[derive(Debug)]
pub struct CodeNeeded {
    pub(super) user: UserId,
    pub(super) token_version: i64,
    pub(super) provider: Option<IdentityProviderId>,
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
/// `CaptchaRequired` after some failures, when no solved challenge comes with it; `RateLimited` with the seconds to wait
/// after more.
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
    let standing = attempts::standing(&mut tx, ctx, &subjects).await?;
    standing.admit()?;
    if standing.challenged {
        let given = Given { id: request.captcha_id.as_deref(), answer: request.captcha.as_deref() };
        tx = captcha::demand(platform, tx, ctx, given).await?;
    }
    // PostgreSQL's texts have no zero byte: nobody is called so.
    let found = if name.contains('\0') { None } else { store::credentials(&mut tx, &name).await? };
    let user = found.as_ref().map(|row| row.id);
    let known = attempts::is_known(&mut tx, ctx, &subjects, user).await?;
    let account = attempts::account_standing(&mut tx, ctx, &subjects, user).await?;
    tx.commit().await?; // hashing takes a while: hold no connection meanwhile

    let hash = found.as_ref().filter(|row| row.active).and_then(|row| row.password_hash.clone());
    let fits = password::verify(platform, &request.password, hash).await?;
    // While it is delayed, whatever was typed is refused, and no directory is told a password either: it may lock an
    // account there that we only hold up. The work is that of a wrong one.
    let counts = standing.lets_in(known) && account.lets_in(known);
    if let Some(row) = found.as_ref().filter(|_| fits && counts) {
        return go_on(platform, ctx, &subjects, row.clone(), request.otp.as_deref(), By::Password).await;
    }
    let typed = (request.username.trim(), Some(request.password.as_str()).filter(|_| counts));
    let (asked, refusal, why) = match identity::ask(platform, ctx, typed, found.as_ref()).await {
        Ok(identity::Answer::Proved(row, provider)) => {
            return go_on(platform, ctx, &subjects, *row, request.otp.as_deref(), By::Directory(provider)).await;
        }
        Ok(identity::Answer::NotAsked) => {
            // For the log alone: who guesses is answered the same, whatever it was.
            let why = match &found {
                _ if !counts => "delayed",
                None => "unknown-name",
                Some(row) if !row.active => "disabled",
                Some(_) => "password",
            };
            (false, standing.refusal(), Some(serde_json::json!({ "why": why })))
        }
        Err(error) if counts => {
            let why = identity::why_of(&error).map(|why| serde_json::json!({ "why": why }));
            (true, error, why)
        }
        Ok(identity::Answer::Refused(why)) => (true, standing.refusal(), why),
        Err(_) => (true, standing.refusal(), None),
    };
    attempts::note_failure_because(platform, ctx, &subjects, ("accounts:sign-in", user), why).await?;
    if asked {
        tokio::time::sleep(REFUSAL_TIME.saturating_sub(began.elapsed())).await;
    }
    Err(refusal)
}

/// What a person is known by, before a code is asked for.
pub(super) enum By {
    /// One that is kept here.
    Password,
    /// A directory took their password.
    Directory((IdentityProviderId, String)),
    /// A sign-in service sent their browser back.
    Service((IdentityProviderId, String)),
}

/// The person is known; what is left is the code, where one is asked for.
pub(super) async fn go_on(
    platform: &Platform,
    ctx: &OpContext,
    subjects: &Subjects,
    row: store::Credentials,
    otp: Option<&str>,
    by: By,
) -> Result<SignInStep> {
    // The address of the way back is REST's, whoever comes.
    let in_browser = matches!(by, By::Service(_)) || ctx.via() == Via::Page;
    let provider = match by {
        By::Password => None,
        By::Directory(provider) | By::Service(provider) => Some(provider),
    };
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let mut factor = None;
    if store::second_factor::is_on(&mut tx, row.id).await? {
        let Some(code) = otp.filter(|code| !code.trim().is_empty()) else {
            let provider = provider.map(|(id, _)| id);
            let needed = CodeNeeded { user: row.id, token_version: row.token_version, provider };
            return Ok(SignInStep::CodeNeeded(needed));
        };
        factor = second_factor::check(platform, &mut tx, row.id, code, ctx.now()).await?;
        if factor.is_none() {
            drop(tx);
            let why = Some(serde_json::json!({ "why": "code" }));
            attempts::note_failure_because(platform, ctx, subjects, ("accounts:sign-in", Some(row.id)), why).await?;
            return Err(wrong_code(code));
        }
    }
    finish(tx, ctx, subjects, row, Proof { factor, provider, in_browser }).await.map(SignInStep::Done)
}

/// What a sign-in was proved with, beside a password kept here.
#[derive(Default)]
pub(super) struct Proof {
    pub factor: Option<Factor>,
    /// The provider, by its name too.
    pub provider: Option<(IdentityProviderId, String)>,
    /// Somebody is at a browser.
    pub in_browser: bool,
}

/// The challenges that the form has to show for this name, from this address; none while too little has failed.
pub async fn captchas_of_sign_in(platform: &Platform, ctx: &OpContext, name: &str) -> Result<Option<Captchas>> {
    let name = name.trim().to_lowercase();
    let subjects = Subjects::of(ctx, &name);
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let challenged = attempts::standing(&mut tx, ctx, &subjects).await?.challenged;
    tx.commit().await?;
    if challenged { captcha::both(platform, ctx).await.map(Some) } else { Ok(None) }
}

/// A code that was wrong, or used before.
pub(super) fn wrong_code(code: &str) -> Error {
    let keys = ["error-second-factor-wrong", "error-recovery-code-wrong"];
    Error::new(ErrorCode::SecondFactorRequired).with_key(second_factor::wrong_code_key(code, keys))
}

/// Everything was right: writes it down.
pub(super) async fn finish(
    mut tx: Tx,
    ctx: &OpContext,
    subjects: &Subjects,
    row: store::Credentials,
    proof: Proof,
) -> Result<SignedIn> {
    attempts::note_success(&mut tx, ctx, subjects, row.id).await?;
    // What somebody reads the pages in is what mails come in, until they choose.
    if proof.in_browser {
        store::note_read_in(&mut tx, row.id, ctx.language()).await?;
    }
    let who = as_user(ctx, &row);
    let mut after = serde_json::Map::new();
    after.extend(proof.factor.map(|factor| ("secondFactor".to_owned(), factor.code().into())));
    let provider = proof.provider.as_ref().map(|(id, _)| *id);
    after.extend(proof.provider.map(|(_, name)| ("provider".to_owned(), name.into())));
    let after = (!after.is_empty()).then_some(serde_json::Value::Object(after));
    audit::record_in_tx(&mut tx, &who, audit::Entry { after, ..entry("accounts:sign-in", row.id) }).await?;
    tx.commit().await?;
    Ok(SignedIn {
        user: row.id,
        token_version: row.token_version,
        active_customer: row.first_customer.filter(|_| !row.staff),
        provider,
    })
}

/// The context as the person it turned out to be, for the audit row.
pub(super) fn as_user(ctx: &OpContext, row: &store::Credentials) -> OpContext {
    let user = UserPrincipal {
        id: row.id,
        name: row.name.clone(),
        display_name: row.name.clone(),
        session: SessionId(0),
        credential: Credential::default(),
        token_version: row.token_version,
        platform_admin: row.platform_admin,
        operator: false,
        permissions: Vec::new(),
        must_enroll: false,
        memberships: Vec::new(),
        active_customer: None,
        language: None,
        theme: None,
        time_zone: None,
    };
    ctx.as_principal(Principal::User(Box::new(user)))
}

//! The way of a browser to a sign-in service and back.
//!
//! What is remembered meanwhile is a row bound to the browser by the SHA-256 of its session's secret, and to the state that
//! comes back: ten minutes, one use. Coming back while one is signed in binds nothing yet: the owner says yes on a page of
//! ours, because the service's cookie may be somebody else's.

use chrono::TimeDelta;
use contract::accounts::{ProviderKind, SignInService};
use contract::{ErrorCode, IdentityProviderId, UserId};
use serde_json::{Value, json};

use super::super::attempts::Subjects;
use super::super::{SignInStep, account, entry, sign_in};
use super::oidc::{Refusal, Said, Service, Way};
use super::provision::{self, NameTaken};
use super::{Proved, Provider, Settings, binding, store, way_state};
use crate::accounts::store::oidc as ways;
use crate::authz::SecureAccount;
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, secrets};

/// Where services send browsers back to.
const REDIRECT_PATH: &str = "/api/auth/oidc/callback";
/// How long there is for signing in there.
pub(super) const MINUTES: i64 = 10;
/// Longest code, state or issuer that comes back, bytes.
const MAX_PARAMETER: usize = 4096;

/// What a browser brings back.
#[derive(Clone, Default)]
pub struct Returned {
    pub state: Option<String>,
    pub code: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// Who says so (RFC 9207).
    pub iss: Option<String>,
}

/// What coming back led to.
#[derive(Debug)]
pub enum Finished {
    /// Somebody signs in; and where they wanted to go.
    SignIn(SignInStep, Option<String>),
    /// Somebody who is signed in is asked whether to bind their account.
    LinkProposed,
}

/// Why coming back led to nothing, and where the person wanted to go, so that they can try again.
#[derive(Debug)]
pub struct Turned {
    pub error: Error,
    pub next: Option<String>,
}

impl From<Error> for Turned {
    fn from(error: Error) -> Self {
        Self { error, next: None }
    }
}

/// The address to be entered at every service.
pub(super) fn redirect_url(platform: &Platform) -> String {
    format!("{}{REDIRECT_PATH}", platform.settings().public_url)
}

/// The ways to sign in beside a password kept here, as everybody may see them.
pub async fn services(platform: &Platform, ctx: &OpContext) -> Result<Vec<SignInService>> {
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let rows = store::providers(&mut tx, None).await?;
    tx.commit().await?;
    let used = rows.into_iter().filter(|row| row.enabled);
    Ok(used.map(|row| SignInService { id: row.id, kind: row.kind, name: row.name }).collect())
}

/// Sends a browser to a service: the address it goes to. Who is signed in goes there to bind their account.
///
/// # Errors
/// `NotFound` for a service there is not (any more); `Unavailable` when it cannot be asked.
pub async fn begin(
    platform: &Platform,
    ctx: &OpContext,
    id: IdentityProviderId,
    next: Option<String>,
    browser_hash: &[u8; 32],
) -> Result<String> {
    let link_user = match ctx.user() {
        Some(user) => Some(ctx.authorize(SecureAccount, &account(user.id))?.id()),
        None => None,
    };
    let system = ctx.as_system(SystemActor::Authenticator);
    let mut tx = platform.db().begin(&system).await?;
    let provider = service_row(platform, &mut tx, id).await?;
    tx.commit().await?; // asking takes a while: hold no connection meanwhile
    let Some(provider) = provider else {
        forget_question(platform, ctx).await?;
        return Err(gone());
    };
    let state = way_state::made(platform.keyring(), next.as_deref());
    let asked = match service(platform, &provider) {
        Ok(service) => service.way_there(state.clone(), next).await,
        Err(refusal) => Err(refusal),
    };
    let (address, way) = match asked {
        Ok(there) => there,
        Err(refusal) => return Err(refuse(platform, ctx, &provider, &refusal).await?),
    };
    let state_hash = secrets::sha256(state.as_bytes());
    let plain = serde_json::to_vec(&way).map_err(Error::internal)?;
    let sealed = platform.keyring().seal(&sealed_for(&state_hash), &plain);
    let mut tx = platform.db().begin(&system).await?;
    let way = ways::Way { provider: id, sealed, link_user };
    ways::insert_way(&mut tx, browser_hash, &state_hash, &way, ctx.now() + TimeDelta::minutes(MINUTES)).await?;
    tx.commit().await?;
    Ok(address)
}

/// A browser came back.
///
/// # Errors
/// `WrongState` when this browser is not on its way with this state; `BadCredentials` when what the service says does not
/// hold; `Unavailable` when it cannot be asked; what [`provision::admit`] refuses.
pub async fn finish(
    platform: &Platform,
    ctx: &OpContext,
    browser_hash: Option<[u8; 32]>,
    returned: &Returned,
) -> std::result::Result<Finished, Turned> {
    let over = || Error::new(ErrorCode::WrongState).with_key("error-sso-over");
    let sane = |text: &Option<String>| text.clone().filter(|text| !text.is_empty() && text.len() <= MAX_PARAMETER);
    let Some(state) = sane(&returned.state) else { return Err(over().into()) };
    // Of a way that is forgotten, the state still says where it was to lead.
    let next = way_state::next(platform.keyring(), &state);
    let turned = |error: Error| Turned { error, next: next.clone() };
    let Some(browser) = browser_hash else { return Err(turned(over())) };
    let state_hash = secrets::sha256(state.as_bytes());
    let system = ctx.as_system(SystemActor::Authenticator);
    let mut tx = platform.db().begin(&system).await?;
    let row = ways::take_way(&mut tx, &browser, &state_hash, ctx.now()).await?;
    let Some(row) = row else { return Err(turned(over())) };
    let provider = service_row(platform, &mut tx, row.provider).await?;
    tx.commit().await.map_err(Error::from)?;
    // Whoever began it as somebody comes back as them, and nobody as somebody else.
    if row.link_user != ctx.user().map(|user| user.id) {
        return Err(turned(over()));
    }
    let Some(provider) = provider else { return Err(turned(gone())) };
    let plain = platform.keyring().open(&sealed_for(&state_hash), &row.sealed)?;
    let way: Way = serde_json::from_slice(&plain).map_err(Error::internal)?;
    let next = way.next.clone();
    let code = sane(&returned.code);
    let led = go_on(platform, ctx, (row.link_user, provider), way, (returned, code)).await;
    led.map_err(|error| Turned { error, next })
}

/// The way is known to be this browser's: asks the service who came back.
async fn go_on(
    platform: &Platform,
    ctx: &OpContext,
    (link_user, provider): (Option<UserId>, Provider),
    way: Way,
    (returned, code): (&Returned, Option<String>),
) -> Result<Finished> {
    let proved = match come_back(platform, ctx, &provider, &way, returned, code).await {
        Ok(proved) => proved,
        Err(refusal) => return Err(refuse(platform, ctx, &provider, &refusal).await?),
    };
    match link_user {
        Some(_) => {
            binding::propose_link(platform, ctx, &provider, &proved).await?;
            Ok(Finished::LinkProposed)
        }
        None => {
            let row = match provision::admit(platform, ctx, &provider, &proved, NameTaken::TakeAnother).await {
                Ok(row) => row,
                Err(error) => {
                    note_turned_away(platform, ctx, &provider, &proved, &error).await?;
                    return Err(error);
                }
            };
            let subjects = Subjects::of(ctx, &row.name);
            let by = sign_in::By::Service((provider.id, provider.name));
            let step = sign_in::go_on(platform, ctx, &subjects, row, None, by).await?;
            Ok(Finished::SignIn(step, way.next))
        }
    }
}

async fn come_back(
    platform: &Platform,
    ctx: &OpContext,
    provider: &Provider,
    way: &Way,
    returned: &Returned,
    code: Option<String>,
) -> std::result::Result<Proved, Refusal> {
    let service = service(platform, provider)?;
    if returned.iss.as_ref().is_some_and(|iss| *iss != service.settings.issuer) {
        return Err(Refusal::Word("issuer", "the answer names another issuer".to_owned()));
    }
    if let Some(error) = &returned.error {
        return Err(Refusal::said(error));
    }
    let code = code.ok_or_else(|| Refusal::Word("code", "none came back".to_owned()))?;
    service.way_back(way, &code, ctx.now()).await
}

fn sealed_for(state_hash: &[u8; 32]) -> String {
    format!("oidc_sign_ins.sealed:{}", hex::encode(state_hash))
}

/// A service that is in use.
async fn service_row(platform: &Platform, tx: &mut Tx, id: IdentityProviderId) -> Result<Option<Provider>> {
    let row = store::providers(tx, Some(id)).await?.into_iter().next();
    let row = row.filter(|row| row.enabled && row.kind == ProviderKind::Oidc);
    row.map(|row| Provider::read(platform, row)).transpose()
}

fn service<'a>(platform: &'a Platform, provider: &'a Provider) -> std::result::Result<Service<'a>, Refusal> {
    match &provider.settings {
        Settings::Oidc(settings) => Service::new(provider, settings, platform.descriptions(), redirect_url(platform)),
        Settings::Ldap(_) => Err(Refusal::Away("a directory is no sign-in service".to_owned())),
    }
}

fn gone() -> Error {
    Error::new(ErrorCode::NotFound).with_key("error-sso-gone")
}

/// Writes down why a way came to nothing, for those who look after the service; what the person reads.
async fn refuse(platform: &Platform, ctx: &OpContext, provider: &Provider, refusal: &Refusal) -> Result<Error> {
    let binds = ctx.user().is_some();
    let (code, key) = match refusal {
        Refusal::Away(_) => (ErrorCode::Unavailable, "error-sso-away"),
        Refusal::Setup(_) => (ErrorCode::Unavailable, "error-sso-setup"),
        Refusal::Said(Said::Denied, _) if binds => (ErrorCode::BadCredentials, "error-sso-denied-binding"),
        Refusal::Said(Said::Denied, _) => (ErrorCode::BadCredentials, "error-sso-denied"),
        Refusal::Said(Said::Client, _) => (ErrorCode::BadCredentials, "error-sso-client"),
        Refusal::Said(Said::Request, _) => (ErrorCode::BadCredentials, "error-sso-request"),
        Refusal::Said(Said::Login, _) => (ErrorCode::BadCredentials, "error-sso-login"),
        Refusal::Said(Said::Fault, _) => (ErrorCode::Unavailable, "error-sso-fault"),
        Refusal::Said(Said::Code, _) | Refusal::Word(..) => (ErrorCode::BadCredentials, "error-sso-refused"),
    };
    tracing::warn!(
        request_id = ctx.request_id(),
        provider = provider.name,
        why = refusal.word(),
        detail = refusal.detail(),
        "a sign-in came to nothing"
    );
    let mut after = json!({ "provider": provider.name, "why": refusal.word() });
    if let Some(error) = refusal.error() {
        after["error"] = error.into();
    }
    note_failed(platform, ctx, ctx.user().map(|user| user.id), after).await?;
    forget_question(platform, ctx).await?;
    Ok(Error::new(code).with_key(key).with_arg("provider", &provider.name))
}

/// An older question would stand beside the refusal, and its yes bind what nobody asks about now.
async fn forget_question(platform: &Platform, ctx: &OpContext) -> Result<()> {
    match ctx.user() {
        Some(_) => binding::forget_link(platform, ctx).await,
        None => Ok(()),
    }
}

/// The service proved who came, and they are not let in here.
async fn note_turned_away(
    platform: &Platform,
    ctx: &OpContext,
    provider: &Provider,
    proved: &Proved,
    error: &Error,
) -> Result<()> {
    let Some(why) = provision::why_of(error) else { return Ok(()) };
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let known = store::known_person(&mut tx, provider.id, &proved.issuer, &proved.subject).await?;
    tx.commit().await?;
    let label = binding::label_of(proved);
    let after = json!({ "provider": provider.name, "why": why, "subject": proved.subject, "label": label });
    note_failed(platform, ctx, known.map(|known| known.user), after).await
}

async fn note_failed(platform: &Platform, ctx: &OpContext, user: Option<UserId>, after: Value) -> Result<()> {
    let action = if ctx.user().is_some() { "accounts:link-identity" } else { "accounts:sign-in" };
    let mut failed = entry(action, UserId(0));
    failed.target_id = user.map(|id| id.to_string());
    failed.after = Some(after);
    audit::record_failed(platform, ctx, failed).await
}

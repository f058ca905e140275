//! The way of a browser to a sign-in service and back, and binding one's account to a service.
//!
//! What is remembered meanwhile is a row bound to the browser by the SHA-256 of its session's secret, and to the state that
//! comes back: ten minutes, one use. Coming back while one is signed in binds nothing yet: the owner says yes on a page of
//! ours, because the service's cookie may be somebody else's.

use chrono::TimeDelta;
use contract::accounts::{IdentityView, ProviderKind, SignInService};
use contract::{ErrorCode, IdentityId, IdentityProviderId, UserId};
use serde_json::json;

use super::super::attempts::Subjects;
use super::super::{SignInStep, account, entry, sign_in, signed_in};
use super::oidc::{Refusal, Service, Way};
use super::provision::{self, NameTaken};
use super::roles::{self, Given};
use super::{Proved, Provider, Settings, store};
use crate::accounts::store::oidc as ways;
use crate::authz::{SecureAccount, ViewAccount};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, secrets};

/// Where services send browsers back to.
const REDIRECT_PATH: &str = "/api/auth/oidc/callback";
/// How long there is for signing in there.
const MINUTES: i64 = 10;
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

/// An identity that waits for its owner to say yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub provider_name: String,
    /// Who the service says it is.
    pub label: String,
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
/// `NotFound` for a service there is not; `Unavailable` when it cannot be asked.
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
    let provider = service_row(platform, &mut tx, id).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?; // asking takes a while: hold no connection meanwhile
    let asked = match service(platform, &provider) {
        Ok(service) => service.way_there(next).await,
        Err(refusal) => Err(refusal),
    };
    let (address, state, way) = asked.map_err(|refusal| refuse(&provider, &refusal))?;
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
) -> Result<Finished> {
    let over = || Error::new(ErrorCode::WrongState).with_key("error-sso-over");
    let sane = |text: &Option<String>| text.clone().filter(|text| !text.is_empty() && text.len() <= MAX_PARAMETER);
    let (Some(browser), Some(state)) = (browser_hash, sane(&returned.state)) else { return Err(over()) };
    let state_hash = secrets::sha256(state.as_bytes());
    let system = ctx.as_system(SystemActor::Authenticator);
    let mut tx = platform.db().begin(&system).await?;
    let row = ways::take_way(&mut tx, &browser, &state_hash, ctx.now()).await?;
    let provider = match &row {
        Some(row) => service_row(platform, &mut tx, row.provider).await?,
        None => None,
    };
    tx.commit().await?;
    let (Some(row), Some(provider)) = (row, provider) else { return Err(over()) };
    // Whoever began it as somebody comes back as them, and nobody as somebody else.
    if row.link_user != ctx.user().map(|user| user.id) {
        return Err(over());
    }
    let plain = platform.keyring().open(&sealed_for(&state_hash), &row.sealed)?;
    let way: Way = serde_json::from_slice(&plain).map_err(Error::internal)?;
    let proved = match come_back(platform, ctx, &provider, &way, returned, sane(&returned.code)).await {
        Ok(proved) => proved,
        Err(refusal) => {
            note_refusal(platform, ctx, &provider, &refusal).await?;
            return Err(refuse(&provider, &refusal));
        }
    };
    match row.link_user {
        Some(_) => {
            propose_link(platform, ctx, &provider, &proved).await?;
            Ok(Finished::LinkProposed)
        }
        None => {
            let row = provision::admit(platform, ctx, &provider, &proved, NameTaken::TakeAnother).await?;
            let subjects = Subjects::of(ctx, &row.name);
            let step = sign_in::go_on(platform, ctx, &subjects, row, None, Some(provider.name)).await?;
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
        let error: String = error.chars().filter(|c| !c.is_control()).take(100).collect();
        return Err(Refusal::Word(if error == "access_denied" { "denied" } else { "error" }, error));
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

fn refuse(provider: &Provider, refusal: &Refusal) -> Error {
    let (code, key) = match refusal {
        Refusal::Away(_) => (ErrorCode::Unavailable, "error-sso-away"),
        Refusal::Word("denied", _) => (ErrorCode::BadCredentials, "error-sso-denied"),
        Refusal::Word(..) => (ErrorCode::BadCredentials, "error-sso-refused"),
    };
    tracing::warn!(
        provider = provider.name,
        why = refusal.word(),
        detail = refusal.detail(),
        "a sign-in came to nothing"
    );
    Error::new(code).with_key(key).with_arg("provider", &provider.name)
}

async fn note_refusal(platform: &Platform, ctx: &OpContext, provider: &Provider, refusal: &Refusal) -> Result<()> {
    let mut failed = entry("accounts:sign-in", contract::UserId(0));
    failed.target_id = ctx.user().map(|user| user.id.to_string());
    failed.after = Some(json!({ "provider": provider.name, "why": refusal.word() }));
    audit::record_failed(platform, ctx, failed).await
}

/// What one's account is bound to.
pub async fn identities(platform: &Platform, ctx: &OpContext) -> Result<Vec<IdentityView>> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(ViewAccount, &account(user.id))?;
    // Providers are the staff's to read; which ones one has oneself is one's own.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let list = store::identities_of(&mut tx, granted.id()).await?;
    tx.commit().await?;
    Ok(list)
}

async fn propose_link(platform: &Platform, ctx: &OpContext, provider: &Provider, proved: &Proved) -> Result<()> {
    let user = signed_in(ctx)?;
    let label = [&proved.email, &proved.name, &proved.display_name].into_iter().flatten().next();
    let label: String = label.unwrap_or(&proved.subject).chars().filter(|c| !c.is_control()).take(200).collect();
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let who = (proved.issuer.as_str(), proved.subject.as_str(), label.as_str());
    ways::put_link(&mut tx, user.id, provider.id, who, ctx.now() + TimeDelta::minutes(MINUTES)).await?;
    tx.commit().await?;
    Ok(())
}

/// The identity that waits for one's yes, if there is one.
pub async fn proposed_link(platform: &Platform, ctx: &OpContext) -> Result<Option<Proposal>> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let link = ways::link(&mut tx, granted.id(), ctx.now()).await?;
    tx.commit().await?;
    Ok(link.map(|link| Proposal { provider_name: link.provider_name, label: link.label }))
}

/// Binds one's account to the identity that waits.
///
/// # Errors
/// `WrongState` when none waits, when it is bound to another account, or the account to another identity there.
pub async fn confirm_link(platform: &Platform, ctx: &OpContext) -> Result<()> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let wrong = |key: &'static str| Error::new(ErrorCode::WrongState).with_key(key);
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let link = ways::link(&mut tx, granted.id(), ctx.now()).await?.ok_or_else(|| wrong("error-sso-over"))?;
    ways::delete_link(&mut tx, &granted).await?;
    store::lock_person(&mut tx, link.provider, &link.subject).await?;
    if store::known_person(&mut tx, link.provider, &link.issuer, &link.subject).await?.is_some() {
        return Err(wrong("error-identity-taken"));
    }
    if store::identities_of(&mut tx, user.id).await?.iter().any(|identity| identity.provider == link.provider) {
        return Err(wrong("error-identity-twice"));
    }
    let who = (link.issuer.as_str(), link.subject.as_str());
    store::insert_identity(&mut tx, link.provider, who, user.id, ctx.now()).await?;
    let after = json!({ "provider": link.provider_name, "issuer": link.issuer, "subject": link.subject });
    let entry = audit::Entry { after: Some(after), ..entry("accounts:link-identity", user.id) };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// Forgets the identity that waits.
pub async fn forget_link(platform: &Platform, ctx: &OpContext) -> Result<()> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    ways::delete_link(&mut tx, &granted).await?;
    tx.commit().await?;
    Ok(())
}

/// Parts one's account from an identity; the roles that its groups gave go with it.
///
/// # Errors
/// `NotFound` for one that is not one's own; `WrongState` when it is the only way in.
pub async fn unlink(platform: &Platform, ctx: &OpContext, id: IdentityId) -> Result<()> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let row = crate::accounts::store::credentials_of(&mut tx, user.id).await?.ok_or_else(Error::not_found)?;
    let all = store::identities_of(&mut tx, user.id).await?;
    let identity = all.iter().find(|identity| identity.id == id).ok_or_else(Error::not_found)?;
    if row.password_hash.is_none() && all.len() == 1 {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-identity-only-way"));
    }
    let before = store::delete_identity(&mut tx, &granted, id).await?.ok_or_else(Error::not_found)?;
    let before: Vec<Given> = serde_json::from_value(before).map_err(Error::internal)?;
    let (_, changed) = roles::apply(&mut tx, user.id, &before, &[]).await?;
    let after = json!({ "provider": identity.provider_name, "roles": changed });
    let entry = audit::Entry { after: Some(after), ..entry("accounts:unlink-identity", user.id) };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    let ends = !changed.removed.is_empty();
    if ends {
        store::end_sessions_of(&mut tx, user.id).await?;
    }
    tx.commit().await?;
    if ends {
        let _ = platform.endings().send(super::super::SessionEnding::User(user.id));
    }
    Ok(())
}

/// Parts an account from every identity, with the roles that their groups gave; how many there were.
pub(in crate::accounts) async fn unlink_all_in_tx(tx: &mut Tx, user: UserId) -> Result<u64> {
    let gone = store::delete_identities(tx, user).await?;
    for before in &gone {
        let before: Vec<Given> = serde_json::from_value(before.clone()).map_err(Error::internal)?;
        roles::apply(tx, user, &before, &[]).await?;
    }
    Ok(gone.len() as u64)
}

//! API tokens: for programs that run without a person at hand.
//!
//! Invariants: the secret is shown once and stored as a hash; a token is the secret of a session of its own, so it ends with
//! it, with its owner, and with every change that ends the owner's sessions; it may do what its owner may do and its
//! scopes name, and never what [`crate::authz::SecureAccount`] covers (decided in `authz`).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use contract::accounts::{ApiTokenCreate, ApiTokenSecret, ApiTokenView, SessionsEnded};
use contract::notifications::NotificationKind;
use contract::{ErrorCode, Page, PageQuery, Permission, SessionId};

use super::session_records::SessionKind;
use super::{SessionEnding, account, entry, signed_in, store};
use crate::authz::{SecureAccount, ViewAccount};
use crate::fields::Wrong;
use crate::notifications::{self, Notice, Value};
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, secrets};

/// How every API token begins: people and scanners of leaked secrets know it by that.
pub(super) const PREFIX: &str = "rgpu_";
/// Characters its owner sees later.
const START_CHARS: usize = PREFIX.len() + 4;
/// Tokens a person may have at a time.
const MAX_TOKENS: u32 = 100;
/// Where one sees them.
const TOKENS_PAGE: &str = "/account/tokens";
/// Longest life that is not for ever.
const MAX_DAYS: i64 = 3660;

/// One's own tokens that count, newest first.
///
/// # Errors
/// `Validation` for a page or a size that no list has.
pub async fn list_api_tokens(platform: &Platform, ctx: &OpContext, query: &PageQuery) -> Result<Page<ApiTokenView>> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(ViewAccount, &account(user.id))?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let some = (i64::from(page - 1) * i64::from(page_size), Some(i64::from(page_size)));
    let mut tx = platform.db().begin(ctx).await?;
    let (list, total) = store::tokens::api_tokens(&mut tx, granted.id(), ctx.now(), some).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// What one may give a token: everything one holds, but what no token may do.
pub fn grantable_scopes(ctx: &OpContext) -> Vec<Permission> {
    let grantable = |p: &Permission| *p != Permission::AccountsSecureOwn && ctx.holds(*p);
    Permission::ALL.iter().copied().filter(grantable).collect()
}

/// Makes a token; it acts for the customer that is active now.
///
/// # Errors
/// `Validation` naming every wrong field, a name that a token has that counts too; `QuotaExceeded` when there are too many.
pub async fn create_api_token(platform: &Platform, ctx: &OpContext, body: ApiTokenCreate) -> Result<ApiTokenSecret> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:create-api-token");
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut wrong = Wrong::new();
    let name = wrong.name("name", &body.name);
    let scopes = body.scopes.map(|mut scopes| {
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    });
    if scopes.as_ref().is_some_and(Vec::is_empty) {
        wrong.add("scopes", "field-choose-some");
    }
    let grantable = grantable_scopes(ctx);
    if scopes.iter().flatten().any(|scope| !grantable.contains(scope)) {
        wrong.add("scopes", "field-scope-not-held");
    }
    let latest = ctx.now() + TimeDelta::days(MAX_DAYS);
    if body.expires_at.is_some_and(|at| at <= ctx.now() || at > latest) {
        wrong.add_with("expiresAt", "field-expiry-range", vec![("days", MAX_DAYS.to_string())]);
    }
    wrong.into_result()?;

    let secret = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(secrets::random_bytes::<32>()));
    let new = store::tokens::NewApiToken {
        hash: secrets::sha256(secret.as_bytes()),
        made_in: user.session,
        customer: user.active_customer,
        token_version: user.token_version,
        address: ctx.address(),
        user_agent: ctx.user_agent().map(str::to_owned),
        name,
        start: secret.chars().take(START_CHARS).collect(),
        scopes,
        expires_at: body.expires_at,
    };
    // What is told is the system's.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    if store::tokens::count_api_tokens(&mut tx, &granted, ctx.now()).await? >= MAX_TOKENS {
        return Err(Error::new(ErrorCode::QuotaExceeded).with_key("error-too-many-tokens").with_arg("max", MAX_TOKENS));
    }
    // By its name its owner knows which one to end.
    if store::tokens::has_api_token(&mut tx, &granted, &new.name, ctx.now()).await? {
        return Err(Error::field("name", "field-token-name-taken"));
    }
    let token = store::tokens::insert_api_token(&mut tx, &granted, &new, ctx.now()).await?;
    let after = serde_json::json!({ "name": token.name, "scopes": token.scopes, "expiresAt": token.expires_at });
    let entry = audit::Entry { after: Some(after), ..token_entry("accounts:create-api-token", token.id) };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    let args = vec![("token", Value::Text(token.name.clone()))];
    let notice = Notice { kind: NotificationKind::ApiTokenMade, args, link: Some(TOKENS_PAGE.to_owned()) };
    notifications::notify_in_tx(platform, &mut tx, ctx, &[user.id], &notice).await?;
    tx.commit().await?;
    Ok(ApiTokenSecret { token, secret })
}

/// Ends one of one's own tokens at once, with every socket it opened.
///
/// # Errors
/// `NotFound` for any other id.
pub async fn revoke_api_token(platform: &Platform, ctx: &OpContext, id: SessionId) -> Result<()> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_on("accounts:revoke-api-token", "api_token", id);
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let ended = store::sessions::end_one(&mut tx, &granted, id, ctx.now()).await?;
    let ended = ended.filter(|ended| ended.kind == SessionKind::Api).ok_or_else(Error::not_found)?;
    let before = Some(serde_json::json!({ "name": ended.name }));
    let entry = audit::Entry { before, ..token_entry("accounts:revoke-api-token", id) };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    let _ = platform.endings().send(SessionEnding::Session(id));
    Ok(())
}

/// Ends all of one's own tokens at once, with every socket they opened; each has its line in the log.
pub async fn revoke_api_tokens(platform: &Platform, ctx: &OpContext) -> Result<SessionsEnded> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:revoke-api-token");
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let mut ended = Vec::new();
    for token in store::tokens::api_tokens(&mut tx, granted.id(), ctx.now(), (0, None)).await?.0 {
        if store::sessions::end_one(&mut tx, &granted, token.id, ctx.now()).await?.is_none() {
            continue; // it ended this very moment
        }
        let before = Some(serde_json::json!({ "name": token.name }));
        let entry = audit::Entry { before, ..token_entry("accounts:revoke-api-token", token.id) };
        audit::record_in_tx(&mut tx, ctx, entry).await?;
        ended.push(token.id);
    }
    tx.commit().await?;
    for id in &ended {
        let _ = platform.endings().send(SessionEnding::Session(*id));
    }
    Ok(SessionsEnded { ended: ended.len() as u64 })
}

fn token_entry(action: &'static str, id: SessionId) -> audit::Entry {
    let target = entry(action, contract::UserId(0));
    audit::Entry { target_kind: "api_token", target_id: Some(id.to_string()), ..target }
}

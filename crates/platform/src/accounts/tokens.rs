//! Access tokens for programs: a JWT that names a session row, so that ending the session ends the token at once; and the
//! refresh tokens that renew it.
//!
//! A sign-in makes one session, whose secret is in both tokens: as `jti` in every access token, as the first half of every
//! refresh token. The database knows hashes only. A refresh token counts once. Shown again, it was copied: its session
//! ends, and with it every access and refresh token of that sign-in. Two requests within a moment are one client in a
//! hurry: the first wins, the other is refused and nothing ends; but only while what the first got was not used itself.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use contract::accounts::{LoginAnswer, LoginRequest};
use contract::notifications::NotificationKind;
use contract::{ErrorCode, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::session_records::{SessionKind, SessionRecord};
use super::{SessionEnding, api_tokens, entry, find_session, profile, session_rules, sign_in, store};
use crate::db::Tx;
use crate::notifications::{self, Notice, Value};
use crate::secrets::Keyring;
use crate::{Error, OpContext, Platform, Principal, Result, SystemActor, audit, secrets};

/// Life of an access token.
pub const ACCESS_TOKEN_SECONDS: u64 = 3600;
/// Life of a refresh token.
pub const REFRESH_TOKEN_DAYS: i64 = 7;

/// Where one sees where one is signed in, and changes the password.
const SECURITY_PAGE: &str = "/account/security";

const ISSUER: &str = "remotegpu";
const AUDIENCE: &str = "remotegpu-api";
pub(super) const KEY_PURPOSE: &str = "access token signing";
/// How long after its use a refresh token that is shown again is a client in a hurry, not a copy.
const HURRY: TimeDelta = TimeDelta::seconds(2);
/// How far the clocks of several servers may be apart.
const CLOCKS_APART_SECONDS: i64 = 60;
/// Ours are about 400 bytes.
const MAX_TOKEN_BYTES: usize = 4096;
const REFRESH_PREFIX: &str = "rgpr_";
/// Hex digits of a session's secret, and of what makes each refresh token its own.
const SECRET_DIGITS: usize = 64;

#[derive(Serialize, Deserialize)]
pub(super) struct Claims {
    iss: String,
    aud: String,
    pub sub: String,
    /// Secret of the session row; only its hash is stored.
    jti: String,
    /// `users.token_version` at issue.
    pub epoch: i64,
    pub iat: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    pub exp: i64,
}

/// Signs in and gives an access token and the refresh token that renews it.
pub async fn issue_access_token(platform: &Platform, ctx: &OpContext, request: &LoginRequest) -> Result<LoginAnswer> {
    let signed_in = sign_in(platform, ctx, request).await?;
    let jti = hex::encode(secrets::random_bytes::<32>());
    let expires_at = ctx.now() + TimeDelta::days(REFRESH_TOKEN_DAYS);
    let record = SessionRecord {
        kind: SessionKind::Token,
        secret_hash: secrets::sha256(jti.as_bytes()),
        user: Some(signed_in.user),
        customer: signed_in.active_customer,
        token_version: Some(signed_in.token_version),
        provider: signed_in.provider,
        data: serde_json::json!({}),
        address: ctx.address(),
        user_agent: ctx.user_agent().map(str::to_owned),
        expires_at,
    };
    let refresh_token = new_refresh_token(&jti);
    let hash = secrets::sha256(refresh_token.as_bytes());
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let session = store::insert_session(&mut tx, &record, ctx.now()).await?;
    let session = session.ok_or_else(|| Error::internal("256 random bits came twice"))?;
    store::tokens::insert_refresh(&mut tx, session, &hash, None, expires_at, ctx.now()).await?;
    tx.commit().await?;
    answer(platform, ctx, &jti, refresh_token).await
}

/// Renews an access token: the refresh token that is shown is used up, and a new one comes with the answer.
///
/// # Errors
/// `Unauthenticated` for anything that is not an open refresh token.
pub async fn refresh(platform: &Platform, ctx: &OpContext, token: &str) -> Result<LoginAnswer> {
    let refused = || Error::new(ErrorCode::Unauthenticated).with_key("error-refresh-refused");
    let jti = session_secret(token).ok_or_else(refused)?;
    let rules = session_rules(platform, ctx).await;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let found = store::tokens::lock_refresh(&mut tx, &secrets::sha256(token.as_bytes())).await?;
    let found = found.ok_or_else(refused)?;
    if let Some(used_at) = found.used_at {
        // Whose successor was used as well is no request that was late: the client has had two newer ones since.
        if ctx.now() > used_at + HURRY || store::tokens::is_outrun(&mut tx, found.id).await? {
            let ended = store::tokens::end_family(&mut tx, found.session, ctx.now()).await?;
            audit::record_in_tx(&mut tx, ctx, entry("accounts:refresh-reused", found.user)).await?;
            // Who has the copy may show it as often as they like: it is told of once.
            if ended {
                tell_of_copy(platform, &mut tx, ctx, found.user).await?;
            }
            tx.commit().await?;
            let _ = platform.endings().send(SessionEnding::Session(found.session));
        }
        return Err(refused());
    }
    let key = secrets::sha256(jti.as_bytes());
    let open = store::find_session(&mut tx, store::SessionKey::Token(&key), ctx.now(), &rules).await?;
    if found.expires_at <= ctx.now() || open.is_none() {
        return Err(refused());
    }
    let (next, until) = (new_refresh_token(jti), ctx.now() + TimeDelta::days(REFRESH_TOKEN_DAYS));
    // Not the request's time, but now: who asks with the old one from here on was late.
    store::tokens::use_refresh(&mut tx, found.id, platform.clock().now()).await?;
    let hash = secrets::sha256(next.as_bytes());
    store::tokens::insert_refresh(&mut tx, found.session, &hash, Some(found.id), until, ctx.now()).await?;
    tx.commit().await?;
    answer(platform, ctx, jti, next).await
}

/// Whose token it is changes their password when it was not their own program.
async fn tell_of_copy(platform: &Platform, tx: &mut Tx, ctx: &OpContext, user: UserId) -> Result<()> {
    let address = ctx.address().map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    // Letters have an `address` of their own: the portal's.
    let args = vec![("from", Value::Text(address))];
    let notice = Notice { kind: NotificationKind::SignInCopied, args, link: Some(SECURITY_PAGE.to_owned()) };
    notifications::notify_in_tx(platform, tx, ctx, &[user], &notice).await
}

pub(super) fn new_refresh_token(jti: &str) -> String {
    format!("{REFRESH_PREFIX}{jti}{}", hex::encode(secrets::random_bytes::<32>()))
}

/// The session's secret in what looks like a refresh token.
pub(super) fn session_secret(token: &str) -> Option<&str> {
    let digits = token.strip_prefix(REFRESH_PREFIX)?;
    let sane = digits.len() == 2 * SECRET_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit());
    sane.then(|| &digits[..SECRET_DIGITS])
}

async fn answer(platform: &Platform, ctx: &OpContext, jti: &str, refresh_token: String) -> Result<LoginAnswer> {
    let key = secrets::sha256(jti.as_bytes());
    let user = find_session(platform, ctx, store::SessionKey::Token(&key)).await?;
    // Ended between the two transactions.
    let user = user.ok_or_else(|| Error::new(ErrorCode::Unauthenticated))?;
    let iat = ctx.now().timestamp();
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: user.id.to_string(),
        jti: jti.to_owned(),
        epoch: user.token_version,
        iat,
        nbf: None,
        exp: iat + ACCESS_TOKEN_SECONDS as i64,
    };
    let key = EncodingKey::from_secret(&platform.keyring().derive(KEY_PURPOSE));
    let access_token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(Error::internal)?;
    let as_user = ctx.as_principal(Principal::User(Box::new(user)));
    Ok(LoginAnswer {
        access_token,
        refresh_token,
        expires_in: ACCESS_TOKEN_SECONDS,
        user: profile(platform, &as_user).await?,
    })
}

/// The person behind an access token or an API token.
///
/// # Errors
/// `TokenExpired` after an access token's time, and for a day after an API token's; `Unauthenticated` for anything else that is not
/// a valid token of this installation.
pub async fn principal_of_bearer(platform: &Platform, ctx: &OpContext, token: &str) -> Result<Principal> {
    let found = find_bearer(platform, ctx, token).await;
    // One that has ended is everybody's once in a while; what opens nothing is somebody's try.
    if found.as_ref().is_err_and(|error| error.code == ErrorCode::Unauthenticated)
        && let Err(failure) = audit::note_stranger(platform, ctx, audit::Stranger::BadToken).await
    {
        tracing::error!(request_id = ctx.request_id(), %failure, "a token that opens nothing could not be audited");
    }
    found
}

async fn find_bearer(platform: &Platform, ctx: &OpContext, token: &str) -> Result<Principal> {
    let user = if token.starts_with(api_tokens::PREFIX) {
        let hash = secrets::sha256(token.as_bytes());
        let user = find_session(platform, ctx, store::SessionKey::Api(&hash)).await?;
        if user.is_none() && is_expired(platform, ctx, &hash).await? {
            return Err(Error::new(ErrorCode::TokenExpired).with_key("error-api-token-expired"));
        }
        user
    } else {
        let claims = read_claims(platform.keyring(), token, ctx.now())?;
        let hash = secrets::sha256(claims.jti.as_bytes());
        let user = find_session(platform, ctx, store::SessionKey::Token(&hash)).await?;
        user.filter(|user| user.id.to_string() == claims.sub && user.token_version == claims.epoch)
    };
    user.map(|user| Principal::User(Box::new(user))).ok_or_else(|| Error::new(ErrorCode::Unauthenticated))
}

async fn is_expired(platform: &Platform, ctx: &OpContext, hash: &[u8; 32]) -> Result<bool> {
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let expired = store::tokens::api_token_expired(&mut tx, hash, ctx.now()).await?;
    tx.commit().await?;
    Ok(expired)
}

/// The claims of a token that we signed, for us, and whose time it is.
pub(super) fn read_claims(keyring: &Keyring, token: &str, now: DateTime<Utc>) -> Result<Claims> {
    let refused = |why: &'static str| Error::new(ErrorCode::Unauthenticated).with_cause(why);
    if token.len() > MAX_TOKEN_BYTES {
        return Err(refused("longer than any token of ours"));
    }
    if !has_our_header(token) {
        return Err(refused("a header that is not ours"));
    }
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    validation.validate_exp = false; // judged below, by the context's clock
    let key = DecodingKey::from_secret(&keyring.derive(KEY_PURPOSE));
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation)
        .map_err(|cause| Error::new(ErrorCode::Unauthenticated).with_cause(cause))?
        .claims;
    let now = now.timestamp();
    let latest = now.saturating_add(CLOCKS_APART_SECONDS);
    if claims.iat > latest || claims.nbf.is_some_and(|nbf| nbf > latest) {
        return Err(refused("of the future"));
    }
    if claims.exp > claims.iat.saturating_add(ACCESS_TOKEN_SECONDS as i64) {
        return Err(refused("a longer life than ours have"));
    }
    if claims.exp <= now {
        return Err(Error::new(ErrorCode::TokenExpired));
    }
    Ok(claims)
}

/// Nothing in it but what we write ourselves: which key or algorithm counts is never the token's to say.
fn has_our_header(token: &str) -> bool {
    let segment = token.split('.').next().unwrap_or_default();
    let header = BASE64_URL_SAFE_NO_PAD.decode(segment).ok();
    let header = header.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    header == Some(serde_json::json!({ "typ": "JWT", "alg": "HS256" }))
}

//! Access tokens for programs: a JWT that names a session row, so that ending the session ends the token at once.

use chrono::TimeDelta;
use contract::ErrorCode;
use contract::accounts::{LoginAnswer, LoginRequest};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::session_records::{SessionKind, SessionRecord};
use super::{find_session, profile, sign_in, store};
use crate::{Error, OpContext, Platform, Principal, Result, SystemActor, secrets};

/// Life of an access token.
pub const ACCESS_TOKEN_SECONDS: u64 = 3600;

const ISSUER: &str = "remotegpu";
const KEY_PURPOSE: &str = "access token signing";

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    /// Secret of the session row; only its hash is stored.
    jti: String,
    /// `users.token_version` at issue.
    epoch: i64,
    iat: i64,
    exp: i64,
}

/// Signs in and gives an access token.
pub async fn issue_access_token(
    platform: &Platform,
    ctx: &OpContext,
    request: &LoginRequest,
    user_agent: Option<&str>,
) -> Result<LoginAnswer> {
    let signed_in = sign_in(platform, ctx, request).await?;
    let jti = hex::encode(secrets::random_bytes::<32>());
    let expires_at = ctx.now() + TimeDelta::seconds(ACCESS_TOKEN_SECONDS as i64);
    let record = SessionRecord {
        kind: SessionKind::Token,
        secret_hash: secrets::sha256(jti.as_bytes()),
        user: Some(signed_in.user),
        customer: signed_in.active_customer,
        token_version: Some(signed_in.token_version),
        data: serde_json::json!({}),
        address: ctx.address(),
        user_agent: user_agent.map(str::to_owned),
        expires_at,
    };
    if !super::session_records::create(platform, ctx, &record).await? {
        return Err(Error::internal("256 random bits came twice"));
    }
    let claims = Claims {
        iss: ISSUER.to_owned(),
        sub: signed_in.user.to_string(),
        jti,
        epoch: signed_in.token_version,
        iat: ctx.now().timestamp(),
        exp: expires_at.timestamp(),
    };
    let key = EncodingKey::from_secret(&platform.keyring().derive(KEY_PURPOSE));
    let access_token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(Error::internal)?;
    let principal = principal_of_bearer(platform, ctx, &access_token).await?;
    let as_user = OpContext::new(principal, ctx.now(), ctx.via(), ctx.request_id(), ctx.address(), ctx.language());
    Ok(LoginAnswer { access_token, expires_in: ACCESS_TOKEN_SECONDS, user: profile(platform, &as_user).await? })
}

/// The person behind an access token.
///
/// # Errors
/// `TokenExpired` after its time, `Unauthenticated` for anything else that is not a valid token of this installation.
pub async fn principal_of_bearer(platform: &Platform, ctx: &OpContext, token: &str) -> Result<Principal> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[ISSUER]);
    validation.validate_exp = false; // judged below, by the context's clock
    let key = DecodingKey::from_secret(&platform.keyring().derive(KEY_PURPOSE));
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation)
        .map_err(|cause| Error::new(ErrorCode::Unauthenticated).with_cause(cause))?
        .claims;
    if claims.exp <= ctx.now().timestamp() {
        return Err(Error::new(ErrorCode::TokenExpired));
    }
    let hash = secrets::sha256(claims.jti.as_bytes());
    let system = ctx.as_system(SystemActor::Authenticator);
    let user = find_session(platform, &system, store::SessionKey::Token(&hash)).await?;
    match user {
        Some(user) if user.id.to_string() == claims.sub && user.token_version == claims.epoch => {
            Ok(Principal::User(Box::new(user)))
        }
        _ => Err(Error::new(ErrorCode::Unauthenticated)),
    }
}

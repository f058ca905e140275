//! Coming in by SSH: each connection is a session of its own, so that whatever ends sessions ends it, and one sees it among
//! one's sessions.
//!
//! Invariants: a key proves its owner only where the account is named; a session that a key began counts while that key is
//! there; nobody knows the secret of such a session, so that it serves no other door; it lasts while its server says so.

use chrono::{DateTime, TimeDelta, Utc};
use contract::{CustomerId, SessionId, SshKeyId};

use super::sign_in::{self, SignedIn};
use super::{SessionEnding, entry, find_session, store};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Principal, Result, SystemActor, UserPrincipal, audit, secrets};

/// How long such a session counts without a sign of life of its server.
const LEASE: TimeDelta = TimeDelta::minutes(10);

/// How somebody came in by SSH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshProof {
    pub who: SignedIn,
    /// The key, and its fingerprint; none for a password.
    pub key: Option<(SshKeyId, String)>,
}

impl SshProof {
    /// By password, and code where one is asked for.
    pub fn by_password(who: SignedIn) -> Self {
        Self { who, key: None }
    }
}

/// Whether this key (`algorithm base64`) would let this account in. What proves it is a signature, which the door checks.
///
/// # Errors
/// The database is away.
pub async fn ssh_key_counts(platform: &Platform, ctx: &OpContext, name: &str, key: &str) -> Result<bool> {
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let found = of_key(&mut tx, name, key).await?;
    tx.commit().await?;
    Ok(found.is_some())
}

async fn of_key(tx: &mut Tx, name: &str, key: &str) -> Result<Option<(store::Credentials, SshKeyId, String)>> {
    let name = name.trim().to_lowercase();
    if name.is_empty() || name.contains('\0') || key.contains('\0') {
        return Ok(None);
    }
    let Some(row) = store::credentials(tx, &name).await?.filter(|row| row.active) else { return Ok(None) };
    let found = store::ssh_sessions::key_of(tx, row.id, key).await?;
    Ok(found.map(|(id, fingerprint)| (row, id, fingerprint)))
}

/// Lets somebody in who signed with this key; none for a key that is not the account's (any more).
///
/// # Errors
/// The database is away.
pub async fn sign_in_by_ssh_key(
    platform: &Platform,
    ctx: &OpContext,
    name: &str,
    key: &str,
) -> Result<Option<SshProof>> {
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let Some((row, id, fingerprint)) = of_key(&mut tx, name, key).await? else { return Ok(None) };
    store::ssh_sessions::note_key_used(&mut tx, id, ctx.address(), ctx.now()).await?;
    let who = SignedIn {
        user: row.id,
        token_version: row.token_version,
        active_customer: row.first_customer.filter(|_| !row.staff),
        provider: None,
    };
    let after = Some(serde_json::json!({ "sshKey": fingerprint }));
    let entry = audit::Entry { after, ..entry("accounts:sign-in", row.id) };
    audit::record_in_tx(&mut tx, &sign_in::as_user(ctx, &row), entry).await?;
    tx.commit().await?;
    Ok(Some(SshProof { who, key: Some((id, fingerprint)) }))
}

/// Begins the session of a connection, acting for this customer.
///
/// # Errors
/// `Unauthenticated` where the right to it ended meanwhile.
pub async fn begin_ssh_session(
    platform: &Platform,
    ctx: &OpContext,
    proof: &SshProof,
    customer: Option<CustomerId>,
) -> Result<UserPrincipal> {
    let hash = secrets::sha256(&secrets::random_bytes::<32>());
    let new = store::ssh_sessions::New {
        hash: &hash,
        who: proof.who,
        customer,
        key: proof.key.as_ref().map(|(id, _)| *id),
        address: ctx.address(),
        client: ctx.user_agent(),
        expires_at: ctx.now() + LEASE,
    };
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    store::ssh_sessions::insert(&mut tx, &new, ctx.now()).await?;
    tx.commit().await?;
    let found = find_session(platform, ctx, store::SessionKey::Token(&hash)).await?;
    found.ok_or_else(|| Error::new(contract::ErrorCode::Unauthenticated))
}

/// A sign of life of an open connection.
///
/// # Errors
/// The database is away.
pub async fn renew_ssh_session(platform: &Platform, session: SessionId) -> Result<()> {
    let ctx = platform.system(SystemActor::Authenticator);
    let mut tx = platform.db().begin(&ctx).await?;
    store::ssh_sessions::renew(&mut tx, session, ctx.now(), ctx.now() + LEASE).await?;
    tx.commit().await?;
    Ok(())
}

/// The connection is closed.
///
/// # Errors
/// The database is away; then it ends by itself after some minutes.
pub async fn leave_ssh_session(platform: &Platform, session: SessionId) -> Result<()> {
    let ctx = platform.system(SystemActor::Authenticator);
    let mut tx = platform.db().begin(&ctx).await?;
    store::ssh_sessions::end(&mut tx, session, ctx.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Ends a connection for somebody who may, inside their own change; [`tell_ended`] follows the commit.
pub(crate) async fn end_ssh_session_in_tx(tx: &mut Tx, session: SessionId, now: DateTime<Utc>) -> Result<()> {
    store::ssh_sessions::end(tx, session, now).await
}

/// Has this process close what the session holds at once; others see it within seconds.
pub(crate) fn tell_ended(platform: &Platform, session: SessionId) {
    let _ = platform.endings().send(SessionEnding::Session(session));
}

/// The context of a connection after it is known whose it is.
pub fn ssh_context(ctx: &OpContext, user: UserPrincipal) -> OpContext {
    let language = user.language.unwrap_or_else(|| ctx.language());
    ctx.authenticated(Principal::User(Box::new(user)), language)
}

//! Session rows as the browser door's session store needs them. A row before sign-in belongs to nobody.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
pub use contract::accounts::SessionKind;
use contract::{CustomerId, IdentityProviderId, UserId};

use super::{attempts, links, session_rules, store};
use crate::{OpContext, Platform, Result, SystemActor};

/// A session row.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRecord {
    pub kind: SessionKind,
    /// SHA-256 of the secret the client holds.
    pub secret_hash: [u8; 32],
    pub user: Option<UserId>,
    /// The active customer.
    pub customer: Option<CustomerId>,
    /// `users.token_version` at sign-in.
    pub token_version: Option<i64>,
    /// By which service or directory the person came in; none for a password kept here.
    pub provider: Option<IdentityProviderId>,
    /// What the session layer keeps; nothing secret.
    pub data: serde_json::Value,
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub expires_at: DateTime<Utc>,
}

/// Adds a row; false when the secret is taken, and then the caller makes another.
pub async fn create(platform: &Platform, ctx: &OpContext, record: &SessionRecord) -> Result<bool> {
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let created = store::insert_session(&mut tx, record, ctx.now()).await?;
    tx.commit().await?;
    Ok(created.is_some())
}

/// Writes an open row's data, expiry and identity; an ended one stays ended.
pub async fn save(platform: &Platform, ctx: &OpContext, record: &SessionRecord) -> Result<()> {
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    store::save_session(&mut tx, record, ctx.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// The open, unexpired browser session with this secret.
pub async fn load(platform: &Platform, ctx: &OpContext, secret_hash: &[u8; 32]) -> Result<Option<SessionRecord>> {
    let idle_since = session_rules(platform, ctx).await.idle_since;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let record = store::load_session(&mut tx, secret_hash, ctx.now(), idle_since).await?;
    tx.commit().await?;
    Ok(record)
}

/// Ends the session with this secret.
pub async fn delete(platform: &Platform, ctx: &OpContext, secret_hash: &[u8; 32]) -> Result<()> {
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    store::delete_session(&mut tx, secret_hash).await?;
    tx.commit().await?;
    Ok(())
}

/// Removes sessions that expired or ended over a day ago, and failures, challenges, links and secrets for pages that no
/// longer count.
pub async fn delete_expired(platform: &Platform, ctx: &OpContext) -> Result<u64> {
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let removed = store::delete_expired(&mut tx, ctx.now()).await?;
    attempts::delete_old(&mut tx, ctx.now()).await?;
    links::delete_expired(&mut tx, ctx.now() - chrono::TimeDelta::days(1)).await?;
    tx.commit().await?;
    Ok(removed)
}

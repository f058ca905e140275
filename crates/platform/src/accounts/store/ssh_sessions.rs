//! SQL of sessions that came in by SSH.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use contract::{CustomerId, SessionId, SshKeyId, UserId};
use ipnetwork::IpNetwork;

use crate::Result;
use crate::accounts::sign_in::SignedIn;
use crate::context::agent_text;
use crate::db::Tx;

/// The person's key with this text, and its fingerprint.
pub(in crate::accounts) async fn key_of(tx: &mut Tx, user: UserId, key: &str) -> Result<Option<(SshKeyId, String)>> {
    let found =
        sqlx::query!("select id, fingerprint from ssh_keys where user_id = $1 and public_key = $2", user.0, key)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(found.map(|row| (SshKeyId(row.id), row.fingerprint)))
}

pub(in crate::accounts) async fn note_key_used(
    tx: &mut Tx,
    key: SshKeyId,
    from: Option<IpAddr>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update ssh_keys set last_used_at = $2, last_used_from = $3 where id = $1",
        key.0,
        now,
        from.map(IpNetwork::from)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A new session.
pub(in crate::accounts) struct New<'a> {
    pub hash: &'a [u8; 32],
    pub who: SignedIn,
    pub customer: Option<CustomerId>,
    /// None for a password.
    pub key: Option<SshKeyId>,
    pub address: Option<IpAddr>,
    pub client: Option<&'a str>,
    pub expires_at: DateTime<Utc>,
}

/// Its kind is that of a token: servers that know nothing of SSH show it as one, and end it like one.
pub(in crate::accounts) async fn insert(tx: &mut Tx, new: &New<'_>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "insert into sessions (kind, secret_hash, user_id, customer_id, token_version, data, address, user_agent,
                               created_at, last_seen_at, expires_at, provider_id, ssh, ssh_key_id)
         values ('token', $1, $2, $3, $4, '{}', $5, $6, $7, $7, $8, $9, $10, $11)",
        &new.hash[..],
        new.who.user.0,
        new.customer.map(|id| id.0),
        new.who.token_version,
        new.address.map(IpNetwork::from),
        new.client.map(agent_text),
        now,
        new.expires_at,
        new.who.provider.map(|id| id.0),
        if new.key.is_some() { "key" } else { "password" },
        new.key.map(|id| id.0)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::accounts) async fn renew(
    tx: &mut Tx,
    session: SessionId,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update sessions set last_seen_at = $2, expires_at = $3 where id = $1 and ssh is not null and ended_at is null",
        session.0,
        now,
        until
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::accounts) async fn end(tx: &mut Tx, session: SessionId, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update sessions set ended_at = $2 where id = $1 and ssh is not null and ended_at is null",
        session.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

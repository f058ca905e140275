//! SQL of browsers on their way to a sign-in service and back.

use chrono::{DateTime, Utc};
use contract::{IdentityProviderId, UserId};

use crate::Result;
use crate::authz::{Granted, SecureAccount};
use crate::db::Tx;

/// A browser on its way.
pub(in crate::accounts) struct Way {
    pub provider: IdentityProviderId,
    pub sealed: Vec<u8>,
    pub link_user: Option<UserId>,
}

/// What came back and waits for a yes.
pub(in crate::accounts) struct Link {
    pub provider: IdentityProviderId,
    pub provider_name: String,
    pub issuer: String,
    pub subject: String,
    pub label: String,
}

pub(in crate::accounts) async fn insert_way(
    tx: &mut Tx,
    browser_hash: &[u8; 32],
    state_hash: &[u8; 32],
    way: &Way,
    until: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into oidc_sign_ins (browser_hash, state_hash, provider_id, sealed, link_user, expires_at)
         values ($1, $2, $3, $4, $5, $6)",
        &browser_hash[..],
        &state_hash[..],
        way.provider.0,
        way.sealed,
        way.link_user.map(|id| id.0),
        until
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Gives it and forgets it: whatever comes of it, it was used.
pub(in crate::accounts) async fn take_way(
    tx: &mut Tx,
    browser_hash: &[u8; 32],
    state_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<Way>> {
    let row = sqlx::query!(
        "delete from oidc_sign_ins where browser_hash = $1 and state_hash = $2
         returning provider_id, sealed, link_user, expires_at",
        &browser_hash[..],
        &state_hash[..]
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.filter(|row| row.expires_at > now).map(|row| Way {
        provider: IdentityProviderId(row.provider_id),
        sealed: row.sealed,
        link_user: row.link_user.map(UserId),
    }))
}

pub(in crate::accounts) async fn delete_expired(tx: &mut Tx, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("delete from oidc_sign_ins where expires_at < $1", now).execute(&mut **tx).await?;
    sqlx::query!("delete from identity_links where expires_at < $1", now).execute(&mut **tx).await?;
    Ok(())
}

/// A further one takes its place.
pub(in crate::accounts) async fn put_link(
    tx: &mut Tx,
    user: UserId,
    provider: IdentityProviderId,
    (issuer, subject, label): (&str, &str, &str),
    until: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into identity_links (user_id, provider_id, issuer, subject, label, expires_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (user_id) do update set provider_id = $2, issuer = $3, subject = $4, label = $5, expires_at = $6",
        user.0,
        provider.0,
        issuer,
        subject,
        label,
        until
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::accounts) async fn link(tx: &mut Tx, user: UserId, now: DateTime<Utc>) -> Result<Option<Link>> {
    let row = sqlx::query!(
        "select l.provider_id, p.name, l.issuer, l.subject, l.label
         from identity_links l join identity_providers p on p.id = l.provider_id
         where l.user_id = $1 and l.expires_at > $2 for update of l",
        user.0,
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Link {
        provider: IdentityProviderId(row.provider_id),
        provider_name: row.name,
        issuer: row.issuer,
        subject: row.subject,
        label: row.label,
    }))
}

pub(in crate::accounts) async fn delete_link(tx: &mut Tx, granted: &Granted<SecureAccount>) -> Result<()> {
    sqlx::query!("delete from identity_links where user_id = $1", granted.id().0).execute(&mut **tx).await?;
    Ok(())
}

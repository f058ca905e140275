//! SQL of refresh tokens and API tokens.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use contract::accounts::ApiTokenView;
use contract::{CustomerId, Permission, SessionId, UserId};
use ipnetwork::IpNetwork;

use crate::authz::{Granted, SecureAccount};
use crate::db::Tx;
use crate::{Error, Result};

/// A refresh token, locked.
pub(in crate::accounts) struct Refresh {
    pub id: i64,
    pub session: SessionId,
    pub user: UserId,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
}

/// Held until the transaction ends: of two that show the same token, one comes second.
pub(in crate::accounts) async fn lock_refresh(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<Refresh>> {
    let row = sqlx::query!(
        r#"select r.id, r.session_id, r.expires_at, r.used_at, s.user_id as "user_id!"
           from refresh_tokens r join sessions s on s.id = r.session_id
           where r.token_hash = $1 and s.user_id is not null for update of r"#,
        &hash[..]
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Refresh {
        id: row.id,
        session: SessionId(row.session_id),
        user: UserId(row.user_id),
        expires_at: row.expires_at,
        used_at: row.used_at,
    }))
}

/// Adds a token to a session's family, which lives as long as its newest token.
pub(in crate::accounts) async fn insert_refresh(
    tx: &mut Tx,
    session: SessionId,
    hash: &[u8; 32],
    rotated_from: Option<i64>,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into refresh_tokens (session_id, token_hash, rotated_from, expires_at, created_at)
         values ($1, $2, $3, $4, $5)",
        session.0,
        &hash[..],
        rotated_from,
        expires_at,
        now
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("update sessions set expires_at = $2, last_seen_at = $3 where id = $1", session.0, expires_at, now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(in crate::accounts) async fn use_refresh(tx: &mut Tx, id: i64, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("update refresh_tokens set used_at = $2 where id = $1", id, now).execute(&mut **tx).await?;
    Ok(())
}

/// True when the token that took its place was used too.
pub(in crate::accounts) async fn is_outrun(tx: &mut Tx, id: i64) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists(select from refresh_tokens where rotated_from = $1 and used_at is not null) as "outrun!""#,
        id
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Ends the session of a family, and with it all its tokens; false when it had ended before.
pub(in crate::accounts) async fn end_family(tx: &mut Tx, session: SessionId, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!("update sessions set ended_at = $2 where id = $1 and ended_at is null", session.0, now)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Names of permissions; one that does not exist any more permits nothing.
pub(super) fn scopes_of(names: Option<Vec<String>>) -> Option<Vec<Permission>> {
    names.map(|names| names.iter().filter_map(|name| Permission::parse(name)).collect())
}

/// An API token to be, checked.
pub(in crate::accounts) struct NewApiToken {
    pub hash: [u8; 32],
    /// The session in which it is made: what it came in by ends the token as well.
    pub made_in: SessionId,
    pub customer: Option<CustomerId>,
    pub token_version: i64,
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub name: String,
    pub start: String,
    pub scopes: Option<Vec<Permission>>,
    pub expires_at: Option<DateTime<Utc>>,
}

pub(in crate::accounts) async fn insert_api_token(
    tx: &mut Tx,
    granted: &Granted<SecureAccount>,
    new: &NewApiToken,
    now: DateTime<Utc>,
) -> Result<ApiTokenView> {
    let id = sqlx::query_scalar!(
        "insert into sessions (kind, secret_hash, user_id, customer_id, token_version, address, user_agent,
                               created_at, last_seen_at, expires_at, provider_id)
         values ('api', $1, $2, $3, $4, $5, $6, $7, $7, coalesce($8::timestamptz, 'infinity'),
                 (select provider_id from sessions where id = $9)) returning id",
        &new.hash[..],
        granted.id().0,
        new.customer.map(|id| id.0),
        new.token_version,
        new.address.map(IpNetwork::from),
        new.user_agent,
        now,
        new.expires_at,
        new.made_in.0
    )
    .fetch_one(&mut **tx)
    .await?;
    let scopes: Option<Vec<String>> =
        new.scopes.as_ref().map(|scopes| scopes.iter().map(|scope| scope.name().to_owned()).collect());
    sqlx::query!(
        "insert into api_tokens (session_id, user_id, name, start, scopes, expires_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        id,
        granted.id().0,
        new.name,
        new.start,
        scopes.as_deref(),
        new.expires_at,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(ApiTokenView {
        id: SessionId(id),
        name: new.name.clone(),
        start: new.start.clone(),
        scopes: new.scopes.clone(),
        created_at: now,
        last_used_at: None,
        last_used_from: None,
        expires_at: new.expires_at,
    })
}

/// How many count now; holds off whoever adds one meanwhile.
pub(in crate::accounts) async fn count_api_tokens(
    tx: &mut Tx,
    granted: &Granted<SecureAccount>,
    now: DateTime<Utc>,
) -> Result<u32> {
    sqlx::query!("select id from users where id = $1 for update", granted.id().0).fetch_optional(&mut **tx).await?;
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from sessions
           where user_id = $1 and kind = 'api' and ended_at is null and expires_at > $2"#,
        granted.id().0,
        now
    )
    .fetch_one(&mut **tx)
    .await?;
    u32::try_from(count).map_err(Error::internal)
}

/// Whether one that counts now is called so, however it is written.
pub(in crate::accounts) async fn has_api_token(
    tx: &mut Tx,
    granted: &Granted<SecureAccount>,
    name: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let there = sqlx::query_scalar!(
        r#"select exists(select from api_tokens a join sessions s on s.id = a.session_id join users u on u.id = a.user_id
                         where a.user_id = $1 and lower(a.name) = lower($2) and s.ended_at is null and s.expires_at > $3
                           and s.token_version = u.token_version) as "there!""#,
        granted.id().0,
        name,
        now
    );
    Ok(there.fetch_one(&mut **tx).await?)
}

/// Those that count, the newest first, after so many of them; without a number all that are left. And how many there are.
pub(in crate::accounts) async fn api_tokens(
    tx: &mut Tx,
    user: UserId,
    now: DateTime<Utc>,
    (before, most): (i64, Option<i64>),
) -> Result<(Vec<ApiTokenView>, u64)> {
    let rows = sqlx::query!(
        r#"select a.session_id, a.name, a.start, a.scopes, a.expires_at, a.created_at, s.last_seen_at, s.address
         from api_tokens a join sessions s on s.id = a.session_id join users u on u.id = a.user_id
         where a.user_id = $1 and s.ended_at is null and s.expires_at > $2 and s.token_version = u.token_version
         order by a.created_at desc, a.session_id desc limit $4 offset $3"#,
        user.0,
        now,
        before,
        most
    )
    .fetch_all(&mut **tx)
    .await?;
    // Counted apart: a page behind the last one has no row that could say it.
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from api_tokens a join sessions s on s.id = a.session_id join users u on u.id = a.user_id
           where a.user_id = $1 and s.ended_at is null and s.expires_at > $2 and s.token_version = u.token_version"#,
        user.0,
        now
    );
    let total = total.fetch_one(&mut **tx).await?.unsigned_abs();
    let list = rows.into_iter().map(|row| ApiTokenView {
        id: SessionId(row.session_id),
        name: row.name,
        start: row.start,
        scopes: scopes_of(row.scopes),
        created_at: row.created_at,
        last_used_at: Some(row.last_seen_at).filter(|at| *at > row.created_at),
        last_used_from: row
            .address
            .filter(|_| row.last_seen_at > row.created_at)
            .map(|network| network.ip().to_string()),
        expires_at: row.expires_at,
    });
    Ok((list.collect(), total))
}

/// Whether this was an API token whose time is over, which nobody ended before. Known for a day: see the clean-up of sessions.
pub(in crate::accounts) async fn api_token_expired(tx: &mut Tx, hash: &[u8; 32], now: DateTime<Utc>) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists(select from sessions where secret_hash = $1 and kind = 'api' and ended_at is null
                         and expires_at <= $2) as "is!""#,
        &hash[..],
        now
    )
    .fetch_one(&mut **tx)
    .await?)
}

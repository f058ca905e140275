//! SQL of the second factor and of the moment before it.

use chrono::{DateTime, Utc};
use contract::{IdentityProviderId, UserId};

use crate::accounts::CodeNeeded;
use crate::authz::{Granted, SecureAccount, UpdateUser};
use crate::db::Tx;
use crate::{Error, Result};

/// A secret, locked.
pub(in crate::accounts) struct Row {
    pub secret: Vec<u8>,
    pub created_at: DateTime<Utc>,
    pub confirmed_at: Option<DateTime<Utc>>,
    pub last_step: i64,
}

/// Held until the transaction ends: of two that show the same code, one comes second.
pub(in crate::accounts) async fn lock(tx: &mut Tx, user: UserId) -> Result<Option<Row>> {
    let row = sqlx::query_as!(
        Row,
        "select secret, created_at, confirmed_at, last_step from totp_secrets where user_id = $1 for update",
        user.0
    );
    Ok(row.fetch_optional(&mut **tx).await?)
}

pub(in crate::accounts) async fn is_on(tx: &mut Tx, user: UserId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists(select from totp_secrets where user_id = $1 and confirmed_at is not null) as "on!""#,
        user.0
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Since when it is on, and how many recovery codes are left.
pub(in crate::accounts) async fn summary(tx: &mut Tx, user: UserId) -> Result<(Option<DateTime<Utc>>, u32)> {
    let row = sqlx::query!(
        r#"select (select confirmed_at from totp_secrets where user_id = $1) as since,
                  (select count(*) from recovery_codes where user_id = $1 and used_at is null) as "left!""#,
        user.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok((row.since, u32::try_from(row.left).map_err(Error::internal)?))
}

/// Puts a secret that waits to be confirmed; false when a confirmed one is there.
pub(in crate::accounts) async fn begin(
    tx: &mut Tx,
    granted: &Granted<SecureAccount>,
    sealed: &[u8],
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "insert into totp_secrets (user_id, secret, created_at) values ($1, $2, $3)
         on conflict (user_id) do update set secret = $2, last_step = 0, created_at = $3
         where totp_secrets.confirmed_at is null",
        granted.id().0,
        sealed,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// From here on a code is asked for.
pub(in crate::accounts) async fn confirm(
    tx: &mut Tx,
    granted: &Granted<SecureAccount>,
    step: i64,
    recovery_hashes: &[Vec<u8>],
    now: DateTime<Utc>,
) -> Result<()> {
    let user = granted.id().0;
    sqlx::query!("update totp_secrets set confirmed_at = $2, last_step = $3 where user_id = $1", user, now, step)
        .execute(&mut **tx)
        .await?;
    set_recovery_codes(tx, granted, recovery_hashes).await
}

/// They take the place of those so far.
pub(in crate::accounts) async fn set_recovery_codes(
    tx: &mut Tx,
    granted: &Granted<SecureAccount>,
    recovery_hashes: &[Vec<u8>],
) -> Result<()> {
    let user = granted.id().0;
    sqlx::query!("delete from recovery_codes where user_id = $1", user).execute(&mut **tx).await?;
    sqlx::query!(
        "insert into recovery_codes (user_id, code_hash) select $1, hash from unnest($2::bytea[]) hash",
        user,
        recovery_hashes
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::accounts) async fn remove(tx: &mut Tx, granted: &Granted<SecureAccount>) -> Result<()> {
    delete(tx, granted.id()).await
}

/// Somebody else's.
pub(in crate::accounts) async fn remove_of(tx: &mut Tx, granted: &Granted<UpdateUser>) -> Result<()> {
    delete(tx, granted.id()).await
}

async fn delete(tx: &mut Tx, user: UserId) -> Result<()> {
    let user = user.0;
    sqlx::query!("delete from totp_secrets where user_id = $1", user).execute(&mut **tx).await?;
    sqlx::query!("delete from recovery_codes where user_id = $1", user).execute(&mut **tx).await?;
    Ok(())
}

pub(in crate::accounts) async fn set_last_step(tx: &mut Tx, user: UserId, step: i64) -> Result<()> {
    sqlx::query!("update totp_secrets set last_step = $2 where user_id = $1", user.0, step).execute(&mut **tx).await?;
    Ok(())
}

/// True when it was there and is used up now.
pub(in crate::accounts) async fn use_recovery_code(
    tx: &mut Tx,
    user: UserId,
    hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "update recovery_codes set used_at = $3 where user_id = $1 and code_hash = $2 and used_at is null",
        user.0,
        &hash[..],
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(in crate::accounts) async fn insert_challenge(
    tx: &mut Tx,
    browser_hash: &[u8; 32],
    needed: &CodeNeeded,
    until: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into sign_in_challenges (browser_hash, user_id, token_version, expires_at, provider_id)
         values ($1, $2, $3, $4, $5)",
        &browser_hash[..],
        needed.user.0,
        needed.token_version,
        until,
        needed.provider.map(|id| id.0)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Who is asked for a code in a browser.
pub(in crate::accounts) struct Challenge {
    pub user: UserId,
    /// Of when the first step was right.
    pub token_version: i64,
    /// Who proved the first step, if not a password kept here.
    pub provider: Option<(IdentityProviderId, String)>,
}

/// Who is asked for a code in this browser; held until the transaction ends. Nobody, once the service that proved the first
/// step is out of use.
pub(in crate::accounts) async fn challenge(
    tx: &mut Tx,
    browser_hash: &[u8; 32],
    tries: i32,
    now: DateTime<Utc>,
) -> Result<Option<Challenge>> {
    let row = sqlx::query!(
        r#"select c.user_id, c.token_version, c.provider_id, p.name as "name?"
           from sign_in_challenges c left join identity_providers p on p.id = c.provider_id
           where c.browser_hash = $1 and c.failures < $2 and c.expires_at > $3
             and (c.provider_id is null or p.enabled) for update of c"#,
        &browser_hash[..],
        tries,
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Challenge {
        user: UserId(row.user_id),
        token_version: row.token_version,
        provider: row.provider_id.map(IdentityProviderId).zip(row.name),
    }))
}

pub(in crate::accounts) async fn fail_challenge(tx: &mut Tx, browser_hash: &[u8; 32]) -> Result<()> {
    sqlx::query!("update sign_in_challenges set failures = failures + 1 where browser_hash = $1", &browser_hash[..])
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(in crate::accounts) async fn delete_challenge(tx: &mut Tx, browser_hash: &[u8; 32]) -> Result<()> {
    sqlx::query!("delete from sign_in_challenges where browser_hash = $1", &browser_hash[..])
        .execute(&mut **tx)
        .await?;
    Ok(())
}

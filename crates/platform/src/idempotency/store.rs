//! SQL of idempotency keys.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::Result;
use crate::db::Tx;

pub(super) struct NewRun<'a> {
    pub principal: &'a str,
    pub key: &'a str,
    pub hash: &'a [u8; 32],
    pub run: Uuid,
    pub now: DateTime<Utc>,
    pub lease_until: DateTime<Utc>,
    /// Rows from before do not count any more.
    pub expired: DateTime<Utc>,
}

/// True when the key is this run's now: it is new, its day is over, or who ran the same request is gone.
pub(super) async fn take(tx: &mut Tx, new: &NewRun<'_>) -> Result<bool> {
    let done = sqlx::query!(
        "insert into idempotency_keys as known (principal, key, request_hash, run, lease_until, created_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (principal, key) do update
           set request_hash = excluded.request_hash, run = excluded.run, lease_until = excluded.lease_until,
               created_at = excluded.created_at, response = null
           where known.created_at <= $7
              or (known.response is null and known.lease_until <= $6 and known.request_hash = excluded.request_hash)",
        new.principal,
        new.key,
        &new.hash[..],
        new.run,
        new.lease_until,
        new.now,
        new.expired
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many keys somebody has, counted up to `most`.
pub(super) async fn count(tx: &mut Tx, principal: &str, most: i64) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from (select from idempotency_keys where principal = $1 limit $2) as known"#,
        principal,
        most
    )
    .fetch_one(&mut **tx)
    .await?)
}

pub(super) struct Known {
    pub hash: Vec<u8>,
    pub response: Option<Vec<u8>>,
}

pub(super) async fn find(tx: &mut Tx, principal: &str, key: &str) -> Result<Option<Known>> {
    let row = sqlx::query!(
        "select request_hash, response from idempotency_keys where principal = $1 and key = $2",
        principal,
        key
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Known { hash: row.request_hash, response: row.response }))
}

pub(super) async fn finish(tx: &mut Tx, principal: &str, key: &str, run: Uuid, response: &[u8]) -> Result<()> {
    sqlx::query!(
        "update idempotency_keys set response = $4 where principal = $1 and key = $2 and run = $3 and response is null",
        principal,
        key,
        run,
        response
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn abandon(tx: &mut Tx, principal: &str, key: &str, run: Uuid) -> Result<()> {
    sqlx::query!(
        "delete from idempotency_keys where principal = $1 and key = $2 and run = $3 and response is null",
        principal,
        key,
        run
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn delete_before(tx: &mut Tx, at: DateTime<Utc>) -> Result<u64> {
    let done = sqlx::query!("delete from idempotency_keys where created_at <= $1", at).execute(&mut **tx).await?;
    Ok(done.rows_affected())
}

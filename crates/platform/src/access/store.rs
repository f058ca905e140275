//! SQL of the keys the SSH door proves itself with.

use chrono::{DateTime, Utc};

use crate::Result;
use crate::db::Tx;

/// A key.
pub(super) struct Row {
    pub public_key: String,
    pub sealed: Vec<u8>,
}

/// The one in use.
pub(super) async fn find(tx: &mut Tx) -> Result<Option<Row>> {
    let found = sqlx::query_as!(Row, "select public_key, sealed from ssh_host_keys where retired_at is null");
    Ok(found.fetch_optional(&mut **tx).await?)
}

/// False where one is in use.
pub(super) async fn insert(tx: &mut Tx, public_key: &str, sealed: &[u8], now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "insert into ssh_host_keys (public_key, sealed, created_at) values ($1, $2, $3) on conflict do nothing",
        public_key,
        sealed,
        now
    );
    Ok(done.execute(&mut **tx).await?.rows_affected() > 0)
}

pub(super) async fn retire(tx: &mut Tx, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("update ssh_host_keys set retired_at = $1 where retired_at is null", now).execute(&mut **tx).await?;
    Ok(())
}

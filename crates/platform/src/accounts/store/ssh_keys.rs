//! SQL of public keys for SSH.

use chrono::{DateTime, Utc};
use contract::accounts::SshKeyView;
use contract::{SshKeyId, UserId};
use ipnetwork::IpNetwork;

use crate::accounts::ssh_keys::Checked;
use crate::authz::{Granted, SecureAccount};
use crate::db::Tx;
use crate::{Error, Result};

struct Row {
    id: i64,
    name: String,
    public_key: String,
    algorithm: String,
    fingerprint: String,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
    last_used_from: Option<IpNetwork>,
}

impl From<Row> for SshKeyView {
    fn from(row: Row) -> Self {
        Self {
            id: SshKeyId(row.id),
            name: row.name,
            public_key: row.public_key,
            algorithm: row.algorithm,
            fingerprint: row.fingerprint,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            last_used_from: row.last_used_from.map(|from| from.ip().to_string()),
        }
    }
}

/// The newest first, after so many of them; without a number all that are left.
pub(in crate::accounts) async fn list(
    tx: &mut Tx,
    user: UserId,
    (before, most): (i64, Option<i64>),
) -> Result<Vec<SshKeyView>> {
    let rows = sqlx::query_as!(
        Row,
        "select id, name, public_key, algorithm, fingerprint, created_at, last_used_at, last_used_from
         from ssh_keys where user_id = $1 order by created_at desc, id desc limit $3 offset $2",
        user.0,
        before,
        most
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(SshKeyView::from).collect())
}

/// Public halves (`algorithm base64`) of these people, as far as they are active, the oldest first.
pub(in crate::accounts) async fn public_keys(tx: &mut Tx, users: &[i64]) -> Result<Vec<(UserId, String)>> {
    let rows = sqlx::query!(
        "select k.user_id, k.public_key from ssh_keys k join users u on u.id = k.user_id
         where k.user_id = any($1) and u.state = 'active' and u.deleted_at is null order by k.id",
        users
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (UserId(row.user_id), row.public_key)).collect())
}

/// How many there are; holds off whoever adds one meanwhile.
pub(in crate::accounts) async fn count(tx: &mut Tx, granted: &Granted<SecureAccount>) -> Result<u32> {
    sqlx::query!("select id from users where id = $1 for update", granted.id().0).fetch_optional(&mut **tx).await?;
    u32::try_from(how_many(tx, granted.id()).await?).map_err(Error::internal)
}

/// How many there are.
pub(in crate::accounts) async fn how_many(tx: &mut Tx, user: UserId) -> Result<u64> {
    let count = sqlx::query_scalar!(r#"select count(*) as "count!" from ssh_keys where user_id = $1"#, user.0);
    Ok(count.fetch_one(&mut **tx).await?.unsigned_abs())
}

/// `None` when the person has this key already.
pub(in crate::accounts) async fn insert(
    tx: &mut Tx,
    granted: &Granted<SecureAccount>,
    name: &str,
    key: &Checked,
    now: DateTime<Utc>,
) -> Result<Option<SshKeyView>> {
    let row = sqlx::query_as!(
        Row,
        "insert into ssh_keys (user_id, name, public_key, algorithm, fingerprint, created_at)
         values ($1, $2, $3, $4, $5, $6) on conflict (user_id, fingerprint) do nothing
         returning id, name, public_key, algorithm, fingerprint, created_at, last_used_at, last_used_from",
        granted.id().0,
        name,
        key.public_key,
        key.algorithm,
        key.fingerprint,
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(SshKeyView::from))
}

/// The key that is gone, if there was one.
pub(in crate::accounts) async fn delete(
    tx: &mut Tx,
    granted: &Granted<SecureAccount>,
    id: SshKeyId,
) -> Result<Option<SshKeyView>> {
    let row = sqlx::query_as!(
        Row,
        "delete from ssh_keys where id = $1 and user_id = $2
         returning id, name, public_key, algorithm, fingerprint, created_at, last_used_at, last_used_from",
        id.0,
        granted.id().0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(SshKeyView::from))
}

/// All of somebody's; how many there were.
pub(in crate::accounts) async fn delete_all(tx: &mut Tx, user: UserId) -> Result<u64> {
    let done = sqlx::query!("delete from ssh_keys where user_id = $1", user.0).execute(&mut **tx).await?;
    Ok(done.rows_affected())
}

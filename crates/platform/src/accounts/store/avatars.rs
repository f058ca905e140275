//! SQL of people's pictures.

use chrono::{DateTime, Utc};
use contract::UserId;

use crate::Result;
use crate::authz::{Granted, UpdateAccount};
use crate::db::Tx;

pub(in crate::accounts) async fn put(
    tx: &mut Tx,
    granted: &Granted<UpdateAccount>,
    picture: &[u8],
    tag: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into avatars (user_id, picture, tag, updated_at) values ($1, $2, $3, $4)
         on conflict (user_id) do update set picture = $2, tag = $3, updated_at = $4",
        granted.id().0,
        picture,
        tag,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// False when there was none.
pub(in crate::accounts) async fn delete(tx: &mut Tx, granted: &Granted<UpdateAccount>) -> Result<bool> {
    let done = sqlx::query!("delete from avatars where user_id = $1", granted.id().0).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}

pub(in crate::accounts) async fn tag(tx: &mut Tx, user: UserId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!("select tag from avatars where user_id = $1", user.0).fetch_optional(&mut **tx).await?)
}

pub(in crate::accounts) async fn find(tx: &mut Tx, user: UserId) -> Result<Option<(String, Vec<u8>)>> {
    let row =
        sqlx::query!("select tag, picture from avatars where user_id = $1", user.0).fetch_optional(&mut **tx).await?;
    Ok(row.map(|row| (row.tag, row.picture)))
}

//! SQL of join tokens.

use chrono::{DateTime, Utc};
use contract::machines::JoinTokenView;
use contract::{JoinTokenId, MachineId, UserId};

use crate::Result;
use crate::authz::{EnrollMachines, Granted};
use crate::db::Tx;

pub(in crate::machines) struct NewToken {
    pub secret_hash: [u8; 32],
    pub note: String,
    pub machine: Option<MachineId>,
    pub max_uses: u32,
    pub created_by: Option<UserId>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

pub(in crate::machines) struct UsedToken {
    pub id: i64,
    pub machine: Option<MachineId>,
}

/// Counts one use; `None` when the token is unknown, used up, expired or revoked. The row lock decides a race.
pub(in crate::machines) async fn use_token(
    tx: &mut Tx,
    secret_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<UsedToken>> {
    let row = sqlx::query!(
        "update join_tokens set uses = uses + 1
         where secret_hash = $1 and uses < max_uses and expires_at > $2 and revoked_at is null
         returning id, machine_id",
        &secret_hash[..],
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| UsedToken { id: row.id, machine: row.machine_id.map(MachineId) }))
}

pub(in crate::machines) async fn insert_token(
    tx: &mut Tx,
    _granted: &Granted<EnrollMachines>,
    token: &NewToken,
) -> Result<JoinTokenId> {
    let id = sqlx::query_scalar!(
        "insert into join_tokens (secret_hash, note, machine_id, max_uses, created_by, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7) returning id",
        &token.secret_hash[..],
        token.note,
        token.machine.map(|id| id.0),
        token.max_uses as i32,
        token.created_by.map(|id| id.0),
        token.created_at,
        token.expires_at
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(JoinTokenId(id))
}

pub(in crate::machines) async fn join_token(tx: &mut Tx, id: JoinTokenId) -> Result<Option<JoinTokenView>> {
    let mut list = read(tx, Some(id.0), None).await?;
    Ok(list.pop())
}

pub(in crate::machines) async fn join_tokens(tx: &mut Tx, since: DateTime<Utc>) -> Result<Vec<JoinTokenView>> {
    read(tx, None, Some(since)).await
}

async fn read(tx: &mut Tx, id: Option<i64>, since: Option<DateTime<Utc>>) -> Result<Vec<JoinTokenView>> {
    let rows = sqlx::query!(
        r#"select t.id, t.note, t.uses, t.max_uses, m.code as "machine?", coalesce(u.name::text, '') as "created_by!",
                  t.created_at, t.expires_at, t.revoked_at
           from join_tokens t left join machines m on m.id = t.machine_id left join users u on u.id = t.created_by
           where ($1::bigint is null or t.id = $1) and ($2::timestamptz is null or t.expires_at > $2)
           order by t.id desc limit 200"#,
        id,
        since
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| JoinTokenView {
            id: JoinTokenId(row.id),
            note: row.note,
            uses: row.uses.unsigned_abs(),
            max_uses: row.max_uses.unsigned_abs(),
            machine: row.machine,
            created_by: row.created_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        })
        .collect())
}

pub(in crate::machines) async fn revoke_token(
    tx: &mut Tx,
    _granted: &Granted<EnrollMachines>,
    id: JoinTokenId,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!("update join_tokens set revoked_at = coalesce(revoked_at, $2) where id = $1", id.0, now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

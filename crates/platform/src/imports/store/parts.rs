//! SQL of the parts a workbook lies in while it waits to be read, and of how much one person has staged.

use contract::ImportId;

use crate::db::Tx;
use crate::imports::subject::MayImport;
use crate::{OpContext, Result};

/// Number and bytes of what this person has staged. Who stages at the same time waits: the limits hold.
pub(in crate::imports) async fn staged(tx: &mut Tx, _granted: &MayImport, ctx: &OpContext) -> Result<(i64, i64)> {
    let Some(user) = ctx.user() else { return Ok((0, 0)) };
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('remotegpu.staged-imports', $1))", user.id.0)
        .fetch_one(&mut **tx)
        .await?;
    let row = sqlx::query!(
        r#"select count(*) as "number!", coalesce(sum(size_bytes), 0)::bigint as "bytes!" from imports
           where created_by = $1 and state in ('reading', 'ready') and expires_at > $2"#,
        user.id.0,
        ctx.now()
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok((row.number, row.bytes))
}

pub(in crate::imports) async fn insert_part(
    tx: &mut Tx,
    _granted: &MayImport,
    id: ImportId,
    part: i32,
    bytes: &[u8],
) -> Result<()> {
    sqlx::query!("insert into import_parts (import_id, part, bytes) values ($1, $2, $3)", id.0, part, bytes)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(in crate::imports) async fn note_size(tx: &mut Tx, _granted: &MayImport, id: ImportId, bytes: i64) -> Result<()> {
    sqlx::query!("update imports set size_bytes = $2 where id = $1", id.0, bytes).execute(&mut **tx).await?;
    Ok(())
}

pub(in crate::imports) async fn part(tx: &mut Tx, id: ImportId, part: i32) -> Result<Option<Vec<u8>>> {
    let bytes = sqlx::query_scalar!("select bytes from import_parts where import_id = $1 and part = $2", id.0, part)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(bytes)
}

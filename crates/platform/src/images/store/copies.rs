//! SQL of images on machines.

use chrono::{DateTime, Utc};
use contract::engines::EngineKind;
use contract::images::CopyState;
use contract::{ImageId, MachineId};
use runtime::docker::{Fault, FaultKind, Progress};

use crate::authz::{Granted, ManageImage};
use crate::db::Tx;
use crate::{Error, OpContext, Result};

/// An image on a machine as it is kept.
pub(in crate::images) struct CopyRow {
    pub machine: MachineId,
    pub state: CopyState,
    pub done: u64,
    pub total: u64,
    /// How the machine's engine is reached now; nothing where nobody says so any more.
    pub engine: Option<EngineKind>,
    pub fault: Option<String>,
    pub detail: Option<String>,
    pub wanted_name: String,
    pub wanted_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The latest wish first, at most a thousand.
pub(in crate::images) async fn copies(tx: &mut Tx, image: ImageId) -> Result<Vec<CopyRow>> {
    let rows = sqlx::query!(
        r#"select c.machine_id, c.state, c.done_bytes, c.total_bytes, c.fault, c.detail, c.wanted_name, c.wanted_at,
                  c.updated_at, e.kind as "engine?"
           from image_copies c left join engine_connections e on e.machine_id = c.machine_id
           where c.image_id = $1 order by c.wanted_at desc, c.machine_id limit 1000"#,
        image.0
    )
    .fetch_all(&mut **tx)
    .await?;
    let copy = rows.into_iter().map(|row| {
        Ok(CopyRow {
            machine: MachineId(row.machine_id),
            state: CopyState::parse(&row.state)
                .ok_or_else(|| Error::internal(format!("unknown state of a copy {}", row.state)))?,
            done: row.done_bytes.unsigned_abs(),
            total: row.total_bytes.unsigned_abs(),
            engine: row.engine.as_deref().and_then(EngineKind::parse),
            fault: row.fault,
            detail: row.detail,
            wanted_name: row.wanted_name,
            wanted_at: row.wanted_at,
            updated_at: row.updated_at,
        })
    });
    copy.collect()
}

/// Wants it there, anew where it was wanted before; nothing while it is on its way.
pub(in crate::images) async fn want(
    tx: &mut Tx,
    granted: &Granted<ManageImage>,
    machine: MachineId,
    ctx: &OpContext,
) -> Result<Option<i64>> {
    let wish = sqlx::query_scalar!(
        "insert into image_copies (image_id, machine_id, wanted_name, wanted_at) values ($1, $2, $3, $4)
         on conflict (image_id, machine_id) do update
           set state = 'waiting', done_bytes = 0, total_bytes = 0, fault = null, detail = null,
               wanted_name = excluded.wanted_name, wanted_at = excluded.wanted_at, wish = image_copies.wish + 1
           where image_copies.state not in ('waiting', 'running')
         returning wish",
        granted.id().0,
        machine.0,
        ctx.user().map_or("", |user| user.name.as_str()),
        ctx.now()
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(wish)
}

/// False where it is not on its way.
pub(in crate::images) async fn cancel_copy(
    tx: &mut Tx,
    granted: &Granted<ManageImage>,
    machine: MachineId,
) -> Result<bool> {
    let gone = sqlx::query!(
        "update image_copies set state = 'cancelled'
         where image_id = $1 and machine_id = $2 and state in ('waiting', 'running')",
        granted.id().0,
        machine.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(gone.rows_affected() > 0)
}

/// What may not be used any more is not wanted anywhere: of this image, or of all of them.
pub(in crate::images) async fn cancel_unusable(tx: &mut Tx, image: Option<ImageId>) -> Result<()> {
    sqlx::query!(
        "update image_copies c set state = 'cancelled' from images i
         where i.id = c.image_id and c.state in ('waiting', 'running') and ($1::bigint is null or i.id = $1)
           and (i.state <> 'approved' or i.deleted_at is not null)",
        image.map(|id| id.0)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Those on their way that no job brings any more: its worker died at the last try, or somebody stopped the job itself.
/// Returns how many.
pub(in crate::images) async fn end_forgotten(tx: &mut Tx, fault: FaultKind) -> Result<u64> {
    let ended = sqlx::query!(
        "update image_copies c set state = 'failed', fault = $1, detail = null
         where c.state in ('waiting', 'running')
           and not exists (select from jobs j where j.kind = 'image-copy' and j.payload @> jsonb_build_object(
                             'image', c.image_id, 'machine', c.machine_id, 'wish', c.wish))",
        fault.code()
    )
    .execute(&mut **tx)
    .await?;
    Ok(ended.rows_affected())
}

/// True while this wish stands, and the image may be used.
pub(in crate::images) async fn begin_copy(tx: &mut Tx, image: ImageId, machine: MachineId, wish: i64) -> Result<bool> {
    let begun = sqlx::query!(
        "update image_copies c set state = 'running' from images i
         where c.image_id = $1 and c.machine_id = $2 and c.wish = $3 and c.state in ('waiting', 'running')
           and i.id = c.image_id and i.state = 'approved' and i.deleted_at is null",
        image.0,
        machine.0,
        wish
    )
    .execute(&mut **tx)
    .await?;
    Ok(begun.rows_affected() > 0)
}

/// False when nobody wants it any more, or it may not be used any more.
pub(in crate::images) async fn note_progress(
    tx: &mut Tx,
    image: ImageId,
    machine: MachineId,
    wish: i64,
    progress: Progress,
) -> Result<bool> {
    let noted = sqlx::query!(
        "update image_copies c set done_bytes = $4, total_bytes = $5 from images i
         where c.image_id = $1 and c.machine_id = $2 and c.wish = $3 and c.state = 'running'
           and i.id = c.image_id and i.state = 'approved' and i.deleted_at is null",
        image.0,
        machine.0,
        wish,
        i64::try_from(progress.done).unwrap_or(i64::MAX),
        i64::try_from(progress.total).unwrap_or(i64::MAX)
    )
    .execute(&mut **tx)
    .await?;
    Ok(noted.rows_affected() > 0)
}

pub(in crate::images) async fn end_copy(
    tx: &mut Tx,
    image: ImageId,
    machine: MachineId,
    wish: i64,
    fault: Option<&Fault>,
) -> Result<()> {
    sqlx::query!(
        "update image_copies
         set state = case when $4::text is null then 'present' else 'failed' end, fault = $4, detail = $5,
             done_bytes = case when $4::text is null then greatest(done_bytes, total_bytes) else done_bytes end
         where image_id = $1 and machine_id = $2 and wish = $3 and state = 'running'",
        image.0,
        machine.0,
        wish,
        fault.map(|fault| fault.kind.code()),
        fault.map(|fault| fault.detail.as_str())
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether what was done for this wish failed.
pub(in crate::images) async fn copy_failed(tx: &mut Tx, image: ImageId, machine: MachineId, wish: i64) -> Result<bool> {
    let failed = sqlx::query_scalar!(
        r#"select exists(select from image_copies
                         where image_id = $1 and machine_id = $2 and wish = $3 and state = 'failed') as "failed!""#,
        image.0,
        machine.0,
        wish
    );
    Ok(failed.fetch_one(&mut **tx).await?)
}

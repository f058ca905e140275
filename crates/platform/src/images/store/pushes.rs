//! SQL of archives that are put into a registry.

use chrono::{DateTime, Utc};
use contract::images::CopyState;
use contract::{ImageId, RegistryId};
use runtime::docker::Progress;

use crate::authz::{Granted, ManageImage, ManageRegistries};
use crate::db::Tx;
use crate::{Error, OpContext, Result};

/// An archive in a registry, or on its way there, as it is kept.
pub(in crate::images) struct PushRow {
    pub registry: RegistryId,
    pub state: CopyState,
    pub done: u64,
    pub total: u64,
    pub fault: Option<String>,
    pub detail: Option<String>,
    pub reference: Option<String>,
    pub wanted_name: String,
    pub wanted_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

pub(in crate::images) async fn find_push(tx: &mut Tx, image: ImageId) -> Result<Option<PushRow>> {
    let row = sqlx::query!(
        "select registry_id, state, done_bytes, total_bytes, fault, detail, reference, wanted_name, wanted_at, updated_at
         from image_pushes where image_id = $1",
        image.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    let push = row.map(|row| {
        Ok(PushRow {
            registry: RegistryId(row.registry_id),
            state: CopyState::parse(&row.state)
                .ok_or_else(|| Error::internal(format!("unknown state of an archive in a registry {}", row.state)))?,
            done: row.done_bytes.unsigned_abs(),
            total: row.total_bytes.unsigned_abs(),
            fault: row.fault,
            detail: row.detail,
            reference: row.reference,
            wanted_name: row.wanted_name,
            wanted_at: row.wanted_at,
            updated_at: row.updated_at,
        })
    });
    push.transpose()
}

/// Wants it there, anew where it was wanted before; nothing while it is on its way.
pub(in crate::images) async fn want_push(
    tx: &mut Tx,
    granted: &Granted<ManageImage>,
    registry: RegistryId,
    ctx: &OpContext,
) -> Result<Option<i64>> {
    let wish = sqlx::query_scalar!(
        "insert into image_pushes (image_id, registry_id, wanted_name, wanted_at) values ($1, $2, $3, $4)
         on conflict (image_id) do update
           set registry_id = excluded.registry_id, state = 'waiting', done_bytes = 0, total_bytes = 0, fault = null,
               detail = null, reference = null, wanted_name = excluded.wanted_name, wanted_at = excluded.wanted_at,
               wish = image_pushes.wish + 1
           where image_pushes.state not in ('waiting', 'running')
         returning wish",
        granted.id().0,
        registry.0,
        ctx.user().map_or("", |user| user.name.as_str()),
        ctx.now()
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(wish)
}

/// False where it is neither there nor on its way.
pub(in crate::images) async fn delete_push(tx: &mut Tx, granted: &Granted<ManageImage>) -> Result<bool> {
    let gone = sqlx::query!("delete from image_pushes where image_id = $1", granted.id().0).execute(&mut **tx).await?;
    Ok(gone.rows_affected() > 0)
}

/// Of a registry that is forgotten.
pub(in crate::images) async fn delete_pushes_of(
    tx: &mut Tx,
    _granted: &Granted<ManageRegistries>,
    registry: RegistryId,
) -> Result<()> {
    sqlx::query!("delete from image_pushes where registry_id = $1", registry.0).execute(&mut **tx).await?;
    Ok(())
}

/// The registry, while this wish stands and the image may be used.
pub(in crate::images) async fn begin_push(tx: &mut Tx, image: ImageId, wish: i64) -> Result<Option<RegistryId>> {
    let registry = sqlx::query_scalar!(
        "update image_pushes p set state = 'running' from images i
         where p.image_id = $1 and p.wish = $2 and p.state in ('waiting', 'running')
           and i.id = p.image_id and i.state <> 'rejected' and i.deleted_at is null
         returning p.registry_id",
        image.0,
        wish
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(registry.map(RegistryId))
}

/// False when nobody wants it any more, or it may not be used any more.
pub(in crate::images) async fn note_push(tx: &mut Tx, image: ImageId, wish: i64, progress: Progress) -> Result<bool> {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let noted = sqlx::query!(
        "update image_pushes p set done_bytes = $3, total_bytes = $4 from images i
         where p.image_id = $1 and p.wish = $2 and p.state = 'running'
           and i.id = p.image_id and i.state <> 'rejected' and i.deleted_at is null",
        image.0,
        wish,
        signed(progress.done),
        signed(progress.total)
    )
    .execute(&mut **tx)
    .await?;
    Ok(noted.rows_affected() > 0)
}

/// What came of it: what it is called there, or word and detail of why it is not there.
pub(in crate::images) async fn end_push(
    tx: &mut Tx,
    image: ImageId,
    wish: i64,
    came: std::result::Result<&str, (&str, &str)>,
) -> Result<()> {
    let (reference, fault) = (came.ok(), came.err());
    sqlx::query!(
        "update image_pushes
         set state = case when $3::text is null then 'failed' else 'present' end, reference = $3, fault = $4, detail = $5
         where image_id = $1 and wish = $2 and state = 'running'",
        image.0,
        wish,
        reference,
        fault.map(|(fault, _)| fault),
        fault.map(|(_, detail)| detail)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends those whose job is no more, and forgets those of images that are no more. Returns how many ended.
pub(in crate::images) async fn end_forgotten_pushes(tx: &mut Tx, fault: &str) -> Result<u64> {
    sqlx::query!("delete from image_pushes p using images i where i.id = p.image_id and i.deleted_at is not null")
        .execute(&mut **tx)
        .await?;
    let ended = sqlx::query!(
        "update image_pushes p set state = 'failed', fault = $1, detail = null
         where p.state in ('waiting', 'running')
           and not exists (select from jobs j where j.kind = 'image-push' and j.payload @> jsonb_build_object(
                             'image', p.image_id, 'wish', p.wish))",
        fault
    )
    .execute(&mut **tx)
    .await?;
    Ok(ended.rows_affected())
}

/// Whether what was done for this wish failed.
pub(in crate::images) async fn push_failed(tx: &mut Tx, image: ImageId, wish: i64) -> Result<bool> {
    let failed = sqlx::query_scalar!(
        r#"select exists(select from image_pushes where image_id = $1 and wish = $2 and state = 'failed') as "failed!""#,
        image.0,
        wish
    );
    Ok(failed.fetch_one(&mut **tx).await?)
}

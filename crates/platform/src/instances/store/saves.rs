//! SQL of instances that are kept as images.

use chrono::{DateTime, Utc};
use contract::instances::SaveState;
use contract::{CustomerId, ImageId, InstanceId, InstanceSaveId, MachineId, UploadId, UserId};
use uuid::Uuid;

use super::{Row, known};
use crate::authz::{Granted, ManageOwnInstance};
use crate::db::Tx;
use crate::{Error, OpContext, Result, images};

/// A save as it is kept.
#[derive(Clone, Debug)]
pub(in crate::instances) struct SaveRow {
    pub id: InstanceSaveId,
    pub instance: InstanceId,
    pub customer: CustomerId,
    pub machine: MachineId,
    pub owner: UserId,
    pub created_name: String,
    pub name: String,
    pub description: Option<String>,
    pub remark: Option<String>,
    /// Of the image on an engine.
    pub tag: Uuid,
    pub state: SaveState,
    /// Which try this is.
    pub run: i64,
    pub fault: Option<String>,
    pub detail: Option<String>,
    pub done: u64,
    pub total: u64,
    pub upload: Option<UploadId>,
    pub on_engine: bool,
    pub image: Option<ImageId>,
    pub created_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// Wants an image of it; nothing while one is on its way.
pub(in crate::instances) async fn want_save(
    tx: &mut Tx,
    granted: &Granted<ManageOwnInstance>,
    ctx: &OpContext,
    row: &Row,
    saved: &images::Saved,
) -> Result<Option<InstanceSaveId>> {
    let id = sqlx::query_scalar!(
        "insert into instance_saves (instance_id, customer_id, machine_id, created_by, created_name, name, description,
                                     remark, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (instance_id) where ended_at is null do nothing returning id",
        granted.id().0,
        row.customer.0,
        row.machine.0,
        saved.person.0,
        saved.person_name,
        saved.name,
        saved.description,
        saved.remark,
        ctx.now()
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(id.map(InstanceSaveId))
}

/// Those of an instance, the newest first, at most a hundred.
pub(in crate::instances) async fn saves_of(tx: &mut Tx, instance: InstanceId) -> Result<Vec<SaveRow>> {
    let ids = sqlx::query_scalar!(
        "select id from instance_saves where instance_id = $1 order by id desc limit 100",
        instance.0
    )
    .fetch_all(&mut **tx)
    .await?;
    saves(tx, &ids).await
}

/// These, in this order.
pub(in crate::instances) async fn saves(tx: &mut Tx, ids: &[i64]) -> Result<Vec<SaveRow>> {
    let rows = sqlx::query!(
        "select s.id, s.instance_id, s.customer_id, s.machine_id, s.created_by, s.created_name, s.name, s.description,
                s.remark, s.tag, s.state, s.run, s.fault, s.detail, s.done_bytes, s.total_bytes, s.upload_id,
                s.on_engine, s.image_id, s.created_at, s.ended_at
         from instance_saves s join unnest($1::bigint[]) with ordinality as asked (id, place) on asked.id = s.id
         order by asked.place",
        ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let row = rows.into_iter().map(|row| {
        Ok(SaveRow {
            id: InstanceSaveId(row.id),
            instance: InstanceId(row.instance_id),
            customer: CustomerId(row.customer_id),
            machine: MachineId(row.machine_id),
            owner: UserId(row.created_by),
            created_name: row.created_name,
            name: row.name,
            description: row.description,
            remark: row.remark,
            tag: row.tag,
            state: known(SaveState::parse(&row.state), &row.state)?,
            run: row.run,
            fault: row.fault,
            detail: row.detail,
            done: row.done_bytes.unsigned_abs(),
            total: row.total_bytes.unsigned_abs(),
            upload: row.upload_id.map(UploadId),
            on_engine: row.on_engine,
            image: row.image_id.map(ImageId),
            created_at: row.created_at,
            ended_at: row.ended_at,
        })
    });
    row.collect()
}

/// Begins, or begins anew; nothing where it is not wanted any more.
pub(in crate::instances) async fn begin_save(tx: &mut Tx, id: InstanceSaveId) -> Result<Option<SaveRow>> {
    sqlx::query!(
        "update instance_saves set state = 'saving', run = run + 1, done_bytes = 0, total_bytes = 0
         where id = $1 and ended_at is null",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(find_save(tx, id).await?.filter(|row| row.state == SaveState::Saving))
}

pub(in crate::instances) async fn find_save(tx: &mut Tx, id: InstanceSaveId) -> Result<Option<SaveRow>> {
    Ok(saves(tx, &[id.0]).await?.pop())
}

/// The same, and nobody else changes it until the transaction ends.
pub(in crate::instances) async fn lock_save(tx: &mut Tx, id: InstanceSaveId) -> Result<Option<SaveRow>> {
    sqlx::query_scalar!("select id from instance_saves where id = $1 for update", id.0)
        .fetch_optional(&mut **tx)
        .await?;
    find_save(tx, id).await
}

/// Whether its engine may have the image from now on.
pub(in crate::instances) async fn note_on_engine(tx: &mut Tx, id: InstanceSaveId, there: bool) -> Result<()> {
    sqlx::query!("update instance_saves set on_engine = $2 where id = $1", id.0, there).execute(&mut **tx).await?;
    Ok(())
}

/// What is on its way into the store for it, in the transaction that announces that. False where it is not wanted any more,
/// or another try was begun.
pub(in crate::instances) async fn note_upload(tx: &mut Tx, save: &SaveRow, upload: UploadId) -> Result<bool> {
    let noted = sqlx::query!(
        "update instance_saves set upload_id = $3 where id = $1 and run = $2 and state = 'saving'",
        save.id.0,
        save.run,
        upload.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(noted.rows_affected() > 0)
}

/// False when nobody wants it any more, or another try was begun.
pub(in crate::instances) async fn note_saved(tx: &mut Tx, save: &SaveRow, (done, total): (u64, u64)) -> Result<bool> {
    let noted = sqlx::query!(
        "update instance_saves set done_bytes = $3, total_bytes = $4 where id = $1 and run = $2 and state = 'saving'",
        save.id.0,
        save.run,
        i64::try_from(done).unwrap_or(i64::MAX),
        i64::try_from(total).unwrap_or(i64::MAX)
    )
    .execute(&mut **tx)
    .await?;
    Ok(noted.rows_affected() > 0)
}

/// It is this image.
pub(in crate::instances) async fn end_save(
    tx: &mut Tx,
    id: InstanceSaveId,
    (image, size): (ImageId, u64),
    at: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update instance_saves set state = 'done', image_id = $2, done_bytes = $3, total_bytes = $3, ended_at = $4
         where id = $1",
        id.0,
        image.0,
        i64::try_from(size).map_err(Error::internal)?,
        at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// It is given up, unless it ended meanwhile, or another try than this was begun.
pub(in crate::instances) async fn fail_save(
    tx: &mut Tx,
    (id, run): (InstanceSaveId, Option<i64>),
    (fault, detail): (&str, &str),
    at: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update instance_saves set state = 'failed', fault = $2, detail = nullif($3, ''), ended_at = $4
         where id = $1 and ended_at is null and ($5::bigint is null or run = $5)",
        id.0,
        fault,
        detail,
        at,
        run
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Nobody wants an image of what is to go.
pub(in crate::instances) async fn cancel_saves(tx: &mut Tx, instance: InstanceId, at: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update instance_saves set state = 'cancelled', ended_at = $2 where instance_id = $1 and ended_at is null",
        instance.0,
        at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Those that no job does any more: its worker died at the last try, or somebody stopped the job itself.
pub(in crate::instances) async fn forgotten_saves(tx: &mut Tx) -> Result<Vec<InstanceSaveId>> {
    let ids = sqlx::query_scalar!(
        "select s.id from instance_saves s
         where s.ended_at is null
           and not exists (select from jobs j where j.kind = 'instance-save'
                           and j.payload @> jsonb_build_object('save', s.id))
         order by s.id limit 100"
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(InstanceSaveId).collect())
}

/// Those that ended and left something in the store.
pub(in crate::instances) async fn leftover_uploads(tx: &mut Tx) -> Result<Vec<UploadId>> {
    let ids = sqlx::query_scalar!(
        r#"select upload_id as "upload!" from instance_saves where ended_at is not null and upload_id is not null
           order by id limit 100"#
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(UploadId).collect())
}

/// Those that ended and whose image this machine's engine may still have.
pub(in crate::instances) async fn left_on_engine(tx: &mut Tx, machine: MachineId) -> Result<Vec<SaveRow>> {
    let ids = sqlx::query_scalar!(
        "select id from instance_saves where machine_id = $1 and on_engine and ended_at is not null
         order by id limit 100",
        machine.0
    )
    .fetch_all(&mut **tx)
    .await?;
    saves(tx, &ids).await
}

//! SQL of uploads and their chunks.

use chrono::{DateTime, Utc};
use contract::files::{ChunkRange, FilePurpose, UploadFault, UploadState, UploadView};
use contract::{CustomerId, FileId, UploadId, UserId};
use uuid::Uuid;

use super::purpose;
use crate::authz::{CreateFile, Granted, ManageUpload};
use crate::db::Tx;
use crate::files::{Announced, Owner};
use crate::{Error, OpContext, Result};

/// An upload with whose it is and where it lies.
pub(in crate::files) struct UploadRow {
    pub view: UploadView,
    pub customer: Option<CustomerId>,
    pub owner: Option<UserId>,
    pub owner_name: String,
    pub store_key: Uuid,
    /// The platform itself takes it in: nobody sends chunks to it.
    pub by_platform: bool,
}

/// A chunk that is there.
pub(in crate::files) struct ChunkRow {
    pub n: u32,
    pub size: u64,
    pub sha256: Vec<u8>,
}

pub(in crate::files) async fn insert_upload(
    tx: &mut Tx,
    _granted: &Granted<CreateFile>,
    ctx: &OpContext,
    new: &Announced,
    (store_key, chunk_size): (Uuid, u64),
    expires_at: DateTime<Utc>,
) -> Result<UploadId> {
    let user = ctx.user();
    let id = sqlx::query_scalar!(
        "insert into uploads (customer_id, created_by, created_name, name, purpose, size_bytes, chunk_size, sha256,
                              store_key, expires_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id",
        user.and_then(|user| user.active_customer).map(|id| id.0),
        user.map(|user| user.id.0),
        user.map_or("", |user| user.name.as_str()),
        new.name,
        new.purpose.code(),
        i64::try_from(new.size).map_err(Error::internal)?,
        i64::try_from(chunk_size).map_err(Error::internal)?,
        new.sha256.as_ref().map(<[u8; 32]>::as_slice),
        store_key,
        expires_at,
        ctx.now()
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(UploadId(id))
}

pub(in crate::files) async fn upload(tx: &mut Tx, id: UploadId) -> Result<Option<UploadRow>> {
    let row = sqlx::query!(
        "select id, customer_id, created_by, created_name, name, purpose, size_bytes, chunk_size, sha256, store_key,
                state, fault, file_id, expires_at, created_at, by_platform
         from uploads where id = $1",
        id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (received, received_bytes) = received(tx, id).await?;
    let (size, chunk_size) = (row.size_bytes.unsigned_abs(), row.chunk_size.unsigned_abs());
    let view = UploadView {
        id,
        name: row.name,
        size,
        chunk_size,
        chunks: u32::try_from(size.div_ceil(chunk_size)).map_err(Error::internal)?,
        sha256: row.sha256.map(hex::encode),
        purpose: purpose(&row.purpose)?,
        state: state(&row.state)?,
        received,
        received_bytes,
        file: row.file_id.map(FileId),
        fault: row.fault.as_deref().and_then(UploadFault::parse),
        expires_at: row.expires_at,
        created_at: row.created_at,
    };
    Ok(Some(UploadRow {
        view,
        customer: row.customer_id.map(CustomerId),
        owner: row.created_by.map(UserId),
        owner_name: row.created_name,
        store_key: row.store_key,
        by_platform: row.by_platform,
    }))
}

/// The same, and nobody else changes it until the transaction ends.
pub(in crate::files) async fn lock_upload(tx: &mut Tx, id: UploadId) -> Result<Option<UploadRow>> {
    sqlx::query_scalar!("select id from uploads where id = $1 for update", id.0).fetch_optional(&mut **tx).await?;
    upload(tx, id).await
}

/// Neighbours as one range.
async fn received(tx: &mut Tx, id: UploadId) -> Result<(Vec<ChunkRange>, u64)> {
    let rows = sqlx::query!(
        r#"select min(n) as "from!", max(n) as "to!", sum(size_bytes)::bigint as "bytes!"
           from (select n, size_bytes, n - row_number() over (order by n) as island
                 from upload_chunks where upload_id = $1) as numbered
           group by island order by 1"#,
        id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    let bytes = rows.iter().map(|row| row.bytes.unsigned_abs()).sum();
    let range = |row| -> Result<ChunkRange> {
        let (from, to): (i32, i32) = row;
        Ok(ChunkRange { from: from.unsigned_abs(), to: to.unsigned_abs() })
    };
    Ok((rows.into_iter().map(|row| range((row.from, row.to))).collect::<Result<_>>()?, bytes))
}

/// Those that are going on, of a customer or of the platform, the newest first.
pub(in crate::files) async fn going(tx: &mut Tx, customer: Option<CustomerId>) -> Result<Vec<UploadId>> {
    let ids = sqlx::query_scalar!(
        "select id from uploads where customer_id is not distinct from $1 and state in ('open', 'assembling')
           and not by_platform
         order by id desc limit 100",
        customer.map(|id| id.0)
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(UploadId).collect())
}

/// What a list says of an upload.
pub(in crate::files) struct Brief {
    pub id: i64,
    pub name: String,
    pub purpose: FilePurpose,
    pub state: UploadState,
    pub fault: Option<UploadFault>,
}

/// Of these uploads of people, as many as there are.
pub(in crate::files) async fn briefs(tx: &mut Tx, ids: &[i64]) -> Result<Vec<Brief>> {
    let rows =
        sqlx::query!("select id, name, purpose, state, fault from uploads where id = any($1) and not by_platform", ids)
            .fetch_all(&mut **tx)
            .await?;
    let brief = rows.into_iter().map(|row| {
        Ok(Brief {
            id: row.id,
            name: row.name,
            purpose: purpose(&row.purpose)?,
            state: state(&row.state)?,
            fault: row.fault.as_deref().and_then(UploadFault::parse),
        })
    });
    brief.collect()
}

fn state(word: &str) -> Result<UploadState> {
    UploadState::parse(word).ok_or_else(|| Error::internal(format!("unknown state of an upload {word}")))
}

/// Puts its end off; false for one that takes no chunks any more. Holds the row, so that chunks come one after the other.
pub(in crate::files) async fn touch(
    tx: &mut Tx,
    granted: &Granted<ManageUpload>,
    expires_at: DateTime<Utc>,
) -> Result<bool> {
    let touched =
        sqlx::query!("update uploads set expires_at = $2 where id = $1 and state = 'open'", granted.id().0, expires_at)
            .execute(&mut **tx)
            .await?;
    Ok(touched.rows_affected() > 0)
}

pub(in crate::files) async fn chunk(tx: &mut Tx, id: UploadId, n: u32) -> Result<Option<ChunkRow>> {
    Ok(chunks_from(tx, id, n, 1).await?.into_iter().find(|chunk| chunk.n == n))
}

/// At most so many, from this one on.
pub(in crate::files) async fn chunks_from(tx: &mut Tx, id: UploadId, n: u32, most: i64) -> Result<Vec<ChunkRow>> {
    let n = i32::try_from(n).map_err(Error::internal)?;
    let rows = sqlx::query!(
        "select n, size_bytes, sha256 from upload_chunks where upload_id = $1 and n >= $2 order by n limit $3",
        id.0,
        n,
        most
    )
    .fetch_all(&mut **tx)
    .await?;
    let row = rows.into_iter().map(|row| ChunkRow {
        n: row.n.unsigned_abs(),
        size: row.size_bytes.unsigned_abs(),
        sha256: row.sha256,
    });
    Ok(row.collect())
}

pub(in crate::files) async fn insert_chunk(
    tx: &mut Tx,
    granted: &Granted<ManageUpload>,
    chunk: &ChunkRow,
    at: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into upload_chunks (upload_id, n, size_bytes, sha256, received_at) values ($1, $2, $3, $4, $5)",
        granted.id().0,
        i32::try_from(chunk.n).map_err(Error::internal)?,
        i64::try_from(chunk.size).map_err(Error::internal)?,
        chunk.sha256,
        at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::files) async fn assemble(tx: &mut Tx, granted: &Granted<ManageUpload>) -> Result<()> {
    sqlx::query!("update uploads set state = 'assembling' where id = $1", granted.id().0).execute(&mut **tx).await?;
    Ok(())
}

pub(in crate::files) async fn cancel(tx: &mut Tx, granted: &Granted<ManageUpload>) -> Result<()> {
    abort(tx, granted.id(), UploadFault::Cancelled).await
}

/// Gives it up.
pub(in crate::files) async fn abort(tx: &mut Tx, id: UploadId, fault: UploadFault) -> Result<()> {
    sqlx::query!("update uploads set state = 'aborted', fault = $2 where id = $1", id.0, fault.code())
        .execute(&mut **tx)
        .await?;
    sqlx::query!("delete from upload_chunks where upload_id = $1", id.0).execute(&mut **tx).await?;
    Ok(())
}

/// Makes it a file; false when this very content was there already, and what came is no longer needed.
pub(in crate::files) async fn finish(
    tx: &mut Tx,
    upload: &UploadRow,
    sha256: &[u8],
    at: DateTime<Utc>,
) -> Result<bool> {
    let view = &upload.view;
    let (size, chunk_size) = (i64::try_from(view.size), i64::try_from(view.chunk_size));
    let (size, chunk_size) = (size.map_err(Error::internal)?, chunk_size.map_err(Error::internal)?);
    let new = sqlx::query!(
        "insert into blobs (sha256, size_bytes, chunk_size, store_key, created_at) values ($1, $2, $3, $4, $5)
         on conflict (sha256) do nothing",
        sha256,
        size,
        chunk_size,
        upload.store_key,
        at
    )
    .execute(&mut **tx)
    .await?;
    let file = sqlx::query_scalar!(
        "insert into files (customer_id, created_by, created_name, name, purpose, sha256, size_bytes, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8) returning id",
        upload.customer.map(|id| id.0),
        upload.owner.map(|id| id.0),
        upload.owner_name,
        view.name,
        view.purpose.code(),
        sha256,
        size,
        at
    )
    .fetch_one(&mut **tx)
    .await?;
    sqlx::query!("update uploads set state = 'done', file_id = $2 where id = $1", view.id.0, file)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("delete from upload_chunks where upload_id = $1", view.id.0).execute(&mut **tx).await?;
    Ok(new.rows_affected() > 0)
}

/// What the platform takes in for somebody. It is on its way in, and nobody can send chunks to it: also servers that know
/// nothing of this take none for what they think is just being put together.
pub(in crate::files) async fn insert_taking(
    tx: &mut Tx,
    owner: &Owner,
    (name, purpose, size): (&str, FilePurpose, u64),
    (store_key, chunk_size): (Uuid, u64),
    (expires_at, at): (DateTime<Utc>, DateTime<Utc>),
) -> Result<UploadId> {
    let id = sqlx::query_scalar!(
        "insert into uploads (customer_id, created_by, created_name, name, purpose, size_bytes, chunk_size, store_key,
                              expires_at, created_at, state, by_platform)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'assembling', true) returning id",
        owner.customer.0,
        owner.person.0,
        owner.name,
        name,
        purpose.code(),
        i64::try_from(size).map_err(Error::internal)?,
        i64::try_from(chunk_size).map_err(Error::internal)?,
        store_key,
        expires_at,
        at
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(UploadId(id))
}

/// Puts its end off, and with a size has it count for so many bytes; false where it was given up.
pub(in crate::files) async fn keep_taking(
    tx: &mut Tx,
    id: UploadId,
    size: Option<u64>,
    expires_at: DateTime<Utc>,
) -> Result<bool> {
    let size = size.map(i64::try_from).transpose().map_err(Error::internal)?;
    let kept = sqlx::query!(
        "update uploads set size_bytes = coalesce($2, size_bytes), expires_at = $3
         where id = $1 and state = 'assembling' and by_platform",
        id.0,
        size,
        expires_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(kept.rows_affected() > 0)
}

/// Forgets what the platform took in or gave up; returns where it lies if it was not ended.
pub(in crate::files) async fn forget_taking(tx: &mut Tx, id: UploadId) -> Result<Option<Uuid>> {
    let gone = sqlx::query!("delete from uploads where id = $1 and by_platform returning store_key, state", id.0)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(gone.filter(|gone| gone.state != "done").map(|gone| gone.store_key))
}

/// Open ones whose time is over, and what the platform left behind.
pub(in crate::files) async fn expired(tx: &mut Tx, now: DateTime<Utc>) -> Result<Vec<UploadId>> {
    let ids = sqlx::query_scalar!(
        "select id from uploads where (state = 'open' or (state = 'assembling' and by_platform)) and expires_at <= $1 order by id limit 100
         for update skip locked",
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(UploadId).collect())
}

/// Forgets what ended long ago.
pub(in crate::files) async fn forget_ended(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    sqlx::query!("delete from uploads where state in ('done', 'aborted') and updated_at < $1", before)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

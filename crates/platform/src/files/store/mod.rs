//! SQL of files and of the content they are of.

mod uploads;

use contract::files::{FilePurpose, FileQuery, FileView};
use contract::{CustomerId, FileId, UserId};
use sqlx::{Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

pub(super) use uploads::*;

use crate::authz::{DeleteFile, Granted};
use crate::db::{Tx, contains};
use crate::{Error, Result};

/// A file with where its content lies.
pub(super) struct FileRow {
    pub view: FileView,
    pub customer: Option<CustomerId>,
    pub owner: Option<UserId>,
    /// All of its customer's people find it.
    pub shared: bool,
    pub store_key: Uuid,
    pub chunk_size: u64,
}

pub(super) fn purpose(word: &str) -> Result<FilePurpose> {
    FilePurpose::parse(word).ok_or_else(|| Error::internal(format!("unknown purpose {word}")))
}

pub(super) async fn find(tx: &mut Tx, id: FileId) -> Result<Option<FileRow>> {
    let row = sqlx::query!(
        "select f.id, f.customer_id, f.created_by, f.created_name, f.name, f.purpose, f.sha256, f.size_bytes,
                f.created_at, f.shared, b.store_key, b.chunk_size
         from files f join blobs b on b.sha256 = f.sha256 where f.id = $1",
        id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    let file = row.map(|row| {
        Ok(FileRow {
            view: FileView {
                id: FileId(row.id),
                name: row.name,
                size: row.size_bytes.unsigned_abs(),
                sha256: hex::encode(row.sha256),
                purpose: purpose(&row.purpose)?,
                created_by: row.created_name,
                created_at: row.created_at,
            },
            customer: row.customer_id.map(CustomerId),
            owner: row.created_by.map(UserId),
            shared: row.shared,
            store_key: row.store_key,
            chunk_size: row.chunk_size.unsigned_abs(),
        })
    });
    file.transpose()
}

/// Those of a customer, or of the platform, the newest first.
pub(super) async fn list(
    tx: &mut Tx,
    customer: Option<CustomerId>,
    query: &FileQuery,
    (page, page_size): (u32, u32),
) -> Result<(Vec<FileView>, u64)> {
    let pattern = query.q.as_deref().and_then(contains);
    let filters = |sql: &mut QueryBuilder<Postgres>| {
        sql.push(" where customer_id is not distinct from ").push_bind(customer.map(|id| id.0));
        if let Some(purpose) = query.purpose {
            sql.push(" and purpose = ").push_bind(purpose.code());
        }
        if let Some(pattern) = &pattern {
            sql.push(" and name ilike ").push_bind(pattern.clone());
        }
    };
    let mut count = QueryBuilder::<Postgres>::new("select count(*) as total from files");
    filters(&mut count);
    let total: i64 = count.build().fetch_one(&mut **tx).await?.try_get("total")?;
    let mut sql = QueryBuilder::<Postgres>::new(
        "select id, name, size_bytes, sha256, purpose, created_name, created_at from files",
    );
    filters(&mut sql);
    sql.push(" order by id desc limit ").push_bind(i64::from(page_size));
    sql.push(" offset ").push_bind(i64::from(page - 1) * i64::from(page_size));
    let rows = sql.build().fetch_all(&mut **tx).await?;
    let files = rows.into_iter().map(|row| {
        Ok(FileView {
            id: FileId(row.try_get("id")?),
            name: row.try_get("name")?,
            size: row.try_get::<i64, _>("size_bytes")?.unsigned_abs(),
            sha256: hex::encode(row.try_get::<Vec<u8>, _>("sha256")?),
            purpose: purpose(row.try_get("purpose")?)?,
            created_by: row.try_get("created_name")?,
            created_at: row.try_get("created_at")?,
        })
    });
    Ok((files.collect::<Result<_>>()?, total.unsigned_abs()))
}

pub(super) async fn delete(tx: &mut Tx, granted: &Granted<DeleteFile>) -> Result<bool> {
    let gone = sqlx::query!("delete from files where id = $1", granted.id().0).execute(&mut **tx).await?;
    Ok(gone.rows_affected() > 0)
}

/// Bytes of a person's files and of what they have on its way in.
pub(super) async fn bytes_of(tx: &mut Tx, person: UserId) -> Result<u64> {
    let bytes = sqlx::query_scalar!(r#"select stored_by($1) as "bytes!""#, person.0).fetch_one(&mut **tx).await?;
    Ok(bytes.unsigned_abs())
}

/// Bytes of a customer's files and of what is on its way in.
pub(super) async fn bytes_of_customer(tx: &mut Tx, customer: CustomerId) -> Result<u64> {
    let bytes = sqlx::query_scalar!(
        r#"select stored_in($1) + coalesce(sum(size_bytes), 0)::bigint as "bytes!"
           from uploads where customer_id = $1 and state in ('open', 'assembling')"#,
        customer.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(bytes.unsigned_abs())
}

/// Whether its customer's people find it, or who made it and the owners alone.
pub(super) async fn set_shared(tx: &mut Tx, id: FileId, shared: bool) -> Result<()> {
    sqlx::query!("update files set shared = $2 where id = $1", id.0, shared).execute(&mut **tx).await?;
    Ok(())
}

/// With what was made of it, whose own permission this took.
pub(super) async fn forget(tx: &mut Tx, id: FileId) -> Result<()> {
    sqlx::query!("delete from files where id = $1", id.0).execute(&mut **tx).await?;
    Ok(())
}

/// Bytes that a customer's, or the platform's, files and uploads take, those of this person, whatever customer they are
/// with, and how many uploads are going on. Who asks at the same time waits: limits hold.
pub(super) async fn used(tx: &mut Tx, customer: Option<CustomerId>, person: Option<UserId>) -> Result<(u64, u64, i64)> {
    let (customer, person) = (customer.map(|id| id.0), person.map(|id| id.0));
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('remotegpu.files', $1))", customer.unwrap_or(0))
        .fetch_one(&mut **tx)
        .await?;
    // Always after the customer's.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('remotegpu.files-of', $1))", person.unwrap_or(0))
        .fetch_one(&mut **tx)
        .await?;
    let row = sqlx::query!(
        r#"select stored_in($1) + coalesce(sum(size_bytes), 0)::bigint as "bytes!",
                  coalesce(stored_by($2), 0) as "own!",
                  count(*) filter (where not by_platform) as "going!"
           from uploads where customer_id is not distinct from $1 and state in ('open', 'assembling')"#,
        customer,
        person
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok((row.bytes.unsigned_abs(), row.own.unsigned_abs(), row.going))
}

/// Forgets content that no file is of, at most a hundred; returns where it lies. A file that is made of it meanwhile
/// waits, and finds it gone.
pub(super) async fn forget_unused(tx: &mut Tx) -> Result<Vec<Uuid>> {
    let keys = sqlx::query_scalar!(
        "delete from blobs where sha256 in (
           select b.sha256 from blobs b where not exists (select from files f where f.sha256 = b.sha256)
           limit 100 for update skip locked)
         returning store_key"
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(keys)
}

/// Of these folders those that no row names.
pub(super) async fn unnamed(tx: &mut Tx, keys: &[Uuid]) -> Result<Vec<Uuid>> {
    let keys = sqlx::query_scalar!(
        r#"select key as "key!" from unnest($1::uuid[]) as found (key)
           where not exists (select from blobs b where b.store_key = key)
             and not exists (select from uploads u where u.store_key = key and u.state in ('open', 'assembling'))"#,
        keys
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(keys)
}

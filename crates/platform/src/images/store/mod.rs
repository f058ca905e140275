//! SQL of images.

mod checks;
mod cleanups;
mod copies;
mod pushes;
mod registries;

use chrono::{DateTime, Utc};
use contract::images::{
    Architecture, ImageQuery, ImageSort, ImageSource, ImageState, ImageView, MarketImage, MarketQuery,
};
use contract::{CustomerId, FileId, ImageId, SortDirection, UserId};
use sqlx::{Postgres, QueryBuilder, Row as _};

pub(super) use checks::*;
pub(super) use cleanups::*;
pub(super) use copies::*;
pub(super) use pushes::*;
pub(super) use registries::*;

use super::Whose;
use super::archive::ArchiveFacts;
use super::check::Checked;
use super::own::{NewUpload, shown};
use super::saved::Saved;
use crate::authz::{CreateImage, Granted, ManageImage, ManageOwnImage, ReviewImage, UploadImage};
use crate::db::{Tx, contains};
use crate::{Error, OpContext, Result, customers};

/// Who may add an image of an upload.
pub(super) trait MayUpload {}
impl MayUpload for Granted<CreateImage> {}
impl MayUpload for Granted<UploadImage> {}

/// Who may change an image.
pub(super) trait MayChange {
    fn image(&self) -> ImageId;
}
impl MayChange for Granted<ManageImage> {
    fn image(&self) -> ImageId {
        self.id()
    }
}
impl MayChange for Granted<ManageOwnImage> {
    fn image(&self) -> ImageId {
        self.id()
    }
}

fn column(sort: ImageSort) -> &'static str {
    match sort {
        ImageSort::Name => "lower(i.name)",
        ImageSort::Framework => "lower(i.framework)",
        ImageSort::State => "i.state",
        ImageSort::Size => "i.size_bytes",
        ImageSort::Listed => "i.listed",
        ImageSort::Created => "i.created_at",
    }
}

fn search(sql: &mut QueryBuilder<Postgres>, text: Option<&str>, columns: &[&'static str]) {
    let Some(pattern) = text.and_then(contains) else { return };
    for (i, column) in columns.iter().enumerate() {
        sql.push(if i == 0 { " and (" } else { " or " }).push(*column).push(" ilike ").push_bind(pattern.clone());
    }
    sql.push(")");
}

/// A page in the order asked for, over an enum of columns, so that no text from outside becomes SQL.
pub(super) async fn list(
    tx: &mut Tx,
    whose: Whose,
    query: &ImageQuery,
    sort: &[(ImageSort, SortDirection)],
    (page, page_size): (u32, u32),
) -> Result<(Vec<ImageView>, u64)> {
    let filters = |sql: &mut QueryBuilder<Postgres>| {
        sql.push(" where i.deleted_at is null");
        if let Whose::Customer(customer) = whose {
            sql.push(" and i.customer_id = ").push_bind(customer.0);
        }
        for (column, word) in [
            ("i.state", query.state.map(ImageState::code)),
            ("i.source", query.source.map(ImageSource::code)),
            ("i.architecture", query.architecture.map(Architecture::code)),
        ] {
            if let Some(word) = word {
                sql.push(" and ").push(column).push(" = ").push_bind(word);
            }
        }
        if let Some(listed) = query.listed {
            sql.push(" and i.listed = ").push_bind(listed);
        }
        search(sql, query.q.as_deref(), &["i.name", "i.address", "i.framework", "i.description", "i.remark"]);
    };
    let mut count = QueryBuilder::<Postgres>::new("select count(*) as total from images i");
    filters(&mut count);
    let total: i64 = count.build().fetch_one(&mut **tx).await?.try_get("total")?;
    let mut sql = QueryBuilder::<Postgres>::new("select i.id from images i");
    filters(&mut sql);
    sql.push(" order by ");
    for (sort, direction) in sort {
        sql.push(column(*sort));
        sql.push(if *direction == SortDirection::Desc { " desc nulls last, " } else { " asc nulls last, " });
    }
    sql.push("lower(i.name), i.id limit ").push_bind(i64::from(page_size));
    sql.push(" offset ").push_bind(i64::from(page - 1) * i64::from(page_size));
    let rows = sql.build().fetch_all(&mut **tx).await?;
    let ids = rows.iter().map(|row| row.try_get("id")).collect::<Result<Vec<i64>, _>>()?;
    Ok((views(tx, &ids, false).await?, total.unsigned_abs()))
}

/// What is listed, by name.
pub(super) async fn market(
    tx: &mut Tx,
    query: &MarketQuery,
    (page, page_size): (u32, u32),
) -> Result<(Vec<MarketImage>, u64)> {
    let filters = |sql: &mut QueryBuilder<Postgres>| {
        sql.push(" where i.listed and i.deleted_at is null");
        if let Some(architecture) = query.architecture {
            sql.push(" and i.architecture = ").push_bind(architecture.code());
        }
        if query.memory_split == Some(true) {
            sql.push(" and i.memory_split");
        }
        search(sql, query.q.as_deref(), &["i.name", "i.framework", "i.description"]);
    };
    let mut count = QueryBuilder::<Postgres>::new("select count(*) as total from images i");
    filters(&mut count);
    let total: i64 = count.build().fetch_one(&mut **tx).await?.try_get("total")?;
    let mut sql = QueryBuilder::<Postgres>::new("select i.id from images i");
    filters(&mut sql);
    sql.push(" order by lower(i.name), i.id limit ").push_bind(i64::from(page_size));
    sql.push(" offset ").push_bind(i64::from(page - 1) * i64::from(page_size));
    let rows = sql.build().fetch_all(&mut **tx).await?;
    let ids = rows.iter().map(|row| row.try_get("id")).collect::<Result<Vec<i64>, _>>()?;
    let images = views(tx, &ids, false).await?.into_iter().map(shown);
    Ok((images.collect(), total.unsigned_abs()))
}

/// These, in this order; with those that were deleted, or without.
async fn views(tx: &mut Tx, ids: &[i64], deleted: bool) -> Result<Vec<ImageView>> {
    let rows = sqlx::query!(
        "select i.id, i.customer_id, i.created_name, i.name, i.source, i.address,
                  i.file_id, i.description, i.framework, i.cuda_version, i.architecture, i.memory_split, i.state,
                  i.reason, i.reviewed_name, i.reviewed_at, i.listed, i.shared, i.digest, i.tags, i.size_bytes, i.remark,
                  i.revision, i.created_at, i.updated_at
           from images i join unnest($1::bigint[]) with ordinality as wanted (id, place) on wanted.id = i.id
           where $2 or i.deleted_at is null
           order by wanted.place",
        ids,
        deleted
    )
    .fetch_all(&mut **tx)
    .await?;
    let customers: Vec<i64> = rows.iter().filter_map(|row| row.customer_id).collect();
    let names = customers::names(tx, &customers).await?;
    let unknown = |what: &str, word: &str| Error::internal(format!("unknown {what} of an image {word}"));
    let views = rows.into_iter().map(|row| {
        Ok(ImageView {
            id: ImageId(row.id),
            name: row.name,
            source: ImageSource::parse(&row.source).ok_or_else(|| unknown("source", &row.source))?,
            address: row.address,
            file: row.file_id.map(FileId),
            customer: row.customer_id.map(CustomerId),
            customer_name: row.customer_id.and_then(|id| names.get(&id).cloned()),
            description: row.description,
            framework: row.framework,
            cuda_version: row.cuda_version,
            architecture: row.architecture.as_deref().and_then(Architecture::parse),
            memory_split: row.memory_split,
            state: ImageState::parse(&row.state).ok_or_else(|| unknown("state", &row.state))?,
            reason: row.reason,
            reviewed_by: row.reviewed_name,
            reviewed_at: row.reviewed_at,
            listed: row.listed,
            shared: row.shared,
            digest: row.digest,
            tags: row.tags,
            size: row.size_bytes.map(i64::unsigned_abs),
            remark: row.remark,
            revision: row.revision,
            created_by: row.created_name,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    });
    views.collect()
}

pub(super) async fn find(tx: &mut Tx, id: ImageId) -> Result<Option<ImageView>> {
    Ok(views(tx, &[id.0], false).await?.pop())
}

/// Also where it was deleted: what was made of it can be made of it again.
pub(super) async fn kept(tx: &mut Tx, id: ImageId) -> Result<Option<ImageView>> {
    Ok(views(tx, &[id.0], true).await?.pop())
}

/// A customer's archive that may have been brought to machines under the tags that it says.
pub(super) async fn may_have_taken_names(tx: &mut Tx, digest: &str) -> Result<bool> {
    let may = sqlx::query_scalar!(
        r#"select exists (select from images
                          where digest = $1 and took_names and customer_id is not null and tags <> '{}') as "may!""#,
        digest
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(may)
}

/// Nothing where there is none.
pub(super) async fn lock(tx: &mut Tx, id: ImageId) -> Result<Option<()>> {
    let row = sqlx::query_scalar!("select id from images where id = $1 and deleted_at is null for update", id.0)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.map(|_| ()))
}

/// The customer it belongs to, and who added it.
pub(super) async fn owners(tx: &mut Tx, id: ImageId) -> Result<Option<(Option<CustomerId>, Option<UserId>)>> {
    let row = sqlx::query!("select customer_id, created_by from images where id = $1 and deleted_at is null", id.0)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.map(|row| (row.customer_id.map(CustomerId), row.created_by.map(UserId))))
}

/// Which of these are there, of those that the transaction's caller may find.
pub(super) async fn there(tx: &mut Tx, ids: &[i64]) -> Result<Vec<i64>> {
    Ok(sqlx::query_scalar!("select id from images where id = any($1) and deleted_at is null", ids)
        .fetch_all(&mut **tx)
        .await?)
}

/// Those that nobody can use before. What an instance was saved as is looked at by who wants to list it.
pub(super) async fn waiting(tx: &mut Tx) -> Result<u64> {
    let waiting = sqlx::query_scalar!(
        r#"select count(*) as "waiting!" from images
           where state = 'pending_review' and deleted_at is null and source <> 'instance'"#
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(waiting.unsigned_abs())
}

/// An image is made of it, or was, and its archive is kept.
pub(super) async fn is_used(tx: &mut Tx, file: FileId) -> Result<bool> {
    let used = sqlx::query_scalar!(r#"select exists (select from images where file_id = $1) as "used!""#, file.0)
        .fetch_one(&mut **tx)
        .await?;
    Ok(used)
}

/// Archives of images that were deleted, of this one or of all, with what was decided of them. Nobody makes an instance of one
/// until the transaction ends.
pub(super) async fn deleted_archives(
    tx: &mut Tx,
    image: Option<ImageId>,
) -> Result<Vec<(ImageId, FileId, ImageState)>> {
    let rows = sqlx::query!(
        r#"select id, file_id as "file_id!", state from images
           where deleted_at is not null and file_id is not null and ($1::bigint is null or id = $1)
           order by id for update"#,
        image.map(|id| id.0)
    )
    .fetch_all(&mut **tx)
    .await?;
    let unknown = |word: &str| Error::internal(format!("unknown state of an image {word}"));
    let archive = rows.into_iter().map(|row| {
        let state = ImageState::parse(&row.state).ok_or_else(|| unknown(&row.state))?;
        Ok((ImageId(row.id), FileId(row.file_id), state))
    });
    archive.collect()
}

/// Of one that was deleted.
pub(super) async fn forget_archive(tx: &mut Tx, image: ImageId) -> Result<()> {
    sqlx::query!("update images set file_id = null where id = $1 and deleted_at is not null", image.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Archives uploaded before this that no image is made of, at most a hundred.
pub(super) async fn unused_archives(tx: &mut Tx, before: DateTime<Utc>) -> Result<Vec<FileId>> {
    let files = sqlx::query_scalar!(
        "select f.id from files f
         where f.purpose = 'image' and f.created_at < $1
           and not exists (select from images i where i.file_id = f.id)
         order by f.id limit 100 for update skip locked",
        before
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(files.into_iter().map(FileId).collect())
}

pub(super) async fn insert_registry(
    tx: &mut Tx,
    _granted: &Granted<CreateImage>,
    ctx: &OpContext,
    new: &Checked,
) -> Result<ImageId> {
    let id = sqlx::query_scalar!(
        "insert into images (created_by, created_name, name, source, address, description, framework, cuda_version,
                             architecture, memory_split, state, remark, created_at)
         values ($1, $2, $3, 'registry', $4, $5, $6, $7, $8, $9, 'approved', $10, $11) returning id",
        ctx.user().map(|user| user.id.0),
        ctx.user().map_or("", |user| user.name.as_str()),
        new.name,
        new.address,
        new.description,
        new.framework,
        new.cuda_version,
        new.architecture,
        new.memory_split,
        new.remark,
        ctx.now()
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(ImageId(id))
}

pub(super) async fn insert_upload(
    tx: &mut Tx,
    _granted: &impl MayUpload,
    ctx: &OpContext,
    customer: Option<CustomerId>,
    new: &NewUpload,
) -> Result<ImageId> {
    let id = sqlx::query_scalar!(
        "insert into images (customer_id, created_by, created_name, name, source, file_id, description, framework,
                             cuda_version, architecture, memory_split, state, digest, tags, size_bytes, remark,
                             created_at, took_names)
         values ($1, $2, $3, $4, 'upload', $5, $6, $7, $8, $9, $10, 'pending_review', $11, $12, $13, $14, $15, false)
         returning id",
        customer.map(|id| id.0),
        ctx.user().map(|user| user.id.0),
        ctx.user().map_or("", |user| user.name.as_str()),
        new.said.name,
        new.file.0,
        new.said.description,
        new.said.framework,
        new.said.cuda_version,
        new.said.architecture,
        new.said.memory_split,
        new.facts.digest,
        &new.facts.tags,
        i64::try_from(new.size).map_err(Error::internal)?,
        new.said.remark,
        ctx.now()
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(ImageId(id))
}

/// Of an instance, which had this image itself.
pub(super) async fn insert_saved(
    tx: &mut Tx,
    ctx: &OpContext,
    saved: &Saved,
    (file, size): (FileId, u64),
    facts: &ArchiveFacts,
) -> Result<ImageId> {
    let id = sqlx::query_scalar!(
        "insert into images (customer_id, created_by, created_name, name, source, file_id, description, framework,
                             cuda_version, architecture, memory_split, state, digest, tags, size_bytes, remark,
                             created_at, took_names, shared)
         select $1, $2, $3, $4, 'instance', $5, $6, base.framework, coalesce($7, base.cuda_version), $8,
                base.memory_split, 'pending_review', $9, $10, $11, $12, $13, false, false
         from images base where base.id = $14
         returning id",
        saved.customer.0,
        saved.person.0,
        saved.person_name,
        saved.name,
        file.0,
        saved.description,
        facts.cuda_version,
        facts.architecture.code(),
        facts.digest,
        &facts.tags,
        i64::try_from(size).map_err(Error::internal)?,
        saved.remark,
        ctx.now(),
        saved.base.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(ImageId(id))
}

/// Somebody of the platform rejected it, also where it was deleted since.
pub(super) async fn is_rejected(tx: &mut Tx, id: ImageId) -> Result<bool> {
    let rejected = sqlx::query_scalar!(r#"select state = 'rejected' as "rejected!" from images where id = $1"#, id.0)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(rejected == Some(true))
}

/// All people of a customer find one of this name, or this one of them made one; whatever `except` is called.
pub(super) async fn has_name(
    tx: &mut Tx,
    (customer, maker): (CustomerId, Option<UserId>),
    name: &str,
    except: Option<ImageId>,
) -> Result<bool> {
    let has = sqlx::query_scalar!(
        r#"select exists (select from images
                          where customer_id = $1 and lower(name) = lower($3) and deleted_at is null
                            and (shared or created_by = $2::bigint) and id is distinct from $4::bigint) as "has!""#,
        customer.0,
        maker.map(|id| id.0),
        name,
        except.map(|id| id.0)
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(has)
}

pub(super) async fn update(tx: &mut Tx, granted: &impl MayChange, change: &Checked) -> Result<()> {
    sqlx::query!(
        "update images set name = $2, address = $3, description = $4, framework = $5, cuda_version = $6,
                           architecture = $7, memory_split = $8, remark = $9, revision = revision + 1
         where id = $1",
        granted.image().0,
        change.name,
        change.address,
        change.description,
        change.framework,
        change.cuda_version,
        change.architecture,
        change.memory_split,
        change.remark
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What was approved is no longer what is there.
pub(super) async fn back_to_review(tx: &mut Tx, granted: &impl MayChange) -> Result<()> {
    sqlx::query!(
        "update images set state = 'pending_review', reviewed_name = null, reviewed_at = null where id = $1",
        granted.image().0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether its customer's people find it, or who made it and the owners alone.
pub(super) async fn set_shared(tx: &mut Tx, granted: &Granted<ManageOwnImage>, shared: bool) -> Result<()> {
    sqlx::query!("update images set shared = $2, revision = revision + 1 where id = $1", granted.id().0, shared)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn set_listed(tx: &mut Tx, granted: &Granted<ManageImage>, listed: bool) -> Result<()> {
    sqlx::query!("update images set listed = $2, revision = revision + 1 where id = $1", granted.id().0, listed)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What was rejected is not listed, and brought nowhere.
pub(super) async fn decide(
    tx: &mut Tx,
    granted: &Granted<ReviewImage>,
    ctx: &OpContext,
    state: ImageState,
    reason: Option<&str>,
) -> Result<()> {
    sqlx::query!(
        "update images set state = $2, reason = $3, reviewed_name = $4, reviewed_at = $5,
                           listed = listed and $2 = 'approved', revision = revision + 1
         where id = $1",
        granted.id().0,
        state.code(),
        reason,
        ctx.user().map(|user| user.name.as_str()),
        ctx.now()
    )
    .execute(&mut **tx)
    .await?;
    cancel_unusable(tx, Some(granted.id())).await
}

/// Customers see no copies: what is on its way of theirs, the job itself stops.
pub(super) async fn delete(tx: &mut Tx, granted: &impl MayChange, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update images set deleted_at = $2, listed = false, revision = revision + 1 where id = $1",
        granted.image().0,
        now
    )
    .execute(&mut **tx)
    .await?;
    cancel_unusable(tx, Some(granted.image())).await
}

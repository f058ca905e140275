//! SQL of specs and their prices.

use chrono::{DateTime, Utc};
use contract::specs::{GpuUse, SpecQuery, SpecSort, SpecView};
use contract::{SortDirection, SpecId, SpecPriceId};
use rust_decimal::Decimal;
use sqlx::{Postgres, QueryBuilder, Row as _};

use super::Checked;
use crate::authz::{CreateSpec, Granted, ManageSpec};
use crate::db::{Tx, contains};
use crate::{Error, OpContext, Result};

/// A price as it is kept.
pub(super) struct PriceRow {
    pub id: SpecPriceId,
    pub price: Decimal,
    pub starts_at: DateTime<Utc>,
    pub created_name: String,
    pub created_at: DateTime<Utc>,
}

fn unsigned(number: i32) -> Result<u32> {
    u32::try_from(number).map_err(Error::internal)
}

fn column(sort: SpecSort) -> &'static str {
    match sort {
        SpecSort::Name => "lower(s.name)",
        SpecSort::GpuModel => "lower(s.gpu_model)",
        SpecSort::GpuCount => "s.gpu_count",
        SpecSort::GpuMemory => "s.gpu_memory_gb",
        SpecSort::Cpu => "s.cpu_cores",
        SpecSort::Memory => "s.memory_gb",
        SpecSort::Price => "p.price_per_hour",
        SpecSort::Listed => "s.listed",
        SpecSort::Created => "s.created_at",
    }
}

/// A page in the order asked for, over an enum of columns, so that no text from outside becomes SQL.
pub(super) async fn list(
    tx: &mut Tx,
    query: &SpecQuery,
    sort: &[(SpecSort, SortDirection)],
    (page, page_size): (u32, u32),
    currency: &str,
    now: DateTime<Utc>,
) -> Result<(Vec<SpecView>, u64)> {
    let pattern = query.q.as_deref().and_then(contains);
    let filters = |sql: &mut QueryBuilder<Postgres>| {
        sql.push(" where s.deleted_at is null");
        if let Some(listed) = query.listed {
            sql.push(" and s.listed = ").push_bind(listed);
        }
        if let Some(model) = query.gpu_model.clone().filter(|model| !model.is_empty()) {
            sql.push(" and s.gpu_model = ").push_bind(model);
        }
        if let Some(pattern) = &pattern {
            for (i, column) in ["s.name", "s.gpu_model", "s.remark"].into_iter().enumerate() {
                sql.push(if i == 0 { " and (" } else { " or " })
                    .push(column)
                    .push(" ilike ")
                    .push_bind(pattern.clone());
            }
            sql.push(")");
        }
    };
    let mut count = QueryBuilder::<Postgres>::new("select count(*) as total from specs s");
    filters(&mut count);
    let total: i64 = count.build().fetch_one(&mut **tx).await?.try_get("total")?;
    let mut sql = QueryBuilder::<Postgres>::new(
        "select s.id from specs s left join lateral (
           select price_per_hour from spec_prices where spec_id = s.id and starts_at <= ",
    );
    sql.push_bind(now).push(" order by starts_at desc, id desc limit 1) p on true");
    filters(&mut sql);
    sql.push(" order by ");
    for (sort, direction) in sort {
        sql.push(column(*sort));
        sql.push(if *direction == SortDirection::Desc { " desc nulls last, " } else { " asc nulls last, " });
    }
    sql.push("lower(s.name), s.id limit ").push_bind(i64::from(page_size));
    sql.push(" offset ").push_bind(i64::from(page - 1) * i64::from(page_size));
    let rows = sql.build().fetch_all(&mut **tx).await?;
    let ids = rows.iter().map(|row| row.try_get("id")).collect::<Result<Vec<i64>, _>>()?;
    Ok((views(tx, &ids, currency, now).await?, total.unsigned_abs()))
}

/// These, in this order, with the price of `now`.
async fn views(tx: &mut Tx, ids: &[i64], currency: &str, now: DateTime<Utc>) -> Result<Vec<SpecView>> {
    let rows = sqlx::query!(
        r#"select s.id, s.name, s.gpu_model, s.gpu_count, s.gpu_memory_gb, s.gpu_use, s.cpu_cores, s.memory_gb,
                  s.system_disk_gb, s.data_disk_gb, s.listed, s.remark, s.revision, s.created_at, s.updated_at,
                  (select price_per_hour from spec_prices where spec_id = s.id and starts_at <= $2
                   order by starts_at desc, id desc limit 1) as "price?"
           from specs s join unnest($1::bigint[]) with ordinality as wanted (id, place) on wanted.id = s.id
           where s.deleted_at is null
           order by wanted.place"#,
        ids,
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    let views = rows.into_iter().map(|row| {
        Ok(SpecView {
            id: SpecId(row.id),
            name: row.name,
            gpu_model: row.gpu_model,
            gpu_count: unsigned(row.gpu_count)?,
            gpu_memory_gb: row.gpu_memory_gb.map(unsigned).transpose()?,
            gpu_use: GpuUse::parse(&row.gpu_use)
                .ok_or_else(|| Error::internal(format!("unknown use of GPUs {}", row.gpu_use)))?,
            cpu_cores: unsigned(row.cpu_cores)?,
            memory_gb: unsigned(row.memory_gb)?,
            system_disk_gb: unsigned(row.system_disk_gb)?,
            data_disk_gb: unsigned(row.data_disk_gb)?,
            listed: row.listed,
            price_per_hour: row.price.map(|price| price.normalize().to_string()),
            currency: currency.to_owned(),
            remark: row.remark,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    });
    views.collect()
}

pub(super) async fn find(tx: &mut Tx, id: SpecId, currency: &str, now: DateTime<Utc>) -> Result<Option<SpecView>> {
    Ok(views(tx, &[id.0], currency, now).await?.pop())
}

/// Listed ones, at most a thousand.
pub(super) async fn offered(tx: &mut Tx, currency: &str, now: DateTime<Utc>) -> Result<Vec<SpecView>> {
    let ids = sqlx::query_scalar!(
        "select id from specs where listed and deleted_at is null order by lower(name), id limit 1000"
    )
    .fetch_all(&mut **tx)
    .await?;
    views(tx, &ids, currency, now).await
}

/// Nothing where there is none.
pub(super) async fn lock(tx: &mut Tx, id: SpecId) -> Result<Option<()>> {
    let row = sqlx::query_scalar!("select id from specs where id = $1 and deleted_at is null for update", id.0)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.map(|_| ()))
}

pub(super) async fn models(tx: &mut Tx) -> Result<Vec<String>> {
    let models = sqlx::query_scalar!(
        r#"select distinct gpu_model as "model!" from specs
           where deleted_at is null and gpu_model is not null order by 1"#
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(models)
}

fn signed(number: u32) -> Result<i32> {
    i32::try_from(number).map_err(Error::internal)
}

pub(super) async fn insert(
    tx: &mut Tx,
    _granted: &Granted<CreateSpec>,
    new: &Checked,
    now: DateTime<Utc>,
) -> Result<SpecId> {
    let id = sqlx::query_scalar!(
        "insert into specs (name, gpu_model, gpu_count, gpu_memory_gb, gpu_use, cpu_cores, memory_gb, system_disk_gb,
                            data_disk_gb, remark, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id",
        new.name,
        new.gpu_model,
        signed(new.rest.gpu_count)?,
        new.gpu_memory_gb.map(signed).transpose()?,
        new.gpu_use.code(),
        signed(new.rest.cpu_cores)?,
        signed(new.rest.memory_gb)?,
        signed(new.rest.system_disk_gb)?,
        signed(new.rest.data_disk_gb)?,
        new.remark,
        now
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(SpecId(id))
}

pub(super) async fn update(tx: &mut Tx, granted: &Granted<ManageSpec>, change: &Checked) -> Result<()> {
    sqlx::query!(
        "update specs set name = $2, gpu_model = $3, gpu_count = $4, gpu_memory_gb = $5, gpu_use = $6, cpu_cores = $7,
                          memory_gb = $8, system_disk_gb = $9, data_disk_gb = $10, remark = $11,
                          revision = revision + 1
         where id = $1",
        granted.id().0,
        change.name,
        change.gpu_model,
        signed(change.rest.gpu_count)?,
        change.gpu_memory_gb.map(signed).transpose()?,
        change.gpu_use.code(),
        signed(change.rest.cpu_cores)?,
        signed(change.rest.memory_gb)?,
        signed(change.rest.system_disk_gb)?,
        signed(change.rest.data_disk_gb)?,
        change.remark
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn set_listed(tx: &mut Tx, granted: &Granted<ManageSpec>, listed: bool) -> Result<()> {
    sqlx::query!("update specs set listed = $2, revision = revision + 1 where id = $1", granted.id().0, listed)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, granted: &Granted<ManageSpec>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update specs set deleted_at = $2, listed = false, revision = revision + 1 where id = $1",
        granted.id().0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The latest start first, and of one start the latest that was set.
pub(super) async fn prices(tx: &mut Tx, spec: SpecId) -> Result<Vec<PriceRow>> {
    let rows = sqlx::query!(
        "select id, price_per_hour, starts_at, created_name, created_at from spec_prices where spec_id = $1
         order by starts_at desc, id desc",
        spec.0
    )
    .fetch_all(&mut **tx)
    .await?;
    let row = rows.into_iter().map(|row| PriceRow {
        id: SpecPriceId(row.id),
        price: row.price_per_hour,
        starts_at: row.starts_at,
        created_name: row.created_name,
        created_at: row.created_at,
    });
    Ok(row.collect())
}

pub(super) async fn insert_price(
    tx: &mut Tx,
    granted: &Granted<ManageSpec>,
    price: Decimal,
    starts_at: DateTime<Utc>,
    ctx: &OpContext,
) -> Result<()> {
    sqlx::query!(
        "insert into spec_prices (spec_id, price_per_hour, starts_at, created_by, created_name, created_at)
         values ($1, $2, $3, $4, $5, $6)",
        granted.id().0,
        price,
        starts_at,
        ctx.user().map(|user| user.id.0),
        ctx.user().map_or("", |user| user.name.as_str()),
        ctx.now()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

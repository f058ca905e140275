//! The machine list: filters, order and page over an enum of columns, so that no text from outside becomes SQL.

use chrono::{DateTime, TimeDelta, Utc};
use contract::machines::{
    GpuView, MachineQuery, MachineRow, MachineSort, OFFLINE_AFTER_SECONDS, Presence, models_in_words, presence,
};
use contract::{MachineId, SortDirection};
use sqlx::{Postgres, QueryBuilder, Row};

use super::{json, pool, service_state};
use crate::Result;
use crate::authz::Scope;
use crate::db::{Tx, contains};

/// What is looked for, with what other slices say of it.
pub(in crate::machines) struct Wanted<'a> {
    pub query: &'a MachineQuery,
    /// Only these, or only others.
    pub among: Option<(Vec<i64>, bool)>,
    /// Machines that somebody has, with the place of who has them among all customers: where the order needs it.
    pub places: Option<Vec<(i64, i64)>>,
}

const COLUMNS: &str = "select m.id, m.code, m.name, m.region, m.private_address, m.pool, m.monitored, m.listed, \
    m.service_state, m.service_note, m.last_seen_at, m.declared, m.discovered, m.created_at, g.count, g.lost, \
    count(*) over () as total";

const IDS: &str = "select m.id, m.code";

const COUNT: &str = "select count(*) as total";

/// These columns of the machines that are wanted.
fn narrowed(columns: &str, scope: Scope, wanted: &Wanted<'_>, now: DateTime<Utc>) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::<Postgres>::new(columns);
    sql.push(
        " from machines m left join lateral (select min(model) as model, string_agg(distinct model, ' ') as models, \
         count(*) as count, count(*) filter (where lost) as lost from gpus \
         where machine_id = m.id and removed_at is null) g on true",
    );
    if let Some(places) = &wanted.places {
        let (machines, places): (Vec<i64>, Vec<i64>) = places.iter().copied().unzip();
        sql.push(" left join unnest(").push_bind(machines).push(", ").push_bind(places);
        sql.push(") as held (machine, place) on held.machine = m.id");
    }
    sql.push(" where m.deleted_at is null");
    if scope != Scope::All {
        // Customers reach machines through allocations; until there are any, there is nothing to show them.
        sql.push(" and false");
    }
    filters(&mut sql, wanted, now);
    sql
}

/// By the columns asked for, and then by code, so that no order is left to chance.
fn order(sql: &mut QueryBuilder<Postgres>, sort: &[(MachineSort, SortDirection)]) {
    sql.push(" order by ");
    for (sort, direction) in sort {
        sql.push(column(*sort));
        sql.push(if *direction == SortDirection::Desc { " desc nulls last, " } else { " asc nulls last, " });
    }
    sql.push("m.code");
}

fn column(sort: MachineSort) -> &'static str {
    match sort {
        MachineSort::Code => "m.code",
        MachineSort::Name => "lower(m.name)",
        MachineSort::Region => "m.region",
        MachineSort::GpuModel => "coalesce(g.model, m.declared->>'gpuModel')",
        MachineSort::GpuCount => "coalesce(nullif(g.count, 0), (m.declared->>'gpuCount')::bigint)",
        MachineSort::Customer => "held.place",
        MachineSort::LastSeen => "m.last_seen_at",
        MachineSort::Created => "m.created_at",
    }
}

pub(in crate::machines) async fn list(
    tx: &mut Tx,
    scope: Scope,
    wanted: &Wanted<'_>,
    sort: &[(MachineSort, SortDirection)],
    page: u32,
    page_size: u32,
    now: DateTime<Utc>,
) -> Result<(Vec<(MachineId, MachineRow)>, u64)> {
    let mut sql = narrowed(COLUMNS, scope, wanted, now);
    order(&mut sql, sort);
    sql.push(" limit ").push_bind(i64::from(page_size));
    sql.push(" offset ").push_bind(i64::from(page - 1) * i64::from(page_size));
    let rows = sql.build().fetch_all(&mut **tx).await?;
    let total: i64 = match rows.first() {
        Some(row) => row.try_get("total")?,
        None if page > 1 => count(tx, scope, wanted, now).await?,
        None => 0,
    };
    let ids = rows.iter().map(|row| row.try_get("id")).collect::<Result<Vec<i64>, _>>()?;
    let mut gpus = super::gpus(tx, &ids).await?;
    let list = rows
        .iter()
        .zip(ids)
        .map(|(row, id)| Ok((MachineId(id), read(row, &gpus.remove(&id).unwrap_or_default(), now)?)))
        .collect::<Result<Vec<_>>>()?;
    Ok((list, total.unsigned_abs()))
}

/// The first codes of these filters, and how many there are.
pub(in crate::machines) async fn codes_matching(
    tx: &mut Tx,
    scope: Scope,
    wanted: &Wanted<'_>,
    most: usize,
    now: DateTime<Utc>,
) -> Result<(Vec<String>, u64)> {
    let mut sql = narrowed(IDS, scope, wanted, now);
    sql.push(" order by m.code limit ").push_bind(i64::try_from(most).unwrap_or(i64::MAX));
    let rows = sql.build().fetch_all(&mut **tx).await?;
    let codes = rows.iter().map(|row| row.try_get("code")).collect::<Result<Vec<String>, _>>()?;
    let total =
        if codes.len() < most { codes.len() as u64 } else { count(tx, scope, wanted, now).await?.unsigned_abs() };
    Ok((codes, total))
}

/// Every machine of these filters, in this order: for what goes through all of them.
pub(in crate::machines) async fn ids_in_order(
    tx: &mut Tx,
    scope: Scope,
    wanted: &Wanted<'_>,
    sort: &[(MachineSort, SortDirection)],
    now: DateTime<Utc>,
) -> Result<Vec<i64>> {
    let mut sql = narrowed(IDS, scope, wanted, now);
    order(&mut sql, sort);
    let rows = sql.build().fetch_all(&mut **tx).await?;
    Ok(rows.iter().map(|row| row.try_get("id")).collect::<Result<_, _>>()?)
}

pub(in crate::machines) async fn page_of_names(
    tx: &mut Tx,
    q: Option<&str>,
    page: u32,
    page_size: u32,
) -> Result<(Vec<(MachineId, String, String)>, u64)> {
    let pattern = q.and_then(contains);
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from machines
           where deleted_at is null and ($1::text is null or code ilike $1 or name ilike $1)"#,
        pattern
    )
    .fetch_one(&mut **tx)
    .await?;
    let rows = sqlx::query!(
        "select id, code, name from machines
         where deleted_at is null and ($1::text is null or code ilike $1 or name ilike $1)
         order by code limit $2 offset $3",
        pattern,
        i64::from(page_size),
        i64::from(page - 1) * i64::from(page_size)
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok((rows.into_iter().map(|row| (MachineId(row.id), row.code, row.name)).collect(), total.unsigned_abs()))
}

/// The total for a page beyond the end, which has no row to carry it.
async fn count(tx: &mut Tx, scope: Scope, wanted: &Wanted<'_>, now: DateTime<Utc>) -> Result<i64> {
    let mut sql = narrowed(COUNT, scope, wanted, now);
    Ok(sql.build().fetch_one(&mut **tx).await?.try_get("total")?)
}

fn filters(sql: &mut QueryBuilder<Postgres>, wanted: &Wanted<'_>, now: DateTime<Utc>) {
    let query = wanted.query;
    if let Some((ids, among)) = &wanted.among {
        sql.push(if *among { " and m.id = any(" } else { " and not m.id = any(" }).push_bind(ids.clone()).push(")");
    }
    if let Some(pattern) = query.q.as_deref().and_then(contains) {
        sql.push(" and (");
        for (i, column) in [
            "m.code",
            "m.name",
            "m.region",
            "m.public_address",
            "m.private_address",
            "g.models",
            "m.declared->>'gpuModel'",
        ]
        .into_iter()
        .enumerate()
        {
            sql.push(if i == 0 { "" } else { " or " }).push(column).push(" ilike ").push_bind(pattern.clone());
        }
        sql.push(")");
    }
    if let Some(region) = query.region.as_deref().filter(|r| !r.is_empty()) {
        sql.push(" and m.region = ").push_bind(region.to_owned());
    }
    if let Some(pool) = query.pool {
        sql.push(" and m.pool = ").push_bind(pool.code());
    }
    if let Some(state) = query.service_state {
        sql.push(" and m.service_state = ").push_bind(state.code());
    }
    if let Some(listed) = query.listed {
        sql.push(" and m.listed = ").push_bind(listed);
    }
    if let Some(monitored) = query.monitored {
        sql.push(" and m.monitored = ").push_bind(monitored);
    }
    if let Some(model) = query.gpu_model.as_deref().filter(|m| !m.is_empty()) {
        // Any of those that were found; what was typed counts where none was.
        sql.push(" and (exists (select 1 from gpus where machine_id = m.id and removed_at is null and model = ");
        sql.push_bind(model.to_owned()).push(") or (g.count = 0 and m.declared->>'gpuModel' = ");
        sql.push_bind(model.to_owned()).push("))");
    }
    let limit = now - TimeDelta::seconds(OFFLINE_AFTER_SECONDS);
    match query.presence {
        None => {}
        // Where nobody listens, silence means nothing.
        Some(Presence::NeverSeen) => {
            sql.push(" and m.last_seen_at is null");
        }
        Some(Presence::Online) => {
            sql.push(" and m.monitored and m.last_seen_at > ").push_bind(limit);
        }
        Some(Presence::Offline) => {
            sql.push(" and m.monitored and m.last_seen_at <= ").push_bind(limit);
        }
    }
}

fn read(row: &sqlx::postgres::PgRow, gpus: &[GpuView], now: DateTime<Utc>) -> Result<MachineRow> {
    let declared: contract::machines::DeclaredHardware = json(row.try_get("declared")?)?;
    let discovered: Option<contract::machines::DiscoveredHardware> =
        row.try_get::<Option<serde_json::Value>, _>("discovered")?.map(json).transpose()?;
    let last_seen_at: Option<DateTime<Utc>> = row.try_get("last_seen_at")?;
    let count: i64 = row.try_get("count")?;
    let lost: i64 = row.try_get("lost")?;
    let differences =
        discovered.as_ref().map_or(0, |found| crate::machines::differences(&declared, found, gpus).len() as u32);
    Ok(MachineRow {
        id: row.try_get("code")?,
        name: row.try_get("name")?,
        region: row.try_get("region")?,
        private_address: row.try_get("private_address")?,
        pool: pool(row.try_get("pool")?)?,
        monitored: row.try_get("monitored")?,
        listed: row.try_get("listed")?,
        service_state: service_state(row.try_get("service_state")?)?,
        service_note: row.try_get("service_note")?,
        holder: None,
        next: None,
        presence: presence(last_seen_at, now),
        last_seen_at,
        gpu_model: models_in_words(gpus.iter().map(|gpu| gpu.model.as_str())).or(declared.gpu_model),
        gpu_count: if count > 0 { Some(count as u32) } else { declared.gpu_count },
        gpus_lost: lost as u32,
        cpu_cores: discovered.as_ref().and_then(|d| d.cpu_cores.or(d.cpu_threads)).or(declared.cpu_cores),
        memory_bytes: discovered
            .as_ref()
            .and_then(|d| d.memory_bytes)
            // Memory is sold in GB of 2^30 bytes, and what was typed reads back as it was typed.
            .or(declared.memory_gb.map(|gb| u64::from(gb) << 30)),
        differences,
        created_at: row.try_get("created_at")?,
    })
}

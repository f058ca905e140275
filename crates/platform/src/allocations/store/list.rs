//! The allocation list: filters, order and page over an enum of columns, so that no text from outside becomes SQL.

use chrono::{DateTime, TimeDelta, Utc};
use contract::allocations::{AllocationQuery, AllocationSort};
use contract::{CustomerId, MachineId, SortDirection};
use sqlx::{Postgres, QueryBuilder, Row as _};

use super::Row;
use crate::Result;
use crate::authz::Scope;
use crate::db::Tx;

/// Ids whose machine or customer matches a search.
pub(in crate::allocations) struct Search {
    pub machines: Vec<i64>,
    pub customers: Vec<i64>,
}

/// Which allocations.
pub(in crate::allocations) struct Filter<'a> {
    pub scope: Scope,
    pub query: &'a AllocationQuery,
    pub machine: Option<MachineId>,
    pub search: Option<Search>,
    /// Only those that are not over.
    pub holding: bool,
    pub now: DateTime<Utc>,
}

/// In which order; without columns as they end. The ids of machines and customers by their names, where those decide.
#[derive(Default)]
pub(in crate::allocations) struct Order {
    pub columns: Vec<(AllocationSort, SortDirection)>,
    pub machines: Vec<i64>,
    pub customers: Vec<i64>,
}

fn column(sort: AllocationSort) -> &'static str {
    match sort {
        AllocationSort::Machine => "machine_order.place",
        AllocationSort::Customer => "customer_order.place",
        // As an allocation lives, not by the alphabet.
        AllocationSort::State => {
            "array_position(array['scheduled', 'active', 'grace', 'reclaiming', 'ended', 'cancelled'], a.state)"
        }
        AllocationSort::Starts => "a.starts_at",
        AllocationSort::Ends => "a.ends_at",
        AllocationSort::Created => "a.created_at",
    }
}

/// A page of them, and how many there are.
pub(in crate::allocations) async fn list(
    tx: &mut Tx,
    filter: &Filter<'_>,
    order: &Order,
    page: u32,
    page_size: u32,
) -> Result<(Vec<Row>, u64)> {
    let mut sql = QueryBuilder::<Postgres>::new("select a.id, count(*) over () as total from allocations a");
    for (name, key, ids) in
        [("machine_order", "machine_id", &order.machines), ("customer_order", "customer_id", &order.customers)]
    {
        if !ids.is_empty() {
            sql.push(" left join unnest(").push_bind(ids).push(") with ordinality as ").push(name);
            sql.push(" (id, place) on ").push(name).push(".id = a.").push(key);
        }
    }
    filters(&mut sql, filter);
    sql.push(" order by ");
    let known = order.columns.iter().filter(|(sort, _)| match sort {
        AllocationSort::Machine => !order.machines.is_empty(),
        AllocationSort::Customer => !order.customers.is_empty(),
        _ => true,
    });
    for (sort, direction) in known {
        sql.push(column(*sort));
        sql.push(if *direction == SortDirection::Desc { " desc nulls last, " } else { " asc nulls last, " });
    }
    sql.push("a.ended_at is not null, case when a.ended_at is null then a.ends_at end, a.ended_at desc, a.id limit ");
    sql.push_bind(i64::from(page_size)).push(" offset ").push_bind(i64::from(page - 1) * i64::from(page_size));
    let rows = sql.build().fetch_all(&mut **tx).await?;
    let total: i64 = match rows.first() {
        Some(row) => row.try_get("total")?,
        // A page beyond the end has no row to carry it.
        None if page > 1 => count(tx, filter).await?,
        None => 0,
    };
    let ids = rows.iter().map(|row| row.try_get("id")).collect::<Result<Vec<i64>, _>>()?;
    Ok((super::get_all(tx, &ids).await?, total.unsigned_abs()))
}

async fn count(tx: &mut Tx, filter: &Filter<'_>) -> Result<i64> {
    let mut sql = QueryBuilder::<Postgres>::new("select count(*) as total from allocations a");
    filters(&mut sql, filter);
    Ok(sql.build().fetch_one(&mut **tx).await?.try_get("total")?)
}

fn filters(sql: &mut QueryBuilder<Postgres>, filter: &Filter<'_>) {
    let query = filter.query;
    match filter.scope {
        Scope::All => sql.push(" where true"),
        Scope::Customer(customer) => sql.push(" where a.customer_id = ").push_bind(customer.0),
        Scope::Own(_) => sql.push(" where false"),
    };
    if let Some(customer) = query.customer_id {
        sql.push(" and a.customer_id = ").push_bind(customer.0);
    }
    if let Some(machine) = filter.machine {
        sql.push(" and a.machine_id = ").push_bind(machine.0);
    }
    if let Some(state) = query.state {
        sql.push(" and a.state = ").push_bind(state.code());
    }
    if let Some(days) = query.days {
        // No calendar reaches as far as the number may; nothing is lent for a century.
        let until = filter.now + TimeDelta::days(i64::from(days.min(36_500)));
        sql.push(" and a.state in ('active', 'grace') and a.ends_at <= ").push_bind(until);
    }
    if filter.holding {
        sql.push(" and a.ended_at is null");
    }
    if let Some(search) = &filter.search {
        sql.push(" and (a.machine_id = any(").push_bind(search.machines.clone());
        sql.push(") or a.customer_id = any(").push_bind(search.customers.clone()).push("))");
    }
}

/// What a customer holds: allocation, machine, and whether its people were reminded of its end, or it has come; those that end
/// first before the others.
pub(in crate::allocations) async fn held_of(tx: &mut Tx, customer: CustomerId) -> Result<Vec<(i64, i64, bool)>> {
    let rows = sqlx::query!(
        r#"select id, machine_id, (state = 'grace' or (state = 'active' and reminded_days is not null)) as "ends!"
           from allocations
           where customer_id = $1 and state in ('scheduled', 'active', 'grace', 'reclaiming')
           order by ends_at, id limit 10000"#,
        customer.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.machine_id, row.ends)).collect())
}

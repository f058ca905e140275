//! Lists of instances: filters, order and page over an enum of columns, so that no text from outside becomes SQL.

use contract::instances::{InstanceQuery, InstanceSort};
use contract::{CustomerId, MachineId, SortDirection, UserId};
use sqlx::{Postgres, QueryBuilder, Row as _};

use super::{Row, rows};
use crate::Result;
use crate::db::{Tx, contains};

fn column(sort: InstanceSort) -> &'static str {
    match sort {
        InstanceSort::Name => "lower(i.name)",
        InstanceSort::State => "i.state",
        InstanceSort::Machine => "i.machine_code",
        InstanceSort::Created => "i.created_at",
        InstanceSort::Started => "i.started_at",
    }
}

/// A page; of one customer, or of one person, when they are named.
pub(in crate::instances) async fn list(
    tx: &mut Tx,
    (customer, person): (Option<CustomerId>, Option<UserId>),
    query: &InstanceQuery,
    sort: &[(InstanceSort, SortDirection)],
    (page, page_size): (u32, u32),
) -> Result<(Vec<Row>, u64)> {
    let pattern = query.q.as_deref().and_then(contains);
    let filters = |sql: &mut QueryBuilder<Postgres>| {
        sql.push(" where true");
        if let Some(customer) = customer {
            sql.push(" and i.customer_id = ").push_bind(customer.0);
        }
        if let Some(person) = person {
            sql.push(" and i.created_by = ").push_bind(person.0);
        }
        match query.state {
            Some(state) => {
                sql.push(" and i.state = ").push_bind(state.code());
            }
            None if query.deleted != Some(true) => {
                sql.push(" and i.deleted_at is null");
            }
            None => {}
        }
        if let Some(machine) = query.machine.clone().filter(|code| !code.is_empty()) {
            sql.push(" and i.machine_code = ").push_bind(machine);
        }
        if let Some(pattern) = &pattern {
            for (n, column) in ["i.name", "i.image_name", "i.spec->>'name'", "i.machine_code", "i.machine_name"]
                .into_iter()
                .enumerate()
            {
                sql.push(if n == 0 { " and (" } else { " or " })
                    .push(column)
                    .push(" ilike ")
                    .push_bind(pattern.clone());
            }
            sql.push(")");
        }
    };
    let mut count = QueryBuilder::<Postgres>::new("select count(*) as total from instances i");
    filters(&mut count);
    let total: i64 = count.build().fetch_one(&mut **tx).await?.try_get("total")?;
    let mut sql = QueryBuilder::<Postgres>::new("select i.id from instances i");
    filters(&mut sql);
    sql.push(" order by ");
    for (sort, direction) in sort {
        sql.push(column(*sort));
        sql.push(if *direction == SortDirection::Desc { " desc nulls last, " } else { " asc nulls last, " });
    }
    sql.push("i.id desc limit ").push_bind(i64::from(page_size));
    sql.push(" offset ").push_bind(i64::from(page - 1) * i64::from(page_size));
    let found = sql.build().fetch_all(&mut **tx).await?;
    let ids = found.iter().map(|row| row.try_get("id")).collect::<Result<Vec<i64>, _>>()?;
    Ok((rows(tx, &ids).await?, total.unsigned_abs()))
}

/// Instances of a machine that are not gone.
pub(in crate::instances) async fn alive_on(tx: &mut Tx, machine: MachineId) -> Result<Vec<Row>> {
    let ids = sqlx::query_scalar!(
        "select id from instances where machine_id = $1 and deleted_at is null order by id",
        machine.0
    )
    .fetch_all(&mut **tx)
    .await?;
    rows(tx, &ids).await
}

/// Their containers there are not looked for any more: their people know that others are made, and of these ones, that they
/// begin with an empty data disk. What runs where they are looked for from now on is started again, because the ledger knows
/// nothing of its run.
pub(in crate::instances) async fn forget_containers(tx: &mut Tx, machine: MachineId, empty: &[i64]) -> Result<()> {
    sqlx::query!(
        "update instances
         set container_id = null, told_anew = true, begins_empty = begins_empty or id = any($2), wish = wish + 1,
             restarts_wanted = restarts_wanted + case wanted when 'running' then 1 else 0 end
         where machine_id = $1 and deleted_at is null and container_id is not null",
        machine.0,
        empty
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Of these instances those that have nothing on this machine any more: they are gone, or were given up before they were
/// there, and nobody works on them. What no row knows is left alone: a backup that was put back knows less than there is.
pub(in crate::instances) async fn ids_gone(tx: &mut Tx, machine: MachineId, asked: &[i64]) -> Result<Vec<i64>> {
    let ids = sqlx::query_scalar!(
        "select id from instances
         where id = any($2) and machine_id = $1 and released_at is not null and (lease_until is null or lease_until < now())",
        machine.0,
        asked
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids)
}

/// Which of these are, or were, there, of those that the transaction's caller may find.
pub(in crate::instances) async fn ids_known(tx: &mut Tx, ids: &[i64]) -> Result<Vec<i64>> {
    Ok(sqlx::query_scalar!("select id from instances where id = any($1)", ids).fetch_all(&mut **tx).await?)
}

/// Machines with instances that are not gone, by code.
pub(in crate::instances) async fn machines_with_instances(tx: &mut Tx) -> Result<Vec<(MachineId, String)>> {
    let rows = sqlx::query!(
        "select distinct machine_id, machine_code from instances where deleted_at is null order by machine_code"
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (MachineId(row.machine_id), row.machine_code)).collect())
}

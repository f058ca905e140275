//! SQL of budgets.

use chrono::{DateTime, Utc};
use contract::budgets::{BudgetRule, BudgetSide};
use contract::{BudgetId, CustomerId};
use rust_decimal::Decimal;

use super::Month;
use super::check::Checked;
use crate::authz::{Action, Granted, Resource};
use crate::db::Tx;
use crate::{Error, OpContext, Result};

/// How a budget stands in a month, as it was written last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stand {
    pub told: Vec<i32>,
    pub exceeded_at: Option<DateTime<Utc>>,
    pub stops_at: Option<DateTime<Utc>>,
    pub stopped_at: Option<DateTime<Utc>>,
    /// When, who and why.
    pub lifted: Option<(DateTime<Utc>, String, String)>,
}

/// A budget, with what of it is spent.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub id: BudgetId,
    pub customer: CustomerId,
    pub side: BudgetSide,
    pub name: String,
    pub amount: Decimal,
    pub currency: String,
    pub thresholds: Vec<i32>,
    pub rule: BudgetRule,
    pub grace_hours: i32,
    pub revision: i64,
    pub created_name: String,
    pub created_at: DateTime<Utc>,
    pub spent: Decimal,
    /// What an hour of all that runs now costs.
    pub per_hour: Decimal,
    pub stand: Stand,
}

/// Which of them: all, where nothing is named.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Which {
    pub customer: Option<CustomerId>,
    pub id: Option<BudgetId>,
}

fn known<T>(parsed: Option<T>, word: &str) -> Result<T> {
    parsed.ok_or_else(|| Error::internal(format!("unknown word of a budget {word}")))
}

/// A page of them, and how many there are.
pub(super) async fn list(
    tx: &mut Tx,
    which: Which,
    month: &Month,
    now: DateTime<Utc>,
    (page, page_size): (u32, u32),
) -> Result<(Vec<Row>, u64)> {
    let rows = sqlx::query!(
        r#"select b.id, b.customer_id, b.side, b.name, b.amount, b.currency, b.thresholds, b.rule, b.grace_hours, b.revision,
                  b.created_name, b.created_at, m.told as "told?", m.exceeded_at as "exceeded_at?",
                  m.stops_at as "stops_at?", m.stopped_at as "stopped_at?", m.lifted_at as "lifted_at?",
                  m.lifted_name as "lifted_name?", m.lifted_because as "lifted_because?",
                  s.spent as "spent!", s.per_hour as "per_hour!", count(*) over () as "total!"
           from budgets b
             left join budget_months m on m.budget_id = b.id and m.month = $1
             cross join lateral (
               select coalesce(sum(extract(epoch from least(coalesce(l.ended_at, greatest($4, l.started_at)), $3)
                                                      - greatest(l.started_at, $2)) * l.price_per_hour) / 3600, 0) as spent,
                      coalesce(sum(l.price_per_hour) filter (where l.ended_at is null), 0) as per_hour
               from ledger_intervals l
               where l.customer_id = b.customer_id and l.currency = b.currency and l.started_at < $3
                 and coalesce(l.ended_at, greatest($4, l.started_at)) > $2) s
           where ($5::bigint is null or b.customer_id = $5) and ($6::bigint is null or b.id = $6)
           order by b.customer_id, lower(b.name), b.id limit $7 offset $8"#,
        month.key,
        month.starts_at,
        month.ends_at,
        now,
        which.customer.map(|id| id.0),
        which.id.map(|id| id.0),
        i64::from(page_size),
        i64::from(page - 1) * i64::from(page_size)
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut total = rows.first().map(|row| row.total);
    if total.is_none() && page > 1 {
        total = Some(count(tx, which).await?);
    }
    let row = rows.into_iter().map(|row| {
        let lifted = match (row.lifted_at, row.lifted_name, row.lifted_because) {
            (Some(at), Some(by), Some(because)) => Some((at, by, because)),
            _ => None,
        };
        Ok(Row {
            id: BudgetId(row.id),
            customer: CustomerId(row.customer_id),
            side: known(BudgetSide::parse(&row.side), &row.side)?,
            name: row.name,
            amount: row.amount,
            currency: row.currency,
            thresholds: row.thresholds,
            rule: known(BudgetRule::parse(&row.rule), &row.rule)?,
            grace_hours: row.grace_hours,
            revision: row.revision,
            created_name: row.created_name,
            created_at: row.created_at,
            spent: row.spent,
            per_hour: row.per_hour,
            stand: Stand {
                told: row.told.unwrap_or_default(),
                exceeded_at: row.exceeded_at,
                stops_at: row.stops_at,
                stopped_at: row.stopped_at,
                lifted,
            },
        })
    });
    Ok((row.collect::<Result<_>>()?, total.unwrap_or_default().unsigned_abs()))
}

/// One of them, as it stands.
pub(super) async fn find(tx: &mut Tx, id: BudgetId, month: &Month, now: DateTime<Utc>) -> Result<Option<Row>> {
    let which = Which { id: Some(id), customer: None };
    Ok(list(tx, which, month, now, (1, 1)).await?.0.pop())
}

/// How many there are: also for pages past the last one.
pub(super) async fn count(tx: &mut Tx, which: Which) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from budgets
           where ($1::bigint is null or customer_id = $1) and ($2::bigint is null or id = $2)"#,
        which.customer.map(|id| id.0),
        which.id.map(|id| id.0)
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(count)
}

pub(super) async fn ids(tx: &mut Tx) -> Result<Vec<BudgetId>> {
    let ids = sqlx::query_scalar!("select id from budgets order by id").fetch_all(&mut **tx).await?;
    Ok(ids.into_iter().map(BudgetId).collect())
}

/// Nobody else changes it, or says how it stands, until the transaction ends; false where it is not there.
pub(super) async fn lock(tx: &mut Tx, id: BudgetId) -> Result<bool> {
    let locked =
        sqlx::query_scalar!("select id from budgets where id = $1 for update", id.0).fetch_optional(&mut **tx).await?;
    Ok(locked.is_some())
}

/// A new one.
pub(super) async fn insert<A: Action>(
    tx: &mut Tx,
    _granted: &Granted<A>,
    ctx: &OpContext,
    (customer, side, currency): (CustomerId, BudgetSide, &str),
    new: &Checked,
) -> Result<BudgetId> {
    let id = sqlx::query_scalar!(
        "insert into budgets (customer_id, side, name, amount, currency, thresholds, rule, grace_hours, created_name, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id",
        customer.0,
        side.code(),
        new.name,
        new.amount,
        currency,
        &new.thresholds,
        new.rule.code(),
        new.grace_hours,
        ctx.user().map_or("", |user| user.display_name.as_str()),
        ctx.now()
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(BudgetId(id))
}

pub(super) async fn update<A>(tx: &mut Tx, granted: &Granted<A>, currency: &str, new: &Checked) -> Result<()>
where
    A: Action,
    A::Resource: Resource<Id = BudgetId>,
{
    sqlx::query!(
        "update budgets set name = $2, amount = $3, currency = $4, thresholds = $5, rule = $6, grace_hours = $7,
                            revision = revision + 1 where id = $1",
        granted.id().0,
        new.name,
        new.amount,
        currency,
        &new.thresholds,
        new.rule.code(),
        new.grace_hours
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn delete<A>(tx: &mut Tx, granted: &Granted<A>) -> Result<()>
where
    A: Action,
    A::Resource: Resource<Id = BudgetId>,
{
    sqlx::query!("delete from budgets where id = $1", granted.id().0).execute(&mut **tx).await?;
    Ok(())
}

/// Writes how it stands. Whoever does has it locked.
pub(super) async fn save_stand(tx: &mut Tx, id: BudgetId, month: &Month, stand: &Stand) -> Result<()> {
    let (at, by, because) = match &stand.lifted {
        Some((at, by, because)) => (Some(*at), Some(by.as_str()), Some(because.as_str())),
        None => (None, None, None),
    };
    sqlx::query!(
        "insert into budget_months (budget_id, month, told, exceeded_at, stops_at, stopped_at, lifted_at, lifted_name,
                                    lifted_because)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (budget_id, month) do update
         set told = $3, exceeded_at = $4, stops_at = $5, stopped_at = $6, lifted_at = $7, lifted_name = $8,
             lifted_because = $9",
        id.0,
        month.key,
        &stand.told,
        stand.exceeded_at,
        stand.stops_at,
        stand.stopped_at,
        at,
        by,
        because
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

//! Budgets: what a customer means to spend in a calendar month of the installation's time zone, and what becomes of it when
//! that is spent.
//!
//! Invariants: what is spent is the ledger's to say, each time anew; each threshold is told once a month, and anew only where
//! the budget was changed so that it was no longer reached; what runs is stopped only some time after its people were told
//! when; what staff set, the customer does not change; a budget that was lifted for a month holds nobody up in it.

mod check;
mod store;
mod watch;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use contract::budgets::{
    BudgetLift, BudgetLifted, BudgetQuery, BudgetRule, BudgetSide, BudgetView, BudgetWrite, MAX_BUDGETS,
};
use contract::{BudgetId, CustomerId, ErrorCode, Page, Permission};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Value, json};

use self::store::{Row, Which};
pub use self::watch::watch;
use crate::authz::{
    Action, BudgetRef, BudgetShelf, CreateBudget, CreateOwnBudget, Granted, ManageBudget, ManageOwnBudget,
    OwnBudgetRef, OwnBudgetShelf, Resource, Scope,
};
use crate::db::Tx;
use crate::exports::Pages;
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, calendar, customers, settings};

/// A calendar month.
#[derive(Clone, Debug)]
struct Month {
    /// `2026-11`
    key: String,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    zone: Tz,
}

/// The month that is now, where the installation is.
async fn month(platform: &Platform, now: DateTime<Utc>) -> Month {
    let zone = settings::time_zone(platform).await;
    let starts_at = calendar::begin_of(now, calendar::Unit::Month, zone);
    let ends_at = calendar::next_begin(now, calendar::Unit::Month, zone).unwrap_or(DateTime::<Utc>::MAX_UTC);
    Month { key: starts_at.with_timezone(&zone).format("%Y-%m").to_string(), starts_at, ends_at, zone }
}

/// Ledger and instances are the system's to look at here: who asked was asked before.
fn system(ctx: &OpContext) -> OpContext {
    ctx.as_system(SystemActor::Worker)
}

impl Row {
    fn is_spent(&self) -> bool {
        self.spent >= self.amount
    }

    /// Lets nothing more be made or started.
    fn refuses(&self) -> bool {
        self.rule != BudgetRule::Warn && self.stand.lifted.is_none() && self.is_spent()
    }

    /// Whole percent, rounded down: what is told of at a hundred is spent.
    fn percent(&self) -> u64 {
        (self.spent * Decimal::ONE_HUNDRED).checked_div(self.amount).and_then(|it| it.to_u64()).unwrap_or(u64::MAX)
    }

    fn of_staff(&self) -> BudgetRef {
        BudgetRef { customer: Some(self.customer), ..BudgetRef::of_platform(self.id) }
    }

    fn own(&self) -> OwnBudgetRef {
        OwnBudgetRef { customer: Some(self.customer), ..OwnBudgetRef::of_platform(self.id) }
    }
}

fn money(amount: Decimal) -> String {
    amount.round_dp_with_strategy(4, rust_decimal::RoundingStrategy::MidpointAwayFromZero).normalize().to_string()
}

fn view(ctx: &OpContext, row: Row, month: &Month) -> BudgetView {
    let left = (month.ends_at - ctx.now()).num_seconds().max(0);
    let projected = row.spent + row.per_hour * Decimal::from(left) / Decimal::from(3600);
    let may_change = match row.side {
        BudgetSide::Platform => ctx.holds(Permission::BillingManage),
        BudgetSide::Customer => ctx.holds(Permission::BillingManage) || ctx.holds(Permission::BillingManageOwn),
    };
    let unsigned = |number: i32| number.unsigned_abs();
    BudgetView {
        percent: row.percent(),
        id: row.id,
        customer_id: row.customer,
        customer_name: None,
        side: row.side,
        name: row.name,
        amount: row.amount.normalize().to_string(),
        currency: row.currency,
        thresholds: row.thresholds.into_iter().map(unsigned).collect(),
        rule: row.rule,
        grace_hours: unsigned(row.grace_hours),
        month: month.key.clone(),
        ends_at: month.ends_at,
        time_zone: month.zone.name().to_owned(),
        spent: money(row.spent),
        projected: money(projected),
        exceeded_at: row.stand.exceeded_at,
        stops_at: row.stand.stops_at,
        stopped_at: row.stand.stopped_at,
        lifted: row.stand.lifted.map(|(at, by, because)| BudgetLifted { at, by, because }),
        may_change,
        revision: row.revision,
        created_by: row.created_name,
        created_at: row.created_at,
    }
}

/// Whose an owner's are.
fn own_customer(ctx: &OpContext) -> Result<CustomerId> {
    match ctx.authorize_list::<OwnBudgetRef>(Permission::BillingManageOwn)? {
        Scope::Customer(customer) => Ok(customer),
        Scope::Own(_) | Scope::All => Err(Error::not_found()),
    }
}

async fn page(
    platform: &Platform,
    ctx: &OpContext,
    customer: Option<CustomerId>,
    (page, page_size): (u32, u32),
    named: bool,
) -> Result<Page<BudgetView>> {
    let month = month(platform, ctx.now()).await;
    let mut tx = platform.db().begin(ctx).await?;
    let (list, total) = some(&mut tx, ctx, &month, customer, (page, page_size), named).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

async fn some(
    tx: &mut Tx,
    ctx: &OpContext,
    month: &Month,
    customer: Option<CustomerId>,
    place: (u32, u32),
    named: bool,
) -> Result<(Vec<BudgetView>, u64)> {
    let (rows, total) = store::list(tx, Which { customer, id: None }, month, ctx.now(), place).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.customer.0).collect();
    let names = if named { customers::names(tx, &ids).await? } else { std::collections::HashMap::default() };
    let list = rows.into_iter().map(|row| {
        let customer_name = names.get(&row.customer.0).cloned();
        BudgetView { customer_name, ..view(ctx, row, month) }
    });
    Ok((list.collect(), total))
}

/// Everybody's, for staff.
///
/// # Errors
/// `NotFound` for who does not see what others pay.
pub async fn list(platform: &Platform, ctx: &OpContext, query: &BudgetQuery) -> Result<Page<BudgetView>> {
    ctx.authorize_list::<BudgetRef>(Permission::BillingView)?;
    page(platform, ctx, query.customer_id, audit::page_of(query.page, query.page_size)?, true).await
}

/// Those of one's customer, for its owners.
///
/// # Errors
/// `NotFound` for everybody else.
pub async fn list_own(platform: &Platform, ctx: &OpContext, query: &BudgetQuery) -> Result<Page<BudgetView>> {
    let customer = own_customer(ctx)?;
    page(platform, ctx, Some(customer), audit::page_of(query.page, query.page_size)?, false).await
}

/// All of them for a workbook, as they were at one instant; true when there are more than fit. Who takes them away is in the log.
///
/// # Errors
/// As [`list`]'s, and whatever `take` gives.
pub async fn export(
    platform: &Platform,
    ctx: &OpContext,
    query: &BudgetQuery,
    take: impl FnMut(BudgetView) -> Result<()> + Send,
) -> Result<bool> {
    ctx.trying_new("budgets:export", "budget").authorize_list::<BudgetRef>(Permission::BillingView)?;
    audit::record_export(platform, ctx, ("budgets:export", "budget"), None, query).await?;
    all(platform, ctx, query.customer_id, take).await
}

/// The same of those of one's customer, for its owners.
///
/// # Errors
/// As [`list_own`]'s, and whatever `take` gives.
pub async fn export_own(
    platform: &Platform,
    ctx: &OpContext,
    query: &BudgetQuery,
    take: impl FnMut(BudgetView) -> Result<()> + Send,
) -> Result<bool> {
    let customer = own_customer(&ctx.trying_new("budgets:export", "budget"))?;
    audit::record_export(platform, ctx, ("budgets:export", "budget"), Some(customer), query).await?;
    all(platform, ctx, Some(customer), take).await
}

async fn all(
    platform: &Platform,
    ctx: &OpContext,
    customer: Option<CustomerId>,
    mut take: impl FnMut(BudgetView) -> Result<()> + Send,
) -> Result<bool> {
    let month = month(platform, ctx.now()).await;
    let mut tx = platform.db().snapshot(ctx).await?;
    let mut pages = Pages::new();
    while let Some(place) = pages.wanted() {
        let (rows, _) = some(&mut tx, ctx, &month, customer, place, true).await?;
        pages.hand_on(rows, &mut take)?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}

/// Sets a budget of a customer, for staff.
///
/// # Errors
/// `NotFound` for who may not and for customers there are not, `Validation` with every fault at once, `AlreadyExists` for a
/// name that is taken.
pub async fn create(platform: &Platform, ctx: &OpContext, body: BudgetWrite) -> Result<BudgetView> {
    let ctx = &ctx.trying_new("budgets:create", "budget");
    let granted = ctx.authorize(CreateBudget, &BudgetShelf { customer: body.customer_id })?;
    let customer = body.customer_id.ok_or_else(|| Error::field("customerId", "field-required"))?;
    insert(platform, ctx, &granted, (customer, BudgetSide::Platform), &body).await
}

/// Sets one of one's own customer, for its owners.
///
/// # Errors
/// As [`create`]'s.
pub async fn create_own(platform: &Platform, ctx: &OpContext, body: BudgetWrite) -> Result<BudgetView> {
    let ctx = &ctx.trying_new("budgets:create", "budget");
    let customer = own_customer(ctx)?;
    let granted = ctx.authorize(CreateOwnBudget, &OwnBudgetShelf { customer: Some(customer) })?;
    insert(platform, ctx, &granted, (customer, BudgetSide::Customer), &body).await
}

async fn insert<A: Action>(
    platform: &Platform,
    ctx: &OpContext,
    granted: &Granted<A>,
    (customer, side): (CustomerId, BudgetSide),
    body: &BudgetWrite,
) -> Result<BudgetView> {
    let checked = check::check(body)?;
    let currency = settings::currency(platform).await;
    let month = month(platform, ctx.now()).await;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    customers::lock_present(&mut tx, customer).await?;
    let count = store::count(&mut tx, Which { customer: Some(customer), id: None }).await?;
    if usize::try_from(count).is_ok_and(|count| count >= MAX_BUDGETS) {
        return Err(Error::new(ErrorCode::QuotaExceeded)
            .with_key("error-budgets-many")
            .with_arg("max", MAX_BUDGETS.to_string()));
    }
    let id = store::insert(&mut tx, granted, ctx, (customer, side, &currency), &checked).await?;
    let row = store::find(&mut tx, id, &month, ctx.now()).await?.ok_or_else(Error::not_found)?;
    audit::record_in_tx(&mut tx, ctx, entry("budgets:create", &row, None, Some(facts(&row)))).await?;
    tx.commit().await?;
    Ok(view(ctx, row, &month))
}

/// One that the caller may see.
async fn read(platform: &Platform, ctx: &OpContext, id: BudgetId, month: &Month) -> Result<Row> {
    let mut tx = platform.db().begin(ctx).await?;
    let row = store::find(&mut tx, id, month, ctx.now()).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?;
    Ok(row)
}

async fn managed(platform: &Platform, ctx: &OpContext, id: BudgetId, month: &Month) -> Result<Granted<ManageBudget>> {
    ctx.authorize_list::<BudgetRef>(Permission::BillingView)?;
    let row = read(platform, ctx, id, month).await?;
    ctx.authorize(ManageBudget, &row.of_staff())
}

async fn managed_own(
    platform: &Platform,
    ctx: &OpContext,
    id: BudgetId,
    month: &Month,
) -> Result<Granted<ManageOwnBudget>> {
    own_customer(ctx)?;
    let row = read(platform, ctx, id, month).await?;
    let granted = ctx.authorize(ManageOwnBudget, &row.own())?;
    match row.side {
        BudgetSide::Customer => Ok(granted),
        BudgetSide::Platform => Err(Error::new(ErrorCode::Forbidden).with_key("error-budget-of-platform")),
    }
}

/// Changes one, for staff.
///
/// # Errors
/// As [`create`]'s, and `Conflict` when somebody changed it meanwhile.
pub async fn update(platform: &Platform, ctx: &OpContext, id: BudgetId, body: BudgetWrite) -> Result<BudgetView> {
    let ctx = &ctx.trying_on("budgets:update", "budget", id);
    let month = month(platform, ctx.now()).await;
    let granted = managed(platform, ctx, id, &month).await?;
    change(platform, ctx, &granted, &body, &month).await
}

/// Changes one of one's own customer's, for its owners.
///
/// # Errors
/// As [`update`]'s, and `Forbidden` for one that staff set.
pub async fn update_own(platform: &Platform, ctx: &OpContext, id: BudgetId, body: BudgetWrite) -> Result<BudgetView> {
    let ctx = &ctx.trying_on("budgets:update", "budget", id);
    let month = month(platform, ctx.now()).await;
    let granted = managed_own(platform, ctx, id, &month).await?;
    change(platform, ctx, &granted, &body, &month).await
}

async fn change<A>(
    platform: &Platform,
    ctx: &OpContext,
    granted: &Granted<A>,
    body: &BudgetWrite,
    month: &Month,
) -> Result<BudgetView>
where
    A: Action,
    A::Resource: Resource<Id = BudgetId>,
{
    let mut wrong = Wrong::new();
    if body.customer_id.is_some() {
        wrong.add("customerId", "field-budget-stays");
    }
    let checked = check::check(body).and_then(|checked| wrong.into_result().map(|()| checked))?;
    let currency = settings::currency(platform).await;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let before = locked(&mut tx, ctx, granted.id(), month).await?;
    if body.revision.is_some_and(|seen| seen != before.revision) {
        return Err(Error::new(ErrorCode::Conflict));
    }
    store::update(&mut tx, granted, &currency, &checked).await?;
    let after = store::find(&mut tx, granted.id(), month, ctx.now()).await?.ok_or_else(Error::not_found)?;
    let entry = entry("budgets:update", &after, Some(facts(&before)), Some(facts(&after)));
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(view(ctx, after, month))
}

async fn locked(tx: &mut Tx, ctx: &OpContext, id: BudgetId, month: &Month) -> Result<Row> {
    if !store::lock(tx, id).await? {
        return Err(Error::not_found());
    }
    store::find(tx, id, month, ctx.now()).await?.ok_or_else(Error::not_found)
}

/// Takes one away, for staff.
///
/// # Errors
/// `NotFound` where there is none, or for who may not.
pub async fn delete(platform: &Platform, ctx: &OpContext, id: BudgetId) -> Result<()> {
    let ctx = &ctx.trying_on("budgets:delete", "budget", id);
    let month = month(platform, ctx.now()).await;
    let granted = managed(platform, ctx, id, &month).await?;
    remove(platform, ctx, &granted, &month).await
}

/// Takes one of one's own customer's away, for its owners.
///
/// # Errors
/// As [`delete`]'s, and `Forbidden` for one that staff set.
pub async fn delete_own(platform: &Platform, ctx: &OpContext, id: BudgetId) -> Result<()> {
    let ctx = &ctx.trying_on("budgets:delete", "budget", id);
    let month = month(platform, ctx.now()).await;
    let granted = managed_own(platform, ctx, id, &month).await?;
    remove(platform, ctx, &granted, &month).await
}

async fn remove<A>(platform: &Platform, ctx: &OpContext, granted: &Granted<A>, month: &Month) -> Result<()>
where
    A: Action,
    A::Resource: Resource<Id = BudgetId>,
{
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let row = locked(&mut tx, ctx, granted.id(), month).await?;
    store::delete(&mut tx, granted).await?;
    audit::record_in_tx(&mut tx, ctx, entry("budgets:delete", &row, Some(facts(&row)), None)).await?;
    tx.commit().await?;
    Ok(())
}

/// For the rest of the month it holds nobody up: nothing is refused or stopped because of it. Its people are still told.
///
/// # Errors
/// `NotFound` where there is none or for who may not, `Validation` without a reason.
pub async fn lift(platform: &Platform, ctx: &OpContext, id: BudgetId, body: BudgetLift) -> Result<BudgetView> {
    let ctx = &ctx.trying_on("budgets:lift", "budget", id);
    let month = month(platform, ctx.now()).await;
    let granted = managed(platform, ctx, id, &month).await?;
    let mut wrong = Wrong::new();
    let because = wrong.required("because", body.because, 1000);
    wrong.into_result()?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let mut row = locked(&mut tx, ctx, granted.id(), &month).await?;
    let by = ctx.user().map_or("", |user| user.display_name.as_str()).to_owned();
    row.stand.lifted = Some((ctx.now(), by, because.clone()));
    row.stand.stops_at = None;
    store::save_stand(&mut tx, row.id, &month, &row.stand).await?;
    let after = json!({ "name": row.name, "month": month.key, "because": because });
    audit::record_in_tx(&mut tx, ctx, entry("budgets:lift", &row, None, Some(after))).await?;
    tx.commit().await?;
    Ok(view(ctx, row, &month))
}

/// Whether a budget of this customer lets nothing more be made or started, with what it says.
///
/// # Errors
/// `BudgetSpent` with the budget, `Unavailable` when the database is away.
pub(crate) async fn refuse_if_spent(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    customer: CustomerId,
) -> Result<()> {
    let month = month(platform, ctx.now()).await;
    let which = Which { customer: Some(customer), id: None };
    let (rows, _) = store::list(tx, which, &month, ctx.now(), (1, MAX_BUDGETS as u32)).await?;
    let Some(row) = rows.into_iter().find(Row::refuses) else { return Ok(()) };
    Err(Error::new(ErrorCode::BudgetSpent)
        .with_key("error-budget-spent-of")
        .with_arg("budget", row.name)
        .with_arg("amount", row.amount.normalize().to_string())
        .with_arg("currency", row.currency)
        .with_arg("until", calendar::day(month.ends_at, month.zone)))
}

fn facts(row: &Row) -> Value {
    json!({
        "name": row.name, "amount": row.amount.normalize().to_string(), "currency": row.currency,
        "thresholds": row.thresholds, "rule": row.rule, "graceHours": row.grace_hours, "side": row.side,
    })
}

fn entry(action: &'static str, row: &Row, before: Option<Value>, after: Option<Value>) -> audit::Entry {
    let (target_id, customer) = (Some(row.id.to_string()), Some(row.customer));
    audit::Entry { action, target_kind: "budget", target_id, customer, before, after }
}

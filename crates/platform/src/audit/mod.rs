//! Who did what to what: rows written in the transaction of the change, insert-only, chained later by the sealer.
//!
//! Invariants: a rolled-back change leaves no row; secrets never enter `before` or `after`; the chain covers committed
//! rows only, behind the oldest running transaction, so a late commit is never skipped; what something was and is, is read
//! by those alone who may see the thing itself.

mod chain;
mod names;
mod own;
mod repeats;
mod retention;
mod store;
mod unseen;
mod withheld;

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use contract::audit::{ACTORS, AuditQuery, AuditView, DOORS};
use contract::{CustomerId, ErrorCode, MAX_PAGE_SIZE, Page, Permission, UserId};

pub use chain::{Anchor, ChainReport, Misdated, Outside, Pruned, chain_end, seal, verify_chain};
pub use own::{export_own, export_own_newest, list_own, note_export_own, own_facets};
pub(crate) use repeats::Repeats;
pub use repeats::{Stranger, keep_telling, note_stranger, tell_repeats};
pub use retention::prune;
use store::Part;

use crate::authz::AuditLog;
use crate::db::Tx;
use crate::error::Denial;
use crate::exports::{self, Pages};
use crate::{Error, OpContext, Platform, Principal, Result, SystemActor, accounts, customers};

/// What an operation says about its change; actor, door, address and request come from the context.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `machines:update`, `accounts:sign-in`, …
    pub action: &'static str,
    /// `machine`, `user`, …
    pub target_kind: &'static str,
    /// The target's public id.
    pub target_id: Option<String>,
    /// The customer it concerns, who may then see the row.
    pub customer: Option<CustomerId>,
    /// What it was; no secrets.
    pub before: Option<serde_json::Value>,
    /// What it is; no secrets.
    pub after: Option<serde_json::Value>,
}

impl Entry {
    /// What somebody tries, before any more is known of it.
    pub(crate) fn attempt(action: &'static str, target_kind: &'static str, target_id: Option<String>) -> Self {
        Self { action, target_kind, target_id, customer: None, before: None, after: None }
    }

    /// About one of a customer's people.
    pub(crate) fn of_member(action: &'static str, customer: CustomerId, user: UserId) -> Self {
        let target_id = Some(user.to_string());
        Self { action, target_kind: "user", target_id, customer: Some(customer), before: None, after: None }
    }
}

/// Something in `before` or `after` that is not the target: its id, which stays, and what it was called, which people read.
pub(crate) fn named(id: i64, name: &str) -> serde_json::Value {
    serde_json::json!({ "id": id, "name": name })
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    Denied,
    Failed,
}

impl Outcome {
    fn code(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Denied => "denied",
            Outcome::Failed => "failed",
        }
    }
}

struct Actor {
    kind: &'static str,
    id: Option<i64>,
    name: String,
}

impl Actor {
    fn of(principal: &Principal) -> Self {
        match principal {
            Principal::Anonymous => Self { kind: "anonymous", id: None, name: String::new() },
            Principal::User(user) => Self { kind: "user", id: Some(user.id.0), name: user.name.clone() },
            Principal::Node { machine, code } => Self { kind: "node", id: Some(machine.0), name: code.clone() },
            Principal::System(actor) => Self { kind: "system", id: None, name: actor.name().to_owned() },
        }
    }
}

/// Adds the row of a change to its transaction.
pub async fn record_in_tx(tx: &mut Tx, ctx: &OpContext, entry: Entry) -> Result<()> {
    record_many_in_tx(tx, ctx, &[entry]).await
}

/// Adds it unless it is there: who does not know whether it was committed tries again. `visit` is in its facts and its alone.
pub(crate) async fn record_once_in_tx(
    tx: &mut Tx,
    ctx: &OpContext,
    entry: Entry,
    (visit, since): (&str, DateTime<Utc>),
) -> Result<()> {
    match store::is_of_visit(tx, &entry, visit, since).await? {
        true => Ok(()),
        false => record_in_tx(tx, ctx, entry).await,
    }
}

/// Adds it unless the same person was recorded with the very same within so long: what comes in many requests, such as ranges of a
/// file, is one deed. True where it was added.
pub(crate) async fn record_once_within_in_tx(
    tx: &mut Tx,
    ctx: &OpContext,
    entry: Entry,
    period: TimeDelta,
) -> Result<bool> {
    let actor = Actor::of(ctx.principal());
    if store::is_recorded(tx, &actor, &entry, ctx.now() - period).await? {
        return Ok(false);
    }
    record_in_tx(tx, ctx, entry).await?;
    Ok(true)
}

/// The same of several changes, in one statement.
pub(crate) async fn record_many_in_tx(tx: &mut Tx, ctx: &OpContext, entries: &[Entry]) -> Result<()> {
    store::insert(tx, ctx, &Actor::of(ctx.principal()), entries, Outcome::Done).await
}

/// The same of what is done to a person as such by who is not that person: each customer that has the person among its
/// people sees it in its own part of the log, so there is a row for each.
pub(crate) async fn record_of_person_in_tx(tx: &mut Tx, ctx: &OpContext, user: UserId, entry: Entry) -> Result<()> {
    let customers = customers::ids_of_person(tx, user).await?;
    if customers.is_empty() {
        return record_in_tx(tx, ctx, entry).await;
    }
    let entries: Vec<_> = customers.into_iter().map(|id| Entry { customer: Some(id), ..entry.clone() }).collect();
    record_many_in_tx(tx, ctx, &entries).await
}

/// Records something that was tried and failed, in a transaction of its own.
pub async fn record_failed(platform: &Platform, ctx: &OpContext, entry: Entry) -> Result<()> {
    record_apart(platform, ctx, entry, Outcome::Failed).await
}

/// The same of what may come again at any pace: after the first few it is counted, and told in one row.
pub(crate) async fn record_failed_again(platform: &Platform, ctx: &OpContext, entry: Entry) -> Result<()> {
    repeats::record(platform, ctx, entry, Outcome::Failed).await
}

/// Records a refusal, in a transaction of its own; what is refused again and again is counted, and told in one row.
pub(crate) async fn record_denial(platform: &Platform, ctx: &OpContext, denial: &Denial) -> Result<()> {
    if denial.unproven && !unseen::is_there(platform, ctx, denial).await? {
        return Ok(());
    }
    let mut details = denial.details.clone();
    details.entry("missing").or_insert_with(|| denial.missing.name().into());
    let entry = Entry {
        action: denial.action,
        target_kind: denial.target_kind,
        target_id: denial.target_id.clone(),
        customer: denial.customer,
        before: None,
        after: Some(details.into()),
    };
    repeats::record(platform, ctx, entry, Outcome::Denied).await
}

async fn record_apart(platform: &Platform, ctx: &OpContext, entry: Entry, outcome: Outcome) -> Result<()> {
    let mut tx = platform.db().begin(ctx).await?;
    store::insert(&mut tx, ctx, &Actor::of(ctx.principal()), &[entry], outcome).await?;
    tx.commit().await?;
    Ok(())
}

/// The log, newest first.
pub async fn list(platform: &Platform, ctx: &OpContext, query: &AuditQuery) -> Result<Page<AuditView>> {
    ctx.authorize_list::<AuditLog>(Permission::AuditView)?;
    check_filters(query)?;
    let (page, page_size) = page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (mut list, total) = store::list(&mut tx, query, Part::Page { number: page, size: page_size }).await?;
    name_targets(&mut tx, &mut list, &mut Renamed::new()).await?;
    tx.commit().await?;
    list.iter_mut().for_each(|row| withheld::withhold(ctx, row));
    Ok(Page { list, total, page, page_size })
}

/// A word that no row can have would find nothing, and look as if nothing had happened.
fn check_filters(query: &AuditQuery) -> Result<()> {
    let known = |word: &str| [Outcome::Done, Outcome::Denied, Outcome::Failed].iter().any(|one| one.code() == word);
    let unknown_actor = query.actor_kind.as_deref().is_some_and(|kind| !ACTORS.contains(&kind));
    match query.outcome.as_deref() {
        Some(word) if !known(word) => Err(Error::field("outcome", "field-unknown-value")),
        _ if unknown_actor => Err(Error::field("actorKind", "field-unknown-value")),
        _ => check_place(query.via.as_deref(), query.address.as_deref()),
    }
}

/// Door and address.
fn check_place(via: Option<&str>, address: Option<&str>) -> Result<()> {
    match via {
        Some(word) if !DOORS.contains(&word) => Err(Error::field("via", "field-unknown-value")),
        _ => store::address_of(address).map(drop),
    }
}

/// The customers there are, by name, and the chosen one whatever became of it: for the filter by customer.
///
/// # Errors
/// `NotFound` for who may not read the log, which names them.
pub async fn customers(
    platform: &Platform,
    ctx: &OpContext,
    chosen: Option<CustomerId>,
) -> Result<Vec<(CustomerId, String)>> {
    ctx.authorize_list::<AuditLog>(Permission::AuditView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let mut list = customers::present(&mut tx).await?;
    let gone = chosen.filter(|chosen| list.iter().all(|(id, _)| id != chosen));
    if let Some(gone) = gone {
        list.extend(customers::names(&mut tx, &[gone.0]).await?.remove(&gone.0).map(|name| (gone, name)));
    }
    tx.commit().await?;
    Ok(list)
}

/// What became of the names of things, the oldest first, of those that were asked for: an export asks once for each.
type Renamed = HashMap<names::Thing, Vec<store::names::Renamed>>;

/// The rows keep ids, which stay; people read names.
async fn name_targets(tx: &mut Tx, rows: &mut [AuditView], renamed: &mut Renamed) -> Result<()> {
    let ids = |kind: &str| -> Vec<i64> {
        rows.iter()
            .filter(|row| row.target_kind == kind)
            .filter_map(|row| row.target_id.as_ref()?.parse().ok())
            .collect()
    };
    let (users, mut customers) = (ids("user"), ids("customer"));
    customers.extend(rows.iter().filter_map(|row| row.customer_id).map(|id| id.0));
    let thing = |kind: &str, id: &i64| (kind.to_owned(), id.to_string());
    let people = users.iter().map(|id| thing("user", id));
    let things = people.chain(customers.iter().map(|id| thing("customer", id)));
    let unasked: BTreeSet<_> = things.filter(|thing| !renamed.contains_key(thing)).collect();
    if !unasked.is_empty() {
        let found = store::names::renamed(tx, &unasked).await?;
        renamed.extend(unasked.into_iter().map(|thing| (thing, Vec::new())));
        for one in found {
            renamed.entry(one.thing.clone()).or_default().push(one);
        }
    }
    // What they were called when it happened: the first other name after it took the place of that one.
    let then = |kind: &str, id: &str, event: (DateTime<Utc>, i64)| {
        let of_it = renamed.get(&(kind.to_owned(), id.to_owned()))?;
        of_it.iter().find(|one| (one.at, one.event) > event).map(|one| one.before.clone())
    };
    let users = if users.is_empty() { HashMap::new() } else { accounts::names(tx, &users).await? };
    let customers = if customers.is_empty() { HashMap::new() } else { customers::names(tx, &customers).await? };
    let things = rows.iter().map(|row| (row.target_kind.as_str(), row.target_id.as_deref()));
    let things = names::of_things(tx, None, things).await?;
    for row in rows {
        let event = (row.at, row.id.0);
        let customer = row.customer_id.map(|id| id.to_string());
        let was = customer.and_then(|id| then("customer", &id, event));
        row.customer_name = was.or_else(|| row.customer_id.and_then(|id| customers.get(&id.0)).cloned());
        let Some(id) = &row.target_id else { continue };
        let number = id.parse::<i64>().ok();
        row.target_name = match row.target_kind.as_str() {
            kind @ "user" => then(kind, id, event).or_else(|| users.get(&number?).cloned()),
            kind @ "customer" => then(kind, id, event).or_else(|| customers.get(&number?).cloned()),
            kind => things.get(&(kind.to_owned(), id.clone())).cloned(),
        };
    }
    Ok(())
}

/// The log with these filters as it was at one instant, newest first; true when there are older rows than fit into a workbook.
///
/// # Errors
/// `NotFound` for who may not read the log, and whatever `take` gives.
pub async fn export(
    platform: &Platform,
    ctx: &OpContext,
    query: &AuditQuery,
    take: impl FnMut(AuditView) -> Result<()> + Send,
) -> Result<bool> {
    export_newest(platform, ctx, query, exports::MOST, take).await
}

/// The same of so many at most.
///
/// # Errors
/// As [`export`].
pub async fn export_newest(
    platform: &Platform,
    ctx: &OpContext,
    query: &AuditQuery,
    most: u32,
    mut take: impl FnMut(AuditView) -> Result<()> + Send,
) -> Result<bool> {
    ctx.authorize_list::<AuditLog>(Permission::AuditView)?;
    let mut tx = platform.db().snapshot(ctx).await?;
    let (mut last, mut pages, mut renamed) = (None, Pages::of_at_most(most), Renamed::new());
    while let Some((_, size)) = pages.wanted() {
        let (mut rows, _) = store::list(&mut tx, query, Part::After { last, size }).await?;
        name_targets(&mut tx, &mut rows, &mut renamed).await?;
        rows.iter_mut().for_each(|row| withheld::withhold(ctx, row));
        last = rows.last().map(|row| (row.at, row.id)).or(last);
        pages.hand_on(rows, &mut take)?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}

/// Who takes the log away is part of it: to be called before the rows are read.
///
/// # Errors
/// `NotFound` for who may not read it.
pub async fn note_export(platform: &Platform, ctx: &OpContext, query: &AuditQuery) -> Result<()> {
    ctx.trying_new("audit:export", "audit").authorize_list::<AuditLog>(Permission::AuditView)?;
    check_filters(query)?;
    record_export(platform, ctx, ("audit:export", "audit"), query.customer_id, query).await
}

/// Records that a list was taken away, with the filters it was taken with: action and kind of target.
pub(crate) async fn record_export(
    platform: &Platform,
    ctx: &OpContext,
    (action, target_kind): (&'static str, &'static str),
    customer: Option<CustomerId>,
    query: &impl serde::Serialize,
) -> Result<()> {
    let mut filters = serde_json::to_value(query).map_err(Error::internal)?;
    if let Some(filters) = filters.as_object_mut() {
        filters.retain(|_, value| !value.is_null());
    }
    let entry = Entry { action, target_kind, target_id: None, customer, before: None, after: Some(filters) };
    record_apart(platform, ctx, entry, Outcome::Done).await
}

/// What actions and kinds of targets the log has, for the filters.
pub async fn facets(platform: &Platform, ctx: &OpContext) -> Result<(Vec<String>, Vec<String>)> {
    ctx.authorize_list::<AuditLog>(Permission::AuditView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let facets = store::facets(&mut tx).await?;
    tx.commit().await?;
    Ok(facets)
}

/// Page and page size within their bounds; the one rule for every list.
pub(crate) fn page_of(page: Option<u32>, page_size: Option<u32>) -> Result<(u32, u32)> {
    let (page, page_size) = (page.unwrap_or(1), page_size.unwrap_or(20));
    let mut wrong = Error::new(ErrorCode::Validation);
    if page == 0 || page > 1_000_000 {
        wrong = wrong.with_field("page", "field-page-range");
    }
    if page_size == 0 || page_size > MAX_PAGE_SIZE {
        wrong = wrong.with_field("pageSize", "field-page-size-range");
    }
    wrong.into_result()?;
    Ok((page, page_size))
}

fn sealer(platform: &Platform) -> OpContext {
    platform.system(SystemActor::Sealer)
}

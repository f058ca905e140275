//! A customer's own part of the log: what concerns it, as far as it concerns it.
//!
//! Staff are staff there, not names; what a row was before and after is the staff's, because it holds their remarks. Only the
//! reason they gave for what they did with something of the customer's is the customer's to read.

use std::collections::HashMap;

use contract::audit::{OwnAuditQuery, OwnAuditView};
use contract::{CustomerId, Page, Permission};

use super::store::Part;
use super::{check_place, names, page_of, record_export, store};
use crate::authz::{AuditLog, Scope};
use crate::db::Tx;
use crate::exports::{self, Pages};
use crate::{Error, OpContext, Platform, Result, accounts, customers};

/// The customer whose part it is.
fn customer(ctx: &OpContext) -> Result<CustomerId> {
    match ctx.authorize_list::<AuditLog>(Permission::AuditViewOwn)? {
        Scope::Customer(customer) => Ok(customer),
        // Nobody's own part is everything.
        Scope::All | Scope::Own(_) => Err(Error::not_found()),
    }
}

/// The part of the customer one acts for, newest first; for owners.
///
/// # Errors
/// `NotFound` for who may not read it.
pub async fn list_own(platform: &Platform, ctx: &OpContext, query: &OwnAuditQuery) -> Result<Page<OwnAuditView>> {
    let customer = customer(ctx)?;
    check_place(query.via.as_deref(), query.address.as_deref())?;
    let (page, page_size) = page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (mut list, total) =
        store::own::list(&mut tx, customer, query, Part::Page { number: page, size: page_size }).await?;
    name_targets(&mut tx, customer, &mut list).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// Names of what the events are about: its people by the names they have, those who left by the names they had, the
/// customer itself, and its things as its own part of the log calls them. What others are called is not told, nor what
/// somebody is called elsewhere by now.
async fn name_targets(tx: &mut Tx, customer: CustomerId, rows: &mut [OwnAuditView]) -> Result<()> {
    let users = rows.iter().filter(|row| row.target_kind == "user");
    let users: Vec<String> = users.filter_map(|row| row.target_id.clone()).collect();
    let ids: Vec<i64> = users.iter().filter_map(|id| id.parse().ok()).collect();
    let (mut now, mut then) = (HashMap::new(), HashMap::new());
    if !ids.is_empty() {
        now = accounts::names_of_members(tx, customer, &ids).await?;
        then = store::own::names_then(tx, customer, &users).await?;
    }
    let own = customers::names(tx, &[customer.0]).await?.remove(&customer.0);
    let things = rows.iter().map(|row| (row.target_kind.as_str(), row.target_id.as_deref()));
    let things = names::of_things(tx, Some(customer), things).await?;
    for row in rows {
        let Some(id) = &row.target_id else { continue };
        row.target_name = match row.target_kind.as_str() {
            "user" => id.parse().ok().and_then(|id: i64| now.get(&id)).or_else(|| then.get(id)).cloned(),
            "customer" if *id == customer.to_string() => own.clone(),
            "customer" => None,
            kind => things.get(&(kind.to_owned(), id.clone())).cloned(),
        };
    }
    Ok(())
}

/// The same as it was at one instant; true when there are older rows than fit into a workbook.
///
/// # Errors
/// `NotFound` for who may not read it, and whatever `take` gives.
pub async fn export_own(
    platform: &Platform,
    ctx: &OpContext,
    query: &OwnAuditQuery,
    take: impl FnMut(OwnAuditView) -> Result<()> + Send,
) -> Result<bool> {
    export_own_newest(platform, ctx, query, exports::MOST, take).await
}

/// The same of so many at most.
///
/// # Errors
/// As [`export_own`].
pub async fn export_own_newest(
    platform: &Platform,
    ctx: &OpContext,
    query: &OwnAuditQuery,
    most: u32,
    mut take: impl FnMut(OwnAuditView) -> Result<()> + Send,
) -> Result<bool> {
    let customer = customer(ctx)?;
    let mut tx = platform.db().snapshot(ctx).await?;
    let (mut last, mut pages) = (None, Pages::of_at_most(most));
    while let Some((_, size)) = pages.wanted() {
        let (mut rows, _) = store::own::list(&mut tx, customer, query, Part::After { last, size }).await?;
        name_targets(&mut tx, customer, &mut rows).await?;
        last = rows.last().map(|row| (row.at, row.id)).or(last);
        pages.hand_on(rows, &mut take)?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}

/// Who takes it away is part of it: to be called before the rows are read.
///
/// # Errors
/// `NotFound` for who may not read it.
pub async fn note_export_own(platform: &Platform, ctx: &OpContext, query: &OwnAuditQuery) -> Result<()> {
    let customer = customer(&ctx.trying_new("audit:export", "audit"))?;
    check_place(query.via.as_deref(), query.address.as_deref())?;
    record_export(platform, ctx, ("audit:export", "audit"), Some(customer), query).await
}

/// What actions and kinds of targets it has, for the filters.
///
/// # Errors
/// `NotFound` for who may not read it.
pub async fn own_facets(platform: &Platform, ctx: &OpContext) -> Result<(Vec<String>, Vec<String>)> {
    let customer = customer(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    let facets = store::own::facets(&mut tx, customer).await?;
    tx.commit().await?;
    Ok(facets)
}

//! A customer's own part of the log: what concerns it, as far as it concerns it.
//!
//! Staff are staff there, not names; what a row was before and after is the staff's, because it holds their remarks.

use contract::audit::{OwnAuditQuery, OwnAuditView};
use contract::{CustomerId, Page, Permission};

use super::{EXPORT_PAGE, MAX_EXPORT, page_of, record_export, store};
use crate::authz::{AuditLog, Scope};
use crate::{Error, OpContext, Platform, Result};

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
    let (page, page_size) = page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (list, total) = store::own::list(&mut tx, customer, query, page, page_size).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// The same as it was at one instant, at most 50,000 rows.
///
/// # Errors
/// `NotFound` for who may not read it, and whatever `take` gives.
pub async fn export_own(
    platform: &Platform,
    ctx: &OpContext,
    query: &OwnAuditQuery,
    mut take: impl FnMut(OwnAuditView) -> Result<()> + Send,
) -> Result<()> {
    let customer = customer(ctx)?;
    let mut tx = platform.db().snapshot(ctx).await?;
    for number in 1..=MAX_EXPORT / EXPORT_PAGE {
        let (rows, _) = store::own::list(&mut tx, customer, query, number, EXPORT_PAGE).await?;
        let last = rows.len() < EXPORT_PAGE as usize;
        rows.into_iter().try_for_each(&mut take)?;
        if last {
            break;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// Who takes it away is part of it: to be called before the rows are read.
///
/// # Errors
/// `NotFound` for who may not read it.
pub async fn note_export_own(platform: &Platform, ctx: &OpContext, query: &OwnAuditQuery) -> Result<()> {
    let customer = customer(ctx)?;
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

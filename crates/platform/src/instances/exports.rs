//! Lists of instances for workbooks: all of these filters, as they stood at one instant.

use contract::instances::{InstanceQuery, InstanceSort, InstanceView};
use contract::{CustomerId, Permission, SortDirection, UserId};

use super::{listed, sort_of, store, system, views};
use crate::authz::InstanceRef;
use crate::exports::Pages;
use crate::{Error, OpContext, Platform, Result, audit};

/// In the audit log, of a list that was taken away.
const EXPORT: &str = "instances:export";

/// One's customer's, or one's own; true when there are more than fit into a workbook. Who takes them away is in the log.
///
/// # Errors
/// As the list's, and whatever `take` gives.
pub async fn export(
    platform: &Platform,
    ctx: &OpContext,
    query: &InstanceQuery,
    take: impl FnMut(InstanceView) -> Result<()> + Send,
) -> Result<bool> {
    let (customer, person) = listed(&ctx.trying_new(EXPORT, "instance"))?;
    // Read as the system: nobody has instances without a customer.
    let customer = customer.ok_or_else(Error::not_found)?;
    let sort = sort_of(query)?;
    audit::record_export(platform, ctx, (EXPORT, "instance"), Some(customer), query).await?;
    all(platform, ctx, (Some(customer), person), (query, &sort), take).await
}

/// The same of everybody's, for staff.
///
/// # Errors
/// As the list's, and whatever `take` gives.
pub async fn export_all(
    platform: &Platform,
    ctx: &OpContext,
    query: &InstanceQuery,
    take: impl FnMut(InstanceView) -> Result<()> + Send,
) -> Result<bool> {
    ctx.trying_new(EXPORT, "instance").authorize_list::<InstanceRef>(Permission::InstancesView)?;
    let sort = sort_of(query)?;
    audit::record_export(platform, ctx, (EXPORT, "instance"), None, query).await?;
    all(platform, ctx, (query.customer_id, None), (query, &sort), take).await
}

/// What is told of them comes of engines and prices, which are the system's to look at, and is to be of the same instant.
async fn all(
    platform: &Platform,
    ctx: &OpContext,
    whose: (Option<CustomerId>, Option<UserId>),
    (query, sort): (&InstanceQuery, &[(InstanceSort, SortDirection)]),
    mut take: impl FnMut(InstanceView) -> Result<()> + Send,
) -> Result<bool> {
    let mut tx = platform.db().snapshot(&system(ctx)).await?;
    let mut pages = Pages::new();
    while let Some(place) = pages.wanted() {
        let (rows, _) = store::list(&mut tx, whose, query, sort, place).await?;
        let list = match ctx.is_staff() {
            true => views::for_staff_in_tx(platform, &mut tx, ctx, rows).await?,
            false => views::all_in_tx(platform, &mut tx, ctx, rows).await?,
        };
        pages.hand_on(list, &mut take)?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}

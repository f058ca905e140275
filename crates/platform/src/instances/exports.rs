//! Lists of instances for workbooks: all of these filters, as they stood at one instant.

use contract::instances::{InstanceQuery, InstanceView};
use contract::{CustomerId, Permission, UserId};

use super::store::{self, Row};
use super::{listed, sort_of, views};
use crate::authz::InstanceRef;
use crate::{OpContext, Platform, Result, audit};

/// In the audit log, of a list that was taken away.
const EXPORT: &str = "instances:export";
/// Most rows of an export, and those that are read at a time.
const MAX_EXPORT: u32 = 50_000;
const EXPORT_PAGE: u32 = 1000;

/// One's customer's, or one's own, at most 50,000; who takes them away is in the log.
///
/// # Errors
/// As the list's, and whatever `take` gives.
pub async fn export(
    platform: &Platform,
    ctx: &OpContext,
    query: &InstanceQuery,
    mut take: impl FnMut(InstanceView) -> Result<()> + Send,
) -> Result<()> {
    let whose = listed(&ctx.trying_new(EXPORT, "instance"))?;
    let mut rows = read(platform, ctx, whose, (query, whose.0)).await?;
    while !rows.is_empty() {
        let part = first(&mut rows);
        views::all(platform, ctx, part).await?.into_iter().try_for_each(&mut take)?;
    }
    Ok(())
}

/// The same of everybody's, for staff.
///
/// # Errors
/// As the list's, and whatever `take` gives.
pub async fn export_all(
    platform: &Platform,
    ctx: &OpContext,
    query: &InstanceQuery,
    mut take: impl FnMut(InstanceView) -> Result<()> + Send,
) -> Result<()> {
    ctx.trying_new(EXPORT, "instance").authorize_list::<InstanceRef>(Permission::InstancesView)?;
    let mut rows = read(platform, ctx, (query.customer_id, None), (query, None)).await?;
    while !rows.is_empty() {
        let part = first(&mut rows);
        views::for_staff(platform, ctx, part).await?.into_iter().try_for_each(&mut take)?;
    }
    Ok(())
}

/// So many as are read at a time, taken from the front.
fn first(rows: &mut Vec<Row>) -> Vec<Row> {
    let rest = rows.split_off(rows.len().min(EXPORT_PAGE as usize));
    std::mem::replace(rows, rest)
}

/// The rows; with the customer in whose log it stands that they were taken.
async fn read(
    platform: &Platform,
    ctx: &OpContext,
    whose: (Option<CustomerId>, Option<UserId>),
    (query, of): (&InstanceQuery, Option<CustomerId>),
) -> Result<Vec<Row>> {
    let sort = sort_of(query)?;
    audit::record_export(platform, ctx, (EXPORT, "instance"), of, query).await?;
    let mut tx = platform.db().snapshot(ctx).await?;
    let mut all = Vec::new();
    for number in 1..=MAX_EXPORT / EXPORT_PAGE {
        let (rows, _) = store::list(&mut tx, whose, query, &sort, (number, EXPORT_PAGE)).await?;
        let last = rows.len() < EXPORT_PAGE as usize;
        all.extend(rows);
        if last {
            break;
        }
    }
    tx.commit().await?;
    Ok(all)
}

//! Lists of allocations: everybody's for staff, its own for a customer, and the whole of one for an export.

use std::collections::HashMap;

use contract::allocations::{AllocationQuery, AllocationSort, AllocationState, AllocationView, MachineLoad};
use contract::{Page, Permission, SortDirection};

use super::{access, own_customer, store, views};
use crate::authz::{AllocationRef, Scope};
use crate::db::Tx;
use crate::exports::Pages;
use crate::{Error, OpContext, Platform, Result, audit, customers, machines, metrics};

/// Every allocation: those that end first on top, those that are over last, unless another order is asked for.
pub async fn list(platform: &Platform, ctx: &OpContext, query: &AllocationQuery) -> Result<Page<AllocationView>> {
    let scope = ctx.authorize_list::<AllocationRef>(Permission::AllocationsManage)?;
    page(platform, ctx, scope, query).await
}

/// What the customer one acts for has, had and will have; of what it has now, how busy it is and how one gets onto it.
pub async fn mine(platform: &Platform, ctx: &OpContext, query: &AllocationQuery) -> Result<Page<AllocationView>> {
    let scope = Scope::Customer(own_customer(ctx, Permission::AllocationsView)?);
    let mut found = page(platform, ctx, scope, query).await?;
    if ctx.holds(Permission::AllocationsMonitor) && query.load != Some(false) {
        access::add_lines(platform, ctx, &mut found.list).await?;
        let has_now = |row: &AllocationView| row.state == AllocationState::Active && row.ends_at > ctx.now();
        let codes: Vec<_> = found.list.iter().filter(|row| has_now(row)).map(|row| row.machine.clone()).collect();
        if !codes.is_empty() {
            // How busy they are is worth no error.
            let live = metrics::live_of_machines(platform, ctx, &codes).await.unwrap_or_default();
            for row in found.list.iter_mut().filter(|row| has_now(row)) {
                row.load = live.get(&row.machine).and_then(MachineLoad::of);
            }
        }
    }
    Ok(found)
}

/// Most of those that there is something to say of.
const MOST_OF_NOTE: usize = 100;

/// Of what the customer one acts for has or will have, that of which there is something to say: a maintenance, an end that was
/// reminded of, or a grace that runs; and whether the caller can get at what is on it. However many it has: they are looked for
/// among all.
pub async fn of_note(platform: &Platform, ctx: &OpContext) -> Result<Vec<(AllocationView, bool)>> {
    let customer = own_customer(ctx, Permission::AllocationsView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let held = store::held_of(&mut tx, customer).await?;
    let machines: Vec<i64> = held.iter().map(|(_, machine, _)| *machine).collect();
    let windows = machines::maintenance_of(&mut tx, &machines).await?;
    let is_of_note = |(_, machine, ends): &&(i64, i64, bool)| *ends || windows.contains_key(machine);
    let ids: Vec<i64> = held.iter().filter(is_of_note).map(|(id, ..)| *id).take(MOST_OF_NOTE).collect();
    let rows = store::get_all(&mut tx, &ids).await?;
    let list = views(platform, ctx, &mut tx, rows).await?;
    tx.commit().await?;
    let reached = match ctx.holds(Permission::AllocationsMonitor) {
        true => access::reached(platform, ctx, &list).await?,
        false => HashMap::new(),
    };
    let noted = list.into_iter().map(|row| {
        let there = reached.contains_key(&row.id);
        (row, there)
    });
    Ok(noted.collect())
}

/// Who takes the list away is in the log: to be called before it is read for a workbook.
pub async fn note_export(platform: &Platform, ctx: &OpContext, query: &AllocationQuery) -> Result<()> {
    ctx.trying_new("allocations:export", "allocation")
        .authorize_list::<AllocationRef>(Permission::AllocationsManage)?;
    audit::record_export(platform, ctx, ("allocations:export", "allocation"), query.customer_id, query).await
}

/// Every allocation of these filters, as it all was at one instant; true when there are more than fit into a workbook.
///
/// # Errors
/// As [`list`]'s, and whatever `take` gives.
pub async fn export(
    platform: &Platform,
    ctx: &OpContext,
    query: &AllocationQuery,
    mut take: impl FnMut(AllocationView) -> Result<()> + Send,
) -> Result<bool> {
    let scope = ctx.authorize_list::<AllocationRef>(Permission::AllocationsManage)?;
    let mut tx = platform.db().snapshot(ctx).await?;
    let mut pages = Pages::new();
    while let Some((number, size)) = pages.wanted() {
        let (rows, _) = read(&mut tx, ctx, scope, query, number, size).await?;
        pages.hand_on(views(platform, ctx, &mut tx, rows).await?, &mut take)?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}

async fn page(
    platform: &Platform,
    ctx: &OpContext,
    scope: Scope,
    query: &AllocationQuery,
) -> Result<Page<AllocationView>> {
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (rows, total) = read(&mut tx, ctx, scope, query, page, page_size).await?;
    let list = views(platform, ctx, &mut tx, rows).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// The first of these filters that are not over, and how many there are, for a bulk of the caller's that was permitted.
pub(super) async fn holding(
    tx: &mut Tx,
    ctx: &OpContext,
    query: &AllocationQuery,
    most: u32,
) -> Result<(Vec<store::Row>, u64)> {
    let scope = ctx.authorize_list::<AllocationRef>(Permission::AllocationsManage)?;
    let filter = filter(tx, ctx, scope, query).await?;
    store::list(tx, &store::Filter { holding: true, ..filter }, &store::Order::default(), 1, most).await
}

async fn read(
    tx: &mut Tx,
    ctx: &OpContext,
    scope: Scope,
    query: &AllocationQuery,
    page: u32,
    page_size: u32,
) -> Result<(Vec<store::Row>, u64)> {
    let sort = contract::sort_of(query.sort.as_deref(), AllocationSort::parse)
        .map_err(|_| Error::field("sort", "field-sort-unknown"))?;
    let order = order(tx, sort).await?;
    let filter = filter(tx, ctx, scope, query).await?;
    store::list(tx, &filter, &order, page, page_size).await
}

async fn filter<'a>(
    tx: &mut Tx,
    ctx: &OpContext,
    scope: Scope,
    query: &'a AllocationQuery,
) -> Result<store::Filter<'a>> {
    let search = match query.q.as_deref().map(str::trim).filter(|q| !q.is_empty()) {
        Some(text) => Some(store::Search {
            machines: machines::matching(tx, text).await?,
            customers: customers::matching(tx, text).await?,
        }),
        None => None,
    };
    let machine = match query.machine.as_deref() {
        Some(code) => Some(machines::id_in_tx(tx, code).await?.ok_or_else(Error::not_found)?),
        None => None,
    };
    Ok(store::Filter { scope, query, machine, search, holding: query.held == Some(true), now: ctx.now() })
}

/// Names are other slices': where they decide, the ids come in their order.
async fn order(tx: &mut Tx, columns: Vec<(AllocationSort, SortDirection)>) -> Result<store::Order> {
    let by = |column: AllocationSort| columns.iter().any(|(sort, _)| *sort == column);
    let machines = if by(AllocationSort::Machine) { machines::ids_by_name(tx).await? } else { Vec::new() };
    let customers = if by(AllocationSort::Customer) { customers::ids_by_name(tx).await? } else { Vec::new() };
    Ok(store::Order { columns, machines, customers })
}

//! Who has the machines of a list: what narrows it, what orders it, and what there is to choose from; only for who may know.

use std::collections::{HashMap, HashSet};

use contract::machines::{MachineCustomer, MachineFacets, MachineQuery, MachineSort};
use contract::{CustomerId, Permission, SortDirection};

use super::store;
use crate::authz::AllocationRef;
use crate::db::Tx;
use crate::{OpContext, Result, allocations, customers};

/// What is looked for, and in which order; who has a machine is another slice's to say.
pub(super) async fn wanted<'a>(
    tx: &mut Tx,
    ctx: &OpContext,
    query: &'a MachineQuery,
    sort: &[(MachineSort, SortDirection)],
) -> Result<store::Wanted<'a>> {
    let by_customer = sort.iter().any(|(column, _)| *column == MachineSort::Customer);
    let (customer, lent) = (query.customer_id, query.lent);
    let narrowed = customer.is_some() || lent.is_some();
    if !narrowed && !by_customer {
        return Ok(store::Wanted { query, among: None, places: None });
    }
    ctx.authorize_many::<AllocationRef>(Permission::AllocationsManage)?;
    let holders = allocations::holders(tx, None, ctx.now()).await?;
    let places = match by_customer {
        true => {
            let order = places(tx).await?;
            let place = |id: CustomerId| order.get(&id.0).copied().unwrap_or_default();
            Some(holders.iter().map(|(id, holder)| (id.0, place(holder.customer_id))).collect())
        }
        false => None,
    };
    let among = narrowed.then(|| {
        let held = holders.into_iter().filter(|(_, holder)| customer.is_none_or(|id| holder.customer_id == id));
        (held.map(|(id, _)| id.0).collect(), lent.unwrap_or(true))
    });
    Ok(store::Wanted { query, among, places })
}

/// What the list's filters offer. Of customers those who have a machine now, and the one that is chosen.
pub(super) async fn facets(tx: &mut Tx, ctx: &OpContext, chosen: Option<CustomerId>) -> Result<MachineFacets> {
    let mut facets = store::facets(tx).await?;
    if ctx.holds(Permission::AllocationsManage) {
        let holders = allocations::holders(tx, None, ctx.now()).await?;
        let ids: HashSet<i64> =
            holders.values().map(|holder| holder.customer_id.0).chain(chosen.map(|id| id.0)).collect();
        let ids: Vec<i64> = ids.into_iter().collect();
        let order = places(tx).await?;
        let named = customers::names(tx, &ids).await?.into_iter();
        facets.customers = named.map(|(id, name)| MachineCustomer { id: CustomerId(id), name }).collect();
        facets.customers.sort_by_key(|customer| (order.get(&customer.id.0).copied(), customer.id.0));
    }
    Ok(facets)
}

/// The place of each customer among all of them, by name.
async fn places(tx: &mut Tx) -> Result<HashMap<i64, i64>> {
    Ok(customers::ids_by_name(tx).await?.into_iter().zip(0..).collect())
}

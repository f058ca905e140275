//! Customers: organisations that rent, and the people in them. Their own view; staff get theirs with the fleet.

mod store;

use contract::customers::{CustomerView, MemberView};
use contract::{CustomerId, ErrorCode};

use crate::authz::{CustomerRef, ListMembers, ViewCustomer};
use crate::{Error, OpContext, Platform, Result};

/// The customer one acts for.
///
/// # Errors
/// `NotFound` for people who belong to none, such as platform staff.
pub async fn mine(platform: &Platform, ctx: &OpContext) -> Result<CustomerView> {
    let id = active(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(ViewCustomer, &resource(id))?;
    let view = store::view(&mut tx, granted.id()).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?;
    Ok(view)
}

/// The people of the customer one acts for; for its owners.
pub async fn members(platform: &Platform, ctx: &OpContext) -> Result<Vec<MemberView>> {
    let id = active(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(ListMembers, &resource(id))?;
    let list = store::members(&mut tx, granted.id()).await?;
    tx.commit().await?;
    Ok(list)
}

fn active(ctx: &OpContext) -> Result<CustomerId> {
    let user = ctx.user().ok_or_else(|| Error::new(ErrorCode::Unauthenticated))?;
    user.active_customer.ok_or_else(Error::not_found)
}

fn resource(id: CustomerId) -> CustomerRef {
    CustomerRef { id, customer: Some(id), owner: None, machine: None }
}

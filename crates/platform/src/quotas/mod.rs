//! Limits of people and customers. What is used of them is counted by the areas that use it.

mod store;

use contract::quotas::{MAX_QUOTA, Quota, QuotaResource, QuotaUsage};
use contract::{CustomerId, UserId};

use crate::accounts::users;
use crate::authz::{CustomerRef, ManageCustomer, UpdateCustomer, UpdateUser, UserRef, ViewUser};
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result, audit, customers};

/// A person's limits.
pub async fn of_user(platform: &Platform, ctx: &OpContext, id: UserId) -> Result<Quota> {
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(ViewUser, &UserRef::of_platform(id))?;
    users::exists_in_tx(&mut tx, id).await?;
    let quota = store::get(&mut tx, "user", granted.id().0).await?;
    tx.commit().await?;
    Ok(quota)
}

/// A person's limits beside what is used of them.
pub async fn usage_of_user(platform: &Platform, ctx: &OpContext, id: UserId) -> Result<Vec<QuotaUsage>> {
    let quota = of_user(platform, ctx, id).await?;
    Ok(QuotaResource::ALL
        .iter()
        .map(|resource| QuotaUsage { resource: *resource, limit: quota.get(*resource), used: None })
        .collect())
}

/// Replaces a person's limits.
pub async fn set_of_user(platform: &Platform, ctx: &OpContext, id: UserId, quota: Quota) -> Result<Quota> {
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(UpdateUser, &UserRef::of_platform(id))?;
    users::lock_in_tx(&mut tx, id).await?;
    check(&quota)?;
    let before = store::get(&mut tx, "user", id.0).await?;
    store::set_of_user(&mut tx, &granted, &quota).await?;
    audit::record_in_tx(&mut tx, ctx, entry("user", id.to_string(), None, &before, &quota)?).await?;
    tx.commit().await?;
    Ok(quota)
}

/// A customer's limits.
pub async fn of_customer(platform: &Platform, ctx: &OpContext, id: CustomerId) -> Result<Quota> {
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(ManageCustomer, &customer(id))?;
    customers::exists_in_tx(&mut tx, id).await?;
    let quota = store::get(&mut tx, "customer", granted.id().0).await?;
    tx.commit().await?;
    Ok(quota)
}

/// Replaces a customer's limits.
pub async fn set_of_customer(platform: &Platform, ctx: &OpContext, id: CustomerId, quota: Quota) -> Result<Quota> {
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(UpdateCustomer, &customer(id))?;
    customers::lock_present(&mut tx, id).await?;
    check(&quota)?;
    let before = store::get(&mut tx, "customer", id.0).await?;
    store::set_of_customer(&mut tx, &granted, &quota).await?;
    audit::record_in_tx(&mut tx, ctx, entry("customer", id.to_string(), Some(id), &before, &quota)?).await?;
    tx.commit().await?;
    Ok(quota)
}

fn customer(id: CustomerId) -> CustomerRef {
    CustomerRef { id, customer: Some(id), owner: None, machine: None }
}

fn check(quota: &Quota) -> Result<()> {
    let mut wrong = Wrong::new();
    for resource in QuotaResource::ALL {
        if quota.get(*resource).is_some_and(|limit| !(0..=MAX_QUOTA).contains(&limit)) {
            let args = vec![("min", "0".to_owned()), ("max", MAX_QUOTA.to_string())];
            wrong.add_with(resource.code(), "field-number-range", args);
        }
    }
    wrong.into_result()
}

fn entry(
    kind: &'static str,
    id: String,
    customer: Option<CustomerId>,
    before: &Quota,
    after: &Quota,
) -> Result<audit::Entry> {
    Ok(audit::Entry {
        action: "quotas:update",
        target_kind: kind,
        target_id: Some(id),
        customer,
        before: Some(serde_json::to_value(before).map_err(Error::internal)?),
        after: Some(serde_json::to_value(after).map_err(Error::internal)?),
    })
}

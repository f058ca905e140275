//! Limits of people and customers, and what is used now. What nothing counts yet has no number, rather than a zero.

mod store;

use contract::files::{GB, StorageView};
use contract::quotas::{CountedResource, MAX_QUOTA, Quota, QuotaResource, QuotaUsage};
use contract::{CustomerId, Permission, UserId};

use crate::accounts::users;
use crate::allocations;
use crate::authz::{CustomerRef, FileRef, ManageCustomer, UpdateCustomer, UpdateUser, UserRef, ViewUser};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result, audit, customers, files, instances, roles};

/// A person's limits.
pub async fn of_user(platform: &Platform, ctx: &OpContext, id: UserId) -> Result<Quota> {
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(ViewUser, &UserRef::of_platform(id))?;
    users::exists_in_tx(&mut tx, id).await?;
    let quota = store::get(&mut tx, "user", granted.id().0).await?;
    tx.commit().await?;
    Ok(quota)
}

/// A person's limits beside what is used. Machines are lent to customers, so that a person has a part in those and none
/// alone: they are counted, and what a limit of the person's own would be compared with is not used by anything yet.
pub async fn usage_of_user(platform: &Platform, ctx: &OpContext, id: UserId) -> Result<Vec<QuotaUsage>> {
    let quota = of_user(platform, ctx, id).await?;
    let mut tx = platform.db().begin(ctx).await?;
    let customers = users::customers_in_tx(&mut tx, id).await?;
    let ids: Vec<i64> = customers.iter().map(|id| id.0).collect();
    let held = allocations::holdings(platform, &mut tx, ctx, &ids).await?;
    let stored = files::bytes_of(&mut tx, id).await?;
    let taken = instances::usage(&mut tx, None, Some(id)).await?;
    tx.commit().await?;
    Ok(counted(&quota, stored, |resource| match resource {
        CountedResource::Instances => Some(taken.instances),
        CountedResource::Gpu => Some(taken.gpus),
        CountedResource::Cpu => Some(taken.cores),
        CountedResource::Memory => Some(taken.memory_gb),
        CountedResource::Disk => Some(taken.disk_gb),
        CountedResource::Storage => i64::try_from(stored.div_ceil(GB)).ok(),
        CountedResource::Machines => Some(held.machines),
        CountedResource::Customers => Some(i64::try_from(customers.len()).unwrap_or(i64::MAX)),
        _ => None,
    }))
}

/// A customer's limits beside what is used of them.
pub async fn usage_of_customer(platform: &Platform, ctx: &OpContext, id: CustomerId) -> Result<Vec<QuotaUsage>> {
    let quota = of_customer(platform, ctx, id).await?;
    let mut tx = platform.db().begin(ctx).await?;
    let people = customers::member_count(&mut tx, id).await?;
    let held = allocations::holdings(platform, &mut tx, ctx, &[id.0]).await?;
    let stored = files::bytes_of_customer(&mut tx, id).await?;
    let taken = instances::usage(&mut tx, Some(id), None).await?;
    tx.commit().await?;
    Ok(counted(&quota, stored, |resource| match resource {
        CountedResource::Instances => Some(taken.instances),
        CountedResource::Cpu => Some(taken.cores),
        CountedResource::Memory => Some(taken.memory_gb),
        CountedResource::Disk => Some(taken.disk_gb),
        CountedResource::Storage => i64::try_from(stored.div_ceil(GB)).ok(),
        CountedResource::Gpu => Some(held.gpus.saturating_add(taken.gpus)),
        CountedResource::Machines => Some(held.machines),
        CountedResource::People => Some(people),
        _ => None,
    }))
}

/// Everything that is limited, and what else is counted.
fn counted(quota: &Quota, stored: u64, used: impl Fn(CountedResource) -> Option<i64>) -> Vec<QuotaUsage> {
    let rows = CountedResource::ALL.iter().map(|resource| {
        let limited = resource.limited();
        let limit = limited.and_then(|resource| quota.get(resource));
        let used_bytes = (*resource == CountedResource::Storage).then_some(stored);
        (limited.is_some(), QuotaUsage { resource: *resource, limit, used: used(*resource), used_bytes })
    });
    rows.filter(|(limited, row)| *limited || row.used.is_some()).map(|(_, row)| row).collect()
}

/// Replaces a person's limits.
///
/// # Errors
/// `Forbidden` when the person may what the caller does not hold.
pub async fn set_of_user(platform: &Platform, ctx: &OpContext, id: UserId, quota: Quota) -> Result<Quota> {
    let ctx = &ctx.trying(about("user", id.to_string(), None));
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(UpdateUser, &UserRef::of_platform(id))?;
    users::lock_in_tx(&mut tx, id).await?;
    roles::must_cover_user_in_tx(&mut tx, ctx, id).await?;
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
    let ctx = &ctx.trying(about("customer", id.to_string(), Some(id)));
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

/// What a person and a customer may store, GB; nothing is no limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StorageLimits {
    pub person: Option<u64>,
    pub customer: Option<u64>,
}

/// See [`StorageLimits`]; asked where something is stored, under the lock of what is stored there already.
pub(crate) async fn storage_in_tx(
    tx: &mut Tx,
    person: Option<UserId>,
    customer: Option<CustomerId>,
) -> Result<StorageLimits> {
    let mut limits = StorageLimits::default();
    if let Some(person) = person {
        limits.person = store::get(tx, "user", person.0).await?.storage_gb.map(i64::unsigned_abs);
    }
    if let Some(customer) = customer {
        limits.customer = store::get(tx, "customer", customer.0).await?.storage_gb.map(i64::unsigned_abs);
    }
    Ok(limits)
}

/// What one's customer, and oneself, store beside the limits.
///
/// # Errors
/// `NotFound` for who acts for no customer.
pub async fn storage(platform: &Platform, ctx: &OpContext) -> Result<StorageView> {
    ctx.authorize_list::<FileRef>(Permission::FilesView)?;
    let acting = ctx.user().and_then(|user| Some((user.id, user.active_customer?)));
    let (person, customer) = acting.ok_or_else(Error::not_found)?;
    let mut tx = platform.db().begin(ctx).await?;
    let limits = storage_in_tx(&mut tx, Some(person), Some(customer)).await?;
    let used = files::bytes_of_customer(&mut tx, customer).await?;
    let own_used = files::bytes_of(&mut tx, person).await?;
    tx.commit().await?;
    let bytes = |gb: Option<u64>| gb.map(|gb| gb.saturating_mul(GB));
    Ok(StorageView { used, limit: bytes(limits.customer), own_used, own_limit: bytes(limits.person) })
}

/// Every limit of a person and of a customer; asked where something is taken, under the lock of what is taken already.
pub(crate) async fn limits_in_tx(tx: &mut Tx, person: UserId, customer: CustomerId) -> Result<(Quota, Quota)> {
    Ok((store::get(tx, "user", person.0).await?, store::get(tx, "customer", customer.0).await?))
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
        before: Some(serde_json::to_value(before).map_err(Error::internal)?),
        after: Some(serde_json::to_value(after).map_err(Error::internal)?),
        ..about(kind, id, customer)
    })
}

fn about(target_kind: &'static str, id: String, customer: Option<CustomerId>) -> audit::Entry {
    let action = "quotas:update";
    audit::Entry { action, target_kind, target_id: Some(id), customer, before: None, after: None }
}

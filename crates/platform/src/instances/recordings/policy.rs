//! Whether sessions are recorded: for everybody by a setting, and stricter for single customers.

use contract::access::RecordingPolicy;
use contract::{CustomerId, InstanceId};
use serde_json::json;

use crate::authz::{CustomerRef, ManageCustomer, UpdateCustomer};
use crate::instances::{own_row, store, worker};
use crate::{OpContext, Platform, Result, audit, customers, settings};

fn customer(id: CustomerId) -> CustomerRef {
    CustomerRef { customer: Some(id), ..CustomerRef::of_platform(id) }
}

/// What holds for a customer; nothing where it is not recorded.
pub(super) async fn of_customer(platform: &Platform, id: CustomerId) -> Result<Option<settings::Recording>> {
    let policy = settings::recording(platform).await;
    if policy.on {
        return Ok(Some(policy));
    }
    let mut tx = platform.db().begin(&worker(platform)).await?;
    let always = store::is_always_recorded(&mut tx, id).await?;
    tx.commit().await?;
    Ok(always.then_some(policy))
}

/// By what policy what somebody does in one of their instances is recorded, to be told before they come in; nothing where it
/// is not.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn recorded_here(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
) -> Result<Option<settings::Recording>> {
    let row = own_row(platform, ctx, id).await?;
    of_customer(platform, row.customer).await
}

/// What holds for a customer, for staff.
///
/// # Errors
/// `NotFound` where there is no such customer.
pub async fn recording_policy(platform: &Platform, ctx: &OpContext, id: CustomerId) -> Result<RecordingPolicy> {
    let mut tx = platform.db().begin(ctx).await?;
    ctx.authorize(ManageCustomer, &customer(id))?;
    customers::exists_in_tx(&mut tx, id).await?;
    let always = store::is_always_recorded(&mut tx, id).await?;
    tx.commit().await?;
    Ok(RecordingPolicy { always, usual: settings::recording(platform).await.on })
}

/// Has a customer's sessions recorded whatever holds for everybody, from the next one on; or as for everybody.
///
/// # Errors
/// `NotFound` where there is no such customer.
pub async fn set_recording_policy(
    platform: &Platform,
    ctx: &OpContext,
    id: CustomerId,
    always: bool,
) -> Result<RecordingPolicy> {
    let ctx = &ctx.trying_on("customers:set-recording", "customer", id);
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(UpdateCustomer, &customer(id))?;
    customers::lock_present(&mut tx, id).await?;
    let before = store::is_always_recorded(&mut tx, id).await?;
    store::set_always_recorded(&mut tx, &granted, always).await?;
    let fact = |always: bool| Some(json!({ "always": always }));
    let entry = audit::Entry {
        action: "customers:set-recording",
        target_kind: "customer",
        target_id: Some(id.to_string()),
        customer: Some(id),
        before: fact(before),
        after: fact(always),
    };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(RecordingPolicy { always, usual: settings::recording(platform).await.on })
}

//! Deleting a customer so that it can be brought back.

use contract::customers::CustomerRow;
use contract::{CustomerId, ErrorCode, May};

use super::{entry, facts, read, resource, store, tell_of_switch};
use crate::authz::DeleteCustomer;
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, allocations, audit, instances, may};

/// Deletes a customer; again is no error and changes nothing. Its people lose it as those of a disabled one do.
///
/// # Errors
/// `WrongState` while it has machines, will have one, or one is on its way back, and while it has instances.
pub async fn delete(platform: &Platform, ctx: &OpContext, id: CustomerId) -> Result<CustomerRow> {
    let mut tx = platform.db().begin(ctx).await?;
    let ctx = &ctx.trying(entry("customers:delete", id));
    let granted = ctx.authorize(DeleteCustomer, &resource(id))?;
    // Whoever lends it a machine meets this lock.
    let deleted_at = store::lock_any(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    if deleted_at.is_none() {
        may_be_deleted(&mut tx, id).await?;
        let before = Some(facts(&read(&mut tx, id).await?));
        store::set_deleted(&mut tx, &granted, Some(ctx.now())).await?;
        let after = Some(serde_json::json!({ "deleted": true }));
        audit::record_in_tx(&mut tx, ctx, audit::Entry { before, after, ..entry("customers:delete", id) }).await?;
        tell_of_switch(platform, &mut tx, ctx, id, "deleted").await?;
    }
    let row = read(&mut tx, id).await?;
    tx.commit().await?;
    Ok(row)
}

/// Whether a customer may be deleted, by whoever has the permission.
async fn may_be_deleted(tx: &mut Tx, id: CustomerId) -> Result<()> {
    let has = |key, n| Err(Error::new(ErrorCode::WrongState).with_key(key).with_arg("n", n));
    match (allocations::running_of(tx, id).await?, instances::live_of(tx, id).await?) {
        (0, 0) => Ok(()),
        (0, n) => has("error-customer-has-instances", n),
        (n, _) => has("error-customer-has-machines", n),
    }
}

/// The same for a view.
pub(super) async fn may_delete(tx: &mut Tx, ctx: &OpContext, id: CustomerId) -> Result<May> {
    may(ctx, ctx.authorize(DeleteCustomer, &resource(id)).is_ok(), may_be_deleted(tx, id).await)
}

/// Brings a deleted customer back as it was, disabled if it was; again is no error and changes nothing.
///
/// # Errors
/// `AlreadyExists` when its name was given to another meanwhile.
pub async fn restore(platform: &Platform, ctx: &OpContext, id: CustomerId) -> Result<CustomerRow> {
    let mut tx = platform.db().begin(ctx).await?;
    let ctx = &ctx.trying(entry("customers:restore", id));
    let granted = ctx.authorize(DeleteCustomer, &resource(id))?;
    if store::lock_any(&mut tx, id).await?.ok_or_else(Error::not_found)?.is_some() {
        store::set_deleted(&mut tx, &granted, None).await?;
        let before = Some(serde_json::json!({ "deleted": true }));
        let after = Some(facts(&read(&mut tx, id).await?));
        audit::record_in_tx(&mut tx, ctx, audit::Entry { before, after, ..entry("customers:restore", id) }).await?;
        tell_of_switch(platform, &mut tx, ctx, id, "restored").await?;
    }
    let row = read(&mut tx, id).await?;
    tx.commit().await?;
    Ok(row)
}

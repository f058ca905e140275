//! Deleting a customer so that it can be brought back.

use contract::customers::CustomerRow;
use contract::{CustomerId, ErrorCode};

use super::{entry, facts, read, resource, store};
use crate::authz::DeleteCustomer;
use crate::{Error, OpContext, Platform, Result, allocations, audit, instances};

/// Deletes a customer; again is no error and changes nothing. Its people lose it as those of a disabled one do.
///
/// # Errors
/// `WrongState` while it has machines, will have one, or one is on its way back.
pub async fn delete(platform: &Platform, ctx: &OpContext, id: CustomerId) -> Result<CustomerRow> {
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(DeleteCustomer, &resource(id))?;
    // Whoever lends it a machine meets this lock.
    let deleted_at = store::lock_any(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    if deleted_at.is_none() {
        let running = allocations::running_of(&mut tx, id).await?;
        if running > 0 {
            return Err(Error::new(ErrorCode::WrongState)
                .with_key("error-customer-has-machines")
                .with_arg("n", running));
        }
        let instances = instances::live_of(&mut tx, id).await?;
        if instances > 0 {
            return Err(Error::new(ErrorCode::WrongState)
                .with_key("error-customer-has-instances")
                .with_arg("n", instances));
        }
        let before = Some(facts(&read(&mut tx, id).await?));
        store::set_deleted(&mut tx, &granted, Some(ctx.now())).await?;
        audit::record_in_tx(&mut tx, ctx, audit::Entry { before, ..entry("customers:delete", id) }).await?;
    }
    let row = read(&mut tx, id).await?;
    tx.commit().await?;
    Ok(row)
}

/// Brings a deleted customer back as it was, disabled if it was; again is no error and changes nothing.
///
/// # Errors
/// `AlreadyExists` when its name was given to another meanwhile.
pub async fn restore(platform: &Platform, ctx: &OpContext, id: CustomerId) -> Result<CustomerRow> {
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(DeleteCustomer, &resource(id))?;
    if store::lock_any(&mut tx, id).await?.ok_or_else(Error::not_found)?.is_some() {
        store::set_deleted(&mut tx, &granted, None).await?;
        audit::record_in_tx(&mut tx, ctx, entry("customers:restore", id)).await?;
    }
    let row = read(&mut tx, id).await?;
    tx.commit().await?;
    Ok(row)
}

//! Getting onto a machine and off it, by the machine's code.

use contract::allocations::{AllocationDetail, AllocationEnd, AllocationState};
use contract::machines::SshAccess;
use contract::{CustomerId, ErrorCode, MachineId, Permission};

use super::{held_now, store};
use crate::authz::AllocationRef;
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, machines};

/// Address, port and user of a machine one has, with the line to paste; never a secret.
///
/// # Errors
/// `NotFound` for a machine one's customer does not have now.
pub async fn ssh(platform: &Platform, ctx: &OpContext, machine: &str) -> Result<SshAccess> {
    held_now(platform, ctx, machine).await?;
    let mut tx = platform.db().begin(ctx).await?;
    let access = machines::ssh_access(&mut tx, machine, ctx.now()).await?;
    tx.commit().await?;
    Ok(access)
}

/// Takes a machine back from whoever has it now.
///
/// # Errors
/// `WrongState` when nobody has it, or it is on its way back already.
pub async fn end_of_machine(
    platform: &Platform,
    ctx: &OpContext,
    machine: &str,
    body: AllocationEnd,
) -> Result<AllocationDetail> {
    // Of the machine, until it is known which allocation that is.
    let tried = ctx.trying(machines::attempt("allocations:end", machine));
    tried.authorize_list::<AllocationRef>(Permission::AllocationsManage)?;
    let mut tx = platform.db().begin(ctx).await?;
    let id = machines::id_in_tx(&mut tx, machine).await?.ok_or_else(Error::not_found)?;
    let row = store::holding(&mut tx, id).await?.filter(|row| row.state != AllocationState::Scheduled);
    let row = row.ok_or_else(|| Error::new(ErrorCode::WrongState).with_key("error-machine-free"))?;
    tx.commit().await?;
    super::end(platform, ctx, row.id, body).await
}

/// Looking for a machine that one had is no attempt on what is others'.
pub(super) async fn unless_had(tx: &mut Tx, machine: MachineId, customer: CustomerId, unseen: Error) -> Result<Error> {
    let had = store::current(tx, machine, customer).await?.is_some()
        || store::last(tx, &[machine.0], customer).await?.is_some();
    Ok(if had { Error::not_found() } else { unseen })
}

//! Getting onto a machine and off it, by the machine's code.

use contract::allocations::{AllocationDetail, AllocationEnd, AllocationState};
use contract::machines::SshAccess;
use contract::{ErrorCode, Permission};

use super::{readable_now, store};
use crate::authz::AllocationRef;
use crate::{Error, OpContext, Platform, Result, machines};

/// Address, port and user of a machine one has, with the line to paste; never a secret. In the grace, too: what is there can be
/// read and downloaded until the machine is taken back.
///
/// # Errors
/// `NotFound` for a machine one's customer does not have, nor had until its grace.
pub async fn ssh(platform: &Platform, ctx: &OpContext, machine: &str) -> Result<SshAccess> {
    readable_now(platform, ctx, machine).await?;
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

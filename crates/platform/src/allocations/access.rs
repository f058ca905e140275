//! Getting onto a machine and off it, by the machine's code.

use contract::allocations::{AllocationDetail, AllocationEnd, AllocationState};
use contract::machines::SshAccess;
use contract::{CustomerId, ErrorCode, MachineId, PageQuery, Permission};

use super::{readable_now, store};
use crate::authz::AllocationRef;
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, accounts, machines, settings};

/// Address, port and user of a machine one has, with the line to paste and who manages keys there; never a secret. In the
/// grace, too, what is there can be read and downloaded: where the agent keeps keys, they stay until it is over.
///
/// # Errors
/// `NotFound` for a machine one's customer does not have, nor had until its grace.
pub async fn ssh(platform: &Platform, ctx: &OpContext, machine: &str) -> Result<SshAccess> {
    let row = readable_now(platform, ctx, machine).await?;
    let mut tx = platform.db().begin(ctx).await?;
    let mut access = machines::ssh_access(&mut tx, machine, ctx.now()).await?;
    tx.commit().await?;
    if access.keys_by_agent && row.grace_ends_at() <= platform.clock().now() {
        return Err(Error::not_found());
    }
    let door = settings::ssh(platform).await;
    if let (true, Some(account), Some(user)) = (access.keys_by_agent, &access.user, ctx.user()) {
        // A token that may not see one's keys sees none.
        access.has_key =
            accounts::list_ssh_keys(platform, ctx, &PageQuery::default()).await.is_ok_and(|keys| keys.total > 0);
        // With two, it is the machine that is meant, whatever instance is called like it.
        let at = format!("{}++{machine}@{}", user.name, door.host);
        let (straight, jump) = match door.port {
            22 => (format!("ssh {at}"), format!("ssh -J {at} {account}@{machine}")),
            port => (format!("ssh -p {port} {at}"), format!("ssh -J {at}:{port} {account}@{machine}")),
        };
        if door.open {
            (access.door, access.jump) = (Some(straight), Some(jump));
        }
    }
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

//! Getting onto a machine and off it, by the machine's code.

use std::collections::HashMap;

use chrono::TimeDelta;
use contract::allocations::{AllocationDetail, AllocationEnd, AllocationState, AllocationView};
use contract::machines::SshAccess;
use contract::{AllocationId, CustomerId, ErrorCode, MachineId, PageQuery, Permission};

use super::{readable_now, store};
use crate::authz::AllocationRef;
use crate::db::Tx;
use crate::settings::SshDoor;
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
    if access.keys_by_agent && access.user.is_some() && ctx.user().is_some() {
        // A token that may not see one's keys sees none.
        access.has_key =
            accounts::list_ssh_keys(platform, ctx, &PageQuery::default()).await.is_ok_and(|keys| keys.total > 0);
    }
    (access.door, access.jump) = through(&settings::ssh(platform).await, ctx, machine, &access).unzip();
    Ok(access)
}

/// The lines through the SSH door, straight and with one's own key to the end; `None` where it is closed or the agent keeps no
/// keys.
fn through(door: &SshDoor, ctx: &OpContext, machine: &str, access: &SshAccess) -> Option<(String, String)> {
    let (account, user) = (access.user.as_ref()?, ctx.user()?);
    // With two, it is the machine that is meant, whatever instance is called like it.
    let at = format!("{}++{machine}@{}", user.name, door.host);
    (door.open && access.keys_by_agent).then(|| match door.port {
        22 => (format!("ssh {at}"), format!("ssh -J {at} {account}@{machine}")),
        port => (format!("ssh -p {port} {at}"), format!("ssh -J {at}:{port} {account}@{machine}")),
    })
}

/// How one gets onto these machines of the caller's customer, by lease: of those that let one in, as [`ssh`] of each.
pub(super) async fn reached(
    platform: &Platform,
    ctx: &OpContext,
    rows: &[AllocationView],
) -> Result<HashMap<AllocationId, SshAccess>> {
    let now = platform.clock().now();
    let gets_there = |row: &&AllocationView| matches!(row.state, AllocationState::Active | AllocationState::Grace);
    let codes: Vec<String> = rows.iter().filter(gets_there).map(|row| row.machine.clone()).collect();
    if codes.is_empty() {
        return Ok(HashMap::new());
    }
    let mut tx = platform.db().begin(ctx).await?;
    let mut known = machines::ssh_access_of(&mut tx, &codes).await?;
    tx.commit().await?;
    let there = rows.iter().filter(gets_there).filter_map(|row| {
        let access = known.remove(&row.machine)?;
        let grace_ends_at = row.ends_at + TimeDelta::days(i64::from(row.grace_days));
        (!access.keys_by_agent || grace_ends_at > now).then_some((row.id, access))
    });
    Ok(there.collect())
}

/// Says of the caller's customer's machines how one gets onto them, as long as one does.
pub(super) async fn add_lines(platform: &Platform, ctx: &OpContext, rows: &mut [AllocationView]) -> Result<()> {
    let known = reached(platform, ctx, rows).await?;
    if known.is_empty() {
        return Ok(());
    }
    let door = settings::ssh(platform).await;
    for row in rows {
        let Some(access) = known.get(&row.id) else { continue };
        let straight = through(&door, ctx, &row.machine, access).map(|(straight, _)| straight);
        row.ssh = straight.or_else(|| access.command.clone());
    }
    Ok(())
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

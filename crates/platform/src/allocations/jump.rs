//! Coming to whole machines by the SSH door: which there are, and the way to the sshd of one, through its agent.
//!
//! Invariants: only to machines whose agent keeps keys, because its owner allowed both together; only to the sshd, through its
//! agent. Either one's own key is asked for again there, end to end; or the door comes in with a key of its own for the lease, which
//! the host takes from itself alone, and believes no sshd that the agent does not know. What ends the lease ends the way.

use chrono::{DateTime, Utc};
use contract::{CustomerId, ErrorCode, MachineId, Permission};
use runtime::docker::{Bytes, FaultKind};
use serde_json::json;

use super::{HoldingWatch, keys, readable_now, store};
use crate::authz::{AllocationRef, Scope};
use crate::{Error, OpContext, Platform, Principal, Result, SystemActor, audit, customers, machines, tunnels};

/// A machine one may come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineChoice {
    pub code: String,
    pub customer: CustomerId,
    pub customer_name: String,
    /// The host's account in which one's keys are.
    pub account: String,
}

/// What one may come to, over all the customers one belongs to; with a wish, the one of that code.
///
/// # Errors
/// The database is away.
pub async fn ssh_choices(platform: &Platform, ctx: &OpContext, wanted: Option<&str>) -> Result<Vec<MachineChoice>> {
    let Some(user) = ctx.user() else { return Err(Error::not_found()) };
    let mut choices = Vec::new();
    for (customer, _) in &user.memberships {
        let mut there = user.clone();
        there.active_customer = Some(*customer);
        let ctx = ctx.authenticated(Principal::User(Box::new(there)), ctx.language());
        choices.extend(choices_of(platform, &ctx, *customer).await?);
    }
    choices.retain(|it| wanted.is_none_or(|wanted| it.code.eq_ignore_ascii_case(wanted)));
    Ok(choices)
}

async fn choices_of(platform: &Platform, ctx: &OpContext, customer: CustomerId) -> Result<Vec<MachineChoice>> {
    // Somebody who may see none there has none.
    let Ok(Scope::Customer(_)) = ctx.authorize_list::<AllocationRef>(Permission::AllocationsMonitor) else {
        return Ok(Vec::new());
    };
    let mut tx = platform.db().begin(ctx).await?;
    let leases = store::had_now(&mut tx, &[], Some(customer), ctx.now()).await?;
    let ids: Vec<i64> = leases.iter().map(|lease| lease.machine.0).collect();
    let mut codes = machines::codes(&mut tx, &ids).await?;
    let mut accounts = machines::keys_accounts(&mut tx, &ids).await?;
    let names = customers::names(&mut tx, &[customer.0]).await?;
    tx.commit().await?;
    let customer_name = names.get(&customer.0).cloned().unwrap_or_default();
    let choice = |id: &i64| {
        let (code, account) = (codes.remove(id)?, accounts.remove(id)?);
        Some(MachineChoice { code, customer, customer_name: customer_name.clone(), account })
    };
    Ok(ids.iter().filter_map(choice).collect())
}

/// Somebody who has come to a machine.
pub struct MachineVisit {
    pub code: String,
    /// The host's account in which one's keys are.
    pub account: String,
    /// The port of its sshd, as it was entered.
    port: u16,
    /// As it is called and reached.
    hosts: Vec<String>,
    machine: MachineId,
    allocation: store::Row,
    person: String,
    /// Of this one's rows in the log, and no other's.
    id: uuid::Uuid,
    opened_at: DateTime<Utc>,
    holding: HoldingWatch,
}

/// Comes to a machine that the customer one acts for has now, or had until its grace: what is there can still be saved.
///
/// # Errors
/// `NotFound` where it has no such machine, `WrongState` where no agent keeps keys.
pub async fn enter_by_ssh(
    platform: &Platform,
    ctx: &OpContext,
    code: &str,
    fingerprint: Option<&str>,
) -> Result<MachineVisit> {
    let ctx = &ctx.trying(machines::attempt("allocations:open-ssh", code));
    let allocation = readable_now(platform, ctx, code).await?;
    if allocation.grace_ends_at() <= ctx.now() {
        return Err(Error::not_found());
    }
    let holding = HoldingWatch::of(platform, &allocation);
    let mut tx = platform.db().begin(ctx).await?;
    let access = machines::ssh_access(&mut tx, code, ctx.now()).await?;
    tx.commit().await?;
    if !access.keys_by_agent {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-ssh-machine-keys"));
    }
    let visit = MachineVisit {
        code: code.to_owned(),
        account: access.user.unwrap_or_default(),
        port: u16::try_from(access.port).unwrap_or(22),
        hosts: std::iter::once(code.to_owned()).chain(access.host).collect(),
        machine: allocation.machine,
        allocation,
        person: ctx.user().map(|user| user.name.clone()).unwrap_or_default(),
        id: uuid::Uuid::new_v4(),
        opened_at: ctx.now(),
        holding,
    };
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Worker)).await?;
    if let Some(user) = ctx.user() {
        let new = store::NewVisit {
            id: visit.id,
            machine_code: code,
            user: user.id,
            session: user.session,
            server: platform.server_id(),
            address: ctx.address(),
            client: ctx.user_agent(),
            fingerprint,
        };
        store::open_visit(&mut tx, &visit.allocation, &new, ctx.now()).await?;
    }
    let facts = json!({
        "name": code, "client": ctx.user_agent(), "fingerprint": fingerprint, "visit": visit.id.to_string()
    });
    audit::record_in_tx(&mut tx, ctx, visit.entry("allocations:open-ssh", facts)).await?;
    tx.commit().await?;
    Ok(visit)
}

/// With what the door comes to a machine for who has it.
pub struct DoorIdentity {
    /// Secret half of an Ed25519 key.
    pub seed: [u8; 32],
    pub account: String,
    /// By what the sshd is known, each `algorithm base64`.
    pub sshd_keys: Vec<String>,
}

impl MachineVisit {
    /// See [`DoorIdentity`]; none where the host does not take the door's key: the way through to one's own is there all the same.
    ///
    /// # Errors
    /// The database is away, or the secrets key is another one.
    pub async fn identity(&self, platform: &Platform) -> Result<Option<DoorIdentity>> {
        let mut tx = platform.db().begin(&platform.system(SystemActor::Worker)).await?;
        let seed = keys::door_seed(platform, &mut tx, self.allocation.id).await?;
        let host = machines::host_keys_in_tx(&mut tx, self.machine).await?.unwrap_or_default();
        tx.commit().await?;
        let (Some(seed), Some(account)) = (seed, host.account) else { return Ok(None) };
        let known = !host.sshd_keys.is_empty();
        Ok(known.then_some(DoorIdentity { seed, account, sshd_keys: host.sshd_keys }))
    }

    /// Whether this is the machine itself, as people may call it.
    pub fn is_itself(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare.eq_ignore_ascii_case("localhost")
            || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(bare))
    }

    /// Whether this is the machine's sshd, as people may call it.
    pub fn is_sshd(&self, host: &str, port: u16) -> bool {
        self.is_itself(host) && (port == 22 || port == self.port)
    }

    /// Whether one's customer still has it, or is in the grace after that; at most two seconds old.
    ///
    /// # Errors
    /// The database is away.
    pub async fn still_held(&self, platform: &Platform) -> Result<bool> {
        self.holding.still_reached(platform).await
    }

    /// Says that it is still there: at least once a minute, or it counts as over.
    ///
    /// # Errors
    /// The database is away.
    pub async fn renew(&self, platform: &Platform) -> Result<()> {
        let mut tx = platform.db().begin(&platform.system(SystemActor::Worker)).await?;
        store::renew_visit(&mut tx, self.id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Connects to its sshd; which that is, its agent's configuration says.
    ///
    /// # Errors
    /// `NodeUnreachable` where there is no way.
    pub async fn connect(&self, platform: &Platform) -> Result<Box<dyn Bytes>> {
        tunnels::to_sshd(platform, self.machine).await.map_err(|fault| {
            let key = match fault.kind {
                FaultKind::Refused => "error-ssh-machine-sshd",
                _ => "error-ssh-machine-away",
            };
            tracing::debug!(%fault, machine = self.code, "no way to a machine's sshd");
            Error::new(ErrorCode::NodeUnreachable).with_key(key).with_arg("machine", self.code.clone())
        })
    }

    /// Writes that it is over, and why: `left`, `access`, `lost` or `stopped`. Once, however often it is tried.
    ///
    /// # Errors
    /// The database is away.
    pub async fn leave(&self, platform: &Platform, reason: &'static str) -> Result<()> {
        let ctx = platform.system(SystemActor::Worker);
        let seconds = (ctx.now() - self.opened_at).num_seconds();
        let visit = self.id.to_string();
        let facts =
            json!({ "name": self.code, "person": self.person, "seconds": seconds, "reason": reason, "visit": visit });
        let mut tx = platform.db().begin(&ctx).await?;
        store::end_visit(&mut tx, self.id, reason, ctx.now()).await?;
        let entry = self.entry("allocations:end-ssh", facts);
        audit::record_once_in_tx(&mut tx, &ctx, entry, (&visit, self.opened_at)).await?;
        tx.commit().await?;
        Ok(())
    }

    fn entry(&self, action: &'static str, facts: serde_json::Value) -> audit::Entry {
        audit::Entry {
            action,
            target_kind: "allocation",
            target_id: Some(self.allocation.id.to_string()),
            customer: Some(self.allocation.customer),
            before: None,
            after: Some(facts),
        }
    }
}

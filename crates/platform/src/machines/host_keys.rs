//! The login account of a host in which its agent keeps the public keys of who has the machine: what the agent says of it.
//!
//! Invariants: which account that is, and that there is one, the host's owner decides, at the agent; what is stored is what an
//! agent saw in the file, never what it was told to write.

use std::collections::HashMap;

use contract::MachineId;
use contract::machines::HostKeysFault;
use node_protocol::{Hello, HostKeysSeen, limits};
use ssh_key::{HashAlg, PublicKey};

use super::reporting::clean;
use super::{entry, resource, store};
use crate::authz::ReportMetrics;
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Principal, Result, SystemActor, audit};

/// Longest name of an account.
const MAX_ACCOUNT: usize = 64;
/// Changes of one machine in an hour that are in the log; the rest are counted.
const LOGGED_AN_HOUR: u32 = 30;
/// Most fingerprints in one entry.
const MOST_NAMED: usize = 20;

/// What stands on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostKeys {
    pub account: Option<String>,
    pub fingerprints: Vec<String>,
    pub others: u32,
    /// How many there were when a lease began, and of which.
    pub others_before: Option<(i64, u32)>,
    /// Of the account, while the machine is taken back.
    pub processes: Option<u32>,
    /// Of the lease that was worked off last.
    pub lease: Option<i64>,
    /// Of the lease after which the machine was being taken back, as the agent had been told.
    pub reclaim: Option<i64>,
    pub fault: Option<HostKeysFault>,
    pub detail: Option<String>,
    /// With which its sshd proves itself, each `algorithm base64`.
    pub sshd_keys: Vec<String>,
    pub seen_at: Option<chrono::DateTime<chrono::Utc>>,
    pub logged: Logged,
}

/// How much of what changed is in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Logged {
    /// When the first of these was.
    pub since: Option<chrono::DateTime<chrono::Utc>>,
    pub count: u32,
    /// How many changes are not, since the last that is.
    pub left_out: u32,
}

impl Logged {
    /// Counts one more; whether it is to be in the log, and how many before it are not.
    fn one_more(&mut self, now: chrono::DateTime<chrono::Utc>) -> Option<u32> {
        if self.since.is_none_or(|since| now - since >= chrono::TimeDelta::hours(1)) {
            (self.since, self.count) = (Some(now), 0);
        }
        if self.count >= LOGGED_AN_HOUR {
            self.left_out = self.left_out.saturating_add(1).min(i32::MAX.unsigned_abs());
            return None;
        }
        self.count += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

/// Takes over in which account an agent keeps keys, when its link opens.
///
/// # Errors
/// The database is away.
pub async fn note_keys_account(platform: &Platform, ctx: &OpContext, hello: &Hello) -> Result<()> {
    let Principal::Node { machine, code } = ctx.principal() else { return Err(Error::not_found()) };
    let granted = ctx.authorize(ReportMetrics, &resource(*machine))?;
    let account = account_of(hello);
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Metrics)).await?;
    let before = store::host_keys(&mut tx, *machine).await?.unwrap_or_default();
    if before.account != account {
        store::set_keys_account(&mut tx, &granted, account.as_deref()).await?;
        let facts = |account: &Option<String>| Some(serde_json::json!({ "account": account }));
        let entry = entry("machines:keys-account", code, facts(&before.account), facts(&account));
        audit::record_in_tx(&mut tx, ctx, entry).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// A login name; what is none is as if there were none.
fn account_of(hello: &Hello) -> Option<String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let account = hello.keys_account.as_ref()?;
    (!account.is_empty() && account.len() <= MAX_ACCOUNT && account.chars().all(good)).then(|| account.clone())
}

/// Takes over which keys an agent found in its account's file.
///
/// # Errors
/// `Validation` when it is over the protocol's limits.
pub async fn report_host_keys(platform: &Platform, ctx: &OpContext, seen: &HostKeysSeen) -> Result<()> {
    let Principal::Node { machine, code } = ctx.principal() else { return Err(Error::not_found()) };
    let granted = ctx.authorize(ReportMetrics, &resource(*machine))?;
    let now = platform.clock().now();
    let mut found = HostKeys { seen_at: Some(now), ..read(seen)? };
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Metrics)).await?;
    let before = store::host_keys(&mut tx, *machine).await?.unwrap_or_default();
    found.others_before = others_before(&before, &found);
    found.logged = before.logged.clone();
    let changed = (&before.fingerprints, before.fault) != (&found.fingerprints, found.fault);
    if let Some(left_out) = changed.then(|| found.logged.one_more(now)).flatten() {
        let (gone, mut come) = (difference(&before, &found), difference(&found, &before));
        if left_out > 0 {
            come["leftOut"] = left_out.into();
        }
        let entry = entry("machines:keys-changed", code, Some(gone), Some(come));
        audit::record_in_tx(&mut tx, ctx, entry).await?;
    }
    store::set_host_keys(&mut tx, &granted, &found).await?;
    tx.commit().await?;
    Ok(())
}

/// What is only in the one: some of it by name, and how much that is.
fn difference(one: &HostKeys, other: &HostKeys) -> serde_json::Value {
    let only: Vec<_> = one.fingerprints.iter().filter(|key| other.fingerprints.binary_search(key).is_err()).collect();
    let named: Vec<_> = only.iter().take(MOST_NAMED).collect();
    serde_json::json!({ "fingerprints": named, "keys": only.len(), "fault": one.fault })
}

/// With how many keys of others a lease began: as was seen last before it, and where nothing was, with the first word of it.
fn others_before(before: &HostKeys, found: &HostKeys) -> Option<(i64, u32)> {
    let Some(lease) = found.lease.filter(|lease| before.others_before.is_none_or(|(of, _)| of != *lease)) else {
        return before.others_before;
    };
    let known = before.lease.is_none() && before.seen_at.is_some() && before.fault.is_none();
    Some((lease, if known { before.others } else { found.others }))
}

pub(super) fn read(seen: &HostKeysSeen) -> Result<HostKeys> {
    let long = |key: &String| key.len() > limits::MAX_HOST_KEY_BYTES || key.contains(char::is_control);
    // One key more than people have: the door's own.
    if seen.keys.len() > limits::MAX_HOST_KEYS + 1
        || seen.sshd_keys.len() > limits::MAX_SSHD_KEYS
        || seen.sshd_keys.iter().any(long)
    {
        return Err(Error::new(contract::ErrorCode::Validation).with_key("error-node-limits"));
    }
    // What does not read as a key is one all the same: somebody edited the line, and it stands there.
    let fingerprint = |line: &String| match PublicKey::from_openssh(line) {
        Ok(key) => key.fingerprint(HashAlg::Sha256).to_string(),
        Err(_) => "?".to_owned(),
    };
    let mut fingerprints: Vec<String> = seen.keys.iter().map(fingerprint).collect();
    fingerprints.sort_unstable();
    let fault = match seen.fault() {
        node_protocol::HostKeysFault::None => None,
        node_protocol::HostKeysFault::Account => Some(HostKeysFault::Account),
        node_protocol::HostKeysFault::Unsafe => Some(HostKeysFault::Unsafe),
        node_protocol::HostKeysFault::Io => Some(HostKeysFault::Io),
        node_protocol::HostKeysFault::Permission => Some(HostKeysFault::Permission),
        node_protocol::HostKeysFault::Keys => Some(HostKeysFault::Keys),
    };
    Ok(HostKeys {
        account: None,
        fingerprints,
        others: seen.others.min(i32::MAX.unsigned_abs()),
        others_before: None,
        processes: seen.processes.map(|count| count.min(i32::MAX.unsigned_abs())),
        lease: i64::try_from(seen.lease).ok().filter(|lease| *lease != 0),
        reclaim: i64::try_from(seen.reclaim).ok().filter(|lease| *lease != 0),
        detail: Some(clean(&seen.detail)).filter(|detail| fault.is_some() && !detail.is_empty()),
        fault,
        sshd_keys: seen.sshd_keys.clone(),
        seen_at: None,
        logged: Logged::default(),
    })
}

/// What stands on a host; none where no agent ever kept keys there.
pub(crate) async fn host_keys_in_tx(tx: &mut Tx, machine: MachineId) -> Result<Option<HostKeys>> {
    store::host_keys(tx, machine).await
}

/// The same of many hosts, by machine.
pub(crate) async fn all_host_keys(tx: &mut Tx, machines: &[MachineId]) -> Result<HashMap<MachineId, HostKeys>> {
    store::all_host_keys(tx, machines).await
}

/// The accounts in which agents of these machines keep keys, of those the transaction's caller may see.
pub(crate) async fn keys_accounts(tx: &mut Tx, machines: &[i64]) -> Result<HashMap<i64, String>> {
    store::keys_accounts(tx, machines).await
}

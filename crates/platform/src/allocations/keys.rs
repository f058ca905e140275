//! Keys on the host: while a customer has a machine whose agent keeps keys, those of its people let them into the host's account.
//!
//! Invariants: which keys are to be there is nowhere stored but follows from the lease, the customer, its people, their powers
//! and their keys, asked again every second or two; so whatever ends one of these takes the keys away. In the grace they stay,
//! so that people can save what they need; when taking the machine back begins they go. The end of the grace goes along, so that
//! a host that is cut off takes them away by itself. That they are gone is known by what the agent says after it was told of
//! taking back, never by comparing clocks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use contract::machines::Presence;
use contract::{AllocationId, MachineId, Permission, UserId};
use node_protocol::HostKeys;
use node_protocol::limits::{MAX_HOST_KEY_BYTES, MAX_HOST_KEYS};
use ssh_key::{HashAlg, PublicKey};
use tokio::sync::watch;

use super::store;
use crate::authz::member_may;
use crate::db::Tx;
use crate::metrics::NodeLink;
use crate::rechecks::Wanted;
use crate::{Error, Platform, Result, SystemActor, access, accounts, customers, machines, settings, tunnels};

/// Between two questions. With how old an answer may be, a change is with the agent within three seconds.
const EVERY: Duration = Duration::from_secs(1);
/// How long an agent may take to say that what it was told is so, until it is told again.
const AGAIN: Duration = Duration::from_secs(5);

/// What is to be on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostWish {
    /// The lease that they are for; 0 while nobody has the machine.
    lease: u64,
    keys: Vec<String>,
    /// Of this installation's own SSH door.
    door: Option<String>,
    until: Option<DateTime<Utc>>,
    /// The lease after which the machine is being taken back; 0 for none.
    reclaim: u64,
}

/// A wish, and what its host's agent said last.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostStand {
    wish: HostWish,
    seen: Arc<machines::HostKeys>,
}

impl HostWish {
    /// As `ssh-keygen -l` shows them, in order; those that do not read are left out, as no agent is sent any.
    fn fingerprints(&self) -> Vec<String> {
        let keys = self.keys.iter().chain(&self.door).filter_map(|line| PublicKey::from_openssh(line).ok());
        let mut found: Vec<String> = keys.map(|key| key.fingerprint(HashAlg::Sha256).to_string()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether all of this is there, as the agent says; lines that people wrote themselves no word takes away. One that says what
    /// hinders it goes on trying by itself.
    fn is_met(&self, fingerprints: &[String], seen: &machines::HostKeys) -> bool {
        let id = |id: Option<i64>| id.unwrap_or_default().unsigned_abs();
        id(seen.lease) == self.lease
            && id(seen.reclaim) == self.reclaim
            && (seen.fault.is_some() || fingerprints.iter().all(|key| seen.fingerprints.binary_search(key).is_ok()))
    }
}

/// Says what is to be on the host of a link whenever that changed, first as it is, and again where its agent says that something
/// else is there, as one does whose clock was wrong; ends when nobody listens.
pub async fn follow_keys(platform: Platform, link: NodeLink, told: watch::Sender<Option<HostKeys>>) {
    let wanted = platform.host_keys().want(link.machine);
    let mut every = tokio::time::interval(EVERY);
    let mut last: Option<(HostWish, Vec<String>, Instant)> = None;
    while !told.is_closed() {
        every.tick().await;
        match stand(&platform, &wanted).await {
            Ok(HostStand { wish, seen }) => {
                let stays = last.as_ref().is_some_and(|(before, fingerprints, at)| {
                    *before == wish && (at.elapsed() < AGAIN || wish.is_met(fingerprints, &seen))
                });
                if last.as_ref().map_or(wish.lease == 0, |(before, _, _)| before.lease != wish.lease) {
                    tunnels::cut_sshd(&platform, link.machine);
                }
                if !stays {
                    told.send_replace(Some(message(&wish, platform.clock().now())));
                    let fingerprints = wish.fingerprints();
                    last = Some((wish, fingerprints, Instant::now()));
                }
            }
            // A database that is away decides nothing: what is there stays, until its time is over.
            Err(error) => {
                tracing::debug!(%error, machine = link.code, "which keys are to be on a host could not be asked")
            }
        }
    }
}

fn message(wish: &HostWish, now: DateTime<Utc>) -> HostKeys {
    let lasts = wish.until.map_or(0, |until| (until - now).num_milliseconds());
    let lasts_ms = u64::try_from(lasts).unwrap_or(0);
    HostKeys {
        lease: wish.lease,
        keys: wish.keys.clone(),
        lasts_ms,
        door_key: wish.door.clone(),
        reclaim: wish.reclaim,
    }
}

async fn stand(platform: &Platform, wanted: &Wanted<MachineId, HostStand>) -> Result<HostStand> {
    let found = wanted.ask(async |machines| {
        // For all links at once, so with the powers of the background.
        let ctx = platform.system(SystemActor::Metrics);
        let open = settings::ssh(platform).await.open;
        let mut tx = platform.db().begin(&ctx).await?;
        let mut found = wishes(&mut tx, &machines, ctx.now()).await?;
        if open {
            add_doors(platform, &mut tx, &mut found, ctx.now()).await?;
        }
        let mut seen = machines::all_host_keys(&mut tx, &machines).await?;
        tx.commit().await?;
        let stand = |machine: MachineId| {
            let wish = found.remove(&machine).unwrap_or_default();
            (machine, HostStand { wish, seen: Arc::new(seen.remove(&machine).unwrap_or_default()) })
        };
        Ok(machines.iter().copied().map(stand).collect())
    });
    Ok(found.await?.unwrap_or_default())
}

async fn wishes(tx: &mut Tx, machines: &[MachineId], now: DateTime<Utc>) -> Result<HashMap<MachineId, HostWish>> {
    let leases = store::had_now(tx, machines, None, now).await?;
    let mut ids: Vec<i64> = leases.iter().map(|lease| lease.customer.0).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut people = customers::people_of(tx, &ids).await?;
    people.retain(|(_, _, role)| member_may(*role, Permission::AllocationsMonitor));
    let users: Vec<i64> = people.iter().map(|(_, user, _)| user.0).collect();
    let mut keys: HashMap<UserId, Vec<String>> = HashMap::new();
    for (user, key) in accounts::public_keys_in_tx(tx, &users).await? {
        if key.len() <= MAX_HOST_KEY_BYTES {
            keys.entry(user).or_default().push(key);
        }
    }
    let wish = |lease: store::Lease| {
        let theirs = people.iter().filter(|(customer, _, _)| *customer == lease.customer);
        let mut keys: Vec<String> = theirs.filter_map(|(_, user, _)| keys.get(user)).flatten().cloned().collect();
        keys.sort_unstable();
        keys.dedup();
        if keys.len() > MAX_HOST_KEYS {
            tracing::warn!(
                allocation = lease.id.0,
                keys = keys.len(),
                "more keys than a host keeps: the rest is left out"
            );
            keys.truncate(MAX_HOST_KEYS);
        }
        let (id, until) = (lease.id.0.unsigned_abs(), Some(lease.grace_ends_at));
        (lease.machine, HostWish { lease: id, keys, until, ..HostWish::default() })
    };
    let mut wishes: HashMap<MachineId, HostWish> = leases.into_iter().map(wish).collect();
    for (machine, lease) in store::reclaims(tx, machines).await? {
        wishes.entry(machine).or_default().reclaim = lease.0.unsigned_abs();
    }
    Ok(wishes)
}

/// What a lease's door key is sealed for.
fn place(lease: i64) -> String {
    format!("lease_door_keys.sealed:{lease}")
}

/// The door's own keys, made for leases that have none yet.
async fn add_doors(
    platform: &Platform,
    tx: &mut Tx,
    found: &mut HashMap<MachineId, HostWish>,
    now: DateTime<Utc>,
) -> Result<()> {
    let id_of = |wish: &HostWish| i64::try_from(wish.lease).unwrap_or_default();
    let ids: Vec<i64> = found.values().filter(|wish| wish.lease != 0).map(id_of).collect();
    let known = store::door_keys(tx, &ids).await?;
    for wish in found.values_mut().filter(|wish| wish.lease != 0) {
        let id = id_of(wish);
        wish.door = known.get(&id).cloned();
        if wish.door.is_some() {
            continue;
        }
        let (seed, key) = access::new_key()?;
        let line = key.to_openssh().map_err(|error| Error::internal(error.to_string()))?.trim().to_owned();
        let sealed = platform.keyring().seal(&place(id), &seed);
        // Who was quicker made the one that counts; it is found the next time.
        if store::insert_door_key(tx, AllocationId(id), (line.as_str(), sealed.as_slice()), now).await? {
            wish.door = Some(line);
        }
    }
    Ok(())
}

/// The secret half of a lease's door key; none where there is none, or not any more.
pub(super) async fn door_seed(platform: &Platform, tx: &mut Tx, lease: AllocationId) -> Result<Option<[u8; 32]>> {
    let Some(sealed) = store::sealed_door_key(tx, lease).await? else { return Ok(None) };
    let seed = platform.keyring().open(&place(lease.0), &sealed)?;
    seed.try_into().map(Some).map_err(|_| Error::internal("a door key has 32 bytes"))
}

/// Whether taking the machine back has to look at keys: its agent keeps some, or kept them for a lease.
pub(super) async fn are_kept(tx: &mut Tx, machine: MachineId) -> Result<bool> {
    let found = machines::host_keys_in_tx(tx, machine).await?;
    Ok(found.is_some_and(|keys| keys.account.is_some() || keys.lease.is_some()))
}

/// What the check-list says of them: done when the agent, told that the machine is taken back after this lease, has seen that
/// none of its keys is there, that the account runs nothing any more, and that there are no more keys of others than there were
/// when the lease began, as far as it can tell.
pub(super) async fn are_gone(
    tx: &mut Tx,
    machine: MachineId,
    lease: AllocationId,
    presence: Presence,
) -> Result<(bool, BTreeMap<String, String>)> {
    let found = machines::host_keys_in_tx(tx, machine).await?.unwrap_or_default();
    let seen = found.lease.is_none() && found.reclaim == Some(lease.0);
    let gone = seen && found.fault.is_none() && found.fingerprints.is_empty();
    let mut result = BTreeMap::new();
    let before = found.others_before.filter(|(of, _)| *of == lease.0).map(|(_, count)| count);
    let (more, busy) =
        (before.is_some_and(|before| found.others > before), found.processes.is_some_and(|count| count > 0));
    if gone && !more && !busy {
        result.insert("others".to_owned(), found.others.to_string());
        result.extend(before.map(|before| ("before".to_owned(), before.to_string())));
        return Ok((true, result));
    }
    let reason = match presence {
        Presence::Online if gone && busy => "keys_sessions",
        Presence::Online if gone => "keys_others",
        Presence::Online if found.account.is_none() => "keys_off",
        Presence::Online if seen && found.fault.is_some() => "keys_hindered",
        Presence::Online => "keys_there",
        _ => "offline",
    };
    result.insert("reason".to_owned(), reason.to_owned());
    Ok((false, result))
}

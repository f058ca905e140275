//! Placement over the fleet as it is: gathers what [`super::placement`] decides by, and takes what was decided.

use chrono::{DateTime, TimeDelta, Utc};
use contract::instances::{Alternative, InstanceSpec, MachineFit, Miss, MissReason, Placement};
use contract::machines::Presence;
use contract::quotas::{Quota, QuotaResource};
use contract::specs::SpecView;
use contract::{CustomerId, ErrorCode, GpuId, InstanceId, MachineId, UserId};

use super::placement::{Card, Decision, EngineFacts, Host, Need, decide, earliest, rank};
use super::store::{self, Row};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, allocations, engines, machines, quotas};

/// What is shown where nothing fits, at most.
const ALTERNATIVES: usize = 5;
/// What an engine said so long ago says nothing of now; every one is looked at each minute.
const FRESH: TimeDelta = TimeDelta::minutes(3);
/// A machine may be drained between the look at all of them and the lock of the one.
const TRIES: usize = 3;

/// Where an instance will be, and what of GPUs it takes there.
pub(super) struct Chosen {
    pub machine: MachineId,
    pub code: String,
    pub name: String,
    pub cards: Vec<(GpuId, Option<u64>)>,
}

/// Machines that customers may choose, or this one, with what is taken of them; as if this instance were not there.
async fn hosts(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    only: Option<MachineId>,
    without: Option<InstanceId>,
) -> Result<Vec<Host>> {
    let facts = machines::hosts_in_tx(platform, tx, only, ctx.now()).await?;
    let ids: Vec<i64> = facts.iter().map(|host| host.id.0).collect();
    let gpus: Vec<i64> = facts.iter().flat_map(|host| host.cards.iter().map(|card| card.id.0)).collect();
    let mut engines = engines::known_among(tx, &ids).await?;
    let held = allocations::held_among(tx, &ids).await?;
    let windows = machines::service_returns_in_tx(tx, &ids).await?;
    let used = store::used(tx, &ids, without).await?;
    let taken = store::place_of_cards(tx, &gpus, without).await?;
    let host = facts.into_iter().map(|facts| {
        let used = used.get(&facts.id.0).copied().unwrap_or_default();
        let card = |card: machines::HostCard| {
            let (held, shared_mib) = taken.get(&card.id.0).copied().unwrap_or_default();
            Card { id: card.id, model: card.model, memory: card.memory, usable: card.usable, held, shared_mib }
        };
        let disks = facts.discovered.as_ref().map(contract::machines::DiscoveredHardware::disk_sizes);
        Host {
            id: facts.id,
            in_service: facts.in_service,
            shared: facts.is_shared,
            allocated: held.contains(&facts.id),
            in_service_again: windows.get(&facts.id).copied(),
            engine: engine(engines.remove(&facts.id.0), facts.presence, ctx.now()),
            cuda: facts.discovered.as_ref().and_then(|it| it.cuda_version.clone()),
            has_driver: facts.discovered.as_ref().is_some_and(|it| it.driver_version.is_some()),
            disk: disks.map(|sizes| sizes.system.saturating_add(sizes.data)).filter(|bytes| *bytes > 0),
            cards: facts.cards.into_iter().map(card).collect(),
            code: facts.code,
            name: facts.name,
            region: facts.region,
            used_cores: used.cores.unsigned_abs(),
            used_memory_gb: used.memory_gb.unsigned_abs(),
            used_disk_gb: used.disk_gb.unsigned_abs(),
        }
    });
    Ok(host.collect())
}

fn engine(known: Option<engines::KnownEngine>, presence: Presence, now: DateTime<Utc>) -> EngineFacts {
    let Some(known) = known else { return EngineFacts::Unknown };
    if known.by_agent && presence != Presence::Online {
        return EngineFacts::AgentOffline;
    }
    let silent = known.heard_at.map(|at| now - at).filter(|silent| *silent > FRESH);
    match (known.fault, known.report, silent) {
        (Some(fault), ..) => EngineFacts::Fault(fault),
        (None, None, _) => EngineFacts::Untested,
        (None, Some(_), Some(silent)) => EngineFacts::Silent { minutes: silent.num_minutes().unsigned_abs() },
        (None, Some(report), None) => {
            EngineFacts::Fine { cpus: report.cpus, memory: report.memory, architecture: report.architecture }
        }
    }
}

/// Takes a place: this machine's, or the best one's. Nobody else places anything until the transaction ends.
///
/// # Errors
/// `NoCapacity` with what is in the way where there is none.
pub(super) async fn take(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    need: Need<'_>,
    code: Option<&str>,
) -> Result<Chosen> {
    store::lock_placement(tx).await?;
    for _ in 0..TRIES {
        let mut open = hosts(platform, tx, ctx, None, None).await?;
        if let Some(code) = code {
            open.retain(|host| host.code == code);
            if open.is_empty() {
                return Err(Error::field("machine", "field-machine-unknown"));
            }
        }
        open.retain(|host| code.is_some() || decide(need, host).fits());
        open.sort_by_key(|host| rank(need, host));
        let Some(first) = open.first() else {
            return Err(Error::new(ErrorCode::NoCapacity).with_key("error-instance-nowhere"));
        };
        // Whoever lends or drains the machine meets this lock.
        if !machines::lock_id_in_tx(tx, first.id).await? {
            continue;
        }
        let Some(now) = hosts(platform, tx, ctx, Some(first.id), None).await?.pop() else { continue };
        let Decision { misses, cards } = decide(need, &now);
        match misses.first() {
            None => return Ok(Chosen { machine: now.id, code: now.code, name: now.name, cards }),
            Some(miss) if code.is_some() => {
                let words = message(ctx, miss);
                return Err(Error::new(ErrorCode::NoCapacity)
                    .with_key("error-instance-not-there")
                    .with_arg("machine", now.name)
                    .with_arg("reason", words));
            }
            Some(_) => {}
        }
    }
    Err(Error::new(ErrorCode::NoCapacity).with_key("error-instance-nowhere"))
}

/// Explains it for every machine.
pub(super) async fn explain(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    need: Need<'_>,
    offered: &[SpecView],
) -> Result<Placement> {
    let mut hosts = hosts(platform, tx, ctx, None, None).await?;
    hosts.sort_by_cached_key(|host| (!decide(need, host).fits(), rank(need, host)));
    let fit = |host: &Host| {
        let mut misses = decide(need, host).misses;
        for miss in &mut misses {
            miss.message = message(ctx, miss);
        }
        MachineFit {
            machine: host.code.clone(),
            machine_name: host.name.clone(),
            region: host.region.clone(),
            fits: misses.is_empty(),
            earliest: earliest(need, host, ctx.now()),
            misses,
        }
    };
    let machines: Vec<MachineFit> = hosts.iter().map(fit).collect();
    let mut alternatives = Vec::new();
    if !machines.iter().any(|machine| machine.fits) {
        let specs = offered.iter().filter(|spec| spec.id != need.spec.id).filter_map(InstanceSpec::of);
        for spec in specs {
            let other = Need { spec: &spec, ..need };
            let fitting = hosts.iter().filter(|host| decide(other, host).fits()).count();
            if fitting > 0 {
                alternatives.push(Alternative { machines: u32::try_from(fitting).unwrap_or(u32::MAX), spec });
            }
        }
        // The most like it first: the same model, then as many cards.
        alternatives.sort_by_cached_key(|other| {
            let spec = &other.spec;
            (spec.gpu_model != need.spec.gpu_model, spec.gpu_count.abs_diff(need.spec.gpu_count), spec.name.clone())
        });
        alternatives.truncate(ALTERNATIVES);
    }
    Ok(Placement { misses: Vec::new(), machines, alternatives })
}

/// The machine of an instance as if that were not there; nobody else places anything until the transaction ends.
pub(super) async fn stay(platform: &Platform, tx: &mut Tx, ctx: &OpContext, row: &Row) -> Result<Option<Host>> {
    store::lock_placement(tx).await?;
    if !machines::lock_id_in_tx(tx, row.machine).await? {
        return Ok(None);
    }
    look(platform, tx, ctx, row).await
}

/// The same, to look at alone.
pub(super) async fn look(platform: &Platform, tx: &mut Tx, ctx: &OpContext, row: &Row) -> Result<Option<Host>> {
    let mut host = hosts(platform, tx, ctx, Some(row.machine), Some(row.id)).await?.pop();
    let own = store::cards_of(tx, row.id).await?;
    // What it has already comes first: the rest stays for others.
    if let Some(host) = &mut host {
        host.cards.sort_by_key(|card| !own.contains(&card.id.0));
    }
    Ok(host)
}

/// Limits of a customer, and of a person, with what is taken of them.
pub(super) struct Limits([(Quota, store::Used); 2]);

/// What of the customer's limits, and the person's own, is taken.
pub(super) async fn limits(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    (customer, person): (CustomerId, UserId),
) -> Result<Limits> {
    let (own, whole) = quotas::limits_in_tx(tx, person, customer).await?;
    let of_person = store::used_by(tx, None, Some(person)).await?;
    let mut of_customer = store::used_by(tx, Some(customer), None).await?;
    // Machines that are lent as a whole count, too.
    of_customer.gpus += allocations::holdings(platform, tx, ctx, &[customer.0]).await?.gpus;
    Ok(Limits([(whole, of_customer), (own, of_person)]))
}

impl Limits {
    /// What of them is in the way of this, or of this instead of what there is: what becomes no more is in nobody's way.
    pub(super) fn misses(&self, ctx: &OpContext, spec: &InstanceSpec, instead_of: Option<&InstanceSpec>) -> Vec<Miss> {
        let mut misses = Vec::new();
        for (quota, used) in &self.0 {
            over(quota, *used, (spec, instead_of), &mut misses);
        }
        for miss in &mut misses {
            miss.message = message(ctx, miss);
        }
        misses
    }
}

fn over(
    quota: &Quota,
    used: store::Used,
    (spec, before): (&InstanceSpec, Option<&InstanceSpec>),
    misses: &mut Vec<Miss>,
) {
    let disk = |spec: &InstanceSpec| i64::from(spec.system_disk_gb) + i64::from(spec.data_disk_gb);
    let had = |of: fn(&InstanceSpec) -> u32| before.map_or(0, |spec| i64::from(of(spec)));
    for (resource, used, had, needed) in [
        (QuotaResource::Instances, used.instances, i64::from(before.is_some()), 1),
        (QuotaResource::Gpu, used.gpus, had(|it| it.gpu_count), i64::from(spec.gpu_count)),
        (QuotaResource::Cpu, used.cores, had(|it| it.cpu_cores), i64::from(spec.cpu_cores)),
        (QuotaResource::Memory, used.memory_gb, had(|it| it.memory_gb), i64::from(spec.memory_gb)),
        (QuotaResource::Disk, used.disk_gb, before.map_or(0, disk), disk(spec)),
    ] {
        let Some(limit) = quota.get(resource) else { continue };
        let used = used.saturating_sub(had);
        if needed > had && used.saturating_add(needed) > limit {
            let left = limit.saturating_sub(used).max(0).unsigned_abs();
            let miss = Miss::short(MissReason::Quota, left, needed.unsigned_abs());
            misses.push(Miss { what: Some(resource.code().to_owned()), with: Some(limit.to_string()), ..miss });
        }
    }
}

/// What is missing, in the reader's language.
pub(super) fn message(ctx: &OpContext, miss: &Miss) -> String {
    let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
    let args = [
        ("have", number(miss.have)),
        ("need", number(miss.need)),
        ("what", miss.what.clone().unwrap_or_default()),
        ("with", miss.with.clone().unwrap_or_default()),
    ];
    texts::message(ctx.language(), &format!("miss-{}", miss.reason.code()), &args)
}

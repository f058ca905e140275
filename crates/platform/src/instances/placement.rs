//! Where an instance can be: one pure function decides, and says everything that is in the way.

use chrono::{DateTime, Utc};
use contract::instances::{InstanceSpec, Miss, MissReason};
use contract::specs::GpuUse;
use contract::{GpuId, MachineId};

/// Makers of cards and sellers of memory count in these.
const GB: u64 = 1_000_000_000;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// What is to be placed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need<'a> {
    pub spec: &'a InstanceSpec,
    /// The image's, in Docker's word; nothing where nobody knows.
    pub architecture: Option<&'a str>,
    /// The CUDA that the image was built with.
    pub cuda: Option<&'a str>,
}

/// A card.
#[derive(Clone, Debug)]
pub(super) struct Card {
    pub id: GpuId,
    pub model: String,
    /// Bytes.
    pub memory: Option<u64>,
    /// Off the bus, or cut into MIG devices.
    pub usable: bool,
    /// Somebody has all of it.
    pub held: bool,
    /// MiB that shares of it take.
    pub shared_mib: u64,
}

/// What is known of a machine's engine.
#[derive(Clone, Debug)]
pub(super) enum EngineFacts {
    /// Nobody has said how it is reached.
    Unknown,
    AgentOffline,
    Untested,
    Fault(String),
    /// It was not asked for so long that nobody knows.
    Silent {
        minutes: u64,
    },
    Fine {
        cpus: Option<u32>,
        /// Bytes.
        memory: Option<u64>,
        /// Docker's word.
        architecture: Option<String>,
    },
}

/// A machine, as it is now.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub id: MachineId,
    pub code: String,
    pub name: String,
    pub region: Option<String>,
    pub in_service: bool,
    /// Instances of many may be there.
    pub shared: bool,
    /// Where it is out of service for a window of maintenance: when that is over, if it is in service then.
    pub in_service_again: Option<DateTime<Utc>>,
    /// Somebody has the whole machine, or will have it.
    pub allocated: bool,
    pub engine: EngineFacts,
    /// As the driver says it, such as `12.4`.
    pub cuda: Option<String>,
    pub has_driver: bool,
    pub cards: Vec<Card>,
    /// Bytes of all disks; nothing where nobody has looked.
    pub disk: Option<u64>,
    /// What instances there have: cores, GB, GB.
    pub used_cores: u64,
    pub used_memory_gb: u64,
    pub used_disk_gb: u64,
}

/// What was decided about a machine: the cards that would be taken, with the MiB of a share, or what is in the way.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Decision {
    pub misses: Vec<Miss>,
    pub cards: Vec<(GpuId, Option<u64>)>,
}

impl Decision {
    pub(super) fn fits(&self) -> bool {
        self.misses.is_empty()
    }
}

/// Whether it can be there, with everything that is in the way.
pub(super) fn decide(need: Need<'_>, host: &Host) -> Decision {
    let mut misses = Vec::new();
    let mut miss = |is_one: bool, reason| {
        if is_one {
            misses.push(Miss::of(reason));
        }
    };
    miss(!host.in_service, MissReason::NotInService);
    miss(!host.shared, MissReason::WholePool);
    miss(host.allocated, MissReason::Allocated);
    engine(need, host, &mut misses);
    sizes(need, host, &mut misses);
    let cards = match need.spec.gpu_count {
        0 => Vec::new(),
        _ => cards(need, host, &mut misses),
    };
    Decision { cards: if misses.is_empty() { cards } else { Vec::new() }, misses }
}

/// When it can be there at the earliest, where it cannot now and all that is in the way is a window of maintenance. Instances
/// hold what they hold until somebody deletes them, also stopped ones; and who has a whole machine, and until when, is theirs
/// to know: it is not in the pool of instances when they give it back either.
pub(super) fn earliest(need: Need<'_>, host: &Host, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if decide(need, host).fits() {
        return None;
    }
    let then = Host { in_service: true, ..host.clone() };
    // What is overdue ends when somebody, or a job, has ended it.
    host.in_service_again.filter(|at| *at > now && !host.in_service && decide(need, &then).fits())
}

fn engine(need: Need<'_>, host: &Host, misses: &mut Vec<Miss>) {
    match &host.engine {
        EngineFacts::Unknown => misses.push(Miss::of(MissReason::NoEngine)),
        EngineFacts::AgentOffline => misses.push(Miss::of(MissReason::AgentOffline)),
        EngineFacts::Untested => misses.push(Miss::of(MissReason::EngineUntested)),
        EngineFacts::Fault(fault) => {
            misses.push(Miss { what: Some(fault.clone()), ..Miss::of(MissReason::EngineFault) });
        }
        EngineFacts::Silent { minutes } => {
            misses.push(Miss { have: Some(*minutes), ..Miss::of(MissReason::EngineSilent) });
        }
        EngineFacts::Fine { architecture, .. } => {
            if let (Some(there), Some(needed)) = (architecture.as_deref(), need.architecture)
                && there != needed
            {
                misses.push(Miss::apart(MissReason::Architecture, there, needed));
            }
        }
    }
}

/// Cores, memory, disks. What nobody knows of a machine is in nobody's way.
fn sizes(need: Need<'_>, host: &Host, misses: &mut Vec<Miss>) {
    let (cpus, memory) = match host.engine {
        EngineFacts::Fine { cpus, memory, .. } => (cpus.map(u64::from), memory),
        _ => (None, None),
    };
    let spec = need.spec;
    let disk = u64::from(spec.system_disk_gb) + u64::from(spec.data_disk_gb);
    for (reason, there, used, needed) in [
        (MissReason::Cpu, cpus, host.used_cores, u64::from(spec.cpu_cores)),
        // What the firmware keeps of 64 GB makes them no 63.
        (
            MissReason::Memory,
            memory.map(|bytes| (bytes + GIB / 2) / GIB),
            host.used_memory_gb,
            u64::from(spec.memory_gb),
        ),
        (MissReason::Disk, host.disk.map(|bytes| bytes / GB), host.used_disk_gb, disk),
    ] {
        let Some(there) = there else { continue };
        let have = there.saturating_sub(used);
        if have < needed {
            misses.push(Miss::short(reason, have, needed));
        }
    }
}

/// The cards that would be taken.
fn cards(need: Need<'_>, host: &Host, misses: &mut Vec<Miss>) -> Vec<(GpuId, Option<u64>)> {
    let spec = need.spec;
    if !host.has_driver {
        misses.push(Miss::of(MissReason::NoDriver));
    } else if let (Some(there), Some(needed)) = (host.cuda.as_deref(), need.cuda)
        && version(needed) > version(there)
    {
        misses.push(Miss::apart(MissReason::Cuda, there, needed));
    }
    let model = spec.gpu_model.as_deref().unwrap_or_default();
    let of_model: Vec<&Card> = host.cards.iter().filter(|card| card.model == model).collect();
    if of_model.is_empty() {
        misses.push(Miss { what: Some(model.to_owned()), ..Miss::of(MissReason::GpuModel) });
        return Vec::new();
    }
    let count = spec.gpu_count as usize;
    let mib = each_mib(spec);
    let all = |card: &Card| card.memory.map_or(0, |bytes| bytes / MIB);
    let free = |card: &Card| all(card).saturating_sub(card.shared_mib);
    let mut open: Vec<&Card> = of_model.iter().copied().filter(|card| card.usable && !card.held).collect();
    if spec.gpu_use == GpuUse::Whole {
        open.retain(|card| card.shared_mib == 0);
    } else {
        // The fullest that still has room: large pieces stay for large shares.
        open.sort_by_key(|card| free(card));
    }
    let room = |card: &Card| if spec.gpu_use == GpuUse::Whole { all(card) } else { free(card) };
    let taken: Vec<(GpuId, Option<u64>)> = open
        .iter()
        .filter(|card| room(card) >= mib)
        .take(count)
        .map(|card| (card.id, (spec.gpu_use == GpuUse::Share).then_some(mib)))
        .collect();
    if taken.len() < count {
        // Enough cards, and one of them too small or too full: that is what to say.
        let largest = open.iter().map(|card| room(card)).max().unwrap_or(0);
        misses.push(match open.len() >= count {
            true if largest < mib => Miss::short(MissReason::GpuMemory, largest, mib),
            true => Miss::short(MissReason::GpusFew, taken.len() as u64, count as u64),
            false => Miss::short(MissReason::GpusFew, open.len() as u64, count as u64),
        });
    }
    taken
}

/// MiB that it wants of each of its cards. A GB of a GPU is 10^9 bytes: a card of 80 GB has a little more than that, and less
/// than 80 GiB.
pub(super) fn each_mib(spec: &InstanceSpec) -> u64 {
    let each_gb = u64::from(spec.gpu_memory_gb.unwrap_or(0)) / u64::from(spec.gpu_count.max(1));
    each_gb * GB / MIB
}

/// What would be left of a machine, so that what is nearly full fills up first: cards, then GB of memory, then its code.
pub(super) fn rank(need: Need<'_>, host: &Host) -> (usize, u64, String) {
    let free = host.cards.iter().filter(|card| card.usable && !card.held && card.shared_mib == 0).count();
    let whole = if need.spec.gpu_use == GpuUse::Whole { need.spec.gpu_count as usize } else { 0 };
    let memory = match host.engine {
        EngineFacts::Fine { memory, .. } => memory.unwrap_or(0) / GIB,
        _ => 0,
    };
    (free.saturating_sub(whole), memory.saturating_sub(host.used_memory_gb), host.code.clone())
}

/// `12.4.1` as numbers that compare; the minor one counts as far as both say it.
fn version(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| part.trim().parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use contract::SpecId;

    use super::*;

    fn spec(change: impl FnOnce(&mut InstanceSpec)) -> InstanceSpec {
        let mut spec = InstanceSpec {
            id: SpecId(1),
            name: "Two cards".to_owned(),
            gpu_model: Some("H100".to_owned()),
            gpu_count: 2,
            gpu_memory_gb: Some(160),
            gpu_use: GpuUse::Whole,
            cpu_cores: 8,
            memory_gb: 64,
            system_disk_gb: 100,
            data_disk_gb: 0,
            price_per_hour: "10".to_owned(),
            currency: "CNY".to_owned(),
        };
        change(&mut spec);
        spec
    }

    fn card(id: i64) -> Card {
        Card {
            id: GpuId(id),
            model: "H100".to_owned(),
            memory: Some(81_559 * MIB),
            usable: true,
            held: false,
            shared_mib: 0,
        }
    }

    fn fine() -> EngineFacts {
        EngineFacts::Fine { cpus: Some(64), memory: Some(512 * GIB), architecture: Some("amd64".to_owned()) }
    }

    fn host(change: impl FnOnce(&mut Host)) -> Host {
        let mut host = Host {
            id: MachineId(1),
            code: "host-001".to_owned(),
            name: "One".to_owned(),
            region: None,
            in_service: true,
            in_service_again: None,
            shared: true,
            allocated: false,
            engine: fine(),
            cuda: Some("12.4".to_owned()),
            has_driver: true,
            cards: (1..=4).map(card).collect(),
            disk: Some(2000 * GB),
            used_cores: 0,
            used_memory_gb: 0,
            used_disk_gb: 0,
        };
        change(&mut host);
        host
    }

    fn told(need: Need<'_>, host: &Host) -> Vec<String> {
        let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
        let line = |miss: &Miss| {
            let parts = [
                miss.reason.code().to_owned(),
                number(miss.have),
                number(miss.need),
                miss.what.clone().unwrap_or_default(),
                miss.with.clone().unwrap_or_default(),
            ];
            parts.join("/").trim_end_matches('/').to_owned()
        };
        decide(need, host).misses.iter().map(line).collect()
    }

    #[test]
    fn what_is_in_the_way_is_named_with_its_numbers() {
        type Change = fn(&mut Host);
        let cases: [(Change, &[&str]); 21] = [
            (|_| (), &[]),
            (|it| it.in_service = false, &["not-in-service"]),
            (|it| it.shared = false, &["whole-pool"]),
            (|it| it.allocated = true, &["allocated"]),
            (|it| it.engine = EngineFacts::Unknown, &["no-engine"]),
            (|it| it.engine = EngineFacts::Untested, &["engine-untested"]),
            (|it| it.engine = EngineFacts::AgentOffline, &["agent-offline"]),
            (|it| it.engine = EngineFacts::Fault("refused".to_owned()), &["engine-fault///refused"]),
            (|it| it.engine = EngineFacts::Silent { minutes: 9 }, &["engine-silent/9"]),
            (|it| it.used_cores = 57, &["cpu/7/8"]),
            (|it| it.used_memory_gb = 450, &["memory/62/64"]),
            (|it| it.used_disk_gb = 1950, &["disk/50/100"]),
            (|it| it.disk = None, &[]),
            (|it| it.cards.clear(), &["gpu-model///H100"]),
            (|it| it.cards.iter_mut().for_each(|card| card.model = "A100".to_owned()), &["gpu-model///H100"]),
            (|it| it.cards.iter_mut().skip(1).for_each(|card| card.held = true), &["gpus-few/1/2"]),
            (|it| it.cards.iter_mut().for_each(|card| card.usable = false), &["gpus-few/0/2"]),
            (|it| it.cards.iter_mut().skip(1).for_each(|card| card.shared_mib = 1), &["gpus-few/1/2"]),
            (|it| it.cards.iter_mut().for_each(|card| card.memory = Some(40_000 * MIB)), &["gpu-memory/40000/76293"]),
            (|it| it.has_driver = false, &["no-driver"]),
            (
                |it| {
                    it.in_service = false;
                    it.allocated = true;
                    it.used_cores = 64;
                },
                &["not-in-service", "allocated", "cpu/0/8"],
            ),
        ];
        let spec = spec(|_| ());
        let need = Need { spec: &spec, architecture: Some("amd64"), cuda: Some("12.4") };
        for (number, (change, misses)) in cases.into_iter().enumerate() {
            assert_eq!(told(need, &host(change)), misses, "case {number}");
        }
    }

    #[test]
    fn when_it_fits_is_said_where_all_that_is_in_the_way_has_an_end() {
        type Change<'a> = &'a dyn Fn(&mut Host);
        let at = |hours: i64| DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(hours);
        let spec = spec(|_| ());
        let need = Need { spec: &spec, architecture: None, cuda: None };
        let out = |it: &mut Host| (it.in_service, it.in_service_again) = (false, Some(at(3)));
        let cases: [(Change<'_>, Option<DateTime<Utc>>); 7] = [
            (&|_| (), None),
            (&out, Some(at(3))),
            // Somebody has all of it, also then.
            (
                &|it| {
                    out(it);
                    it.allocated = true;
                },
                None,
            ),
            // Staff took it out of service, and nobody says until when.
            (&|it| it.in_service = false, None),
            (&|it| it.allocated = true, None),
            // The window is overdue.
            (&|it| (it.in_service, it.in_service_again) = (false, Some(at(1))), None),
            // Also then it has too few cards: instances have no end.
            (
                &|it| {
                    out(it);
                    it.cards.iter_mut().skip(1).for_each(|card| card.held = true);
                },
                None,
            ),
        ];
        for (number, (change, expected)) in cases.into_iter().enumerate() {
            assert_eq!(earliest(need, &host(change), at(2)), expected, "case {number}");
        }
    }

    #[test]
    fn an_image_has_to_go_with_the_machine() {
        let spec = spec(|_| ());
        let need = |architecture, cuda| Need { spec: &spec, architecture, cuda };
        let host = host(|_| ());
        assert_eq!(told(need(Some("arm64"), None), &host), ["architecture///amd64/arm64"]);
        assert_eq!(told(need(None, Some("12.6.1")), &host), ["cuda///12.4/12.6.1"]);
        assert_eq!(told(need(None, Some("13.0")), &host), ["cuda///12.4/13.0"]);
        for older in ["12.4.1", "12.1", "11.8", "12"] {
            assert_eq!(told(need(None, Some(older)), &host), Vec::<String>::new(), "{older}");
        }
        // Without GPUs nobody needs a driver.
        let plain = InstanceSpec { gpu_count: 0, gpu_model: None, gpu_memory_gb: None, ..spec.clone() };
        let bare = Host { has_driver: false, cards: Vec::new(), ..host };
        assert_eq!(told(Need { spec: &plain, architecture: None, cuda: Some("13.0") }, &bare), Vec::<String>::new());
    }

    #[test]
    fn whole_cards_are_taken_that_nobody_has() {
        let spec = spec(|_| ());
        let host = host(|it| {
            it.cards[0].held = true;
            it.cards[2].shared_mib = 1000;
        });
        let need = Need { spec: &spec, architecture: None, cuda: None };
        assert_eq!(decide(need, &host).cards, [(GpuId(2), None), (GpuId(4), None)]);
    }

    #[test]
    fn a_share_goes_where_the_least_room_is_left() {
        let spec = spec(|it| {
            (it.gpu_use, it.gpu_count, it.gpu_memory_gb) = (GpuUse::Share, 1, Some(20));
        });
        let host = host(|it| {
            it.cards[0].held = true;
            it.cards[1].shared_mib = 70_000;
            it.cards[3].shared_mib = 40_000;
        });
        let need = Need { spec: &spec, architecture: None, cuda: None };
        assert_eq!(decide(need, &host).cards, [(GpuId(4), Some(19_073))]);
        let full = Host { cards: vec![Card { shared_mib: 70_000, ..card(1) }], ..host };
        assert_eq!(told(need, &full), ["gpu-memory/11559/19073"]);
    }

    #[test]
    fn the_fullest_machine_that_fits_comes_first() {
        let spec = spec(|_| ());
        let need = Need { spec: &spec, architecture: None, cuda: None };
        let fuller = host(|it| {
            it.code = "host-002".to_owned();
            it.cards[0].held = true;
        });
        assert!(rank(need, &fuller) < rank(need, &host(|_| ())));
    }
}

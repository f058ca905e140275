//! What a container is to be, in the platform's words. What an engine is told is made of it in one place, `host`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::binds::HostBind;
use crate::docker::{Fault, FaultKind};

/// Least memory an engine takes, bytes.
const MIN_MEMORY: u64 = 6 << 20;
/// Most of anything that is counted in here.
const MAX_ITEMS: usize = 256;
/// Longest text of a variable or an argument, bytes: Linux takes no longer one (`MAX_ARG_STRLEN`).
const MAX_TEXT: usize = 128 << 10;
/// Least size of a file of a log, bytes.
const MIN_LOG: u64 = 64 << 10;

/// Variables by which the NVIDIA container runtime decides what a container sees. An image or a customer who could set them
/// would get the GPUs of others, so each container has them from here, whatever its image says.
pub(super) const GPU_VARIABLES: [&str; 9] = [
    "NVIDIA_VISIBLE_DEVICES",
    "NVIDIA_DRIVER_CAPABILITIES",
    "NVIDIA_GDRCOPY",
    "NVIDIA_GDS",
    "NVIDIA_IMEX_CHANNELS",
    "NVIDIA_MIG_CONFIG_DEVICES",
    "NVIDIA_MIG_MONITOR_DEVICES",
    "NVIDIA_MOFED",
    "NVIDIA_NVSWITCH",
];

/// Everything a container is made of. There is no field by which the host could be reached that is not here.
#[derive(Clone, Debug)]
pub struct ContainerSpec {
    /// Its name on the engine.
    pub name: String,
    /// Whose container it is, in the platform's words.
    pub instance: String,
    /// Which state of that instance's wishes it was made of.
    pub revision: u64,
    /// An image that the engine has.
    pub image: String,
    /// Instead of the image's; never read by a shell.
    pub entrypoint: Option<Vec<String>>,
    /// Instead of the image's; never read by a shell.
    pub command: Option<Vec<String>>,
    pub env: Env,
    pub hostname: Option<String>,
    /// Thousandths of a core.
    pub cpu_millis: u32,
    /// Bytes; there is no swap beyond it.
    pub memory: u64,
    /// Bytes of `/dev/shm`, which count as memory.
    pub shm: u64,
    /// Most processes and threads.
    pub pids: u32,
    /// Whole GPUs or MIG devices, by their UUID.
    pub gpus: Vec<String>,
    pub volumes: Vec<VolumeMount>,
    pub binds: Vec<HostBind>,
    pub ports: Vec<PublishedPort>,
    /// A network that was made for this; without one there is none at all.
    pub network: Option<String>,
    pub restart: Restart,
    pub ulimits: Vec<Ulimit>,
    pub log: LogLimit,
    /// Most bytes of its own file system. An engine whose storage cannot limit that refuses it.
    pub disk: Option<u64>,
    /// Whether a small init runs first and reaps what others leave; images that bring their own want to be first.
    pub init: bool,
}

/// Variables. Their values are nobody's to read: they are not in `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env(pub BTreeMap<String, String>);

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A volume, and where it is in the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeMount {
    /// Its name; it has to be there, and of this installation.
    pub volume: String,
    pub target: String,
    pub read_only: bool,
    /// A new one stays empty, whatever the image has at that place.
    pub empty: bool,
}

/// A port of the container, on an address of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedPort {
    pub container: u16,
    pub transport: Transport,
    pub address: IpAddr,
    /// `None`: one that is free when it starts, another one each time.
    pub host: Option<u16>,
}

impl PublishedPort {
    /// A TCP port, for the host itself alone, on whichever of its ports is free.
    pub fn local(container: u16) -> Self {
        Self { container, transport: Transport::Tcp, address: IpAddr::V4(Ipv4Addr::LOCALHOST), host: None }
    }
}

/// What a port is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    Tcp,
    Udp,
}

impl Transport {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// Whether the engine itself starts it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    No,
    /// So many times, when it did not end with 0.
    OnFailure(u16),
    /// Until it is stopped, also when the engine itself starts.
    UnlessStopped,
}

/// A limit of each process. `None` is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ulimit {
    pub kind: UlimitKind,
    pub soft: Option<u64>,
    pub hard: Option<u64>,
}

/// Which limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UlimitKind {
    /// Bytes of a core dump.
    Core,
    /// Bytes that stay in memory, which drivers of GPUs and networks ask for.
    MemLock,
    /// Open files.
    NoFile,
    /// Bytes of the stack.
    Stack,
}

impl UlimitKind {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::MemLock => "memlock",
            Self::NoFile => "nofile",
            Self::Stack => "stack",
        }
    }
}

/// How much of what it says the engine keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLimit {
    pub driver: LogDriver,
    /// Bytes of a file.
    pub size: u64,
    /// 2 to 20.
    pub files: u32,
}

/// In which form. Both can be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogDriver {
    JsonFile,
    Local,
}

impl LogDriver {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::JsonFile => "json-file",
            Self::Local => "local",
        }
    }
}

/// What of a spec is no good, and why: it never reached an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecFault {
    /// The field's name.
    pub field: &'static str,
    pub why: &'static str,
}

impl SpecFault {
    pub(super) fn unless(good: bool, field: &'static str, why: &'static str) -> Result<(), Self> {
        if good { Ok(()) } else { Err(Self { field, why }) }
    }
}

impl From<SpecFault> for Fault {
    fn from(fault: SpecFault) -> Self {
        Self::new(FaultKind::Spec, format!("{}: {}", fault.field, fault.why))
    }
}

/// Whether an engine would take it as the name of a container, a volume or a network. Such a name is good in a path and in a
/// query as it is.
pub(super) fn is_name(text: &str) -> bool {
    text.len() > 1 && is_word(text)
}

/// Whether it is a word of ours for a label.
pub(super) fn is_word(text: &str) -> bool {
    let inside = |c: u8| c.is_ascii_alphanumeric() || b"_.-".contains(&c);
    (1..=128).contains(&text.len()) && text.as_bytes()[0].is_ascii_alphanumeric() && text.bytes().all(inside)
}

/// Whether it is a place in a container where something of ours may be: absolute, plain, and not what the engine makes there.
pub(super) fn is_target(text: &str) -> bool {
    let parts = || text.split('/').skip(1);
    let plain = text.starts_with('/') && text.len() <= 512 && !text.contains(|c: char| c.is_control());
    let engines_own = |part: Option<&str>| matches!(part, Some("dev" | "proc" | "sys"));
    plain && parts().all(|part| !matches!(part, "" | "." | "..")) && !engines_own(parts().next())
}

/// What needs no engine to be seen.
pub(super) fn check(spec: &ContainerSpec) -> Result<(), SpecFault> {
    let unless = SpecFault::unless;
    unless(is_name(&spec.name), "name", "it is no name of a container")?;
    unless(is_word(&spec.instance), "instance", "it is no word for a label")?;
    let image = |c: char| c.is_control() || c.is_whitespace();
    unless(!spec.image.is_empty() && spec.image.len() <= 512 && !spec.image.contains(image), "image", "it is none")?;
    words(spec)?;
    let hostname = |name: &str| is_name(name) && name.len() <= 63 && !name.contains('_');
    unless(spec.hostname.as_deref().is_none_or(hostname), "hostname", "it is none")?;
    limits(spec)?;
    let uuid = |id: &String| {
        let inside = |c: u8| c.is_ascii_alphanumeric() || b"-/".contains(&c);
        (id.starts_with("GPU-") || id.starts_with("MIG-")) && (5..=80).contains(&id.len()) && id.bytes().all(inside)
    };
    unless(spec.gpus.iter().all(uuid), "gpus", "each is the UUID of a GPU or a MIG device")?;
    unless(distinct(&spec.gpus, |id| id), "gpus", "one is named twice")?;
    let targets: Vec<&str> =
        spec.volumes.iter().map(|it| it.target.as_str()).chain(spec.binds.iter().map(HostBind::target)).collect();
    unless(spec.volumes.iter().all(|it| is_name(&it.volume)), "volumes", "one has no name of a volume")?;
    unless(targets.iter().all(|it| is_target(it)), "volumes", "one is where nothing may be")?;
    unless(distinct(&targets, |it| it), "volumes", "two are at the same place")?;
    unless(spec.ports.iter().all(|it| it.container > 0 && it.host != Some(0)), "ports", "0 is none")?;
    unless(distinct(&spec.ports, |it| (it.container, it.transport, it.address)), "ports", "one is named twice")?;
    let ports = spec.ports.is_empty() || spec.network.is_some();
    unless(ports, "ports", "without a network there are none")?;
    // The host's own, the one that everything without a choice is in, and what is no network at all.
    let network =
        |name: &str| is_name(name) && !["host", "bridge", "default", "none", "nat", "ingress"].contains(&name);
    unless(spec.network.as_deref().is_none_or(network), "network", "it is none that was made for this")
}

/// Variables and arguments.
fn words(spec: &ContainerSpec) -> Result<(), SpecFault> {
    let unless = SpecFault::unless;
    let text = |text: &str| text.len() < MAX_TEXT && !text.contains('\0');
    let name = |name: &str| !name.is_empty() && !name.contains(['=', '\0', '\n']) && name.len() <= 256;
    for (key, value) in &spec.env.0 {
        unless(name(key), "env", "one has no name of a variable")?;
        unless(
            !GPU_VARIABLES.contains(&key.as_str()),
            "env",
            "one says which GPUs there are, which is not its to say",
        )?;
        unless(text(value), "env", "one is too long, or has a null character")?;
    }
    for (field, words) in [("entrypoint", &spec.entrypoint), ("command", &spec.command)] {
        // An empty list would mean the image's, which `None` says.
        let good = |words: &Vec<String>| !words.is_empty() && words.iter().all(|word| text(word));
        unless(words.as_ref().is_none_or(good), field, "it is empty, too long, or has a null character")?;
        unless(words.as_ref().is_none_or(|words| words.len() <= 4 * MAX_ITEMS), field, "there are too many")?;
    }
    unless(spec.env.0.len() <= 4 * MAX_ITEMS, "env", "there are too many")
}

/// Numbers, and how many there are of what is listed.
fn limits(spec: &ContainerSpec) -> Result<(), SpecFault> {
    let unless = SpecFault::unless;
    // What an engine is told is signed.
    let fits = |number: u64| i64::try_from(number).is_ok();
    unless(spec.cpu_millis >= 10, "cpu_millis", "an engine gives no less than 10")?;
    unless(spec.memory >= MIN_MEMORY && fits(spec.memory), "memory", "an engine gives no less than 6 MiB")?;
    unless((1..=spec.memory).contains(&spec.shm), "shm", "it is a part of the memory")?;
    unless((1..=4 << 20).contains(&spec.pids), "pids", "it is 1 to 4194304")?;
    unless(spec.disk.is_none_or(|disk| disk >= 1 << 20 && fits(disk)), "disk", "it is no less than 1 MiB")?;
    unless(spec.log.size >= MIN_LOG && fits(spec.log.size), "log", "a file has no less than 64 KiB")?;
    unless((2..=20).contains(&spec.log.files), "log", "there are 2 to 20 files")?;
    let ordered = |it: &Ulimit| match (it.soft, it.hard) {
        (soft, None) => soft.is_none_or(fits),
        (None, Some(_)) => false,
        (Some(soft), Some(hard)) => soft <= hard && fits(hard),
    };
    unless(spec.ulimits.iter().all(ordered), "ulimits", "the soft one is above the hard one")?;
    unless(distinct(&spec.ulimits, |it| it.kind), "ulimits", "one is named twice")?;
    for (field, count) in [
        ("gpus", spec.gpus.len()),
        ("volumes", spec.volumes.len()),
        ("binds", spec.binds.len()),
        ("ports", spec.ports.len()),
    ] {
        unless(count <= MAX_ITEMS, field, "there are too many")?;
    }
    Ok(())
}

fn distinct<'a, T, K: Ord>(items: &'a [T], key: impl Fn(&'a T) -> K) -> bool {
    items.iter().map(key).collect::<BTreeSet<_>>().len() == items.len()
}

//! The messages. Units are in the field names or their comments; times are milliseconds since the Unix epoch, UTC.

use prost::{Message, Oneof};

/// One message from the agent.
#[derive(Clone, PartialEq, Message)]
pub struct AgentFrame {
    #[prost(oneof = "AgentBody", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub body: Option<AgentBody>,
}

/// What an [`AgentFrame`] can be.
#[expect(clippy::large_enum_variant, reason = "frames are decoded, handled and dropped one at a time")]
#[derive(Clone, PartialEq, Oneof)]
pub enum AgentBody {
    /// First message after the upgrade.
    #[prost(message, tag = "1")]
    Hello(Hello),
    /// Hardware as discovered; after `Hello` and whenever it changes.
    #[prost(message, tag = "2")]
    Inventory(Inventory),
    /// Samples, oldest first.
    #[prost(message, tag = "3")]
    Batch(Batch),
    /// Processes that use a GPU; every few seconds and when the set changes.
    #[prost(message, tag = "4")]
    Processes(ProcessList),
    /// Answer to [`Ping`].
    #[prost(message, tag = "5")]
    Pong(Ping),
    /// Answer to [`OpenTunnel`] where there will be no tunnel.
    #[prost(message, tag = "6")]
    TunnelRefused(TunnelRefused),
    /// Which keys are there; answer to [`HostKeys`], after `Hello`, and when that changed.
    #[prost(message, tag = "7")]
    HostKeys(HostKeysSeen),
}

/// One message from the server.
#[derive(Clone, PartialEq, Message)]
pub struct ServerFrame {
    #[prost(oneof = "ServerBody", tags = "1, 2, 3, 4, 5, 6")]
    pub body: Option<ServerBody>,
}

/// What a [`ServerFrame`] can be.
#[derive(Clone, PartialEq, Oneof)]
pub enum ServerBody {
    /// Answer to [`Hello`].
    #[prost(message, tag = "1")]
    Welcome(Welcome),
    /// The batch with this sequence number is committed.
    #[prost(message, tag = "2")]
    Ack(Ack),
    /// Sent every 5 s; the agent answers with `Pong`. An agent that hears nothing for 20 s reconnects.
    #[prost(message, tag = "3")]
    Ping(Ping),
    /// The server is closing the link on purpose.
    #[prost(message, tag = "4")]
    Goodbye(Goodbye),
    /// Asks for a tunnel, of an agent that said it makes them.
    #[prost(message, tag = "5")]
    OpenTunnel(OpenTunnel),
    /// Which keys are to be there, of an agent that said that it keeps them.
    #[prost(message, tag = "6")]
    HostKeys(HostKeys),
}

/// Who is calling.
#[derive(Clone, PartialEq, Message)]
pub struct Hello {
    #[prost(uint32, tag = "1")]
    pub protocol_version: u32,
    #[prost(string, tag = "2")]
    pub agent_version: String,
    /// Random per agent process; batch sequence numbers are unique within it.
    #[prost(string, tag = "3")]
    pub process_id: String,
    /// Kernel boot id, where there is one: tells a reboot from a restart of the agent.
    #[prost(string, tag = "4")]
    pub boot_id: String,
    /// The agent's clock when it sent this, so that the server can say how far it is off.
    #[prost(int64, tag = "5")]
    pub sent_at_ms: i64,
    /// Whether it makes tunnels; an agent that does not know of them says nothing.
    #[prost(enumeration = "TunnelSupport", tag = "6")]
    pub tunnels: i32,
    /// The host's login account in which it keeps the public keys of who has the machine, and to whose sshd it leads them.
    /// Absent where the host's owner did not allow that, and from agents that do not know of it.
    #[prost(string, optional, tag = "7")]
    pub keys_account: Option<String>,
}

/// What an agent says of tunnels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum TunnelSupport {
    /// It is older than they are.
    Unknown = 0,
    /// Its host's admin switched them off.
    Off = 1,
    /// It makes them.
    On = 2,
}

/// The server's answer.
#[derive(Clone, PartialEq, Message)]
pub struct Welcome {
    #[prost(uint32, tag = "1")]
    pub protocol_version: u32,
    /// The machine's immutable code, e.g. `host-001`.
    #[prost(string, tag = "2")]
    pub machine_code: String,
    /// Sampling interval wanted, milliseconds (1000 unless the server is configured otherwise).
    #[prost(uint32, tag = "3")]
    pub sample_interval_ms: u32,
    /// False while monitoring is switched off for this machine: the agent stays connected and sends no samples.
    #[prost(bool, tag = "4")]
    pub monitored: bool,
    /// The server takes [`HostKeysSeen`]; one that does not know it would take it for no frame at all.
    #[prost(bool, tag = "5")]
    pub host_keys: bool,
}

/// The host and its GPUs as found. Absent means "not known".
#[derive(Clone, PartialEq, Message)]
pub struct Inventory {
    #[prost(string, tag = "1")]
    pub host_name: String,
    /// E.g. `Debian GNU/Linux 12 (bookworm)`.
    #[prost(string, optional, tag = "2")]
    pub os: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub kernel: Option<String>,
    /// `x86_64`, `aarch64`.
    #[prost(string, optional, tag = "4")]
    pub arch: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub cpu_model: Option<String>,
    #[prost(uint32, optional, tag = "6")]
    pub cpu_sockets: Option<u32>,
    #[prost(uint32, optional, tag = "7")]
    pub cpu_cores: Option<u32>,
    #[prost(uint32, optional, tag = "8")]
    pub cpu_threads: Option<u32>,
    #[prost(uint64, optional, tag = "9")]
    pub memory_bytes: Option<u64>,
    #[prost(uint64, optional, tag = "10")]
    pub swap_bytes: Option<u64>,
    #[prost(message, repeated, tag = "11")]
    pub disks: Vec<Disk>,
    #[prost(message, repeated, tag = "12")]
    pub nics: Vec<Nic>,
    /// NVIDIA driver version, absent where there is no NVML.
    #[prost(string, optional, tag = "13")]
    pub driver_version: Option<String>,
    /// Highest CUDA version the driver supports, e.g. `13.0`.
    #[prost(string, optional, tag = "14")]
    pub cuda_version: Option<String>,
    /// Every GPU seen since the agent started; one that fell off the bus stays, with `lost`.
    #[prost(message, repeated, tag = "15")]
    pub gpus: Vec<GpuInfo>,
    /// Why there are no GPU figures, when NVML could not be used (`library not found`, `driver not loaded`).
    #[prost(string, optional, tag = "16")]
    pub nvml_error: Option<String>,
}

/// A mounted local file system, or a block device without one.
#[derive(Clone, PartialEq, Message)]
pub struct Disk {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub mount_point: String,
    #[prost(uint64, tag = "3")]
    pub total_bytes: u64,
    /// `ssd`, `hdd` or empty when not known.
    #[prost(string, tag = "4")]
    pub kind: String,
}

/// A network interface other than loopback.
#[derive(Clone, PartialEq, Message)]
pub struct Nic {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, repeated, tag = "2")]
    pub addresses: Vec<String>,
    /// Megabits per second.
    #[prost(uint64, optional, tag = "3")]
    pub speed_mbps: Option<u64>,
}

/// What does not change every second about a GPU.
#[derive(Clone, PartialEq, Message)]
pub struct GpuInfo {
    /// NVML's index at discovery.
    #[prost(uint32, tag = "1")]
    pub index: u32,
    /// `GPU-…`, the identity of a GPU everywhere.
    #[prost(string, tag = "2")]
    pub uuid: String,
    #[prost(string, tag = "3")]
    pub model: String,
    #[prost(uint64, optional, tag = "4")]
    pub memory_bytes: Option<u64>,
    #[prost(string, optional, tag = "5")]
    pub pci_bus_id: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub vbios: Option<String>,
    #[prost(string, optional, tag = "7")]
    pub serial: Option<String>,
    #[prost(float, optional, tag = "8")]
    pub power_limit_w: Option<f32>,
    #[prost(bool, optional, tag = "9")]
    pub mig_enabled: Option<bool>,
    #[prost(bool, optional, tag = "10")]
    pub ecc_enabled: Option<bool>,
    /// True once NVML says the GPU is lost, or it is gone from the list.
    #[prost(bool, tag = "11")]
    pub lost: bool,
    #[prost(message, repeated, tag = "12")]
    pub mig_devices: Vec<MigDevice>,
}

/// One MIG instance.
#[derive(Clone, PartialEq, Message)]
pub struct MigDevice {
    #[prost(uint32, tag = "1")]
    pub index: u32,
    #[prost(string, tag = "2")]
    pub uuid: String,
    /// E.g. `1g.10gb`, as the driver names it.
    #[prost(string, tag = "3")]
    pub profile: String,
    #[prost(uint64, optional, tag = "4")]
    pub memory_bytes: Option<u64>,
}

/// Samples in one message; acknowledged as a whole.
#[derive(Clone, PartialEq, Message)]
pub struct Batch {
    /// Rises by one per batch within one agent process.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<Sample>,
    /// True for samples that were kept while cut off; they are history, not news.
    #[prost(bool, tag = "3")]
    pub replayed: bool,
}

/// Everything measured at one tick.
#[derive(Clone, PartialEq, Message)]
pub struct Sample {
    /// The agent's clock, milliseconds; the key of the sample together with the machine.
    #[prost(int64, tag = "1")]
    pub at_ms: i64,
    #[prost(message, optional, tag = "2")]
    pub host: Option<HostSample>,
    #[prost(message, repeated, tag = "3")]
    pub gpus: Vec<GpuSample>,
    #[prost(message, repeated, tag = "4")]
    pub events: Vec<GpuEvent>,
}

/// Host figures. Rates are per second since the previous tick.
#[derive(Clone, PartialEq, Message)]
pub struct HostSample {
    /// Busy share of all CPUs together, 0 to 100.
    #[prost(float, optional, tag = "1")]
    pub cpu_percent: Option<f32>,
    #[prost(float, optional, tag = "2")]
    pub load1: Option<f32>,
    /// `MemTotal - MemAvailable` of /proc/meminfo.
    #[prost(uint64, optional, tag = "3")]
    pub memory_used_bytes: Option<u64>,
    #[prost(uint64, optional, tag = "4")]
    pub memory_total_bytes: Option<u64>,
    #[prost(uint64, optional, tag = "5")]
    pub swap_used_bytes: Option<u64>,
    #[prost(uint64, optional, tag = "6")]
    pub swap_total_bytes: Option<u64>,
    /// Sum over local file systems, each device once.
    #[prost(uint64, optional, tag = "7")]
    pub disk_used_bytes: Option<u64>,
    #[prost(uint64, optional, tag = "8")]
    pub disk_total_bytes: Option<u64>,
    #[prost(float, optional, tag = "9")]
    pub disk_read_bytes_per_s: Option<f32>,
    #[prost(float, optional, tag = "10")]
    pub disk_write_bytes_per_s: Option<f32>,
    #[prost(float, optional, tag = "11")]
    pub net_rx_bytes_per_s: Option<f32>,
    #[prost(float, optional, tag = "12")]
    pub net_tx_bytes_per_s: Option<f32>,
    #[prost(uint64, optional, tag = "13")]
    pub uptime_s: Option<u64>,
}

/// Figures of one GPU at one tick.
#[derive(Clone, PartialEq, Message)]
pub struct GpuSample {
    #[prost(string, tag = "1")]
    pub uuid: String,
    /// SM busy share, 0 to 100.
    #[prost(float, optional, tag = "2")]
    pub util_percent: Option<f32>,
    /// Memory controller busy share, 0 to 100.
    #[prost(float, optional, tag = "3")]
    pub mem_util_percent: Option<f32>,
    #[prost(uint64, optional, tag = "4")]
    pub memory_used_bytes: Option<u64>,
    #[prost(uint64, optional, tag = "5")]
    pub memory_total_bytes: Option<u64>,
    /// Degrees Celsius.
    #[prost(float, optional, tag = "6")]
    pub temperature_c: Option<f32>,
    #[prost(float, optional, tag = "7")]
    pub power_w: Option<f32>,
    #[prost(float, optional, tag = "8")]
    pub power_limit_w: Option<f32>,
    #[prost(uint32, optional, tag = "9")]
    pub sm_clock_mhz: Option<u32>,
    #[prost(uint32, optional, tag = "10")]
    pub mem_clock_mhz: Option<u32>,
    #[prost(float, optional, tag = "11")]
    pub fan_percent: Option<f32>,
    #[prost(float, optional, tag = "12")]
    pub pcie_rx_bytes_per_s: Option<f32>,
    #[prost(float, optional, tag = "13")]
    pub pcie_tx_bytes_per_s: Option<f32>,
    #[prost(uint32, optional, tag = "14")]
    pub pcie_generation: Option<u32>,
    #[prost(uint32, optional, tag = "15")]
    pub pcie_width: Option<u32>,
    /// Volatile counters (since the driver was loaded).
    #[prost(uint64, optional, tag = "16")]
    pub ecc_corrected: Option<u64>,
    #[prost(uint64, optional, tag = "17")]
    pub ecc_uncorrected: Option<u64>,
    /// NVML's clocks-event-reasons bit mask as it comes.
    #[prost(uint64, optional, tag = "18")]
    pub throttle_bits: Option<u64>,
    #[prost(float, optional, tag = "19")]
    pub encoder_percent: Option<f32>,
    #[prost(float, optional, tag = "20")]
    pub decoder_percent: Option<f32>,
    /// NVML performance state 0 (fastest) to 15.
    #[prost(uint32, optional, tag = "21")]
    pub performance_state: Option<u32>,
    /// The GPU did not answer: fell off the bus. All figures are absent then.
    #[prost(bool, tag = "22")]
    pub lost: bool,
}

/// Something that happened to a GPU between two ticks.
#[derive(Clone, PartialEq, Message)]
pub struct GpuEvent {
    #[prost(string, tag = "1")]
    pub uuid: String,
    #[prost(int64, tag = "2")]
    pub at_ms: i64,
    #[prost(enumeration = "GpuEventKind", tag = "3")]
    pub kind: i32,
    /// Xid number for `Xid`, count for ECC, otherwise 0.
    #[prost(uint64, tag = "4")]
    pub value: u64,
}

/// Kinds of [`GpuEvent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum GpuEventKind {
    Unspecified = 0,
    /// NVIDIA Xid error; `value` is its number.
    Xid = 1,
    /// Fell off the bus.
    Lost = 2,
    /// Answers again.
    Returned = 3,
    /// Uncorrected ECC errors; `value` is how many more than before.
    EccUncorrected = 4,
}

/// GPU processes now.
#[derive(Clone, PartialEq, Message)]
pub struct ProcessList {
    #[prost(int64, tag = "1")]
    pub at_ms: i64,
    #[prost(message, repeated, tag = "2")]
    pub processes: Vec<Process>,
}

/// One process on one GPU.
#[derive(Clone, PartialEq, Message)]
pub struct Process {
    #[prost(uint32, tag = "1")]
    pub pid: u32,
    #[prost(string, tag = "2")]
    pub gpu_uuid: String,
    /// Host user that owns it, where it can be read.
    #[prost(string, optional, tag = "3")]
    pub user: Option<String>,
    /// Program name, e.g. `python3`. Arguments are not sent: they may hold secrets.
    #[prost(string, optional, tag = "4")]
    pub command: Option<String>,
    /// Container id from its cgroup, where there is one.
    #[prost(string, optional, tag = "5")]
    pub container: Option<String>,
    #[prost(uint64, optional, tag = "6")]
    pub gpu_memory_bytes: Option<u64>,
    #[prost(int64, optional, tag = "7")]
    pub started_at_ms: Option<i64>,
    /// `compute`, `graphics`.
    #[prost(string, tag = "8")]
    pub kind: String,
    /// Whether the library that divides a GPU's memory (HAMi-core's `libvgpu.so`) is in it; said of programs in containers
    /// whose mappings the agent may read.
    #[prost(bool, optional, tag = "9")]
    pub preloaded: Option<bool>,
}

/// See [`ServerBody::Ack`].
#[derive(Clone, PartialEq, Message)]
pub struct Ack {
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
}

/// Liveness, both ways.
#[derive(Clone, PartialEq, Message)]
pub struct Ping {
    #[prost(uint64, tag = "1")]
    pub nonce: u64,
}

/// Why the server closes.
#[derive(Clone, PartialEq, Message)]
pub struct Goodbye {
    #[prost(enumeration = "GoodbyeReason", tag = "1")]
    pub reason: i32,
    #[prost(string, tag = "2")]
    pub message: String,
    /// Wait at least this long before the next attempt.
    #[prost(uint32, tag = "3")]
    pub retry_after_s: u32,
}

/// Reasons of [`Goodbye`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum GoodbyeReason {
    Unspecified = 0,
    /// The server restarts; come back.
    Draining = 1,
    /// The protocol version is too old; the agent has to be replaced.
    UpgradeNeeded = 2,
    /// Another process linked with the same key; the newer one wins.
    Replaced = 3,
    /// The machine was retired or its key revoked.
    Revoked = 4,
    /// A frame broke the rules of this crate.
    ProtocolError = 5,
    /// Monitoring was switched on or off; reconnect to learn which.
    Reconfigured = 6,
}

/// Asks the agent to connect to its host's Docker Engine, or its sshd, and to dial back at [`crate::TUNNEL_PATH`]. Which
/// socket that is, the agent's own configuration says, never the server.
#[derive(Clone, PartialEq, Message)]
pub struct OpenTunnel {
    /// Names it on this link.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// Counts once, and for moments only; goes back in [`crate::TUNNEL_TICKET_HEADER`]. Hex.
    #[prost(string, tag = "2")]
    pub ticket: String,
    /// How long the server waits.
    #[prost(uint32, tag = "3")]
    pub wait_ms: u32,
    /// Asked of an agent alone that keeps keys: an older one would take it for the engine.
    #[prost(enumeration = "TunnelEnd", tag = "4")]
    pub to: i32,
}

/// Where a tunnel leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum TunnelEnd {
    Engine = 0,
    Sshd = 1,
}

/// Why there will be no tunnel.
#[derive(Clone, PartialEq, Message)]
pub struct TunnelRefused {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(enumeration = "TunnelRefusal", tag = "2")]
    pub reason: i32,
    /// What the host or the network said.
    #[prost(string, tag = "3")]
    pub detail: String,
}

/// Reasons of [`TunnelRefused`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum TunnelRefusal {
    Unspecified = 0,
    /// Its host's admin switched tunnels off.
    Off = 1,
    /// There is no such socket.
    NoSocket = 2,
    /// The socket is not for the account the agent runs as.
    Permission = 3,
    /// Nobody listens at the socket.
    Refused = 4,
    /// Too many are open.
    Busy = 5,
    /// The socket is open, and the way back to the server is not.
    NoWayBack = 6,
}

/// All the keys that are to let somebody into the host's account from now on; none take the last away. They stay without a
/// link, but no longer than they are said to: a host that is cut off from its server keeps nobody's for ever.
#[derive(Clone, PartialEq, Message)]
pub struct HostKeys {
    /// Of the lease that they are for, 0 for none; comes back in [`HostKeysSeen`].
    #[prost(uint64, tag = "1")]
    pub lease: u64,
    /// Each `algorithm base64`, without options and comment.
    #[prost(string, repeated, tag = "2")]
    pub keys: Vec<String>,
    /// How long from now on: clocks differ.
    #[prost(uint64, tag = "3")]
    pub lasts_ms: u64,
    /// The key with which the server's own SSH door comes in for these people, through a tunnel: let in from this host alone.
    #[prost(string, optional, tag = "4")]
    pub door_key: Option<String>,
    /// Of the lease after which the machine is being taken back, 0 for none; comes back in [`HostKeysSeen`], by which the
    /// server knows that what is told there was seen after that began, whatever anybody's clock says.
    #[prost(uint64, tag = "5")]
    pub reclaim: u64,
}

/// Which keys of [`HostKeys`] are in the file that sshd reads, as it was read after the last change.
#[derive(Clone, PartialEq, Message)]
pub struct HostKeysSeen {
    /// Of the last that was worked off; 0 before the first.
    #[prost(uint64, tag = "1")]
    pub lease: u64,
    /// Those too that somebody made lines of their own of.
    #[prost(string, repeated, tag = "2")]
    pub keys: Vec<String>,
    /// What hinders it.
    #[prost(enumeration = "HostKeysFault", tag = "3")]
    pub fault: i32,
    /// What the host said of it.
    #[prost(string, tag = "4")]
    pub detail: String,
    /// Other keys in that file, and in the second that sshd reads: somebody else's, who keeps them.
    #[prost(uint32, tag = "5")]
    pub others: u32,
    /// Public halves of the keys with which this host's sshd proves itself.
    #[prost(string, repeated, tag = "6")]
    pub sshd_keys: Vec<String>,
    /// Of the last [`HostKeys`] that was worked off.
    #[prost(uint64, tag = "7")]
    pub reclaim: u64,
    /// Processes of the account while the machine is taken back: whoever came in may still be there. Absent where they cannot be
    /// told from the host's own.
    #[prost(uint32, optional, tag = "8")]
    pub processes: Option<u32>,
}

/// What hinders an agent in keeping keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum HostKeysFault {
    /// Nothing.
    None = 0,
    /// The host has no such account, or one without a home folder.
    Account = 1,
    /// What stands at the file's place is not a file of that account alone: a link, a folder, somebody else's.
    Unsafe = 2,
    /// The file system refuses it.
    Io = 3,
    /// The agent runs neither as root nor as that account.
    Permission = 4,
    /// The keys it was sent are none.
    Keys = 5,
}

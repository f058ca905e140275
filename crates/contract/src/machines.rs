//! GPU hosts: what was typed, what the agent found, and how agents join.

mod models;
mod passport;
mod service;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use models::{gpus_in_words, models_in_words};
pub use passport::*;
pub use service::*;

use crate::allocations::{LeaseToCome, MachineHolder};
use crate::{CustomerId, JoinTokenId, SortDirection};

/// Seconds of silence after which a machine counts as offline.
pub const OFFLINE_AFTER_SECONDS: i64 = 15;

/// Words a machine code may not be, because paths of the contract use them.
pub const RESERVED_CODES: [&str; 7] = ["import", "imports", "export", "join-tokens", "new", "bulk", "facets"];

/// True for `[a-z0-9][a-z0-9-]{0,62}` that is not reserved. Codes are immutable.
pub fn is_valid_code(code: &str) -> bool {
    let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = code.as_bytes();
    !bytes.is_empty()
        && bytes.len() <= 63
        && ok(bytes[0])
        && bytes.iter().all(|&b| ok(b) || b == b'-')
        && !RESERVED_CODES.contains(&code)
}

// A token, not a literal: what describes the API reads the attribute before the compiler does, and does not see into a
// fragment.
macro_rules! word_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:tt),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];
            /// The word on the wire, in the database and in URLs.
            pub fn code(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }
            /// Reads what `code` writes.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.code() == word)
            }
        }
    };
}
pub(crate) use word_enum;

word_enum! {
    /// How a machine is let.
    Pool {
        /// To one customer at a time.
        Whole = "whole",
        /// Instances of many customers.
        Shared = "shared",
    }
}

word_enum! {
    /// What the admin decided about a machine.
    ServiceState {
        InService = "in_service",
        Cordoned = "cordoned",
        Draining = "draining",
        Maintenance = "maintenance",
        Retired = "retired",
    }
}

word_enum! {
    /// Derived from the last sign of life; never stored.
    Presence {
        /// Heard from within [`OFFLINE_AFTER_SECONDS`].
        Online = "online",
        /// Silent for longer.
        Offline = "offline",
        /// No agent has ever connected.
        NeverSeen = "never_seen",
    }
}

impl Default for Presence {
    /// What nothing is known of.
    fn default() -> Self {
        Self::NeverSeen
    }
}

/// Presence at `now` of a machine last heard from at `last_seen_at`: the one rule for list, wall and detail.
pub fn presence(last_seen_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Presence {
    match last_seen_at {
        None => Presence::NeverSeen,
        Some(at) if (now - at).num_milliseconds() < OFFLINE_AFTER_SECONDS * 1000 => Presence::Online,
        Some(_) => Presence::Offline,
    }
}

/// Hardware as somebody typed it. Absent means "not stated".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct DeclaredHardware {
    pub gpu_model: Option<String>,
    pub gpu_count: Option<u32>,
    /// Memory of one GPU, GB as vendors count (10^9).
    pub gpu_memory_gb: Option<u32>,
    pub cpu_model: Option<String>,
    /// Physical cores.
    pub cpu_cores: Option<u32>,
    pub memory_gb: Option<u32>,
    /// Disk of the operating system, GB as vendors count.
    #[serde(alias = "diskGb")]
    pub system_disk_gb: Option<u32>,
    /// All other disks together, GB as vendors count.
    pub data_disk_gb: Option<u32>,
}

/// Hardware as the agent found it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct DiscoveredHardware {
    pub host_name: String,
    pub os: Option<String>,
    pub kernel: Option<String>,
    pub arch: Option<String>,
    pub cpu_model: Option<String>,
    pub cpu_sockets: Option<u32>,
    pub cpu_cores: Option<u32>,
    pub cpu_threads: Option<u32>,
    pub memory_bytes: Option<u64>,
    pub swap_bytes: Option<u64>,
    pub disks: Vec<DiskView>,
    pub nics: Vec<NicView>,
    pub driver_version: Option<String>,
    pub cuda_version: Option<String>,
    /// Why there are no GPU figures, when NVML could not be used.
    pub nvml_error: Option<String>,
}

/// What the found disks come to, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DiskSizes {
    /// The file system at `/`.
    pub system: u64,
    /// Everything else.
    pub data: u64,
}

impl DiscoveredHardware {
    /// The disks, the operating system's apart from the others.
    #[must_use]
    pub fn disk_sizes(&self) -> DiskSizes {
        let sum = |of_system: bool| {
            let sizes = self.disks.iter().filter(|disk| (disk.mount_point == "/") == of_system);
            sizes.fold(0u64, |sum, disk| sum.saturating_add(disk.total_bytes))
        };
        DiskSizes { system: sum(true), data: sum(false) }
    }
}

/// A disk or file system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DiskView {
    pub name: String,
    pub mount_point: String,
    pub total_bytes: u64,
    pub kind: String,
}

/// A network interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NicView {
    pub name: String,
    pub addresses: Vec<String>,
    pub speed_mbps: Option<u64>,
}

/// One GPU of a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct GpuView {
    pub index: u32,
    pub uuid: String,
    pub model: String,
    pub memory_bytes: Option<u64>,
    pub pci_bus_id: Option<String>,
    pub power_limit_w: Option<f32>,
    pub mig_enabled: Option<bool>,
    pub ecc_enabled: Option<bool>,
    /// Fell off the bus, or gone from the list.
    pub lost: bool,
    pub mig_devices: Vec<MigDeviceView>,
}

/// One MIG instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MigDeviceView {
    pub index: u32,
    pub uuid: String,
    pub profile: String,
    pub memory_bytes: Option<u64>,
}

/// A figure that was typed one way and found another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HardwareDifference {
    /// Field of [`DeclaredHardware`], camelCase.
    pub field: String,
    pub declared: String,
    pub discovered: String,
}

/// A machine in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MachineView {
    /// The code, e.g. `host-001`.
    pub id: String,
    pub name: String,
    pub region: Option<String>,
    pub public_address: Option<String>,
    pub private_address: Option<String>,
    pub pool: Pool,
    pub monitored: bool,
    pub listed: bool,
    pub remark: Option<String>,
    pub service_state: ServiceState,
    /// Why it is out of service; staff only.
    pub service_note: Option<String>,
    pub service_changed_at: Option<DateTime<Utc>>,
    /// Planned and running maintenance, the next first.
    pub maintenance: Vec<MaintenanceView>,
    /// Staff only.
    pub connection: Option<ConnectionView>,
    pub presence: Presence,
    pub last_seen_at: Option<DateTime<Utc>>,
    pub declared: DeclaredHardware,
    pub discovered: Option<DiscoveredHardware>,
    pub differences: Vec<HardwareDifference>,
    pub gpus: Vec<GpuView>,
    pub agent_version: Option<String>,
    /// Rises with every change; send it back with an update so that nobody's change is lost.
    pub revision: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A machine as a row of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MachineRow {
    pub id: String,
    pub name: String,
    pub region: Option<String>,
    pub private_address: Option<String>,
    pub pool: Pool,
    pub monitored: bool,
    pub listed: bool,
    pub service_state: ServiceState,
    /// Why it is out of service.
    pub service_note: Option<String>,
    /// Who has it now; for those who see allocations.
    pub holder: Option<MachineHolder>,
    /// Who is to have it next; for the same.
    #[serde(default)]
    pub next: Option<LeaseToCome>,
    pub presence: Presence,
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Found by the agent, else as typed; of a host with different GPUs how many of each, `2 × A100 + 1 × L40S`.
    pub gpu_model: Option<String>,
    pub gpu_count: Option<u32>,
    pub gpus_lost: u32,
    pub cpu_cores: Option<u32>,
    pub memory_bytes: Option<u64>,
    /// Number of [`HardwareDifference`]s.
    pub differences: u32,
    pub created_at: DateTime<Utc>,
}

/// Body of `POST /api/admin/machines`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MachineCreate {
    /// Immutable code, `[a-z0-9][a-z0-9-]{0,62}`; made from the name's pattern (`host-001`, …) when left empty.
    pub id: Option<String>,
    /// 1 to 100 characters.
    pub name: String,
    pub region: Option<String>,
    pub public_address: Option<String>,
    pub private_address: Option<String>,
    pub pool: Option<Pool>,
    pub listed: bool,
    /// Monitored unless said otherwise.
    pub monitored: Option<bool>,
    pub remark: Option<String>,
    pub declared: DeclaredHardware,
}

/// Body of `PUT /api/admin/machines/{id}`: everything that may change, whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MachineUpdate {
    pub name: String,
    pub region: Option<String>,
    pub public_address: Option<String>,
    pub private_address: Option<String>,
    pub pool: Option<Pool>,
    pub listed: bool,
    pub monitored: Option<bool>,
    pub remark: Option<String>,
    pub declared: DeclaredHardware,
    /// The revision that was read; absent overwrites whatever is there.
    pub revision: Option<i64>,
}

word_enum! {
    /// Columns a machine list can be sorted by.
    MachineSort {
        Code = "id",
        Name = "name",
        Region = "region",
        GpuModel = "gpuModel",
        GpuCount = "gpuCount",
        /// Who has it now, by name; for those who see allocations.
        Customer = "customer",
        LastSeen = "lastSeenAt",
        Created = "createdAt",
    }
}

/// Filters, order and page of a machine list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams, utoipa::ToSchema), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MachineQuery {
    /// 1-based; 1 when absent.
    pub page: Option<u32>,
    /// 20 when absent, at most 100.
    pub page_size: Option<u32>,
    /// `name`, `-createdAt`, several with commas.
    pub sort: Option<String>,
    /// Part of code, name, address or GPU model.
    pub q: Option<String>,
    pub region: Option<String>,
    pub pool: Option<Pool>,
    pub presence: Option<Presence>,
    pub service_state: Option<ServiceState>,
    /// Any of a host's models.
    pub gpu_model: Option<String>,
    pub listed: Option<bool>,
    pub monitored: Option<bool>,
    /// Whether somebody has it now; for those who see allocations, as the next.
    pub lent: Option<bool>,
    /// Who has it now.
    pub customer_id: Option<CustomerId>,
}

impl MachineQuery {
    /// Reads `sort`; `Err` holds the part that names no column.
    pub fn sort_columns(&self) -> Result<Vec<(MachineSort, SortDirection)>, String> {
        let columns = crate::sort_of(self.sort.as_deref(), MachineSort::parse)?;
        Ok(if columns.is_empty() { vec![(MachineSort::Code, SortDirection::Asc)] } else { columns })
    }
}

/// Values the filters of the machine list offer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MachineFacets {
    pub regions: Vec<String>,
    pub gpu_models: Vec<String>,
    /// Who has machines now, by name; none for who does not see allocations.
    #[serde(default)]
    pub customers: Vec<MachineCustomer>,
    /// Machines in all, whatever the filters.
    pub machines: u64,
    /// Their GPUs: as found, else as typed, as in the rows.
    pub gpus: u64,
}

/// A customer that the machine list can be narrowed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MachineCustomer {
    pub id: CustomerId,
    pub name: String,
}

/// Body of `POST /api/admin/machines/join-tokens`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct JoinTokenCreate {
    /// What it is for, 0 to 100 characters.
    pub note: String,
    /// Machines it may add, 1 to 1000; 1 when absent.
    pub max_uses: Option<u32>,
    /// Hours until it expires, 1 to 720; 24 when absent.
    pub hours: Option<u32>,
    /// Attach the agent to this existing machine instead of making a new one.
    pub machine: Option<String>,
}

/// A join token; the secret itself is shown once, at creation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JoinTokenView {
    pub id: JoinTokenId,
    pub note: String,
    pub uses: u32,
    pub max_uses: u32,
    pub machine: Option<String>,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Answer of the creation: the only time the secret is seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JoinTokenSecret {
    pub token: JoinTokenView,
    /// `rgj_…`
    pub secret: String,
    /// The line to paste on the host, made from the server's public address.
    pub install_command: String,
}

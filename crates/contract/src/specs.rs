//! Specs: what an instance of a customer gets, and what an hour of it costs.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::machines::word_enum;
use crate::{SpecId, SpecPriceId};

/// Most GPUs of one spec.
pub const MAX_GPUS: u32 = 64;
/// Most memory of all its GPUs together, GB.
pub const MAX_GPU_MEMORY_GB: u32 = 65_536;
/// Most CPU cores.
pub const MAX_CPU_CORES: u32 = 1024;
/// Most memory, GB.
pub const MAX_MEMORY_GB: u32 = 65_536;
/// Largest disk, GB.
pub const MAX_DISK_GB: u32 = 1_000_000;

word_enum! {
    /// How the GPUs are given.
    GpuUse {
        /// Nobody else has them meanwhile.
        Whole = "whole",
        /// A part of their memory; others may have the rest.
        Share = "share",
    }
}

/// Body of `POST /api/admin/specs` and of `PUT` on one, which replaces it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpecWrite {
    /// 1 to 100 characters, unlike any other's.
    pub name: String,
    /// As NVML names it; absent exactly when there are no GPUs.
    #[serde(default)]
    pub gpu_model: Option<String>,
    /// 0: CPU only.
    #[serde(default)]
    pub gpu_count: u32,
    /// Of all cards together, GB of 10^9 bytes; absent exactly when there are no GPUs.
    #[serde(default)]
    pub gpu_memory_gb: Option<u32>,
    /// `whole` when absent.
    #[serde(default)]
    pub gpu_use: Option<GpuUse>,
    /// 1 to 1024.
    pub cpu_cores: u32,
    /// 1 to 65,536; of 2^30 bytes.
    pub memory_gb: u32,
    /// 1 to 1,000,000; of 10^9 bytes, as the data disk.
    pub system_disk_gb: u32,
    /// 0: none.
    #[serde(default)]
    pub data_disk_gb: u32,
    #[serde(default)]
    pub remark: Option<String>,
    /// What one saw; absent overwrites whatever is there.
    #[serde(default)]
    pub revision: Option<i64>,
}

/// A spec as staff see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SpecView {
    pub id: SpecId,
    pub name: String,
    pub gpu_model: Option<String>,
    pub gpu_count: u32,
    pub gpu_memory_gb: Option<u32>,
    pub gpu_use: GpuUse,
    pub cpu_cores: u32,
    pub memory_gb: u32,
    pub system_disk_gb: u32,
    pub data_disk_gb: u32,
    /// Customers may choose it.
    pub listed: bool,
    /// What an hour costs now, a decimal number; absent while it has no price.
    pub price_per_hour: Option<String>,
    /// What prices are in, an ISO 4217 code.
    pub currency: String,
    pub remark: Option<String>,
    pub revision: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Body of `POST /api/admin/specs/{id}/prices`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpecPriceCreate {
    /// A decimal number with at most six places, such as `10.5`; 0 for free.
    pub price_per_hour: String,
    /// Now when absent; never before now: what has been used keeps its price.
    #[serde(default, deserialize_with = "crate::times::maybe")]
    pub starts_at: Option<DateTime<Utc>>,
}

word_enum! {
    /// Where a price stands.
    PriceState {
        Past = "past",
        Current = "current",
        Planned = "planned",
        /// Another one with the same start came after it.
        Replaced = "replaced",
    }
}

/// A price. None is ever changed or taken away; another one that begins then, or later, replaces it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SpecPriceView {
    pub id: SpecPriceId,
    /// A decimal number.
    pub price_per_hour: String,
    pub currency: String,
    pub starts_at: DateTime<Utc>,
    /// When the next one begins.
    pub ends_at: Option<DateTime<Utc>>,
    pub state: PriceState,
    /// Name of who set it.
    pub created_by: String,
    pub created_at: DateTime<Utc>,
}

word_enum! {
    /// Columns a list of specs can be sorted by.
    SpecSort {
        Name = "name",
        GpuModel = "gpuModel",
        GpuCount = "gpuCount",
        GpuMemory = "gpuMemoryGb",
        Cpu = "cpuCores",
        Memory = "memoryGb",
        Price = "pricePerHour",
        Listed = "listed",
        Created = "createdAt",
    }
}

/// Parameters of the list of specs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SpecQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// `name`, `-pricePerHour`, several with commas; by name when absent.
    pub sort: Option<String>,
    /// Name, GPU model or remark.
    pub q: Option<String>,
    /// This GPU model exactly.
    pub gpu_model: Option<String>,
    pub listed: Option<bool>,
}

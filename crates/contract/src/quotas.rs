//! Limits of people and customers. What is used is counted by the areas that use it, and absent until they exist.

use serde::{Deserialize, Serialize};

use crate::machines::word_enum;

word_enum! {
    /// What is limited.
    QuotaResource {
        /// CPU cores.
        Cpu = "cpu",
        /// Main memory, GB.
        Memory = "memoryGb",
        /// Disks of instances and machines, GB.
        Disk = "diskGb",
        /// Whole GPUs.
        Gpu = "gpu",
        /// Containers.
        Instances = "instances",
        /// Virtual machines.
        Vms = "vms",
        /// Datasets and files, GB.
        Storage = "storageGb",
    }
}

word_enum! {
    /// What is counted: what is limited, and what a customer has without a limit.
    CountedResource {
        Cpu = "cpu",
        Memory = "memoryGb",
        Disk = "diskGb",
        /// Whole GPUs.
        Gpu = "gpu",
        Instances = "instances",
        Vms = "vms",
        Storage = "storageGb",
        /// Machines that are lent to it.
        Machines = "machines",
        /// People who belong to it.
        People = "people",
        /// Customers that a person belongs to.
        Customers = "customers",
    }
}

impl CountedResource {
    /// The limit that there may be of it.
    pub fn limited(self) -> Option<QuotaResource> {
        QuotaResource::parse(self.code())
    }
}

/// Largest limit that can be set.
pub const MAX_QUOTA: i64 = 1_000_000_000;

/// Limits, one number per resource; null is unlimited. Body and answer of `…/quota`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Quota {
    pub cpu: Option<i64>,
    pub memory_gb: Option<i64>,
    pub disk_gb: Option<i64>,
    pub gpu: Option<i64>,
    pub instances: Option<i64>,
    pub vms: Option<i64>,
    pub storage_gb: Option<i64>,
}

impl Quota {
    /// The limit of a resource.
    pub fn get(&self, resource: QuotaResource) -> Option<i64> {
        match resource {
            QuotaResource::Cpu => self.cpu,
            QuotaResource::Memory => self.memory_gb,
            QuotaResource::Disk => self.disk_gb,
            QuotaResource::Gpu => self.gpu,
            QuotaResource::Instances => self.instances,
            QuotaResource::Vms => self.vms,
            QuotaResource::Storage => self.storage_gb,
        }
    }

    /// Sets the limit of a resource.
    pub fn set(&mut self, resource: QuotaResource, limit: Option<i64>) {
        let field = match resource {
            QuotaResource::Cpu => &mut self.cpu,
            QuotaResource::Memory => &mut self.memory_gb,
            QuotaResource::Disk => &mut self.disk_gb,
            QuotaResource::Gpu => &mut self.gpu,
            QuotaResource::Instances => &mut self.instances,
            QuotaResource::Vms => &mut self.vms,
            QuotaResource::Storage => &mut self.storage_gb,
        };
        *field = limit;
    }
}

/// What is used of something now, beside its limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct QuotaUsage {
    pub resource: CountedResource,
    /// Null is unlimited.
    pub limit: Option<i64>,
    /// Null where nothing counts it yet. Of what is counted in GB, those begun too.
    pub used: Option<i64>,
    /// To the byte, of what is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_bytes: Option<u64>,
}

/// After how many hours without use a customer's instances are stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IdlePolicy {
    /// 0 is never; absent is as for everybody.
    pub after_hours: Option<u32>,
    /// For everybody; 0 is never.
    pub usual_hours: u32,
}

/// Body of `PUT /api/admin/customers/{id}/idle-policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdlePolicyUpdate {
    /// 0 is never; absent is as for everybody.
    #[serde(default)]
    pub after_hours: Option<u32>,
}

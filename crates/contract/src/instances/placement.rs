//! Where an instance can be, and what is in the way.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::InstanceSpec;
use crate::machines::word_enum;
use crate::{ImageId, SpecId};

word_enum! {
    /// Why an instance cannot be on a machine, or not be made at all.
    MissReason {
        NotInService = "not-in-service",
        /// The machine is lent as a whole.
        WholePool = "whole-pool",
        Allocated = "allocated",
        NoEngine = "no-engine",
        EngineUntested = "engine-untested",
        /// `what` is the engine's fault.
        EngineFault = "engine-fault",
        /// It has not answered for `have` minutes, because nobody could ask.
        EngineSilent = "engine-silent",
        AgentOffline = "agent-offline",
        GpuModel = "gpu-model",
        GpusFew = "gpus-few",
        /// MiB on the best card.
        GpuMemory = "gpu-memory",
        Cpu = "cpu",
        Memory = "memory",
        Disk = "disk",
        Architecture = "architecture",
        /// The driver is too old for the image's CUDA.
        Cuda = "cuda",
        NoDriver = "no-driver",
        /// A limit of the customer's or one's own; `what` is what is limited.
        Quota = "quota",
        /// A budget of the customer's is spent.
        Budget = "budget",
        /// Of another spec for an instance: it has no data disk, and what is on the instance's would be lost.
        DataDisk = "data-disk",
        /// The same: its data disk has `have` GB, and `need` are used.
        DataUsed = "data-used",
        /// Of another spec for an instance: its image may not be used any more, so that no container can be made of it anew.
        ImageGone = "image-gone",
    }
}

/// What is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Miss {
    pub reason: MissReason,
    /// What there is, in the unit of the reason: cards, MiB of GPU memory, cores, GB.
    pub have: Option<u64>,
    /// What is needed.
    pub need: Option<u64>,
    /// What it is about, where the reason alone does not say it: words of the machine on the one side and of the image on
    /// the other.
    pub what: Option<String>,
    pub with: Option<String>,
    /// The same in the reader's language.
    pub message: String,
}

impl Miss {
    /// Without numbers.
    #[must_use]
    pub fn of(reason: MissReason) -> Self {
        Self { reason, have: None, need: None, what: None, with: None, message: String::new() }
    }

    /// With what there is and what is needed.
    #[must_use]
    pub fn short(reason: MissReason, have: u64, need: u64) -> Self {
        Self { have: Some(have), need: Some(need), ..Self::of(reason) }
    }

    /// With what does not go together.
    #[must_use]
    pub fn apart(reason: MissReason, what: &str, with: &str) -> Self {
        Self { what: Some(what.to_owned()), with: Some(with.to_owned()), ..Self::of(reason) }
    }
}

/// What was decided about a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MachineFit {
    /// Its code.
    pub machine: String,
    pub machine_name: String,
    pub region: Option<String>,
    pub fits: bool,
    /// Everything that is in the way; empty where it fits.
    pub misses: Vec<Miss>,
    /// When it would fit at the earliest, where all that is in the way is a window of maintenance. Absent where it fits, and
    /// where nobody can know: instances have no end.
    #[serde(default)]
    pub earliest: Option<DateTime<Utc>>,
}

/// Another spec that fits somewhere now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Alternative {
    pub spec: InstanceSpec,
    /// On so many machines.
    pub machines: u32,
}

/// Where an instance could be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// What is in the way wherever it would be: limits.
    pub misses: Vec<Miss>,
    /// Those that fit first, the one that would be taken at the top.
    pub machines: Vec<MachineFit>,
    /// Where nothing fits: what would.
    pub alternatives: Vec<Alternative>,
}

impl Placement {
    /// Whether it could be made now.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.misses.is_empty() && self.machines.iter().any(|machine| machine.fits)
    }
}

/// Parameters of `GET /api/customer/instances/matched-machines`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PlacementQuery {
    /// Required.
    pub image: Option<ImageId>,
    /// Required.
    pub spec: Option<SpecId>,
}

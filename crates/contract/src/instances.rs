//! Instances: containers that customers run, made of an image and a spec on a machine.
//!
//! What is wanted of one and what its engine says are kept apart; where it stands follows from both, here and nowhere else.

mod acted;
mod disks;
mod now;
mod placement;
mod said;
mod save;
mod size;
mod split;
mod terminal;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::acted::StaffInstanceAct;
pub use self::disks::{DiskState, InstanceDisks};
pub use self::now::{IdleKeep, IdleReason, InstanceIdle, InstanceKeep, InstancePrice};
pub use self::placement::{Alternative, MachineFit, Miss, MissReason, Placement, PlacementQuery};
pub use self::said::{
    InstanceGpuStats, InstanceLogLine, InstanceLogQuery, InstanceLogs, InstanceStats, LogsMessage, MAX_LOG_LINES,
    StaffLogQuery,
};
pub use self::save::{InstanceSave, InstanceSaveView, SaveState};
pub use self::size::{InstanceResize, InstanceSize};
pub use self::split::{MemorySplitState, MemorySplitView};
pub use self::terminal::{
    MAX_TERMINAL_MESSAGE, MAX_TERMINAL_SIDE, StaffWatchCreate, TerminalQuery, TerminalSaid, TerminalShare,
    TerminalShareCreate, TerminalTicket, TerminalTicketCreate, TerminalTold, TerminalUnshare, TerminalWatchCreate,
    TerminalWatchTicket, WINDOW as TERMINAL_WINDOW, WatchQuery,
};

use crate::machines::word_enum;
use crate::specs::{GpuUse, SpecView};
use crate::{CustomerId, ImageId, InstanceId, SpecId};

/// Most variables of one instance.
pub const MAX_VARIABLES: usize = 200;
/// Most ports of one instance.
pub const MAX_PORTS: usize = 20;

word_enum! {
    /// What a person wants of an instance.
    InstanceWish {
        Running = "running",
        Stopped = "stopped",
        Deleted = "deleted",
    }
}

word_enum! {
    /// What its engine said of its container last.
    Observed {
        /// It was never there.
        None = "none",
        /// It never ran.
        Created = "created",
        Running = "running",
        Ended = "ended",
        /// It was there, and is not any more.
        Missing = "missing",
    }
}

word_enum! {
    /// Where an instance stands.
    InstanceState {
        /// Its image is fetched and its container made.
        Creating = "creating",
        Starting = "starting",
        Running = "running",
        Stopping = "stopping",
        Stopped = "stopped",
        /// It could not be made or started, or its program ended by itself; the reason is beside it.
        Failed = "failed",
        /// Its machine cannot be asked. What runs there runs on, and nothing is deleted because of it.
        Lost = "lost",
        Deleting = "deleting",
        Deleted = "deleted",
    }
}

word_enum! {
    /// What can be done to an instance.
    InstanceAction {
        Start = "start",
        Stop = "stop",
        Restart = "restart",
        Rename = "rename",
        /// To another spec.
        Resize = "resize",
        Delete = "delete",
    }
}

/// Of what the state follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateFacts {
    pub wanted: InstanceWish,
    pub observed: Observed,
    /// Its container was there once.
    pub made: bool,
    /// It was given up; a start tries again.
    pub failed: bool,
    /// Its engine cannot be asked.
    pub lost: bool,
    /// Nothing of it is there any more.
    pub gone: bool,
    /// A restart is wanted that was not done yet.
    pub restart: bool,
    /// Its container is of another spec than it has now.
    pub remake: bool,
}

impl InstanceState {
    /// The one place where it is decided.
    #[must_use]
    pub fn of(facts: StateFacts) -> Self {
        use InstanceWish as W;
        let StateFacts { wanted, observed, made, failed, lost, gone, restart, remake } = facts;
        match wanted {
            _ if gone => Self::Deleted,
            W::Deleted => Self::Deleting,
            // Whoever started what is to be made anew: it is ended, also where nobody tries to start it any more.
            W::Running if remake && made && !lost && observed == Observed::Running => Self::Starting,
            W::Stopped if remake && made && !lost && observed == Observed::Running => Self::Stopping,
            _ if failed => Self::Failed,
            _ if lost && made => Self::Lost,
            W::Running if !made => Self::Creating,
            W::Running if restart => Self::Starting,
            W::Running if observed == Observed::Running => Self::Running,
            W::Running => Self::Starting,
            W::Stopped if observed == Observed::Running => Self::Stopping,
            W::Stopped => Self::Stopped,
        }
    }

    /// Whether this can be done now. What is wanted already may be wanted again, and changes nothing.
    #[must_use]
    pub fn allows(self, action: InstanceAction) -> bool {
        use InstanceAction as A;
        match action {
            A::Start => {
                matches!(self, Self::Stopped | Self::Stopping | Self::Failed | Self::Running | Self::Starting)
            }
            A::Stop => {
                matches!(self, Self::Running | Self::Starting | Self::Lost | Self::Stopped | Self::Stopping)
            }
            A::Restart => matches!(self, Self::Running),
            A::Resize => matches!(self, Self::Stopped | Self::Failed),
            A::Rename => !matches!(self, Self::Deleting | Self::Deleted),
            A::Delete => self != Self::Deleted,
        }
    }

    /// Whether there is a container that can be kept as an image.
    #[must_use]
    pub fn is_savable(self) -> bool {
        matches!(self, Self::Running | Self::Stopped | Self::Failed)
    }

    /// Whether it is on its way somewhere and will say more by itself.
    #[must_use]
    pub fn is_moving(self) -> bool {
        matches!(self, Self::Creating | Self::Starting | Self::Stopping | Self::Deleting)
    }
}

/// What an instance gets, as its spec was when it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstanceSpec {
    pub id: SpecId,
    pub name: String,
    pub gpu_model: Option<String>,
    pub gpu_count: u32,
    /// Of all cards together, of 10^9 bytes.
    pub gpu_memory_gb: Option<u32>,
    pub gpu_use: GpuUse,
    pub cpu_cores: u32,
    /// Of 2^30 bytes; disks are of 10^9.
    pub memory_gb: u32,
    pub system_disk_gb: u32,
    pub data_disk_gb: u32,
    /// What an hour cost when it was made, a decimal number; what counts is the instance's `price`.
    pub price_per_hour: String,
    /// What the price is in, an ISO 4217 code.
    pub currency: String,
}

impl InstanceSpec {
    /// Of a spec with a price.
    #[must_use]
    pub fn of(spec: &SpecView) -> Option<Self> {
        Some(Self {
            id: spec.id,
            name: spec.name.clone(),
            gpu_model: spec.gpu_model.clone(),
            gpu_count: spec.gpu_count,
            gpu_memory_gb: spec.gpu_memory_gb,
            gpu_use: spec.gpu_use,
            cpu_cores: spec.cpu_cores,
            memory_gb: spec.memory_gb,
            system_disk_gb: spec.system_disk_gb,
            data_disk_gb: spec.data_disk_gb,
            price_per_hour: spec.price_per_hour.clone()?,
            currency: spec.currency.clone(),
        })
    }
}

/// Body of `POST /api/customer/instances`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstanceCreate {
    /// A letter or digit first, then letters, digits, `-` and `_`; at most 63; unlike any other of the customer's.
    pub name: String,
    pub image: ImageId,
    pub spec: SpecId,
    /// Code of a machine; any that fits when absent.
    #[serde(default)]
    pub machine: Option<String>,
    /// Variables of the container. Their values are stored encrypted and shown to nobody.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// What runs in it, word by word; the image's own when absent. No shell reads it.
    #[serde(default)]
    pub command: Option<Vec<String>>,
    /// TCP ports of it that are opened on its machine, for the machine itself alone; at most 20.
    #[serde(default)]
    pub ports: Vec<u16>,
    #[serde(default)]
    pub remark: Option<String>,
}

/// Body of `POST /api/customer/images/{id}/deploy`: an instance of that image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageDeploy {
    /// A letter or digit first, then letters, digits, `-` and `_`; at most 63; unlike any other of the customer's.
    pub name: String,
    pub spec: SpecId,
    /// Code of a machine; any that fits when absent.
    #[serde(default)]
    pub machine: Option<String>,
    /// Variables of the container. Their values are stored encrypted and shown to nobody.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// What runs in it, word by word; the image's own when absent. No shell reads it.
    #[serde(default)]
    pub command: Option<Vec<String>>,
    /// TCP ports of it that are opened on its machine, for the machine itself alone; at most 20.
    #[serde(default)]
    pub ports: Vec<u16>,
    #[serde(default)]
    pub remark: Option<String>,
}

impl ImageDeploy {
    /// The same with the image.
    pub fn of(self, image: ImageId) -> InstanceCreate {
        let Self { name, spec, machine, environment, command, ports, remark } = self;
        InstanceCreate { name, image, spec, machine, environment, command, ports, remark }
    }
}

/// A port of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstancePort {
    pub port: u16,
    /// Where it is on the machine's own loopback address while the instance runs; for staff.
    pub host_port: Option<u16>,
}

/// Body of `PATCH /api/customer/instances/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstanceUpdate {
    /// Stays when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// Stays when absent; empty takes it away.
    #[serde(default)]
    pub remark: Option<String>,
    /// What one saw; absent overwrites whatever is there.
    #[serde(default)]
    pub revision: Option<i64>,
}

/// An instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstanceView {
    pub id: InstanceId,
    pub name: String,
    pub state: InstanceState,
    pub wanted: InstanceWish,
    /// Why it is failed, a word; absent while it is not.
    pub failure: Option<String>,
    /// The same in the reader's language, with what to do.
    pub message: Option<String>,
    /// What the engine said.
    pub detail: Option<String>,
    /// How its program ended last.
    pub exit_code: Option<i32>,
    pub out_of_memory: bool,
    pub customer_id: CustomerId,
    /// For staff.
    pub customer_name: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// Code of its machine.
    pub machine: String,
    pub machine_name: String,
    pub image: ImageId,
    pub image_name: String,
    pub spec: InstanceSpec,
    /// What an hour of it costs now, and from when on something else.
    pub price: InstancePrice,
    /// Whether it is used, as far as somebody looks; absent while nobody does.
    pub idle: Option<InstanceIdle>,
    /// Names of its variables.
    pub variables: Vec<String>,
    pub command: Option<Vec<String>>,
    pub ports: Vec<InstancePort>,
    pub remark: Option<String>,
    /// When it ran first or again.
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    /// Since when its machine cannot be asked.
    pub lost_since: Option<DateTime<Utc>>,
    /// It holds its GPUs, CPU and memory; what could not be made holds nothing.
    pub holds: bool,
    /// Its spec was changed since its container was made: that is made anew at the next start, and what was written in it
    /// outside of the data disk goes then.
    #[serde(default)]
    pub made_anew: bool,
    /// How much of its disks it takes; absent while that was not measured.
    #[serde(default)]
    pub disks: Option<InstanceDisks>,
    /// How its part of a GPU's memory is kept to; absent for whole GPUs and none.
    pub memory_split: Option<MemorySplitView>,
    pub revision: i64,
    pub created_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
}

impl InstanceView {
    /// Whether this can be done now.
    #[must_use]
    pub fn allows(&self, action: InstanceAction) -> bool {
        use InstanceAction as A;
        self.state.allows(action) && (self.holds || !matches!(action, A::Start | A::Restart | A::Resize))
    }
}

word_enum! {
    /// What happened to an instance.
    InstanceEventKind {
        Created = "created",
        /// Its container is there.
        Made = "made",
        StartWanted = "start_wanted",
        Started = "started",
        StopWanted = "stop_wanted",
        Stopped = "stopped",
        RestartWanted = "restart_wanted",
        Restarted = "restarted",
        /// Its program ended by itself.
        Ended = "ended",
        Failed = "failed",
        Lost = "lost",
        Found = "found",
        /// Somebody took its container away at the machine.
        Missing = "missing",
        Renamed = "renamed",
        /// It has another spec from its next start on.
        Resized = "resized",
        DeleteWanted = "delete_wanted",
        Deleted = "deleted",
    }
}

/// A line of an instance's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InstanceEvent {
    pub at: DateTime<Utc>,
    pub kind: InstanceEventKind,
    /// A word.
    pub reason: Option<String>,
    /// The reason in the reader's language.
    pub message: Option<String>,
    /// What the engine said.
    pub detail: Option<String>,
    pub exit_code: Option<i32>,
    /// Who did it; empty where it came about.
    pub actor: String,
}

word_enum! {
    /// Columns a list of instances can be sorted by.
    InstanceSort {
        Name = "name",
        State = "state",
        Machine = "machine",
        Created = "createdAt",
        Started = "startedAt",
    }
}

/// Parameters of the lists of instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct InstanceQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// `name`, `-createdAt`, several with commas; the newest first when absent.
    pub sort: Option<String>,
    /// Name, image, spec or machine.
    pub q: Option<String>,
    pub state: Option<InstanceState>,
    /// Code of a machine.
    pub machine: Option<String>,
    /// For staff.
    pub customer_id: Option<CustomerId>,
    /// Those that are gone, too.
    pub deleted: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNS: StateFacts = StateFacts {
        wanted: InstanceWish::Running,
        observed: Observed::Running,
        made: true,
        failed: false,
        lost: false,
        gone: false,
        restart: false,
        remake: false,
    };

    #[test]
    fn the_state_follows_from_what_is_wanted_and_what_is_there() {
        use InstanceState as S;
        let stopped = StateFacts { wanted: InstanceWish::Stopped, ..RUNS };
        let deleted = StateFacts { wanted: InstanceWish::Deleted, ..RUNS };
        let cases = [
            (RUNS, S::Running),
            (StateFacts { made: false, observed: Observed::None, ..RUNS }, S::Creating),
            (StateFacts { made: false, observed: Observed::None, lost: true, ..RUNS }, S::Creating),
            (StateFacts { observed: Observed::Created, ..RUNS }, S::Starting),
            (StateFacts { observed: Observed::Ended, ..RUNS }, S::Starting),
            (StateFacts { observed: Observed::Missing, ..RUNS }, S::Starting),
            (StateFacts { restart: true, ..RUNS }, S::Starting),
            (stopped, S::Stopping),
            (StateFacts { observed: Observed::Ended, ..stopped }, S::Stopped),
            (StateFacts { observed: Observed::Missing, ..stopped }, S::Stopped),
            (StateFacts { failed: true, ..stopped }, S::Failed),
            (StateFacts { lost: true, ..RUNS }, S::Lost),
            (StateFacts { lost: true, ..stopped }, S::Lost),
            (StateFacts { lost: true, ..deleted }, S::Deleting),
            (deleted, S::Deleting),
            (StateFacts { gone: true, ..deleted }, S::Deleted),
            // It has another spec than what runs.
            (StateFacts { remake: true, ..RUNS }, S::Starting),
            (StateFacts { remake: true, failed: true, ..RUNS }, S::Starting),
            (StateFacts { remake: true, failed: true, ..stopped }, S::Stopping),
            (StateFacts { remake: true, failed: true, observed: Observed::Ended, ..stopped }, S::Failed),
            (StateFacts { remake: true, observed: Observed::Ended, ..stopped }, S::Stopped),
            (StateFacts { remake: true, lost: true, ..RUNS }, S::Lost),
            (StateFacts { remake: true, ..deleted }, S::Deleting),
        ];
        for (facts, state) in cases {
            assert_eq!(InstanceState::of(facts), state, "{facts:?}");
        }
    }

    #[test]
    fn what_can_be_done_follows_from_the_state() {
        use InstanceAction as A;
        use InstanceState as S;
        let can =
            |state: S| A::ALL.iter().filter(|action| state.allows(**action)).map(|a| a.code()).collect::<Vec<_>>();
        for (state, actions) in [
            (S::Creating, vec!["rename", "delete"]),
            (S::Running, vec!["start", "stop", "restart", "rename", "delete"]),
            (S::Stopped, vec!["start", "stop", "rename", "resize", "delete"]),
            (S::Failed, vec!["start", "rename", "resize", "delete"]),
            (S::Lost, vec!["stop", "rename", "delete"]),
            (S::Deleting, vec!["delete"]),
            (S::Deleted, vec![]),
        ] {
            assert_eq!(can(state), actions, "{state:?}");
        }
    }
}

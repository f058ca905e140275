//! A part of a GPU's memory: how a container is told that it has no more, and what of that is true.
//!
//! The limit is HAMi-core's (github.com/Project-HAMi/HAMi-core): a library that stands between CUDA and its driver, counts
//! what is allocated, and refuses what is beyond. What it goes by, from its source (`src/libvgpu.c`,
//! `src/multiprocess/multiprocess_memory_limit.c`, `src/nvml/hook.c`) and HAMi's device plugin (`nvinternal/plugin/server.go`):
//!
//! | what | how |
//! | --- | --- |
//! | the library | at [`LIBRARY`], a place that is written in it |
//! | that it is loaded | by `/etc/ld.so.preload`, which glibc reads for every program, whatever its variables are |
//! | the limit | `CUDA_DEVICE_MEMORY_LIMIT_<n>` of the n-th GPU that the container has, else `CUDA_DEVICE_MEMORY_LIMIT`; a number, in MiB with an `m`; without one there is no limit |
//! | the same as a file | `/overrideEnv`, lines of `NAME=value` that are put over the variables. It is read before the limits since HAMi-core's pull request 332 (September 2026), and too late for them before |
//! | who else is in the share | a file that all programs of a container map (`CUDA_DEVICE_MEMORY_SHARED_CACHE`): the first one writes the limits into it, and all count there |
//!
//! All of it is said once, here, when a container is made. What an engine runs in a container later (a terminal, the SSH gate,
//! any exec) has the container's variables and sees its files, so that nothing has to be said again. The files are root's and
//! mounted read-only: root of the container cannot write, replace or unmount them without a capability it does not have.
//!
//! It is no wall. Past it come a program without glibc's loader (static, musl, a loader of one's own), one that speaks to
//! `/dev/nvidia*` itself, and, with an older HAMi-core, one whose variables were cleared or changed. So [`watch`] compares with
//! what the driver counts, and [`badge`] says what is known and no more.

pub(super) mod watch;

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use contract::instances::{InstanceState, MemorySplitState, MemorySplitView};
use contract::specs::GpuUse;
use runtime::docker::Fault;
use runtime::docker::containers::{ContainerSpec, Containers, Created, HostBind, HostFolders};

use super::placement::each_mib;
use super::store::{self, HeldCard, Row};
use super::work::Trouble;
use crate::db::Tx;
use crate::{OpContext, Result, images, machines};

/// Where the library is in a container.
const LIBRARY: &str = "/usr/local/vgpu/libvgpu.so";
/// Its name in the folder that a machine's admin says.
const LIBRARY_FILE: &str = "libvgpu.so";
/// What glibc loads into every program.
const PRELOAD: &str = "/etc/ld.so.preload";
/// What is put over the variables of whatever loads the library.
const LIMITS: &str = "/overrideEnv";
/// What all programs of a container count in. In memory: what was counted must not outlive the programs, whose numbers are
/// given again after a restart.
const COUNTED: &str = "/dev/shm/remotegpu-split.cache";
/// Their names in the volume.
const PRELOAD_FILE: &str = "ld.so.preload";
const LIMITS_FILE: &str = "limits";
/// What was measured so long ago says nothing of now.
const STALE: TimeDelta = TimeDelta::minutes(3);

/// Variables by which the library is told its limits, or how to leave them out: not a customer's to say.
pub(super) fn is_closed(variable: &str) -> bool {
    const BEGINNINGS: [&str; 2] = ["CUDA_DEVICE_MEMORY_", "CUDA_DEVICE_SM_LIMIT"];
    const NAMES: [&str; 2] = ["CUDA_REDIRECT", "CUDA_OVERSUBSCRIBE"];
    BEGINNINGS.iter().any(|begin| variable.starts_with(begin)) || NAMES.contains(&variable)
}

/// How the container of a share was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::instances) enum Setup {
    /// With the library and its limits.
    Held,
    /// Its machine says no folder of the library.
    NoLibrary,
    /// Nobody says of its image that it works with one.
    Image,
}

impl Setup {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::NoLibrary => "no-library",
            Self::Image => "image",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Held, Self::NoLibrary, Self::Image].into_iter().find(|setup| setup.code() == word)
    }
}

/// What a container with a share is made with.
pub(super) struct Plan {
    pub setup: Setup,
    limits: Option<Limits>,
}

/// Where its library and its files come from, and what they say.
struct Limits {
    library: HostBind,
    volume: String,
    /// Of each of its GPUs.
    mib: Vec<u64>,
}

/// What is there for the container of this instance; nothing for whole GPUs and none.
///
/// # Errors
/// The machine's folder is none that anything is given out of.
pub(super) async fn plan(tx: &mut Tx, row: &Row, name: &str) -> Result<Option<Plan>, Trouble> {
    let mib: Vec<u64> = match &row.remake {
        Some(remake) => remake.next.iter().filter_map(|(_, mib)| *mib).collect(),
        None => shares(&store::held_cards(tx, row.id).await?),
    };
    if row.spec.gpu_use != GpuUse::Share || mib.is_empty() {
        return Ok(None);
    }
    let without = |setup| Ok(Some(Plan { setup, limits: None }));
    if !images::divides_memory_in_tx(tx, row.image).await? {
        return without(Setup::Image);
    }
    let Some(folder) = machines::library_folder_in_tx(tx, row.machine).await? else {
        return without(Setup::NoLibrary);
    };
    let folders = HostFolders::new([folder.clone().into()]).map_err(Fault::from)?;
    let library = folders.bind(&format!("{folder}/{LIBRARY_FILE}"), LIBRARY).map_err(Fault::from)?;
    Ok(Some(Plan { setup: Setup::Held, limits: Some(Limits { library, volume: volume(name), mib }) }))
}

fn shares(cards: &[HeldCard]) -> Vec<u64> {
    cards.iter().filter_map(|card| card.share_mib).map(i64::unsigned_abs).collect()
}

/// The volume that its files are in.
pub(super) fn volume(name: &str) -> String {
    format!("{name}-split")
}

impl Plan {
    /// The variables of the container.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let Some(limits) = &self.limits else { return Vec::new() };
        let mut all = limits.fixed();
        // Errors alone: what it has to say else would be among what people's programs say. Theirs to change.
        all.push(("LIBCUDA_LOG_LEVEL".to_owned(), "0".to_owned()));
        all
    }

    /// Makes the container, with what of this plan is a file.
    pub(super) async fn create(&self, engine: &Containers, spec: &ContainerSpec) -> Result<Created, Fault> {
        let Some(limits) = &self.limits else { return engine.create(spec).await };
        engine.create_volume(&limits.volume, &spec.instance).await?;
        let (preload, file) = (format!("{LIBRARY}\n"), limits.file());
        let files = [(PRELOAD_FILE, preload.as_str()), (LIMITS_FILE, file.as_str())];
        engine.fill_volume(&limits.volume, &spec.image, &files).await?;
        let mut spec = spec.clone();
        spec.binds.push(limits.library.clone());
        spec.binds.push(engine.volume_file(&limits.volume, PRELOAD_FILE, PRELOAD).await?);
        spec.binds.push(engine.volume_file(&limits.volume, LIMITS_FILE, LIMITS).await?);
        engine.create(&spec).await
    }
}

impl Limits {
    /// What nobody in the container may say otherwise.
    fn fixed(&self) -> Vec<(String, String)> {
        // Of what has no number of its own: more GPUs than these there are not.
        let least = self.mib.iter().copied().min().unwrap_or_default();
        let mut all = vec![("CUDA_DEVICE_MEMORY_LIMIT".to_owned(), format!("{least}m"))];
        let each = self.mib.iter().enumerate();
        all.extend(each.map(|(n, mib)| (format!("CUDA_DEVICE_MEMORY_LIMIT_{n}"), format!("{mib}m"))));
        let others = [
            ("CUDA_DEVICE_MEMORY_SHARED_CACHE", COUNTED),
            // The memory is divided, the time is not.
            ("CUDA_DEVICE_SM_LIMIT", "100"),
            // No other library than the one that is mounted, and no more than the share by way of the host's memory.
            ("CUDA_REDIRECT", ""),
            ("CUDA_OVERSUBSCRIBE", "false"),
        ];
        all.extend(others.map(|(name, value)| (name.to_owned(), value.to_owned())));
        all
    }

    /// The same as a file; the library stops reading at the first line that is none.
    fn file(&self) -> String {
        self.fixed().into_iter().fold(String::new(), |mut file, (name, value)| {
            let _ = writeln!(file, "{name}={value}");
            file
        })
    }
}

/// What is known of a share; nothing for whole GPUs and none, nor of what was never made or is gone.
pub(super) fn badge(ctx: &OpContext, row: &Row) -> Option<MemorySplitView> {
    let is_there = row.made_at.is_some() && row.deleted_at.is_none();
    if !is_there || row.spec.gpu_use != GpuUse::Share || row.spec.gpu_count == 0 {
        return None;
    }
    let runs = row.state() == InstanceState::Running;
    let (state, reason) = judge(row, runs, ctx.now());
    let measured = runs && row.split.bytes.is_some();
    Some(MemorySplitView {
        state,
        reason: reason.to_owned(),
        message: texts::message(ctx.language(), &format!("instance-split-{reason}"), &[]),
        limit_bytes: (each_mib(&row.spec) << 20) * u64::from(row.spec.gpu_count),
        used_bytes: row.split.bytes.filter(|_| measured),
        measured_at: row.split.at.filter(|_| measured),
    })
}

fn judge(row: &Row, runs: bool, now: DateTime<Utc>) -> (MemorySplitState, &'static str) {
    use MemorySplitState as S;
    let fresh = row.split.at.is_some_and(|at| now - at < STALE) && row.split.bytes.is_some();
    if runs && fresh && watch::is_broken(&row.split, now) {
        return (S::Broken, if row.split.bare { "bare" } else { "over" });
    }
    match row.split.setup {
        Some(Setup::Held) if !runs => (S::Enforced, "ready"),
        Some(Setup::Held) if fresh => (S::Enforced, "held"),
        Some(Setup::Held) => (S::Advisory, "not-measured"),
        Some(Setup::Image) => (S::Advisory, "image"),
        // What was made before this was known has no library either.
        Some(Setup::NoLibrary) | None => (S::Advisory, "no-library"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(mib: &[u64]) -> Limits {
        let folders = HostFolders::new(["/opt/hami-core".into()]).unwrap();
        let library = folders.bind("/opt/hami-core/libvgpu.so", LIBRARY).unwrap();
        Limits { library, volume: "v-split".to_owned(), mib: mib.to_vec() }
    }

    #[test]
    fn the_contract_is_what_the_library_reads() {
        let expected = "CUDA_DEVICE_MEMORY_LIMIT=8192m\n\
                        CUDA_DEVICE_MEMORY_LIMIT_0=8192m\n\
                        CUDA_DEVICE_MEMORY_LIMIT_1=8192m\n\
                        CUDA_DEVICE_MEMORY_SHARED_CACHE=/dev/shm/remotegpu-split.cache\n\
                        CUDA_DEVICE_SM_LIMIT=100\n\
                        CUDA_REDIRECT=\n\
                        CUDA_OVERSUBSCRIBE=false\n";
        assert_eq!(limits(&[8192, 8192]).file(), expected);
        // It reads names and values of less than 10,000 bytes, and so many GPUs.
        assert!(limits(&[81_920; 16]).file().lines().all(|line| line.contains('=') && line.len() < 200));
        let plan = Plan { setup: Setup::Held, limits: Some(limits(&[8192])) };
        let names: Vec<String> = plan.environment().into_iter().map(|(name, _)| name).collect();
        // Each is closed to customers, or is theirs to change.
        for name in &names {
            assert!(is_closed(name) || name == "LIBCUDA_LOG_LEVEL", "{name}");
        }
        assert!(Plan { setup: Setup::Image, limits: None }.environment().is_empty());
    }

    #[test]
    fn what_belongs_to_people_stays_open() {
        for open in ["CUDA_VISIBLE_DEVICES", "CUDA_HOME", "LD_PRELOAD", "CUDA_DEVICE_ORDER", "LIBCUDA_LOG_LEVEL"] {
            assert!(!is_closed(open), "{open}");
        }
        for closed in ["CUDA_DEVICE_MEMORY_LIMIT_3", "CUDA_DEVICE_MEMORY_SHARED_CACHE", "CUDA_REDIRECT"] {
            assert!(is_closed(closed), "{closed}");
        }
    }
}

//! The newest state of every machine, in memory, and who is told when it changes.
//!
//! Once a second the hub compares tiles and sends what changed, encoded once for all watchers. Each server writes the
//! state of the machines linked to it to `machine_latest` in one batch a second; what other servers wrote is read only
//! while somebody here watches or asks. No lock is held across an await but the one that lets one read at a time.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::MachineId;
use contract::allocations::{AllocationState, MachineHolder};
use contract::machines::{Pool, Presence, ServiceState, presence};
use contract::metrics::{GpuFigures, HostFigures, MachineLive, ProcessView, WallSnapshot};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::links::NodeLink;
use super::watch::Topics;
use super::{store, tiles};
use crate::db::Tx;
use crate::{Platform, Result, SystemActor, allocations};

/// How often machines' names and settings are read again when nobody here changed them.
const CATALOG_EVERY: Duration = Duration::from_secs(5);
/// Machines read at once.
const CATALOG_PART: i64 = 1000;
/// How often other servers' states are read while they are wanted.
const REMOTE_EVERY: Duration = Duration::from_millis(900);
/// Events kept per machine.
const MAX_EVENTS: usize = 64;

/// What the database says about a machine.
#[derive(Clone, Debug)]
pub(super) struct Catalog {
    pub id: MachineId,
    pub code: String,
    pub name: String,
    pub region: Option<String>,
    pub monitored: bool,
    pub pool: Pool,
    pub service_state: ServiceState,
    pub service_note: Option<String>,
    /// Who has it now.
    pub holder: Option<MachineHolder>,
    pub declared_model: Option<String>,
    pub last_seen_at: Option<DateTime<Utc>>,
    pub gpus: Vec<CatalogGpu>,
}

impl Catalog {
    /// Whether somebody has it, so that what runs on it is theirs; not while it is being taken back.
    fn is_lent(&self) -> bool {
        let state = self.holder.as_ref().map(|holder| holder.state);
        matches!(state, Some(AllocationState::Active | AllocationState::Grace))
    }
}

/// A GPU of it.
#[derive(Clone, Debug)]
pub(super) struct CatalogGpu {
    pub index: u32,
    pub uuid: String,
    pub model: String,
    pub memory_bytes: Option<u64>,
    pub lost: bool,
}

/// One tick's figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tick {
    pub at: DateTime<Utc>,
    pub host: HostFigures,
    pub gpus: Vec<GpuFigures>,
    #[serde(default)]
    pub events: Vec<LiveEvent>,
}

/// Something that marks a machine for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LiveEvent {
    pub uuid: String,
    pub at: DateTime<Utc>,
    pub kind: EventKind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum EventKind {
    Xid(u64),
    Ecc,
}

/// A process as the agent said it. The numbers of its GPUs are looked up when it is shown: the first list of a machine may
/// come before the catalog knows its GPUs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Process {
    #[serde(flatten)]
    pub view: ProcessView,
    #[serde(default)]
    pub gpu_uuids: Vec<String>,
    /// Of each of these GPUs, bytes.
    #[serde(default)]
    pub gpu_memory: Vec<Option<u64>>,
    /// Whether the library is in it that divides a GPU's memory; nothing where its agent does not say.
    #[serde(default)]
    pub preloaded: Option<bool>,
}

impl Process {
    fn shown(&self, catalog: &Catalog) -> ProcessView {
        let stray = self.view.container.is_none() && !catalog.is_lent();
        // What a server before this field wrote down, of machines that were not heard since.
        if self.gpu_uuids.is_empty() {
            return ProcessView { stray, ..self.view.clone() };
        }
        let gpus = catalog.gpus.iter().filter(|gpu| self.gpu_uuids.contains(&gpu.uuid)).map(|gpu| gpu.index);
        ProcessView { gpus: gpus.collect(), stray, ..self.view.clone() }
    }
}

/// A program on a GPU, for who asks whose memory is whose.
pub(crate) struct GpuProgram {
    pub container: Option<String>,
    pub gpu_uuid: String,
    pub bytes: Option<u64>,
    pub preloaded: Option<bool>,
}

/// All of a machine, as they were listed.
pub(crate) struct GpuPrograms {
    pub at: DateTime<Utc>,
    pub list: Vec<GpuProgram>,
}

/// The newest of one machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub newest: Option<Tick>,
    pub events: Vec<LiveEvent>,
    pub processes: Vec<Process>,
    pub processes_at: Option<DateTime<Utc>>,
    /// Changed here since the last batch to `machine_latest`.
    unsaved: bool,
}

/// What travels through `machine_latest`.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    pub tick: Tick,
    pub events: Vec<LiveEvent>,
    pub processes: Vec<Process>,
    pub processes_at: Option<DateTime<Utc>>,
}

impl Entry {
    pub(super) fn last_sign(&self, catalog: &Catalog) -> Option<DateTime<Utc>> {
        self.newest.as_ref().map(|tick| tick.at).max(catalog.last_seen_at)
    }
}

#[derive(Default)]
pub(super) struct State {
    pub catalog: BTreeMap<String, Catalog>,
    pub entries: HashMap<String, Entry>,
    pub topics: Topics,
    catalog_read: Option<Instant>,
    remote_read: Option<Instant>,
}

impl State {
    /// Machines as they are now.
    fn take(&mut self, part: Vec<Catalog>) {
        for machine in part {
            // A code may have come to another machine, after the one that had it was deleted.
            if self.catalog.get(&machine.code).is_some_and(|was| was.id != machine.id) {
                self.entries.remove(&machine.code);
            }
            self.catalog.insert(machine.code.clone(), machine);
        }
    }

    /// Forgets all others.
    fn keep(&mut self, read: &HashSet<MachineId>) {
        self.catalog.retain(|_, machine| read.contains(&machine.id));
        self.entries.retain(|code, _| self.catalog.contains_key(code));
    }
}

/// See the module.
pub struct LiveHub {
    server_id: Uuid,
    state: Mutex<State>,
    links: Mutex<HashMap<MachineId, NodeLink>>,
    catalog_stale: AtomicBool,
    reading: tokio::sync::Mutex<()>,
    wake: Notify,
}

impl LiveHub {
    /// An empty hub; [`super::spawn_background`] fills and drives it.
    pub fn new(server_id: Uuid) -> Self {
        Self {
            server_id,
            state: Mutex::default(),
            links: Mutex::default(),
            catalog_stale: AtomicBool::new(true),
            reading: tokio::sync::Mutex::new(()),
            wake: Notify::new(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics holding this lock")
    }

    pub(super) fn links(&self) -> &Mutex<HashMap<MachineId, NodeLink>> {
        &self.links
    }

    /// Ends the link of a machine whose agent may not connect any more; other servers find its lease gone.
    pub(crate) fn cut_link(&self, machine: MachineId) {
        if let Some(link) = self.links.lock().expect("nobody panics holding this lock").get(&machine) {
            link.replaced.cancel();
        }
    }

    /// Machines were added or changed: read their data again at once.
    pub(crate) fn forget_catalog(&self) {
        self.catalog_stale.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Replaces a last sign of life from the database by a newer one known here.
    pub(crate) fn freshen(
        &self,
        last_seen_at: &mut Option<DateTime<Utc>>,
        shown: &mut Presence,
        code: &str,
        now: DateTime<Utc>,
    ) {
        let known = self.state().entries.get(code).and_then(|entry| entry.newest.as_ref().map(|tick| tick.at));
        *last_seen_at = (*last_seen_at).max(known);
        *shown = presence(*last_seen_at, now);
    }

    /// A sample just measured.
    pub(super) fn report(&self, code: &str, tick: Tick) {
        let mut state = self.state();
        let entry = state.entries.entry(code.to_owned()).or_default();
        if entry.newest.as_ref().is_some_and(|newest| newest.at > tick.at) {
            return;
        }
        entry.events.extend(tick.events.iter().cloned());
        let surplus = entry.events.len().saturating_sub(MAX_EVENTS);
        entry.events.drain(..surplus);
        entry.newest = Some(tick);
        entry.unsaved = true;
    }

    pub(super) fn report_processes(&self, code: &str, at: DateTime<Utc>, processes: Vec<Process>) {
        let mut state = self.state();
        let entry = state.entries.entry(code.to_owned()).or_default();
        entry.processes = processes;
        entry.processes_at = Some(at);
        entry.unsaved = true;
    }

    pub(super) fn wall(&self, now: DateTime<Utc>) -> WallSnapshot {
        let state = self.state();
        let none = Entry::default();
        let machines = state
            .catalog
            .values()
            .map(|catalog| tiles::tile(catalog, state.entries.get(&catalog.code).unwrap_or(&none), now))
            .collect();
        WallSnapshot { machines, at: Some(now) }
    }

    /// Who is on which GPU of it; nothing while its agent is silent.
    pub(super) fn programs(&self, code: &str, now: DateTime<Utc>) -> Option<GpuPrograms> {
        let state = self.state();
        let (catalog, entry) = (state.catalog.get(code)?, state.entries.get(code)?);
        if presence(entry.last_sign(catalog), now) != Presence::Online {
            return None;
        }
        // What a server before this field wrote down says it of nobody.
        if entry.processes.iter().any(|process| process.gpu_memory.len() != process.gpu_uuids.len()) {
            return None;
        }
        let of = |process: &Process| {
            let on = process.gpu_uuids.iter().zip(process.gpu_memory.iter());
            let one = |(gpu, bytes): (&String, &Option<u64>)| GpuProgram {
                container: process.view.container.clone(),
                gpu_uuid: gpu.clone(),
                bytes: *bytes,
                preloaded: process.preloaded,
            };
            on.map(one).collect::<Vec<_>>()
        };
        Some(GpuPrograms { at: entry.processes_at?, list: entry.processes.iter().flat_map(of).collect() })
    }

    pub(super) fn machine(&self, code: &str, now: DateTime<Utc>) -> Option<MachineLive> {
        let state = self.state();
        let catalog = state.catalog.get(code)?;
        Some(live_of(catalog, state.entries.get(code).unwrap_or(&Entry::default()), now))
    }
}

/// The live view of one machine, its GPUs completed from the catalog.
pub(super) fn live_of(catalog: &Catalog, entry: &Entry, now: DateTime<Utc>) -> MachineLive {
    let newest = entry.newest.as_ref();
    let gpus = catalog
        .gpus
        .iter()
        .map(|gpu| {
            let found = newest.and_then(|tick| tick.gpus.iter().find(|figures| figures.uuid == gpu.uuid));
            let last_xid = entry.events.iter().rev().find_map(|event| match event.kind {
                EventKind::Xid(number) if event.uuid == gpu.uuid => Some(number),
                _ => None,
            });
            GpuFigures {
                index: gpu.index,
                uuid: gpu.uuid.clone(),
                model: gpu.model.clone(),
                last_xid,
                lost: found.map_or(gpu.lost, |figures| figures.lost),
                ..found.cloned().unwrap_or_default()
            }
        })
        .collect();
    MachineLive {
        id: catalog.code.clone(),
        presence: presence(entry.last_sign(catalog), now),
        monitored: catalog.monitored,
        at: newest.map(|tick| tick.at),
        host: newest.map(|tick| tick.host.clone()).unwrap_or_default(),
        gpus,
        processes: entry.processes.iter().map(|process| process.shown(catalog)).collect(),
        processes_at: entry.processes_at,
    }
}

/// Makes the hub current enough for a page: catalog and, where there are other servers, their states.
pub(super) async fn refresh(platform: &Platform) -> Result<()> {
    refresh_parts(platform, true).await
}

/// Reads the catalog when it is due, and other servers' states when they are wanted and due.
async fn refresh_parts(platform: &Platform, others: bool) -> Result<()> {
    let hub = platform.live();
    // One at a time: who comes while somebody reads waits for what is read, instead of going on without it.
    let _reading = hub.reading.lock().await;
    let (catalog_due, remote_due) = {
        let state = hub.state();
        let due = |read: Option<Instant>, every| read.is_none_or(|at: Instant| at.elapsed() >= every);
        (
            hub.catalog_stale.load(Ordering::Acquire) || due(state.catalog_read, CATALOG_EVERY),
            others && due(state.remote_read, REMOTE_EVERY),
        )
    };
    if !catalog_due && !remote_due {
        return Ok(());
    }
    let first = hub.state().remote_read.is_none();
    let mut tx = platform.db().begin(&platform.system(SystemActor::Metrics)).await?;
    if catalog_due {
        hub.catalog_stale.store(false, Ordering::Release);
        read_catalog(platform, &mut tx).await?;
    }
    if remote_due {
        // The first time everything is read, whoever wrote it: the last state before this server started.
        let rows = store::latest(&mut tx, hub.server_id, first).await?;
        let rows = if first && rows.is_empty() { store::newest_samples(&mut tx).await? } else { rows };
        let mut state = hub.state();
        for (code, stored) in rows {
            let entry = state.entries.entry(code).or_default();
            if entry.newest.as_ref().is_none_or(|newest| newest.at < stored.tick.at) {
                entry.newest = Some(stored.tick);
                entry.events = stored.events;
                entry.processes = stored.processes;
                entry.processes_at = stored.processes_at;
            }
        }
        state.remote_read = Some(Instant::now());
    }
    tx.commit().await?;
    Ok(())
}

/// Part by part into what is there: the whole fleet a second time would be tens of megabytes, every few seconds.
async fn read_catalog(platform: &Platform, tx: &mut Tx) -> Result<()> {
    let hub = platform.live();
    let mut holders = allocations::holders(tx, None, platform.clock().now()).await?;
    let mut read = HashSet::new();
    let mut after = MachineId(0);
    loop {
        let part = store::catalog_after(tx, after, CATALOG_PART, &mut holders).await?;
        let Some(last) = part.last() else { break };
        after = last.id;
        read.extend(part.iter().map(|machine| machine.id));
        hub.state().take(part);
    }
    let mut state = hub.state();
    state.keep(&read);
    state.catalog_read = Some(Instant::now());
    Ok(())
}

/// Once a second: save, refresh while watched, tell the watchers.
pub(super) async fn run(platform: Platform, shutdown: CancellationToken) {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = platform.live().wake.notified() => {}
            () = shutdown.cancelled() => break,
        }
        // The catalog also while nobody watches: without a machine's row its state is not saved for other servers.
        let (first, watched) = {
            let state = platform.live().state();
            (state.catalog_read.is_none(), state.topics.watched())
        };
        if let Err(error) = refresh_parts(&platform, first || watched).await {
            tracing::debug!(%error, "the newest states could not be read");
        }
        if let Err(error) = save(&platform).await {
            tracing::debug!(%error, "the newest states could not be saved");
        }
        if watched {
            let now = platform.clock().now();
            platform.live().state().tell(now);
        }
    }
}

/// Writes the states that changed here, in one statement.
async fn save(platform: &Platform) -> Result<()> {
    let hub = platform.live();
    let changed: Vec<(MachineId, DateTime<Utc>, serde_json::Value)> = {
        let mut state = hub.state();
        let State { catalog, entries, .. } = &mut *state;
        let unsaved = entries.iter_mut().filter(|(_, entry)| entry.unsaved);
        unsaved
            .filter_map(|(code, entry)| {
                let machine = catalog.get(code)?.id;
                entry.unsaved = false;
                let tick = entry.newest.clone()?;
                let at = tick.at;
                let stored = Stored {
                    tick,
                    events: entry.events.clone(),
                    processes: entry.processes.clone(),
                    processes_at: entry.processes_at,
                };
                Some((machine, at, serde_json::to_value(stored).ok()?))
            })
            .collect()
    };
    if changed.is_empty() {
        return Ok(());
    }
    let mut tx = platform.db().begin(&platform.system(SystemActor::Metrics)).await?;
    store::save_latest(&mut tx, hub.server_id, &changed).await?;
    tx.commit().await.map_err(Into::into)
}

//! From the agent's message to rows: bounds first, then the live hub, then the writer.

use chrono::{DateTime, TimeDelta, Utc};
use contract::metrics::{GpuFigures, HostFigures, ProcessView};
use contract::{ErrorCode, GpuId, MachineId};
use node_protocol::{Batch, GpuEventKind, GpuSample, HostSample, ProcessList, Sample, limits};

use super::hub::{self, EventKind, LiveEvent, Tick};
use super::links::NodeLink;
use super::tiles::throttle_words;
use crate::authz::ReportMetrics;
use crate::{Error, OpContext, Platform, Principal, Result, machines};

/// How far an agent's clock may be ahead.
const MAX_AHEAD: TimeDelta = TimeDelta::seconds(60);
/// How old a sample may be: the agent's buffer and a little.
const MAX_AGE: TimeDelta = TimeDelta::seconds(limits::BUFFER_SECONDS as i64 + 120);

/// Beyond this, an agent's clock is off and not merely late.
const CLOCK_OFF: TimeDelta = TimeDelta::seconds(5);

/// Rows of one batch, ready to be written.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub machine: Option<MachineId>,
    pub host: Vec<(DateTime<Utc>, HostSample)>,
    pub gpus: Vec<(GpuId, DateTime<Utc>, GpuSample)>,
    pub events: Vec<(GpuId, DateTime<Utc>, &'static str, i64)>,
    /// When this server heard it, by its own clock: the sign of life.
    pub heard: Option<DateTime<Utc>>,
}

/// Stores a batch; returns once its rows are committed.
///
/// # Errors
/// `Validation` when it breaks the protocol's limits; `Unavailable` when the database stays away.
pub async fn ingest(platform: &Platform, ctx: &OpContext, link: &NodeLink, batch: Batch) -> Result<()> {
    let machine = own_machine(ctx, link)?;
    let now = platform.clock().now();
    if batch.samples.len() > limits::MAX_SAMPLES_PER_BATCH {
        return Err(over_limits());
    }
    let mut rows = Rows { machine: Some(machine), ..Rows::default() };
    let mut ticks = Vec::new();
    for sample in batch.samples {
        check(&sample)?;
        let Some(at) = DateTime::from_timestamp_millis(sample.at_ms) else { return Err(over_limits()) };
        if !in_time(at, now) {
            // Kept out, but acknowledged: sending it again would not make it fit.
            metrics::counter!("remotegpu_samples_refused_total", "why" => "clock").increment(1);
            continue;
        }
        // An agent whose clock is off is alive all the same: shown at the time it was heard.
        let shown_at = if (now - at).abs() > CLOCK_OFF { now } else { at };
        ticks.push(tick(shown_at, &sample));
        rows.heard = Some(now);
        add_rows(platform, link, &mut rows, at, sample).await?;
    }
    if !batch.replayed && link.monitored {
        for tick in ticks {
            platform.live().report(&link.code, tick);
        }
    }
    if rows.heard.is_none() || !link.monitored {
        return Ok(());
    }
    platform.writer().write(rows).await
}

/// Takes over the list of GPU processes.
pub async fn report_processes(platform: &Platform, ctx: &OpContext, link: &NodeLink, list: ProcessList) -> Result<()> {
    own_machine(ctx, link)?;
    let at = DateTime::from_timestamp_millis(list.at_ms).unwrap_or(ctx.now());
    platform.live().report_processes(&link.code, at, processes_of(list)?);
    Ok(())
}

/// Each process once, with all its GPUs, whoever takes most memory first.
pub(super) fn processes_of(list: ProcessList) -> Result<Vec<hub::Process>> {
    if list.processes.len() > limits::MAX_PROCESSES {
        return Err(over_limits());
    }
    let mut processes: Vec<hub::Process> = Vec::new();
    for process in list.processes {
        let gpu_uuid = cut(process.gpu_uuid);
        if let Some(known) = processes.iter_mut().find(|known| known.view.pid == process.pid) {
            match known.gpu_uuids.iter().position(|uuid| *uuid == gpu_uuid) {
                Some(at) => known.gpu_memory[at] = sum(known.gpu_memory[at], process.gpu_memory_bytes),
                None => {
                    known.gpu_uuids.push(gpu_uuid);
                    known.gpu_memory.push(process.gpu_memory_bytes);
                }
            }
            known.view.gpu_memory_bytes = sum(known.view.gpu_memory_bytes, process.gpu_memory_bytes);
            continue;
        }
        let view = ProcessView {
            pid: process.pid,
            gpus: Vec::new(),
            user: process.user.map(cut),
            command: process.command.map(cut),
            container: process.container.map(cut),
            gpu_memory_bytes: process.gpu_memory_bytes,
            started_at: process.started_at_ms.and_then(DateTime::from_timestamp_millis),
            // Who has the machine is looked up when it is shown.
            stray: false,
        };
        processes.push(hub::Process {
            view,
            gpu_uuids: vec![gpu_uuid],
            gpu_memory: vec![process.gpu_memory_bytes],
            preloaded: process.preloaded,
        });
    }
    processes.sort_by_key(|process| std::cmp::Reverse(process.view.gpu_memory_bytes));
    Ok(processes)
}

fn sum(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (a, b) => a.or(b),
    }
}

fn in_time(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    at <= now + MAX_AHEAD && at >= now - MAX_AGE
}

fn own_machine(ctx: &OpContext, link: &NodeLink) -> Result<MachineId> {
    let Principal::Node { machine, .. } = ctx.principal() else { return Err(Error::not_found()) };
    if link.machine != *machine {
        return Err(Error::not_found());
    }
    Ok(ctx.authorize(ReportMetrics, &machines::resource(*machine))?.id())
}

fn over_limits() -> Error {
    Error::new(ErrorCode::Validation).with_key("error-node-limits")
}

fn cut(text: String) -> String {
    text.chars().filter(|c| !c.is_control()).take(limits::MAX_TEXT_BYTES).collect()
}

pub(super) fn check(sample: &Sample) -> Result<()> {
    let finite = |values: &[Option<f32>]| values.iter().flatten().all(|value| value.is_finite());
    let host_fine = sample.host.as_ref().is_none_or(|h| {
        finite(&[
            h.cpu_percent,
            h.load1,
            h.disk_read_bytes_per_s,
            h.disk_write_bytes_per_s,
            h.net_rx_bytes_per_s,
            h.net_tx_bytes_per_s,
        ])
    });
    let gpus_fine = sample.gpus.iter().all(|g| {
        g.uuid.len() <= limits::MAX_TEXT_BYTES
            && finite(&[
                g.util_percent,
                g.mem_util_percent,
                g.temperature_c,
                g.power_w,
                g.power_limit_w,
                g.fan_percent,
                g.pcie_rx_bytes_per_s,
                g.pcie_tx_bytes_per_s,
                g.encoder_percent,
                g.decoder_percent,
            ])
    });
    let bounded = sample.gpus.len() <= limits::MAX_GPUS && sample.events.len() <= 1024;
    if host_fine && gpus_fine && bounded { Ok(()) } else { Err(over_limits()) }
}

async fn add_rows(
    platform: &Platform,
    link: &NodeLink,
    rows: &mut Rows,
    at: DateTime<Utc>,
    sample: Sample,
) -> Result<()> {
    if let Some(host) = sample.host {
        rows.host.push((at, host));
    }
    for gpu in sample.gpus {
        match link.gpu_id(platform, &gpu.uuid).await? {
            Some(id) => rows.gpus.push((id, at, gpu)),
            None => metrics::counter!("remotegpu_samples_refused_total", "why" => "unknown_gpu").increment(1),
        }
    }
    for event in sample.events {
        let Some(kind) = event_kind(event.kind) else { continue };
        let Some(id) = link.gpu_id(platform, &event.uuid).await? else { continue };
        // An instant outside of every partition would hold up everybody's rows.
        let at = DateTime::from_timestamp_millis(event.at_ms)
            .filter(|event_at| in_time(*event_at, platform.clock().now()))
            .unwrap_or(at);
        rows.events.push((id, at, kind, i64::try_from(event.value).unwrap_or(i64::MAX)));
    }
    Ok(())
}

fn event_kind(kind: i32) -> Option<&'static str> {
    match GpuEventKind::try_from(kind).ok()? {
        GpuEventKind::Unspecified => None,
        GpuEventKind::Xid => Some("xid"),
        GpuEventKind::Lost => Some("lost"),
        GpuEventKind::Returned => Some("returned"),
        GpuEventKind::EccUncorrected => Some("ecc_uncorrected"),
    }
}

/// The same sample as the live hub keeps it.
pub(super) fn tick(at: DateTime<Utc>, sample: &Sample) -> Tick {
    let events = sample.events.iter().filter_map(|event| {
        let kind = match GpuEventKind::try_from(event.kind).ok()? {
            GpuEventKind::Xid => EventKind::Xid(event.value),
            GpuEventKind::EccUncorrected => EventKind::Ecc,
            _ => return None,
        };
        Some(LiveEvent { uuid: event.uuid.clone(), at, kind })
    });
    Tick {
        at,
        host: sample.host.as_ref().map(host_figures).unwrap_or_default(),
        gpus: sample.gpus.iter().map(gpu_figures).collect(),
        events: events.collect(),
    }
}

fn host_figures(host: &HostSample) -> HostFigures {
    HostFigures {
        cpu_percent: host.cpu_percent,
        load1: host.load1,
        memory_used_bytes: host.memory_used_bytes,
        memory_total_bytes: host.memory_total_bytes,
        swap_used_bytes: host.swap_used_bytes,
        swap_total_bytes: host.swap_total_bytes,
        disk_used_bytes: host.disk_used_bytes,
        disk_total_bytes: host.disk_total_bytes,
        disk_read_bytes_per_s: host.disk_read_bytes_per_s,
        disk_write_bytes_per_s: host.disk_write_bytes_per_s,
        net_rx_bytes_per_s: host.net_rx_bytes_per_s,
        net_tx_bytes_per_s: host.net_tx_bytes_per_s,
        uptime_s: host.uptime_s,
    }
}

fn gpu_figures(gpu: &GpuSample) -> GpuFigures {
    GpuFigures {
        index: 0,
        uuid: gpu.uuid.clone(),
        model: String::new(),
        lost: gpu.lost,
        util_percent: gpu.util_percent,
        mem_util_percent: gpu.mem_util_percent,
        memory_used_bytes: gpu.memory_used_bytes,
        memory_total_bytes: gpu.memory_total_bytes,
        temperature_c: gpu.temperature_c,
        power_w: gpu.power_w,
        power_limit_w: gpu.power_limit_w,
        sm_clock_mhz: gpu.sm_clock_mhz,
        mem_clock_mhz: gpu.mem_clock_mhz,
        fan_percent: gpu.fan_percent,
        pcie_rx_bytes_per_s: gpu.pcie_rx_bytes_per_s,
        pcie_tx_bytes_per_s: gpu.pcie_tx_bytes_per_s,
        ecc_corrected: gpu.ecc_corrected,
        ecc_uncorrected: gpu.ecc_uncorrected,
        throttle: gpu.throttle_bits.map(throttle_words).unwrap_or_default(),
        last_xid: None,
    }
}

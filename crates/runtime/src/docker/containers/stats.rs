//! How much a container uses.
//!
//! The figures are those of `docker stats`: docker/cli, `cli/command/container/stats_helpers.go`, whose names stand beside
//! what is taken from there.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Containers;
use super::lifecycle::{good, path};
use super::wire::{Ask, QUICK, json as read};
use crate::docker::Fault;

/// A container's figures at one moment; sums are since it started. What an engine or its kernel does not count is absent.
/// It can be kept, to be compared with a later one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    pub at: DateTime<Utc>,
    /// Nanoseconds of all cores that it used.
    cpu: u64,
    /// Nanoseconds of all cores that there were.
    system: u64,
    cores: u64,
    /// Bytes, without the files the kernel could forget at once.
    pub memory: Option<u64>,
    /// Bytes: its own limit.
    pub memory_limit: Option<u64>,
    /// Bytes received, of all its networks; a container without one has none.
    pub received: Option<u64>,
    /// Bytes sent.
    pub sent: Option<u64>,
    /// Bytes read from disks.
    pub read: Option<u64>,
    /// Bytes written to disks.
    pub written: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

impl Sample {
    /// Percent of one core since an earlier sample of the same run; 200 is two cores (`calculateCPUPercentUnix`). `None`
    /// where the two are no pair: the same moment, or it was started again in between.
    pub fn cpu_percent_since(&self, earlier: &Self) -> Option<f64> {
        let used = self.cpu.checked_sub(earlier.cpu)?;
        let all = self.system.checked_sub(earlier.system).filter(|all| *all > 0)?;
        if self.cores == 0 {
            return None;
        }
        // Both fit in a double to the microsecond for longer than any host is up.
        Some((used as f64 / all as f64) * self.cores as f64 * 100.0)
    }

    /// Percent of its limit (`calculateMemPercentUnixNoCache`).
    pub fn memory_percent(&self) -> Option<f64> {
        let limit = self.memory_limit.filter(|limit| *limit > 0)?;
        Some(self.memory? as f64 / limit as f64 * 100.0)
    }
}

#[derive(Deserialize)]
struct RawStats {
    read: String,
    #[serde(default)]
    cpu_stats: Option<RawCpu>,
    #[serde(default)]
    memory_stats: Option<RawMemory>,
    #[serde(default)]
    networks: Option<HashMap<String, RawNetwork>>,
    #[serde(default)]
    blkio_stats: Option<RawBlocks>,
    #[serde(default)]
    pids_stats: Option<RawPids>,
}

#[derive(Default, Deserialize)]
struct RawCpu {
    #[serde(default)]
    cpu_usage: RawCpuUsage,
    #[serde(default)]
    system_cpu_usage: Option<u64>,
    #[serde(default)]
    online_cpus: Option<u64>,
}

#[derive(Default, Deserialize)]
struct RawCpuUsage {
    #[serde(default)]
    total_usage: u64,
    #[serde(default)]
    percpu_usage: Option<Vec<u64>>,
}

#[derive(Deserialize)]
struct RawMemory {
    #[serde(default)]
    usage: Option<u64>,
    #[serde(default)]
    limit: Option<u64>,
    #[serde(default)]
    stats: Option<RawMemoryStats>,
}

/// Of these alone: the others differ between the two versions of control groups, and between kernels.
#[derive(Default, Deserialize)]
struct RawMemoryStats {
    #[serde(default)]
    total_inactive_file: Option<u64>,
    #[serde(default)]
    inactive_file: Option<u64>,
}

#[derive(Deserialize)]
struct RawNetwork {
    #[serde(default)]
    rx_bytes: u64,
    #[serde(default)]
    tx_bytes: u64,
}

#[derive(Deserialize)]
struct RawBlocks {
    #[serde(default)]
    io_service_bytes_recursive: Option<Vec<RawBlock>>,
}

#[derive(Deserialize)]
struct RawBlock {
    #[serde(default)]
    op: String,
    #[serde(default)]
    value: u64,
}

#[derive(Deserialize)]
struct RawPids {
    #[serde(default)]
    current: Option<u64>,
}

impl RawMemory {
    /// `calculateMemUsageUnixNoCache`: with version 1 of control groups `total_inactive_file`, with version 2
    /// `inactive_file`, each only where it is less than all.
    fn used(&self) -> Option<u64> {
        let usage = self.usage?;
        let stats = self.stats.as_ref();
        let forgettable = stats.and_then(|it| it.total_inactive_file.or(it.inactive_file)).unwrap_or_default();
        Some(if forgettable < usage { usage - forgettable } else { usage })
    }
}

impl RawBlocks {
    /// `calculateBlockIO`: by the first letter of the operation, of all disks.
    fn sum(&self, operation: char) -> Option<u64> {
        let of = |it: &&RawBlock| it.op.chars().next().is_some_and(|first| first.eq_ignore_ascii_case(&operation));
        let entries = self.io_service_bytes_recursive.as_ref()?;
        Some(entries.iter().filter(of).fold(0, |sum: u64, it| sum.saturating_add(it.value)))
    }
}

/// `None`: it does not run, of which an engine makes a sample of nothing.
pub(super) fn sample(bytes: &[u8]) -> Result<Option<Sample>, Fault> {
    let raw: RawStats = read(bytes)?;
    let Some(at) = super::state::time(Some(&raw.read)) else { return Ok(None) };
    let cpu = raw.cpu_stats.unwrap_or_default();
    let listed = cpu.cpu_usage.percpu_usage.map_or(0, |cores| cores.len() as u64);
    // `calculateNetwork`
    let networks = raw.networks.as_ref().filter(|it| !it.is_empty());
    let network = |of: fn(&RawNetwork) -> u64| {
        networks.map(|all| all.values().fold(0, |sum: u64, it| sum.saturating_add(of(it))))
    };
    Ok(Some(Sample {
        at,
        cpu: cpu.cpu_usage.total_usage,
        system: cpu.system_cpu_usage.unwrap_or_default(),
        cores: cpu.online_cpus.filter(|cores| *cores > 0).unwrap_or(listed),
        memory: raw.memory_stats.as_ref().and_then(RawMemory::used),
        memory_limit: raw.memory_stats.as_ref().and_then(|it| it.limit),
        received: network(|it| it.rx_bytes),
        sent: network(|it| it.tx_bytes),
        read: raw.blkio_stats.as_ref().and_then(|it| it.sum('r')),
        written: raw.blkio_stats.as_ref().and_then(|it| it.sum('w')),
        pids: raw.pids_stats.and_then(|it| it.current),
    }))
}

impl Containers {
    /// What it uses now; `None` while it does not run. Shares of time are of two samples.
    ///
    /// # Errors
    /// As everything here.
    pub async fn sample(&self, id: &str) -> Result<Option<Sample>, Fault> {
        let own = self.own(id).await?;
        // At once: without the second word, an engine waits a second to fill in a sample before this one.
        let ask = Ask::get(path(&own, "/stats")).with("stream", false).with("one-shot", true);
        sample(&good(&self.wire.ask(ask, QUICK).await?)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn raw(change: impl FnOnce(&mut Value)) -> Option<Sample> {
        let mut value = json!({
            "read": "2026-11-26T22:35:34.000488331Z", "pids_stats": { "current": 3 },
            "cpu_stats": { "cpu_usage": { "total_usage": 1000, "percpu_usage": [600, 400] }, "system_cpu_usage": 10_000,
                "online_cpus": 2 },
            "memory_stats": { "usage": 700, "limit": 1000, "stats": { "total_inactive_file": 200, "inactive_file": 1 } },
            "networks": { "eth0": { "rx_bytes": 5, "tx_bytes": 6 }, "eth1": { "rx_bytes": 10, "tx_bytes": 20 } },
            "blkio_stats": { "io_service_bytes_recursive": [
                { "major": 8, "op": "Read", "value": 1 }, { "op": "Write", "value": 2 }, { "op": "read", "value": 4 },
                { "op": "Sync", "value": 8 } ] },
        });
        change(&mut value);
        sample(value.to_string().as_bytes()).expect("it reads")
    }

    #[test]
    fn figures_are_those_of_docker_stats() {
        let one = raw(|_| {}).unwrap();
        assert_eq!((one.memory, one.memory_percent()), (Some(500), Some(50.0)));
        assert_eq!(
            (one.received, one.sent, one.read, one.written, one.pids),
            (Some(15), Some(26), Some(5), Some(2), Some(3))
        );
        let later = raw(|it| {
            it["cpu_stats"]["cpu_usage"]["total_usage"] = json!(2000);
            it["cpu_stats"]["system_cpu_usage"] = json!(14_000);
        });
        let later = later.unwrap();
        assert_eq!(later.cpu_percent_since(&one), Some(50.0), "a quarter of two cores");
        assert_eq!(one.cpu_percent_since(&later), None, "it was started again");
        assert_eq!(one.cpu_percent_since(&one), None);
        let second = raw(|it| it["memory_stats"]["stats"] = json!({ "inactive_file": 100 })).unwrap();
        assert_eq!(second.memory, Some(600), "control groups of version 2");
        let third = raw(|it| it["memory_stats"]["stats"]["total_inactive_file"] = json!(700)).unwrap();
        assert_eq!(third.memory, Some(700));
    }

    #[test]
    fn what_is_not_counted_is_absent() {
        assert_eq!(raw(|it| it["read"] = json!("0001-01-01T00:00:00Z")), None);
        let bare = raw(|it| {
            for key in ["networks", "blkio_stats", "pids_stats", "memory_stats", "cpu_stats"] {
                it[key] = Value::Null;
            }
        });
        let bare = bare.unwrap();
        assert_eq!(
            (bare.memory, bare.received, bare.read, bare.pids, bare.memory_percent()),
            (None, None, None, None, None)
        );
        assert_eq!(bare.cpu_percent_since(&bare), None);
        assert!(sample(b"{}").is_err() && sample(b"").is_err());
    }
}

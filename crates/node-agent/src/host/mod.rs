//! Figures of the host itself, from `/proc`.
//!
//! Invariants: one small read per source and tick; rates need a previous reading and are absent on the first; what
//! cannot be read or understood is absent.

pub mod disks;
pub mod facts;

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Instant;

use node_protocol::HostSample;

const SECTOR_BYTES: u64 = 512;

/// Reads figures; keeps what rates are computed from.
#[derive(Debug, Default)]
pub struct HostMeter {
    text: String,
    cpu: Option<CpuTimes>,
    io: Option<(Instant, IoCounters)>,
    /// Whether a name in diskstats or net/dev counts, so that `/sys` is asked once per device.
    disk_counts: HashMap<String, bool>,
    nic_counts: HashMap<String, bool>,
}

/// Jiffies since boot, all CPUs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuTimes {
    pub total: u64,
    pub idle: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct IoCounters {
    disk: Option<[u64; 2]>,
    net: Option<[u64; 2]>,
}

impl HostMeter {
    /// Measures now. Disk space is not in it: see [`disks`].
    pub fn measure(&mut self) -> HostSample {
        let mut sample = HostSample::default();
        self.measure_cpu(&mut sample);
        if self.read("/proc/meminfo") {
            fill_memory(&self.text, &mut sample);
        }
        self.measure_io(&mut sample);
        if self.read("/proc/uptime") {
            sample.uptime_s = self.text.split([' ', '.']).next().and_then(|whole| whole.parse().ok());
        }
        sample
    }

    fn measure_cpu(&mut self, sample: &mut HostSample) {
        if self.read("/proc/loadavg") {
            sample.load1 = self.text.split(' ').next().and_then(|load| load.parse().ok());
        }
        if !self.read("/proc/stat") {
            return;
        }
        let now = parse_cpu(&self.text);
        if let (Some(before), Some(now)) = (self.cpu, now) {
            sample.cpu_percent = busy_percent(before, now);
        }
        self.cpu = now;
    }

    fn measure_io(&mut self, sample: &mut HostSample) {
        let mut disk = None;
        if self.read("/proc/diskstats") {
            let known = &mut self.disk_counts;
            disk = sum_disks(&self.text, |name| *known.entry(name.to_owned()).or_insert_with(|| is_whole_disk(name)));
        }
        let mut net = None;
        if self.read("/proc/net/dev") {
            let known = &mut self.nic_counts;
            // Short-lived interfaces of containers must not pile up here.
            if known.len() > 256 {
                known.clear();
            }
            net = sum_nics(&self.text, |name| *known.entry(name.to_owned()).or_insert_with(|| nic_counts(name)));
        }
        let now = (Instant::now(), IoCounters { disk, net });
        if let Some((at, before)) = self.io.replace(now) {
            let seconds = now.0.duration_since(at).as_secs_f64();
            [sample.disk_read_bytes_per_s, sample.disk_write_bytes_per_s] = rates(before.disk, disk, seconds);
            [sample.net_rx_bytes_per_s, sample.net_tx_bytes_per_s] = rates(before.net, net, seconds);
        }
    }

    fn read(&mut self, path: &str) -> bool {
        self.text.clear();
        File::open(path).and_then(|mut file| file.read_to_string(&mut self.text)).is_ok()
    }
}

/// The `cpu` line of `/proc/stat`. Guest time is inside user time already.
pub fn parse_cpu(stat: &str) -> Option<CpuTimes> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let fields: Vec<u64> = line.split_ascii_whitespace().take(8).map_while(|field| field.parse().ok()).collect();
    let idle = *fields.get(3)? + fields.get(4).copied().unwrap_or(0);
    Some(CpuTimes { total: fields.iter().sum(), idle })
}

/// Busy share between two readings, 0 to 100. `None` when no time passed.
pub fn busy_percent(before: CpuTimes, now: CpuTimes) -> Option<f32> {
    let total = now.total.checked_sub(before.total).filter(|total| *total > 0)?;
    // The idle counters may step back a little on some kernels.
    let idle = now.idle.saturating_sub(before.idle).min(total);
    Some(((total - idle) as f64 * 100.0 / total as f64) as f32)
}

fn fill_memory(meminfo: &str, sample: &mut HostSample) {
    let figure = |name: &str| -> Option<u64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    };
    let (total, available) = (figure("MemTotal"), figure("MemAvailable"));
    sample.memory_total_bytes = total;
    sample.memory_used_bytes = total.zip(available).and_then(|(total, available)| total.checked_sub(available));
    let (total, free) = (figure("SwapTotal"), figure("SwapFree"));
    sample.swap_total_bytes = total;
    sample.swap_used_bytes = total.zip(free).and_then(|(total, free)| total.checked_sub(free));
}

/// Bytes read and written by the devices that count; `None` when none does.
fn sum_disks(diskstats: &str, mut counts: impl FnMut(&str) -> bool) -> Option<[u64; 2]> {
    let mut sum = None;
    for line in diskstats.lines() {
        let mut fields = line.split_ascii_whitespace().skip(2);
        let Some(name) = fields.next().filter(|name| counts(name)) else { continue };
        let read = fields.nth(2).and_then(|field| field.parse::<u64>().ok());
        let written = fields.nth(3).and_then(|field| field.parse::<u64>().ok());
        let (Some(read), Some(written)) = (read, written) else {
            tracing::trace!(name, "line of diskstats not understood");
            continue;
        };
        let [r, w] = sum.unwrap_or_default();
        sum = Some([r + read * SECTOR_BYTES, w + written * SECTOR_BYTES]);
    }
    sum
}

/// Bytes received and sent by the interfaces that count; `None` when none does.
fn sum_nics(net_dev: &str, mut counts: impl FnMut(&str) -> bool) -> Option<[u64; 2]> {
    let mut sum = None;
    for line in net_dev.lines() {
        let Some((name, figures)) = line.split_once(':') else { continue };
        if !counts(name.trim()) {
            continue;
        }
        let mut fields = figures.split_ascii_whitespace().map(|field| field.parse::<u64>().ok());
        let (Some(Some(rx)), Some(Some(tx))) = (fields.next(), fields.nth(7)) else { continue };
        let [r, t] = sum.unwrap_or_default();
        sum = Some([r + rx, t + tx]);
    }
    sum
}

/// Per second between two readings; absent when a counter went back (a device went away).
fn rates(before: Option<[u64; 2]>, now: Option<[u64; 2]>, seconds: f64) -> [Option<f32>; 2] {
    let (Some(before), Some(now)) = (before, now) else { return [None; 2] };
    let rate = |i: usize| {
        let more = now.get(i)?.checked_sub(*before.get(i)?)?;
        (seconds > 0.0).then(|| (more as f64 / seconds) as f32)
    };
    [rate(0), rate(1)]
}

/// Physical or virtual disks as a whole: no partitions, and nothing that is stored on another device.
fn is_whole_disk(name: &str) -> bool {
    const STACKED: [&str; 8] = ["loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd"];
    !STACKED.iter().any(|prefix| name.starts_with(prefix)) && Path::new("/sys/block").join(name).exists()
}

/// Interfaces through which traffic leaves the host, each byte once: no loopback, container ends, bridges, bonds or
/// VLANs (their members count).
pub fn nic_counts(name: &str) -> bool {
    const VIRTUAL: [&str; 9] = ["veth", "docker", "br-", "virbr", "cni", "flannel", "cali", "lxc", "kube"];
    if name == "lo" || VIRTUAL.iter().any(|prefix| name.starts_with(prefix)) {
        return false;
    }
    let sys = Path::new("/sys/class/net").join(name);
    let uevent = std::fs::read_to_string(sys.join("uevent")).unwrap_or_default();
    !["bridge", "bond", "vlan", "macvlan", "wireguard", "vxlan"]
        .iter()
        .any(|kind| uevent.lines().any(|line| line.strip_prefix("DEVTYPE=") == Some(kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_share_between_two_readings() {
        let before = parse_cpu("cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 2 3 4\n").unwrap();
        assert_eq!(before, CpuTimes { total: 1000, idle: 800 });
        let now = CpuTimes { total: 1200, idle: 950 };
        assert_eq!(busy_percent(before, now), Some(25.0));
        assert_eq!(busy_percent(now, now), None);
        assert_eq!(parse_cpu("intr 5"), None);
    }

    #[test]
    fn memory_is_total_less_available() {
        let mut sample = HostSample::default();
        fill_memory(
            "MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:  400 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
            &mut sample,
        );
        assert_eq!(sample.memory_used_bytes, Some(600 * 1024));
        assert_eq!((sample.swap_total_bytes, sample.swap_used_bytes), (Some(0), Some(0)));
        fill_memory("MemTotal:  1000 kB\n", &mut sample);
        assert_eq!(sample.memory_used_bytes, None, "absent, not 0");
    }

    #[test]
    fn disks_and_nics_are_summed_over_those_that_count() {
        let stats = " 259 0 nvme0n1 10 0 80 5 20 0 160 5 0 9 9\n 259 1 nvme0n1p1 9 0 72 5 19 0 152 5 0 9 9\n";
        assert_eq!(sum_disks(stats, |name| name == "nvme0n1"), Some([80 * 512, 160 * 512]));
        assert_eq!(sum_disks(stats, |_| false), None);
        let dev = "Inter-|   Receive  |  Transmit\n face |bytes packets\n    lo: 7 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n\
                   eth0: 100 1 0 0 0 0 0 0 200 2 0 0 0 0 0 0\n";
        assert_eq!(sum_nics(dev, |name| name == "eth0"), Some([100, 200]));
        assert_eq!(rates(Some([100, 50]), Some([300, 40]), 2.0), [Some(100.0), None]);
        assert!(!nic_counts("lo") && !nic_counts("veth12ab") && !nic_counts("docker0"));
    }
}

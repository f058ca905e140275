//! Host figures against `/proc`, read here in another way.

use std::fs;
use std::time::{Duration, Instant};

use node_agent::host::{HostMeter, busy_percent, disks, facts, parse_cpu};

fn kib(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn memory_load_and_uptime_agree_with_proc() {
    let sample = HostMeter::default().measure();
    assert_eq!(sample.memory_total_bytes, Some(kib("MemTotal")));
    let expected = kib("MemTotal") - kib("MemAvailable");
    let off = sample.memory_used_bytes.unwrap().abs_diff(expected);
    assert!(off < kib("MemTotal") / 10, "memory is off by {off} bytes");
    assert_eq!(sample.swap_total_bytes, Some(kib("SwapTotal")));
    assert!(sample.load1.is_some_and(|load| load >= 0.0));
    let uptime: f64 = fs::read_to_string("/proc/uptime").unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(sample.uptime_s.unwrap().abs_diff(uptime as u64) <= 5);
    assert_eq!(sample.cpu_percent, None, "a share needs two readings");
    assert_eq!(sample.disk_read_bytes_per_s, None, "a rate needs two readings");
}

#[test]
fn cpu_share_agrees_with_proc_stat() {
    let stat = || parse_cpu(&fs::read_to_string("/proc/stat").unwrap()).unwrap();
    let mut meter = HostMeter::default();
    let before = stat();
    meter.measure();
    // Long enough that the moments between the readings here and there do not count.
    let until = Instant::now() + Duration::from_secs(1);
    let mut n = 0_u64;
    while Instant::now() < until {
        n = std::hint::black_box(n.wrapping_add(1));
    }
    let measured = meter.measure().cpu_percent.unwrap();
    let expected = busy_percent(before, stat()).unwrap();
    assert!((measured - expected).abs() < 15.0, "{measured} measured, {expected} expected");
    assert!((0.0..=100.0).contains(&measured) && measured > 0.0);
}

#[test]
fn disks_are_the_sum_of_what_is_listed() {
    let Some(space) = disks::look() else { return };
    let mounted = space.disks.iter().filter(|disk| !disk.mount_point.is_empty());
    assert_eq!(mounted.map(|disk| disk.total_bytes).sum::<u64>(), space.total_bytes);
    assert!(space.used_bytes <= space.total_bytes && space.total_bytes > 0);
    let watch = disks::DiskWatch::start().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while watch.totals().is_none() {
        assert!(Instant::now() < deadline, "the thread never looked");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(watch.totals().unwrap().1, space.total_bytes);
}

#[test]
fn facts_are_the_kernels() {
    let facts = facts::inventory();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(facts.kernel.as_deref(), Some(kernel.trim()));
    assert_eq!(facts.memory_bytes, Some(kib("MemTotal")));
    let threads = fs::read_to_string("/proc/cpuinfo").unwrap().lines().filter(|l| l.starts_with("processor")).count();
    assert_eq!(facts.cpu_threads, u32::try_from(threads).ok());
    assert!(facts.nics.iter().all(|nic| nic.name != "lo"));
    assert!(!facts::boot_id().is_empty());
}

//! What does not change every second about the host: names, versions, processor, memory, interfaces.
//!
//! Invariant: what cannot be found out is absent; no text is longer than the protocol allows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use node_protocol::limits::MAX_TEXT_BYTES;
use node_protocol::{HostSample, Inventory, Nic};

const MOST_NICS: usize = 64;

/// Host name as the kernel has it.
pub fn host_name() -> String {
    line_of("/proc/sys/kernel/hostname").unwrap_or_else(|| "host".to_owned())
}

/// Id of this boot, empty where the kernel has none.
pub fn boot_id() -> String {
    line_of("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

/// The host's part of the inventory; disks and GPUs are filled in by others.
pub fn inventory() -> Inventory {
    let cpu = parse_cpuinfo(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default());
    let mut memory = HostSample::default();
    super::fill_memory(&fs::read_to_string("/proc/meminfo").unwrap_or_default(), &mut memory);
    Inventory {
        host_name: cut(host_name()),
        os: os_name(),
        kernel: line_of("/proc/sys/kernel/osrelease"),
        arch: Some(std::env::consts::ARCH.to_owned()),
        cpu_model: cpu.model,
        cpu_sockets: cpu.sockets,
        cpu_cores: cpu.cores,
        cpu_threads: cpu.threads,
        memory_bytes: memory.memory_total_bytes,
        swap_bytes: memory.swap_total_bytes,
        nics: nics(),
        ..Inventory::default()
    }
}

/// Cuts to the protocol's longest text, at a character boundary.
pub fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
    text
}

fn line_of(path: impl AsRef<Path>) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.trim();
    (!line.is_empty()).then(|| cut(line.to_owned()))
}

fn os_name() -> Option<String> {
    let text = fs::read_to_string("/etc/os-release").or_else(|_| fs::read_to_string("/usr/lib/os-release")).ok()?;
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(cut(name.trim_matches('"').to_owned()))
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Cpu {
    model: Option<String>,
    sockets: Option<u32>,
    cores: Option<u32>,
    threads: Option<u32>,
}

fn parse_cpuinfo(cpuinfo: &str) -> Cpu {
    let (mut cpu, mut threads) = (Cpu::default(), 0_u32);
    let (mut sockets, mut cores) = (BTreeSet::new(), BTreeSet::new());
    let mut socket = None;
    for line in cpuinfo.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match name.trim() {
            "processor" => threads += 1,
            "model name" | "Model" if cpu.model.is_none() && !value.is_empty() => {
                cpu.model = Some(cut(value.to_owned()));
            }
            "physical id" => {
                socket = Some(value);
                sockets.insert(value);
            }
            "core id" => {
                cores.insert((socket, value));
            }
            _ => {}
        }
    }
    let count = |n: usize| u32::try_from(n).ok().filter(|n| *n > 0);
    Cpu {
        model: cpu.model,
        sockets: count(sockets.len()),
        cores: count(cores.len()),
        threads: Some(threads).filter(|n| *n > 0),
    }
}

/// Interfaces with their addresses; without loopback and the ends of containers, which come and go.
fn nics() -> Vec<Nic> {
    let mut found: BTreeMap<String, Nic> = BTreeMap::new();
    let Ok(addresses) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    for address in addresses {
        let name = address.interface_name;
        if name == "lo" || ["veth", "cali", "lxc"].iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let nic =
            found.entry(name.clone()).or_insert_with(|| Nic { speed_mbps: speed(&name), name, addresses: Vec::new() });
        let Some(ip) = address.address else { continue };
        let text = match (ip.as_sockaddr_in(), ip.as_sockaddr_in6()) {
            (Some(v4), _) => v4.ip().to_string(),
            (_, Some(v6)) => v6.ip().to_string(),
            _ => continue,
        };
        if nic.addresses.len() < 16 {
            nic.addresses.push(text);
        }
    }
    let mut nics: Vec<Nic> = found.into_values().collect();
    for nic in &mut nics {
        nic.addresses.sort_unstable();
    }
    nics.truncate(MOST_NICS);
    nics
}

fn speed(nic: &str) -> Option<u64> {
    // -1, or an error, where the link is down or has no speed.
    line_of(Path::new("/sys/class/net").join(nic).join("speed"))?.parse().ok().filter(|speed| *speed > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_counted() {
        let one = |processor: u32, socket: u32, core: u32| {
            format!("processor\t: {processor}\nmodel name\t: Some CPU\nphysical id\t: {socket}\ncore id\t: {core}\n\n")
        };
        let text: String = (0..8).map(|n| one(n, n / 4, n % 2)).collect();
        let cpu = parse_cpuinfo(&text);
        assert_eq!(cpu, Cpu { model: Some("Some CPU".to_owned()), sockets: Some(2), cores: Some(4), threads: Some(8) });
        let arm = parse_cpuinfo("processor\t: 0\nBogoMIPS\t: 50\n\nprocessor\t: 1\n");
        assert_eq!(arm, Cpu { threads: Some(2), ..Cpu::default() }, "absent, not 0");
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let text = cut("é".repeat(400));
        assert_eq!(text.len(), MAX_TEXT_BYTES);
        assert_eq!(cut(format!("a{}", "é".repeat(400))).len(), MAX_TEXT_BYTES - 1);
    }
}

//! Which processes use a GPU, and whose they are.
//!
//! Invariant: only the program's name is read, never its arguments: they may hold secrets.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::time::SystemTime;

use node_protocol::Process;
use node_protocol::limits::MAX_PROCESSES;
use nvml_wrapper::Device;
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::struct_wrappers::device::ProcessInfo;

use crate::host::facts::cut;

/// Ticks per second in `/proc/<pid>/stat`; fixed by the kernel's interface on the architectures NVIDIA supports.
const TICKS_PER_SECOND: u64 = 100;

/// Reads process lists; keeps the users' names while `/etc/passwd` does not change.
#[derive(Debug, Default)]
pub struct ProcessReader {
    users: HashMap<u32, String>,
    users_of: Option<SystemTime>,
}

impl ProcessReader {
    /// Processes on the given GPUs, by GPU as given and then by process id.
    pub fn list<'a, 'n: 'a>(&mut self, gpus: impl Iterator<Item = (&'a str, &'a Device<'n>)>) -> Vec<Process> {
        let boot_ms = boot_time_ms();
        let mut found = Vec::new();
        for (uuid, device) in gpus {
            // One process may be in both lists, or several times on a GPU cut into instances.
            let mut here: BTreeMap<u32, (&str, Option<u64>)> = BTreeMap::new();
            let graphics = device.running_graphics_processes().unwrap_or_default();
            let compute = device.running_compute_processes().unwrap_or_default();
            for (kind, list) in [("compute", compute), ("graphics", graphics)] {
                for info in list {
                    let memory = used(&info);
                    let entry = here.entry(info.pid).or_insert((kind, None));
                    entry.1 = if entry.0 == kind { sum(entry.1, memory) } else { entry.1.or(memory) };
                }
            }
            for (pid, (kind, memory)) in here {
                if found.len() == MAX_PROCESSES {
                    return found;
                }
                found.push(self.describe(pid, uuid, kind, memory, boot_ms));
            }
        }
        found
    }

    fn describe(&mut self, pid: u32, uuid: &str, kind: &str, memory: Option<u64>, boot_ms: Option<i64>) -> Process {
        let dir = format!("/proc/{pid}");
        let read = |name: &str| fs::read_to_string(format!("{dir}/{name}")).ok();
        let uid = fs::metadata(&dir).ok().map(|dir| dir.uid());
        let started = read("stat").as_deref().and_then(start_ticks);
        let container = read("cgroup").as_deref().and_then(container_of);
        Process {
            preloaded: container.as_ref().and_then(|_| preloaded(&dir)),
            pid,
            gpu_uuid: uuid.to_owned(),
            user: uid.map(|uid| self.user(uid)),
            command: read("comm").map(|comm| cut(comm.trim_end().to_owned())),
            container,
            gpu_memory_bytes: memory,
            started_at_ms: boot_ms
                .zip(started)
                .and_then(|(boot, ticks)| boot.checked_add(i64::try_from(ticks * (1000 / TICKS_PER_SECOND)).ok()?)),
            kind: kind.to_owned(),
        }
    }

    fn user(&mut self, uid: u32) -> String {
        let changed = fs::metadata("/etc/passwd").and_then(|file| file.modified()).ok();
        if changed != self.users_of {
            self.users = parse_passwd(&fs::read_to_string("/etc/passwd").unwrap_or_default());
            self.users_of = changed;
        }
        self.users.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }
}

/// Whether a program has the library mapped that divides a GPU's memory. It is there from the program's first moment or
/// never, since a loader puts it there, and stays when its file is replaced. Nothing where the mappings may not be read.
fn preloaded(dir: &str) -> Option<bool> {
    let maps = BufReader::new(File::open(format!("{dir}/maps")).ok()?);
    for line in maps.split(b'\n') {
        let line = line.ok()?;
        if line.strip_suffix(b" (deleted)").unwrap_or(&line).ends_with(b"/libvgpu.so") {
            return Some(true);
        }
    }
    Some(false)
}

fn used(info: &ProcessInfo) -> Option<u64> {
    match info.used_gpu_memory {
        UsedGpuMemory::Used(bytes) => Some(bytes),
        UsedGpuMemory::Unavailable => None,
    }
}

fn sum(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (a, b) => a.or(b),
    }
}

pub(crate) fn parse_passwd(text: &str) -> HashMap<u32, String> {
    let user = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        Some((fields.nth(1)?.parse().ok()?, cut(name.to_owned())))
    };
    // The first entry of an id is its name.
    text.lines().rev().filter_map(user).collect()
}

fn boot_time_ms() -> Option<i64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let seconds: i64 = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    seconds.checked_mul(1000)
}

/// Field 22; the name in field 2 may hold blanks and parentheses.
pub(crate) fn start_ticks(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// The container's id: 64 hex digits in one of the cgroup's names, as Docker, containerd and Podman write it.
pub(crate) fn container_of(cgroup: &str) -> Option<String> {
    let is_id = |part: &&str| part.len() == 64 && part.bytes().all(|b| b.is_ascii_hexdigit());
    cgroup.split(['/', '-', '.', ':', '\n']).rfind(is_id).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_understood() {
        let own = fs::read_to_string("/proc/self/stat").unwrap();
        assert!(start_ticks(&own).unwrap() > 0);
        assert_eq!(start_ticks("7 (a) b) (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20"), Some(4242));
        let users =
            parse_passwd("root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nsame:x:0:0::/:/\n");
        assert_eq!(users.get(&0).map(String::as_str), Some("root"));
        assert_eq!(users.get(&1000).map(String::as_str), Some("ann"));
    }

    #[test]
    fn container_ids_of_the_usual_engines() {
        let id = "ab".repeat(32);
        for cgroup in [
            format!("0::/system.slice/docker-{id}.scope\n"),
            format!("12:memory:/docker/{id}\n"),
            format!("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope\n"),
            format!("0::/user.slice/libpod-{id}.scope/container\n"),
        ] {
            assert_eq!(container_of(&cgroup).as_deref(), Some(id.as_str()), "{cgroup}");
        }
        assert_eq!(container_of("0::/user.slice/session-2.scope\n"), None);
    }

    #[test]
    fn the_library_is_seen_in_what_is_mapped() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().to_str().unwrap();
        assert_eq!(preloaded(dir), None, "it may not be read");
        let line = "7f1c0000-7f1d0000 r-xp 00000000 08:01 42   ";
        for (path, expected) in [
            ("/usr/local/vgpu/libvgpu.so", true),
            ("/usr/lib/libcuda.so.1", false),
            ("/usr/local/vgpu/libvgpu.so (deleted)", true),
            ("/tmp/notlibvgpu.so", false),
        ] {
            fs::write(folder.path().join("maps"), format!("{line}/usr/bin/python3\n{line}{path}\n")).unwrap();
            assert_eq!(preloaded(dir), Some(expected), "{path}");
        }
    }

    #[test]
    fn own_process_is_described() {
        let process =
            ProcessReader::default().describe(std::process::id(), "GPU-1", "compute", Some(5), boot_time_ms());
        let age = crate::tick::now_ms() - process.started_at_ms.unwrap();
        assert!((-2000..3_600_000).contains(&age), "started {age} ms ago");
        assert!(process.command.is_some_and(|name| !name.is_empty()));
        assert!(process.user.is_some());
    }
}

//! Space on local file systems, asked for on a thread of its own.
//!
//! Invariants: `statvfs` can hang for good on a broken mount, so nobody waits for this thread; figures it did not renew
//! for [`STALE`] are absent. Network file systems are never asked. Each device counts once, however often it is mounted.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;
use node_protocol::Disk;

const PACE: Duration = Duration::from_secs(10);
const STALE: Duration = Duration::from_secs(60);
const MOST_DISKS: usize = 128;
const LOCAL: [&str; 14] = [
    "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "bcachefs", "vfat", "exfat", "ntfs3",
    "bcache",
];

/// One look at all local file systems.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DiskSpace {
    pub used_bytes: u64,
    pub total_bytes: u64,
    pub disks: Vec<Disk>,
}

/// The thread's latest look.
#[derive(Debug, Clone, Default)]
pub struct DiskWatch(Arc<Mutex<Option<(Instant, DiskSpace)>>>);

impl DiskWatch {
    /// Starts looking every 10 s. The thread ends when the last clone of the watch is gone.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start() -> std::io::Result<Self> {
        let watch = Self::default();
        let weak = Arc::downgrade(&watch.0);
        std::thread::Builder::new().name("disks".to_owned()).stack_size(128 * 1024).spawn(move || {
            while let Some(slot) = weak.upgrade() {
                let look = look();
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = look.map(|look| (Instant::now(), look));
                drop(slot);
                std::thread::sleep(PACE);
            }
        })?;
        Ok(watch)
    }

    /// The latest look, when it is not stale.
    pub fn latest(&self) -> Option<DiskSpace> {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().filter(|(at, _)| at.elapsed() < STALE).map(|(_, look)| look.clone())
    }

    /// Used and total bytes of the latest look.
    pub fn totals(&self) -> Option<(u64, u64)> {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().filter(|(at, _)| at.elapsed() < STALE).map(|(_, look)| (look.used_bytes, look.total_bytes))
    }
}

/// A line of `/proc/self/mounts`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    device: String,
    point: String,
}

/// Asks every local file system. `None` when there is none.
pub fn look() -> Option<DiskSpace> {
    let mut space = DiskSpace::default();
    let mut used_disks = HashSet::new();
    for mount in local_mounts(&fs::read_to_string("/proc/self/mounts").ok()?) {
        let Ok(stat) = statvfs(Path::new(&mount.point)) else { continue };
        let unit = stat.fragment_size();
        let total = stat.blocks().saturating_mul(unit);
        if total == 0 {
            continue;
        }
        space.total_bytes += total;
        space.used_bytes += stat.blocks().saturating_sub(stat.blocks_free()).saturating_mul(unit);
        let bases = mount.device.strip_prefix("/dev/").map(base_disks).unwrap_or_default();
        let kind = bases.iter().find_map(|base| rotation(base)).unwrap_or_default();
        used_disks.extend(bases);
        space.disks.push(Disk { name: mount.device, mount_point: mount.point, total_bytes: total, kind });
    }
    space.disks.extend(bare_disks(&used_disks));
    space.disks.truncate(MOST_DISKS);
    (space.total_bytes > 0).then_some(space)
}

/// Mounts of local file systems, each device once (its shortest mount point). In a container there may be only the
/// overlay at `/`, which then stands for the disk below it.
fn local_mounts(mounts: &str) -> Vec<Mount> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut overlay = None;
    for line in mounts.lines() {
        let mut fields = line.split(' ');
        let (Some(device), Some(point), Some(kind)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let point = unescape(point);
        if LOCAL.contains(&kind) {
            // The parts of one ZFS pool share its space.
            let device = if kind == "zfs" { device.split('/').next().unwrap_or(device) } else { device };
            let device = unescape(device);
            let real = device.starts_with('/').then(|| fs::canonicalize(&device).ok()).flatten();
            let device = real.and_then(|path| path.to_str().map(str::to_owned)).unwrap_or(device);
            let shorter = found.get(&device).is_none_or(|known| point.len() < known.len());
            if shorter {
                found.insert(device, point);
            }
        } else if kind == "overlay" && point == "/" {
            overlay = Some(Mount { device: device.to_owned(), point });
        }
    }
    if found.is_empty() {
        return overlay.into_iter().collect();
    }
    found.into_iter().map(|(device, point)| Mount { device, point }).collect()
}

/// `/proc/self/mounts` writes blanks and backslashes as octal.
fn unescape(field: &str) -> String {
    field.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

/// The whole disks a device (partition, volume, array) is stored on.
fn base_disks(device: &str) -> Vec<String> {
    let Ok(path) = fs::canonicalize(Path::new("/sys/class/block").join(device)) else { return Vec::new() };
    let below: Vec<String> = names(&path.join("slaves"));
    if !below.is_empty() {
        return below.iter().flat_map(|name| base_disks(name)).collect();
    }
    let whole = if path.join("partition").exists() { path.parent().map(Path::to_owned) } else { Some(path) };
    whole.and_then(|path| Some(path.file_name()?.to_str()?.to_owned())).into_iter().collect()
}

/// `ssd` or `hdd`; nothing for a disk of a virtual machine, where the kernel says "turns" of whatever is behind it.
fn rotation(disk: &str) -> Option<String> {
    if disk.starts_with("vd") || disk.starts_with("xvd") {
        return None;
    }
    let text = fs::read_to_string(format!("/sys/block/{disk}/queue/rotational")).ok()?;
    Some(if text.trim() == "0" { "ssd" } else { "hdd" }.to_owned())
}

/// Whole disks that nothing mounted and nothing stacked is stored on.
fn bare_disks(used: &HashSet<String>) -> Vec<Disk> {
    let sys = PathBuf::from("/sys/block");
    let mut found = Vec::new();
    for name in names(&sys) {
        let path = sys.join(&name);
        let stacked = names(&path).iter().any(|part| !names(&path.join(part).join("holders")).is_empty());
        if !super::is_whole_disk(&name) || used.contains(&name) || stacked || !names(&path.join("holders")).is_empty() {
            continue;
        }
        let sectors: u64 = fs::read_to_string(path.join("size")).ok().and_then(|n| n.trim().parse().ok()).unwrap_or(0);
        if sectors > 0 {
            let kind = rotation(&name).unwrap_or_default();
            let total_bytes = sectors * super::SECTOR_BYTES;
            found.push(Disk { name: format!("/dev/{name}"), mount_point: String::new(), total_bytes, kind });
        }
    }
    found
}

fn names(dir: &Path) -> Vec<String> {
    let Ok(items) = fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<String> = items.filter_map(|item| item.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_local_device_once_and_no_network() {
        let mounts = "\
/dev/nosuch1 /data/a\\040b ext4 rw 0 0
/dev/nosuch1 / ext4 rw 0 0
server:/export /mnt/nfs nfs4 rw 0 0
tmpfs /run tmpfs rw 0 0
tank/home /home zfs rw 0 0
tank/var /var/long zfs rw 0 0
overlay / overlay rw 0 0
";
        let found = local_mounts(mounts);
        let points: Vec<&str> = found.iter().map(|mount| mount.point.as_str()).collect();
        assert_eq!(points, ["/", "/home"], "{found:?}");
        assert_eq!(local_mounts("overlay / overlay rw 0 0\n").len(), 1);
        assert_eq!(unescape("/data/a\\040b"), "/data/a b");
    }
}

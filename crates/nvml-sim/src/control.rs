//! The control file: what a test changes while an agent reads. Format: see the crate's documentation.
//!
//! It is looked at no more than every 200 ms and read only when its time, size or inode changed. A file that is
//! missing says nothing; one that is not valid is reported on standard error and the last valid one holds.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::scenario::Process;

/// Everything the file says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Symbols that answer "function not found", in addition to the scenario's.
    #[serde(default)]
    pub missing_functions: Vec<String>,
    /// By index. Keys are text in TOML.
    #[serde(default)]
    gpu: BTreeMap<String, GpuControl>,
}

/// What it says of one GPU; `None` leaves the scenario's word.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuControl {
    /// Off the bus.
    pub lost: Option<bool>,
    /// Percent.
    pub util: Option<f64>,
    /// Degrees Celsius.
    pub temperature: Option<u32>,
    /// Watts.
    pub power_w: Option<f64>,
    /// MiB in use.
    pub memory_used_mib: Option<u64>,
    /// Reason bits in addition to the scenario's.
    #[serde(default)]
    pub throttle: u64,
    /// Errors in addition to the scenario's.
    #[serde(default)]
    pub ecc_corrected: u64,
    /// Errors in addition to the scenario's.
    #[serde(default)]
    pub ecc_uncorrected: u64,
    /// Delivered once when it appears or changes.
    pub xid: Option<u64>,
    /// Another number here delivers `xid` again.
    #[serde(default)]
    pub xid_again: u64,
    /// Symbols in addition to the scenario's.
    #[serde(default)]
    pub not_supported: Vec<String>,
    /// In place of the scenario's programs.
    pub process: Option<Vec<Process>>,
}

impl Control {
    /// Reads the file's text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let control: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        match control.gpu.keys().find(|key| key.parse::<usize>().is_err()) {
            Some(key) => Err(format!("[gpu.{key}] is not an index")),
            None => Ok(control),
        }
    }

    /// What it says of one GPU.
    pub fn gpu(&self, index: usize) -> Option<&GpuControl> {
        self.gpu.get(&index.to_string())
    }

    /// Xids that are in this one and were not in the one before.
    fn new_xids(&self, before: &Self) -> Vec<(usize, u64)> {
        let fresh = |(key, now): (&String, &GpuControl)| {
            let was = before.gpu.get(key);
            let changed = was.is_none_or(|was| (was.xid, was.xid_again) != (now.xid, now.xid_again));
            now.xid.filter(|_| changed).and_then(|xid| Some((key.parse().ok()?, xid)))
        };
        self.gpu.iter().filter_map(fresh).collect()
    }
}

/// Watches the file.
#[derive(Debug)]
pub struct Watch {
    path: Option<PathBuf>,
    looked: Option<Instant>,
    stamp: Option<(i64, i64, u64, u64)>,
    current: Arc<Control>,
}

impl Watch {
    /// `None` watches nothing.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self { path, looked: None, stamp: None, current: Arc::default() }
    }

    /// What holds now, and the Xids that appeared with this look.
    pub fn look(&mut self) -> (Arc<Control>, Vec<(usize, u64)>) {
        const EVERY: Duration = Duration::from_millis(200);
        let quiet = |watch: &Self| (Arc::clone(&watch.current), Vec::new());
        let Some(path) = &self.path else { return quiet(self) };
        if self.looked.is_some_and(|looked| looked.elapsed() < EVERY) {
            return quiet(self);
        }
        self.looked = Some(Instant::now());
        let stamp = std::fs::metadata(path).ok().map(|file| (file.mtime(), file.mtime_nsec(), file.len(), file.ino()));
        if stamp == self.stamp {
            return quiet(self);
        }
        self.stamp = stamp;
        let text = match stamp {
            Some(_) => std::fs::read_to_string(path).map_err(|error| error.to_string()),
            None => Ok(String::new()),
        };
        match text.and_then(|text| Control::parse(&text)) {
            Ok(control) => {
                let xids = control.new_xids(&self.current);
                self.current = Arc::new(control);
                (Arc::clone(&self.current), xids)
            }
            Err(problem) => {
                crate::state::complain(&format!("{}: {problem}", path.display()));
                quiet(self)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_xid_is_new_once() {
        let of = |text: &str| Control::parse(text).expect(text);
        let (none, first) = (Control::default(), of("[gpu.2]\nxid = 79"));
        assert_eq!(first.new_xids(&none), [(2, 79)]);
        assert_eq!(first.new_xids(&first), []);
        assert_eq!(of("[gpu.2]\nxid = 79\nutil = 5").new_xids(&first), []);
        assert_eq!(of("[gpu.2]\nxid = 79\nxid_again = 1").new_xids(&first), [(2, 79)]);
        assert_eq!(of("[gpu.2]\nxid = 48").new_xids(&first), [(2, 48)]);
        assert_eq!(none.new_xids(&first), []);
    }

    #[test]
    fn a_broken_file_leaves_the_last_word() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("control.toml");
        let mut watch = Watch::new(Some(path.clone()));
        let mut look = || {
            watch.looked = None;
            watch.look().0
        };
        assert_eq!(*look(), Control::default(), "a missing file says nothing");
        std::fs::write(&path, "[gpu.1]\nutil = 37").expect("written");
        assert_eq!(look().gpu(1).and_then(|gpu| gpu.util), Some(37.0));
        std::fs::write(&path, "[gpu.1]\nutil = ").expect("written");
        assert_eq!(look().gpu(1).and_then(|gpu| gpu.util), Some(37.0));
        std::fs::write(&path, "[gpu.one]\nutil = 3").expect("written");
        assert_eq!(look().gpu(1).and_then(|gpu| gpu.util), Some(37.0));
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(*look(), Control::default());
    }
}

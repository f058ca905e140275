//! What a test's engine calls itself: never as another one of its host.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The first version that keeps an engine's id with its data. Those before make it of a key beside their configuration, which all
/// engines of a host share.
const WITH_DATA: u32 = 23;
/// A configuration in an engine's folder.
const CONFIG: &str = "daemon.json";

/// Has the engine of this folder call itself otherwise from its next start on, whatever it has.
///
/// # Panics
/// When the folder cannot be written.
pub(super) fn rename(folder: &Path) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    if keeps_it_with_data() {
        let data = folder.join("data");
        std::fs::create_dir_all(&data).expect("the folder can be written");
        let id = format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        std::fs::write(data.join("engine-id"), id).expect("the folder can be written");
        return;
    }
    let key = folder.join("key.json");
    // It makes itself another one.
    let _ = std::fs::remove_file(&key);
    let config = serde_json::json!({ "deprecated-key-path": key });
    std::fs::write(folder.join(CONFIG), config.to_string()).expect("the folder can be written");
}

/// The configuration of the engine of this folder, where it has one.
pub(super) fn config(folder: &Path) -> Option<PathBuf> {
    Some(folder.join(CONFIG)).filter(|config| config.exists())
}

fn keeps_it_with_data() -> bool {
    static KEEPS: OnceLock<bool> = OnceLock::new();
    *KEEPS.get_or_init(|| {
        let said = Command::new(super::program()).arg("--version").output().expect("dockerd says its version");
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let major = said.split_whitespace().find_map(|word| word.split('.').next()?.parse::<u32>().ok());
        major.expect("dockerd says its version") >= WITH_DATA
    })
}

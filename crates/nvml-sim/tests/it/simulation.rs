//! Loads the shared library under a scenario of the test's own.
//!
//! The library reads its environment at init, so two scenarios in one process must not overlap: [`Simulation`] holds
//! a lock for its lifetime. (With one process per test, as cargo-nextest runs them, nobody ever waits for it.)

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nvml_wrapper::Nvml;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A loaded library. Fields are dropped in order: the library before the lock.
pub struct Simulation {
    pub nvml: Nvml,
    folder: tempfile::TempDir,
    _lock: MutexGuard<'static, ()>,
}

impl Simulation {
    /// Starts a scenario.
    pub fn start(scenario: &str) -> Self {
        let lock = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = prepare(scenario);
        let nvml = Nvml::builder().lib_path(library().as_os_str()).init().expect("the simulation's init");
        Self { nvml, folder, _lock: lock }
    }

    /// Replaces the control file in one step.
    #[allow(dead_code, reason = "not every test binary that includes this module has a use for it")]
    pub fn control(&self, text: &str) {
        let path = self.folder.path().join("control.toml");
        let new = path.with_extension("new");
        std::fs::write(&new, text).expect("the control file");
        std::fs::rename(new, path).expect("the control file in its place");
    }
}

/// Runs something on a scenario's environment without the wrapper's init.
#[allow(dead_code, reason = "not every test binary that includes this module has a use for it")]
pub fn with_environment<T>(scenario: &str, run: impl FnOnce(&Path) -> T) -> T {
    let _lock = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let _folder = prepare(scenario);
    run(&library())
}

fn prepare(scenario: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("scenario.toml");
    std::fs::write(&path, scenario).expect("the scenario");
    // SAFETY: the lock keeps every other test of this process from reading or writing the environment, and the
    // library reads it inside init only.
    unsafe {
        std::env::set_var("NVML_SIM_SCENARIO", path);
        std::env::set_var("NVML_SIM_CONTROL", folder.path().join("control.toml"));
    }
    folder
}

/// The library cargo built for this very test: beside the test's executable. One folder up lies what an earlier
/// `cargo build` left, which may be older.
fn library() -> PathBuf {
    let executable = std::env::current_exe().expect("the test's path");
    let folder = executable.parent().expect("its folder");
    let places = [folder.join("libnvml_sim.so"), folder.join("../libnvml_sim.so")];
    places.into_iter().find(|path| path.exists()).expect("libnvml_sim.so beside the test")
}

/// Asks again and again until the answer is there.
#[allow(dead_code, reason = "not every test binary that includes this module has a use for it")]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within 20 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}

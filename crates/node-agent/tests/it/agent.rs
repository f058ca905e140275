//! The real binary as a child process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use clap::Parser as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use node_agent::cli::Cli;
use node_agent::install::{Places, install_in, uninstall_in};

use crate::server::{Policy, TestServer};

const NO_NVML: &str = "/nonexistent/libnvidia-ml.so.1";

/// A running agent; killed when dropped.
pub struct Agent {
    child: Child,
    log: PathBuf,
}

impl Agent {
    /// Starts it at ten samples a second.
    pub fn start(url: &str, state: &Path, arguments: &[&str], environment: &[(&str, &Path)]) -> Self {
        let log = state.with_extension("log");
        let file = fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_remotegpu-agent"));
        command.args(["run", "--server", url, "--interval-ms", "100", "--log", "debug", "--state-dir"]).arg(state);
        if !arguments.contains(&"--nvml-lib") {
            command.args(["--nvml-lib", NO_NVML]);
        }
        command.args(arguments).envs(environment.iter().copied());
        let child = command.stdin(Stdio::null()).stderr(file).spawn().unwrap();
        Self { child, log }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub async fn wait_for_log(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "not in the log: {text}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and a clean end.
    pub fn terminate(mut self) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), Signal::SIGTERM).unwrap();
        let status = wait(&mut self.child);
        assert!(status.success(), "{status}\n{}", self.log());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "the process does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test]
async fn a_killed_agent_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let server = TestServer::start(Policy { acknowledge: false, ..Policy::default() }).await;
    let agent = Agent::start(&server.http_url(), &state, &["--join-token", "t"], &[]);
    let samples = |seen: &crate::server::Seen| -> Vec<i64> {
        seen.batches.iter().flat_map(|(_, batch)| batch.samples.iter().map(|sample| sample.at_ms)).collect()
    };
    server.wait("samples", |seen| samples(seen).len() >= 6).await;
    agent.kill();
    let sent = samples(&server.seen());
    assert!(server.seen().committed.is_empty());
    let key = fs::read_to_string(state.join("node.key")).unwrap();

    server.policy().acknowledge = true;
    let again = Agent::start(&server.http_url(), &state, &[], &[]);
    server.wait("what the killed one had sent", |seen| sent.iter().all(|at| seen.committed.contains_key(at))).await;
    server.wait("fresh ones", |seen| seen.batches.iter().any(|(on, batch)| *on == 2 && !batch.replayed)).await;
    {
        let seen = server.seen();
        let replayed = seen.batches.iter().filter(|(on, batch)| *on == 2 && batch.replayed);
        let replayed: Vec<i64> = replayed.flat_map(|(_, batch)| batch.samples.iter().map(|s| s.at_ms)).collect();
        assert!(sent.iter().all(|at| replayed.contains(at)), "kept samples are marked as history");
        assert_ne!(seen.hellos[0].process_id, seen.hellos[1].process_id);
        assert_eq!(seen.upgrades[1].authorization, Some(format!("Bearer {key}")));
        assert_eq!(seen.upgrades[1].join_token, None);
        let log = again.log();
        assert!(!log.contains(&key), "the key is in the log");
        assert!(sent.iter().all(|at| at % 100 == 0), "instants are whole intervals");
    }
    again.terminate();
}

#[tokio::test]
async fn samples_measured_without_a_server_arrive_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    // Nothing listens there.
    let agent = Agent::start("http://127.0.0.1:9", &state, &[], &[]);
    let deadline = Instant::now() + Duration::from_secs(30);
    let kept = || {
        let files = fs::read_dir(state.join("spool")).into_iter().flatten().flatten();
        files.map(|file| file.metadata().unwrap().len()).sum::<u64>()
    };
    while kept() < 400 {
        assert!(Instant::now() < deadline, "nothing is kept on disk\n{}", agent.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    agent.kill();
    let server = TestServer::start(Policy::default()).await;
    let started = node_agent::tick::now_ms();
    let again = Agent::start(&server.http_url(), &state, &[], &[]);
    server.wait("history", |seen| seen.committed.keys().filter(|at| **at < started - 200).count() >= 3).await;
    again.terminate();
}

#[tokio::test]
async fn without_nvml_the_host_is_reported_and_the_reason_said() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::start(Policy::default()).await;
    let agent = Agent::start(&server.http_url(), &dir.path().join("s"), &[], &[]);
    server.wait("inventory", |seen| !seen.inventories.is_empty()).await;
    server
        .wait("samples with rates", |seen| {
            seen.committed.values().any(|sample| sample.host.as_ref().is_some_and(|host| host.cpu_percent.is_some()))
        })
        .await;
    {
        let seen = server.seen();
        let inventory = &seen.inventories[0];
        assert_eq!(inventory.nvml_error.as_deref(), Some("library not found"));
        assert!(inventory.gpus.is_empty() && inventory.driver_version.is_none());
        assert!(inventory.cpu_threads.is_some_and(|threads| threads > 0) && !inventory.host_name.is_empty());
        assert!(seen.committed.values().all(|sample| sample.gpus.is_empty()));
    }
    agent.terminate();
}

#[tokio::test]
async fn a_second_agent_on_the_same_state_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let first = Agent::start("http://127.0.0.1:9", &state, &[], &[]);
    first.wait_for_log("agent starts").await;
    let mut second = Agent::start("http://127.0.0.1:9", &state, &[], &[]);
    assert!(!wait(&mut second.child).success());
    assert!(second.log().contains("another agent is running"), "{}", second.log());
    first.terminate();
}

#[tokio::test]
async fn an_unknown_host_without_a_token_is_told_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::start(Policy { refuse: Some(401), ..Policy::default() }).await;
    let agent = Agent::start(&server.http_url(), &dir.path().join("s"), &[], &[]);
    agent.wait_for_log("make a join token under Machines").await;
    agent.terminate();
}

#[tokio::test]
async fn installs_without_systemd_in_the_background_and_uninstalls() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let server = TestServer::start(Policy::default()).await;
    let places = Places {
        systemd: dir.path().join("no-systemd"),
        unit_dir: dir.path().to_owned(),
        binary: dir.path().join("bin/remotegpu-agent"),
        own: Some(env!("CARGO_BIN_EXE_remotegpu-agent").into()),
    };
    let url = server.http_url();
    let state_text = state.to_str().unwrap();
    let options = Cli::parse_from([
        "remotegpu-agent",
        "install",
        "--server",
        &url,
        "--state-dir",
        state_text,
        "--join-token",
        "t-7",
        "--nvml-lib",
        NO_NVML,
    ])
    .options;
    let (places_there, options_there) = (places.clone(), options.clone());
    let said = tokio::task::spawn_blocking(move || {
        let mut out = Vec::new();
        install_in(&options_there, &places_there, &mut out).map(|()| String::from_utf8(out).unwrap())
    });
    let said = said.await.unwrap().unwrap();
    assert!(said.contains("started in the background"), "{said}");
    server.wait("hello", |seen| !seen.hellos.is_empty()).await;
    assert_eq!(server.seen().upgrades[0].join_token.as_deref(), Some("t-7"));
    server.wait("a sample", |seen| !seen.committed.is_empty()).await;
    assert!(!state.join("join-token").exists(), "the token is used up");

    let said = tokio::task::spawn_blocking(move || {
        let mut out = Vec::new();
        uninstall_in(&options, true, &places, &mut out).map(|()| String::from_utf8(out).unwrap())
    });
    let said = said.await.unwrap().unwrap();
    assert!(said.contains("stopped process"), "{said}");
    assert!(!state.exists());
}

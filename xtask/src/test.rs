//! `cargo xtask test`: what CI runs.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::build::{Built, build};
use crate::env::{cargo, command, read, root, run};
use crate::setup::{Need, browser, servers, setup};
use crate::{check, db};

/// Everything, with the time each part took.
pub fn everything() -> Result<()> {
    let mut times = Vec::new();
    let mut part = |name: &'static str, work: &dyn Fn() -> Result<()>| -> Result<()> {
        println!("\n=== {name}");
        let started = Instant::now();
        let result = work();
        times.push((name, started.elapsed(), result.is_ok()));
        result
    };
    let result = part("setup", &|| setup(Need::Test))
        .and_then(|()| part("check", &check::check))
        .and_then(|()| part("queries", &db::check))
        .and_then(|()| part("unit and integration tests", &tests))
        .and_then(|()| part("release build", &|| build().map(|_| ())))
        .and_then(|()| part("end-to-end tests", &|| playwright(&[])));
    println!("\n=== summary");
    for (name, time, fine) in times {
        println!("{:<28} {:>8}  {}", name, minutes(time), if fine { "passed" } else { "FAILED" });
    }
    result
}

fn minutes(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

/// Unit and integration tests alone.
pub fn unit() -> Result<()> {
    setup(Need::Run)?;
    servers()?;
    tests()
}

fn tests() -> Result<()> {
    // The simulator and the agent are programs that other packages' tests start.
    run(&mut cargo(&["build", "-p", "nvml-sim", "-p", "node-agent"]))?;
    let scope = ["--workspace", "--exclude", "frontend"];
    let mut words = match read(&mut cargo(&["nextest", "--version"])) {
        Ok(_) => vec!["nextest", "run", "--no-fail-fast"],
        Err(_) => vec!["test", "--no-fail-fast"],
    };
    words.extend(scope);
    run(cargo(&words).env("RUST_BACKTRACE", "0"))
}

/// End-to-end tests alone.
pub fn e2e(rest: &[&str]) -> Result<()> {
    setup(Need::Test)?;
    playwright(rest)
}

fn playwright(rest: &[&str]) -> Result<()> {
    let mut words = vec!["npx", "playwright", "test"];
    words.extend(rest);
    browser_run(&words)
}

/// Pictures of the running product.
pub fn screenshots() -> Result<()> {
    setup(Need::Test)?;
    browser_run(&["npx", "playwright", "test", "--config", "screenshots.config.ts"])
}

/// Builds what is not built yet, and gives its paths to a program of `end2end`.
fn browser_run(words: &[&str]) -> Result<()> {
    let Built { server, agent, nvml_sim } = build()?;
    let mut node = command(words);
    node.current_dir(root().join("end2end")).env("CHROMIUM", browser());
    node.env("REMOTEGPU_BIN", server).env("REMOTEGPU_AGENT_BIN", agent);
    node.env("REMOTEGPU_NVML_SIM", nvml_sim);
    node.env("SCHEMATHESIS", crate::schemathesis::program());
    node.env("SSH_AUDIT", crate::ssh_audit::program());
    node.env("BENCH_PEERS", crate::env::target().join("release"));
    run(&mut node)
}

/// Benchmarks: one area, or all.
pub fn bench(rest: &[&str]) -> Result<()> {
    setup(Need::Test)?;
    run(&mut cargo(&["build", "--release", "-p", "bench-peers"]))?;
    let mut words = vec!["npx", "playwright", "test", "--config", "bench.config.ts"];
    words.extend(rest);
    browser_run(&words)
}

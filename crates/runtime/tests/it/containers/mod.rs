//! Containers on a real engine. Each test has an engine of its own, which ends with all that is in it.

mod broken;
mod life;
mod limits;
mod said;
mod terminal;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use runtime::docker::containers::{
    Container, ContainerSpec, Containers, Env, LogDriver, LogLimit, LogStart, Logs, LogsOf, Restart, State,
};
use runtime::docker::{Endpoint, Fault, FaultKind};
use test_support::{BUSYBOX, DockerEngine};

/// What a program has to end by itself, where a test does not mean that.
const GRACE: Duration = Duration::from_secs(1);

fn anywhere(_: IpAddr) -> bool {
    true
}

fn of(engine: &DockerEngine, installation: &str) -> Containers {
    Containers::new(&Endpoint::Local { socket: engine.socket() }, anywhere, installation).unwrap()
}

/// An engine with busybox, and what is ours on it.
fn begin() -> (DockerEngine, Containers) {
    let engine = DockerEngine::start();
    engine.import_busybox();
    let containers = of(&engine, "lab");
    (engine, containers)
}

/// A shell that does this.
fn sh(name: &str, script: &str) -> ContainerSpec {
    ContainerSpec {
        name: name.to_owned(),
        instance: format!("of-{name}"),
        revision: 1,
        image: BUSYBOX.to_owned(),
        entrypoint: None,
        command: Some(["sh", "-c", script].map(str::to_owned).into()),
        env: Env(BTreeMap::from([("SECRET".to_owned(), "hunter2".to_owned())])),
        hostname: None,
        cpu_millis: 1000,
        memory: 64 << 20,
        shm: 1 << 20,
        pids: 64,
        gpus: Vec::new(),
        volumes: Vec::new(),
        binds: Vec::new(),
        ports: Vec::new(),
        network: None,
        restart: Restart::No,
        ulimits: Vec::new(),
        log: LogLimit { driver: LogDriver::Local, size: 1 << 20, files: 2 },
        disk: None,
        init: true,
    }
}

async fn run(containers: &Containers, spec: &ContainerSpec) -> String {
    let created = containers.create(spec).await.unwrap();
    assert_eq!((created.existed, &created.warnings[..]), (false, &[][..]));
    containers.start(&created.id).await.unwrap();
    created.id
}

/// All that it says until it ends, each line by itself.
async fn all_said(containers: &Containers, id: &str) -> Vec<String> {
    let logs = Logs { of: LogsOf::Both, start: LogStart::Oldest, follow: true, max_line: 1000 };
    let mut lines = containers.logs(id, logs).await.unwrap();
    let mut said = Vec::new();
    while let Some(line) = lines.next().await {
        said.push(line.unwrap().text);
    }
    said
}

/// Waits until it has said so many lines.
async fn until_said(containers: &Containers, id: &str, count: usize) {
    let logs = Logs { of: LogsOf::Both, start: LogStart::Oldest, follow: true, max_line: 1000 };
    let mut lines = containers.logs(id, logs).await.unwrap();
    for _ in 0..count {
        lines.next().await.expect("it says more").unwrap();
    }
}

/// How it is when it does not run any more.
async fn ended(containers: &Containers, id: &str) -> Container {
    for _ in 0..1000 {
        let found = containers.inspect(id).await.unwrap();
        if !matches!(found.state, State::Created | State::Running { .. }) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{id} does not end");
}

fn kind<T: std::fmt::Debug>(result: Result<T, Fault>) -> FaultKind {
    result.unwrap_err().kind
}

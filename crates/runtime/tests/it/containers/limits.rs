//! What a container may not, it cannot; what an engine cannot, it says.

use std::time::Duration;

use runtime::docker::FaultKind;
use runtime::docker::containers::{
    ContainerSpec, Containers, HostFolders, PublishedPort, Sample, State, Ulimit, UlimitKind,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{all_said, begin, ended, kind, run, sh};

#[tokio::test]
async fn who_is_over_the_memory_is_ended_and_it_is_told() {
    let (_engine, containers) = begin();
    // It gathers 100 MB before it says anything of them.
    let greedy =
        ContainerSpec { memory: 16 << 20, ..sh("greedy", "x=$(head -c 100000000 /dev/zero | tr '\\0' x); echo $x") };
    let id = run(&containers, &ContainerSpec { init: false, ..greedy }).await;
    let mut told = told_of_memory(&containers, &id).await;
    // The engine itself misses one of a hundred or so; three in a row would be ours.
    for _ in 0..2 {
        containers.start(&id).await.unwrap();
        told += told_of_memory(&containers, &id).await;
    }
    assert!(told > 0, "it was never told");
    let killed = run(&containers, &sh("killed", "sleep 600")).await;
    containers.kill(&killed).await.unwrap();
    assert_eq!(ended(&containers, &killed).await.state, State::Exited { code: 137, out_of_memory: false });
}

/// Whether the engine told that something was over its memory: 0 or 1.
async fn told_of_memory(containers: &Containers, id: &str) -> u32 {
    let State::Exited { code: 137, out_of_memory } = ended(containers, id).await.state else {
        panic!("it did not end as what is over its memory does");
    };
    u32::from(out_of_memory)
}

#[tokio::test]
async fn processes_cores_files_and_rights_are_limited() {
    let (_engine, containers) = begin();
    let script = "for i in $(seq 60); do sleep 60 & done; echo all";
    let fork = run(&containers, &ContainerSpec { pids: 20, ..sh("fork", script) }).await;
    let said = all_said(&containers, &fork).await;
    assert!(said.iter().any(|line| line.contains("can't fork")) && !said.contains(&"all".to_owned()), "{said:?}");

    // Control groups of version 2, or 1.
    let script = "cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null; ulimit -n; \
                  cat /proc/self/status; cat /proc/self/oom_score_adj; echo $NVIDIA_VISIBLE_DEVICES; cat /opt/file; \
                  echo x > /opt/file || echo read-only; echo x > /proc/sys/kernel/hostname || echo no-proc; \
                  dd if=/dev/zero of=/dev/shm/f bs=1M count=3 2>&1 | head -1; kill -9 1; echo end";
    let folder = tempfile::Builder::new().tempdir_in("/var/tmp").unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "of the host\n").unwrap();
    let bind = HostFolders::new([folder.path().to_owned()]).unwrap().bind(file.to_str().unwrap(), "/opt/file").unwrap();
    let ulimit = Ulimit { kind: UlimitKind::NoFile, soft: Some(77), hard: Some(99) };
    let spec = ContainerSpec { cpu_millis: 200, binds: vec![bind], ulimits: vec![ulimit], ..sh("small", script) };
    let small = run(&containers, &spec).await;
    let said = all_said(&containers, &small).await;
    assert!(said[0].starts_with("20000"), "a fifth of every 100 ms: {said:?}");
    let rights = "00000000200404fb";
    for expected in [
        "77",
        "500",
        "void",
        "of the host",
        "read-only",
        "no-proc",
        "end",
        &format!("CapEff:\t{rights}"),
        &format!("CapBnd:\t{rights}"),
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    ] {
        assert!(said.iter().any(|line| line == expected), "{expected}: {said:?}");
    }
    assert!(said.iter().any(|line| line.contains("No space left on device")), "shm has 1 MiB: {said:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "of the host\n");
}

#[tokio::test]
async fn figures_are_of_two_samples() {
    let (_engine, containers) = begin();
    let spec = ContainerSpec { cpu_millis: 300, memory: 32 << 20, ..sh("busy", "while true; do true; done") };
    let id = containers.create(&spec).await.unwrap().id;
    assert_eq!(containers.sample(&id).await.unwrap(), None, "it does not run");
    containers.start(&id).await.unwrap();
    let first = containers.sample(&id).await.unwrap().unwrap();
    let is_later = |sample: &Sample| sample.at - first.at > chrono::Duration::seconds(2);
    let second = loop {
        let sample = containers.sample(&id).await.unwrap().unwrap();
        if is_later(&sample) {
            break sample;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let percent = second.cpu_percent_since(&first).unwrap();
    assert!(percent > 1.0 && percent < 60.0, "it asks for all of a core, and has 30 % of one: {percent}");
    assert_eq!((second.memory_limit, second.received), (Some(32 << 20), None));
    assert!(second.memory.is_some_and(|used| used > 0 && used < 32 << 20), "{second:?}");
    assert!(second.pids.is_some_and(|pids| (1..=3).contains(&pids)), "{second:?}");
    assert!(second.memory_percent().is_some_and(|percent| percent > 0.0 && percent < 100.0), "{second:?}");
}

#[tokio::test]
async fn what_an_engine_cannot_is_named() {
    let (_engine, containers) = begin();
    let gone = ContainerSpec { image: "nobody/has-this:1".to_owned(), ..sh("c-1", "true") };
    assert_eq!(kind(containers.create(&gone).await), FaultKind::Image);
    let large = ContainerSpec { cpu_millis: 10_000_000, ..sh("c-1", "true") };
    assert_eq!(kind(containers.create(&large).await), FaultKind::Limits);
    assert_eq!(kind(containers.create(&ContainerSpec { pids: 0, ..sh("c-1", "true") }).await), FaultKind::Spec);
    assert!(containers.list().await.unwrap().is_empty());

    let no_program =
        ContainerSpec { command: Some(vec!["no space left on device".to_owned()]), init: false, ..sh("c-2", "") };
    let id = containers.create(&no_program).await.unwrap().id;
    let fault = containers.start(&id).await.unwrap_err();
    assert!(fault.kind == FaultKind::StartRefused && fault.detail.contains("executable file not found"), "{fault}");
    let found = containers.inspect(&id).await.unwrap();
    assert!(found.state == State::Created && found.error.contains("executable file not found"), "{found:?}");

    let no_network = ContainerSpec { network: Some("nobody-made-this".to_owned()), ..sh("c-3", "true") };
    let refused = match containers.create(&no_network).await {
        Ok(created) => kind(containers.start(&created.id).await),
        // Newer engines look at once.
        Err(fault) => fault.kind,
    };
    assert!(matches!(refused, FaultKind::StartRefused | FaultKind::NotFound), "{refused:?}");
    let gpu = ContainerSpec { gpus: vec!["GPU-00000000-0000-0000-0000-000000000000".to_owned()], ..sh("c-4", "true") };
    let id = containers.create(&gpu).await.unwrap().id;
    assert_eq!(kind(containers.start(&id).await), FaultKind::GpuRuntime);
}

async fn fetch(port: u16) -> Option<String> {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

#[tokio::test]
async fn a_published_port_answers_and_a_taken_one_is_named() {
    let (engine, containers) = begin();
    engine.create_network("net-7");
    let script = "mkdir /w; echo hello > /w/index.html; httpd -f -p 80 -h /w";
    let spec =
        |name: &str, port| ContainerSpec { network: Some("net-7".to_owned()), ports: vec![port], ..sh(name, script) };
    let id = run(&containers, &spec("web", PublishedPort::local(80))).await;
    let ports = containers.inspect(&id).await.unwrap().ports;
    let [PublishedPort { container: 80, host: Some(port), .. }] = ports[..] else { panic!("{ports:?}") };
    let mut answer = None;
    for _ in 0..500 {
        answer = fetch(port).await.filter(|answer| !answer.is_empty());
        if answer.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(answer.as_deref(), Some("hello\n"));
    let sample = containers.sample(&id).await.unwrap().unwrap();
    assert!(sample.received.is_some_and(|bytes| bytes > 0) && sample.sent.is_some_and(|bytes| bytes > 0), "{sample:?}");

    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = PublishedPort { host: Some(held.local_addr().unwrap().port()), ..PublishedPort::local(80) };
    let other = containers.create(&spec("web-2", taken)).await.unwrap().id;
    assert_eq!(kind(containers.start(&other).await), FaultKind::PortTaken);
    drop(held);
    containers.start(&other).await.expect("it is free now");
    assert_eq!(containers.inspect(&other).await.unwrap().ports, [taken]);
}

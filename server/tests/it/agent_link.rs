//! `/ws/agent` as an agent meets it, and as somebody meets it who is none.

use std::collections::BTreeMap;

use contract::machines::{JoinTokenCreate, MachineUpdate};
use node_protocol::{AgentBody, Batch, GoodbyeReason, Hello, Inventory, Process, ProcessList, limits};
use platform::machines;
use test_support::{TestNode, eventually};

use crate::harness::{Server, Who};
use crate::sockets::{Link, dial};

/// A linked agent that has reported `gpus` GPUs; its inventory is stored before anything else is taken.
async fn linked(server: &Server, code: &str, gpus: u32) -> (TestNode, Link) {
    let node = server.test.node(code).await;
    let (mut link, welcome) = Link::open(server, &node.key, node.hello()).await;
    assert_eq!((welcome.machine_code.as_str(), welcome.monitored), (code, true));
    link.send(AgentBody::Inventory(node.inventory(gpus))).await;
    (node, link)
}

async fn host_rows(server: &Server) -> u64 {
    server.count("select count(*) from machine_samples").await
}

async fn gpu_rows(server: &Server) -> u64 {
    server.count("select count(*) from gpu_samples").await
}

#[tokio::test]
async fn a_new_host_joins_and_is_there() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let request = JoinTokenCreate { max_uses: Some(1), ..Default::default() };
    let token = machines::create_join_token(server.platform(), &admin.ctx(), request).await.unwrap().secret;
    let key = "a key the agent made, 32 bytes or more".to_owned();
    let mut link = Link::dial(&server, &key, Some(&token), "rack-7").await.expect("the token is good");
    let hello = Hello {
        protocol_version: node_protocol::PROTOCOL_VERSION,
        agent_version: "9.9.9".to_owned(),
        process_id: "p".to_owned(),
        ..Default::default()
    };
    link.send(AgentBody::Hello(hello)).await;
    let Some(node_protocol::ServerBody::Welcome(welcome)) = link.hear().await else { panic!("a welcome") };
    link.send(AgentBody::Inventory(Inventory { host_name: "rack-7".to_owned(), ..Default::default() })).await;
    let staff = server.token(&admin).await;
    let path = format!("/api/admin/machines/{}", welcome.machine_code);
    let machine = eventually("the inventory", async || {
        let machine = server.get(&staff, &path).await.data();
        machine["discovered"].is_object().then_some(machine)
    })
    .await;
    assert_eq!((&machine["discovered"]["hostName"], &machine["agentVersion"]), (&"rack-7".into(), &"9.9.9".into()));
    // The key alone is enough from now on, and the token is used up.
    assert!(Link::dial(&server, &key, None, "").await.is_ok());
    let another = Link::dial(&server, "another key that is also long enough", Some(&token), "rack-8").await;
    assert_eq!(another.err(), Some(401));
    assert_eq!(server.count("select count(*) from machines").await, 1);
}

#[tokio::test]
async fn who_is_no_agent_is_refused_before_the_upgrade() {
    let server = Server::start().await;
    let node = server.test.node("host-001").await;
    let tries: &[(&str, Option<&str>)] = &[
        ("", None),
        ("short", None),
        ("a key of sufficient length that nobody knows", None),
        ("a key of sufficient length that nobody knows", Some("rgj_0000000000000000")),
        (&node.key[..node.key.len() - 1], None),
    ];
    for (key, token) in tries {
        assert_eq!(Link::dial(&server, key, *token, "x").await.err(), Some(401), "{key:?} {token:?}");
    }
    assert_eq!(dial(&server, "/ws/agent", &[]).await.err(), Some(401), "no header at all");
    server.sql("update machines set service_state = 'retired' where code = 'host-001' returning id").await;
    assert_eq!(Link::dial(&server, &node.key, None, "").await.err(), Some(401), "a retired machine");
    assert_eq!(server.count("select count(*) from machines").await, 1, "nobody joined");
}

#[tokio::test]
async fn an_acknowledged_batch_is_committed() {
    let server = Server::start().await;
    let (node, mut link) = linked(&server, "host-001", 2).await;
    for round in 1..=5 {
        let batch = node.batch(1, 2);
        let mut samples = batch.samples.clone();
        samples[0].at_ms -= 10_000 - round * 1000;
        let sequence = batch.sequence;
        link.send(AgentBody::Batch(Batch { samples, ..batch })).await;
        assert_eq!(link.ack().await, sequence);
        // Seen by another connection the moment the answer is here.
        assert_eq!((host_rows(&server).await, gpu_rows(&server).await), (round as u64, 2 * round as u64));
    }
}

#[tokio::test]
async fn what_is_sent_again_is_not_doubled() {
    let server = Server::start().await;
    let (node, mut link) = linked(&server, "host-001", 2).await;
    let batch = node.batch(30, 2);
    link.send(AgentBody::Batch(batch.clone())).await;
    assert_eq!(link.ack().await, 1);
    link.send(AgentBody::Batch(batch.clone())).await;
    assert_eq!(link.ack().await, 1);
    // The link breaks; a new process of the agent sends it from its buffer, under another number.
    drop(link);
    let (mut link, _) = Link::open(&server, &node.key, node.hello()).await;
    link.send(AgentBody::Batch(Batch { sequence: 7, replayed: true, ..batch })).await;
    assert_eq!(link.ack().await, 7);
    assert_eq!((host_rows(&server).await, gpu_rows(&server).await), (30, 60));
}

#[tokio::test]
async fn several_batches_may_be_on_their_way() {
    let server = Server::start().await;
    let (node, mut link) = linked(&server, "host-001", 1).await;
    let now = server.test.clock().now().timestamp_millis();
    for number in 0..limits::MAX_UNACKED_BATCHES as i64 {
        let batch = Batch { samples: vec![node.sample(now - number * 1000, 1)], ..node.batch(0, 0) };
        link.send(AgentBody::Batch(batch)).await;
    }
    let mut acks = Vec::new();
    while acks.len() < limits::MAX_UNACKED_BATCHES {
        acks.push(link.ack().await);
    }
    acks.sort_unstable();
    assert_eq!(acks, (1..=limits::MAX_UNACKED_BATCHES as u64).collect::<Vec<_>>(), "each once");
    assert_eq!(host_rows(&server).await, limits::MAX_UNACKED_BATCHES as u64);
}

#[tokio::test]
async fn figures_and_processes_are_live_for_staff() {
    let server = Server::start().await;
    let (node, mut link) = linked(&server, "host-001", 2).await;
    let batch = node.batch(1, 2);
    let at_ms = batch.samples[0].at_ms;
    link.send(AgentBody::Batch(batch)).await;
    link.ack().await;
    let process = Process {
        pid: 4242,
        gpu_uuid: node.gpu_uuid(1),
        command: Some("python3".to_owned()),
        gpu_memory_bytes: Some(1 << 30),
        kind: "compute".to_owned(),
        ..Default::default()
    };
    link.send(AgentBody::Processes(ProcessList { at_ms, processes: vec![process] })).await;
    let staff = server.token(&server.test.admin().await).await;
    let live = eventually("the process", async || {
        let live = server.get(&staff, "/api/admin/machines/host-001/metrics").await.data();
        // Its GPU is shown as soon as the catalog, read by the second, knows it.
        (live["processes"][0]["gpus"].as_array()?.len() == 1).then_some(live)
    })
    .await;
    assert_eq!((&live["presence"], &live["host"]["cpuPercent"]), (&"online".into(), &12.5.into()));
    let utils: BTreeMap<_, _> = live["gpus"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gpu| (gpu["index"].as_u64().unwrap(), gpu["utilPercent"].as_f64().unwrap()))
        .collect();
    assert_eq!(utils, BTreeMap::from([(0, 50.0), (1, 51.0)]));
    assert_eq!((&live["processes"][0]["pid"], &live["processes"][0]["gpus"]), (&4242.into(), &vec![1].into()));
    assert!(live["gpus"][0]["fanPercent"].is_null(), "what was not measured is absent, not zero");
}

#[tokio::test]
async fn nonsense_ends_the_link_and_nothing_else() {
    let server = Server::start().await;
    let (neighbour, mut beside) = linked(&server, "host-beside", 1).await;
    let too_many =
        Batch { sequence: 1, samples: vec![Default::default(); limits::MAX_SAMPLES_PER_BATCH + 1], replayed: false };
    let not_finite = {
        let mut sample = neighbour.sample(server.test.clock().now().timestamp_millis(), 1);
        sample.host.as_mut().unwrap().cpu_percent = Some(f32::NAN);
        Batch { sequence: 1, samples: vec![sample], replayed: false }
    };
    let crowd = ProcessList { at_ms: 0, processes: vec![Process::default(); limits::MAX_PROCESSES + 1] };
    let many_gpus = neighbour.inventory(limits::MAX_GPUS as u32 + 1);
    let bodies: Vec<(&str, Option<AgentBody>)> = vec![
        ("garbage", None),
        ("a second hello", Some(AgentBody::Hello(neighbour.hello()))),
        ("too many samples", Some(AgentBody::Batch(too_many))),
        ("figures that are no numbers", Some(AgentBody::Batch(not_finite))),
        ("too many processes", Some(AgentBody::Processes(crowd))),
        ("too many GPUs", Some(AgentBody::Inventory(many_gpus))),
    ];
    for (number, (what, body)) in bodies.into_iter().enumerate() {
        let (_, mut link) = linked(&server, &format!("host-{number}"), 1).await;
        match body {
            Some(body) => link.send(body).await,
            None => link.send_bytes(vec![0xff; 64]).await,
        }
        let (reason, acks) = link.ending().await;
        assert_eq!(reason, Some(GoodbyeReason::ProtocolError), "{what}");
        assert!(acks.is_empty(), "{what}");
    }
    let (_, mut link) = linked(&server, "host-text", 1).await;
    link.send_text("hello?").await;
    assert_eq!(link.ending().await.0, Some(GoodbyeReason::ProtocolError), "text");
    let (_, mut link) = linked(&server, "host-empty", 1).await;
    link.send_bytes(Vec::new()).await;
    assert_eq!(link.ending().await.0, Some(GoodbyeReason::ProtocolError), "a frame with nothing in it");
    // Longer than any frame may be: not even read.
    let (_, mut link) = linked(&server, "host-long", 1).await;
    link.send_bytes(vec![0; limits::MAX_FRAME_BYTES + 1]).await;
    assert!(link.ending().await.1.is_empty());

    beside.send(AgentBody::Batch(neighbour.batch(1, 1))).await;
    assert_eq!(beside.ack().await, 1, "the neighbour noticed nothing");
    assert_eq!(host_rows(&server).await, 1);
}

#[tokio::test]
async fn one_machines_odd_events_do_not_hold_up_the_others() {
    let server = Server::start().await;
    let (odd, mut link) = linked(&server, "host-odd", 1).await;
    let (fine, mut beside) = linked(&server, "host-fine", 1).await;
    // Instants for which there is no partition, inside of a sample that is fine.
    for at_ms in [0, i64::MAX, -1, i64::MIN, 4_102_444_800_000] {
        let mut batch = odd.batch(1, 1);
        let kind = node_protocol::GpuEventKind::Xid.into();
        batch.samples[0].events.push(node_protocol::GpuEvent { uuid: odd.gpu_uuid(0), at_ms, kind, value: 79 });
        link.send(AgentBody::Batch(batch)).await;
        beside.send(AgentBody::Batch(fine.batch(1, 1))).await;
        beside.ack().await;
    }
}

#[tokio::test]
async fn samples_out_of_time_are_dropped_and_acknowledged() {
    let server = Server::start().await;
    let (node, mut link) = linked(&server, "host-001", 1).await;
    let now = server.test.clock().now().timestamp_millis();
    let times = [now, now + 3_600_000, now - 86_400_000, 0, i64::MIN, i64::MAX];
    for (number, at_ms) in times.into_iter().enumerate() {
        let batch = Batch { samples: vec![node.sample(at_ms, 1)], ..node.batch(0, 0) };
        link.send(AgentBody::Batch(batch)).await;
        match link.hear().await {
            Some(node_protocol::ServerBody::Ack(ack)) => assert_eq!(ack.sequence, number as u64 + 1),
            // What is no instant at all breaks the protocol instead.
            Some(node_protocol::ServerBody::Goodbye(goodbye)) => {
                assert_eq!(goodbye.reason(), GoodbyeReason::ProtocolError, "{at_ms}");
                assert!([i64::MIN, i64::MAX].contains(&at_ms), "{at_ms}");
                break;
            }
            other => panic!("{at_ms}: {other:?}"),
        }
    }
    assert_eq!(host_rows(&server).await, 1, "the one of now");
}

#[tokio::test]
async fn the_first_frame_is_a_hello_of_a_version_we_speak() {
    let server = Server::start().await;
    let node = server.test.node("host-001").await;
    let mut link = Link::dial(&server, &node.key, None, "").await.unwrap();
    link.send(AgentBody::Batch(node.batch(1, 1))).await;
    assert_eq!(link.ending().await, (Some(GoodbyeReason::ProtocolError), vec![]));
    let mut link = Link::dial(&server, &node.key, None, "").await.unwrap();
    link.send(AgentBody::Hello(Hello { protocol_version: 0, ..node.hello() })).await;
    assert_eq!(link.ending().await.0, Some(GoodbyeReason::UpgradeNeeded));
    // A newer agent is spoken to in our version.
    let newer = Hello { protocol_version: node_protocol::PROTOCOL_VERSION + 1, ..node.hello() };
    let (_, welcome) = Link::open(&server, &node.key, newer).await;
    assert_eq!(welcome.protocol_version, node_protocol::PROTOCOL_VERSION);
}

#[tokio::test]
async fn a_newer_link_takes_over() {
    let server = Server::start().await;
    let (node, mut older) = linked(&server, "host-001", 1).await;
    let (mut newer, _) = Link::open(&server, &node.key, node.hello()).await;
    let reason = older.ending().await.0;
    assert!(matches!(reason, Some(GoodbyeReason::Replaced | GoodbyeReason::Reconfigured)), "{reason:?}");
    newer.send(AgentBody::Batch(node.batch(1, 1))).await;
    assert_eq!(newer.ack().await, 1, "the end of the older one took nothing from the newer one");
    assert_eq!(server.count("select count(*) from node_links").await, 1);
}

#[tokio::test]
async fn switching_monitoring_off_reaches_the_agent() {
    let server = Server::start().await;
    let (node, mut link) = linked(&server, "host-001", 1).await;
    let admin = server.test.admin().await;
    let change = MachineUpdate { name: "host-001".to_owned(), monitored: Some(false), ..Default::default() };
    machines::update(server.platform(), &admin.ctx(), "host-001", change).await.unwrap();
    assert_eq!(link.ending().await.0, Some(GoodbyeReason::Reconfigured));
    let (mut link, welcome) = Link::open(&server, &node.key, node.hello()).await;
    assert!(!welcome.monitored);
    // An agent that sends all the same is answered, and its figures are not kept.
    link.send(AgentBody::Batch(node.batch(1, 1))).await;
    assert_eq!(link.ack().await, 1);
    assert_eq!(host_rows(&server).await, 0);
}

#[tokio::test]
async fn a_stopping_server_says_good_bye() {
    let server = Server::start().await;
    let (_, mut link) = linked(&server, "host-001", 1).await;
    server.draining.cancel();
    assert_eq!(link.ending().await.0, Some(GoodbyeReason::Draining));
}

#[tokio::test]
async fn a_key_opens_no_other_door() {
    let server = Server::start().await;
    let node = server.test.node("host-001").await;
    let agent = Who::Bearer(node.key.clone());
    for path in ["/api/admin/machines/host-001", "/api/auth/profile", "/api/admin/monitoring/realtime"] {
        assert_eq!(server.get(&agent, path).await.status, 401, "{path}");
    }
}

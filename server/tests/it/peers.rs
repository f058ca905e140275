//! Agents that are linked to another server than the one that is asked: the product's own program is the other one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::machines::JoinTokenCreate;
use http::{Method, header};
use node_protocol::TunnelEnd;
use platform::authz::{MachineRef, OperateMachine};
use platform::machines::{self, NodeCredentials};
use platform::secrets::{Keyring, random_bytes};
use platform::tunnels::{PASS_HEADER, PEER_PATH, PEER_PROTOCOL, Pass};
use runtime::docker::{Fault, FaultKind, Way};
use serde_json::json;
use test_support::{DockerEngine, TestNode, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::Server;
use crate::programs::Serving;
use crate::ssh::{Door, run, text};
use crate::terminals::World;
use crate::tunnels::{Agent, DOCKER, Socket, digest_and_send, fault, machine, there_and_back};

/// A machine whose agent is linked to another server.
struct Apart {
    server: Server,
    other: Serving,
    node: TestNode,
    /// Of the server without the link.
    way: Arc<dyn Way>,
}

impl Apart {
    async fn new() -> Self {
        let server = Server::start().await;
        let (node, _, way) = machine(&server).await;
        let other = Serving::start(&server.test).await;
        Self { server, other, node, way }
    }

    async fn agent(&self, words: &[&str]) -> Agent {
        linked_to(&self.other, &self.server, &self.node.key, words).await
    }
}

async fn linked_to(other: &Serving, server: &Server, key: &str, words: &[&str]) -> Agent {
    Agent::linked_to(&format!("http://{}", other.address), server, key, words).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_goes_by_another_server_and_little_is_held() {
    let apart = Apart::new().await;
    let socket = Socket::serve(digest_and_send);
    let _agent = apart.agent(&["--docker-socket", socket.path().to_str().unwrap()]).await;
    there_and_back(apart.way.open().await.unwrap(), 1000).await;
    let before = apart.other.memory();
    there_and_back(apart.way.open().await.unwrap(), 64 << 20).await;
    let many: Vec<_> = (0..32)
        .map(|number| {
            let way = Arc::clone(&apart.way);
            tokio::spawn(async move { there_and_back(way.open().await.unwrap(), 100_000 + number).await })
        })
        .collect();
    for one in many {
        one.await.unwrap();
    }
    let more = apart.other.memory() - before;
    assert!(more < 48 << 20, "the other server held {more} bytes");
}

#[tokio::test]
async fn who_reads_slowly_holds_the_engine_up_by_another_server_too() {
    let apart = Apart::new().await;
    let sent = Arc::new(AtomicU64::new(0));
    let ended = Arc::new(tokio::sync::Notify::new());
    let (counting, ending) = (Arc::clone(&sent), Arc::clone(&ended));
    let socket = Socket::serve(move |mut stream| {
        let (sent, ended) = (Arc::clone(&counting), Arc::clone(&ending));
        async move {
            while stream.write_all(&[7; 16 * 1024]).await.is_ok() {
                sent.fetch_add(16 * 1024, Ordering::Relaxed);
            }
            ended.notify_one();
        }
    });
    let _agent = apart.agent(&["--docker-socket", socket.path().to_str().unwrap()]).await;
    let tunnel = apart.way.open().await.unwrap();
    let mut before = u64::MAX;
    let held = eventually("the engine to be held up", async || {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = sent.load(Ordering::Relaxed);
        (now > 0 && std::mem::replace(&mut before, now) == now).then_some(now)
    })
    .await;
    assert!(held < 48 << 20, "{held} bytes are held between engine and client");
    drop(tunnel);
    tokio::time::timeout(Duration::from_secs(20), ended.notified()).await.expect("the engine's connection ends");
}

#[tokio::test]
async fn a_server_that_is_killed_has_not_said_everything() {
    let mut apart = Apart::new().await;
    let socket = Socket::serve(|mut stream| async move {
        stream.write_all(b"the beginning").await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let _agent = apart.agent(&["--docker-socket", socket.path().to_str().unwrap()]).await;
    let mut tunnel = apart.way.open().await.unwrap();
    tunnel.read_exact(&mut [0; 13]).await.unwrap();
    apart.other.kill();
    let broken = tunnel.read(&mut [0]).await.expect_err("it is no end");
    let closed = broken.get_ref().and_then(|inner| inner.downcast_ref::<Fault>()).unwrap();
    assert_eq!(closed.kind, FaultKind::Closed);
    // Its lease is not over yet: who looks for the agent is told where it was, and who that may help, what to set.
    let away = apart.way.open().await.err().expect("nobody is there");
    assert_eq!(away.kind, FaultKind::AgentElsewhere, "{away}");
    assert!(away.detail.contains(&apart.other.address.to_string()), "{away}");
}

#[tokio::test]
async fn why_there_is_no_tunnel_is_told_on() {
    let apart = Apart::new().await;
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent.sock");
    for (words, expected) in [
        (vec!["--docker-socket", absent.to_str().unwrap()], FaultKind::NoSocket),
        (vec!["--no-docker-tunnel"], FaultKind::TunnelOff),
    ] {
        apart.server.sql("delete from node_links returning 1::text").await;
        let _agent = apart.agent(&words).await;
        assert_eq!(fault(&apart.way).await, expected);
    }
}

#[tokio::test]
async fn a_server_that_has_not_the_link_says_so() {
    let server = Server::start().await;
    let (node, admin, _) = machine(&server).await;
    let there = server.test.another_server().await;
    let granted = admin.ctx().authorize(OperateMachine, &MachineRef::of_platform(node.machine)).unwrap();
    let way = platform::tunnels::way(&there, &granted);
    let (had, stranger) = (server.platform().server_id(), uuid::Uuid::new_v4());
    for (holder, expected) in [(had, FaultKind::AgentOffline), (stranger, FaultKind::AgentElsewhere)] {
        let row = format!(
            "insert into node_links (machine_id, server_id, link_id, internal_address, lease_until)
             values ({}, '{holder}', gen_random_uuid(), '{}', now() + interval '1 minute')
             on conflict (machine_id) do update set server_id = excluded.server_id returning '1'",
            node.machine.0,
            server.origin()
        );
        server.sql(&row).await;
        assert_eq!(fault(&way).await, expected);
    }
}

/// The status with which the server answers who asks for a tunnel.
async fn knock(server: &Server, pass: &str) -> u16 {
    let request = server.bare(Method::GET, PEER_PATH).header(header::CONNECTION, "upgrade");
    let request = request.header(header::UPGRADE, PEER_PROTOCOL).header(PASS_HEADER, pass);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_pass_counts_once_for_its_server_and_for_moments() {
    let server = Server::start().await;
    let node = server.test.node("host-001").await;
    let keyring = server.test.keyring();
    let now = server.sql("select (extract(epoch from now()) * 1000)::bigint").await.remove(0);
    let now: DateTime<Utc> = DateTime::from_timestamp_millis(now.parse().unwrap()).unwrap();
    let good = || Pass {
        from: uuid::Uuid::new_v4(),
        to: server.platform().server_id(),
        machine: node.machine,
        end: TunnelEnd::Engine,
        nonce: random_bytes(),
        expires_at: now + TimeDelta::seconds(10),
    };
    let at = |seconds: i64| Pass { expires_at: now + TimeDelta::seconds(seconds), ..good() }.sign(keyring);
    let elsewhere = Pass { to: uuid::Uuid::new_v4(), ..good() }.sign(keyring);
    let forged = good().sign(&Keyring::from_bytes([1; 32]));
    let mut bent = good().sign(keyring);
    bent.replace_range(..1, if bent.starts_with('0') { "1" } else { "0" });
    for (wrong, why) in [
        ("", "none"),
        ("00", "no pass"),
        (forged.as_str(), "of another installation"),
        (bent.as_str(), "changed"),
        (elsewhere.as_str(), "for another server"),
        (at(0).as_str(), "over"),
        (at(-3600).as_str(), "long over"),
        (at(3600).as_str(), "for longer than one lasts"),
    ] {
        assert_eq!(knock(&server, wrong).await, 404, "{why}");
    }
    // Whether there is such a machine is no reason to answer otherwise.
    let pass = good().sign(keyring);
    let unknown = Pass { machine: contract::MachineId(987_654), ..good() }.sign(keyring);
    assert_eq!((knock(&server, &pass).await, knock(&server, &unknown).await), (101, 101));
    assert_eq!((knock(&server, &pass).await, knock(&server, &unknown).await), (404, 404), "a second time");
    // What asks for no upgrade, or another, uses none up.
    let pass = good().sign(keyring);
    let plain = server.bare(Method::GET, PEER_PATH).header(PASS_HEADER, &pass).send().await.unwrap();
    assert_eq!(plain.status().as_u16(), 404);
    assert_eq!(knock(&server, &pass).await, 101);
}

/// An instance whose engine is reached through an agent that is linked to another server than the one it is used by.
async fn used_apart() -> (World, Serving, Agent) {
    let engine = DockerEngine::start();
    engine.import_programs(&[]);
    let socket = engine.socket();
    let world = World::of(engine, Server::start().await, &["sh", "-c", "echo sa''id; exec sleep 600"]).await;
    let server = &world.server;
    let admin = server.test.admin().await;
    let request = JoinTokenCreate { machine: Some("host-001".to_owned()), ..Default::default() };
    let token = machines::create_join_token(server.platform(), &admin.ctx(), request).await.unwrap();
    let key = hex::encode(random_bytes::<32>());
    let credentials = NodeCredentials { key: key.clone(), join_token: Some(token.secret), host_name: None };
    machines::authenticate_node(server.platform(), &server.test.anonymous(), &credentials).await.unwrap();
    let other = Serving::start(&server.test).await;
    let agent = linked_to(&other, server, &key, &["--docker-socket", socket.to_str().unwrap()]).await;
    let set = server.put(&server.token(&admin).await, DOCKER, json!({ "kind": "agent" })).await;
    assert_eq!(set.code(), 0, "{set:?}");
    (world, other, agent)
}

#[tokio::test]
async fn instances_are_used_by_a_server_without_the_link() {
    let (world, _other, _agent) = used_apart().await;
    let admin = world.server.test.admin().await;
    let staff = world.server.token(&admin).await;
    let tested = world.server.post(&staff, &format!("{DOCKER}/test"), json!({})).await.data();
    assert_eq!(tested["done"], json!(true), "{tested}");
    let logs = world.server.get(&world.owner, &format!("/api/customer/instances/{}/logs", world.id)).await;
    assert!(logs.text.contains("said"), "{logs:?}");
    let stats = world.server.get(&world.owner, &format!("/api/customer/instances/{}/stats", world.id)).await;
    assert_eq!(stats.code(), 0, "{stats:?}");
    let (mut shell, ..) = world.open(None).await;
    shell.type_in("echo he''re\n").await;
    shell.until("here").await;
    shell.hang_up().await;
}

#[tokio::test]
async fn the_ssh_door_as_a_process_of_its_own_reaches_engines_behind_agents() {
    let (world, _other, _agent) = used_apart().await;
    let door = Door::apart(world).await;
    let done = door.ssh(&["echo out; echo wrong >&2; exit 7"]).await;
    let said = text(&done.stderr);
    assert_eq!((done.status.code(), text(&done.stdout)), (Some(7), "out\n".to_owned()), "{said}");
    assert!(said.contains("wrong\n"), "{said}");
    // Any bytes, all of them.
    let mut command = door.program("ssh", "key");
    command.arg(door.who("one")).arg("dd if=/dev/zero bs=65536 count=64 2>/dev/null");
    let zeros = run(&mut command).await;
    assert_eq!((zeros.status.code(), zeros.stdout.len()), (Some(0), 4 << 20), "{}", text(&zeros.stderr));
    let mut shell = door.shell(&[], "key", &door.who("one"));
    shell.type_in("echo he''re; exit 3\n").await;
    shell.until("here").await;
    let (code, said) = shell.ended(Duration::from_secs(20)).await;
    assert_eq!(code, Some(3), "{said}");
}

//! A machine's Docker Engine through its agent: the agent's own program against the server's own doors.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use node_protocol::{AgentBody, Hello, OpenTunnel, ServerBody, TunnelRefusal, TunnelRefused, TunnelSupport};
use platform::authz::{MachineRef, OperateMachine};
use runtime::docker::{Bytes, Fault, FaultKind, Way};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use test_support::{DockerEngine, TestNode, TestUser, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Server, Who};
use crate::programs;
use crate::sockets::{Link, Stream, dial};

pub(crate) const DOCKER: &str = "/api/admin/machines/host-001/docker";

/// The agent's program on a machine that is known; it ends with this value.
pub(crate) struct Agent {
    child: Child,
    _state: tempfile::TempDir,
}

impl Agent {
    /// Linked when it returns.
    async fn start(server: &Server, node: &TestNode, words: &[&str]) -> Self {
        Self::linked_to(&server.origin(), server, &node.key, words).await
    }

    /// Linked to the server at this address, of the same installation, when it returns.
    pub(crate) async fn linked_to(origin: &str, server: &Server, key: &str, words: &[&str]) -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut file = std::fs::OpenOptions::new();
        let mut file = file.write(true).create_new(true).mode(0o600).open(state.path().join("node.key")).unwrap();
        std::io::Write::write_all(&mut file, key.as_bytes()).unwrap();
        let mut command = Command::new(programs::agent());
        command.env_clear().args(["run", "--server", origin, "--state-dir"]).arg(state.path()).args(words);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let agent = Self { child, _state: state };
        agent.linked(server).await;
        agent
    }

    async fn linked(&self, server: &Server) {
        eventually("the agent's link", async || {
            (server.count("select count(*) from node_links").await == 1).then_some(())
        })
        .await;
    }

    async fn to(server: &Server, node: &TestNode, socket: &Path) -> Self {
        Self::start(server, node, &["--docker-socket", socket.to_str().unwrap()]).await
    }

    /// Bytes of memory it has.
    fn memory(&self) -> u64 {
        programs::memory(self.child.id())
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A socket in a folder of its own, served by a test.
pub(crate) struct Socket {
    folder: tempfile::TempDir,
}

impl Socket {
    pub(crate) fn serve<F: Future<Output = ()> + Send + 'static>(
        handle: impl Fn(UnixStream) -> F + Send + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(handle(stream));
            }
        });
        Self { folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }
}

/// The machine, who may operate it, and the way to its engine.
pub(crate) async fn machine(server: &Server) -> (TestNode, TestUser, Arc<dyn Way>) {
    let (admin, node) = (server.test.admin().await, server.test.node("host-001").await);
    let granted = admin.ctx().authorize(OperateMachine, &MachineRef::of_platform(node.machine)).unwrap();
    let way = platform::tunnels::way(server.platform(), &granted);
    (node, admin, way)
}

fn hello(node: &TestNode, tunnels: TunnelSupport) -> Hello {
    Hello { tunnels: tunnels.into(), ..node.hello() }
}

pub(crate) async fn fault(way: &Arc<dyn Way>) -> FaultKind {
    way.open().await.err().expect("no tunnel").kind
}

async fn tested(server: &Server, who: &Who) -> Value {
    server.post(who, &format!("{DOCKER}/test"), json!({})).await.data()
}

#[tokio::test]
async fn an_engine_is_tested_through_its_agent() {
    let engine = DockerEngine::start();
    let server = Server::start().await;
    let (node, admin, _) = machine(&server).await;
    let staff = server.token(&admin).await;
    let put = async |body| server.put(&staff, DOCKER, body).await;
    let refused = put(json!({ "kind": "agent", "socket": "/run/other.sock", "host": "a" })).await;
    assert_eq!(refused.fields().keys().collect::<Vec<_>>(), ["host", "socket"], "the agent says which socket");
    assert_eq!(put(json!({ "kind": "agent" })).await.code(), 0);
    let offline = tested(&server, &staff).await;
    assert_eq!((&offline["done"], &offline["fault"]), (&json!(false), &json!("agent-offline")), "{offline}");

    let mut agent = Agent::to(&server, &node, &engine.socket()).await;
    let found = tested(&server, &staff).await;
    assert_eq!(found["done"], json!(true), "{found}");
    assert!(found["report"]["runtimes"].as_array().unwrap().contains(&json!("runc")), "{found}");
    agent.kill();
    drop(agent);

    // What is wrong on the machine is said in words for the machine.
    let folder = tempfile::tempdir().unwrap();
    let (absent, left) = (folder.path().join("absent.sock"), folder.path().join("left.sock"));
    drop(UnixListener::bind(&left).unwrap());
    for (words, expected, word) in [
        (vec!["--docker-socket", absent.to_str().unwrap()], "no-socket", "--docker-socket"),
        (vec!["--docker-socket", left.to_str().unwrap()], "refused", "machine"),
        (vec!["--no-docker-tunnel"], "tunnel-off", "--no-docker-tunnel"),
    ] {
        server.sql("delete from node_links returning 1::text").await;
        let _agent = Agent::start(&server, &node, &words).await;
        let found = tested(&server, &staff).await;
        assert_eq!(found["fault"], json!(expected), "{found}");
        assert!(found["message"].as_str().unwrap().contains(word), "{found}");
    }
}

/// Reads all and answers with its SHA-256, then sends as many bytes of its own and ends.
pub(crate) async fn digest_and_send(mut stream: UnixStream) {
    let (mut hash, mut buffer, mut count) = (Sha256::new(), vec![0; 64 * 1024], 0);
    loop {
        match stream.read(&mut buffer).await.unwrap() {
            0 => break,
            read => {
                hash.update(&buffer[..read]);
                count += read;
            }
        }
    }
    stream.write_all(&hash.finalize()).await.unwrap();
    let mut left = count;
    while left > 0 {
        let part = block(left);
        stream.write_all(&part).await.unwrap();
        left -= part.len();
    }
}

/// Bytes that are not all the same; `left` says where one is.
fn block(left: usize) -> Vec<u8> {
    (0..left.min(48 * 1024)).map(|at| ((left + at * 7) % 251) as u8).collect()
}

/// Sends `count` bytes, ends, and compares what comes back.
pub(crate) async fn there_and_back(stream: Box<dyn Bytes>, count: usize) {
    let (mut read, mut write) = tokio::io::split(stream);
    let sending = async {
        let (mut left, mut hash) = (count, Sha256::new());
        while left > 0 {
            let part = block(left);
            hash.update(&part);
            write.write_all(&part).await.unwrap();
            left -= part.len();
        }
        write.shutdown().await.unwrap();
        hash.finalize()
    };
    let receiving = async {
        let mut heard = [0; 32];
        read.read_exact(&mut heard).await.unwrap();
        let (mut left, mut buffer) = (count, Vec::new());
        while left > 0 {
            let expected = block(left);
            buffer.resize(expected.len(), 0);
            read.read_exact(&mut buffer).await.unwrap();
            assert!(buffer == expected, "{left} bytes before the end");
            left -= expected.len();
        }
        assert_eq!(read.read(&mut [0]).await.unwrap(), 0, "an end that is one");
        heard
    };
    let (sent, heard) = tokio::join!(sending, receiving);
    assert_eq!(sent[..], heard[..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_goes_through_and_little_is_held() {
    let server = Server::start().await;
    let (node, _, way) = machine(&server).await;
    let socket = Socket::serve(digest_and_send);
    let agent = Agent::to(&server, &node, &socket.path()).await;
    there_and_back(way.open().await.unwrap(), 200 << 20).await;
    assert!(agent.memory() < 64 << 20, "the agent held {} bytes", agent.memory());

    let many: Vec<_> = (0..64)
        .map(|number| {
            let way = Arc::clone(&way);
            tokio::spawn(async move { there_and_back(way.open().await.unwrap(), 100_000 + number).await })
        })
        .collect();
    for one in many {
        one.await.unwrap();
    }
    assert!(agent.memory() < 64 << 20, "the agent held {} bytes", agent.memory());
}

#[tokio::test]
async fn who_reads_slowly_is_sent_slowly_and_who_leaves_is_missed() {
    let server = Server::start().await;
    let (node, _, way) = machine(&server).await;
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
    let agent = Agent::to(&server, &node, &socket.path()).await;
    let tunnel = way.open().await.unwrap();
    let mut before = u64::MAX;
    let held = eventually("the engine to be held up", async || {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = sent.load(Ordering::Relaxed);
        (now > 0 && std::mem::replace(&mut before, now) == now).then_some(now)
    })
    .await;
    assert!(held < 32 << 20, "{held} bytes are held between engine and client");
    assert!(agent.memory() < 64 << 20);
    drop(tunnel);
    tokio::time::timeout(Duration::from_secs(20), ended.notified()).await.expect("the engine's connection ends");
}

#[tokio::test]
async fn what_breaks_is_no_end() {
    let server = Server::start().await;
    let (node, admin, way) = machine(&server).await;
    let staff = server.token(&admin).await;
    server.put(&staff, DOCKER, json!({ "kind": "agent" })).await;
    let socket = Socket::serve(|mut stream| async move {
        stream.write_all(b"the beginning").await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let mut agent = Agent::to(&server, &node, &socket.path()).await;
    let mut tunnel = way.open().await.unwrap();
    tunnel.read_exact(&mut [0; 13]).await.unwrap();
    agent.kill();
    let broken = tunnel.read(&mut [0]).await.expect_err("an agent that died has not said everything");
    let fault = broken.get_ref().and_then(|inner| inner.downcast_ref::<Fault>()).unwrap();
    assert_eq!(fault.kind, FaultKind::Closed);
    eventually("the link's end", async || {
        (tested(&server, &staff).await["fault"] == json!("agent-offline")).then_some(())
    })
    .await;
}

/// The ticket a linked agent is sent while somebody opens a tunnel.
async fn asked(link: &mut Link) -> OpenTunnel {
    match link.hear().await {
        Some(ServerBody::OpenTunnel(asked)) => asked,
        other => panic!("a request for a tunnel, not {other:?}"),
    }
}

async fn dialed_back(server: &Server, node: &TestNode, ticket: &str) -> Result<Stream, u16> {
    let bearer = format!("Bearer {}", node.key);
    let headers = [("authorization", bearer.as_str()), (node_protocol::TUNNEL_TICKET_HEADER, ticket)];
    dial(server, node_protocol::TUNNEL_PATH, &headers).await
}

async fn dial_back(server: &Server, node: &TestNode, ticket: &str) -> Result<(), u16> {
    dialed_back(server, node, ticket).await.map(|_| ())
}

#[tokio::test]
async fn a_ticket_counts_once_for_its_machine_and_for_moments() {
    let server = Server::start().await;
    let (node, _, way) = machine(&server).await;
    let other = server.test.node("host-002").await;
    let (mut link, _) = Link::open(&server, &node.key, hello(&node, TunnelSupport::On)).await;
    let opening = tokio::spawn({
        let way = Arc::clone(&way);
        async move { way.open().await.map(|_| ()) }
    });
    let OpenTunnel { ticket, .. } = asked(&mut link).await;
    assert_eq!(ticket.len(), 64, "256 bits");
    assert_eq!(dial(&server, node_protocol::TUNNEL_PATH, &[]).await.err(), Some(401), "nobody");
    assert_eq!(dial_back(&server, &node, "").await, Err(404), "no ticket");
    assert_eq!(dial_back(&server, &node, &ticket.replace(['a', 'b', 'c'], "d")).await, Err(404), "a wrong one");
    assert_eq!(dial_back(&server, &other, &ticket).await, Err(404), "another node");
    assert_eq!(dial_back(&server, &node, &ticket).await, Ok(()), "whatever others tried");
    assert!(opening.await.unwrap().is_ok());
    assert_eq!(dial_back(&server, &node, &ticket).await, Err(404), "a second time");

    let late = tokio::spawn({
        let way = Arc::clone(&way);
        async move { fault(&way).await }
    });
    let OpenTunnel { ticket, .. } = asked(&mut link).await;
    assert_eq!(late.await.unwrap(), FaultKind::TunnelLate, "the agent says nothing");
    assert_eq!(dial_back(&server, &node, &ticket).await, Err(404), "too late");
}

#[tokio::test]
async fn what_an_agent_said_is_heard_though_it_hears_no_more() {
    let server = Server::start().await;
    let (node, _, way) = machine(&server).await;
    let (mut link, _) = Link::open(&server, &node.key, hello(&node, TunnelSupport::On)).await;
    // Which way is looked at first is chance.
    for _ in 0..16 {
        let opening = tokio::spawn({
            let way = Arc::clone(&way);
            async move { way.open().await }
        });
        let OpenTunnel { ticket, .. } = asked(&mut link).await;
        let mut agent = dialed_back(&server, &node, &ticket).await.unwrap();
        let (mut read, mut write) = tokio::io::split(opening.await.unwrap().unwrap());
        let saying = tokio::spawn(async move { while write.write_all(&[7; 16 * 1024]).await.is_ok() {} });
        let MaybeTlsStream::Plain(line) = agent.get_ref() else { panic!("no TLS here") };
        line.set_nodelay(true).unwrap();
        // What is not read when it hangs up makes that a reset: the server's next word fails.
        line.peek(&mut [0]).await.unwrap();
        agent.send(Message::binary("all there is")).await.unwrap();
        agent.send(Message::binary("")).await.unwrap();
        drop(agent);
        let mut heard = Vec::new();
        read.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"all there is");
        saying.await.unwrap();
    }
}

#[tokio::test]
async fn a_tunnel_stays_for_a_link_that_comes_back_and_ends_with_one_that_moves() {
    let server = Server::start().await;
    let (node, _, way) = machine(&server).await;
    let (mut link, _) = Link::open(&server, &node.key, hello(&node, TunnelSupport::On)).await;
    let opening = tokio::spawn(async move { way.open().await });
    let OpenTunnel { ticket, .. } = asked(&mut link).await;
    let mut agent = dialed_back(&server, &node, &ticket).await.unwrap();
    let mut tunnel = opening.await.unwrap().unwrap();
    drop(link);
    let (link, _) = Link::open(&server, &node.key, hello(&node, TunnelSupport::On)).await;
    tunnel.write_all(b"still here").await.unwrap();
    assert_eq!(agent.next().await.unwrap().unwrap(), Message::binary("still here"));
    agent.send(Message::binary("so am I")).await.unwrap();
    tunnel.read_exact(&mut [0; 7]).await.unwrap();

    // Another server has it from now on, and keeps it.
    let moved = format!(
        "update node_links set server_id = gen_random_uuid(), link_id = gen_random_uuid(), lease_until = now() + interval '1 hour'
         where machine_id = {} returning '1'",
        node.machine.0
    );
    assert_eq!(server.sql(&moved).await.len(), 1);
    drop(link);
    let read = tokio::time::timeout(Duration::from_secs(20), tunnel.read(&mut [0])).await;
    let broken = read.expect("long before the silence that ends any tunnel").expect_err("it is no end");
    let fault = broken.get_ref().and_then(|inner| inner.downcast_ref::<Fault>()).unwrap();
    assert_eq!(fault.kind, FaultKind::Closed);
}

#[tokio::test]
async fn why_there_is_no_tunnel_is_said() {
    let server = Server::start().await;
    let (node, _, way) = machine(&server).await;
    assert_eq!(fault(&way).await, FaultKind::AgentOffline);
    let lease = format!(
        "insert into node_links (machine_id, server_id, link_id, lease_until)
         values ({}, gen_random_uuid(), gen_random_uuid(), now() + interval '1 minute') returning '1'",
        node.machine.0
    );
    server.sql(&lease).await;
    assert_eq!(fault(&way).await, FaultKind::AgentElsewhere);
    let (old, _) = Link::open(&server, &node.key, node.hello()).await;
    assert_eq!(fault(&way).await, FaultKind::AgentOld);
    let (off, _) = Link::open(&server, &node.key, hello(&node, TunnelSupport::Off)).await;
    assert_eq!(fault(&way).await, FaultKind::TunnelOff);
    drop((old, off));
    let (mut link, _) = Link::open(&server, &node.key, hello(&node, TunnelSupport::On)).await;
    for (reason, expected) in [
        (TunnelRefusal::Permission, FaultKind::Permission),
        (TunnelRefusal::Busy, FaultKind::TunnelBusy),
        (TunnelRefusal::NoWayBack, FaultKind::TunnelBack),
        (TunnelRefusal::Unspecified, FaultKind::Other),
    ] {
        let opening = tokio::spawn({
            let way = Arc::clone(&way);
            async move { fault(&way).await }
        });
        let OpenTunnel { id, .. } = asked(&mut link).await;
        let unknown =
            TunnelRefused { id: id.wrapping_add(1), reason: TunnelRefusal::Off.into(), detail: String::new() };
        link.send(AgentBody::TunnelRefused(unknown)).await;
        link.send(AgentBody::TunnelRefused(TunnelRefused { id, reason: reason.into(), detail: "x".repeat(9999) }))
            .await;
        assert_eq!(opening.await.unwrap(), expected);
    }
    let opening = tokio::spawn({
        let way = Arc::clone(&way);
        async move { fault(&way).await }
    });
    asked(&mut link).await;
    drop(link);
    assert_eq!(opening.await.unwrap(), FaultKind::AgentOffline, "told at once when the link ends");
}

//! Tunnels: the agent between a socket of its host and the server's end, which is the test.

use std::path::Path;

use node_protocol::{OpenTunnel, ServerBody, TunnelRefusal, TunnelSupport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio_tungstenite::tungstenite::Message;

use crate::link::Linked;
use crate::server::{Policy, TestServer, Tunnel};

async fn linked(server: &TestServer, dir: &Path, socket: Option<&Path>) -> Linked {
    let linked = Linked::with(server, dir, |config| config.docker_socket = socket.map(Path::to_owned));
    server.wait("the hello", |seen| !seen.hellos.is_empty()).await;
    linked
}

fn ask(server: &TestServer, id: u64) {
    let ticket = format!("ticket-{id}");
    server.push(ServerBody::OpenTunnel(OpenTunnel { id, ticket, wait_ms: 5000, ..OpenTunnel::default() }));
}

fn bytes(message: Option<Message>) -> Vec<u8> {
    match message {
        Some(Message::Binary(bytes)) => bytes.to_vec(),
        other => panic!("bytes, not {other:?}"),
    }
}

/// As many bytes as were expected, in however many messages.
async fn heard(tunnel: &mut Tunnel, expected: &[u8]) {
    let mut all = Vec::new();
    while all.len() < expected.len() {
        let more = bytes(tunnel.from_agent.recv().await);
        assert!(!more.is_empty(), "an end before its time");
        all.extend(more);
    }
    assert!(all == expected);
}

#[tokio::test]
async fn bytes_go_both_ways_and_each_way_ends_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.sock");
    let engine = UnixListener::bind(&path).unwrap();
    let server = TestServer::start(Policy::default()).await;
    let linked = linked(&server, dir.path(), Some(&path)).await;
    assert_eq!(server.seen().hellos[0].tunnels(), TunnelSupport::On);
    ask(&server, 1);
    let (mut stream, _) = engine.accept().await.unwrap();
    let mut tunnel = server.tunnel().await;
    {
        let seen = server.seen();
        let upgrade = seen.upgrades.last().unwrap();
        assert_eq!((upgrade.path.as_str(), upgrade.ticket.as_deref()), (node_protocol::TUNNEL_PATH, Some("ticket-1")));
        assert_eq!((&upgrade.authorization, &upgrade.join_token), (&seen.upgrades[0].authorization, &None));
    }
    tunnel.to_agent.send(Message::binary(b"POST /attach".as_slice())).unwrap();
    let mut said = [0; 12];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"POST /attach");
    stream.write_all(b"101 UPGRADED").await.unwrap();
    heard(&mut tunnel, b"101 UPGRADED").await;

    tunnel.to_agent.send(Message::binary(Vec::new())).unwrap();
    assert_eq!(stream.read(&mut said).await.unwrap(), 0, "that way has ended, and only that way");
    let much: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    stream.write_all(&much).await.unwrap();
    heard(&mut tunnel, &much).await;
    drop(stream);
    assert_eq!(bytes(tunnel.from_agent.recv().await), b"", "the other way has ended");
    assert!(matches!(tunnel.from_agent.recv().await, None | Some(Message::Close(_))), "and with both, the tunnel");
    linked.stop().await;
}

#[tokio::test]
async fn a_tunnel_that_breaks_breaks_the_engines_connection() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.sock");
    let engine = UnixListener::bind(&path).unwrap();
    let server = TestServer::start(Policy::default()).await;
    let linked = linked(&server, dir.path(), Some(&path)).await;
    ask(&server, 1);
    let (mut stream, _) = engine.accept().await.unwrap();
    let tunnel = server.tunnel().await;
    drop(tunnel);
    // Written to until it is noticed that nobody reads, too.
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
    while stream.write_all(&[0; 1024]).await.is_ok() {}

    // The link knows nothing of it.
    ask(&server, 2);
    engine.accept().await.unwrap();
    server.tunnel().await;
    assert_eq!(server.seen().hellos.len(), 1);
    linked.stop().await;
}

#[tokio::test]
async fn what_hinders_a_tunnel_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (absent, left) = (dir.path().join("absent.sock"), dir.path().join("left.sock"));
    drop(UnixListener::bind(&left).unwrap());
    for (number, (socket, expected)) in [
        (Some(absent.as_path()), TunnelRefusal::NoSocket),
        (Some(left.as_path()), TunnelRefusal::Refused),
        (None, TunnelRefusal::Off),
    ]
    .into_iter()
    .enumerate()
    {
        let state = dir.path().join(number.to_string());
        let server = TestServer::start(Policy::default()).await;
        let linked = linked(&server, &state, socket).await;
        ask(&server, 7);
        server.wait("the refusal", |seen| !seen.tunnels_refused.is_empty()).await;
        let refused = server.seen().tunnels_refused[0].clone();
        assert_eq!((refused.id, refused.reason()), (7, expected), "{refused:?}");
        assert_eq!(server.seen().upgrades.len(), 1, "and the server was not dialed");
        linked.stop().await;
    }
}

#[tokio::test]
async fn another_server_may_have_the_ticket() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine.sock");
    let _engine = UnixListener::bind(&path).unwrap();
    let server = TestServer::start(Policy { refuse_tunnels: vec![404, 404], ..Policy::default() }).await;
    let linked = linked(&server, dir.path(), Some(&path)).await;
    ask(&server, 1);
    server.tunnel().await;
    assert_eq!(server.seen().upgrades.len(), 4, "the link, and three tries");
    // What is no matter of which server is not tried again.
    server.policy().refuse_tunnels = vec![403];
    ask(&server, 2);
    server.wait("the refusal", |seen| !seen.tunnels_refused.is_empty()).await;
    assert_eq!(server.seen().tunnels_refused[0].reason(), TunnelRefusal::NoWayBack);
    linked.stop().await;
}

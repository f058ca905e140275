//! Keys of who has the machine: told over the link, kept by the agent's own program, and the way to the host's sshd.

use std::path::Path;

use node_protocol::{HostKeys, HostKeysFault, OpenTunnel, ServerBody, TunnelEnd, TunnelRefusal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

use crate::agent::Agent;
use crate::server::{Policy, TestServer};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA";

fn order(server: &TestServer, lease: u64, keys: &[&str], lasts_ms: u64) {
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    server.push(ServerBody::HostKeys(HostKeys { lease, keys, lasts_ms, ..HostKeys::default() }));
}

/// With an sshd that is the test's.
fn agent(server: &TestServer, dir: &Path, sshd: &str) -> Agent {
    let home = dir.join("home");
    let _ = std::fs::create_dir(&home);
    let words = ["--manage-keys", "gpu", "--sshd", sshd, "--keys-home", home.to_str().unwrap()];
    Agent::start(&server.http_url(), &dir.join("state"), &words, &[])
}

fn text(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("home/.ssh/authorized_keys")).unwrap_or_default()
}

#[tokio::test]
async fn an_agent_keeps_what_it_is_told_and_says_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let server = TestServer::start(Policy::default()).await;
    let running = agent(&server, dir.path(), "127.0.0.1:1");
    server.wait("the hello", |seen| !seen.hellos.is_empty()).await;
    assert_eq!(server.seen().hellos[0].keys_account.as_deref(), Some("gpu"));
    server.wait("what is there", |seen| !seen.host_keys.is_empty()).await;
    order(&server, 7, &[KEY], 600_000);
    server.wait("the key", |seen| seen.host_keys.last().is_some_and(|there| there.keys == [KEY])).await;
    assert!(text(dir.path()).contains(KEY));

    // Killed and started again it keeps it, and says so without being told.
    running.kill();
    let before = server.seen().host_keys.len();
    let running = agent(&server, dir.path(), "127.0.0.1:1");
    server.wait("the key again", |seen| seen.host_keys[before..].iter().any(|there| there.keys == [KEY])).await;
    order(&server, 7, &["command=\"id\" ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA"], 600_000);
    let refused = |fault: i32| fault == i32::from(HostKeysFault::Keys);
    server.wait("the refusal", |seen| seen.host_keys.last().is_some_and(|there| refused(there.fault))).await;
    assert_eq!(text(dir.path()), "");

    // The time that was told is over: without another word.
    order(&server, 7, &[KEY], 1500);
    server.wait("the key once more", |seen| seen.host_keys.last().is_some_and(|there| there.keys == [KEY])).await;
    server.wait("its end", |seen| seen.host_keys.last().is_some_and(|there| there.keys.is_empty())).await;
    assert_eq!(text(dir.path()), "");
    running.terminate();
}

#[tokio::test]
async fn a_tunnel_leads_to_the_hosts_own_sshd_where_keys_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let sshd = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = sshd.local_addr().unwrap().to_string();
    let server = TestServer::start(Policy::default()).await;
    let running = agent(&server, dir.path(), &address);
    server.wait("the hello", |seen| !seen.hellos.is_empty()).await;
    let asked = OpenTunnel { id: 1, ticket: "t".to_owned(), wait_ms: 5000, to: TunnelEnd::Sshd.into() };
    server.push(ServerBody::OpenTunnel(asked.clone()));
    let (mut stream, _) = sshd.accept().await.unwrap();
    let mut tunnel = server.tunnel().await;
    stream.write_all(b"SSH-2.0-Test").await.unwrap();
    assert_eq!(tunnel.from_agent.recv().await, Some(Message::binary(b"SSH-2.0-Test".as_slice())));
    tunnel.to_agent.send(Message::binary(b"SSH-2.0-Client".as_slice())).unwrap();
    let mut said = [0; 14];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"SSH-2.0-Client");
    running.terminate();

    // Without the word of the host's owner there is no way.
    let other = tempfile::tempdir().unwrap();
    let server = TestServer::start(Policy::default()).await;
    let running = Agent::start(&server.http_url(), &other.path().join("state"), &["--sshd", &address], &[]);
    server.wait("the hello", |seen| !seen.hellos.is_empty()).await;
    assert_eq!(server.seen().hellos[0].keys_account, None);
    server.push(ServerBody::OpenTunnel(asked));
    server.wait("the refusal", |seen| !seen.tunnels_refused.is_empty()).await;
    assert_eq!(server.seen().tunnels_refused[0].reason(), TunnelRefusal::Off);
    running.terminate();
}

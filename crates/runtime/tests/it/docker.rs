//! A Docker Engine is reached, and whatever is in the way is named.

use std::net::IpAddr;
use std::path::PathBuf;

use chrono::{DateTime, TimeZone as _, Utc};
use runtime::docker::{Endpoint, Fault, FaultKind, Identity, Report, probe};
use test_support::{Authority, DockerEngine, OtherEnd, OtherSocket, Signed, Validity};

fn anywhere(_: IpAddr) -> bool {
    true
}

fn nowhere(_: IpAddr) -> bool {
    false
}

async fn ask(endpoint: &Endpoint) -> Result<Report, Fault> {
    probe(endpoint, anywhere, Utc::now()).await
}

async fn fault(endpoint: &Endpoint) -> FaultKind {
    ask(endpoint).await.expect_err("it is not reached").kind
}

fn local(socket: impl Into<PathBuf>) -> Endpoint {
    Endpoint::Local { socket: socket.into() }
}

fn tcp(host: &str, port: u16, ca: &Authority, own: &Signed) -> Endpoint {
    let identity = Identity::read(ca.certificate(), &own.certificate, &own.key).unwrap();
    Endpoint::Tcp { host: host.to_owned(), port, identity: Box::new(identity) }
}

fn year(year: i32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap()
}

#[tokio::test]
async fn an_engine_says_what_it_is_over_its_socket_and_over_tls() {
    let engine = DockerEngine::start();
    let by_socket = ask(&local(engine.socket())).await.unwrap();
    let own = engine.authority().sign(&[], Validity::Long);
    for host in ["127.0.0.1", "localhost"] {
        let by_tls = ask(&tcp(host, engine.port(), engine.authority(), &own)).await.unwrap();
        assert_eq!(by_tls.certificate_expires_at, Some(year(2100)), "as the engine showed it");
        assert_eq!(Report { certificate_expires_at: None, ..by_tls }, by_socket);
    }
    assert!(!by_socket.version.is_empty() && by_socket.api_version.starts_with("1."), "{by_socket:?}");
    assert!(by_socket.runtimes.contains(&"runc".to_owned()), "{by_socket:?}");
    assert!(["1", "2"].contains(&by_socket.cgroup_version.as_deref().unwrap()), "{by_socket:?}");
    assert!(by_socket.storage_driver.is_some() && by_socket.architecture.is_some(), "{by_socket:?}");
    let cpus = std::thread::available_parallelism().unwrap().get();
    assert!(by_socket.cpus.is_some_and(|n| n as usize >= cpus) && by_socket.memory.is_some(), "{by_socket:?}");

    // The engine, not we, refuses these.
    let stranger = Authority::new().sign(&[], Validity::Long);
    let over = engine.authority().sign(&[], Validity::Over);
    for (own, expected) in [(&stranger, FaultKind::ClientRefused), (&over, FaultKind::ClientExpired)] {
        assert_eq!(fault(&tcp("127.0.0.1", engine.port(), engine.authority(), own)).await, expected);
    }
    // We refuse this one, though the engine would take us.
    let other = Authority::new();
    assert_eq!(fault(&tcp("127.0.0.1", engine.port(), &other, &own)).await, FaultKind::CertificateIssuer);
}

#[tokio::test]
async fn a_certificate_that_does_not_count_is_told_from_another() {
    let ca = Authority::new();
    let own = ca.sign(&[], Validity::Long);
    let good = ["127.0.0.1"];
    let cases = [
        (ca.sign(&good, Validity::Over), FaultKind::CertificateExpired),
        (ca.sign(&["engine.example.org"], Validity::Long), FaultKind::CertificateName),
        (Authority::new().sign(&good, Validity::Long), FaultKind::CertificateIssuer),
        // A client's, not an engine's.
        (ca.sign(&[], Validity::Long), FaultKind::CertificateOther),
        (ca.sign(&good, Validity::Long), FaultKind::NotEngine),
    ];
    for (shown, expected) in cases {
        let other = OtherEnd::tls(&shown, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
        let found = ask(&tcp("127.0.0.1", other.port(), &ca, &own)).await.expect_err("it is no engine");
        match expected {
            FaultKind::CertificateExpired => assert_eq!(found.detail, year(2020).to_rfc3339()),
            FaultKind::CertificateName => assert!(found.detail.contains("engine.example.org"), "{found}"),
            _ => {}
        }
        assert!(
            found.kind == expected
                || (expected == FaultKind::CertificateOther && found.kind == FaultKind::CertificateName),
            "{found}, not {expected:?}"
        );
    }
}

#[tokio::test]
async fn who_answers_and_is_no_engine_is_named() {
    let ca = Authority::new();
    let own = ca.sign(&[], Validity::Long);
    let at = |port| tcp("127.0.0.1", port, &ca, &own);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(fault(&at(free)).await, FaultKind::Refused);
    let ssh = OtherEnd::banner("SSH-2.0-OpenSSH_9.2p1 Debian\r\n").await;
    assert_eq!(fault(&at(ssh.port())).await, FaultKind::NotTls);
    let plain = OtherEnd::banner("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request\n").await;
    assert_eq!(fault(&at(plain.port())).await, FaultKind::NotTls);
    let mute = OtherEnd::silent().await;
    assert_eq!(fault(&at(mute.port())).await, FaultKind::Timeout);
    let nobody = tcp("no-such-engine.invalid", 2376, &ca, &own);
    assert_eq!(fault(&nobody).await, FaultKind::Name);
    let closed = probe(&at(free), nowhere, Utc::now()).await.expect_err("the address is closed");
    assert_eq!((closed.kind, closed.detail.as_str()), (FaultKind::Forbidden, "127.0.0.1"));
}

#[tokio::test]
async fn a_socket_that_is_no_engines_is_named() {
    assert_eq!(fault(&local("/nonexistent/docker.sock")).await, FaultKind::NoSocket);
    let cases: [(&'static str, FaultKind); 7] = [
        ("SSH-2.0-OpenSSH_9.2p1\r\n", FaultKind::NotEngine),
        ("", FaultKind::Closed),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", FaultKind::NotEngine),
        ("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>", FaultKind::NotEngine),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", FaultKind::NotEngine),
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 16\r\n\r\n{\"message\":\"no\"}", FaultKind::Denied),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 43\r\n\r\n{\"Version\":\"19.03.15\",\"ApiVersion\":\"1.40\"}\n",
            FaultKind::Version,
        ),
    ];
    for (answer, expected) in cases {
        let other = OtherSocket::answering(answer);
        assert_eq!(fault(&local(other.path())).await, expected, "{answer:?}");
    }
}

/// The file system asks whom a thread acts for; this one acts for nobody in particular.
#[tokio::test]
async fn a_socket_of_somebody_else_is_refused() {
    let other = OtherSocket::answering("");
    let folder = other.path().parent().unwrap().to_owned();
    let set = |path: PathBuf, mode| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    set(folder, 0o755);
    set(other.path(), 0o600);
    let before = nix::unistd::setfsuid(nix::unistd::Uid::from_raw(65_534));
    let found = fault(&local(other.path())).await;
    nix::unistd::setfsuid(before);
    assert!(before.is_root(), "only root can act for somebody else: run these tests as root");
    assert_eq!(found, FaultKind::Permission);
}

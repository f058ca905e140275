//! How a machine's engine is reached: what is stored, who may say it, and what a test finds out and keeps.

use chrono::TimeDelta;
use contract::accounts::Language;
use contract::engines::{CertificateState, EngineKind, EngineWrite};
use contract::machines::MachineAction;
use contract::{ErrorCode, Permission};
use platform::{Error, SystemActor, engines, machines, notifications};
use test_support::{Authority, DockerEngine, Signed, TestPlatform, Validity};
use tokio::io::AsyncWriteExt as _;

fn local(socket: &str) -> EngineWrite {
    EngineWrite { socket: Some(socket.to_owned()), ..EngineWrite::new(EngineKind::Local) }
}

fn agent() -> EngineWrite {
    EngineWrite { kind: EngineKind::Agent, socket: None, ..local("") }
}

fn tcp(port: u16, pems: Option<(&Authority, &Signed)>) -> EngineWrite {
    EngineWrite {
        host: Some("127.0.0.1".to_owned()),
        port: Some(port.into()),
        ca_certificate: pems.map(|(ca, _)| ca.certificate().replace('\n', "\r\n")),
        client_certificate: pems.map(|(_, own)| own.certificate.clone()),
        client_key: pems.map(|(_, own)| own.key.clone()),
        ..EngineWrite::new(EngineKind::Tcp)
    }
}

fn faults(error: &Error) -> Vec<(&'static str, &'static str)> {
    error.fields.iter().map(|fault| (fault.path, fault.key)).collect()
}

/// One column of what is there, past every wall.
async fn rows(test: &TestPlatform, statement: &'static str) -> Vec<String> {
    sqlx::query_scalar(statement).fetch_all(test.owner_pool()).await.unwrap()
}

#[tokio::test]
async fn an_engine_is_said_tried_and_forgotten() {
    let engine = DockerEngine::start();
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    test.node("host-001").await;
    let (platform, ctx) = (&test.platform, admin.ctx());
    let none = engines::get(platform, &ctx, "host-001").await.unwrap_err();
    assert_eq!((none.code, none.key), (ErrorCode::NotFound, "error-no-engine"));
    assert!(engines::find(platform, &ctx, "host-001").await.unwrap().is_none());

    let own = engine.authority().sign(&[], Validity::Long);
    let set =
        engines::set(platform, &ctx, "host-001", tcp(engine.port(), Some((engine.authority(), &own)))).await.unwrap();
    assert_eq!(set.address(), format!("tcp://127.0.0.1:{}", engine.port()));
    assert_eq!(set.certificates_expire_at.unwrap().to_rfc3339(), "2100-01-01T00:00:00+00:00");
    assert!(set.last_test.is_none());
    let tested = engines::test(platform, &ctx, "host-001").await.unwrap();
    let report = tested.report.clone().unwrap();
    assert!(tested.done && report.runtimes.contains(&"runc".to_owned()) && !report.has_nvidia(), "{report:?}");
    assert_eq!(engines::get(platform, &ctx, "host-001").await.unwrap().last_test, Some(tested));

    // Another address with the certificates that are stored: what was found out is of no use any more.
    let moved = engines::set(platform, &ctx, "host-001", tcp(1, None)).await.unwrap();
    assert!(moved.revision > set.revision && moved.last_test.is_none());
    let failed = engines::test(platform, &ctx, "host-001").await.unwrap();
    assert_eq!((failed.done, failed.fault.as_deref(), &failed.report), (false, Some("refused"), &None));
    assert!(!failed.message.starts_with("engine-fault"), "{}", failed.message);
    let seen = EngineWrite { revision: Some(set.revision), ..tcp(engine.port(), None) };
    assert_eq!(engines::set(platform, &ctx, "host-001", seen).await.unwrap_err().code, ErrorCode::Conflict);

    engines::set(platform, &ctx, "host-001", local(engine.socket().to_str().unwrap())).await.unwrap();
    let columns = "select count(*)::text from engine_connections where client_key is null and expires_at is null";
    assert_eq!(rows(&test, columns).await, ["1"], "a socket needs no secrets");
    assert!(engines::test(platform, &ctx, "host-001").await.unwrap().done);

    engines::remove(platform, &ctx, "host-001").await.unwrap();
    assert_eq!(engines::remove(platform, &ctx, "host-001").await.unwrap_err().code, ErrorCode::NotFound);
    let actions = "select action from audit_events where action like 'engines:%' order by id";
    let expected = ["set", "test", "set", "test", "set", "test", "remove"].map(|verb| format!("engines:{verb}"));
    assert_eq!(rows(&test, actions).await, expected);
    let log = rows(&test, "select coalesce(before::text, '') || coalesce(after::text, '') from audit_events").await;
    assert!(log.iter().all(|row| !row.contains("PRIVATE") && !row.contains("CERTIFICATE")), "no secret is in the log");
}

#[tokio::test]
async fn every_fault_of_what_is_typed_is_named_at_once() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    test.node("host-001").await;
    let (platform, ctx) = (&test.platform, admin.ctx());
    let ca = Authority::new();
    let (own, other) = (ca.sign(&[], Validity::Long), ca.sign(&[], Validity::Long));
    let set = async |body| faults(&engines::set(platform, &ctx, "host-001", body).await.unwrap_err());
    let good = || tcp(2376, Some((&ca, &own)));
    assert_eq!(
        set(EngineWrite { host: None, port: Some(70_000), client_key: None, ..good() }).await,
        [("host", "field-required"), ("port", "field-number-max"), ("clientKey", "field-required")]
    );
    for (host, key) in [
        ("169.254.169.254", "field-address-closed"),
        ("[fe80::1]", "field-address-closed"),
        ("a b", "field-engine-host"),
        ("host:2376", "field-engine-host"),
    ] {
        assert_eq!(set(EngineWrite { host: Some(host.to_owned()), ..good() }).await, [("host", key)], "{host}");
    }
    let key = |text: &str| EngineWrite { client_key: Some(text.to_owned()), ..good() };
    assert_eq!(set(key(&other.key)).await, [("clientKey", "field-key-mismatch")]);
    assert_eq!(set(key("none")).await, [("clientKey", "field-private-key-pem")]);
    let none = EngineWrite { ca_certificate: Some("none".to_owned()), ..good() };
    assert_eq!(set(none).await, [("caCertificate", "field-certificate")]);
    for socket in ["docker.sock", "/var/run/postgresql/.s.PGSQL.5432", "/run/../etc/a.sock", "/run/a\n.sock"] {
        assert_eq!(set(local(socket)).await, [("socket", "field-engine-socket")], "{socket}");
    }
    let both = EngineWrite { host: Some("a".to_owned()), ..local("/run/docker.sock") };
    assert_eq!(set(both).await, [("host", "field-only-for-tcp")]);
    let all = EngineWrite { host: Some("a".to_owned()), port: Some(1), socket: Some("/a.sock".to_owned()), ..agent() };
    let only = [("socket", "field-only-for-local"), ("host", "field-only-for-tcp"), ("port", "field-only-for-tcp")];
    assert_eq!(set(all).await, only);
}

#[tokio::test]
async fn secrets_are_sealed_and_go_with_the_machine() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    test.node("host-001").await;
    let (platform, ctx) = (&test.platform, admin.ctx());
    let ca = Authority::new();
    let own = ca.sign(&[], Validity::Over);
    let set = engines::set(platform, &ctx, "host-001", tcp(2376, Some((&ca, &own)))).await.unwrap();
    assert!(set.certificates_expire_at.unwrap() < ctx.now(), "what is over is stored, and shown as over");
    let readable = "select count(*)::text from engine_connections
        where position('BEGIN'::bytea in ca_certificate || client_certificate || client_key) > 0";
    assert_eq!(rows(&test, readable).await, ["0"]);
    machines::act(platform, &ctx, "host-001", MachineAction::Delete, None).await.unwrap();
    assert_eq!(rows(&test, "select count(*)::text from engine_connections").await, ["0"]);
}

#[tokio::test]
async fn operators_try_it_and_only_admins_say_it() {
    let test = TestPlatform::new().await;
    let (admin, operator, acme) = (test.admin().await, test.operator("operator").await, test.customer("Acme").await);
    test.node("host-001").await;
    let platform = &test.platform;
    let body = || local("/nonexistent/docker.sock");
    for (who, code) in [(&operator, ErrorCode::Forbidden), (&acme.owner, ErrorCode::NotFound)] {
        assert_eq!(engines::set(platform, &who.ctx(), "host-001", body()).await.unwrap_err().code, code);
        assert_eq!(engines::remove(platform, &who.ctx(), "host-001").await.unwrap_err().code, code);
    }
    engines::set(platform, &admin.ctx(), "host-001", body()).await.unwrap();
    let test_of = engines::test(platform, &operator.ctx(), "host-001").await.unwrap();
    assert_eq!(test_of.fault.as_deref(), Some("no-socket"));
    assert_eq!(engines::get(platform, &acme.owner.ctx(), "host-001").await.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(engines::test(platform, &acme.owner.ctx(), "host-001").await.unwrap_err().code, ErrorCode::NotFound);
    let connector = test.with_role("connector", &[Permission::MachinesView, Permission::MachinesConnect]).await;
    engines::set(platform, &connector.ctx(), "host-001", body()).await.unwrap();
    assert_eq!(engines::test(platform, &connector.ctx(), "host-001").await.unwrap_err().code, ErrorCode::Forbidden);
}

/// A revision is never used again: what is found out of a connection that is no more is kept with no other.
#[tokio::test]
async fn a_test_that_outlives_its_connection_is_kept_with_none() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    test.node("host-001").await;
    let (platform, ctx) = (&test.platform, admin.ctx());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slow.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let first = engines::set(platform, &ctx, "host-001", local(path.to_str().unwrap())).await.unwrap();
    let meanwhile = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        engines::remove(platform, &ctx, "host-001").await.unwrap();
        let second = engines::set(platform, &ctx, "host-001", local("/nonexistent/docker.sock")).await.unwrap();
        assert!(second.revision > first.revision, "{} after {}", second.revision, first.revision);
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    };
    let (tested, ()) = tokio::join!(engines::test(platform, &ctx, "host-001"), meanwhile);
    assert_eq!(tested.unwrap_err().code, ErrorCode::Conflict);
    assert_eq!(engines::get(platform, &ctx, "host-001").await.unwrap().last_test, None);
}

#[tokio::test]
async fn who_may_store_new_certificates_is_told_thrice_of_an_end() {
    let test = TestPlatform::new().await;
    let (admin, operator, acme) = (test.admin().await, test.operator("operator").await, test.customer("Acme").await);
    let connector = test.with_role("connector", &[Permission::MachinesView, Permission::MachinesConnect]).await;
    test.node("host-001").await;
    test.node("host-002").await;
    let (platform, ctx) = (&test.platform, admin.ctx());
    let ca = Authority::new();
    let own = ca.sign(&[], Validity::Long);
    let set = engines::set(platform, &ctx, "host-001", tcp(2376, Some((&ca, &own)))).await.unwrap();
    assert_eq!(set.certificates, Some(CertificateState::Valid));
    engines::set(platform, &ctx, "host-002", local("/run/docker.sock")).await.unwrap();
    assert_eq!(engines::warn(platform).await.unwrap(), 0);

    // Thirty-one days before their end, and then day after day until it is over. The engine's own is the first to end.
    let ends = "update engine_connections set engine_expires_at = now() + interval '31 days 1 hour'
                where kind = 'tcp' returning machine_id::text";
    assert_eq!(rows(&test, ends).await.len(), 1);
    let mut told = Vec::new();
    for day in 0..35 {
        for _twice in 0..2 {
            told.extend(std::iter::repeat_n(31 - day, engines::warn(platform).await.unwrap()));
        }
        test.clock().advance(TimeDelta::days(1));
        // As the hourly job would: the audit log's partitions are made ahead of the clock.
        platform::metrics::keep_partitions(platform, &platform.system(SystemActor::Metrics)).await.unwrap();
    }
    assert_eq!(told, [29, 6, 0], "whole days before the end");
    let state = engines::get(platform, &admin.ctx(), "host-001").await.unwrap().certificates;
    assert_eq!(state, Some(CertificateState::Expired));
    for (who, count) in [(&admin, 3), (&connector, 3), (&operator, 0), (&acme.owner, 0)] {
        let list = notifications::list(platform, &who.ctx(), &Default::default()).await.unwrap();
        assert_eq!(list.list.len(), count, "{}", who.name);
        assert!(list.list.iter().all(|one| one.link.as_deref() == Some("/admin/machines/host-001/docker")));
        let choices = notifications::preferences(platform, &who.ctx()).await.unwrap().choices;
        let offered = choices.iter().any(|choice| choice.kind.code() == "engine-certificates");
        assert_eq!(offered, count > 0, "{}", who.name);
    }

    // New certificates have an end of their own.
    engines::set(platform, &admin.ctx(), "host-001", tcp(2376, Some((&ca, &own)))).await.unwrap();
    assert_eq!(engines::warn(platform).await.unwrap(), 0);
    let ends = "update engine_connections set engine_expires_at = now() + interval '36 days'
                where kind = 'tcp' returning machine_id::text";
    rows(&test, ends).await;
    assert_eq!(engines::warn(platform).await.unwrap(), 1, "another end");
}

#[test]
fn every_fault_has_words_in_every_language() {
    for kind in runtime::docker::FaultKind::ALL {
        for language in [Language::Zh, Language::En] {
            let key = format!("engine-fault-{}", kind.code());
            assert!(texts::known_message(language, &key, &[]).is_some(), "{key}");
        }
    }
}

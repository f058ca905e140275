//! How a machine's engine is reached, through both doors and on its page.

use http::Method;
use serde_json::json;
use test_support::{Authority, DockerEngine, Validity};

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who, sfn};

const PATH: &str = "/api/admin/machines/host-001/docker";

async fn scenario(through: Through) {
    let engine = DockerEngine::start();
    let server = Server::start().await;
    let (admin, operator) = (server.test.admin().await, server.test.operator("operator").await);
    server.test.node("host-001").await;
    let doors = Doors { server: &server, through };
    let (staff, reader) = (doors.who(&admin).await, doors.who(&operator).await);
    let act = async |who: &Who, verb: &str| match (through, verb) {
        (Through::Rest, "test" | "accept") => server.post(who, &format!("{PATH}/{verb}"), json!({})).await.code(),
        (Through::Rest, _) => Answer::of(server.request(who, Method::DELETE, PATH)).await.code(),
        (Through::ServerFns, verb) => server.call(who, &format!("{verb}_engine"), &[("code", "host-001")]).await.code(),
    };
    let read = async |who: &Who| match through {
        Through::Rest => server.get(who, PATH).await.data(),
        Through::ServerFns => server.call(who, "get_engine", &[("code", "host-001")]).await.json(),
    };
    assert_eq!((act(&staff, "test").await, act(&staff, "remove").await), (1300, 1300), "there is none yet");

    let own = engine.authority().sign(&[], Validity::Long);
    let (ca, port) = (engine.authority().certificate(), engine.port().to_string());
    let form = |key: &'static str| {
        [
            ("code", "host-001"),
            ("form[kind]", "tcp"),
            ("form[host]", "127.0.0.1"),
            ("form[port]", &port),
            ("form[ca]", ca),
            ("form[certificate]", &own.certificate),
            ("form[key]", if key.is_empty() { own.key.as_str() } else { key }),
        ]
        .map(|(name, value)| (name, value.to_owned()))
    };
    let body = |key: &str| {
        json!({
            "kind": "tcp", "host": "127.0.0.1", "port": engine.port(), "caCertificate": ca,
            "clientCertificate": own.certificate, "clientKey": if key.is_empty() { own.key.as_str() } else { key },
        })
    };
    let put = async |who: &Who, key: &'static str| {
        let form = form(key);
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        doors.put(who, (PATH, body(key)), ("set_engine", &form)).await
    };
    assert_eq!(put(&reader, "").await.0, 1200);
    assert_eq!(put(&staff, "none").await, (1000, vec!["clientKey".to_owned()]));
    assert_eq!(put(&staff, "").await, (0, vec![]));
    let stored = read(&reader).await;
    assert_eq!((&stored["host"], &stored["lastTest"]), (&json!("127.0.0.1"), &json!(null)));
    assert!(!stored.to_string().contains("BEGIN"), "no secret is answered: {stored}");

    assert_eq!(act(&reader, "test").await, 0);
    let tested = read(&staff).await["lastTest"].clone();
    assert_eq!((&tested["done"], &tested["fault"]), (&json!(true), &json!(null)), "{tested}");
    assert!(tested["report"]["apiVersion"].as_str().is_some_and(|version| version.starts_with("1.")), "{tested}");
    assert!(stored["otherSince"].is_null(), "{stored}");
    assert_eq!((act(&reader, "accept").await, act(&staff, "accept").await), (1200, 1402), "no other one answers");
    assert_eq!((act(&reader, "remove").await, act(&staff, "remove").await), (1200, 0));

    let actions = "select action || ' ' || via from audit_events where outcome = 'done' and action like 'engines:%'
                   order by id";
    let expected = ["set", "test", "remove"].map(|verb| format!("engines:{verb} {}", doors.via()));
    assert_eq!(server.sql(actions).await, expected);
}

#[tokio::test]
async fn programs_connect_engines_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_connect_engines_over_server_functions() {
    scenario(Through::ServerFns).await;
}

/// Without JavaScript: what was typed comes back with what is wrong, and a test says what to do.
#[tokio::test]
async fn the_page_says_what_is_wrong_and_what_to_do() {
    let server = Server::start().await;
    let (admin, operator) = (server.test.admin().await, server.test.operator("operator").await);
    server.test.node("host-001").await;
    let (staff, reader) = (server.browser(&admin).await, server.browser(&operator).await);
    let page = "/admin/machines/host-001/docker";
    let post = async |who: &Who, name: &str, fields: &[(&str, &str)]| {
        let request = server.bare(Method::POST, &sfn(name)).header("accept", "text/html");
        let fields = [&[("code", "host-001")][..], fields].concat();
        let answer = Answer::of(server.signed(who, server.form(request, &fields))).await;
        assert_eq!(answer.status, 303, "{name}: {}", answer.text);
        server.get(who, answer.header("location")).await.text
    };
    let empty = server.get(&staff, page).await.text;
    assert!(empty.contains("name=\"form[key]\"") && !empty.contains("test_engine"), "there is nothing to test yet");
    let (ca, secret) = (Authority::new(), "not a key but nobody else's business");
    let typed = [
        ("form[kind]", "tcp"),
        ("form[host]", "gpu-7.example.org"),
        ("form[ca]", ca.certificate()),
        ("form[certificate]", ca.certificate()),
        ("form[key]", secret),
    ];
    let refused = post(&staff, "set_engine", &typed).await;
    assert!(refused.contains("gpu-7.example.org") && refused.contains("aria-invalid"), "what was typed comes back");
    assert!(!refused.contains(secret) && !refused.contains("BEGIN CERTIFICATE"), "secrets do not");
    let socket = [("form[kind]", "local"), ("form[socket]", "/nonexistent/docker.sock")];
    assert!(post(&staff, "set_engine", &socket).await.contains("unix:///nonexistent/docker.sock"));
    let tested = post(&reader, "test_engine", &[]).await;
    let english = texts::message(contract::accounts::Language::En, "engine-fault-no-socket", &[]);
    let chinese = texts::message(contract::accounts::Language::Zh, "engine-fault-no-socket", &[]);
    let said = |text: &str| tested.contains(&text.replace('\'', "&#x27;")) || tested.contains(text);
    assert!(said(&english) || said(&chinese), "{tested}");
    assert!(!tested.contains("form[key]"), "an operator only tries it");
}

/// An instance with a data disk is on another engine than the one that answers: what going on with that means is said before, and
/// whose it is hears it after.
async fn accepted(through: Through) {
    let engine = DockerEngine::start();
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    server.test.node("host-001").await;
    let doors = Doors { server: &server, through };
    let (staff, browser) = (doors.who(&admin).await, server.browser(&admin).await);
    let socket = engine.socket().display().to_string();
    let form = [("code", "host-001"), ("form[kind]", "local"), ("form[socket]", socket.as_str())];
    let body = json!({ "kind": "local", "socket": socket });
    assert_eq!(doors.put(&staff, (PATH, body), ("set_engine", &form)).await, (0, vec![]));
    let (customer, owner) = (acme.id, acme.owner.id);
    let file = format!(
        "insert into files (customer_id, name, purpose, sha256, size_bytes)
         select {customer}, 'a.tar', 'image', sha256, 1 from blobs returning id::text"
    );
    let image = format!(
        "insert into images (customer_id, name, source, file_id, state)
         select {customer}, 'ours', 'upload', id, 'pending_review' from files returning id::text"
    );
    let instance = format!(
        "with moved as (update engine_connections set engine_id = 'ANOTHER' returning machine_id)
         insert into instances (customer_id, created_by, name, machine_id, machine_code, machine_name, image_id, image_name,
                                spec_id, spec, gpu_count, cpu_cores, memory_gb, disk_gb, wanted, observed, container_id,
                                made_at, state, created_at)
         select {customer}, {owner}, 'one', m.id, m.code, m.name, i.id, i.name, s.id,
                jsonb_build_object('id', s.id, 'name', 'small', 'gpuCount', 0, 'gpuUse', 'whole', 'cpuCores', 1, 'memoryGb', 1,
                                   'systemDiskGb', 1, 'dataDiskGb', 1, 'pricePerHour', '7', 'currency', 'CNY'),
                0, 1, 1, 2, 'stopped', 'ended', 'elsewhere', now(), 'stopped', now()
         from moved join machines m on m.id = moved.machine_id, images i, specs s returning id::text"
    );
    for statement in [
        "insert into specs (name, cpu_cores, memory_gb, system_disk_gb) values ('small', 1, 1, 1) returning id::text",
        "insert into blobs (sha256, size_bytes, chunk_size, store_key)
         values (decode(repeat('00', 32), 'hex'), 1, 1, gen_random_uuid()) returning '1'",
        &file,
        &image,
        &instance,
    ] {
        assert_eq!(server.sql(statement).await.len(), 1, "{statement}");
    }
    let act = async |verb: &str| match through {
        Through::Rest => server.post(&staff, &format!("{PATH}/{verb}"), json!({})).await.code(),
        Through::ServerFns => server.call(&staff, &format!("{verb}_engine"), &[("code", "host-001")]).await.code(),
    };
    let read = async || match through {
        Through::Rest => server.get(&staff, PATH).await.data(),
        Through::ServerFns => server.call(&staff, "get_engine", &[("code", "host-001")]).await.json(),
    };
    assert_eq!(act("test").await, 0);
    let other = read().await;
    assert_eq!(other["lastTest"]["fault"], "other-engine", "{other}");
    assert_eq!(other["left"], json!({ "instances": 1, "customers": 1, "dataDisks": 1 }));
    let page = server.get(&browser, "/admin/machines/host-001/docker").await.text;
    let counts = [("instances", "1"), ("customers", "1"), ("disks", "1")].map(|(name, count)| (name, count.to_owned()));
    let asked = [contract::accounts::Language::En, contract::accounts::Language::Zh]
        .map(|language| texts::message(language, "engine-accept-question", &counts));
    assert!(asked.iter().any(|question| page.contains(question)), "it is said what begins anew: {page}");

    assert_eq!(act("accept").await, 0);
    let after = read().await;
    assert!(after["left"].is_null() && after["otherSince"].is_null() && after["engineId"] != "ANOTHER", "{after}");
    let told = format!(
        "select count(*) from notifications
         where user_id = {owner} and kind = 'instance-failed' and args::text like '%engine-empty%'"
    );
    assert_eq!(server.count(&told).await, 1);
    let kept = "select after->>'instances' || ' ' || (after->>'dataDisks') || ' ' || via from audit_events
                where action = 'engines:accept' and outcome = 'done'";
    assert_eq!(server.sql(kept).await, [format!("1 1 {}", doors.via())]);
}

#[tokio::test]
async fn programs_go_on_with_another_engine_over_rest() {
    accepted(Through::Rest).await;
}

#[tokio::test]
async fn people_go_on_with_another_engine_over_server_functions() {
    accepted(Through::ServerFns).await;
}

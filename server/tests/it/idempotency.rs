//! Asking again without doing again.

use chrono::TimeDelta;
use http::Method;
use platform::idempotency;
use serde_json::{Value, json};

use crate::harness::{Answer, Server, Who};

async fn send(server: &Server, who: &Who, key: &str, method: Method, path: &str, body: Value) -> Answer {
    let request = server.request(who, method, path).header("idempotency-key", key);
    Answer::of(if body.is_null() { request } else { request.json(&body) }).await
}

async fn make(server: &Server, who: &Who, key: &str, name: &str) -> Answer {
    send(server, who, key, Method::POST, "/api/admin/machines", json!({ "name": name })).await
}

async fn machines(server: &Server) -> u64 {
    server.count("select count(*) from machines").await
}

#[tokio::test]
async fn the_same_request_again_gets_the_same_answer_and_does_nothing() {
    let server = Server::start().await;
    let (admin, other) = (server.test.admin().await, server.test.admin().await);
    let (who, browser) = (server.token(&admin).await, server.browser(&admin).await);
    let first = make(&server, &who, "k-1", "One").await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, ""));
    for who in [&who, &browser] {
        let again = make(&server, who, "k-1", "One").await;
        assert_eq!((again.status, again.text.as_str()), (201, first.text.as_str()), "the stored answer, as it was");
        assert_eq!(
            (again.header("idempotency-replayed"), again.header("location")),
            ("true", first.header("location"))
        );
        assert_eq!(again.header("content-type"), "application/json");
    }
    assert_eq!(machines(&server).await, 1);
    // What was refused stays refused: it is the answer of that request.
    let refused = make(&server, &who, "k-2", "").await;
    assert_eq!((refused.status, make(&server, &who, "k-2", "").await.text), (400, refused.text));

    // Another body, another address, another method under the same key: said, and not done.
    for (method, path, body) in [
        (Method::POST, "/api/admin/machines", json!({ "name": "Two" })),
        (Method::POST, "/api/admin/customers", json!({ "name": "One" })),
        (Method::DELETE, "/api/admin/machines/host-001", Value::Null),
    ] {
        let answer = send(&server, &who, "k-1", method, path, body).await;
        assert_eq!((answer.status, answer.code()), (422, 1402), "{answer:?}");
        assert!(answer.json()["message"].as_str().unwrap().contains("another request"), "{answer:?}");
    }
    assert_eq!((machines(&server).await, server.count("select count(*) from customers").await), (1, 0));

    // A key is one person's.
    let theirs = make(&server, &server.token(&other).await, "k-1", "Three").await;
    assert_eq!((theirs.status, machines(&server).await), (201, 2));
    // Reading takes no key, and what is no key is said.
    assert_eq!(send(&server, &who, "k-1", Method::GET, "/api/admin/machines", Value::Null).await.status, 200);
    for key in ["with space", "ü", &"x".repeat(129)] {
        let request = server.request(&who, Method::POST, "/api/admin/machines").json(&json!({ "name": "Four" }));
        let value = http::HeaderValue::from_bytes(key.as_bytes()).unwrap();
        let answer = Answer::of(request.header("idempotency-key", value)).await;
        assert_eq!((answer.status, answer.code()), (400, 1000), "{key}");
    }
    // Who may not do it hears that, whatever key they bring.
    let outsider = server.token(&server.test.outsider("stranger").await).await;
    assert_eq!(make(&server, &outsider, "k-1", "One").await.status, 404);
    assert_eq!(make(&server, &Who::Nobody, "k-1", "One").await.status, 401);
    assert_eq!(machines(&server).await, 2);
}

#[tokio::test]
async fn of_many_at_once_one_runs() {
    let server = Server::start().await;
    let who = server.token(&server.test.admin().await).await;
    let all = (0..12).map(|_| make(&server, &who, "at-once", "Only"));
    let answers = futures_util::future::join_all(all).await;
    for answer in &answers {
        assert!(matches!((answer.status, answer.code()), (201, 0) | (409, 1400)), "{answer:?}");
        if answer.status == 409 {
            assert_eq!(answer.header("retry-after"), "1");
        }
    }
    assert!(answers.iter().any(|answer| answer.status == 201));
    assert_eq!(machines(&server).await, 1);
    assert_eq!(make(&server, &who, "at-once", "Only").await.status, 201, "and afterwards everybody gets its answer");
}

#[tokio::test]
async fn a_run_that_died_is_taken_over_after_its_lease_and_keys_end_with_their_day() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let who = server.token(&admin).await;
    assert_eq!(make(&server, &who, "k-1", "One").await.status, 201);
    // As a server that was killed in the middle leaves it: taken, without an answer.
    server.sql("update idempotency_keys set response = null returning key").await;
    let waiting = make(&server, &who, "k-1", "One").await;
    assert_eq!((waiting.status, waiting.code()), (409, 1400), "how it ended is not known yet: {waiting:?}");
    server.test.clock().advance(idempotency::LEASE + TimeDelta::seconds(1));
    assert_eq!(make(&server, &who, "k-1", "Two").await.status, 422, "also then it is of one request");
    let retried = make(&server, &who, "k-1", "One").await;
    assert_eq!((retried.status, retried.code()), (409, 1401), "it ran again, and met what the first one had done");
    assert_eq!(make(&server, &who, "k-1", "One").await.text, retried.text);

    server.test.clock().advance(idempotency::KEPT);
    let who = server.token(&admin).await;
    assert_eq!(make(&server, &who, "k-1", "New").await.status, 201, "a new day, a new request");
    server.test.clock().advance(idempotency::KEPT);
    assert_eq!(idempotency::forget(server.platform()).await.unwrap(), 1);
    assert_eq!(server.count("select count(*) from idempotency_keys").await, 0);
}

#[tokio::test]
async fn secrets_are_kept_sealed_and_credentials_not_at_all() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let who = server.token(&admin).await;
    let token = json!({ "note": "rack" });
    let made = send(&server, &who, "t-1", Method::POST, "/api/admin/machines/join-tokens", token.clone()).await;
    let secret = made.data()["secret"].as_str().unwrap().to_owned();
    let again = send(&server, &who, "t-1", Method::POST, "/api/admin/machines/join-tokens", token).await;
    assert_eq!(again.data()["secret"], secret.as_str(), "who lost the answer gets it again");
    assert_eq!(server.count("select count(*) from join_tokens").await, 1);
    let login = json!({ "username": admin.name, "password": admin.password });
    for _ in 0..2 {
        let answer = send(&server, &who, "l-1", Method::POST, "/api/auth/login", login.clone()).await;
        assert_eq!((answer.status, answer.header("idempotency-replayed")), (200, ""));
    }
    let stored = server.sql("select key || ' ' || encode(response, 'escape') from idempotency_keys").await;
    assert_eq!(stored.len(), 1, "signing in leaves nothing behind: {stored:?}");
    assert!(stored[0].starts_with("t-1 ") && !stored[0].contains(&secret) && !stored[0].contains("note"), "{stored:?}");
}

#[tokio::test]
async fn a_person_has_a_bounded_number_of_keys() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let who = server.token(&admin).await;
    let many = format!(
        "insert into idempotency_keys (principal, key, request_hash, run, lease_until, created_at)
         select 'user:{}', 'k' || n, decode(repeat('00', 32), 'hex'), gen_random_uuid(), now(), now()
         from generate_series(1, {}) n returning key",
        admin.id,
        idempotency::MAX_KEYS
    );
    server.sql(&many).await;
    let answer = make(&server, &who, "one-more", "One").await;
    assert_eq!((answer.status, answer.code()), (429, 1600), "{answer:?}");
    assert_eq!(machines(&server).await, 0);
    assert_eq!(make(&server, &server.token(&server.test.admin().await).await, "mine", "One").await.status, 201);
}

/// As large as without a key, and no larger.
#[tokio::test]
async fn a_form_with_a_file_takes_a_key() {
    let server = Server::start().await;
    let who = server.token(&server.test.customer("Acme").await.owner).await;
    let post = async |path: &str, size: usize| {
        let name = b"--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nOurs\r\n".to_vec();
        let head = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.tar\"\r\n\r\n".to_vec();
        let body = [name, head, vec![7; size], b"\r\n--b--\r\n".to_vec()].concat();
        let request = server.request(&who, Method::POST, path).header("idempotency-key", format!("{path}{size}"));
        Answer::of(request.header("content-type", "multipart/form-data; boundary=b").body(body)).await
    };
    let first = post("/api/files", 2 << 20).await;
    assert_eq!((first.status, first.data()["size"].as_u64()), (201, Some(2 << 20)));
    let again = post("/api/files", 2 << 20).await;
    let replayed = again.header("idempotency-replayed").to_owned();
    assert_eq!((replayed.as_str(), again.text), ("true", first.text));
    assert_eq!(server.count("select count(*) from files").await, 1);
    let image = post("/api/customer/images/upload", 2 << 20).await;
    assert!(image.fields().contains_key("file"), "looked at, and no archive: {image:?}");
    for size in [(32 << 20) + 1, 33 << 20] {
        assert_eq!(post("/api/files", size).await.code(), 1700);
    }
}

//! What REST answers look like: always the envelope, always the meaning, always the request id, in the caller's language.

use http::{Method, header};
use serde_json::{Value, json};

use crate::harness::{Answer, Server, Who};

/// Every answer of REST, good or bad, has exactly this shape.
fn is_enveloped(answer: &Answer) {
    assert_eq!(answer.header("content-type"), "application/json", "{answer:?}");
    let json = answer.json();
    let keys: Vec<_> = json.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "data", "message", "traceId"], "{answer:?}");
    assert!(!json["message"].as_str().unwrap().is_empty());
    assert_eq!(json["traceId"], answer.header("x-request-id"));
    let success = answer.status < 300;
    assert_eq!(json["code"] == json!(0), success, "{answer:?}");
}

async fn staffed() -> (Server, Who) {
    let server = Server::start().await;
    let who = server.token(&server.test.admin().await).await;
    (server, who)
}

#[tokio::test]
async fn a_creation_says_where_it_lies() {
    let (server, who) = staffed().await;
    let made = server.post(&who, "/api/admin/machines", json!({ "id": "host-9", "name": "Nine" })).await;
    is_enveloped(&made);
    assert_eq!((made.status, made.header("location")), (201, "/api/admin/machines/host-9"));
    let read = server.get(&who, made.header("location")).await;
    is_enveloped(&read);
    assert_eq!((read.status, read.data()), (200, made.data()));
}

#[tokio::test]
async fn everything_under_api_answers_in_the_envelope() {
    let (server, who) = staffed().await;
    let cases: &[(Method, &str, u16, u64)] = &[
        (Method::GET, "/api/auth/profile", 200, 0),
        (Method::GET, "/api/nothing", 404, 1300),
        (Method::POST, "/api/admin/nothing/at/all", 404, 1300),
        (Method::GET, "/api/admin/machines/no-such", 404, 1300),
        (Method::GET, "/api/admin/machines/%2e%2e%2fetc", 404, 1300),
        (Method::GET, "/api/auth/login", 405, 1300),
        (Method::DELETE, "/api/admin/machines", 405, 1300),
        (Method::PATCH, "/api/admin/machines/host-001", 405, 1300),
        (Method::DELETE, "/api/admin/machines/join-tokens/999999", 404, 1300),
        // What cannot be an id names nothing.
        (Method::DELETE, "/api/admin/machines/join-tokens/first", 404, 1300),
        (Method::GET, "/api/admin/machines/%ff", 404, 1300),
    ];
    for (method, path, status, code) in cases {
        let answer = Answer::of(server.request(&who, method.clone(), path)).await;
        assert_eq!(answer.status, *status, "{method} {path}: {answer:?}");
        is_enveloped(&answer);
        assert_eq!(answer.code(), *code, "{method} {path}");
    }
}

#[tokio::test]
async fn a_wrong_method_says_which_are_right() {
    let (server, who) = staffed().await;
    let answer = Answer::of(server.request(&who, Method::DELETE, "/api/admin/machines")).await;
    let mut allowed: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"], "{answer:?}");
}

#[tokio::test]
async fn unknown_and_malformed_parameters_are_named() {
    let (server, who) = staffed().await;
    let cases: &[(&str, u64, &str)] = &[
        ("/api/admin/machines?colour=red", 1001, "colour"),
        ("/api/admin/machines?page=1&Page=2", 1001, "Page"),
        ("/api/admin/audits?who=me", 1001, "who"),
        ("/api/admin/jobs?kind=a&x=1", 1001, "x"),
        ("/api/admin/machines?page=two", 1000, "page"),
        ("/api/admin/machines?pool=puddle", 1000, "pool"),
        ("/api/admin/machines?pageSize=101", 1000, "pageSize"),
        ("/api/admin/machines?page=0", 1000, "page"),
    ];
    server.post(&who, "/api/admin/machines", json!({ "id": "host-1", "name": "One" })).await;
    for (path, code, field) in cases {
        let answer = server.get(&who, path).await;
        assert_eq!((answer.status, answer.code()), (400, *code), "{path}: {answer:?}");
        is_enveloped(&answer);
        let fields: Vec<_> = answer.fields().into_keys().collect();
        assert_eq!(fields, [*field], "{path}");
    }
    // Of a word that is none of a few, these are told.
    let answer = server.get(&who, "/api/admin/machines?pool=puddle").await;
    assert!(answer.text.contains("whole, shared"), "{answer:?}");
    // A form sends what was left empty: that is no filter.
    let answer = server.get(&who, "/api/admin/machines?region=&q=&pool=").await;
    assert_eq!((answer.status, &answer.data()["total"]), (200, &json!(1)), "{answer:?}");
}

#[tokio::test]
async fn an_upload_is_called_as_its_sender_says() {
    let (server, who) = staffed().await;
    let send = async |query: &str| {
        let path = format!("/api/admin/machines/import/preview{query}");
        Answer::of(server.request(&who, Method::POST, &path).body("PK")).await
    };
    assert_eq!(send("?fileName=fleet.xlsx").await.data()["fileName"], "fleet.xlsx");
    assert_eq!(send("").await.data()["fileName"], "machines.xlsx");
    let odd = send("?filename=fleet.xlsx").await;
    assert_eq!((odd.code(), odd.fields().into_keys().collect::<Vec<_>>()), (1001, vec!["filename".to_owned()]));
}

#[tokio::test]
async fn bodies_that_do_not_read_say_why() {
    let (server, who) = staffed().await;
    let cases: &[(&str, &str)] = &[
        (r#"{"name":"a","colour":"red"}"#, "colour"),
        (r#"{"name":"a","declared":{"gpus":8}}"#, "declared.gpus"),
        (r#"{"name":7}"#, "name"),
        (r#"{"name":"a","declared":{"gpuCount":"many"}}"#, "declared.gpuCount"),
        (r#"{"name":"a","pool":"puddle"}"#, "pool"),
        (r#"{"name":"a""#, "body"),
        ("", "body"),
        ("[]", "body"),
        // Half of it would be silently ignored.
        (r#"{"name":"a"} {"name":"b"}"#, "body"),
    ];
    for (body, field) in cases {
        let request = server.request(&who, Method::POST, "/api/admin/machines");
        let request = request.header(header::CONTENT_TYPE, "application/json").body(*body);
        let answer = Answer::of(request).await;
        assert_eq!((answer.status, answer.code()), (400, 1000), "{body}: {answer:?}");
        is_enveloped(&answer);
        let fields: Vec<_> = answer.fields().into_keys().collect();
        assert_eq!(fields, [*field], "{body}");
    }
    let request = server.request(&who, Method::POST, "/api/admin/machines").body(r#"{"name":"a"}"#);
    let answer = Answer::of(request.header(header::CONTENT_TYPE, "text/plain")).await;
    assert_eq!((answer.status, answer.code()), (400, 1000), "only JSON is read as JSON");
    assert_eq!(server.count("select count(*) from machines").await, 0, "nothing of all this was taken");
}

#[tokio::test]
async fn what_an_operation_takes_is_not_told_to_those_it_is_not_for() {
    let (server, _) = staffed().await;
    let outsider = server.token(&server.test.outsider("nobody-special").await).await;
    for (who, status, code) in [(Who::Nobody, 401, 1100), (outsider, 404, 1300)] {
        let broken = server.request(&who, Method::POST, "/api/admin/machines").body(r#"{"colour":"#);
        let answer = Answer::of(broken.header(header::CONTENT_TYPE, "application/json")).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{answer:?}");
        let answer = server.post(&who, "/api/admin/machines", json!({ "name": "x".repeat(2 << 20) })).await;
        assert_eq!((answer.status, answer.code()), (status, code), "a body that is too long: {answer:?}");
        let answer = server.get(&who, "/api/admin/machines?colour=red").await;
        assert_eq!((answer.status, answer.code()), (status, code), "{answer:?}");
        is_enveloped(&answer);
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_not_read() {
    let (server, who) = staffed().await;
    let name = "x".repeat(2 << 20);
    let answer = server.post(&who, "/api/admin/machines", json!({ "name": name })).await;
    is_enveloped(&answer);
    assert_eq!((answer.status, answer.code()), (413, 1700));
}

#[tokio::test]
async fn the_request_id_is_the_callers_when_it_is_sane() {
    let (server, who) = staffed().await;
    let ask = async |id: &str| {
        let request = server.request(&who, Method::GET, "/api/auth/profile").header("x-request-id", id);
        let answer = Answer::of(request).await;
        is_enveloped(&answer);
        answer.header("x-request-id").to_owned()
    };
    assert_eq!(ask("0193-from-the-proxy").await, "0193-from-the-proxy");
    for insane in ["short", "with spaces in it", "new\tline-like", &"x".repeat(65), "<script>alert</script>"] {
        let given = ask(insane).await;
        assert!(given != insane && given.len() >= 8, "{insane} became {given}");
    }
    assert_ne!(ask("").await, ask("").await, "without one, each request has its own");
}

#[tokio::test]
async fn messages_come_in_the_callers_language() {
    let (server, who) = staffed().await;
    let ask = async |languages: &str| {
        let request = server.request(&who, Method::POST, "/api/admin/machines").json(&json!({ "name": "" }));
        let answer = Answer::of(request.header(header::ACCEPT_LANGUAGE, languages)).await;
        (answer.json()["message"].as_str().unwrap().to_owned(), answer.fields()["name"].clone())
    };
    let chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    let (message, field) = ask("zh-CN,zh;q=0.9,en;q=0.8").await;
    assert!(chinese(&message) && chinese(&field), "{message} / {field}");
    for languages in ["en-GB", "fr, en;q=0.5", "xx"] {
        let (message, field) = ask(languages).await;
        assert!(message.is_ascii() && field.is_ascii() && !field.starts_with("field-"), "{message} / {field}");
    }
}

#[tokio::test]
async fn the_description_names_every_operation() {
    let (server, _) = staffed().await;
    let answer = server.get(&Who::Nobody, "/api/openapi.json").await;
    assert_eq!(answer.status, 200);
    let described: Value = answer.json();
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1"));
    let operations = server::router::registry().into_iter().filter(|route| route.door == server::router::Door::Rest);
    let mut count = 0;
    for route in operations {
        let operation = &described["paths"][&route.path][route.method.to_lowercase()];
        assert!(operation["responses"].is_object(), "{} {} is not described", route.method, route.path);
        count += 1;
    }
    let written: usize = described["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|item| {
            let methods = ["get", "post", "put", "patch", "delete"];
            item.as_object().unwrap().keys().filter(|key| methods.contains(&key.as_str())).count()
        })
        .sum();
    assert_eq!(written, count, "and nothing else");
    // Every schema that is referred to is there.
    let text = described.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(described["components"]["schemas"][name].is_object(), "{name} is referred to and missing");
    }
}

/// Every word of an enumeration that a program can read in the description is one that the API takes: words on the wire are
/// not written as Rust's variants are.
#[tokio::test]
async fn the_description_names_values_as_they_are_written() {
    fn look(at: &str, value: &Value, words: &mut usize) {
        match value {
            Value::Object(fields) => {
                for word in fields.get("enum").and_then(Value::as_array).into_iter().flatten() {
                    let Some(word) = word.as_str() else { continue };
                    assert!(!word.starts_with(|c: char| c.is_ascii_uppercase()), "{at}: {word}");
                    *words += 1;
                }
                fields.iter().for_each(|(name, value)| look(&format!("{at}/{name}"), value, words));
            }
            Value::Array(values) => values.iter().for_each(|value| look(at, value, words)),
            _ => {}
        }
    }
    let mut words = 0;
    look("", &serde_json::to_value(server::router::openapi()).unwrap(), &mut words);
    assert!(words > 200, "{words}");
}

/// What is no JSON is described as bytes, which programs made of the description send and read as they are: not as an array of
/// numbers.
#[tokio::test]
async fn the_description_calls_bytes_bytes() {
    let described = serde_json::to_value(server::router::openapi()).unwrap();
    let mut raw = Vec::new();
    for (path, item) in described["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let answers = operation["responses"].as_object().into_iter().flat_map(|answers| answers.values());
            for content in std::iter::once(&operation["requestBody"]).chain(answers) {
                let Some(content) = content["content"].as_object() else { continue };
                for (kind, body) in content.iter().filter(|(kind, _)| *kind != "application/json") {
                    assert_ne!(body["schema"]["type"], "array", "{method} {path}: {kind}");
                    raw.push((format!("{method} {path}"), kind.clone(), body["schema"].clone()));
                }
            }
        }
    }
    let workbook = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let (bytes, form) = (json!({ "type": "string", "format": "binary" }), "multipart/form-data");
    for (what, kind) in [
        ("post /api/admin/machines/import/preview", workbook),
        ("post /api/admin/users/import/preview", workbook),
        ("post /api/auth/avatar", "image/webp"),
        ("get /api/auth/avatar", "image/png"),
        ("post /api/admin/settings/logo", "image/jpeg"),
        ("put /api/files/uploads/{id}/chunks/{n}", "application/octet-stream"),
        ("get /api/files/{id}/content", "application/octet-stream"),
    ] {
        assert!(raw.contains(&(what.to_owned(), kind.to_owned(), bytes.clone())), "{what}: {raw:?}");
    }
    for what in ["post /api/files", "post /api/customer/images/upload", "post /api/admin/machines/import/preview"] {
        let (_, _, body) = raw.iter().find(|(at, there, _)| at == what && there == form).unwrap();
        assert_eq!((&body["type"], &body["properties"]["file"]), (&json!("object"), &bytes), "{what}");
    }
}

/// Nothing that the database cannot hold is a fault of ours.
#[tokio::test]
async fn a_nul_is_refused_in_words() {
    let server = Server::start().await;
    let admin = server.token(&server.test.admin().await).await;
    for path in [
        "/api/admin/users?q=%00",
        "/api/admin/audits?actor=%00",
        "/api/admin/machines/%00",
        "/api/customer/machines/%00/monitoring",
    ] {
        let answer = server.get(&admin, path).await;
        assert!([400, 404].contains(&answer.status), "{path}: {answer:?}");
    }
    let body = json!({ "username": "a\u{0}b", "password": "x" });
    let answer = server.post(&Who::Nobody, "/api/auth/login", body).await;
    assert!((400..500).contains(&answer.status), "{answer:?}");
}

/// Where nothing needs to be said, nothing has to be: no body, and none that is announced as JSON.
#[tokio::test]
async fn a_body_that_may_be_left_out_is_described_so() {
    let (server, who) = staffed().await;
    server.post(&who, "/api/admin/machines", json!({ "id": "host-1", "name": "One" })).await;
    let machines = ["cordon", "uncordon", "drain", "retire", "reclaim"].map(|what| format!("machines/{{code}}/{what}"));
    let described = serde_json::to_value(server::router::openapi()).unwrap();
    for path in machines.into_iter().chain(["allocations/{id}/reclaim".to_owned()]) {
        let body = &described["paths"][format!("/api/admin/{path}")]["post"]["requestBody"];
        assert!(body["content"].is_object() && body["required"] != true, "{path}: {body}");
    }
    let create = &described["paths"]["/api/admin/machines"]["post"]["requestBody"];
    assert_eq!(create["required"], true, "others may not");
    for (action, announced) in [("cordon", true), ("uncordon", false)] {
        let mut request = server.request(&who, Method::POST, &format!("/api/admin/machines/host-1/{action}"));
        if announced {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 200, "{action}: {answer:?}");
    }
    let request = server.request(&who, Method::POST, "/api/admin/machines/host-1/cordon").body(r#"{"note":"x"}"#);
    assert_eq!(Answer::of(request).await.status, 400, "only JSON is read as JSON");
}

/// Where nothing is taken, what is said is not overlooked: whoever says it meant something.
#[tokio::test]
async fn a_body_that_nobody_reads_is_refused() {
    let (server, who) = staffed().await;
    for (method, path) in [(Method::POST, "/api/admin/jobs/999999/cancel"), (Method::DELETE, "/api/admin/specs/999999")]
    {
        let said = async |body: &'static str| {
            Answer::of(
                server.request(&who, method.clone(), path).header(header::CONTENT_TYPE, "application/json").body(body),
            )
            .await
        };
        for nothing in ["", "null", "{}", " { } "] {
            assert_eq!(said(nothing).await.code(), 1300, "{method} {path} {nothing:?}");
        }
        let force = said(r#"{"force":true}"#).await;
        assert_eq!((force.status, force.code()), (400, 1000), "{}", force.text);
        assert_eq!(force.fields().into_keys().collect::<Vec<_>>(), ["force"]);
        for other in ["[]", "true", "force=true", r#"{} {"force":true}"#] {
            let answer = said(other).await;
            assert_eq!((answer.status, answer.code()), (400, 1000), "{method} {path} {other}: {}", answer.text);
        }
        let nobody = server.request(&Who::Nobody, method.clone(), path).body(r#"{"force":true}"#);
        assert_eq!(Answer::of(nobody).await.status, 401, "who may not be here hears that");
    }
    let described = serde_json::to_value(server::router::openapi()).unwrap();
    assert!(described["paths"]["/api/customer/instances/{id}/restart"]["post"]["requestBody"].is_null());
}

#[tokio::test]
async fn the_description_puts_every_parameter_where_it_is_read() {
    let described = serde_json::to_value(server::router::openapi()).unwrap();
    let mut in_queries = 0;
    for (path, item) in described["paths"].as_object().unwrap() {
        let mut placeholders: Vec<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        placeholders.sort_unstable();
        for (method, operation) in item.as_object().unwrap() {
            let mut in_path = Vec::new();
            for parameter in operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default() {
                let name = parameter["name"].as_str().unwrap();
                match parameter["in"].as_str().unwrap() {
                    "path" => {
                        assert_eq!(parameter["required"], true, "{method} {path}: {name}");
                        in_path.push(name);
                    }
                    "query" => {
                        assert_eq!(parameter["required"], false, "{method} {path}: {name} may be left out");
                        in_queries += 1;
                    }
                    "header" => assert_eq!(name, "x-chunk-sha256", "{method} {path}"),
                    other => panic!("{method} {path}: {name} is in {other}"),
                }
            }
            in_path.sort_unstable();
            assert_eq!(in_path, placeholders, "{method} {path}");
        }
    }
    assert!(in_queries > 100, "lists have their filters: {in_queries}");
}

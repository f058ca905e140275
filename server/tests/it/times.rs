//! Times that nothing can hold are refused by name wherever a time comes in: no door may pass them on.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Server};

/// Before and after what RFC 3339 writes, and beyond what the database holds.
const IMPOSSIBLE: [&str; 3] = ["-9999-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "+262142-01-01T00:00:00Z"];

/// What the description calls a time, also where it may be left out.
fn is_time(schema: &Value) -> bool {
    let any = |list: &Value| list.as_array().is_some_and(|list| list.iter().any(is_time));
    schema["format"] == "date-time" || any(&schema["oneOf"]) || any(&schema["anyOf"])
}

/// Names of the fields of a body that are times.
fn times_of_body(described: &Value, operation: &Value) -> Vec<String> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let named = schema["$ref"]
        .as_str()
        .or_else(|| schema["oneOf"].as_array().and_then(|list| list.iter().find_map(|schema| schema["$ref"].as_str())));
    let schema = match named {
        Some(name) => described.pointer(name.trim_start_matches('#')).expect("what is referred to is described"),
        None => schema,
    };
    let fields = schema["properties"].as_object();
    fields.into_iter().flatten().filter(|(_, schema)| is_time(schema)).map(|(name, _)| name.clone()).collect()
}

fn times_of_query(operation: &Value) -> Vec<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let times = parameters.filter(|parameter| parameter["in"] == "query" && is_time(&parameter["schema"]));
    times.map(|parameter| parameter["name"].as_str().expect("a name").to_owned()).collect()
}

/// A path with something in each of its places.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_that_takes_a_time_refuses_what_is_none() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let (admin, owner) = (server.token(&server.test.admin().await).await, server.token(&acme.owner).await);
    let described = serde_json::to_value(server::router::openapi()).unwrap();
    let (mut queries, mut bodies, mut wrong) = (0, 0, Vec::new());
    let mut judge = |what: String, name: &str, answer: &Answer| {
        // A configuration that was exported is read whole: what is wrong with it is told of the file.
        let name = if what.contains("/settings/import ") { "file" } else { name };
        if answer.status != 400 || !answer.fields().contains_key(name) {
            wrong.push(format!("{what}: {} {}", answer.status, answer.text));
        }
    };
    for (path, item) in described["paths"].as_object().unwrap() {
        let who = if path.starts_with("/api/admin/") { &admin } else { &owner };
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else { continue };
            let path = filled(path);
            for at in IMPOSSIBLE {
                for name in times_of_query(operation) {
                    let pair = serde_urlencoded::to_string([(name.as_str(), at)]).unwrap();
                    let answer = Answer::of(server.request(who, method.clone(), &format!("{path}?{pair}"))).await;
                    judge(format!("{method} {path}?{pair}"), &name, &answer);
                    queries += 1;
                }
                for name in times_of_body(&described, operation) {
                    let body = json!({ name.as_str(): at });
                    let answer = Answer::of(server.request(who, method.clone(), &path).json(&body)).await;
                    judge(format!("{method} {path} {body}"), &name, &answer);
                    bodies += 1;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(queries > 30 && bodies > 15, "{queries} and {bodies}: the description is not read rightly");
}

#[tokio::test]
async fn pages_take_no_day_before_all_days() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let (admin, owner) = (server.browser(&server.test.admin().await).await, server.browser(&acme.owner).await);
    for (who, path) in [
        (&admin, "/admin/audit"),
        (&admin, "/admin/jobs"),
        (&admin, "/admin/billing"),
        (&admin, "/admin/instances/recordings"),
        (&owner, "/audit"),
        (&owner, "/billing"),
    ] {
        for query in ["from=-9999-01-01", "until=-9999-01-01", "from=%2B262142-01-01", "until=%2B262142-12-31"] {
            let page = format!("{path}?{query}");
            let request = server.bare(Method::GET, &page).header(http::header::ACCEPT, "text/html");
            let answer = Answer::of(server.signed(who, request)).await;
            assert!(answer.status < 500, "{page}: {}", answer.status);
        }
    }
}

//! Clean-ups of images on machines through both doors; what goes and what stays is tested in `platform`.

use http::Method;
use serde_json::json;
use test_support::DockerEngine;

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who};

const PATH: &str = "/api/admin/images/cleanup";

async fn scenario(through: Through) {
    let engine = DockerEngine::start();
    engine.import_files("gone", &[]);
    let server = Server::start().await;
    let (admin, operator) = (server.test.admin().await, server.test.operator("operator").await);
    server.test.node("host-001").await;
    let program = server.token(&admin).await;
    let socket = json!({ "kind": "local", "socket": engine.socket() });
    server.put(&program, "/api/admin/machines/host-001/docker", socket).await.data();
    let image = server.post(&program, "/api/admin/images", json!({ "name": "Gone", "address": "gone:1" })).await;
    let image = format!("/api/admin/images/{}", image.data()["id"]);
    assert_eq!(Answer::of(server.request(&program, Method::DELETE, &image)).await.code(), 0);

    let doors = Doors { server: &server, through };
    let (staff, reader) = (doors.who(&admin).await, doors.who(&operator).await);
    let shown = doors.list(&staff, PATH, "preview_image_cleanup").await["list"][0].clone();
    assert_eq!(
        (&shown["machine"], &shown["fault"], &shown["going"]),
        (&json!("host-001"), &json!(null), &json!(false))
    );
    let found = shown["images"][0].clone();
    assert_eq!((&found["names"], &found["reason"]), (&json!(["gone:1"]), &json!("deleted")), "{shown}");
    assert_eq!(found["images"], json!(["Gone"]));

    let id = found["engineId"].as_str().unwrap();
    let apply = format!("{PATH}/apply");
    let start = async |who: &Who, machine: &str, images: &[&str]| {
        let mut form = vec![("machine", machine)];
        form.extend(images.iter().map(|image| ("images[]", *image)));
        let body = json!({ "machine": machine, "images": images });
        doors.call(who, (&apply, body), ("start_image_cleanup", &form)).await
    };
    assert_eq!(start(&reader, "host-001", &[id]).await.0, 1200);
    assert_eq!(start(&staff, "host-001", &[]).await, (1000, vec!["images".to_owned()]));
    assert_eq!(start(&staff, "host-009", &[id]).await, (1000, vec!["machine".to_owned()]));
    assert_eq!(start(&staff, "host-001", &[id]).await, (0, vec![]));
    assert_eq!(start(&staff, "host-001", &[id]).await.0, 1400, "it is on its way, or done");
    let runs = doors.list(&staff, &format!("{PATH}/runs"), "list_image_cleanups").await;
    assert_eq!((&runs["total"], &runs["list"][0]["machine"]), (&json!(1), &json!("host-001")));
    assert_eq!(runs["list"][0]["items"][0]["names"], json!(["gone:1"]));
    let told = format!(
        "select target_id from audit_events where action = 'images:clean-up' and outcome = 'done' and via = '{}'",
        doors.via()
    );
    assert_eq!(server.sql(&told).await, ["host-001"]);
}

#[tokio::test]
async fn clean_ups_by_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn clean_ups_by_server_functions() {
    scenario(Through::ServerFns).await;
}

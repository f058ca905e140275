//! Registries of images through both doors.

use http::Method;
use serde_json::json;

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who};

const PATH: &str = "/api/admin/settings/registries";

async fn scenario(through: Through) {
    let server = Server::start().await;
    let (admin, operator) = (server.test.admin().await, server.test.operator("operator").await);
    let doors = Doors { server: &server, through };
    let (staff, reader) = (doors.who(&admin).await, doors.who(&operator).await);
    let save = async |who: &Who, address: &str, password: &str| {
        let body = json!({ "address": address, "plain": true, "username": "puller", "password": password });
        let form = [
            ("form[address]", address),
            ("form[plain]", "true"),
            ("form[username]", "puller"),
            ("form[password]", password),
        ];
        doors.call(who, (PATH, body), ("save_registry", &form)).await
    };
    assert_eq!(save(&reader, "127.0.0.1:1", "s3cret").await.0, 1300);
    assert_eq!(save(&staff, "http://127.0.0.1:1", "s3cret").await, (1000, vec!["address".to_owned()]));
    assert_eq!(save(&staff, "127.0.0.1:1", "").await, (1000, vec!["password".to_owned()]));
    assert_eq!(save(&staff, "127.0.0.1:1", "s3cret").await, (0, vec![]));
    assert_eq!(save(&staff, "127.0.0.1:1", "s3cret").await, (1401, vec!["address".to_owned()]));
    let list = doors.list(&staff, PATH, "list_registries").await;
    assert_eq!((&list[0]["address"], &list[0]["hasPassword"]), (&json!("127.0.0.1:1"), &json!(true)));
    assert!(!list.to_string().contains("s3cret"), "no password is answered: {list}");

    let id = list[0]["id"].to_string();
    let test = format!("{PATH}/{id}/test");
    let by_id = [("id", id.as_str())];
    assert_eq!(doors.call(&staff, (&test, json!({})), ("test_registry", &by_id)).await, (0, vec![]));
    let found = doors.list(&staff, PATH, "list_registries").await[0]["lastTest"].clone();
    assert_eq!((&found["done"], &found["fault"]), (&json!(false), &json!("connect")));
    assert!(found["message"].as_str().is_some_and(|message| !message.is_empty()));

    // As the page's form is, and the same over REST: what was not typed stays.
    let body = json!({ "address": "127.0.0.1:1", "plain": true, "username": "puller" });
    let form = [
        ("form[id]", id.as_str()),
        ("form[address]", "127.0.0.1:1"),
        ("form[plain]", "true"),
        ("form[username]", "puller"),
    ];
    let one = format!("{PATH}/{id}");
    assert_eq!(doors.put(&staff, (&one, body), ("save_registry", &form)).await, (0, vec![]));
    let kept = doors.list(&staff, PATH, "list_registries").await[0].clone();
    assert_eq!((&kept["hasPassword"], &kept["lastTest"]), (&json!(true), &json!(null)));
    let gone = match through {
        Through::Rest => Answer::of(server.request(&staff, Method::DELETE, &one)).await.code(),
        Through::ServerFns => server.call(&staff, "delete_registry", &by_id).await.code(),
    };
    assert_eq!(gone, 0);
    assert_eq!(doors.list(&staff, PATH, "list_registries").await, json!([]));
    let told = format!(
        "select action from audit_events where target_kind = 'image_registry' and outcome = 'done' and via = '{}' order by id",
        doors.via()
    );
    let expected = ["create", "test", "update", "delete"].map(|verb| format!("settings:{verb}-registry"));
    assert_eq!(server.sql(&told).await, expected);
}

#[tokio::test]
async fn registries_by_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn registries_by_server_functions() {
    scenario(Through::ServerFns).await;
}

//! Staff bring an image that is shared with nobody somewhere, through both doors: for a reason, of which who saved it is told.

use http::Method;
use serde_json::json;
use test_support::image_archive;

use crate::both::{Doors, Through};
use crate::files_both_doors::sent;
use crate::harness::{Answer, Server, Who};
use crate::instances_both_doors::shop;

/// Approved, and what an instance was saved as by this person; no engine is there, so that it becomes so in the database alone.
async fn saved(server: &Server, maker: &Who) -> String {
    let file = sent(server, maker, &image_archive("amd64", "a"), "image").await;
    let made = server.post(maker, "/api/customer/images/upload", json!({ "file": file, "name": "Mine" })).await;
    let id = made.data()["id"].to_string();
    let saved = "set source = 'instance', shared = false, state = 'approved'";
    assert_eq!(server.sql(&format!("update images {saved} where id = {id} returning name")).await, ["Mine"]);
    id
}

async fn scenario(through: Through) {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let doors = Doors { server: &server, through };
    let (staff, program) = (doors.who(&admin).await, server.token(&admin).await);
    let (owner, member) = (server.token(&acme.owner).await, server.token(&acme.member).await);
    shop(&server, &program).await;
    let holds = json!({
        "address": "127.0.0.1:1", "plain": true, "username": "puller", "password": "s3cret", "holdsArchives": true,
    });
    assert_eq!(server.post(&program, "/api/admin/settings/registries", holds).await.status, 201);
    let id = saved(&server, &member).await;
    let (machines, registry) = (format!("/api/admin/images/{id}/machines"), format!("/api/admin/images/{id}/registry"));
    let pull = async |why: &str| {
        let form = [("id", id.as_str()), ("machine", "host-001"), ("reason", why)];
        let body = json!({ "machine": "host-001", "reason": why });
        doors.call(&staff, (&machines, body), ("pull_image", &form)).await
    };
    let push = async |why: &str| {
        let form = [("id", id.as_str()), ("reason", why)];
        doors.call(&staff, (&registry, json!({ "reason": why })), ("push_image", &form)).await
    };
    let unsaid = (1000, vec!["reason".to_owned()]);
    for why in ["", "no", " a b c d "] {
        assert_eq!((pull(why).await, push(why).await), (unsaid.clone(), unsaid.clone()), "{why:?}");
    }
    let without = Answer::of(server.request(&program, Method::POST, &registry)).await;
    assert_eq!((without.code(), without.fields().contains_key("reason")), (1000, true), "a body may be left out");
    assert_eq!(pull("they asked for it there").await, (0, vec![]));
    assert_eq!(push("engines fetch it from there").await, (0, vec![]));
    let reasons = "select action || ': ' || (after->>'reason') from audit_events
                   where outcome = 'done' and customer_id is not null and after->>'reason' is not null order by id";
    let told = ["images:pull: they asked for it there", "images:push: engines fetch it from there"];
    assert_eq!(server.sql(reasons).await, told, "its customer reads it");
    let words = async |who: &Who| -> Vec<String> {
        let notices = server.get(who, "/api/customer/notifications").await.data();
        let acted = notices["list"].as_array().unwrap().iter().filter(|notice| notice["kind"] == "image-acted");
        acted.map(|notice| notice["message"].as_str().unwrap().to_owned()).collect()
    };
    let words = (words(&member).await, words(&owner).await);
    assert!(words.0.len() == 2 && words.1.is_empty(), "{words:?}");
    assert!(words.0[0].contains("engines fetch it") && words.0[1].contains("asked for it there"), "{words:?}");
}

#[tokio::test]
async fn programs_reach_for_unshared_images_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn staff_reach_for_unshared_images_over_server_functions() {
    scenario(Through::ServerFns).await;
}

/// Each form of the page asks for the reason, and shows its own again.
#[tokio::test]
async fn the_page_asks_why() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (staff, program) = (server.browser(&admin).await, server.token(&admin).await);
    shop(&server, &program).await;
    let id = saved(&server, &server.token(&acme.member).await).await;
    let page = format!("/admin/images/{id}");
    let shown = server.get(&staff, &page).await.text;
    assert!(shown.contains("f-pull-reason") && shown.contains("f-archive-reason"), "{shown}");
    assert!(shown.contains("who saved it is told"), "{shown}");
    let shared = format!("update images set shared = true where id = {id} returning name");
    assert_eq!(server.sql(&shared).await, ["Mine"]);
    let shown = server.get(&staff, &page).await.text;
    assert!(shown.contains("pull_image") && !shown.contains("f-pull-reason"), "{shown}");
}

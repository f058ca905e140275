//! The queue through both doors, as a workbook, and on its pages.

use serde_json::json;

use crate::both::{Doors, Through};
use crate::harness::{Server, Who};

const JOBS: &str = "/api/admin/jobs";

/// A job that was given up, of this kind; its id.
async fn failed(server: &Server, kind: &str) -> u64 {
    let id = server
        .count(&format!(
            "insert into finished_jobs (id, kind, payload, state, attempt, max_attempts, message, run_at, created_at)
             select coalesce(max(id), 1000) + 1, '{kind}', '{{}}', 'failed', 1, 1, '<boom>', now(), now()
             from finished_jobs returning id"
        ))
        .await;
    server
        .sql(&format!(
            "insert into job_events (job_id, attempt, kind, message) values ({id}, 1, 'failed', '<boom>') returning id"
        ))
        .await;
    id
}

/// A job that waits until tomorrow.
async fn waiting(server: &Server, kind: &str) -> u64 {
    let insert = "insert into jobs (kind, run_at) values";
    server.count(&format!("{insert} ('{kind}', now() + interval '1 day') returning id")).await
}

async fn queue(through: Through) {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let acme = server.test.customer("Acme").await;
    let operator = server.test.operator("op").await;
    let doors = Doors { server: &server, through };
    let (staff, looks, owner) = (doors.who(&admin).await, doors.who(&operator).await, doors.who(&acme.owner).await);
    let (letter, apply) = (waiting(&server, "sign-up").await, waiting(&server, "instance-apply").await);
    let (lost, tick) = (failed(&server, "sign-up").await, failed(&server, "audit-seal").await);
    let act = async |who: &Who, verb: &str, id: u64| {
        let (path, text) = (format!("{JOBS}/{id}/{verb}"), id.to_string());
        let function = format!("{verb}_job");
        doors.call(who, (&path, json!({})), (&function, &[("id", text.as_str())])).await.0
    };
    for (verb, id) in [("cancel", letter), ("retry", lost)] {
        assert_eq!((act(&owner, verb, id).await, act(&looks, verb, id).await), (1300, 1200), "{verb}");
    }
    assert_eq!((act(&staff, "cancel", apply).await, act(&staff, "cancel", lost).await), (1402, 1402));
    assert_eq!((act(&staff, "retry", letter).await, act(&staff, "retry", tick).await), (1402, 1402));
    assert_eq!((act(&staff, "cancel", letter).await, act(&staff, "retry", lost).await), (0, 0));
    assert_eq!((act(&staff, "cancel", letter).await, act(&staff, "retry", 999_999).await), (1402, 1300));

    let list = doors.list(&looks, JOBS, "list_jobs").await;
    let of = |id: u64| list["list"].as_array().unwrap().iter().find(|job| job["id"] == id).cloned().unwrap();
    assert_eq!((&of(letter)["state"], &of(lost)["state"]), (&json!("cancelled"), &json!("ready")), "{list}");
    assert_eq!(list["total"], 4);
    let status = doors.list(&looks, &format!("{JOBS}/status"), "read_job_status").await;
    assert_eq!((&status["waiting"], &status["failedLately"]), (&json!(2), &json!(1)), "{status}");
    let statistics = doors.list(&looks, &format!("{JOBS}/statistics"), "read_job_statistics").await;
    assert_eq!((&statistics["hours"], &statistics["kinds"][0]["kind"]), (&json!(24), &json!("audit-seal")));
    assert_eq!(doors.list(&looks, &format!("{JOBS}/workers"), "job_workers").await, json!([]));
    let log = "select action || ' ' || outcome || ' ' || via || ' ' || target_id from audit_events
               where action like 'jobs:%' order by id";
    let via = doors.via();
    let expected = [
        format!("jobs:cancel denied {via} {letter}"),
        format!("jobs:cancel denied {via} {letter}"),
        format!("jobs:retry denied {via} {lost}"),
        format!("jobs:retry denied {via} {lost}"),
        format!("jobs:cancel done {via} {letter}"),
        format!("jobs:retry done {via} {lost}"),
    ];
    assert_eq!(server.sql(log).await, expected);
}

#[tokio::test]
async fn programs_run_the_queue_over_rest() {
    queue(Through::Rest).await;
}

#[tokio::test]
async fn people_run_the_queue_over_server_functions() {
    queue(Through::ServerFns).await;
}

#[tokio::test]
async fn the_pages_of_jobs_offer_what_may_be_done() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let (lost, tick) = (failed(&server, "sign-up").await, failed(&server, "audit-seal").await);
    let (letter, apply) = (waiting(&server, "password-reset").await, waiting(&server, "instance-apply").await);
    let staff = server.browser(&admin).await;
    let page = server.get(&staff, "/admin/jobs").await;
    assert_eq!(page.status, 200, "{}", page.text);
    for says in ["Send a link to an account", "Change an instance", "No server works at the queue", "The queue now"] {
        assert!(page.text.contains(says), "{says}: {}", page.text);
    }
    let rows = |text: &str| text.matches("href=\"/admin/jobs/").count();
    assert_eq!(rows(&page.text), 3, "what the clock brings is left out where nobody asks for it");
    for (query, wanted) in [("kind=all", 4), ("kind=clock", 1), ("kind=all&state=failed", 2), ("kind=sign-up", 1)] {
        assert_eq!(rows(&server.get(&staff, &format!("/admin/jobs?{query}")).await.text), wanted, "{query}");
    }
    for (id, offers, says) in [
        (lost, Some("retry_job"), "&lt;boom&gt;"),
        (tick, None, "the next one does its work"),
        (letter, Some("cancel_job"), "Nothing happened to it yet."),
        (apply, None, "Give that up instead, where it was begun"),
    ] {
        let page = server.get(&staff, &format!("/admin/jobs/{id}")).await;
        assert!(page.status == 200 && page.text.contains(says), "{id}: {}", page.text);
        for act in ["retry_job", "cancel_job"] {
            assert_eq!(page.text.contains(act), offers == Some(act), "{id}: {act}");
        }
    }
    assert_eq!(server.get(&staff, "/admin/jobs/999999").await.status, 404);
    let looks = server.browser(&server.test.operator("op").await).await;
    let page = server.get(&looks, &format!("/admin/jobs/{lost}")).await;
    assert!(page.status == 200 && !page.text.contains("retry_job"), "{}", page.text);

    let book = server.get(&staff, "/api/admin/jobs/export?outcome=failed").await;
    assert_eq!((book.status, book.text.starts_with("PK")), (200, true));
    let log = "select after::text from audit_events where action = 'jobs:export' and outcome = 'done'";
    assert_eq!(server.sql(log).await, ["{\"outcome\": \"failed\"}"]);
}

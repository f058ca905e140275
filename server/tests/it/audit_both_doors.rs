//! A customer's own part of the log through both doors, as a page and as a workbook; and the file of daily anchors.

use contract::customers::MemberCreate;
use http::{Method, header};
use platform::{SystemActor, audit, customers};
use server::anchors;
use test_support::{TestPlatform, eventually};

use crate::both::{Doors, Through};
use crate::harness::{Server, Who, rows};

async fn scenario(through: Through) {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let added = MemberCreate { username: "newcomer".to_owned(), ..Default::default() };
    customers::add_member(server.platform(), &admin.ctx(), acme.id, added).await.unwrap();
    let doors = Doors { server: &server, through };
    let (owner, member) = (doors.who(&acme.owner).await, doors.who(&acme.member).await);
    let seen = doors.list(&owner, "/api/customer/audits", "list_own_audits").await;
    assert_eq!((&seen["total"], &seen["list"][0]["action"]), (&1.into(), &"customers:add-member".into()), "{seen}");
    assert_eq!((&seen["list"][0]["actorKind"], &seen["list"][0]["actorName"]), (&"staff".into(), &().into()));
    assert!(!seen.to_string().contains(&admin.name), "{seen}");
    let refused = doors.list(&member, "/api/customer/audits", "list_own_audits").await;
    assert!(refused["list"].is_null(), "{refused}");
}

#[tokio::test]
async fn programs_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_over_server_functions() {
    scenario(Through::ServerFns).await;
}

#[tokio::test]
async fn the_page_and_the_workbook_say_the_same() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let added = MemberCreate { username: "newcomer".to_owned(), ..Default::default() };
    customers::add_member(server.platform(), &admin.ctx(), acme.id, added).await.unwrap();
    let owner = server.browser(&acme.owner).await;
    let page = server.get(&owner, "/audit").await;
    assert!(page.status == 200 && page.text.contains("Add a member") && page.text.contains("Staff of the platform"));
    assert!(!page.text.contains(&admin.name), "{}", page.text);
    let none = server.get(&owner, "/audit?action=allocations%3Acreate").await;
    assert!(!none.text.contains("Add a member</span>") && none.text.contains("No events match"), "{}", none.text);
    let file = server.get(&owner, "/api/customer/audits/export").await;
    assert_eq!(file.status, 200);
    assert!(file.header("content-type").contains("spreadsheetml"), "{}", file.header("content-type"));
    let noted = "select customer_id::text from audit_events where action = 'audit:export'";
    assert_eq!(server.sql(noted).await, [acme.id.to_string()], "it is in the log, which the customer sees");
    let unknown = server.get(&owner, "/api/customer/audits?outcome=done").await;
    assert_eq!(unknown.code(), 1001, "only what it has");
}

/// Why staff looked is on the page, in the answer and in the workbook; what is filtered is said, and the columns have names.
#[tokio::test]
async fn the_customer_reads_why_and_both_lists_say_what_they_show() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let read = audit::Entry {
        action: "instances:read-logs",
        target_kind: "instance",
        target_id: Some("7".to_owned()),
        customer: Some(acme.id),
        before: None,
        after: Some(serde_json::json!({ "name": "training", "reason": "you asked for help", "remark": "between us" })),
    };
    let mut tx = server.platform().db().begin(&admin.ctx()).await.unwrap();
    audit::record_in_tx(&mut tx, &admin.ctx(), read).await.unwrap();
    tx.commit().await.unwrap();
    let (owner, staff) = (server.browser(&acme.owner).await, server.browser(&admin).await);
    let page = server.get(&owner, "/audit").await.text;
    for said in ["you asked for help", "Instance training", "log-head"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!page.contains("between us"));
    let rest = server.get(&owner, "/api/customer/audits").await.data();
    assert_eq!(rest["list"][0]["reason"], "you asked for help");
    let book = server.get(&owner, "/api/customer/audits/export").await;
    assert_eq!(book.status, 200);
    let filtered = server.get(&owner, "/audit?via=cli").await.text;
    assert!(filtered.contains("Filtered by") && filtered.contains("No events match"), "{filtered}");
    let none = server.get(&owner, "/audit?address=nowhere").await.text;
    assert!(none.contains("is no address") && none.contains("you asked for help"), "{none}");

    let of_acme = server.get(&staff, &format!("/admin/audit?customerId={}", acme.id)).await.text;
    let says = of_acme.split("Filtered by").nth(1).expect("the page says that it is filtered");
    assert!(says.contains("Acme") && of_acme.contains("log-head"), "{says}");
    assert!(!server.get(&staff, "/admin/audit").await.text.contains("Filtered by"));
    let refused = server.get(&staff, "/api/admin/audits?address=nowhere").await;
    assert_eq!(refused.fields().keys().collect::<Vec<_>>(), ["address"]);
}

/// A row that stands for many says so to the customer as well, who would take it for one.
#[tokio::test]
async fn the_customer_reads_of_how_many_a_row_is() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let (first, last) = ("2026-01-05T10:00:00Z", "2026-01-05T10:09:00Z");
    let told = audit::Entry {
        action: "machines:update",
        target_kind: "machine",
        target_id: None,
        customer: Some(acme.id),
        before: None,
        after: Some(serde_json::json!({ "repeats": 4711, "from": first, "until": last, "missing": "between us" })),
    };
    audit::record_failed(server.platform(), &acme.member.ctx(), told).await.unwrap();
    let owner = server.browser(&acme.owner).await;
    let row = server.get(&owner, "/api/customer/audits").await.data()["list"][0].clone();
    assert_eq!((&row["repeats"], &row["from"], &row["until"]), (&4711.into(), &first.into(), &last.into()), "{row}");
    assert!(!row.to_string().contains("between us"), "{row}");
    let page = server.get(&owner, "/audit").await.text;
    assert!(page.contains("Times refused") && page.contains("2026-01-05T10:09:00"), "{page}");
    let book = server.get(&owner, "/api/customer/audits/export").await;
    assert_eq!(book.status, 200);
}

async fn record(test: &TestPlatform) {
    let entry = audit::Entry {
        action: "machines:update",
        target_kind: "machine",
        target_id: None,
        customer: None,
        before: None,
        after: None,
    };
    audit::record_failed(&test.platform, &test.platform.system(SystemActor::Operator), entry).await.unwrap();
    eventually("the row to be sealed", async || {
        audit::seal(&test.platform).await.unwrap();
        let left = "select count(*) from audit_events e where not exists
                    (select from audit_seals s where s.audit_id = e.id)";
        (rows(test, left).await == ["0"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn each_day_gets_one_line_and_a_rewritten_day_shows() {
    let test = TestPlatform::new().await;
    let folder = std::env::temp_dir().join(format!("remotegpu-anchors-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("audit.anchors");
    assert!(!anchors::note(&test.platform, &file).await.unwrap(), "nothing is sealed yet");
    record(&test).await;
    assert!(anchors::note(&test.platform, &file).await.unwrap());
    record(&test).await;
    assert!(!anchors::note(&test.platform, &file).await.unwrap(), "the day has its line");
    test.clock().advance(chrono::TimeDelta::days(1));
    assert!(anchors::note(&test.platform, &file).await.unwrap());
    let lines = anchors::read(&file).unwrap();
    assert_eq!(lines.iter().map(|(_, anchor)| anchor.position).collect::<Vec<_>>(), [1, 2]);
    let says = server::verify::verify(&test.platform, (None, Some(&file)), &[]).await.unwrap();
    assert!(says.contains("2 ends that were noted are in it"), "{says}");

    // Changed and chained anew by who owns the database: whole in itself, and not what was noted.
    rows(&test, "delete from audit_seals returning position").await;
    rows(&test, "update audit_events set actor_name = 'nobody' where id = 1 returning id").await;
    record(&test).await;
    let broken = server::verify::verify(&test.platform, (None, Some(&file)), &[]).await.unwrap_err();
    assert!(broken.to_string().contains("position 1"), "{broken}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_day_that_does_not_read_is_said_on_every_page_of_days_and_a_word_at_its_field() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (staff, owner) = (server.token(&admin).await, server.token(&acme.owner).await);
    for (who, page) in [
        (&staff, "/admin/audit"),
        (&owner, "/audit"),
        (&staff, "/admin/jobs"),
        (&staff, "/admin/billing"),
        (&owner, "/billing"),
        (&staff, "/admin/instances/access"),
        (&owner, "/instances/access"),
        (&staff, "/admin/instances/access/recordings"),
        (&owner, "/instances/access/recordings"),
    ] {
        let says = "“garbage” is no day";
        assert!(server.get(who, &format!("{page}?from=garbage")).await.text.contains(says), "{page}");
        assert!(!server.get(who, &format!("{page}?from=2026-01-31")).await.text.contains("is no day"), "{page}");
    }
    let refused = server.get(&staff, "/api/admin/audits?outcome=zzz").await;
    assert_eq!((refused.status, refused.code()), (400, 1000));
    assert_eq!(refused.fields().keys().collect::<Vec<_>>(), ["outcome"]);
}

/// What is refused before any operation is asked, and pages that are nothing but a form.
#[tokio::test]
async fn bad_tokens_other_sites_and_pages_of_forms_are_told() {
    let server = Server::start().await;
    let operator = server.test.operator("operator").await;
    let browser = server.browser(&operator).await;
    assert_eq!(server.get(&Who::Bearer("rgpu_made_up".to_owned()), "/api/auth/profile").await.status, 401);
    let Who::Cookie(cookie) = &browser else { unreachable!() };
    let foreign = server
        .bare(Method::POST, "/api/auth/logout")
        .header(header::COOKIE, cookie)
        .header(header::ORIGIN, "https://evil.example");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    for page in ["/admin/users/new", "/admin/machines/new"] {
        assert_eq!(server.get(&browser, page).await.status, 404, "{page}");
    }
    let told =
        "select concat_ws(' ', outcome, actor_kind, action) from audit_events where outcome <> 'done' order by id";
    let expected = [
        "failed anonymous accounts:bad-token",
        "failed user accounts:foreign-origin",
        "denied user users:create",
        "denied user machines:create",
    ];
    assert_eq!(server.sql(told).await, expected);
}

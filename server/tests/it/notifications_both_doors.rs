//! What one is told and how one wants to be told, through both doors.

use chrono::TimeDelta;
use contract::allocations::AllocationCreate;
use contract::machines::MaintenanceCreate;
use platform::{allocations, machines};
use serde_json::{Value, json};

use crate::both::{Doors, Through};
use crate::harness::{Server, Who};

/// Acme has two machines that will be out for a day: two notifications for each of its people.
async fn told() -> (Server, test_support::TestCustomer) {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    for code in ["host-001", "host-002"] {
        server.test.node(code).await;
        let body = AllocationCreate { customer_id: Some(acme.id), months: Some(2), ..Default::default() };
        allocations::create(server.platform(), &admin.ctx(), code, body).await.unwrap();
        let now = server.test.clock().now();
        let window = MaintenanceCreate {
            starts_at: Some(now + TimeDelta::days(3)),
            ends_at: now + TimeDelta::days(4),
            message: "New fans".to_owned(),
        };
        machines::plan_maintenance(server.platform(), &admin.ctx(), code, window).await.unwrap();
    }
    // That they were given them was told as well, and read.
    server.sql("delete from notifications where kind = 'allocation-given' returning id").await;
    (server, acme)
}

async fn scenario(through: Through) {
    let (server, acme) = told().await;
    let globex = server.test.customer("Globex").await;
    let doors = Doors { server: &server, through };
    let (owner, other) = (doors.who(&acme.owner).await, doors.who(&globex.owner).await);
    let list = async |who: &Who| doors.list(who, "/api/customer/notifications", "list_notifications").await;
    let read = async |who: &Who, id: &str| {
        let path = format!("/api/customer/notifications/{id}/read");
        doors.call(who, (&path, json!({})), ("read_notification", &[("id", id)])).await
    };
    let unread = |page: &Value| {
        let rows = page["list"].as_array().unwrap();
        rows.iter().filter(|row| row["readAt"].is_null()).count()
    };

    let page = list(&owner).await;
    assert_eq!((page["total"].as_u64(), unread(&page)), (Some(2), 2), "{page}");
    let newest = &page["list"][0];
    assert_eq!((&newest["kind"], &newest["link"]), (&json!("maintenance-planned"), &json!("/machines/host-002")));
    assert!(newest["message"].as_str().unwrap().ends_with("New fans"), "{newest}");
    assert_eq!(list(&other).await["total"], 0);
    let id = newest["id"].to_string();
    assert_eq!(read(&Who::Nobody, &id).await.0, 1100);
    assert_eq!(read(&other, &id).await, (1300, vec![]), "another's is not there");
    assert_eq!(read(&owner, &id).await, (0, vec![]));
    assert_eq!(read(&owner, &id).await, (0, vec![]));
    assert_eq!(unread(&list(&owner).await), 1);
    let all = ("/api/customer/notifications/read-all", json!({}));
    assert_eq!(doors.call(&owner, all, ("read_all_notifications", &[])).await, (0, vec![]));
    assert_eq!(unread(&list(&owner).await), 0);
    let of_the_member = "select count(*) from notifications where read_at is null";
    assert_eq!(server.count(of_the_member).await, 2, "nobody reads for somebody else");
    choices(&doors, &owner).await;
}

async fn choices(doors: &Doors<'_>, owner: &Who) {
    let server = doors.server;
    let path = "/api/customer/settings/notifications";
    let choose =
        async |body: Value, form: &[(&str, &str)]| doors.put(owner, (path, body), ("choose_notifications", form)).await;
    let half = choose(json!({ "quietFrom": "22:00" }), &[("quiet_from", "22:00")]).await;
    assert_eq!(half, (1000, vec!["quietUntil".to_owned()]));
    let none = json!({ "quietFrom": "22:00", "quietUntil": "25:00" });
    let none = choose(none, &[("quiet_from", "22:00"), ("quiet_until", "25:00")]).await;
    assert_eq!(none, (1000, vec!["quietUntil".to_owned()]));
    let kinds = ["allocation-ending", "renewal-decided", "maintenance-planned", "invitation-accepted"];
    // What may be somebody else's doing is told whatever is chosen.
    let choice = |kind: &str, ways: [bool; 3]| {
        let [in_app, mail, webhook] = ways;
        json!({ "kind": kind, "inApp": in_app, "mail": mail, "webhook": webhook })
    };
    let decided = |kind: &str| kind == "renewal-decided";
    let mut body: Vec<_> = kinds.iter().map(|kind| choice(kind, [true, decided(kind), !decided(kind)])).collect();
    body.push(choice("password-changed", [true; 3]));
    let body = json!({ "choices": body, "quietFrom": "22:00", "quietUntil": "07:30" });
    let mut form: Vec<_> = kinds.iter().map(|kind| ("in_app[]", *kind)).collect();
    form.extend(kinds.iter().filter(|kind| !decided(kind)).map(|kind| ("webhook[]", *kind)));
    form.extend([("mail[]", "renewal-decided"), ("quiet_from", "22:00"), ("quiet_until", "07:30")]);
    assert_eq!(choose(body, &form).await, (0, vec![]));
    let kept = "select kind from notification_choices
                where in_app and mail = (kind = 'renewal-decided') and webhook = (kind <> 'renewal-decided')
                order by kind";
    let mut sorted = kinds;
    sorted.sort_unstable();
    assert_eq!(server.sql(kept).await, sorted);
    assert_eq!(server.sql("select from_minute, until_minute from notification_quiet").await, ["1320\t450"]);
    if matches!(doors.through, Through::Rest) {
        let silent = json!({ "choices": [choice("second-factor-changed", [false; 3])] });
        assert_eq!(choose(silent, &[]).await, (1000, vec!["choices".to_owned()]));
        assert_eq!(choose(json!({}), &[]).await, (0, vec![]));
        assert_eq!(server.sql("select from_minute from notification_quiet").await, ["1320"], "absent is unchanged");
        assert_eq!(choose(json!({ "quietFrom": "", "quietUntil": "" }), &[]).await, (0, vec![]));
        assert_eq!(server.count("select count(*) from notification_quiet").await, 0);
    }
    let audit = "select distinct via from audit_events where action = 'accounts:update-notifications'";
    assert_eq!(server.sql(audit).await, [doors.via()]);
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
async fn the_bell_counts_and_a_refused_form_brings_its_boxes_back() {
    let (server, acme) = told().await;
    let owner = server.browser(&acme.owner).await;
    let page = server.get(&owner, "/account").await.text;
    let badge = page.split_once("class=\"badge\"").expect("the bell has a badge").1;
    assert_eq!(badge.split_once('>').unwrap().1.split_once('<').unwrap().0, "2");
    let form = [("in_app[]", "renewal-decided"), ("quiet_from", "22:00"), ("quiet_until", "")];
    let request = server.bare(http::Method::POST, &crate::harness::sfn("choose_notifications"));
    let request = server.signed(&owner, request.header("accept", "text/html,*/*;q=0.8"));
    let refused = crate::harness::Answer::of(server.form(request, &form)).await;
    let address = refused.header("location").to_owned();
    assert!(address.starts_with("/account?refused="), "{refused:?}");
    let page = server.get(&owner, &address).await.text;
    let boxes = page.split("<input").filter(|input| input.contains("name=\"in_app[]\""));
    let boxes: Vec<_> = boxes.map(|input| input.split('>').next().unwrap()).collect();
    let (fixed, free): (Vec<_>, Vec<_>) = boxes.into_iter().partition(|input| input.contains("disabled"));
    assert!(!fixed.is_empty() && fixed.iter().all(|input| input.contains("checked")), "{fixed:?}");
    let chosen: Vec<_> = free.into_iter().filter(|input| input.contains("checked")).collect();
    assert!(chosen.len() == 1 && chosen[0].contains("renewal-decided"), "the one that was chosen: {chosen:?}");
    assert!(page.contains("value=\"22:00\""), "the hour that was typed");
}

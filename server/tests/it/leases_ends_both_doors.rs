//! Where leases begin and end, and what is in the way of it: said through both doors, and on the pages beforehand.

use contract::allocations::{AllocationCreate, AllocationRenew, RenewalRequestCreate};
use contract::machines::MachineAction;
use platform::{allocations, machines};
use serde_json::json;

use crate::both::{Doors, Through};
use crate::harness::{Server, Who};

/// Periods the wrong way round, ends that somebody else moved meanwhile, and answers that would take time away.
async fn ends(through: Through) {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    server.test.node("host-001").await;
    let doors = Doors { server: &server, through };
    let staff = doors.who(&admin).await;
    let customer = acme.id.to_string();
    let day = |days: i64| (server.test.clock().now() + chrono::TimeDelta::days(days)).format("%F").to_string();
    let midnight = |days: i64| format!("{}T00:00:00Z", day(days));

    let body = json!({ "customerId": acme.id, "startsAt": midnight(20), "endsAt": midnight(10) });
    let (first, last) = (day(20), day(10));
    let form =
        [("code", "host-001"), ("form[customer]", &*customer), ("form[starts]", &*first), ("form[ends]", &*last)];
    let path = "/api/admin/machines/host-001/allocate";
    let refused = doors.call(&staff, (path, body), ("allocate_machine", &form)).await;
    assert_eq!(refused, (1000, vec!["endsAt".to_owned()]), "the last day lies before the first");

    let lease = AllocationCreate { customer_id: Some(acme.id), months: Some(2), ..Default::default() };
    let made = allocations::create(server.platform(), &admin.ctx(), "host-001", lease).await.unwrap().allocation;
    let (id, revision) = (made.id.to_string(), made.revision.to_string());
    let renew = async || {
        let path = format!("/api/admin/allocations/{id}/renew");
        let form = [("id", &*id), ("form[months]", "1"), ("form[revision]", &*revision)];
        let body = json!({ "months": 1, "revision": made.revision });
        doors.call(&staff, (&path, body), ("renew_allocation", &form)).await
    };
    assert_eq!(renew().await, (0, vec![]));
    assert_eq!(renew().await, (1400, vec![]), "another tab was quicker");

    let wish = RenewalRequestCreate { months: Some(2), message: None };
    let asked = allocations::request_renewal(server.platform(), &acme.owner.ctx(), "host-001", wish).await.unwrap();
    let request = asked.allocation.open_request.unwrap().to_string();
    let sooner = day(5);
    let form = [("id", &*request), ("form[decision]", "approve"), ("form[ends]", &*sooner)];
    let path = format!("/api/admin/renewal-requests/{request}/decide");
    let body = json!({ "approve": true, "endsAt": midnight(5) });
    let refused = doors.call(&staff, (&path, body), ("decide_renewal", &form)).await;
    assert_eq!(refused, (1000, vec!["endsAt".to_owned()]), "more time was asked for");

    // Who asked may not want it any more, once.
    let (owner, member) = (doors.who(&acme.owner).await, doors.who(&acme.member).await);
    let withdraw = async |who: &Who| {
        let path = "/api/customer/machines/host-001/renewal-requests/withdraw";
        doors.call(who, (path, json!({})), ("withdraw_renewal", &[("code", "host-001")])).await
    };
    assert_eq!(withdraw(&member).await, (1200, vec![]));
    assert_eq!(withdraw(&owner).await, (0, vec![]));
    assert_eq!(withdraw(&owner).await, (1402, vec![]));
    let path = format!("/api/admin/renewal-requests/{request}/decide");
    let form = [("id", &*request), ("form[decision]", "approve")];
    let late = doors.call(&staff, (&path, json!({ "approve": true })), ("decide_renewal", &form)).await;
    assert_eq!(late, (1402, vec![]), "nobody asks any more");
}

#[tokio::test]
async fn programs_move_ends_over_rest() {
    ends(Through::Rest).await;
}

#[tokio::test]
async fn people_move_ends_over_server_functions() {
    ends(Through::ServerFns).await;
}

/// What is there can be read and downloaded until the machine is taken back, so the way in is told until then.
#[tokio::test]
async fn the_way_onto_a_machine_is_told_until_the_grace_is_over() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let staff = server.token(&admin).await;
    let (program, browser) = (server.token(&acme.member).await, server.browser(&acme.member).await);
    let machine = json!({ "id": "host-001", "name": "One", "privateAddress": "10.2.0.7" });
    assert_eq!(server.post(&staff, "/api/admin/machines", machine).await.status, 201);
    let lease = json!({ "customerId": acme.id, "months": 1 });
    let made = server.post(&staff, "/api/admin/machines/host-001/allocate", lease).await;
    let id = made.data()["allocation"]["id"].to_string();
    let period = "starts_at = now() - interval '2 days', ends_at = now() - interval '1 day',
                  hold = tstzrange(now() - interval '2 days', now() + interval '2 days')";
    server.sql(&format!("update allocations set state = 'grace', {period} where id = {id} returning id")).await;
    let told = server.get(&program, "/api/customer/machines/host-001/ssh").await;
    assert_eq!((told.status, &told.data()["command"]), (200, &"ssh 10.2.0.7".into()), "{}", told.text);
    let page = server.get(&browser, "/machines/host-001").await.text;
    assert!(page.contains("<code>ssh 10.2.0.7</code>") && page.contains("to read and download"), "{page}");
    // The workbench says so before anybody opens the machine.
    let home = server.get(&browser, "/").await.text;
    assert!(home.contains("Your period is over.") && home.contains("to read and download"), "{home}");
    assert!(home.contains("Over, grace until"), "{home}");
    // How it is doing now is not theirs any more.
    let live = server.get(&program, "/api/customer/machines/host-001/monitoring").await;
    assert_eq!(live.status, 404, "{}", live.text);

    assert_eq!(server.post(&staff, &format!("/api/admin/allocations/{id}/reclaim"), json!({})).await.status, 200);
    assert_eq!(server.get(&program, "/api/customer/machines/host-001/ssh").await.status, 404);
    let page = server.get(&browser, "/machines/host-001").await.text;
    assert!(!page.contains("ssh 10.2.0.7"), "{page}");
}

/// Whoever takes a machine out of service reads which lease waits for it; that it waits is told through both doors.
#[tokio::test]
async fn draining_says_what_will_wait() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (p, ctx) = (server.platform(), admin.ctx());
    server.test.node("host-001").await;
    let starts_at = Some(server.test.clock().now() + chrono::TimeDelta::days(5));
    let lease = AllocationCreate { customer_id: Some(acme.id), starts_at, months: Some(1), ..Default::default() };
    let id = allocations::create(p, &ctx, "host-001", lease).await.unwrap().allocation.id;
    let (staff, owner) = (server.browser(&admin).await, server.browser(&acme.owner).await);
    let page = async |path: &str| server.get(&staff, path).await.text;
    let waits = "The allocation of Acme that begins at";
    for path in ["/admin/machines/host-001/service", "/admin/machines/bulk?action=drain&ids=host-001"] {
        assert!(page(path).await.contains(waits), "{path}");
    }
    assert!(!page("/admin/machines/bulk?action=monitoring-off&ids=host-001").await.contains(waits));
    let taken_out = server.post(&server.token(&admin).await, "/api/admin/machines/host-001/cordon", json!({})).await;
    let (machine, waiting) = (taken_out.data(), taken_out.data()["scheduled"].clone());
    assert_eq!((&machine["id"], &machine["serviceState"]), (&json!("host-001"), &json!("cordoned")), "{machine}");
    assert_eq!((&waiting[0]["customerName"], &waiting[0]["allocationId"]), (&json!("Acme"), &json!(id)), "{waiting}");
    // Of many, the same is named of each.
    let many = json!({ "ids": ["host-001"], "action": "drain" });
    let drained = server.post(&server.token(&admin).await, "/api/admin/machines/bulk", many).await.data()[0].clone();
    assert_eq!((&drained["id"], &drained["done"]), (&json!("host-001"), &json!(true)), "{drained}");
    assert_eq!(drained["scheduled"], waiting, "{drained}");
    let cordon = [("action", "cordon"), ("ids[]", "host-001")];
    let cordoned = server.call(&staff, "act_on_machines", &cordon).await;
    assert!(cordoned.text.contains("\"scheduled\":[{\"allocationId\""), "{}", cordoned.text);
    machines::act(p, &ctx, "host-001", MachineAction::Drain, None).await.unwrap();
    let shown = page(&format!("/admin/allocations/{id}")).await;
    assert!(shown.contains("The end can be moved earlier."), "said before it is tried: {shown}");
    assert!(!shown.contains("/handover"), "nothing was handed over: {shown}");

    let due = "starts_at = now() - interval '1 hour', hold = tstzrange(now() - interval '1 hour', upper(hold))";
    server.sql(&format!("update allocations set {due} where id = {id} returning id")).await;
    allocations::advance(p).await.unwrap();
    let seen = server.get(&staff, &format!("/api/admin/allocations/{id}")).await.data()["allocation"].clone();
    assert_eq!(seen["state"], "scheduled");
    assert!(seen["waitsSince"].is_string(), "{seen}");
    assert!(page(&format!("/admin/allocations/{id}")).await.contains("it begins when the machine is back"));
    for path in ["/admin/allocations", "/admin/machines"] {
        assert!(page(path).await.contains("Waits for the machine to be back in service"), "{path}");
    }
    let listed = server.get(&staff, "/api/admin/machines").await.data()["list"][0]["next"].clone();
    assert_eq!((&listed["customerName"], &listed["waitsFor"]), (&json!("Acme"), &json!("out-of-service")), "{listed}");
    assert!(server.get(&owner, "/").await.text.contains("Waits for the machine to be back in service"));
    let mine = server.get(&owner, "/machines/host-001").await.text;
    assert!(mine.contains("Your period was to have begun"), "{mine}");
}

/// Of many, each refusal says as much as it would alone.
#[tokio::test]
async fn what_is_refused_of_many_says_why_to_programs() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let globex = server.test.customer("Globex").await;
    server.test.node("host-001").await;
    let staff = server.token(&admin).await;
    let later = |days: i64| server.test.clock().now() + chrono::TimeDelta::days(days);
    let first = json!({ "customerId": acme.id, "endsAt": later(20) });
    let made = server.post(&staff, "/api/admin/machines/host-001/allocate", first).await;
    let id = made.data()["allocation"]["id"].clone();
    let next = json!({ "customerId": globex.id, "startsAt": later(25), "endsAt": later(60) });
    assert_eq!(server.post(&staff, "/api/admin/machines/host-001/allocate", next).await.status, 201);
    let bulk = json!({ "ids": [id], "action": "renew", "months": 1 });
    let refused = server.post(&staff, "/api/admin/allocations/bulk", bulk).await.data()[0].clone();
    assert!(refused["message"].as_str().unwrap().contains("Globex"), "{refused}");
    assert!(refused["fields"]["months"].as_str().unwrap().contains("Taken from 2"), "from when until when: {refused}");

    let window = json!({ "startsAt": later(1), "endsAt": later(3), "message": "New fans" });
    assert_eq!(server.post(&staff, "/api/admin/machines/host-001/maintenance", window.clone()).await.status, 201);
    let bulk = json!({ "ids": ["host-001"], "window": window });
    let refused = server.post(&staff, "/api/admin/machines/bulk/maintenance", bulk).await.data()[0].clone();
    assert_eq!(refused["done"], false);
    assert!(refused["fields"]["startsAt"].as_str().is_some_and(|why| !why.is_empty()), "{refused}");

    // Many are asked for as one is, and what is wrong with the window is said by the same names.
    let one = "/api/admin/machines/host-001/maintenance";
    let many = "/api/admin/machines/bulk/maintenance";
    let plan = json!({ "ids": ["host-001"], "startsAt": later(5), "endsAt": later(6), "message": "New disks" });
    assert_eq!(server.post(&staff, many, plan).await.data()[0]["done"], true);
    let cases = [
        (one, json!({ "endsAt": later(8) }), "message"),
        (one, json!({ "message": "New fans" }), "endsAt"),
        (one, json!({ "startsAt": later(9), "endsAt": later(8), "message": "New fans" }), "endsAt"),
        (many, json!({ "ids": ["host-001"], "endsAt": later(8) }), "message"),
        (many, json!({ "ids": ["host-001"], "message": "New fans" }), "endsAt"),
        (
            many,
            json!({ "ids": ["host-001"], "startsAt": later(9), "endsAt": later(8), "message": "New fans" }),
            "endsAt",
        ),
        (many, json!({ "ids": ["host-001"], "startsAt": "soon", "endsAt": later(8), "message": "x" }), "startsAt"),
        (many, json!({ "ids": ["host-001"], "window": { "message": "New fans" } }), "window.endsAt"),
        (many, json!({ "ids": ["host-001"], "endsAt": later(8), "window": window_of(later(7), later(8)) }), "window"),
    ];
    for (path, body, field) in cases {
        let refused = server.post(&staff, path, body.clone()).await;
        let named = (refused.status, refused.code(), refused.fields().into_keys().collect::<Vec<_>>());
        assert_eq!(named, (400, 1000, vec![field.to_owned()]), "{path}: {body}");
    }
}

fn window_of(starts_at: chrono::DateTime<chrono::Utc>, ends_at: chrono::DateTime<chrono::Utc>) -> serde_json::Value {
    json!({ "startsAt": starts_at, "endsAt": ends_at, "message": "New fans" })
}

/// What is called off is not called taken back, and a renewal is shown with the end it gives.
#[tokio::test]
async fn a_look_at_many_says_what_becomes_of_each() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (p, ctx) = (server.platform(), admin.ctx());
    let starts_at = Some(server.test.clock().now() + chrono::TimeDelta::days(5));
    let mut ids = Vec::new();
    for (code, starts_at) in [("host-001", None), ("host-002", starts_at)] {
        server.test.node(code).await;
        let lease = AllocationCreate { customer_id: Some(acme.id), starts_at, months: Some(1), ..Default::default() };
        ids.push(allocations::create(p, &ctx, code, lease).await.unwrap().allocation.id);
    }
    let staff = server.browser(&admin).await;
    let look = async |action: &str, some: &[contract::AllocationId]| {
        let ids: String = some.iter().map(|id| format!("&ids={id}")).collect();
        server.get(&staff, &format!("/admin/allocations/bulk?action={action}{ids}")).await.text
    };
    let both = look("reclaim", &ids).await;
    for says in ["Will be taken back", "Will be cancelled: it has not begun", "access ends at once", "does not begin"] {
        assert!(both.contains(says), "{says}: {both}");
    }
    let scheduled = look("reclaim", &ids[1..]).await;
    assert!(!scheduled.contains("access ends at once") && !scheduled.contains("Will be taken back"), "{scheduled}");
    let more = AllocationRenew { months: Some(2), ..Default::default() };
    let renewed = look("renew&months=2", &ids[..1]).await;
    let end = allocations::renew(p, &ctx, ids[0], more).await.unwrap().allocation.ends_at;
    let end = format!("datetime=\"{}\"", end.to_rfc3339());
    assert!(renewed.contains("Will be renewed, until") && renewed.contains(&end), "{end}: {renewed}");
}

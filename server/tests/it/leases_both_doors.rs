//! The lending of a machine through both doors: what programs and people do means the same.

use contract::allocations::{AllocationCreate, RenewalRequestCreate};
use contract::machines::MachineAction;
use platform::{allocations, machines};
use serde_json::json;

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who};

async fn scenario(through: Through) {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let acme = server.test.customer("Acme").await;
    let globex = server.test.customer("Globex").await;
    server.test.node("host-001").await;
    let doors = Doors { server: &server, through };
    let (staff, owner, other) = (doors.who(&admin).await, doors.who(&acme.owner).await, doors.who(&globex.owner).await);
    let (acme_id, globex_id) = (acme.id.to_string(), globex.id.to_string());
    let allocate = async |customer: &str, months: &str| {
        let body = json!({ "customerId": customer.parse::<i64>().unwrap(), "months": months.parse::<u32>().unwrap() });
        let form = [("code", "host-001"), ("form[customer]", customer), ("form[months]", months)];
        doors.call(&staff, ("/api/admin/machines/host-001/allocate", body), ("allocate_machine", &form)).await
    };

    assert_eq!(allocate(&acme_id, "0").await, (1000, vec!["months".to_owned()]));
    assert_eq!(allocate("999999", "1").await, (1000, vec!["customerId".to_owned()]));
    assert_eq!(allocate(&acme_id, "2").await, (0, vec![]));
    assert_eq!(allocate(&globex_id, "1").await, (1400, vec!["months".to_owned()]));

    let mine = doors.list(&owner, "/api/customer/machines", "list_my_machines").await;
    assert_eq!((&mine["total"], &mine["list"][0]["machine"]), (&json!(1), &json!("host-001")));
    assert_eq!(mine["list"][0]["state"], "active");
    let theirs = doors.list(&other, "/api/customer/machines", "list_my_machines").await;
    assert_eq!(theirs["total"], 0);
    let id = mine["list"][0]["id"].to_string();

    let ask = async |who: &Who| {
        let body = json!({ "months": 1, "message": "more" });
        let form = [("code", "host-001"), ("form[months]", "1"), ("form[word]", "more")];
        let path = "/api/customer/machines/host-001/renewal-requests";
        doors.call(who, (path, body), ("request_renewal", &form)).await
    };
    assert_eq!(ask(&other).await, (1300, vec![]));
    assert_eq!(ask(&owner).await, (0, vec![]));
    assert_eq!(ask(&owner).await, (1000, vec!["months".to_owned()]));
    let all = doors.list(&staff, "/api/admin/allocations", "list_allocations").await;
    let request = all["list"][0]["openRequest"].to_string();
    let decide = async |who: &Who, approve: bool, word: &str| {
        let decision = if approve { "approve" } else { "refuse" };
        let answer = (!word.is_empty()).then_some(word);
        let form = [("id", request.as_str()), ("form[decision]", decision), ("form[word]", word)];
        let path = format!("/api/admin/renewal-requests/{request}/decide");
        doors.call(who, (&path, json!({ "approve": approve, "answer": answer })), ("decide_renewal", &form)).await
    };
    assert_eq!(decide(&owner, true, "").await.0, 1200);
    assert_eq!(decide(&staff, false, "").await, (1000, vec!["answer".to_owned()]));
    assert_eq!(decide(&staff, true, "").await, (0, vec![]));
    assert_eq!(decide(&staff, true, "").await, (1402, vec![]));

    let end = async |who: &Who| {
        let path = format!("/api/admin/allocations/{id}/reclaim");
        doors.call(who, (&path, json!({})), ("end_allocation", &[("id", id.as_str())])).await
    };
    assert_eq!(end(&other).await.0, 1300);
    assert_eq!(end(&staff).await, (0, vec![]));
    assert_eq!(end(&staff).await, (1402, vec![]));
    let gone =
        Answer::of(server.request(&owner, http::Method::GET, "/api/customer/machines/host-001/monitoring")).await;
    assert_eq!(gone.status, 404, "access ended with it");

    let actions = "select action || ' ' || via from audit_events where target_kind = 'allocation' and outcome = 'done' order by id";
    let via = doors.via();
    let expected = ["create", "request-renewal", "renew", "end"].map(|verb| format!("allocations:{verb} {via}"));
    assert_eq!(server.sql(actions).await, expected);
}

#[tokio::test]
async fn programs_lend_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_lend_over_server_functions() {
    scenario(Through::ServerFns).await;
}

#[tokio::test]
async fn the_way_onto_a_machine_is_what_staff_entered_and_never_its_secret() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let acme = server.test.customer("Acme").await;
    let staff = server.token(&admin).await;
    let (program, browser) = (server.token(&acme.member).await, server.browser(&acme.member).await);
    let machine = json!({ "id": "host-001", "name": "One", "privateAddress": "10.2.0.7" });
    assert_eq!(server.post(&staff, "/api/admin/machines", machine).await.status, 201);
    let lease = json!({ "customerId": acme.id, "months": 1 });
    assert_eq!(server.post(&staff, "/api/admin/machines/host-001/allocate", lease).await.status, 201);
    let seen = async || {
        let rest = server.get(&program, "/api/customer/machines/host-001/ssh").await;
        let page = server.signed(&browser, server.bare(http::Method::GET, "/machines/host-001"));
        let page = Answer::of(page.header("accept", "text/html")).await;
        assert_eq!((rest.status, page.status), (200, 200));
        assert!(!rest.text.contains("sesame") && !page.text.contains("sesame"), "the secret stays");
        let command = rest.data()["command"].as_str().unwrap().to_owned();
        assert!(page.text.contains(&format!("<code>{command}</code>")), "{command}");
        (command, page.text.contains("has not entered which user"))
    };
    assert_eq!(seen().await, ("ssh 10.2.0.7".to_owned(), true), "nobody's name is made up");
    let connection = json!({ "user": "gpu", "port": 2222, "password": "open sesame" });
    assert_eq!(server.put(&staff, "/api/admin/machines/host-001/connection", connection).await.status, 200);
    assert_eq!(seen().await, ("ssh -p 2222 gpu@10.2.0.7".to_owned(), false));
}

#[tokio::test]
async fn pages_of_a_machine_say_who_has_it_and_why_it_is_out() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    for code in ["host-001", "host-002"] {
        server.test.node(code).await;
    }
    let (p, ctx) = (server.platform(), admin.ctx());
    let ends_at = server.test.clock().now() + chrono::TimeDelta::days(47);
    let lease = AllocationCreate { customer_id: Some(acme.id), ends_at: Some(ends_at), ..Default::default() };
    let id = allocations::create(p, &ctx, "host-001", lease).await.unwrap().allocation.id;
    let wish = RenewalRequestCreate { months: Some(1), message: Some("a paper".to_owned()) };
    allocations::request_renewal(p, &acme.owner.ctx(), "host-001", wish).await.unwrap();
    machines::act(p, &ctx, "host-002", MachineAction::Cordon, Some("New fans".to_owned())).await.unwrap();

    let staff = server.browser(&admin).await;
    let page = async |path: &str| server.get(&staff, path).await.text;
    let wall = page("/admin/metrics").await;
    assert!(wall.contains("Acme · 47 d left"), "{wall}");
    let list = page("/admin/machines").await;
    assert!(list.contains(&format!("href=\"/admin/allocations/{id}\"")) && list.contains("New fans"), "{list}");
    let held = page("/admin/machines/host-001").await;
    assert!(held.contains("id=\"lease\"") && held.contains("47 days left"), "{held}");
    assert!(held.contains(&format!("/admin/allocations/{id}#renew")) && held.contains("ask-reclaim"), "{held}");
    let free = page("/admin/machines/host-002").await;
    assert!(free.contains("Nobody has this machine now.") && free.contains("New fans"), "{free}");
    let allocation = page(&format!("/admin/allocations/{id}")).await;
    assert!(allocation.contains("id=\"request\"") && allocation.contains("a paper"), "{allocation}");
    let done = page("/admin/machines?did=delete&done=2&ids=a.b").await;
    assert!(done.contains("Done for 2 machines: Delete") && done.contains(">b</li>"), "{done}");
    let none = page("/admin/allocations?q=nobody").await;
    assert!(none.contains("No allocation matches these filters."), "{none}");
    // Nobody fills in a form that would be refused.
    let refused = page("/admin/machines/host-002/allocate").await;
    assert!(!refused.contains("allocate_machine") && refused.contains("This machine is not in service."), "{refused}");
    let owner = server.browser(&acme.owner).await;
    let mine = server.get(&owner, "/machines/host-001").await.text;
    assert!(mine.contains(&format!("data-seen=\"active {}\"", ends_at.timestamp())), "{mine}");
}

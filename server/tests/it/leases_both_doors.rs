//! The lending of a machine through both doors: what programs and people do means the same.

use contract::allocations::{AllocationCreate, RenewalRequestCreate};
use contract::machines::MachineAction;
use platform::{allocations, machines};
use serde_json::json;

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who, sfn};

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
        // The list has it too, to be copied.
        let list = server.get(&program, "/api/customer/machines").await.data();
        assert_eq!(list["list"][0]["ssh"], command.as_str());
        let home = Answer::of(server.signed(&browser, server.bare(http::Method::GET, "/"))).await;
        assert!(home.text.contains(&format!("data-text=\"{command}\"")), "{}", home.text);
        let bare = server.get(&program, "/api/customer/machines?load=false").await.data();
        assert!(bare["list"][0]["ssh"].is_null(), "{bare}");
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
    let made_up = page("/admin/machines?did=delete&done=999&ids=Call-Bob").await;
    // Forms know where one is.
    let made_up = made_up.replace("ids=Call-Bob\"", "").replace("ids%3DCall-Bob\"", "");
    assert!(!made_up.contains("Done for") && !made_up.contains("Call-Bob"), "{made_up}");
    let none = page("/admin/allocations?q=nobody").await;
    assert!(none.contains("No allocation matches these filters."), "{none}");
    // Nobody fills in a form that would be refused.
    let refused = page("/admin/machines/host-002/allocate").await;
    assert!(!refused.contains("allocate_machine") && refused.contains("This machine is not in service."), "{refused}");
    let owner = server.browser(&acme.owner).await;
    let mine = server.get(&owner, "/machines/host-001").await.text;
    let stands = format!("active {} asked", ends_at.format("%FT%T"));
    assert!(mine.contains(&format!("data-seen=\"{stands}\"")), "{mine}");
    // The workbench is followed, too.
    let home = server.get(&owner, "/").await.text;
    assert!(home.contains(&format!("data-seen=\"all; host-001 {stands} ")), "{home}");
}

/// Months that are typed count whether or not they were looked at before, all that became of it is said, and nothing else is.
#[tokio::test]
async fn many_are_renewed_by_the_months_that_are_typed() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (p, ctx) = (server.platform(), admin.ctx());
    let mut ids = Vec::new();
    for code in ["host-001", "host-002"] {
        server.test.node(code).await;
        let lease = AllocationCreate { customer_id: Some(acme.id), months: Some(1), ..Default::default() };
        ids.push(allocations::create(p, &ctx, code, lease).await.unwrap().allocation.id);
    }
    let (first, second) = (ids[0].to_string(), ids[1].to_string());
    let staff = server.browser(&admin).await;
    let page = async |path: &str| server.get(&staff, path).await.text;
    let send = async |function: &str, form: &[(&str, &str)]| {
        let request = server.bare(http::Method::POST, &sfn(function)).header("accept", "text/html");
        let answer = Answer::of(server.form(server.signed(&staff, request), form)).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        answer.header("location").to_owned()
    };
    let months = async || {
        let days = "round(extract(epoch from ends_at - starts_at) / 86400)";
        server.sql(&format!("select {days} from allocations where id = {first}")).await[0].parse::<i64>().unwrap()
    };
    let before = months().await;

    // The months stand in the very form that renews.
    let bulk = format!("/admin/allocations/bulk?action=renew&ids={first}");
    let shown = page(&bulk).await;
    let form =
        shown.split("act_on_allocations").nth(1).and_then(|rest| rest.split("</form>").next()).expect("the form");
    assert!(form.contains("name=\"months\"") && form.contains("name=\"preview\""), "{form}");
    let fields = [("action", "renew"), ("months", "6"), ("ids[]", &*first)];
    let preview = format!("/admin/allocations/bulk?action=renew&ids={first}");
    let look = [&fields[..], &[("preview", preview.as_str())]].concat();
    let looked = send("act_on_allocations", &look[..]).await;
    assert_eq!(looked, format!("{preview}&months=6"));
    assert_eq!(months().await, before, "a look changes nothing");
    assert!(page(&looked).await.contains("value=\"6\""));
    // Months that cannot be are none.
    let odd = page(&format!("{bulk}&months=999")).await;
    assert!(odd.contains("act_on_allocations") && !odd.contains("value=\"999\""), "{odd}");

    // Sent off all the same, the whole is refused, and the page says why.
    let too_many = [("action", "renew"), ("months", "999"), ("ids[]", &*first)];
    let back = send("act_on_allocations", &too_many[..]).await;
    let said = page(&back).await;
    assert!(said.contains("form-fault") && said.contains("host-001"), "{back}: {said}");
    assert_eq!(months().await, before);

    let done = send("act_on_allocations", &fields[..]).await;
    assert!((180..=186).contains(&(months().await - before)), "six months more");
    let said = page(&done).await;
    assert!(said.contains("1 allocation was renewed by 6 months."), "{said}");
    for forged in [done.replace("done=1", "done=77"), "/admin/allocations?did=renew&done=77".to_owned()] {
        let said = page(&forged).await;
        assert!(!said.contains("renewed by") && !said.contains("77 allocations"), "{forged}");
    }

    // One that is refused comes back with why, beside the number of the others.
    machines::act(p, &ctx, "host-002", MachineAction::Drain, None).await.unwrap();
    let fields = [("action", "renew"), ("months", "1"), ("ids[]", &*first), ("ids[]", &*second)];
    let left = send("act_on_allocations", &fields[..]).await;
    let said = page(&left).await;
    assert!(said.contains("1 is done; these are left.") && said.contains("host-002"), "{said}");
    // Other months may do for it, so the button promises nothing and is not held back.
    let (button, _) = said.split_once("Renew what can be renewed").expect("the button");
    let button = button.rsplit("<button").next().unwrap();
    assert!(!button.contains("disabled"), "{button}");
    let forged = page(&left.replace("done=1", "done=5")).await;
    assert!(!forged.contains("are done; these are left."), "{forged}");

    // The same of machines.
    machines::act(p, &ctx, "host-002", MachineAction::Uncordon, None).await.unwrap();
    let fields = [("action", "cordon"), ("ids[]", "host-001"), ("ids[]", "host-002")];
    let said = page(&send("act_on_machines", &fields[..]).await).await;
    assert!(said.contains("Done for 2 machines:") && said.contains(">host-002</li>"), "{said}");

    // What was looked for stays: by the list's form, by the preview, and by the answer to what is done.
    let list = page("/admin/machines?q=host-001").await;
    let bulk = list.split("id=\"bulk\"").nth(1).and_then(|rest| rest.split("</form>").next()).expect("the form");
    assert!(bulk.contains("name=\"q\"") && bulk.contains("value=\"host-001\""), "{bulk}");
    let preview = page("/admin/machines/bulk?action=uncordon&ids=host-001&q=host-001").await;
    assert!(preview.contains("value=\"/admin/machines?q=host-001\""), "{preview}");
    let fields = [("action", "uncordon"), ("ids[]", "host-001"), ("back", "/admin/machines?q=host-001")];
    let said = page(&send("act_on_machines", &fields[..]).await).await;
    assert!(said.contains("Done for 1 machine:") && !said.contains("/admin/machines/host-002"), "{said}");
}

/// Staff are staff for a customer, in the page and by REST; nobody is offered what would be refused.
#[tokio::test]
async fn customers_read_of_staff_as_staff_and_are_offered_only_what_they_may() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let name = format!("update users set display_name = 'Alice Root' where id = {} returning id", admin.id);
    server.sql(&name).await;
    server.test.node("host-001").await;
    let staff = server.token(&admin).await;
    let (owner, member) = (server.browser(&acme.owner).await, server.browser(&acme.member).await);
    let now = server.test.clock().now();
    let later = |days: i64| now + chrono::TimeDelta::days(days);
    let lease = json!({ "customerId": acme.id, "endsAt": later(6), "graceDays": 0 });
    let made = server.post(&staff, "/api/admin/machines/host-001/allocate", lease).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.data()["allocation"]["id"].to_string();
    let next = json!({ "customerId": acme.id, "startsAt": later(10), "endsAt": later(20) });
    assert_eq!(server.post(&staff, "/api/admin/machines/host-001/allocate", next).await.status, 201);
    let window = json!({ "startsAt": later(1), "endsAt": later(2), "message": "New fans" });
    let planned = server.post(&staff, "/api/admin/machines/host-001/maintenance", window).await;
    assert_eq!(planned.status, 201, "{}", planned.text);

    for who in [&owner, &member] {
        let seen = server.get(who, "/api/customer/machines/host-001").await;
        assert_eq!(seen.data()["events"][0]["actorName"], "Staff of the platform", "{}", seen.text);
        assert_eq!(seen.data()["allocation"]["maintenance"]["createdBy"], "Staff of the platform");
        let page = server.get(who, "/machines/host-001").await.text;
        assert!(page.contains("Staff of the platform") && page.contains("New fans"), "{page}");
        assert!(!seen.text.contains("Alice Root") && !page.contains("Alice Root"), "{page}");
    }
    let staffs = server.get(&staff, &format!("/api/admin/allocations/{id}")).await;
    assert_eq!(staffs.data()["events"][0]["actorName"], "Alice Root");
    // Maintenance is told of the lease it falls into alone.
    let list = server.get(&owner, "/api/customer/machines").await;
    let told = list.data()["list"].as_array().unwrap().iter().filter(|row| !row["maintenance"].is_null()).count();
    assert_eq!(told, 1, "{}", list.text);

    // Who may not ask is not asked to.
    server.sql(&format!("update allocations set reminded_days = 7 where id = {id} returning id")).await;
    let link = "Ask for more time</a>";
    assert!(server.get(&owner, "/").await.text.contains(link));
    assert!(!server.get(&member, "/").await.text.contains(link));

    // What staff could not grant either is refused, and there is no form for it.
    assert!(server.get(&owner, "/machines/host-001").await.text.contains("request_renewal"));
    machines::act(server.platform(), &admin.ctx(), "host-001", MachineAction::Drain, None).await.unwrap();
    let wish = json!({ "months": 1 });
    let refused = server.post(&owner, "/api/customer/machines/host-001/renewal-requests", wish).await;
    assert_eq!((refused.status, refused.code()), (422, 1402), "{}", refused.text);
    let page = server.get(&owner, "/machines/host-001").await.text;
    assert!(!page.contains("request_renewal") && page.contains("it is not promised for longer"), "{page}");
    // Requests say of which machine and of whom they are.
    machines::act(server.platform(), &admin.ctx(), "host-001", MachineAction::Uncordon, None).await.unwrap();
    let wish = json!({ "months": 1 });
    let asked = server.post(&owner, "/api/customer/machines/host-001/renewal-requests", wish).await;
    let request = asked.data()["requests"][0].clone();
    assert_eq!((&request["machine"], &request["customerName"]), (&"host-001".into(), &"Acme".into()), "{}", asked.text);
}

/// What told of a lease leads somewhere when it is over: to its history, and to nothing of the machine.
#[tokio::test]
async fn what_is_over_is_there_to_read_for_who_had_it() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let globex = server.test.customer("Globex").await;
    server.test.node("host-001").await;
    let staff = server.token(&admin).await;
    let now = server.test.clock().now();
    let later = |days: i64| now + chrono::TimeDelta::days(days);
    let lease = json!({ "customerId": acme.id, "startsAt": later(1), "endsAt": later(6) });
    let made = server.post(&staff, "/api/admin/machines/host-001/allocate", lease).await;
    let id = made.data()["allocation"]["id"].to_string();
    let ended = server.post(&staff, &format!("/api/admin/allocations/{id}/reclaim"), json!({})).await;
    assert_eq!((ended.status, &ended.data()["allocation"]["state"]), (200, &"cancelled".into()), "{}", ended.text);
    for who in [&acme.owner, &acme.member] {
        let who = server.browser(who).await;
        let notices = server.get(&who, "/api/customer/notifications").await;
        for notice in notices.data()["list"].as_array().unwrap() {
            let link = notice["link"].as_str().unwrap();
            let page = server.get(&who, link).await;
            assert_eq!((link, page.status), ("/machines/host-001", 200), "{}", page.text);
            assert!(page.text.contains("This was called off.") && !page.text.contains("<rg-follow"), "{}", page.text);
            assert!(!page.text.contains("request_renewal"), "{}", page.text);
        }
        let seen = server.get(&who, "/api/customer/machines/host-001").await;
        assert_eq!((seen.status, &seen.data()["allocation"]["state"]), (200, &"cancelled".into()), "{}", seen.text);
        for part in ["monitoring", "history?range=1h", "processes", "ssh"] {
            assert_eq!(
                server.get(&who, &format!("/api/customer/machines/host-001/{part}")).await.status,
                404,
                "{part}"
            );
        }
    }
    let other = server.browser(&globex.owner).await;
    assert_eq!(server.get(&other, "/machines/host-001").await.status, 404);
    assert_eq!(server.get(&other, "/api/customer/machines/host-001").await.status, 404);
}

/// Days of leases are of the installation's time zone, wherever who types them is, and the forms say so.
#[tokio::test]
async fn a_last_day_is_of_the_platforms_time_zone() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    server.sql(&format!("update users set time_zone = 'Asia/Shanghai' where id = {} returning id", admin.id)).await;
    server.test.node("host-001").await;
    let staff = server.browser(&admin).await;
    let form = server.get(&staff, "/admin/machines/host-001/allocate").await.text;
    assert!(form.contains("time zone, UTC"), "{form}");
    let last = (server.test.clock().now() + chrono::TimeDelta::days(40)).date_naive();
    let (customer, ends) = (acme.id.to_string(), last.to_string());
    let lease = [("code", "host-001"), ("form[customer]", &*customer), ("form[ends]", &*ends)];
    let made = server.call(&staff, "allocate_machine", &lease).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let until = "to_char(ends_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI')";
    let until = server.sql(&format!("select {until} from allocations")).await;
    assert_eq!(until, [format!("{} 00:00", last.succ_opt().unwrap())]);
}

/// Nothing is marked in an answer about many: each says itself what is wrong with it.
#[tokio::test]
async fn what_is_refused_among_many_says_why() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let (acme, globex) = (server.test.customer("Acme").await, server.test.customer("Globex").await);
    server.test.node("host-001").await;
    let staff = server.token(&admin).await;
    let window = json!({ "startsAt": "2100-01-01T00:00:00Z", "endsAt": "2100-01-02T00:00:00Z", "message": "fans" });
    let plan = json!({ "ids": ["host-001"], "window": window });
    let path = "/api/admin/machines/bulk/maintenance";
    assert_eq!(server.post(&staff, path, plan.clone()).await.data()[0]["done"], true);
    let refused = server.post(&staff, path, plan).await.data();
    assert_eq!(refused[0]["message"], "Another maintenance is planned in that time.");

    let ctx = admin.ctx();
    let months = |customer, starts_at| AllocationCreate {
        customer_id: Some(customer),
        months: Some(1),
        starts_at,
        ..AllocationCreate::default()
    };
    let p = server.platform();
    let first = allocations::create(p, &ctx, "host-001", months(acme.id, None)).await.unwrap().allocation;
    let next = Some(first.ends_at + chrono::TimeDelta::days(30));
    allocations::create(p, &ctx, "host-001", months(globex.id, next)).await.unwrap();
    let body = json!({ "ids": [first.id.0], "action": "renew", "months": 6 });
    let refused = server.post(&staff, "/api/admin/allocations/bulk", body).await.data();
    let message = refused[0]["message"].as_str().unwrap();
    assert!(message.contains("Globex") && message.contains("until"), "{message}");
}

#[tokio::test]
async fn a_customers_machines_are_found_put_in_order_and_paged() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    server
        .sql("insert into machines (code, name) select 'rack-' || n, 'Rack ' || n from generate_series(10, 34) n returning id")
        .await;
    for number in 10..35 {
        let months = if number == 20 { 2 } else { 3 };
        let body = AllocationCreate { customer_id: Some(acme.id), months: Some(months), ..AllocationCreate::default() };
        allocations::create(server.platform(), &admin.ctx(), &format!("rack-{number}"), body).await.unwrap();
    }
    let owner = server.browser(&acme.owner).await;
    let shown = async |path: &str| {
        let page = server.get(&owner, path).await;
        assert_eq!(page.status, 200, "{path}");
        let rows: Vec<String> = page
            .text
            .split("href=\"/machines/rack-")
            .skip(1)
            .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect())
            .collect();
        (rows, page.text)
    };
    let (rows, page) = shown("/").await;
    assert_eq!((rows.len(), rows[0].as_str()), (20, "20"), "what ends first is on top");
    assert!(page.contains("<rg-loads") && page.contains("data-load=\"rack-20\""), "figures are followed");
    assert_eq!(shown("/?page=2").await.0.len(), 5);
    let (rows, _) = shown("/?sort=-machine&pageSize=10").await;
    assert_eq!((rows.len(), rows[0].as_str()), (10, "34"));
    let (rows, page) = shown("/?q=rack-2").await;
    assert_eq!(rows.len(), 10);
    assert!(page.contains("value=\"rack-2\""), "what was looked for stays in its field");
    let (rows, page) = shown("/?q=nothing").await;
    assert!(rows.is_empty() && page.contains("No machine of yours matches"), "{page}");
    assert!(shown("/?state=grace").await.0.is_empty());
    let found = server.get(&owner, "/api/customer/machines?held=true&q=rack-20").await.data();
    assert_eq!(found["total"], 1);
    // What is shown is what is followed.
    let (_, page) = shown("/?q=rack-2&pageSize=10").await;
    let follows = "data-href=\"/api/customer/machines?pageSize=10&amp;q=rack-2&amp;held=true&amp;load=false\"";
    assert!(page.contains(follows), "{page}");
}

/// Beyond a hundred machines, too: what is over, and a maintenance of one that ends last.
#[tokio::test]
async fn what_there_is_to_say_of_many_machines_is_said() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    server
        .sql("insert into machines (code, name) select 'rack-' || n, 'Rack ' || n from generate_series(100, 220) n returning id")
        .await;
    let lend = |from: u32, to: u32, state: &str, ends: &str, ended: &str| {
        format!(
            "insert into allocations (machine_id, customer_id, starts_at, ends_at, grace_days, state, hold, ended_at)
             select id, {}, now() - interval '9 days', {ends}, 3, '{state}', tstzrange(now() - interval '9 days', {ends}),
                    {ended} from machines where code between 'rack-{from}' and 'rack-{to}' returning id",
            acme.id
        )
    };
    let many = "now() + interval '40 days' + interval '1 hour' * substr(code, 6)::int";
    server.sql(&lend(100, 219, "active", many, "null::timestamptz")).await;
    let past = "now() - interval '1 day'";
    server.sql(&lend(220, 220, "ended", past, past)).await;
    let plan = contract::machines::MaintenanceCreate {
        starts_at: Some(server.test.clock().now() + chrono::TimeDelta::days(2)),
        ends_at: server.test.clock().now() + chrono::TimeDelta::days(3),
        message: "New fans".to_owned(),
    };
    machines::plan_maintenance(server.platform(), &admin.ctx(), "rack-219", plan).await.unwrap();
    let page = server.get(&server.browser(&acme.owner).await, "/").await.text;
    assert!(page.contains("New fans"), "{page}");
    assert!(page.contains("Rack 220"), "what is over: {page}");
}

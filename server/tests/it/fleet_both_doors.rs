//! Running machines and customers through both doors: the same scenario, the same codes, the same rows in the log.

use serde_json::{Value, json};

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, sfn};

async fn machines(through: Through) {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let acme = server.test.customer("Acme").await;
    for code in ["host-001", "host-002"] {
        server.test.node(code).await;
    }
    let doors = Doors { server: &server, through };
    let (staff, owner) = (doors.who(&admin).await, doors.who(&acme.owner).await);
    let at = |verb: &str| format!("/api/admin/machines/host-001/{verb}");
    let act = async |who, verb: &str, note: &str| {
        let form = [("code", "host-001"), ("action", verb), ("note", note)];
        doors.call(who, (&at(verb), json!({ "note": note })), ("act_on_machine", &form)).await.0
    };
    assert_eq!(act(&owner, "cordon", "").await, 1300, "for customers it is not there");
    assert_eq!(act(&staff, "cordon", "riser card").await, 0);
    assert_eq!(act(&staff, "uncordon", "").await, 0);
    assert_eq!(act(&staff, "drain", "").await, 0);
    let allocate = async || {
        let customer = acme.id.to_string();
        let form = [("code", "host-001"), ("form[customer]", customer.as_str()), ("form[months]", "1")];
        let body = json!({ "customerId": acme.id, "months": 1 });
        doors.call(&staff, (&at("allocate"), body), ("allocate_machine", &form)).await.0
    };
    assert_eq!(allocate().await, 1402, "what is drained takes nobody");
    assert_eq!(act(&staff, "uncordon", "").await, 0);
    assert_eq!(allocate().await, 0);
    assert_eq!(act(&staff, "retire", "").await, 1400, "somebody has it");

    let plan = async |starts: &str, ends: &str, message: &str| {
        let body = json!({ "startsAt": format!("{starts}:00Z"), "endsAt": format!("{ends}:00Z"), "message": message });
        let form = [("code", "host-001"), ("form[starts]", starts), ("form[ends]", ends), ("form[message]", message)];
        doors.call(&staff, (&at("maintenance"), body), ("plan_maintenance", &form)).await
    };
    assert_eq!(plan("2031-01-02T00:00", "2031-01-01T00:00", "fans").await, (1000, vec!["endsAt".to_owned()]));
    assert_eq!(plan("2031-01-01T00:00", "2031-01-02T00:00", "").await, (1000, vec!["message".to_owned()]));
    assert_eq!(plan("2031-01-01T00:00", "2031-01-02T00:00", "fans").await.0, 0);
    assert_eq!(plan("2031-01-01T12:00", "2031-01-03T00:00", "disk").await.0, 1400, "two at once");
    let connect = async |port: &str| {
        let body = json!({ "user": "root", "password": "open sesame", "port": port.parse::<u32>().unwrap() });
        let form =
            [("code", "host-001"), ("form[user]", "root"), ("form[password]", "open sesame"), ("form[port]", port)];
        let path = at("connection");
        doors.put(&staff, (&path, body), ("set_connection", &form)).await
    };
    assert_eq!(connect("70000").await, (1000, vec!["port".to_owned()]));
    assert_eq!(connect("22").await.0, 0);

    let log = server.sql(
        "select action || ' ' || via from audit_events where target_kind = 'machine' and outcome = 'done' order by id",
    );
    let verbs = ["cordon", "uncordon", "drain", "uncordon", "plan-maintenance", "set-connection"];
    let expected: Vec<_> = verbs.map(|verb| format!("machines:{verb} {}", doors.via())).into();
    let prepared = ["machines:create ", "machines:join "];
    let log: Vec<_> = log.await.into_iter().filter(|row| !prepared.iter().any(|verb| row.starts_with(verb))).collect();
    assert_eq!(log, expected);
    let secrets = server.sql("select coalesce(before::text, '') || coalesce(after::text, '') from audit_events").await;
    assert!(secrets.iter().all(|text| !text.contains("sesame")), "no secret in the log");
}

async fn customers(through: Through) {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let globex = server.test.customer("Globex").await;
    let doors = Doors { server: &server, through };
    let (staff, other) = (doors.who(&admin).await, doors.who(&globex.owner).await);
    let create = async |who, name: &str, email: &str| {
        let body = json!({ "name": name, "contactEmail": (!email.is_empty()).then_some(email) });
        let form = [("form[name]", name), ("form[contact_email]", email)];
        doors.call(who, ("/api/admin/customers", body), ("create_customer", &form)).await
    };
    assert_eq!(create(&other, "Mine", "").await.0, 1300);
    assert_eq!(create(&staff, "", "").await, (1000, vec!["name".to_owned()]));
    assert_eq!(create(&staff, "Hooli", "nobody").await, (1000, vec!["contactEmail".to_owned()]));
    assert_eq!(create(&staff, "Hooli", "ops@hooli.example").await.0, 0);
    assert_eq!(create(&staff, "Hooli", "").await, (1401, vec!["name".to_owned()]));
    let list = doors.list(&staff, "/api/admin/customers?q=Hooli", "list_customers").await;
    let found = list["list"].as_array().unwrap().iter().find(|row| row["name"] == "Hooli").unwrap();
    let id = found["id"].to_string();
    let set_active = async |who, active: bool| {
        let path = format!("/api/admin/customers/{id}/{}", if active { "enable" } else { "disable" });
        let form = [("id", id.as_str()), ("active", if active { "true" } else { "false" })];
        doors.call(who, (&path, Value::Null), ("set_customer_active", &form)).await.0
    };
    assert_eq!(set_active(&other, false).await, 1300);
    assert_eq!(set_active(&staff, false).await, 0);
    assert_eq!(set_active(&staff, true).await, 0);
    let log =
        "select action || ' ' || via from audit_events where target_kind = 'customer' and outcome = 'done' order by id";
    let expected = ["create", "disable", "enable"].map(|verb| format!("customers:{verb} {}", doors.via()));
    let log: Vec<_> = server.sql(log).await.into_iter().filter(|row| row.ends_with(doors.via())).collect();
    assert_eq!(log, expected);
}

#[tokio::test]
async fn machines_are_run_the_same_by_rest() {
    machines(Through::Rest).await;
}

#[tokio::test]
async fn machines_are_run_the_same_by_server_functions() {
    machines(Through::ServerFns).await;
}

#[tokio::test]
async fn customers_are_run_the_same_by_rest() {
    customers(Through::Rest).await;
}

#[tokio::test]
async fn customers_are_run_the_same_by_server_functions() {
    customers(Through::ServerFns).await;
}

#[tokio::test]
async fn all_that_match_are_taken_by_the_pages_also_beyond_the_page_one_sees() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let staff = server.browser(&admin).await;
    let page = async |path: &str| {
        let request = server.signed(&staff, server.bare(http::Method::GET, path)).header("accept", "text/html");
        Answer::of(request).await.text
    };
    server
        .sql("insert into machines (code, name) select 'rack-' || n, 'rack-' || n from generate_series(1, 30) n returning id")
        .await;
    server.sql("insert into machines (code, name) values ('other', 'other') returning id").await;
    let list = page("/admin/machines?q=rack-").await;
    assert!(list.contains("all 30 that match") && list.contains("name=\"q\" value=\"rack-\""));
    assert!(!page("/admin/machines?q=rack-1").await.contains("that match</span>"), "here one sees them all");
    let preview = page("/admin/machines/bulk?action=cordon&all=1&q=rack-&ids=other").await;
    assert_eq!(preview.matches("name=\"ids[]\"").count(), 30, "the chosen ones do not count");
    assert!(!preview.contains("value=\"other\""));

    let window = "starts=2100-01-01T00%3A00&ends=2100-01-02T00%3A00&message=fans";
    let asked = page("/admin/machines/bulk?action=maintenance&all=1&q=rack-").await;
    assert!(asked.contains("name=\"ends\"") && !asked.contains("name=\"ids[]\""), "first the window");
    let preview = page(&format!("/admin/machines/bulk?action=maintenance&all=1&q=rack-&{window}")).await;
    assert_eq!(preview.matches("name=\"ids[]\"").count(), 30);
    // What is wrong with the window stands by its fields, before anything is asked of a machine.
    let wrong =
        page("/admin/machines/bulk?action=maintenance&all=1&q=rack-&starts=&ends=2100-01-02T00%3A00&message=").await;
    for fault in ["id=\"f-ends-fault\"", "id=\"f-message-fault\""] {
        assert!(wrong.contains(fault) && !wrong.contains("name=\"ids[]\""), "{fault}: {wrong}");
    }
    let submit = server.bare(http::Method::POST, &sfn("plan_maintenance_for_many")).header("accept", "text/html");
    let form = [("ids[]", "rack-6"), ("form[ends]", "2100-01-02T00:00"), ("form[message]", "fans")];
    let answer = Answer::of(server.form(server.signed(&staff, submit), &form)).await;
    let back = answer.header("location").to_owned();
    assert!(page(&back).await.contains("id=\"f-ends-fault\""), "{back}");
    server.sql("update machines set service_state = 'retired' where code = 'rack-7' returning id").await;
    let submit = server.bare(http::Method::POST, &sfn("plan_maintenance_for_many")).header("accept", "text/html");
    let form = [
        ("ids[]", "rack-6"),
        ("ids[]", "rack-7"),
        ("form[starts]", "2100-01-01T00:00"),
        ("form[ends]", "2100-01-02T00:00"),
        ("form[message]", "fans"),
    ];
    let answer = Answer::of(server.form(server.signed(&staff, submit), &form)).await;
    let left = answer.header("location").to_owned();
    assert!(left.starts_with("/admin/machines/bulk?action=maintenance&done=1&more=0&ids=rack-7&starts="), "{left}");
    let left = page(&left).await;
    assert!(left.contains("retired") && left.contains("1 machine is done"), "what was refused stays, with why");

    server
        .sql("insert into machines (code, name) select 'many-' || n, 'many-' || n from generate_series(1, 501) n returning id")
        .await;
    let preview = page("/admin/machines/bulk?action=cordon&all=1&q=many-").await;
    assert_eq!(preview.matches("name=\"ids[]\"").count(), 500);
    assert!(preview.contains("1 more matches"), "it says what does not fit");
    let program = server.token(&admin).await;
    let body = json!({ "matching": { "q": "many-" }, "action": "cordon" });
    let refused = server.post(&program, "/api/admin/machines/bulk", body).await;
    assert_eq!((refused.code(), refused.fields().into_keys().collect::<Vec<_>>()), (1000, vec!["matching".to_owned()]));
}

#[tokio::test]
async fn what_needs_no_word_needs_no_body() {
    let server = Server::start().await;
    let staff = server.token(&server.test.admin().await).await;
    server.test.node("host-001").await;
    for verb in ["cordon", "uncordon", "drain", "uncordon", "retire"] {
        let path = format!("/api/admin/machines/host-001/{verb}");
        let answer = Answer::of(server.request(&staff, http::Method::POST, &path)).await;
        assert_eq!(answer.status, 200, "{verb}: {}", answer.text);
    }
    // A body that is there is read, and has to say what it is.
    let request = server.request(&staff, http::Method::POST, "/api/admin/machines/host-001/uncordon").body("{}");
    assert_eq!(Answer::of(request).await.code(), 1000);
}

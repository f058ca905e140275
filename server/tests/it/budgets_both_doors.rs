//! Budgets through both doors and on their pages; keeping an instance that is not used; workbooks whose numbers add up.

use serde_json::{Value, json};

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who};

const OWN: &str = "/api/customer/billing/budgets";
const ALL: &str = "/api/admin/billing/budgets";

async fn scenario(through: Through) {
    let server = Server::start().await;
    let (admin, operator) = (server.test.admin().await, server.test.operator("operator").await);
    let (acme, globex) = (server.test.customer("Acme").await, server.test.customer("Globex").await);
    let doors = Doors { server: &server, through };
    let (staff, reader, owner, member, other) = (
        doors.who(&admin).await,
        doors.who(&operator).await,
        doors.who(&acme.owner).await,
        doors.who(&acme.member).await,
        doors.who(&globex.owner).await,
    );
    let id_text = acme.id.to_string();
    let own = async |who: &Who, name: &str, amount: &str| {
        let body = json!({ "name": name, "amount": amount, "thresholds": [80], "rule": "refuse" });
        let form =
            [("form[name]", name), ("form[amount]", amount), ("form[thresholds]", "80 %"), ("form[rule]", "refuse")];
        doors.call(who, (OWN, body), ("save_own_budget", &form)).await
    };
    assert_eq!(own(&member, "Ours", "100").await.0, 1300, "what their customer means to spend is the owners'");
    assert_eq!(own(&owner, " ", "-1").await, (1000, vec!["amount".to_owned(), "name".to_owned()]));
    assert_eq!(own(&owner, "Ours", "99.5").await, (0, vec![]));
    assert_eq!(own(&owner, "OURS", "1").await, (1401, vec!["name".to_owned()]));
    let cap = async |who: &Who| {
        let body = json!({ "customerId": acme.id, "name": "Cap", "amount": "5000", "rule": "stop", "graceHours": 6 });
        let form = [
            ("form[customer_id]", id_text.as_str()),
            ("form[name]", "Cap"),
            ("form[amount]", "5000"),
            ("form[rule]", "stop"),
            ("form[grace_hours]", "6"),
        ];
        doors.call(who, (ALL, body), ("save_budget", &form)).await.0
    };
    assert_eq!((cap(&reader).await, cap(&owner).await, cap(&staff).await), (1300, 1300, 0));

    let list = doors.list(&owner, OWN, "list_own_budgets").await["list"].clone();
    let seen: Vec<_> = list.as_array().unwrap().iter().map(|it| (&it["name"], &it["mayChange"])).collect();
    assert_eq!(seen, [(&json!("Cap"), &json!(false)), (&json!("Ours"), &json!(true))]);
    assert_eq!(list[1]["thresholds"], json!([80, 100]));
    assert_eq!(doors.list(&other, OWN, "list_own_budgets").await["total"], json!(0));
    let all = doors.list(&staff, ALL, "list_budgets").await;
    assert_eq!((&all["total"], &all["list"][0]["customerName"]), (&json!(2), &json!("Acme")));

    let (cap_id, own_id) = (list[0]["id"].to_string(), list[1]["id"].to_string());
    let change = async |who: &Who, id: &str, amount: &str| {
        let body = json!({ "name": "Changed", "amount": amount });
        let form = [("form[id]", id), ("form[name]", "Changed"), ("form[amount]", amount)];
        doors.put(who, (&format!("{OWN}/{id}"), body), ("save_own_budget", &form)).await.0
    };
    assert_eq!(change(&owner, &cap_id, "9999").await, 1200, "staff set it");
    assert_eq!((change(&other, &own_id, "1").await, change(&owner, &own_id, "150").await), (1300, 0));
    let lift = async |who: &Who, because: &str| {
        let form = [("id", cap_id.as_str()), ("customer_id", id_text.as_str()), ("because", because)];
        doors.call(who, (&format!("{ALL}/{cap_id}/lift"), json!({ "because": because })), ("lift_budget", &form)).await
    };
    assert_eq!(lift(&staff, " ").await, (1000, vec!["because".to_owned()]));
    assert_eq!((lift(&owner, "x").await.0, lift(&staff, "a demo").await.0), (1300, 0));
    let lifted = doors.list(&owner, OWN, "list_own_budgets").await["list"].clone();
    let cap = lifted.as_array().unwrap().iter().find(|it| it["name"] == json!("Cap")).unwrap();
    assert_eq!(cap["lifted"]["because"], json!("a demo"));
    let delete = async |who: &Who, id: &str| match through {
        Through::Rest => Answer::of(server.request(who, http::Method::DELETE, &format!("{OWN}/{id}"))).await.code(),
        Through::ServerFns => server.call(who, "delete_own_budget", &[("id", id)]).await.code(),
    };
    assert_eq!(
        (delete(&owner, &cap_id).await, delete(&other, &own_id).await, delete(&owner, &own_id).await),
        (1200, 1300, 0)
    );
    let log =
        "select action || ' ' || via from audit_events where action like 'budgets:%' and outcome = 'done' order by id";
    let expected = ["create", "create", "update", "lift", "delete"].map(|it| format!("budgets:{it} {}", doors.via()));
    assert_eq!(server.sql(log).await, expected);
}

#[tokio::test]
async fn programs_set_budgets_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_set_budgets_over_server_functions() {
    scenario(Through::ServerFns).await;
}

/// One that runs, as far as the database knows, and was looked at.
async fn runs(server: &Server, who: &test_support::TestCustomer) -> String {
    server.test.node("host-001").await;
    let sql = format!(
        "with spec as (insert into specs (name, cpu_cores, memory_gb, system_disk_gb) values ('Small', 1, 1, 1) returning id),
              price as (insert into spec_prices (spec_id, price_per_hour, starts_at, created_at)
                        select id, p.price, now() + p.begins, now() - interval '2 days' from spec,
                               (values (2.5, interval '-1 day'), (0.125, interval '1 day')) as p (price, begins) returning id),
              image as (insert into images (name, source, address, state) values ('Small', 'registry', 'small:1', 'approved')
                        returning id),
              made as (insert into instances (customer_id, created_by, name, machine_id, machine_code, machine_name, image_id,
                                              image_name, spec_id, spec, gpu_count, cpu_cores, memory_gb, disk_gb, wanted,
                                              observed, made_at, started_at, container_id, state, created_at)
                       select {}, {}, 'one', m.id, m.code, 'The first', i.id, 'small', s.id,
                              jsonb_build_object('id', s.id, 'name', 'Small', 'gpuCount', 0, 'gpuUse', 'whole', 'cpuCores', 1,
                                'memoryGb', 1, 'systemDiskGb', 1, 'dataDiskGb', 0, 'pricePerHour', '7', 'currency', 'CNY'),
                              0, 1, 1, 1, 'running', 'running', now(), now(), 'c', 'running', now()
                       from machines m, image i, spec s returning id, started_at),
              idle as (insert into instance_idle (instance_id, run_started_at, active_at, known_at, looked_at, cpu_percent,
                                                  warned_at)
                       select id, started_at, now() - interval '2 hours', now(), now(), 0.5, now() from made returning instance_id)
         select instance_id::text from idle, price limit 1",
        who.id, who.owner.id
    );
    server.sql(&sql).await.remove(0)
}

#[tokio::test]
async fn an_instance_shows_its_price_in_force_and_is_kept_through_both_doors() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let staff = server.token(&admin).await;
    for (key, value) in [("instances.idle_hours", 3), ("instances.idle_keep_hours", 48)] {
        let set = server.put(&staff, &format!("/api/admin/settings/{key}"), json!({ "value": value })).await;
        assert_eq!(set.code(), 0, "{}", set.text);
    }
    let id = runs(&server, &acme).await;
    let (program, owner, page_of_staff) =
        (server.token(&acme.owner).await, server.browser(&acme.owner).await, server.browser(&admin).await);
    let path = format!("/api/customer/instances/{id}");
    let view = server.get(&program, &path).await.data();
    // What it was made with is 7.
    assert_eq!((&view["price"]["perHour"], &view["price"]["nextPerHour"]), (&json!("2.5"), &json!("0.125")));
    assert_eq!((&view["idle"]["afterHours"], &view["idle"]["keepAtMost"]), (&json!(3), &json!(48)));
    let shows = async |who: &Who, page: String, texts: &[&str]| {
        let answer = server.get(who, &page).await;
        assert_eq!(answer.status, 200, "{page}");
        for text in texts {
            assert!(answer.text.contains(text), "{page} does not show {text}");
        }
    };
    shows(&owner, format!("/instances/{id}"), &["2.50 CNY", "0.1250 CNY", "0.5 %", "keep_own_instance"]).await;
    shows(&page_of_staff, format!("/admin/instances/{id}"), &["2.50 CNY", "0.5 %"]).await;
    shows(&owner, "/instances".to_owned(), &["2.50 CNY"]).await;
    shows(&page_of_staff, "/admin/instances".to_owned(), &["2.50 CNY"]).await;
    let wrong = server.post(&program, &format!("{path}/keep"), json!({ "hours": 49, "because": "" })).await;
    assert_eq!(wrong.fields().into_keys().collect::<Vec<_>>(), ["because", "hours"]);
    let kept = server.post(&program, &format!("{path}/keep"), json!({ "hours": 5, "because": "a demo" })).await.data();
    assert_eq!((&kept["idle"]["kept"]["because"], &kept["idle"]["warnedAt"]), (&json!("a demo"), &Value::Null));
    let form = [("id", id.as_str()), ("hours", "x"), ("because", "more")];
    assert_eq!(
        server.call(&owner, "keep_own_instance", &form).await.fields().into_keys().collect::<Vec<_>>(),
        ["hours"]
    );
    let form = [("id", id.as_str()), ("hours", "6"), ("because", "<b>more</b>")];
    assert_eq!(server.call(&owner, "keep_own_instance", &form).await.code(), 0);
    shows(&owner, format!("/instances/{id}"), &["&lt;b&gt;more&lt;/b&gt;"]).await;
    let log =
        "select after->>'hours' from audit_events where action = 'instances:keep' and outcome = 'done' order by id";
    assert_eq!(server.sql(log).await, ["5", "6"]);
}

#[tokio::test]
async fn budgets_are_on_the_pages_of_use_and_of_their_customer() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (staff, owner, member) =
        (server.browser(&admin).await, server.browser(&acme.owner).await, server.browser(&acme.member).await);
    let program = server.token(&admin).await;
    let body = json!({ "customerId": acme.id, "name": "<i>Cap</i>", "amount": "5000", "rule": "stop" });
    assert_eq!(server.post(&program, ALL, body).await.status, 201);
    let own = server.token(&acme.owner).await;
    server.post(&own, OWN, json!({ "name": "Ours", "amount": "99.5" })).await.data();
    let customer = format!("/admin/customers/{}", acme.id);
    for (who, page, texts) in [
        (&owner, "/billing", ["&lt;i&gt;Cap&lt;/i&gt;", "5,000.00 CNY", "99.50 CNY", "save_own_budget"]),
        (&staff, "/admin/billing", ["&lt;i&gt;Cap&lt;/i&gt;", "5,000.00 CNY", "99.50 CNY", "Acme"]),
        (&staff, &customer, ["&lt;i&gt;Cap&lt;/i&gt;", "lift_budget", "set_customer_idle", "save_budget"]),
    ] {
        let answer = server.get(who, page).await;
        for text in texts {
            assert!(answer.status == 200 && answer.text.contains(text), "{page} does not show {text}");
        }
    }
    let id = server.sql("select id::text from budgets where name = 'Ours'").await.remove(0);
    let edits = server.get(&owner, &format!("/billing?budget={id}")).await;
    assert!(edits.text.contains("value=\"Ours\"") && edits.text.contains("value=\"99.5\""), "the form has what it is");
    let of_member = server.get(&member, "/billing").await;
    assert!(of_member.status == 200 && !of_member.text.contains("99.50"), "their customer's budgets are the owners'");
    for (who, path) in [(&program, ALL), (&own, OWN)] {
        let sheet = server.get(who, &format!("{path}/export")).await;
        assert!(sheet.status == 200 && sheet.text.starts_with("PK"), "{path}: {}", sheet.status);
    }
    let taken = server.sql("select action from audit_events where action = 'budgets:export'").await;
    assert_eq!(taken.len(), 2);
}

//! The dashboard's numbers and the audit log's filters, from outside.

use contract::live::{FLEET_TOPIC, LiveData};
use serde_json::{Value, json};

use crate::harness::{Answer, Server, sfn};
use crate::sockets::Live;

#[tokio::test]
async fn the_dashboard_counts_what_there_is() {
    let server = Server::start().await;
    let who = server.token(&server.test.admin().await).await;
    let stats = server.get(&who, "/api/admin/dashboard/stats").await.data();
    assert_eq!((&stats["machinesLent"], &stats["machinesFree"]), (&json!(0), &json!(0)));
    assert_eq!(stats["fleet"]["gpuUtilPercent"], Value::Null, "nothing measured is not zero");

    let (acme, globex) = (server.test.customer("Acme").await, server.test.customer("Globex").await);
    for (code, gpus) in [("host-001", 8), ("host-002", 2), ("host-003", 4)] {
        let node = server.test.node(code).await;
        platform::machines::report_inventory(&server.test.platform, &node.ctx(), "1.0.0", &node.inventory(gpus))
            .await
            .unwrap();
    }
    let allocate = async |code: &str, customer: i64, months: u32| {
        let body = json!({ "customerId": customer, "months": months });
        let path = format!("/api/admin/machines/{code}/allocate");
        assert_eq!(server.post(&who, &path, body).await.code(), 0, "{code}");
    };
    allocate("host-001", acme.id.0, 3).await;
    allocate("host-002", globex.id.0, 1).await;
    assert_eq!(server.post(&who, "/api/admin/machines/host-003/cordon", json!({})).await.code(), 0);

    let stats = server.get(&who, "/api/admin/dashboard/stats").await.data();
    let numbers = ["machinesLent", "machinesFree", "customersActive", "renewalsOpen"].map(|name| stats[name].as_u64());
    assert_eq!(numbers, [Some(2), Some(0), Some(2), Some(0)], "what is cordoned is not free");
    assert_eq!(stats["fleet"]["gpus"], 14);
    let shares = server.get(&who, "/api/admin/dashboard/customers").await.data();
    let shares: Vec<_> = shares.as_array().unwrap().iter().map(|s| (s["name"].clone(), s["gpus"].clone())).collect();
    assert_eq!(shares, [(json!("Acme"), json!(8)), (json!("Globex"), json!(2))]);
    let newest = server.get(&who, "/api/admin/dashboard/activities?pageSize=1").await.data();
    assert_eq!(newest["list"][0]["action"], "machines:cordon");

    // What was only typed counts the same wherever GPUs are counted; what is shared or silent is not free to be lent.
    server.test.node("silent").await;
    server.sql("update machines set last_seen_at = now() - interval '1 hour' where code = 'silent' returning id").await;
    let typed = json!({ "id": "typed", "name": "typed", "declared": { "gpuCount": 8 } });
    assert_eq!(server.post(&who, "/api/admin/machines", typed).await.status, 201);
    let shared = json!({ "id": "shared", "name": "shared", "pool": "shared", "declared": { "gpuCount": 1 } });
    assert_eq!(server.post(&who, "/api/admin/machines", shared).await.status, 201);
    let free = async || server.get(&who, "/api/admin/dashboard/stats").await.data()["machinesFree"].clone();
    assert_eq!(free().await, 1, "the one that was typed");
    assert_eq!(server.get(&who, "/api/admin/machines/facets").await.data()["gpus"], 23);
    allocate("typed", acme.id.0, 1).await;
    assert_eq!(free().await, 0);
    let shares = server.get(&who, "/api/admin/dashboard/customers").await.data();
    assert_eq!((&shares[0]["name"], &shares[0]["gpus"]), (&json!("Acme"), &json!(16)));
    let owner = server.token(&acme.owner).await;
    assert_eq!(server.get(&owner, "/api/customer/dashboard/stats").await.data()["gpus"], 16, "and to the customer");

    let trend = server.get(&who, "/api/admin/dashboard/gpu-trend?range=7d").await.data();
    assert_eq!(trend["stepSeconds"], 3600);
    let steps = trend["at"].as_array().unwrap().len();
    assert!((168..=169).contains(&steps), "{steps} hours");
    assert_eq!(trend["utilPercent"].as_array().unwrap().len(), steps);
    assert_eq!(server.get(&who, "/api/admin/dashboard/gpu-trend?range=1y").await.code(), 1000);
}

#[tokio::test]
async fn the_fleets_sums_are_a_topic_of_their_own() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    server.test.node("host-001").await;
    let mut live = Live::open(&server, &server.browser(&admin).await).await;
    live.subscribe(FLEET_TOPIC, None).await;
    let (_, LiveData::Fleet(totals)) = live.snapshot().await else { panic!() };
    assert_eq!((totals.machines, totals.machines_online), (1, 0));
}

#[tokio::test]
async fn the_log_is_found_by_who_what_when_and_taken_away_on_record() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let who = server.token(&admin).await;
    for name in ["one", "two"] {
        assert_eq!(server.post(&who, "/api/admin/machines", json!({ "name": name })).await.code(), 0);
    }
    let total = async |query: &str| {
        let answer = server.get(&who, &format!("/api/admin/audits?{query}")).await;
        assert_eq!(answer.code(), 0, "{query}: {}", answer.text);
        answer.data()["total"].as_u64().unwrap()
    };
    assert_eq!(total("action=machines:create").await, 2);
    assert_eq!(total(&format!("action=machines:create&actor={}", &admin.name[..3])).await, 2);
    assert_eq!(total("action=machines:create&actor=nobody").await, 0);
    assert_eq!(total("action=machines:create&until=2020-01-01T00:00:00Z").await, 0);
    assert_eq!(total("action=machines:create&from=2020-01-01T00:00:00Z").await, 2);
    assert_eq!(total("targetKind=machine&targetId=host-001").await, 1);
    assert_eq!(total("actor=%25").await, 0, "a wildcard is a character like any other");
    let one = server.get(&who, "/api/admin/audits?targetId=host-001").await.data();
    let request = one["list"][0]["requestId"].as_str().unwrap().to_owned();
    assert_eq!(total(&format!("requestId={request}")).await, 1);

    let book = server.get(&who, "/api/admin/audits/export?action=machines:create").await;
    assert_eq!(book.status, 200);
    assert!(book.text.starts_with("PK"), "a workbook");
    assert_eq!(total("action=audit:export").await, 1);
}

#[tokio::test]
async fn statistics_count_what_lies_in_the_period_as_lists_and_as_workbooks() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let who = server.token(&admin).await;
    let (acme, globex) = (server.test.customer("Acme").await, server.test.customer("Globex").await);
    let mut nodes = Vec::new();
    for (code, gpus) in [("host-001", 8), ("host-002", 2)] {
        let node = server.test.node(code).await;
        let inventory = node.inventory(gpus);
        platform::machines::report_inventory(&server.test.platform, &node.ctx(), "1.0.0", &inventory).await.unwrap();
        nodes.push(node);
    }
    for (code, customer) in [("host-001", &acme), ("host-002", &globex)] {
        let path = format!("/api/admin/machines/{code}/allocate");
        let body = json!({ "customerId": customer.id, "months": 3 });
        assert_eq!(server.post(&who, &path, body).await.status, 201);
    }
    server.test.clock().advance(chrono::TimeDelta::hours(10));
    let who = server.token(&admin).await;
    let near = |value: &Value, wanted: f64| {
        let value = value.as_f64().unwrap();
        assert!((value - wanted).abs() < 0.1, "{value}, not {wanted}");
    };

    let list = server.get(&who, "/api/admin/statistics/resources?q=host-001").await.data();
    assert_eq!(
        (&list["total"], &list["list"][0]["id"], &list["list"][0]["gpuCount"]),
        (&json!(1), &json!("host-001"), &json!(8))
    );
    near(&list["list"][0]["lentHours"], 10.0);
    near(&list["list"][0]["gpuHours"], 80.0);
    assert_eq!(list["list"][0]["gpuUtilPercent"], Value::Null, "nothing measured is not zero");
    let since = (server.test.clock().now() - chrono::TimeDelta::hours(4)).format("%Y-%m-%dT%H:%M:%SZ");
    let list = server.get(&who, &format!("/api/admin/statistics/customers?from={since}")).await.data();
    let names: Vec<_> = list["list"].as_array().unwrap().iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, ["Acme", "Globex"]);
    near(&list["list"][0]["machineHours"], 4.0);
    near(&list["list"][1]["gpuHours"], 8.0);
    let usage = server.get(&who, "/api/admin/statistics/usage?months=2").await.data();
    let months = usage.as_array().unwrap();
    assert_eq!(months.len(), 2);
    near(&json!(months.iter().map(|month| month["gpuHours"].as_f64().unwrap()).sum::<f64>()), 100.0);
    let usage = server.get(&who, &format!("/api/admin/statistics/usage?customerId={}", globex.id)).await.data();
    assert_eq!(usage.as_array().unwrap().len(), 12);
    near(&json!(usage.as_array().unwrap().iter().map(|month| month["gpuHours"].as_f64().unwrap()).sum::<f64>()), 20.0);
    for wrong in ["resources?from=2031-01-01T00:00:00Z", "customers?from=2001-01-01T00:00:00Z", "usage?months=99"] {
        assert_eq!(server.get(&who, &format!("/api/admin/statistics/{wrong}")).await.code(), 1000, "{wrong}");
    }

    // One that is taken out counted until then, and does so for ever.
    let left = nodes[1].inventory(1);
    platform::machines::report_inventory(&server.test.platform, &nodes[1].ctx(), "1.0.0", &left).await.unwrap();
    server.test.clock().advance(chrono::TimeDelta::hours(5));
    let who = server.token(&admin).await;
    let list = server.get(&who, "/api/admin/statistics/resources?q=host-002").await.data();
    assert_eq!(list["list"][0]["gpuCount"], 1);
    near(&list["list"][0]["gpuHours"], 25.0);
    let usage = server.get(&who, &format!("/api/admin/customers/{}/statistics", globex.id)).await.data();
    near(&usage["gpuHours"], 25.0);

    // By the address of the export, and by what is accepted.
    const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    for list in [
        "statistics/resources",
        "statistics/customers",
        "statistics/usage",
        "machines",
        "customers",
        "allocations",
        "allocations/expiring",
        "audits",
        "roles",
    ] {
        let request = server.bare(http::Method::GET, &format!("/api/admin/{list}")).header("accept", XLSX);
        let book = Answer::of(server.signed(&who, request)).await;
        assert_eq!((book.status, book.header("content-type")), (200, XLSX), "{list}");
        assert!(book.text.starts_with("PK"), "{list}");
        if list != "allocations/expiring" {
            let export = server.get(&who, &format!("/api/admin/{list}/export")).await;
            assert_eq!((export.status, export.header("content-type")), (200, XLSX), "{list}");
        }
    }
}

#[tokio::test]
async fn a_machine_says_where_it_stands_and_is_taken_back_by_its_code() {
    let server = Server::start().await;
    let who = server.token(&server.test.admin().await).await;
    let acme = server.test.customer("Acme").await;
    server.test.node("host-001").await;
    let status = async || server.get(&who, "/api/admin/machines/host-001/status").await.data();
    assert_eq!((&status().await["serviceState"], &status().await["allocation"]), (&json!("in_service"), &Value::Null));
    let reclaim =
        async || server.post(&who, "/api/admin/machines/host-001/reclaim", json!({ "note": "x" })).await.code();
    assert_eq!(reclaim().await, 1402, "nobody has it");
    let body = json!({ "customerId": acme.id, "months": 1 });
    server.post(&who, "/api/admin/machines/host-001/allocate", body).await;
    let standing = status().await;
    assert_eq!(
        (&standing["allocation"]["customerName"], &standing["allocation"]["state"]),
        (&json!("Acme"), &json!("active"))
    );
    let id = standing["allocation"]["id"].to_string();
    let steps = async || server.get(&who, &format!("/api/admin/allocations/{id}/checklist")).await.data();
    assert_eq!(steps().await, json!([]));
    assert_eq!(reclaim().await, 0);
    assert_eq!(status().await["allocation"]["state"], "reclaiming");
    assert_eq!(steps().await[0]["step"], "access");
    assert_eq!(reclaim().await, 1402, "it is on its way");

    let monitored = server.get(&who, "/api/admin/monitoring/machines").await.data();
    assert_eq!(
        (&monitored["machines"][0]["id"], &monitored["machines"][0]["monitored"]),
        (&json!("host-001"), &json!(true))
    );
    assert_eq!(monitored["machines"][0]["gpuUsage"], Value::Null);
}

#[tokio::test]
async fn a_customers_workbench_counts_its_own() {
    let server = Server::start().await;
    let staff = server.token(&server.test.admin().await).await;
    let (acme, globex) = (server.test.customer("Acme").await, server.test.customer("Globex").await);
    for (code, gpus) in [("host-001", 8), ("host-002", 2), ("host-003", 1)] {
        let node = server.test.node(code).await;
        let inventory = node.inventory(gpus);
        platform::machines::report_inventory(&server.test.platform, &node.ctx(), "1.0.0", &inventory).await.unwrap();
        let customer = if code == "host-003" { &globex } else { &acme };
        let months = if code == "host-001" { 1 } else { 6 };
        let body = json!({ "customerId": customer.id, "months": months });
        server.post(&staff, &format!("/api/admin/machines/{code}/allocate"), body).await;
    }
    let owner = server.token(&acme.owner).await;
    let ask = json!({ "months": 1 });
    assert_eq!(server.post(&owner, "/api/customer/machines/host-001/renewal-requests", ask).await.status, 201);
    let stats = server.get(&owner, "/api/customer/dashboard/stats").await.data();
    let numbers = ["machines", "gpus", "renewalsOpen", "members", "inMaintenance"].map(|name| stats[name].as_u64());
    assert_eq!(numbers, [Some(2), Some(10), Some(1), Some(2), Some(0)]);
    let mine = server.get(&owner, "/api/customer/dashboard/machines").await.data();
    let codes: Vec<_> = mine.as_array().unwrap().iter().map(|row| row["allocation"]["machine"].clone()).collect();
    assert_eq!(codes, ["host-001", "host-002"], "those that end first on top");
    assert_eq!(mine[0]["gpuUtilPercent"], Value::Null, "nothing measured is not zero");
}

#[tokio::test]
async fn lists_come_in_the_order_asked_for_and_in_pages() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let who = server.token(&admin).await;
    let (zeta, alpha) = (server.test.customer("Zeta").await, server.test.customer("alpha").await);
    for (code, customer, months) in [("host-b", &zeta, 1), ("host-a", &alpha, 3), ("host-c", &zeta, 2)] {
        server.test.node(code).await;
        let body = json!({ "customerId": customer.id, "months": months });
        server.post(&who, &format!("/api/admin/machines/{code}/allocate"), body).await;
    }
    let column = async |path: &str, field: &str| {
        let answer = server.get(&who, &format!("/api/admin/{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let list = answer.data()["list"].as_array().unwrap().clone();
        list.iter().map(|row| row[field].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (order, expected) in [
        ("", ["host-b", "host-c", "host-a"]),
        ("machine", ["host-a", "host-b", "host-c"]),
        ("-machine", ["host-c", "host-b", "host-a"]),
        ("customer,-machine", ["host-a", "host-c", "host-b"]),
        ("-endsAt", ["host-a", "host-c", "host-b"]),
    ] {
        assert_eq!(column(&format!("allocations?sort={order}"), "machine").await, expected, "{order}");
    }
    assert_eq!(column("customers?sort=-machineCount", "name").await, ["Zeta", "alpha"]);
    assert_eq!(column("customers?sort=name", "name").await, ["alpha", "Zeta"]);
    assert_eq!(column("customers?sort=nextEndAt", "name").await, ["Zeta", "alpha"]);
    assert_eq!(column("customers?sort=-createdAt", "name").await, ["alpha", "Zeta"]);
    for list in ["allocations", "customers", "renewal-requests"] {
        let answer = server.get(&who, &format!("/api/admin/{list}?sort=colour")).await;
        assert_eq!((answer.code(), answer.fields().into_keys().collect::<Vec<_>>()), (1000, vec!["sort".to_owned()]));
    }
    // A page beyond the end still says how many there are.
    let beyond = server.get(&who, "/api/admin/allocations?page=9&pageSize=2").await.data();
    assert_eq!((&beyond["total"], &beyond["list"]), (&json!(3), &json!([])));

    for (code, customer) in [("host-a", &alpha), ("host-b", &zeta), ("host-c", &zeta)] {
        let path = format!("/api/customer/machines/{code}/renewal-requests");
        let asked = server.post(&server.token(&customer.owner).await, &path, json!({ "months": 1 })).await;
        assert_eq!(asked.status, 201);
    }
    assert_eq!(column("renewal-requests?sort=endsAt", "machine").await, ["host-b", "host-c", "host-a"]);
    let page = server.get(&who, "/api/admin/renewal-requests?sort=endsAt&page=2&pageSize=2").await.data();
    assert_eq!((&page["total"], &page["page"], &page["list"][0]["machine"]), (&json!(3), &json!(2), &json!("host-a")));
    let first = server.get(&who, "/api/admin/renewal-requests?sort=endsAt").await.data()["list"].clone();
    let decide = async |number: usize, verb: &str, body: Value| {
        server.post(&who, &format!("/api/admin/renewal-requests/{}/{verb}", first[number]["id"]), body).await.code()
    };
    assert_eq!(decide(0, "refuse", json!({})).await, 1000, "a refusal says why");
    assert_eq!(decide(0, "refuse", json!({ "answer": "no" })).await, 0);
    assert_eq!(decide(1, "approve", json!({})).await, 0);
    assert_eq!(decide(1, "approve", json!({})).await, 1402);
    let open = server.get(&who, "/api/admin/renewal-requests?state=open").await.data();
    assert_eq!((&open["total"], &open["list"][0]["machine"]), (&json!(1), &json!("host-a")));
    let states = server.get(&who, "/api/admin/renewal-requests?sort=-state").await.data();
    assert_eq!(states["list"][0]["state"], "refused");
}

#[tokio::test]
async fn every_customer_can_be_chosen_however_many_there_are() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let staff = server.browser(&admin).await;
    server.test.node("host-001").await;
    let page = async |path: &str| {
        let request = server.signed(&staff, server.bare(http::Method::GET, path)).header("accept", "text/html");
        Answer::of(request).await.text
    };
    server.sql("insert into customers (name) select 'C' || lpad(n::text, 3, '0') from generate_series(1, 100) n returning id").await;
    let few = page("/admin/machines/host-001/allocate").await;
    assert!(few.contains(">C100<") && !few.contains("customerQ"), "all of them are in the choice");
    let last = server.sql("insert into customers (name) values ('Zorn & Söhne') returning id").await.remove(0);
    let many = page("/admin/machines/host-001/allocate").await;
    assert!(!many.contains("Zorn") && many.contains("100 of 101"), "it says that there are more");
    let found = page("/admin/machines/host-001/allocate?customerQ=zorn").await;
    assert!(found.contains(&format!("<option value=\"{last}\"")), "and finds them");
    // A refused form keeps who was chosen.
    let request = server.bare(http::Method::POST, &sfn("allocate_machine")).header("accept", "text/html");
    let form = [("code", "host-001"), ("form[customer]", last.as_str()), ("form[months]", "0")];
    let refused = Answer::of(server.form(server.signed(&staff, request), &form)).await;
    let again = page(refused.header("location")).await;
    assert!(again.contains(&format!("<option value=\"{last}\" selected")), "chosen still");

    // What does not fit on a customer's page is not silently cut.
    server
        .sql(
            "insert into machines (code, name) select 'm-' || n, 'm-' || n from generate_series(1, 105) n returning id",
        )
        .await;
    server
        .sql(&format!(
            "insert into allocations (machine_id, customer_id, starts_at, ends_at, state, hold)
             select id, {last}, now(), now() + interval '90 days', 'active', tstzrange(now(), now() + interval '93 days')
             from machines where code like 'm-%' returning id"
        ))
        .await;
    let customer = page(&format!("/admin/customers/{last}")).await;
    assert!(customer.contains("and 5 more") && customer.contains(&format!("/admin/allocations?customerId={last}")));
    let all = page(&format!("/admin/allocations?customerId={last}&sort=machine&pageSize=100&page=2")).await;
    assert!(all.contains("105 rows") && all.contains("aria-sort=\"ascending\""));
    // Rows go, addresses stay: a page beyond the last says so and leads back.
    for list in ["allocations", "allocations/timeline", "machines", "customers", "users"] {
        let beyond = page(&format!("/admin/{list}?page=900")).await;
        assert!(beyond.contains("There is no page 900") && beyond.contains("To the last page"), "{list}");
    }
}

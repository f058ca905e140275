//! The dashboard's numbers and the audit log's filters, from outside.

use contract::live::{FLEET_TOPIC, LiveData};
use serde_json::{Value, json};

use crate::harness::Server;
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

//! Use, costs and the ledger through both doors, as workbooks, and on their pages.

use serde_json::json;
use test_support::TestCustomer;

use crate::both::{Doors, Through};
use crate::harness::Server;

/// Half an hour of the owner and an hour of the member, just now, and one that goes on.
async fn ran(server: &Server, acme: &TestCustomer) {
    server.test.node("host-001").await;
    let rows = format!(
        "with spec as (insert into specs (name, cpu_cores, memory_gb, system_disk_gb) values ('<b>Small</b>', 1, 1, 1)
                       returning id),
              ran (instance, person, before, lasts, price) as (values
                (1, {owner}, interval '3 hours', interval '30 minutes', 2.5),
                (2, {member}, interval '2 hours', interval '1 hour', 0.000001),
                (3, {owner}, interval '1 second', null, 1))
         insert into ledger_intervals (subject_id, subject_name, customer_id, customer_name, user_id, user_name, machine_id,
                                       machine_code, machine_name, spec_id, spec_name, spec, price_per_hour, currency,
                                       run_started_at, started_at, opened_by, ended_at, closed_by)
         select instance, 'i-' || instance, {customer}, 'Acme', person, 'p-' || person, m.id, m.code, m.name, spec.id,
                '<b>Small</b>', '{{}}', price, 'CNY', now() - before, now() - before, 'started', now() - before + lasts,
                case when lasts is not null then 'ended' end
         from ran, machines m, spec
         returning subject_name",
        owner = acme.owner.id,
        member = acme.member.id,
        customer = acme.id,
    );
    assert_eq!(server.sql(&rows).await.len(), 3);
}

async fn scenario(through: Through) {
    let server = Server::start().await;
    let (admin, operator) = (server.test.admin().await, server.test.operator("operator").await);
    let (acme, globex) = (server.test.customer("Acme").await, server.test.customer("Globex").await);
    ran(&server, &acme).await;
    let doors = Doors { server: &server, through };
    let (staff, owner, member, other, reader) = (
        doors.who(&admin).await,
        doors.who(&acme.owner).await,
        doors.who(&acme.member).await,
        doors.who(&globex.owner).await,
        doors.who(&operator).await,
    );
    let from = (server.test.clock().now() - chrono::TimeDelta::days(1)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let usage = async |who, side: &str, function| {
        let by = ("groupBy", "instance");
        match through {
            Through::Rest => {
                server.get(who, &format!("/api/{side}/billing/usage?{}={}&from={from}", by.0, by.1)).await.data()
            }
            Through::ServerFns => {
                let query = [("query[groupBy]", by.1), ("query[from]", from.as_str())];
                server.call(who, function, &query).await.json()
            }
        }
    };
    let everybody = usage(&staff, "admin", "read_billing_usage").await;
    assert_eq!(everybody["lines"].as_array().unwrap().len(), 3, "{everybody}");
    assert_eq!((&everybody["lines"][0]["cost"], &everybody["lines"][0]["seconds"]), (&json!("1.25"), &json!("1800")));
    let total: f64 = everybody["totals"][0]["cost"].as_str().unwrap().parse().unwrap();
    assert!((1.25..1.5).contains(&total), "{total}");
    let of_owner = usage(&owner, "customer", "own_billing_usage").await;
    assert_eq!(of_owner["lines"].as_array().unwrap().len(), 3);
    let of_member = usage(&member, "customer", "own_billing_usage").await;
    let line = &of_member["lines"][0];
    assert_eq!((of_member["lines"].as_array().unwrap().len(), &line["key"]), (1, &json!("2")));
    assert_eq!((&line["cost"], &line["seconds"]), (&json!("0"), &json!("3600")), "less than a ten-thousandth");
    assert_eq!(usage(&other, "customer", "own_billing_usage").await["lines"], json!([]));
    let rows = doors.list(&owner, "/api/customer/billing/ledger", "own_billing_ledger").await;
    assert_eq!(rows["list"][0]["endedAt"], json!(null), "the newest goes on: {rows}");
    let all = doors.list(&staff, "/api/admin/billing/ledger", "read_billing_ledger").await;
    assert_eq!(all["total"], rows["total"]);
    let check = doors.list(&staff, "/api/admin/billing/check", "check_ledger").await;
    assert_eq!(check, json!({ "compared": 0, "silent": [], "differences": [] }));
    // Operators do not see what customers pay.
    let refused = match through {
        Through::Rest => server.get(&reader, "/api/admin/billing/usage").await.code(),
        Through::ServerFns => server.call(&reader, "read_billing_usage", &[]).await.code(),
    };
    assert_eq!(refused, 1300);
}

#[tokio::test]
async fn programs_read_use_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_read_use_over_server_functions() {
    scenario(Through::ServerFns).await;
}

#[tokio::test]
async fn the_pages_show_use_and_workbooks_are_in_the_log() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (staff, owner, program) =
        (server.browser(&admin).await, server.browser(&acme.owner).await, server.token(&admin).await);
    let customer = server.token(&acme.owner).await;
    for (who, page) in [(&staff, "/admin/billing"), (&owner, "/billing")] {
        assert_eq!(server.get(who, page).await.status, 200, "{page}: nothing ran yet");
    }
    ran(&server, &acme).await;
    for by in contract::billing::BillingGroup::ALL.iter().map(|by| by.code()) {
        let from = (server.test.clock().now() - chrono::TimeDelta::days(2)).format("%Y-%m-%d").to_string();
        for (who, page) in [(&staff, "/admin/billing"), (&owner, "/billing")] {
            let answer = server.get(who, &format!("{page}?groupBy={by}&from={from}")).await;
            let shown = answer.text.contains("&lt;b&gt;Small&lt;/b&gt;") && answer.text.contains("1.25");
            assert!(answer.status == 200 && shown, "{page} by {by}: {}", answer.status);
        }
    }
    for path in ["usage/export", "ledger/export"] {
        for (who, side) in [(&program, "admin"), (&customer, "customer")] {
            let sheet = server.get(who, &format!("/api/{side}/billing/{path}")).await;
            assert!(sheet.status == 200 && sheet.text.starts_with("PK"), "{side} {path}: {}", sheet.status);
        }
    }
    let taken = server.sql("select action from audit_events where action like 'billing:export%' order by id").await;
    assert_eq!(
        taken,
        ["billing:export-usage", "billing:export-usage", "billing:export-ledger", "billing:export-ledger"]
    );
    let refused = server.get(&program, "/api/admin/billing/usage?groupBy=hour&from=2026-01-01T00:00:00Z").await;
    assert_eq!(refused.code(), 1000);
}

#[tokio::test]
async fn a_customers_page_says_what_it_cost_to_who_sees_what_customers_pay() {
    let server = Server::start().await;
    let (admin, operator) = (server.test.admin().await, server.test.operator("operator").await);
    let acme = server.test.customer("Acme").await;
    let page = format!("/admin/customers/{}", acme.id);
    let (staff, reader) = (server.browser(&admin).await, server.browser(&operator).await);
    let shown = async |who| server.get(who, &page).await.text;
    let nothing = shown(&staff).await;
    assert!(nothing.contains("This customer runs no instance.") && nothing.contains("<dd>Nothing</dd>"), "{nothing}");
    ran(&server, &acme).await;
    let costs = shown(&staff).await;
    assert!(costs.contains("1.25 CNY"), "half an hour at 2.50: {costs}");
    assert!(costs.contains(&format!("/admin/billing?customerId={}", acme.id)), "and where it comes from");
    let without = shown(&reader).await;
    assert!(without.contains("Instances and costs") && !without.contains("CNY"), "no money of customers: {without}");
}

/// GPU hours of instances are hours of GPUs, and what the month costs stands beside them.
#[tokio::test]
async fn the_workbench_counts_what_ran_in_instances() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    server.test.node("host-001").await;
    let rows = format!(
        "with spec as (insert into specs (name, cpu_cores, memory_gb, system_disk_gb) values ('Small', 1, 1, 1) returning id),
              ran (instance, before, lasts, gpus) as (values
                (1, interval '24 minutes', interval '24 minutes', 2),
                (2, interval '40 days', interval '1 hour', 1),
                (3, interval '24 minutes', interval '24 minutes', 0))
         insert into ledger_intervals (subject_id, subject_name, customer_id, customer_name, user_id, user_name, machine_id,
                                       machine_code, machine_name, spec_id, spec_name, spec, price_per_hour, currency,
                                       run_started_at, started_at, opened_by, ended_at, closed_by)
         select instance, 'i-' || instance, {customer}, 'Acme', {owner}, 'p', m.id, m.code, m.name, spec.id, 'Small',
                jsonb_build_object('gpuCount', gpus), 1, 'CNY', now() - before, now() - before, 'started',
                now() - before + lasts, 'ended'
         from ran, machines m, spec
         returning subject_name",
        customer = acme.id,
        owner = acme.owner.id,
    );
    assert_eq!(server.sql(&rows).await.len(), 3);
    let owner = server.token(&acme.owner).await;
    let usage = server.get(&owner, "/api/customer/usage").await.data();
    let hours = |name: &str| (usage[name].as_f64().unwrap() * 1000.0).round();
    assert_eq!((hours("gpuHours"), hours("gpuHours30Days"), hours("machineHours")), (1800.0, 800.0, 0.0), "{usage}");
    let staff = server.token(&admin).await;
    let same = server.get(&staff, &format!("/api/admin/customers/{}/statistics", acme.id)).await.data();
    assert_eq!(same["gpuHours"], usage["gpuHours"]);
    let home = server.get(&server.browser(&acme.owner).await, "/").await.text;
    assert!(home.contains(">1.8<") && home.contains(">0.8<"), "{home}");
    assert!(home.contains("Cost of this month so far"), "{home}");
}

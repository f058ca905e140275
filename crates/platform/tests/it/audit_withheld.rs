//! What an event says of a thing before and after is for who may see the thing: the log is no way around that.

use contract::audit::{AuditQuery, AuditView};
use contract::budgets::{BudgetRule, BudgetWrite};
use contract::machines::MachineCreate;
use platform::billing::budgets;
use platform::settings::{self, Change};
use platform::{OpContext, audit, machines};
use serde_json::json;
use test_support::TestPlatform;

async fn events(test: &TestPlatform, ctx: &OpContext, action: &str) -> Vec<AuditView> {
    let query = AuditQuery { action: Some(action.to_owned()), ..AuditQuery::default() };
    audit::list(&test.platform, ctx, &query).await.unwrap().list
}

#[tokio::test]
async fn who_reads_the_log_learns_of_no_money_and_no_settings_that_they_may_not_see() {
    let test = TestPlatform::new().await;
    let (p, admin, operator) = (&test.platform, test.admin().await, test.operator("operator").await);
    let acme = test.customer("Acme").await;
    let budget = BudgetWrite {
        name: "Ours".to_owned(),
        amount: "777.01".to_owned(),
        rule: Some(BudgetRule::Warn),
        ..BudgetWrite::default()
    };
    budgets::create_own(p, &acme.owner.ctx(), budget).await.unwrap();
    let named = Change { key: "branding.name".to_owned(), value: json!("Ours Alone"), version: None };
    settings::change(p, &admin.ctx(), vec![named]).await.unwrap();
    let machine = MachineCreate { id: Some("host-1".to_owned()), name: "host-1".to_owned(), ..Default::default() };
    machines::create(p, &admin.ctx(), machine).await.unwrap();

    for (action, secret) in [("budgets:create", "777.01"), ("settings:update", "Ours Alone")] {
        let full = &events(&test, &admin.ctx(), action).await[0];
        assert!(!full.withheld && serde_json::to_string(full).unwrap().contains(secret), "{full:?}");
        let seen = &events(&test, &operator.ctx(), action).await[0];
        assert!(seen.withheld && seen.before.is_none() && seen.after.is_none(), "{seen:?}");
        assert_eq!((seen.id, seen.actor_name.as_str()), (full.id, full.actor_name.as_str()), "the deed itself is told");
    }
    let of_machine = &events(&test, &operator.ctx(), "machines:create").await[0];
    assert!(!of_machine.withheld && of_machine.after.is_some(), "{of_machine:?}");

    let mut taken = String::new();
    audit::export(p, &operator.ctx(), &AuditQuery::default(), |row| {
        taken += &serde_json::to_string(&row).unwrap();
        Ok(())
    })
    .await
    .unwrap();
    assert!(taken.contains("budgets:create") && !taken.contains("777.01") && !taken.contains("Ours Alone"), "{taken}");
}

#[tokio::test]
async fn of_what_was_refused_stays_what_was_missing() {
    let test = TestPlatform::new().await;
    let (p, operator, acme) = (&test.platform, test.operator("operator").await, test.customer("Acme").await);
    let change = Change { key: "branding.name".to_owned(), value: json!("Mine"), version: None };
    let refused = settings::change(p, &acme.member.ctx(), vec![change]).await.unwrap_err();
    platform::report(p, &acme.member.ctx(), refused).await;
    let seen = &events(&test, &operator.ctx(), "settings:update").await[0];
    assert!(seen.withheld && seen.outcome == "denied", "{seen:?}");
    assert_eq!(seen.after, Some(json!({ "missing": "settings:update" })));
}

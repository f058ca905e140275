//! Budgets: what is told and when, what is refused, who may set them; on an engine, what is stopped.

use chrono::TimeDelta;
use contract::budgets::{BudgetLift, BudgetQuery, BudgetRule, BudgetSide, BudgetWrite};
use contract::instances::{InstanceAction, InstanceState, PlacementQuery};
use contract::notifications::{NotificationKind, NotificationQuery};
use contract::{BudgetId, CustomerId, ErrorCode};
use platform::billing::budgets;
use platform::{OpContext, SystemActor, instances, notifications};
use sqlx::AssertSqlSafe;
use test_support::{TestPlatform, TestUser};

use crate::instances::{Shop, host, named, shop, small, tested};
use crate::instances_on_engine::World;

fn body(name: &str, amount: &str, rule: BudgetRule) -> BudgetWrite {
    let (name, amount) = (name.to_owned(), amount.to_owned());
    BudgetWrite { name, amount, rule: Some(rule), grace_hours: Some(2), ..BudgetWrite::default() }
}

/// A second of something that cost so much, just now.
pub async fn spend(test: &TestPlatform, customer: CustomerId, amount: u32) {
    let at = test.clock().now().to_rfc3339();
    let sql = format!(
        "insert into ledger_intervals (subject_id, subject_name, customer_id, customer_name, user_id, user_name, machine_id,
                                       machine_code, machine_name, spec_id, spec_name, spec, price_per_hour, currency,
                                       run_started_at, started_at, opened_by, ended_at, closed_by)
         select 1000000 + (select count(*) from ledger_intervals), 'i', {customer}, 'Acme',
                (select min(user_id) from memberships where customer_id = {customer}), 'p', m.id, m.code, m.name, s.id, 'Small',
                '{{}}', 3600 * {amount}, 'CNY', timestamptz '{at}' - interval '1 second',
                timestamptz '{at}' - interval '1 second', 'started', '{at}', 'ended'
         from (select min(id) as id, min(code) as code, min(name) as name from machines) m, (select min(id) as id from specs) s"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(test.owner_pool()).await.unwrap();
}

async fn told(test: &TestPlatform, who: &TestUser) -> Vec<String> {
    let list = notifications::list(&test.platform, &who.ctx(), &NotificationQuery::default()).await.unwrap().list;
    let list = list.into_iter().filter(|it| it.kind == NotificationKind::BudgetReached);
    list.map(|it| it.message).collect()
}

/// A machine that something can be made on, and what of.
async fn with_shop(test: &TestPlatform, admin: &OpContext) -> Shop {
    host(test, admin, "host-001", 1, "/nonexistent/docker.sock").await;
    tested(test, "host-001").await;
    shop(test, admin, "library/small:1", small()).await
}

#[tokio::test]
async fn each_threshold_is_told_once_a_month_however_many_look() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await.ctx(), test.customer("Acme").await);
    with_shop(&test, &admin).await;
    budgets::create_own(&test.platform, &acme.owner.ctx(), body("All", "200", BudgetRule::Warn)).await.unwrap();
    let other = test.another_server().await;
    let look = async || {
        let (one, two) = tokio::join!(budgets::watch(&test.platform), budgets::watch(&other));
        one.unwrap();
        two.unwrap();
    };
    look().await;
    assert_eq!(told(&test, &acme.owner).await.len(), 0);
    for (amount, so_far) in [(99, 0), (1, 1), (20, 1), (60, 2), (20, 3), (500, 3)] {
        spend(&test, acme.id, amount).await;
        look().await;
        look().await;
        assert_eq!(told(&test, &acme.owner).await.len(), so_far, "{amount}");
    }
    assert!(told(&test, &acme.member).await.is_empty(), "what their customer pays is the owners'");
    let said = told(&test, &acme.owner).await;
    assert!(said[0].contains("All") && said[0].contains("200") && said[2].contains("50"), "{said:?}");
    let view = &budgets::list_own(&test.platform, &acme.owner.ctx(), &BudgetQuery::default()).await.unwrap().list[0];
    assert_eq!((view.spent.as_str(), view.percent, view.is_spent()), ("700", 350, true));
    assert!(view.exceeded_at.is_some() && view.stops_at.is_none());
    // Another month begins with nothing.
    test.clock().advance(TimeDelta::days(32));
    look().await;
    assert_eq!(told(&test, &acme.owner).await.len(), 3);
    spend(&test, acme.id, 300).await;
    look().await;
    assert_eq!(told(&test, &acme.owner).await.len(), 4, "of several at once the highest");
    let view = &budgets::list_own(&test.platform, &acme.owner.ctx(), &BudgetQuery::default()).await.unwrap().list[0];
    assert_eq!((view.spent.as_str(), view.percent), ("300", 150));
}

#[tokio::test]
async fn what_is_spent_lets_nothing_be_made_until_it_is_lifted_or_the_month_ends() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let shop = with_shop(&test, &admin.ctx()).await;
    let platform = &test.platform;
    let set = BudgetWrite { customer_id: Some(acme.id), ..body("Cap", "100", BudgetRule::Refuse) };
    let budget = budgets::create(platform, &admin.ctx(), set).await.unwrap();
    assert_eq!((budget.side, budget.may_change), (BudgetSide::Platform, true));
    let make = async |name: &str| instances::create(platform, &acme.member.ctx(), named(name, &shop)).await;
    spend(&test, acme.id, 99).await;
    make("before").await.unwrap();
    spend(&test, acme.id, 1).await;
    // Nobody has looked yet: the ledger says it all the same.
    let refused = make("over").await.unwrap_err();
    assert_eq!((refused.code, refused.key), (ErrorCode::BudgetSpent, "error-budget-spent-of"));
    assert!(refused.args.iter().any(|(name, value)| *name == "budget" && value == "Cap"), "{:?}", refused.args);
    let query = PlacementQuery { image: Some(shop.image), spec: Some(shop.spec) };
    let placement = instances::matched_machines(platform, &acme.member.ctx(), &query).await.unwrap();
    assert!(!placement.fits() && placement.misses[0].message.contains("Cap"), "{:?}", placement.misses);
    // What stops may not be started again either.
    let id = instances::list(platform, &acme.member.ctx(), &Default::default()).await.unwrap().list[0].id;
    instances::act(platform, &acme.member.ctx(), id, InstanceAction::Stop).await.unwrap_err();
    let stopped = "update instances set wanted = 'stopped', observed = 'ended', made_at = now(), state = 'stopped'";
    sqlx::query(stopped).execute(test.owner_pool()).await.unwrap();
    let start = async || instances::act(platform, &acme.member.ctx(), id, InstanceAction::Start).await;
    assert_eq!(start().await.unwrap_err().code, ErrorCode::BudgetSpent);
    // Lifted for this month: told and not enforced.
    let because = |text: &str| BudgetLift { because: text.to_owned() };
    let none = budgets::lift(platform, &admin.ctx(), budget.id, because(" ")).await.unwrap_err();
    assert_eq!(none.fields[0].path, "because");
    let lifted = budgets::lift(platform, &admin.ctx(), budget.id, because("a demo")).await.unwrap().lifted.unwrap();
    assert_eq!(lifted.because, "a demo");
    start().await.unwrap();
    make("over").await.unwrap();
    test.clock().advance(TimeDelta::days(32));
    spend(&test, acme.id, 100).await;
    assert_eq!(make("later").await.unwrap_err().code, ErrorCode::BudgetSpent, "it was lifted for one month");
    test.clock().advance(TimeDelta::days(32));
    // As the hourly job would: the audit log's partitions are made ahead of the clock.
    platform::metrics::keep_partitions(platform, &platform.system(SystemActor::Metrics)).await.unwrap();
    let answers = sqlx::query("update engine_connections set last_tested_at = $1").bind(test.clock().now());
    answers.execute(test.owner_pool()).await.unwrap();
    make("later").await.unwrap();
    let audited: Vec<String> =
        sqlx::query_scalar("select action from audit_events where action like 'budgets:%' order by id")
            .fetch_all(test.owner_pool())
            .await
            .unwrap();
    assert_eq!(audited, ["budgets:create", "budgets:lift"]);
}

#[tokio::test]
async fn owners_set_their_own_and_staff_everybodys() {
    let test = TestPlatform::new().await;
    let (admin, operator) = (test.admin().await, test.operator("operator").await);
    let (acme, globex) = (test.customer("Acme").await, test.customer("Globex").await);
    let platform = &test.platform;
    let of_staff = BudgetWrite { customer_id: Some(acme.id), ..body("Cap", "100", BudgetRule::Stop) };
    let cap = budgets::create(platform, &admin.ctx(), of_staff.clone()).await.unwrap();
    let own = budgets::create_own(platform, &acme.owner.ctx(), body("Own", "50.5", BudgetRule::Warn)).await.unwrap();
    assert_eq!(
        (own.side, own.amount.as_str(), own.thresholds.as_slice()),
        (BudgetSide::Customer, "50.5", &[50, 80, 100][..])
    );
    let list = budgets::list_own(platform, &acme.owner.ctx(), &BudgetQuery::default()).await.unwrap().list;
    let seen: Vec<_> = list.iter().map(|it| (it.name.as_str(), it.may_change)).collect();
    assert_eq!(seen, [("Cap", false), ("Own", true)]);
    // Whoever may not see it is told that it is not there.
    let change = |name: &str| body(name, "60", BudgetRule::Warn);
    for (ctx, id, code) in [
        (acme.owner.ctx(), cap.id, ErrorCode::Forbidden),
        (acme.member.ctx(), own.id, ErrorCode::NotFound),
        (globex.owner.ctx(), own.id, ErrorCode::NotFound),
        (admin.ctx(), own.id, ErrorCode::NotFound),
        (acme.owner.ctx(), BudgetId(999), ErrorCode::NotFound),
    ] {
        assert_eq!(budgets::update_own(platform, &ctx, id, change("x")).await.unwrap_err().code, code);
        assert_eq!(budgets::delete_own(platform, &ctx, id).await.unwrap_err().code, code);
    }
    for ctx in [acme.owner.ctx(), operator.ctx(), test.anonymous()] {
        assert!(budgets::update(platform, &ctx, own.id, change("x")).await.is_err());
        assert!(budgets::list(platform, &ctx, &BudgetQuery::default()).await.is_err());
        let lift = BudgetLift { because: "x".to_owned() };
        assert!(budgets::lift(platform, &ctx, cap.id, lift).await.is_err());
    }
    assert!(budgets::list_own(platform, &acme.member.ctx(), &BudgetQuery::default()).await.is_err());
    // All that is wrong at once.
    let wrong =
        BudgetWrite { thresholds: Some(vec![0, 80]), grace_hours: Some(721), ..body(" ", "0", BudgetRule::Warn) };
    let wrong = budgets::create_own(platform, &acme.owner.ctx(), wrong).await.unwrap_err();
    let paths: Vec<_> = wrong.fields.iter().map(|field| field.path).collect();
    assert_eq!(paths, ["name", "amount", "thresholds", "graceHours"]);
    let taken = budgets::create_own(platform, &acme.owner.ctx(), body("own", "1", BudgetRule::Warn)).await.unwrap_err();
    assert_eq!(taken.code, ErrorCode::AlreadyExists);
    let stale = BudgetWrite { revision: Some(0), ..change("Own") };
    assert_eq!(
        budgets::update_own(platform, &acme.owner.ctx(), own.id, stale).await.unwrap_err().code,
        ErrorCode::Conflict
    );
    budgets::update_own(platform, &acme.owner.ctx(), own.id, change("Ours")).await.unwrap();
    budgets::delete(platform, &admin.ctx(), own.id).await.unwrap();
    budgets::delete(platform, &admin.ctx(), cap.id).await.unwrap();
    assert_eq!(budgets::list(platform, &admin.ctx(), &BudgetQuery::default()).await.unwrap().total, 0);
}

#[tokio::test]
async fn what_runs_is_stopped_some_time_after_its_owner_was_told() {
    let world = World::new().await;
    let platform = &world.test.platform;
    let id = world.create("one", "exec sleep 600").await;
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    budgets::create_own(platform, &world.mine(), body("All", "100", BudgetRule::Stop)).await.unwrap();
    spend(&world.test, world.acme.id, 150).await;
    budgets::watch(platform).await.unwrap();
    let view = &budgets::list_own(platform, &world.mine(), &BudgetQuery::default()).await.unwrap().list[0];
    assert_eq!(view.stops_at, Some(view.exceeded_at.unwrap() + TimeDelta::hours(2)));
    world.test.clock().advance(TimeDelta::minutes(119));
    budgets::watch(platform).await.unwrap();
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    assert_eq!(told(&world.test, &world.acme.owner).await.len(), 1);
    world.test.clock().advance(TimeDelta::minutes(2));
    // As often as a server is killed and another one begins again.
    for _ in 0..3 {
        budgets::watch(platform).await.unwrap();
    }
    assert_eq!(world.apply(id).await.state, InstanceState::Stopped);
    assert_eq!(told(&world.test, &world.acme.owner).await.len(), 2);
    let events = instances::events(platform, &world.mine(), id).await.unwrap();
    let stop: Vec<_> = events.iter().filter(|event| event.reason.as_deref() == Some("budget")).collect();
    assert!(stop.len() == 1 && stop[0].detail.as_deref() == Some("All") && stop[0].message.is_some(), "{stop:?}");
    let again = instances::act(platform, &world.mine(), id, InstanceAction::Start).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::BudgetSpent);
    // Staff let it go on for this month.
    let admin = world.test.admin().await.ctx();
    budgets::lift(platform, &admin, view.id, BudgetLift { because: "a demo".to_owned() }).await.unwrap();
    assert_eq!(world.act(id, InstanceAction::Start).await.state, InstanceState::Running);
    budgets::watch(platform).await.unwrap();
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
}

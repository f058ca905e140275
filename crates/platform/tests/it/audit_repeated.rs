//! Refusals that come again and again do not fill the log: they are counted, and told in one row.

use chrono::TimeDelta;
use contract::audit::{AuditQuery, AuditView};
use platform::{OpContext, audit};
use test_support::{TestPlatform, TestUser};

async fn reaches_for_the_log(test: &TestPlatform, ctx: impl Fn() -> OpContext, times: usize) {
    for _ in 0..times {
        let refused = audit::list(&test.platform, &ctx(), &AuditQuery::default()).await.unwrap_err();
        platform::report(&test.platform, &ctx(), refused).await;
    }
}

async fn denied(test: &TestPlatform, admin: &TestUser) -> Vec<AuditView> {
    let query = AuditQuery { outcome: Some("denied".to_owned()), page_size: Some(100), ..AuditQuery::default() };
    audit::list(&test.platform, &admin.ctx(), &query).await.unwrap().list
}

#[tokio::test]
async fn who_is_not_signed_in_leaves_a_few_rows_and_a_count() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    reaches_for_the_log(&test, || test.anonymous(), 50).await;
    assert_eq!(denied(&test, &admin).await.len(), 3);
    audit::tell_repeats(&test.platform, false).await.unwrap();
    assert_eq!(denied(&test, &admin).await.len(), 3, "the period is not over");
    test.clock().advance(TimeDelta::minutes(10));
    audit::tell_repeats(&test.platform, false).await.unwrap();
    let rows = denied(&test, &admin).await;
    assert_eq!(rows.len(), 4);
    let told = rows[0].after.clone().unwrap();
    assert_eq!((&told["repeats"], &told["missing"]), (&47.into(), &"audit:view".into()), "{told}");
    assert!(told["from"].is_string() && told["until"].is_string(), "{told}");
    assert_eq!((rows[0].actor_kind.as_str(), rows[0].action.as_str()), ("anonymous", "audit:view"));
    // What was told is not told again, and a new period begins with rows of its own.
    audit::tell_repeats(&test.platform, true).await.unwrap();
    reaches_for_the_log(&test, || test.anonymous(), 1).await;
    assert_eq!(denied(&test, &admin).await.len(), 5);
}

#[tokio::test]
async fn a_person_leaves_more_rows_and_every_thing_is_told_apart() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    reaches_for_the_log(&test, || acme.member.ctx(), 14).await;
    reaches_for_the_log(&test, || acme.owner.ctx(), 1).await;
    assert_eq!(denied(&test, &admin).await.len(), 11, "what one does hides nothing of the other");
    // A server that stops tells what it counted.
    audit::tell_repeats(&test.platform, true).await.unwrap();
    let rows = denied(&test, &admin).await;
    assert_eq!(rows.len(), 12);
    assert_eq!((&rows[0].after.as_ref().unwrap()["repeats"], rows[0].actor_id), (&4.into(), Some(acme.member.id.0)));
}

//! Refusals that come again and again do not fill the log: they are counted, and told in one row.

use std::time::Duration;

use chrono::TimeDelta;
use contract::UserId;
use contract::audit::{AuditQuery, AuditView};
use platform::accounts::users;
use platform::{OpContext, audit};
use test_support::{TestPlatform, TestUser, eventually};
use tokio_util::sync::CancellationToken;

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

#[tokio::test]
async fn who_reaches_for_many_things_leaves_a_bounded_number_of_rows_and_blurs_nobody_else_s() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let from = |user: &TestUser, address: &str| {
        let (ctx, address) = (user.ctx(), Some(address.parse().unwrap()));
        OpContext::new(ctx.principal().clone(), ctx.now(), ctx.via(), ctx.request_id(), address, ctx.language())
    };
    for id in 1..=60 {
        let ctx = from(&acme.member, if id % 2 == 0 { "192.0.2.7" } else { "198.51.100.7" });
        let refused = users::get(&test.platform, &ctx, UserId(100_000 + id)).await.unwrap_err();
        platform::report(&test.platform, &ctx, refused).await;
    }
    assert_eq!(denied(&test, &admin).await.len(), 50, "a row for each thing would fill the log");
    // Others, and other things that the same one tries, have their rows as ever.
    reaches_for_the_log(&test, || from(&acme.owner, "203.0.113.5"), 1).await;
    reaches_for_the_log(&test, || acme.member.ctx(), 1).await;
    let rows = denied(&test, &admin).await;
    assert_eq!((rows.len(), rows[1].address.as_deref()), (52, Some("203.0.113.5")));
    audit::tell_repeats(&test.platform, true).await.unwrap();
    let rows = denied(&test, &admin).await;
    assert_eq!(rows.len(), 53, "one row for all that had none");
    let told = &rows[0];
    assert_eq!((told.actor_id, told.after.as_ref().unwrap()["repeats"].as_u64()), (Some(acme.member.id.0), Some(10)));
    // What was one's is not said of ten.
    assert_eq!((&told.target_id, &told.address, &told.user_agent, told.request_id.as_str()), (&None, &None, &None, ""));
}

#[tokio::test]
async fn what_cannot_be_told_is_told_later_and_a_server_without_workers_tells_too() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    reaches_for_the_log(&test, || test.anonymous(), 5).await;
    reaches_for_the_log(&test, || acme.member.ctx(), 13).await;
    let sql = async |statement: &'static str| {
        sqlx::query(statement).execute(test.owner_pool()).await.unwrap();
    };
    sql("alter table audit_events add constraint not_now check (after->>'repeats' is null)").await;
    test.clock().advance(TimeDelta::minutes(10));
    audit::tell_repeats(&test.platform, false).await.unwrap_err();
    assert_eq!(denied(&test, &admin).await.len(), 13, "all of it or nothing");
    sql("alter table audit_events drop constraint not_now").await;
    let stopping = CancellationToken::new();
    let telling = tokio::spawn(audit::keep_telling(test.platform.clone(), Duration::from_millis(5), stopping.clone()));
    let rows = eventually("both counts", async || {
        let rows = denied(&test, &admin).await;
        (rows.len() == 15).then_some(rows)
    })
    .await;
    stopping.cancel();
    telling.await.unwrap();
    let mut counts: Vec<_> = rows.iter().filter_map(|row| row.after.as_ref()?["repeats"].as_u64()).collect();
    counts.sort_unstable();
    assert_eq!(counts, [2, 3]);
}

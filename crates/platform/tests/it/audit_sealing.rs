//! Sealing the log after it grew at once: an import writes tens of thousands of events in one transaction.

use std::time::Duration;

use contract::audit::AuditQuery;
use futures_util::future::join_all;
use platform::audit;
use sqlx::AssertSqlSafe;
use test_support::{TestPlatform, eventually};

/// So many events, as an import writes them.
fn events(number: u32) -> String {
    format!(
        "insert into audit_events (at, actor_kind, actor_name, via, action, target_kind, target_id, outcome, request_id)
         select now(), 'system', 'import', 'cli', 'machines:create', 'machine', n::text, 'done', 'import'
         from generate_series(1, {number}) n"
    )
}

/// Seals of so many of them that have none; what they seal is no matter here.
fn seals(number: u32) -> String {
    format!(
        "insert into audit_seals (position, audit_id, at, prev_hash, hash)
         select (select coalesce(max(position), 0) from audit_seals) + row_number() over (order by e.id), e.id, e.at,
                sha256('before'), sha256('after')
         from (select id, at from audit_events where id not in (select audit_id from audit_seals) order by id limit {number}) e"
    )
}

#[tokio::test]
async fn a_plan_made_while_the_log_was_short_does_not_hold_up_the_sealing() {
    let test = TestPlatform::new().await;
    let run = async |sql: String| {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(test.owner_pool()).await.unwrap();
    };
    // What a connection comes to by itself after some sealings, from the first one on.
    run(format!("alter database {} set plan_cache_mode = 'force_generic_plan'", test.database().name())).await;
    run(events(3)).await;
    run(seals(2)).await;
    run("analyze audit_events; analyze audit_seals".to_owned()).await;
    let server = test.another_server().await;
    for sealed in join_all((0..8).map(|_| audit::seal(&server))).await {
        sealed.unwrap();
    }
    run(events(30_000)).await;
    run(seals(25_000)).await;
    // Every event compared with every seal takes half a minute for the first batch, and the statement's time is over after one.
    let sealing = tokio::time::timeout(Duration::from_secs(10), audit::seal(&server)).await;
    sealing.expect("events are looked up among the seals").unwrap();
}

#[tokio::test]
async fn a_clock_that_was_ahead_and_is_set_right_makes_nothing_dated_back() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let seal_another = async |position: i64| {
        let mut tx = test.platform.db().begin(&admin.ctx()).await.unwrap();
        let entry = audit::Entry {
            action: "machines:update",
            target_kind: "machine",
            target_id: Some("host".to_owned()),
            customer: None,
            before: None,
            after: None,
        };
        audit::record_in_tx(&mut tx, &admin.ctx(), entry).await.unwrap();
        tx.commit().await.unwrap();
        eventually("the row to be sealed", async || {
            audit::seal(&test.platform).await.unwrap();
            let sealed = sqlx::query_scalar("select coalesce(max(position), 0) from audit_seals");
            let sealed: i64 = sealed.fetch_one(test.owner_pool()).await.unwrap();
            (sealed == position).then_some(())
        })
        .await;
    };
    let partitions = "select ensure_partitions(now() - interval '1 day', now() + interval '12 days')";
    sqlx::raw_sql(partitions).execute(test.owner_pool()).await.unwrap();
    seal_another(1).await;
    let ahead = chrono::TimeDelta::days(3);
    test.clock().advance(ahead);
    seal_another(2).await;
    test.clock().advance(-ahead);
    for position in 3..9 {
        seal_another(position).await;
        let report = audit::verify_chain(&test.platform, &[], &[]).await.unwrap();
        assert_eq!((report.broken, report.dated_back_total), (None, 0), "at {position}");
        test.clock().advance(chrono::TimeDelta::hours(20));
    }
    let list = audit::list(&test.platform, &admin.ctx(), &AuditQuery::default()).await.unwrap().list;
    assert!(list.iter().all(|row| !row.dated_back), "nor on the page");
    // When it was sealed is part of what is hashed: nobody hides something by setting it back.
    let back = "update audit_seals set sealed_at = sealed_at - interval '9 days' where position = 4";
    sqlx::raw_sql(back).execute(test.owner_pool()).await.unwrap();
    let report = audit::verify_chain(&test.platform, &[], &[]).await.unwrap();
    assert_eq!(report.broken.map(|(position, _)| position), Some(4));
}

#[tokio::test]
async fn an_event_that_was_yet_to_come_when_it_was_sealed_is_named_and_marked() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let forged = "select ensure_partitions(now() - interval '1 day', now() + interval '12 days');
        insert into audit_events (at, actor_kind, actor_name, via, action, target_kind, outcome, request_id)
        select now() + ahead, 'user', 'somebody else', 'rest', 'machines:retire', 'machine', 'done', 'r'
        from unnest(array[interval '50 minutes', interval '3 days']) ahead";
    sqlx::raw_sql(forged).execute(test.owner_pool()).await.unwrap();
    eventually("both to be sealed", async || {
        audit::seal(&test.platform).await.unwrap();
        let waiting = "select count(*) from audit_events where id not in (select audit_id from audit_seals)";
        let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(test.owner_pool()).await.unwrap();
        (waiting == 0).then_some(())
    })
    .await;
    let report = audit::verify_chain(&test.platform, &[], &[]).await.unwrap();
    assert_eq!((report.broken, report.dated_back_total, report.dated_ahead_total), (None, 0, 1), "clocks may be apart");
    assert_eq!(report.dated_ahead[0].action.as_deref(), Some("machines:retire"));
    let position = report.dated_ahead[0].position;
    let known = audit::verify_chain(&test.platform, &[], std::slice::from_ref(&(position..=position))).await.unwrap();
    assert_eq!((known.dated_ahead, known.dated_ahead_total), (Vec::new(), 0));
    let list = audit::list(&test.platform, &admin.ctx(), &AuditQuery::default()).await.unwrap().list;
    let marked: Vec<_> = list.iter().filter(|row| row.is_suspect()).map(|row| row.seal()).collect();
    assert_eq!(marked, ["audit-dated-ahead"]);
}

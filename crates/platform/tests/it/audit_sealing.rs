//! Sealing the log after it grew at once: an import writes tens of thousands of events in one transaction.

use std::time::Duration;

use futures_util::future::join_all;
use platform::audit;
use sqlx::AssertSqlSafe;
use test_support::TestPlatform;

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

//! The queue: every job once, nothing lost with its worker, nothing done by who no longer owns it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contract::jobs::{JobQuery, JobState};
use contract::{ErrorCode, JobId};
use platform::jobs::{self, Claim, Heartbeat, Lane, NewJob, Outcome};
use platform::{Platform, SystemActor};
use sqlx::{AssertSqlSafe, PgPool};
use test_support::{TestPlatform, eventually};
use tokio_util::sync::CancellationToken;

fn job(test: &TestPlatform, kind: &'static str) -> NewJob {
    // A second ago, so that the database's clock has certainly reached it.
    NewJob::new(kind, test.clock().now() - chrono::TimeDelta::seconds(1))
}

/// Adds a job in a transaction of its own; false when its key exists.
async fn enqueue(platform: &Platform, job: &NewJob) -> bool {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await.unwrap();
    let added = jobs::enqueue_in_tx(&mut tx, job).await.unwrap();
    tx.commit().await.unwrap();
    added
}

async fn claim(platform: &Platform, owner: &str) -> Option<Claim> {
    jobs::claim(platform, Lane::Short, owner, 1).await.unwrap().into_iter().next()
}

/// A job that is claimed by `worker-a`.
async fn claimed(test: &TestPlatform, job: NewJob) -> Claim {
    assert!(enqueue(&test.platform, &job).await);
    claim(&test.platform, "worker-a").await.expect("the job is ready")
}

async fn count(pool: &PgPool, what: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(what.to_owned())).fetch_one(pool).await.unwrap()
}

async fn owner_does(test: &TestPlatform, statement: &'static str) {
    sqlx::raw_sql(statement).execute(test.owner_pool()).await.unwrap();
}

/// The lease runs out by the database's clock, without anybody waiting for it.
const EXPIRE: &str = "update jobs set lease_until = now() - interval '1 millisecond' where state = 'running'";
const READY_NOW: &str = "update jobs set run_at = now() where state = 'ready'";

/// (state, attempt, message) of a finished job.
async fn finished(test: &TestPlatform, id: JobId) -> Option<(String, i32, Option<String>)> {
    sqlx::query_as("select state, attempt, message from finished_jobs where id = $1")
        .bind(id.0)
        .fetch_optional(test.owner_pool())
        .await
        .unwrap()
}

/// Words of the job's history without `queued` and `progress`.
async fn history(test: &TestPlatform, id: JobId) -> Vec<String> {
    sqlx::query_scalar(
        "select kind from job_events where job_id = $1 and kind not in ('queued', 'progress') order by id",
    )
    .bind(id.0)
    .fetch_all(test.owner_pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn fifty_jobs_and_eight_workers_on_two_servers_each_job_once() {
    let test = TestPlatform::new().await;
    for _ in 0..50 {
        assert!(enqueue(&test.platform, &job(&test, "k")).await);
    }
    let servers = [test.platform.clone(), test.another_server().await];
    let ran = Arc::new(Mutex::new(BTreeMap::<i64, u32>::new()));
    let mut workers = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (platform, ran) = (servers[number % 2].clone(), ran.clone());
        workers.spawn(async move {
            let owner = format!("worker-{number}");
            loop {
                let claims = jobs::claim(&platform, Lane::Short, &owner, 3).await.unwrap();
                if claims.is_empty() {
                    break;
                }
                for claim in claims {
                    *ran.lock().unwrap().entry(claim.id.0).or_default() += 1;
                    assert!(jobs::finish(&platform, &claim, &Outcome::Done).await.unwrap());
                }
            }
        });
    }
    while let Some(done) = workers.join_next().await {
        done.unwrap();
    }
    let ran = ran.lock().unwrap().clone();
    assert_eq!((ran.len(), ran.values().max()), (50, Some(&1)), "{ran:?}");
    let owner = test.owner_pool();
    assert_eq!(count(owner, "select count(*) from jobs").await, 0);
    assert_eq!(count(owner, "select count(*) from finished_jobs where state = 'done' and attempt = 1").await, 50);
    assert_eq!(count(owner, "select count(*) from job_events where kind = 'started'").await, 50);
    assert_eq!(count(owner, "select count(*) from job_events where kind = 'done'").await, 50);
}

#[tokio::test]
async fn the_important_first_and_nothing_before_its_time() {
    let test = TestPlatform::new().await;
    for (kind, priority, minutes) in [("later", 9, 60), ("first", 5, -1), ("old", 0, -3), ("new", 0, -2)] {
        let run_at = test.clock().now() + chrono::TimeDelta::minutes(minutes);
        assert!(enqueue(&test.platform, &NewJob { priority, ..NewJob::new(kind, run_at) }).await);
    }
    let mut order = Vec::new();
    while let Some(claim) = claim(&test.platform, "worker-a").await {
        order.push(claim.kind);
    }
    assert_eq!(order, ["first", "old", "new"]);
}

#[tokio::test]
async fn jobs_of_one_sequence_go_one_after_the_other() {
    let test = TestPlatform::new().await;
    let of = |kind, sequence: &str| NewJob { sequence: Some(sequence.to_owned()), ..job(&test, kind) };
    // What is not due yet holds up nobody.
    let evening = NewJob { run_at: test.clock().now() + chrono::TimeDelta::hours(9), ..of("evening", "ada") };
    assert!(enqueue(&test.platform, &evening).await);
    for next in [of("a1", "ada"), of("a2", "ada"), of("b1", "bob"), job(&test, "free"), of("a3", "ada")] {
        assert!(enqueue(&test.platform, &next).await);
    }
    let other = test.another_server().await;
    let all = jobs::claim(&test.platform, Lane::Short, "worker-a", 9).await.unwrap();
    let kinds: Vec<_> = all.iter().map(|claim| claim.kind.as_str()).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert!(["a1", "b1", "free"].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    assert!(claim(&other, "worker-b").await.is_none(), "the second while the first runs");

    let first = all.iter().find(|claim| claim.kind == "a1").unwrap();
    assert!(jobs::finish(&test.platform, first, &Outcome::Failed("away".to_owned())).await.unwrap());
    assert!(claim(&other, "worker-b").await.is_none(), "the second while the first waits for its next try");
    assert_eq!(jobs::status(&test.platform, &test.admin().await.ctx()).await.unwrap().due, 0, "and nobody is late");
    owner_does(&test, "update jobs set run_at = now() where kind = 'a1'").await;
    for kind in ["a1", "a2", "a3"] {
        let next = claim(&other, "worker-b").await.expect("the next of them");
        assert_eq!(next.kind, kind);
        assert!(claim(&test.platform, "worker-a").await.is_none());
        jobs::finish(&other, &next, &Outcome::Done).await.unwrap();
    }
}

#[tokio::test]
async fn what_takes_long_has_workers_of_its_own() {
    let test = TestPlatform::new().await;
    for (kind, priority) in [
        ("image-copy", 20),
        ("image-push", 20),
        ("image-cleanup", 20),
        ("instance-save", 20),
        ("instance-apply", 15),
        ("files-assemble", 10),
        ("audit-seal", 0),
        ("nobody-knows-it", -5),
    ] {
        assert!(enqueue(&test.platform, &NewJob { priority, ..job(&test, kind) }).await);
    }
    for (lane, expected) in [
        (Lane::Short, &["audit-seal", "nobody-knows-it"][..]),
        (Lane::Uploads, &["files-assemble"]),
        (Lane::Copies, &["image-cleanup", "image-copy", "image-push", "instance-save"]),
        (Lane::Instances, &["instance-apply"]),
    ] {
        let claims = jobs::claim(&test.platform, lane, "worker-a", 10).await.unwrap();
        let mut kinds: Vec<_> = claims.iter().map(|claim| claim.kind.as_str()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, expected, "{lane:?}");
    }
    owner_does(&test, EXPIRE).await;
    let again = jobs::claim(&test.platform, Lane::Copies, "worker-b", 10).await.unwrap();
    assert_eq!(again.len(), 4, "what a dead worker held stays in its lane");
}

#[tokio::test]
async fn what_needs_a_link_is_for_the_server_that_holds_it() {
    let test = TestPlatform::new().await;
    let node = test.node("host-001").await;
    let (here, there) = (&test.platform, test.another_server().await);
    let near = NewJob { near: Some(node.machine), ..job(&test, "k") };
    assert!(enqueue(here, &near).await);
    sqlx::query(
        "insert into node_links (machine_id, server_id, link_id, lease_until)
         values ($1, $2, gen_random_uuid(), now() + interval '1 minute')",
    )
    .bind(node.machine.0)
    .bind(there.server_id())
    .execute(test.owner_pool())
    .await
    .unwrap();
    assert!(claim(here, "worker-a").await.is_none(), "its link ends elsewhere");
    let held = claim(&there, "worker-b").await.expect("this one has the link");
    assert!(jobs::finish(&there, &held, &Outcome::Done).await.unwrap());
    assert!(enqueue(here, &near).await);
    owner_does(&test, "update node_links set lease_until = now() - interval '1 millisecond'").await;
    assert!(claim(here, "worker-a").await.is_some(), "nobody has it");
}

#[tokio::test]
async fn a_held_job_is_nobody_elses_and_an_expired_one_is_taken_over() {
    let test = TestPlatform::new().await;
    let stale = claimed(&test, job(&test, "k")).await;
    assert!(claim(&test.platform, "worker-b").await.is_none(), "held");
    assert_eq!(jobs::heartbeat(&test.platform, &stale).await.unwrap(), Heartbeat::Held);

    owner_does(&test, EXPIRE).await;
    let fresh = claim(&test.another_server().await, "worker-b").await.expect("its lease has run out");
    assert_eq!((fresh.id, fresh.attempt), (stale.id, 2));
    assert_ne!(fresh.token, stale.token);
    assert_eq!(history(&test, stale.id).await, ["started", "taken_over"]);

    // The paused worker wakes up: nothing it does counts.
    assert_eq!(jobs::heartbeat(&test.platform, &stale).await.unwrap(), Heartbeat::Lost);
    for outcome in [Outcome::Done, Outcome::Failed("late".to_owned()), Outcome::Cancelled] {
        assert!(!jobs::finish(&test.platform, &stale, &outcome).await.unwrap(), "{outcome:?}");
    }
    assert_eq!(finished(&test, stale.id).await, None);
    assert_eq!(jobs::heartbeat(&test.platform, &fresh).await.unwrap(), Heartbeat::Held);
    assert!(jobs::finish(&test.platform, &fresh, &Outcome::Done).await.unwrap());
    assert_eq!(finished(&test, fresh.id).await, Some(("done".to_owned(), 2, None)));
    assert!(!jobs::finish(&test.platform, &fresh, &Outcome::Done).await.unwrap(), "once");
    assert_eq!(history(&test, stale.id).await, ["started", "taken_over", "done"]);
}

#[tokio::test]
async fn a_stopping_server_gives_its_jobs_back_and_only_its_own() {
    let test = TestPlatform::new().await;
    let (stopping, other) = (&test.platform, test.another_server().await);
    for priority in [2, 1, 0] {
        assert!(enqueue(stopping, &NewJob { priority, max_attempts: 1, ..job(&test, "k") }).await);
    }
    let first = claim(stopping, &format!("{}/0", stopping.server_id())).await.unwrap();
    let second = claim(stopping, &format!("{}/1", stopping.server_id())).await.unwrap();
    let theirs = claim(&other, &format!("{}/0", other.server_id())).await.unwrap();
    assert_eq!(jobs::release(stopping).await.unwrap(), 2);
    for held in [&first, &second] {
        assert_eq!(jobs::heartbeat(stopping, held).await.unwrap(), Heartbeat::Lost);
        assert!(!jobs::finish(stopping, held, &Outcome::Done).await.unwrap(), "a late end counts no more");
    }
    // At once, without waiting for a lease, and the only attempt is not used up.
    let again = claim(&other, &format!("{}/1", other.server_id())).await.expect("it is ready");
    assert_eq!((again.id, again.attempt), (first.id, 1));
    assert!(jobs::finish(&other, &again, &Outcome::Done).await.unwrap());
    assert_eq!(history(&test, first.id).await, ["started", "released", "started", "done"]);
    assert_eq!(jobs::heartbeat(&other, &theirs).await.unwrap(), Heartbeat::Held, "other servers' jobs stay theirs");
    assert_eq!(jobs::release(stopping).await.unwrap(), 0);
}

/// Nothing but the database is in the way of a job here: its worker waits for a lock that this test holds.
#[tokio::test]
async fn a_job_that_does_not_end_is_dropped_and_given_back() {
    let test = TestPlatform::new().await;
    let mut chain = test.owner_pool().acquire().await.unwrap();
    sqlx::raw_sql("select pg_advisory_lock(hashtext('remotegpu.audit-chain'))").execute(&mut *chain).await.unwrap();
    assert!(enqueue(&test.platform, &job(&test, "audit-seal")).await);
    let stop = CancellationToken::new();
    let workers = jobs::spawn_workers(&test.platform, stop.clone());
    let running = "select count(*) from jobs where kind = 'audit-seal' and state = 'running'";
    eventually("the job to run", async || (count(test.owner_pool(), running).await == 1).then_some(())).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(40), workers).await.expect("the workers end").unwrap();
    assert_eq!(count(test.owner_pool(), "select count(*) from jobs where state = 'running'").await, 0);
    let ready = "select count(*) from jobs where kind = 'audit-seal' and state = 'ready' and attempt = 0";
    assert_eq!(count(test.owner_pool(), ready).await, 1);
    let word = "select count(*) from job_events where kind = 'released'";
    assert_eq!(count(test.owner_pool(), word).await, 1);
}

#[tokio::test]
async fn a_heartbeat_brings_back_an_expired_lease_that_nobody_took() {
    let test = TestPlatform::new().await;
    let held = claimed(&test, job(&test, "k")).await;
    owner_does(&test, EXPIRE).await;
    assert_eq!(jobs::heartbeat(&test.platform, &held).await.unwrap(), Heartbeat::Held);
    assert!(claim(&test.platform, "worker-b").await.is_none());
    let left: f64 = sqlx::query_scalar("select extract(epoch from lease_until - heartbeat_at)::float8 from jobs")
        .fetch_one(test.owner_pool())
        .await
        .unwrap();
    assert_eq!(left, jobs::LEASE.as_secs_f64(), "a whole lease of the database's time");
}

#[tokio::test]
async fn a_job_that_kills_its_workers_ends() {
    let test = TestPlatform::new().await;
    let first = claimed(&test, NewJob { max_attempts: 2, ..job(&test, "k") }).await;
    owner_does(&test, EXPIRE).await;
    assert_eq!(claim(&test.platform, "worker-b").await.expect("one attempt is left").attempt, 2);
    owner_does(&test, EXPIRE).await;
    assert!(claim(&test.platform, "worker-c").await.is_none(), "no attempt is left");
    let (state, attempt, message) = finished(&test, first.id).await.expect("it has ended");
    assert_eq!((state.as_str(), attempt), ("failed", 2));
    assert!(message.is_some_and(|message| !message.is_empty()), "and says why");
}

#[tokio::test]
async fn a_failure_is_tried_again_after_a_growing_pause_and_then_given_up() {
    let test = TestPlatform::new().await;
    let mut held = claimed(&test, NewJob { max_attempts: 3, ..job(&test, "k") }).await;
    let id = held.id;
    for (attempt, shortest, longest) in [(1, 2.0, 2.5), (2, 4.0, 5.0)] {
        assert_eq!(held.attempt, attempt);
        assert!(jobs::finish(&test.platform, &held, &Outcome::Failed("boom".to_owned())).await.unwrap());
        // Both were written with one transaction's now(): the difference is exactly the pause.
        let pause: f64 = sqlx::query_scalar("select extract(epoch from run_at - updated_at)::float8 from jobs")
            .fetch_one(test.owner_pool())
            .await
            .unwrap();
        assert!((shortest..=longest).contains(&pause), "attempt {attempt} is followed by {pause} s");
        owner_does(&test, "update jobs set run_at = now() + interval '1 hour'").await;
        assert!(claim(&test.platform, "worker-b").await.is_none(), "not before the pause is over");
        owner_does(&test, READY_NOW).await;
        held = claim(&test.platform, "worker-b").await.expect("the pause is over");
    }
    assert!(jobs::finish(&test.platform, &held, &Outcome::Failed("boom".to_owned())).await.unwrap());
    assert_eq!(finished(&test, id).await, Some(("failed".to_owned(), 3, Some("boom".to_owned()))));
    assert_eq!(history(&test, id).await, ["started", "retried", "started", "retried", "started", "failed"]);
}

#[tokio::test]
async fn a_key_is_one_job_whether_it_waits_or_has_ended() {
    let test = TestPlatform::new().await;
    let keyed = |kind| NewJob { idempotency_key: Some("7".to_owned()), ..job(&test, kind) };
    let mut race = tokio::task::JoinSet::new();
    for platform in [test.platform.clone(), test.another_server().await] {
        for _ in 0..5 {
            let (platform, job) = (platform.clone(), keyed("k"));
            race.spawn(async move { enqueue(&platform, &job).await });
        }
    }
    assert_eq!(race.join_all().await.into_iter().filter(|added| *added).count(), 1);
    assert!(enqueue(&test.platform, &keyed("another kind")).await, "a key is for its kind");
    while let Some(claim) = claim(&test.platform, "worker-a").await {
        assert!(jobs::finish(&test.platform, &claim, &Outcome::Done).await.unwrap());
    }
    assert!(!enqueue(&test.platform, &keyed("k")).await, "it has run");
    assert_eq!(count(test.owner_pool(), "select count(*) from jobs").await, 0);
    assert!(enqueue(&test.platform, &job(&test, "k")).await, "without a key every job is its own");
}

/// The job ends between the two looks of an enqueue: the look at the finished ones must not be the first.
#[tokio::test]
async fn a_job_that_ends_meanwhile_is_not_queued_again() {
    let test = TestPlatform::new().await;
    let keyed = NewJob { idempotency_key: Some("7".to_owned()), ..job(&test, "k") };
    assert!(enqueue(&test.platform, &keyed).await);
    let mut ending = test.owner_pool().begin().await.unwrap();
    sqlx::raw_sql("lock table jobs in share row exclusive mode").execute(&mut *ending).await.unwrap();
    let platform = test.platform.clone();
    let second = tokio::spawn(async move { enqueue(&platform, &keyed).await });
    eventually("the second enqueue to stand before the table", async || {
        let waiting = "select count(*) from pg_locks where relation = 'jobs'::regclass and not granted";
        (count(test.owner_pool(), waiting).await == 1).then_some(())
    })
    .await;
    sqlx::raw_sql(
        "with ended as (delete from jobs returning *)
         insert into finished_jobs
           (id, kind, payload, state, attempt, max_attempts, idempotency_key, run_at, created_at)
         select id, kind, payload, 'done', 1, max_attempts, idempotency_key, run_at, created_at from ended",
    )
    .execute(&mut *ending)
    .await
    .unwrap();
    ending.commit().await.unwrap();
    assert!(!second.await.unwrap(), "its key has just ended");
    assert_eq!(count(test.owner_pool(), "select count(*) from jobs").await, 0);
}

#[tokio::test]
async fn a_job_is_part_of_its_transaction() {
    let test = TestPlatform::new().await;
    let ctx = test.system(SystemActor::Worker);
    let mut tx = test.platform.db().begin(&ctx).await.unwrap();
    assert!(jobs::enqueue_in_tx(&mut tx, &job(&test, "k")).await.unwrap());
    assert!(claim(&test.platform, "worker-a").await.is_none(), "not before the commit");
    tx.rollback().await.unwrap();
    assert_eq!(count(test.owner_pool(), "select count(*) from jobs").await, 0);
    assert!(enqueue(&test.platform, &job(&test, "k")).await);
    assert!(claim(&test.platform, "worker-a").await.is_some());
}

#[tokio::test]
async fn a_customers_operation_queues_for_its_customer() {
    let test = TestPlatform::new().await;
    let (acme, umbrella) = (test.customer("Acme").await, test.customer("Umbrella").await);
    let mut tx = test.platform.db().begin(&acme.member.ctx()).await.unwrap();
    let own = NewJob { customer: Some(acme.id), idempotency_key: Some("7".to_owned()), ..job(&test, "k") };
    assert!(jobs::enqueue_in_tx(&mut tx, &own).await.unwrap());
    tx.commit().await.unwrap();
    let mut tx = test.platform.db().begin(&acme.member.ctx()).await.unwrap();
    let foreign = NewJob { customer: Some(umbrella.id), ..job(&test, "k") };
    jobs::enqueue_in_tx(&mut tx, &foreign).await.expect_err("row-level security refuses another customer's");
}

#[tokio::test]
async fn cancelling_ends_a_waiting_job_at_once_and_a_running_one_at_its_heartbeat() {
    let test = TestPlatform::new().await;
    let running = claimed(&test, job(&test, "k")).await;
    assert!(enqueue(&test.platform, &job(&test, "waiting")).await);
    let waiting = JobId(count(test.owner_pool(), "select id from jobs where kind = 'waiting'").await);

    assert!(jobs::request_cancel(&test.platform, waiting).await.unwrap());
    assert_eq!(finished(&test, waiting).await.expect("it has ended").0, "cancelled");
    assert!(claim(&test.platform, "worker-b").await.is_none());

    assert!(jobs::request_cancel(&test.platform, running.id).await.unwrap());
    assert_eq!(jobs::heartbeat(&test.platform, &running).await.unwrap(), Heartbeat::CancelRequested);
    assert!(jobs::finish(&test.platform, &running, &Outcome::Cancelled).await.unwrap());
    assert_eq!(finished(&test, running.id).await.expect("it has ended").0, "cancelled");
    for gone in [waiting, running.id, JobId(1_000_000)] {
        assert!(!jobs::request_cancel(&test.platform, gone).await.unwrap(), "there is nothing to cancel");
    }
}

/// Somebody asked to stop while the last attempt was failing: it must not come back.
#[tokio::test]
async fn a_cancelled_job_that_fails_is_not_tried_again() {
    let test = TestPlatform::new().await;
    let running = claimed(&test, job(&test, "k")).await;
    assert!(jobs::request_cancel(&test.platform, running.id).await.unwrap());
    assert!(jobs::finish(&test.platform, &running, &Outcome::Failed("boom".to_owned())).await.unwrap());
    owner_does(&test, READY_NOW).await;
    assert!(claim(&test.platform, "worker-b").await.is_none(), "it was asked to stop");
    assert_eq!(finished(&test, running.id).await.expect("it has ended").0, "cancelled");
}

#[tokio::test]
async fn two_servers_run_each_tick_once_and_stop_when_told() {
    let test = TestPlatform::new().await;
    let stop = CancellationToken::new();
    let servers = [test.platform.clone(), test.another_server().await];
    let loops: Vec<_> = servers.iter().map(|server| jobs::spawn_workers(server, stop.clone())).collect();
    let owner = test.owner_pool();
    let kinds = eventually("every periodic kind and two rounds of sealing", async || {
        let done = "select count(distinct kind) from finished_jobs where state = 'done'";
        let rounds = "select count(*) from finished_jobs where kind = 'audit-seal' and state = 'done'";
        let kinds = count(owner, done).await;
        (kinds >= 5 && count(owner, rounds).await >= 2).then_some(kinds)
    })
    .await;
    assert!(kinds >= 5);
    stop.cancel();
    for server in loops {
        tokio::time::timeout(Duration::from_secs(60), server).await.expect("the loop ends").unwrap();
    }
    assert_eq!(
        count(owner, "select count(*) from jobs where state = 'running'").await,
        0,
        "running jobs were finished"
    );
    assert_eq!(count(owner, "select count(*) from finished_jobs where state <> 'done'").await, 0);
    let twice = "select count(*) from (select kind, idempotency_key from finished_jobs union all
                 select kind, idempotency_key from jobs) ticks group by kind, idempotency_key having count(*) > 1";
    let twice: Vec<i64> = sqlx::query_scalar(twice).fetch_all(owner).await.unwrap();
    assert_eq!(twice, [0i64; 0], "no tick is in the tables twice");
    let starts = "select coalesce(max(starts), 0) from (select count(*) as starts from job_events
                  where kind in ('started', 'taken_over') group by job_id) per_job";
    assert_eq!(count(owner, starts).await, 1, "and none ran twice");
}

#[tokio::test]
async fn a_kind_without_a_handler_fails_and_says_so() {
    let test = TestPlatform::new().await;
    assert!(enqueue(&test.platform, &NewJob { max_attempts: 1, ..job(&test, "nobody-does-this") }).await);
    let id = JobId(count(test.owner_pool(), "select id from jobs").await);
    let stop = CancellationToken::new();
    let server = jobs::spawn_workers(&test.platform, stop.clone());
    let (state, _, message) = eventually("the job to fail", async || finished(&test, id).await).await;
    assert_eq!(state, "failed");
    assert!(message.is_some_and(|message| message.contains("nobody-does-this")));
    stop.cancel();
    server.await.unwrap();
}

#[tokio::test]
async fn staff_see_waiting_and_finished_jobs() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let done = claimed(&test, job(&test, "done")).await;
    assert!(jobs::finish(&test.platform, &done, &Outcome::Done).await.unwrap());
    assert!(enqueue(&test.platform, &job(&test, "waiting")).await);
    let list = async |query: JobQuery| jobs::list(&test.platform, &admin.ctx(), &query).await.unwrap();
    let all = list(JobQuery::default()).await;
    let states: Vec<_> = all.list.iter().map(|job| (job.kind.as_str(), job.state)).collect();
    assert_eq!((all.total, states), (2, vec![("waiting", JobState::Ready), ("done", JobState::Done)]));
    assert!(all.list[1].finished_at.is_some() && all.list[0].finished_at.is_none());
    let ready = list(JobQuery { state: Some(JobState::Ready), ..Default::default() }).await;
    assert_eq!((ready.total, ready.list.len()), (1, 1));
    let past = list(JobQuery { page: Some(5), page_size: Some(10), ..Default::default() }).await;
    assert_eq!((past.total, past.list.len()), (2, 0), "a page past the end still tells the total");
    let acme = test.customer("Acme").await;
    let error = jobs::list(&test.platform, &acme.owner.ctx(), &JobQuery::default()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
}

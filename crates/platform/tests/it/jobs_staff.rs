//! The queue as staff see it: what they find, stop and let run again, and who works.

use chrono::TimeDelta;
use contract::jobs::{JobEventKind, JobLane, JobQuery, JobState, JobStatisticsQuery, JobView};
use contract::{ErrorCode, JobId};
use platform::jobs::{self, Claim, Lane, NewJob, Outcome};
use platform::{Platform, SystemActor};
use test_support::{Manner, TestPlatform, TestUser, eventually};
use tokio_util::sync::CancellationToken;

use crate::mail::World;

async fn enqueue(platform: &Platform, job: &NewJob) -> bool {
    let mut tx = platform.db().begin(&platform.system(SystemActor::Worker)).await.unwrap();
    let added = jobs::enqueue_in_tx(&mut tx, job).await.unwrap();
    tx.commit().await.unwrap();
    added
}

/// A job whose time has certainly come, by the database's clock as well.
fn due(test: &TestPlatform, kind: &'static str) -> NewJob {
    NewJob { max_attempts: 1, ..NewJob::new(kind, test.clock().now() - TimeDelta::seconds(5)) }
}

async fn claimed(test: &TestPlatform, job: &NewJob) -> Claim {
    assert!(enqueue(&test.platform, job).await);
    jobs::claim(&test.platform, Lane::Short, "worker-a", 1).await.unwrap().remove(0)
}

async fn ended(test: &TestPlatform, job: &NewJob, outcome: Outcome) -> JobId {
    let claim = claimed(test, job).await;
    assert!(jobs::finish(&test.platform, &claim, &outcome).await.unwrap());
    claim.id
}

async fn found(test: &TestPlatform, who: &TestUser, query: JobQuery) -> Vec<JobView> {
    let page = jobs::list(&test.platform, &who.ctx(), &query).await.unwrap();
    assert_eq!(page.total, page.list.len() as u64);
    page.list
}

#[tokio::test]
async fn staff_find_jobs_by_what_they_are_and_whom_they_are_for() {
    let test = TestPlatform::new().await;
    let (admin, acme, globex) = (test.admin().await, test.customer("Acme").await, test.customer("Globex").await);
    let of_acme = NewJob { customer: Some(acme.id), person: Some(acme.member.id), ..due(&test, "sign-up") };
    let first = ended(&test, &of_acme, Outcome::Failed("no mail server".to_owned())).await;
    let of_globex = NewJob { customer: Some(globex.id), ..due(&test, "mail-send") };
    let second = ended(&test, &of_globex, Outcome::Done).await;
    let tick = ended(&test, &due(&test, "audit-seal"), Outcome::Done).await;
    let ids = async |query: JobQuery| found(&test, &admin, query).await.iter().map(|job| job.id).collect::<Vec<_>>();
    let now = test.clock().now();
    let all = JobQuery::default;
    for (what, query, wanted) in [
        ("all", all(), vec![tick, second, first]),
        ("kind", JobQuery { kind: Some("mail-send".to_owned()), ..all() }, vec![second]),
        ("state", JobQuery { state: Some(JobState::Failed), ..all() }, vec![first]),
        ("outcome", JobQuery { outcome: Some(JobState::Done), ..all() }, vec![tick, second]),
        ("customer", JobQuery { customer_id: Some(acme.id), ..all() }, vec![first]),
        ("the clock's", JobQuery { periodic: Some(true), ..all() }, vec![tick]),
        ("what was wanted", JobQuery { periodic: Some(false), ..all() }, vec![second, first]),
        ("lately", JobQuery { from: Some(now - TimeDelta::days(1)), ..all() }, vec![tick, second, first]),
        ("long ago", JobQuery { until: Some(now - TimeDelta::days(1)), ..all() }, vec![]),
    ] {
        assert_eq!(ids(query).await, wanted, "{what}");
    }
    let job = found(&test, &admin, JobQuery { customer_id: Some(acme.id), ..all() }).await.remove(0);
    assert_eq!((job.customer_name.as_deref(), job.person.as_ref()), (Some("Acme"), Some(&acme.member.name)));
    assert_eq!(job.message.as_deref(), Some("no mail server"));
    let mut exported = Vec::new();
    jobs::export(&test.platform, &admin.ctx(), &all(), |job| {
        exported.push(job.id);
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(exported, [tick, second, first]);

    // Who sees jobs, and neither customers nor people, is told of neither.
    let watch = test.with_role("watch", &[contract::Permission::JobsView]).await;
    let seen = found(&test, &watch, all()).await;
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|job| job.customer_id.is_none() && job.customer_name.is_none() && job.person.is_none()));
    let query = JobQuery { customer_id: Some(acme.id), ..all() };
    let hidden = jobs::list(&test.platform, &watch.ctx(), &query).await.unwrap_err();
    assert_eq!(hidden.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn what_nothing_waits_for_can_be_stopped_and_a_failed_one_runs_again() {
    let test = TestPlatform::new().await;
    let (p, admin, acme) = (&test.platform, test.admin().await, test.customer("Acme").await);
    let ctx = admin.ctx();
    let key = |error: platform::Error| (error.code, error.key);
    // Waiting, and running.
    let later = NewJob::new("sign-up", test.clock().now() + TimeDelta::days(1));
    assert!(enqueue(p, &later).await);
    let waiting = found(&test, &admin, JobQuery::default()).await[0].id;
    let stopped = jobs::cancel(p, &ctx, waiting).await.unwrap();
    assert_eq!(stopped.job.state, JobState::Cancelled);
    assert_eq!(stopped.events.iter().map(|event| event.kind).collect::<Vec<_>>(), [JobEventKind::Cancelled]);
    let running = claimed(&test, &due(&test, "partitions")).await;
    let stopping = jobs::cancel(p, &ctx, running.id).await.unwrap();
    assert!(stopping.stopping && stopping.job.state == JobState::Running && stopping.worker.is_some());
    assert_eq!(
        key(jobs::cancel(p, &ctx, running.id).await.unwrap_err()),
        (ErrorCode::WrongState, "error-job-stopping")
    );
    assert_eq!(jobs::heartbeat(p, &running).await.unwrap(), jobs::Heartbeat::CancelRequested);
    assert!(jobs::finish(p, &running, &Outcome::Cancelled).await.unwrap());
    assert_eq!(key(jobs::cancel(p, &ctx, running.id).await.unwrap_err()), (ErrorCode::WrongState, "error-job-ended"));
    // What works on something with a state of its own is given up there.
    let apply = NewJob::new("instance-apply", test.clock().now() + TimeDelta::days(1));
    assert!(enqueue(p, &apply).await);
    let apply = found(&test, &admin, JobQuery::default()).await[0].id;
    let held_back = jobs::get(p, &ctx, apply).await.unwrap().may_cancel;
    assert!(!held_back.allowed && held_back.why_not.is_some());
    assert_eq!(
        key(jobs::cancel(p, &ctx, apply).await.unwrap_err()),
        (ErrorCode::WrongState, "error-job-not-cancellable")
    );

    let letter = NewJob {
        customer: Some(acme.id),
        person: Some(acme.owner.id),
        idempotency_key: Some("one".to_owned()),
        priority: 3,
        ..due(&test, "sign-up")
    };
    let failed = ended(&test, &letter, Outcome::Failed("boom".to_owned())).await;
    let again = jobs::retry(p, &ctx, failed).await.unwrap();
    assert_eq!((again.job.id, again.job.state, again.job.attempt, again.priority), (failed, JobState::Ready, 0, 3));
    assert_eq!(again.job.person.as_ref(), Some(&acme.owner.name));
    let kinds: Vec<_> = again.events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [JobEventKind::Started, JobEventKind::Failed, JobEventKind::Requeued]);
    assert!(!enqueue(p, &letter).await, "its key is still its own");
    let claim = jobs::claim(p, Lane::Short, "worker-b", 1).await.unwrap().remove(0);
    assert_eq!((claim.id, claim.attempt), (failed, 1));
    assert!(jobs::finish(p, &claim, &Outcome::Done).await.unwrap());
    assert_eq!(key(jobs::retry(p, &ctx, failed).await.unwrap_err()), (ErrorCode::WrongState, "error-job-not-failed"));
    let tick = ended(&test, &due(&test, "audit-seal"), Outcome::Failed("boom".to_owned())).await;
    assert_eq!(key(jobs::retry(p, &ctx, tick).await.unwrap_err()), (ErrorCode::WrongState, "error-job-comes-round"));
    assert_eq!(jobs::retry(p, &ctx, JobId(1_000_000)).await.unwrap_err().code, ErrorCode::NotFound);

    let log: Vec<String> = sqlx::query_scalar(
        "select action || ' ' || target_id || ' ' || (after ->> 'state') || ' ' || coalesce(customer_id, 0)
         from audit_events where target_kind = 'job' and outcome = 'done' order by id",
    )
    .fetch_all(test.owner_pool())
    .await
    .unwrap();
    let wanted = [
        format!("jobs:cancel {waiting} cancelled 0"),
        format!("jobs:cancel {} running 0", running.id),
        format!("jobs:retry {failed} ready {}", acme.id),
    ];
    assert_eq!(log, wanted);

    // Who may only look is told that they may not; for everybody else there is no queue.
    let operator = test.operator("op").await;
    for refused in [jobs::cancel(p, &operator.ctx(), apply).await, jobs::retry(p, &operator.ctx(), tick).await] {
        assert_eq!(refused.unwrap_err().code, ErrorCode::Forbidden);
    }
    let seen = jobs::get(p, &operator.ctx(), apply).await.unwrap();
    assert!(!seen.may_cancel.is_shown() && !seen.may_retry.is_shown());
    for nobody in [&acme.owner, &acme.member] {
        for refused in [
            jobs::get(p, &nobody.ctx(), failed).await,
            jobs::cancel(p, &nobody.ctx(), failed).await,
            jobs::retry(p, &nobody.ctx(), failed).await,
        ] {
            assert_eq!(refused.unwrap_err().code, ErrorCode::NotFound, "{}", nobody.name);
        }
        assert_eq!(jobs::status(p, &nobody.ctx()).await.unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(jobs::workers(p, &nobody.ctx()).await.unwrap_err().code, ErrorCode::NotFound);
        let statistics = jobs::statistics(p, &nobody.ctx(), JobStatisticsQuery::default()).await;
        assert_eq!(statistics.unwrap_err().code, ErrorCode::NotFound);
    }
}

#[tokio::test]
async fn only_what_has_something_to_do_when_it_runs_again_does() {
    let test = TestPlatform::new().await;
    let (p, admin) = (&test.platform, test.admin().await);
    let ctx = admin.ctx();
    let wanted: Vec<&'static str> = jobs::kinds().collect();
    let wanted: Vec<&'static str> =
        wanted[wanted.iter().position(|kind| *kind == "files-assemble").unwrap()..].to_vec();
    for (id, kind) in (1000_i64..).zip(wanted) {
        let sql = "insert into finished_jobs (id, kind, payload, state, attempt, max_attempts, run_at, created_at)
                   values ($1, $2, '{}', 'failed', 1, 1, now(), now())";
        sqlx::query(sql).bind(id).bind(kind).execute(test.owner_pool()).await.unwrap();
        let offered = jobs::get(p, &ctx, JobId(id)).await.unwrap().may_retry;
        let again = jobs::retry(p, &ctx, JobId(id)).await;
        let does = ["instance-apply", "password-reset", "sign-up"].contains(&kind);
        assert_eq!((again.is_ok(), offered.allowed), (does, does), "{kind}");
        if let Err(refused) = again {
            assert_eq!((refused.code, refused.key), (ErrorCode::WrongState, "error-job-nothing-left"), "{kind}");
        }
    }
}

/// With the handlers: a letter that was given up is not sent by its job again, which says so; the job that writes one does.
#[tokio::test]
async fn a_letter_that_was_given_up_is_asked_for_again_where_it_came_from() {
    let world = World::new().await;
    let (test, p) = (&world.test, &world.test.platform);
    let person = test.outsider("lee").await;
    world.email(&person, "lee@example.org", "en").await;
    world.set(&[("mail.port", serde_json::json!(1))]).await;
    world.ask_reset("lee").await;
    let last_try = async || {
        let sql = "update jobs set attempt = max_attempts - 1, run_at = now() - interval '5 seconds'
                   where kind in ('password-reset', 'mail-send')";
        sqlx::query(sql).execute(test.owner_pool()).await.unwrap();
    };
    last_try().await;
    let claim = jobs::claim(p, Lane::Short, "worker-a", 1).await.unwrap().remove(0);
    assert_eq!(claim.kind, "password-reset");
    assert!(jobs::finish(p, &claim, &Outcome::Failed("boom".to_owned())).await.unwrap());
    jobs::retry(p, &world.admin.ctx(), claim.id).await.unwrap();
    world.work().await;
    last_try().await;
    world.work().await;
    let mails: Vec<String> =
        sqlx::query_scalar("select kind || ' ' || state from mails").fetch_all(test.owner_pool()).await.unwrap();
    assert_eq!(mails, ["password-reset failed"], "it was written, and nobody took it");
    let query = JobQuery { kind: Some("mail-send".to_owned()), ..JobQuery::default() };
    let letter = found(test, &world.admin, query).await.remove(0);
    assert_eq!(letter.state, JobState::Failed);
    let refused = jobs::retry(p, &world.admin.ctx(), letter.id).await.unwrap_err();
    assert_eq!((refused.code, refused.key), (ErrorCode::WrongState, "error-job-nothing-left"));
}

/// A job that did its work is no comfort where what it was about failed.
#[tokio::test]
async fn a_mail_that_is_refused_for_good_has_failed_though_its_job_is_done() {
    let world = World::new().await;
    let (p, staff) = (&world.test.platform, world.admin.ctx());
    let person = world.test.outsider("lee").await;
    world.email(&person, "lee@example.org", "en").await;
    world.sink.behave(Manner::RecipientRefused);
    world.ask_reset("lee").await;
    world.work().await;
    let query = JobQuery { kind: Some("mail-send".to_owned()), ..JobQuery::default() };
    let job = found(&world.test, &world.admin, query.clone()).await.remove(0);
    assert_eq!((job.state, job.outcome), (JobState::Done, JobState::Failed));
    assert_eq!(jobs::status(p, &staff).await.unwrap().failed_lately, 1);
    world.sink.behave(Manner::Kind);
    world.ask_reset("lee").await;
    world.work().await;
    let job = found(&world.test, &world.admin, query).await.remove(0);
    assert_eq!((job.state, job.outcome), (JobState::Done, JobState::Done), "this one arrived");
}

#[tokio::test]
async fn a_letter_that_was_asked_for_long_ago_is_not_sent_any_more() {
    let test = TestPlatform::new().await;
    let (p, admin) = (&test.platform, test.admin().await);
    for (kind, minutes) in [("password-reset", 10), ("sign-up", 60)] {
        let id = ended(&test, &due(&test, kind), Outcome::Failed("boom".to_owned())).await;
        let asked = async |minutes: i32| {
            let sql = "update finished_jobs set created_at = $1 - make_interval(mins => $2)";
            sqlx::query(sql).bind(test.clock().now()).bind(minutes).execute(test.owner_pool()).await.unwrap();
        };
        asked(minutes + 1).await;
        assert!(!jobs::get(p, &admin.ctx(), id).await.unwrap().may_retry.allowed, "{kind}");
        let late = jobs::retry(p, &admin.ctx(), id).await.unwrap_err();
        assert_eq!((late.code, late.key), (ErrorCode::WrongState, "error-job-letter-old"), "{kind}");
        asked(minutes - 1).await;
        jobs::retry(p, &admin.ctx(), id).await.unwrap();
        assert!(jobs::request_cancel(p, id).await.unwrap());
    }
}

#[tokio::test]
async fn what_was_asked_to_stop_does_not_run_again_when_its_worker_goes() {
    let test = TestPlatform::new().await;
    let (p, admin) = (&test.platform, test.admin().await);
    let ctx = admin.ctx();
    let sql = async |statement: &'static str| {
        sqlx::query(statement).execute(test.owner_pool()).await.unwrap();
    };
    let asked = async |attempts: i32| {
        let job = NewJob { max_attempts: attempts, ..due(&test, "partitions") };
        assert!(enqueue(p, &job).await);
        let owner = format!("{}/0", p.server_id());
        let claim = jobs::claim(p, Lane::Short, &owner, 1).await.unwrap().remove(0);
        assert!(jobs::cancel(p, &ctx, claim.id).await.unwrap().stopping);
        claim.id
    };
    let state = async |id: JobId| jobs::get(p, &ctx, id).await.unwrap().job.state;
    // Its server stops.
    let id = asked(5).await;
    assert_eq!(jobs::release(p).await.unwrap(), 0, "nothing is given back");
    assert_eq!(state(id).await, JobState::Cancelled);
    // Its lease runs out, with attempts left and with none.
    for attempts in [5, 1] {
        let id = asked(attempts).await;
        sql("update jobs set lease_until = now() - interval '1 second'").await;
        assert!(jobs::claim(p, Lane::Short, "worker-b", 1).await.unwrap().is_empty());
        assert_eq!(state(id).await, JobState::Cancelled, "{attempts}");
    }
    // A server of the version before gave it back.
    let given_back = "update jobs set state = 'ready', lease_owner = null, lease_token = null, lease_until = null";
    let id = asked(5).await;
    sql(given_back).await;
    assert!(jobs::claim(p, Lane::Short, "worker-b", 1).await.unwrap().is_empty());
    assert_eq!(state(id).await, JobState::Cancelled);
    // Or it can be stopped at once, before anybody looks for something to do.
    let id = asked(5).await;
    sql(given_back).await;
    assert!(jobs::get(p, &ctx, id).await.unwrap().may_cancel.allowed);
    assert_eq!(jobs::cancel(p, &ctx, id).await.unwrap().job.state, JobState::Cancelled);
}

#[tokio::test]
async fn what_comes_round_every_few_seconds_is_kept_for_an_hour_where_it_was_done() {
    let test = TestPlatform::new().await;
    let sql =
        "insert into finished_jobs (id, kind, payload, state, attempt, max_attempts, run_at, created_at, finished_at)
               select 1000 + row_number() over (), kind, '{}', state, 1, 1, now(), now(), now() - interval '2 hours'
               from unnest(array['audit-seal', 'metrics-roll-up', 'allocations-advance', 'maintenance-advance',
                                 'instance-apply']) kind, unnest(array['done', 'failed']) state";
    sqlx::query(sql).execute(test.owner_pool()).await.unwrap();
    assert!(enqueue(&test.platform, &due(&test, "jobs-clean")).await);
    let stop = CancellationToken::new();
    let server = jobs::spawn_workers(&test.platform, stop.clone());
    let left =
        "select kind || ' ' || state from finished_jobs where finished_at < now() - interval '1 hour' order by 1";
    eventually("the old ones to go", async || {
        let left: Vec<String> = sqlx::query_scalar(left).fetch_all(test.owner_pool()).await.unwrap();
        let kept = [
            "allocations-advance failed",
            "audit-seal failed",
            "instance-apply done",
            "instance-apply failed",
            "maintenance-advance failed",
            "metrics-roll-up failed",
        ];
        (left == kept).then_some(())
    })
    .await;
    stop.cancel();
    server.await.unwrap();
}

#[tokio::test]
async fn the_queue_says_how_it_stands_and_what_became_of_what() {
    let test = TestPlatform::new().await;
    let (p, admin) = (&test.platform, test.admin().await);
    let ctx = admin.ctx();
    ended(&test, &due(&test, "sign-up"), Outcome::Done).await;
    ended(&test, &due(&test, "sign-up"), Outcome::Failed("boom".to_owned())).await;
    let running = claimed(&test, &due(&test, "mail-send")).await;
    assert!(enqueue(p, &due(&test, "mail-send")).await);
    assert!(enqueue(p, &NewJob::new("mail-send", test.clock().now() + TimeDelta::days(1))).await);
    let status = jobs::status(p, &ctx).await.unwrap();
    assert_eq!((status.waiting, status.due, status.running, status.failed_lately, status.servers), (2, 1, 1, 1, 0));
    assert!(status.due_seconds.is_some_and(|seconds| seconds >= 4), "{status:?}");

    // How long it took is known without its history.
    sqlx::query("delete from job_events").execute(test.owner_pool()).await.unwrap();
    let statistics = jobs::statistics(p, &ctx, JobStatisticsQuery::default()).await.unwrap();
    assert_eq!(statistics.hours, 24);
    let [mail, sign_up] = &statistics.kinds[..] else { panic!("{statistics:?}") };
    assert_eq!((mail.kind.as_str(), mail.waiting, mail.running, mail.done), ("mail-send", 2, 1, 0));
    assert_eq!((sign_up.kind.as_str(), sign_up.done, sign_up.failed, sign_up.retries), ("sign-up", 1, 1, 0));
    assert!(mail.mean_seconds.is_none() && sign_up.mean_seconds.is_some_and(|seconds| seconds >= 0.0));
    for hours in [0, 169] {
        let error = jobs::statistics(p, &ctx, JobStatisticsQuery { hours: Some(hours) }).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Validation, "{hours}");
    }
    assert!(jobs::workers(p, &ctx).await.unwrap().is_empty(), "no server has workers here");
    assert!(jobs::finish(p, &running, &Outcome::Done).await.unwrap());
}

#[tokio::test]
async fn a_server_with_workers_is_seen_until_it_stops() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let stop = CancellationToken::new();
    let server = jobs::spawn_workers(&test.platform, stop.clone());
    let workers = async || jobs::workers(&test.platform, &admin.ctx()).await.unwrap();
    let seen = eventually("the server to say that it is there", async || workers().await.into_iter().next()).await;
    assert_eq!((seen.id, seen.alive), (test.platform.server_id().to_string(), true));
    assert_eq!(seen.lanes.iter().map(|lane| lane.lane).collect::<Vec<_>>(), JobLane::ALL);
    assert!(seen.lanes.iter().all(|lane| lane.workers > 0));
    assert_eq!(jobs::status(&test.platform, &admin.ctx()).await.unwrap().servers, 1);
    stop.cancel();
    server.await.unwrap();
    assert!(workers().await.is_empty(), "it said that it stops");
}

//! What people see of what is done for them in the background, and of what they store.

use contract::ErrorCode;
use contract::files::{FilePurpose, GB, UploadCreate, UploadState};
use contract::instances::{InstanceSave, SaveState};
use contract::jobs::{JobState, OwnJobKind, OwnJobQuery, OwnJobView};
use contract::quotas::Quota;
use platform::jobs::{self, Claim, Lane, Outcome};
use platform::{files, instances, notifications, quotas};
use test_support::{TestPlatform, TestUser};

use crate::instances::{host, named, shop, small, tested};

/// An upload of five bytes, of which nothing is there yet.
fn announced(sha256: Option<String>) -> UploadCreate {
    UploadCreate { name: "model.tar".to_owned(), size: 5, sha256, purpose: FilePurpose::Image }
}

async fn list(test: &TestPlatform, user: &TestUser, query: OwnJobQuery) -> Vec<OwnJobView> {
    let page = jobs::list_own(&test.platform, &user.ctx(), &query).await.unwrap();
    assert_eq!(page.total, page.list.len() as u64);
    page.list
}

async fn claimed(test: &TestPlatform, lane: Lane) -> Claim {
    // By the database's clock, which may be behind ours.
    sqlx::query("update jobs set run_at = now() where state = 'ready'").execute(test.owner_pool()).await.unwrap();
    jobs::claim(&test.platform, lane, "worker", 1).await.unwrap().remove(0)
}

#[tokio::test]
async fn people_see_their_own_jobs_and_owners_those_of_their_customer() {
    let test = TestPlatform::new().await;
    let (admin, acme, globex) = (test.admin().await, test.customer("Acme").await, test.customer("Globex").await);
    host(&test, &admin.ctx(), "host-001", 1, "/nonexistent/docker.sock").await;
    tested(&test, "host-001").await;
    let shop = shop(&test, &admin.ctx(), "library/small:1", small()).await;
    let made = instances::create(&test.platform, &acme.member.ctx(), named("train", &shop)).await.unwrap();
    let ctx = acme.owner.ctx();
    let upload = files::create_upload(&test.platform, &ctx, announced(Some("0".repeat(64)))).await.unwrap();
    files::put_chunk(&test.platform, &ctx, upload.id, 0, None, &mut &b"hello"[..]).await.unwrap();
    files::complete(&test.platform, &ctx, upload.id).await.unwrap_err();
    let ended = files::get_upload(&test.platform, &ctx, upload.id).await.unwrap();
    assert_eq!(ended.state, UploadState::Aborted, "it is not what was announced");

    let seen = list(&test, &acme.owner, OwnJobQuery::default()).await;
    let [of_upload, of_instance] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((of_upload.kind, of_upload.state), (OwnJobKind::Upload, JobState::Ready));
    assert_eq!(of_upload.person.as_ref(), Some(&acme.owner.name));
    let subject = of_upload.subject.as_ref().unwrap();
    assert_eq!(
        (subject.kind.as_str(), subject.name.as_str(), subject.state.as_str()),
        ("upload", "model.tar", "aborted")
    );
    assert!(subject.message.as_ref().unwrap().contains("not the file that was announced"), "{subject:?}");
    assert_eq!((of_instance.kind, of_instance.person.as_ref()), (OwnJobKind::Instance, Some(&acme.member.name)));
    let subject = of_instance.subject.as_ref().unwrap();
    assert_eq!((subject.name.as_str(), subject.state.as_str()), ("train", "creating"));
    assert_eq!(subject.link, Some(format!("/instances/{}", made.id)));

    let own = list(&test, &acme.member, OwnJobQuery::default()).await;
    assert_eq!(own.iter().map(|job| (job.id, job.person.clone())).collect::<Vec<_>>(), [(of_instance.id, None)]);
    assert!(list(&test, &globex.owner, OwnJobQuery::default()).await.is_empty());
    for nobody in [&admin, &test.outsider("oz").await] {
        let error = jobs::list_own(&test.platform, &nobody.ctx(), &OwnJobQuery::default()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound, "{}", nobody.name);
    }
    let kind = OwnJobQuery { kind: Some(OwnJobKind::Upload), ..Default::default() };
    assert_eq!(list(&test, &acme.owner, kind).await.len(), 1);
    let state = OwnJobQuery { state: Some(JobState::Done), ..Default::default() };
    assert!(list(&test, &acme.owner, state.clone()).await.is_empty());

    // What a handler says is for staff: customers read where the thing stands.
    let failed = Outcome::Failed("no route to 10.0.0.7".to_owned());
    assert!(jobs::finish(&test.platform, &claimed(&test, Lane::Instances).await, &failed).await.unwrap());
    let own = list(&test, &acme.member, OwnJobQuery::default()).await;
    assert_eq!((own[0].state, own[0].attempt), (JobState::Ready, 1));
    assert!(!serde_json::to_string(&own).unwrap().contains("10.0.0.7"), "{own:?}");
    assert!(jobs::finish(&test.platform, &claimed(&test, Lane::Uploads).await, &Outcome::Done).await.unwrap());
    let done = list(&test, &acme.owner, state).await;
    assert_eq!((done.len(), done[0].person.as_ref()), (1, Some(&acme.owner.name)), "as it was while it waited");
    assert!(done[0].finished_at.is_some());
    // The job did its work: what it found is what counts for whose it is.
    assert_eq!((done[0].outcome, done[0].subject.as_ref().unwrap().failed), (JobState::Failed, true));
    let outcome = |outcome| OwnJobQuery { outcome: Some(outcome), ..Default::default() };
    let failed = list(&test, &acme.owner, outcome(JobState::Failed)).await;
    assert_eq!(failed.iter().map(|job| job.id).collect::<Vec<_>>(), [done[0].id]);
    assert!(list(&test, &acme.owner, outcome(JobState::Done)).await.is_empty());
}

async fn newest(test: &TestPlatform, user: &TestUser, kind: OwnJobKind) -> OwnJobView {
    list(test, user, OwnJobQuery { kind: Some(kind), ..Default::default() }).await.remove(0)
}

#[tokio::test]
async fn a_failed_job_of_ones_own_runs_again() {
    let test = TestPlatform::new().await;
    let (admin, acme, globex) = (test.admin().await, test.customer("Acme").await, test.customer("Globex").await);
    host(&test, &admin.ctx(), "host-001", 1, "/nonexistent/docker.sock").await;
    tested(&test, "host-001").await;
    let shop = shop(&test, &admin.ctx(), "library/small:1", small()).await;
    instances::create(&test.platform, &acme.member.ctx(), named("train", &shop)).await.unwrap();
    let waits = newest(&test, &acme.member, OwnJobKind::Instance).await;
    assert!(
        !waits.may_cancel.allowed && waits.may_cancel.why_not.is_some(),
        "the instance itself is stopped: {waits:?}"
    );
    assert!(!waits.may_retry.allowed, "{waits:?}");
    let refused = |error: platform::Error| (error.code, error.key);
    let cancelled = jobs::cancel_own(&test.platform, &acme.member.ctx(), waits.id).await;
    assert_eq!(refused(cancelled.unwrap_err()), (ErrorCode::WrongState, "error-job-not-cancellable"));
    for _ in 0..waits.max_attempts {
        let claim = claimed(&test, Lane::Instances).await;
        assert!(jobs::finish(&test.platform, &claim, &Outcome::Failed("no route".to_owned())).await.unwrap());
    }
    let failed = newest(&test, &acme.owner, OwnJobKind::Instance).await;
    assert_eq!((failed.state, failed.may_retry.allowed), (JobState::Failed, true));
    for stranger in [&globex.owner, &admin, &test.outsider("oz").await] {
        for tried in [
            jobs::retry_own(&test.platform, &stranger.ctx(), failed.id).await,
            jobs::cancel_own(&test.platform, &stranger.ctx(), failed.id).await,
        ] {
            assert_eq!(tried.unwrap_err().code, ErrorCode::NotFound, "{}", stranger.name);
        }
    }
    let again = jobs::retry_own(&test.platform, &acme.owner.ctx(), failed.id).await.unwrap();
    assert_eq!((again.id, again.state, again.attempt), (failed.id, JobState::Ready, 0));
    assert_eq!(again.person.as_ref(), Some(&acme.member.name), "owners read whose it is");
    let twice = jobs::retry_own(&test.platform, &acme.member.ctx(), failed.id).await.unwrap_err();
    assert_eq!(refused(twice), (ErrorCode::WrongState, "error-job-not-failed"));
    let told = "select customer_id from audit_events where action = 'jobs:retry' and outcome = 'done'";
    let told: Vec<Option<i64>> = sqlx::query_scalar(told).fetch_all(test.owner_pool()).await.unwrap();
    assert_eq!(told, [Some(acme.id.0)]);
}

#[tokio::test]
async fn an_image_that_is_being_made_is_given_up_with_its_job() {
    let test = TestPlatform::new().await;
    let (admin, acme, globex) = (test.admin().await, test.customer("Acme").await, test.customer("Globex").await);
    host(&test, &admin.ctx(), "host-001", 1, "/nonexistent/docker.sock").await;
    tested(&test, "host-001").await;
    let shop = shop(&test, &admin.ctx(), "library/small:1", small()).await;
    let made = instances::create(&test.platform, &acme.member.ctx(), named("train", &shop)).await.unwrap();
    let stopped = "update instances set container_id = 'c', observed = 'ended', made_at = now(), wanted = 'stopped',
                   state = 'stopped'";
    sqlx::query(stopped).execute(test.owner_pool()).await.unwrap();
    let save = async |name: &str| {
        let body = InstanceSave { name: name.to_owned(), ..Default::default() };
        instances::save_image(&test.platform, &acme.member.ctx(), made.id, body).await.unwrap();
        newest(&test, &acme.member, OwnJobKind::Save).await
    };
    let waits = save("One").await;
    assert!(waits.may_cancel.allowed, "{waits:?}");
    let stranger = jobs::cancel_own(&test.platform, &globex.owner.ctx(), waits.id).await;
    assert_eq!(stranger.unwrap_err().code, ErrorCode::NotFound);
    let gone = jobs::cancel_own(&test.platform, &acme.owner.ctx(), waits.id).await.unwrap();
    assert_eq!((gone.state, gone.subject.unwrap().state.as_str()), (JobState::Cancelled, "cancelled"));
    let twice = jobs::cancel_own(&test.platform, &acme.member.ctx(), waits.id).await.unwrap_err();
    assert_eq!((twice.code, twice.key), (ErrorCode::WrongState, "error-job-ended"));

    // One that is at work sees it and tidies up before it ends.
    save("Two").await;
    let claim = claimed(&test, Lane::Copies).await;
    let running = jobs::cancel_own(&test.platform, &acme.member.ctx(), claim.id).await.unwrap();
    assert_eq!((running.state, running.may_cancel.allowed), (JobState::Running, false));
    assert!(running.may_cancel.why_not.is_some(), "it was given up already");
    assert!(jobs::finish(&test.platform, &claim, &Outcome::Done).await.unwrap());
    let saves = instances::saves(&test.platform, &acme.member.ctx(), made.id).await.unwrap();
    assert!(saves.iter().all(|save| save.state == SaveState::Cancelled), "{saves:?}");
    let again = save("Two").await;
    assert!(again.may_cancel.allowed, "its name is free again");
}

#[tokio::test]
async fn open_pages_hear_how_ones_own_jobs_stand() {
    let test = TestPlatform::new().await;
    let (admin, acme, outsider) = (test.admin().await, test.customer("Acme").await, test.outsider("oz").await);
    let ctx = acme.owner.ctx();
    let upload = files::create_upload(&test.platform, &ctx, announced(Some("0".repeat(64)))).await.unwrap();
    files::put_chunk(&test.platform, &ctx, upload.id, 0, None, &mut &b"hello"[..]).await.unwrap();
    files::complete(&test.platform, &ctx, upload.id).await.expect_err("it is not what was announced");
    let heard = async |user: &TestUser| {
        let mut watch = notifications::watch_bell(&test.platform, &user.ctx()).await.unwrap();
        let told: serde_json::Value = serde_json::from_str(&watch.next().await).unwrap();
        told["jobs"].clone()
    };
    let waits = heard(&acme.owner).await;
    assert_eq!(waits["going"], 1);
    for (person, going) in [(&acme.member, Some(0)), (&admin, Some(0)), (&outsider, None)] {
        assert_eq!(heard(person).await["going"].as_u64(), going, "{}", person.name);
    }
    let drawer = async |user: &TestUser| jobs::mine(&test.platform, &user.ctx()).await;
    let mine = drawer(&acme.owner).await.unwrap();
    let [job] = &mine.list[..] else { panic!("{mine:?}") };
    assert_eq!((mine.going, job.state, job.about.as_deref()), (1, JobState::Ready, Some("model.tar")));
    assert_eq!(job.link, "/images/mine");
    assert_eq!(drawer(&acme.member).await.unwrap(), Default::default());
    assert_eq!(drawer(&outsider).await.unwrap_err().code, ErrorCode::NotFound);

    let claim = claimed(&test, Lane::Uploads).await;
    let runs = heard(&acme.owner).await;
    assert!(runs["going"] == 1 && runs["mark"] != waits["mark"], "{waits} {runs}");
    assert!(jobs::finish(&test.platform, &claim, &Outcome::Done).await.unwrap());
    assert_eq!(heard(&acme.owner).await["going"], 0);
    let mine = drawer(&acme.owner).await.unwrap();
    assert_eq!((mine.going, mine.list[0].state), (0, JobState::Failed), "of what it was about: {mine:?}");
    assert!(mine.list[0].message.is_some() && mine.list[0].finished_at.is_some());

    // Staff have theirs, whomever it is for, each with its page.
    let of_staff = "insert into jobs (kind, payload, user_id) values ('image-copy', '{}', $1)";
    sqlx::query(of_staff).bind(admin.id.0).execute(test.owner_pool()).await.unwrap();
    let mine = drawer(&admin).await.unwrap();
    assert_eq!((mine.going, mine.list.len()), (1, 1));
    assert_eq!(mine.list[0].link, format!("/admin/jobs/{}", mine.list[0].id));
}

#[tokio::test]
async fn what_is_stored_stands_beside_the_limits() {
    let test = TestPlatform::new().await;
    let (admin, acme, globex) = (test.admin().await, test.customer("Acme").await, test.customer("Globex").await);
    let limit = |gb| Quota { storage_gb: Some(gb), ..Quota::default() };
    quotas::set_of_customer(&test.platform, &admin.ctx(), acme.id, limit(2)).await.unwrap();
    quotas::set_of_user(&test.platform, &admin.ctx(), acme.member.id, limit(1)).await.unwrap();
    files::create_upload(&test.platform, &acme.owner.ctx(), announced(None)).await.unwrap();
    files::create_upload(&test.platform, &acme.member.ctx(), announced(None)).await.unwrap();
    let of = async |user: &TestUser| quotas::storage(&test.platform, &user.ctx()).await;
    let member = of(&acme.member).await.unwrap();
    assert_eq!((member.used, member.limit, member.own_used, member.own_limit), (10, Some(2 * GB), 5, Some(GB)));
    let owner = of(&acme.owner).await.unwrap();
    assert_eq!((owner.used, owner.own_used, owner.own_limit), (10, 5, None));
    assert_eq!(of(&globex.owner).await.unwrap(), Default::default());
    assert_eq!(of(&admin).await.unwrap_err().code, ErrorCode::NotFound);

    // A member gives up what is theirs, and nothing else is offered to them.
    let going = files::uploads_going(&test.platform, &acme.member.ctx()).await.unwrap();
    let offered: Vec<_> = going.iter().map(|going| (going.by.as_str(), going.may_abort)).collect();
    assert_eq!(offered, [(acme.member.name.as_str(), true), (acme.owner.name.as_str(), false)]);
    let going = files::uploads_going(&test.platform, &acme.owner.ctx()).await.unwrap();
    assert!(going.iter().all(|going| going.may_abort), "owners tidy up after everybody");
}

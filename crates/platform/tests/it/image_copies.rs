//! Images are brought to machines, by address and from the store, and stopped on the way.

use contract::engines::{EngineKind, EngineWrite};
use contract::files::{FilePurpose, UploadCreate};
use contract::images::{CopyState, ImageCopy, ImagePull, ImageReject, ImageUpload, ImageWrite};
use contract::jobs::{JobQuery, JobState};
use contract::{ErrorCode, ImageId, MachineId};
use platform::jobs::{self, Lane, Outcome};
use platform::{OpContext, Platform, engines, files, images};
use test_support::{DockerEngine, Registry, TestPlatform, eventually, image_archive, loadable_archive};
use tokio_util::sync::CancellationToken;

fn to(machine: &str) -> ImagePull {
    ImagePull { machine: machine.to_owned(), reason: None }
}

async fn added(platform: &Platform, ctx: &OpContext, name: &str, address: &str) -> ImageId {
    let body = ImageWrite { name: name.to_owned(), address: Some(address.to_owned()), ..ImageWrite::default() };
    images::create(platform, ctx, body).await.unwrap().id
}

async fn archived(platform: &Platform, ctx: &OpContext, name: &str, archive: &[u8]) -> ImageUpload {
    let size = archive.len() as u64;
    let new = UploadCreate { name: "a.tar".to_owned(), size, sha256: None, purpose: FilePurpose::Image };
    let file = files::store_whole(platform, ctx, new, &mut &archive[..]).await.unwrap().id;
    serde_json::from_value(serde_json::json!({ "file": file, "name": name })).unwrap()
}

async fn uploaded(platform: &Platform, ctx: &OpContext, name: &str, archive: &[u8]) -> ImageId {
    let body = archived(platform, ctx, name, archive).await;
    images::upload(platform, ctx, body).await.unwrap().id
}

/// An engine at this socket.
fn at(socket: &str) -> EngineWrite {
    EngineWrite { socket: Some(socket.to_owned()), ..EngineWrite::new(EngineKind::Local) }
}

/// A machine with an engine at this socket.
async fn machine(test: &TestPlatform, ctx: &OpContext, socket: &str) -> MachineId {
    test.node("host-001").await;
    engines::set(&test.platform, ctx, "host-001", at(socket)).await.unwrap();
    let id: i64 = sqlx::query_scalar("select id from machines where code = 'host-001'")
        .fetch_one(test.owner_pool())
        .await
        .unwrap();
    MachineId(id)
}

async fn only(platform: &Platform, ctx: &OpContext, id: ImageId) -> ImageCopy {
    let mut copies = images::copies(platform, ctx, id).await.unwrap();
    assert_eq!(copies.len(), 1);
    copies.remove(0)
}

#[tokio::test]
async fn an_image_is_pulled_from_its_registry_or_sent_from_the_store() {
    let engine = DockerEngine::start();
    let (test, registry) = (TestPlatform::new().await, Registry::start().await);
    let (admin, operator) = (test.admin().await, test.operator("operator").await);
    let (platform, ctx) = (&test.platform, admin.ctx());
    let host = machine(&test, &ctx, engine.socket().to_str().unwrap()).await;
    let by_address = added(platform, &ctx, "Small", &registry.image("small:1")).await;
    let refused = images::pull(platform, &operator.ctx(), by_address, to("host-001")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);
    let nowhere = images::pull(platform, &ctx, by_address, to("host-009")).await.unwrap_err();
    assert_eq!(nowhere.fields[0].key, "field-machine-unknown");
    let wanted = images::pull(platform, &ctx, by_address, to("host-001")).await.unwrap();
    assert_eq!((wanted[0].state, wanted[0].machine.as_str()), (CopyState::Waiting, "host-001"));
    let twice = images::pull(platform, &ctx, by_address, to("host-001")).await.unwrap_err();
    assert_eq!((twice.code, twice.key), (ErrorCode::Conflict, "error-image-on-its-way"));
    images::copy(platform, by_address, host, 1, false).await.unwrap();
    images::copy(platform, by_address, host, 1, false).await.expect("a job may run twice");
    assert_eq!(only(platform, &ctx, by_address).await.state, CopyState::Present);

    let missing = added(platform, &ctx, "Missing", &registry.image("small:2")).await;
    images::pull(platform, &ctx, missing, to("host-001")).await.unwrap();
    images::copy(platform, missing, host, 1, false).await.unwrap();
    let failed = only(platform, &ctx, missing).await;
    assert_eq!((failed.state, failed.fault.as_deref()), (CopyState::Failed, Some("image")));
    assert!(failed.message.is_some() && failed.detail.is_some());
    images::pull(platform, &ctx, missing, to("host-001")).await.expect("it may be tried again");

    let sent = uploaded(platform, &ctx, "Sent", &loadable_archive("ours:1")).await;
    let early = images::pull(platform, &ctx, sent, to("host-001")).await.unwrap_err();
    assert_eq!((early.code, early.key), (ErrorCode::WrongState, "error-image-not-approved"));
    images::approve(platform, &ctx, sent).await.unwrap();
    images::pull(platform, &ctx, sent, to("host-001")).await.unwrap();
    images::copy(platform, sent, host, 1, false).await.unwrap();
    assert_eq!(only(platform, &ctx, sent).await.state, CopyState::Present);
    assert_eq!(engine.ask("GET", "/images/ours:1/json", "text/plain", b"").0, 404, "its tags do not count");
    let digest = images::get(platform, &ctx, sent).await.unwrap().digest.unwrap();
    let (status, there) = engine.ask("GET", &format!("/images/{digest}/json"), "text/plain", b"");
    assert!(status == 200 && there.contains(&format!("remotegpu.invalid/image-{sent}:")), "{there}");

    engines::test(platform, &ctx, "host-001").await.unwrap();
    let foreign = if cfg!(target_arch = "aarch64") { "amd64" } else { "arm64" };
    let other = uploaded(platform, &ctx, "Foreign", &image_archive(foreign, "f")).await;
    images::approve(platform, &ctx, other).await.unwrap();
    let refused = images::pull(platform, &ctx, other, to("host-001")).await.unwrap_err();
    assert_eq!((refused.code, refused.key), (ErrorCode::WrongState, "error-image-architecture"));
}

#[tokio::test]
async fn what_nobody_wants_any_more_is_not_brought() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let (platform, ctx) = (&test.platform, admin.ctx());
    let host = machine(&test, &ctx, "/nonexistent/docker.sock").await;
    let image = added(platform, &ctx, "Small", "library/small:1").await;
    let none = images::cancel_pull(platform, &ctx, image, "host-001").await.unwrap_err();
    assert_eq!(none.code, ErrorCode::NotFound);
    images::pull(platform, &ctx, image, to("host-001")).await.unwrap();
    let stopped = images::cancel_pull(platform, &ctx, image, "host-001").await.unwrap();
    assert_eq!(stopped[0].state, CopyState::Cancelled);
    images::copy(platform, image, host, 1, false).await.unwrap();
    assert_eq!(only(platform, &ctx, image).await.state, CopyState::Cancelled, "the job leaves it alone");
    images::pull(platform, &ctx, image, to("host-001")).await.unwrap();
    images::copy(platform, image, host, 1, true).await.expect("of the first wish: nothing is left to do");
    assert_eq!(only(platform, &ctx, image).await.state, CopyState::Waiting);
    images::copy(platform, image, host, 2, true).await.unwrap();
    let failed = only(platform, &ctx, image).await;
    assert_eq!((failed.state, failed.fault.as_deref()), (CopyState::Failed, Some("no-socket")));

    // The jobs of both wishes did their work; that of the last did not bring it there.
    sqlx::raw_sql("update jobs set run_at = now()").execute(test.owner_pool()).await.unwrap();
    for claim in jobs::claim(platform, Lane::Copies, "worker-a", 10).await.unwrap() {
        assert!(jobs::finish(platform, &claim, &Outcome::Done).await.unwrap());
    }
    let query = JobQuery { kind: Some("image-copy".to_owned()), ..JobQuery::default() };
    let found = jobs::list(platform, &ctx, &query).await.unwrap().list;
    let outcomes: Vec<_> = found.iter().map(|job| (job.state, job.outcome)).collect();
    assert_eq!(outcomes, [(JobState::Done, JobState::Failed), (JobState::Done, JobState::Done)]);
}

/// The engine here takes connections and says nothing: what ends a copy is the decision alone.
#[tokio::test]
async fn what_was_rejected_or_deleted_is_not_brought_any_more() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let (platform, ctx) = (&test.platform, admin.ctx());
    let silent = tempfile::tempdir().unwrap();
    let socket = silent.path().join("silent.sock");
    let _listens = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let host = machine(&test, &ctx, socket.to_str().unwrap()).await;
    let reject = || ImageReject { reason: "malware".to_owned() };

    let waiting = uploaded(platform, &ctx, "Waiting", &image_archive("amd64", "w")).await;
    images::approve(platform, &ctx, waiting).await.unwrap();
    images::pull(platform, &ctx, waiting, to("host-001")).await.unwrap();
    images::reject(platform, &ctx, waiting, reject()).await.unwrap();
    assert_eq!(only(platform, &ctx, waiting).await.state, CopyState::Cancelled);
    images::copy(platform, waiting, host, 1, false).await.unwrap();
    images::approve(platform, &ctx, waiting).await.unwrap();
    assert_eq!(only(platform, &ctx, waiting).await.state, CopyState::Cancelled, "it is to be wanted anew");

    images::pull(platform, &ctx, waiting, to("host-001")).await.expect("and may be");
    let (bringing, ()) = tokio::join!(images::copy(platform, waiting, host, 2, false), async {
        running(&test).await;
        images::reject(platform, &ctx, waiting, reject()).await.unwrap();
    });
    bringing.expect("it stops by itself");
    assert_eq!(only(platform, &ctx, waiting).await.state, CopyState::Cancelled);

    // Its customer does not see the copies, and takes the image away.
    let member = acme.member.ctx();
    let archive = archived(platform, &member, "Theirs", &image_archive("amd64", "t")).await;
    let theirs = images::upload_own(platform, &member, archive).await.unwrap().id;
    images::approve(platform, &ctx, theirs).await.unwrap();
    images::pull(platform, &ctx, theirs, to("host-001")).await.unwrap();
    let (bringing, ()) = tokio::join!(images::copy(platform, theirs, host, 1, false), async {
        running(&test).await;
        images::delete_own(platform, &member, theirs).await.unwrap();
    });
    bringing.expect("it stops by itself");
    assert_eq!(stored(&test, theirs).await, "cancelled");

    let gone = added(platform, &ctx, "Gone", "library/small:1").await;
    images::pull(platform, &ctx, gone, to("host-001")).await.unwrap();
    images::delete(platform, &ctx, gone).await.unwrap();
    assert_eq!(stored(&test, gone).await, "cancelled");
}

/// Until one of them is on its way.
async fn running(test: &TestPlatform) {
    eventually("the copy to run", async || {
        let count: i64 = sqlx::query_scalar("select count(*) from image_copies where state = 'running'")
            .fetch_one(test.owner_pool())
            .await
            .unwrap();
        (count == 1).then_some(())
    })
    .await;
}

/// The state of the only copy of an image, deleted or not.
async fn stored(test: &TestPlatform, image: ImageId) -> String {
    sqlx::query_scalar("select state from image_copies where image_id = $1")
        .bind(image.0)
        .fetch_one(test.owner_pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_copy_whose_job_is_no_more_ends() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let (platform, ctx) = (&test.platform, admin.ctx());
    let host = machine(&test, &ctx, "/nonexistent/docker.sock").await;
    let image = added(platform, &ctx, "Small", "library/small:1").await;
    images::pull(platform, &ctx, image, to("host-001")).await.unwrap();
    images::tidy_copies(platform).await.unwrap();
    assert_eq!(only(platform, &ctx, image).await.state, CopyState::Waiting, "its job waits");
    // Its worker dies at the last attempt.
    let owner = test.owner_pool();
    let died = "update jobs set run_at = now(), max_attempts = 1 where kind = 'image-copy'";
    sqlx::raw_sql(died).execute(owner).await.unwrap();
    assert_eq!(jobs::claim(platform, Lane::Copies, "worker-a", 1).await.unwrap().len(), 1);
    sqlx::raw_sql("update image_copies set state = 'running'").execute(owner).await.unwrap();
    images::tidy_copies(platform).await.unwrap();
    assert_eq!(only(platform, &ctx, image).await.state, CopyState::Running, "its job runs");
    sqlx::raw_sql("update jobs set lease_until = now() - interval '1 second'").execute(owner).await.unwrap();
    assert!(jobs::claim(platform, Lane::Copies, "worker-b", 1).await.unwrap().is_empty());
    images::tidy_copies(platform).await.unwrap();
    let ended = only(platform, &ctx, image).await;
    assert_eq!((ended.state, ended.fault.as_deref()), (CopyState::Failed, Some("other")));
    assert!(ended.message.is_some());
    images::pull(platform, &ctx, image, to("host-001")).await.expect("it may be wanted anew");

    // What nobody can read is no reason to stand still either.
    let unread = "update engine_connections set kind = 'tcp', socket = null, host = 'h', port = 1, expires_at = now(),
                  ca_certificate = 'x', client_certificate = 'x', client_key = 'x'";
    sqlx::raw_sql(unread).execute(owner).await.unwrap();
    images::copy(platform, image, host, 2, false).await.expect_err("somebody tries again");
    assert_eq!(only(platform, &ctx, image).await.state, CopyState::Running);
    images::copy(platform, image, host, 2, true).await.expect("nobody does");
    assert_eq!(only(platform, &ctx, image).await.state, CopyState::Failed);
}

#[tokio::test]
async fn a_copy_waits_for_the_server_that_has_the_agent() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let (platform, ctx) = (&test.platform, admin.ctx());
    let host = machine(&test, &ctx, "/nonexistent/docker.sock").await;
    let by_agent = EngineWrite { kind: EngineKind::Agent, socket: None, ..at("") };
    engines::set(platform, &ctx, "host-001", by_agent).await.unwrap();
    let image = added(platform, &ctx, "Small", "library/small:1").await;
    images::pull(platform, &ctx, image, to("host-001")).await.unwrap();
    let near: Option<i64> = sqlx::query_scalar("select near_machine_id from jobs where kind = 'image-copy'")
        .fetch_one(test.owner_pool())
        .await
        .unwrap();
    assert_eq!(near, Some(host.0));
    images::copy(platform, image, host, 1, false).await.expect_err("it is tried again while the agent is away");
    assert_eq!(only(platform, &ctx, image).await.state, CopyState::Running);
    sqlx::query(
        "insert into node_links (machine_id, server_id, link_id, lease_until)
         values ($1, gen_random_uuid(), gen_random_uuid(), now() + interval '1 minute')",
    )
    .bind(host.0)
    .execute(test.owner_pool())
    .await
    .unwrap();
    images::copy(platform, image, host, 1, false).await.expect_err("and where it has just gone to another server");
    images::copy(platform, image, host, 1, true).await.expect("nobody tries again");
    let failed = only(platform, &ctx, image).await;
    assert_eq!((failed.state, failed.fault.as_deref()), (CopyState::Failed, Some("agent-elsewhere")));
}

/// The copies here wait for a lock that this test holds, as they would for an engine that says little.
#[tokio::test]
async fn copies_that_do_not_end_hold_up_no_other_work() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let (platform, ctx) = (&test.platform, admin.ctx());
    machine(&test, &ctx, "/nonexistent/docker.sock").await;
    let image = added(platform, &ctx, "Small", "library/small:1").await;
    images::pull(platform, &ctx, image, to("host-001")).await.unwrap();
    let many = "insert into jobs (kind, payload, priority, run_at)
                select kind, payload, 100, run_at from jobs, generate_series(1, 9) where kind = 'image-copy'";
    sqlx::raw_sql(many).execute(test.owner_pool()).await.unwrap();
    let mut held = test.owner_pool().begin().await.unwrap();
    sqlx::raw_sql("select from image_copies for update").execute(&mut *held).await.unwrap();
    let stop = CancellationToken::new();
    let workers = jobs::spawn_workers(platform, stop.clone());
    let count =
        async |what: &'static str| -> i64 { sqlx::query_scalar(what).fetch_one(test.owner_pool()).await.unwrap() };
    eventually("every worker for copies to have one", async || {
        let running = "select count(*) from jobs where kind = 'image-copy' and state = 'running'";
        (count(running).await == 4).then_some(())
    })
    .await;
    eventually("the audit log to be sealed meanwhile", async || {
        let sealed = "select count(*) from finished_jobs where kind = 'audit-seal' and state = 'done'
                      and finished_at > (select max(e.at) from job_events e join jobs j on j.id = e.job_id
                                         where j.kind = 'image-copy' and e.kind = 'started')";
        (count(sealed).await > 0).then_some(())
    })
    .await;
    held.rollback().await.unwrap();
    stop.cancel();
    workers.await.unwrap();
}

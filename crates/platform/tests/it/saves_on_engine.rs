//! Instances are kept as images on a real Docker Engine: what was written is there again, and nothing is left of what came to
//! nothing.

use std::time::Duration;

use chrono::TimeDelta;
use contract::images::{ImageQuery, ImageReject, ImageSource, ImageState, MarketQuery};
use contract::instances::{
    InstanceAction, InstanceCreate, InstanceSave, InstanceSaveView, InstanceState, PlacementQuery, SaveState,
};
use contract::quotas::Quota;
use contract::{ErrorCode, InstanceId};
use platform::{files, images, instances, quotas};
use test_support::eventually;

use crate::instances::named;
use crate::instances_on_engine::World;

fn called(name: &str) -> InstanceSave {
    InstanceSave { name: name.to_owned(), description: Some("with my packages".to_owned()), remark: None }
}

impl World {
    /// One that runs and has written something.
    async fn written(&self) -> InstanceId {
        let id = self.create("one", "echo kept > /made; echo ready; exec sleep 600").await;
        self.apply(id).await;
        eventually("it has written", async || (self.said(id).await == ["ready"]).then_some(())).await;
        id
    }

    async fn wants(&self, id: InstanceId, name: &str) -> InstanceSaveView {
        instances::save_image(&self.test.platform, &self.mine(), id, called(name)).await.unwrap()
    }

    async fn refused(&self, id: InstanceId, name: &str) -> (ErrorCode, &'static str) {
        let error = instances::save_image(&self.test.platform, &self.mine(), id, called(name)).await.unwrap_err();
        (error.code, error.fields.first().map_or(error.key, |field| field.key))
    }

    async fn saved(&self, id: InstanceId) -> InstanceSaveView {
        instances::saves(&self.test.platform, &self.mine(), id).await.unwrap().remove(0)
    }

    async fn count(&self, table: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        sqlx::query_scalar(sql).fetch_one(self.test.owner_pool()).await.unwrap()
    }

    /// Images on the engine: those of saves, and those without a name.
    fn on_engine(&self) -> usize {
        let (_, list) = self.engine.ask("GET", "/images/json?all=1", "application/json", b"");
        let list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
        list.iter().filter(|image| !image["RepoTags"].to_string().contains("busybox")).count()
    }

    /// Folders with content in the store.
    fn folders(&self) -> usize {
        let entries = |path: &std::path::Path| std::fs::read_dir(path).map(|it| it.flatten().collect::<Vec<_>>());
        let above = entries(self.test.files_dir()).unwrap_or_default();
        above.iter().map(|above| entries(&above.path()).unwrap_or_default().len()).sum()
    }

    async fn nothing_is_left(&self) {
        assert_eq!((self.count("uploads").await, self.count("files").await, self.count("blobs").await), (0, 0, 0));
        assert_eq!((self.folders(), self.on_engine()), (0, 0));
    }
}

#[tokio::test]
async fn what_was_written_is_in_an_instance_of_the_saved_image() {
    let world = World::new().await;
    let (platform, mine) = (&world.test.platform, world.mine());
    let id = world.written().await;
    let wanted = world.wants(id, "Mine").await;
    assert_eq!((wanted.state, wanted.name.as_str()), (SaveState::Waiting, "Mine"));
    assert_eq!(world.refused(id, "Other").await, (ErrorCode::Conflict, "error-save-going"));
    let stranger = instances::save_image(platform, &world.acme.member.ctx(), id, called("Theirs")).await.unwrap_err();
    assert_eq!(stranger.code, ErrorCode::NotFound);
    instances::save(platform, wanted.id, false).await.unwrap();
    instances::save(platform, wanted.id, false).await.expect("a job may run twice");
    let done = world.saved(id).await;
    assert_eq!((done.state, done.fault.as_deref(), done.done == done.total), (SaveState::Done, None, true));
    assert_eq!((world.folders(), world.on_engine(), world.count("uploads").await), (1, 0, 0));
    assert_eq!(world.get(id).await.state, InstanceState::Running, "it goes on");

    let image = images::get_own(platform, &mine, done.image.unwrap()).await.unwrap();
    assert_eq!((image.source, image.state, image.listed), (ImageSource::Instance, ImageState::PendingReview, false));
    assert_eq!((image.description.as_deref(), image.size), (Some("with my packages"), Some(done.total)));
    assert!(image.architecture.is_some() && image.digest.is_some() && image.tags.len() == 1, "{image:?}");
    assert_eq!(world.refused(id, "mine").await, (ErrorCode::AlreadyExists, "field-image-name-taken"));

    // Its customer uses it at once, and nobody else.
    let command = Some(["sh", "-c", "cat /made; echo [$SECRET]; exec sleep 600"].map(str::to_owned).into());
    let body = |name| InstanceCreate {
        command: command.clone(),
        image: image.id,
        environment: Default::default(),
        ..named(name, &world.shop)
    };
    let other = world.test.customer("Other").await;
    let refused = instances::create(platform, &other.owner.ctx(), body("theirs")).await.unwrap_err();
    assert_eq!(refused.fields[0].key, "field-image-unknown");
    let again = instances::create(platform, &mine, body("again")).await.unwrap().id;
    assert_eq!(world.apply(again).await.state, InstanceState::Running);
    eventually("what was written is there, what was secret is not", async || {
        (world.said(again).await == ["kept", "[]"]).then_some(())
    })
    .await;

    // It holds what a person wrote: another of its customer finds neither it nor its archive, until it is shared.
    let (member, archive) = (world.acme.member.ctx(), image.file.unwrap());
    let sees = async || {
        let listed = images::list_own(platform, &member, &ImageQuery::default()).await.unwrap().total;
        let read = images::get_own(platform, &member, image.id).await.map(|_| ()).map_err(|error| error.code);
        let content = files::content(platform, &member, archive, None).await.map(|_| ()).map_err(|error| error.code);
        let placed = PlacementQuery { image: Some(image.id), spec: Some(world.shop.spec) };
        let used =
            instances::matched_machines(platform, &member, &placed).await.map(|_| ()).map_err(|error| error.code);
        (listed, read, content, used)
    };
    let not_found = Err(ErrorCode::NotFound);
    assert_eq!(sees().await, (0, not_found, not_found, Err(ErrorCode::Validation)));
    let refused = images::share_own(platform, &member, image.id, true).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
    let storage = quotas::storage(platform, &member).await.unwrap();
    assert_eq!(storage.used, done.total, "it counts all the same");
    assert!(images::share_own(platform, &mine, image.id, true).await.unwrap().shared);
    assert_eq!(sees().await, (1, Ok(()), Ok(()), Ok(())));
    let refused = images::share_own(platform, &member, image.id, false).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden, "it is not theirs");
    assert!(!images::share_own(platform, &mine, image.id, false).await.unwrap().shared);
    assert_eq!(sees().await.0, 0);

    // It is listed only after somebody looked at it, and used by nobody once it was rejected.
    let staff = world.test.admin().await.ctx();
    assert_eq!(images::waiting(platform, &staff).await.unwrap(), 0, "nobody waits for it");
    let early = images::set_listed(platform, &staff, image.id, true).await.unwrap_err();
    assert_eq!(early.key, "error-image-not-approved");
    images::approve(platform, &staff, image.id).await.unwrap();
    let unshared = images::set_listed(platform, &staff, image.id, true).await.unwrap_err();
    assert_eq!(unshared.key, "error-image-not-shared");
    images::share_own(platform, &mine, image.id, true).await.unwrap();
    images::set_listed(platform, &staff, image.id, true).await.unwrap();
    let market = images::market(platform, &other.owner.ctx(), &MarketQuery::default()).await.unwrap();
    assert!(market.list.iter().any(|it| it.id == image.id));
    let reason = ImageReject { reason: "a miner".to_owned() };
    images::reject(platform, &staff, image.id, reason).await.unwrap();
    let refused = instances::create(platform, &mine, body("late")).await.unwrap_err();
    assert_eq!(refused.fields[0].key, "field-image-unknown");
    assert_eq!(world.refused(again, "Laundered").await, (ErrorCode::WrongState, "error-save-image-rejected"));
    images::delete_own(platform, &mine, image.id).await.unwrap();
    assert_eq!(world.count("files").await, 0, "its archive goes with it");
    let told = "audit_events where action = 'instances:save-image' and outcome = 'done' and customer_id is not null";
    assert_eq!(world.count(told).await, 1);
}

#[tokio::test]
async fn what_died_in_the_middle_is_done_again_and_leaves_nothing() {
    let world = World::new().await;
    let platform = &world.test.platform;
    let id = world.written().await;
    let wanted = world.wants(id, "Mine").await;
    // A worker that dies is a future that is dropped: nothing of it is cleaned up by itself.
    let (mut dead, mut limit) = (0, Duration::from_millis(10));
    while !matches!(tokio::time::timeout(limit, instances::save(platform, wanted.id, false)).await, Ok(Ok(()))) {
        (dead, limit) = (dead + 1, limit * 3 / 2);
    }
    assert!(dead > 2, "it was dropped {dead} times");
    assert_eq!(world.saved(id).await.state, SaveState::Done);
    assert_eq!((world.count("files").await, world.count("uploads").await, world.on_engine()), (1, 0, 0));
    // What was dropped before it had a row is nobody's, and swept away.
    files::sweep(platform, Duration::ZERO).await.unwrap();
    assert_eq!(world.folders(), 1);
    // Two at once, as where a lease was lost: what the first finds out does not count, and there is one image.
    let wanted = world.wants(id, "Twice").await;
    let _ = tokio::join!(instances::save(platform, wanted.id, false), instances::save(platform, wanted.id, false));
    instances::save(platform, wanted.id, false).await.unwrap();
    assert_eq!(world.count("images where source = 'instance' and name = 'Twice'").await, 1);
    assert_eq!(world.saved(id).await.state, SaveState::Done);
    world.look().await;
    files::sweep(platform, Duration::ZERO).await.unwrap();
    assert_eq!((world.count("uploads").await, world.on_engine()), (0, 0));
}

#[tokio::test]
async fn what_does_not_fit_or_is_not_wanted_any_more_leaves_nothing() {
    let world = World::new().await;
    let platform = &world.test.platform;
    let staff = world.test.admin().await.ctx();
    let id = world.written().await;
    let limit = async |storage_gb| {
        let quota = Quota { storage_gb, ..Quota::default() };
        quotas::set_of_customer(platform, &staff, world.acme.id, quota).await.unwrap();
    };
    let wanted = world.wants(id, "Large").await;
    limit(Some(0)).await;
    assert_eq!(world.refused(id, "Other").await, (ErrorCode::QuotaExceeded, "error-storage-quota"));
    instances::save(platform, wanted.id, false).await.unwrap();
    let failed = world.saved(id).await;
    assert_eq!((failed.state, failed.fault.as_deref(), failed.image), (SaveState::Failed, Some("quota"), None));
    assert!(failed.message.is_some() && failed.ended_at.is_some());
    world.nothing_is_left().await;
    limit(None).await;

    // Its name is another's by the time that it is there.
    let wanted = world.wants(id, "Taken").await;
    let taken = "insert into images (customer_id, name, source, address, state)
                 select customer_id, 'taken', 'registry', 'a/b', 'approved' from instances";
    sqlx::query(taken).execute(world.test.owner_pool()).await.unwrap();
    instances::save(platform, wanted.id, false).await.unwrap();
    assert_eq!(world.saved(id).await.fault.as_deref(), Some("name-taken"));
    world.nothing_is_left().await;

    // No job does it any more: somebody stopped that.
    world.wants(id, "Forgotten").await;
    sqlx::query("delete from jobs where kind = 'instance-save'").execute(world.test.owner_pool()).await.unwrap();
    instances::tidy_saves(platform).await.unwrap();
    assert_eq!(world.saved(id).await.state, SaveState::Failed);

    // It is being deleted: the job stops where it is.
    let wanted = world.wants(id, "Late").await;
    let stopped = tokio::time::timeout(Duration::from_secs(60), async {
        let delete = async {
            let begun = async || (world.saved(id).await.state == SaveState::Saving).then_some(());
            eventually("it is begun", begun).await;
            world.act(id, InstanceAction::Delete).await
        };
        tokio::join!(instances::save(platform, wanted.id, false), delete)
    });
    let (saved, gone) = stopped.await.expect("it ends");
    saved.unwrap();
    assert_eq!(gone.state, InstanceState::Deleted);
    assert_eq!(world.saved(id).await.state, SaveState::Cancelled);
    eventually("the engine has nothing of it", async || {
        world.look().await;
        (world.on_engine() == 0).then_some(())
    })
    .await;
    world.nothing_is_left().await;
    assert_eq!(world.refused(id, "Gone").await, (ErrorCode::WrongState, "error-instance-state"));
    // What an engine may have been at is looked for as long as it may be at it.
    world.test.clock().advance(TimeDelta::hours(2));
    world.look().await;
    assert_eq!(world.count("instance_saves where on_engine").await, 0);
}

/// Nobody answers on its machine: nothing is saved there, and it is said why.
#[tokio::test]
async fn an_engine_that_is_away_is_tried_again_and_then_told_of() {
    let mut world = World::new().await;
    let id = world.written().await;
    let wanted = world.wants(id, "Mine").await;
    world.engine.kill();
    let platform = &world.test.platform;
    assert!(instances::save(platform, wanted.id, false).await.is_err(), "somebody tries again");
    assert_eq!(world.saved(id).await.state, SaveState::Saving);
    instances::save(platform, wanted.id, true).await.unwrap();
    let failed = world.saved(id).await;
    assert_eq!((failed.state, failed.message.is_some()), (SaveState::Failed, true));
    assert_eq!((world.count("uploads").await, world.folders()), (0, 0));
    world.engine.start_again();
    eventually("it is looked at again", async || {
        world.look().await;
        (world.count("instance_saves where on_engine").await == 0 || world.on_engine() == 0).then_some(())
    })
    .await;
}

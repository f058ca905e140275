//! Images do not take each other's place on an engine, whatever their archives say, and stay for what is made of them.

use chrono::TimeDelta;
use contract::allocations::{AllocationCreate, AllocationEnd, AllocationState};
use contract::files::{FilePurpose, UploadCreate};
use contract::images::{CopyState, ImagePull, ImageReject, ImageUpload, ImageWrite};
use contract::instances::{InstanceAction, InstanceCreate, InstanceLogQuery, InstanceState};
use contract::machines::{MachineUpdate, Pool};
use contract::{ImageId, InstanceId};
use platform::{OpContext, allocations, files, images, instances, machines};
use test_support::{BUSYBOX, Registry, TestUser, eventually, runnable_archive};

use crate::instances::{Shop, named};
use crate::instances_on_engine::World;

/// An archive that would have engines call it so, of an image that says whose it is.
fn archive(names: &[&str], whose: &str) -> Vec<u8> {
    runnable_archive(names, &[("opt/who".to_owned(), format!("{whose}\n").into_bytes())])
}

impl World {
    /// An image of a customer's archive that somebody of the platform approved.
    async fn uploaded(&self, ctx: &OpContext, archive: &[u8]) -> ImageId {
        let platform = &self.test.platform;
        let size = archive.len() as u64;
        let new = UploadCreate { name: "a.tar".to_owned(), size, sha256: None, purpose: FilePurpose::Image };
        let file = files::store_whole(platform, ctx, new, &mut &archive[..]).await.unwrap().id;
        let body: ImageUpload = serde_json::from_value(serde_json::json!({ "file": file, "name": "App" })).unwrap();
        let id = images::upload_own(platform, ctx, body).await.unwrap().id;
        images::approve(platform, &self.test.admin().await.ctx(), id).await.unwrap();
        id
    }

    async fn digest(&self, image: ImageId) -> String {
        let sql = "select digest from images where id = $1";
        sqlx::query_scalar(sql).bind(image.0).fetch_one(self.test.owner_pool()).await.unwrap()
    }

    /// One of this image, which says what it is of.
    async fn of(&self, ctx: &OpContext, image: ImageId, name: &str) -> InstanceId {
        let script = "cat /opt/who || echo nobody; exec sleep 600";
        let command = Some(["sh", "-c", script].map(str::to_owned).into());
        let body = InstanceCreate { command, ..named(name, &Shop { image, spec: self.shop.spec }) };
        let id = instances::create(&self.test.platform, ctx, body).await.unwrap().id;
        instances::apply(&self.test.platform, id).await.unwrap();
        id
    }

    async fn says(&self, ctx: &OpContext, id: InstanceId, whose: &str) {
        eventually("it says whose it is", async || {
            let lines = instances::logs(&self.test.platform, ctx, id, &InstanceLogQuery::default()).await.unwrap();
            lines.lines.iter().any(|line| line.text == whose).then_some(())
        })
        .await;
    }

    /// What the engine has under this name; nothing where there is nothing.
    fn held(&self, name: &str) -> serde_json::Value {
        let (status, body) = self.engine.ask("GET", &format!("/images/{name}/json"), "application/json", b"");
        if status == 404 { serde_json::Value::Null } else { serde_json::from_str(&body).unwrap() }
    }

    async fn set_pool(&self, admin: &TestUser, pool: Pool) {
        let name = "host-001".to_owned();
        let body = MachineUpdate { name, pool: Some(pool), listed: true, ..MachineUpdate::default() };
        machines::update(&self.test.platform, &admin.ctx(), "host-001", body).await.unwrap();
    }

    /// The customer has the whole machine, and does this as root there; then it is given back.
    async fn lent(&self, admin: &TestUser, does: impl FnOnce()) {
        let platform = &self.test.platform;
        self.set_pool(admin, Pool::Whole).await;
        let body = AllocationCreate { customer_id: Some(self.acme.id), months: Some(1), ..AllocationCreate::default() };
        let lease = allocations::create(platform, &admin.ctx(), "host-001", body).await.unwrap().allocation.id;
        does();
        self.test.clock().advance(TimeDelta::seconds(1));
        allocations::end(platform, &admin.ctx(), lease, AllocationEnd::default()).await.unwrap();
        for step in ["processes", "gpu_memory", "health"] {
            allocations::skip_step(platform, &admin.ctx(), lease, step).await.unwrap();
        }
        for _ in 0..3 {
            allocations::advance(platform).await.unwrap();
        }
        let detail = allocations::get(platform, &admin.ctx(), lease).await.unwrap();
        assert_eq!(detail.allocation.state, AllocationState::Ended);
        self.set_pool(admin, Pool::Shared).await;
    }

    async fn files(&self) -> i64 {
        sqlx::query_scalar("select count(*) from files").fetch_one(self.test.owner_pool()).await.unwrap()
    }

    /// Somebody takes container and image away at the machine.
    fn tidied_up(&self, id: InstanceId, digest: &str) {
        let (_, list) = self.engine.ask("GET", "/containers/json?all=1", "application/json", b"");
        let list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
        let instance = id.to_string();
        let own = list.iter().find(|it| it["Labels"]["remotegpu.instance"] == instance.as_str()).unwrap();
        let path = format!("/containers/{}?force=1", own["Id"].as_str().unwrap());
        assert_eq!(self.engine.ask("DELETE", &path, "application/json", b"").0, 204);
        let path = format!("/images/{digest}?force=1");
        assert_eq!(self.engine.ask("DELETE", &path, "application/json", b"").0, 200);
    }
}

#[tokio::test]
async fn an_archive_cannot_take_the_name_of_another_image() {
    let world = World::new().await;
    let (platform, staff) = (&world.test.platform, world.test.admin().await.ctx());
    let other = world.test.customer("Other").await;
    let names = [BUSYBOX, "app:latest"];
    let ours = world.uploaded(&world.mine(), &archive(&names, "acme")).await;
    let theirs = world.uploaded(&other.owner.ctx(), &archive(&names, "other")).await;
    let before = world.held(BUSYBOX)["Id"].clone();
    for image in [ours, theirs] {
        images::pull(platform, &staff, image, ImagePull { machine: "host-001".to_owned(), reason: None })
            .await
            .unwrap();
        images::copy(platform, image, world.machine, 1, true).await.unwrap();
        let copy = images::copies(platform, &staff, image).await.unwrap().remove(0);
        assert_eq!(copy.state, CopyState::Present, "{copy:?}");
        let digest = world.digest(image).await;
        let own = format!("remotegpu.invalid/image-{image}:{}", digest.trim_start_matches("sha256:"));
        assert_eq!(world.held(&digest)["RepoTags"], serde_json::json!([own]));
        assert_eq!(world.held(&own)["Id"], digest.as_str());
    }
    assert_eq!(world.held(BUSYBOX)["Id"], before, "the platform's image is what it was");
    assert!(world.held("app:latest").is_null());

    let one = world.of(&world.mine(), ours, "one").await;
    let two = world.of(&other.owner.ctx(), theirs, "two").await;
    world.says(&world.mine(), one, "acme").await;
    world.says(&other.owner.ctx(), two, "other").await;
    // The machine has processors for two.
    world.act(one, InstanceAction::Delete).await;
    let three = world.of(&other.owner.ctx(), world.shop.image, "three").await;
    world.says(&other.owner.ctx(), three, "nobody").await;

    let body = |address: &str| ImageWrite {
        name: "Own".to_owned(),
        address: Some(address.to_owned()),
        ..ImageWrite::default()
    };
    for own in [format!("remotegpu.invalid/image-{ours}:1"), "remotegpu/saved:1".to_owned()] {
        let refused = images::create(platform, &staff, body(&own)).await.unwrap_err();
        assert_eq!((refused.fields[0].path, refused.fields[0].key), ("address", "field-image-address-own"));
    }
}

#[tokio::test]
async fn a_name_that_an_archive_once_took_is_not_trusted() {
    let (world, registry) = (World::new().await, Registry::start().await);
    let (platform, staff) = (&world.test.platform, world.test.admin().await.ctx());
    let address = registry.image("small:1");
    let body = ImageWrite { name: "Small".to_owned(), address: Some(address.clone()), ..ImageWrite::default() };
    let image = images::create(platform, &staff, body).await.unwrap().id;
    images::set_listed(platform, &staff, image, true).await.unwrap();
    let archive = archive(&[&address], "acme");
    let ours = world.uploaded(&world.mine(), &archive).await;
    let digest = world.digest(ours).await;
    // As a version before brought it there.
    let (status, said) = world.engine.ask("POST", "/images/load", "application/x-tar", &archive);
    assert_eq!(status, 200, "{said}");
    assert_eq!(world.held(&address)["Id"], digest.as_str());
    sqlx::query("update images set took_names = true where id = $1")
        .bind(ours.0)
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    // What its registry has there has no shell: of it the container is all the same.
    world.of(&world.mine(), image, "one").await;
    let there = world.held(&address);
    assert!(there["Id"] != digest.as_str() && there["RepoDigests"].to_string().contains("@sha256:"), "{there}");
    let (_, list) = world.engine.ask("GET", "/containers/json?all=1", "application/json", b"");
    assert!(!list.contains(&digest), "{list}");
    // The archive itself is what it is, and is not sent again.
    let own = world.of(&world.mine(), ours, "two").await;
    world.says(&world.mine(), own, "acme").await;
}

#[tokio::test]
async fn a_deleted_image_stays_for_what_is_made_of_it() {
    let world = World::new().await;
    let (platform, staff) = (&world.test.platform, world.test.admin().await.ctx());
    let image = world.uploaded(&world.mine(), &archive(&["app:1"], "acme")).await;
    let digest = world.digest(image).await;
    let id = world.of(&world.mine(), image, "one").await;
    images::delete_own(platform, &world.mine(), image).await.unwrap();
    images::forget_unused_archives(platform).await.unwrap();
    assert_eq!(world.files().await, 1, "its archive is kept");
    let body = named("late", &Shop { image, spec: world.shop.spec });
    let refused = instances::create(platform, &world.mine(), body).await.unwrap_err();
    assert_eq!(refused.fields[0].key, "field-image-unknown");
    world.tidied_up(id, &digest);
    world.look().await;
    assert_eq!(world.apply(id).await.state, InstanceState::Running, "it is made again");
    world.says(&world.mine(), id, "acme").await;
    assert_eq!(world.act(id, InstanceAction::Delete).await.state, InstanceState::Deleted);
    images::forget_unused_archives(platform).await.unwrap();
    assert_eq!(world.files().await, 0, "nothing needs it any more");

    // What was rejected is brought nowhere, and its instance says why.
    let image = world.uploaded(&world.mine(), &archive(&["app:1"], "bad")).await;
    let digest = world.digest(image).await;
    let id = world.of(&world.mine(), image, "two").await;
    let reason = ImageReject { reason: "a miner".to_owned() };
    images::reject(platform, &staff, image, reason).await.unwrap();
    images::delete_own(platform, &world.mine(), image).await.unwrap();
    assert_eq!(world.files().await, 0);
    world.tidied_up(id, &digest);
    world.look().await;
    let failed = world.apply(id).await;
    assert_eq!((failed.state, failed.failure.as_deref()), (InstanceState::Failed, Some("image-gone")), "{failed:?}");
}

#[tokio::test]
async fn what_a_customer_left_on_a_whole_machine_is_not_used_after_them() {
    let (world, registry) = (World::new().await, Registry::start().await);
    let (platform, admin) = (&world.test.platform, world.test.admin().await);
    let address = registry.image("small:1");
    let body = ImageWrite { name: "Small".to_owned(), address: Some(address.clone()), ..ImageWrite::default() };
    let image = images::create(platform, &admin.ctx(), body).await.unwrap().id;
    images::set_listed(platform, &admin.ctx(), image, true).await.unwrap();
    images::pull(platform, &admin.ctx(), image, ImagePull { machine: "host-001".to_owned(), reason: None })
        .await
        .unwrap();
    images::copy(platform, image, world.machine, 1, true).await.unwrap();
    let pulled = world.held(&address)["Id"].clone();
    assert!(pulled.is_string());

    world.lent(&admin, || world.engine.import_files(address.trim_end_matches(":1"), &[])).await;
    assert!(world.held(&address)["Id"] != pulled, "another image has its name");
    let copies = images::copies(platform, &admin.ctx(), image).await.unwrap();
    assert!(copies.is_empty(), "what is there is not known: {copies:?}");

    // What its registry has comes in its place; there is no program in it that goes on.
    let one = world.of(&world.mine(), image, "one").await;
    assert_eq!(world.held(&address)["Id"], pulled);
    assert_ne!(world.get(one).await.failure.as_deref(), Some("image"));
    let brought = "select leases from image_checks where image_id = $1";
    let brought: i64 = sqlx::query_scalar(brought).bind(image.0).fetch_one(world.test.owner_pool()).await.unwrap();
    assert_eq!(brought, 1);
    // Once is enough: nobody is asked for it again, who would not answer.
    drop(registry);
    let two = world.of(&world.mine(), image, "two").await;
    assert_ne!(world.get(two).await.failure.as_deref(), Some("image"), "it lacks a program, and not its image");
    // After the next lease it is.
    for id in [one, two] {
        assert_eq!(world.act(id, InstanceAction::Delete).await.state, InstanceState::Deleted);
    }
    world.lent(&admin, || ()).await;
    let three = world.of(&world.mine(), image, "three").await;
    assert_eq!(world.get(three).await.failure.as_deref(), Some("image"));
}

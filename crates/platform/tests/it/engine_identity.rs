//! Which engine a machine's instances are on, told by its id and by what is there of theirs; and what becomes of them where staff
//! go on with another one.

use contract::engines::{EngineKind, EngineLeft, EngineWrite};
use contract::instances::{InstanceAction, InstanceCreate, InstanceEventKind, InstanceState};
use contract::specs::SpecWrite;
use contract::{InstanceId, UserId};
use platform::{engines, instances};
use runtime::docker::FaultKind;
use serde_json::Value;
use test_support::{DockerEngine, eventually};

use crate::instances::{Shop, named, spec_listed};
use crate::instances_on_engine::World;

/// A core and a GB without a data disk.
fn diskless() -> SpecWrite {
    serde_json::from_value(serde_json::json!({
        "name": "Diskless", "cpuCores": 1, "memoryGb": 1, "systemDiskGb": 1,
    }))
    .unwrap()
}

fn ask(engine: &DockerEngine, path: &str) -> Value {
    let (status, body) = engine.ask("GET", path, "application/json", b"");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

impl World {
    /// What the engine says of the volume of an instance.
    fn volume_of(&self, id: InstanceId) -> Value {
        let list = ask(&self.engine, "/volumes");
        let own = |one: &&Value| one["Labels"]["remotegpu.instance"] == id.to_string().as_str();
        list["Volumes"].as_array().unwrap().iter().find(own).expect("it has one").clone()
    }

    /// Somebody takes the container of an instance away at the machine.
    fn lose_container(&self, id: InstanceId) {
        let list = ask(&self.engine, "/containers/json?all=1");
        let own = |one: &&Value| one["Labels"]["remotegpu.instance"] == id.to_string().as_str();
        let own = list.as_array().unwrap().iter().find(own).expect("it has one").clone();
        let path = format!("/containers/{}?force=1", own["Id"].as_str().unwrap());
        assert_eq!(self.engine.ask("DELETE", &path, "application/json", b"").0, 204);
    }

    /// And its volume.
    fn lose_all(&self, id: InstanceId) -> Value {
        self.lose_container(id);
        let volume = self.volume_of(id);
        let path = format!("/volumes/{}", volume["Name"].as_str().unwrap());
        assert_eq!(self.engine.ask("DELETE", &path, "application/json", b"").0, 204);
        volume
    }

    /// The fault of a look.
    async fn fault(&self) -> Option<FaultKind> {
        instances::look(&self.test.platform, self.machine).await.unwrap().fault
    }

    /// The id that is kept of the engine.
    async fn kept_id(&self) -> Option<String> {
        let ctx = self.test.admin().await.ctx();
        engines::get(&self.test.platform, &ctx, "host-001").await.unwrap().engine_id
    }

    fn own_id(&self) -> Option<String> {
        ask(&self.engine, "/info")["ID"].as_str().map(str::to_owned)
    }

    /// How often somebody was told this of an instance.
    async fn notices(&self, person: UserId, made: &str) -> i64 {
        let sql = "select count(*) from notifications where kind = 'instance-failed' and user_id = $1
                     and args::text like '%\"' || $2 || '\"%'";
        sqlx::query_scalar(sql).bind(person.0).bind(made).fetch_one(self.test.owner_pool()).await.unwrap()
    }

    async fn others_told(&self) -> i64 {
        let sql = "select count(*) from notifications where kind = 'engine-other'";
        sqlx::query_scalar(sql).fetch_one(self.test.owner_pool()).await.unwrap()
    }

    /// Whether its next container may begin with an empty disk.
    async fn begins_empty(&self, id: InstanceId) -> bool {
        let sql = "select begins_empty from instances where id = $1";
        sqlx::query_scalar(sql).bind(id.0).fetch_one(self.test.owner_pool()).await.unwrap()
    }
}

#[tokio::test]
async fn an_engine_that_calls_itself_as_before_is_the_one_whatever_is_missing() {
    let world = World::new().await;
    let platform = &world.test.platform;
    let id = world.create("one", "echo here >> /data/log; exec sleep 600").await;
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    let volume = world.lose_all(id);
    assert_eq!(world.fault().await, None);
    let failed = world.apply(id).await;
    assert_eq!((failed.state, failed.failure.as_deref()), (InstanceState::Failed, Some("data-gone")));
    assert_eq!((world.there(), world.others_told().await), ((0, 0), 0), "nothing is put in its place");

    // Its people agree to an empty disk; then somebody brings back the one that it had.
    instances::renew_data(platform, &world.mine(), id).await.unwrap();
    assert!(world.begins_empty(id).await);
    let again = serde_json::json!({ "Name": volume["Name"], "Labels": volume["Labels"] }).to_string();
    assert_eq!(world.engine.ask("POST", "/volumes/create", "application/json", again.as_bytes()).0, 201);
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    let events = instances::events(platform, &world.mine(), id).await.unwrap();
    assert_eq!(
        (events[0].kind, events[0].reason.as_deref()),
        (InstanceEventKind::Made, None),
        "it is not an empty one"
    );
    assert!(!world.begins_empty(id).await);
    assert_eq!(world.notices(world.acme.owner.id, "again").await, 0, "they wanted it");

    // What they said was of that time.
    world.lose_all(id);
    world.look().await;
    assert_eq!(world.apply(id).await.failure.as_deref(), Some("data-gone"));
}

#[tokio::test]
async fn that_a_disk_may_begin_empty_is_forgotten_when_its_container_is_there() {
    let world = World::new().await;
    let id = world.create("one", "exec sleep 600").await;
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    // As if its disk had not been mounted, its people had agreed to an empty one, and it is mounted again.
    sqlx::query("update instances set observed = 'missing', begins_empty = true, told_anew = true where id = $1")
        .bind(id.0)
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    world.look().await;
    assert_eq!((world.get(id).await.state, world.begins_empty(id).await), (InstanceState::Running, false));
    world.lose_all(id);
    world.look().await;
    assert_eq!(world.apply(id).await.failure.as_deref(), Some("data-gone"));
}

#[tokio::test]
async fn an_engine_that_was_set_up_anew_with_its_data_is_the_same() {
    let mut world = World::new().await;
    let id = world.create("one", "echo a >> /data/log; cat /data/log; exec sleep 600").await;
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    let first = world.kept_id().await;
    assert!(first.is_some() && first == world.own_id());

    // With all that was there: it is asked again now and then.
    world.engine.kill();
    world.engine.start_anew();
    let second = world.own_id();
    assert!(second.is_some() && second != first);
    assert_eq!(world.fault().await, None);
    world.test.clock().advance(chrono::TimeDelta::minutes(11));
    assert_eq!(world.fault().await, None);
    assert_eq!(world.kept_id().await, second);

    // With the volumes alone.
    world.engine.kill();
    world.engine.start_anew();
    let third = world.own_id();
    assert!(third != second);
    world.lose_container(id);
    assert_eq!(world.fault().await, None);
    assert_eq!(world.kept_id().await, third);
    eventually("it runs again", async || {
        world.look().await;
        (world.apply(id).await.state == InstanceState::Running).then_some(())
    })
    .await;
    eventually("its data is there", async || (world.said(id).await.len() > 1).then_some(())).await;
    assert_eq!(world.others_told().await, 0);
    // With nothing at all it is another one.
    world.engine.kill();
    world.engine.start_anew();
    world.lose_all(id);
    assert_eq!(world.fault().await, Some(FaultKind::OtherEngine));
    assert_eq!(world.kept_id().await, third);
}

#[tokio::test]
async fn whose_instances_begin_anew_on_another_engine_is_told_and_a_mistake_loses_nothing() {
    let world = World::new().await;
    let (platform, admin) = (&world.test.platform, world.test.admin().await);
    let owner = world.acme.owner.id;
    let one = world.create("one", "echo a >> /data/log; exec sleep 600").await;
    let before = world.apply(one).await;
    let spec = spec_listed(&world.test, &admin.ctx(), diskless()).await;
    let command = Some(["sh", "-c", "exec sleep 600"].map(str::to_owned).into());
    let body = InstanceCreate { command, ..named("two", &Shop { spec, ..world.shop }) };
    let two = instances::create(platform, &world.mine(), body).await.unwrap().id;
    assert_eq!(world.apply(two).await.state, InstanceState::Running);
    let other = DockerEngine::start();
    other.import_busybox();
    let set = async |engine: &DockerEngine, other_engine: bool| {
        let socket = engine.socket().to_str().map(str::to_owned);
        let body = EngineWrite { socket, other_engine, ..EngineWrite::new(EngineKind::Local) };
        engines::set(platform, &admin.ctx(), "host-001", body).await
    };
    let accept = async || engines::accept_other(platform, &admin.ctx(), "host-001").await;

    set(&other, true).await.unwrap();
    assert_eq!(world.fault().await, Some(FaultKind::OtherEngine));
    let left = engines::get(platform, &admin.ctx(), "host-001").await.unwrap().left;
    assert_eq!(left, Some(EngineLeft { instances: 2, customers: 1, data_disks: 1 }));
    assert_eq!(accept().await.unwrap().left, None);
    let kept = "select after::text from audit_events where action = 'engines:accept' and outcome = 'done'";
    let kept: String = sqlx::query_scalar(kept).fetch_one(world.test.owner_pool()).await.unwrap();
    assert!(kept.contains("\"instances\": 2") && kept.contains("\"customers\": 1"), "{kept}");
    for id in [one, two] {
        world.look().await;
        assert_eq!(world.apply(id).await.state, InstanceState::Running);
    }
    let told = async || {
        let words = ["engine-empty", "engine-anew", "engine-found", "again"];
        let mut counts = [0; 4];
        for (count, made) in counts.iter_mut().zip(words) {
            *count = world.notices(owner, made).await;
        }
        counts
    };
    assert_eq!(told().await, [1, 1, 0, 0], "one notice each, of what it is");
    world.act(two, InstanceAction::Delete).await;

    // It was a mistake: the first one is another engine now, although what it has is ours.
    assert_eq!(set(&world.engine, false).await.unwrap_err().fields[0].key, "field-other-engine");
    set(&world.engine, true).await.unwrap();
    for _ in 0..2 {
        assert_eq!(world.fault().await, Some(FaultKind::OtherEngine));
    }
    assert_eq!(world.get(one).await.state, InstanceState::Lost);
    assert_eq!(world.there(), (2, 1), "also what is there of what was deleted stays");
    accept().await.unwrap();
    assert_eq!(told().await, [1, 1, 1, 0], "its disk is there");
    world.look().await;
    let found = world.apply(one).await;
    assert!(found.state == InstanceState::Running && found.started_at > before.started_at, "{found:?}");
    assert_eq!(world.there(), (1, 1), "that one goes now");
    assert!(!world.begins_empty(one).await);
    let open = "select count(*) from ledger_intervals where ended_at is null";
    let open: i64 = sqlx::query_scalar(open).fetch_one(world.test.owner_pool()).await.unwrap();
    assert_eq!((open, told().await), (1, [1, 1, 1, 0]), "it is paid for");
}

#[tokio::test]
async fn that_a_container_was_made_anew_is_told_once_also_when_its_worker_died_then() {
    let world = World::new().await;
    let id = world.create("one", "exec sleep 600").await;
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    world.lose_container(id);
    world.look().await;
    let before = "select container_id from instances where id = $1";
    let before: String = sqlx::query_scalar(before).bind(id.0).fetch_one(world.test.owner_pool()).await.unwrap();
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    assert_eq!(world.notices(world.acme.owner.id, "again").await, 1);
    // As if it had died before it wrote that the container runs.
    sqlx::query("update instances set container_id = $2, observed = 'missing' where id = $1")
        .bind(id.0)
        .bind(before)
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    assert_eq!(world.notices(world.acme.owner.id, "again").await, 1);
    // Another one is another one.
    world.lose_container(id);
    world.look().await;
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    assert_eq!(world.notices(world.acme.owner.id, "again").await, 2);
}

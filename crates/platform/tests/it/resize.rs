//! Another spec for an instance that is stopped: who may, what is in the way, and what becomes of its container.

use contract::engines::{EngineKind, EngineWrite};
use contract::instances::{
    InstanceAction, InstanceEventKind, InstanceLogQuery, InstanceResize, InstanceState, MissReason,
};
use contract::specs::{SpecPriceCreate, SpecWrite};
use contract::{ErrorCode, InstanceId, SpecId};
use platform::{OpContext, engines, instances, quotas, specs};
use test_support::{TestPlatform, eventually};

use crate::gate::Gate;
use crate::instances::{cards, host, named, shop, small, spec_listed, tested};
use crate::instances_on_engine::World;

fn to(spec: SpecId) -> InstanceResize {
    InstanceResize { spec, revision: None }
}

/// As if its engine had made and stopped it: nobody does here.
async fn stopped(test: &TestPlatform, id: InstanceId) {
    let sql = "update instances set wanted = 'stopped', observed = 'ended', made_at = now(), container_id = 'c',
               state = 'stopped' where id = $1";
    sqlx::query(sql).bind(id.0).execute(test.owner_pool()).await.unwrap();
}

async fn number(test: &TestPlatform, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(test.owner_pool()).await.unwrap()
}

const NOWHERE: &str = "/nonexistent/docker.sock";

#[tokio::test]
async fn what_decides_about_new_ones_decides_with_what_it_holds_itself_taken_away() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let (platform, ctx, mine) = (&test.platform, admin.ctx(), acme.owner.ctx());
    host(&test, &ctx, "host-001", 4, NOWHERE).await;
    tested(&test, "host-001").await;
    let shop = shop(&test, &ctx, "library/small:1", cards("One card", 1)).await;
    let three = spec_listed(&test, &ctx, cards("Three cards", 3)).await;
    let five = spec_listed(&test, &ctx, cards("Five cards", 5)).await;
    let four = spec_listed(&test, &ctx, cards("Four cards", 4)).await;
    let id = instances::create(platform, &mine, named("one", &shop)).await.unwrap().id;
    let early = instances::resize(platform, &mine, id, to(three)).await.unwrap_err();
    assert_eq!((early.code, early.key), (ErrorCode::WrongState, "error-instance-state"));
    stopped(&test, id).await;

    // What it could have, by who may see it.
    let sizes = async |ctx: &OpContext| {
        let sizes = instances::sizes(platform, ctx, id).await.unwrap();
        let told = sizes.into_iter().map(|size| {
            let misses: Vec<_> = size.misses.iter().map(|miss| (miss.reason, miss.have, miss.need)).collect();
            assert!(size.misses.iter().all(|miss| miss.message.len() > 10));
            (size.spec.id, (size.current, size.fits, misses))
        });
        told.collect::<std::collections::HashMap<_, _>>()
    };
    let found = sizes(&mine).await;
    assert_eq!(found[&shop.spec], (true, true, vec![]));
    assert_eq!(found[&four], (false, true, vec![]), "its own card is one of the four");
    assert_eq!(found[&five], (false, false, vec![(MissReason::GpusFew, Some(4), Some(5))]));
    let other = test.customer("Other").await;
    for who in [acme.member.ctx(), other.owner.ctx(), admin.ctx()] {
        assert_eq!(instances::sizes(platform, &who, id).await.unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(instances::resize(platform, &who, id, to(three)).await.unwrap_err().code, ErrorCode::NotFound);
    }

    // Once; again changes nothing.
    let before = instances::get(platform, &mine, id).await.unwrap();
    assert!(!before.made_anew);
    let after = instances::resize(platform, &mine, id, to(three)).await.unwrap();
    assert_eq!((after.spec.name.as_str(), after.made_anew, after.state), ("Three cards", true, InstanceState::Stopped));
    assert_eq!(after.revision, before.revision + 1);
    assert_eq!(instances::resize(platform, &mine, id, to(three)).await.unwrap().revision, after.revision);
    let late = InstanceResize { spec: four, revision: Some(before.revision) };
    assert_eq!(instances::resize(platform, &mine, id, late).await.unwrap_err().code, ErrorCode::Conflict);
    let held = "select count(*) from instance_gpus where released_at is null";
    assert_eq!(number(&test, held).await, 3);
    let events = instances::events(platform, &mine, id).await.unwrap();
    let resized = (events[0].kind, events[0].detail.as_deref());
    assert_eq!(resized, (InstanceEventKind::Resized, Some("One card \u{2192} Three cards")));
    assert_eq!(number(&test, "select count(*) from audit_events where action = 'instances:resize'").await, 1);

    // Somebody has the fourth card.
    instances::create(platform, &mine, named("two", &shop)).await.unwrap();
    let full = instances::resize(platform, &mine, id, to(four)).await.unwrap_err();
    assert_eq!((full.code, full.key), (ErrorCode::NoCapacity, "error-instance-not-there"));
    assert_eq!(number(&test, held).await, 4, "what was refused let nothing go");

    // Limits: of what becomes more; what becomes less is always allowed.
    let limit = async |gpus: i64| {
        let quota = serde_json::from_value(serde_json::json!({ "gpu": gpus })).unwrap();
        quotas::set_of_customer(platform, &ctx, acme.id, quota).await.unwrap();
    };
    limit(4).await;
    let over = instances::resize(platform, &mine, id, to(four)).await.unwrap_err();
    assert_eq!((over.code, over.key), (ErrorCode::QuotaExceeded, "error-instance-quota"));
    limit(0).await;
    let less = instances::resize(platform, &mine, id, to(shop.spec)).await.unwrap();
    assert_eq!((less.spec.gpu_count, number(&test, held).await), (1, 2));
    assert_eq!(instances::resize(platform, &mine, id, to(SpecId(999_999))).await.unwrap_err().fields[0].path, "spec");
}

#[tokio::test]
async fn a_data_disk_is_not_lost_and_what_holds_nothing_stays_so() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let (platform, ctx, mine) = (&test.platform, admin.ctx(), acme.owner.ctx());
    host(&test, &ctx, "host-001", 0, NOWHERE).await;
    tested(&test, "host-001").await;
    let shop = shop(&test, &ctx, "library/small:1", small()).await;
    let bare: SpecWrite = serde_json::from_value(serde_json::json!({
        "name": "Bare", "cpuCores": 1, "memoryGb": 2, "systemDiskGb": 1,
    }))
    .unwrap();
    let bare = spec_listed(&test, &ctx, bare).await;
    let id = instances::create(platform, &mine, named("one", &shop)).await.unwrap().id;
    stopped(&test, id).await;
    let sizes = instances::sizes(platform, &mine, id).await.unwrap();
    let other = sizes.iter().find(|size| size.spec.id == bare).unwrap();
    assert_eq!(other.misses.iter().map(|miss| miss.reason).collect::<Vec<_>>(), [MissReason::DataDisk]);
    assert_eq!(instances::resize(platform, &mine, id, to(bare)).await.unwrap_err().code, ErrorCode::NoCapacity);
    sqlx::query("update instances set released_at = now()").execute(test.owner_pool()).await.unwrap();
    let nothing = instances::resize(platform, &mine, id, to(bare)).await.unwrap_err();
    assert_eq!((nothing.code, nothing.key), (ErrorCode::WrongState, "error-instance-holds-nothing"));
    assert!(!instances::get(platform, &mine, id).await.unwrap().allows(InstanceAction::Resize));
}

#[tokio::test]
async fn a_data_disk_becomes_no_smaller_than_what_is_on_it() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let (platform, ctx, mine) = (&test.platform, admin.ctx(), acme.owner.ctx());
    host(&test, &ctx, "host-001", 0, NOWHERE).await;
    tested(&test, "host-001").await;
    let with = |name: &str, gb: u32| -> SpecWrite {
        let size = serde_json::json!({
            "name": name, "cpuCores": 1, "memoryGb": 1, "systemDiskGb": 1, "dataDiskGb": gb,
        });
        serde_json::from_value(size).unwrap()
    };
    let shop = shop(&test, &ctx, "library/small:1", with("Ten", 10)).await;
    let (four, five) =
        (spec_listed(&test, &ctx, with("Four", 4)).await, spec_listed(&test, &ctx, with("Five", 5)).await);
    let id = instances::create(platform, &mine, named("one", &shop)).await.unwrap().id;
    stopped(&test, id).await;
    let used = "update instances set disks_at = now(), disk_data_used = 4000000001, disk_data_at = now()";
    sqlx::query(used).execute(test.owner_pool()).await.unwrap();
    let sizes = instances::sizes(platform, &mine, id).await.unwrap();
    let of = |spec| &sizes.iter().find(|size| size.spec.id == spec).unwrap().misses;
    let misses: Vec<_> = of(four).iter().map(|miss| (miss.reason, miss.have, miss.need)).collect();
    assert_eq!(misses, [(MissReason::DataUsed, Some(4), Some(5))]);
    assert!(of(five).is_empty());
    assert_eq!(instances::resize(platform, &mine, id, to(four)).await.unwrap_err().code, ErrorCode::NoCapacity);
    assert_eq!(instances::resize(platform, &mine, id, to(five)).await.unwrap().spec.data_disk_gb, 5);
}

/// Twice the memory, for twice the price.
pub async fn double(world: &World) -> SpecId {
    let (platform, ctx) = (&world.test.platform, world.test.admin().await.ctx());
    let size: SpecWrite = serde_json::from_value(serde_json::json!({
        "name": "Double", "cpuCores": 1, "memoryGb": 2, "systemDiskGb": 1, "dataDiskGb": 1,
    }))
    .unwrap();
    let id = specs::create(platform, &ctx, size).await.unwrap().id;
    let price = SpecPriceCreate { price_per_hour: "5".to_owned(), starts_at: None };
    specs::add_price(platform, &ctx, id, price).await.unwrap();
    specs::set_listed(platform, &ctx, id, true).await.unwrap();
    id
}

impl World {
    /// From now on its engine is reached through this.
    pub async fn gate(&self) -> Gate {
        let gate = Gate::before(&self.engine.socket());
        let socket = Some(gate.path().to_str().unwrap().to_owned());
        let write = EngineWrite { socket, ..EngineWrite::new(EngineKind::Local) };
        let ctx = self.test.admin().await.ctx();
        engines::set(&self.test.platform, &ctx, "host-001", write).await.unwrap();
        // Nothing is placed on one of which nobody has heard since.
        assert!(engines::test(&self.test.platform, &ctx, "host-001").await.unwrap().done);
        gate
    }

    /// The names that the engine has for its containers.
    fn containers(&self) -> Vec<String> {
        let (_, list) = self.engine.ask("GET", "/containers/json?all=1", "application/json", b"");
        let list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
        list.iter().map(|it| it["Id"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn its_container_is_made_anew_with_the_same_disk_and_costs_the_new_price() {
    let world = World::new().await;
    let (platform, double) = (&world.test.platform, double(&world).await);
    let script = "cat /mark /data/mark; echo own > /mark; echo disk > /data/mark; exec sleep 600";
    let id = world.create("one", script).await;
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    assert_eq!(world.act(id, InstanceAction::Stop).await.state, InstanceState::Stopped);
    let old = world.containers();
    assert!(instances::resize(platform, &world.mine(), id, to(double)).await.unwrap().made_anew);
    // Nothing is done before it is started, whoever looks: an image can still be made of it.
    world.look().await;
    world.apply(id).await;
    assert_eq!((world.containers(), world.get(id).await.made_anew), (old.clone(), true));

    let started = world.act(id, InstanceAction::Start).await;
    assert_eq!((started.state, started.made_anew), (InstanceState::Running, false));
    let new = world.containers();
    assert!(new.len() == 1 && new != old, "{new:?}");
    let used = instances::stats(platform, &world.mine(), id).await.unwrap();
    assert_eq!(used.memory_limit, Some(2 << 30));
    eventually("what was on its disk is there, and what was written beside it is not", async || {
        let lines = instances::logs(platform, &world.mine(), id, &InstanceLogQuery::default()).await.unwrap();
        let said: Vec<_> = lines.lines.iter().filter(|line| !line.error).map(|line| line.text.clone()).collect();
        (said == ["disk"]).then_some(())
    })
    .await;
    // From then on it is the one.
    world.act(id, InstanceAction::Restart).await;
    world.act(id, InstanceAction::Stop).await;
    world.act(id, InstanceAction::Start).await;
    assert_eq!(world.containers(), new);
    let told = "select string_agg(spec_name || ' ' || trim_scale(price_per_hour), ', ' order by started_at)
                from ledger_intervals";
    let told: String = sqlx::query_scalar(told).fetch_one(world.test.owner_pool()).await.unwrap();
    assert_eq!(told, "Small 2.5, Double 5, Double 5, Double 5");
    let check = instances::compare(platform, &world.test.admin().await.ctx()).await.unwrap();
    assert_eq!((check.compared, check.differences.len()), (1, 0), "{check:?}");
}

#[tokio::test]
async fn whoever_dies_while_it_is_made_anew_leaves_nothing_undone_and_nothing_twice() {
    let world = World::new().await;
    let (platform, double) = (&world.test.platform, double(&world).await);
    let id = world.create("one", "exec sleep 600").await;
    world.apply(id).await;
    world.act(id, InstanceAction::Stop).await;
    instances::resize(platform, &world.mine(), id, to(double)).await.unwrap();
    instances::act(platform, &world.mine(), id, InstanceAction::Start).await.unwrap();
    // The old one was taken away, and no new one made.
    let path = format!("/containers/{}?force=1", world.containers()[0]);
    assert_eq!(world.engine.ask("DELETE", &path, "application/json", b"").0, 204);
    world.look().await;
    let kinds: Vec<_> = instances::events(platform, &world.mine(), id).await.unwrap();
    assert!(kinds.iter().all(|event| event.kind != InstanceEventKind::Missing), "nobody else took it away");
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    let made = world.containers();
    // It was made, and that was not written down.
    let undone = "update instances set remakes_done = 0, container_id = 'old', observed = 'ended', state = 'starting'";
    sqlx::query(undone).execute(world.test.owner_pool()).await.unwrap();
    assert!(world.get(id).await.made_anew);
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    assert_eq!((world.containers(), world.get(id).await.made_anew), (made.clone(), false));
    // The same, and a look was faster than the next worker.
    sqlx::query(undone).execute(world.test.owner_pool()).await.unwrap();
    world.look().await;
    let found = world.get(id).await;
    assert_eq!((found.state, found.made_anew, world.containers()), (InstanceState::Running, false, made));
    // While an image is being made of it, it stands.
    world.act(id, InstanceAction::Stop).await;
    let save = contract::instances::InstanceSave { name: "Kept".to_owned(), ..Default::default() };
    instances::save_image(platform, &world.mine(), id, save).await.unwrap();
    let going = instances::resize(platform, &world.mine(), id, to(world.shop.spec)).await.unwrap_err();
    assert_eq!((going.code, going.key), (ErrorCode::Conflict, "error-save-going"));
}

const HELD: &str = "select count(*) from instance_gpus where released_at is null";

#[tokio::test]
async fn what_a_container_was_made_with_is_nobody_elses_before_it_is_gone() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let (platform, ctx, mine) = (&test.platform, admin.ctx(), acme.owner.ctx());
    host(&test, &ctx, "host-001", 4, NOWHERE).await;
    tested(&test, "host-001").await;
    let shop = shop(&test, &ctx, "library/small:1", cards("Three cards", 3)).await;
    let one = spec_listed(&test, &ctx, cards("One card", 1)).await;
    let two = spec_listed(&test, &ctx, cards("Two cards", 2)).await;
    let id = instances::create(platform, &mine, named("one", &shop)).await.unwrap().id;
    stopped(&test, id).await;
    let less = instances::resize(platform, &mine, id, to(one)).await.unwrap();
    assert_eq!((less.spec.gpu_count, number(&test, HELD).await), (1, 3), "whoever starts the old one has its cards");
    let with = |name: &str, spec| contract::instances::InstanceCreate { spec, ..named(name, &shop) };
    let none = instances::create(platform, &mine, with("two", two)).await.unwrap_err();
    assert_eq!(none.code, ErrorCode::NoCapacity);
    // Of what it holds it may have anything again, and nothing beside that is taken for it.
    instances::resize(platform, &mine, id, to(two)).await.unwrap();
    assert_eq!(number(&test, HELD).await, 3);
    instances::create(platform, &mine, with("three", one)).await.unwrap();
    assert_eq!(number(&test, HELD).await, 4);
    // What it would get is a part of what it holds.
    let next = "select count(*) from instances i, jsonb_array_elements(i.remake -> 'next') n
                join instance_gpus g on g.gpu_id = (n ->> 0)::bigint and g.released_at is null
                where i.id = g.instance_id";
    assert_eq!(number(&test, next).await, 2);
}

/// A server of the version before, the engine after a restart of its host, an admin: they know nothing of another spec.
#[tokio::test]
async fn whoever_starts_the_container_of_an_earlier_spec_takes_nothing_of_others_and_does_not_let_it_run_on() {
    let world = World::new().await;
    let (platform, double) = (&world.test.platform, double(&world).await);
    let id = world.create("one", "exec sleep 600").await;
    world.apply(id).await;
    // As if it had been made with the machine's GPU.
    let given = "insert into instance_gpus (instance_id, gpu_id) select i.id, g.id from instances i, gpus g";
    sqlx::query(given).execute(world.test.owner_pool()).await.unwrap();
    world.act(id, InstanceAction::Stop).await;
    instances::resize(platform, &world.mine(), id, to(double)).await.unwrap();
    let old = world.containers();
    let start = format!("/containers/{}/start", old[0]);
    assert_eq!(world.engine.ask("POST", &start, "application/json", b"").0, 204);
    let written = "update instances set wanted = 'running', observed = 'running', state = 'running', wish = wish + 1";
    sqlx::query(written).execute(world.test.owner_pool()).await.unwrap();
    let found = instances::look(platform, world.machine).await.unwrap();
    assert_eq!(found.unsettled, [id], "something is left to be done");
    let view = world.get(id).await;
    assert_eq!((view.state, view.made_anew), (InstanceState::Starting, true));
    assert_eq!(number(&world.test, HELD).await, 1);
    let after = world.apply(id).await;
    assert_eq!((after.state, after.made_anew), (InstanceState::Running, false));
    assert!(world.containers().len() == 1 && world.containers() != old);
    assert_eq!(number(&world.test, HELD).await, 0, "the old one is gone, and what it had is others'");
    let told = "select string_agg(spec_name, ', ' order by started_at) from ledger_intervals";
    let told: String = sqlx::query_scalar(told).fetch_one(world.test.owner_pool()).await.unwrap();
    assert_eq!(told, "Small, Small, Double", "what ran is paid for as what it was");

    // The same of one that nobody tries to start any more.
    world.act(id, InstanceAction::Stop).await;
    instances::resize(platform, &world.mine(), id, to(world.shop.spec)).await.unwrap();
    let failed = "update instances set failure = 'start-refused', state = 'failed'";
    sqlx::query(failed).execute(world.test.owner_pool()).await.unwrap();
    assert_eq!(world.get(id).await.state, InstanceState::Failed);
    let start = format!("/containers/{}/start", world.containers()[0]);
    assert_eq!(world.engine.ask("POST", &start, "application/json", b"").0, 204);
    assert_eq!(instances::look(platform, world.machine).await.unwrap().unsettled, [id]);
    assert_eq!(world.get(id).await.state, InstanceState::Stopping);
    assert_eq!(world.apply(id).await.state, InstanceState::Failed);
    assert_eq!(world.engine.ask("GET", "/containers/json", "application/json", b"").1.trim(), "[]", "nothing runs");
}

#[tokio::test]
async fn a_container_of_a_later_spec_is_made_anew_where_a_backup_was_put_back() {
    let world = World::new().await;
    let (platform, double) = (&world.test.platform, double(&world).await);
    let id = world.create("one", "exec sleep 600").await;
    world.apply(id).await;
    world.act(id, InstanceAction::Stop).await;
    let kept: serde_json::Value =
        sqlx::query_scalar("select spec from instances").fetch_one(world.test.owner_pool()).await.unwrap();
    instances::resize(platform, &world.mine(), id, to(double)).await.unwrap();
    world.act(id, InstanceAction::Start).await;
    let larger = world.containers();
    sqlx::query("update instances set spec = $1, remakes_wanted = 0, remakes_done = 0, container_id = 'old'")
        .bind(kept)
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    world.look().await;
    assert_eq!(world.get(id).await.state, InstanceState::Starting, "it has less than what runs");
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    assert!(world.containers().len() == 1 && world.containers() != larger);
    assert_eq!(instances::stats(platform, &world.mine(), id).await.unwrap().memory_limit, Some(1 << 30));
}

#[tokio::test]
async fn what_cannot_be_made_anew_keeps_the_container_that_it_has() {
    let world = World::new().await;
    let (platform, double) = (&world.test.platform, double(&world).await);
    let id = world.create("one", "exec sleep 600").await;
    world.apply(id).await;
    world.act(id, InstanceAction::Stop).await;
    instances::resize(platform, &world.mine(), id, to(double)).await.unwrap();
    let old = world.containers();
    platform::images::delete(platform, &world.test.admin().await.ctx(), world.shop.image).await.unwrap();
    // Its registry does not give it any more.
    sqlx::query("update images set address = '127.0.0.1:1/none:1'").execute(world.test.owner_pool()).await.unwrap();
    let failed = world.act(id, InstanceAction::Start).await;
    assert_eq!((failed.state, failed.failure.as_deref()), (InstanceState::Failed, Some("image")));
    assert_eq!((world.containers(), failed.made_anew), (old, true), "what is in it can still be saved");
}

#[tokio::test]
async fn a_look_that_began_before_it_was_made_anew_says_nothing_of_the_new_one() {
    let world = World::new().await;
    let (platform, double) = (&world.test.platform, double(&world).await);
    let id = world.create("one", "exec sleep 600").await;
    world.apply(id).await;
    let gate = world.gate().await;
    world.act(id, InstanceAction::Stop).await;
    instances::resize(platform, &world.mine(), id, to(double)).await.unwrap();
    // It was listed, and before it is asked for it is another one.
    gate.hold(&format!("/containers/{}/json", world.containers()[0]));
    let look = tokio::spawn({
        let (platform, machine) = (platform.clone(), world.machine);
        async move { instances::look(&platform, machine).await }
    });
    gate.held().await;
    assert_eq!(world.act(id, InstanceAction::Start).await.state, InstanceState::Running);
    gate.let_through();
    look.await.unwrap().unwrap();
    assert_eq!(world.get(id).await.state, InstanceState::Running);
    let events = instances::events(platform, &world.mine(), id).await.unwrap();
    assert!(events.iter().all(|event| event.kind != InstanceEventKind::Missing), "{events:?}");
}

#[tokio::test]
async fn wherever_its_engine_is_lost_meanwhile_one_container_is_there_in_the_end() {
    let world = World::new().await;
    let (platform, double) = (&world.test.platform, double(&world).await);
    let id = world.create("one", "exec sleep 600").await;
    world.apply(id).await;
    let given = "insert into instance_gpus (instance_id, gpu_id) select i.id, g.id from instances i, gpus g";
    sqlx::query(given).execute(world.test.owner_pool()).await.unwrap();
    let gate = world.gate().await;
    let (mut next, mut other) = (double, world.shop.spec);
    for requests in 1.. {
        let before = world.containers();
        world.act(id, InstanceAction::Stop).await;
        instances::resize(platform, &world.mine(), id, to(next)).await.unwrap();
        std::mem::swap(&mut next, &mut other);
        instances::act(platform, &world.mine(), id, InstanceAction::Start).await.unwrap();
        gate.cut_after(requests);
        instances::apply(platform, id).await.unwrap();
        let whole = gate.open();
        world.look().await;
        let after = world.apply(id).await;
        assert_eq!((after.state, after.made_anew), (InstanceState::Running, false), "after {requests}");
        let containers = world.containers();
        assert!(containers.len() == 1 && containers != before, "after {requests}: {containers:?}");
        assert_eq!(number(&world.test, HELD).await, 0, "after {requests}");
        if whole {
            break;
        }
    }
    world.look().await;
    let check = instances::compare(platform, &world.test.admin().await.ctx()).await.unwrap();
    assert_eq!((check.compared, check.differences.len()), (1, 0), "{check:?}");
}

#[tokio::test]
async fn a_part_of_a_card_becomes_all_of_it_and_a_part_again() {
    let test = TestPlatform::new().await;
    let (admin, acme, globex) = (test.admin().await, test.customer("Acme").await, test.customer("Globex").await);
    let (platform, ctx, mine) = (&test.platform, admin.ctx(), acme.owner.ctx());
    host(&test, &ctx, "host-001", 1, NOWHERE).await;
    tested(&test, "host-001").await;
    let part = |name: &str, gb: u32| SpecWrite {
        gpu_memory_gb: Some(gb),
        gpu_use: Some(contract::specs::GpuUse::Share),
        ..cards(name, 1)
    };
    let shop = shop(&test, &ctx, "library/small:1", part("Twenty", 20)).await;
    let whole = spec_listed(&test, &ctx, cards("All of it", 1)).await;
    let forty = spec_listed(&test, &ctx, part("Forty", 40)).await;
    let id = instances::create(platform, &mine, named("one", &shop)).await.unwrap().id;
    stopped(&test, id).await;
    let shared = "select coalesce(sum(mib), 0)::bigint from gpu_shares where released_at is null";
    let held = async || (number(&test, HELD).await, number(&test, shared).await);
    assert_eq!(held().await, (0, 19_073));
    for (spec, expected) in [
        (whole, (1, 0)),
        (forty, (0, 38_146)),
        (shop.spec, (0, 19_073)),
        (whole, (1, 0)),
        (shop.spec, (0, 19_073)),
        (forty, (0, 38_146)),
    ] {
        instances::resize(platform, &mine, id, to(spec)).await.unwrap();
        assert_eq!(held().await, expected, "{spec:?}");
    }
    // The rest is anybody's, and no more than that.
    let with = |name: &str| contract::instances::InstanceCreate { spec: forty, ..named(name, &shop) };
    instances::create(platform, &globex.owner.ctx(), with("two")).await.unwrap();
    let full = instances::create(platform, &globex.owner.ctx(), with("three")).await.unwrap_err();
    assert_eq!(full.code, ErrorCode::NoCapacity);
}

#[tokio::test]
async fn of_two_customers_one_gets_the_card_that_is_let_go_and_none_before() {
    let world = World::new().await;
    let (platform, double) = (&world.test.platform, double(&world).await);
    let admin = world.test.admin().await;
    let (globex, umbrella) = (world.test.customer("Globex").await, world.test.customer("Umbrella").await);
    let size = SpecWrite { cpu_cores: 1, memory_gb: 1, system_disk_gb: 1, data_disk_gb: 0, ..cards("One card", 1) };
    let card = spec_listed(&world.test, &admin.ctx(), size).await;
    let id = world.create("one", "exec sleep 600").await;
    world.apply(id).await;
    let given = "insert into instance_gpus (instance_id, gpu_id) select i.id, g.id from instances i, gpus g";
    sqlx::query(given).execute(world.test.owner_pool()).await.unwrap();
    world.act(id, InstanceAction::Stop).await;
    instances::resize(platform, &world.mine(), id, to(double)).await.unwrap();
    let with = || contract::instances::InstanceCreate { spec: card, ..named("theirs", &world.shop) };
    let race = async || {
        let (one, other) = (globex.owner.ctx(), umbrella.owner.ctx());
        let (one, other) =
            tokio::join!(instances::create(platform, &one, with()), instances::create(platform, &other, with()));
        [one, other].into_iter().filter(Result::is_ok).count()
    };
    assert_eq!((race().await, number(&world.test, HELD).await), (0, 1));
    world.act(id, InstanceAction::Start).await;
    assert_eq!((race().await, number(&world.test, HELD).await), (1, 1));
}

#[tokio::test]
async fn no_image_is_begun_of_a_container_that_is_being_replaced() {
    let world = World::new().await;
    let (platform, double) = (&world.test.platform, double(&world).await);
    let id = world.create("one", "exec sleep 600").await;
    world.apply(id).await;
    world.act(id, InstanceAction::Stop).await;
    instances::resize(platform, &world.mine(), id, to(double)).await.unwrap();
    let save = async || {
        let save = contract::instances::InstanceSave { name: "Kept".to_owned(), ..Default::default() };
        instances::save_image(platform, &world.mine(), id, save).await
    };
    // A worker that does not know yet that it is to stand still after all.
    let at_it = "update instances set lease_token = gen_random_uuid(), lease_until = now() + interval '1 minute'";
    sqlx::query(at_it).execute(world.test.owner_pool()).await.unwrap();
    let refused = save().await.unwrap_err();
    assert_eq!((refused.code, refused.key), (ErrorCode::WrongState, "error-instance-state"));
    let gone = "update instances set lease_token = null, lease_until = null";
    sqlx::query(gone).execute(world.test.owner_pool()).await.unwrap();
    save().await.unwrap();
}

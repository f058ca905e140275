//! Instances without an engine: placement, holds, limits, who may what, and what becomes of one that cannot be made.

use chrono::TimeDelta;
use contract::engines::{EngineKind, EngineWrite};
use contract::images::ImageWrite;
use contract::instances::{
    InstanceAction, InstanceCreate, InstanceEventKind, InstanceQuery, InstanceState, InstanceUpdate, MissReason,
    PlacementQuery,
};
use contract::machines::{MachineUpdate, MaintenanceCreate, Pool};
use contract::specs::{SpecPriceCreate, SpecWrite};
use contract::{ErrorCode, ImageId, InstanceId, SpecId};
use platform::{OpContext, allocations, engines, images, instances, machines, quotas, specs};
use test_support::{TestCustomer, TestNode, TestPlatform};

/// What an instance can be made of.
pub struct Shop {
    pub image: ImageId,
    pub spec: SpecId,
}

/// A listed image and a listed spec.
pub async fn shop(test: &TestPlatform, ctx: &OpContext, address: &str, spec: SpecWrite) -> Shop {
    let body =
        ImageWrite { name: format!("Image {address}"), address: Some(address.to_owned()), ..ImageWrite::default() };
    let image = images::create(&test.platform, ctx, body).await.unwrap().id;
    images::set_listed(&test.platform, ctx, image, true).await.unwrap();
    Shop { image, spec: spec_listed(test, ctx, spec).await }
}

pub async fn spec_listed(test: &TestPlatform, ctx: &OpContext, spec: SpecWrite) -> SpecId {
    let id = specs::create(&test.platform, ctx, spec).await.unwrap().id;
    let price = SpecPriceCreate { price_per_hour: "2.5".to_owned(), starts_at: None };
    specs::add_price(&test.platform, ctx, id, price).await.unwrap();
    specs::set_listed(&test.platform, ctx, id, true).await.unwrap();
    id
}

/// One core and a GB.
pub fn small() -> SpecWrite {
    serde_json::from_value(serde_json::json!({
        "name": "Small", "cpuCores": 1, "memoryGb": 1, "systemDiskGb": 1, "dataDiskGb": 1,
    }))
    .unwrap()
}

/// So many whole cards of the test's nodes.
pub fn cards(name: &str, count: u32) -> SpecWrite {
    serde_json::from_value(serde_json::json!({
        "name": name, "gpuModel": "NVIDIA H100 80GB HBM3", "gpuCount": count, "gpuMemoryGb": 80 * count,
        "cpuCores": 1, "memoryGb": 1, "systemDiskGb": 1,
    }))
    .unwrap()
}

/// A listed machine of many customers, with so many GPUs, whose engine is said to be at this socket.
pub async fn host(test: &TestPlatform, ctx: &OpContext, code: &str, gpus: u32, socket: &str) -> TestNode {
    let node = test.node(code).await;
    machines::report_inventory(&test.platform, &node.ctx(), "0.0.0-test", &node.inventory(gpus)).await.unwrap();
    pool(test, ctx, code, Pool::Shared).await.unwrap();
    let write = EngineWrite { socket: Some(socket.to_owned()), ..EngineWrite::new(EngineKind::Local) };
    engines::set(&test.platform, ctx, code, write).await.unwrap();
    node
}

async fn pool(test: &TestPlatform, ctx: &OpContext, code: &str, pool: Pool) -> platform::Result<()> {
    let change = MachineUpdate { name: code.to_owned(), pool: Some(pool), listed: true, ..MachineUpdate::default() };
    machines::update(&test.platform, ctx, code, change).await.map(|_| ())
}

/// As if its engine had answered: nobody does here.
pub async fn tested(test: &TestPlatform, code: &str) {
    let report = serde_json::json!({
        "version": "28.0.0", "apiVersion": "1.48", "architecture": "amd64", "runtimes": [], "cpus": 500,
        "memory": 2_000_u64 << 30,
    });
    sqlx::query(
        "update engine_connections set last_tested_at = now(), last_report = $2, last_fault = null
         where machine_id = (select id from machines where code = $1)",
    )
    .bind(code)
    .bind(report)
    .execute(test.owner_pool())
    .await
    .unwrap();
}

pub fn named(name: &str, shop: &Shop) -> InstanceCreate {
    InstanceCreate {
        name: name.to_owned(),
        image: shop.image,
        spec: shop.spec,
        machine: None,
        environment: [("SECRET".to_owned(), "s3cret".to_owned())].into(),
        command: None,
        ports: Vec::new(),
        remark: None,
    }
}

async fn number(test: &TestPlatform, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(test.owner_pool()).await.unwrap()
}

const NOWHERE: &str = "/nonexistent/docker.sock";

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_at_once_hold_as_many_gpus_as_there_are() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let ctx = admin.ctx();
    host(&test, &ctx, "host-001", 8, NOWHERE).await;
    tested(&test, "host-001").await;
    let shop = shop(&test, &ctx, "library/small:1", cards("One card", 1)).await;
    let one =
        async |n: usize| instances::create(&test.platform, &acme.owner.ctx(), named(&format!("i-{n}"), &shop)).await;
    let made = futures_util::future::join_all((0..200).map(one)).await;
    let good = made.iter().filter(|made| made.is_ok()).count();
    let refused = made.iter().filter(|made| made.as_ref().is_err_and(|error| error.code == ErrorCode::NoCapacity));
    assert_eq!((good, refused.count()), (8, 192));
    assert_eq!(number(&test, "select count(*) from instance_gpus where released_at is null").await, 8);
    // Whoever writes past the operations meets the constraint.
    let twice = sqlx::query(
        "insert into instance_gpus (instance_id, gpu_id) select max(i.id), min(g.id) from instances i, gpus g",
    );
    let error = twice.execute(test.owner_pool()).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().constraint(), Some("instance_gpus_held"));
}

#[tokio::test]
async fn shares_are_of_no_more_than_there_is() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let ctx = admin.ctx();
    host(&test, &ctx, "host-001", 1, NOWHERE).await;
    tested(&test, "host-001").await;
    let half: SpecWrite = serde_json::from_value(serde_json::json!({
        "name": "Half", "gpuModel": "NVIDIA H100 80GB HBM3", "gpuCount": 1, "gpuMemoryGb": 40, "gpuUse": "share",
        "cpuCores": 1, "memoryGb": 1, "systemDiskGb": 1,
    }))
    .unwrap();
    let shop = shop(&test, &ctx, "library/small:1", half).await;
    for name in ["one", "two"] {
        instances::create(&test.platform, &acme.owner.ctx(), named(name, &shop)).await.unwrap();
    }
    let full = instances::create(&test.platform, &acme.owner.ctx(), named("three", &shop)).await.unwrap_err();
    assert_eq!((full.code, full.key), (ErrorCode::NoCapacity, "error-instance-nowhere"));
    for (statement, constraint) in [
        ("update gpu_shares set mib = mib * 2", "gpu_shares_fit"),
        (
            "insert into instance_gpus (instance_id, gpu_id) select max(i.id), min(g.id) from instances i, gpus g",
            "instance_gpus_held",
        ),
    ] {
        let error = sqlx::query(statement).execute(test.owner_pool()).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().constraint(), Some(constraint), "{statement}");
    }
}

#[tokio::test]
async fn a_placement_says_what_is_in_the_way_and_what_would_fit() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let (platform, ctx, mine) = (&test.platform, admin.ctx(), acme.owner.ctx());
    host(&test, &ctx, "host-001", 2, NOWHERE).await;
    host(&test, &ctx, "host-002", 4, NOWHERE).await;
    let shop = shop(&test, &ctx, "library/small:1", cards("Four cards", 4)).await;
    let two = spec_listed(&test, &ctx, cards("Two cards", 2)).await;
    let asked = PlacementQuery { image: Some(shop.image), spec: Some(shop.spec) };
    let reasons = async || {
        let placement = instances::matched_machines(platform, &mine, &asked).await.unwrap();
        let machine = |fit: &contract::instances::MachineFit| {
            (fit.machine.clone(), fit.misses.iter().map(|miss| miss.reason).collect::<Vec<_>>())
        };
        let others: Vec<SpecId> = placement.alternatives.iter().map(|other| other.spec.id).collect();
        (placement.machines.iter().map(machine).collect::<Vec<_>>(), others, placement)
    };
    let (machines, ..) = reasons().await;
    let untested = MissReason::EngineUntested;
    let few = vec![untested, MissReason::GpusFew];
    assert_eq!(machines, [("host-001".to_owned(), few), ("host-002".to_owned(), vec![untested])]);
    tested(&test, "host-001").await;
    let (_, others, placement) = reasons().await;
    assert_eq!(others, [two], "where nothing fits, what would is shown");
    assert!(placement.machines.iter().flat_map(|fit| &fit.misses).all(|miss| miss.message.len() > 10));
    tested(&test, "host-002").await;
    let (machines, others, placement) = reasons().await;
    assert_eq!((machines[0].0.as_str(), others.len(), placement.fits()), ("host-002", 0, true));
    // Limits are the customer's, and are told with their numbers.
    let quota = serde_json::from_value(serde_json::json!({ "gpu": 3 })).unwrap();
    quotas::set_of_customer(platform, &ctx, acme.id, quota).await.unwrap();
    let (_, _, placement) = reasons().await;
    let miss = &placement.misses[0];
    assert_eq!((miss.reason, miss.have, miss.need), (MissReason::Quota, Some(3), Some(4)));
    let over = instances::create(platform, &mine, named("over", &shop)).await.unwrap_err();
    assert_eq!((over.code, over.key), (ErrorCode::QuotaExceeded, "error-instance-quota"));
    let missing = instances::matched_machines(platform, &mine, &PlacementQuery::default()).await.unwrap_err();
    assert_eq!(missing.fields.len(), 2);
    // A machine that nobody listed is nobody's to choose.
    let within = Shop { spec: two, ..shop };
    let hidden = InstanceCreate { machine: Some("host-009".to_owned()), ..named("hidden", &within) };
    assert_eq!(instances::create(platform, &mine, hidden).await.unwrap_err().fields[0].key, "field-machine-unknown");
}

/// A window of maintenance has an end; what instances hold has none.
#[tokio::test]
async fn when_a_machine_fits_again_is_said_where_it_is_known() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    host(&test, &admin.ctx(), "host-001", 1, NOWHERE).await;
    host(&test, &admin.ctx(), "host-002", 1, NOWHERE).await;
    for code in ["host-001", "host-002"] {
        tested(&test, code).await;
    }
    let shop = shop(&test, &admin.ctx(), "library/small:1", cards("One card", 1)).await;
    // Asked after the spec has its price.
    let (platform, mine) = (&test.platform, acme.owner.ctx());
    let asked = PlacementQuery { image: Some(shop.image), spec: Some(shop.spec) };
    let earliest = async || {
        let mut machines = instances::matched_machines(platform, &mine, &asked).await.unwrap().machines;
        machines.sort_by_key(|fit| fit.machine.clone());
        machines.into_iter().map(|fit| (fit.fits, fit.earliest)).collect::<Vec<_>>()
    };
    let held = InstanceCreate { machine: Some("host-002".to_owned()), ..named("one", &shop) };
    instances::create(platform, &mine, held).await.unwrap();
    let now = admin.ctx().now();
    let window = |from: i64, until: i64| MaintenanceCreate {
        starts_at: (from > 0).then(|| now + TimeDelta::hours(from)),
        ends_at: now + TimeDelta::hours(until),
        message: "New fans".to_owned(),
    };
    let plan = async |code: &str, from: i64, until: i64| {
        machines::plan_maintenance(platform, &admin.ctx(), code, window(from, until)).await.unwrap();
    };
    plan("host-001", 2, 4).await;
    assert_eq!(earliest().await, [(true, None), (false, None)], "what is planned is in nobody's way yet");
    plan("host-001", 0, 2).await;
    plan("host-002", 0, 2).await;
    let end = machines::get(platform, &admin.ctx(), "host-001").await.unwrap().maintenance.pop().unwrap().ends_at;
    assert_eq!(earliest().await, [(false, Some(end)), (false, None)], "one window follows the other at once");
}

/// Whose instance it is reads that staff read what it says, why, and of which.
#[tokio::test]
async fn why_staff_read_what_an_instance_says_is_its_customers_to_know() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let (platform, ctx) = (&test.platform, admin.ctx());
    host(&test, &ctx, "host-001", 1, NOWHERE).await;
    tested(&test, "host-001").await;
    let shop = shop(&test, &ctx, "library/small:1", small()).await;
    let made = instances::create(platform, &acme.owner.ctx(), named("training", &shop)).await.unwrap();
    let read = async |reason: &str| {
        let query = contract::instances::StaffLogQuery { reason: reason.to_owned(), ..Default::default() };
        instances::logs_of_any(platform, &ctx, made.id, query).await
    };
    for (reason, fault) in [("  ", "field-required"), ("a  b c ", "field-reason-short")] {
        let refused = read(reason).await.unwrap_err();
        assert_eq!((refused.fields[0].path, refused.fields[0].key), ("reason", fault), "{reason:?}");
    }
    read("您请求帮助").await.unwrap();
    let own = platform::audit::list_own(platform, &acme.owner.ctx(), &Default::default()).await.unwrap().list;
    let mut told: Vec<_> = own
        .iter()
        .map(|row| (row.action.as_str(), row.target_name.as_deref(), row.actor_name.is_some(), row.reason.as_deref()))
        .collect();
    told.sort();
    let name = Some("training");
    assert_eq!(
        told,
        [("instances:create", name, true, None), ("instances:read-logs", name, false, Some("您请求帮助"))],
        "and nothing of what else staff wrote"
    );
}

#[tokio::test]
async fn what_an_engine_said_long_ago_says_nothing_of_now() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let (platform, ctx) = (&test.platform, admin.ctx());
    let machine = host(&test, &ctx, "host-001", 1, NOWHERE).await.machine;
    tested(&test, "host-001").await;
    let shop = shop(&test, &ctx, "library/small:1", small()).await;
    let asked = PlacementQuery { image: Some(shop.image), spec: Some(shop.spec) };
    let misses = async || {
        let placement = instances::matched_machines(platform, &acme.owner.ctx(), &asked).await.unwrap();
        placement.machines[0].misses.iter().map(|miss| (miss.reason, miss.have)).collect::<Vec<_>>()
    };
    let write = async |sql: &'static str| {
        assert_eq!(sqlx::query(sql).execute(test.owner_pool()).await.unwrap().rows_affected(), 1, "{sql}");
    };
    assert_eq!(misses().await, []);
    write("update engine_connections set last_tested_at = now() - interval '10 minutes'").await;
    assert_eq!(misses().await, [(MissReason::EngineSilent, Some(10))]);
    let refused = instances::create(platform, &acme.owner.ctx(), named("one", &shop)).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NoCapacity, "what explains it decides it");
    write("insert into engine_looks (machine_id, looked_at, answered_at) select id, now(), now() from machines").await;
    assert_eq!(misses().await, [], "it answered a look since");
    write("update engine_looks set fault = 'refused'").await;
    assert_eq!(misses().await, [(MissReason::EngineFault, None)], "and does not any more");
    // Another connection is another engine, of which nobody knows anything yet.
    let write = EngineWrite { socket: Some("/run/other.sock".to_owned()), ..EngineWrite::new(EngineKind::Local) };
    engines::set(platform, &ctx, "host-001", write).await.unwrap();
    assert_eq!(misses().await, [(MissReason::EngineUntested, None)]);
    instances::look(platform, machine).await.unwrap();
}

#[tokio::test]
async fn a_machine_has_instances_or_is_lent_never_both() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let (platform, ctx, mine) = (&test.platform, admin.ctx(), acme.owner.ctx());
    host(&test, &ctx, "host-001", 1, NOWHERE).await;
    tested(&test, "host-001").await;
    let shop = shop(&test, &ctx, "library/small:1", small()).await;
    let made = instances::create(platform, &mine, named("one", &shop)).await.unwrap();
    assert_eq!((made.state, made.machine.as_str()), (InstanceState::Creating, "host-001"));
    assert_eq!((made.spec.price_per_hour.as_str(), made.variables.as_slice()), ("2.5", &["SECRET".to_owned()][..]));
    let used = pool(&test, &ctx, "host-001", Pool::Whole).await.unwrap_err();
    assert_eq!((used.code, used.key), (ErrorCode::Conflict, "error-machine-has-instances"));
    let needed = engines::remove(platform, &ctx, "host-001").await.unwrap_err();
    assert_eq!((needed.code, needed.key), (ErrorCode::Conflict, "error-machine-has-instances"));
    let body = serde_json::from_value(serde_json::json!({ "customerId": acme.id, "months": 1 })).unwrap();
    let shared = allocations::create(platform, &ctx, "host-001", body).await.unwrap_err();
    assert_eq!(shared.key, "error-allocate-shared");
    // Past the operations, the constraint says it.
    let lend = "insert into allocations (machine_id, customer_id, starts_at, ends_at, state, hold)
                select machine_id, customer_id, now(), now() + interval '1 day', 'active', 'empty' from instances";
    let error = sqlx::query(lend).execute(test.owner_pool()).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().constraint(), Some("allocations_machine_used"));
    sqlx::query("alter table allocations disable trigger allocations_machine_use")
        .execute(test.owner_pool())
        .await
        .unwrap();
    sqlx::query(lend).execute(test.owner_pool()).await.unwrap();
    let again = instances::create(platform, &mine, named("two", &shop)).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::NoCapacity, "it is lent by now");
}

#[tokio::test]
async fn people_have_their_own_and_owners_their_customers() {
    let test = TestPlatform::new().await;
    let (admin, acme, other) = (test.admin().await, test.customer("Acme").await, test.customer("Other").await);
    let (platform, ctx) = (&test.platform, admin.ctx());
    host(&test, &ctx, "host-001", 0, NOWHERE).await;
    tested(&test, "host-001").await;
    let shop = shop(&test, &ctx, "library/small:1", small()).await;
    let of = |who: &TestCustomer| who.owner.ctx();
    let ours = instances::create(platform, &of(&acme), named("ours", &shop)).await.unwrap().id;
    let theirs = instances::create(platform, &acme.member.ctx(), named("theirs", &shop)).await.unwrap().id;
    instances::create(platform, &of(&other), named("ours", &shop)).await.expect("another customer's name is free");
    let taken = instances::create(platform, &of(&acme), named("OURS", &shop)).await.unwrap_err();
    assert_eq!((taken.code, taken.fields[0].key), (ErrorCode::AlreadyExists, "field-instance-name-taken"));
    let seen = async |ctx: &OpContext| {
        let page = instances::list(platform, ctx, &InstanceQuery::default()).await.unwrap();
        page.list.into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(seen(&of(&acme)).await, [theirs, ours]);
    assert_eq!(seen(&acme.member.ctx()).await, [theirs]);
    for (who, id) in [(acme.member.ctx(), ours), (of(&other), ours)] {
        assert_eq!(instances::get(platform, &who, id).await.unwrap_err().code, ErrorCode::NotFound);
        let stop = instances::act(platform, &who, id, InstanceAction::Stop).await.unwrap_err();
        assert_eq!(stop.code, ErrorCode::NotFound);
    }
    assert_eq!(instances::get(platform, &ctx, ours).await.unwrap_err().code, ErrorCode::NotFound, "staff have a door");
    let all = instances::list_all(platform, &ctx, &InstanceQuery::default()).await.unwrap();
    assert_eq!((all.total, all.list[1].customer_name.as_deref()), (3, Some("Acme")));
    let renamed = InstanceUpdate { name: Some("mine".to_owned()), ..InstanceUpdate::default() };
    let renamed = instances::update(platform, &of(&acme), theirs, renamed).await.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.revision), ("mine", 2));
    let late = InstanceUpdate { revision: Some(1), ..InstanceUpdate::default() };
    assert_eq!(instances::update(platform, &of(&acme), theirs, late).await.unwrap_err().code, ErrorCode::Conflict);
    let early = instances::act(platform, &of(&acme), ours, InstanceAction::Restart).await.unwrap_err();
    assert_eq!((early.code, early.key), (ErrorCode::WrongState, "error-instance-state"));
    // No value of a variable is anywhere that somebody reads.
    let log = "select count(*) from audit_events where after::text like '%s3cret%' or before::text like '%s3cret%'";
    assert_eq!(number(&test, log).await, 0);
    assert_eq!(number(&test, "select count(*) from instances where environment::text like '%s3cret%'").await, 0);
    assert_eq!(number(&test, "select count(*) from audit_events where action = 'instances:create'").await, 3);
}

async fn state(test: &TestPlatform, ctx: &OpContext, id: InstanceId) -> (InstanceState, Option<String>, bool) {
    let view = instances::get(&test.platform, ctx, id).await.unwrap();
    (view.state, view.failure, view.holds)
}

#[tokio::test]
async fn what_cannot_be_made_holds_nothing_any_more() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let (platform, ctx, mine) = (&test.platform, admin.ctx(), acme.owner.ctx());
    let node = host(&test, &ctx, "host-001", 1, NOWHERE).await;
    tested(&test, "host-001").await;
    let shop = shop(&test, &ctx, "library/small:1", cards("One card", 1)).await;
    let id = instances::create(platform, &mine, named("one", &shop)).await.unwrap().id;
    // Who waits in line has not been tried.
    test.clock().advance(TimeDelta::seconds(40));
    let mine = acme.owner.ctx();
    instances::apply(platform, id).await.unwrap();
    assert_eq!(state(&test, &mine, id).await, (InstanceState::Creating, None, true), "an engine may come back");
    test.clock().advance(TimeDelta::seconds(30));
    let mine = acme.owner.ctx();
    instances::look(platform, node.machine).await.unwrap();
    instances::apply(platform, id).await.unwrap();
    let failed = (InstanceState::Failed, Some("no-socket".to_owned()), false);
    assert_eq!(state(&test, &mine, id).await, failed, "and has half a minute for it");
    assert_eq!(number(&test, "select count(*) from instance_gpus where released_at is null").await, 0);
    let again = instances::create(platform, &mine, named("two", &shop)).await.unwrap().id;
    let start = instances::act(platform, &mine, id, InstanceAction::Start).await.unwrap_err();
    assert_eq!(start.key, "error-instance-holds-nothing");
    let told: i64 = number(&test, "select count(*) from notifications where kind = 'instance-failed'").await;
    assert_eq!(told, 1);
    let kinds: Vec<_> =
        instances::events(platform, &mine, id).await.unwrap().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [InstanceEventKind::Failed, InstanceEventKind::Created]);
    // What was never there is gone at once, whether or not its engine answers.
    instances::act(platform, &mine, again, InstanceAction::Delete).await.unwrap();
    instances::apply(platform, again).await.unwrap();
    assert_eq!(state(&test, &mine, again).await, (InstanceState::Deleted, None, false));
    instances::create(platform, &mine, named("two", &shop)).await.expect("its GPU and its name are free");
}

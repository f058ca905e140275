//! How much of their disks instances take: measured by a real engine, told, and what is stopped for it where that is set.

use chrono::TimeDelta;
use contract::InstanceId;
use contract::instances::{DiskState, InstanceAction, InstanceEventKind, InstanceResize, InstanceState};
use platform::settings::Change;
use platform::{engines, instances, notifications, settings};
use test_support::eventually;

use crate::instances_on_engine::World;
use crate::resize::double;

/// As disks are sold.
const GB: u64 = 1_000_000_000;

impl World {
    /// Ten minutes later and more.
    async fn measured(&self) {
        self.test.clock().advance(TimeDelta::minutes(11));
        instances::measure_disks(&self.test.platform, self.machine).await.unwrap();
    }

    /// What its owner was told of disks, the newest first.
    async fn told(&self) -> Vec<String> {
        let list = notifications::list(&self.test.platform, &self.mine(), &Default::default()).await.unwrap().list;
        list.into_iter().map(|one| one.message).filter(|told| told.contains('%')).collect()
    }

    async fn done(&self, id: InstanceId, times: usize) {
        eventually("it has written", async || {
            (self.said(id).await.iter().filter(|line| *line == "done").count() == times).then_some(())
        })
        .await;
    }
}

/// Files with holes: engines count how long they are.
#[tokio::test]
async fn how_much_it_stores_is_measured_and_told_and_stops_it_where_that_is_set() {
    let world = World::new().await;
    let platform = &world.test.platform;
    let script = "if [ -e /data/again ]; then dd if=/dev/zero of=/data/big bs=1M count=1 seek=1099; fi
                  dd if=/dev/zero of=/big bs=1M count=1 seek=919; echo > /data/again; echo done; exec sleep 600";
    let id = world.create("one", script).await;
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    world.done(id, 1).await;
    assert_eq!(world.get(id).await.disks, None, "nobody has measured");
    instances::measure_disks(platform, world.machine).await.unwrap();
    let disks = world.get(id).await.disks.unwrap();
    assert_eq!((disks.state, disks.system_limit_bytes, disks.data_limit_bytes), (DiskState::Near, GB, GB));
    assert!(disks.system_bytes.is_some_and(|bytes| bytes >= 920 << 20), "{disks:?}");
    assert!(disks.data_bytes.is_some_and(|bytes| bytes < 1 << 20), "{disks:?}");
    let used = instances::stats(platform, &world.mine(), id).await.unwrap();
    assert_eq!(used.disks.as_ref(), Some(&disks));
    assert_eq!(world.told().await.len(), 1);
    // What was just measured is not measured again, and what was told is not told again.
    instances::measure_disks(platform, world.machine).await.unwrap();
    assert_eq!(world.get(id).await.disks.as_ref(), Some(&disks));
    world.measured().await;
    assert_ne!(world.get(id).await.disks.as_ref(), Some(&disks));
    assert_eq!(world.told().await.len(), 1);

    world.act(id, InstanceAction::Restart).await;
    world.done(id, 2).await;
    world.measured().await;
    assert_eq!(world.get(id).await.disks.unwrap().state, DiskState::Full);
    let told = world.told().await;
    assert!(told.len() == 2 && told[0] != told[1], "{told:?}");
    // Off at first: nothing is stopped for it.
    world.measured().await;
    assert_eq!((world.get(id).await.state, world.told().await.len()), (InstanceState::Running, 2));

    let rule = Change { key: "general.disk_stop_minutes".to_owned(), value: 10.into(), version: None };
    settings::change(platform, &world.test.admin().await.ctx(), vec![rule]).await.unwrap();
    world.measured().await;
    assert_eq!(world.apply(id).await.state, InstanceState::Running, "the time before the rule does not count");
    assert_eq!(world.told().await.len(), 3, "they are told when it is stopped");
    world.measured().await;
    assert_eq!(world.apply(id).await.state, InstanceState::Stopped);
    assert_eq!(world.told().await.len(), 4);
    let events = instances::events(platform, &world.mine(), id).await.unwrap();
    let asked = events.iter().find(|event| event.kind == InstanceEventKind::StopWanted).unwrap();
    assert_eq!(asked.reason.as_deref(), Some("disk-full"));
    assert!(asked.message.as_ref().is_some_and(|words| !words.contains("instance-failure")), "{asked:?}");
    // Who starts it again has the same time anew to make room.
    assert_eq!(world.act(id, InstanceAction::Start).await.state, InstanceState::Running);
    world.measured().await;
    assert_eq!(world.get(id).await.state, InstanceState::Running);
}

#[tokio::test]
async fn what_is_in_a_container_that_is_made_anew_is_not_counted_against_the_next() {
    let world = World::new().await;
    let platform = &world.test.platform;
    let id = world.create("one", "dd if=/dev/zero of=/big bs=1M count=1 seek=919; echo done; exec sleep 600").await;
    world.apply(id).await;
    world.done(id, 1).await;
    world.measured().await;
    assert_eq!(world.get(id).await.disks.unwrap().state, DiskState::Near);
    world.act(id, InstanceAction::Stop).await;
    let spec = double(&world).await;
    // Its engine was heard of since.
    engines::test(platform, &world.test.admin().await.ctx(), "host-001").await.unwrap();
    instances::resize(platform, &world.mine(), id, InstanceResize { spec, revision: None }).await.unwrap();
    world.measured().await;
    let disks = world.get(id).await.disks.unwrap();
    assert_eq!(disks.state, DiskState::Unknown, "the old one says nothing of the new one");
    assert!(disks.system_bytes.is_some_and(|bytes| bytes >= 920 << 20), "{disks:?}");
    world.act(id, InstanceAction::Start).await;
    let disks = world.get(id).await.disks.unwrap();
    assert_eq!((disks.state, disks.system_bytes), (DiskState::Unknown, None));
    world.done(id, 1).await;
    world.measured().await;
    assert_eq!(world.get(id).await.disks.unwrap().state, DiskState::Near);
}

/// One who has written very many files keeps the engine from saying what is on data disks: what it says beside counts, staff
/// are told, and nobody is told a number of another day.
#[tokio::test]
async fn what_an_engine_says_counts_where_it_does_not_say_all() {
    let world = World::new().await;
    let (platform, staff) = (&world.test.platform, world.test.admin().await.ctx());
    let id = world.create("one", "dd if=/dev/zero of=/big bs=1M count=1 seek=919; echo done; exec sleep 600").await;
    world.apply(id).await;
    world.done(id, 1).await;
    let gate = world.gate().await;
    gate.refuse("/system/df");
    world.measured().await;
    let disks = world.get(id).await.disks.unwrap();
    assert_eq!((disks.state, disks.data_bytes), (DiskState::Unknown, None));
    assert!(disks.system_bytes.is_some_and(|bytes| bytes >= 920 << 20), "{disks:?}");
    assert_eq!(world.told().await.len(), 1, "nearly full all the same");
    let engine = async || engines::get(platform, &staff, "host-001").await.unwrap();
    assert!(engine().await.disks_message.is_some_and(|why| !why.is_empty()));
    let retry = "select round(extract(epoch from disks_retry_at - $1) / 60)::bigint from engine_looks";
    let pause = async || {
        let minutes: Option<i64> =
            sqlx::query_scalar(retry).bind(world.test.clock().now()).fetch_one(world.test.owner_pool()).await.unwrap();
        minutes
    };
    assert_eq!(pause().await, Some(20));
    world.measured().await;
    assert_eq!(pause().await, Some(40));
    gate.open();
    world.measured().await;
    assert_eq!(world.get(id).await.disks.unwrap().state, DiskState::Near);
    assert_eq!((engine().await.disks_message, pause().await), (None, None));
    // Nobody has measured for long.
    world.test.clock().advance(TimeDelta::minutes(31));
    assert_eq!(world.get(id).await.disks.unwrap().state, DiskState::Unknown);
}

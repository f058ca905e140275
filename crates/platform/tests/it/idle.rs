//! Instances that nobody uses: what shows it, the warning, who keeps them, the stop. On an engine where there is no GPU.

use chrono::TimeDelta;
use contract::instances::{IdleReason, InstanceEventKind, InstanceKeep, InstanceState, InstanceView};
use contract::notifications::{NotificationKind, NotificationQuery};
use contract::{ErrorCode, InstanceId};
use platform::settings::{self, Change};
use platform::{OpContext, instances, notifications};
use serde_json::json;
use sqlx::AssertSqlSafe;
use test_support::{TestPlatform, TestUser};

use crate::instances::{cards, host, named, shop, tested};
use crate::instances_on_engine::World;

async fn set(test: &TestPlatform, key: &str, value: serde_json::Value) {
    let admin = test.admin().await.ctx();
    let change = Change { key: key.to_owned(), value, version: None };
    settings::change(&test.platform, &admin, vec![change]).await.unwrap();
}

async fn told(test: &TestPlatform, who: &TestUser) -> usize {
    let list = notifications::list(&test.platform, &who.ctx(), &NotificationQuery::default()).await.unwrap().list;
    list.into_iter().filter(|it| it.kind == NotificationKind::InstanceIdle).count()
}

fn keep(hours: u32, because: &str) -> InstanceKeep {
    InstanceKeep { hours, because: because.to_owned() }
}

/// Two hours without use, half an hour of warning.
async fn policy(test: &TestPlatform) {
    set(test, "instances.idle_hours", json!(2)).await;
    set(test, "instances.idle_warning_minutes", json!(30)).await;
    set(test, "instances.idle_keep_hours", json!(10)).await;
}

/// An instance with a GPU, as if it ran: nobody here has one.
struct WithGpu {
    test: TestPlatform,
    owner: TestUser,
    member: TestUser,
    id: InstanceId,
}

impl WithGpu {
    async fn new() -> Self {
        let test = TestPlatform::new().await;
        let (admin, acme) = (test.admin().await.ctx(), test.customer("Acme").await);
        host(&test, &admin, "host-001", 1, "/nonexistent/docker.sock").await;
        tested(&test, "host-001").await;
        let shop = shop(&test, &admin, "library/small:1", cards("One card", 1)).await;
        let id = instances::create(&test.platform, &acme.owner.ctx(), named("one", &shop)).await.unwrap().id;
        let run = "update instances set observed = 'running', state = 'running', made_at = $1, started_at = $1,
                                        observed_at = $1, container_id = 'c'";
        sqlx::query(run).bind(test.clock().now()).execute(test.owner_pool()).await.unwrap();
        policy(&test).await;
        Self { id, owner: acme.owner, member: acme.member, test }
    }

    fn mine(&self) -> OpContext {
        self.owner.ctx()
    }

    /// Minutes go by, each with what the card said of its load, and a look.
    async fn pass(&self, minutes: u32, percent: Option<f32>) {
        for _ in 0..minutes {
            self.test.clock().advance(TimeDelta::minutes(1));
            let at = self.test.clock().now().to_rfc3339();
            if let Some(percent) = percent {
                let sample = format!(
                    "insert into gpu_samples (gpu_id, at, util_percent) select id, '{at}'::timestamptz - interval '5 seconds',
                     {percent} from gpus"
                );
                sqlx::raw_sql(AssertSqlSafe(sample)).execute(self.test.owner_pool()).await.unwrap();
            }
            instances::watch_idle(&self.test.platform).await.unwrap();
        }
    }

    async fn view(&self) -> InstanceView {
        instances::get(&self.test.platform, &self.mine(), self.id).await.unwrap()
    }

    async fn told(&self) -> usize {
        told(&self.test, &self.owner).await
    }
}

#[tokio::test]
async fn a_gpu_that_does_nothing_is_warned_of_kept_and_in_the_end_stopped() {
    let world = WithGpu::new().await;
    world.pass(3, Some(0.0)).await;
    let begin = world.view().await.idle.unwrap();
    assert!(begin.is_idle() && begin.gpu_percent == Some(0.0) && begin.warned_at.is_none(), "{begin:?}");
    world.pass(86, Some(4.9)).await;
    assert_eq!(world.told().await, 0);
    world.pass(3, Some(0.0)).await;
    let warned = world.view().await.idle.unwrap();
    assert_eq!((world.told().await, warned.since), (1, begin.since));
    // Half an hour after the look that warned of it, which came a moment after it was due.
    let late = warned.stops_at.unwrap() - (warned.since + TimeDelta::hours(2));
    assert!(late >= TimeDelta::zero() && late < TimeDelta::minutes(1), "{late}");
    // A moment of work, and all begins anew.
    world.pass(1, Some(5.0)).await;
    let used = world.view().await.idle.unwrap();
    assert!(used.since > begin.since && used.warned_at.is_none(), "{used:?}");
    world.pass(100, Some(0.0)).await;
    assert_eq!(world.told().await, 2);
    // Kept: by whom and why is there to read, and bounded.
    let platform = &world.test.platform;
    let refused = instances::keep(platform, &world.mine(), world.id, keep(11, " ")).await.unwrap_err();
    assert_eq!(refused.fields.iter().map(|it| it.path).collect::<Vec<_>>(), ["hours", "because"]);
    let none = instances::keep(platform, &world.member.ctx(), world.id, keep(1, "x")).await.unwrap_err();
    assert_eq!(none.code, ErrorCode::NotFound, "another person's");
    let kept = instances::keep(platform, &world.mine(), world.id, keep(3, "a demo at noon")).await.unwrap();
    let kept = kept.idle.unwrap().kept.unwrap();
    let until = world.test.clock().now() + TimeDelta::hours(3) - kept.until;
    assert!(kept.because == "a demo at noon" && until.abs() < TimeDelta::minutes(1), "{kept:?}");
    world.pass(145, Some(0.0)).await;
    assert_eq!((world.view().await.state, world.told().await), (InstanceState::Running, 2));
    world.pass(10, Some(0.0)).await;
    assert_eq!(world.told().await, 3, "it is warned of again");
    world.pass(30, Some(0.0)).await;
    let stopped = world.view().await;
    assert_eq!((stopped.state, world.told().await), (InstanceState::Stopping, 4));
    // Once, however often somebody looks.
    world.pass(5, Some(0.0)).await;
    assert_eq!(world.told().await, 4);
    let events = instances::events(platform, &world.mine(), world.id).await.unwrap();
    let stops: Vec<_> = events.iter().filter(|event| event.kind == InstanceEventKind::StopWanted).collect();
    assert!(stops.len() == 1 && stops[0].reason.as_deref() == Some("idle") && stops[0].message.is_some(), "{stops:?}");
    let kept =
        "select count(*) from audit_events where action = 'instances:keep' and after->>'because' = 'a demo at noon'";
    assert_eq!(sqlx::query_scalar::<_, i64>(kept).fetch_one(world.test.owner_pool()).await.unwrap(), 1);
}

#[tokio::test]
async fn what_nobody_sees_is_not_stopped() {
    let world = WithGpu::new().await;
    world.pass(92, Some(0.0)).await;
    assert_eq!(world.told().await, 1);
    world.pass(300, None).await;
    let away = world.view().await;
    let idle = away.idle.unwrap();
    assert_eq!(
        (away.state, idle.unknown, idle.stops_at),
        (InstanceState::Running, Some(IdleReason::NotReported), None)
    );
    // It is back: what it did meanwhile nobody knows.
    world.pass(80, Some(0.0)).await;
    assert_eq!((world.view().await.state, world.told().await), (InstanceState::Running, 1));
    world.pass(45, Some(0.0)).await;
    assert_eq!(world.view().await.state, InstanceState::Stopping);
}

#[tokio::test]
async fn a_customer_may_have_another_time_and_none_at_all() {
    let world = WithGpu::new().await;
    let (platform, admin) = (&world.test.platform, world.test.admin().await);
    let customer = world.view().await.customer_id;
    let own = instances::set_idle_policy(platform, &admin.ctx(), customer, Some(0)).await.unwrap();
    assert_eq!((own.after_hours, own.usual_hours), (Some(0), 2));
    world.pass(150, Some(0.0)).await;
    let view = world.view().await;
    assert_eq!((view.state, view.idle), (InstanceState::Running, None));
    let nothing = instances::keep(platform, &world.mine(), world.id, keep(1, "x")).await.unwrap_err();
    assert_eq!(nothing.key, "error-instance-not-watched");
    for hours in [Some(721), Some(u32::MAX)] {
        assert!(instances::set_idle_policy(platform, &admin.ctx(), customer, hours).await.is_err());
    }
    assert!(instances::set_idle_policy(platform, &world.mine(), customer, None).await.is_err());
    instances::set_idle_policy(platform, &admin.ctx(), customer, None).await.unwrap();
    world.pass(130, Some(0.0)).await;
    assert_eq!(world.view().await.state, InstanceState::Stopping);
}

#[tokio::test]
async fn on_an_engine_work_of_processors_is_use_and_sleep_is_not() {
    let world = World::new().await;
    policy(&world.test).await;
    let works = world.create("works", "while :; do :; done").await;
    let sleeps = world.create("sleeps", "exec sleep 600").await;
    for id in [works, sleeps] {
        assert_eq!(world.apply(id).await.state, InstanceState::Running);
    }
    let platform = &world.test.platform;
    let get = async |id| instances::get(platform, &world.mine(), id).await.unwrap();
    // Each look takes an engine's time; the clock goes on by minutes.
    for _ in 0..60 {
        instances::watch_idle(platform).await.unwrap();
        world.test.clock().advance(TimeDelta::minutes(4));
        if get(sleeps).await.state != InstanceState::Running {
            break;
        }
    }
    let worked = get(works).await;
    let idle = worked.idle.unwrap();
    assert!(worked.state == InstanceState::Running && idle.cpu_percent > Some(5.0), "{idle:?}");
    assert_eq!(get(sleeps).await.state, InstanceState::Stopping);
    assert_eq!(world.apply(sleeps).await.state, InstanceState::Stopped);
    assert_eq!(told(&world.test, &world.acme.owner).await, 2);
    // An engine that is away says nothing.
    let mut world = world;
    world.engine.kill();
    for _ in 0..60 {
        instances::watch_idle(&world.test.platform).await.unwrap();
        world.test.clock().advance(TimeDelta::minutes(4));
    }
    let lost = instances::get(&world.test.platform, &world.mine(), works).await.unwrap();
    assert_eq!(lost.idle.unwrap().unknown, Some(IdleReason::NotReached));
}

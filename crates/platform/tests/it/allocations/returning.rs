//! The check-list of a machine that comes back: what it sees until the very end, and who left out what.

use contract::allocations::ReclaimStepView;
use contract::audit::AuditQuery;
use node_protocol::{GpuEvent, GpuEventKind};
use platform::audit;

use super::*;

/// A machine that reports what it is told to.
struct Reporter<'a> {
    world: &'a World,
    node: TestNode,
    link: metrics::NodeLink,
}

impl<'a> Reporter<'a> {
    async fn new(world: &'a World) -> Self {
        let (node, link) = live_machine(world, "h1").await;
        Self { world, node, link }
    }

    /// A second later: so much memory in use, so many errors, an Xid or none, these processes.
    async fn says(&self, used: u64, ecc: u64, xid: Option<u64>, processes: Vec<Process>) {
        let p = &self.world.test.platform;
        self.world.test.clock().advance(TimeDelta::seconds(1));
        let at_ms = self.world.now().timestamp_millis();
        let mut sample = self.node.sample(at_ms, 1);
        sample.gpus[0].memory_used_bytes = Some(used);
        sample.gpus[0].ecc_uncorrected = Some(ecc);
        let kind = i32::from(GpuEventKind::Xid);
        let event = |value| GpuEvent { uuid: self.node.gpu_uuid(0), at_ms, kind, value };
        sample.events = xid.map(event).into_iter().collect();
        let batch = Batch { sequence: 1, samples: vec![sample], replayed: false };
        metrics::ingest(p, &self.node.ctx(), &self.link, batch).await.unwrap();
        metrics::report_processes(p, &self.node.ctx(), &self.link, ProcessList { at_ms, processes }).await.unwrap();
        allocations::advance(p).await.unwrap();
    }
}

fn step<'a>(detail: &'a AllocationDetail, name: &str) -> &'a ReclaimStepView {
    detail.steps.iter().find(|step| step.step == name).expect("the step")
}

#[tokio::test]
async fn health_is_compared_until_the_machine_is_back() {
    let world = World::new().await;
    let p = &world.test.platform;
    let machine = Reporter::new(&world).await;
    let id = world.allocate("h1", world.acme.id, months(1)).await.unwrap().allocation.id;
    machine.says(0, 2, None, Vec::new()).await;
    allocations::end(p, &world.admin.ctx(), id, AllocationEnd::default()).await.unwrap();
    // Somebody is still on it, so that it takes a while; all is well so far.
    machine.says(40 << 30, 2, None, Vec::new()).await;
    let get = async || allocations::get(p, &world.admin.ctx(), id).await.unwrap();
    let detail = get().await;
    assert_eq!(step(&detail, "health").state, StepState::Done);
    assert_eq!(step(&detail, "gpu_memory").state, StepState::Waiting);
    // Then it breaks, and then it is empty.
    machine.says(40 << 30, 7, Some(79), Vec::new()).await;
    machine.says(0, 7, None, Vec::new()).await;
    let detail = get().await;
    let health = step(&detail, "health");
    assert_eq!((health.state, detail.allocation.state), (StepState::Waiting, AllocationState::Reclaiming));
    assert_eq!((health.result["ecc"].as_str(), health.result["xid"].as_str()), ("5", "1"));
    // What is kept of its return is how it returned, also when somebody decides about it.
    allocations::skip_step(p, &world.admin.ctx(), id, "health").await.unwrap();
    // That was about what was broken then, and not about what breaks after it.
    machine.says(0, 8, None, Vec::new()).await;
    let detail = get().await;
    let states = (step(&detail, "health").state, detail.allocation.state);
    assert_eq!(states, (StepState::Waiting, AllocationState::Reclaiming));
    assert_eq!(step(&detail, "health").result["ecc"], "6");
    allocations::skip_step(p, &world.admin.ctx(), id, "health").await.unwrap();
    machine.says(0, 8, None, Vec::new()).await;
    assert_eq!(get().await.allocation.state, AllocationState::Ended);
    let paper = allocations::handover(p, &world.admin.ctx(), id).await.unwrap();
    assert_eq!((paper.returned.unwrap().gpus[0].ecc_uncorrected, paper.xid_errors), (Some(8), 1));
    let lease = machines::passport(p, &world.admin.ctx(), "h1").await.unwrap().leases.unwrap().remove(0);
    assert_eq!(lease.worse.map(|worse| worse.ecc_uncorrected), Some(6));
}

/// A machine does not go back with somebody's program on it that began after the step was done, or after it was left out.
#[tokio::test]
async fn who_comes_back_before_the_machine_does_is_seen() {
    let world = World::new().await;
    let p = &world.test.platform;
    let machine = Reporter::new(&world).await;
    let id = world.allocate("h1", world.acme.id, months(1)).await.unwrap().allocation.id;
    machine.says(0, 0, None, Vec::new()).await;
    allocations::end(p, &world.admin.ctx(), id, AllocationEnd::default()).await.unwrap();
    let get = async || allocations::get(p, &world.admin.ctx(), id).await.unwrap();
    let of = |pids: &[u32]| pids.iter().map(|pid| Process { pid: *pid, ..Process::default() }).collect::<Vec<_>>();
    machine.says(40 << 30, 0, None, Vec::new()).await;
    assert_eq!(step(&get().await, "processes").state, StepState::Done);
    machine.says(0, 0, None, of(&[7])).await;
    let detail = get().await;
    let states = ["processes", "gpu_memory"].map(|name| step(&detail, name).state);
    assert_eq!(states, [StepState::Waiting, StepState::Done]);
    assert_eq!(detail.allocation.state, AllocationState::Reclaiming);
    allocations::skip_step(p, &world.admin.ctx(), id, "processes").await.unwrap();
    machine.says(0, 0, None, of(&[7, 8])).await;
    let detail = get().await;
    assert_eq!(step(&detail, "processes").state, StepState::Waiting, "one was left out, not two");
    assert_eq!(detail.allocation.state, AllocationState::Reclaiming);
    allocations::skip_step(p, &world.admin.ctx(), id, "processes").await.unwrap();
    machine.says(0, 0, None, of(&[8])).await;
    assert_eq!(get().await.allocation.state, AllocationState::Ended);
}

#[tokio::test]
async fn a_machine_that_was_away_is_looked_at_again() {
    let world = World::new().await;
    let p = &world.test.platform;
    let machine = Reporter::new(&world).await;
    let id = world.allocate("h1", world.acme.id, months(1)).await.unwrap().allocation.id;
    machine.says(0, 0, None, Vec::new()).await;
    allocations::end(p, &world.admin.ctx(), id, AllocationEnd::default()).await.unwrap();
    machine.says(40 << 30, 0, None, Vec::new()).await;
    let health = async || step(&allocations::get(p, &world.admin.ctx(), id).await.unwrap(), "health").clone();
    assert_eq!(health().await.state, StepState::Done);
    world.advance(TimeDelta::minutes(5)).await;
    let away = health().await;
    assert_eq!(away.state, StepState::Waiting, "{:?}", away.result);
    assert!(away.result.contains_key("reason"), "nobody sees it: {:?}", away.result);
    machine.says(0, 0, None, Vec::new()).await;
    let last = health().await;
    assert_eq!(last.state, StepState::Done);
    assert_eq!((last.at - world.now()).num_seconds(), 0, "when it was compared last");
}

#[tokio::test]
async fn who_left_out_which_step_is_there_to_read() {
    let world = World::new().await;
    let p = &world.test.platform;
    world.machine("h1").await;
    let id = world.allocate("h1", world.acme.id, months(1)).await.unwrap().allocation.id;
    allocations::end(p, &world.admin.ctx(), id, AllocationEnd::default()).await.unwrap();
    allocations::advance(p).await.unwrap();
    let detail = allocations::skip_step(p, &world.admin.ctx(), id, "processes").await.unwrap();
    let event = detail.events.last().unwrap();
    assert_eq!((event.kind.as_str(), event.note.as_deref()), ("step_skipped", Some("processes")));
    let name = world.admin.ctx().user().unwrap().display_name.clone();
    assert_eq!((&event.actor_name, &step(&detail, "processes").result["by"]), (&name, &name));
    let query = AuditQuery { action: Some("allocations:skip-step".to_owned()), ..AuditQuery::default() };
    let row = audit::list(p, &world.admin.ctx(), &query).await.unwrap().list.remove(0);
    let (before, after) = (row.before.unwrap(), row.after.unwrap());
    assert_eq!((&before["step"], &before["state"]), (&"processes".into(), &"waiting".into()));
    assert_eq!((&after["step"], &after["state"]), (&"processes".into(), &"skipped".into()));
    assert_eq!(after["seen"]["reason"], "never_joined");
    // It is nothing between the platform and its customer.
    let theirs = allocations::of_machine(p, &world.acme.owner.ctx(), "h1").await.unwrap();
    assert!(!kinds(&theirs).contains(&"step_skipped"), "{:?}", kinds(&theirs));
}

#[tokio::test]
async fn a_process_is_called_by_what_is_known_of_it() {
    let world = World::new().await;
    let p = &world.test.platform;
    let machine = Reporter::new(&world).await;
    let id = world.allocate("h1", world.acme.id, months(1)).await.unwrap().allocation.id;
    machine.says(0, 0, None, Vec::new()).await;
    allocations::end(p, &world.admin.ctx(), id, AllocationEnd::default()).await.unwrap();
    machine.says(0, 0, None, vec![Process { pid: 4242, ..Process::default() }]).await;
    let detail = allocations::get(p, &world.admin.ctx(), id).await.unwrap();
    assert_eq!(step(&detail, "processes").result["names"], "PID 4242");
}

/// What was measured before a lease could begin is not its own, whatever day was agreed.
#[tokio::test]
async fn a_lease_that_began_late_has_nothing_of_what_was_before() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let machine = Reporter::new(&world).await;
    let starts_at = Some(world.now() + TimeDelta::minutes(10));
    let body = AllocationCreate { starts_at, ..months(1) };
    let id = world.allocate("h1", world.acme.id, body).await.unwrap().allocation.id;
    machines::act(p, &ctx, "h1", contract::machines::MachineAction::Cordon, None).await.unwrap();
    // Staff work on it when it was to have begun, and it is none the better for it at first.
    world.advance(TimeDelta::minutes(20)).await;
    machine.says(40 << 30, 0, Some(79), Vec::new()).await;
    world.advance(TimeDelta::minutes(5)).await;
    machines::act(p, &ctx, "h1", contract::machines::MachineAction::Uncordon, None).await.unwrap();
    world.run().await;
    let lease = allocations::get(p, &ctx, id).await.unwrap().allocation;
    assert_eq!(lease.state, AllocationState::Active);
    assert!(lease.began_at.is_some_and(|at| world.now() - at < TimeDelta::minutes(1)), "{:?}", lease.began_at);

    world.test.clock().advance(TimeDelta::minutes(30));
    metrics::roll_up(p, &p.system(SystemActor::Metrics)).await.unwrap();
    let hour = HistoryQuery { range: Some(HistoryRange::Hour), ..HistoryQuery::default() };
    let points = |history: &contract::metrics::History| {
        history.series.iter().flat_map(|series| &series.avg).filter(|value| value.is_some()).count()
    };
    assert!(
        points(&metrics::history(p, &world.admin.ctx(), "h1", &hour).await.unwrap()) > 0,
        "there is something to hide"
    );
    let own = allocations::history(p, &world.acme.owner.ctx(), "h1", &hour).await.unwrap();
    assert_eq!(points(&own), 0);
    assert_eq!(allocations::handover(p, &ctx, id).await.unwrap().xid_errors, 0);
    let passport = machines::passport(p, &ctx, "h1").await.unwrap();
    assert_eq!(passport.leases.unwrap().remove(0).xid_errors, 0);
    let usage = platform::reports::customer_usage(p, &world.admin.ctx(), world.acme.id).await.unwrap();
    assert!((usage.machine_hours - 0.5).abs() < 0.01, "half an hour, not 50 minutes: {}", usage.machine_hours);
}

#[tokio::test]
async fn the_paper_says_what_was_agreed_where_the_machine_came_back_earlier() {
    let world = World::new().await;
    let p = &world.test.platform;
    for code in ["h1", "h2"] {
        world.machine(code).await;
    }
    let early = world.allocate("h1", world.acme.id, months(2)).await.unwrap().allocation;
    let ends_at = Some(world.now() + TimeDelta::days(1));
    let body = AllocationCreate { ends_at, grace_days: Some(0), ..AllocationCreate::default() };
    let whole = world.allocate("h2", world.acme.id, body).await.unwrap().allocation;
    world.test.clock().advance(TimeDelta::hours(1));
    allocations::end(p, &world.admin.ctx(), early.id, AllocationEnd::default()).await.unwrap();
    world.advance(TimeDelta::days(1)).await;
    let agreed = async |id| allocations::handover(p, &world.admin.ctx(), id).await.unwrap().agreed_until;
    assert_eq!((agreed(early.id).await, agreed(whole.id).await), (Some(early.ends_at), None));
}

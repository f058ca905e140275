//! Whole machines, lent: never twice at once, begun and ended by the clock, seen by who has them.

mod keys;
mod moving;
mod overview;
mod returning;
mod time;

use chrono::{DateTime, TimeDelta, Utc};
use contract::allocations::{
    AllocationCreate, AllocationDetail, AllocationEnd, AllocationQuery, AllocationRenew, AllocationState,
    RenewalDecision, RenewalRequestCreate, RenewalState, StepState,
};
use contract::machines::{MachineCreate, MachineUpdate, Pool};
use contract::metrics::{HistoryQuery, HistoryRange};
use contract::{CustomerId, ErrorCode};
use node_protocol::{Batch, Process, ProcessList};
use platform::{Error, SystemActor, allocations, machines, metrics};
use test_support::{TestCustomer, TestNode, TestPlatform, TestUser};
use tokio_util::sync::CancellationToken;

struct World {
    test: TestPlatform,
    admin: TestUser,
    acme: TestCustomer,
    globex: TestCustomer,
}

impl World {
    async fn new() -> Self {
        Self::over(TestPlatform::new().await).await
    }

    async fn over(test: TestPlatform) -> Self {
        let admin = test.admin().await;
        let (acme, globex) = (test.customer("Acme").await, test.customer("Globex").await);
        Self { admin, acme, globex, test }
    }

    async fn machine(&self, code: &str) {
        let body = MachineCreate { id: Some(code.to_owned()), name: code.to_owned(), ..MachineCreate::default() };
        machines::create(&self.test.platform, &self.admin.ctx(), body).await.unwrap();
    }

    fn now(&self) -> DateTime<Utc> {
        self.test.clock().now()
    }

    async fn allocate(
        &self,
        code: &str,
        customer: CustomerId,
        body: AllocationCreate,
    ) -> Result<AllocationDetail, Error> {
        let body = AllocationCreate { customer_id: Some(customer), ..body };
        allocations::create(&self.test.platform, &self.admin.ctx(), code, body).await
    }

    async fn state(&self, detail: &AllocationDetail) -> AllocationState {
        let id = detail.allocation.id;
        allocations::get(&self.test.platform, &self.admin.ctx(), id).await.unwrap().allocation.state
    }

    async fn advance(&self, by: TimeDelta) {
        self.test.clock().advance(by);
        self.run().await;
    }

    /// What jobs do as time passes.
    async fn run(&self) {
        // As the hourly job would: the audit log's partitions are made ahead of the clock.
        let p = &self.test.platform;
        metrics::keep_partitions(p, &p.system(SystemActor::Metrics)).await.unwrap();
        // A state that is due twice over takes two rounds, as the job would take.
        for _ in 0..3 {
            allocations::advance(&self.test.platform).await.unwrap();
        }
    }

    /// Codes of the machines this person's customer has.
    async fn seen_by(&self, user: &TestUser) -> Vec<String> {
        let page = allocations::mine(&self.test.platform, &user.ctx(), &AllocationQuery::default()).await.unwrap();
        page.list.into_iter().map(|row| row.machine).collect()
    }
}

fn months(months: u32) -> AllocationCreate {
    AllocationCreate { months: Some(months), ..AllocationCreate::default() }
}

fn kinds(detail: &AllocationDetail) -> Vec<&str> {
    detail.events.iter().map(|event| event.kind.as_str()).collect()
}

#[tokio::test]
async fn a_machine_is_lent_for_months_and_its_customer_sees_it() {
    let world = World::new().await;
    world.machine("h1").await;
    let made = world.allocate("h1", world.acme.id, months(3)).await.unwrap();
    let row = &made.allocation;
    assert_eq!((row.state, row.machine.as_str(), row.customer_name.as_str()), (AllocationState::Active, "h1", "Acme"));
    let end = world.now().checked_add_months(chrono::Months::new(3)).unwrap();
    assert!((row.ends_at - end).num_seconds().abs() < 60, "calendar months, not 30 days each");
    assert_eq!(kinds(&made), ["created", "started"]);
    world.machine("short").await;
    let short = world.allocate("short", world.globex.id, months(1)).await.unwrap();
    world.advance(TimeDelta::minutes(1)).await;
    let id = short.allocation.id;
    let short = allocations::get(&world.test.platform, &world.admin.ctx(), id).await.unwrap();
    assert_eq!(kinds(&short), ["created", "started"], "nobody is reminded of what was agreed just now");
    allocations::end(&world.test.platform, &world.admin.ctx(), id, AllocationEnd::default()).await.unwrap();
    assert_eq!(world.seen_by(&world.acme.owner).await, ["h1"]);
    assert_eq!(world.seen_by(&world.acme.member).await, ["h1"]);
    assert_eq!(world.seen_by(&world.globex.owner).await, ["short"]);
    let p = &world.test.platform;
    allocations::of_machine(p, &world.acme.member.ctx(), "h1").await.unwrap();
    let error = allocations::of_machine(p, &world.globex.owner.ctx(), "h1").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    let error = allocations::get(p, &world.globex.owner.ctx(), row.id).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    let error = allocations::list(p, &world.acme.owner.ctx(), &AllocationQuery::default()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound, "everybody's allocations are the staff's");
}

#[tokio::test]
async fn two_never_have_a_machine_at_once() {
    let world = World::new().await;
    world.machine("h1").await;
    world.allocate("h1", world.acme.id, months(2)).await.unwrap();
    let error = world.allocate("h1", world.globex.id, months(1)).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-allocation-overlap"));
    let field = &error.fields[0];
    assert_eq!((field.path, field.key), ("months", "field-allocation-overlap"));
    assert!(error.args.contains(&("customer", "Acme".to_owned())), "{error:?}");
    // After the grace of the first, there is room.
    let later = world.now() + TimeDelta::days(70);
    let body = AllocationCreate { starts_at: Some(later), ..months(1) };
    let second = world.allocate("h1", world.globex.id, body).await.unwrap();
    assert_eq!(second.allocation.state, AllocationState::Scheduled);
    // And then the first cannot be made longer into it.
    let first = allocations::mine(&world.test.platform, &world.acme.owner.ctx(), &AllocationQuery::default()).await;
    let id = first.unwrap().list[0].id;
    let longer = AllocationRenew { months: Some(1), ..AllocationRenew::default() };
    let error = allocations::renew(&world.test.platform, &world.admin.ctx(), id, longer).await.unwrap_err();
    assert_eq!((error.code, error.fields[0].path), (ErrorCode::Conflict, "months"));
}

#[tokio::test]
async fn of_many_at_the_same_instant_one_gets_the_machine() {
    let world = World::new().await;
    world.machine("h1").await;
    let other = world.test.another_server().await;
    let servers = [&world.test.platform, &other];
    let tries = (0..200).map(|number| {
        let customer = if number % 2 == 0 { world.acme.id } else { world.globex.id };
        let body = AllocationCreate { customer_id: Some(customer), ..months(1) };
        let ctx = world.admin.ctx();
        let platform = servers[number % 2].clone();
        tokio::spawn(async move { allocations::create(&platform, &ctx, "h1", body).await.map_err(|error| error.code) })
    });
    let tries: Vec<_> = tries.collect();
    let mut made = 0;
    for outcome in tries {
        match outcome.await.unwrap() {
            Ok(_) => made += 1,
            Err(code) => assert_eq!(code, ErrorCode::Conflict),
        }
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn what_cannot_be_is_named() {
    let world = World::new().await;
    world.machine("h1").await;
    let shared = MachineCreate {
        name: "s".to_owned(),
        id: Some("s".to_owned()),
        pool: Some(Pool::Shared),
        ..Default::default()
    };
    machines::create(&world.test.platform, &world.admin.ctx(), shared).await.unwrap();
    let now = world.now();
    let end =
        |days: i64| AllocationCreate { ends_at: Some(now + TimeDelta::days(days)), ..AllocationCreate::default() };
    let cases = [
        (AllocationCreate::default(), "months", "field-required"),
        (months(0), "months", "field-number-range"),
        (months(61), "months", "field-number-range"),
        (AllocationCreate { months: Some(1), ..end(3) }, "endsAt", "field-months-or-end"),
        (end(-1), "endsAt", "field-end-past"),
        (end(3000), "endsAt", "field-end-too-late"),
        (AllocationCreate { starts_at: Some(now - TimeDelta::days(30)), ..months(3) }, "startsAt", "field-start-past"),
        (AllocationCreate { starts_at: Some(now + TimeDelta::days(2000)), ..months(3) }, "startsAt", "field-start-far"),
        (AllocationCreate { grace_days: Some(91), ..months(1) }, "graceDays", "field-number-max"),
        (AllocationCreate { remark: Some("x".repeat(1001)), ..months(1) }, "remark", "field-too-long"),
    ];
    for (body, path, key) in cases {
        let error = world.allocate("h1", world.acme.id, body.clone()).await.unwrap_err();
        let found: Vec<_> = error.fields.iter().map(|field| (field.path, field.key)).collect();
        assert_eq!(found, [(path, key)], "{body:?}");
    }
    let error = world.allocate("h1", CustomerId(99_999), months(1)).await.unwrap_err();
    assert_eq!(error.fields[0].key, "field-customer-unknown");
    platform::customers::set_active(&world.test.platform, &world.admin.ctx(), world.globex.id, false).await.unwrap();
    let error = world.allocate("h1", world.globex.id, months(1)).await.unwrap_err();
    assert_eq!(error.fields[0].key, "field-customer-disabled");
    let error = world.allocate("s", world.acme.id, months(1)).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-allocate-shared"));
    assert_eq!(world.allocate("nowhere", world.acme.id, months(1)).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn time_alone_begins_and_ends_it() {
    let world = World::new().await;
    world.machine("h1").await;
    let body = AllocationCreate {
        starts_at: Some(world.now() + TimeDelta::days(2)),
        ends_at: Some(world.now() + TimeDelta::days(42)),
        grace_days: Some(5),
        ..AllocationCreate::default()
    };
    let made = world.allocate("h1", world.acme.id, body).await.unwrap();
    assert_eq!(made.allocation.state, AllocationState::Scheduled);
    let owner = &world.acme.owner;
    let live = async || allocations::machine_live(&world.test.platform, &owner.ctx(), "h1").await.map_err(|e| e.code);
    world.advance(TimeDelta::days(1)).await;
    assert_eq!(world.state(&made).await, AllocationState::Scheduled);
    assert_eq!(live().await.unwrap_err(), ErrorCode::NotFound, "it has not begun");
    world.advance(TimeDelta::days(1)).await;
    assert_eq!(world.state(&made).await, AllocationState::Active);
    assert_eq!(live().await.unwrap().id, "h1");
    // 40 days: the reminders at 30, 14, 7 and 1 days, each once.
    for _ in 0..39 {
        world.advance(TimeDelta::days(1)).await;
    }
    world.advance(TimeDelta::hours(20)).await;
    let detail = allocations::get(&world.test.platform, &world.admin.ctx(), made.allocation.id).await.unwrap();
    let notes: Vec<_> =
        detail.events.iter().filter(|event| event.kind == "reminded").filter_map(|event| event.note.clone()).collect();
    assert_eq!(notes, ["30", "14", "7", "1"]);
    world.advance(TimeDelta::hours(5)).await;
    assert_eq!(world.state(&made).await, AllocationState::Grace);
    assert_eq!(live().await.unwrap_err(), ErrorCode::NotFound, "the period is over");
    assert_eq!(world.seen_by(owner).await, ["h1"], "what was is still there to read");
    world.advance(TimeDelta::days(5)).await;
    // No agent was ever there: what cannot be looked at waits, and nothing goes back into the pool by itself.
    assert_eq!(world.state(&made).await, AllocationState::Reclaiming);
    let error = world.allocate("h1", world.globex.id, months(1)).await.unwrap_err();
    assert_eq!(error.key, "error-allocation-overlap", "it is still being taken back");
    // Even where nobody has noticed yet that this takes longer, the next one only waits.
    world.test.clock().advance(TimeDelta::days(1));
    let next = world.allocate("h1", world.globex.id, months(1)).await.unwrap();
    assert_eq!((next.allocation.state, kinds(&next)), (AllocationState::Scheduled, vec!["created"]));
    let live = allocations::machine_live(&world.test.platform, &world.globex.owner.ctx(), "h1").await;
    assert_eq!(
        live.unwrap_err().code,
        ErrorCode::NotFound,
        "what the one before left running is not shown to the next"
    );
    for step in ["processes", "gpu_memory", "health"] {
        allocations::skip_step(&world.test.platform, &world.admin.ctx(), made.allocation.id, step).await.unwrap();
    }
    world.run().await;
    assert_eq!((world.state(&made).await, world.state(&next).await), (AllocationState::Ended, AllocationState::Active));
}

#[tokio::test]
async fn a_later_end_takes_it_out_of_its_grace() {
    let world = World::new().await;
    world.machine("h1").await;
    let body = AllocationCreate { ends_at: Some(world.now() + TimeDelta::days(1)), ..AllocationCreate::default() };
    let made = world.allocate("h1", world.acme.id, body).await.unwrap();
    world.advance(TimeDelta::days(2)).await;
    assert_eq!(world.state(&made).await, AllocationState::Grace);
    let body = AllocationRenew { months: Some(1), note: Some("paid".to_owned()), ..AllocationRenew::default() };
    let after = allocations::renew(&world.test.platform, &world.admin.ctx(), made.allocation.id, body).await.unwrap();
    assert_eq!(after.allocation.state, AllocationState::Active);
    let renewed = after.events.last().unwrap();
    assert_eq!((renewed.kind.as_str(), renewed.note.as_deref()), ("renewed", Some("paid")));
    assert_eq!(
        (renewed.ends_before, renewed.ends_after),
        (Some(made.allocation.ends_at), Some(after.allocation.ends_at))
    );
    let mine = allocations::of_machine(&world.test.platform, &world.acme.owner.ctx(), "h1").await.unwrap();
    assert_eq!(mine.events.last().unwrap().note, None, "what staff note is theirs");
    let sooner = AllocationRenew { ends_at: Some(world.now() + TimeDelta::days(3)), ..AllocationRenew::default() };
    let after = allocations::renew(&world.test.platform, &world.admin.ctx(), made.allocation.id, sooner).await.unwrap();
    assert_eq!(kinds(&after).last(), Some(&"shortened"));
}

#[tokio::test]
async fn a_wish_that_is_answered_with_an_error_is_not_kept() {
    let world = World::new().await;
    world.machine("h1").await;
    world.allocate("h1", world.acme.id, months(1)).await.unwrap();
    let (p, owner) = (&world.test.platform, world.test.owner_pool());
    let ask = || RenewalRequestCreate { months: Some(2), ..Default::default() };
    // Only the answer reads what happened.
    sqlx::query("revoke select on allocation_events from remotegpu_app").execute(owner).await.unwrap();
    allocations::request_renewal(p, &world.acme.owner.ctx(), "h1", ask()).await.unwrap_err();
    sqlx::query("grant select on allocation_events to remotegpu_app").execute(owner).await.unwrap();
    let asked = allocations::request_renewal(p, &world.acme.owner.ctx(), "h1", ask()).await.unwrap();
    assert!(asked.allocation.open_request.is_some(), "as if nobody had asked before");
}

#[tokio::test]
async fn a_wish_for_more_time_is_answered_once() {
    let world = World::new().await;
    world.machine("h1").await;
    let made = world.allocate("h1", world.acme.id, months(1)).await.unwrap();
    let p = &world.test.platform;
    let ask = || RenewalRequestCreate { months: Some(2), message: Some("a paper".to_owned()) };
    let refused = allocations::request_renewal(p, &world.acme.member.ctx(), "h1", ask()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden, "owners ask");
    let hidden = allocations::request_renewal(p, &world.globex.owner.ctx(), "h1", ask()).await.unwrap_err();
    assert_eq!(hidden.code, ErrorCode::NotFound);
    let asked = allocations::request_renewal(p, &world.acme.owner.ctx(), "h1", ask()).await.unwrap();
    let request = asked.allocation.open_request.unwrap();
    let twice = allocations::request_renewal(p, &world.acme.owner.ctx(), "h1", ask()).await.unwrap_err();
    assert_eq!(twice.fields[0].key, "field-renewal-open");
    let open = allocations::list_renewals(p, &world.admin.ctx(), true).await.unwrap();
    assert_eq!((open.len(), open[0].machine.as_str(), open[0].customer_name.as_str()), (1, "h1", "Acme"));
    let error = allocations::list_renewals(p, &world.acme.owner.ctx(), false).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);

    let wordless = RenewalDecision { approve: false, ..RenewalDecision::default() };
    let error = allocations::decide_renewal(p, &world.admin.ctx(), request, wordless).await.unwrap_err();
    assert_eq!(error.fields[0].path, "answer", "a refusal says why");
    let by_customer = RenewalDecision { approve: true, ..RenewalDecision::default() };
    let error =
        allocations::decide_renewal(p, &world.acme.owner.ctx(), request, by_customer.clone()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden);
    let granted = allocations::decide_renewal(p, &world.admin.ctx(), request, by_customer.clone()).await.unwrap();
    let wanted = made.allocation.ends_at.checked_add_months(chrono::Months::new(2)).unwrap();
    assert_eq!(granted.allocation.ends_at, wanted);
    assert_eq!((granted.requests[0].state, granted.allocation.open_request), (RenewalState::Approved, None));
    let error = allocations::decide_renewal(p, &world.admin.ctx(), request, by_customer).await.unwrap_err();
    assert_eq!(error.key, "error-renewal-decided");

    // Another one, granted for less, and one that is refused.
    let asked = allocations::request_renewal(p, &world.acme.owner.ctx(), "h1", ask()).await.unwrap();
    let less = RenewalDecision { approve: true, ends_at: Some(wanted + TimeDelta::days(10)), answer: None };
    let changed =
        allocations::decide_renewal(p, &world.admin.ctx(), asked.allocation.open_request.unwrap(), less).await.unwrap();
    assert_eq!(changed.requests[0].state, RenewalState::Changed);
}

#[tokio::test]
async fn more_time_given_unasked_answers_who_asks() {
    let world = World::new().await;
    world.machine("h1").await;
    let made = world.allocate("h1", world.acme.id, months(1)).await.unwrap();
    let (p, ctx, end) = (&world.test.platform, world.admin.ctx(), made.allocation.ends_at);
    let ask = async || {
        let wish = RenewalRequestCreate { months: Some(2), message: Some("a paper".to_owned()) };
        let asked = allocations::request_renewal(p, &world.acme.owner.ctx(), "h1", wish).await.unwrap();
        (asked.allocation.id, asked.allocation.open_request.unwrap(), asked.requests[0].wanted_until)
    };
    let until = |ends_at| AllocationRenew { ends_at: Some(ends_at), ..AllocationRenew::default() };
    let yes = RenewalDecision { approve: true, ..RenewalDecision::default() };
    let (id, request, wanted) = ask().await;
    // Less time is no answer.
    let after = allocations::renew(p, &ctx, id, until(end - TimeDelta::days(3))).await.unwrap();
    assert_eq!(after.allocation.open_request, Some(request));
    let after = allocations::renew(p, &ctx, id, until(wanted)).await.unwrap();
    assert_eq!((after.requests[0].state, after.allocation.open_request), (RenewalState::Approved, None));
    let error = allocations::decide_renewal(p, &ctx, request, yes.clone()).await.unwrap_err();
    assert_eq!(error.key, "error-renewal-decided");
    let (_, _, wanted) = ask().await;
    let after = allocations::renew(p, &ctx, id, until(wanted + TimeDelta::days(9))).await.unwrap();
    let newest = &after.requests[0];
    assert_eq!((newest.state, newest.granted_until), (RenewalState::Changed, Some(after.allocation.ends_at)));

    // A server of before left it open: a yes must not take away what was given meanwhile.
    let (_, request, wanted) = ask().await;
    sqlx::query("update allocations set ends_at = $1, hold = tstzrange(starts_at, $1)")
        .bind(wanted + TimeDelta::days(30))
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    let error = allocations::decide_renewal(p, &ctx, request, yes).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-renewal-overtaken"));
    let no = RenewalDecision { answer: Some("somebody else needs it".to_owned()), ..RenewalDecision::default() };
    allocations::decide_renewal(p, &ctx, request, no).await.unwrap();
    let mine = allocations::of_machine(p, &world.acme.owner.ctx(), "h1").await.unwrap();
    assert_eq!(mine.allocation.open_request, None);
    assert_eq!(mine.requests[0].answer.as_deref(), Some("somebody else needs it"), "the customer sees the word");
}

/// A machine with a live agent.
async fn live_machine(world: &World, code: &str) -> (TestNode, metrics::NodeLink) {
    let node = world.test.node(code).await;
    let p = &world.test.platform;
    machines::report_inventory(p, &node.ctx(), "1", &node.inventory(1)).await.unwrap();
    let link = metrics::open_link(p, &node.ctx(), &node.hello()).await.unwrap();
    // The writer, without which no batch is ever acknowledged; it ends with the test's runtime.
    metrics::spawn_background(p, &CancellationToken::new());
    (node, link)
}

#[tokio::test]
async fn taking_it_back_waits_for_who_is_still_on_it() {
    let world = World::new().await;
    let p = &world.test.platform;
    let (node, link) = live_machine(&world, "h1").await;
    let made = world.allocate("h1", world.acme.id, months(1)).await.unwrap();
    let sample = |used: u64| {
        let mut sample = node.sample(world.now().timestamp_millis(), 1);
        sample.gpus[0].memory_used_bytes = Some(used);
        Batch { sequence: 1, samples: vec![sample], replayed: false }
    };
    let list = |pids: &[u32]| ProcessList {
        at_ms: world.now().timestamp_millis(),
        processes: pids.iter().map(|pid| Process { pid: *pid, ..Process::default() }).collect(),
    };
    metrics::ingest(p, &node.ctx(), &link, sample(40 << 30)).await.unwrap();
    metrics::report_processes(p, &node.ctx(), &link, list(&[42])).await.unwrap();
    // How it was at the hand-over is kept.
    allocations::advance(p).await.unwrap();
    let body = AllocationEnd { note: Some("moving out".to_owned()) };
    let ended = allocations::end(p, &world.admin.ctx(), made.allocation.id, body).await.unwrap();
    assert_eq!(ended.allocation.state, AllocationState::Reclaiming);
    let gone = allocations::machine_live(p, &world.acme.owner.ctx(), "h1").await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound, "access ends with the decision, not with the work");
    allocations::advance(p).await.unwrap();
    let detail = allocations::get(p, &world.admin.ctx(), made.allocation.id).await.unwrap();
    for step in &detail.steps[1..3] {
        assert_eq!((step.state, step.result["reason"].as_str()), (StepState::Waiting, "no_figures"), "from before");
    }
    world.test.clock().advance(TimeDelta::seconds(1));
    metrics::ingest(p, &node.ctx(), &link, sample(40 << 30)).await.unwrap();
    metrics::report_processes(p, &node.ctx(), &link, list(&[42])).await.unwrap();
    allocations::advance(p).await.unwrap();
    let detail = allocations::get(p, &world.admin.ctx(), made.allocation.id).await.unwrap();
    let states: Vec<_> = detail.steps.iter().map(|step| (step.step.as_str(), step.state)).collect();
    assert_eq!(
        states,
        [
            ("access", StepState::Done),
            ("processes", StepState::Waiting),
            ("gpu_memory", StepState::Waiting),
            ("health", StepState::Done),
            ("pool", StepState::Waiting),
        ]
    );
    assert_eq!(detail.steps[1].result["processes"], "1");
    // The next customer's allocation waits for the machine, however long that takes.
    let error = allocations::skip_step(p, &world.admin.ctx(), made.allocation.id, "access").await.unwrap_err();
    assert_eq!(error.key, "error-step-not-waiting");
    let error = allocations::skip_step(p, &world.admin.ctx(), made.allocation.id, "pool").await.unwrap_err();
    assert_eq!(error.key, "error-step-by-itself", "the pool comes after everything else");
    world.test.clock().advance(TimeDelta::seconds(1));
    metrics::ingest(p, &node.ctx(), &link, sample(100 << 20)).await.unwrap();
    allocations::advance(p).await.unwrap();
    assert_eq!(world.state(&made).await, AllocationState::Reclaiming, "the process is still there");
    allocations::skip_step(p, &world.admin.ctx(), made.allocation.id, "processes").await.unwrap();
    allocations::advance(p).await.unwrap();
    let detail = allocations::get(p, &world.admin.ctx(), made.allocation.id).await.unwrap();
    assert_eq!(detail.allocation.state, AllocationState::Ended);
    assert_eq!(detail.steps[1].state, StepState::Skipped);
    assert_eq!(kinds(&detail), ["created", "started", "reclaim_started", "step_skipped", "reclaimed"]);
    world.allocate("h1", world.globex.id, months(1)).await.expect("back in the pool");
}

#[tokio::test]
async fn a_customer_reads_its_own_period_and_nothing_before() {
    let world = World::new().await;
    let p = &world.test.platform;
    let (node, link) = live_machine(&world, "h1").await;
    let begin = world.now();
    let samples = (0..600).map(|second| node.sample((begin - TimeDelta::seconds(second)).timestamp_millis(), 1));
    let samples: Vec<_> = samples.collect();
    for part in samples.chunks(60) {
        let batch = Batch { sequence: 1, samples: part.to_vec(), replayed: true };
        metrics::ingest(p, &node.ctx(), &link, batch).await.unwrap();
    }
    metrics::roll_up(p, &p.system(SystemActor::Metrics)).await.unwrap();
    world.test.clock().advance(TimeDelta::seconds(2));
    world.allocate("h1", world.acme.id, months(1)).await.unwrap();
    world.test.clock().advance(TimeDelta::seconds(30));
    let hour = HistoryQuery { range: Some(HistoryRange::Hour), ..HistoryQuery::default() };
    let all = metrics::history(p, &world.admin.ctx(), "h1", &hour).await.unwrap();
    let points = |history: &contract::metrics::History| {
        history.series.iter().flat_map(|series| &series.avg).filter(|value| value.is_some()).count()
    };
    assert!(points(&all) > 0, "there is something to hide");
    let own = allocations::history(p, &world.acme.owner.ctx(), "h1", &hour).await.unwrap();
    assert_eq!(points(&own), 0, "what others did there is not told");
    let error = allocations::history(p, &world.globex.owner.ctx(), "h1", &hour).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    // The live topic, too, and it ends with the allocation.
    metrics::may_watch(p, &world.acme.member.ctx(), "machine/h1").await.unwrap();
    let refused = metrics::may_watch(p, &world.globex.owner.ctx(), "machine/h1").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
    let refused = metrics::may_watch(p, &world.acme.owner.ctx(), "wall").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
    let row = allocations::mine(p, &world.acme.owner.ctx(), &AllocationQuery::default()).await.unwrap().list.remove(0);
    let id = row.id;
    // In the grace, what was is still there to read, and what came after is not.
    let soon = AllocationRenew { ends_at: Some(world.now() + TimeDelta::seconds(60)), ..AllocationRenew::default() };
    allocations::renew(p, &world.admin.ctx(), id, soon).await.unwrap();
    let own = (0..60).map(|second| node.sample((world.now() - TimeDelta::seconds(second % 30)).timestamp_millis(), 1));
    let batch = Batch { sequence: 2, samples: own.collect(), replayed: true };
    metrics::ingest(p, &node.ctx(), &link, batch).await.unwrap();
    world.test.clock().advance(TimeDelta::seconds(10));
    let during = points(&allocations::history(p, &world.acme.owner.ctx(), "h1", &hour).await.unwrap());
    assert!(during > 0);
    world.test.clock().advance(TimeDelta::minutes(5));
    allocations::advance(p).await.unwrap();
    let later = (0..60).map(|second| node.sample((world.now() - TimeDelta::seconds(second)).timestamp_millis(), 1));
    let batch = Batch { sequence: 3, samples: later.collect(), replayed: true };
    metrics::ingest(p, &node.ctx(), &link, batch).await.unwrap();
    let own = allocations::history(p, &world.acme.owner.ctx(), "h1", &hour).await.unwrap();
    assert_eq!(points(&own), during, "the period and nothing after it");
    let over = allocations::machine_live(p, &world.acme.owner.ctx(), "h1").await.unwrap_err();
    assert_eq!(over.code, ErrorCode::NotFound);
    allocations::end(p, &world.admin.ctx(), id, AllocationEnd::default()).await.unwrap();
    let refused = metrics::may_watch(p, &world.acme.member.ctx(), "machine/h1").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
    let past = allocations::history(p, &world.acme.owner.ctx(), "h1", &hour).await.unwrap_err();
    assert_eq!(past.code, ErrorCode::NotFound, "after the grace it is over");
}

#[tokio::test]
async fn how_a_machine_is_let_stays_while_somebody_has_it() {
    let world = World::new().await;
    world.machine("h1").await;
    let made = world.allocate("h1", world.acme.id, months(1)).await.unwrap();
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let change = |pool| MachineUpdate { name: "h1".to_owned(), pool: Some(pool), ..MachineUpdate::default() };
    let error = machines::update(p, &ctx, "h1", change(Pool::Shared)).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-machine-allocated"));
    machines::update(p, &ctx, "h1", change(Pool::Whole)).await.expect("nothing changes");
    world.test.clock().advance(TimeDelta::seconds(1));
    allocations::end(p, &ctx, made.allocation.id, AllocationEnd::default()).await.unwrap();
    for step in ["processes", "gpu_memory", "health"] {
        allocations::skip_step(p, &ctx, made.allocation.id, step).await.unwrap();
    }
    world.run().await;
    machines::update(p, &ctx, "h1", change(Pool::Shared)).await.expect("nobody has it any more");
}

#[tokio::test]
async fn an_allocation_that_has_not_begun_is_called_off() {
    let world = World::new().await;
    world.machine("h1").await;
    let body = AllocationCreate { starts_at: Some(world.now() + TimeDelta::days(5)), ..months(1) };
    let made = world.allocate("h1", world.acme.id, body).await.unwrap();
    let p = &world.test.platform;
    let ended = allocations::end(p, &world.admin.ctx(), made.allocation.id, AllocationEnd::default()).await.unwrap();
    assert_eq!(ended.allocation.state, AllocationState::Cancelled);
    let error =
        allocations::end(p, &world.admin.ctx(), made.allocation.id, AllocationEnd::default()).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-allocation-state"));
    world.allocate("h1", world.globex.id, months(1)).await.expect("nobody is in the way");
}

#[tokio::test]
async fn staff_alone_lend() {
    let world = World::new().await;
    world.machine("h1").await;
    let made = world.allocate("h1", world.acme.id, months(1)).await.unwrap();
    let (p, id) = (&world.test.platform, made.allocation.id);
    for user in [&world.acme.owner, &world.acme.member, &world.globex.owner] {
        let ctx = user.ctx();
        let body = AllocationCreate { customer_id: Some(world.acme.id), ..months(1) };
        let renew = AllocationRenew { months: Some(1), ..AllocationRenew::default() };
        let refused = [
            allocations::create(p, &ctx, "h1", body).await.err(),
            allocations::renew(p, &ctx, id, renew).await.err(),
            allocations::end(p, &ctx, id, AllocationEnd::default()).await.err(),
            allocations::skip_step(p, &ctx, id, "pool").await.err(),
        ];
        for (number, error) in refused.into_iter().enumerate() {
            let code = error.expect("refused").code;
            assert!(matches!(code, ErrorCode::NotFound | ErrorCode::Forbidden), "{}: {number}: {code:?}", user.name);
        }
    }
    assert_eq!(world.state(&made).await, AllocationState::Active);
}

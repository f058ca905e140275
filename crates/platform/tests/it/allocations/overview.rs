//! Many at once, the time line, the health of what is handed over and comes back.

use contract::allocations::{AllocationAction, AllocationBulk, TimelineQuery};
use contract::machines::{MachineAction, MaintenanceCreate, ServiceState};
use contract::{AllocationId, Permission};
use node_protocol::{GpuEvent, GpuEventKind};

use super::*;

fn bulk(action: AllocationAction, ids: &[AllocationId], months: Option<u32>) -> AllocationBulk {
    let note = Some("spring".to_owned());
    AllocationBulk { ids: ids.to_vec(), matching: None, action, revisions: Vec::new(), months, note }
}

#[tokio::test]
async fn many_are_renewed_and_reclaimed_each_for_itself() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let mut ids = Vec::new();
    for code in ["h1", "h2", "h3"] {
        world.machine(code).await;
        ids.push(world.allocate(code, world.acme.id, months(2)).await.unwrap().allocation.id);
    }
    // The next customer of h2 stands in the way of more time.
    let later = AllocationCreate {
        starts_at: Some(world.now() + TimeDelta::days(80)),
        ends_at: Some(world.now() + TimeDelta::days(120)),
        ..AllocationCreate::default()
    };
    world.allocate("h2", world.globex.id, later).await.unwrap();

    let renew = bulk(AllocationAction::Renew, &ids, Some(3));
    let preview = allocations::preview_many(p, &ctx, &renew).await.unwrap();
    let possible: Vec<_> = preview.rows.iter().map(|(row, outcome)| (row.machine.as_str(), outcome.is_ok())).collect();
    assert_eq!(possible, [("h1", true), ("h2", false), ("h3", true)]);
    let before = allocations::get(p, &ctx, ids[0]).await.unwrap();
    assert_eq!(kinds(&before), ["created", "started"], "a preview leaves nothing");

    let outcomes = allocations::act_on_many(p, &ctx, renew).await.unwrap();
    let errors: Vec<_> = outcomes.iter().map(|(_, outcome)| outcome.as_ref().err().map(|e| e.code)).collect();
    assert_eq!(errors, [None, Some(ErrorCode::Conflict), None]);
    let after = allocations::get(p, &ctx, ids[0]).await.unwrap();
    let end = before.allocation.ends_at.checked_add_months(chrono::Months::new(3)).unwrap();
    assert_eq!(after.allocation.ends_at, end);

    for (wrong, path) in
        [(bulk(AllocationAction::Renew, &ids, None), "months"), (bulk(AllocationAction::Reclaim, &[], None), "ids")]
    {
        let error = allocations::act_on_many(p, &ctx, wrong).await.unwrap_err();
        assert_eq!((error.code, error.fields[0].path), (ErrorCode::Validation, path));
    }
    let theirs = bulk(AllocationAction::Reclaim, &ids, None);
    let error = allocations::act_on_many(p, &world.acme.owner.ctx(), theirs.clone()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    let outcomes = allocations::act_on_many(p, &ctx, theirs).await.unwrap();
    assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()));
    for id in ids {
        assert_eq!(allocations::get(p, &ctx, id).await.unwrap().allocation.state, AllocationState::Reclaiming);
    }
}

/// What somebody else moved meanwhile is left as it is, and the others are renewed.
#[tokio::test]
async fn many_are_renewed_as_they_were_looked_at() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let mut looked_at = Vec::new();
    for code in ["h1", "h2"] {
        world.machine(code).await;
        looked_at.push(world.allocate(code, world.acme.id, months(2)).await.unwrap().allocation);
    }
    let ids: Vec<_> = looked_at.iter().map(|row| row.id).collect();
    let more = AllocationRenew { months: Some(1), ..AllocationRenew::default() };
    let moved = allocations::renew(p, &ctx, ids[0], more).await.unwrap().allocation.ends_at;
    let renew = bulk(AllocationAction::Renew, &ids, Some(1));
    let few = AllocationBulk { revisions: vec![looked_at[0].revision], ..renew.clone() };
    let error = allocations::act_on_many(p, &ctx, few).await.unwrap_err();
    assert_eq!((error.fields[0].path, error.fields[0].key), ("revisions", "field-revisions-each"));
    let revisions = looked_at.iter().map(|row| row.revision).collect();
    let outcomes = allocations::act_on_many(p, &ctx, AllocationBulk { revisions, ..renew }).await.unwrap();
    let errors: Vec<_> = outcomes.iter().map(|(_, outcome)| outcome.as_ref().err().map(|error| error.key)).collect();
    assert_eq!(errors, [Some("error-allocation-changed"), None]);
    let end = async |id| allocations::get(p, &ctx, id).await.unwrap().allocation.ends_at;
    assert_eq!(end(ids[0]).await, moved, "once");
    assert!(end(ids[1]).await > looked_at[1].ends_at);
}

#[tokio::test]
async fn the_time_line_has_every_machine_and_what_holds_it() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    for code in ["h1", "h2"] {
        world.machine(code).await;
    }
    let soon = AllocationCreate {
        starts_at: Some(world.now() + TimeDelta::days(40)),
        ends_at: Some(world.now() + TimeDelta::days(70)),
        grace_days: Some(5),
        ..AllocationCreate::default()
    };
    world.allocate("h1", world.acme.id, months(1)).await.unwrap();
    world.allocate("h1", world.globex.id, soon).await.unwrap();
    let called_off = world.allocate(
        "h2",
        world.acme.id,
        AllocationCreate { starts_at: Some(world.now() + TimeDelta::days(10)), ..months(1) },
    );
    let called_off = called_off.await.unwrap().allocation.id;
    allocations::end(p, &ctx, called_off, AllocationEnd::default()).await.unwrap();

    let line = allocations::timeline(p, &ctx, &TimelineQuery::default()).await.unwrap();
    assert_eq!((line.total, line.rows.len()), (2, 2));
    let bars: Vec<_> = line.rows[0].allocations.iter().map(|bar| (bar.customer_name.as_str(), bar.state)).collect();
    assert_eq!(bars, [("Acme", AllocationState::Active), ("Globex", AllocationState::Scheduled)]);
    let second = &line.rows[0].allocations[1];
    assert_eq!(second.held_until - second.ends_at, TimeDelta::days(5), "the grace keeps others off too");
    assert!(line.rows[1].allocations.is_empty(), "what was called off held nothing");

    let past = TimelineQuery { from: Some("2020-01".to_owned()), months: Some(6), ..TimelineQuery::default() };
    let past = allocations::timeline(p, &ctx, &past).await.unwrap();
    assert!(past.rows.iter().all(|row| row.allocations.is_empty()));
    assert_eq!((past.until.to_rfc3339().as_str(), past.time_zone.as_str()), ("2020-07-01T00:00:00+00:00", "UTC"));
    let there = TimelineQuery {
        from: Some("2026-03".to_owned()),
        months: Some(1),
        time_zone: Some("Europe/Berlin".to_owned()),
        ..TimelineQuery::default()
    };
    let there = allocations::timeline(p, &ctx, &there).await.unwrap();
    let ends = [there.from, there.until].map(|at| at.to_rfc3339());
    assert_eq!(ends, ["2026-02-28T23:00:00+00:00", "2026-03-31T22:00:00+00:00"], "clocks go forward between");
    let found = TimelineQuery { q: Some("H2".to_owned()), ..TimelineQuery::default() };
    assert_eq!(allocations::timeline(p, &ctx, &found).await.unwrap().rows[0].machine, "h2");
    for (query, path) in [
        (TimelineQuery { from: Some("soon".to_owned()), ..TimelineQuery::default() }, "from"),
        (TimelineQuery { months: Some(99), ..TimelineQuery::default() }, "months"),
        (TimelineQuery { time_zone: Some("Mars/Olympus".to_owned()), ..TimelineQuery::default() }, "timeZone"),
    ] {
        let error = allocations::timeline(p, &ctx, &query).await.unwrap_err();
        assert_eq!(error.fields[0].path, path);
    }
    let error = allocations::timeline(p, &world.acme.owner.ctx(), &TimelineQuery::default()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn the_time_line_ends_a_returned_machines_bar_where_it_came_back() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    world.machine("h1").await;
    let id = world.allocate("h1", world.acme.id, months(2)).await.unwrap().allocation.id;
    world.advance(TimeDelta::minutes(3)).await;
    allocations::end(p, &ctx, id, AllocationEnd::default()).await.unwrap();
    for step in ["processes", "gpu_memory", "health"] {
        allocations::skip_step(p, &ctx, id, step).await.unwrap();
    }
    allocations::advance(p).await.unwrap();
    let back = world.now();
    world.advance(TimeDelta::hours(1)).await;
    world.allocate("h1", world.globex.id, months(1)).await.unwrap();

    let line = allocations::timeline(p, &ctx, &TimelineQuery::default()).await.unwrap();
    let bars = &line.rows[0].allocations;
    assert_eq!((bars.len(), bars[0].state), (2, AllocationState::Ended));
    assert_eq!((bars[0].held_until - back).num_seconds(), 0, "not the end that was agreed");
    assert!(bars[1].starts_at >= bars[0].held_until, "one bar after the other");
    // In a month after it came back, but before the end that was agreed, it is not in the picture any more.
    let month = (back + TimeDelta::days(45)).format("%Y-%m").to_string();
    let later = TimelineQuery { from: Some(month), months: Some(1), ..TimelineQuery::default() };
    let later = allocations::timeline(p, &ctx, &later).await.unwrap();
    assert!(later.rows[0].allocations.iter().all(|bar| bar.state != AllocationState::Ended));
    machines::act(p, &world.admin.ctx(), "h1", MachineAction::Cordon, None).await.unwrap();
    let line = allocations::timeline(p, &world.admin.ctx(), &TimelineQuery::default()).await.unwrap();
    assert_eq!(line.rows[0].service_state, ServiceState::Cordoned, "the page does not call it free");
}

#[tokio::test]
async fn a_reclaim_of_a_machine_nobody_listens_to_says_so() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let (_node, _link) = live_machine(&world, "h1").await;
    let id = world.allocate("h1", world.acme.id, months(1)).await.unwrap().allocation.id;
    machines::act(p, &ctx, "h1", MachineAction::MonitoringOff, None).await.unwrap();
    allocations::end(p, &ctx, id, AllocationEnd::default()).await.unwrap();
    let waits_for = async || {
        allocations::advance(p).await.unwrap();
        let steps = allocations::get(p, &ctx, id).await.unwrap().steps;
        steps.iter().filter_map(|step| step.result.get("reason").cloned()).collect::<Vec<_>>()
    };
    assert_eq!(waits_for().await, ["not_monitored"; 3], "its agent is linked: it is not offline");
    machines::act(p, &ctx, "h1", MachineAction::MonitoringOn, None).await.unwrap();
    assert!(waits_for().await.iter().all(|reason| reason != "not_monitored"));
}

#[tokio::test]
async fn nothing_is_called_as_healthy_as_before_that_was_never_looked_at() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let (node, link) = live_machine(&world, "h1").await;
    let report = async || {
        let mut sample = node.sample(world.now().timestamp_millis(), 1);
        sample.gpus[0].memory_used_bytes = Some(0);
        let batch = Batch { sequence: 1, samples: vec![sample], replayed: false };
        metrics::ingest(p, &node.ctx(), &link, batch).await.unwrap();
        let list = ProcessList { at_ms: world.now().timestamp_millis(), processes: Vec::new() };
        metrics::report_processes(p, &node.ctx(), &link, list).await.unwrap();
    };
    // No figures at the hand-over, and it is taken back before there are any.
    let id = world.allocate("h1", world.acme.id, months(1)).await.unwrap().allocation.id;
    allocations::end(p, &ctx, id, AllocationEnd::default()).await.unwrap();
    world.test.clock().advance(TimeDelta::seconds(2));
    report().await;
    allocations::advance(p).await.unwrap();
    let steps = allocations::get(p, &ctx, id).await.unwrap().steps;
    let health = steps.iter().find(|step| step.step == "health").unwrap();
    assert_eq!((health.state, health.result["reason"].as_str()), (StepState::Waiting, "no_baseline"));
    allocations::skip_step(p, &ctx, id, "health").await.unwrap();
    allocations::advance(p).await.unwrap();

    // With figures there is something to compare with from the first moment on.
    let id = world.allocate("h1", world.acme.id, months(1)).await.unwrap().allocation.id;
    assert!(allocations::handover(p, &ctx, id).await.unwrap().handed_over.is_some(), "at once");
    allocations::end(p, &ctx, id, AllocationEnd::default()).await.unwrap();
    world.test.clock().advance(TimeDelta::seconds(2));
    report().await;
    allocations::advance(p).await.unwrap();
    let steps = allocations::get(p, &ctx, id).await.unwrap().steps;
    let health = steps.iter().find(|step| step.step == "health").unwrap();
    assert_eq!((health.state, health.result["missing"].as_str()), (StepState::Done, "0"));
}

#[tokio::test]
async fn what_comes_back_worse_than_it_went_waits_for_a_decision() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let (node, link) = live_machine(&world, "h1").await;
    let sample = |ecc: u64| {
        let mut sample = node.sample(world.now().timestamp_millis(), 1);
        sample.gpus[0].memory_used_bytes = Some(0);
        sample.gpus[0].ecc_uncorrected = Some(ecc);
        Batch { sequence: 1, samples: vec![sample], replayed: false }
    };
    let report = async |ecc: u64| {
        metrics::ingest(p, &node.ctx(), &link, sample(ecc)).await.unwrap();
        let list = ProcessList { at_ms: world.now().timestamp_millis(), processes: Vec::new() };
        metrics::report_processes(p, &node.ctx(), &link, list).await.unwrap();
        allocations::advance(p).await.unwrap();
    };
    let made = world.allocate("h1", world.acme.id, months(1)).await.unwrap();
    let id = made.allocation.id;
    assert!(allocations::handover(p, &ctx, id).await.unwrap().handed_over.is_none(), "nothing was seen yet");
    report(2).await;
    let seen = allocations::handover(p, &ctx, id).await.unwrap().handed_over.unwrap();
    assert_eq!((seen.gpus.len(), seen.gpus[0].ecc_uncorrected), (1, Some(2)));
    world.test.clock().advance(TimeDelta::seconds(2));
    report(3).await;
    let kept = allocations::handover(p, &ctx, id).await.unwrap().handed_over.unwrap();
    assert_eq!(kept, seen, "the hand-over stays as it was");

    allocations::end(p, &ctx, id, AllocationEnd::default()).await.unwrap();
    world.test.clock().advance(TimeDelta::seconds(2));
    report(3).await;
    let detail = allocations::get(p, &ctx, id).await.unwrap();
    let health = detail.steps.iter().find(|step| step.step == "health").unwrap();
    assert_eq!((health.state, health.result["ecc"].as_str()), (StepState::Waiting, "1"));
    assert_eq!(detail.allocation.state, AllocationState::Reclaiming);
    allocations::skip_step(p, &ctx, id, "health").await.unwrap();
    allocations::advance(p).await.unwrap();
    let page = allocations::handover(p, &ctx, id).await.unwrap();
    assert_eq!(page.allocation.state, AllocationState::Ended);
    assert_eq!(page.returned.unwrap().gpus[0].ecc_uncorrected, Some(3));
    for user in [&world.acme.owner, &world.globex.owner] {
        assert!(allocations::handover(p, &user.ctx(), id).await.is_err());
    }
}

#[tokio::test]
async fn a_passport_tells_of_errors_repairs_and_leases() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let (node, link) = live_machine(&world, "h1").await;
    let report = async |ecc: u64, events: &[(GpuEventKind, u64)]| {
        let at_ms = world.now().timestamp_millis();
        let mut sample = node.sample(at_ms, 1);
        sample.gpus[0].memory_used_bytes = Some(0);
        sample.gpus[0].ecc_uncorrected = Some(ecc);
        sample.gpus[0].throttle_bits = Some(0x40);
        let event = |(kind, value): &(GpuEventKind, u64)| GpuEvent {
            uuid: node.gpu_uuid(0),
            at_ms,
            kind: i32::from(*kind),
            value: *value,
        };
        sample.events = events.iter().map(event).collect();
        let batch = Batch { sequence: 1, samples: vec![sample], replayed: false };
        metrics::ingest(p, &node.ctx(), &link, batch).await.unwrap();
        let list = ProcessList { at_ms, processes: Vec::new() };
        metrics::report_processes(p, &node.ctx(), &link, list).await.unwrap();
        allocations::advance(p).await.unwrap();
    };
    // What was before the lease is the machine's, not the lease's.
    report(2, &[(GpuEventKind::Xid, 31)]).await;
    world.test.clock().advance(TimeDelta::seconds(2));
    let id = world.allocate("h1", world.acme.id, months(1)).await.unwrap().allocation.id;
    report(2, &[]).await;
    let running = machines::passport(p, &ctx, "h1").await.unwrap().leases.unwrap();
    assert_eq!((running.len(), running[0].worse, running[0].xid_errors), (1, None, 0));
    world.test.clock().advance(TimeDelta::seconds(2));
    report(5, &[(GpuEventKind::EccUncorrected, 3), (GpuEventKind::Xid, 79), (GpuEventKind::Lost, 0)]).await;
    metrics::roll_up(p, &p.system(SystemActor::Metrics)).await.unwrap();

    // A repair that began, and one that was called off before it did.
    let now = world.now();
    let window = |starts_at, message: &str| MaintenanceCreate {
        starts_at,
        ends_at: now + TimeDelta::days(3),
        message: message.to_owned(),
    };
    let planned = machines::plan_maintenance(p, &ctx, "h1", window(None, "New riser card")).await.unwrap();
    world.test.clock().advance(TimeDelta::seconds(5));
    machines::cancel_maintenance(p, &world.admin.ctx(), "h1", planned.maintenance[0].id).await.unwrap();
    let later = window(Some(now + TimeDelta::days(1)), "Never done");
    let planned = machines::plan_maintenance(p, &world.admin.ctx(), "h1", later).await.unwrap();
    machines::cancel_maintenance(p, &world.admin.ctx(), "h1", planned.maintenance[0].id).await.unwrap();

    allocations::end(p, &world.admin.ctx(), id, AllocationEnd::default()).await.unwrap();
    world.test.clock().advance(TimeDelta::seconds(2));
    report(5, &[]).await;
    let passport = machines::passport(p, &world.admin.ctx(), "h1").await.unwrap();
    let errors = passport.gpus[0].errors.clone().unwrap();
    assert_eq!((errors.xid, errors.ecc_uncorrected, errors.lost), (2, 3, 1));
    assert!(errors.throttled_hours["hw_thermal"] >= 1, "the open hour counts");
    assert!(passport.errors_since > world.now() - TimeDelta::days(1), "there was no machine two years ago");
    let kinds: Vec<_> = passport.events.iter().map(|event| (event.kind.as_str(), event.value)).collect();
    for expected in
        [("xid", Some(31)), ("xid", Some(79)), ("ecc_uncorrected", Some(3)), ("lost", None), ("found", None)]
    {
        assert!(kinds.contains(&expected), "{expected:?} of {kinds:?}");
    }
    assert_eq!((kinds.len(), passport.more_events), (5, false));
    let lease = &passport.leases.as_ref().unwrap()[0];
    let worse = lease.worse.unwrap();
    assert_eq!((worse.missing_gpus, worse.ecc_uncorrected, lease.xid_errors), (0, 3, 1));
    assert_eq!((lease.allocation.id, lease.allocation.customer_name.as_str()), (id, "Acme"));
    let repairs: Vec<_> = passport.maintenance.iter().map(|window| window.message.as_str()).collect();
    assert_eq!(repairs, ["New riser card"]);
    assert!(passport.maintenance[0].ends_at < now + TimeDelta::days(1), "it ended when it was ended");
    assert!(passport.machine.connection.is_none(), "how the host is reached is not for a paper");

    // Each part by the right to see it; who has no business with machines hears of none.
    let keeper = world.test.with_role("keeper", &[Permission::MachinesView]).await;
    let bare = machines::passport(p, &keeper.ctx(), "h1").await.unwrap();
    assert!(bare.leases.is_none() && bare.gpus[0].errors.is_none());
    assert_eq!(bare.events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["found"]);
    for user in [&world.acme.owner, &world.globex.owner] {
        let error = machines::passport(p, &user.ctx(), "h1").await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound);
    }
}

#[tokio::test]
async fn who_will_have_a_machine_reads_what_is_in_it() {
    let world = World::new().await;
    let p = &world.test.platform;
    live_machine(&world, "h1").await;
    let body = AllocationCreate { starts_at: Some(world.now() + TimeDelta::days(5)), ..months(1) };
    world.allocate("h1", world.acme.id, body).await.unwrap();
    let mine = allocations::mine(p, &world.acme.owner.ctx(), &AllocationQuery::default()).await.unwrap();
    let row = &mine.list[0];
    assert_eq!((row.gpu_model.as_deref(), row.gpu_count), (Some("NVIDIA H100 80GB HBM3"), Some(1)));
    assert_eq!(row.presence, None, "how it is doing is told to who has it, and is not made up");
    let staffs = allocations::list(p, &world.admin.ctx(), &AllocationQuery::default()).await.unwrap();
    assert!(staffs.list[0].presence.is_some(), "staff are told of every machine");
}

#[tokio::test]
async fn what_a_lease_used_is_its_own_to_the_minute() {
    let world = World::new().await;
    let (p, admin) = (&world.test.platform, &world.admin);
    let (node, link) = live_machine(&world, "h1").await;
    // Five minutes of the machine at this load.
    let work = async |percent: f32| {
        world.test.clock().advance(TimeDelta::minutes(5));
        let now = world.now();
        let sample = |second: i64| {
            let mut sample = node.sample((now - TimeDelta::seconds(second)).timestamp_millis(), 1);
            sample.gpus[0].util_percent = Some(percent);
            sample
        };
        let samples: Vec<_> = (1..=300).rev().map(sample).collect();
        for part in samples.chunks(60) {
            let batch = Batch { sequence: 1, samples: part.to_vec(), replayed: true };
            metrics::ingest(p, &node.ctx(), &link, batch).await.unwrap();
        }
    };
    let first = world.allocate("h1", world.acme.id, months(1)).await.unwrap().allocation.id;
    work(90.0).await;
    allocations::end(p, &admin.ctx(), first, AllocationEnd::default()).await.unwrap();
    allocations::advance(p).await.unwrap();
    for step in allocations::get(p, &admin.ctx(), first).await.unwrap().steps {
        if step.state == StepState::Waiting && step.step != "pool" {
            allocations::skip_step(p, &admin.ctx(), first, &step.step).await.unwrap();
        }
    }
    allocations::advance(p).await.unwrap();
    let second = world.allocate("h1", world.globex.id, months(1)).await.unwrap();
    assert_eq!(second.allocation.state, AllocationState::Active);
    work(10.0).await;
    world.test.clock().advance(TimeDelta::minutes(10));
    metrics::roll_up(p, &p.system(SystemActor::Metrics)).await.unwrap();
    // Both lie within an hour or two, and neither is the other's.
    for (customer, percent) in [(world.acme.id, 90.0), (world.globex.id, 10.0)] {
        let usage = platform::reports::customer_usage(p, &admin.ctx(), customer).await.unwrap();
        let measured = usage.gpu_util_percent.expect("it was measured");
        assert!((measured - percent).abs() < 0.5, "{measured}, not {percent}");
    }
    let month = HistoryQuery { range: Some(HistoryRange::Month), ..Default::default() };
    let all = metrics::history(p, &admin.ctx(), "h1", &month).await.unwrap();
    let load = all.series.iter().find(|series| series.metric == contract::metrics::Metric::GpuUtil).unwrap();
    let most = load.max.iter().flatten().copied().fold(0.0, f64::max);
    let least = load.min.iter().flatten().copied().fold(100.0, f64::min);
    assert_eq!((least, most), (10.0, 90.0), "a month shows what no whole hour has yet");
}

#[tokio::test]
async fn all_that_match_and_are_not_over_are_reclaimed() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    for code in ["a-1", "a-2", "b-1", "a-3"] {
        world.machine(code).await;
    }
    for code in ["a-1", "a-2", "b-1"] {
        world.allocate(code, world.acme.id, months(2)).await.unwrap();
    }
    // Called off before: that is over.
    let body = AllocationCreate { starts_at: Some(world.now() + TimeDelta::days(5)), ..months(1) };
    let off = world.allocate("a-3", world.acme.id, body).await.unwrap().allocation.id;
    allocations::end(p, &ctx, off, AllocationEnd::default()).await.unwrap();
    let far = AllocationQuery { days: Some(u32::MAX), ..AllocationQuery::default() };
    assert_eq!(allocations::list(p, &ctx, &far).await.unwrap().total, 3, "further than any calendar goes");
    let query = AllocationQuery { q: Some("a-".to_owned()), page_size: Some(1), ..AllocationQuery::default() };
    let all = AllocationBulk { matching: Some(query), ..bulk(AllocationAction::Reclaim, &[], None) };
    let preview = allocations::preview_many(p, &ctx, &all).await.unwrap();
    let mut codes: Vec<_> = preview.rows.iter().map(|(row, _)| row.machine.as_str()).collect();
    codes.sort_unstable();
    assert_eq!((codes, preview.more), (vec!["a-1", "a-2"], 0));
    let outcomes = allocations::act_on_many(p, &ctx, all.clone()).await.unwrap();
    assert!(outcomes.len() == 2 && outcomes.iter().all(|(_, outcome)| outcome.is_ok()));
    let both = AllocationBulk { ids: vec![off], ..all.clone() };
    assert_eq!(allocations::act_on_many(p, &ctx, both).await.unwrap_err().fields[0].key, "field-ids-or-matching");
    let error = allocations::act_on_many(p, &world.acme.owner.ctx(), all).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
}

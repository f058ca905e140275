//! What the end of a lease may become, and who is told when it may not.

use contract::allocations::{AllocationView, WaitReason};
use contract::machines::{MachineAction, MaintenanceCreate};
use contract::notifications::{NotificationKind, NotificationQuery};
use platform::{customers, notifications};

use super::*;

fn until(ends_at: DateTime<Utc>) -> AllocationRenew {
    AllocationRenew { ends_at: Some(ends_at), ..AllocationRenew::default() }
}

/// What somebody was told.
async fn told(world: &World, who: &TestUser) -> Vec<String> {
    let list = notifications::list(&world.test.platform, &who.ctx(), &NotificationQuery::default()).await.unwrap().list;
    list.into_iter().map(|notice| notice.message).collect()
}

/// As the jobs would do it when so much time has passed.
async fn pass(world: &World, by: TimeDelta) {
    world.test.clock().advance(by);
    let p = &world.test.platform;
    metrics::keep_partitions(p, &p.system(SystemActor::Metrics)).await.unwrap();
    machines::advance_maintenance(p).await.unwrap();
    world.run().await;
}

fn first_fault(error: &Error) -> (ErrorCode, &str, &str) {
    let field = error.fields.first().expect("a field");
    (error.code, field.path, field.key)
}

#[tokio::test]
async fn a_last_day_before_the_first_is_a_fault_of_the_last() {
    let world = World::new().await;
    world.machine("h1").await;
    for grace in [0, 3] {
        let body = AllocationCreate {
            starts_at: Some(world.now() + TimeDelta::days(20)),
            ends_at: Some(world.now() + TimeDelta::days(10)),
            grace_days: Some(grace),
            ..AllocationCreate::default()
        };
        let error = world.allocate("h1", world.acme.id, body).await.unwrap_err();
        assert_eq!(first_fault(&error), (ErrorCode::Validation, "endsAt", "field-end-past"), "grace {grace}");
    }
}

#[tokio::test]
async fn what_is_in_the_way_is_marked_where_it_was_typed() {
    let world = World::new().await;
    world.machine("h1").await;
    let at = |days| Some(world.now() + TimeDelta::days(days));
    let between = |from, to| AllocationCreate { starts_at: at(from), ends_at: at(to), ..AllocationCreate::default() };
    world.allocate("h1", world.acme.id, between(20, 40)).await.unwrap();
    for (body, path) in [
        (between(30, 60), "startsAt"),
        (between(10, 25), "endsAt"),
        (AllocationCreate { starts_at: at(10), ..months(1) }, "months"),
        (AllocationCreate { ends_at: at(30), ..AllocationCreate::default() }, "endsAt"),
    ] {
        let error = world.allocate("h1", world.globex.id, body).await.unwrap_err();
        assert_eq!(first_fault(&error), (ErrorCode::Conflict, path, "field-allocation-overlap"), "{path}");
    }
}

#[tokio::test]
async fn who_asks_for_more_time_is_never_answered_with_less() {
    let world = World::new().await;
    world.machine("h1").await;
    let made = world.allocate("h1", world.acme.id, months(1)).await.unwrap().allocation;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let wish = RenewalRequestCreate { months: Some(2), message: None };
    let asked = allocations::request_renewal(p, &world.acme.owner.ctx(), "h1", wish).await.unwrap();
    let request = asked.allocation.open_request.unwrap();
    let answer = |ends_at| RenewalDecision { approve: true, ends_at: Some(ends_at), answer: None };
    for end in [made.ends_at - TimeDelta::days(20), made.ends_at] {
        let error = allocations::decide_renewal(p, &ctx, request, answer(end)).await.unwrap_err();
        assert_eq!(first_fault(&error), (ErrorCode::Validation, "endsAt", "field-renewal-not-later"));
    }
    let mine = allocations::of_machine(p, &world.acme.owner.ctx(), "h1").await.unwrap();
    assert_eq!((mine.allocation.ends_at, mine.allocation.open_request), (made.ends_at, Some(request)), "as it was");
    let less = made.ends_at + TimeDelta::days(10);
    let granted = allocations::decide_renewal(p, &ctx, request, answer(less)).await.unwrap();
    assert_eq!((granted.allocation.ends_at, granted.requests[0].state), (less, RenewalState::Changed));
}

#[tokio::test]
async fn two_who_press_a_month_more_give_one() {
    let world = World::new().await;
    world.machine("h1").await;
    let made = world.allocate("h1", world.acme.id, months(1)).await.unwrap().allocation;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let more = |seen: &AllocationView| AllocationRenew {
        months: Some(1),
        revision: Some(seen.revision),
        ..AllocationRenew::default()
    };
    let once = allocations::renew(p, &ctx, made.id, more(&made)).await.unwrap().allocation;
    let error = allocations::renew(p, &ctx, made.id, more(&made)).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-allocation-changed"));
    let now = allocations::get(p, &ctx, made.id).await.unwrap().allocation;
    assert_eq!(now.ends_at, once.ends_at, "one month");
    // Who looks again, and who names no revision, is heard.
    allocations::renew(p, &ctx, made.id, more(&once)).await.unwrap();
    let blind = AllocationRenew { months: Some(1), ..AllocationRenew::default() };
    allocations::renew(p, &ctx, made.id, blind).await.unwrap();
}

#[tokio::test]
async fn a_disabled_customer_is_given_no_more_time() {
    let world = World::new().await;
    world.machine("h1").await;
    let made = world.allocate("h1", world.acme.id, months(2)).await.unwrap().allocation;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    customers::set_active(p, &ctx, world.acme.id, false).await.unwrap();
    let later = until(made.ends_at + TimeDelta::days(1));
    let error = allocations::renew(p, &ctx, made.id, later).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-renew-customer-disabled"));
    // Less is always possible.
    let sooner = until(made.ends_at - TimeDelta::days(5));
    allocations::renew(p, &ctx, made.id, sooner).await.unwrap();
}

/// Nobody is let onto a machine that is out of service: who was to have it, and who may do something about it, are told once.
#[tokio::test]
async fn a_lease_does_not_begin_on_a_machine_that_is_out_of_service() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let (starts, ends) = (world.now() + TimeDelta::days(2), world.now() + TimeDelta::days(30));
    let lease = || AllocationCreate { starts_at: Some(starts), ends_at: Some(ends), ..AllocationCreate::default() };
    let mut made = Vec::new();
    for (code, action) in [("h1", MachineAction::Drain), ("h2", MachineAction::Cordon)] {
        world.machine(code).await;
        made.push(world.allocate(code, world.acme.id, lease()).await.unwrap());
        machines::act(p, &ctx, code, action, None).await.unwrap();
    }
    // Whoever takes a machine out of service reads what waits for it.
    let codes = ["h1".to_owned(), "h2".to_owned(), "none".to_owned()];
    let to_come = machines::leases_to_come(p, &ctx, &codes).await.unwrap();
    assert_eq!((to_come.len(), to_come["h1"].customer.as_str(), to_come["h1"].starts_at), (2, "Acme", starts));

    world.advance(TimeDelta::days(2)).await;
    world.run().await;
    for lease in &made {
        let now = allocations::get(p, &ctx, lease.allocation.id).await.unwrap();
        assert_eq!(now.allocation.state, AllocationState::Scheduled, "{}", now.allocation.machine);
        assert!(now.allocation.waits_since.is_some());
        assert_eq!(kinds(&now), ["created", "delayed"], "once");
    }
    let query = NotificationQuery::default();
    let notices = notifications::list(p, &world.acme.member.ctx(), &query).await.unwrap().list;
    let delayed = notices.iter().filter(|notice| notice.kind == NotificationKind::AllocationDelayed).count();
    assert_eq!(delayed, 2, "not as a machine that was given, which an older server calls theirs now: {notices:?}");
    let member = told(&world, &world.acme.member).await;
    assert!(!member.iter().any(|message| message.contains("now, until")), "{member:?}");
    assert_eq!(member.iter().filter(|message| message.contains("is not in service. It begins when it is")).count(), 2);
    let staff = told(&world, &world.admin).await;
    assert_eq!(staff.iter().filter(|message| message.contains("was to be Acme’s")).count(), 2, "{staff:?}");

    // Back in service, it begins by itself.
    machines::act(p, &world.admin.ctx(), "h1", MachineAction::Uncordon, None).await.unwrap();
    world.run().await;
    let begun = allocations::get(p, &ctx, made[0].allocation.id).await.unwrap();
    assert_eq!((begun.allocation.state, begun.allocation.waits_since), (AllocationState::Active, None));
    assert!(told(&world, &world.acme.member).await.iter().any(|message| message.contains("You have h1 now")));
    // What waited until its end is called off, and keeps nobody else off the machine.
    world.advance(TimeDelta::days(29)).await;
    assert_eq!(world.state(&made[1]).await, AllocationState::Cancelled);
}

/// While the one before is still being taken back, too: told of when it takes longer than that takes, and again when it
/// waits for something else.
#[tokio::test]
async fn a_lease_that_waits_for_the_one_before_does_not_begin_after_its_own_end() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let at = |days| Some(world.now() + TimeDelta::days(days));
    let (mut before, mut made) = (Vec::new(), Vec::new());
    // Nobody ever listened to these machines: what is looked at before they are free waits for somebody.
    for code in ["h1", "h2"] {
        world.machine(code).await;
        before.push(world.allocate(code, world.globex.id, months(1)).await.unwrap().allocation.id);
        let body = AllocationCreate { starts_at: at(40), ends_at: at(50), ..AllocationCreate::default() };
        made.push(world.allocate(code, world.acme.id, body).await.unwrap().allocation.id);
    }
    let told_of = async |kind: NotificationKind| {
        let query = NotificationQuery::default();
        let list = notifications::list(p, &world.acme.owner.ctx(), &query).await.unwrap().list;
        list.into_iter().filter(|notice| notice.kind == kind).map(|notice| notice.message).collect::<Vec<_>>()
    };
    let waits = async |id| {
        let now = allocations::get(p, &ctx, id).await.unwrap().allocation;
        (now.state, now.waits_for)
    };
    let leave_out = async |id| {
        for step in ["processes", "gpu_memory", "health"] {
            allocations::skip_step(p, &ctx, id, step).await.unwrap();
        }
        world.run().await;
    };
    world.advance(TimeDelta::days(40)).await;
    assert_eq!(waits(made[0]).await, (AllocationState::Scheduled, None), "that takes a while");
    world.advance(TimeDelta::hours(1)).await;
    world.run().await;
    assert_eq!(waits(made[0]).await, (AllocationState::Scheduled, Some(WaitReason::Occupied)));
    let delayed = told_of(NotificationKind::AllocationDelayed).await;
    assert_eq!(delayed.iter().filter(|message| message.contains("is not free yet")).count(), 2, "once: {delayed:?}");
    let staff = told(&world, &world.admin).await;
    assert!(staff.iter().any(|message| message.contains("Finish taking it back")), "{staff:?}");

    // It waits for what is in its way, whatever that was before.
    machines::act(p, &ctx, "h1", MachineAction::Cordon, None).await.unwrap();
    leave_out(before[0]).await;
    assert_eq!(waits(made[0]).await, (AllocationState::Scheduled, Some(WaitReason::OutOfService)));
    assert_eq!(told_of(NotificationKind::AllocationDelayed).await.len(), 3, "told anew");

    // What is free after the end is nobody's.
    world.advance(TimeDelta::days(12)).await;
    leave_out(before[1]).await;
    assert_eq!(waits(made[1]).await.0, AllocationState::Cancelled);
    let given = told_of(NotificationKind::AllocationGiven).await;
    assert!(!given.iter().any(|message| message.contains("now, until")), "{given:?}");
}

#[tokio::test]
async fn a_lease_waits_for_the_end_of_a_maintenance() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    world.machine("h1").await;
    let starts_at = Some(world.now() + TimeDelta::days(2));
    let made = world.allocate("h1", world.acme.id, AllocationCreate { starts_at, ..months(1) }).await.unwrap();
    let window = MaintenanceCreate {
        starts_at: Some(world.now() + TimeDelta::days(1)),
        ends_at: world.now() + TimeDelta::days(3),
        message: "New fans".to_owned(),
    };
    machines::plan_maintenance(p, &ctx, "h1", window).await.unwrap();
    pass(&world, TimeDelta::days(2)).await;
    assert_eq!(world.state(&made).await, AllocationState::Scheduled);
    let told = told(&world, &world.acme.owner).await;
    assert!(told.iter().any(|message| message.contains("the machine is under maintenance")), "{told:?}");
    pass(&world, TimeDelta::days(1) + TimeDelta::minutes(1)).await;
    assert_eq!(world.state(&made).await, AllocationState::Active);
}

#[tokio::test]
async fn that_a_lease_cannot_run_longer_is_said_before_it_is_tried() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    world.machine("h1").await;
    let id = world.allocate("h1", world.acme.id, months(2)).await.unwrap().allocation.id;
    assert!(allocations::may_extend(p, &ctx, id).await.unwrap().allowed);
    machines::act(p, &ctx, "h1", MachineAction::Drain, None).await.unwrap();
    let may = allocations::may_extend(p, &ctx, id).await.unwrap();
    assert!(!may.allowed && may.why_not.is_some_and(|why| why.contains("being drained")));
    assert!(allocations::may_extend(p, &world.acme.owner.ctx(), id).await.is_err(), "staff alone");
}

/// What has not begun is cancelled, not reclaimed; what is on its way back is free when its check-list is done.
#[tokio::test]
async fn what_is_in_the_way_is_called_what_it_is() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    world.machine("h1").await;
    let later = AllocationCreate { starts_at: Some(world.now() + TimeDelta::days(10)), ..months(2) };
    let made = world.allocate("h1", world.acme.id, later).await.unwrap().allocation;
    for action in [MachineAction::Retire, MachineAction::Delete] {
        let error = machines::act(p, &ctx, "h1", action, None).await.unwrap_err();
        assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-machine-scheduled"), "{action:?}");
        assert!(error.args.contains(&("customer", "Acme".to_owned())), "{error:?}");
    }
    allocations::end(p, &ctx, made.id, AllocationEnd::default()).await.unwrap();
    let made = world.allocate("h1", world.acme.id, months(1)).await.unwrap().allocation;
    let error = machines::act(p, &ctx, "h1", MachineAction::Retire, None).await.unwrap_err();
    assert_eq!(error.key, "error-machine-allocated");
    allocations::end(p, &ctx, made.id, AllocationEnd::default()).await.unwrap();
    let error = world.allocate("h1", world.globex.id, months(1)).await.unwrap_err();
    assert_eq!(first_fault(&error), (ErrorCode::Conflict, "months", "field-allocation-reclaiming"));
}

/// What is taken back before its time keeps nobody off the days after that.
#[tokio::test]
async fn a_machine_that_is_taken_back_is_lent_from_when_it_can_be_back() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    world.machine("h1").await;
    let made = world.allocate("h1", world.acme.id, months(3)).await.unwrap().allocation;
    allocations::end(p, &ctx, made.id, AllocationEnd::default()).await.unwrap();
    let from = |later: TimeDelta| AllocationCreate { starts_at: Some(world.now() + later), ..months(1) };
    let error = world.allocate("h1", world.globex.id, from(TimeDelta::minutes(30))).await.unwrap_err();
    assert_eq!(first_fault(&error), (ErrorCode::Conflict, "startsAt", "field-allocation-reclaiming"));
    assert!(error.args.contains(&("customer", "Acme".to_owned())), "who: {error:?}");
    assert!(error.fields[0].args.iter().any(|(name, _)| *name == "until"), "until when: {error:?}");
    let next = world.allocate("h1", world.globex.id, from(TimeDelta::days(2))).await.unwrap();
    assert_eq!(next.allocation.state, AllocationState::Scheduled);
    // It takes longer than was thought: others are kept off on and on, and who comes next waits.
    for _ in 0..3 {
        world.advance(TimeDelta::minutes(110)).await;
        let error = world.allocate("h1", world.globex.id, from(TimeDelta::minutes(5))).await.unwrap_err();
        assert_eq!(first_fault(&error).2, "field-allocation-reclaiming");
    }
    world.advance(TimeDelta::days(2)).await;
    assert_eq!(world.state(&next).await, AllocationState::Scheduled, "it is not back");
    for step in ["processes", "gpu_memory", "health"] {
        allocations::skip_step(p, &world.admin.ctx(), made.id, step).await.unwrap();
    }
    world.run().await;
    assert_eq!(world.state(&next).await, AllocationState::Active);
}

#[tokio::test]
async fn what_was_asked_for_is_taken_back_by_who_may_ask() {
    let world = World::new().await;
    let p = &world.test.platform;
    world.machine("h1").await;
    world.allocate("h1", world.acme.id, months(1)).await.unwrap();
    let (owner, member) = (world.acme.owner.ctx(), world.acme.member.ctx());
    let wish = || RenewalRequestCreate { months: Some(2), message: None };
    allocations::request_renewal(p, &owner, "h1", wish()).await.unwrap();
    let error = allocations::withdraw_renewal(p, &member, "h1").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden, "owners ask");
    let error = allocations::withdraw_renewal(p, &world.globex.owner.ctx(), "h1").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    let after = allocations::withdraw_renewal(p, &owner, "h1").await.unwrap();
    assert_eq!((after.requests[0].state, after.allocation.open_request), (RenewalState::Withdrawn, None));
    let event = after.events.last().unwrap();
    assert_eq!(
        (event.kind.as_str(), event.actor_name == world.acme.owner.principal.display_name),
        ("renewal_withdrawn", true)
    );
    let error = allocations::withdraw_renewal(p, &owner, "h1").await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-renewal-none-open"));
    let again = allocations::request_renewal(p, &owner, "h1", wish()).await.unwrap();
    assert!(again.allocation.open_request.is_some(), "and asked for anew");
    // Not without end, and staff hear of it once.
    let heard =
        async || told(&world, &world.admin).await.iter().filter(|message| message.contains("asks for h1")).count();
    for _ in 0..3 {
        allocations::withdraw_renewal(p, &owner, "h1").await.unwrap();
        allocations::request_renewal(p, &owner, "h1", wish()).await.unwrap();
    }
    allocations::withdraw_renewal(p, &owner, "h1").await.unwrap();
    let error = allocations::request_renewal(p, &owner, "h1", wish()).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-renewal-often"));
    assert!(!allocations::may_request_renewal(p, &owner, "h1").await.unwrap().allowed);
    assert_eq!(heard().await, 1);
    world.advance(TimeDelta::hours(25)).await;
    let owner = world.acme.owner.ctx();
    allocations::request_renewal(p, &owner, "h1", wish()).await.unwrap();
    assert_eq!(heard().await, 2);
}

/// Staff are led to what waits for an answer: what they were told says when nothing does any more.
#[tokio::test]
async fn what_staff_were_told_of_a_wish_says_that_it_was_taken_back() {
    let world = World::new().await;
    let p = &world.test.platform;
    world.machine("h1").await;
    world.allocate("h1", world.acme.id, months(1)).await.unwrap();
    let owner = world.acme.owner.ctx();
    let wish = |months| RenewalRequestCreate { months: Some(months), message: None };
    let heard = async || {
        let told = told(&world, &world.admin).await;
        told.into_iter().filter(|message| message.contains("asks for h1")).collect::<Vec<_>>()
    };
    allocations::request_renewal(p, &owner, "h1", wish(2)).await.unwrap();
    let first = heard().await;
    assert!(first.len() == 1 && !first[0].contains("taken back"), "{first:?}");
    allocations::withdraw_renewal(p, &owner, "h1").await.unwrap();
    let gone = heard().await;
    assert!(gone.len() == 1 && gone[0].contains("was taken back"), "{gone:?}");
    // Asked for anew, for longer: the same notice says so.
    allocations::request_renewal(p, &owner, "h1", wish(3)).await.unwrap();
    let again = heard().await;
    assert!(again.len() == 1 && !again[0].contains("taken back") && again != first, "{again:?}");
}

#[tokio::test]
async fn what_nobody_answered_is_closed_with_its_lease() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    world.machine("h1").await;
    let made = world.allocate("h1", world.acme.id, months(1)).await.unwrap().allocation;
    let owner = world.acme.owner.ctx();
    let wish = || RenewalRequestCreate { months: Some(2), message: None };
    let request = allocations::request_renewal(p, &owner, "h1", wish()).await.unwrap().allocation.open_request.unwrap();
    allocations::end(p, &ctx, made.id, AllocationEnd::default()).await.unwrap();
    let mine = allocations::of_machine(p, &owner, "h1").await.unwrap();
    let closed = &mine.requests[0];
    assert_eq!((mine.allocation.open_request, closed.state, closed.lapsed), (None, RenewalState::Withdrawn, true));
    assert_eq!(kinds(&mine).last(), Some(&"renewal_lapsed"), "{:?}", kinds(&mine));
    assert!(allocations::list_renewals(p, &ctx, true).await.unwrap().is_empty());
    let staff = told(&world, &world.admin).await;
    assert!(staff.iter().any(|message| message.contains("the allocation is over")), "{staff:?}");
    let action = Some("allocations:lapse-renewal".to_owned());
    let query = contract::audit::AuditQuery { action, ..Default::default() };
    let logged = platform::audit::list(p, &ctx, &query).await.unwrap().list;
    assert_eq!((logged.len(), logged[0].target_id.clone()), (1, Some(made.id.to_string())));
    let yes = RenewalDecision { approve: true, ..RenewalDecision::default() };
    let error = allocations::decide_renewal(p, &ctx, request, yes).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-renewal-decided"));
    let error = allocations::request_renewal(p, &owner, "h1", wish()).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-allocation-state"));
}

//! What the end of a lease may become, and who is told when it may not.

use contract::allocations::AllocationView;
use platform::customers;

use super::*;

fn until(ends_at: DateTime<Utc>) -> AllocationRenew {
    AllocationRenew { ends_at: Some(ends_at), ..AllocationRenew::default() }
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

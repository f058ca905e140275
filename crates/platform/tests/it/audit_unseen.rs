//! Who reaches for what is others' is answered as if it were not there, and is in the log all the same.

use contract::allocations::{AllocationCreate, AllocationEnd, RenewalRequestCreate};
use contract::audit::{AuditQuery, AuditView, OwnAuditQuery};
use contract::metrics::HistoryQuery;
use contract::{AllocationId, ErrorCode, InstanceId};
use platform::{allocations, audit, instances, machines, metrics};
use test_support::{TestPlatform, TestUser};

use crate::instances::{host, named, shop, small, tested};

async fn denied(test: &TestPlatform, admin: &TestUser) -> Vec<AuditView> {
    let query = AuditQuery { outcome: Some("denied".to_owned()), page_size: Some(100), ..AuditQuery::default() };
    audit::list(&test.platform, &admin.ctx(), &query).await.unwrap().list
}

/// Action, kind and id of what the log has newest of it; the answer is always that there is nothing.
async fn refused<T: std::fmt::Debug>(
    test: &TestPlatform,
    admin: &TestUser,
    who: &TestUser,
    tried: platform::Result<T>,
) -> (String, String, Option<String>) {
    let (error, before) = (tried.unwrap_err(), denied(test, admin).await.len());
    assert_eq!(error.code, ErrorCode::NotFound);
    platform::report(&test.platform, &who.ctx(), error).await;
    let mut rows = denied(test, admin).await;
    assert_eq!(rows.len(), before + 1, "one row for it");
    let row = rows.remove(0);
    (row.action, row.target_kind, row.target_id)
}

#[tokio::test]
async fn attempts_on_what_is_others_are_in_the_log() {
    let test = TestPlatform::new().await;
    let (p, admin) = (&test.platform, test.admin().await);
    let (acme, bravo) = (test.customer("Acme").await, test.customer("Bravo").await);
    test.node("host-1").await;
    let body = AllocationCreate { customer_id: Some(acme.id), months: Some(1), ..AllocationCreate::default() };
    let lease = allocations::create(p, &admin.ctx(), "host-1", body).await.unwrap().allocation.id;
    let (thief, ctx) = (&bravo.owner, bravo.owner.ctx());
    let of = |action: &str, kind: &str, id: &str| (action.to_owned(), kind.to_owned(), Some(id.to_owned()));

    let id = lease.to_string();
    let tried = allocations::get(p, &ctx, lease).await;
    assert_eq!(refused(&test, &admin, thief, tried).await, of("allocations:view", "allocation", &id));
    let tried = allocations::end(p, &ctx, lease, AllocationEnd::default()).await;
    assert_eq!(refused(&test, &admin, thief, tried).await, of("allocations:end", "allocation", &id));
    let tried = allocations::of_machine(p, &ctx, "host-1").await;
    assert_eq!(refused(&test, &admin, thief, tried).await, of("allocations:view", "machine", "host-1"));
    let wish = RenewalRequestCreate { months: Some(1), ..RenewalRequestCreate::default() };
    let tried = allocations::request_renewal(p, &ctx, "host-1", wish).await;
    assert_eq!(refused(&test, &admin, thief, tried).await, of("allocations:request-renewal", "machine", "host-1"));
    let tried = metrics::may_watch(p, &ctx, &contract::live::machine_topic("host-1")).await;
    assert_eq!(refused(&test, &admin, thief, tried).await, of("allocations:monitor", "machine", "host-1"));
    let tried = allocations::history(p, &ctx, "host-1", &HistoryQuery::default()).await;
    assert_eq!(refused(&test, &admin, thief, tried).await, of("allocations:monitor", "machine", "host-1"));
    let tried = machines::get(p, &ctx, "host-1").await;
    assert_eq!(refused(&test, &admin, thief, tried).await, of("machines:view", "machine", "host-1"));

    // To the customer who tried it, what it may not see is not there: its own log does not say otherwise.
    let own = audit::list_own(p, &ctx, &OwnAuditQuery::default()).await.unwrap().list;
    assert!(own.iter().all(|row| row.target_kind != "allocation"), "{own:?}");
}

#[tokio::test]
async fn an_instance_of_others_is_one_of_them() {
    let test = TestPlatform::new().await;
    let (p, admin) = (&test.platform, test.admin().await);
    let (acme, bravo) = (test.customer("Acme").await, test.customer("Bravo").await);
    host(&test, &admin.ctx(), "host-001", 1, "/nonexistent/docker.sock").await;
    tested(&test, "host-001").await;
    let shop = shop(&test, &admin.ctx(), "library/small:1", small()).await;
    let made = instances::create(p, &acme.owner.ctx(), named("one", &shop)).await.unwrap();
    let tried = instances::get(p, &bravo.owner.ctx(), made.id).await;
    let row = refused(&test, &admin, &bravo.owner, tried).await;
    assert_eq!(row, ("instances:use".to_owned(), "instance".to_owned(), Some(made.id.to_string())));
}

#[tokio::test]
async fn a_guess_at_nothing_and_what_one_had_are_no_attempts() {
    let test = TestPlatform::new().await;
    let (p, admin) = (&test.platform, test.admin().await);
    let acme = test.customer("Acme").await;
    test.node("host-1").await;
    let body = AllocationCreate { customer_id: Some(acme.id), months: Some(1), ..AllocationCreate::default() };
    let lease = allocations::create(p, &admin.ctx(), "host-1", body).await.unwrap().allocation.id;
    allocations::end(p, &admin.ctx(), lease, AllocationEnd::default()).await.unwrap();
    let ctx = acme.owner.ctx();
    let errors = [
        allocations::get(p, &ctx, AllocationId(999_999)).await.unwrap_err(),
        allocations::of_machine(p, &ctx, "host-999").await.unwrap_err(),
        instances::get(p, &ctx, InstanceId(999_999)).await.unwrap_err(),
        // The page of a machine that is on its way back asks once more.
        metrics::may_watch(p, &ctx, &contract::live::machine_topic("host-1")).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.code, ErrorCode::NotFound);
        platform::report(p, &ctx, error).await;
    }
    assert!(denied(&test, &admin).await.is_empty());
}

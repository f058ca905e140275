//! How long the audit log is kept, and what its customers see of it.

use chrono::{DateTime, Months, TimeDelta, Utc};
use contract::allocations::AllocationCreate;
use contract::audit::{AuditQuery, OwnAuditQuery};
use contract::{CustomerId, ErrorCode};
use platform::audit::{self, Anchor, Entry};
use platform::settings::{self, Change};
use platform::{OpContext, Principal, SystemActor, Via, allocations};
use sqlx::AssertSqlSafe;
use test_support::{TestPlatform, eventually};

async fn owner_does(test: &TestPlatform, statement: String) {
    let done = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(test.owner_pool()).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

async fn count(test: &TestPlatform, what: &'static str) -> i64 {
    sqlx::query_scalar(what).fetch_one(test.owner_pool()).await.unwrap()
}

/// The first day of the month so many months ago.
fn month(ago: u32) -> DateTime<Utc> {
    let first = Utc::now().date_naive().format("%Y-%m-01T00:00:00Z").to_string();
    first.parse::<DateTime<Utc>>().unwrap() - Months::new(ago)
}

async fn record_at(test: &TestPlatform, at: DateTime<Utc>, number: usize) {
    let principal = Principal::System(SystemActor::Operator);
    let ctx = OpContext::new(principal, at, Via::System, "test-old", None, contract::accounts::Language::En);
    let entry = Entry {
        action: "machines:update",
        target_kind: "machine",
        target_id: Some(format!("host-{number}")),
        customer: Some(CustomerId(7)),
        before: None,
        after: None,
    };
    let mut tx = test.platform.db().begin(&ctx).await.unwrap();
    audit::record_in_tx(&mut tx, &ctx, entry).await.unwrap();
    tx.commit().await.unwrap();
}

const UNSEALED: &str = "select count(*) from audit_events e
                        where not exists (select from audit_seals s where s.audit_id = e.id)";

async fn seal(test: &TestPlatform) {
    eventually("every row to be sealed", async || {
        audit::seal(&test.platform).await.unwrap();
        (count(test, UNSEALED).await == 0).then_some(())
    })
    .await;
}

async fn keep_for(test: &TestPlatform, days: i64) {
    let admin = test.admin().await;
    let change = Change { key: "general.audit_retention_days".to_owned(), value: days.into(), version: None };
    settings::change(&test.platform, &admin.ctx(), vec![change]).await.unwrap();
}

/// A log over thirteen months, sealed in the order of writing: 4 rows twelve months ago, 3 eleven months ago with one of
/// the month before among them, as a transaction that was slow leaves it, and 2 of now.
async fn year() -> TestPlatform {
    let test = TestPlatform::new().await;
    for (from, to) in [(13, 7), (7, 0)] {
        let (from, to) = (month(from).to_rfc3339(), month(to).to_rfc3339());
        owner_does(&test, format!("select ensure_partitions('{from}', '{to}')")).await;
    }
    let (oldest, next) = (month(12) + TimeDelta::days(3), month(11) + TimeDelta::days(3));
    for number in 1..=4 {
        record_at(&test, oldest, number).await;
    }
    seal(&test).await;
    record_at(&test, next, 5).await;
    seal(&test).await;
    record_at(&test, oldest, 6).await;
    seal(&test).await;
    for number in 7..=8 {
        record_at(&test, next, number).await;
    }
    for number in 9..=10 {
        record_at(&test, Utc::now(), number).await;
    }
    seal(&test).await;
    test
}

async fn verify(test: &TestPlatform, noted: &[Anchor]) -> audit::ChainReport {
    audit::verify_chain(&test.platform, noted, &[]).await.unwrap()
}

/// What is left of the log when the month after the oldest one is the first that is kept.
async fn cut() -> (TestPlatform, Vec<Anchor>) {
    let test = year().await;
    let mut noted = Vec::new();
    for position in [2_i64, 4, 5, 10] {
        let hash: Vec<u8> = sqlx::query_scalar("select hash from audit_seals where position = $1")
            .bind(position)
            .fetch_one(test.owner_pool())
            .await
            .unwrap();
        noted.push(Anchor { position, hash: hash.try_into().unwrap() });
    }
    // Longer ago than the beginning of the month that stays, not longer than its end.
    let days = (Utc::now() - month(11)).num_days() - 1;
    keep_for(&test, days).await;
    assert_eq!(audit::prune(&test.platform).await.unwrap(), 5, "the whole month and nothing else");
    (test, noted)
}

#[tokio::test]
async fn whole_months_are_dropped_and_the_rest_is_verified_from_an_anchor() {
    let (test, noted) = cut().await;
    let left: Vec<String> =
        sqlx::query_scalar("select target_id from audit_events where target_kind = 'machine' order by id")
            .fetch_all(test.owner_pool())
            .await
            .unwrap();
    assert_eq!(left, ["host-5", "host-7", "host-8", "host-9", "host-10"]);
    seal(&test).await;
    let report = verify(&test, &noted).await;
    assert_eq!(report.broken, None, "{report:?}");
    let pruned = report.pruned.expect("it says what is gone");
    assert_eq!((pruned.before, pruned.anchor), (month(11), noted[1]), "cut before the first event that stays");
    assert_eq!((report.unknown, report.unsealed), (1, 0), "an older end cannot be compared any more");
    let admin = test.admin().await;
    let query = AuditQuery { action: Some("audit:prune".to_owned()), ..Default::default() };
    let row = audit::list(&test.platform, &admin.ctx(), &query).await.unwrap().list.pop().expect("the log says so");
    let after = row.after.unwrap();
    assert_eq!((after["events"].as_i64(), after["position"].as_i64()), (Some(5), Some(4)));
    assert_eq!((row.actor_name.as_str(), row.sealed), ("sealer", true));
    assert_eq!(audit::prune(&test.platform).await.unwrap(), 0, "once");

    // The chain goes on, and the next month goes in its turn.
    keep_for(&test, 180).await;
    assert_eq!(audit::prune(&test.platform).await.unwrap(), 3);
    seal(&test).await;
    let report = verify(&test, &noted).await;
    assert_eq!((report.broken, report.unknown), (None, 3), "{report:?}");
}

#[tokio::test]
async fn what_is_done_to_the_rest_of_a_cut_chain_shows() {
    for (what, statement, position) in [
        ("an event that stays is deleted", "delete from audit_events where target_id = 'host-7'", 7),
        ("an event that stays is changed", "update audit_events set actor_name = 'x' where target_id = 'host-8'", 8),
        ("a seal of a dropped event is changed", "update audit_seals set hash = sha256('x') where position = 6", 7),
        ("a seal of a dropped event is deleted", "delete from audit_seals where position = 6", 6),
        ("the anchor is another", "update audit_anchors set hash = sha256('x')", 4),
        ("more is said to be dropped", "update audit_anchors set position = 5", 5),
        ("the log's own word is taken away", "delete from audit_events where action = 'audit:prune'", 4),
    ] {
        let (test, _) = cut().await;
        seal(&test).await;
        assert_eq!(verify(&test, &[]).await.broken, None, "{what}");
        owner_does(&test, statement.to_owned()).await;
        assert_eq!(verify(&test, &[]).await.broken.map(|(position, _)| position), Some(position), "{what}");
    }
}

#[tokio::test]
async fn nothing_is_dropped_before_half_a_year_or_before_it_is_sealed() {
    let test = year().await;
    assert_eq!(audit::prune(&test.platform).await.unwrap(), 0, "for ever, where nothing is set");
    let admin = test.admin().await;
    let change = Change { key: "general.audit_retention_days".to_owned(), value: 179.into(), version: None };
    let refused = settings::change(&test.platform, &admin.ctx(), vec![change]).await.unwrap_err();
    assert_eq!((refused.code, refused.fields[0].key), (ErrorCode::Validation, "field-number-or-never"));
    // Whoever asks: the function itself keeps that much, and rows cannot be deleted without it.
    let ctx = test.system(SystemActor::Sealer);
    let mut tx = test.platform.db().begin(&ctx).await.unwrap();
    let early = sqlx::raw_sql("select * from prune_audit(now() - interval '170 days')").execute(&mut *tx).await;
    assert!(early.unwrap_err().to_string().contains("at least 180 days"));
    drop(tx);
    let mut tx = test.platform.db().begin(&ctx).await.unwrap();
    let forged = "insert into audit_anchors (pruned_before, position, hash, events) values (now(), 1, sha256('x'), 0)";
    assert!(sqlx::raw_sql(forged).execute(&mut *tx).await.is_err(), "anchors come from the function alone");
    drop(tx);

    record_at(&test, month(12), 11).await;
    keep_for(&test, 180).await;
    assert_eq!(audit::prune(&test.platform).await.unwrap(), 0, "a row of that time is not sealed yet");
    seal(&test).await;
    assert_eq!(audit::prune(&test.platform).await.unwrap(), 9);
    let servers = [test.platform.clone(), test.another_server().await];
    let again = futures_util::future::join_all(servers.iter().map(audit::prune)).await;
    assert!(again.into_iter().all(|dropped| dropped.unwrap() == 0));
}

#[tokio::test]
async fn owners_see_what_concerns_their_customer_and_staff_as_staff() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let (acme, globex) = (test.customer("Acme").await, test.customer("Globex").await);
    test.node("host-001").await;
    let lend = |customer: CustomerId| AllocationCreate {
        customer_id: Some(customer),
        months: Some(1),
        remark: Some("pays late".to_owned()),
        ..AllocationCreate::default()
    };
    allocations::create(&test.platform, &admin.ctx(), "host-001", lend(acme.id)).await.unwrap();
    let wish = contract::allocations::RenewalRequestCreate { months: Some(1), ..Default::default() };
    allocations::request_renewal(&test.platform, &acme.owner.ctx(), "host-001", wish).await.unwrap();

    let list = async |ctx: OpContext, query: OwnAuditQuery| audit::list_own(&test.platform, &ctx, &query).await;
    let seen = list(acme.owner.ctx(), OwnAuditQuery::default()).await.unwrap();
    let facts: Vec<_> = seen
        .list
        .iter()
        .map(|row| (row.action.as_str(), row.actor_kind.as_str(), row.actor_name.as_deref(), row.address.as_deref()))
        .collect();
    let own = (Some(acme.owner.name.as_str()), Some("192.0.2.1"));
    let expected =
        [("allocations:request-renewal", "member", own.0, own.1), ("allocations:create", "staff", None, None)];
    assert_eq!((facts.as_slice(), seen.total), (&expected[..], 2), "newest first");
    let said = serde_json::to_string(&seen).unwrap();
    assert!(!said.contains("pays late") && !said.contains(&admin.name), "{said}");

    assert_eq!(list(globex.owner.ctx(), OwnAuditQuery::default()).await.unwrap().total, 0, "another's");
    for ctx in [acme.member.ctx(), admin.ctx(), test.outsider("stranger").await.ctx()] {
        let refused = list(ctx, OwnAuditQuery::default()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
    }
    let by = |actor: &str| OwnAuditQuery { actor: Some(actor.to_owned()), ..Default::default() };
    assert_eq!(list(acme.owner.ctx(), by("owner")).await.unwrap().total, 1);
    assert_eq!(list(acme.owner.ctx(), by("admin")).await.unwrap().total, 0, "nobody is looked for by a name of staff");
    let action = OwnAuditQuery { action: Some("allocations:create".to_owned()), ..Default::default() };
    assert_eq!(list(acme.owner.ctx(), action).await.unwrap().total, 1);
    let past = OwnAuditQuery { page: Some(9), ..Default::default() };
    assert_eq!(list(acme.owner.ctx(), past).await.unwrap().total, 2);
    let (actions, kinds) = audit::own_facets(&test.platform, &acme.owner.ctx()).await.unwrap();
    assert_eq!((actions.len(), kinds.as_slice()), (2, &["allocation".to_owned()][..]));

    audit::note_export_own(&test.platform, &acme.owner.ctx(), &OwnAuditQuery::default()).await.unwrap();
    let mut taken = Vec::new();
    audit::export_own(&test.platform, &acme.owner.ctx(), &OwnAuditQuery::default(), |row| {
        taken.push(row.action);
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(taken, ["audit:export", "allocations:request-renewal", "allocations:create"]);
}

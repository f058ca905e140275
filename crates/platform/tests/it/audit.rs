//! The audit log: in the transaction of the change, insert-only, and a chain that shows what was done to it.

use contract::accounts::{LoginRequest, MemberRole};
use contract::audit::{AuditQuery, OwnAuditQuery};
use contract::customers::MemberCreate;
use contract::machines::{JoinTokenCreate, MachineCreate};
use contract::{CustomerId, ErrorCode};
use platform::audit::{self, Entry};
use platform::{OpContext, Platform, SystemActor, customers, machines};
use sqlx::{AssertSqlSafe, PgPool};
use test_support::{TestPlatform, eventually};

fn entry(number: usize) -> Entry {
    Entry {
        action: "machines:update",
        target_kind: "machine",
        target_id: Some(format!("host-{number}")),
        customer: Some(CustomerId(7)),
        before: Some(serde_json::json!({ "name": "before", "nested": { "b": 1, "a": [1.50, null] } })),
        after: Some(serde_json::json!({ "name": "名前", "number": number })),
    }
}

async fn record(platform: &Platform, ctx: &OpContext, number: usize) {
    let mut tx = platform.db().begin(ctx).await.unwrap();
    audit::record_in_tx(&mut tx, ctx, entry(number)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn seal(platform: &Platform) -> usize {
    audit::seal(platform).await.unwrap()
}

async fn verify(platform: &Platform) -> (u64, Option<(i64, &'static str)>) {
    let report = audit::verify_chain(platform, &[], &[]).await.unwrap();
    (report.checked, report.broken)
}

async fn count(pool: &PgPool, what: &'static str) -> i64 {
    sqlx::query_scalar(what).fetch_one(pool).await.unwrap()
}

async fn owner_reads(test: &TestPlatform, query: &'static str) -> Vec<String> {
    sqlx::query_scalar(query).fetch_all(test.owner_pool()).await.unwrap()
}

async fn owner_does(test: &TestPlatform, statement: impl Into<String>) {
    let statement = statement.into();
    let done = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(test.owner_pool()).await;
    done.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

const UNSEALED: &str = "select count(*) from audit_events e
                        where not exists (select from audit_seals s where s.audit_id = e.id)";

/// Seals until nothing is left. Transactions of other tests' databases are running too, and the sealer waits for them.
async fn seal_everything(test: &TestPlatform) {
    eventually("every row to be sealed", async || {
        seal(&test.platform).await;
        (count(test.owner_pool(), UNSEALED).await == 0).then_some(())
    })
    .await;
}

/// A platform with `rows` sealed rows, at positions 1 to `rows`.
async fn sealed(rows: usize) -> TestPlatform {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    for number in 1..=rows {
        record(&test.platform, &admin.ctx(), number).await;
    }
    seal_everything(&test).await;
    assert_eq!(verify(&test.platform).await, (rows as u64, None));
    test
}

/// The first position that does not fit; `None` for a whole chain.
async fn broken_at(test: &TestPlatform) -> Option<i64> {
    verify(&test.platform).await.1.map(|(position, _)| position)
}

#[tokio::test]
async fn a_change_that_is_rolled_back_leaves_no_row() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let mut tx = test.platform.db().begin(&admin.ctx()).await.unwrap();
    audit::record_in_tx(&mut tx, &admin.ctx(), entry(1)).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(count(test.owner_pool(), "select count(*) from audit_events").await, 0);
    record(&test.platform, &admin.ctx(), 2).await;
    assert_eq!(count(test.owner_pool(), "select count(*) from audit_events").await, 1);
}

#[tokio::test]
async fn an_operation_and_its_row_happen_together_or_not_at_all() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let machine = MachineCreate { id: Some("host-1".to_owned()), name: "host-1".to_owned(), ..Default::default() };
    machines::create(&test.platform, &admin.ctx(), machine.clone()).await.unwrap();
    let error = machines::create(&test.platform, &admin.ctx(), machine).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::AlreadyExists);
    let row: (String, i64, String, Option<String>, String, String) = sqlx::query_as(
        "select actor_kind, actor_id, actor_name, target_id, via, host(address) from audit_events
         where action = 'machines:create' and outcome = 'done'",
    )
    .fetch_one(test.owner_pool())
    .await
    .expect("exactly one row: of the creation that happened");
    let expected = ("user", admin.id.0, admin.name.as_str(), Some("host-1"), "rest", "192.0.2.1");
    assert_eq!((row.0.as_str(), row.1, row.2.as_str(), row.3.as_deref(), row.4.as_str(), row.5.as_str()), expected);

    // And the other way round: no row, no change.
    owner_does(
        &test,
        "alter table audit_events add constraint full_disk check (action <> 'machines:create') not valid",
    )
    .await;
    let second = MachineCreate { id: Some("host-2".to_owned()), name: "host-2".to_owned(), ..Default::default() };
    machines::create(&test.platform, &admin.ctx(), second).await.unwrap_err();
    assert_eq!(count(test.owner_pool(), "select count(*) from machines").await, 1);
}

#[tokio::test]
async fn a_refusal_is_recorded_by_the_boundary() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    test.node("host-1").await;
    for ctx in [acme.member.ctx(), test.anonymous()] {
        let error = machines::get(&test.platform, &ctx, "host-1").await.unwrap_err();
        platform::report(&test.platform, &ctx, error).await;
    }
    let rows: Vec<(String, Option<i64>, String, String)> = sqlx::query_as(
        "select actor_kind, actor_id, action, target_kind from audit_events where outcome = 'denied' order by id",
    )
    .fetch_all(test.owner_pool())
    .await
    .unwrap();
    let row = |kind: &str, id| (kind.to_owned(), id, "machines:view".to_owned(), "machine".to_owned());
    assert_eq!(rows, [row("user", Some(acme.member.id.0)), row("anonymous", None)]);
}

#[tokio::test]
async fn secrets_never_enter_the_log() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let node = test.node("host-1").await;
    let token = machines::create_join_token(&test.platform, &admin.ctx(), JoinTokenCreate::default()).await.unwrap();
    let guess = "a password typed wrongly";
    for (username, password) in [(admin.name.as_str(), guess), (guess, guess), (&admin.name, admin.password)] {
        let request =
            LoginRequest { username: username.to_owned(), password: password.to_owned(), ..Default::default() };
        let _ = platform::accounts::sign_in(&test.platform, &test.anonymous(), &request).await;
    }
    let log: String = sqlx::query_scalar("select string_agg(e::text, ' ') from audit_events e")
        .fetch_one(test.owner_pool())
        .await
        .unwrap();
    for outcome in ["machines:create-join-token", "machines:join", "failed", "done"] {
        assert!(log.contains(outcome), "{outcome} is in the log that is searched");
    }
    for secret in [guess, admin.password, &token.secret, &node.key] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn the_application_can_neither_change_nor_remove_rows() {
    let test = sealed(2).await;
    let admin = test.admin().await;
    for ctx in [admin.ctx(), test.system(SystemActor::Sealer), test.system(SystemActor::Operator)] {
        for statement in [
            "update audit_events set action = 'x'",
            "delete from audit_events",
            "truncate audit_events",
            "update audit_seals set position = 9",
            "delete from audit_seals",
            "truncate audit_seals",
        ] {
            let mut tx = test.platform.db().begin(&ctx).await.unwrap();
            let error = sqlx::raw_sql(statement).execute(&mut *tx).await.expect_err(statement);
            let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
            assert_eq!(code.as_deref(), Some("42501"), "{statement}: {error}");
        }
    }
    assert_eq!(broken_at(&test).await, None);
}

/// A server of the version before seals what one of this version wrote, while one takes over from the other.
#[tokio::test]
async fn what_a_server_of_before_sealed_fits_as_it_was_sealed() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    record(&test.platform, &acme.owner.ctx(), 1).await;
    let body = MemberCreate { username: "ann".to_owned(), ..MemberCreate::default() };
    customers::add_member(&test.platform, &admin.ctx(), acme.id, body).await.unwrap();
    let with_side = "select count(*) from audit_events where actor_side is not null";
    assert!(count(test.owner_pool(), with_side).await > 0);
    owner_does(
        &test,
        "do $$
         declare
           e audit_events;
           position bigint := 0;
           link bytea := decode(repeat('00', 32), 'hex');
           next bytea;
         begin
           for e in select * from audit_events order by id loop
             position := position + 1;
             next := sha256(link || convert_to(jsonb_build_array(e.id, extract(epoch from e.at)::text, e.actor_kind,
               e.actor_id, e.actor_name, e.via, host(e.address), e.action, e.target_kind, e.target_id, e.customer_id,
               e.outcome, e.before, e.after, e.request_id)::text, 'utf8'));
             insert into audit_seals (position, audit_id, at, prev_hash, hash) values (position, e.id, e.at, link, next);
             link := next;
           end loop;
         end $$",
    )
    .await;
    assert_eq!(broken_at(&test).await, None);
    record(&test.platform, &admin.ctx(), 2).await;
    seal_everything(&test).await;
    let (checked, broken) = verify(&test.platform).await;
    assert_eq!((broken, checked > 2), (None, true), "both forms in one chain");
    for (form, position) in [(2, 1), (1, checked)] {
        owner_does(&test, format!("update audit_seals set form = {form} where position = {position}")).await;
        assert_eq!(broken_at(&test).await, i64::try_from(position).ok(), "the form is of the seal");
        owner_does(&test, format!("update audit_seals set form = {} where position = {position}", 3 - form)).await;
    }
}

#[tokio::test]
async fn who_did_it_stays_who_they_were_when_they_leave() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let (acme, globex) = (test.customer("Acme").await, test.customer("Globex").await);
    let added = MemberCreate { username: "ann".to_owned(), ..MemberCreate::default() };
    customers::add_member(&test.platform, &admin.ctx(), acme.id, added).await.unwrap();
    customers::add_member(
        &test.platform,
        &admin.ctx(),
        globex.id,
        MemberCreate { username: "ann".to_owned(), existing: true, ..MemberCreate::default() },
    )
    .await
    .unwrap();
    let ann: i64 =
        sqlx::query_scalar("select id from users where name = 'ann'").fetch_one(test.owner_pool()).await.unwrap();
    let platform = &test.platform;
    customers::remove_my_member(platform, &acme.owner.ctx(), acme.member.id).await.unwrap();
    customers::remove_my_member(platform, &acme.owner.ctx(), contract::UserId(ann)).await.unwrap();
    // The owner goes too; whoever comes next reads what they did by their name, and nothing of what ann is elsewhere.
    owner_does(&test, format!("delete from memberships where user_id = {}", acme.owner.id)).await;
    owner_does(&test, format!("update users set name = 'ann-of-globex' where id = {ann}")).await;
    let mut heir = acme.member.clone();
    heir.principal.memberships = vec![(acme.id, MemberRole::Owner)];
    owner_does(
        &test,
        format!("insert into memberships (customer_id, user_id, role) values ({}, {}, 'owner')", acme.id, heir.id),
    )
    .await;
    let list = audit::list_own(platform, &heir.ctx(), &OwnAuditQuery::default()).await.unwrap().list;
    let told: Vec<_> = list
        .iter()
        .map(|row| {
            (row.action.as_str(), row.actor_kind.as_str(), row.actor_name.as_deref(), row.target_name.as_deref())
        })
        .collect();
    let owner = Some(acme.owner.name.as_str());
    let removed = |who| ("customers:remove-member", "member", owner, Some(who));
    assert_eq!(
        told,
        [removed("ann"), removed(acme.member.name.as_str()), ("customers:add-member", "staff", None, Some("ann"))]
    );
    let theirs = audit::list_own(platform, &globex.owner.ctx(), &OwnAuditQuery::default()).await.unwrap().list;
    let told: Vec<_> = theirs
        .iter()
        .map(|row| (row.actor_kind.as_str(), row.actor_name.as_deref(), row.target_name.as_deref()))
        .collect();
    assert_eq!(told, [("staff", None, Some("ann-of-globex"))], "staff stay staff");
}

#[tokio::test]
async fn an_edit_of_any_column_shows() {
    let test = sealed(5).await;
    for (column, edited) in [
        ("actor_kind", "'system'"),
        ("actor_id", "actor_id + 1"),
        ("actor_id", "null"),
        ("actor_name", "'somebody else'"),
        ("via", "'cli'"),
        ("address", "'198.51.100.1'"),
        ("action", "'machines:create'"),
        ("target_kind", "'user'"),
        ("target_id", "'host-9'"),
        ("customer_id", "8"),
        ("outcome", "'failed'"),
        ("before", "null"),
        ("before", "jsonb_set(before, '{nested,a,0}', '1.51')"),
        ("after", "after || '{\"number\": 99}'"),
        ("request_id", "'another'"),
        ("actor_side", "'customer'"),
        ("actor_side", "null"),
        ("user_agent", "'curl/8.5'"),
        ("at", "at + interval '1 microsecond'"),
    ] {
        owner_does(&test, "create table kept as select * from audit_events where id = 3").await;
        let edit = format!("update audit_events set {column} = {edited} where id = 3");
        owner_does(&test, edit).await;
        assert_eq!(broken_at(&test).await, Some(3), "{column} = {edited}");
        // Put back, it fits again: what broke the chain was this edit and nothing else.
        owner_does(&test, "delete from audit_events where id = 3; insert into audit_events select * from kept").await;
        owner_does(&test, "drop table kept").await;
        assert_eq!(broken_at(&test).await, None, "{column} restored");
    }
}

/// While one version takes over from another, both seal; each seal is of the text of its version.
#[tokio::test]
async fn a_seal_is_of_the_text_of_its_form() {
    let test = sealed(3).await;
    assert_eq!(owner_reads(&test, "select form::text from audit_seals").await, ["4"; 3]);
    for form in [1, 2, 3] {
        owner_does(&test, format!("update audit_seals set form = {form} where position = 2")).await;
        assert_eq!(broken_at(&test).await, Some(2), "the text of form {form} is another");
    }
}

#[tokio::test]
async fn deletion_insertion_and_reordering_show() {
    let move_aside = "update audit_seals set position = -position, audit_id = -audit_id where position in (2, 4);";
    for (what, statement, position) in [
        ("an event deleted", "delete from audit_events where id = 4".to_owned(), 4),
        ("a seal deleted", "delete from audit_seals where position = 2".to_owned(), 2),
        (
            "both deleted",
            "delete from audit_events where id = 3; delete from audit_seals where position = 3".to_owned(),
            3,
        ),
        (
            "deleted and closed up",
            "delete from audit_events where id = 3; delete from audit_seals where position = 3;
             update audit_seals set position = 3 where position = 4; update audit_seals set position = 4
             where position = 5"
                .to_owned(),
            3,
        ),
        ("the first deleted", "delete from audit_seals where position = 1".to_owned(), 1),
        (
            "two seals swapped",
            format!(
                "{move_aside} update audit_seals set position = 6 + position, audit_id = -audit_id where position < 0"
            ),
            2,
        ),
        (
            "two events swapped under their seals",
            format!(
                "{move_aside} update audit_seals set position = -position, audit_id = 6 + audit_id where position < 0"
            ),
            2,
        ),
        ("a hash replaced", "update audit_seals set hash = sha256('x') where position = 3".to_owned(), 3),
        ("a link replaced", "update audit_seals set prev_hash = sha256('x') where position = 3".to_owned(), 3),
    ] {
        let test = sealed(5).await;
        owner_does(&test, statement).await;
        assert_eq!(broken_at(&test).await, Some(position), "{what}");
    }
}

/// Who owns the database can make a chain that fits in itself: only what was noted elsewhere tells.
#[tokio::test]
async fn a_chain_that_was_rewritten_or_cut_off_shows_by_its_anchor() {
    let test = sealed(5).await;
    let platform = &test.platform;
    let noted = audit::verify_chain(platform, &[], &[]).await.unwrap().end.expect("five rows are sealed");
    assert_eq!(noted.position, 5);
    let broken =
        async || audit::verify_chain(platform, &[noted], &[]).await.unwrap().broken.map(|(position, _)| position);
    assert_eq!(broken().await, None);
    record(platform, &test.admin().await.ctx(), 6).await;
    seal_everything(&test).await;
    assert_eq!(broken().await, None, "it has only grown");

    owner_does(&test, "delete from audit_seals where position >= 4; delete from audit_events where id >= 4").await;
    assert_eq!((broken_at(&test).await, broken().await), (None, Some(5)), "cut off");
    // Edited before the seals were made anew: whole in itself.
    owner_does(&test, "delete from audit_seals; update audit_events set actor_name = 'nobody' where id = 2").await;
    for number in 7..=9 {
        record(platform, &test.admin().await.ctx(), number).await;
    }
    seal_everything(&test).await;
    assert_eq!((broken_at(&test).await, broken().await), (None, Some(5)), "rewritten");
}

#[tokio::test]
async fn a_running_transaction_holds_the_chain_back_and_is_not_skipped() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let mut slow = test.platform.db().begin(&admin.ctx()).await.unwrap();
    audit::record_in_tx(&mut slow, &admin.ctx(), entry(1)).await.unwrap();
    record(&test.platform, &admin.ctx(), 2).await;
    assert_eq!(seal(&test.platform).await, 0, "the second row waits for the transaction before it");
    slow.commit().await.unwrap();
    seal_everything(&test).await;
    let order: Vec<String> = sqlx::query_scalar(
        "select e.target_id from audit_seals s join audit_events e on e.id = s.audit_id order by s.position",
    )
    .fetch_all(test.owner_pool())
    .await
    .unwrap();
    assert_eq!(order, ["host-1", "host-2"]);
    assert_eq!(verify(&test.platform).await, (2, None));
}

#[tokio::test]
async fn a_row_with_a_lower_id_that_comes_late_is_sealed_at_the_end() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let taken: i64 = count(test.owner_pool(), "select nextval('audit_events_id')").await;
    record(&test.platform, &admin.ctx(), 2).await;
    seal_everything(&test).await;
    owner_does(
        &test,
        format!(
            "insert into audit_events (id, at, actor_kind, actor_name, via, action, target_kind, outcome, request_id)
             values ({taken}, now(), 'system', 's', 'system', 'a', 'k', 'done', 'r')"
        ),
    )
    .await;
    seal_everything(&test).await;
    let order: Vec<i64> = sqlx::query_scalar("select audit_id from audit_seals order by position")
        .fetch_all(test.owner_pool())
        .await
        .unwrap();
    assert_eq!(order, [taken + 1, taken]);
    assert_eq!(verify(&test.platform).await, (2, None));
}

#[tokio::test]
async fn the_sealer_looks_only_behind_its_last_horizon() {
    let test = sealed(3).await;
    let admin = test.admin().await;
    let add = async |xid: &str| {
        let statement = format!(
            "insert into audit_events (xid, at, actor_kind, actor_name, via, action, target_kind, outcome, request_id)
             values ('{xid}', now(), 'system', 's', 'system', 'a', 'k', 'done', 'r')"
        );
        owner_does(&test, statement).await;
    };
    // No transaction of before can bring a row any more; one made by hand is not looked for.
    add("3").await;
    record(&test.platform, &admin.ctx(), 4).await;
    let sealed = "select count(*) from audit_seals";
    eventually("the fourth row", async || {
        seal(&test.platform).await;
        (count(test.owner_pool(), sealed).await == 4).then_some(())
    })
    .await;
    assert_eq!(count(test.owner_pool(), UNSEALED).await, 1);
    // A backup put into a younger cluster: the numbers of its transactions lie in the future here, the horizon too.
    owner_does(&test, "update audit_seals set horizon = '900000000000' where position = 4").await;
    add("900000000007").await;
    record(&test.platform, &admin.ctx(), 5).await;
    seal_everything(&test).await;
    assert_eq!(verify(&test.platform).await, (7, None));
}

/// A copy of an event, with its time and its transaction: to the chain it looks as if it had always been there, unsealed.
pub async fn put_in_by_hand(pool: &PgPool, event: i64) {
    let copy = format!(
        "create table kept as select * from audit_events where id = {event};
         update kept set id = nextval('audit_events_id'), actor_name = 'somebody else';
         insert into audit_events select * from kept; drop table kept"
    );
    sqlx::raw_sql(AssertSqlSafe(copy)).execute(pool).await.unwrap();
}

#[tokio::test]
async fn an_event_that_is_dated_back_is_told_from_one_that_waits() {
    let test = sealed(3).await;
    let admin = test.admin().await;
    // Whatever ran beside the first seal is behind the horizon of the second.
    record(&test.platform, &admin.ctx(), 4).await;
    seal_everything(&test).await;
    record(&test.platform, &admin.ctx(), 5).await;
    let report = async || audit::verify_chain(&test.platform, &[], &[]).await.unwrap();
    let waits = report().await;
    assert_eq!((waits.broken, waits.unsealed, waits.outside), (None, 1, Vec::new()), "one waits");
    put_in_by_hand(test.owner_pool(), 2).await;
    let forged = report().await;
    assert_eq!((forged.broken, forged.unsealed, forged.outside.len()), (None, 2, 1));
    assert_eq!((forged.outside[0].id, forged.outside[0].action.as_str()), (6, "machines:update"));
    let list = audit::list(&test.platform, &admin.ctx(), &AuditQuery::default()).await.unwrap().list;
    let marks: Vec<_> = list.iter().map(|row| (row.id.0, row.sealed, row.outside_chain)).collect();
    assert!(marks.contains(&(6, false, true)) && marks.contains(&(5, false, false)), "{marks:?}");
    assert!(marks.iter().filter(|(.., outside)| *outside).count() == 1, "{marks:?}");
    // The sealer never takes it in.
    eventually("the fifth row to be sealed", async || {
        seal(&test.platform).await;
        (count(test.owner_pool(), UNSEALED).await == 1).then_some(())
    })
    .await;
    assert_eq!(report().await.outside.len(), 1);
}

#[tokio::test]
async fn an_event_that_is_put_in_now_and_dated_back_by_days_is_named_and_marked() {
    let test = sealed(3).await;
    let admin = test.admin().await;
    test.clock().advance(chrono::TimeDelta::days(2));
    record(&test.platform, &admin.ctx(), 4).await;
    seal_everything(&test).await;
    let report = async || audit::verify_chain(&test.platform, &[], &[]).await.unwrap();
    assert_eq!(report().await.dated_back, [], "nobody did anything for two days");
    owner_does(
        &test,
        "insert into audit_events (at, actor_kind, actor_name, via, action, target_kind, outcome, request_id)
         select at, 'user', 'somebody else', 'rest', 'machines:retire', 'machine', 'done', 'r' from audit_events where id = 1",
    )
    .await;
    seal_everything(&test).await;
    let forged = report().await;
    assert_eq!((forged.broken, forged.unsealed, forged.outside), (None, 0, Vec::new()), "it fits in itself");
    let named: Vec<_> = forged.dated_back.iter().map(|event| event.action.as_deref().unwrap()).collect();
    assert_eq!((named, forged.dated_back_total), (vec!["machines:retire"], 1));
    let position = forged.dated_back[0].position;
    let accepted =
        audit::verify_chain(&test.platform, &[], std::slice::from_ref(&(position..=position))).await.unwrap();
    assert_eq!((accepted.dated_back, accepted.dated_back_total), (Vec::new(), 0), "known by now");
    let list = audit::list(&test.platform, &admin.ctx(), &AuditQuery::default()).await.unwrap().list;
    let marked: Vec<_> = list.iter().filter(|row| row.dated_back).map(|row| row.seal()).collect();
    assert_eq!(marked, ["audit-dated-back"]);
}

#[tokio::test]
async fn several_sealers_make_one_chain() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let servers = [test.platform.clone(), test.another_server().await, test.another_server().await];
    let mut work = tokio::task::JoinSet::new();
    for server in servers {
        let admin = admin.clone();
        work.spawn(async move {
            for number in 0..20 {
                record(&server, &admin.ctx(), number).await;
                seal(&server).await;
            }
        });
    }
    while let Some(done) = work.join_next().await {
        done.unwrap();
    }
    seal_everything(&test).await;
    assert_eq!(verify(&test.platform).await, (60, None));
    let gaps = "select max(position) - count(*) from audit_seals";
    assert_eq!(count(test.owner_pool(), gaps).await, 0);
}

#[tokio::test]
async fn staff_read_the_log_filtered_and_by_page() {
    let test = sealed(5).await;
    let admin = test.admin().await;
    let error = machines::get(&test.platform, &test.anonymous(), "host-1").await.unwrap_err();
    platform::report(&test.platform, &test.anonymous(), error).await;
    let list = async |query: AuditQuery| audit::list(&test.platform, &admin.ctx(), &query).await;

    let all = list(AuditQuery::default()).await.unwrap();
    assert_eq!((all.total, all.list.len()), (6, 6));
    assert_eq!((all.list[0].outcome.as_str(), all.list[0].sealed), ("denied", false), "newest first, not yet sealed");
    assert_eq!((all.list[1].target_id.as_deref(), all.list[1].sealed), (Some("host-5"), true));

    let by_target = AuditQuery { target_id: Some("host-2".to_owned()), ..Default::default() };
    assert_eq!(list(by_target).await.unwrap().total, 1);
    let denied = AuditQuery { outcome: Some("denied".to_owned()), ..Default::default() };
    assert_eq!(list(denied).await.unwrap().total, 1);
    let page = AuditQuery { page: Some(2), page_size: Some(4), ..Default::default() };
    let page = list(page).await.unwrap();
    assert_eq!((page.total, page.list.len()), (6, 2));
    let past = AuditQuery { page: Some(9), page_size: Some(4), ..Default::default() };
    let past = list(past).await.unwrap();
    assert_eq!((past.total, past.list.len()), (6, 0), "a page past the end still tells the total");
    let wrong = AuditQuery { page: Some(0), page_size: Some(101), ..Default::default() };
    let error = list(wrong).await.unwrap_err();
    assert_eq!((error.code, error.fields.len()), (ErrorCode::Validation, 2));
}

#[tokio::test]
async fn a_filter_that_no_row_can_have_is_named() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let query = |outcome: &str| AuditQuery { outcome: Some(outcome.to_owned()), ..AuditQuery::default() };
    let error = audit::list(&test.platform, &admin.ctx(), &query("zzz")).await.unwrap_err();
    assert_eq!((error.fields[0].path, error.fields[0].key), ("outcome", "field-unknown-value"));
    assert!(audit::note_export(&test.platform, &admin.ctx(), &query("zzz")).await.is_err());
    for known in ["done", "denied", "failed"] {
        audit::list(&test.platform, &admin.ctx(), &query(known)).await.unwrap();
    }
}

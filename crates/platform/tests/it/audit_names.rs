//! What the things of the log are called, those that are gone too.

use contract::accounts::ApiTokenCreate;
use contract::allocations::AllocationCreate;
use contract::announcements::AnnouncementEdit;
use contract::audit::{AuditQuery, OwnAuditQuery};
use contract::customers::CustomerUpdate;
use contract::roles::RoleWrite;
use contract::users::UserUpdate;
use platform::accounts::users;
use platform::{accounts, allocations, announcements, audit, customers, machines, roles};
use test_support::{TestPlatform, TestUser};

async fn names(test: &TestPlatform, admin: &TestUser, kind: &str) -> Vec<Option<String>> {
    let query = AuditQuery { target_kind: Some(kind.to_owned()), ..AuditQuery::default() };
    let list = audit::list(&test.platform, &admin.ctx(), &query).await.unwrap().list;
    list.into_iter().map(|row| row.target_name).collect()
}

fn all(count: usize, name: &str) -> Vec<Option<String>> {
    vec![Some(name.to_owned()); count]
}

#[tokio::test]
async fn a_thing_that_is_gone_keeps_the_name_it_had_last() {
    let test = TestPlatform::new().await;
    let (p, admin) = (&test.platform, test.admin().await);
    let body = |name: &str| RoleWrite { name: name.to_owned(), ..RoleWrite::default() };
    let role = roles::create(p, &admin.ctx(), body("Night")).await.unwrap().id;
    roles::update(p, &admin.ctx(), role, body("Night shift")).await.unwrap();
    assert_eq!(names(&test, &admin, "role").await, all(2, "Night shift"), "one thing has one name");
    roles::delete(p, &admin.ctx(), role).await.unwrap();
    assert_eq!(names(&test, &admin, "role").await, all(3, "Night shift"));

    let token = ApiTokenCreate { name: "night job".to_owned(), scopes: None, expires_at: None };
    let token = accounts::create_api_token(p, &admin.ctx(), token).await.unwrap().token.id;
    accounts::revoke_api_token(p, &admin.ctx(), token).await.unwrap();
    assert_eq!(names(&test, &admin, "api_token").await, all(2, "night job"));

    let words = AnnouncementEdit { title: "Moving house".to_owned(), ..AnnouncementEdit::default() };
    let id = announcements::create(p, &admin.ctx(), words).await.unwrap().id;
    announcements::delete(p, &admin.ctx(), id).await.unwrap();
    assert_eq!(names(&test, &admin, "announcement").await, all(2, "Moving house"));

    let rack = contract::machines::JoinTokenCreate { note: "Rack 4".to_owned(), ..Default::default() };
    let token = machines::create_join_token(p, &admin.ctx(), rack).await.unwrap().token.id;
    machines::revoke_join_token(p, &admin.ctx(), token).await.unwrap();
    assert_eq!(names(&test, &admin, "join_token").await, all(2, "Rack 4"));
    // The export says the same.
    let mut exported = Vec::new();
    let query = AuditQuery { target_kind: Some("role".to_owned()), ..AuditQuery::default() };
    audit::export(p, &admin.ctx(), &query, |row| {
        exported.push(row.target_name);
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(exported, all(3, "Night shift"));
}

#[tokio::test]
async fn an_allocation_is_called_as_its_machine_on_both_sides() {
    let test = TestPlatform::new().await;
    let (p, admin) = (&test.platform, test.admin().await);
    let (acme, globex) = (test.customer("Acme").await, test.customer("Globex").await);
    test.node("host-7").await;
    let lease = AllocationCreate { customer_id: Some(acme.id), months: Some(1), ..AllocationCreate::default() };
    let id = allocations::create(p, &admin.ctx(), "host-7", lease).await.unwrap().allocation.id;
    let own = async |user: &TestUser| {
        let query = OwnAuditQuery { target_kind: Some("allocation".to_owned()), ..OwnAuditQuery::default() };
        let list = audit::list_own(p, &user.ctx(), &query).await.unwrap().list;
        list.into_iter().map(|row| row.target_name).collect::<Vec<_>>()
    };
    assert_eq!(names(&test, &admin, "allocation").await, all(1, "host-7"));
    assert_eq!(own(&acme.owner).await, all(1, "host-7"));
    assert!(own(&globex.owner).await.is_empty());
    // An event of before names were written: the allocation itself is asked.
    sqlx::query("update audit_events set after = after - 'name' where target_kind = 'allocation'")
        .execute(test.owner_pool())
        .await
        .unwrap();
    assert_eq!(names(&test, &admin, "allocation").await, all(1, "host-7"));
    assert_eq!(own(&acme.owner).await, all(1, "host-7"));
    // What another customer's part of the log says of a number is nothing to this one.
    sqlx::query(
        "insert into audit_events (at, actor_kind, actor_name, via, action, target_kind, target_id, customer_id, outcome,
                                   after, request_id)
         values (now(), 'system', '', 'system', 'images:create', 'image', $1, $2, 'done', '{\"name\": \"theirs\"}', 'r'),
                (now(), 'system', '', 'system', 'images:create', 'image', $1, $3, 'denied', null, 'r')",
    )
    .bind(id.to_string())
    .bind(acme.id.0)
    .bind(globex.id.0)
    .execute(test.owner_pool())
    .await
    .unwrap();
    let list = audit::list_own(p, &globex.owner.ctx(), &OwnAuditQuery::default()).await.unwrap().list;
    assert_eq!(list.into_iter().map(|row| row.target_name).collect::<Vec<_>>(), [None::<String>]);
}

/// Who looks for what happened reads of it as it was.
#[tokio::test]
async fn people_and_customers_are_called_what_they_were_called_then() {
    let test = TestPlatform::new().await;
    let (p, admin, acme) = (&test.platform, test.admin().await, test.customer("Acme").await);
    let person = test.outsider("first").await;
    users::set_active(p, &admin.ctx(), person.id, false).await.unwrap();
    customers::set_active(p, &admin.ctx(), acme.id, false).await.unwrap();
    for name in ["second", "third"] {
        let body = UserUpdate { username: name.to_owned(), ..UserUpdate::default() };
        users::update(p, &admin.ctx(), person.id, body).await.unwrap();
    }
    let body = CustomerUpdate { name: "Globex".to_owned(), ..CustomerUpdate::default() };
    customers::update(p, &admin.ctx(), acme.id, body).await.unwrap();
    let said = |names: &[&str]| names.iter().map(|name| Some((*name).to_owned())).collect::<Vec<_>>();
    assert_eq!(names(&test, &admin, "user").await, said(&["third", "second", "first"]));
    assert_eq!(names(&test, &admin, "customer").await, said(&["Globex", "Acme"]));
    let query = AuditQuery { customer_id: Some(acme.id), ..AuditQuery::default() };
    let list = audit::list(p, &admin.ctx(), &query).await.unwrap().list;
    let of: Vec<_> = list.iter().map(|row| row.customer_name.clone()).collect();
    assert_eq!(of, said(&["Globex", "Acme"]));
}

/// Whoever signed in again and again has many events, and few of them say what they were called.
#[tokio::test]
async fn what_somebody_was_called_is_found_among_many_events() {
    let test = TestPlatform::new().await;
    let (p, admin) = (&test.platform, test.admin().await);
    let person = test.outsider("first").await;
    let signs_in = async |times: i32| {
        sqlx::query(
            "insert into audit_events (at, actor_kind, actor_name, via, action, target_kind, target_id, outcome, request_id)
             select $1, 'user', 'x', 'page', 'accounts:sign-in', 'user', $2, 'done', 'r' from generate_series(1, $3)",
        )
        .bind(test.clock().now())
        .bind(person.id.to_string())
        .bind(times)
        .execute(test.owner_pool())
        .await
        .unwrap();
    };
    signs_in(20_000).await;
    let body = UserUpdate { username: "second".to_owned(), ..UserUpdate::default() };
    users::update(p, &admin.ctx(), person.id, body).await.unwrap();
    signs_in(700).await;
    sqlx::query("analyze audit_events").execute(test.owner_pool()).await.unwrap();
    let mut called = std::collections::HashMap::<Option<String>, u32>::new();
    let query = AuditQuery { action: Some("accounts:sign-in".to_owned()), ..AuditQuery::default() };
    audit::export(p, &admin.ctx(), &query, |row| {
        *called.entry(row.target_name).or_default() += 1;
        Ok(())
    })
    .await
    .unwrap();
    let expected = [(Some("first".to_owned()), 20_000), (Some("second".to_owned()), 700)];
    assert_eq!(called, std::collections::HashMap::from(expected));
    // The events that are not about a name are not read.
    let plan: Vec<String> = sqlx::query_scalar(
        "explain select e.id from unnest(array['user'], array['1']) as wanted(kind, id)
                      join audit_events e on e.target_kind = wanted.kind and e.target_id = wanted.id
         where e.outcome = 'done' and case when e.before->>'name' <> e.after->>'name' then 1 end = 1",
    )
    .fetch_all(test.owner_pool())
    .await
    .unwrap();
    assert!(plan.iter().any(|line| line.contains("target_id_at_id_idx")), "{plan:#?}");
}

/// Nothing of a long log is left out, and nothing comes twice, also where many events have the same time.
#[tokio::test]
async fn an_export_has_all_that_match() {
    let test = TestPlatform::new().await;
    let (p, admin, acme) = (&test.platform, test.admin().await, test.customer("Acme").await);
    sqlx::query(
        "insert into audit_events (at, actor_kind, actor_name, via, action, target_kind, target_id, customer_id, outcome,
                                   request_id)
         select date_trunc('hour', now()) - make_interval(secs => n / 700), 'system', '', 'system', 'machines:update',
                'machine', n::text, $1, 'done', 'r' from generate_series(1, 50001) n",
    )
    .bind(acme.id.0)
    .execute(test.owner_pool())
    .await
    .unwrap();
    let (mut all, mut own) = (Vec::new(), Vec::new());
    let query = AuditQuery { request_id: Some("r".to_owned()), ..AuditQuery::default() };
    let cut = audit::export(p, &admin.ctx(), &query, |row| {
        all.push(row.id.0);
        Ok(())
    })
    .await
    .unwrap();
    assert!(!cut, "all of it fits");
    let query = OwnAuditQuery { action: Some("machines:update".to_owned()), ..OwnAuditQuery::default() };
    let cut = audit::export_own(p, &acme.owner.ctx(), &query, |row| {
        own.push(row.id.0);
        Ok(())
    })
    .await
    .unwrap();
    assert!(!cut, "all of it fits");
    assert_eq!((all.len(), all == own), (50_001, true));
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 50_001, "each once");
    // Where there is more than fits, the newest are there and the rest is said to be missing: 699 are of the newest second.
    let query = AuditQuery { request_id: Some("r".to_owned()), page_size: Some(1), ..AuditQuery::default() };
    let from = Some(audit::list(p, &admin.ctx(), &query).await.unwrap().list[0].at);
    for (most, more) in [(600, true), (699, false)] {
        let (mut newest, mut own_newest) = (Vec::new(), Vec::new());
        let query = AuditQuery { request_id: Some("r".to_owned()), from, ..AuditQuery::default() };
        let cut = audit::export_newest(p, &admin.ctx(), &query, most, |row| {
            newest.push(row.id.0);
            Ok(())
        })
        .await
        .unwrap();
        let query = OwnAuditQuery { action: Some("machines:update".to_owned()), from, ..OwnAuditQuery::default() };
        let own_cut = audit::export_own_newest(p, &acme.owner.ctx(), &query, most, |row| {
            own_newest.push(row.id.0);
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!((cut, own_cut), (more, more), "{most}");
        assert_eq!((newest.as_slice(), own_newest.as_slice()), (&own[..most as usize], &own[..most as usize]));
    }
    // Lists still count what they have pages of.
    let query = AuditQuery { request_id: Some("r".to_owned()), page: Some(3), ..AuditQuery::default() };
    let page = audit::list(p, &admin.ctx(), &query).await.unwrap();
    assert_eq!((page.list.len(), page.total), (20, 50_001));
}

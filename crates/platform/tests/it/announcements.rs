//! What the platform has to say reaches whom it is for, while it is meant to.

use chrono::TimeDelta;
use contract::accounts::ApiTokenCreate;
use contract::announcements::{AnnouncementEdit, AnnouncementKind, AnnouncementQuery, AnnouncementState, Audience};
use contract::{ErrorCode, PageQuery};
use platform::{accounts, announcements, notifications, roles};
use test_support::{TestCustomer, TestPlatform, TestUser};

struct World {
    test: TestPlatform,
    admin: TestUser,
    acme: TestCustomer,
    globex: TestCustomer,
    stranger: TestUser,
}

impl World {
    async fn new() -> Self {
        let test = TestPlatform::new().await;
        let (admin, acme, globex) = (test.admin().await, test.customer("Acme").await, test.customer("Globex").await);
        Self { stranger: test.outsider("stranger").await, test, admin, acme, globex }
    }

    async fn say(&self, title: &str, audience: Audience) -> contract::AnnouncementId {
        let customer_ids = if audience == Audience::Chosen { vec![self.acme.id] } else { Vec::new() };
        let body = AnnouncementEdit { title: title.to_owned(), audience, customer_ids, ..Default::default() };
        announcements::create(&self.test.platform, &self.admin.ctx(), body).await.unwrap().id
    }

    async fn told(&self, user: &TestUser) -> Vec<String> {
        let told = announcements::current(&self.test.platform, &user.ctx()).await.unwrap();
        let mut titles: Vec<_> = told.into_iter().map(|banner| banner.title).collect();
        titles.sort();
        titles
    }
}

#[tokio::test]
async fn everybody_is_told_what_is_for_them() {
    let world = World::new().await;
    for audience in Audience::ALL {
        world.say(audience.code(), audience).await;
    }
    for (user, told) in [
        (&world.admin, vec!["everybody", "staff"]),
        (&world.acme.owner, vec!["chosen", "customers", "everybody"]),
        (&world.acme.member, vec!["chosen", "customers", "everybody"]),
        (&world.globex.owner, vec!["customers", "everybody"]),
        (&world.stranger, vec!["everybody"]),
    ] {
        assert_eq!(world.told(user).await, told, "{}", user.name);
    }
    let nobody = announcements::current(&world.test.platform, &world.test.anonymous()).await.unwrap_err();
    assert_eq!(nobody.code, ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn a_page_behind_the_last_one_says_how_many_there_are_all_the_same() {
    let world = World::new().await;
    world.say("One", Audience::Everybody).await;
    let (platform, admin) = (&world.test.platform, world.admin.ctx());
    let far = PageQuery { page: Some(9), ..PageQuery::default() };
    let query = AnnouncementQuery { page: Some(9), q: Some("one".to_owned()), ..AnnouncementQuery::default() };
    let said = announcements::list(platform, &admin, &query).await.unwrap();
    assert_eq!((said.list.len(), said.total), (0, 1), "announcements");
    let browser = world.test.admin().await;
    let token = ApiTokenCreate { name: "a robot".to_owned(), scopes: None, expires_at: None };
    accounts::create_api_token(platform, &browser.ctx(), token).await.unwrap();
    let tokens = accounts::list_api_tokens(platform, &browser.ctx(), &far).await.unwrap();
    assert_eq!((tokens.list.len(), tokens.total), (0, 1), "tokens");
    let near = accounts::list_sessions(platform, &browser.ctx(), &PageQuery::default()).await.unwrap();
    let sessions = accounts::list_sessions(platform, &browser.ctx(), &far).await.unwrap();
    assert!(near.total > 0 && near.total == near.list.len() as u64, "sessions: {}", near.total);
    assert_eq!((sessions.list.len(), sessions.total), (0, near.total), "sessions");
    for role in roles::list(platform, &admin).await.unwrap() {
        let near = roles::holders(platform, &admin, role.id, &PageQuery::default()).await.unwrap();
        let holders = roles::holders(platform, &admin, role.id, &far).await.unwrap();
        assert_eq!((near.list.len() as u64, holders.list.len()), (near.total, 0), "{}", role.code);
        assert_eq!(holders.total, near.total, "{}", role.code);
    }
}

#[tokio::test]
async fn an_open_page_hears_of_what_is_announced_to_its_reader_alone() {
    let world = World::new().await;
    let heard = async |user: &TestUser| {
        let mut watch = notifications::watch_bell(&world.test.platform, &user.ctx()).await.unwrap();
        let told: serde_json::Value = serde_json::from_str(&watch.next().await).unwrap();
        told["announced"].as_i64().unwrap()
    };
    let people = [&world.admin, &world.acme.owner, &world.globex.owner, &world.stranger];
    let mut before = Vec::new();
    for person in people {
        before.push(heard(person).await);
    }
    assert_eq!(before, [0; 4]);
    for (audience, moved) in [
        (Audience::Staff, [true, false, false, false]),
        (Audience::Chosen, [false, true, false, false]),
        (Audience::Customers, [false, true, true, false]),
        (Audience::Everybody, [true; 4]),
    ] {
        world.say(audience.code(), audience).await;
        for ((person, before), moved) in people.into_iter().zip(&mut before).zip(moved) {
            let now = heard(person).await;
            assert_eq!(now != *before, moved, "{}: {}", audience.code(), person.name);
            *before = now;
        }
    }
}

#[tokio::test]
async fn what_ends_as_something_else_begins_is_another_number() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for title in ["1", "2", "3", "4"] {
        ids.push(world.say(title, Audience::Everybody).await.0);
    }
    let showing = async |some: [i64; 2]| {
        sqlx::query("update announcements set starts_at = case when id = any($1) then $2 else $3 end")
            .bind(&some[..])
            .bind(world.test.clock().now() - TimeDelta::hours(1))
            .bind(world.test.clock().now() + TimeDelta::hours(1))
            .execute(world.test.owner_pool())
            .await
            .unwrap();
        let mut watch = notifications::watch_bell(&world.test.platform, &world.admin.ctx()).await.unwrap();
        let told: serde_json::Value = serde_json::from_str(&watch.next().await).unwrap();
        told["announced"].as_i64().unwrap()
    };
    // The sums of their numbers are the same.
    assert_ne!(showing([ids[0], ids[3]]).await, showing([ids[1], ids[2]]).await);
}

#[tokio::test]
async fn it_is_told_in_its_time() {
    let world = World::new().await;
    let now = world.test.clock().now();
    let body = AnnouncementEdit {
        title: "Power".to_owned(),
        starts_at: Some(now + TimeDelta::hours(1)),
        ends_at: Some(now + TimeDelta::hours(2)),
        ..Default::default()
    };
    let said = announcements::create(&world.test.platform, &world.admin.ctx(), body).await.unwrap();
    let state = async || {
        let view = announcements::get(&world.test.platform, &world.admin.ctx(), said.id).await.unwrap();
        (view.state, world.told(&world.stranger).await.len())
    };
    assert_eq!(state().await, (AnnouncementState::Planned, 0));
    world.test.clock().advance(TimeDelta::minutes(61));
    assert_eq!(state().await, (AnnouncementState::Showing, 1));
    world.test.clock().advance(TimeDelta::minutes(60));
    assert_eq!(state().await, (AnnouncementState::Over, 0));
}

#[tokio::test]
async fn a_maintenance_says_when_the_work_is_whenever_it_is_told() {
    let world = World::new().await;
    let (platform, ctx) = (&world.test.platform, world.admin.ctx());
    let now = ctx.now();
    let at = |hours: i64| Some(now + TimeDelta::hours(hours));
    let body = AnnouncementEdit {
        kind: AnnouncementKind::Maintenance,
        title: "Power".to_owned(),
        work_starts_at: at(3),
        work_ends_at: at(5),
        ..Default::default()
    };
    let said = announcements::create(platform, &ctx, body.clone()).await.unwrap();
    assert_eq!((said.starts_at, said.ends_at), (now, at(5)), "until the work is done, where nobody says otherwise");
    let banner = announcements::current(platform, &world.stranger.ctx()).await.unwrap().remove(0);
    assert_eq!((banner.work_starts_at, banner.work_ends_at), (at(3), at(5)));
    let longer = AnnouncementEdit { ends_at: at(9), work_ends_at: at(6), ..body.clone() };
    let changed = announcements::update(platform, &ctx, said.id, longer).await.unwrap();
    assert_eq!((changed.ends_at, changed.work_ends_at), (at(9), at(6)));
    world.test.clock().advance(TimeDelta::hours(7));
    assert_eq!(world.told(&world.stranger).await, ["Power"], "as was said");
    let ctx = world.admin.ctx();
    for (wrong, path, key) in [
        (AnnouncementEdit { work_ends_at: None, ..body.clone() }, "workEndsAt", "field-required"),
        (AnnouncementEdit { work_starts_at: None, ..body.clone() }, "workStartsAt", "field-required"),
        (AnnouncementEdit { work_ends_at: at(3), ..body.clone() }, "workEndsAt", "field-end-before-start"),
        (AnnouncementEdit { starts_at: at(6), ..body.clone() }, "workEndsAt", "field-end-before-start"),
        (
            AnnouncementEdit { kind: AnnouncementKind::Announcement, ..body.clone() },
            "workStartsAt",
            "field-only-for-maintenance",
        ),
    ] {
        let wrong = AnnouncementEdit { starts_at: wrong.starts_at.or(Some(now)), ..wrong };
        let error = announcements::create(platform, &ctx, wrong).await.unwrap_err();
        assert_eq!(error.fields.iter().map(|field| (field.path, field.key)).collect::<Vec<_>>(), [(path, key)]);
    }
}

#[tokio::test]
async fn who_puts_it_away_sees_it_again_when_it_changes() {
    let world = World::new().await;
    let id = world.say("Power", Audience::Chosen).await;
    let platform = &world.test.platform;
    let error = announcements::dismiss(platform, &world.globex.owner.ctx(), id).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound, "it is not for them");
    announcements::dismiss(platform, &world.acme.owner.ctx(), id).await.unwrap();
    assert_eq!((world.told(&world.acme.owner).await.len(), world.told(&world.acme.member).await.len()), (0, 1));
    let seen = announcements::get(platform, &world.admin.ctx(), id).await.unwrap();
    let body = AnnouncementEdit {
        title: "Power, later".to_owned(),
        audience: Audience::Customers,
        revision: Some(seen.revision),
        ..Default::default()
    };
    let changed = announcements::update(platform, &world.admin.ctx(), id, body.clone()).await.unwrap();
    assert_eq!((changed.customers.len(), changed.starts_at), (0, seen.starts_at));
    assert_eq!(world.told(&world.acme.owner).await, ["Power, later"]);
    assert_eq!(world.told(&world.globex.owner).await, ["Power, later"]);
    let stale = announcements::update(platform, &world.admin.ctx(), id, body).await.unwrap_err();
    assert_eq!(stale.code, ErrorCode::Conflict);
    announcements::delete(platform, &world.admin.ctx(), id).await.unwrap();
    assert!(world.told(&world.acme.owner).await.is_empty());
    let done: Vec<String> =
        sqlx::query_scalar("select action from audit_events where target_kind = 'announcement' order by id")
            .fetch_all(world.test.owner_pool())
            .await
            .unwrap();
    assert_eq!(done, ["announcements:create", "announcements:update", "announcements:delete"]);
}

#[tokio::test]
async fn only_staff_say_something_and_faults_are_named() {
    let world = World::new().await;
    for user in [&world.acme.owner, &world.stranger] {
        let body = AnnouncementEdit { title: "hello".to_owned(), ..Default::default() };
        let error = announcements::create(&world.test.platform, &user.ctx(), body).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound);
    }
    let now = world.test.clock().now();
    let body = AnnouncementEdit {
        title: " ".to_owned(),
        body: "x".repeat(2001),
        customer_ids: vec![world.acme.id],
        ends_at: Some(now - TimeDelta::hours(1)),
        ..Default::default()
    };
    let error = announcements::create(&world.test.platform, &world.admin.ctx(), body).await.unwrap_err();
    let paths: Vec<_> = error.fields.iter().map(|field| field.path).collect();
    assert_eq!(paths, ["title", "body", "endsAt", "customerIds"]);
    for chosen in [vec![], vec![contract::CustomerId(999_999)]] {
        let body = AnnouncementEdit {
            title: "hello".to_owned(),
            audience: Audience::Chosen,
            customer_ids: chosen,
            ..Default::default()
        };
        let error = announcements::create(&world.test.platform, &world.admin.ctx(), body).await.unwrap_err();
        assert_eq!(error.fields[0].path, "customerIds");
    }
}

//! What people are told, in the product and by mail, as they chose.

use chrono::TimeDelta;
use contract::ErrorCode;
use contract::allocations::{AllocationCreate, AllocationEnd, AllocationRenew, RenewalDecision, RenewalRequestCreate};
use contract::machines::{MachineAction, MaintenanceCreate};
use contract::mail::MailQuery;
use contract::notifications::{
    NotificationChoice, NotificationKind, NotificationPreferences, NotificationQuery, NotificationView,
};
use platform::settings::{self, Change};
use platform::{SystemActor, allocations, machines, metrics, notifications};
use serde_json::json;
use test_support::{TestCustomer, TestPlatform, TestUser};

struct World {
    test: TestPlatform,
    admin: TestUser,
    acme: TestCustomer,
}

impl World {
    /// Acme has host-001 for two months; mail is set up, and nobody sends it here.
    async fn new() -> Self {
        let test = TestPlatform::new().await;
        let (admin, acme) = (test.admin().await, test.customer("Acme").await);
        test.node("host-001").await;
        let body = AllocationCreate { customer_id: Some(acme.id), months: Some(2), ..Default::default() };
        allocations::create(&test.platform, &admin.ctx(), "host-001", body).await.unwrap();
        // That it was given to them is what one test is about, and stands in the way of the others.
        sqlx::query("delete from notifications").execute(test.owner_pool()).await.unwrap();
        let changes = [("mail.host", json!("127.0.0.1")), ("mail.from_address", json!("gpu@example.org"))]
            .map(|(key, value)| Change { key: key.to_owned(), value, version: None });
        settings::change(&test.platform, &admin.ctx(), changes.into()).await.unwrap();
        sqlx::query(
            "update users set email = name || '@acme.example', time_zone = 'Asia/Shanghai' where name like 'cacme%'",
        )
        .execute(test.owner_pool())
        .await
        .unwrap();
        Self { test, admin, acme }
    }

    async fn told(&self, user: &TestUser) -> Vec<NotificationView> {
        let query = NotificationQuery::default();
        notifications::list(&self.test.platform, &user.ctx(), &query).await.unwrap().list
    }

    async fn unread(&self, user: &TestUser) -> u64 {
        notifications::unread(&self.test.platform, &user.ctx()).await.unwrap().unread
    }

    /// Kind, address and when it is due, of every mail that waits.
    async fn mails(&self) -> Vec<(String, String, chrono::DateTime<chrono::Utc>)> {
        sqlx::query_as(
            "select m.kind, m.address, j.run_at from mails m join jobs j on j.payload ->> 'mail' = m.token::text
             order by m.id",
        )
        .fetch_all(self.test.owner_pool())
        .await
        .unwrap()
    }

    /// Days go by, and what is due is done.
    async fn pass(&self, days: i64) {
        let p = &self.test.platform;
        self.test.clock().advance(TimeDelta::days(days));
        metrics::keep_partitions(p, &p.system(SystemActor::Metrics)).await.unwrap();
        allocations::advance(p).await.unwrap();
    }

    async fn ask_for_more(&self) {
        let wish = RenewalRequestCreate { months: Some(1), ..Default::default() };
        let asked = allocations::request_renewal(&self.test.platform, &self.acme.owner.ctx(), "host-001", wish).await;
        let request = asked.unwrap().allocation.open_request.unwrap();
        let no = RenewalDecision { approve: false, answer: Some("no room".to_owned()), ..Default::default() };
        allocations::decide_renewal(&self.test.platform, &self.admin.ctx(), request, no).await.unwrap();
    }
}

#[tokio::test]
async fn a_reminder_reaches_everybody_of_the_customer_once() {
    let world = World::new().await;
    world.test.clock().advance(TimeDelta::days(45));
    allocations::advance(&world.test.platform).await.unwrap();
    allocations::advance(&world.test.platform).await.unwrap();
    for user in [&world.acme.owner, &world.acme.member] {
        let told = world.told(user).await;
        assert_eq!(told.len(), 1, "{}", user.name);
        assert_eq!(
            (told[0].kind, told[0].link.as_deref()),
            (NotificationKind::AllocationEnding, Some("/machines/host-001"))
        );
        assert!(told[0].message.starts_with("Your time on ") && told[0].message.contains(" ends at 20"), "{told:?}");
        assert_eq!(world.unread(user).await, 1);
    }
    let kinds: Vec<_> = world.mails().await.into_iter().map(|(kind, address, _)| format!("{kind} {address}")).collect();
    let wanted = ["owner", "member"].map(|who| format!("allocation-ending cacme-{who}@acme.example"));
    assert_eq!(kinds.len(), 2);
    assert!(wanted.iter().all(|mail| kinds.contains(mail)), "{kinds:?}");
    // What the workbench shows of it is as before.
    let mine = allocations::mine(&world.test.platform, &world.acme.owner.ctx(), &Default::default()).await.unwrap();
    assert_eq!(mine.list[0].reminded_days, Some(30));
}

#[tokio::test]
async fn an_answer_reaches_the_owners_and_a_maintenance_everybody_who_has_the_machine_then() {
    let world = World::new().await;
    let globex = world.test.customer("Globex").await;
    world.ask_for_more().await;
    let now = world.test.clock().now();
    let window = MaintenanceCreate {
        starts_at: Some(now + TimeDelta::days(3)),
        ends_at: now + TimeDelta::days(4),
        message: "New fans".to_owned(),
    };
    machines::plan_maintenance(&world.test.platform, &world.admin.ctx(), "host-001", window).await.unwrap();
    let owner = world.told(&world.acme.owner).await;
    assert_eq!(
        owner.iter().map(|view| view.kind).collect::<Vec<_>>(),
        [NotificationKind::MaintenancePlanned, NotificationKind::RenewalDecided]
    );
    assert!(owner[0].message.ends_with("New fans") && owner[1].message.ends_with("no room"), "{owner:?}");
    assert_eq!(world.told(&world.acme.member).await.len(), 1, "members do not ask for more time");
    assert!(world.told(&globex.owner).await.is_empty());
}

#[tokio::test]
async fn people_are_told_what_becomes_of_their_machines() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    world.test.node("host-002").await;
    let at = |days| Some(world.test.clock().now() + TimeDelta::days(days));
    // The newest, as everybody of the customer reads it; and where it leads.
    let newest = async |kind, says: &str, link: &str| {
        for user in [&world.acme.owner, &world.acme.member] {
            let told = world.told(user).await.remove(0);
            assert_eq!((told.kind, told.link.as_deref()), (kind, Some(link)), "{says}");
            assert!(told.message.contains(says), "{says}: {told:?}");
        }
    };
    let later = AllocationCreate {
        customer_id: Some(world.acme.id),
        starts_at: at(5),
        ends_at: at(10),
        grace_days: Some(3),
        ..Default::default()
    };
    let page = "/machines/host-002";
    let first = allocations::create(p, &ctx, "host-002", later.clone()).await.unwrap().allocation.id;
    newest(NotificationKind::AllocationGiven, "You have host-002 from", page).await;
    allocations::end(p, &ctx, first, AllocationEnd::default()).await.unwrap();
    newest(NotificationKind::AllocationReclaimed, "not given to you after all", "/").await;
    let id = allocations::create(p, &ctx, "host-002", later).await.unwrap().allocation.id;
    world.pass(5).await;
    newest(NotificationKind::AllocationGiven, "You have host-002 now", page).await;
    for (days, says) in [(20, "was extended until"), (8, "ends earlier")] {
        let body = AllocationRenew { ends_at: at(days), ..Default::default() };
        allocations::renew(p, &ctx, id, body).await.unwrap();
        newest(NotificationKind::AllocationRenewed, says, page).await;
    }
    world.pass(8).await;
    newest(NotificationKind::AllocationGrace, "Ask for more time before", page).await;
    world.pass(3).await;
    newest(NotificationKind::AllocationReclaimed, "is being taken back", "/").await;
    assert!(world.mails().await.iter().any(|(kind, ..)| kind == "allocation-reclaimed"), "by mail as well");
}

#[tokio::test]
async fn who_was_told_of_a_maintenance_is_told_when_it_is_called_off() {
    let world = World::new().await;
    let p = &world.test.platform;
    let plan = async |from: i64| {
        let now = world.test.clock().now();
        let window = MaintenanceCreate {
            starts_at: Some(now + TimeDelta::days(from)),
            ends_at: now + TimeDelta::days(from + 1),
            message: "New fans".to_owned(),
        };
        machines::plan_maintenance(p, &world.admin.ctx(), "host-001", window).await.unwrap().maintenance.remove(0).id
    };
    let told = async |says: &str| {
        let told = world.told(&world.acme.member).await.remove(0);
        assert_eq!(told.kind, NotificationKind::MaintenanceCancelled, "{says}");
        assert!(told.message.contains(says), "{says}: {told:?}");
    };
    let window = plan(3).await;
    machines::cancel_maintenance(p, &world.admin.ctx(), "host-001", window).await.unwrap();
    told("was called off").await;
    let window = plan(0).await;
    machines::cancel_maintenance(p, &world.admin.ctx(), "host-001", window).await.unwrap();
    told("over before its time").await;
    // Back in service, as staff decided, is the end of it as well.
    plan(0).await;
    machines::act(p, &world.admin.ctx(), "host-001", MachineAction::Uncordon, None).await.unwrap();
    told("over before its time").await;
    assert_eq!(world.told(&world.acme.member).await.len(), 6, "three were planned and three called off");
}

#[tokio::test]
async fn one_is_told_as_one_chose_but_of_ones_safety_always() {
    let world = World::new().await;
    let owner = &world.acme.owner;
    let choice = |kind, in_app, mail| NotificationChoice { kind, in_app, mail, webhook: true };
    let wish = NotificationPreferences {
        choices: vec![
            // Said twice: the last word counts.
            choice(NotificationKind::RenewalDecided, true, false),
            choice(NotificationKind::RenewalDecided, false, true),
            choice(NotificationKind::PasswordChanged, true, true),
        ],
        quiet_from: Some("00:00".to_owned()),
        quiet_until: Some("23:59".to_owned()),
    };
    let kept = notifications::set_preferences(&world.test.platform, &owner.ctx(), wish).await.unwrap();
    let of = |kind| *kept.choices.iter().find(|choice| choice.kind == kind).unwrap();
    assert_eq!(of(NotificationKind::RenewalDecided), choice(NotificationKind::RenewalDecided, false, true));
    assert_eq!(of(NotificationKind::AllocationEnding), choice(NotificationKind::AllocationEnding, true, true));
    assert_eq!(of(NotificationKind::PasswordChanged), choice(NotificationKind::PasswordChanged, true, true));
    assert_eq!((kept.quiet_from.as_deref(), kept.quiet_until.as_deref()), (Some("00:00"), Some("23:59")));
    // A word against what is always told is refused, and changes nothing else.
    let against = NotificationPreferences {
        choices: vec![
            choice(NotificationKind::PasswordChanged, true, false),
            choice(NotificationKind::AllocationEnding, false, false),
        ],
        ..Default::default()
    };
    let error = notifications::set_preferences(&world.test.platform, &owner.ctx(), against).await.unwrap_err();
    assert_eq!((error.fields[0].path, error.fields[0].key), ("choices", "field-notification-always"));
    // Who says nothing of the hours keeps them.
    let body = NotificationPreferences::default();
    let kept = notifications::set_preferences(&world.test.platform, &owner.ctx(), body).await.unwrap();
    let of = |kind| *kept.choices.iter().find(|choice| choice.kind == kind).unwrap();
    assert_eq!(of(NotificationKind::AllocationEnding), choice(NotificationKind::AllocationEnding, true, true));
    assert_eq!((kept.quiet_from.as_deref(), kept.quiet_until.as_deref()), (Some("00:00"), Some("23:59")));

    world.ask_for_more().await;
    assert!(world.told(owner).await.is_empty());
    let mails = world.mails().await;
    assert_eq!(mails.len(), 1);
    // 23:59 in Shanghai is 15:59 UTC.
    assert_eq!(mails[0].2.format("%H:%M").to_string(), "15:59", "mail waits for the end of the quiet hours");
    // Staff see until when.
    let staff = &world.admin;
    let listed = platform::mail::list(&world.test.platform, &staff.ctx(), &MailQuery::default()).await.unwrap().list;
    assert_eq!(listed[0].next_try_at, Some(mails[0].2));
}

#[tokio::test]
async fn hours_that_are_none_are_named() {
    let world = World::new().await;
    for (from, until, path) in [
        (Some("25:00"), Some("07:00"), "quietFrom"),
        (Some("22:00"), None, "quietUntil"),
        (None, Some("7"), "quietUntil"),
        (Some("10:00"), Some("10:00"), "quietUntil"),
    ] {
        let body = NotificationPreferences {
            quiet_from: from.map(str::to_owned),
            quiet_until: until.map(str::to_owned),
            ..Default::default()
        };
        let error =
            notifications::set_preferences(&world.test.platform, &world.acme.owner.ctx(), body).await.unwrap_err();
        assert!(error.fields.iter().any(|field| field.path == path), "{from:?} {until:?}: {error}");
        let said: std::collections::BTreeSet<_> = error.fields.iter().map(|field| field.path).collect();
        assert_eq!(said.len(), error.fields.len(), "one word for each: {error:?}");
    }
}

#[tokio::test]
async fn what_is_read_is_read_and_nobody_touches_anothers() {
    let world = World::new().await;
    world.test.clock().advance(TimeDelta::days(45));
    allocations::advance(&world.test.platform).await.unwrap();
    let (owner, member) = (&world.acme.owner, &world.acme.member);
    let id = world.told(owner).await[0].id;
    for other in [member, &world.admin] {
        let error = notifications::mark_read(&world.test.platform, &other.ctx(), id).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound, "{}", other.name);
    }
    notifications::mark_read(&world.test.platform, &owner.ctx(), id).await.unwrap();
    notifications::mark_read(&world.test.platform, &owner.ctx(), id).await.unwrap();
    assert_eq!((world.unread(owner).await, world.unread(member).await), (0, 1));
    let unread = NotificationQuery { unread: Some(true), ..Default::default() };
    let page = notifications::list(&world.test.platform, &owner.ctx(), &unread).await.unwrap();
    assert_eq!(page.total, 0);
    notifications::mark_all_read(&world.test.platform, &member.ctx()).await.unwrap();
    assert_eq!(world.unread(member).await, 0);
}

#[tokio::test]
async fn what_a_newer_server_tells_is_left_out_and_hides_nothing_else() {
    let world = World::new().await;
    let before = world.told(&world.acme.owner).await;
    sqlx::query("insert into notifications (user_id, kind, created_at) values ($1, 'of-a-newer-version', now())")
        .bind(world.acme.owner.id.0)
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    assert_eq!(world.told(&world.acme.owner).await, before);
}

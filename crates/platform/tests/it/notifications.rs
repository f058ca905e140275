//! What people are told, in the product and by mail, as they chose.

use chrono::TimeDelta;
use contract::allocations::{
    AllocationCreate, AllocationEnd, AllocationRenew, AllocationState, RenewalDecision, RenewalRequestCreate,
};
use contract::machines::{MachineAction, MaintenanceCreate};
use contract::mail::MailQuery;
use contract::notifications::{
    NotificationChoice, NotificationKind, NotificationPreferences, NotificationQuery, NotificationView,
};
use contract::{AllocationId, ErrorCode, Permission};
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
    let staff = world.told(&world.admin).await;
    let wish = staff.iter().find(|view| view.kind == NotificationKind::RenewalRequested).expect("staff hear of it");
    assert!(
        wish.message.contains("of Acme asks for") && wish.link.as_deref().unwrap().starts_with("/admin/allocations/")
    );
    assert!(world.told(&globex.owner).await.is_empty());
}

#[tokio::test]
async fn who_is_told_of_a_wish_may_answer_it_and_open_what_it_leads_to() {
    let world = World::new().await;
    let renewer = world.test.with_role("renewer", &[Permission::AllocationsUpdate]).await;
    let reader = world.test.with_role("reader", &[Permission::AllocationsManage]).await;
    world.ask_for_more().await;
    let wish = world.told(&renewer).await.remove(0);
    assert_eq!(wish.kind, NotificationKind::RenewalRequested);
    let id: AllocationId = wish.link.as_deref().unwrap().strip_prefix("/admin/allocations/").unwrap().parse().unwrap();
    allocations::get(&world.test.platform, &renewer.ctx(), id).await.unwrap();
    assert!(world.told(&reader).await.is_empty(), "who cannot answer is not asked");
}

/// Who answers takes it off the others: what they were told says who did, and how, and waits for nobody.
#[tokio::test]
async fn what_one_of_the_staff_answered_waits_for_none_of_the_others() {
    let mut world = World::new().await;
    world.admin.principal.display_name = "Grace".to_owned();
    let p = &world.test.platform;
    let renewer = world.test.with_role("renewer", &[Permission::AllocationsUpdate]).await;
    world.ask_for_more().await;
    let told = world.told(&renewer).await.remove(0);
    assert!(told.message.contains("Grace has refused it") && told.read_at.is_some(), "{told:?}");
    assert_eq!(world.unread(&renewer).await, 0);
    // More time without a look at the request answers it as well.
    let wish = RenewalRequestCreate { months: Some(2), ..Default::default() };
    let asked = allocations::request_renewal(p, &world.acme.owner.ctx(), "host-001", wish).await.unwrap();
    assert_eq!(world.unread(&renewer).await, 1, "another request is told anew");
    let more = AllocationRenew { months: Some(1), ..Default::default() };
    allocations::renew(p, &world.admin.ctx(), asked.allocation.id, more).await.unwrap();
    let told = world.told(&renewer).await.remove(0);
    assert!(told.message.contains("has granted more time until 20") && told.read_at.is_some(), "{told:?}");
}

/// Where somebody is asked by mail, a request that was taken back is told by mail.
#[tokio::test]
async fn who_is_asked_by_mail_alone_hears_by_mail_that_nobody_asks_any_more() {
    let world = World::new().await;
    let p = &world.test.platform;
    let renewer = world.test.with_role("renewer", &[Permission::AllocationsUpdate]).await;
    let sql = "update users set email = 'renewer@gpu.example' where id = $1";
    sqlx::query(sql).bind(renewer.id.0).execute(world.test.owner_pool()).await.unwrap();
    let kind = NotificationKind::RenewalRequested;
    let choices = vec![NotificationChoice { kind, in_app: false, mail: true, webhook: false }];
    let body = NotificationPreferences { choices, ..Default::default() };
    notifications::set_preferences(p, &renewer.ctx(), body).await.unwrap();
    let asked = async || world.mails().await.iter().filter(|mail| mail.1 == "renewer@gpu.example").count();
    let wish = || RenewalRequestCreate { months: Some(1), ..Default::default() };
    let owner = world.acme.owner.ctx();
    allocations::request_renewal(p, &owner, "host-001", wish()).await.unwrap();
    assert_eq!(asked().await, 1);
    allocations::withdraw_renewal(p, &owner, "host-001").await.unwrap();
    assert_eq!(asked().await, 2);
    // Asked for anew, that is not what the last mail says any more.
    allocations::request_renewal(p, &owner, "host-001", wish()).await.unwrap();
    assert_eq!(asked().await, 3);
    assert!(world.told(&renewer).await.is_empty());
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
    newest(NotificationKind::AllocationReclaimed, "not given to you after all", page).await;
    let leads_to = async |who: &TestUser| allocations::of_machine(p, &who.ctx(), "host-002").await;
    let called_off = leads_to(&world.acme.member).await.unwrap().allocation;
    assert_eq!((called_off.id, called_off.state), (first, AllocationState::Cancelled));
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
    newest(NotificationKind::AllocationReclaimed, "is being taken back", page).await;
    assert!(world.mails().await.iter().any(|(kind, ..)| kind == "allocation-reclaimed"), "by mail as well");

    // Where all of it leads is there to read when it is over, and for nobody else; how the machine is doing is not told there.
    for step in ["processes", "gpu_memory", "health"] {
        allocations::skip_step(p, &ctx, id, step).await.unwrap();
    }
    for _ in 0..3 {
        allocations::advance(p).await.unwrap();
    }
    let globex = world.test.customer("Globex").await;
    // Also when the machine itself is gone, and its code could be another's.
    let gone = "update machines set deleted_at = now() where code = 'host-002'";
    for change in ["select 1", gone] {
        sqlx::query(change).execute(world.test.owner_pool()).await.unwrap();
        for who in [&world.acme.owner, &world.acme.member] {
            let seen = leads_to(who).await.unwrap();
            assert_eq!((seen.allocation.id, seen.allocation.state), (id, AllocationState::Ended), "{change}");
            assert!(seen.events.iter().any(|event| event.kind == "reclaim_started"), "{:?}", seen.events);
            assert!(world.told(who).await.iter().all(|row| row.link.as_deref() == Some(page)), "{change}");
        }
        assert_eq!(leads_to(&globex.owner).await.unwrap_err().code, ErrorCode::NotFound, "{change}");
        let figures = allocations::machine(p, &world.acme.owner.ctx(), "host-002").await;
        assert_eq!(figures.unwrap_err().code, ErrorCode::NotFound, "{change}");
    }
}

#[tokio::test]
async fn a_notice_of_what_is_not_there_for_its_reader_leads_to_the_list() {
    let world = World::new().await;
    for link in ["/machines/elsewhere", "/machines/host-001", "/images/mine/999999", "/instances/999999#idle", "/jobs"]
    {
        sqlx::query(
            r#"insert into notifications (user_id, kind, args, link, created_at)
               select id, 'maintenance-over', '{"machine": "One"}', $2, now() from users where name = $1"#,
        )
        .bind(&world.acme.owner.name)
        .bind(link)
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    }
    let told = world.told(&world.acme.owner).await;
    let links: Vec<_> = told.iter().rev().filter_map(|row| row.link.as_deref()).collect();
    assert_eq!(links, ["/", "/machines/host-001", "/images/mine", "/instances", "/jobs"]);
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
async fn the_begin_and_the_end_of_a_maintenance_are_told_once() {
    let world = World::new().await;
    let p = &world.test.platform;
    let globex = world.test.customer("Globex").await;
    let plan = async |from: i64| {
        let now = world.test.clock().now();
        let window = MaintenanceCreate {
            starts_at: Some(now + TimeDelta::hours(from)),
            ends_at: now + TimeDelta::hours(from + 2),
            message: "New fans".to_owned(),
        };
        machines::plan_maintenance(p, &world.admin.ctx(), "host-001", window).await.unwrap();
    };
    let kinds = async |user: &TestUser| world.told(user).await.into_iter().map(|view| view.kind).collect::<Vec<_>>();
    // As often as the job comes round, on whatever server.
    let later = async |hours: i64| {
        world.test.clock().advance(TimeDelta::hours(hours));
        for _ in 0..2 {
            machines::advance_maintenance(p).await.unwrap();
        }
    };
    plan(3).await;
    later(1).await;
    assert_eq!(kinds(&world.acme.member).await, [NotificationKind::MaintenancePlanned]);
    later(2).await;
    let begun = world.told(&world.acme.member).await.remove(0);
    assert_eq!((begun.kind, begun.link.as_deref()), (NotificationKind::MaintenanceBegun, Some("/machines/host-001")));
    assert!(begun.message.contains("has begun") && begun.message.ends_with("New fans"), "{begun:?}");
    later(2).await;
    let all =
        [NotificationKind::MaintenanceOver, NotificationKind::MaintenanceBegun, NotificationKind::MaintenancePlanned];
    for user in [&world.acme.owner, &world.acme.member] {
        assert_eq!(kinds(user).await, all);
    }
    assert!(kinds(&globex.owner).await.is_empty());
    let mails: Vec<_> = world.mails().await.into_iter().map(|(kind, ..)| kind).collect();
    for kind in ["maintenance-planned", "maintenance-begun", "maintenance-over"] {
        assert_eq!(mails.iter().filter(|mail| *mail == kind).count(), 2, "{kind}: {mails:?}");
    }
    // At once: that it has begun says everything.
    plan(0).await;
    assert_eq!(kinds(&world.acme.member).await.len(), 4);
    assert_eq!(kinds(&world.acme.member).await[0], NotificationKind::MaintenanceBegun);
    // Its time went by before anybody looked: it never began, so it is not over either.
    later(3).await;
    plan(1).await;
    later(10).await;
    assert_eq!(
        kinds(&world.acme.member).await[..3],
        [
            NotificationKind::MaintenanceCancelled,
            NotificationKind::MaintenancePlanned,
            NotificationKind::MaintenanceOver
        ]
    );
    let missed = world.told(&world.acme.member).await.remove(0);
    assert!(missed.message.contains("was called off"), "{missed:?}");
}

#[tokio::test]
async fn a_maintenance_that_dies_halfway_is_told_of_when_it_is_done_again() {
    let world = World::new().await;
    let p = &world.test.platform;
    let now = world.test.clock().now();
    let window = MaintenanceCreate {
        starts_at: Some(now + TimeDelta::hours(1)),
        ends_at: now + TimeDelta::hours(2),
        message: "New fans".to_owned(),
    };
    machines::plan_maintenance(p, &world.admin.ctx(), "host-001", window).await.unwrap();
    world.test.clock().advance(TimeDelta::minutes(61));
    // What is told cannot be written, as if everything ended there.
    let owner = world.test.owner_pool();
    let refuse = "alter table notifications add constraint broken check (kind <> 'maintenance-begun') not valid";
    sqlx::query(refuse).execute(owner).await.unwrap();
    machines::advance_maintenance(p).await.unwrap();
    assert_eq!(world.told(&world.acme.member).await.len(), 1);
    let state = "select service_state from machines where code = 'host-001'";
    let state = async || sqlx::query_scalar::<_, String>(state).fetch_one(owner).await.unwrap();
    assert_eq!(state().await, "in_service", "neither without the other");
    sqlx::query("alter table notifications drop constraint broken").execute(owner).await.unwrap();
    machines::advance_maintenance(p).await.unwrap();
    assert_eq!(state().await, "maintenance");
    assert_eq!(world.told(&world.acme.member).await.len(), 2);
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

//! What the log says of people: what their clients call themselves, and to each customer what staff do to its people.

use contract::Permission;
use contract::accounts::{MemberRole, ProfileUpdate};
use contract::audit::{AuditQuery, OwnAuditQuery};
use contract::customers::MemberCreate;
use contract::notifications::{NotificationChoice, NotificationKind, NotificationPreferences};
use contract::users::{UserCreate, UserPassword};
use platform::accounts::{self, users};
use platform::{OpContext, audit, customers, notifications, settings};
use test_support::{TestPlatform, TestUser};

/// What the client calls itself is kept, shown to staff, and to the customer of its own people only.
#[tokio::test]
async fn the_log_keeps_what_the_client_called_itself() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    let p = &test.platform;
    let from = |ctx: OpContext| ctx.with_user_agent(Some("curl/8.5.0\u{7}"));
    customers::remove_member(p, &from(admin.ctx()), acme.id, acme.member.id).await.unwrap();
    let body = MemberCreate { username: acme.member.name.clone(), existing: true, ..Default::default() };
    customers::add_member(p, &admin.ctx(), acme.id, body).await.unwrap();
    customers::remove_my_member(p, &from(acme.owner.ctx()), acme.member.id).await.unwrap();
    let of_acme = AuditQuery { customer_id: Some(acme.id), ..AuditQuery::default() };
    let list = audit::list(p, &admin.ctx(), &of_acme).await.unwrap().list;
    let told: Vec<_> = list.iter().map(|row| (row.user_agent.as_deref(), row.customer_name.as_deref())).collect();
    let (curl, acme_name) = (Some("curl/8.5.0"), Some("Acme"));
    assert_eq!(told, [(curl, acme_name), (None, acme_name), (curl, acme_name)]);
    let list = audit::list_own(p, &acme.owner.ctx(), &OwnAuditQuery::default()).await.unwrap().list;
    let told: Vec<_> = list.iter().map(|row| (row.actor_kind.as_str(), row.user_agent.as_deref())).collect();
    assert_eq!(told, [("member", curl), ("staff", None), ("staff", None)]);
}

/// What staff do to a person is seen by every customer the person is of, once each, and once by staff where it is none's.
#[tokio::test]
async fn customers_see_what_staff_do_to_their_people() {
    let test = TestPlatform::new().await;
    let (admin, acme, globex) = (test.admin().await, test.customer("Acme").await, test.customer("Globex").await);
    let p = &test.platform;
    let body = MemberCreate { username: acme.member.name.clone(), existing: true, ..Default::default() };
    customers::add_member(p, &admin.ctx(), globex.id, body).await.unwrap();
    users::set_active(p, &admin.ctx(), acme.member.id, false).await.unwrap();
    users::set_active(p, &admin.ctx(), acme.member.id, true).await.unwrap();
    users::set_password(p, &admin.ctx(), acme.owner.id, UserPassword::default()).await.unwrap();
    let own = async |owner: &TestUser| {
        let list = audit::list_own(p, &owner.ctx(), &OwnAuditQuery::default()).await.unwrap().list;
        list.into_iter().map(|row| (row.action, row.actor_kind, row.target_name)).collect::<Vec<_>>()
    };
    let row = |action: &str, of: &TestUser| (action.to_owned(), "staff".to_owned(), Some(of.name.clone()));
    let switched = [row("users:enable", &acme.member), row("users:disable", &acme.member)];
    // A new password signs out; who reads it is another owner of it.
    let mut reader = acme.member.clone();
    reader.principal.memberships = vec![(acme.id, MemberRole::Owner)];
    assert_eq!(own(&globex.owner).await[..2], switched);
    let acmes = own(&reader).await;
    assert_eq!(acmes[0], row("users:set-password", &acme.owner));
    assert_eq!(acmes[1..], switched);
    let outsider = UserCreate { username: "outsider".to_owned(), ..Default::default() };
    let outsider = users::create(p, &admin.ctx(), outsider).await.unwrap().user.user.id;
    users::set_active(p, &admin.ctx(), outsider, false).await.unwrap();
    let count = "select count(*)::text from audit_events where action = 'users:disable'";
    let count: String = sqlx::query_scalar(count).fetch_one(test.owner_pool()).await.unwrap();
    assert_eq!(count, "3");
}

/// What a customer's own people tried and may not is in its own part, and what staff tried with its things; what others
/// tried there is not.
#[tokio::test]
async fn customers_see_what_their_people_were_refused() {
    let test = TestPlatform::new().await;
    let (acme, globex) = (test.customer("Acme").await, test.customer("Globex").await);
    let p = &test.platform;
    let refused = async |ctx: OpContext| {
        let error = customers::remove_member(p, &ctx, acme.id, acme.owner.id).await.unwrap_err();
        platform::report(p, &ctx, error).await;
    };
    refused(acme.member.ctx()).await;
    refused(globex.owner.ctx()).await;
    refused(test.with_role("helper", &[Permission::CustomersView]).await.ctx()).await;
    let ctx = acme.member.ctx();
    let error = users::list(p, &ctx, &Default::default()).await.unwrap_err();
    platform::report(p, &ctx, error).await;
    let told = |list: Vec<contract::audit::OwnAuditView>| {
        let row = |row: contract::audit::OwnAuditView| (row.actor_name, row.action, row.target_kind, row.outcome);
        list.into_iter().map(row).collect::<Vec<_>>()
    };
    let own =
        async |owner: &TestUser| told(audit::list_own(p, &owner.ctx(), &OwnAuditQuery::default()).await.unwrap().list);
    let row = |who: Option<&TestUser>, action: &str, kind: &str| {
        (who.map(|user| user.name.clone()), action.to_owned(), kind.to_owned(), "denied".to_owned())
    };
    let removes = "customers:remove-member";
    let expected = [
        row(Some(&acme.member), "users:view", "user"),
        row(None, removes, "user"),
        row(Some(&acme.member), removes, "user"),
    ];
    assert_eq!(own(&acme.owner).await, expected);
    assert_eq!(own(&globex.owner).await, []);
}

/// What an account was before and after, in every change of its state and of what is one's own.
#[tokio::test]
async fn a_change_says_what_it_was_before() {
    let test = TestPlatform::new().await;
    let (p, admin, lee) = (&test.platform, test.admin().await, test.outsider("lee").await);
    let last = async |action: &str| {
        let query = AuditQuery { action: Some(action.to_owned()), ..AuditQuery::default() };
        let row = audit::list(p, &admin.ctx(), &query).await.unwrap().list.remove(0);
        (row.before.unwrap(), row.after.unwrap())
    };
    let states = async |action: &str| {
        let (before, after) = last(action).await;
        (before["state"].as_str().unwrap().to_owned(), after["state"].as_str().unwrap().to_owned())
    };
    let move_of = |before: &str, after: &str| (before.to_owned(), after.to_owned());
    users::set_active(p, &admin.ctx(), lee.id, false).await.unwrap();
    assert_eq!(states("users:disable").await, move_of("active", "disabled"));
    users::delete(p, &admin.ctx(), lee.id).await.unwrap();
    assert_eq!(states("users:delete").await, move_of("disabled", "deleted"));
    users::restore(p, &admin.ctx(), lee.id).await.unwrap();
    assert_eq!(states("users:restore").await, move_of("deleted", "disabled"));
    users::set_active(p, &admin.ctx(), lee.id, true).await.unwrap();
    assert_eq!(states("users:enable").await, move_of("disabled", "active"));

    let acme = test.customer("Acme").await;
    let me = acme.owner.ctx();
    for name in ["Lee", "Leah"] {
        let body = ProfileUpdate { display_name: Some(name.to_owned()), ..ProfileUpdate::default() };
        accounts::update_profile(p, &me, body).await.unwrap();
    }
    let (before, after) = last("accounts:update-profile").await;
    assert_eq!((&before["displayName"], &after["displayName"]), (&"Lee".into(), &"Leah".into()));
    let kind = NotificationKind::MemberChanged;
    let choice = NotificationChoice { kind, in_app: true, mail: false, webhook: true };
    let body = NotificationPreferences { choices: vec![choice], ..NotificationPreferences::default() };
    notifications::set_preferences(p, &me, body).await.unwrap();
    let (before, after) = last("accounts:update-notifications").await;
    assert_eq!((&before["choices"][0]["mail"], &after["choices"][0]["mail"]), (&true.into(), &false.into()));
    assert_eq!(before["choices"].as_array().unwrap().len(), 1, "of what is said now: {before}");

    for blue in [0, 255] {
        accounts::set_avatar(p, &me, picture(blue)).await.unwrap();
        settings::set_logo(p, &admin.ctx(), picture(blue)).await.unwrap();
    }
    let (before, after) = last("accounts:set-avatar").await;
    assert!(before["tag"].is_string() && after["tag"].is_string() && before != after, "{before} {after}");
    let (before, after) = last("settings:update").await;
    let (before, after) = (&before[settings::LOGO]["tag"], &after[settings::LOGO]["tag"]);
    assert!(before.is_string() && after.is_string() && before != after, "{before} {after}");
    accounts::remove_avatar(p, &me).await.unwrap();
    let (before, after) = last("accounts:remove-avatar").await;
    assert_eq!((&before["set"], &after["set"]), (&true.into(), &false.into()));
}

fn picture(blue: u8) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let pixels = image::RgbImage::from_pixel(8, 8, image::Rgb([0, 0, blue]));
    pixels.write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

#[tokio::test]
async fn the_log_is_filtered_by_door_and_by_address() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    for ctx in [admin.ctx(), acme.owner.ctx()] {
        let mut tx = test.platform.db().begin(&ctx).await.unwrap();
        let entry = audit::Entry {
            action: "customers:update",
            target_kind: "customer",
            target_id: Some(acme.id.to_string()),
            customer: Some(acme.id),
            before: None,
            after: None,
        };
        audit::record_in_tx(&mut tx, &ctx, entry).await.unwrap();
        tx.commit().await.unwrap();
    }
    let some = |text: &str| Some(text.to_owned());
    let count = async |via, address| {
        let query = AuditQuery { via, address, ..AuditQuery::default() };
        audit::list(&test.platform, &admin.ctx(), &query).await.map(|page| page.total)
    };
    let own = async |via, address| {
        let query = OwnAuditQuery { via, address, ..OwnAuditQuery::default() };
        audit::list_own(&test.platform, &acme.owner.ctx(), &query).await.map(|page| page.total)
    };
    for (via, address, all, theirs) in [
        (None, None, 2, 2),
        (some("rest"), None, 2, 2),
        (some("page"), None, 0, 0),
        (None, some("192.0.2.1"), 2, 1),
        (None, some("192.0.2.0/24"), 2, 1),
        (None, some("192.0.2.2"), 0, 0),
    ] {
        let found =
            (count(via.clone(), address.clone()).await.unwrap(), own(via.clone(), address.clone()).await.unwrap());
        // Where staff were is nobody's to find out by asking.
        assert_eq!(found, (all, theirs), "{via:?} {address:?}");
    }
    for (via, address, field) in [(some("zzz"), None, "via"), (None, some("here"), "address")] {
        assert_eq!(count(via.clone(), address.clone()).await.unwrap_err().fields[0].path, field);
        assert_eq!(own(via, address).await.unwrap_err().fields[0].path, field);
    }
}

//! Whoever somebody else changes something of is told: in the product, by mail, and of another address at the old one too.

use contract::UserId;
use contract::accounts::MemberRole;
use contract::customers::{MemberUpdate, OwnerTransfer};
use contract::notifications::NotificationKind as K;
use contract::users::{UserPassword, UserUpdate};
use platform::accounts::{self, users};
use platform::{customers, notifications, roles};
use test_support::TestUser;

use crate::mail::World;

impl World {
    fn subjects(&self, address: &str) -> Vec<String> {
        let mut subjects: Vec<_> = self.sink.taken_by(address).iter().map(|mail| mail.header("Subject")).collect();
        subjects.sort();
        subjects
    }

    /// The newest first.
    async fn kinds(&self, user: &TestUser) -> Vec<K> {
        let query = contract::notifications::NotificationQuery::default();
        let list = notifications::list(&self.test.platform, &user.ctx(), &query).await.unwrap().list;
        list.into_iter().map(|view| view.kind).collect()
    }

    async fn move_to(&self, user: &TestUser, email: Option<&str>) {
        let email = email.map(str::to_owned);
        let body = UserUpdate { username: user.name.clone(), display_name: None, email, revision: None };
        users::update(&self.test.platform, &self.admin.ctx(), user.id, body).await.unwrap();
    }
}

#[tokio::test]
async fn another_address_is_told_of_at_the_old_one_too_whatever_was_chosen() {
    let world = World::new().await;
    let test = &world.test;
    let lee = test.outsider("lee").await;
    world.email(&lee, "old@example.org", "en").await;
    let none = contract::notifications::NotificationPreferences {
        choices: K::ALL
            .into_iter()
            .filter(|kind| !kind.is_security())
            .map(|kind| contract::notifications::NotificationChoice {
                kind,
                in_app: false,
                mail: false,
                webhook: false,
            })
            .collect(),
        ..Default::default()
    };
    notifications::set_preferences(&test.platform, &lee.ctx(), none).await.unwrap();
    world.move_to(&lee, Some("new@example.org")).await;
    world.work().await;
    let changed = ["RemoteGPU: your e-mail address was changed"];
    for address in ["old@example.org", "new@example.org"] {
        assert_eq!(world.subjects(address), changed, "{address}");
    }
    assert!(world.sink.taken_by("old@example.org")[0].text().contains("new@example.org"));
    assert_eq!(world.kinds(&lee).await, [K::EmailChanged]);
    // Another name alone is nothing of that kind, and no address at all is.
    world.move_to(&lee, Some("new@example.org")).await;
    world.move_to(&lee, None).await;
    world.work().await;
    let mails = world.sink.taken_by("new@example.org");
    assert_eq!(mails.len(), 2);
    assert!(mails[1].text().contains("removed the e-mail address"), "{}", mails[1].text());
    // What one does to oneself is no news.
    let own = UserUpdate {
        username: world.admin.name.clone(),
        display_name: None,
        email: Some("admin@example.org".to_owned()),
        revision: None,
    };
    users::update(&test.platform, &world.admin.ctx(), world.admin.id, own).await.unwrap();
    assert_eq!(world.kinds(&world.admin).await, []);
}

#[tokio::test]
async fn a_password_that_others_set_is_told_of() {
    let world = World::new().await;
    let test = &world.test;
    let lee = test.outsider("lee").await;
    world.email(&lee, "lee@example.org", "zh").await;
    users::set_password(&test.platform, &world.admin.ctx(), lee.id, UserPassword::default()).await.unwrap();
    accounts::reset_password(&test.platform, "lee", false).await.unwrap();
    world.work().await;
    assert_eq!(world.subjects("lee@example.org").len(), 2);
    assert_eq!(world.kinds(&lee).await, [K::PasswordChanged, K::PasswordChanged]);
    let query = contract::notifications::NotificationQuery::default();
    let told = notifications::list(&test.platform, &lee.ctx(), &query).await.unwrap().list;
    assert!(told[0].message.contains("on the command line"), "{}", told[0].message);
    let by =
        told[1].message.contains("set a new password for your account") && !told[1].message.contains("was changed");
    assert!(by, "{}", told[1].message);
    assert!(told.iter().all(|notice| notice.link.as_deref() == Some("/forgot")), "{told:?}");
    for mail in world.sink.taken_by("lee@example.org") {
        assert!(mail.text().contains("/forgot"), "{}", mail.text());
    }
}

#[tokio::test]
async fn staff_are_names_among_themselves_and_staff_to_everybody_else() {
    let world = World::new().await;
    let (p, test, mut admin) = (&world.test.platform, &world.test, world.admin.clone());
    admin.principal.display_name = "Ada".to_owned();
    let (lee, acme, operator) =
        (test.outsider("lee").await, test.customer("Acme").await, test.operator("operator").await);
    world.email(&lee, "lee@example.org", "zh").await;
    world.email(&operator, "operator@example.org", "en").await;
    let query = contract::notifications::NotificationQuery::default();
    let told =
        async |user: &TestUser| notifications::list(p, &user.ctx(), &query).await.unwrap().list.remove(0).message;
    for user in [&lee, &operator, &acme.owner] {
        users::set_password(p, &admin.ctx(), user.id, UserPassword::default()).await.unwrap();
    }
    assert!(told(&operator).await.starts_with("Ada set a new password"), "{}", told(&operator).await);
    let outside = told(&lee).await;
    assert!(outside.contains("Staff of the platform set a new password"), "each in the reader's language: {outside}");
    assert!(told(&acme.owner).await.starts_with("Staff of the platform"));
    // A customer's people know each other.
    let role = MemberUpdate { role: MemberRole::Owner };
    let mut owner = acme.owner.clone();
    owner.principal.display_name = "Olga".to_owned();
    customers::set_my_member_role(p, &owner.ctx(), acme.member.id, role).await.unwrap();
    assert!(told(&acme.member).await.starts_with("Olga "), "{}", told(&acme.member).await);
    world.move_to(&lee, None).await;
    world.work().await;
    let mails = world.sink.taken_by("lee@example.org");
    assert!(!mails.is_empty() && mails.iter().all(|mail| mail.text().contains("平台工作人员")), "as letters too");
    assert!(mails.iter().all(|mail| !mail.text().contains("Ada")));
    assert!(world.sink.taken_by("operator@example.org")[0].text().contains("Ada"));
    let kept = "select args::text from notifications where user_id = $1";
    let kept: Vec<String> = sqlx::query_scalar(kept).bind(lee.id.0).fetch_all(test.owner_pool()).await.unwrap();
    assert!(kept.iter().all(|args| !args.contains("Ada")), "nor is the name kept for them: {kept:?}");
}

#[tokio::test]
async fn whoever_gets_an_account_reads_who_made_it_and_for_whom() {
    let world = World::new().await;
    let (p, mut admin) = (&world.test.platform, world.admin.clone());
    admin.principal.display_name = "Ada".to_owned();
    let made = |name: &str, password: Option<&str>| contract::users::UserCreate {
        username: name.to_owned(),
        email: Some(format!("{name}@example.org")),
        password: password.map(str::to_owned),
        ..Default::default()
    };
    users::create(p, &admin.ctx(), made("bo", None)).await.unwrap();
    // Who is told a password by whoever typed it needs no link.
    users::create(p, &admin.ctx(), made("cy", Some("three unusual words: quokka"))).await.unwrap();
    let owner = contract::customers::MemberCreate {
        username: "di".to_owned(),
        email: Some("di@example.org".to_owned()),
        ..Default::default()
    };
    let initech =
        contract::customers::CustomerCreate { name: "Initech".to_owned(), owner: Some(owner), ..Default::default() };
    customers::create(p, &admin.ctx(), initech).await.unwrap();
    world.work().await;
    let text = |address: &str| world.sink.taken_by(address).first().map(|mail| mail.text());
    let (bo, di) = (text("bo@example.org").unwrap(), text("di@example.org").unwrap());
    assert!(
        bo.contains("Staff of the platform made an account for you. Your user name is bo.")
            && bo.contains("/reset?token="),
        "{bo}"
    );
    assert!(di.contains("Staff of the platform made an account for you in Initech. Your user name is di."), "{di}");
    assert_eq!(text("cy@example.org"), None);
}

#[tokio::test]
async fn a_link_to_a_new_password_speaks_the_language_of_the_page_it_was_asked_on() {
    let world = World::new().await;
    let test = &world.test;
    let (lee, kim) = (test.outsider("lee").await, test.outsider("kim").await);
    world.email(&lee, "lee@example.org", "en").await;
    world.email(&kim, "kim@example.org", "en").await;
    sqlx::query("update users set language = null where name = 'kim'").execute(test.owner_pool()).await.unwrap();
    let ctx = test.anonymous();
    let ctx = platform::OpContext::new(
        ctx.principal().clone(),
        ctx.now(),
        ctx.via(),
        ctx.request_id(),
        ctx.address(),
        contract::accounts::Language::Zh,
    );
    for name in ["lee", "kim"] {
        let body = contract::accounts::PasswordResetRequest { account: name.to_owned(), ..Default::default() };
        accounts::request_password_reset(&test.platform, &ctx, &body).await.unwrap();
    }
    world.work().await;
    assert_eq!(world.subjects("lee@example.org"), ["RemoteGPU: set a new password"], "what one chose stays");
    assert_eq!(world.subjects("kim@example.org"), ["RemoteGPU：重置密码"]);
}

#[tokio::test]
async fn whoever_is_disabled_reads_it_in_their_mailbox() {
    let world = World::new().await;
    let test = &world.test;
    let lee = test.outsider("lee").await;
    world.email(&lee, "lee@example.org", "en").await;
    for active in [false, false, true] {
        users::set_active(&test.platform, &world.admin.ctx(), lee.id, active).await.unwrap();
    }
    world.work().await;
    let mails = world.sink.taken_by("lee@example.org");
    let texts: Vec<_> = mails.iter().map(|mail| mail.text()).collect();
    assert_eq!(texts.len(), 2, "again is no news: {texts:?}");
    assert!(texts.iter().any(|text| text.contains("disabled your account lee")), "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("enabled your account lee")), "{texts:?}");
}

#[tokio::test]
async fn whoever_holds_a_role_hears_that_it_permits_something_else() {
    let world = World::new().await;
    let (p, admin) = (&world.test.platform, world.admin.ctx());
    let lee = world.test.outsider("lee").await;
    let body = |permissions: &[contract::Permission]| contract::roles::RoleWrite {
        name: "Night shift".to_owned(),
        permissions: permissions.to_vec(),
        ..Default::default()
    };
    let role = roles::create(p, &admin, body(&[])).await.unwrap().id;
    roles::assign(p, &admin, lee.id, role).await.unwrap();
    roles::update(p, &admin, role, body(&[contract::Permission::MachinesView])).await.unwrap();
    roles::update(p, &admin, role, body(&[contract::Permission::MachinesView])).await.unwrap();
    let query = contract::notifications::NotificationQuery::default();
    let told = notifications::list(p, &lee.ctx(), &query).await.unwrap().list;
    assert_eq!(told.len(), 2, "the same again is no news: {told:?}");
    assert!(told[0].message.contains("changed what a role of yours permits: Night shift"), "{}", told[0].message);
}

#[tokio::test]
async fn keys_and_tokens_are_told_of_whatever_was_chosen() {
    let world = World::new().await;
    let (p, test) = (&world.test.platform, &world.test);
    let lee = test.outsider("lee").await;
    world.email(&lee, "lee@example.org", "en").await;
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOYiptV+rXV6dbgQ7Vu7BTgVqWCUH7yF+XsUQ515OPFT ann@workstation";
    let body = contract::accounts::SshKeyCreate { public_key: key.to_owned(), ..Default::default() };
    accounts::add_ssh_key(p, &lee.ctx(), body).await.unwrap();
    let quiet = contract::notifications::NotificationChoice {
        kind: K::ApiTokenMade,
        in_app: true,
        mail: false,
        webhook: false,
    };
    let choices = contract::notifications::NotificationPreferences { choices: vec![quiet], ..Default::default() };
    // Who sits at somebody's open session must not silence what they do next.
    let refused = notifications::set_preferences(p, &lee.ctx(), choices).await.unwrap_err();
    assert_eq!(refused.fields[0].key, "field-notification-always");
    let robot = contract::accounts::ApiTokenCreate { name: "robot".to_owned(), ..Default::default() };
    accounts::create_api_token(p, &lee.ctx(), robot).await.unwrap();
    world.work().await;
    assert_eq!(world.kinds(&lee).await, [K::ApiTokenMade, K::SshKeyAdded]);
    let mut told = world.subjects("lee@example.org");
    told.sort();
    assert_eq!(told, ["RemoteGPU: a new API token", "RemoteGPU: a new SSH key"]);
}

#[tokio::test]
async fn places_and_roles_that_others_change_are_told_of_as_one_chose() {
    let world = World::new().await;
    let (test, acme) = (&world.test, world.test.customer("Acme").await);
    let (p, admin) = (&test.platform, world.admin.ctx());
    let member = &acme.member;
    world.email(member, "member@acme.example", "en").await;
    customers::set_member_role(p, &admin, acme.id, member.id, MemberUpdate { role: MemberRole::Owner }).await.unwrap();
    let hand = |user_id: UserId| OwnerTransfer { user_id, confirm: "Acme".to_owned() };
    customers::transfer(p, &admin, acme.id, hand(acme.owner.id)).await.unwrap();
    customers::remove_my_member(p, &acme.owner.ctx(), member.id).await.unwrap();
    let role = contract::roles::RoleWrite { name: "Night shift".to_owned(), ..Default::default() };
    let role = roles::create(p, &admin, role).await.unwrap().id;
    roles::assign(p, &admin, member.id, role).await.unwrap();
    roles::assign(p, &admin, member.id, role).await.unwrap();
    roles::revoke(p, &admin, member.id, role).await.unwrap();
    let expected = [K::RolesChanged, K::RolesChanged, K::MemberRemoved, K::MemberChanged, K::MemberChanged];
    assert_eq!(world.kinds(member).await, expected, "again is no news");
    assert_eq!(world.kinds(&acme.owner).await, [], "an owner who stays one hears nothing");
    let query = contract::notifications::NotificationQuery::default();
    let told = notifications::list(p, &member.ctx(), &query).await.unwrap().list;
    assert!(told[0].message.contains("took a role from you: Night shift"), "{}", told[0].message);
    assert!(told[2].message.contains("removed you from Acme"), "{}", told[2].message);
    assert!(told[3].message.contains("a member of Acme") && told[4].message.contains("an owner of Acme"), "{told:?}");
    world.work().await;
    let subjects = world.subjects("member@acme.example");
    assert_eq!(subjects.len(), 5, "{subjects:?}");
}

#[tokio::test]
async fn people_are_told_what_becomes_of_their_customer() {
    let world = World::new().await;
    let (p, admin, acme) = (&world.test.platform, world.admin.ctx(), world.test.customer("Acme").await);
    let other = world.test.customer("Globex").await;
    customers::set_active(p, &admin, acme.id, false).await.unwrap();
    customers::set_active(p, &admin, acme.id, false).await.unwrap();
    customers::set_active(p, &admin, acme.id, true).await.unwrap();
    customers::delete(p, &admin, acme.id).await.unwrap();
    customers::restore(p, &admin, acme.id).await.unwrap();
    for user in [&acme.owner, &acme.member] {
        let query = contract::notifications::NotificationQuery::default();
        let list = notifications::list(p, &user.ctx(), &query).await.unwrap().list;
        let said: Vec<_> = list.iter().map(|view| view.message.as_str()).collect();
        assert_eq!(list.len(), 4, "{said:?}: again is no news");
        for (said, word) in said.iter().zip(["brought Acme back", "deleted Acme", "enabled Acme", "disabled Acme"]) {
            assert!(said.contains(word) && !said.contains(&world.admin.name), "{said}");
        }
    }
    assert_eq!(world.kinds(&other.owner).await, []);
}

#[tokio::test]
async fn a_copied_refresh_token_is_told_of_in_every_way() {
    let world = World::new().await;
    let (p, test) = (&world.test.platform, &world.test);
    let lee = test.outsider("lee").await;
    world.email(&lee, "lee@example.org", "en").await;
    let request = contract::accounts::LoginRequest {
        username: lee.name.clone(),
        password: lee.password.to_owned(),
        ..Default::default()
    };
    let first = accounts::issue_access_token(p, &test.anonymous(), &request).await.unwrap();
    accounts::refresh(p, &test.anonymous(), &first.refresh_token).await.unwrap();
    test.clock().advance(chrono::TimeDelta::seconds(3));
    accounts::refresh(p, &test.anonymous(), &first.refresh_token).await.unwrap_err();
    // What was told at the servers' time is due by the database's.
    world.hurry().await;
    world.work().await;
    assert_eq!(world.kinds(&lee).await, [K::SignInCopied]);
    assert_eq!(world.subjects("lee@example.org"), ["RemoteGPU: a sign-in was copied and ended"]);
    let said = world.sink.taken_by("lee@example.org").remove(0).text();
    let shown_by = test.anonymous().address().unwrap();
    assert!(said.contains("was ended") && said.contains(&shown_by.to_string()), "{said}");
}

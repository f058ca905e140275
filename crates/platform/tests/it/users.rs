//! Everybody's accounts as staff run them, quotas, and the people of customers.

use contract::accounts::{ApiTokenCreate, LoginRequest, MemberRole, SessionKind};
use contract::allocations::AllocationCreate;
use contract::customers::{CustomerQuery, MemberCreate, MemberUpdate, OwnerTransfer};
use contract::machines::{DeclaredHardware, MachineCreate};
use contract::quotas::Quota;
use contract::roles::RoleWrite;
use contract::users::{UserAction, UserBulk, UserCreate, UserPassword, UserQuery, UserState, UserUpdate};
use contract::{CustomerId, ErrorCode, PageQuery, Permission, UserId};
use platform::accounts::{self, users};
use platform::{Result, allocations, customers, machines, quotas, roles};
use test_support::{TestPlatform, TestUser};

fn body(name: &str) -> UserCreate {
    UserCreate { username: name.to_owned(), ..UserCreate::default() }
}

fn refusal<T: std::fmt::Debug>(result: Result<T>) -> (ErrorCode, &'static str) {
    let error = result.unwrap_err();
    (error.code, error.key)
}

fn wrong<T: std::fmt::Debug>(result: Result<T>) -> Vec<&'static str> {
    result.unwrap_err().fields.iter().map(|field| field.path).collect()
}

async fn signs_in(test: &TestPlatform, name: &str, password: &str) -> bool {
    let ctx = test.anonymous();
    // What is asked for after some failures is solved: that is looked at elsewhere.
    let wanted = accounts::captchas_of_sign_in(&test.platform, &ctx, name).await.unwrap();
    let (captcha_id, captcha) = if wanted.is_some() { test.captcha().await } else { (None, None) };
    let (username, password) = (name.to_owned(), password.to_owned());
    let login = LoginRequest { username, password, captcha_id, captcha, ..Default::default() };
    accounts::sign_in(&test.platform, &ctx, &login).await.is_ok()
}

async fn is_signed_in(test: &TestPlatform, user: &TestUser) -> bool {
    accounts::watch_session(&test.platform, &user.principal).still_valid().await.unwrap()
}

#[tokio::test]
async fn an_account_is_made_with_a_password_that_is_shown_once() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let request = UserCreate { email: Some("ada@example.org".to_owned()), ..body(" Ada ") };
    let made = users::create(&test.platform, &admin.ctx(), request).await.unwrap();
    let password = made.password.unwrap();
    assert_eq!((made.user.user.name.as_str(), password.len()), ("ada", 20));
    assert!(signs_in(&test, "ada", &password).await && signs_in(&test, "ada@example.org", &password).await);
    let typed = UserCreate { password: Some("a long enough password".to_owned()), ..body("grace") };
    let made = users::create(&test.platform, &admin.ctx(), typed).await.unwrap();
    assert_eq!(made.password, None, "what was typed is not repeated");
    assert!(signs_in(&test, "grace", "a long enough password").await);
    let log: Vec<String> =
        sqlx::query_scalar("select action || coalesce(after::text, '') from audit_events order by id")
            .fetch_all(test.owner_pool())
            .await
            .unwrap();
    assert!(log.iter().any(|line| line.starts_with("users:create")));
    assert!(log.iter().all(|line| !line.contains(&password) && !line.contains("long enough")));

    for (request, path) in [
        (body(""), "username"),
        (body("has space"), "username"),
        (body("ADA"), "username"),
        (UserCreate { email: Some("ADA@example.org".to_owned()), ..body("b") }, "email"),
        (UserCreate { email: Some("nobody".to_owned()), ..body("b") }, "email"),
        (UserCreate { password: Some("short".to_owned()), ..body("b") }, "password"),
        (UserCreate { roles: vec![contract::RoleId(0)], ..body("b") }, "roles"),
    ] {
        assert_eq!(wrong(users::create(&test.platform, &admin.ctx(), request.clone()).await), [path], "{request:?}");
    }
}

#[tokio::test]
async fn people_are_found_by_text_state_role_and_customer() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let acme = test.customer("Acme").await;
    test.operator("op").await;
    let names = async |query: UserQuery| -> Vec<String> {
        let page = users::list(&test.platform, &admin.ctx(), &query).await.unwrap();
        assert_eq!(page.total, page.list.len() as u64);
        page.list.into_iter().map(|row| row.name).collect()
    };
    let everybody = ["admin1", "cacme-member", "cacme-owner", "op"];
    assert_eq!(names(UserQuery::default()).await, everybody);
    let backwards: Vec<_> = everybody.iter().rev().copied().collect();
    assert_eq!(names(UserQuery { sort: Some("-name".to_owned()), ..Default::default() }).await, backwards);
    assert_eq!(names(UserQuery { q: Some("ACME-o".to_owned()), ..Default::default() }).await, ["cacme-owner"]);
    assert_eq!(names(UserQuery { q: Some("%".to_owned()), ..Default::default() }).await, Vec::<String>::new());
    let of_acme = UserQuery { customer_id: Some(acme.id), ..Default::default() };
    assert_eq!(names(of_acme).await, ["cacme-member", "cacme-owner"]);
    for (word, expected) in [("platform_admin", "admin1"), ("operator", "op"), ("customer_owner", "cacme-owner")] {
        let list = roles::list(&test.platform, &admin.ctx()).await.unwrap();
        let role = list.iter().find(|role| role.code == word).map(|role| role.id);
        assert_eq!(names(UserQuery { role, ..Default::default() }).await, [expected], "{word}");
    }
    users::delete(&test.platform, &admin.ctx(), acme.member.id).await.unwrap();
    users::set_active(&test.platform, &admin.ctx(), acme.owner.id, false).await.unwrap();
    assert_eq!(names(UserQuery::default()).await, ["admin1", "cacme-owner", "op"], "the deleted only when asked for");
    for (state, expected) in [
        (UserState::Deleted, vec!["cacme-member"]),
        (UserState::Disabled, vec!["cacme-owner"]),
        (UserState::Active, vec!["admin1", "op"]),
    ] {
        assert_eq!(names(UserQuery { state: Some(state), ..Default::default() }).await, expected);
    }
    let row = users::get(&test.platform, &admin.ctx(), acme.owner.id).await.unwrap().user;
    assert_eq!((row.memberships[0].customer_name.as_str(), row.memberships[0].role), ("Acme", MemberRole::Owner));
    let colour = UserQuery { sort: Some("colour".to_owned()), ..Default::default() };
    assert_eq!(wrong(users::list(&test.platform, &admin.ctx(), &colour).await), ["sort"]);
}

#[tokio::test]
async fn staff_see_and_end_the_sessions_of_those_who_may_no_more_than_they() {
    let test = TestPlatform::new().await;
    let (p, admin) = (&test.platform, test.admin().await);
    let clerk = test.with_role("clerk", &[Permission::UsersView, Permission::UsersUpdate]).await;
    let acme = test.customer("Acme").await;
    let (person, other) = (&acme.owner, &acme.member);
    let robot = ApiTokenCreate { name: "a robot".to_owned(), ..ApiTokenCreate::default() };
    let at = person.ctx().with_user_agent(Some("curl/8.5"));
    let all = PageQuery::default();
    let robot = accounts::create_api_token(p, &at, robot).await.unwrap().token.id;
    let list = users::sessions(p, &clerk.ctx(), person.id, &all).await.unwrap().list;
    let told: Vec<_> = list.iter().map(|s| (s.id, s.kind, s.name.as_deref(), s.agent.as_deref(), s.current)).collect();
    assert!(told.contains(&(robot, SessionKind::Api, Some("a robot"), None, false)), "nobody used it: {told:?}");
    assert!(told.contains(&(person.principal.session, SessionKind::Browser, None, None, false)) && told.len() == 2);
    assert_eq!(users::sessions(p, &person.ctx(), person.id, &all).await.unwrap_err().code, ErrorCode::NotFound);

    let gone = users::end_session(p, &clerk.ctx(), other.id, robot).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound, "somebody else's");
    users::end_session(p, &clerk.ctx(), person.id, robot).await.unwrap();
    assert_eq!(users::end_session(p, &clerk.ctx(), person.id, robot).await.unwrap_err().code, ErrorCode::NotFound);
    assert!(is_signed_in(&test, person).await, "the other goes on");
    assert_eq!(users::end_sessions(p, &clerk.ctx(), person.id).await.unwrap().ended, 1);
    assert!(!is_signed_in(&test, person).await && is_signed_in(&test, other).await);
    assert_eq!(users::sessions(p, &clerk.ctx(), person.id, &all).await.unwrap().list, []);

    // Who may more is seen, and not cut off; oneself, elsewhere.
    let theirs = users::sessions(p, &clerk.ctx(), admin.id, &all).await.unwrap().list[0].id;
    let held = (ErrorCode::Forbidden, "error-not-held");
    assert_eq!(refusal(users::end_session(p, &clerk.ctx(), admin.id, theirs).await), held);
    assert_eq!(refusal(users::end_sessions(p, &clerk.ctx(), admin.id).await), held);
    let own = (ErrorCode::WrongState, "error-user-self-sessions");
    assert_eq!(refusal(users::end_sessions(p, &clerk.ctx(), clerk.id).await), own);
    assert_eq!(refusal(users::end_session(p, &admin.ctx(), admin.id, theirs).await), own);
    let noted = "select action || ' ' || coalesce(before->>'kind', after->>'ended') from audit_events
                 where action like 'users:end-%' order by id";
    let noted: Vec<String> = sqlx::query_scalar(noted).fetch_all(test.owner_pool()).await.unwrap();
    assert_eq!(noted, ["users:end-session api", "users:end-sessions 1"]);
}

#[tokio::test]
async fn disabling_deleting_and_a_new_password_sign_out_at_once() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    for (deed, comes_back) in [("disable", true), ("delete", true), ("password", false)] {
        let person = test.outsider(&format!("p-{deed}")).await;
        assert!(is_signed_in(&test, &person).await);
        match deed {
            "disable" => drop(users::set_active(&test.platform, &admin.ctx(), person.id, false).await.unwrap()),
            "delete" => drop(users::delete(&test.platform, &admin.ctx(), person.id).await.unwrap()),
            _ => {
                let body = UserPassword::default();
                let secret = users::set_password(&test.platform, &admin.ctx(), person.id, body).await.unwrap();
                assert!(signs_in(&test, &secret.username, &secret.password.unwrap()).await);
            }
        }
        assert!(!is_signed_in(&test, &person).await, "{deed}");
        assert!(!signs_in(&test, &person.name, person.password).await, "{deed}");
        if comes_back {
            let back = match deed {
                "disable" => users::set_active(&test.platform, &admin.ctx(), person.id, true).await.unwrap(),
                _ => users::restore(&test.platform, &admin.ctx(), person.id).await.unwrap(),
            };
            assert_eq!(back.user.state, UserState::Active);
            assert!(signs_in(&test, &person.name, person.password).await, "{deed}");
            assert!(!is_signed_in(&test, &person).await, "old sessions stay ended");
        }
    }
}

#[tokio::test]
async fn a_deleted_account_comes_back_as_it_was() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let acme = test.customer("Acme").await;
    users::set_active(&test.platform, &admin.ctx(), acme.member.id, false).await.unwrap();
    users::delete(&test.platform, &admin.ctx(), acme.member.id).await.unwrap();
    let switched = users::set_active(&test.platform, &admin.ctx(), acme.member.id, true).await;
    assert_eq!(refusal(switched), (ErrorCode::WrongState, "error-user-deleted"));
    let count = customers::get(&test.platform, &admin.ctx(), acme.id).await.unwrap().member_count;
    assert_eq!(count, 1, "a deleted person is none of the customer's people");
    let back = users::restore(&test.platform, &admin.ctx(), acme.member.id).await.unwrap();
    assert_eq!((back.user.state, back.user.memberships.len()), (UserState::Disabled, 1), "disabled as before");
    // The name went to somebody else meanwhile.
    users::delete(&test.platform, &admin.ctx(), acme.member.id).await.unwrap();
    users::create(&test.platform, &admin.ctx(), body(&acme.member.name)).await.unwrap();
    assert_eq!(wrong(users::restore(&test.platform, &admin.ctx(), acme.member.id).await), ["username"]);
    let again = users::restore(&test.platform, &admin.ctx(), acme.member.id).await;
    assert_eq!(refusal(again), (ErrorCode::AlreadyExists, "error-user-restore-taken"));
}

#[tokio::test]
async fn nobody_acts_on_themselves_or_on_somebody_stronger() {
    let test = TestPlatform::new().await;
    let (admin, _) = (test.admin().await, test.admin().await);
    let itself = (ErrorCode::WrongState, "error-user-self");
    assert_eq!(refusal(users::set_active(&test.platform, &admin.ctx(), admin.id, false).await), itself);
    assert_eq!(refusal(users::delete(&test.platform, &admin.ctx(), admin.id).await), itself);
    assert!(users::set_active(&test.platform, &admin.ctx(), admin.id, true).await.is_ok(), "which changes nothing");

    let powers = [Permission::UsersView, Permission::UsersUpdate, Permission::UsersDelete, Permission::UsersCreate];
    let clerk = test.with_role("clerk", &powers).await;
    let ctx = clerk.ctx();
    let not_held = (ErrorCode::Forbidden, "error-not-held");
    let change =
        UserUpdate { username: "mine".to_owned(), email: Some("me@example.org".to_owned()), ..Default::default() };
    assert_eq!(refusal(users::update(&test.platform, &ctx, admin.id, change).await), not_held);
    assert_eq!(refusal(users::set_password(&test.platform, &ctx, admin.id, UserPassword::default()).await), not_held);
    assert_eq!(refusal(users::set_active(&test.platform, &ctx, admin.id, false).await), not_held);
    assert_eq!(refusal(users::delete(&test.platform, &ctx, admin.id).await), not_held);
    let person = test.outsider("somebody").await;
    assert!(users::set_active(&test.platform, &ctx, person.id, false).await.is_ok());
    // To give a role with the account takes the right to give roles.
    let list = roles::list(&test.platform, &admin.ctx()).await.unwrap();
    let request = UserCreate { roles: vec![list[0].id], ..body("puppet") };
    let error = users::create(&test.platform, &ctx, request).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden);
    let there: i64 = sqlx::query_scalar("select count(*) from users where name = 'puppet'")
        .fetch_one(test.owner_pool())
        .await
        .unwrap();
    assert_eq!(there, 0, "nothing stays of it");
    // For members of customers none of this exists.
    let acme = test.customer("Acme").await;
    assert_eq!(users::get(&test.platform, &acme.owner.ctx(), person.id).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn the_only_owner_of_a_customer_is_not_deleted() {
    let test = TestPlatform::new().await;
    let (p, admin, acme) = (&test.platform, test.admin().await, test.customer("Acme").await);
    let delete = async |id: UserId| users::delete(p, &admin.ctx(), id).await;
    assert_eq!(refusal(delete(acme.owner.id).await), (ErrorCode::WrongState, "error-user-last-owner"));
    assert!(is_signed_in(&test, &acme.owner).await, "nothing happened");
    let role = MemberUpdate { role: MemberRole::Owner };
    customers::set_member_role(p, &admin.ctx(), acme.id, acme.member.id, role).await.unwrap();
    delete(acme.owner.id).await.unwrap();
    // Another who cannot sign in is no other owner.
    users::restore(p, &admin.ctx(), acme.owner.id).await.unwrap();
    users::set_active(p, &admin.ctx(), acme.owner.id, false).await.unwrap();
    assert_eq!(refusal(delete(acme.member.id).await), (ErrorCode::WrongState, "error-user-last-owner"));
    // Of a customer that is deleted nobody asks for one.
    customers::delete(p, &admin.ctx(), acme.id).await.unwrap();
    delete(acme.member.id).await.unwrap();
}

#[tokio::test]
async fn two_people_do_not_overwrite_each_other() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let person = test.outsider("somebody").await;
    let read = users::get(&test.platform, &admin.ctx(), person.id).await.unwrap();
    let change = |display: &str| UserUpdate {
        username: "somebody".to_owned(),
        display_name: Some(display.to_owned()),
        revision: Some(read.revision),
        ..UserUpdate::default()
    };
    let after = users::update(&test.platform, &admin.ctx(), person.id, change("Some Body")).await.unwrap();
    assert_eq!((after.user.display_name.as_str(), after.revision), ("Some Body", read.revision + 1));
    let late = users::update(&test.platform, &admin.ctx(), person.id, change("No Body")).await;
    assert_eq!(refusal(late), (ErrorCode::Conflict, "error-user-changed"));
    assert_eq!(users::get(&test.platform, &admin.ctx(), UserId(0)).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn many_are_switched_each_for_itself() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let (one, two) = (test.outsider("one").await, test.outsider("two").await);
    let ids = vec![one.id, two.id, admin.id, one.id, UserId(999_999)];
    let bulk = UserBulk { ids, matching: None, action: UserAction::Disable };
    let (preview, more) = users::preview_many(&test.platform, &admin.ctx(), &bulk).await.unwrap();
    assert_eq!(more, 0);
    let possible: Vec<_> = preview.iter().map(|(row, possible)| (row.name.as_str(), possible.is_ok())).collect();
    assert_eq!(possible, [("one", true), ("two", true), ("admin1", false)]);
    let outcomes = users::act_on_many(&test.platform, &admin.ctx(), bulk).await.unwrap();
    let done: Vec<_> = outcomes.iter().map(|(_, done)| done.as_ref().err().map(|error| error.code)).collect();
    assert_eq!(done, [None, None, Some(ErrorCode::WrongState), Some(ErrorCode::NotFound)]);
    assert_eq!(users::get(&test.platform, &admin.ctx(), two.id).await.unwrap().user.state, UserState::Disabled);
    let none = UserBulk { ids: Vec::new(), matching: None, action: UserAction::Enable };
    assert_eq!(wrong(users::act_on_many(&test.platform, &admin.ctx(), none).await), ["ids"]);
    // Which of the two is meant is not guessed.
    let filters = UserQuery { state: Some(UserState::Disabled), ..UserQuery::default() };
    let both = UserBulk { ids: vec![one.id], matching: Some(filters), action: UserAction::Enable };
    let refused = users::preview_many(&test.platform, &admin.ctx(), &both).await.unwrap_err();
    assert_eq!((refused.fields[0].path, refused.fields[0].key), ("ids", "field-ids-or-matching"));
    let refused = users::act_on_many(&test.platform, &admin.ctx(), both).await.unwrap_err();
    assert_eq!((refused.fields[0].path, refused.fields[0].key), ("ids", "field-ids-or-matching"));
    // All that match, whatever their page.
    let filters = UserQuery { state: Some(UserState::Disabled), page_size: Some(1), ..UserQuery::default() };
    let all = UserBulk { ids: Vec::new(), matching: Some(filters), action: UserAction::Enable };
    let (preview, more) = users::preview_many(&test.platform, &admin.ctx(), &all).await.unwrap();
    assert_eq!((preview.len(), more), (2, 0));
    let outcomes = users::act_on_many(&test.platform, &admin.ctx(), all).await.unwrap();
    assert!(outcomes.len() == 2 && outcomes.iter().all(|(_, done)| done.is_ok()), "{outcomes:?}");
    // More than one takes: it is the filters that are too wide.
    sqlx::query("insert into users (name) select 'many-' || n from generate_series(1, 501) n")
        .execute(test.owner_pool())
        .await
        .unwrap();
    let filters = UserQuery { q: Some("many-".to_owned()), ..UserQuery::default() };
    let many = UserBulk { ids: Vec::new(), matching: Some(filters), action: UserAction::Disable };
    let refused = users::act_on_many(&test.platform, &admin.ctx(), many).await.unwrap_err();
    assert_eq!((refused.fields[0].path, refused.fields[0].key), ("matching", "field-too-many-match"));
}

#[tokio::test]
async fn quotas_are_numbers_and_absence_is_no_limit() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let acme = test.customer("Acme").await;
    let quota = Quota { gpu: Some(8), storage_gb: Some(0), ..Quota::default() };
    quotas::set_of_user(&test.platform, &admin.ctx(), acme.member.id, quota.clone()).await.unwrap();
    assert_eq!(quotas::of_user(&test.platform, &admin.ctx(), acme.member.id).await.unwrap(), quota);
    let usage = quotas::usage_of_user(&test.platform, &admin.ctx(), acme.member.id).await.unwrap();
    let used: Vec<_> = usage.iter().filter_map(|line| Some((line.resource.code(), line.used?))).collect();
    let nothing = ["cpu", "memoryGb", "diskGb", "gpu", "instances", "storageGb", "machines"].map(|what| (what, 0));
    assert_eq!((usage.len(), used), (9, [&nothing[..], &[("customers", 1)]].concat()));
    quotas::set_of_customer(&test.platform, &admin.ctx(), acme.id, quota.clone()).await.unwrap();
    quotas::set_of_customer(&test.platform, &admin.ctx(), acme.id, Quota::default()).await.unwrap();
    assert_eq!(quotas::of_customer(&test.platform, &admin.ctx(), acme.id).await.unwrap(), Quota::default());
    let negative = Quota { gpu: Some(-1), ..Quota::default() };
    assert_eq!(wrong(quotas::set_of_user(&test.platform, &admin.ctx(), acme.member.id, negative).await), ["gpu"]);
    let missing = quotas::of_user(&test.platform, &admin.ctx(), UserId(0)).await;
    assert_eq!(missing.unwrap_err().code, ErrorCode::NotFound);
    let operator = test.operator("op").await;
    assert!(quotas::of_customer(&test.platform, &operator.ctx(), acme.id).await.is_ok());
    let set = quotas::set_of_customer(&test.platform, &operator.ctx(), acme.id, quota).await;
    assert_eq!(set.unwrap_err().code, ErrorCode::Forbidden);
}

fn role(role: MemberRole) -> MemberUpdate {
    MemberUpdate { role }
}

#[tokio::test]
async fn what_a_customer_uses_stands_beside_its_limits() {
    let test = TestPlatform::new().await;
    let (p, admin, acme) = (&test.platform, test.admin().await, test.customer("Acme").await);
    let declared = DeclaredHardware { gpu_count: Some(4), ..Default::default() };
    let machine =
        MachineCreate { id: Some("host-001".to_owned()), name: "One".to_owned(), declared, ..Default::default() };
    machines::create(p, &admin.ctx(), machine).await.unwrap();
    let lease = AllocationCreate { customer_id: Some(acme.id), months: Some(1), ..Default::default() };
    allocations::create(p, &admin.ctx(), "host-001", lease).await.unwrap();
    let quota = Quota { gpu: Some(2), ..Quota::default() };
    quotas::set_of_customer(p, &admin.ctx(), acme.id, quota).await.unwrap();
    let usage = quotas::usage_of_customer(p, &admin.ctx(), acme.id).await.unwrap();
    let lines: Vec<_> = usage.iter().map(|line| (line.resource.code(), line.limit, line.used)).collect();
    assert_eq!(
        lines,
        [
            ("cpu", None, Some(0)),
            ("memoryGb", None, Some(0)),
            ("diskGb", None, Some(0)),
            ("gpu", Some(2), Some(4)),
            ("instances", None, Some(0)),
            ("vms", None, None),
            ("storageGb", None, Some(0)),
            ("machines", None, Some(1)),
            ("people", None, Some(2)),
        ]
    );
    let of_member = quotas::usage_of_user(p, &admin.ctx(), acme.member.id).await.unwrap();
    assert!(of_member.iter().any(|line| line.resource.code() == "machines" && line.used == Some(1)));
    let refused = quotas::usage_of_customer(p, &acme.owner.ctx(), acme.id).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);
}

async fn owners(test: &TestPlatform, id: CustomerId) -> Vec<String> {
    let statement = "select u.name::text from memberships m join users u on u.id = m.user_id
                     where m.customer_id = $1 and m.role = 'owner' order by 1";
    sqlx::query_scalar(statement).bind(id.0).fetch_all(test.owner_pool()).await.unwrap()
}

#[tokio::test]
async fn owners_run_their_people_and_nobody_elses() {
    let test = TestPlatform::new().await;
    let (acme, globex) = (test.customer("Acme").await, test.customer("Globex").await);
    let ctx = acme.owner.ctx();
    let by_invitation = (ErrorCode::Forbidden, "error-member-by-invitation");
    let (email, admin) = (Some("owned@example.org".to_owned()), test.admin().await);
    let new = |name: &str| MemberCreate { username: name.to_owned(), email: email.clone(), ..Default::default() };
    let secret = customers::add_member(&test.platform, &admin.ctx(), acme.id, new("newcomer")).await.unwrap();
    assert!(signs_in(&test, "newcomer", &secret.password.unwrap()).await);
    // Owners make no accounts, with nobody's address: they would know the password. Nor do they learn what is taken.
    for name in ["newcomer", "another", ""] {
        let refused = customers::add_my_member(&test.platform, &ctx, new(name)).await;
        assert_eq!(refusal(refused), by_invitation, "{name}");
        let refused = customers::add_member(&test.platform, &ctx, acme.id, new(name)).await;
        assert_eq!(refusal(refused), by_invitation, "{name}");
    }
    let stranger = test.outsider("stranger").await;
    let existing = |name: &str| MemberCreate { username: name.to_owned(), existing: true, ..Default::default() };
    // Whoever has an account is asked first; staff may add them, and then they are told.
    let add = async |name: &str| customers::add_member(&test.platform, &admin.ctx(), acme.id, existing(name)).await;
    assert_eq!(refusal(customers::add_my_member(&test.platform, &ctx, existing("stranger")).await), by_invitation);
    assert_eq!(add("Stranger").await.unwrap().password, None, "an account keeps its password");
    assert!(signs_in(&test, "stranger", stranger.password).await);
    assert_eq!(wrong(add("stranger").await), ["username"]);
    assert_eq!(wrong(add("nobody").await), ["username"]);

    // The last owner stays.
    let last = (ErrorCode::WrongState, "error-last-owner");
    let step_down = customers::set_my_member_role(&test.platform, &ctx, acme.owner.id, role(MemberRole::Member)).await;
    assert_eq!(refusal(step_down), last);
    assert_eq!(refusal(customers::remove_my_member(&test.platform, &ctx, acme.owner.id).await), last);
    // Others' roles change at once, and they are signed out.
    assert!(is_signed_in(&test, &acme.member).await);
    customers::set_my_member_role(&test.platform, &ctx, acme.member.id, role(MemberRole::Owner)).await.unwrap();
    assert!(!is_signed_in(&test, &acme.member).await);
    assert_eq!(owners(&test, acme.id).await, ["cacme-member", "cacme-owner"]);
    customers::remove_my_member(&test.platform, &ctx, stranger.id).await.unwrap();
    assert!(is_signed_in(&test, &stranger).await, "who acts for nobody or another customer is left alone");
    let again = customers::remove_my_member(&test.platform, &ctx, stranger.id).await;
    assert_eq!(again.unwrap_err().code, ErrorCode::NotFound);

    // Another customer's people are not there, whatever their number.
    let theirs = customers::remove_member(&test.platform, &ctx, globex.id, globex.member.id).await;
    assert_eq!(theirs.unwrap_err().code, ErrorCode::NotFound);
    let theirs = customers::remove_my_member(&test.platform, &ctx, globex.member.id).await;
    assert_eq!(theirs.unwrap_err().code, ErrorCode::NotFound);
    let by_member = customers::add_member(&test.platform, &globex.member.ctx(), globex.id, existing("stranger")).await;
    assert_eq!(by_member.unwrap_err().code, ErrorCode::Forbidden);
}

#[tokio::test]
async fn the_ownership_is_handed_over_by_who_types_the_name() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let hand = |user_id: UserId, confirm: &str| OwnerTransfer { user_id, confirm: confirm.to_owned() };
    let ctx = acme.owner.ctx();
    assert_eq!(wrong(customers::transfer_mine(&test.platform, &ctx, hand(acme.member.id, "acme")).await), ["confirm"]);
    let stranger = test.outsider("stranger").await;
    assert_eq!(wrong(customers::transfer_mine(&test.platform, &ctx, hand(stranger.id, "Acme")).await), ["userId"]);
    // Who owns it hands it to nobody by handing it to themselves, and demotes no other owner so.
    assert_eq!(wrong(customers::transfer_mine(&test.platform, &ctx, hand(acme.owner.id, "Acme")).await), ["userId"]);
    customers::transfer_mine(&test.platform, &ctx, hand(acme.member.id, "Acme")).await.unwrap();
    assert_eq!(owners(&test, acme.id).await, ["cacme-member"]);
    assert!(!is_signed_in(&test, &acme.owner).await && !is_signed_in(&test, &acme.member).await);
    // Staff may give it back, even when nobody of the customer could.
    let admin = test.admin().await;
    users::set_active(&test.platform, &admin.ctx(), acme.member.id, false).await.unwrap();
    customers::transfer(&test.platform, &admin.ctx(), acme.id, hand(acme.owner.id, "Acme")).await.unwrap();
    assert_eq!(owners(&test, acme.id).await, ["cacme-owner"]);
}

#[tokio::test]
async fn whoever_works_for_the_platform_is_no_owner_that_is_left() {
    let test = TestPlatform::new().await;
    let (p, admin, acme) = (&test.platform, test.admin().await, test.customer("Acme").await);
    let staff = admin.ctx();
    let body = RoleWrite { name: "Night".to_owned(), ..RoleWrite::default() };
    let night = roles::create(p, &staff, body).await.unwrap().id;
    // The only owner is not made staff: the refusal names the customer.
    let error = roles::assign(p, &staff, acme.owner.id, night).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-role-only-owner"));
    assert_eq!(error.args[0].1.as_str(), "Acme");
    let list = roles::list(p, &staff).await.unwrap();
    let student = list.iter().find(|role| role.code == "student").unwrap().id;
    roles::assign(p, &staff, acme.owner.id, student).await.expect("students act for their customers");
    // With another owner it goes, and that one stays: the one who is staff now counts for nothing.
    customers::set_member_role(p, &staff, acme.id, acme.member.id, role(MemberRole::Owner)).await.unwrap();
    roles::assign(p, &staff, acme.owner.id, night).await.unwrap();
    let last = (ErrorCode::WrongState, "error-last-owner");
    assert_eq!(refusal(customers::remove_member(p, &staff, acme.id, acme.member.id).await), last);
    let mut other = acme.member.clone();
    other.principal.memberships = vec![(acme.id, MemberRole::Owner)];
    let step_down = customers::set_my_member_role(p, &other.ctx(), other.id, role(MemberRole::Member)).await;
    assert_eq!(refusal(step_down), last);
    let people = customers::members(p, &other.ctx(), &Default::default()).await.unwrap().list;
    let own = people.iter().find(|person| person.user_id == acme.member.id).unwrap();
    assert!(!own.may_remove.allowed && !own.may_change_role.allowed, "their page says so before: {own:?}");
    assert!(customers::get(p, &staff, acme.id).await.unwrap().has_owner);
    users::set_active(p, &staff, acme.member.id, false).await.unwrap();
    assert!(!customers::get(p, &staff, acme.id).await.unwrap().has_owner);
    let ownerless = CustomerQuery { has_owner: Some(false), ..CustomerQuery::default() };
    assert_eq!(customers::list(p, &staff, &ownerless).await.unwrap().total, 1);
    // It is handed to nobody who cannot act for it, and each is told why.
    let hand = async |user_id: UserId| {
        let body = OwnerTransfer { user_id, confirm: "Acme".to_owned() };
        let error = customers::transfer(p, &staff, acme.id, body).await.unwrap_err();
        (error.fields[0].path, error.fields[0].key)
    };
    assert_eq!(hand(acme.owner.id).await, ("userId", "field-heir-staff"));
    assert_eq!(hand(acme.member.id).await, ("userId", "field-heir-disabled"));
}

#[tokio::test]
async fn two_owners_cannot_both_leave_at_the_same_moment() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let admin = test.admin().await;
    customers::set_member_role(&test.platform, &admin.ctx(), acme.id, acme.member.id, role(MemberRole::Owner))
        .await
        .unwrap();
    let (one, two) = (acme.owner.ctx(), admin.ctx());
    let (first, second) = tokio::join!(
        customers::remove_member(&test.platform, &one, acme.id, acme.owner.id),
        customers::set_member_role(&test.platform, &two, acme.id, acme.member.id, role(MemberRole::Member))
    );
    assert!(first.is_ok() != second.is_ok(), "{first:?} and {second:?}");
    assert_eq!(owners(&test, acme.id).await.len(), 1);
}

#[tokio::test]
async fn nobody_makes_somebody_in_a_customer_who_may_more_than_they_do() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let adder = test.with_role("adder", &[Permission::CustomersManage, Permission::CustomersAddMember]).await;
    let not_held = (ErrorCode::Forbidden, "error-not-held");
    let add = async |who: &TestUser, name: &str, role: MemberRole| {
        let body = MemberCreate { username: name.to_owned(), role: Some(role), ..MemberCreate::default() };
        customers::add_member(&test.platform, &who.ctx(), acme.id, body).await.map(drop)
    };
    // A member sees what the customer has; who adds one has to see that, too.
    assert_eq!(refusal(add(&adder, "one", MemberRole::Member).await), not_held);
    let powers = [
        Permission::CustomersManage,
        Permission::CustomersAddMember,
        Permission::AllocationsManage,
        Permission::FilesView,
    ];
    let more = test.with_role("more", &powers).await;
    assert!(add(&more, "two", MemberRole::Member).await.is_ok());
    assert_eq!(refusal(add(&more, "three", MemberRole::Owner).await), not_held);
    let most = [&powers[..], &[Permission::CustomersManageMembers]].concat();
    let more = test.with_role("most", &most).await;
    let itself = MemberCreate {
        username: more.name.clone(),
        existing: true,
        role: Some(MemberRole::Owner),
        ..MemberCreate::default()
    };
    assert_eq!(
        refusal(customers::add_member(&test.platform, &more.ctx(), acme.id, itself).await),
        not_held,
        "nor of oneself"
    );
    let admin = test.admin().await;
    assert!(add(&admin, "four", MemberRole::Owner).await.is_ok());
    // Nor by a token that holds less than who made it.
    let mut narrow = admin.clone();
    let scopes = [Permission::CustomersView, Permission::CustomersAddMember];
    narrow.principal.credential = platform::Credential::ApiToken { scopes: Some(scopes.to_vec().into()) };
    assert_eq!(refusal(add(&narrow, "five", MemberRole::Owner).await), not_held);
}

/// Events of the log say "command line", and machines have a root: nobody new is called so.
#[tokio::test]
async fn nobody_new_is_called_as_the_command_line_or_root() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    for name in ["cli", "root", "system"] {
        let body = UserCreate { username: name.to_owned(), ..UserCreate::default() };
        let error = users::create(&test.platform, &admin.ctx(), body).await.unwrap_err();
        assert_eq!(error.fields[0].key, "field-user-name-reserved", "{name}");
    }
}

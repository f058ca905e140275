//! Roles: what they give, who may hand them on, and that the last admin stays.

use contract::accounts::ApiTokenCreate;
use contract::allocations::{AllocationCreate, AllocationEnd};
use contract::live::{LiveData, ServerMessage};
use contract::machines::{MachineAction, MachineQuery};
use contract::metrics::WallTile;
use contract::roles::{RoleScope, RoleView, RoleWrite};
use contract::{ErrorCode, Permission, RoleId, UserId};
use platform::accounts::{self, users};
use platform::authz::{MachineRef, UpdateMachine, ViewMachine};
use platform::{Error, Result, allocations, customers, machines, metrics, roles};
use test_support::{TestPlatform, TestUser, eventually};

fn body(name: &str, permissions: &[Permission]) -> RoleWrite {
    RoleWrite { name: name.to_owned(), permissions: permissions.to_vec(), ..RoleWrite::default() }
}

fn code<T>(result: &Result<T>) -> Option<ErrorCode> {
    result.as_ref().err().map(|error| error.code)
}

fn refusal<T: std::fmt::Debug>(result: Result<T>) -> (ErrorCode, &'static str) {
    let error = result.unwrap_err();
    (error.code, error.key)
}

const NOT_HELD: (ErrorCode, &str) = (ErrorCode::Forbidden, "error-not-held");
const LAST_ADMIN: (ErrorCode, &str) = (ErrorCode::WrongState, "error-last-admin");

async fn builtin(test: &TestPlatform, admin: &TestUser, word: &str) -> RoleView {
    let list = roles::list(&test.platform, &admin.ctx()).await.unwrap();
    list.into_iter().find(|role| role.code == word).unwrap()
}

#[tokio::test]
async fn the_built_in_roles_are_there_and_stay_as_they_are() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let acme = test.customer("Acme").await;
    let list = roles::list(&test.platform, &admin.ctx()).await.unwrap();
    let words: Vec<_> = list.iter().map(|role| (role.code.as_str(), role.scope, role.holder_count)).collect();
    assert_eq!(
        words,
        [
            ("platform_admin", RoleScope::Platform, 1),
            ("operator", RoleScope::Platform, 0),
            ("customer_owner", RoleScope::Customer, 1),
            ("customer_member", RoleScope::Customer, 1),
            ("teacher", RoleScope::Platform, 0),
            ("student", RoleScope::Platform, 0),
        ]
    );
    let owners = roles::holders(&test.platform, &admin.ctx(), list[2].id, &Default::default()).await.unwrap();
    assert_eq!((owners.total, owners.page, owners.page_size), (1, 1, 20));
    assert_eq!(owners.list.iter().map(|holder| holder.user_id).collect::<Vec<_>>(), [acme.owner.id]);
    for role in &list {
        let change = roles::update(&test.platform, &admin.ctx(), role.id, body("mine", &[])).await;
        assert_eq!(refusal(change), (ErrorCode::WrongState, "error-role-builtin"), "{}", role.code);
        let gone = roles::delete(&test.platform, &admin.ctx(), role.id).await;
        assert_eq!(refusal(gone), (ErrorCode::WrongState, "error-role-builtin"), "{}", role.code);
    }
    // The second wall: not even a transaction of staff can.
    let mut tx = test.platform.db().begin(&admin.ctx()).await.unwrap();
    for statement in
        ["update roles set name = 'mine' where builtin is not null", "delete from roles where builtin is not null"]
    {
        let done = sqlx::query(statement).execute(&mut *tx).await.unwrap();
        assert_eq!(done.rows_affected(), 0, "{statement}");
    }
    // A customer's role is held by membership: it is not given like one of the platform.
    let error = roles::assign(&test.platform, &admin.ctx(), acme.member.id, list[2].id).await.unwrap_err();
    assert_eq!((error.code, error.fields[0].key), (ErrorCode::Validation, "field-role-unknown"));
}

#[tokio::test]
async fn a_custom_role_gives_what_it_says_everywhere_and_nothing_else() {
    let test = TestPlatform::new().await;
    test.node("host-1").await;
    let admin = test.admin().await;
    let person = test.outsider("night").await;
    let view = body("Night shift", &[Permission::MachinesView, Permission::CustomersManage]);
    let role = roles::create(&test.platform, &admin.ctx(), view).await.unwrap();
    assert_eq!((role.builtin, role.holder_count, role.code.starts_with("custom-")), (false, 0, true));
    let held = roles::assign(&test.platform, &admin.ctx(), person.id, role.id).await.unwrap();
    assert_eq!(held.iter().map(|role| role.name.as_str()).collect::<Vec<_>>(), ["Night shift"]);

    let person = again(&test, &person).await;
    let ctx = person.ctx();
    assert!(ctx.is_staff() && ctx.holds(Permission::MachinesView) && !ctx.holds(Permission::MachinesUpdate));
    let seen = machines::list(&test.platform, &ctx, &MachineQuery::default()).await.unwrap();
    assert_eq!(seen.total, 1, "row-level security lets staff see the fleet");
    assert_eq!(
        code(&machines::act(&test.platform, &ctx, "host-1", MachineAction::Cordon, None).await),
        Some(ErrorCode::Forbidden)
    );
    assert_eq!(code(&metrics::wall(&test.platform, &ctx).await), Some(ErrorCode::NotFound));
    // Who runs all customers sees each: what they may not do to one is refused, not hidden.
    let acme = test.customer("Acme").await;
    assert_eq!(code(&customers::set_active(&test.platform, &ctx, acme.id, false).await), Some(ErrorCode::Forbidden));
    let profile = accounts::profile(&test.platform, &ctx).await.unwrap();
    assert_eq!((profile.role.as_str(), profile.roles.as_slice()), ("Night shift", &["Night shift".to_owned()][..]));
    assert!(profile.buttons.contains(&Permission::MachinesView));
}

#[tokio::test]
async fn who_has_a_machine_is_told_to_those_who_see_allocations() {
    let test = TestPlatform::new().await;
    let (p, admin, acme) = (&test.platform, test.admin().await, test.customer("Acme").await);
    for code in ["host-1", "host-2"] {
        test.node(code).await;
    }
    let days = |days| Some(test.clock().now() + chrono::TimeDelta::days(days));
    let lease = AllocationCreate { customer_id: Some(acme.id), ends_at: days(47), ..AllocationCreate::default() };
    let lease = allocations::create(p, &admin.ctx(), "host-1", lease).await.unwrap().allocation.id;
    let person = test.outsider("night").await;
    let view = body("Night shift", &[Permission::MachinesView, Permission::MetricsView]);
    let role = roles::create(p, &admin.ctx(), view).await.unwrap();
    roles::assign(p, &admin.ctx(), person.id, role.id).await.unwrap();
    let person = again(&test, &person).await;

    let told = async |user: &TestUser| {
        let wall = metrics::wall(p, &user.ctx()).await.unwrap().machines;
        let first = metrics::watch(p, &user.ctx(), "wall", None).await.unwrap().next().await.unwrap();
        let ServerMessage::Snapshot { data: LiveData::Wall(live), .. } = serde_json::from_str(&first).unwrap() else {
            panic!("a snapshot comes first: {first}");
        };
        let of = |tile: &WallTile| (tile.lease.clone(), tile.customer.clone(), tile.days_left);
        let (wall, live) = (wall.iter().map(of).collect::<Vec<_>>(), live.machines.iter().map(of).collect::<Vec<_>>());
        assert_eq!(wall, live, "the page and the socket say the same");
        let list = machines::list(p, &user.ctx(), &MachineQuery::default()).await.unwrap().list;
        (wall, list.into_iter().map(|row| row.holder.map(|holder| holder.customer_name)).collect::<Vec<_>>())
    };
    let word = |word: &str| Some(word.to_owned());
    let (wall, list) = told(&admin).await;
    assert_eq!(wall, [(word("held"), word("Acme"), Some(47)), (word("free"), None, None)]);
    assert_eq!(list, [word("Acme"), None]);
    let found = async |query: MachineQuery| {
        let list = machines::list(p, &admin.ctx(), &query).await.unwrap().list;
        list.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    let lent = |lent| MachineQuery { lent: Some(lent), ..MachineQuery::default() };
    assert_eq!((found(lent(true)).await, found(lent(false)).await), (vec!["host-1".into()], vec!["host-2".into()]));
    let of = MachineQuery { customer_id: Some(acme.id), ..MachineQuery::default() };
    assert_eq!(found(of).await, ["host-1"]);
    let hidden = machines::list(p, &person.ctx(), &lent(false)).await.unwrap_err();
    assert_eq!(hidden.code, ErrorCode::NotFound, "who has a machine is not found out by leaving out the free ones");
    assert_eq!(told(&person).await, (vec![(None, None, None); 2], vec![None, None]));
    allocations::end(p, &admin.ctx(), lease, AllocationEnd::default()).await.unwrap();
    assert_eq!(told(&admin).await.0[0], (word("reclaiming"), word("Acme"), None), "it is not idle yet");
    machines::act(p, &admin.ctx(), "host-2", MachineAction::Cordon, Some("New fans".to_owned())).await.unwrap();
    assert_eq!(told(&admin).await.0[1], (None, None, None), "what is out of service is not free");
}

/// The person as their next request finds them.
async fn again(test: &TestPlatform, user: &TestUser) -> TestUser {
    let token_version: i64 = sqlx::query_scalar("select token_version from users where id = $1")
        .bind(user.id.0)
        .fetch_one(test.owner_pool())
        .await
        .unwrap();
    let secret = platform::secrets::random_bytes::<32>();
    sqlx::query(
        "insert into sessions (kind, secret_hash, user_id, token_version, expires_at)
         values ('browser', $1, $2, $3, now() + interval '1 day')",
    )
    .bind(&secret[..])
    .bind(user.id.0)
    .bind(token_version)
    .execute(test.owner_pool())
    .await
    .unwrap();
    let principal = accounts::principal_of_session(&test.platform, &test.anonymous(), &secret).await.unwrap();
    let platform::Principal::User(principal) = principal else { panic!("{} cannot sign in", user.name) };
    let mut user = user.clone();
    user.principal = *principal;
    user
}

#[tokio::test]
async fn operators_read_everything_and_act_on_machines_only() {
    let test = TestPlatform::new().await;
    test.node("host-1").await;
    let acme = test.customer("Acme").await;
    let operator = test.operator("op").await;
    let ctx = operator.ctx();
    assert_eq!(ctx.role_names(), ["operator"]);
    assert!(machines::list(&test.platform, &ctx, &MachineQuery::default()).await.is_ok());
    assert!(customers::get(&test.platform, &ctx, acme.id).await.is_ok());
    assert!(platform::audit::list(&test.platform, &ctx, &Default::default()).await.is_ok());
    assert!(machines::act(&test.platform, &ctx, "host-1", MachineAction::Cordon, None).await.is_ok());
    let machine = machines::get(&test.platform, &ctx, "host-1").await.unwrap();
    assert_eq!(machine.service_state, contract::machines::ServiceState::Cordoned);
    assert_eq!(
        code(&machines::act(&test.platform, &ctx, "host-1", MachineAction::Delete, None).await),
        Some(ErrorCode::Forbidden)
    );
    assert_eq!(code(&customers::set_active(&test.platform, &ctx, acme.id, false).await), Some(ErrorCode::Forbidden));
    // People are read too (those of Acme, the admin who added the node, and oneself), and nothing is done to them.
    assert_eq!(users::list(&test.platform, &ctx, &Default::default()).await.unwrap().total, 4);
    assert_eq!(code(&users::delete(&test.platform, &ctx, acme.member.id).await), Some(ErrorCode::Forbidden));
    assert_eq!(code(&users::end_sessions(&test.platform, &ctx, acme.member.id).await), Some(ErrorCode::Forbidden));
    assert_eq!(code(&roles::list(&test.platform, &ctx).await), Some(ErrorCode::NotFound));
    // As their next request finds them, too.
    assert!(again(&test, &operator).await.principal.operator);
}

#[tokio::test]
async fn nobody_hands_on_what_they_do_not_hold() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let manager = [Permission::RolesView, Permission::RolesManage, Permission::RolesAssign, Permission::MachinesView];
    let manager = test.with_role("manager", &manager).await;
    let other = test.outsider("other").await;
    let ctx = manager.ctx();
    let stronger = body("Stronger", &[Permission::MachinesView, Permission::MachinesDelete]);
    assert_eq!(refusal(roles::create(&test.platform, &ctx, stronger.clone()).await), NOT_HELD);
    let own = roles::create(&test.platform, &ctx, body("Viewers", &[Permission::MachinesView])).await.unwrap();
    let more = body("Viewers", &[Permission::MachinesView, Permission::MachinesDelete]);
    assert_eq!(refusal(roles::update(&test.platform, &ctx, own.id, more).await), NOT_HELD);
    roles::assign(&test.platform, &ctx, other.id, own.id).await.unwrap();

    let strong = roles::create(&test.platform, &admin.ctx(), stronger).await.unwrap();
    for (role, word) in [
        (strong.id, "custom"),
        (builtin(&test, &admin, "platform_admin").await.id, "admin"),
        (builtin(&test, &admin, "operator").await.id, "operator"),
    ] {
        assert_eq!(refusal(roles::assign(&test.platform, &ctx, other.id, role).await), NOT_HELD, "{word}");
        assert_eq!(refusal(roles::assign(&test.platform, &ctx, manager.id, role).await), NOT_HELD, "{word} to oneself");
    }
    // Nor takes what they could not give, out of a role or from a person.
    let less = body("Stronger", &[Permission::MachinesView]);
    assert_eq!(refusal(roles::update(&test.platform, &ctx, strong.id, less).await), NOT_HELD);
    let admins = builtin(&test, &admin, "platform_admin").await.id;
    assert_eq!(refusal(roles::revoke(&test.platform, &ctx, admin.id, admins).await), NOT_HELD);
    // What they do hold in it they may rename and take out.
    let renamed = body("Stronger still", &[Permission::MachinesDelete]);
    assert!(roles::update(&test.platform, &ctx, strong.id, renamed).await.is_ok());
    // Permissions of the system and of customers' people are nobody's to give.
    for permission in
        [Permission::AuditSeal, Permission::MetricsReport, Permission::JobsRun, Permission::AccountsUpdateOwn]
    {
        let error = roles::create(&test.platform, &admin.ctx(), body("System", &[permission])).await.unwrap_err();
        assert_eq!((error.code, error.fields[0].path), (ErrorCode::Validation, "permissions"), "{permission}");
    }
    let denied: Vec<String> =
        sqlx::query_scalar("select action from audit_events where action like 'roles:%' order by id")
            .fetch_all(test.owner_pool())
            .await
            .unwrap();
    assert_eq!(denied, ["roles:create", "roles:assign", "roles:create", "roles:update"], "only what happened");
}

#[tokio::test]
async fn a_role_in_use_is_not_deleted_and_says_who_holds_it() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let person = test.outsider("holder").await;
    let role = roles::create(&test.platform, &admin.ctx(), body("Viewers", &[Permission::MachinesView])).await.unwrap();
    roles::assign(&test.platform, &admin.ctx(), person.id, role.id).await.unwrap();
    let error: Error = roles::delete(&test.platform, &admin.ctx(), role.id).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-role-held"));
    assert_eq!(error.fields[0].path, "holders");
    assert!(error.fields[0].args.contains(&("names", "holder".to_owned())), "{:?}", error.fields);
    roles::revoke(&test.platform, &admin.ctx(), person.id, role.id).await.unwrap();
    roles::delete(&test.platform, &admin.ctx(), role.id).await.unwrap();
    assert_eq!(code(&roles::get(&test.platform, &admin.ctx(), role.id).await), Some(ErrorCode::NotFound));
    assert_eq!(code(&roles::get(&test.platform, &admin.ctx(), RoleId(0)).await), Some(ErrorCode::NotFound));
}

#[tokio::test]
async fn what_is_wrong_with_a_role_is_named() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    roles::create(&test.platform, &admin.ctx(), body("Viewers", &[])).await.unwrap();
    for (request, path) in [(body(" ", &[]), "name"), (body("VIEWERS", &[]), "name"), (body("operator", &[]), "name")] {
        let error = roles::create(&test.platform, &admin.ctx(), request.clone()).await.unwrap_err();
        assert_eq!(error.fields.iter().map(|field| field.path).collect::<Vec<_>>(), [path], "{request:?}: {error}");
    }
    // Nobody is to take it for a built-in one, or for another's code, when they read or write its name.
    for name in [
        "平台管理员",
        "platform Administrator",
        "Platform  administrator",
        "platform-admin",
        "运维人员",
        "Teacher",
        "客户成员",
        "Ｏperator",
        "Operator\u{200d}",
        "PIatform administrator",
        "P1atform Administrator",
        "Platform adm\u{ed}nistrator",
        "Operat\u{585}r",
        "\u{1d40e}perator",
        "custom-7",
        "CUSTOM 12",
    ] {
        let error = roles::create(&test.platform, &admin.ctx(), body(name, &[])).await.unwrap_err();
        let faults: Vec<_> = error.fields.iter().map(|field| (field.path, field.key)).collect();
        assert_eq!(faults, [("name", "field-role-name-built-in")], "{name}");
    }
    for (name, fault) in [("\u{39f}perator x", "field-name-mixed"), ("Night\u{200b}shift", "field-control-characters")]
    {
        let error = roles::create(&test.platform, &admin.ctx(), body(name, &[])).await.unwrap_err();
        assert_eq!(error.fields[0].key, fault, "{name}");
    }
    let role = roles::create(&test.platform, &admin.ctx(), body("Others", &[])).await.unwrap();
    for name in ["others", "O\u{a0}thers", "0thers", "\u{39f}\u{442}hers", "Others\u{200d}"] {
        let error = roles::create(&test.platform, &admin.ctx(), body(name, &[])).await.unwrap_err();
        let known = ["field-role-name-alike", "field-role-name-taken", "field-name-mixed"];
        assert!(known.contains(&error.fields[0].key), "{name}: {error}");
    }
    let same = RoleWrite { revision: Some(role.revision), ..body("Others ", &[]) };
    let role = roles::update(&test.platform, &admin.ctx(), role.id, same).await.unwrap();
    let late = RoleWrite { revision: Some(role.revision + 1), ..body("Others", &[]) };
    assert_eq!(
        refusal(roles::update(&test.platform, &admin.ctx(), role.id, late).await),
        (ErrorCode::Conflict, "error-role-changed")
    );
}

#[tokio::test]
async fn the_last_admin_stays() {
    let test = TestPlatform::new().await;
    let (first, second) = (test.admin().await, test.admin().await);
    let admins = builtin(&test, &first, "platform_admin").await.id;
    roles::revoke(&test.platform, &first.ctx(), second.id, admins).await.unwrap();
    assert_eq!(refusal(roles::revoke(&test.platform, &first.ctx(), first.id, admins).await), LAST_ADMIN);
    // A disabled or deleted admin is none who could help.
    roles::assign(&test.platform, &first.ctx(), second.id, admins).await.unwrap();
    users::set_active(&test.platform, &first.ctx(), second.id, false).await.unwrap();
    assert_eq!(refusal(roles::revoke(&test.platform, &first.ctx(), first.id, admins).await), LAST_ADMIN);
    // Nor is one of a directory, which may be away; but they may go while somebody better stays.
    users::set_active(&test.platform, &first.ctx(), second.id, true).await.unwrap();
    let far = "update users set password_hash = null where id = $1";
    sqlx::query(far).bind(second.id.0).execute(test.owner_pool()).await.unwrap();
    assert_eq!(refusal(roles::revoke(&test.platform, &first.ctx(), first.id, admins).await), LAST_ADMIN);
    users::delete(&test.platform, &first.ctx(), second.id).await.unwrap();
    users::restore(&test.platform, &first.ctx(), second.id).await.unwrap();
    roles::revoke(&test.platform, &first.ctx(), second.id, admins).await.unwrap();
    // Who holds everything that can be given is less than an admin still: what makes admins by groups is not given.
    let everything: Vec<_> = Permission::ALL.iter().copied().filter(|p| platform::authz::is_grantable(*p)).collect();
    let twin = test.with_role("twin", &everything).await;
    assert_eq!(refusal(users::delete(&test.platform, &twin.ctx(), first.id).await), NOT_HELD);
    assert_eq!(refusal(users::set_active(&test.platform, &twin.ctx(), first.id, false).await), NOT_HELD);
    assert_eq!(refusal(roles::revoke(&test.platform, &twin.ctx(), first.id, admins).await), NOT_HELD);
}

/// What two people do to each other at the same moment.
async fn at_once(test: &TestPlatform, deed: &str, by: &TestUser, to: UserId, admins: RoleId) -> Result<()> {
    match deed {
        "revoke" => roles::revoke(&test.platform, &by.ctx(), to, admins).await.map(drop),
        "disable" => users::set_active(&test.platform, &by.ctx(), to, false).await.map(drop),
        _ => users::delete(&test.platform, &by.ctx(), to).await.map(drop),
    }
}

#[tokio::test]
async fn two_admins_cannot_remove_each_other_at_the_same_moment() {
    for deed in ["revoke", "disable", "delete"] {
        for other_deed in ["revoke", "disable", "delete"] {
            let test = TestPlatform::new().await;
            let (first, second) = (test.admin().await, test.admin().await);
            let admins = builtin(&test, &first, "platform_admin").await.id;
            let (one, two) = tokio::join!(
                at_once(&test, deed, &first, second.id, admins),
                at_once(&test, other_deed, &second, first.id, admins)
            );
            let done = [&one, &two].iter().filter(|result| result.is_ok()).count();
            assert_eq!(done, 1, "{deed} against {other_deed}: {one:?} and {two:?}");
            let left: i64 = sqlx::query_scalar(
                "select count(*) from role_assignments a join users u on u.id = a.user_id
                 where a.role = 'platform_admin' and u.state = 'active' and u.deleted_at is null",
            )
            .fetch_one(test.owner_pool())
            .await
            .unwrap();
            assert_eq!(left, 1, "{deed} against {other_deed}");
        }
    }
}

#[tokio::test]
async fn a_changed_role_ends_open_sockets_and_counts_at_once() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let person = test.with_role("viewer", &[Permission::MachinesView]).await;
    let role = roles::list(&test.platform, &admin.ctx()).await.unwrap().pop().unwrap();
    let watch = accounts::watch_session(&test.platform, &person.principal);
    assert!(watch.still_valid().await.unwrap(), "the role as the session began with it");
    let more = [Permission::MachinesView, Permission::MachinesUpdate];
    let changed = RoleWrite { permissions: more.to_vec(), ..body(&role.name, &[]) };
    roles::update(&test.platform, &admin.ctx(), role.id, changed).await.unwrap();
    eventually("the socket of a changed role to end", async || (!watch.still_valid().await.unwrap()).then_some(()))
        .await;
    let machine = MachineRef::of_platform(contract::MachineId(1));
    let person = again(&test, &person).await;
    assert!(person.ctx().authorize(UpdateMachine, &machine).is_ok());

    // Whoever loses it is signed out everywhere.
    let watch = accounts::watch_session(&test.platform, &person.principal);
    assert!(watch.still_valid().await.unwrap());
    roles::revoke(&test.platform, &admin.ctx(), person.id, role.id).await.unwrap();
    eventually("the session of a lost role to end", async || (!watch.still_valid().await.unwrap()).then_some(())).await;
    let person = again(&test, &person).await;
    assert_eq!(code(&person.ctx().authorize(ViewMachine, &machine)), Some(ErrorCode::NotFound));
    assert!(!person.ctx().is_staff());
}

#[tokio::test]
async fn a_permission_of_a_newer_program_is_left_alone() {
    let test = TestPlatform::new().await;
    let person = test.with_role("viewer", &[Permission::MachinesView]).await;
    sqlx::query("insert into role_permissions (role_id, permission) select max(id), 'starships:fly' from roles")
        .execute(test.owner_pool())
        .await
        .unwrap();
    assert_eq!(again(&test, &person).await.principal.permissions, [Permission::MachinesView]);
}

#[tokio::test]
async fn a_token_has_no_more_than_its_scopes_and_its_owner() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let powers = [Permission::RolesView, Permission::RolesManage, Permission::UsersView, Permission::MachinesView];
    let manager = test.with_role("manager", &powers).await;
    let scopes = vec![Permission::RolesView, Permission::RolesManage];
    let robot = ApiTokenCreate { name: "a robot".to_owned(), scopes: Some(scopes), expires_at: None };
    let robot = accounts::create_api_token(&test.platform, &manager.ctx(), robot).await.unwrap();
    let bearer = async || {
        let ctx = test.anonymous();
        let principal = accounts::principal_of_bearer(&test.platform, &ctx, &robot.secret).await.unwrap();
        platform::OpContext::new(principal, ctx.now(), ctx.via(), "robot", None, ctx.language())
    };
    let ctx = bearer().await;
    assert!(ctx.is_staff() && ctx.holds_everywhere(Permission::RolesManage));
    assert!(!ctx.holds(Permission::UsersView) && !ctx.holds_everywhere(Permission::MachinesView));
    assert_eq!(code(&users::list(&test.platform, &ctx, &Default::default()).await), Some(ErrorCode::Forbidden));
    // Its owner holds it, the token does not: nor does it hand it on.
    let viewers = body("Viewers", &[Permission::MachinesView]);
    assert_eq!(refusal(roles::create(&test.platform, &ctx, viewers.clone()).await), NOT_HELD);
    assert!(roles::create(&test.platform, &manager.ctx(), viewers).await.is_ok());
    assert!(roles::create(&test.platform, &ctx, body("Role readers", &[Permission::RolesView])).await.is_ok());
    // What the owner's role no longer gives, the token does not give either.
    let list = roles::list(&test.platform, &admin.ctx()).await.unwrap();
    let role = list.iter().find(|role| role.name == "role of manager").unwrap();
    let less = body(&role.name, &[Permission::RolesView, Permission::UsersView]);
    roles::update(&test.platform, &admin.ctx(), role.id, less).await.unwrap();
    let ctx = bearer().await;
    assert!(ctx.holds(Permission::RolesView) && !ctx.holds(Permission::RolesManage));
    assert!(!ctx.holds(Permission::UsersView), "out of its scopes, whoever holds it");
}

#[tokio::test]
async fn a_refusal_names_the_permissions_that_no_role_can_have() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let all = roles::permissions(&test.platform, &admin.ctx()).await.unwrap();
    let nobodys: Vec<_> = all.iter().filter(|permission| !permission.grantable).map(|one| one.name).collect();
    assert!(nobodys.len() >= 2, "{nobodys:?}");
    let asked = [Permission::MachinesView, nobodys[0], nobodys[1]];
    let error = roles::create(&test.platform, &admin.ctx(), body("mine", &asked)).await.unwrap_err();
    let named = &error.fields[0].args[0].1;
    assert!(named.contains(nobodys[0].name()) && named.contains(nobodys[1].name()), "{named}");
    assert!(!named.contains(Permission::MachinesView.name()), "{named}");
}

#[tokio::test]
async fn who_learns_here_holds_a_role_and_does_not_work_for_the_platform() {
    let test = TestPlatform::new().await;
    let (admin, acme) = (test.admin().await, test.customer("School").await);
    for word in ["teacher", "student"] {
        let role = builtin(&test, &admin, word).await;
        assert!(role.builtin && role.permissions.is_empty(), "{word}");
        roles::assign(&test.platform, &admin.ctx(), acme.member.id, role.id).await.unwrap();
    }
    let member = again(&test, &acme.member).await;
    assert!(!member.ctx().is_staff());
    let profile = accounts::profile(&test.platform, &member.ctx()).await.unwrap();
    assert_eq!(profile.roles[profile.roles.len() - 2..], ["teacher".to_owned(), "student".to_owned()]);
    // They act for the school they belong to, as before.
    let request = contract::accounts::LoginRequest {
        username: acme.member.name.clone(),
        password: acme.member.password.to_owned(),
        ..Default::default()
    };
    let who = accounts::sign_in(&test.platform, &test.anonymous(), &request).await.unwrap();
    assert_eq!(who.active_customer, Some(acme.id));
    // Whoever gives roles gives these, by hand, by a workbook (under their name in either language), by groups.
    let desk = test.with_role("desk", &[Permission::UsersView, Permission::RolesView, Permission::RolesAssign]).await;
    let student = builtin(&test, &admin, "student").await.id;
    roles::assign(&test.platform, &desk.ctx(), test.outsider("new").await.id, student).await.unwrap();
}

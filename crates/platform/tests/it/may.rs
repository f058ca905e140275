//! What views say that the caller may do is what the operations then do.

use contract::accounts::MemberRole;
use contract::allocations::AllocationCreate;
use contract::customers::MemberUpdate;
use contract::machines::MachineAction;
use contract::roles::RoleWrite;
use contract::users::{UserPassword, UserUpdate, UserView};
use contract::{ErrorCode, May, Permission, UserId};
use platform::accounts::users;
use platform::{Result, allocations, customers, machines, roles};
use test_support::{TestPlatform, TestUser};

/// A refusal that can be done nothing about but what it says.
fn why(may: &May) -> &str {
    assert!(!may.allowed, "{may:?}");
    may.why_not.as_deref().expect("a reason")
}

/// The sentence the door would say for this refusal.
fn said<T: std::fmt::Debug>(result: Result<T>) -> String {
    let error = result.unwrap_err();
    texts::message(contract::accounts::Language::En, error.key, &error.args)
}

async fn seen(test: &TestPlatform, by: &TestUser, id: UserId) -> UserView {
    users::get(&test.platform, &by.ctx(), id).await.unwrap()
}

#[tokio::test]
async fn the_last_admin_reads_why_they_stay() {
    let test = TestPlatform::new().await;
    let (p, admin) = (&test.platform, test.admin().await);
    let view = seen(&test, &admin, admin.id).await;
    assert_eq!(why(&view.may.disable), said(users::set_active(p, &admin.ctx(), admin.id, false).await));
    assert_eq!(why(&view.may.delete), said(users::delete(p, &admin.ctx(), admin.id).await));
    assert_eq!(why(&view.may.end_sessions), said(users::end_sessions(p, &admin.ctx(), admin.id).await));
    assert!(view.may.change.allowed && view.may.set_password.allowed);
    let role = &view.may.revoke_roles[0];
    assert_eq!(why(&role.may), said(roles::revoke(p, &admin.ctx(), admin.id, role.role_id).await));
    // With another one, the role can be taken away.
    let second = test.admin().await;
    assert!(seen(&test, &second, admin.id).await.may.disable.allowed);
    assert!(seen(&test, &admin, admin.id).await.may.revoke_roles[0].may.allowed);
    roles::revoke(p, &second.ctx(), admin.id, role.role_id).await.unwrap();
}

#[tokio::test]
async fn nobody_is_offered_what_they_do_not_hold() {
    let test = TestPlatform::new().await;
    let (p, admin, person) = (&test.platform, test.admin().await, test.outsider("somebody").await);
    let helper = test.with_role("helper", &[Permission::UsersView, Permission::UsersUpdate]).await;
    let stronger = seen(&test, &helper, admin.id).await.may;
    assert_eq!(why(&stronger.disable), said(users::set_active(p, &helper.ctx(), admin.id, false).await));
    assert_eq!(stronger.delete, May::default(), "without the permission there is nothing to say");
    assert!(stronger.revoke_roles.iter().all(|role| role.may == May::default()));
    let denied = async || -> i64 {
        let count = sqlx::query_scalar("select count(*) from audit_events where outcome = 'denied'");
        count.fetch_one(test.owner_pool()).await.unwrap()
    };
    let before = denied().await;
    seen(&test, &helper, admin.id).await;
    assert_eq!(denied().await, before, "looking is no attempt");
    let equal = seen(&test, &helper, person.id).await.may;
    assert!(equal.disable.allowed && equal.change.allowed && !equal.delete.is_shown());
}

#[tokio::test]
async fn of_a_deleted_account_nothing_is_offered_but_to_bring_it_back() {
    let test = TestPlatform::new().await;
    let (p, admin, person) = (&test.platform, test.admin().await, test.outsider("somebody").await);
    let ctx = admin.ctx();
    users::delete(p, &ctx, person.id).await.unwrap();
    let may = seen(&test, &admin, person.id).await.may;
    let update = UserUpdate { username: "another".to_owned(), ..UserUpdate::default() };
    assert_eq!(why(&may.change), said(users::update(p, &ctx, person.id, update).await));
    let password = users::set_password(p, &ctx, person.id, UserPassword::default()).await;
    assert_eq!(why(&may.set_password), said(password.map(|_| ())));
    assert_eq!(why(&may.enable), said(users::set_active(p, &ctx, person.id, true).await));
    let role = RoleWrite { name: "Night".to_owned(), ..RoleWrite::default() };
    let role = roles::create(p, &ctx, role).await.unwrap().id;
    assert_eq!(why(&may.assign_roles), said(roles::assign(p, &ctx, person.id, role).await));
    assert!(may.restore.allowed);
    users::restore(p, &ctx, person.id).await.unwrap();
    assert!(seen(&test, &admin, person.id).await.may.change.allowed);
}

#[tokio::test]
async fn the_last_owner_of_a_customer_reads_why_they_stay() {
    let test = TestPlatform::new().await;
    let (p, admin, acme) = (&test.platform, test.admin().await, test.customer("Acme").await);
    let ctx = acme.owner.ctx();
    let find = |list: Vec<contract::customers::MemberView>, id: UserId| {
        list.into_iter().find(|member| member.user_id == id).unwrap()
    };
    let owner = find(customers::members(p, &ctx, &Default::default()).await.unwrap().list, acme.owner.id);
    assert_eq!(why(&owner.may_remove), said(customers::remove_my_member(p, &ctx, acme.owner.id).await));
    let step_down = MemberUpdate { role: MemberRole::Member };
    let refused = customers::set_my_member_role(p, &ctx, acme.owner.id, step_down).await;
    assert_eq!(why(&owner.may_change_role), said(refused));
    let member = find(customers::members(p, &ctx, &Default::default()).await.unwrap().list, acme.member.id);
    assert!(member.may_remove.allowed && member.may_change_role.allowed);
    let view = seen(&test, &admin, acme.owner.id).await;
    assert_eq!(why(&view.may.delete), said(users::delete(p, &admin.ctx(), acme.owner.id).await));
    let step_up = MemberUpdate { role: MemberRole::Owner };
    customers::set_my_member_role(p, &ctx, acme.member.id, step_up).await.unwrap();
    let owner =
        find(customers::members_of(p, &admin.ctx(), acme.id, &Default::default()).await.unwrap().list, acme.owner.id);
    assert!(owner.may_remove.allowed && owner.may_change_role.allowed);
    customers::remove_member(p, &admin.ctx(), acme.id, acme.owner.id).await.unwrap();
}

#[tokio::test]
async fn roles_customers_and_machines_in_use_say_so_before_anybody_tries() {
    let test = TestPlatform::new().await;
    let (p, admin, acme) = (&test.platform, test.admin().await, test.customer("Acme").await);
    let ctx = admin.ctx();
    let list = roles::list(p, &ctx).await.unwrap();
    let builtin = roles::get(p, &ctx, list[0].id).await.unwrap();
    assert_eq!(why(&builtin.may_delete.unwrap()), said(roles::delete(p, &ctx, list[0].id).await));
    assert!(!builtin.may_change.unwrap().allowed);
    let body = RoleWrite { name: "Night".to_owned(), ..RoleWrite::default() };
    let role = roles::create(p, &ctx, body).await.unwrap().id;
    assert!(roles::get(p, &ctx, role).await.unwrap().may_delete.unwrap().allowed);
    roles::assign(p, &ctx, acme.member.id, role).await.unwrap();
    let held = roles::get(p, &ctx, role).await.unwrap();
    assert_eq!(why(&held.may_delete.unwrap()), said(roles::delete(p, &ctx, role).await));
    assert!(held.may_change.unwrap().allowed);

    test.node("host-1").await;
    let may = || machines::may_act(p, &ctx, "host-1", [MachineAction::Retire, MachineAction::Delete]);
    assert!(may().await.unwrap().iter().all(|(_, may)| may.allowed));
    assert!(customers::get(p, &ctx, acme.id).await.unwrap().may_delete.unwrap().allowed);
    let lease = AllocationCreate { customer_id: Some(acme.id), months: Some(1), ..AllocationCreate::default() };
    allocations::create(p, &ctx, "host-1", lease).await.unwrap();
    for (action, may) in may().await.unwrap() {
        assert_eq!(why(&may), said(machines::act(p, &ctx, "host-1", action, None).await));
    }
    let customer = customers::get(p, &ctx, acme.id).await.unwrap();
    assert_eq!(why(&customer.may_delete.unwrap()), said(customers::delete(p, &ctx, acme.id).await));
    let refused = customers::delete(p, &ctx, acme.id).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::WrongState);
    // What the list of machines offers the operator is what an operator may.
    let operator = test.operator("op").await;
    let may = machines::may_act(p, &operator.ctx(), "host-1", [MachineAction::Cordon, MachineAction::Delete]).await;
    let [(_, cordon), (_, delete)] = may.unwrap();
    assert!(cordon.allowed && delete == May::default());
}

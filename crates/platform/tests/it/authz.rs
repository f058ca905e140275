//! The policy as committed, the three answers of a refusal, and every operation × every kind of principal.

use contract::accounts::{ApiTokenCreate, PasswordChange};
use contract::jobs::JobQuery;
use contract::machines::{JoinTokenCreate, MachineCreate, MachineQuery, MachineUpdate};
use contract::{ErrorCode, JobId, MachineId, Permission, SessionId};
use platform::authz::{
    self, AccountRef, AuditLog, CreateMachine, CustomerRef, EnrollMachines, Fleet, JobRef, ListMembers, MachineRef,
    ReportMetrics, Scope, SealAudit, UpdateAccount, UpdateMachine, ViewAccount, ViewCustomer, ViewJob, ViewMachine,
    ViewMetrics,
};
use platform::{OpContext, Platform, Result, accounts, audit, customers, jobs, machines, metrics, roles};
use test_support::{PASSWORD, TestPlatform};

fn machine(id: MachineId) -> MachineRef {
    MachineRef { machine: Some(id), ..MachineRef::of_platform(id) }
}

fn customer(id: contract::CustomerId) -> CustomerRef {
    CustomerRef { customer: Some(id), ..CustomerRef::of_platform(id) }
}

fn account(id: contract::UserId) -> AccountRef {
    AccountRef { owner: Some(id), ..AccountRef::of_platform(id) }
}

fn code<T>(result: Result<T>) -> Option<ErrorCode> {
    result.err().map(|error| error.code)
}

const UNAUTHENTICATED: Option<ErrorCode> = Some(ErrorCode::Unauthenticated);
const NOT_FOUND: Option<ErrorCode> = Some(ErrorCode::NotFound);
const FORBIDDEN: Option<ErrorCode> = Some(ErrorCode::Forbidden);

/// Who may do what changes only on purpose: run with `UPDATE_SNAPSHOT=1` and review the difference.
#[test]
fn the_policy_is_the_committed_one() {
    let path = "tests/it/policy.txt";
    let table = authz::table();
    if std::env::var_os("UPDATE_SNAPSHOT").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert_eq!(table, committed, "the policy changed; if that is meant, run again with UPDATE_SNAPSHOT=1");
}

#[tokio::test]
async fn what_one_may_not_see_does_not_exist_and_what_one_sees_is_forbidden() {
    let test = TestPlatform::new().await;
    let (acme, umbrella) = (test.customer("Acme").await, test.customer("Umbrella").await);
    let (mine, other) = (MachineId(1), MachineId(2));

    let member = acme.member.ctx();
    assert_eq!(code(member.authorize(ViewCustomer, &customer(acme.id))), None);
    assert_eq!(code(member.authorize(ListMembers, &customer(acme.id))), FORBIDDEN, "seen, not permitted");
    assert_eq!(code(member.authorize(ListMembers, &customer(umbrella.id))), NOT_FOUND, "another tenant's");
    assert_eq!(code(member.authorize(ViewMachine, &machine(mine))), NOT_FOUND);
    assert_eq!(code(member.authorize(CreateMachine, &Fleet)), NOT_FOUND);

    let owner = acme.owner.ctx();
    assert_eq!(code(owner.authorize(ListMembers, &customer(acme.id))), None);
    assert_eq!(code(owner.authorize(ListMembers, &customer(umbrella.id))), NOT_FOUND);
    assert_eq!(code(owner.authorize(ViewAccount, &account(acme.owner.id))), None);
    assert_eq!(code(owner.authorize(UpdateAccount, &account(acme.member.id))), NOT_FOUND);

    let node = OpContext::new(
        platform::Principal::Node { machine: mine, code: "host-1".to_owned() },
        test.clock().now(),
        platform::Via::Agent,
        "test",
        None,
        Default::default(),
    );
    assert_eq!(code(node.authorize(ReportMetrics, &machine(mine))), None);
    assert_eq!(code(node.authorize(UpdateMachine, &machine(mine))), FORBIDDEN);
    assert_eq!(code(node.authorize(ViewMetrics, &machine(mine))), FORBIDDEN);
    assert_eq!(code(node.authorize(ReportMetrics, &machine(other))), NOT_FOUND, "another agent's machine");

    let admin = test.admin().await.ctx();
    assert_eq!(code(admin.authorize(UpdateMachine, &machine(mine))), None);
    assert_eq!(code(admin.authorize(EnrollMachines, &Fleet)), None);
    assert_eq!(code(admin.authorize(ViewJob, &JobRef::of_platform(JobId(1)))), None);
    assert_eq!(code(admin.authorize(ReportMetrics, &machine(mine))), FORBIDDEN, "staff do not speak for machines");
    assert_eq!(code(admin.authorize(SealAudit, &AuditLog)), FORBIDDEN);

    let nobody = test.anonymous();
    assert_eq!(code(nobody.authorize(ViewMachine, &machine(mine))), UNAUTHENTICATED);
    assert_eq!(code(nobody.authorize(ViewAccount, &account(acme.owner.id))), UNAUTHENTICATED);
    assert_eq!(code(nobody.authorize_list::<MachineRef>(Permission::MachinesView)), UNAUTHENTICATED);
}

#[tokio::test]
async fn a_role_counts_only_in_the_active_customer() {
    let test = TestPlatform::new().await;
    let (acme, umbrella) = (test.customer("Acme").await, test.customer("Umbrella").await);
    let mut both = acme.owner.clone();
    both.principal.memberships.push((umbrella.id, contract::accounts::MemberRole::Member));
    assert_eq!(code(both.ctx().authorize(ListMembers, &customer(acme.id))), None);
    assert_eq!(code(both.ctx().authorize(ViewCustomer, &customer(umbrella.id))), NOT_FOUND);

    both.principal.active_customer = Some(umbrella.id);
    assert_eq!(code(both.ctx().authorize(ViewCustomer, &customer(umbrella.id))), None);
    assert_eq!(code(both.ctx().authorize(ListMembers, &customer(umbrella.id))), FORBIDDEN, "only a member here");
    assert_eq!(code(both.ctx().authorize(ListMembers, &customer(acme.id))), NOT_FOUND);

    // A customer one does not belong to gives no role, whatever the session says.
    both.principal.memberships.clear();
    assert_eq!(code(both.ctx().authorize(ViewCustomer, &customer(umbrella.id))), NOT_FOUND);
}

#[tokio::test]
async fn a_list_is_scoped_by_the_widest_role() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let admin = test.admin().await;
    let members = Permission::CustomersListMembers;
    let own = Permission::AccountsViewOwn;
    assert_eq!(admin.ctx().authorize_list::<CustomerRef>(members).unwrap(), Scope::All);
    assert_eq!(acme.owner.ctx().authorize_list::<CustomerRef>(members).unwrap(), Scope::Customer(acme.id));
    assert_eq!(code(acme.member.ctx().authorize_list::<CustomerRef>(members)), NOT_FOUND);
    assert_eq!(acme.member.ctx().authorize_list::<AccountRef>(own).unwrap(), Scope::Own(acme.member.id));
    assert_eq!(code(acme.owner.ctx().authorize_list::<MachineRef>(Permission::MachinesView)), NOT_FOUND);
}

/// Every operation a person can ask for; a new one gets a line here and in the matrix below.
async fn ask(operation: &str, platform: &Platform, ctx: &OpContext) -> Result<()> {
    match operation {
        "accounts::profile" => accounts::profile(platform, ctx).await.map(drop),
        "accounts::change_password" => {
            let change = PasswordChange { old_password: "none".to_owned(), new_password: "weak".to_owned() };
            accounts::change_password(platform, ctx, &change).await.map(drop)
        }
        "accounts::create_api_token" => {
            let token = ApiTokenCreate { name: "a robot".to_owned(), ..ApiTokenCreate::default() };
            accounts::create_api_token(platform, ctx, token).await.map(drop)
        }
        "accounts::end_other_sessions" => accounts::end_other_sessions(platform, ctx).await.map(drop),
        "accounts::end_session missing" => accounts::end_session(platform, ctx, SessionId(0)).await,
        "accounts::remove_ssh_keys" => accounts::remove_ssh_keys(platform, ctx).await.map(drop),
        "accounts::revoke_api_tokens" => accounts::revoke_api_tokens(platform, ctx).await.map(drop),
        "accounts::enroll_totp" => accounts::enroll_totp(platform, ctx, PASSWORD).await.map(drop),
        "accounts::list_api_tokens" => accounts::list_api_tokens(platform, ctx, &Default::default()).await.map(drop),
        "accounts::list_sessions" => accounts::list_sessions(platform, ctx, &Default::default()).await.map(drop),
        "accounts::security" => accounts::security(platform, ctx).await.map(drop),
        "accounts::memberships" => accounts::memberships(platform, ctx).await.map(drop),
        "accounts::update_preferences" => accounts::update_preferences(platform, ctx, Default::default()).await,
        "audit::list" => audit::list(platform, ctx, &Default::default()).await.map(drop),
        "customers::members" => customers::members(platform, ctx, &Default::default()).await.map(drop),
        "customers::mine" => customers::mine(platform, ctx).await.map(drop),
        "jobs::list" => jobs::list(platform, ctx, &JobQuery::default()).await.map(drop),
        "machines::create" => {
            let machine = MachineCreate { name: format!("made by {}", ctx.request_id()), ..Default::default() };
            machines::create(platform, ctx, machine).await.map(drop)
        }
        "machines::create_join_token" => {
            machines::create_join_token(platform, ctx, JoinTokenCreate::default()).await.map(drop)
        }
        "machines::facets" => machines::facets(platform, ctx).await.map(drop),
        "machines::get" => machines::get(platform, ctx, "host-1").await.map(drop),
        "machines::get missing" => machines::get(platform, ctx, "host-404").await.map(drop),
        "machines::list" => machines::list(platform, ctx, &MachineQuery::default()).await.map(drop),
        "machines::list_join_tokens" => machines::list_join_tokens(platform, ctx).await.map(drop),
        "machines::passport" => machines::passport(platform, ctx, "host-1").await.map(drop),
        "machines::update" => {
            let change = MachineUpdate { name: "host-1".to_owned(), ..Default::default() };
            machines::update(platform, ctx, "host-1", change).await.map(drop)
        }
        "metrics::history" => metrics::history(platform, ctx, "host-1", &Default::default()).await.map(drop),
        "metrics::machine_live" => metrics::machine_live(platform, ctx, "host-1").await.map(drop),
        "metrics::wall" => metrics::wall(platform, ctx).await.map(drop),
        "roles::list" => roles::list(platform, ctx).await.map(drop),
        "roles::permissions" => roles::permissions(platform, ctx).await.map(drop),
        "users::list" => accounts::users::list(platform, ctx, &Default::default()).await.map(drop),
        other => panic!("{other} is not in the list"),
    }
}

#[tokio::test]
async fn every_operation_for_every_principal() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let node = test.node("host-1").await;
    let admin = test.admin().await;
    let outsider = test.outsider("outsider").await;
    const OK: Option<ErrorCode> = None;
    const NO: Option<ErrorCode> = NOT_FOUND;
    const WHO: Option<ErrorCode> = UNAUTHENTICATED;
    const WEAK: Option<ErrorCode> = Some(ErrorCode::Validation);
    let matrix = [
        // operation, nobody, outsider, member, owner, admin, agent of host-1
        ("accounts::profile", [WHO, OK, OK, OK, OK, WHO]),
        // The new one is weak: who hears that was let in.
        ("accounts::change_password", [WHO, WEAK, WEAK, WEAK, WEAK, WHO]),
        ("accounts::create_api_token", [WHO, OK, OK, OK, OK, WHO]),
        ("accounts::end_other_sessions", [WHO, OK, OK, OK, OK, WHO]),
        ("accounts::end_session missing", [WHO, NO, NO, NO, NO, WHO]),
        ("accounts::remove_ssh_keys", [WHO, OK, OK, OK, OK, WHO]),
        ("accounts::revoke_api_tokens", [WHO, OK, OK, OK, OK, WHO]),
        ("accounts::enroll_totp", [WHO, OK, OK, OK, OK, WHO]),
        ("accounts::list_api_tokens", [WHO, OK, OK, OK, OK, WHO]),
        ("accounts::list_sessions", [WHO, OK, OK, OK, OK, WHO]),
        ("accounts::security", [WHO, OK, OK, OK, OK, WHO]),
        ("accounts::memberships", [WHO, OK, OK, OK, OK, WHO]),
        ("accounts::update_preferences", [WHO, OK, OK, OK, OK, WHO]),
        ("audit::list", [WHO, NO, NO, NO, OK, NO]),
        ("customers::members", [WHO, NO, FORBIDDEN, OK, NO, WHO]),
        ("customers::mine", [WHO, NO, OK, OK, NO, WHO]),
        ("jobs::list", [WHO, NO, NO, NO, OK, NO]),
        ("machines::create", [WHO, NO, NO, NO, OK, NO]),
        ("machines::create_join_token", [WHO, NO, NO, NO, OK, NO]),
        ("machines::facets", [WHO, NO, NO, NO, OK, NO]),
        ("machines::get", [WHO, NO, NO, NO, OK, NO]),
        ("machines::get missing", [WHO, NO, NO, NO, NO, NO]),
        ("machines::list", [WHO, NO, NO, NO, OK, NO]),
        ("machines::list_join_tokens", [WHO, NO, NO, NO, OK, NO]),
        ("machines::passport", [WHO, NO, NO, NO, OK, NO]),
        ("machines::update", [WHO, NO, NO, NO, OK, NO]),
        ("metrics::history", [WHO, NO, NO, NO, OK, NO]),
        ("metrics::machine_live", [WHO, NO, NO, NO, OK, NO]),
        ("metrics::wall", [WHO, NO, NO, NO, OK, NO]),
        ("roles::list", [WHO, NO, NO, NO, OK, NO]),
        ("roles::permissions", [WHO, NO, NO, NO, OK, NO]),
        ("users::list", [WHO, NO, NO, NO, OK, NO]),
    ];
    let principals = [
        ("nobody", test.anonymous()),
        ("outsider", outsider.ctx()),
        ("member", acme.member.ctx()),
        ("owner", acme.owner.ctx()),
        ("admin", admin.ctx()),
        ("agent", node.ctx()),
    ];
    let mut wrong = Vec::new();
    for (operation, expected) in matrix {
        for ((who, ctx), expected) in principals.iter().zip(expected) {
            let found = code(ask(operation, &test.platform, ctx).await);
            if found != expected {
                wrong.push(format!("{operation} by {who}: {found:?}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! What the log says of people: what their clients call themselves, and to each customer what staff do to its people.

use contract::Permission;
use contract::accounts::MemberRole;
use contract::audit::{AuditQuery, OwnAuditQuery};
use contract::customers::MemberCreate;
use contract::users::{UserCreate, UserPassword};
use platform::accounts::users;
use platform::{OpContext, audit, customers};
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
    let manages = "customers:manage-members";
    let expected = [
        row(Some(&acme.member), "users:view", "user"),
        row(None, manages, "customer"),
        row(Some(&acme.member), manages, "customer"),
    ];
    assert_eq!(own(&acme.owner).await, expected);
    assert_eq!(own(&globex.owner).await, []);
}

//! What the log says of people: what their clients call themselves, and to each customer what staff do to its people.

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

//! What groups give where more than one thing gives it, what they may not give, and what goes with a service out of use.

use contract::accounts::{ApiTokenCreate, GroupMapping, MappedRole, ProviderBody};
use contract::users::UserPassword;
use contract::{CustomerId, IdentityProviderId};
use platform::accounts::identity::{self, Finished};
use platform::accounts::{self, SignInStep, SignedIn, users};
use serde_json::json;
use test_support::OidcProvider;

use super::{BROWSER, World, as_user, body, finish, just_signed_in};

const HELD: &str = "select role from role_assignments join users u on u.id = user_id where u.name = 'wanda'
                    union all select role from memberships m join users u on u.id = m.user_id where u.name = 'wanda'
                    order by 1";
const WITHHELD: &str = "select after->'roles'->'withheld'->0->>'role' from audit_events
                        where action = 'accounts:map-roles' and after->'roles'->'withheld'->0 is not null order by id";

fn mapping(group: &str, role: &str, customer_id: Option<CustomerId>) -> GroupMapping {
    GroupMapping { group: group.to_owned(), role: MappedRole::parse(role).expect("a role"), customer_id }
}

impl World {
    async fn set(&self, provider: IdentityProviderId, wish: ProviderBody) {
        identity::update(&self.test.platform, &self.admin.ctx(), provider, wish).await.unwrap();
    }

    async fn sign_in_by(&self, service: &OidcProvider, provider: IdentityProviderId) -> SignedIn {
        let ctx = self.test.anonymous();
        let address = identity::begin(&self.test.platform, &ctx, provider, None, &BROWSER).await.unwrap();
        match finish(&self.test, &ctx, &BROWSER, &service.sign_in(&address)).await.unwrap() {
            Finished::SignIn(SignInStep::Done(who), _) => who,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_two_services_give_goes_with_the_last_of_them() {
    let world = World::new().await;
    let (second, other) = world.another("Second").await;
    let acme = world.test.customer("Acme").await.id;
    let first = |enabled, role| ProviderBody {
        enabled,
        mappings: vec![mapping("lab", role, Some(acme)), mapping("lab", "operator", None)],
        ..body("Sso", world.service.issuer())
    };
    world.set(world.provider, first(true, "customer_owner")).await;
    let wish = ProviderBody {
        mappings: vec![mapping("lab", "customer_member", Some(acme)), mapping("lab", "operator", None)],
        ..body("Second", second.issuer())
    };
    world.set(other, wish).await;
    world.service.says(json!({ "groups": ["lab"] }));
    second.says(json!({ "groups": ["lab"] }));
    let who = world.sign_in().await.unwrap();
    assert_eq!(world.sql(HELD).await, ["operator", "owner"]);
    let bound = "insert into user_identities (provider_id, issuer, subject, user_id, created_at)
                 values ($1, $2, '1', $3, now())";
    let bound = sqlx::query(bound).bind(other.0).bind(second.issuer()).bind(who.user.0);
    bound.execute(world.test.owner_pool()).await.unwrap();
    assert_eq!(world.sign_in_by(&second, other).await.user, who.user);
    assert_eq!(world.sql(HELD).await, ["operator", "owner"], "the strongest of both");

    world.set(world.provider, first(false, "customer_owner")).await;
    assert_eq!(world.sql(HELD).await, ["member", "operator"], "what the other gives stays");
    world.set(world.provider, first(true, "customer_owner")).await;
    assert_eq!(world.sql(HELD).await, ["member", "operator"], "nothing comes back without a sign-in");
    world.sign_in().await.unwrap();
    assert_eq!(world.sql(HELD).await, ["operator", "owner"]);
    world.set(world.provider, first(true, "customer_member")).await;
    world.sign_in().await.unwrap();
    assert_eq!(world.sql(HELD).await, ["member", "operator"]);
    identity::delete(&world.test.platform, &world.admin.ctx(), other, true).await.unwrap();
    assert_eq!(world.sql(HELD).await, ["member", "operator"], "the first gives the same");
    world.set(world.provider, first(false, "customer_member")).await;
    assert_eq!(world.sql(HELD).await, [""; 0]);
}

#[tokio::test]
async fn what_groups_gave_does_not_stay_for_good_beside_a_password_of_staffs() {
    let world = World::new().await;
    let acme = world.test.customer("Acme").await.id;
    let wish = ProviderBody {
        mappings: vec![mapping("lab", "customer_member", Some(acme)), mapping("lab", "operator", None)],
        ..body("Sso", world.service.issuer())
    };
    world.set(world.provider, wish).await;
    world.service.says(json!({ "groups": ["lab"] }));
    let who = world.sign_in().await.unwrap();
    let platform = &world.test.platform;
    let here = UserPassword { password: None, local: true };
    users::set_password(platform, &world.admin.ctx(), who.user, here).await.unwrap();
    assert_eq!(world.sql(HELD).await, [""; 0], "who comes by it asks the service nothing");
    assert_eq!(world.sql("select granted::text from user_identities").await, ["[]"], "and is still bound to it");
    let noted = "select after->'roles'->'removed'->0->>'role' from audit_events
                 where action = 'accounts:map-roles' and after->'roles'->'removed'->0 is not null";
    assert_eq!(world.sql(noted).await.len(), 1);
    assert_eq!(world.sign_in().await.unwrap().user, who.user);
    assert_eq!(world.sql(HELD).await, ["member", "operator"], "until the service says it again");
    // At the console the platform's stay, as the service's to take.
    let reset = accounts::reset_password(platform, "wanda", false).await.unwrap();
    assert_eq!(world.sql(HELD).await, ["operator"]);
    assert!(reset.parted[0].bound && reset.parted[0].kept == ["operator"]);
    world.service.says(json!({ "groups": [] }));
    world.sign_in().await.unwrap();
    assert_eq!(world.sql(HELD).await, [""; 0]);
}

#[tokio::test]
async fn no_group_makes_staff_of_the_only_owner_of_a_customer() {
    let world = World::new().await;
    let acme = world.test.customer("Acme").await;
    let wish = ProviderBody {
        mappings: vec![mapping("ops", "operator", None), mapping("class", "student", None)],
        ..body("Sso", world.service.issuer())
    };
    world.set(world.provider, wish).await;
    let who = world.sign_in().await.unwrap();
    let owner = "update memberships set role = 'member' where role = 'owner' and customer_id = $1";
    sqlx::query(owner).bind(acme.id.0).execute(world.test.owner_pool()).await.unwrap();
    let owner = "insert into memberships (customer_id, user_id, role) values ($1, $2, 'owner')";
    sqlx::query(owner).bind(acme.id.0).bind(who.user.0).execute(world.test.owner_pool()).await.unwrap();
    world.service.says(json!({ "groups": ["ops", "class"] }));
    world.sign_in().await.unwrap();
    assert_eq!(world.sql(HELD).await, ["owner", "student"], "who studies acts for customers all the same");
    assert_eq!(world.sql(WITHHELD).await, ["operator"], "and the log says what was not given");
    // As soon as the customer has somebody else.
    let again = "update memberships set role = 'owner' where customer_id = $1";
    sqlx::query(again).bind(acme.id.0).execute(world.test.owner_pool()).await.unwrap();
    world.sign_in().await.unwrap();
    assert_eq!(world.sql(HELD).await, ["operator", "owner", "student"]);
}

#[tokio::test]
async fn tokens_made_in_a_session_end_with_the_service_it_came_in_by() {
    let world = World::new().await;
    let who = world.sign_in().await.unwrap();
    let (platform, ctx) = (&world.test.platform, as_user(&world, who.user, who.token_version));
    just_signed_in(&world, who.user).await;
    let through = "update sessions set provider_id = $1 where id = $2";
    let session = world.admin.principal.session.0;
    let make = async |name: &str, provider: Option<IdentityProviderId>| {
        let from = sqlx::query(through).bind(provider.map(|id| id.0)).bind(session);
        from.execute(world.test.owner_pool()).await.unwrap();
        let wish = ApiTokenCreate { name: name.to_owned(), scopes: None, expires_at: None };
        accounts::create_api_token(platform, &ctx, wish).await.unwrap();
    };
    // With a password of her own, not every token is taken to have come by the service.
    world.sql("update users set password_hash = 'x' where name = 'wanda' returning name::text").await;
    make("by the service", Some(world.provider)).await;
    make("by the password", None).await;
    let count =
        "select a.name from api_tokens a join sessions s on s.id = a.session_id where s.ended_at is null order by 1";
    assert_eq!(world.sql(count).await, ["by the password", "by the service"]);
    world.set(world.provider, ProviderBody { enabled: false, ..body("Sso", world.service.issuer()) }).await;
    assert_eq!(world.sql(count).await, ["by the password"]);
}

//! People with roles, put straight into the database: quick, and independent of the operations under test.

use std::sync::LazyLock;

use anyhow::anyhow;
use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, Version};
use contract::accounts::{Language, MemberRole};
use contract::{CustomerId, Permission, SessionId, UserId};
use platform::{Clock, OpContext, Principal, UserPrincipal, Via};
use sqlx::PgPool;

/// Password of every test user.
pub const PASSWORD: &str = "a test user's password";

/// Argon2id as everywhere, with the least work it allows: what is tested is not its strength.
static PASSWORD_HASH: LazyLock<String> = LazyLock::new(|| {
    let params = Params::new(Params::MIN_M_COST, 1, 1, None).expect("the least parameters are valid");
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    hasher.hash_password(PASSWORD.as_bytes()).expect("hashing a constant works").to_string()
});

/// A signed-in person; `session` is an open row of the database.
#[derive(Clone, Debug)]
pub struct TestUser {
    pub id: UserId,
    pub name: String,
    pub password: &'static str,
    pub principal: UserPrincipal,
    clock: Clock,
}

impl TestUser {
    /// A request of this person, now.
    pub fn ctx(&self) -> OpContext {
        context(Principal::User(Box::new(self.principal.clone())), &self.clock)
    }
}

/// A customer with two people.
#[derive(Clone, Debug)]
pub struct TestCustomer {
    pub id: CustomerId,
    pub name: String,
    pub owner: TestUser,
    pub member: TestUser,
}

/// A request through the REST door from 192.0.2.1, now.
pub(crate) fn context(principal: Principal, clock: &Clock) -> OpContext {
    let request_id = format!("test-{}", uuid::Uuid::new_v4().simple());
    let address = std::net::IpAddr::from([192, 0, 2, 1]);
    OpContext::new(principal, clock.now(), Via::Rest, request_id, Some(address), Language::En)
}

/// Adds a customer.
pub(crate) async fn add_customer(owner: &PgPool, clock: &Clock, name: &str) -> anyhow::Result<TestCustomer> {
    let id: i64 =
        sqlx::query_scalar("insert into customers (name) values ($1) returning id").bind(name).fetch_one(owner).await?;
    let id = CustomerId(id);
    let word: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let person = async |role: MemberRole, suffix: &str| {
        add_user(owner, clock, &format!("c{word}-{suffix}"), Place::Customer(id, role)).await
    };
    Ok(TestCustomer {
        id,
        name: name.to_owned(),
        owner: person(MemberRole::Owner, "owner").await?,
        member: person(MemberRole::Member, "member").await?,
    })
}

/// Where a person stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Admin,
    Operator,
    Customer(CustomerId, MemberRole),
    /// Signed in, belonging nowhere.
    Nowhere,
}

/// Adds a person with an open session.
pub(crate) async fn add_user(owner: &PgPool, clock: &Clock, name: &str, place: Place) -> anyhow::Result<TestUser> {
    let mut tx = owner.begin().await?;
    let id: i64 = sqlx::query_scalar("insert into users (name, password_hash) values ($1, $2) returning id")
        .bind(name)
        .bind(&*PASSWORD_HASH)
        .fetch_one(&mut *tx)
        .await?;
    let (mut memberships, mut active_customer) = (Vec::new(), None);
    match place {
        Place::Admin | Place::Operator => {
            let word = if matches!(place, Place::Admin) { "platform_admin" } else { "operator" };
            sqlx::query("insert into role_assignments (user_id, role) values ($1, $2)")
                .bind(id)
                .bind(word)
                .execute(&mut *tx)
                .await?;
        }
        Place::Customer(customer, role) => {
            let word = match role {
                MemberRole::Owner => "owner",
                MemberRole::Member => "member",
            };
            sqlx::query("insert into memberships (customer_id, user_id, role) values ($1, $2, $3)")
                .bind(customer.0)
                .bind(id)
                .bind(word)
                .execute(&mut *tx)
                .await?;
            (memberships, active_customer) = (vec![(customer, role)], Some(customer));
        }
        Place::Nowhere => {}
    }
    let session: i64 = sqlx::query_scalar(
        "insert into sessions (kind, secret_hash, user_id, customer_id, token_version, expires_at)
         values ('browser', $1, $2, $3, 1, now() + interval '1 day') returning id",
    )
    .bind(&platform::secrets::random_bytes::<32>()[..])
    .bind(id)
    .bind(active_customer.map(|id| id.0))
    .fetch_one(&mut *tx)
    .await
    .map_err(|error| anyhow!("the session of {name}: {error}"))?;
    tx.commit().await?;
    let principal = UserPrincipal {
        id: UserId(id),
        name: name.to_owned(),
        display_name: String::new(),
        session: SessionId(session),
        credential: platform::Credential::Browser,
        token_version: 1,
        platform_admin: matches!(place, Place::Admin),
        operator: matches!(place, Place::Operator),
        permissions: Vec::new(),
        must_enroll: false,
        memberships,
        active_customer,
        language: None,
        theme: None,
        time_zone: None,
    };
    Ok(TestUser { id: UserId(id), name: name.to_owned(), password: PASSWORD, principal, clock: clock.clone() })
}

/// Gives somebody a new role made of these permissions.
pub(crate) async fn add_role(
    owner: &PgPool,
    mut user: TestUser,
    name: &str,
    permissions: &[Permission],
) -> anyhow::Result<TestUser> {
    let names: Vec<_> = permissions.iter().map(|permission| permission.name()).collect();
    let mut tx = owner.begin().await?;
    let (id, code): (i64, String) = sqlx::query_as("insert into roles (name) values ($1) returning id, code")
        .bind(name)
        .fetch_one(&mut *tx)
        .await?;
    sqlx::query("insert into role_permissions (role_id, permission) select $1, unnest($2::text[])")
        .bind(id)
        .bind(&names)
        .execute(&mut *tx)
        .await?;
    sqlx::query("insert into role_assignments (user_id, role) values ($1, $2)")
        .bind(user.id.0)
        .bind(code)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    user.principal.permissions = permissions.to_vec();
    // As the database sorts them.
    user.principal.permissions.sort_by_key(|permission| permission.name());
    Ok(user)
}

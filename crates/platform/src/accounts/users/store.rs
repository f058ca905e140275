//! SQL of everybody's accounts.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::accounts::MembershipView;
use contract::users::{UserMay, UserQuery, UserRow, UserSort, UserState, UserView};
use contract::{CustomerId, SortDirection, UserId};
use sqlx::{Postgres, QueryBuilder, Row};

use crate::accounts::store::role;
use crate::authz::{CreateUser, DeleteUser, Granted, UpdateUser};
use crate::db::{Tx, contains};
use crate::{Error, Result};

/// What is typed about a person.
pub(crate) struct Details {
    pub name: String,
    pub display_name: Option<String>,
    pub email: Option<String>,
}

/// An account that nobody else changes meanwhile.
pub(crate) struct Locked {
    pub details: Details,
    pub state: UserState,
    pub revision: i64,
}

fn state(word: &str) -> Result<UserState> {
    UserState::parse(word).ok_or_else(|| Error::internal(format!("unknown state of a user: {word}")))
}

fn shown(display_name: String, name: &str) -> String {
    if display_name.is_empty() { name.to_owned() } else { display_name }
}

/// Invited is who is active and has no password yet.
const COLUMNS: &str = "select u.id, u.name::text as name, u.display_name, u.email::text as email, \
    case when u.state = 'active' and u.password_pending then 'invited' else u.state end as state, u.last_login_at, u.created_at, \
    exists(select from totp_secrets t where t.user_id = u.id and t.confirmed_at is not null) as second_factor, \
    count(*) over () as total from users u where true";

fn column(sort: UserSort) -> &'static str {
    match sort {
        UserSort::Name => "u.name",
        UserSort::DisplayName => "lower(coalesce(nullif(u.display_name, ''), u.name::text))",
        UserSort::LastLogin => "u.last_login_at",
        UserSort::Created => "u.created_at",
    }
}

fn filters(sql: &mut QueryBuilder<Postgres>, query: &UserQuery) {
    match query.state {
        None => sql.push(" and u.deleted_at is null"),
        Some(UserState::Invited) => sql.push(" and u.state = 'active' and u.password_pending"),
        Some(UserState::Active) => sql.push(" and u.state = 'active' and not u.password_pending"),
        Some(state) => sql.push(" and u.state = ").push_bind(state.code()),
    };
    if let Some(pattern) = query.q.as_deref().and_then(contains) {
        sql.push(" and (u.name::text ilike ").push_bind(pattern.clone());
        sql.push(" or u.display_name ilike ").push_bind(pattern.clone());
        sql.push(" or u.email::text ilike ").push_bind(pattern).push(")");
    }
    if let Some(role) = query.role {
        sql.push(" and exists(select from roles r where r.id = ").push_bind(role.0);
        sql.push(
            " and (exists(select from role_assignments a where a.user_id = u.id and a.role = r.code)
                   or exists(select from memberships m where m.user_id = u.id and 'customer_' || m.role = r.code)))",
        );
    }
    if let Some(customer) = query.customer_id {
        sql.push(" and exists(select from memberships m where m.user_id = u.id and m.customer_id = ");
        sql.push_bind(customer.0).push(")");
    }
    if let Some(has_one) = query.second_factor {
        sql.push(" and exists(select from totp_secrets t where t.user_id = u.id and t.confirmed_at is not null) = ");
        sql.push_bind(has_one);
    }
}

pub(super) async fn list(
    tx: &mut Tx,
    query: &UserQuery,
    sort: &[(UserSort, SortDirection)],
    page: u32,
    page_size: u32,
) -> Result<(Vec<UserRow>, u64)> {
    let mut sql = QueryBuilder::<Postgres>::new(COLUMNS);
    filters(&mut sql, query);
    sql.push(" order by ");
    for (sort, direction) in sort {
        sql.push(column(*sort));
        sql.push(if *direction == SortDirection::Desc { " desc nulls last, " } else { " asc nulls last, " });
    }
    sql.push("u.id limit ").push_bind(i64::from(page_size));
    sql.push(" offset ").push_bind(i64::from(page - 1) * i64::from(page_size));
    let rows = sql.build().fetch_all(&mut **tx).await?;
    let total: i64 = match rows.first() {
        Some(row) => row.try_get("total")?,
        None if page > 1 => count(tx, query).await?,
        None => 0,
    };
    let list = rows
        .iter()
        .map(|row| {
            let name: String = row.try_get("name")?;
            let word: String = row.try_get("state")?;
            Ok(UserRow {
                id: UserId(row.try_get("id")?),
                display_name: shown(row.try_get("display_name")?, &name),
                name,
                email: row.try_get("email")?,
                state: state(&word)?,
                roles: Vec::new(),
                memberships: Vec::new(),
                last_login_at: row.try_get("last_login_at")?,
                created_at: row.try_get("created_at")?,
                second_factor: row.try_get("second_factor")?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    Ok((list, total.unsigned_abs()))
}

/// Of a page beyond the end, where no row carries the total.
async fn count(tx: &mut Tx, query: &UserQuery) -> Result<i64> {
    let mut sql = QueryBuilder::<Postgres>::new("select count(*) as total from users u where true");
    filters(&mut sql, query);
    Ok(sql.build().fetch_one(&mut **tx).await?.try_get("total")?)
}

pub(super) async fn view(tx: &mut Tx, id: UserId, now: DateTime<Utc>) -> Result<Option<UserView>> {
    let row = sqlx::query!(
        r#"select u.id, u.name::text as "name!", u.display_name, u.email::text as email, u.last_login_at,
                  case when u.state = 'active' and u.password_pending then 'invited' else u.state end as "state!",
                  u.created_at, u.disabled_at, u.deleted_at, u.revision,
                  u.password_hash is not null as "has_password!",
                  (select count(*) from sessions s where s.user_id = u.id and s.ended_at is null and s.expires_at > $2
                   and s.token_version = u.token_version and u.state = 'active') as "sessions!"
           from users u where u.id = $1"#,
        id.0,
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(UserView {
        user: UserRow {
            id: UserId(row.id),
            display_name: shown(row.display_name, &row.name),
            name: row.name,
            email: row.email,
            state: state(&row.state)?,
            roles: Vec::new(),
            memberships: Vec::new(),
            last_login_at: row.last_login_at,
            created_at: row.created_at,
            second_factor: false,
        },
        disabled_at: row.disabled_at,
        deleted_at: row.deleted_at,
        session_count: row.sessions.unsigned_abs(),
        revision: row.revision,
        has_password: row.has_password,
        totp_since: None,
        recovery_codes_left: 0,
        identities: Vec::new(),
        only_owner_of: None,
        may: UserMay::default(),
    }))
}

pub(super) async fn memberships(tx: &mut Tx, users: &[UserId]) -> Result<HashMap<UserId, Vec<MembershipView>>> {
    let ids: Vec<i64> = users.iter().map(|user| user.0).collect();
    let rows = sqlx::query!(
        "select m.user_id, m.customer_id, c.name, m.role from memberships m join customers c on c.id = m.customer_id
         where m.user_id = any($1) and c.deleted_at is null order by lower(c.name)",
        &ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut found: HashMap<UserId, Vec<MembershipView>> = HashMap::new();
    for row in rows {
        let membership = MembershipView {
            customer_id: CustomerId(row.customer_id),
            customer_name: row.name,
            role: role(&row.role)?,
        };
        found.entry(UserId(row.user_id)).or_default().push(membership);
    }
    Ok(found)
}

pub(super) async fn lock(tx: &mut Tx, id: UserId) -> Result<Option<Locked>> {
    let row = sqlx::query!(
        r#"select name::text as "name!", display_name, email::text as email, revision,
                  case when state = 'active' and password_pending then 'invited' else state end as "state!"
           from users where id = $1 for update"#,
        id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| {
        Ok(Locked {
            details: Details {
                name: row.name,
                display_name: Some(row.display_name).filter(|name| !name.is_empty()),
                email: row.email,
            },
            state: state(&row.state)?,
            revision: row.revision,
        })
    })
    .transpose()
}

/// Somebody whom a workbook may be about.
pub(super) struct Known {
    pub id: UserId,
    pub name: String,
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub state: UserState,
    pub revision: i64,
}

impl Known {
    /// The name that lists show.
    pub(super) fn shown(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.name)
    }
}

/// Accounts of these names, which are in lower case; a deleted one where no other has the name.
pub(super) async fn known(tx: &mut Tx, names: &[String]) -> Result<HashMap<String, Known>> {
    let rows = sqlx::query!(
        r#"select id, name::text as "name!", display_name, email::text as email, revision,
                  case when state = 'active' and password_pending then 'invited' else state end as "state!"
           from users where name = any($1::text[]::citext[]) order by deleted_at is null, deleted_at"#,
        names
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let known = Known {
                id: UserId(row.id),
                name: row.name,
                display_name: Some(row.display_name).filter(|name| !name.is_empty()),
                email: row.email,
                state: state(&row.state)?,
                revision: row.revision,
            };
            Ok((known.name.to_lowercase(), known))
        })
        .collect()
}

/// Whose these addresses are, by address in lower case.
pub(super) async fn owners_of(tx: &mut Tx, emails: &[String]) -> Result<HashMap<String, UserId>> {
    let rows = sqlx::query!(
        r#"select id, lower(email::text) as "email!" from users
           where email = any($1::text[]::citext[]) and deleted_at is null"#,
        emails
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.email, UserId(row.id))).collect())
}

pub(super) async fn exists(tx: &mut Tx, id: UserId) -> Result<bool> {
    Ok(sqlx::query_scalar!(r#"select exists(select from users where id = $1) as "there!""#, id.0)
        .fetch_one(&mut **tx)
        .await?)
}

pub(super) async fn by_name(tx: &mut Tx, name: &str) -> Result<Option<UserId>> {
    let id = sqlx::query_scalar!("select id from users where name = $1::text::citext and deleted_at is null", name)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(id.map(UserId))
}

/// `pending`: the hash is nobody's, and the person has yet to set a password by a link.
pub(super) async fn insert(
    tx: &mut Tx,
    _granted: &Granted<CreateUser>,
    details: &Details,
    (hash, pending): (&str, bool),
) -> Result<UserId> {
    let id = sqlx::query_scalar!(
        "insert into users (name, display_name, email, password_hash, password_pending)
         values ($1::text::citext, coalesce($2, ''), $3::text::citext, $4, $5) returning id",
        details.name,
        details.display_name,
        details.email,
        hash,
        pending
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(UserId(id))
}

pub(super) async fn update(tx: &mut Tx, granted: &Granted<UpdateUser>, details: &Details) -> Result<()> {
    sqlx::query!(
        "update users set name = $2::text::citext, display_name = coalesce($3, ''), email = $4::text::citext,
                address_proved_at = case when email is not distinct from $4::text::citext then address_proved_at end,
                revision = revision + 1
         where id = $1",
        granted.id().0,
        details.name,
        details.display_name,
        details.email
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn set_active(
    tx: &mut Tx,
    granted: &Granted<UpdateUser>,
    active: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update users set state = $2, disabled_at = $3, revision = revision + 1 where id = $1",
        granted.id().0,
        if active { "active" } else { "disabled" },
        (!active).then_some(now)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deletes, or brings back to what it was.
pub(super) async fn set_deleted(tx: &mut Tx, granted: &Granted<DeleteUser>, at: Option<DateTime<Utc>>) -> Result<()> {
    sqlx::query!(
        "update users set deleted_at = $2, revision = revision + 1,
                state = case when $2::timestamptz is not null then 'deleted'
                             when disabled_at is not null then 'disabled' else 'active' end
         where id = $1",
        granted.id().0,
        at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Those in which somebody acts for a customer.
pub(super) async fn end_sessions_for(tx: &mut Tx, id: UserId, customer: CustomerId, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update sessions set ended_at = $3 where user_id = $1 and customer_id = $2 and ended_at is null",
        id.0,
        customer.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn end_sessions(tx: &mut Tx, id: UserId) -> Result<()> {
    sqlx::query!("update users set token_version = token_version + 1 where id = $1", id.0).execute(&mut **tx).await?;
    Ok(())
}

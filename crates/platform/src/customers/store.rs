//! SQL of customers.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::accounts::MemberRole;
use contract::customers::{CustomerQuery, CustomerRow, CustomerSort, CustomerUpdate, CustomerView, MemberView};
use contract::{CustomerId, May, SortDirection, UserId};
use sqlx::{Postgres, QueryBuilder, Row as _};

use crate::Result;
use crate::allocations::Held;
use crate::authz::{CreateCustomer, DeleteCustomer, Granted, ManageMembers, SecureAccount, UpdateCustomer};
use crate::db::{Tx, contains};
use crate::lookalikes::look_of;

pub(super) async fn view(tx: &mut Tx, id: CustomerId) -> Result<Option<CustomerView>> {
    let row = sqlx::query!(
        r#"select c.id, c.name, c.state, c.created_at,
                  (select count(*) from memberships m join users u on u.id = m.user_id
                   where m.customer_id = c.id and u.deleted_at is null) as "members!"
           from customers c where c.id = $1 and c.deleted_at is null"#,
        id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| CustomerView {
        id: CustomerId(row.id),
        name: row.name,
        active: row.state == "active",
        member_count: row.members.unsigned_abs(),
        created_at: row.created_at,
    }))
}

/// Whom of a customer's people somebody looks for; by default all.
#[derive(Clone, Debug, Default)]
pub(super) struct LookedFor {
    /// In what they are called.
    pub pattern: Option<String>,
    /// And in their address.
    pub by_email: bool,
    /// To whom this person could hand the customer: not to themselves, and to nobody who could not act for it.
    pub heir_of: Option<UserId>,
}

/// Its people, owners first, after so many of them; without a number all that are left.
pub(super) async fn find_members(
    tx: &mut Tx,
    id: CustomerId,
    wanted: &LookedFor,
    (before, most): (i64, Option<i64>),
) -> Result<Vec<MemberView>> {
    let rows = sqlx::query!(
        r#"select u.id, u.name::text as "name!", u.display_name, u.email::text as email, u.state, m.role, m.created_at,
                  exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                         where a.user_id = u.id) as "staff!"
           from memberships m join users u on u.id = m.user_id
           where m.customer_id = $1 and u.deleted_at is null
             and ($2::text is null or u.name::text ilike $2 or u.display_name ilike $2
                  or ($3::boolean and u.email::text ilike $2))
             and ($4::bigint is null
                  or (u.id <> $4 and u.state = 'active'
                      and not exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                                     where a.user_id = u.id)))
           order by m.role desc, u.name limit $6 offset $5"#,
        id.0,
        wanted.pattern.as_deref(),
        wanted.by_email,
        wanted.heir_of.map(|user| user.0),
        before,
        most
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| MemberView {
            user_id: UserId(row.id),
            display_name: if row.display_name.is_empty() { row.name.clone() } else { row.display_name },
            name: row.name,
            email: row.email,
            role: if row.role == "owner" { MemberRole::Owner } else { MemberRole::Member },
            joined_at: row.created_at,
            active: row.state == "active",
            staff: row.staff,
            may_change_role: May::default(),
            may_remove: May::default(),
        })
        .collect())
}

/// How many of them there are, whoever could be handed what.
pub(super) async fn count_members(tx: &mut Tx, id: CustomerId, wanted: &LookedFor) -> Result<u64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from memberships m join users u on u.id = m.user_id
           where m.customer_id = $1 and u.deleted_at is null
             and ($2::text is null or u.name::text ilike $2 or u.display_name ilike $2
                  or ($3::boolean and u.email::text ilike $2))"#,
        id.0,
        wanted.pattern.as_deref(),
        wanted.by_email
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(count.unsigned_abs())
}

/// Whether somebody who can sign in owns it.
pub(super) async fn is_owned(tx: &mut Tx, id: CustomerId) -> Result<bool> {
    let owned = sqlx::query_scalar!(
        r#"select exists(select from memberships m join users u on u.id = m.user_id
                         where m.customer_id = $1 and m.role = 'owner' and u.deleted_at is null
                           and u.state = 'active') as "owned!""#,
        id.0
    );
    Ok(owned.fetch_one(&mut **tx).await?)
}

/// As [`CustomerRow`], without what other slices know of it.
macro_rules! row {
    ($row:expr) => {
        CustomerRow {
            id: CustomerId($row.id),
            name: $row.name,
            active: $row.state == "active",
            contact_name: $row.contact_name,
            contact_email: $row.contact_email,
            contact_phone: $row.contact_phone,
            remark: $row.remark,
            member_count: $row.members.unsigned_abs(),
            has_owner: $row.owned,
            machine_count: 0,
            next_end_at: None,
            disabled_at: $row.disabled_at,
            deleted_at: $row.deleted_at,
            revision: $row.revision,
            created_at: $row.created_at,
            may_delete: None,
        }
    };
}

/// Whether somebody owns the customer who can sign in and act for it, which staff do for none.
const OWNED: &str = "exists(select from memberships m join users u on u.id = m.user_id \
                     where m.customer_id = c.id and m.role = 'owner' and u.state = 'active' and u.deleted_at is null \
                       and not exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff \
                                      where a.user_id = u.id))";

fn column(sort: CustomerSort) -> &'static str {
    match sort {
        CustomerSort::Name => "lower(c.name)",
        CustomerSort::State => "c.state",
        CustomerSort::Contact => "lower(coalesce(c.contact_name, c.contact_email))",
        CustomerSort::Members => {
            "(select count(*) from memberships m join users u on u.id = m.user_id \
             where m.customer_id = c.id and u.deleted_at is null)"
        }
        CustomerSort::Machines => "coalesce(held.machines, 0)",
        CustomerSort::NextEnd => "held.next_end_at",
        CustomerSort::Created => "c.created_at",
    }
}

/// A page in the order asked for, over an enum of columns, so that no text from outside becomes SQL; `held` is what they hold,
/// where the order needs it.
pub(super) async fn list(
    tx: &mut Tx,
    query: &CustomerQuery,
    sort: &[(CustomerSort, SortDirection)],
    held: &HashMap<i64, Held>,
    page: u32,
    page_size: u32,
) -> Result<(Vec<CustomerRow>, u64)> {
    let pattern = query.q.as_deref().and_then(contains);
    let state = query.active.map(|active| if active { "active" } else { "disabled" });
    let filters = |sql: &mut QueryBuilder<Postgres>| {
        sql.push(if query.deleted == Some(true) {
            " where c.deleted_at is not null"
        } else {
            " where c.deleted_at is null"
        });
        if let Some(state) = state {
            sql.push(" and c.state = ").push_bind(state);
        }
        if let Some(has_owner) = query.has_owner {
            sql.push(" and ").push(OWNED).push(" = ").push_bind(has_owner);
        }
        if let Some(pattern) = &pattern {
            for (i, column) in ["c.name", "c.contact_name", "c.contact_email", "c.remark"].into_iter().enumerate() {
                sql.push(if i == 0 { " and (" } else { " or " })
                    .push(column)
                    .push(" ilike ")
                    .push_bind(pattern.clone());
            }
            sql.push(")");
        }
    };
    let mut count = QueryBuilder::<Postgres>::new("select count(*) as total from customers c");
    filters(&mut count);
    let total: i64 = count.build().fetch_one(&mut **tx).await?.try_get("total")?;
    let mut sql = QueryBuilder::<Postgres>::new("select c.id from customers c");
    let (ids, rest): (Vec<i64>, Vec<&Held>) = held.iter().map(|(id, held)| (*id, held)).unzip();
    let machines: Vec<i64> = rest.iter().map(|held| i64::try_from(held.machines).unwrap_or(i64::MAX)).collect();
    let ends: Vec<Option<DateTime<Utc>>> = rest.iter().map(|held| held.next_end_at).collect();
    sql.push(" left join unnest(").push_bind(ids).push("::bigint[], ").push_bind(machines).push("::bigint[], ");
    sql.push_bind(ends).push("::timestamptz[]) as held (id, machines, next_end_at) on held.id = c.id");
    filters(&mut sql);
    sql.push(" order by ");
    for (sort, direction) in sort {
        sql.push(column(*sort));
        sql.push(if *direction == SortDirection::Desc { " desc nulls last, " } else { " asc nulls last, " });
    }
    sql.push("lower(c.name), c.id limit ").push_bind(i64::from(page_size));
    sql.push(" offset ").push_bind(i64::from(page - 1) * i64::from(page_size));
    let rows = sql.build().fetch_all(&mut **tx).await?;
    let ids = rows.iter().map(|row| row.try_get("id")).collect::<Result<Vec<i64>, _>>()?;
    let rows = sqlx::query!(
        r#"select c.id, c.name, c.state, c.contact_name, c.contact_email, c.contact_phone, c.remark, c.disabled_at,
                  c.deleted_at, c.revision, c.created_at,
                  (select count(*) from memberships m join users u on u.id = m.user_id
                   where m.customer_id = c.id and u.deleted_at is null) as "members!",
                  exists(select from memberships m join users u on u.id = m.user_id
                         where m.customer_id = c.id and m.role = 'owner' and u.state = 'active'
                           and u.deleted_at is null
                           and not exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                                          where a.user_id = u.id)) as "owned!"
           from customers c join unnest($1::bigint[]) with ordinality as wanted (id, place) on wanted.id = c.id
           order by wanted.place"#,
        &ids
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok((rows.into_iter().map(|row| row!(row)).collect(), total.unsigned_abs()))
}

pub(super) async fn ids_by_name(tx: &mut Tx) -> Result<Vec<i64>> {
    Ok(sqlx::query_scalar!("select id from customers order by lower(name), id").fetch_all(&mut **tx).await?)
}

/// One of them, deleted or not.
pub(super) async fn row(tx: &mut Tx, id: CustomerId) -> Result<Option<CustomerRow>> {
    let row = sqlx::query!(
        r#"select c.id, c.name, c.state, c.contact_name, c.contact_email, c.contact_phone, c.remark, c.disabled_at,
                  c.deleted_at, c.revision, c.created_at,
                  (select count(*) from memberships m join users u on u.id = m.user_id
                   where m.customer_id = c.id and u.deleted_at is null) as "members!",
                  exists(select from memberships m join users u on u.id = m.user_id
                         where m.customer_id = c.id and m.role = 'owner' and u.state = 'active'
                           and u.deleted_at is null
                           and not exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                                          where a.user_id = u.id)) as "owned!"
           from customers c where c.id = $1"#,
        id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| row!(row)))
}

/// Locks the row, deleted or not; when it was deleted.
pub(super) async fn lock_any(tx: &mut Tx, id: CustomerId) -> Result<Option<Option<DateTime<Utc>>>> {
    Ok(sqlx::query_scalar!("select deleted_at from customers where id = $1 for update", id.0)
        .fetch_optional(&mut **tx)
        .await?)
}

/// Deletes, or brings back to what it was.
pub(super) async fn set_deleted(
    tx: &mut Tx,
    granted: &Granted<DeleteCustomer>,
    at: Option<DateTime<Utc>>,
) -> Result<()> {
    sqlx::query!("update customers set deleted_at = $2, revision = revision + 1 where id = $1", granted.id().0, at)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Locks the row unless it is deleted; whether it is active.
pub(super) async fn lock(tx: &mut Tx, id: CustomerId) -> Result<Option<bool>> {
    let state =
        sqlx::query_scalar!("select state from customers where id = $1 and deleted_at is null for update", id.0)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(state.map(|state| state == "active"))
}

/// Notes what names look like that were given before that was noted, or by a server of then. Where two looked alike already, the
/// first one has the look; the other keeps its name until somebody changes it.
pub(super) async fn note_looks(tx: &mut Tx) -> Result<()> {
    let unknown =
        sqlx::query!("select id, name from customers where name_look is null order by id limit 1000 for update")
            .fetch_all(&mut **tx)
            .await?;
    for row in unknown {
        let look = look_of(&row.name);
        sqlx::query!(
            "update customers set name_look = case when exists
               (select from customers other where other.name_look = $2) then $2 || ' ' || id else $2 end
             where id = $1",
            row.id,
            look
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

pub(super) async fn insert(
    tx: &mut Tx,
    _granted: &Granted<CreateCustomer>,
    details: &CustomerUpdate,
) -> Result<CustomerId> {
    let id = sqlx::query_scalar!(
        "insert into customers (name, contact_name, contact_email, contact_phone, remark, name_look)
         values ($1, $2, $3, $4, $5, $6) returning id",
        details.name,
        details.contact_name,
        details.contact_email,
        details.contact_phone,
        details.remark,
        look_of(&details.name)
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(CustomerId(id))
}

pub(super) async fn update(tx: &mut Tx, granted: &Granted<UpdateCustomer>, change: &CustomerUpdate) -> Result<()> {
    sqlx::query!(
        "update customers set name = $2, contact_name = $3, contact_email = $4, contact_phone = $5, remark = $6,
                name_look = $7, revision = revision + 1
         where id = $1",
        granted.id().0,
        change.name,
        change.contact_name,
        change.contact_email,
        change.contact_phone,
        change.remark,
        look_of(&change.name)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn set_active(
    tx: &mut Tx,
    granted: &Granted<UpdateCustomer>,
    active: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update customers set state = $2, disabled_at = $3, revision = revision + 1 where id = $1",
        granted.id().0,
        if active { "active" } else { "disabled" },
        (!active).then_some(now)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Role of somebody in a customer; the customer's row is locked.
pub(super) async fn member_role(tx: &mut Tx, id: CustomerId, user: UserId) -> Result<Option<MemberRole>> {
    let word = sqlx::query_scalar!(
        "select m.role from memberships m join users u on u.id = m.user_id
         where m.customer_id = $1 and m.user_id = $2 and u.deleted_at is null",
        id.0,
        user.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(word.map(|word| if word == "owner" { MemberRole::Owner } else { MemberRole::Member }))
}

/// Whether somebody's account is active.
pub(super) async fn is_active(tx: &mut Tx, user: UserId) -> Result<bool> {
    let active = sqlx::query_scalar!(
        r#"select exists(select from users where id = $1 and state = 'active' and deleted_at is null) as "active!""#,
        user.0
    );
    Ok(active.fetch_one(&mut **tx).await?)
}

/// Owners that can sign in and act for it; in a transaction of the system's or the staff's, because who works for the platform
/// is nobody else's to read.
pub(super) async fn owners(tx: &mut Tx, id: CustomerId) -> Result<Vec<UserId>> {
    let ids = sqlx::query_scalar!(
        "select m.user_id from memberships m join users u on u.id = m.user_id
         where m.customer_id = $1 and m.role = 'owner' and u.deleted_at is null and u.state = 'active'
           and not exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                          where a.user_id = u.id)",
        id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// In the order of their ids, so that two who do this wait for each other.
pub(super) async fn lock_owned_by(tx: &mut Tx, user: UserId) -> Result<()> {
    sqlx::query!(
        "select id from customers
         where id in (select customer_id from memberships where user_id = $1 and role = 'owner') order by id for update",
        user.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(())
}

/// The first customer that nobody but this person owns, of those that are not deleted.
pub(super) async fn without_owner_but(tx: &mut Tx, user: UserId) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!(
        "select c.name from customers c join memberships m on m.customer_id = c.id
         where m.user_id = $1 and m.role = 'owner' and c.deleted_at is null
           and not exists(select from memberships o join users u on u.id = o.user_id
                          where o.customer_id = c.id and o.role = 'owner' and o.user_id <> $1
                            and u.state = 'active' and u.deleted_at is null
                            and not exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                                           where a.user_id = u.id))
         order by c.name limit 1",
        user.0
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// Whether somebody works for the platform, so that they act for no customer.
pub(super) async fn is_staff(tx: &mut Tx, user: UserId) -> Result<bool> {
    let staff = sqlx::query_scalar!(
        r#"select exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                         where a.user_id = $1) as "staff!""#,
        user.0
    );
    Ok(staff.fetch_one(&mut **tx).await?)
}

pub(super) async fn set_member_role(
    tx: &mut Tx,
    granted: &Granted<ManageMembers>,
    user: UserId,
    role: MemberRole,
) -> Result<()> {
    sqlx::query!(
        "update memberships set role = $3 where customer_id = $1 and user_id = $2",
        granted.id().0,
        user.0,
        role.code()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn remove_member(tx: &mut Tx, granted: &Granted<ManageMembers>, user: UserId) -> Result<()> {
    remove_place(tx, granted.id(), user).await
}

/// Somebody's own place.
pub(super) async fn leave(tx: &mut Tx, granted: &Granted<SecureAccount>, id: CustomerId) -> Result<()> {
    remove_place(tx, id, granted.id()).await
}

async fn remove_place(tx: &mut Tx, id: CustomerId, user: UserId) -> Result<()> {
    sqlx::query!("delete from memberships where customer_id = $1 and user_id = $2", id.0, user.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn names(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, String>> {
    let rows = sqlx::query!("select id, name from customers where id = any($1)", ids).fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// Those that are not deleted, by name.
pub(super) async fn present(tx: &mut Tx) -> Result<Vec<(CustomerId, String)>> {
    let rows = sqlx::query!("select id, name from customers where deleted_at is null order by lower(name), id")
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows.into_iter().map(|row| (CustomerId(row.id), row.name)).collect())
}

pub(super) async fn called(tx: &mut Tx, names: &[String], ids: &[i64]) -> Result<Vec<(CustomerId, String)>> {
    let rows = sqlx::query!(
        "select id, name from customers where deleted_at is null and (lower(name) = any($1) or id = any($2))",
        names,
        ids
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (CustomerId(row.id), row.name)).collect())
}

pub(super) async fn matching(tx: &mut Tx, text: &str) -> Result<Vec<i64>> {
    let Some(pattern) = contains(text) else { return Ok(Vec::new()) };
    Ok(sqlx::query_scalar!("select id from customers where deleted_at is null and name ilike $1", pattern)
        .fetch_all(&mut **tx)
        .await?)
}

pub(super) async fn people(tx: &mut Tx, id: CustomerId, owners_only: bool) -> Result<Vec<UserId>> {
    let ids = sqlx::query_scalar!(
        "select user_id from memberships where customer_id = $1 and (not $2 or role = 'owner') order by user_id",
        id.0,
        owners_only
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// The people of those of these customers that are active, with what they are there.
pub(super) async fn people_of(tx: &mut Tx, ids: &[i64]) -> Result<Vec<(CustomerId, UserId, MemberRole)>> {
    let rows = sqlx::query!(
        "select m.customer_id, m.user_id, m.role from memberships m join customers c on c.id = m.customer_id
         where m.customer_id = any($1) and c.state = 'active' and c.deleted_at is null
         order by m.customer_id, m.user_id",
        ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let people = rows.into_iter().map(|row| {
        let role = if row.role == "owner" { MemberRole::Owner } else { MemberRole::Member };
        (CustomerId(row.customer_id), UserId(row.user_id), role)
    });
    Ok(people.collect())
}

/// The customers that have somebody among their people.
pub(super) async fn ids_of_person(tx: &mut Tx, user: UserId) -> Result<Vec<CustomerId>> {
    let ids = sqlx::query_scalar!("select customer_id from memberships where user_id = $1 order by 1", user.0)
        .fetch_all(&mut **tx)
        .await?;
    Ok(ids.into_iter().map(CustomerId).collect())
}

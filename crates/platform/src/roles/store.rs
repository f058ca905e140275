//! SQL of roles.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::roles::{RoleBrief, RoleHolder, RoleScope, RoleWrite};
use contract::{Permission, RoleId, UserId};

use crate::authz::{AssignRole, CreateRole, Granted, ManageRole};
use crate::db::Tx;
use crate::{Error, Result};

pub(super) struct Row {
    pub id: RoleId,
    pub builtin: Option<String>,
    pub code: String,
    pub name: String,
    pub description: String,
    pub scope: RoleScope,
    /// Of a role made here; those this program knows.
    pub permissions: Vec<Permission>,
    pub holders: u64,
    pub revision: i64,
    pub created_at: DateTime<Utc>,
}

macro_rules! row {
    ($row:expr) => {
        Row {
            id: RoleId($row.id),
            builtin: $row.builtin,
            code: $row.code,
            name: $row.name,
            description: $row.description,
            scope: RoleScope::parse(&$row.scope_kind)
                .ok_or_else(|| Error::internal(format!("unknown scope of a role: {}", $row.scope_kind)))?,
            permissions: $row.permissions.iter().filter_map(|name| Permission::parse(name)).collect(),
            holders: $row.holders.unsigned_abs(),
            revision: $row.revision,
            created_at: $row.created_at,
        }
    };
}

pub(super) async fn list(tx: &mut Tx) -> Result<Vec<Row>> {
    let rows = sqlx::query!(
        r#"select r.id, r.builtin, r.code, r.name, r.description, r.scope_kind, r.revision, r.created_at,
                  array(select p.permission from role_permissions p where p.role_id = r.id order by p.permission)
                    as "permissions!",
                  case when r.scope_kind = 'customer'
                    then (select count(distinct m.user_id) from memberships m where 'customer_' || m.role = r.code)
                    else (select count(*) from role_assignments a where a.role = r.code) end as "holders!"
           from roles r order by r.builtin is null, case when r.builtin is not null then r.id end, lower(r.name)"#
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(|row| Ok(row!(row))).collect()
}

pub(super) async fn get(tx: &mut Tx, id: RoleId) -> Result<Option<Row>> {
    let row = sqlx::query!(
        r#"select r.id, r.builtin, r.code, r.name, r.description, r.scope_kind, r.revision, r.created_at,
                  array(select p.permission from role_permissions p where p.role_id = r.id order by p.permission)
                    as "permissions!",
                  case when r.scope_kind = 'customer'
                    then (select count(distinct m.user_id) from memberships m where 'customer_' || m.role = r.code)
                    else (select count(*) from role_assignments a where a.role = r.code) end as "holders!"
           from roles r where r.id = $1"#,
        id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| Ok(row!(row))).transpose()
}

/// Nobody else changes, gives or deletes it meanwhile.
pub(super) async fn lock(tx: &mut Tx, id: RoleId) -> Result<()> {
    // A built-in role may be read, never changed: its row is not there to be locked, which is no error here.
    sqlx::query!("select id from roles where id = $1 for update", id.0).fetch_optional(&mut **tx).await?;
    Ok(())
}

/// As [`get`], and nobody changes it until the transaction ends.
pub(super) async fn keep(tx: &mut Tx, id: RoleId) -> Result<Option<Row>> {
    sqlx::query!("select id from roles where id = $1 for share", id.0).fetch_optional(&mut **tx).await?;
    get(tx, id).await
}

/// Roles of the platform that somebody holds.
pub(super) async fn roles_of(tx: &mut Tx, user: UserId) -> Result<Vec<Row>> {
    let rows = sqlx::query!(
        r#"select r.id, r.builtin, r.code, r.name, r.description, r.scope_kind, r.revision, r.created_at,
                  array(select p.permission from role_permissions p where p.role_id = r.id order by p.permission)
                    as "permissions!",
                  0::bigint as "holders!"
           from role_assignments a join roles r on r.code = a.role where a.user_id = $1"#,
        user.0
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(|row| Ok(row!(row))).collect()
}

pub(super) async fn of_users(tx: &mut Tx, users: &[UserId]) -> Result<HashMap<UserId, Vec<RoleBrief>>> {
    let ids: Vec<i64> = users.iter().map(|user| user.0).collect();
    let rows = sqlx::query!(
        r#"select a.user_id, r.id, r.code, r.name, r.builtin is not null as "builtin!"
           from role_assignments a join roles r on r.code = a.role
           where a.user_id = any($1) order by r.builtin is null, r.id"#,
        &ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut found: HashMap<UserId, Vec<RoleBrief>> = HashMap::new();
    for row in rows {
        let role = RoleBrief { id: RoleId(row.id), code: row.code, name: row.name, builtin: row.builtin };
        found.entry(UserId(row.user_id)).or_default().push(role);
    }
    Ok(found)
}

/// Who holds it, by name, after so many of them; without a number all that are left. And how many there are.
pub(super) async fn holders(
    tx: &mut Tx,
    role: &Row,
    (before, most): (i64, Option<i64>),
) -> Result<(Vec<RoleHolder>, u64)> {
    let rows = sqlx::query!(
        r#"select u.id, u.name::text as "name!", u.display_name, held.since as "since!",
                  u.deleted_at is not null as "deleted!"
           from (select a.user_id, a.created_at as since from role_assignments a where a.role = $1
                 union all
                 select m.user_id, min(m.created_at) from memberships m
                 where 'customer_' || m.role = $1 group by m.user_id) held
                join users u on u.id = held.user_id
           order by u.name, u.id limit $3 offset $2"#,
        role.code,
        before,
        most
    )
    .fetch_all(&mut **tx)
    .await?;
    // Counted apart: a page behind the last one has no row that could say it.
    let total = sqlx::query_scalar!(
        r#"select (select count(*) from role_assignments a where a.role = $1)
                  + (select count(distinct m.user_id) from memberships m where 'customer_' || m.role = $1) as "count!""#,
        role.code
    );
    let total = total.fetch_one(&mut **tx).await?.unsigned_abs();
    let list = rows.into_iter().map(|row| RoleHolder {
        user_id: UserId(row.id),
        display_name: if row.display_name.is_empty() { row.name.clone() } else { row.display_name },
        name: row.name,
        since: row.since,
        deleted: row.deleted,
    });
    Ok((list.collect(), total))
}

pub(super) async fn insert(tx: &mut Tx, _granted: &Granted<CreateRole>, role: &RoleWrite) -> Result<RoleId> {
    let id = sqlx::query_scalar!(
        "insert into roles (name, description) values ($1, coalesce($2, '')) returning id",
        role.name,
        role.description
    )
    .fetch_one(&mut **tx)
    .await?;
    insert_permissions(tx, RoleId(id), &role.permissions).await?;
    Ok(RoleId(id))
}

pub(super) async fn update(tx: &mut Tx, granted: &Granted<ManageRole>, role: &RoleWrite) -> Result<()> {
    let id = granted.id();
    sqlx::query!(
        "update roles set name = $2, description = coalesce($3, ''), revision = revision + 1 where id = $1",
        id.0,
        role.name,
        role.description
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("delete from role_permissions where role_id = $1", id.0).execute(&mut **tx).await?;
    insert_permissions(tx, id, &role.permissions).await
}

async fn insert_permissions(tx: &mut Tx, id: RoleId, permissions: &[Permission]) -> Result<()> {
    let names: Vec<String> = permissions.iter().map(|permission| permission.name().to_owned()).collect();
    sqlx::query!(
        "insert into role_permissions (role_id, permission) select $1, name from unnest($2::text[]) as t (name)",
        id.0,
        &names
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, granted: &Granted<ManageRole>) -> Result<()> {
    sqlx::query!("delete from roles where id = $1", granted.id().0).execute(&mut **tx).await?;
    Ok(())
}

/// Takes a role that goes from accounts that are deleted.
pub(super) async fn take_from_deleted(tx: &mut Tx, _granted: &Granted<ManageRole>, code: &str) -> Result<()> {
    sqlx::query!(
        "delete from role_assignments a using users u
         where u.id = a.user_id and a.role = $1 and u.deleted_at is not null",
        code
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn assign(tx: &mut Tx, granted: &Granted<AssignRole>, code: &str) -> Result<bool> {
    let done = sqlx::query!(
        "insert into role_assignments (user_id, role) values ($1, $2) on conflict do nothing",
        granted.id().0,
        code
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn revoke(tx: &mut Tx, granted: &Granted<AssignRole>, code: &str) -> Result<bool> {
    let done = sqlx::query!("delete from role_assignments where user_id = $1 and role = $2", granted.id().0, code)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn lock_admins(tx: &mut Tx) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('remotegpu.last-admin'))").fetch_one(&mut **tx).await?;
    Ok(())
}

/// Who is there to administer, seen from one of them.
pub(super) struct Admins {
    /// They are one, and active.
    pub is_one: bool,
    /// They have set a password here.
    pub counts: bool,
    pub others: i64,
    pub others_count: i64,
}

pub(super) async fn admins(tx: &mut Tx, code: &str, user: UserId) -> Result<Admins> {
    let row = sqlx::query!(
        r#"select count(*) filter (where u.id = $2) > 0 as "is_one!",
                  count(*) filter (where u.id = $2 and own.password) > 0 as "counts!",
                  count(*) filter (where u.id <> $2) as "others!",
                  count(*) filter (where u.id <> $2 and own.password) as "others_count!"
           from role_assignments a join users u on u.id = a.user_id
                cross join lateral (select u.password_hash is not null and not u.password_pending as password) own
           where a.role = $1 and u.state = 'active' and u.deleted_at is null"#,
        code,
        user.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Admins { is_one: row.is_one, counts: row.counts, others: row.others, others_count: row.others_count })
}

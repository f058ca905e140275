//! SQL of how people are reached.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::accounts::Language;
use contract::{CustomerId, Permission, UserId};

use crate::Result;
use crate::accounts::Contact;
use crate::db::Tx;

/// Active people with one of these built-in roles, or a role made here that gives the permission.
pub(in crate::accounts) async fn holders(
    tx: &mut Tx,
    builtin: &[String],
    permission: Permission,
) -> Result<Vec<UserId>> {
    let ids = sqlx::query_scalar!(
        "select u.id from users u
         where u.state = 'active' and u.deleted_at is null and exists(
           select from role_assignments a where a.user_id = u.id and (a.role = any($1) or exists(
             select from roles r join role_permissions p on p.role_id = r.id
             where r.code = a.role and p.permission = $2)))
         order by u.id",
        builtin,
        permission.name()
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// Those of these people who are active, as they are reached.
pub(in crate::accounts) async fn contacts(tx: &mut Tx, ids: &[i64]) -> Result<Vec<Contact>> {
    let rows = sqlx::query!(
        r#"select id, name::text as "name!", display_name, email::text as email,
                  coalesce(language, read_in) as language, time_zone,
                  exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                         where a.user_id = users.id) as "staff!"
           from users where id = any($1) and state = 'active' and deleted_at is null order by id"#,
        ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let contacts = rows.into_iter().map(|row| Contact {
        id: UserId(row.id),
        name: row.name,
        display_name: row.display_name,
        email: row.email,
        language: row.language.as_deref().and_then(Language::parse),
        time_zone: row.time_zone,
        staff: row.staff,
    });
    Ok(contacts.collect())
}

/// User names, of whomever.
pub(in crate::accounts) async fn names(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, String>> {
    let rows = sqlx::query!(r#"select id, name::text as "name!" from users where id = any($1)"#, ids)
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

pub(in crate::accounts) async fn names_of_members(
    tx: &mut Tx,
    customer: CustomerId,
    ids: &[i64],
) -> Result<HashMap<i64, String>> {
    let rows = sqlx::query!(
        r#"select u.id, u.name::text as "name!" from memberships m join users u on u.id = m.user_id
           where m.customer_id = $1 and u.id = any($2)"#,
        customer.0,
        ids
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// Whose address this is, disabled or not: how they are reached.
pub(in crate::accounts) async fn by_email(tx: &mut Tx, email: &str) -> Result<Option<Contact>> {
    let row = sqlx::query!(
        r#"select id, name::text as "name!", display_name, coalesce(language, read_in) as language,
                  exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                         where a.user_id = users.id) as "staff!"
           from users where email = $1::text::citext and deleted_at is null"#,
        email
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Contact {
        id: UserId(row.id),
        name: row.name,
        display_name: row.display_name,
        email: Some(email.to_owned()),
        language: row.language.as_deref().and_then(Language::parse),
        time_zone: None,
        staff: row.staff,
    }))
}

/// `proved`: since when the account is known to be of who reads the mail there.
pub(in crate::accounts) async fn set_email(
    tx: &mut Tx,
    user: UserId,
    email: &str,
    proved: Option<DateTime<Utc>>,
) -> Result<()> {
    sqlx::query!(
        "update users set email = $2::text::citext, address_proved_at = $3 where id = $1",
        user.0,
        email,
        proved
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

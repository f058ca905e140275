//! SQL of customers.

use contract::accounts::MemberRole;
use contract::customers::{CustomerView, MemberView};
use contract::{CustomerId, UserId};

use crate::Result;
use crate::db::Tx;

pub(super) async fn view(tx: &mut Tx, id: CustomerId) -> Result<Option<CustomerView>> {
    let row = sqlx::query!(
        r#"select c.id, c.name, c.state, c.created_at,
                  (select count(*) from memberships m where m.customer_id = c.id) as "members!"
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

pub(super) async fn members(tx: &mut Tx, id: CustomerId) -> Result<Vec<MemberView>> {
    let rows = sqlx::query!(
        r#"select u.id, u.name::text as "name!", u.display_name, m.role, m.created_at
           from memberships m join users u on u.id = m.user_id
           where m.customer_id = $1 and u.deleted_at is null order by m.role desc, u.name"#,
        id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| MemberView {
            user_id: UserId(row.id),
            display_name: if row.display_name.is_empty() { row.name.clone() } else { row.display_name },
            name: row.name,
            role: if row.role == "owner" { MemberRole::Owner } else { MemberRole::Member },
            joined_at: row.created_at,
        })
        .collect())
}

//! What is under way of people's own.

use contract::{CustomerId, UserId};

use crate::Result;
use crate::db::Tx;
use crate::jobs::mine::Going;

/// By person and customer.
pub(in crate::jobs) async fn going(tx: &mut Tx, people: &[UserId]) -> Result<Vec<(UserId, Going)>> {
    let ids: Vec<i64> = people.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"select user_id as "person!", customer_id, count(*) as "jobs!",
                  sum(id * 64 + attempt * 2 + case state when 'running' then 1 else 0 end)::bigint as "mark!"
           from jobs where user_id = any($1) group by user_id, customer_id"#,
        &ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let row = rows.into_iter().map(|row| {
        let going = Going { customer: row.customer_id.map(CustomerId), jobs: row.jobs, mark: row.mark };
        (UserId(row.person), going)
    });
    Ok(row.collect())
}

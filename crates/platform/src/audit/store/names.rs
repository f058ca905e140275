//! SQL of the names that the log's own rows give to things.

use std::collections::{BTreeSet, HashMap};

use contract::CustomerId;

use crate::Result;
use crate::audit::names::Thing;
use crate::db::Tx;

/// The newest name of each: kind, id, and the field that has it. One look into the index of targets for each of them.
pub(in crate::audit) async fn told(
    tx: &mut Tx,
    customer: Option<CustomerId>,
    wanted: &BTreeSet<(&str, &str, &str)>,
) -> Result<HashMap<Thing, String>> {
    let column = |of: fn(&(&str, &str, &str)) -> String| wanted.iter().map(of).collect::<Vec<_>>();
    let rows = sqlx::query!(
        r#"select wanted.kind as "kind!", wanted.id as "id!", told.name as "name!"
           from unnest($1::text[], $2::text[], $3::text[]) as wanted(kind, id, field)
                cross join lateral (
                  select coalesce(e.after->>wanted.field, e.before->>wanted.field) as name from audit_events e
                  where e.target_kind = wanted.kind and e.target_id = wanted.id
                    and ($4::bigint is null or e.customer_id = $4)
                    and coalesce(e.after->>wanted.field, e.before->>wanted.field, '') <> ''
                  order by e.at desc, e.id desc limit 1) told"#,
        &column(|(kind, _, _)| (*kind).to_owned()),
        &column(|(_, id, _)| (*id).to_owned()),
        &column(|(_, _, field)| (*field).to_owned()),
        customer.map(|id| id.0)
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| ((row.kind, row.id), row.name)).collect())
}

//! SQL of the names that the log's own rows give to things.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
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

/// What something was called until an event gave it another name.
pub(in crate::audit) struct Renamed {
    pub thing: Thing,
    pub at: DateTime<Utc>,
    pub event: i64,
    pub before: String,
}

/// Every time that one of these got another name, the oldest first. The condition is that of the index `audit_events_renamed`:
/// what else there is of them, such as each time that somebody signed in, is not read.
pub(in crate::audit) async fn renamed(tx: &mut Tx, wanted: &BTreeSet<Thing>) -> Result<Vec<Renamed>> {
    let (kinds, ids): (Vec<String>, Vec<String>) = wanted.iter().cloned().unzip();
    let rows = sqlx::query!(
        r#"select e.target_kind as "kind!", e.target_id as "id!", e.at as "at!", e.id as "event!",
                  e.before->>'name' as "before!"
           from unnest($1::text[], $2::text[]) as wanted(kind, id)
                join audit_events e on e.target_kind = wanted.kind and e.target_id = wanted.id
           where e.outcome = 'done' and case when e.before->>'name' <> e.after->>'name' then 1 end = 1
           order by e.at, e.id"#,
        &kinds,
        &ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let renamed = rows.into_iter().map(|row| Renamed {
        thing: (row.kind, row.id),
        at: row.at,
        event: row.event,
        before: row.before,
    });
    Ok(renamed.collect())
}

//! SQL of a customer's own part of the log. Row-level security holds it as well; the customer is named for who is staff and
//! a customer's in one person. Whose deed an event was is in it; of those before that was kept, whose people are the
//! customer's now.

use std::collections::HashMap;

use contract::audit::{OwnAuditQuery, OwnAuditView};
use contract::{AuditId, CustomerId};
use ipnetwork::IpNetwork;

use super::{Part, address_of, sorted};
use crate::Result;
use crate::db::{Tx, contains};

/// What staff say why they did, for the customer to read.
fn told_why() -> [String; 10] {
    [
        "instances:read-logs",
        "instances:play-recording",
        "instances:watch-terminal",
        "instances:start",
        "instances:stop",
        "instances:restart",
        "instances:delete",
        "instances:end-access",
        "instances:remove-app",
        "allocations:end-access",
    ]
    .map(str::to_owned)
}

pub(in crate::audit) async fn list(
    tx: &mut Tx,
    customer: CustomerId,
    query: &OwnAuditQuery,
    part: Part,
) -> Result<(Vec<OwnAuditView>, u64)> {
    let address = address_of(query.address.as_deref())?;
    let bounds = part.bounds();
    let rows = sqlx::query!(
        r#"with own as not materialized (
             select e.id, e.at, e.actor_kind, e.actor_name, e.via, e.address, e.user_agent, e.action, e.target_kind,
                    e.target_id, e.outcome, e.request_id,
                    case when e.action = any($9) then e.after->>'reason' end as reason,
                    case when e.outcome <> 'done' and jsonb_typeof(e.after->'repeats') = 'number' then e.after end as told,
                    e.actor_kind = 'user'
                      and coalesce(e.actor_side = 'customer',
                                   exists(select from memberships m where m.customer_id = $1 and m.user_id = e.actor_id))
                      as mine
             from audit_events e
             where e.customer_id = $1 and ($2::text is null or e.action = $2)
               and ($3::text is null or e.target_kind = $3)
               and ($4::timestamptz is null or e.at >= $4) and ($5::timestamptz is null or e.at < $5)
               and ($10::text is null or e.via = $10))
           select id, at, actor_kind, actor_name, via, address, user_agent, action, target_kind, target_id, outcome,
                  request_id, reason, mine as "mine!", (told->>'repeats')::bigint as repeats,
                  (told->>'from')::timestamptz as since, (told->>'until')::timestamptz as until,
                  case when $12::boolean then (
                    select count(*) from own where ($6::text is null or (mine and actor_name ilike $6))
                                               and ($11::inet is null or (mine and address <<= $11))) else 0 end as "total!"
           from own where ($6::text is null or (mine and actor_name ilike $6))
                      and ($11::inet is null or (mine and address <<= $11))
                      and ($13::timestamptz is null or (at, id) < ($13, $14::bigint))
           order by at desc, id desc limit $7 offset $8"#,
        customer.0,
        query.action,
        query.target_kind,
        query.from,
        query.until,
        query.actor.as_deref().and_then(contains),
        bounds.limit,
        bounds.offset,
        &told_why()[..],
        query.via,
        address,
        bounds.counted,
        bounds.at,
        bounds.id
    )
    .fetch_all(&mut **tx)
    .await?;
    let total = match rows.first() {
        Some(row) => row.total,
        // A page beyond the end has no row to carry it.
        None if bounds.offset > 0 => count(tx, customer, query, address).await?,
        None => 0,
    };
    let list = rows.into_iter().map(|row| {
        let mine = row.mine;
        let kind = match row.actor_kind.as_str() {
            "user" if mine => "member",
            "user" => "staff",
            other => other,
        };
        OwnAuditView {
            id: AuditId(row.id),
            at: row.at,
            actor_kind: kind.to_owned(),
            actor_name: Some(row.actor_name).filter(|_| mine),
            via: row.via,
            address: row.address.filter(|_| mine).map(|network| network.ip().to_string()),
            user_agent: row.user_agent.filter(|_| mine),
            action: row.action,
            target_kind: row.target_kind,
            target_id: row.target_id,
            target_name: None,
            outcome: row.outcome,
            reason: row.reason,
            repeats: row.repeats.map(i64::unsigned_abs),
            from: row.since,
            until: row.until,
            request_id: row.request_id,
        }
    });
    Ok((list.collect(), total.unsigned_abs()))
}

/// What people were called when they were the customer's, as its own part of the log tells it.
pub(in crate::audit) async fn names_then(
    tx: &mut Tx,
    customer: CustomerId,
    users: &[String],
) -> Result<HashMap<String, String>> {
    let rows = sqlx::query!(
        r#"select distinct on (told.id) told.id as "id!", told.name as "name!"
           from (select e.actor_id::text as id, e.actor_name as name, e.at from audit_events e
                 where e.customer_id = $1 and e.actor_side = 'customer' and e.actor_id::text = any($2)
                 union all
                 select e.target_id, coalesce(e.after->>'username', e.before->>'username'), e.at from audit_events e
                 where e.customer_id = $1 and e.target_kind = 'user' and e.target_id = any($2)) told
           where told.name is not null
           order by told.id, told.at desc"#,
        customer.0,
        users
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

async fn count(tx: &mut Tx, customer: CustomerId, query: &OwnAuditQuery, address: Option<IpNetwork>) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "total!" from audit_events e
           where e.customer_id = $1 and ($2::text is null or e.action = $2)
             and ($3::text is null or e.target_kind = $3)
             and ($4::timestamptz is null or e.at >= $4) and ($5::timestamptz is null or e.at < $5)
             and ($7::text is null or e.via = $7)
             and (($6::text is null and $8::inet is null)
                  or (e.actor_kind = 'user' and ($6::text is null or e.actor_name ilike $6)
                      and ($8::inet is null or e.address <<= $8)
                      and coalesce(e.actor_side = 'customer',
                                   exists(select from memberships m
                                          where m.customer_id = $1 and m.user_id = e.actor_id))))"#,
        customer.0,
        query.action,
        query.target_kind,
        query.from,
        query.until,
        query.actor.as_deref().and_then(contains),
        query.via,
        address
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Actions and kinds of its newest ten thousand rows.
pub(in crate::audit) async fn facets(tx: &mut Tx, customer: CustomerId) -> Result<(Vec<String>, Vec<String>)> {
    let rows = sqlx::query!(
        "select distinct action, target_kind
         from (select action, target_kind from audit_events where customer_id = $1
               order by at desc, id desc limit 10000) newest",
        customer.0
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(sorted(rows.into_iter().map(|row| (row.action, row.target_kind))))
}

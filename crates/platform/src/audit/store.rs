//! SQL of the audit log.

pub(super) mod names;
pub(super) mod own;

use chrono::{DateTime, Utc};
use contract::audit::{AuditQuery, AuditView, is_network};
use contract::{AuditId, CustomerId};
use ipnetwork::IpNetwork;

use super::chain::{Misdated, Outside};
use super::repeats::More;
use super::{Actor, Entry, Outcome};
use crate::authz::{Granted, SealAudit};
use crate::db::{Tx, contains};
use crate::{Error, OpContext, Result};

/// A row to seal, with the text its hash is made of.
pub(super) struct Unsealed {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub sealed_at: DateTime<Utc>,
    pub text: String,
}

/// A seal with the text of its event as it is now.
pub(super) struct Seal {
    pub position: i64,
    /// Id of the event.
    pub event: i64,
    pub at: DateTime<Utc>,
    pub sealed_at: DateTime<Utc>,
    pub prev_hash: Vec<u8>,
    pub hash: Vec<u8>,
    pub text: Option<String>,
}

/// One row for each entry, in their order, in one statement however many there are.
pub(super) async fn insert(
    tx: &mut Tx,
    ctx: &OpContext,
    actor: &Actor,
    entries: &[Entry],
    outcome: Outcome,
) -> Result<()> {
    let rows = entries.iter().map(|entry| {
        serde_json::json!({
            "action": entry.action, "target_kind": entry.target_kind, "target_id": entry.target_id,
            "customer_id": entry.customer, "before": entry.before, "after": entry.after,
            "actor_side": side_of(ctx, entry),
        })
    });
    // No `returning`: who writes a row may not be somebody who reads the log.
    sqlx::query!(
        "insert into audit_events (at, actor_kind, actor_id, actor_name, via, address, action, target_kind, target_id,
                                   customer_id, outcome, before, after, request_id, actor_side, user_agent)
         select $1::timestamptz, $2::text, $3::bigint, $4::text, $5::text, $6::inet, e.action, e.target_kind, e.target_id,
                e.customer_id, $7::text, e.before, e.after, $8::text, e.actor_side, $9::text
         from jsonb_to_recordset($10) as e(action text, target_kind text, target_id text, customer_id bigint,
                                           before jsonb, after jsonb, actor_side text)",
        ctx.now(),
        actor.kind,
        actor.id,
        actor.name,
        ctx.via().code(),
        ctx.address().map(IpNetwork::from),
        outcome.code(),
        ctx.request_id(),
        ctx.user_agent(),
        serde_json::Value::Array(rows.collect())
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether there is one of this kind, about the same, with this visit among its facts.
pub(super) async fn is_of_visit(tx: &mut Tx, entry: &Entry, visit: &str, since: DateTime<Utc>) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select exists(
             select 1 from audit_events
             where target_kind = $1 and target_id = $2 and at >= $3 and action = $4 and after->>'visit' = $5) as "found!""#,
        entry.target_kind,
        entry.target_id,
        since,
        entry.action,
        visit
    );
    Ok(found.fetch_one(&mut **tx).await?)
}

/// Whether somebody is recorded with the very same since then. Who asks the same side by side waits for the other.
pub(super) async fn is_recorded(tx: &mut Tx, actor: &Actor, entry: &Entry, since: DateTime<Utc>) -> Result<bool> {
    let what = format!("remotegpu.audit:{}:{}", entry.action, entry.target_id.as_deref().unwrap_or_default());
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1, $2))", what, actor.id.unwrap_or_default())
        .fetch_one(&mut **tx)
        .await?;
    let found = sqlx::query_scalar!(
        r#"select exists(
             select 1 from audit_events
             where target_kind = $1 and target_id = $2 and at >= $3 and action = $4 and outcome = $5
               and actor_kind = $6 and actor_id is not distinct from $7::bigint
               and after is not distinct from $8::jsonb) as "found!""#,
        entry.target_kind,
        entry.target_id,
        since,
        entry.action,
        Outcome::Done.code(),
        actor.kind,
        actor.id,
        entry.after
    );
    Ok(found.fetch_one(&mut **tx).await?)
}

/// Rows of many, each with who it was and what was counted of it, in one statement.
pub(super) async fn insert_told(tx: &mut Tx, now: DateTime<Utc>, told: &[More]) -> Result<()> {
    let rows = told.iter().map(|more| {
        serde_json::json!({
            "actor_kind": more.actor.kind, "actor_id": more.actor.id, "actor_name": more.actor.name,
            "actor_side": more.actor_side, "via": more.via.code(), "address": more.address,
            "user_agent": more.user_agent, "request_id": more.request_id.as_deref().unwrap_or_default(),
            "action": more.entry.action, "target_kind": more.entry.target_kind, "target_id": more.entry.target_id,
            "customer_id": more.entry.customer, "outcome": more.outcome.code(), "before": more.entry.before,
            "after": more.details(),
        })
    });
    let mut rows = serde_json::Value::Array(rows.collect());
    without_zeros(&mut rows);
    sqlx::query!(
        "insert into audit_events (at, actor_kind, actor_id, actor_name, via, address, action, target_kind, target_id,
                                   customer_id, outcome, before, after, request_id, actor_side, user_agent)
         select $1::timestamptz, e.actor_kind, e.actor_id, e.actor_name, e.via, e.address, e.action, e.target_kind,
                e.target_id, e.customer_id, e.outcome, e.before, e.after, e.request_id, e.actor_side, e.user_agent
         from jsonb_to_recordset($2) as e(actor_kind text, actor_id bigint, actor_name text, via text, address inet,
                                          action text, target_kind text, target_id text, customer_id bigint,
                                          outcome text, before jsonb, after jsonb, request_id text, actor_side text,
                                          user_agent text)",
        now,
        rows
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// PostgreSQL's texts have no zero byte: one that somebody sent would keep all the others from being written.
fn without_zeros(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => text.retain(|letter| letter != '\0'),
        serde_json::Value::Array(list) => list.iter_mut().for_each(without_zeros),
        serde_json::Value::Object(map) => map.values_mut().for_each(without_zeros),
        _ => {}
    }
}

/// Whether a person acts for the customer whom it concerns, or as staff.
pub(super) fn side_of(ctx: &OpContext, entry: &Entry) -> Option<&'static str> {
    let (user, customer) = (ctx.user()?, entry.customer?);
    let for_it = user.active_customer == Some(customer) && user.active_role().is_some();
    Some(if for_it { "customer" } else { "staff" })
}

/// An address, or all of a network; `None` for no filter.
pub(super) fn address_of(text: Option<&str>) -> Result<Option<IpNetwork>> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let network = text.parse().ok().filter(|_| is_network(text));
    network.map(Some).ok_or_else(|| Error::field("address", "field-network"))
}

/// Which of the rows that match, newest first.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// A page, and how many there are in all.
    Page { number: u32, size: u32 },
    /// So many after this one, uncounted, so that going through a long log reads each row once.
    After { last: Option<(DateTime<Utc>, AuditId)>, size: u32 },
}

/// [`Part`] as the statements take it.
struct Bounds {
    counted: bool,
    limit: i64,
    offset: i64,
    at: Option<DateTime<Utc>>,
    id: Option<i64>,
}

impl Part {
    fn bounds(self) -> Bounds {
        match self {
            Part::Page { number, size } => {
                let (limit, before) = (i64::from(size), i64::from(number.saturating_sub(1)));
                Bounds { counted: true, limit, offset: before * limit, at: None, id: None }
            }
            Part::After { last, size } => {
                let (at, id) = last.map(|(at, id)| (at, id.0)).unzip();
                Bounds { counted: false, limit: i64::from(size), offset: 0, at, id }
            }
        }
    }
}

pub(super) async fn list(tx: &mut Tx, query: &AuditQuery, part: Part) -> Result<(Vec<AuditView>, u64)> {
    let address = address_of(query.address.as_deref())?;
    let bounds = part.bounds();
    let rows = sqlx::query!(
        r#"select e.id, e.at, e.actor_kind, e.actor_id, e.actor_name, e.via, e.address, e.user_agent, e.action,
                  e.target_kind, e.target_id, e.customer_id, e.outcome, e.before, e.after, e.request_id,
                  case when $15::boolean then (
                    select count(*) from audit_events c
                    where ($1::text is null or c.action = $1) and ($2::text is null or c.target_kind = $2)
                      and ($3::text is null or c.target_id = $3) and ($4::text is null or c.outcome = $4)
                      and ($7::text is null or c.actor_name ilike $7) and ($8::bigint is null or c.customer_id = $8)
                      and ($9::timestamptz is null or c.at >= $9) and ($10::timestamptz is null or c.at < $10)
                      and ($11::text is null or c.request_id = $11)
                      and ($12::text is null or c.via = $12) and ($13::inet is null or c.address <<= $13)
                      and ($14::text is null or c.actor_kind = $14)) else 0 end as "total!",
                  exists(select from audit_seals s where s.audit_id = e.id) as "sealed!",
                  exists(select from audit_seals s where s.audit_id = e.id and s.dated_back) as "dated_back!",
                  exists(select from audit_seals s where s.audit_id = e.id and s.at > s.sealed_at + interval '1 hour')
                    as "dated_ahead!",
                  coalesce(e.xid < (
                    select l.horizon from (select horizon from audit_seals order by position desc limit 1) l
                    where l.horizon <= pg_snapshot_xmax(pg_current_snapshot())), false) as "behind!"
           from audit_events e
           where ($1::text is null or e.action = $1) and ($2::text is null or e.target_kind = $2)
             and ($3::text is null or e.target_id = $3) and ($4::text is null or e.outcome = $4)
             and ($7::text is null or e.actor_name ilike $7) and ($8::bigint is null or e.customer_id = $8)
             and ($9::timestamptz is null or e.at >= $9) and ($10::timestamptz is null or e.at < $10)
             and ($11::text is null or e.request_id = $11)
             and ($12::text is null or e.via = $12) and ($13::inet is null or e.address <<= $13)
             and ($14::text is null or e.actor_kind = $14)
             and ($16::timestamptz is null or (e.at, e.id) < ($16, $17::bigint))
           order by e.at desc, e.id desc limit $5 offset $6"#,
        query.action,
        query.target_kind,
        query.target_id,
        query.outcome,
        bounds.limit,
        bounds.offset,
        query.actor.as_deref().and_then(contains),
        query.customer_id.map(|id| id.0),
        query.from,
        query.until,
        query.request_id,
        query.via,
        address,
        query.actor_kind,
        bounds.counted,
        bounds.at,
        bounds.id
    )
    .fetch_all(&mut **tx)
    .await?;
    let total = match rows.first() {
        Some(row) => row.total,
        None if !bounds.counted => 0,
        // A page beyond the end has no row to carry it.
        None => {
            sqlx::query_scalar!(
                r#"select count(*) as "total!" from audit_events e
                   where ($1::text is null or e.action = $1) and ($2::text is null or e.target_kind = $2)
                     and ($3::text is null or e.target_id = $3) and ($4::text is null or e.outcome = $4)
                     and ($5::text is null or e.actor_name ilike $5) and ($6::bigint is null or e.customer_id = $6)
                     and ($7::timestamptz is null or e.at >= $7) and ($8::timestamptz is null or e.at < $8)
                     and ($9::text is null or e.request_id = $9)
                     and ($10::text is null or e.via = $10) and ($11::inet is null or e.address <<= $11)
                     and ($12::text is null or e.actor_kind = $12)"#,
                query.action,
                query.target_kind,
                query.target_id,
                query.outcome,
                query.actor.as_deref().and_then(contains),
                query.customer_id.map(|id| id.0),
                query.from,
                query.until,
                query.request_id,
                query.via,
                address,
                query.actor_kind
            )
            .fetch_one(&mut **tx)
            .await?
        }
    };
    let list = rows
        .into_iter()
        .map(|row| AuditView {
            id: AuditId(row.id),
            at: row.at,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            via: row.via,
            address: row.address.map(|network| network.ip().to_string()),
            user_agent: row.user_agent,
            action: row.action,
            target_kind: row.target_kind,
            target_id: row.target_id,
            target_name: None,
            customer_id: row.customer_id.map(CustomerId),
            customer_name: None,
            outcome: row.outcome,
            before: row.before,
            after: row.after,
            withheld: false,
            request_id: row.request_id,
            sealed: row.sealed,
            outside_chain: row.behind && !row.sealed,
            dated_back: row.dated_back,
            dated_ahead: row.dated_ahead,
        })
        .collect();
    Ok((list, total.unsigned_abs()))
}

/// Actions and kinds of the newest ten thousand rows: what is worth filtering by.
pub(super) async fn facets(tx: &mut Tx) -> Result<(Vec<String>, Vec<String>)> {
    let rows = sqlx::query!(
        "select distinct action, target_kind
         from (select action, target_kind from audit_events order by at desc, id desc limit 10000) newest"
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(sorted(rows.into_iter().map(|row| (row.action, row.target_kind))))
}

/// Each action and each kind once.
fn sorted(pairs: impl Iterator<Item = (String, String)>) -> (Vec<String>, Vec<String>) {
    let (mut actions, mut kinds): (Vec<_>, Vec<_>) = pairs.unzip();
    actions.sort();
    actions.dedup();
    kinds.sort();
    kinds.dedup();
    (actions, kinds)
}

pub(super) async fn lock_chain(tx: &mut Tx) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('remotegpu.audit-chain'))").fetch_one(&mut **tx).await?;
    Ok(())
}

/// From here to its end, this transaction finds rows by their indexes, whatever the statistics say: a plan that was made, and
/// kept, while the log was short compares every event with every seal once an import has written tens of thousands.
pub(super) async fn look_up_by_index(tx: &mut Tx) -> Result<()> {
    sqlx::query!(
        r#"select set_config('plan_cache_mode', 'force_custom_plan', true) as "a", set_config('enable_seqscan', 'off', true) as "b",
                  set_config('enable_hashjoin', 'off', true) as "c", set_config('enable_mergejoin', 'off', true) as "d""#
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(())
}

/// Where the chain goes on.
pub(super) struct ChainEnd {
    pub position: i64,
    pub hash: [u8; 32],
    /// Every row of a transaction before this one is sealed.
    pub horizon: Option<String>,
}

pub(super) async fn chain_end(tx: &mut Tx) -> Result<ChainEnd> {
    let row =
        sqlx::query!("select position, hash, horizon::text as horizon from audit_seals order by position desc limit 1")
            .fetch_optional(&mut **tx)
            .await?;
    let mut hash = [0; 32];
    let Some(row) = row else { return Ok(ChainEnd { position: 0, hash, horizon: None }) };
    hash.copy_from_slice(&row.hash);
    Ok(ChainEnd { position: row.position, hash, horizon: row.horizon })
}

/// The transactions whose rows may have to be sealed.
pub(super) struct Window {
    from: String,
    before: String,
    /// The oldest running transaction.
    pub horizon: String,
}

/// From the last seal's horizon to the oldest running transaction. A horizon that this cluster has not reached came with a
/// backup from another one: then every row is looked at.
pub(super) async fn window(tx: &mut Tx, since: Option<&str>) -> Result<Window> {
    let row = sqlx::query!(
        r#"select coalesce(since, '0')::text as "from!", pg_snapshot_xmin(now)::text as "horizon!",
                  coalesce(case when since is not null then pg_snapshot_xmin(now) end, '18446744073709551615')::text
                    as "before!"
           from (select now, case when $1::text::xid8 <= pg_snapshot_xmax(now) then $1::text::xid8 end as since
                 from pg_current_snapshot() now) found"#,
        since
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Window { from: row.from, before: row.before, horizon: row.horizon })
}

pub(super) async fn unsealed(
    tx: &mut Tx,
    window: &Window,
    (limit, now): (i64, DateTime<Utc>),
) -> Result<Vec<Unsealed>> {
    // The text is of form 4: see `seals_from`. Behind the oldest running transaction: what commits later has a higher xid
    // and its turn comes later. A row that is seen although its transaction has not begun yet is of another cluster.
    let rows = sqlx::query!(
        r#"select e.id, e.at,
                  jsonb_build_array(e.id, extract(epoch from e.at)::text, e.actor_kind, e.actor_id, e.actor_name, e.via,
                    host(e.address), e.action, e.target_kind, e.target_id, e.customer_id, e.outcome, e.before, e.after,
                    e.request_id, e.actor_side, e.user_agent, extract(epoch from $4::timestamptz)::text)::text as "text!"
           from audit_events e
           where e.xid >= $1::text::xid8 and e.xid < $2::text::xid8
             and (e.xid < pg_snapshot_xmin(pg_current_snapshot()) or e.xid >= pg_snapshot_xmax(pg_current_snapshot()))
             and not exists (select from audit_seals s where s.audit_id = e.id)
           order by e.id limit $3"#,
        window.from,
        window.before,
        limit,
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| Unsealed { id: row.id, at: row.at, sealed_at: now, text: row.text }).collect())
}

/// How many rows are no part of the chain, and the first of those among them that never can be: their transaction ended before
/// the last seal's horizon, behind which everything was sealed. Nothing of the application's can be there.
pub(super) async fn outside(tx: &mut Tx, most: i64) -> Result<(u64, Vec<Outside>)> {
    // In one statement: what is sealed meanwhile is sealed in all of it or in none.
    let rows = sqlx::query!(
        r#"with left_out as (
             select e.id, e.at, e.action, coalesce(e.xid < since.horizon, false) as behind
             from audit_events e left join (
                    select l.horizon from (select horizon from audit_seals order by position desc limit 1) l
                    where l.horizon <= pg_snapshot_xmax(pg_current_snapshot())) since on true
             where not exists (select from audit_seals s where s.audit_id = e.id))
           select counted.unsealed as "unsealed!", behind.id as "id?", behind.at as "at?", behind.action as "action?"
           from (select count(*) as unsealed from left_out) counted
                left join (select id, at, action from left_out where behind order by id limit $1) behind on true
           order by behind.id"#,
        most
    )
    .fetch_all(&mut **tx)
    .await?;
    let unsealed = rows.first().map_or(0, |row| row.unsealed.unsigned_abs());
    let behind = rows.into_iter().filter_map(|row| Some(Outside { id: row.id?, at: row.at?, action: row.action? }));
    Ok((unsealed, behind.collect()))
}

/// The times of the events that were sealed last, the oldest first.
pub(super) async fn last_times(tx: &mut Tx, count: i64) -> Result<Vec<DateTime<Utc>>> {
    let times = sqlx::query_scalar!("select at from audit_seals order by position desc limit $1", count);
    let mut times = times.fetch_all(&mut **tx).await?;
    times.reverse();
    Ok(times)
}

/// These events with what was done, where they are still there.
pub(super) async fn named(tx: &mut Tx, mut events: Vec<Misdated>) -> Result<Vec<Misdated>> {
    for event in &mut events {
        let action =
            sqlx::query_scalar!("select action from audit_events where id = $1 and at = $2", event.id, event.at);
        event.action = action.fetch_optional(&mut **tx).await?;
    }
    Ok(events)
}

/// `hashes`: of the seal before and of this one.
pub(super) async fn insert_seal(
    tx: &mut Tx,
    _granted: &Granted<SealAudit>,
    position: i64,
    (event, dated_back): (&Unsealed, bool),
    hashes: (&[u8; 32], &[u8; 32]),
    horizon: Option<&str>,
) -> Result<()> {
    sqlx::query!(
        "insert into audit_seals (position, audit_id, at, prev_hash, hash, horizon, form, dated_back, sealed_at)
         values ($1, $2, $3, $4, $5, $6::text::xid8, 4, $7, $8)",
        position,
        event.id,
        event.at,
        &hashes.0[..],
        &hashes.1[..],
        horizon,
        dated_back,
        event.sealed_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// With the text in the form that each was made in. Nobody gains by changing the form: the hash is of one of them.
pub(super) async fn seals_from(tx: &mut Tx, position: i64, limit: i64) -> Result<Vec<Seal>> {
    let rows = sqlx::query!(
        r#"select s.position, s.audit_id, s.at, s.sealed_at, s.prev_hash, s.hash,
                  (select (jsonb_build_array(e.id, extract(epoch from e.at)::text, e.actor_kind, e.actor_id, e.actor_name,
                     e.via, host(e.address), e.action, e.target_kind, e.target_id, e.customer_id, e.outcome, e.before,
                     e.after, e.request_id)
                     || case s.form when 1 then '[]' when 2 then jsonb_build_array(e.actor_side)
                        when 3 then jsonb_build_array(e.actor_side, e.user_agent)
                        else jsonb_build_array(e.actor_side, e.user_agent, extract(epoch from s.sealed_at)::text) end)::text
                   from audit_events e where e.id = s.audit_id and e.at = s.at) as text
           from audit_seals s where s.position >= $1 order by s.position limit $2"#,
        position,
        limit
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Seal {
            position: row.position,
            event: row.audit_id,
            at: row.at,
            sealed_at: row.sealed_at,
            prev_hash: row.prev_hash,
            hash: row.hash,
            text: row.text,
        })
        .collect())
}

/// Where the chain begins, when its older part was dropped.
pub(super) struct Cut {
    /// Events before are gone.
    pub before: DateTime<Utc>,
    /// The last seal that is gone with them.
    pub position: i64,
    pub hash: [u8; 32],
    /// The log says so itself, in an event of the chain.
    pub recorded: bool,
}

pub(super) async fn cut(tx: &mut Tx) -> Result<Option<Cut>> {
    let row = sqlx::query!(
        r#"select a.pruned_before, a.position, a.hash,
                  exists(select from audit_events e where e.action = 'audit:prune' and e.at >= a.pruned_before
                         and e.after->>'position' = a.position::text and e.after->>'hash' = encode(a.hash, 'hex'))
                    as "recorded!"
           from audit_anchors a order by a.pruned_before desc limit 1"#
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| {
        let mut hash = [0; 32];
        hash.copy_from_slice(&row.hash);
        Cut { before: row.pruned_before, position: row.position, hash, recorded: row.recorded }
    }))
}

/// What was dropped.
pub(super) struct Pruned {
    pub before: DateTime<Utc>,
    pub position: i64,
    pub hash: Vec<u8>,
    pub events: i64,
}

/// Drops whole months that ended before this time; `None` when there is nothing to drop.
pub(super) async fn prune(tx: &mut Tx, _granted: &Granted<SealAudit>, before: DateTime<Utc>) -> Result<Option<Pruned>> {
    let row = sqlx::query!(
        r#"select pruned_before as "before!", "position" as "position!", hash as "hash!", events as "events!"
           from prune_audit($1)"#,
        before
    )
    .fetch_optional(&mut **tx)
    .await?;
    let pruned =
        row.map(|row| Pruned { before: row.before, position: row.position, hash: row.hash, events: row.events });
    Ok(pruned)
}

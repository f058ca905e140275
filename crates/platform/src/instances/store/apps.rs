//! SQL of links to applications, of the tickets that lead to them, and of browsers that were let in.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use contract::access::AccessKind;
use contract::{AppLinkId, CustomerId, InstanceId, SessionId, UserId};
use uuid::Uuid;

use super::AccessRow;
use crate::authz::{Action, EnterOwnInstance, Granted, Resource};
use crate::db::Tx;
use crate::instances::apps::{AppName, Opener};
use crate::{Error, Result};

/// A browser that used nothing for so long is not there any more.
const IDLE: TimeDelta = TimeDelta::hours(24);

/// A link as it is kept.
#[derive(Clone, Debug)]
pub(in crate::instances) struct LinkRow {
    pub id: AppLinkId,
    pub instance: InstanceId,
    pub label: String,
    pub place: Option<u16>,
    pub name: String,
    pub port: u16,
    pub shared: bool,
    pub created_name: String,
    pub created_at: DateTime<Utc>,
}

/// A new one.
pub(in crate::instances) struct NewLink<'a> {
    pub customer: CustomerId,
    pub label: &'a str,
    pub place: Option<u16>,
    pub name: &'a str,
    pub port: u16,
    pub shared: bool,
    pub by: UserId,
    pub by_name: &'a str,
}

pub(in crate::instances) async fn insert_link(
    tx: &mut Tx,
    granted: &Granted<EnterOwnInstance>,
    new: &NewLink<'_>,
    now: DateTime<Utc>,
) -> Result<AppLinkId> {
    let id = sqlx::query_scalar!(
        "insert into app_links (instance_id, customer_id, label, place, name, port, shared, created_by, created_name,
                                created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id",
        granted.id().0,
        new.customer.0,
        new.label,
        new.place.map(i32::from),
        new.name,
        i32::from(new.port),
        new.shared,
        new.by.0,
        new.by_name,
        now
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(AppLinkId(id))
}

/// A place that no link has; of these the one that is free for longest, because browsers keep things for an origin.
pub(in crate::instances) async fn free_place(tx: &mut Tx, (first, last): (u16, u16)) -> Result<Option<u16>> {
    // One at a time: two would take the same.
    sqlx::query!("select pg_advisory_xact_lock(hashtext('remotegpu.app-places'))").fetch_one(&mut **tx).await?;
    let place = sqlx::query_scalar!(
        r#"select p.place as "place!" from generate_series($1::integer, $2::integer) as p (place)
           where not exists (select from app_links l where l.place = p.place and l.removed_at is null)
           order by (select max(l.removed_at) from app_links l where l.place = p.place) nulls first, p.place limit 1"#,
        i32::from(first),
        i32::from(last)
    )
    .fetch_optional(&mut **tx)
    .await?;
    place.map(|place| u16::try_from(place).map_err(Error::internal)).transpose()
}

/// Takes the links of instances that are gone away: their places are others'.
pub(in crate::instances) async fn remove_links_of_gone(tx: &mut Tx, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update app_links l set removed_at = greatest($1, l.created_at) from instances i
         where i.id = l.instance_id and i.deleted_at is not null and l.removed_at is null",
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Those that are there: of these ids, of this instance, or the one that is called so.
async fn links(
    tx: &mut Tx,
    (ids, instance): (&[i64], Option<InstanceId>),
    (label, place): (Option<&str>, Option<u16>),
) -> Result<Vec<LinkRow>> {
    let rows = sqlx::query!(
        "select id, instance_id, label, place, name, port, shared, created_name, created_at from app_links
         where removed_at is null and (id = any($1) or instance_id = $2 or label = $3 or place = $4)
         order by lower(name), id",
        ids,
        instance.map(|id| id.0),
        label,
        place.map(i32::from)
    )
    .fetch_all(&mut **tx)
    .await?;
    let port = |number: i32| u16::try_from(number).map_err(Error::internal);
    let link = rows.into_iter().map(|row| {
        Ok(LinkRow {
            id: AppLinkId(row.id),
            instance: InstanceId(row.instance_id),
            label: row.label,
            place: row.place.map(port).transpose()?,
            name: row.name,
            port: port(row.port)?,
            shared: row.shared,
            created_name: row.created_name,
            created_at: row.created_at,
        })
    });
    link.collect()
}

pub(in crate::instances) async fn links_of(tx: &mut Tx, instance: InstanceId) -> Result<Vec<LinkRow>> {
    links(tx, (&[], Some(instance)), (None, None)).await
}

/// Those that everybody in a customer may open.
pub(in crate::instances) async fn shared_links(tx: &mut Tx, customer: CustomerId) -> Result<Vec<LinkRow>> {
    let ids = sqlx::query_scalar!(
        "select l.id from app_links l join instances i on i.id = l.instance_id
         where l.customer_id = $1 and l.shared and l.removed_at is null and i.deleted_at is null",
        customer.0
    )
    .fetch_all(&mut **tx)
    .await?;
    links(tx, (&ids, None), (None, None)).await
}

pub(in crate::instances) async fn find_link(tx: &mut Tx, id: AppLinkId) -> Result<Option<LinkRow>> {
    Ok(links(tx, (&[id.0], None), (None, None)).await?.pop())
}

pub(in crate::instances) async fn named_link(tx: &mut Tx, name: &AppName) -> Result<Option<LinkRow>> {
    let called = match name {
        AppName::Label(label) => (Some(label.as_str()), None),
        AppName::Place(place) => (None, Some(*place)),
    };
    Ok(links(tx, (&[], None), called).await?.pop())
}

/// Takes it away, and ends what is open by it; false where it was not there.
pub(in crate::instances) async fn remove_link<A>(
    tx: &mut Tx,
    granted: &Granted<A>,
    id: AppLinkId,
    now: DateTime<Utc>,
) -> Result<bool>
where
    A: Action,
    A::Resource: Resource<Id = InstanceId>,
{
    let removed = sqlx::query!(
        "update app_links set removed_at = greatest($3, created_at)
         where id = $1 and instance_id = $2 and removed_at is null",
        id.0,
        granted.id().0,
        now
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    sqlx::query!(
        "update app_visits set ended_at = greatest($2, opened_at), reason = 'removed'
         where link_id = $1 and ended_at is null",
        id.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(removed > 0)
}

/// A new ticket.
pub(in crate::instances) struct NewAppTicket<'a> {
    pub hash: &'a [u8; 32],
    pub link: AppLinkId,
    pub session: SessionId,
    pub state: &'a [u8; 32],
    pub way: &'a str,
}

/// Keeps it, and forgets those whose time is over.
pub(in crate::instances) async fn keep_app_ticket(
    tx: &mut Tx,
    _opener: &Opener,
    new: &NewAppTicket<'_>,
    (now, lasts): (DateTime<Utc>, TimeDelta),
) -> Result<()> {
    sqlx::query!("delete from app_tickets where expires_at < $1", now).execute(&mut **tx).await?;
    sqlx::query!(
        "insert into app_tickets (hash, link_id, session_id, state_hash, way, expires_at)
         values ($1, $2, $3, $4, $5, $6)",
        new.hash.as_slice(),
        new.link.0,
        new.session.0,
        new.state.as_slice(),
        new.way,
        now + lasts
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Uses a ticket of this link up, whoever shows it; of which session, and where to go on. Nothing where the browser is not the
/// one that asked for it, or it is too old.
pub(in crate::instances) async fn use_app_ticket(
    tx: &mut Tx,
    (link, hash, state): (AppLinkId, &[u8; 32], &[u8; 32]),
    now: DateTime<Utc>,
) -> Result<Option<(SessionId, String)>> {
    let used = sqlx::query!(
        "delete from app_tickets where hash = $1 and link_id = $2 returning session_id, state_hash, way, expires_at",
        hash.as_slice(),
        link.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    let fits = used.filter(|it| it.expires_at > now && it.state_hash == state.as_slice());
    Ok(fits.map(|it| (SessionId(it.session_id), it.way)))
}

/// A browser that is let in.
pub(in crate::instances) struct NewAppVisit<'a> {
    pub id: Uuid,
    pub link: AppLinkId,
    pub instance: InstanceId,
    pub customer: CustomerId,
    pub user: UserId,
    pub session: SessionId,
    pub secret: &'a [u8; 32],
    pub address: Option<IpAddr>,
    pub client: Option<&'a str>,
}

/// Writes that it is; false where another of this session is there already.
pub(in crate::instances) async fn open_app_visit(
    tx: &mut Tx,
    _opener: &Opener,
    new: &NewAppVisit<'_>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let first = sqlx::query_scalar!(
        r#"select not exists (select from app_visits where link_id = $1 and session_id = $2 and ended_at is null
                                                          and used_at > $3) as "first!""#,
        new.link.0,
        new.session.0,
        now - IDLE
    )
    .fetch_one(&mut **tx)
    .await?;
    sqlx::query!(
        "insert into app_visits (id, link_id, instance_id, customer_id, user_id, session_id, secret_hash, address, client,
                                 opened_at, used_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
        new.id,
        new.link.0,
        new.instance.0,
        new.customer.0,
        new.user.0,
        new.session.0,
        new.secret.as_slice(),
        new.address.map(|it| it.to_string()),
        new.client,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(first)
}

/// How many browsers of somebody were let in since then.
pub(in crate::instances) async fn count_app_visits(tx: &mut Tx, user: UserId, since: DateTime<Utc>) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from app_visits where user_id = $1 and opened_at > $2"#,
        user.0,
        since
    );
    Ok(count.fetch_one(&mut **tx).await?)
}

/// Ends the oldest of somebody's open ones, so that no more than these stay.
pub(in crate::instances) async fn end_oldest_app_visits(
    tx: &mut Tx,
    user: UserId,
    most: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update app_visits set ended_at = greatest($3, opened_at), reason = 'limit'
         where id in (select id from app_visits where user_id = $1 and ended_at is null
                      order by used_at desc, opened_at desc, id offset $2)",
        user.0,
        most,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The browser with this secret at this link, while it may be there; the portal's session it belongs to.
pub(in crate::instances) async fn find_app_visit(
    tx: &mut Tx,
    (link, secret): (AppLinkId, &[u8; 32]),
    now: DateTime<Utc>,
) -> Result<Option<(Uuid, SessionId)>> {
    let row = sqlx::query!(
        r#"select id, session_id as "session!" from app_visits
           where secret_hash = $1 and link_id = $2 and ended_at is null and session_id is not null
             and used_at > $3"#,
        secret.as_slice(),
        link.0,
        now - IDLE
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| (row.id, SessionId(row.session))))
}

/// Why it is over; none while it is not.
pub(in crate::instances) async fn app_visit_over(tx: &mut Tx, id: Uuid) -> Result<Option<&'static str>> {
    let row = sqlx::query!(
        r#"select v.ended_at is not null as "ended!", l.removed_at is not null as "removed!"
           from app_visits v join app_links l on l.id = v.link_id where v.id = $1"#,
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(match row {
        Some(row) if row.removed => Some("removed"),
        Some(row) if !row.ended => None,
        _ => Some("access"),
    })
}

/// Somebody used it.
pub(in crate::instances) async fn renew_app_visit(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("update app_visits set used_at = greatest($2, used_at) where id = $1 and ended_at is null", id, now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Writes that it is over; false for one that was.
pub(in crate::instances) async fn end_app_visit(
    tx: &mut Tx,
    id: Uuid,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let ended = sqlx::query!(
        "update app_visits set ended_at = greatest($2, opened_at), reason = $3 where id = $1 and ended_at is null",
        id,
        now,
        reason
    );
    Ok(ended.execute(&mut **tx).await?.rows_affected() > 0)
}

/// Ends all by which somebody is in a customer's applications.
pub(in crate::instances) async fn end_app_visits_of(
    tx: &mut Tx,
    (user, customer): (UserId, CustomerId),
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update app_visits set ended_at = greatest($3, opened_at), reason = 'access'
         where user_id = $1 and customer_id = $2 and ended_at is null",
        user.0,
        customer.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// One of those who are, or were, in; held until the transaction ends.
pub(super) async fn find_access(tx: &mut Tx, id: Uuid) -> Result<Option<AccessRow>> {
    let row = sqlx::query!(
        "select instance_id, user_id, session_id, address, client, opened_at, ended_at, reason
         from app_visits where id = $1 for update",
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| AccessRow {
        id,
        kind: AccessKind::App,
        instance: InstanceId(row.instance_id),
        user: UserId(row.user_id),
        session: row.session_id.map(SessionId),
        address: row.address,
        client: row.client,
        fingerprint: None,
        by_staff: false,
        opened_at: row.opened_at,
        ended_at: row.ended_at,
        reason: row.reason,
        recordings: 0,
    }))
}

/// Writes of those whose session, link or time is over that they are, and forgets what was over before.
pub(in crate::instances) async fn tidy_apps(tx: &mut Tx, now: DateTime<Utc>, before: DateTime<Utc>) -> Result<()> {
    remove_links_of_gone(tx, now).await?;
    sqlx::query!(
        "update app_visits v set ended_at = greatest($1, v.opened_at),
                reason = case when v.used_at < $2 then 'idle' else 'access' end
         where v.ended_at is null
           and (v.used_at < $2 or v.session_id is null
                or exists (select from sessions s where s.id = v.session_id
                           and (s.ended_at is not null or s.expires_at < $1)))",
        now,
        now - IDLE
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "update app_visits v set ended_at = greatest($1, v.opened_at), reason = 'removed' from app_links l
         where l.id = v.link_id and l.removed_at is not null and v.ended_at is null",
        now
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("delete from app_visits where ended_at < $1", before).execute(&mut **tx).await?;
    sqlx::query!(
        "delete from app_links l where l.removed_at < $1
           and not exists (select from app_visits v where v.link_id = l.id)",
        before
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

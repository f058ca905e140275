//! SQL of announcements.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::announcements::{AnnouncementKind, AnnouncementQuery, AnnouncementState, Audience, BannerView};
use contract::{AnnouncementId, CustomerId, UserId};

use super::{Checked, ToldNow};
use crate::authz::{Granted, ManageAnnouncements, UpdateAccount};
use crate::db::{Tx, contains};
use crate::{Error, OpContext, Result};

/// An announcement as it is kept.
pub(super) struct Row {
    pub id: AnnouncementId,
    pub kind: AnnouncementKind,
    pub title: String,
    pub body: String,
    pub audience: Audience,
    pub starts_at: DateTime<Utc>,
    pub ends_at: Option<DateTime<Utc>>,
    pub work: Option<(DateTime<Utc>, DateTime<Utc>)>,
    pub created_name: String,
    pub revision: i64,
}

fn kind(word: &str) -> Result<AnnouncementKind> {
    AnnouncementKind::parse(word).ok_or_else(|| Error::internal(format!("unknown kind of announcement {word}")))
}

fn audience(word: &str) -> Result<Audience> {
    Audience::parse(word).ok_or_else(|| Error::internal(format!("unknown audience {word}")))
}

macro_rules! row {
    ($row:expr) => {{
        let row = $row;
        Row {
            id: AnnouncementId(row.id),
            kind: kind(&row.kind)?,
            title: row.title,
            body: row.body,
            audience: audience(&row.audience)?,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            work: row.work_starts_at.zip(row.work_ends_at),
            created_name: row.created_name,
            revision: row.revision,
        }
    }};
}

/// A page of those that fit, the latest first, and how many there are.
pub(super) async fn list(
    tx: &mut Tx,
    query: &AnnouncementQuery,
    (page, page_size): (u32, u32),
    now: DateTime<Utc>,
) -> Result<(Vec<Row>, u64)> {
    let q = query.q.as_deref().and_then(contains);
    let rows = sqlx::query!(
        r#"select id, kind, title, body, audience, starts_at, ends_at, work_starts_at, work_ends_at, created_name, revision
           from announcements
           where ($1::text is null or title ilike $1 or body ilike $1 or created_name ilike $1)
             and ($2::text is null or kind = $2) and ($3::text is null or audience = $3)
             and ($4::text is null or $4 = case when starts_at > $5::timestamptz then 'planned'
                                                when ends_at <= $5::timestamptz then 'over' else 'showing' end)
           order by starts_at desc, id desc limit $6 offset $7"#,
        q.as_deref(),
        query.kind.map(AnnouncementKind::code),
        query.audience.map(Audience::code),
        query.state.map(AnnouncementState::code),
        now,
        i64::from(page_size),
        i64::from(page - 1) * i64::from(page_size)
    )
    .fetch_all(&mut **tx)
    .await?;
    // Counted apart: a page behind the last one has no row that could say it.
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from announcements
           where ($1::text is null or title ilike $1 or body ilike $1 or created_name ilike $1)
             and ($2::text is null or kind = $2) and ($3::text is null or audience = $3)
             and ($4::text is null or $4 = case when starts_at > $5::timestamptz then 'planned'
                                                when ends_at <= $5::timestamptz then 'over' else 'showing' end)"#,
        q.as_deref(),
        query.kind.map(AnnouncementKind::code),
        query.audience.map(Audience::code),
        query.state.map(AnnouncementState::code),
        now
    );
    let total = total.fetch_one(&mut **tx).await?.unsigned_abs();
    let rows = rows.into_iter().map(|row| Ok(row!(row)));
    Ok((rows.collect::<Result<_>>()?, total))
}

/// Locked.
pub(super) async fn find(tx: &mut Tx, id: AnnouncementId) -> Result<Option<Row>> {
    let row = sqlx::query!(
        "select id, kind, title, body, audience, starts_at, ends_at, work_starts_at, work_ends_at, created_name, revision
         from announcements
         where id = $1 for update",
        id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| Ok(row!(row))).transpose()
}

/// Whom the announcements are for, by their ids.
pub(super) async fn chosen(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, Vec<CustomerId>>> {
    let rows = sqlx::query!(
        "select announcement_id, customer_id from announcement_customers where announcement_id = any($1)
         order by announcement_id, customer_id",
        ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut chosen: HashMap<i64, Vec<CustomerId>> = HashMap::new();
    for row in rows {
        chosen.entry(row.announcement_id).or_default().push(CustomerId(row.customer_id));
    }
    Ok(chosen)
}

pub(super) async fn insert(
    tx: &mut Tx,
    granted: &Granted<ManageAnnouncements>,
    new: &Checked,
    ctx: &OpContext,
) -> Result<AnnouncementId> {
    let id = sqlx::query_scalar!(
        "insert into announcements
           (kind, title, body, audience, starts_at, ends_at, created_by, created_name, created_at, work_starts_at,
            work_ends_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id",
        new.kind.code(),
        new.title,
        new.body,
        new.audience.code(),
        new.starts_at,
        new.ends_at,
        ctx.user().map(|user| user.id.0),
        ctx.user().map_or("", |user| user.name.as_str()),
        ctx.now(),
        new.work.map(|(from, _)| from),
        new.work.map(|(_, until)| until)
    )
    .fetch_one(&mut **tx)
    .await?;
    let id = AnnouncementId(id);
    choose(tx, granted, id, &new.customers).await?;
    Ok(id)
}

pub(super) async fn update(
    tx: &mut Tx,
    granted: &Granted<ManageAnnouncements>,
    id: AnnouncementId,
    change: &Checked,
) -> Result<()> {
    sqlx::query!(
        "update announcements set kind = $2, title = $3, body = $4, audience = $5, starts_at = $6, ends_at = $7,
                                  work_starts_at = $8, work_ends_at = $9, revision = revision + 1
         where id = $1",
        id.0,
        change.kind.code(),
        change.title,
        change.body,
        change.audience.code(),
        change.starts_at,
        change.ends_at,
        change.work.map(|(from, _)| from),
        change.work.map(|(_, until)| until)
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("delete from announcement_customers where announcement_id = $1", id.0).execute(&mut **tx).await?;
    choose(tx, granted, id, &change.customers).await
}

async fn choose(
    tx: &mut Tx,
    _granted: &Granted<ManageAnnouncements>,
    id: AnnouncementId,
    customers: &[CustomerId],
) -> Result<()> {
    let customers: Vec<i64> = customers.iter().map(|customer| customer.0).collect();
    sqlx::query!(
        "insert into announcement_customers (announcement_id, customer_id)
         select $1, c from unnest($2::bigint[]) as c",
        id.0,
        &customers
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, _granted: &Granted<ManageAnnouncements>, id: AnnouncementId) -> Result<()> {
    sqlx::query!("delete from announcements where id = $1", id.0).execute(&mut **tx).await?;
    Ok(())
}

/// What this person is told now and has not put away; `staff` and `customer` say what they are.
pub(super) async fn current(
    tx: &mut Tx,
    user: UserId,
    staff: bool,
    customer: Option<CustomerId>,
    now: DateTime<Utc>,
) -> Result<Vec<BannerView>> {
    let rows = sqlx::query!(
        "select a.id, a.kind, a.title, a.body, a.audience, a.starts_at, a.ends_at, a.work_starts_at, a.work_ends_at
         from announcements a
         left join announcement_dismissals d on d.announcement_id = a.id and d.user_id = $1
         where a.starts_at <= $2 and (a.ends_at is null or a.ends_at > $2)
           and (d.revision is null or d.revision < a.revision)
           and (a.audience = 'everybody' or a.audience = 'staff' and $3
                or a.audience = 'customers' and $4::bigint is not null
                or a.audience = 'chosen' and exists (
                  select from announcement_customers c where c.announcement_id = a.id and c.customer_id = $4))
         order by a.kind desc, a.starts_at desc, a.id desc limit 20",
        user.0,
        now,
        staff,
        customer.map(|customer| customer.0)
    )
    .fetch_all(&mut **tx)
    .await?;
    let banners = rows.into_iter().map(|row| {
        Ok(BannerView {
            id: AnnouncementId(row.id),
            kind: kind(&row.kind)?,
            title: row.title,
            body: row.body,
            audience: audience(&row.audience)?,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            work_starts_at: row.work_starts_at,
            work_ends_at: row.work_ends_at,
        })
    });
    banners.collect()
}

/// What is told now, to whomever.
pub(super) async fn told_now(tx: &mut Tx, now: DateTime<Utc>) -> Result<Vec<ToldNow>> {
    let rows = sqlx::query!(
        r#"select a.id, a.revision, a.audience,
                  array(select c.customer_id from announcement_customers c where c.announcement_id = a.id) as "customers!"
           from announcements a
           where a.starts_at <= $1 and (a.ends_at is null or a.ends_at > $1) order by a.id"#,
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    let told = rows.into_iter().map(|row| {
        let (audience, customers) = (audience(&row.audience)?, row.customers);
        Ok(ToldNow { id: row.id, revision: row.revision, audience, customers })
    });
    told.collect()
}

pub(super) async fn dismiss(tx: &mut Tx, granted: &Granted<UpdateAccount>, id: AnnouncementId) -> Result<()> {
    sqlx::query!(
        "insert into announcement_dismissals (announcement_id, user_id, revision)
         select id, $2, revision from announcements where id = $1
         on conflict (announcement_id, user_id) do update set revision = excluded.revision",
        id.0,
        granted.id().0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

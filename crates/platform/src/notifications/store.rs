//! SQL of notifications.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::notifications::{NotificationChoice, NotificationKind};
use contract::{NotificationId, UserId};

use super::preferences::Quiet;
use super::{Notice, Value, Ways};
use crate::Result;
use crate::authz::{Granted, UpdateAccount};
use crate::db::Tx;

/// A notification as it is kept.
pub(super) struct Row {
    pub id: NotificationId,
    pub kind: NotificationKind,
    pub args: Vec<(String, Value)>,
    pub link: Option<String>,
    pub created_at: DateTime<Utc>,
    pub read_at: Option<DateTime<Utc>>,
}

/// `{"name": "text"}`, `{"name": {"time": "…"}}` for what is shown in the reader's time zone, and `{"name": {"staff": true}}` for
/// whom the reader knows as staff.
pub(super) fn args_json(notice: &Notice) -> serde_json::Value {
    let args = notice.args.iter().map(|(name, value)| {
        let value = match value {
            Value::Text(text) => serde_json::json!(text),
            Value::Time(at) => serde_json::json!({ "time": at }),
            Value::Staff { .. } => serde_json::json!({ "staff": true }),
        };
        ((*name).to_owned(), value)
    });
    serde_json::Value::Object(args.collect())
}

pub(super) fn args_of(json: serde_json::Value) -> Vec<(String, Value)> {
    let serde_json::Value::Object(args) = json else { return Vec::new() };
    args.into_iter()
        .filter_map(|(name, value)| {
            let value = match value {
                serde_json::Value::String(text) => Value::Text(text),
                value if value.get("staff").is_some() => Value::Staff { name: None },
                value => Value::Time(serde_json::from_value(value.get("time")?.clone()).ok()?),
            };
            Some((name, value))
        })
        .collect()
}

pub(super) async fn insert(tx: &mut Tx, user: UserId, notice: &Notice, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "insert into notifications (user_id, kind, args, link, created_at) values ($1, $2, $3, $4, $5)",
        user.0,
        notice.kind.code(),
        args_json(notice),
        notice.link,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Those of the same kind and link are of one thing; the newest tells how it stands.
pub(super) async fn amend(
    tx: &mut Tx,
    people: &[UserId],
    notice: &Notice,
    read_at: Option<DateTime<Utc>>,
) -> Result<()> {
    let ids: Vec<i64> = people.iter().map(|user| user.0).collect();
    sqlx::query!(
        "update notifications set args = args || $4::jsonb, read_at = coalesce(read_at, $5)
         where id in (select max(id) from notifications where user_id = any($1) and kind = $2 and link = $3
                      group by user_id)",
        &ids,
        notice.kind.code(),
        notice.link,
        args_json(notice),
        read_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn list(
    tx: &mut Tx,
    user: UserId,
    only_unread: bool,
    page: u32,
    page_size: u32,
) -> Result<(Vec<Row>, u64)> {
    let total = sqlx::query_scalar!(
        r#"select count(*) as "total!" from notifications where user_id = $1 and (not $2 or read_at is null)"#,
        user.0,
        only_unread
    )
    .fetch_one(&mut **tx)
    .await?;
    let rows = sqlx::query!(
        "select id, kind, args, link, created_at, read_at from notifications
         where user_id = $1 and (not $2 or read_at is null) order by id desc limit $3 offset $4",
        user.0,
        only_unread,
        i64::from(page_size),
        i64::from(page - 1) * i64::from(page_size)
    )
    .fetch_all(&mut **tx)
    .await?;
    let rows = rows.into_iter().filter_map(|row| {
        Some(Row {
            id: NotificationId(row.id),
            // What a newer server told beside this one, during an upgrade, is for that one to show.
            kind: NotificationKind::parse(&row.kind)?,
            args: args_of(row.args),
            link: row.link,
            created_at: row.created_at,
            read_at: row.read_at,
        })
    });
    Ok((rows.collect(), total.unsigned_abs()))
}

pub(super) async fn unread(tx: &mut Tx, user: UserId) -> Result<u64> {
    let unread = sqlx::query_scalar!(
        r#"select count(*) as "unread!" from notifications where user_id = $1 and read_at is null"#,
        user.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(unread.unsigned_abs())
}

/// False when it is not this person's.
pub(super) async fn mark_read(
    tx: &mut Tx,
    granted: &Granted<UpdateAccount>,
    id: NotificationId,
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "update notifications set read_at = coalesce(read_at, $3) where id = $1 and user_id = $2",
        id.0,
        granted.id().0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn mark_all_read(tx: &mut Tx, granted: &Granted<UpdateAccount>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("update notifications set read_at = $2 where user_id = $1 and read_at is null", granted.id().0, now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn delete_before(tx: &mut Tx, read: DateTime<Utc>, unread: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "delete from notifications where created_at < $1 and (read_at is not null or created_at < $2)",
        read,
        unread
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn choices(tx: &mut Tx, user: UserId) -> Result<HashMap<NotificationKind, Ways>> {
    let rows = sqlx::query!("select kind, in_app, mail, webhook from notification_choices where user_id = $1", user.0)
        .fetch_all(&mut **tx)
        .await?;
    // A kind that this program does not know is another version's.
    let known = rows.into_iter().filter_map(|row| {
        let ways = Ways { in_app: row.in_app, mail: row.mail, webhook: row.webhook };
        Some((NotificationKind::parse(&row.kind)?, ways))
    });
    Ok(known.collect())
}

pub(super) async fn choices_of_kind(
    tx: &mut Tx,
    users: &[UserId],
    kind: NotificationKind,
) -> Result<HashMap<UserId, Ways>> {
    let ids: Vec<i64> = users.iter().map(|user| user.0).collect();
    let rows = sqlx::query!(
        "select user_id, in_app, mail, webhook from notification_choices where user_id = any($1) and kind = $2",
        &ids,
        kind.code()
    )
    .fetch_all(&mut **tx)
    .await?;
    let ways = rows.into_iter().map(|row| {
        let ways = Ways { in_app: row.in_app, mail: row.mail, webhook: row.webhook };
        (UserId(row.user_id), ways)
    });
    Ok(ways.collect())
}

pub(super) async fn set_choice(
    tx: &mut Tx,
    granted: &Granted<UpdateAccount>,
    choice: &NotificationChoice,
) -> Result<()> {
    sqlx::query!(
        "insert into notification_choices (user_id, kind, in_app, mail, webhook) values ($1, $2, $3, $4, $5)
         on conflict (user_id, kind) do update set in_app = $3, mail = $4, webhook = $5",
        granted.id().0,
        choice.kind.code(),
        choice.in_app,
        choice.mail,
        choice.webhook
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn quiet(tx: &mut Tx, user: UserId) -> Result<Option<Quiet>> {
    let row = sqlx::query!("select from_minute, until_minute from notification_quiet where user_id = $1", user.0)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.map(|row| (row.from_minute, row.until_minute)))
}

pub(super) async fn set_quiet(tx: &mut Tx, granted: &Granted<UpdateAccount>, quiet: Option<Quiet>) -> Result<()> {
    match quiet {
        Some((from, until)) => {
            sqlx::query!(
                "insert into notification_quiet (user_id, from_minute, until_minute) values ($1, $2, $3)
                 on conflict (user_id) do update set from_minute = $2, until_minute = $3",
                granted.id().0,
                from,
                until
            )
            .execute(&mut **tx)
            .await?;
        }
        None => {
            sqlx::query!("delete from notification_quiet where user_id = $1", granted.id().0)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

/// How many are unread and the newest id, of each of these people.
pub(super) async fn marks(tx: &mut Tx, users: &[UserId]) -> Result<HashMap<UserId, (i64, i64)>> {
    let ids: Vec<i64> = users.iter().map(|user| user.0).collect();
    let rows = sqlx::query!(
        r#"select u.id as "id!",
                  (select count(*) from notifications n where n.user_id = u.id and n.read_at is null) as "unread!",
                  coalesce((select max(n.id) from notifications n where n.user_id = u.id), 0) as "newest!"
           from unnest($1::bigint[]) as u(id)"#,
        &ids
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (UserId(row.id), (row.unread, row.newest))).collect())
}

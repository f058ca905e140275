//! SQL of channels and deliveries.

use chrono::{DateTime, Utc};
use contract::notifications::{ChannelKind, ChannelView, DeliveryState, DeliveryView, NotificationKind};
use contract::{ChannelId, DeliveryId, UserId};
use uuid::Uuid;

use super::Right;
use crate::db::Tx;
use crate::{Error, Result};

/// A channel as it is kept.
pub(super) struct Row {
    pub view: ChannelView,
    pub token: Uuid,
    pub user: Option<UserId>,
    pub sealed_url: Vec<u8>,
    pub sealed_secret: Option<Vec<u8>>,
}

/// A new or changed channel.
pub(super) struct Kept<'a> {
    pub token: Uuid,
    pub kind: ChannelKind,
    pub name: &'a str,
    pub host: &'a str,
    pub sealed_url: &'a [u8],
    pub sealed_secret: Option<&'a [u8]>,
    pub kinds: &'a [NotificationKind],
    pub enabled: bool,
}

fn kind(word: &str) -> Result<ChannelKind> {
    ChannelKind::parse(word).ok_or_else(|| Error::internal(format!("unknown kind of channel {word}")))
}

fn state(word: &str) -> Result<DeliveryState> {
    DeliveryState::parse(word).ok_or_else(|| Error::internal(format!("unknown state of delivery {word}")))
}

fn codes(kinds: &[NotificationKind]) -> Vec<String> {
    kinds.iter().map(|kind| kind.code().to_owned()).collect()
}

macro_rules! row {
    ($row:expr) => {{
        let row = $row;
        Row {
            view: ChannelView {
                id: ChannelId(row.id),
                kind: kind(&row.kind)?,
                name: row.name,
                host: row.host,
                has_secret: row.sealed_secret.is_some(),
                enabled: row.enabled,
                // A kind that this program does not know is another version's.
                kinds: row.kinds.iter().filter_map(|word| NotificationKind::parse(word)).collect(),
                failures: row.failures,
                created_at: row.created_at,
            },
            token: row.token,
            user: row.user_id.map(UserId),
            sealed_url: row.sealed_url,
            sealed_secret: row.sealed_secret,
        }
    }};
}

/// One owner's changes one after the other: how many there may be is counted.
pub(super) async fn lock(tx: &mut Tx, right: &Right) -> Result<()> {
    let owner = right.user().map_or(0, |user| user.0);
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('remotegpu.channels', $1))", owner)
        .fetch_one(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn list(tx: &mut Tx, user: Option<UserId>) -> Result<Vec<ChannelView>> {
    let rows = sqlx::query!(
        "select id, token, user_id, kind, name, host, sealed_url, sealed_secret, kinds, enabled, failures, created_at
         from notification_channels where user_id is not distinct from $1 order by id",
        user.map(|user| user.0)
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(|row| Ok(row!(row).view)).collect()
}

/// Locked; `None` when it is not this owner's.
pub(super) async fn find(tx: &mut Tx, right: &Right, id: ChannelId) -> Result<Option<Row>> {
    let row = sqlx::query!(
        "select id, token, user_id, kind, name, host, sealed_url, sealed_secret, kinds, enabled, failures, created_at
         from notification_channels where id = $1 and user_id is not distinct from $2 for update",
        id.0,
        right.user().map(|user| user.0)
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| Ok(row!(row))).transpose()
}

pub(super) async fn insert(tx: &mut Tx, right: &Right, kept: &Kept<'_>, now: DateTime<Utc>) -> Result<ChannelId> {
    let id = sqlx::query_scalar!(
        "insert into notification_channels
           (token, user_id, kind, name, host, sealed_url, sealed_secret, kinds, enabled, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id",
        kept.token,
        right.user().map(|user| user.0),
        kept.kind.code(),
        kept.name,
        kept.host,
        kept.sealed_url,
        kept.sealed_secret,
        &codes(kept.kinds),
        kept.enabled,
        now
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(ChannelId(id))
}

/// What is changed by hand begins to count its failures anew.
pub(super) async fn update(tx: &mut Tx, right: &Right, id: ChannelId, kept: &Kept<'_>) -> Result<()> {
    sqlx::query!(
        "update notification_channels
         set name = $3, host = $4, sealed_url = $5, sealed_secret = $6, kinds = $7, enabled = $8, failures = 0
         where id = $1 and user_id is not distinct from $2",
        id.0,
        right.user().map(|user| user.0),
        kept.name,
        kept.host,
        kept.sealed_url,
        kept.sealed_secret,
        &codes(kept.kinds),
        kept.enabled
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, right: &Right, id: ChannelId) -> Result<()> {
    sqlx::query!(
        "delete from notification_channels where id = $1 and user_id is not distinct from $2",
        id.0,
        right.user().map(|user| user.0)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// All of somebody's, with what they still had to deliver; how many there were.
pub(super) async fn delete_all(tx: &mut Tx, user: UserId) -> Result<u64> {
    let done = sqlx::query!("delete from notification_channels where user_id = $1", user.0).execute(&mut **tx).await?;
    Ok(done.rows_affected())
}

/// Those of this person, or of the platform that carry this kind, that are switched on.
pub(super) async fn open(tx: &mut Tx, user: Option<UserId>, kind: NotificationKind) -> Result<Vec<ChannelId>> {
    let ids = sqlx::query_scalar!(
        "select id from notification_channels
         where user_id is not distinct from $1 and enabled and ($1::bigint is not null or $2 = any(kinds)) order by id",
        user.map(|user| user.0),
        kind.code()
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(ChannelId).collect())
}

/// A message to be delivered.
pub(super) struct NewDelivery<'a> {
    pub token: Uuid,
    pub channel: ChannelId,
    pub user: Option<UserId>,
    pub kind: &'a str,
    pub args: serde_json::Value,
    pub link: Option<&'a str>,
    pub at: DateTime<Utc>,
}

pub(super) async fn insert_delivery(tx: &mut Tx, new: &NewDelivery<'_>) -> Result<DeliveryId> {
    let id = sqlx::query_scalar!(
        "insert into notification_deliveries (token, channel_id, user_id, kind, args, link, created_at)
         values ($1, $2, $3, $4, $5, $6, $7) returning id",
        new.token,
        new.channel.0,
        new.user.map(|user| user.0),
        new.kind,
        new.args,
        new.link,
        new.at
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(DeliveryId(id))
}

/// A delivery as a try finds it.
pub(super) struct Delivery {
    pub id: DeliveryId,
    pub kind: String,
    pub args: serde_json::Value,
    pub link: Option<String>,
    pub state: DeliveryState,
    pub created_at: DateTime<Utc>,
}

/// Counts a try of what waits; `None` when it, or its channel, is gone.
pub(super) async fn begin_attempt(tx: &mut Tx, token: Uuid) -> Result<Option<(Delivery, Row)>> {
    let delivery = sqlx::query!(
        "update notification_deliveries set attempts = attempts + case when state = 'queued' then 1 else 0 end
         where token = $1 returning id, channel_id, kind, args, link, state, created_at",
        token
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(found) = delivery else { return Ok(None) };
    let row = sqlx::query!(
        "select id, token, user_id, kind, name, host, sealed_url, sealed_secret, kinds, enabled, failures, created_at
         from notification_channels where id = $1",
        found.channel_id
    )
    .fetch_one(&mut **tx)
    .await?;
    let delivery = Delivery {
        id: DeliveryId(found.id),
        kind: found.kind,
        args: found.args,
        link: found.link,
        state: state(&found.state)?,
        created_at: found.created_at,
    };
    Ok(Some((delivery, row!(row))))
}

pub(super) async fn settle(
    tx: &mut Tx,
    id: DeliveryId,
    state: DeliveryState,
    error: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update notification_deliveries set state = $2, last_error = $3, sent_at = $4,
                                          attempts = greatest(attempts, 1)
         where id = $1 and state = 'queued'",
        id.0,
        state.code(),
        error,
        (state == DeliveryState::Sent).then_some(now)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Counts what was given up in a row; `most` of them switch the channel off.
pub(super) async fn count_outcome(tx: &mut Tx, id: ChannelId, sent: bool, most: i32) -> Result<bool> {
    let switched_off = sqlx::query_scalar!(
        r#"update notification_channels
           set failures = case when $2 then 0 else failures + 1 end, enabled = enabled and ($2 or failures + 1 < $3)
           where id = $1 and (failures > 0 or not $2) returning (not enabled) as "off!""#,
        id.0,
        sent,
        most
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(switched_off.unwrap_or_default())
}

pub(super) async fn tests_since(tx: &mut Tx, right: &Right, since: DateTime<Utc>) -> Result<u64> {
    let tests = sqlx::query_scalar!(
        r#"select count(*) as "tests!" from notification_deliveries
           where user_id is not distinct from $1 and kind = 'test' and created_at > $2"#,
        right.user().map(|user| user.0),
        since
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(tests.unsigned_abs())
}

pub(super) async fn deliveries(
    tx: &mut Tx,
    user: Option<UserId>,
    state_wanted: Option<DeliveryState>,
    page: u32,
    page_size: u32,
) -> Result<(Vec<DeliveryView>, u64)> {
    let (user, word) = (user.map(|user| user.0), state_wanted.map(DeliveryState::code));
    let total = sqlx::query_scalar!(
        r#"select count(*) as "total!" from notification_deliveries
           where user_id is not distinct from $1 and ($2::text is null or state = $2)"#,
        user,
        word
    )
    .fetch_one(&mut **tx)
    .await?;
    let rows = sqlx::query!(
        r#"select d.id, d.channel_id, c.name, d.kind, d.state, d.attempts, d.last_error, d.created_at, d.sent_at,
                  j.run_at as "next_try_at?"
           from notification_deliveries d join notification_channels c on c.id = d.channel_id
                left join (select w.payload ->> 'delivery' as delivery, min(w.run_at) as run_at from jobs w
                           where w.kind = 'notification-deliver' and w.state = 'ready' group by 1) j
                  on d.state = 'queued' and j.delivery = d.token::text
           where d.user_id is not distinct from $1 and ($2::text is null or d.state = $2)
           order by d.id desc limit $3 offset $4"#,
        user,
        word,
        i64::from(page_size),
        i64::from(page - 1) * i64::from(page_size)
    )
    .fetch_all(&mut **tx)
    .await?;
    let list = rows.into_iter().map(|row| {
        Ok(DeliveryView {
            id: DeliveryId(row.id),
            channel_id: ChannelId(row.channel_id),
            channel: row.name,
            kind: row.kind,
            state: state(&row.state)?,
            attempts: row.attempts,
            last_error: row.last_error,
            created_at: row.created_at,
            sent_at: row.sent_at,
            next_try_at: row.next_try_at,
        })
    });
    Ok((list.collect::<Result<_>>()?, total.unsigned_abs()))
}

/// Gives up what nobody delivers any more.
pub(super) async fn give_up_before(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update notification_deliveries set state = 'failed' where state = 'queued' and created_at < $1",
        before
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn delete_before(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    sqlx::query!("delete from notification_deliveries where created_at < $1", before).execute(&mut **tx).await?;
    Ok(())
}

/// Whether it was given up.
pub(super) async fn has_failed(tx: &mut Tx, token: Uuid) -> Result<bool> {
    let failed = sqlx::query_scalar!(
        r#"select exists(select from notification_deliveries where token = $1 and state = 'failed') as "failed!""#,
        token
    );
    Ok(failed.fetch_one(&mut **tx).await?)
}

//! SQL of people's sessions, and of what a page shows once.

use chrono::{DateTime, Utc};
use contract::accounts::{SessionKind, SessionView};
use contract::{CustomerId, ErrorCode, IdentityProviderId, SessionId, UserId};

use crate::authz::{Granted, SecureAccount, UpdateAccount, UpdateUser};
use crate::db::Tx;
use crate::{Error, Result};

/// The word of a kind.
pub(super) fn kind_of(word: &str) -> Result<SessionKind> {
    SessionKind::parse(word).ok_or_else(|| Error::internal(format!("unknown kind of session {word}")))
}

/// A page of the sessions that count, and how many there are; `agent` is as the client wrote it, `current` is the caller's to
/// say.
pub(in crate::accounts) async fn list(
    tx: &mut Tx,
    user: UserId,
    (now, idle_since): (DateTime<Utc>, DateTime<Utc>),
    (page, page_size): (u32, u32),
) -> Result<(Vec<SessionView>, u64)> {
    let rows = sqlx::query!(
        r#"select s.id, case when s.ssh is null then s.kind else 'ssh' end as "kind!", s.address, s.user_agent,
                  s.created_at, s.last_seen_at,
                  case when s.ssh is null then nullif(s.expires_at, 'infinity') end as expires_at, a.name as "name?",
                  p.name as "service?"
           from sessions s join users u on u.id = s.user_id left join api_tokens a on a.session_id = s.id
                left join identity_providers p on p.id = s.provider_id
           where s.user_id = $1 and s.ended_at is null and s.expires_at > $2
             and (s.kind <> 'browser' or s.last_seen_at > $3) and s.token_version = u.token_version
             and (s.ssh is distinct from 'key' or s.ssh_key_id is not null)
           order by s.last_seen_at desc, s.id desc limit $4 offset $5"#,
        user.0,
        now,
        idle_since,
        i64::from(page_size),
        i64::from(page - 1) * i64::from(page_size)
    )
    .fetch_all(&mut **tx)
    .await?;
    let list = rows.into_iter().map(|row| {
        let kind = kind_of(&row.kind)?;
        let unused = kind == SessionKind::Api && row.last_seen_at <= row.created_at;
        Ok(SessionView {
            id: SessionId(row.id),
            kind,
            current: false,
            name: row.name,
            service: row.service,
            address: row.address.filter(|_| !unused).map(|network| network.ip().to_string()),
            agent: row.user_agent.filter(|_| !unused),
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            unused,
            expires_at: row.expires_at,
        })
    });
    let list = list.collect::<Result<_>>()?;
    Ok((list, how_many(tx, user, (now, idle_since)).await?))
}

/// Counted apart: a page behind the last one has no row that could say it.
async fn how_many(tx: &mut Tx, user: UserId, (now, idle_since): (DateTime<Utc>, DateTime<Utc>)) -> Result<u64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from sessions s join users u on u.id = s.user_id
           where s.user_id = $1 and s.ended_at is null and s.expires_at > $2
             and (s.kind <> 'browser' or s.last_seen_at > $3) and s.token_version = u.token_version
             and (s.ssh is distinct from 'key' or s.ssh_key_id is not null)"#,
        user.0,
        now,
        idle_since
    );
    Ok(count.fetch_one(&mut **tx).await?.unsigned_abs())
}

/// When somebody signed in for this session; `None` when it is not theirs or has ended.
pub(in crate::accounts) async fn began(tx: &mut Tx, user: UserId, session: SessionId) -> Result<Option<DateTime<Utc>>> {
    let began = sqlx::query_scalar!(
        "select created_at from sessions where id = $1 and user_id = $2 and ended_at is null",
        session.0,
        user.0
    );
    Ok(began.fetch_optional(&mut **tx).await?)
}

/// By which service or directory somebody came in for this session; none for a password kept here.
pub(in crate::accounts) async fn came_by(tx: &mut Tx, session: SessionId) -> Result<Option<IdentityProviderId>> {
    let by = sqlx::query_scalar!("select provider_id from sessions where id = $1", session.0);
    Ok(by.fetch_optional(&mut **tx).await?.flatten().map(IdentityProviderId))
}

/// Ends an open session of the account; `None` when there is none of this id.
pub(in crate::accounts) async fn end_one(
    tx: &mut Tx,
    granted: &Granted<SecureAccount>,
    session: SessionId,
    now: DateTime<Utc>,
) -> Result<Option<Ended>> {
    end(tx, granted.id(), session, now).await
}

/// The same for staff.
pub(in crate::accounts) async fn end_one_of(
    tx: &mut Tx,
    granted: &Granted<UpdateUser>,
    session: SessionId,
    now: DateTime<Utc>,
) -> Result<Option<Ended>> {
    end(tx, granted.id(), session, now).await
}

/// What ended.
pub(in crate::accounts) struct Ended {
    pub kind: SessionKind,
    /// Of an API token.
    pub name: Option<String>,
}

async fn end(tx: &mut Tx, user: UserId, session: SessionId, now: DateTime<Utc>) -> Result<Option<Ended>> {
    let row = sqlx::query!(
        r#"update sessions set ended_at = $3
           where id = $1 and user_id = $2 and ended_at is null and expires_at > $3
           returning case when ssh is null then kind else 'ssh' end as "kind!", (select t.name from api_tokens t where t.session_id = sessions.id) as "name?""#,
        session.0,
        user.0,
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| Ok(Ended { kind: kind_of(&row.kind)?, name: row.name })).transpose()
}

/// Has an open session of the account act for another customer. What the browser door keeps beside the row says the same,
/// or the next change of it would bring the old one back.
pub(in crate::accounts) async fn set_customer(
    tx: &mut Tx,
    granted: &Granted<UpdateAccount>,
    session: SessionId,
    customer: CustomerId,
) -> Result<()> {
    let done = sqlx::query!(
        "update sessions
         set customer_id = $3,
             data = case when data ? 'identity'
                         then jsonb_set(data, '{identity,customer}', to_jsonb($3::bigint)) else data end
         where id = $1 and user_id = $2 and ended_at is null",
        session.0,
        granted.id().0,
        customer.0
    )
    .execute(&mut **tx)
    .await?;
    match done.rows_affected() {
        0 => Err(Error::new(ErrorCode::Unauthenticated)), // it ended meanwhile
        _ => Ok(()),
    }
}

/// Makes a session that acts for no customer act for this one.
pub(in crate::accounts) async fn take_only_customer(
    tx: &mut Tx,
    session: SessionId,
    customer: CustomerId,
) -> Result<()> {
    sqlx::query!(
        "update sessions
         set customer_id = $2,
             data = case when data ? 'identity'
                         then jsonb_set(data, '{identity,customer}', to_jsonb($2::bigint)) else data end
         where id = $1 and customer_id is null",
        session.0,
        customer.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends every session of the account but one; how many there were.
pub(in crate::accounts) async fn end_others(
    tx: &mut Tx,
    granted: &Granted<SecureAccount>,
    but: SessionId,
    now: DateTime<Utc>,
) -> Result<u64> {
    let done = sqlx::query!(
        "update sessions set ended_at = $3 where user_id = $1 and id <> $2 and ended_at is null and expires_at > $3",
        granted.id().0,
        but.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Ends every session of somebody that counts, for staff; how many there were.
pub(in crate::accounts) async fn end_all_of(
    tx: &mut Tx,
    granted: &Granted<UpdateUser>,
    now: DateTime<Utc>,
) -> Result<u64> {
    let done = sqlx::query!(
        "update sessions s set ended_at = $2 from users u
         where u.id = $1 and s.user_id = u.id and s.token_version = u.token_version
           and s.ended_at is null and s.expires_at > $2",
        granted.id().0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

pub(in crate::accounts) async fn keep_for_page(
    tx: &mut Tx,
    granted: &Granted<SecureAccount>,
    kind: &str,
    sealed: &[u8],
    until: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into shown_once (user_id, kind, content, expires_at) values ($1, $2, $3, $4)
         on conflict (user_id, kind) do update set content = $3, expires_at = $4",
        granted.id().0,
        kind,
        sealed,
        until
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::accounts) async fn take_for_page(
    tx: &mut Tx,
    granted: &Granted<SecureAccount>,
    kind: &str,
    now: DateTime<Utc>,
) -> Result<Option<Vec<u8>>> {
    let row = sqlx::query!(
        "delete from shown_once where user_id = $1 and kind = $2 returning content, expires_at",
        granted.id().0,
        kind
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.filter(|row| row.expires_at > now).map(|row| row.content))
}

pub(in crate::accounts) async fn keep_form(
    tx: &mut Tx,
    granted: &Granted<UpdateAccount>,
    session: SessionId,
    sealed: &[u8],
    until: DateTime<Utc>,
) -> Result<i64> {
    let id = sqlx::query_scalar!(
        "insert into kept_forms (user_id, session_id, content, expires_at) values ($1, $2, $3, $4) returning id",
        granted.id().0,
        session.0,
        sealed,
        until
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(id)
}

/// Leaves the newest of a session.
pub(in crate::accounts) async fn forget_older_forms(
    tx: &mut Tx,
    granted: &Granted<UpdateAccount>,
    session: SessionId,
    most: i64,
) -> Result<()> {
    sqlx::query!(
        "delete from kept_forms where user_id = $1 and session_id = $2 and id not in
         (select id from kept_forms where session_id = $2 order by id desc limit $3)",
        granted.id().0,
        session.0,
        most
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::accounts) async fn kept_form(
    tx: &mut Tx,
    granted: &Granted<UpdateAccount>,
    session: SessionId,
    id: i64,
    now: DateTime<Utc>,
) -> Result<Option<Vec<u8>>> {
    let content = sqlx::query_scalar!(
        "select content from kept_forms where id = $1 and user_id = $2 and session_id = $3 and expires_at > $4",
        id,
        granted.id().0,
        session.0,
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(content)
}

//! SQL of outgoing mail.

use chrono::{DateTime, Utc};
use contract::MailId;
use contract::accounts::Language;
use contract::mail::{MailState, MailView};
use uuid::Uuid;

use super::NewMail;
use crate::db::Tx;
use crate::{Error, Result};

/// A mail as a try finds it.
pub(super) struct Row {
    pub id: MailId,
    pub kind: String,
    pub address: String,
    pub language: Language,
    pub sealed: Option<Vec<u8>>,
    pub state: MailState,
    pub created_at: DateTime<Utc>,
    /// Of this try alone.
    pub claim: Uuid,
}

fn state(word: &str) -> Result<MailState> {
    MailState::parse(word).ok_or_else(|| Error::internal(format!("unknown state of mail {word}")))
}

/// False when its key was used.
pub(super) async fn insert(tx: &mut Tx, token: Uuid, mail: &NewMail, sealed: &[u8]) -> Result<bool> {
    let done = sqlx::query!(
        "insert into mails (token, kind, user_id, address, language, sealed, idempotency_key)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (idempotency_key) where idempotency_key is not null do nothing",
        token,
        mail.kind,
        mail.user.map(|id| id.0),
        mail.address,
        mail.language.code(),
        sealed,
        mail.idempotency_key
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Counts a try of what waits; `None` when there is no such mail.
pub(super) async fn begin_attempt(tx: &mut Tx, token: Uuid) -> Result<Option<Row>> {
    let row = sqlx::query!(
        "update mails set attempts = attempts + case when state = 'queued' then 1 else 0 end where token = $1
         returning id, kind, address, language, sealed, state, created_at",
        token
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| {
        Ok(Row {
            id: MailId(row.id),
            kind: row.kind,
            address: row.address,
            language: Language::parse(&row.language).unwrap_or_default(),
            sealed: row.sealed,
            state: state(&row.state)?,
            created_at: row.created_at,
            claim: Uuid::new_v4(),
        })
    })
    .transpose()
}

/// Makes the hand-over this try's; false when another has it.
pub(super) async fn claim_hand_over(tx: &mut Tx, row: &Row) -> Result<bool> {
    let done = sqlx::query!(
        "update mails set state = 'handing_over', handing_over = $2 where id = $1 and state = 'queued'",
        row.id.0,
        row.claim
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes how a try ended: of a mail that nobody hands over, of this try's own, and of one whose try died. An
/// acknowledgement that comes late still counts. What is over is not kept.
pub(super) async fn settle(
    tx: &mut Tx,
    row: &Row,
    state: MailState,
    error: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    let sent_at = (state == MailState::Sent).then_some(now);
    sqlx::query!(
        "update mails set state = $3, last_error = $4, sent_at = $5, handing_over = null,
                          sealed = case when $3 = 'queued' then sealed else null end
         where id = $1 and (state = 'queued' or handing_over = $2 or ($3 = 'unknown' and state = 'handing_over')
                            or ($3 = 'sent' and state = 'unknown'))",
        row.id.0,
        row.claim,
        state.code(),
        error,
        sent_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn list(
    tx: &mut Tx,
    state_wanted: Option<MailState>,
    page: u32,
    page_size: u32,
) -> Result<(Vec<MailView>, u64)> {
    let word = state_wanted.map(MailState::code);
    let total =
        sqlx::query_scalar!(r#"select count(*) as "total!" from mails where $1::text is null or state = $1"#, word)
            .fetch_one(&mut **tx)
            .await?;
    let rows = sqlx::query!(
        r#"select m.id, m.kind, m.address, m.state, m.attempts, m.last_error, m.created_at, m.sent_at,
                  j.run_at as "next_try_at?"
           from (select id, token, kind, address, state, attempts, last_error, created_at, sent_at from mails
                 where $1::text is null or state = $1 order by id desc limit $2 offset $3) m
           left join lateral (
             select greatest(w.run_at, (select max(e.run_at) from jobs e
                                        where e.sequence_key = w.sequence_key and e.id < w.id and e.attempt > 0)) as run_at
             from jobs w
             where m.state = 'queued' and w.kind = 'mail-send' and w.state = 'ready'
               and w.payload ->> 'mail' = m.token::text
             order by w.run_at limit 1) j on true
           order by m.id desc"#,
        word,
        i64::from(page_size),
        i64::from(page - 1) * i64::from(page_size)
    )
    .fetch_all(&mut **tx)
    .await?;
    let list = rows.into_iter().map(|row| {
        Ok(MailView {
            id: MailId(row.id),
            kind: row.kind,
            address: row.address,
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

pub(super) async fn give_up_before(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update mails set state = case state when 'queued' then 'failed' else 'unknown' end, handing_over = null, sealed = null
         where state in ('queued', 'handing_over') and created_at < $1",
        before
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn delete_before(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    sqlx::query!("delete from mails where created_at < $1", before).execute(&mut **tx).await?;
    Ok(())
}

/// Whether it was given up.
pub(super) async fn has_failed(tx: &mut Tx, token: Uuid) -> Result<bool> {
    let failed = sqlx::query_scalar!(
        r#"select exists(select from mails where token = $1 and state = 'failed') as "failed!""#,
        token
    );
    Ok(failed.fetch_one(&mut **tx).await?)
}

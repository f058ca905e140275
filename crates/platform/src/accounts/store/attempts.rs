//! SQL of failures, of where people signed in from, and of challenges that were answered.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use contract::UserId;
use ipnetwork::IpNetwork;

use crate::Result;
use crate::db::Tx;

/// How many since then, and when the last one was.
pub(in crate::accounts) async fn since(
    tx: &mut Tx,
    subject: &[u8; 32],
    since: DateTime<Utc>,
) -> Result<(i64, Option<DateTime<Utc>>)> {
    let row = sqlx::query!(
        r#"select count(*) as "failures!", max(at) as last from login_attempts where subject = $1 and at > $2"#,
        &subject[..],
        since
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok((row.failures, row.last))
}

/// One more, for each of these.
pub(in crate::accounts) async fn note(tx: &mut Tx, subjects: &[&[u8; 32]], now: DateTime<Utc>) -> Result<()> {
    let subjects: Vec<Vec<u8>> = subjects.iter().map(|subject| subject.to_vec()).collect();
    sqlx::query!(
        "insert into login_attempts (subject, at) select subject, $2 from unnest($1::bytea[]) subject",
        &subjects,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets one's own, wherever else the same failures were counted: those of others stay.
pub(in crate::accounts) async fn forget(tx: &mut Tx, own: &[u8; 32], also: &[&[u8; 32]]) -> Result<()> {
    let also: Vec<Vec<u8>> = also.iter().map(|subject| subject.to_vec()).collect();
    sqlx::query!(
        "delete from login_attempts
         where subject = any($2::bytea[]) and at in (select at from login_attempts where subject = $1)",
        &own[..],
        &also
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("delete from login_attempts where subject = $1", &own[..]).execute(&mut **tx).await?;
    Ok(())
}

/// Remembers the sign-in, and where it came from.
pub(in crate::accounts) async fn note_sign_in(
    tx: &mut Tx,
    user: UserId,
    network: Option<IpAddr>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!("update users set last_login_at = $2 where id = $1", user.0, now).execute(&mut **tx).await?;
    note_network(tx, user, network, now).await
}

/// Remembers where somebody proved who they are.
pub(in crate::accounts) async fn note_network(
    tx: &mut Tx,
    user: UserId,
    network: Option<IpAddr>,
    now: DateTime<Utc>,
) -> Result<()> {
    if let Some(network) = network {
        sqlx::query!(
            "insert into sign_in_networks (user_id, network, last_at) values ($1, $2, $3)
             on conflict (user_id, network) do update set last_at = $3",
            user.0,
            IpNetwork::from(network),
            now
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// True when this person signed in from there since then.
pub(in crate::accounts) async fn signed_in_from(
    tx: &mut Tx,
    user: UserId,
    network: Option<IpAddr>,
    since: DateTime<Utc>,
) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists(select from sign_in_networks where user_id = $1 and network = $2 and last_at > $3) as "was!""#,
        user.0,
        network.map(IpNetwork::from),
        since
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Uses a challenge up; false when it was before.
pub(in crate::accounts) async fn use_captcha(tx: &mut Tx, hash: &[u8; 32], expires_at: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "insert into captcha_uses (hash, expires_at) values ($1, $2) on conflict (hash) do nothing",
        &hash[..],
        expires_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes what counts no longer.
pub(in crate::accounts) async fn delete_old(
    tx: &mut Tx,
    failed_before: DateTime<Utc>,
    signed_in_before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!("delete from login_attempts where at < $1", failed_before).execute(&mut **tx).await?;
    sqlx::query!("delete from sign_in_networks where last_at < $1", signed_in_before).execute(&mut **tx).await?;
    sqlx::query!("delete from captcha_uses where expires_at < $1", now).execute(&mut **tx).await?;
    Ok(())
}

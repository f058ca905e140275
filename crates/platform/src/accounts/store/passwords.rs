//! SQL of passwords: the present one, and those of before.

use chrono::{DateTime, Utc};
use contract::{IdentityId, UserId};
use serde_json::Value;

use crate::Result;
use crate::authz::{Granted, SecureAccount};
use crate::db::Tx;

/// Earlier passwords that are kept of a person, newest first: as many as the settings can ask for.
const KEPT: i64 = 10;

/// Gives somebody a password; every session ends by the new token version.
pub(in crate::accounts) async fn set(tx: &mut Tx, user: UserId, hash: &str, now: DateTime<Utc>) -> Result<()> {
    retire(tx, user, now).await?;
    sqlx::query!(
        "update users set password_hash = $2, password_pending = false, token_version = token_version + 1 where id = $1",
        user.0,
        hash
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// One's own new password; every session ends by the new token version, which is returned. `None` when the account has
/// changed since `version`.
pub(in crate::accounts) async fn change(
    tx: &mut Tx,
    granted: &Granted<SecureAccount>,
    hash: &str,
    version: i64,
    now: DateTime<Utc>,
) -> Result<Option<i64>> {
    retire(tx, granted.id(), now).await?;
    Ok(sqlx::query_scalar!(
        "update users set password_hash = $2, password_pending = false, token_version = token_version + 1
         where id = $1 and token_version = $3 returning token_version",
        granted.id().0,
        hash,
        version
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// Whether an account is known to be of who reads the mail at its address.
pub(in crate::accounts) async fn address_is_proved(tx: &mut Tx, user: UserId) -> Result<bool> {
    let proved =
        sqlx::query_scalar!(r#"select address_proved_at is not null as "is!" from users where id = $1"#, user.0);
    Ok(proved.fetch_optional(&mut **tx).await?.unwrap_or(false))
}

/// Notes that it is: they came by a link that went there, and chose the password.
pub(in crate::accounts) async fn prove_address(tx: &mut Tx, user: UserId, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("update users set address_proved_at = $2 where id = $1", user.0, now).execute(&mut **tx).await?;
    Ok(())
}

/// Puts the present one among those of before. Addresses that were signed in from with it are nobody's we know.
async fn retire(tx: &mut Tx, user: UserId, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "insert into password_history (user_id, hash, retired_at)
         select id, password_hash, $2 from users where id = $1 and password_hash is not null",
        user.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "delete from password_history
         where user_id = $1
           and id not in (select id from password_history where user_id = $1 order by id desc limit $2)",
        user.0,
        KEPT
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("delete from sign_in_networks where user_id = $1", user.0).execute(&mut **tx).await?;
    Ok(())
}

/// The newest so many of those of before.
pub(in crate::accounts) async fn earlier(tx: &mut Tx, user: UserId, count: i64) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        "select hash from password_history where user_id = $1 order by id desc limit $2",
        user.0,
        count
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// A provider that has less to say of an account from now on.
pub(in crate::accounts) struct Left {
    /// The account is still bound to it, as to a sign-in service.
    pub bound: Option<IdentityId>,
    pub provider: String,
    pub label: String,
    /// What its groups gave.
    pub granted: Value,
}

/// Parts an account from its directories.
pub(in crate::accounts) async fn leave_directories(tx: &mut Tx, user: UserId) -> Result<Vec<Left>> {
    let rows = sqlx::query!(
        "delete from user_identities i using identity_providers p
         where p.id = i.provider_id and p.kind = 'ldap' and i.user_id = $1
         returning p.name, i.label, i.granted",
        user.0
    )
    .fetch_all(&mut **tx)
    .await?;
    let left = rows.into_iter();
    Ok(left.map(|row| Left { bound: None, provider: row.name, label: row.label, granted: row.granted }).collect())
}

/// The sign-in services whose groups gave an account something, as they are until the transaction ends.
pub(in crate::accounts) async fn services_that_gave(tx: &mut Tx, user: UserId) -> Result<Vec<Left>> {
    let rows = sqlx::query!(
        "select i.id, p.name, i.label, i.granted from user_identities i join identity_providers p on p.id = i.provider_id
         where p.kind <> 'ldap' and i.user_id = $1 and i.granted <> '[]' order by i.id for update of i",
        user.0
    )
    .fetch_all(&mut **tx)
    .await?;
    let left = rows.into_iter().map(|row| Left {
        bound: Some(IdentityId(row.id)),
        provider: row.name,
        label: row.label,
        granted: row.granted,
    });
    Ok(left.collect())
}

/// Those who are bound to a directory although they have a password here.
pub(in crate::accounts) async fn bound_beside_password(tx: &mut Tx) -> Result<Vec<UserId>> {
    let people = sqlx::query_scalar!(
        "select distinct u.id from user_identities i join identity_providers p on p.id = i.provider_id
                join users u on u.id = i.user_id
         where p.kind = 'ldap' and u.password_hash is not null order by u.id"
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(people.into_iter().map(UserId).collect())
}

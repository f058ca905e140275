//! SQL of people and sessions.

pub(super) mod attempts;
pub(super) mod avatars;
mod contacts;
pub(super) mod identity;
pub(super) mod oidc;
pub(super) mod passwords;
pub(super) mod second_factor;
pub(super) mod sessions;
pub(super) mod ssh_keys;
pub(super) mod ssh_sessions;
pub(super) mod tokens;

use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use contract::accounts::{Language, MemberRole, MembershipView, Theme};
use contract::{CustomerId, IdentityProviderId, Permission, SessionId, UserId};
use ipnetwork::IpNetwork;

pub(super) use contacts::{by_email, contacts, holders, names, names_of_members, set_email};

use super::bootstrap::NewPerson;
use super::session_records::{SessionKind, SessionRecord};
use super::{Preferences, SessionRules, Standing};
use crate::authz::{Granted, SecureAccount, UpdateAccount, works_for_platform};
use crate::context::agent_text;
use crate::db::Tx;
use crate::{Credential, Error, Result, UserPrincipal};

/// Keeps what somebody read the pages in: mails to who chose no language come in it.
pub(super) async fn note_read_in(tx: &mut Tx, user: UserId, language: Language) -> Result<()> {
    sqlx::query!(
        "update users set read_in = $2 where id = $1 and read_in is distinct from $2",
        user.0,
        language.code()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// `last_seen_at` is that exact, so that not every request writes.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(1);

/// How a session is looked up.
pub(super) enum SessionKey<'a> {
    /// By the hash of a cookie's secret.
    Secret(&'a [u8; 32]),
    /// By the hash of an access token's secret.
    Token(&'a [u8; 32]),
    /// By the hash of an API token.
    Api(&'a [u8; 32]),
    /// A browser's, by the same hash, of what it opened elsewhere: that it is looked at is no use of it.
    Watched(&'a [u8; 32]),
}

#[derive(Clone)]
pub(super) struct Credentials {
    pub id: UserId,
    pub name: String,
    pub password_hash: Option<String>,
    pub active: bool,
    pub token_version: i64,
    pub platform_admin: bool,
    /// Whether they work for the platform: staff stand outside of every customer.
    pub staff: bool,
    pub first_customer: Option<CustomerId>,
}

pub(super) struct Account {
    pub email: Option<String>,
    pub display_name: String,
    pub language: Option<Language>,
    pub theme: Option<Theme>,
    pub time_zone: Option<String>,
    pub last_login_at: Option<DateTime<Utc>>,
}

/// Permissions this program knows; a newer one may have written others.
fn known(names: &[String]) -> Vec<Permission> {
    names.iter().filter_map(|name| Permission::parse(name)).collect()
}

pub(super) fn role(word: &str) -> Result<MemberRole> {
    match word {
        "owner" => Ok(MemberRole::Owner),
        "member" => Ok(MemberRole::Member),
        other => Err(Error::internal(format!("unknown membership role {other}"))),
    }
}

/// The hash of a session's secret.
pub(super) async fn secret_of(tx: &mut Tx, session: SessionId) -> Result<Option<[u8; 32]>> {
    let hash = sqlx::query_scalar!("select secret_hash from sessions where id = $1", session.0);
    Ok(hash.fetch_optional(&mut **tx).await?.and_then(|hash| hash.try_into().ok()))
}

pub(super) async fn find_session(
    tx: &mut Tx,
    key: SessionKey<'_>,
    now: DateTime<Utc>,
    rules: &SessionRules,
) -> Result<Option<UserPrincipal>> {
    let (hash, kind) = match key {
        SessionKey::Secret(hash) | SessionKey::Watched(hash) => (&hash[..], "browser"),
        SessionKey::Token(hash) => (&hash[..], "token"),
        SessionKey::Api(hash) => (&hash[..], "api"),
    };
    let row = sqlx::query!(
        r#"select s.id as session_id, s.customer_id, s.created_at, s.last_seen_at, a.scopes as "scopes?",
                  u.id, u.name::text as "name!", u.display_name,
                  u.token_version, u.language, u.theme, u.time_zone,
                  exists(select from role_assignments r where r.user_id = u.id and r.role = 'platform_admin') as "admin!",
                  exists(select from role_assignments r where r.user_id = u.id and r.role = 'operator') as "operator!",
                  array(select distinct p.permission
                        from role_assignments a join roles r on r.code = a.role
                             join role_permissions p on p.role_id = r.id
                        where a.user_id = u.id order by p.permission) as "permissions!",
                  exists(select from totp_secrets t where t.user_id = u.id and t.confirmed_at is not null) as "armed!",
                  array(select m.customer_id from memberships m join customers c on c.id = m.customer_id
                        where m.user_id = u.id and c.state = 'active' and c.deleted_at is null
                        order by c.name) as "customers!",
                  array(select m.role from memberships m join customers c on c.id = m.customer_id
                        where m.user_id = u.id and c.state = 'active' and c.deleted_at is null
                        order by c.name) as "roles!"
           from sessions s join users u on u.id = s.user_id left join api_tokens a on a.session_id = s.id
           where s.secret_hash = $1 and s.kind = $2 and s.ended_at is null and s.expires_at > $3
             and (s.kind <> 'browser' or s.last_seen_at > $4)
             and (s.ssh is distinct from 'key' or s.ssh_key_id is not null)
             and u.state = 'active' and u.deleted_at is null and s.token_version = u.token_version
             and (s.provider_id is null or exists(
                  select from identity_providers p where p.id = s.provider_id and p.enabled))"#,
        hash,
        kind,
        now,
        rules.idle_since
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    // The first use of an API token is told apart from none.
    let unused = matches!(key, SessionKey::Api(_)) && row.last_seen_at == row.created_at && now > row.created_at;
    let used = !matches!(key, SessionKey::Watched(_));
    if unused || (used && row.last_seen_at < now - SEEN_EVERY) {
        note_seen(tx, row.session_id, rules.from, now).await?;
    }
    let memberships = row
        .customers
        .iter()
        .zip(&row.roles)
        .map(|(id, word)| Ok((CustomerId(*id), role(word)?)))
        .collect::<Result<Vec<_>>>()?;
    // A customer that was disabled meanwhile is not acted for.
    let mut active_customer = row.customer_id.map(CustomerId).filter(|id| memberships.iter().any(|(m, _)| m == id));
    let permissions = known(&row.permissions);
    let of_platform = works_for_platform(row.admin, row.operator, &permissions);
    // Who signed in while the one was disabled, or before there was one, has nothing to choose. What a token reaches stays.
    if let (None, [(only, _)]) = (row.customer_id, &memberships[..])
        && !of_platform
        && !matches!(key, SessionKey::Api(_))
    {
        sessions::take_only_customer(tx, SessionId(row.session_id), *only).await?;
        active_customer = Some(*only);
    }
    let credential = match key {
        SessionKey::Secret(_) | SessionKey::Watched(_) => Credential::Browser,
        SessionKey::Token(_) => Credential::AccessToken,
        SessionKey::Api(_) => Credential::ApiToken { scopes: tokens::scopes_of(row.scopes).map(Into::into) },
    };
    Ok(Some(UserPrincipal {
        id: UserId(row.id),
        display_name: if row.display_name.is_empty() { row.name.clone() } else { row.display_name },
        name: row.name,
        session: SessionId(row.session_id),
        credential,
        token_version: row.token_version,
        platform_admin: row.admin,
        operator: row.operator,
        must_enroll: rules.totp_for_admins && !row.armed && of_platform,
        permissions,
        memberships,
        active_customer,
        language: row.language.as_deref().and_then(Language::parse),
        theme: row.theme.as_deref().and_then(Theme::parse),
        time_zone: row.time_zone,
    }))
}

/// Of an API token, which begins nowhere in particular, also from where.
async fn note_seen(tx: &mut Tx, session: i64, from: Option<IpAddr>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update sessions set last_seen_at = $2,
                address = case when kind = 'api' then coalesce($3::inet, address) else address end
         where id = $1",
        session,
        now,
        from.map(IpNetwork::from)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What each open session gives now; sessions that do not count any more are left out. Nothing is written: an open
/// connection is no request.
pub(super) async fn standings(
    tx: &mut Tx,
    sessions: &[SessionId],
    now: DateTime<Utc>,
    rules: &SessionRules,
) -> Result<HashMap<SessionId, Standing>> {
    let ids: Vec<_> = sessions.iter().map(|session| session.0).collect();
    let rows = sqlx::query!(
        r#"select s.id, u.token_version,
                  exists(select from role_assignments r where r.user_id = u.id and r.role = 'platform_admin') as "admin!",
                  exists(select from role_assignments r where r.user_id = u.id and r.role = 'operator') as "operator!",
                  array(select distinct p.permission
                        from role_assignments a join roles r on r.code = a.role
                             join role_permissions p on p.role_id = r.id
                        where a.user_id = u.id order by p.permission) as "permissions!",
                  exists(select from totp_secrets t where t.user_id = u.id and t.confirmed_at is not null) as "armed!",
                  c.id as "customer?", m.role as "role?"
           from sessions s join users u on u.id = s.user_id
                left join memberships m on m.user_id = u.id and m.customer_id = s.customer_id
                left join customers c on c.id = m.customer_id and c.state = 'active' and c.deleted_at is null
           where s.id = any($1) and s.ended_at is null and s.expires_at > $2
             and (s.kind <> 'browser' or s.last_seen_at > $3)
             and (s.ssh is distinct from 'key' or s.ssh_key_id is not null)
             and u.state = 'active' and u.deleted_at is null and s.token_version = u.token_version"#,
        &ids,
        now,
        rules.idle_since
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let active = match (row.customer, row.role) {
                (Some(customer), Some(word)) => Some((CustomerId(customer), role(&word)?)),
                _ => None,
            };
            let permissions = known(&row.permissions);
            let of_platform = works_for_platform(row.admin, row.operator, &permissions);
            let standing = Standing {
                token_version: row.token_version,
                platform_admin: row.admin,
                operator: row.operator,
                must_enroll: rules.totp_for_admins && !row.armed && of_platform,
                permissions,
                active,
            };
            Ok((SessionId(row.id), standing))
        })
        .collect()
}

pub(super) async fn credentials(tx: &mut Tx, name_or_email: &str) -> Result<Option<Credentials>> {
    let id = sqlx::query_scalar!(
        "select id from users where (name = $1::text::citext or email = $1::text::citext) and deleted_at is null
         order by name = $1::text::citext desc limit 1",
        name_or_email
    )
    .fetch_optional(&mut **tx)
    .await?;
    // Also for nobody, so that both answers take the same time.
    credentials_of(tx, UserId(id.unwrap_or_default())).await
}

pub(super) async fn credentials_of(tx: &mut Tx, user: UserId) -> Result<Option<Credentials>> {
    let row = sqlx::query!(
        r#"select u.id, u.name::text as "name!", u.password_hash, u.state, u.token_version,
                  exists(select from role_assignments r where r.user_id = u.id and r.role = 'platform_admin') as "admin!",
                  exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                         where a.user_id = u.id) as "staff!",
                  (select m.customer_id from memberships m join customers c on c.id = m.customer_id
                   where m.user_id = u.id and c.state = 'active' and c.deleted_at is null
                   order by c.name limit 1) as first_customer
           from users u
           where u.id = $1 and u.deleted_at is null"#,
        user.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Credentials {
        id: UserId(row.id),
        name: row.name,
        password_hash: row.password_hash,
        active: row.state == "active",
        token_version: row.token_version,
        platform_admin: row.admin,
        staff: row.staff,
        first_customer: row.first_customer.map(CustomerId),
    }))
}

/// `None` when the secret is taken.
pub(super) async fn insert_session(
    tx: &mut Tx,
    record: &SessionRecord,
    now: DateTime<Utc>,
) -> Result<Option<SessionId>> {
    let id = sqlx::query_scalar!(
        "insert into sessions (kind, secret_hash, user_id, customer_id, token_version, data, address, user_agent,
                               created_at, last_seen_at, expires_at, provider_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11)
         on conflict (secret_hash) do nothing returning id",
        record.kind.code(),
        &record.secret_hash[..],
        record.user.map(|id| id.0),
        record.customer.map(|id| id.0),
        record.token_version,
        record.data,
        record.address.map(IpNetwork::from),
        record.user_agent.as_deref().map(agent_text),
        now,
        record.expires_at,
        record.provider.map(|id| id.0)
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(id.map(SessionId))
}

pub(super) async fn save_session(tx: &mut Tx, record: &SessionRecord, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update sessions set user_id = $2, customer_id = $3, token_version = $4, data = $5, last_seen_at = $7,
                             provider_id = $8, expires_at = least($6, created_at + interval '7 days')
         where secret_hash = $1 and kind = 'browser' and ended_at is null",
        &record.secret_hash[..],
        record.user.map(|id| id.0),
        record.customer.map(|id| id.0),
        record.token_version,
        record.data,
        record.expires_at,
        now,
        record.provider.map(|id| id.0)
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn load_session(
    tx: &mut Tx,
    secret_hash: &[u8; 32],
    now: DateTime<Utc>,
    idle_since: DateTime<Utc>,
) -> Result<Option<SessionRecord>> {
    let row = sqlx::query!(
        "select user_id, customer_id, token_version, provider_id, data, address, user_agent, expires_at from sessions
         where secret_hash = $1 and kind = 'browser' and ended_at is null and expires_at > $2 and last_seen_at > $3",
        &secret_hash[..],
        now,
        idle_since
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| SessionRecord {
        kind: SessionKind::Browser,
        secret_hash: *secret_hash,
        user: row.user_id.map(UserId),
        customer: row.customer_id.map(CustomerId),
        token_version: row.token_version,
        provider: row.provider_id.map(IdentityProviderId),
        data: row.data,
        address: row.address.map(|network| network.ip()),
        user_agent: row.user_agent,
        expires_at: row.expires_at,
    }))
}

pub(super) async fn delete_session(tx: &mut Tx, secret_hash: &[u8; 32]) -> Result<()> {
    sqlx::query!("delete from sessions where secret_hash = $1 and kind = 'browser'", &secret_hash[..])
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn delete_expired(tx: &mut Tx, now: DateTime<Utc>) -> Result<u64> {
    let day_ago = now - TimeDelta::days(1);
    let sessions =
        sqlx::query!("delete from sessions where expires_at < $1 or ended_at < $1", day_ago).execute(&mut **tx).await?;
    sqlx::query!("delete from refresh_tokens where expires_at < $1", day_ago).execute(&mut **tx).await?;
    sqlx::query!("delete from sign_in_challenges where expires_at < $1", now).execute(&mut **tx).await?;
    sqlx::query!("delete from shown_once where expires_at < $1", now).execute(&mut **tx).await?;
    sqlx::query!("delete from kept_forms where expires_at < $1", now).execute(&mut **tx).await?;
    oidc::delete_expired(tx, now).await?;
    Ok(sessions.rows_affected())
}

pub(super) async fn end_session(
    tx: &mut Tx,
    granted: &Granted<UpdateAccount>,
    session: SessionId,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update sessions set ended_at = $3 where id = $1 and user_id = $2 and ended_at is null",
        session.0,
        granted.id().0,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn account(tx: &mut Tx, user: UserId) -> Result<Option<Account>> {
    let row = sqlx::query!(
        r#"select name::text as "name!", email::text as email, display_name, language, theme, time_zone,
                  last_login_at
           from users where id = $1 and deleted_at is null"#,
        user.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Account {
        email: row.email,
        display_name: if row.display_name.is_empty() { row.name } else { row.display_name },
        language: row.language.as_deref().and_then(Language::parse),
        theme: row.theme.as_deref().and_then(Theme::parse),
        time_zone: row.time_zone,
        last_login_at: row.last_login_at,
    }))
}

/// In active customers, or in disabled ones; deleted ones are neither.
pub(super) async fn memberships(tx: &mut Tx, user: UserId, active: bool) -> Result<Vec<MembershipView>> {
    let rows = sqlx::query!(
        "select m.customer_id, c.name, m.role from memberships m join customers c on c.id = m.customer_id
         where m.user_id = $1 and (c.state = 'active') = $2 and c.deleted_at is null order by c.name",
        user.0,
        active
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(MembershipView {
                customer_id: CustomerId(row.customer_id),
                customer_name: row.name,
                role: role(&row.role)?,
            })
        })
        .collect()
}

pub(super) async fn set_preferences(tx: &mut Tx, granted: &Granted<UpdateAccount>, change: &Preferences) -> Result<()> {
    sqlx::query!(
        "update users set language = coalesce($2, language), theme = coalesce($3, theme),
                          time_zone = case when $4::text is null then time_zone else nullif($4, '') end
         where id = $1",
        granted.id().0,
        change.language.map(|l| l.code()),
        change.theme.map(|t| t.code()),
        change.time_zone
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes the whole profile: what is absent is taken away.
pub(super) async fn set_profile(
    tx: &mut Tx,
    granted: &Granted<UpdateAccount>,
    display_name: Option<&str>,
    language: Option<Language>,
    time_zone: Option<&str>,
) -> Result<()> {
    sqlx::query!(
        "update users set display_name = coalesce($2, ''), language = $3, time_zone = $4 where id = $1",
        granted.id().0,
        display_name,
        language.map(|l| l.code()),
        time_zone
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// True when there is no user; holds every other starter off until the transaction ends.
pub(super) async fn lock_empty_users(tx: &mut Tx) -> Result<bool> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('remotegpu.first-admin'))").fetch_one(&mut **tx).await?;
    let any = sqlx::query_scalar!(r#"select exists(select from users) as "any!""#).fetch_one(&mut **tx).await?;
    Ok(!any)
}

pub(super) async fn insert_admin(tx: &mut Tx, name: &str, hash: &str) -> Result<UserId> {
    let id = sqlx::query_scalar!(
        "insert into users (name, display_name, password_hash) values ($1::text::citext, $1, $2) returning id",
        name,
        hash
    )
    .fetch_one(&mut **tx)
    .await?;
    sqlx::query!("insert into role_assignments (user_id, role) values ($1, 'platform_admin')", id)
        .execute(&mut **tx)
        .await?;
    Ok(UserId(id))
}

pub(super) async fn oldest_admin(tx: &mut Tx) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!(
        r#"select u.name::text as "name!" from users u join role_assignments r on r.user_id = u.id
           where r.role = 'platform_admin' and u.state = 'active' and u.deleted_at is null
           order by u.password_hash is null or u.password_pending, u.id limit 1"#
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// Ends every session of the account; the version from here on.
pub(super) async fn next_token_version(tx: &mut Tx, granted: &Granted<SecureAccount>) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        "update users set token_version = token_version + 1 where id = $1 returning token_version",
        granted.id().0
    )
    .fetch_one(&mut **tx)
    .await?)
}

pub(super) async fn insert_customer(tx: &mut Tx, name: &str) -> Result<CustomerId> {
    let id =
        sqlx::query_scalar!("insert into customers (name) values ($1) returning id", name).fetch_one(&mut **tx).await?;
    Ok(CustomerId(id))
}

pub(super) async fn customer_by_name(tx: &mut Tx, name: &str) -> Result<Option<CustomerId>> {
    let id = sqlx::query_scalar!("select id from customers where lower(name) = lower($1) and deleted_at is null", name)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(id.map(CustomerId))
}

pub(super) async fn insert_person(tx: &mut Tx, person: &NewPerson, hash: &str) -> Result<UserId> {
    let id = sqlx::query_scalar!(
        "insert into users (name, display_name, email, password_hash, language)
         values ($1::text::citext, coalesce($2, $1), $3::text::citext, $4, $5) returning id",
        person.name,
        person.display_name,
        person.email,
        hash,
        person.language.map(Language::code)
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(UserId(id))
}

pub(super) async fn insert_membership(tx: &mut Tx, customer: CustomerId, user: UserId, role: MemberRole) -> Result<()> {
    sqlx::query!(
        "insert into memberships (customer_id, user_id, role) values ($1, $2, $3)",
        customer.0,
        user.0,
        role.code()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn list_columns(tx: &mut Tx, user: UserId, list: &str) -> Result<Option<Vec<String>>> {
    Ok(sqlx::query_scalar!("select columns from list_columns where user_id = $1 and list = $2", user.0, list)
        .fetch_optional(&mut **tx)
        .await?)
}

/// None at all forgets the choice.
pub(super) async fn set_list_columns(
    tx: &mut Tx,
    granted: &Granted<UpdateAccount>,
    list: &str,
    columns: &[String],
) -> Result<()> {
    if columns.is_empty() {
        sqlx::query!("delete from list_columns where user_id = $1 and list = $2", granted.id().0, list)
            .execute(&mut **tx)
            .await?;
        return Ok(());
    }
    sqlx::query!(
        "insert into list_columns (user_id, list, columns) values ($1, $2, $3)
         on conflict (user_id, list) do update set columns = $3",
        granted.id().0,
        list,
        columns
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

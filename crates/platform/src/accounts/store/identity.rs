//! SQL of identity providers, and of who people are there.

use chrono::{DateTime, Utc};
use contract::accounts::{IdentityView, PasswordPlace, ProviderKind};
use contract::{CustomerId, IdentityId, IdentityProviderId, SessionId, UserId};
use serde_json::Value;

use crate::authz::{Granted, ManageIdentity, SecureAccount, UpdateUser};
use crate::db::Tx;
use crate::{Error, OpContext, Result};

/// A provider as it is stored.
pub(in crate::accounts) struct ProviderRow {
    pub id: IdentityProviderId,
    pub kind: ProviderKind,
    pub name: String,
    pub enabled: bool,
    pub config: Value,
    pub secret: Option<Vec<u8>>,
    pub creates_accounts: bool,
    pub only_mapped: bool,
    pub mappings: Value,
    pub password_url: Option<String>,
    pub last_test: Option<Value>,
    pub version: i64,
    pub updated_name: String,
    pub updated_at: DateTime<Utc>,
    pub accounts: i64,
}

/// What of a provider is written together.
pub(in crate::accounts) struct ProviderFields<'a> {
    pub name: &'a str,
    pub enabled: bool,
    pub config: &'a Value,
    pub creates_accounts: bool,
    pub only_mapped: bool,
    pub mappings: &'a Value,
    pub password_url: Option<&'a str>,
}

/// A person of a provider whose account is known.
pub(in crate::accounts) struct Known {
    pub id: IdentityId,
    pub user: UserId,
    pub granted: Value,
}

fn kind(word: &str) -> Result<ProviderKind> {
    ProviderKind::parse(word).ok_or_else(|| Error::internal(format!("unknown kind of identity provider {word}")))
}

/// Every provider, by name; or one, when `only` names it.
pub(in crate::accounts) async fn providers(tx: &mut Tx, only: Option<IdentityProviderId>) -> Result<Vec<ProviderRow>> {
    let rows = sqlx::query!(
        r#"select p.id, p.kind, p.name, p.enabled, p.config, p.secret, p.creates_accounts, p.only_mapped, p.mappings,
                  p.password_url, p.last_test, p.version, p.updated_name, p.updated_at,
                  (select count(*) from user_identities i where i.provider_id = p.id) as "accounts!"
           from identity_providers p where $1::bigint is null or p.id = $1 order by lower(p.name)"#,
        only.map(|id| id.0)
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(ProviderRow {
                id: IdentityProviderId(row.id),
                kind: kind(&row.kind)?,
                name: row.name,
                enabled: row.enabled,
                config: row.config,
                secret: row.secret,
                creates_accounts: row.creates_accounts,
                only_mapped: row.only_mapped,
                mappings: row.mappings,
                password_url: row.password_url,
                last_test: row.last_test,
                version: row.version,
                updated_name: row.updated_name,
                updated_at: row.updated_at,
                accounts: row.accounts,
            })
        })
        .collect()
}

/// One of them; nobody else changes it until the transaction ends.
pub(in crate::accounts) async fn lock_provider(tx: &mut Tx, id: IdentityProviderId) -> Result<Option<ProviderRow>> {
    sqlx::query!("select id from identity_providers where id = $1 for update", id.0).fetch_optional(&mut **tx).await?;
    Ok(providers(tx, Some(id)).await?.into_iter().next())
}

pub(in crate::accounts) async fn insert_provider(
    tx: &mut Tx,
    _granted: &Granted<ManageIdentity>,
    kind: ProviderKind,
    fields: &ProviderFields<'_>,
    ctx: &OpContext,
) -> Result<IdentityProviderId> {
    let id = sqlx::query_scalar!(
        "insert into identity_providers (kind, name, enabled, config, creates_accounts, only_mapped, mappings,
                                         password_url, updated_by, updated_name)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id",
        kind.code(),
        fields.name,
        fields.enabled,
        fields.config,
        fields.creates_accounts,
        fields.only_mapped,
        fields.mappings,
        fields.password_url,
        ctx.user().map(|user| user.id.0),
        ctx.user().map_or("", |user| user.name.as_str())
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(IdentityProviderId(id))
}

pub(in crate::accounts) async fn update_provider(
    tx: &mut Tx,
    _granted: &Granted<ManageIdentity>,
    id: IdentityProviderId,
    fields: &ProviderFields<'_>,
    ctx: &OpContext,
) -> Result<()> {
    sqlx::query!(
        "update identity_providers set name = $2, enabled = $3, config = $4, creates_accounts = $5, only_mapped = $6,
                mappings = $7, password_url = $8, updated_by = $9, updated_name = $10, version = version + 1,
                last_test = case when config = $4 and mappings = $7 then last_test end
         where id = $1",
        id.0,
        fields.name,
        fields.enabled,
        fields.config,
        fields.creates_accounts,
        fields.only_mapped,
        fields.mappings,
        fields.password_url,
        ctx.user().map(|user| user.id.0),
        ctx.user().map_or("", |user| user.name.as_str())
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::accounts) async fn set_secret(
    tx: &mut Tx,
    _granted: &Granted<ManageIdentity>,
    id: IdentityProviderId,
    sealed: Option<&[u8]>,
) -> Result<()> {
    // What was tried out was tried with another secret.
    sqlx::query!("update identity_providers set secret = $2, last_test = null where id = $1", id.0, sealed)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(in crate::accounts) async fn set_last_test(
    tx: &mut Tx,
    _granted: &Granted<ManageIdentity>,
    id: IdentityProviderId,
    test: &Value,
) -> Result<()> {
    sqlx::query!("update identity_providers set last_test = $2 where id = $1", id.0, test).execute(&mut **tx).await?;
    Ok(())
}

pub(in crate::accounts) async fn delete_provider(
    tx: &mut Tx,
    _granted: &Granted<ManageIdentity>,
    id: IdentityProviderId,
) -> Result<()> {
    sqlx::query!("delete from identity_providers where id = $1", id.0).execute(&mut **tx).await?;
    Ok(())
}

/// Ends the sessions that came in by this provider, and sign-ins that wait for a code after it; which ones. Of those that do
/// not say how they came, which were opened before that was kept, the sessions of who had no other way.
pub(in crate::accounts) async fn end_sessions_through(
    tx: &mut Tx,
    _granted: &Granted<ManageIdentity>,
    id: IdentityProviderId,
    now: DateTime<Utc>,
) -> Result<Vec<SessionId>> {
    sqlx::query!(
        "delete from sign_in_challenges c using users u
         where u.id = c.user_id and (c.provider_id = $1 or (c.provider_id is null and u.password_hash is null
               and exists(select from user_identities i where i.user_id = u.id and i.provider_id = $1)))",
        id.0
    )
    .execute(&mut **tx)
    .await?;
    let ended = sqlx::query_scalar!(
        "update sessions s set ended_at = $2 from users u
         where u.id = s.user_id and s.ended_at is null and s.expires_at > $2
           and (s.provider_id = $1 or (s.provider_id is null and u.password_hash is null
                and exists(select from user_identities i where i.user_id = u.id and i.provider_id = $1)))
         returning s.id",
        id.0,
        now
    );
    Ok(ended.fetch_all(&mut **tx).await?.into_iter().map(SessionId).collect())
}

/// Ends the sessions in which somebody came in by this provider, but the one that asks; which ones.
pub(in crate::accounts) async fn end_sessions_by(
    tx: &mut Tx,
    granted: &Granted<SecureAccount>,
    (id, but): (IdentityProviderId, SessionId),
    now: DateTime<Utc>,
) -> Result<Vec<SessionId>> {
    let user = granted.id();
    sqlx::query!("delete from sign_in_challenges where user_id = $1 and provider_id = $2", user.0, id.0)
        .execute(&mut **tx)
        .await?;
    let ended = sqlx::query_scalar!(
        "update sessions set ended_at = $4
         where user_id = $1 and provider_id = $2 and id <> $3 and ended_at is null and expires_at > $4 returning id",
        user.0,
        id.0,
        but.0,
        now
    );
    Ok(ended.fetch_all(&mut **tx).await?.into_iter().map(SessionId).collect())
}

/// What somebody is bound by to a provider, or was.
pub(in crate::accounts) struct Bound {
    pub id: IdentityId,
    pub user: UserId,
    pub label: String,
    pub granted: Value,
}

impl Bound {
    fn new((id, user): (i64, i64), label: String, granted: Value) -> Self {
        Self { id: IdentityId(id), user: UserId(user), label, granted }
    }
}

/// Parts everybody from a provider.
pub(in crate::accounts) async fn delete_identities_through(
    tx: &mut Tx,
    _granted: &Granted<ManageIdentity>,
    id: IdentityProviderId,
) -> Result<Vec<Bound>> {
    let gone = sqlx::query!(
        "with gone as (delete from user_identities where provider_id = $1 returning id, user_id, label, granted)
         select id, user_id, label, granted from gone order by user_id",
        id.0
    );
    let gone = gone.fetch_all(&mut **tx).await?.into_iter();
    Ok(gone.map(|row| Bound::new((row.id, row.user_id), row.label, row.granted)).collect())
}

/// Everybody to whom the groups of a provider gave something, as they are until the transaction ends.
pub(in crate::accounts) async fn given_through(
    tx: &mut Tx,
    _granted: &Granted<ManageIdentity>,
    id: IdentityProviderId,
) -> Result<Vec<Bound>> {
    let rows = sqlx::query!(
        "select id, user_id, label, granted from user_identities where provider_id = $1 and granted <> '[]'
         order by user_id for update",
        id.0
    );
    let rows = rows.fetch_all(&mut **tx).await?.into_iter();
    Ok(rows.map(|row| Bound::new((row.id, row.user_id), row.label, row.granted)).collect())
}

/// What the groups of an identity give, after it was made something else without a sign-in.
pub(in crate::accounts) async fn set_granted(tx: &mut Tx, id: IdentityId, granted: &Value) -> Result<()> {
    sqlx::query!("update user_identities set granted = $2 where id = $1", id.0, granted).execute(&mut **tx).await?;
    Ok(())
}

/// Two first sign-ins of one person wait for each other.
pub(in crate::accounts) async fn lock_person(tx: &mut Tx, provider: IdentityProviderId, subject: &str) -> Result<()> {
    let who = format!("remotegpu.identity:{provider}:{subject}");
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1, 0))", who).fetch_one(&mut **tx).await?;
    Ok(())
}

pub(in crate::accounts) async fn known_person(
    tx: &mut Tx,
    provider: IdentityProviderId,
    issuer: &str,
    subject: &str,
) -> Result<Option<Known>> {
    let row = sqlx::query!(
        "select id, user_id, granted from user_identities where provider_id = $1 and issuer = $2 and subject = $3
         for update",
        provider.0,
        issuer,
        subject
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Known { id: IdentityId(row.id), user: UserId(row.user_id), granted: row.granted }))
}

/// A new account without a password, and whether it has the address; `None` when the name is taken. An address that somebody
/// has stays theirs.
pub(in crate::accounts) async fn insert_person(
    tx: &mut Tx,
    name: &str,
    display_name: &str,
    email: Option<&str>,
) -> Result<Option<(UserId, bool)>> {
    let row = sqlx::query!(
        r#"insert into users (name, display_name, email)
         values ($1::text::citext, $2,
                 (select $3::text::citext
                  where not exists (select from users where email = $3::text::citext and deleted_at is null)))
         on conflict (name) where deleted_at is null do nothing returning id, email is not null as "has_email!""#,
        name,
        display_name,
        email
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| (UserId(row.id), row.has_email)))
}

/// Somebody came with an address that another account has, and is to read so.
pub(in crate::accounts) async fn mark_address_taken(tx: &mut Tx, id: IdentityId) -> Result<()> {
    sqlx::query!("update user_identities set address_taken = true where id = $1", id.0).execute(&mut **tx).await?;
    Ok(())
}

/// Whether somebody just came for the first time, and is to read so before anything else.
pub(in crate::accounts) async fn address_taken(tx: &mut Tx, user: UserId) -> Result<bool> {
    let taken = sqlx::query_scalar!(
        r#"select exists(select from user_identities
                         where user_id = $1 and address_taken and last_login_at = created_at) as "taken!""#,
        user.0
    );
    Ok(taken.fetch_one(&mut **tx).await?)
}

/// The name of the provider that vouched for the address, of an account that is bound since this time.
pub(in crate::accounts) async fn address_taken_since(
    tx: &mut Tx,
    user: UserId,
    since: DateTime<Utc>,
) -> Result<Option<String>> {
    let name = sqlx::query_scalar!(
        "select p.name from user_identities i join identity_providers p on p.id = i.provider_id
         where i.user_id = $1 and i.address_taken and i.created_at > $2 order by i.id limit 1",
        user.0,
        since
    );
    Ok(name.fetch_optional(&mut **tx).await?)
}

pub(in crate::accounts) async fn insert_identity(
    tx: &mut Tx,
    provider: IdentityProviderId,
    (issuer, subject, label): (&str, &str, &str),
    user: UserId,
    now: DateTime<Utc>,
) -> Result<IdentityId> {
    let id = sqlx::query_scalar!(
        "insert into user_identities (provider_id, issuer, subject, label, user_id, created_at)
         values ($1, $2, $3, $4, $5, $6) returning id",
        provider.0,
        issuer,
        subject,
        label,
        user.0,
        now
    );
    Ok(IdentityId(id.fetch_one(&mut **tx).await?))
}

pub(in crate::accounts) async fn note_identity(
    tx: &mut Tx,
    id: IdentityId,
    (granted, label): (&Value, &str),
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update user_identities set granted = $2, last_login_at = $3, label = $4 where id = $1",
        id.0,
        granted,
        now,
        label
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What an account is bound to.
pub(in crate::accounts) async fn identities_of(tx: &mut Tx, user: UserId) -> Result<Vec<IdentityView>> {
    let rows = sqlx::query!(
        r#"select i.id, i.provider_id, p.name, p.kind, p.enabled, i.label, i.created_at, i.last_login_at,
                  (u.password_hash is null and not exists(
                      select from user_identities o join identity_providers q on q.id = o.provider_id
                      where o.user_id = i.user_id and o.id <> i.id and q.enabled)) as "only_way!"
           from user_identities i join identity_providers p on p.id = i.provider_id join users u on u.id = i.user_id
           where i.user_id = $1 order by i.id"#,
        user.0
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(IdentityView {
                id: IdentityId(row.id),
                provider: IdentityProviderId(row.provider_id),
                provider_name: row.name,
                kind: kind(&row.kind)?,
                enabled: row.enabled,
                only_way: row.only_way,
                label: row.label,
                created_at: row.created_at,
                last_login_at: row.last_login_at,
            })
        })
        .collect()
}

/// What the groups of this identity gave, after it is gone.
pub(in crate::accounts) async fn delete_identity(
    tx: &mut Tx,
    granted: &Granted<SecureAccount>,
    id: IdentityId,
) -> Result<Option<Value>> {
    delete_one(tx, granted.id(), id).await
}

/// The same for staff.
pub(in crate::accounts) async fn delete_identity_of(
    tx: &mut Tx,
    granted: &Granted<UpdateUser>,
    id: IdentityId,
) -> Result<Option<Value>> {
    delete_one(tx, granted.id(), id).await
}

async fn delete_one(tx: &mut Tx, user: UserId, id: IdentityId) -> Result<Option<Value>> {
    let gone = sqlx::query_scalar!(
        "delete from user_identities where id = $1 and user_id = $2 returning granted",
        id.0,
        user.0
    );
    Ok(gone.fetch_optional(&mut **tx).await?)
}

/// Parts somebody from all of them; what each had given.
pub(in crate::accounts) async fn delete_identities(tx: &mut Tx, user: UserId) -> Result<Vec<Value>> {
    let gone = sqlx::query_scalar!("delete from user_identities where user_id = $1 returning granted", user.0);
    Ok(gone.fetch_all(&mut **tx).await?)
}

/// Where the password of an account is that has none here.
pub(in crate::accounts) async fn password_place(tx: &mut Tx, user: UserId) -> Result<Option<PasswordPlace>> {
    let row = sqlx::query!(
        "select p.name, p.password_url from user_identities i join identity_providers p on p.id = i.provider_id
              join users u on u.id = i.user_id
         where i.user_id = $1 and u.password_hash is null order by i.last_login_at desc nulls last limit 1",
        user.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| PasswordPlace { provider_name: row.name, url: row.password_url }))
}

/// Whether somebody holds this role of the platform.
pub(in crate::accounts) async fn holds_role(tx: &mut Tx, user: UserId, code: &str) -> Result<bool> {
    let holds = sqlx::query_scalar!(
        r#"select exists(select from role_assignments where user_id = $1 and role = $2) as "holds!""#,
        user.0,
        code
    );
    Ok(holds.fetch_one(&mut **tx).await?)
}

/// Gives a role of the platform; false where there is none of this code.
pub(in crate::accounts) async fn add_role(tx: &mut Tx, user: UserId, code: &str) -> Result<bool> {
    let added = sqlx::query!(
        "insert into role_assignments (user_id, role)
         select $1, code from roles where code = $2 and scope_kind = 'platform'
         on conflict do nothing",
        user.0,
        code
    );
    Ok(added.execute(&mut **tx).await?.rows_affected() == 1)
}

/// Whether whoever holds this role of the platform works for it.
pub(in crate::accounts) async fn makes_staff(tx: &mut Tx, code: &str) -> Result<bool> {
    let staff = sqlx::query_scalar!(
        r#"select exists(select from roles where code = $1 and scope_kind = 'platform' and of_staff) as "staff!""#,
        code
    );
    Ok(staff.fetch_one(&mut **tx).await?)
}

/// What the other providers in use give that an account is bound to, beside the one of `but`.
pub(in crate::accounts) async fn granted_by_others(
    tx: &mut Tx,
    user: UserId,
    but: Option<IdentityId>,
) -> Result<Vec<Value>> {
    let granted = sqlx::query_scalar!(
        "select i.granted from user_identities i join identity_providers p on p.id = i.provider_id
         where i.user_id = $1 and p.enabled and i.id is distinct from $2::bigint order by i.id",
        user.0,
        but.map(|id| id.0)
    );
    Ok(granted.fetch_all(&mut **tx).await?)
}

/// Takes a role; whether the last admin goes is asked for before.
pub(in crate::accounts) async fn remove_role(tx: &mut Tx, user: UserId, code: &str) -> Result<()> {
    sqlx::query!("delete from role_assignments where user_id = $1 and role = $2", user.0, code)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The word of what somebody is in a customer.
pub(in crate::accounts) async fn membership(tx: &mut Tx, customer: CustomerId, user: UserId) -> Result<Option<String>> {
    let role = sqlx::query_scalar!(
        "select role from memberships where customer_id = $1 and user_id = $2 for update",
        customer.0,
        user.0
    );
    Ok(role.fetch_optional(&mut **tx).await?)
}

pub(in crate::accounts) async fn set_membership(
    tx: &mut Tx,
    customer: CustomerId,
    user: UserId,
    role: &str,
) -> Result<()> {
    sqlx::query!(
        "insert into memberships (customer_id, user_id, role) values ($1, $2, $3)
         on conflict (customer_id, user_id) do update set role = $3",
        customer.0,
        user.0,
        role
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether the customer has an owner beside this person who can act for it; to be asked under the lock of the customer.
pub(in crate::accounts) async fn has_other_owner(tx: &mut Tx, customer: CustomerId, user: UserId) -> Result<bool> {
    let other = sqlx::query_scalar!(
        r#"select exists(select from memberships m join users u on u.id = m.user_id
                         where m.customer_id = $1 and m.user_id <> $2 and m.role = 'owner'
                           and u.state = 'active' and u.deleted_at is null
                           and not exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                                          where a.user_id = u.id)) as "other!""#,
        customer.0,
        user.0
    );
    Ok(other.fetch_one(&mut **tx).await?)
}

/// Only as what was given: who was made something else by hand stays it.
pub(in crate::accounts) async fn remove_membership(
    tx: &mut Tx,
    customer: CustomerId,
    user: UserId,
    role: &str,
) -> Result<bool> {
    let done = sqlx::query!(
        "delete from memberships where customer_id = $1 and user_id = $2 and role = $3",
        customer.0,
        user.0,
        role
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Roles changed: every session of the account ends.
pub(in crate::accounts) async fn end_sessions_of(tx: &mut Tx, user: UserId) -> Result<()> {
    sqlx::query!("update users set token_version = token_version + 1 where id = $1", user.0).execute(&mut **tx).await?;
    Ok(())
}

//! The first admin, and the way back in for an operator who lost the password.

use contract::accounts::{Language, MemberRole};
use contract::{CustomerId, ErrorCode, UserId};

use super::{
    SessionEnding, entry, hash_password, identity, joining, links, password_reset, second_factor, store, users,
};
use crate::authz::SecureAccount;
use crate::{Error, OpContext, Platform, Result, SystemActor, Via, audit, customers, secrets};

/// Shown once, at the first start.
pub struct FirstAdmin {
    pub name: String,
    pub password: String,
}

/// Creates one admin when there is no user at all. Several servers may start at once: one creates.
pub async fn ensure_first_admin(platform: &Platform) -> Result<Option<FirstAdmin>> {
    let ctx = operator(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    if !store::lock_empty_users(&mut tx).await? {
        return Ok(None);
    }
    let password = new_password();
    let hash = hash_password(&password)?;
    let id = store::insert_admin(&mut tx, "admin", &hash).await?;
    audit::record_in_tx(&mut tx, &ctx, entry("accounts:create-first-admin", id)).await?;
    tx.commit().await?;
    Ok(Some(FirstAdmin { name: "admin".to_owned(), password }))
}

/// The name of the admin who has been here longest and may sign in, for the operator at the console.
pub async fn any_admin(platform: &Platform) -> Result<Option<String>> {
    let mut tx = platform.db().begin(&operator(platform)).await?;
    let name = store::oldest_admin(&mut tx).await?;
    tx.commit().await?;
    Ok(name)
}

/// A password that was given at the command line.
pub struct NewPassword {
    pub password: String,
    /// The providers that the account came from until now.
    pub parted: Vec<identity::Parted>,
}

/// Gives a user a new random password and ends all their sessions and links; for the command line. What a directory let in is
/// parted from it. Who needs this needs somebody who administers, so that roles of the platform stay unless `takes_roles`.
pub async fn reset_password(platform: &Platform, name: &str, takes_roles: bool) -> Result<NewPassword> {
    let ctx = operator(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let row = store::credentials(&mut tx, &name.trim().to_lowercase())
        .await?
        .ok_or_else(|| Error::new(ErrorCode::NotFound))?;
    let password = new_password();
    let left = identity::leave_providers_in_tx(&mut tx, row.id).await?;
    store::passwords::set(&mut tx, row.id, &hash_password(&password)?, ctx.now()).await?;
    let parted = identity::take_back_left_in_tx(platform, &mut tx, &ctx, row.id, (left, !takes_roles)).await?;
    links::retire_ways_in(&mut tx, row.id, ctx.now()).await?;
    audit::record_in_tx(&mut tx, &ctx, entry("accounts:reset-password", row.id)).await?;
    password_reset::tell_of_password(platform, &mut tx, &ctx, row.id).await?;
    tx.commit().await?;
    let _ = platform.endings().send(SessionEnding::User(UserId(row.id.0)));
    Ok(NewPassword { password, parted })
}

/// Switches a user's second factor off and ends all their sessions; for the command line.
pub async fn reset_second_factor(platform: &Platform, name: &str) -> Result<()> {
    let ctx = operator(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let row = store::credentials(&mut tx, &name.trim().to_lowercase()).await?.ok_or_else(Error::not_found)?;
    let granted = ctx.authorize(SecureAccount, &super::account(row.id))?;
    store::second_factor::remove(&mut tx, &granted).await?;
    store::next_token_version(&mut tx, &granted).await?;
    audit::record_in_tx(&mut tx, &ctx, entry("accounts:totp-disable", row.id)).await?;
    second_factor::tell(platform, &mut tx, &ctx, row.id, "off").await?;
    tx.commit().await?;
    let _ = platform.endings().send(SessionEnding::User(row.id));
    Ok(())
}

/// Creates a customer with its owner; for the command line. Returns the owner's password.
pub async fn create_customer(platform: &Platform, customer: &str, owner: &str) -> Result<String> {
    let ctx = operator(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let id = store::insert_customer(&mut tx, customer.trim()).await?;
    let mut created = entry("customers:create", UserId(0));
    (created.target_kind, created.target_id, created.customer) = ("customer", Some(id.to_string()), Some(id));
    audit::record_in_tx(&mut tx, &ctx, created).await?;
    let password = add_person(platform, &mut tx, &ctx, id, (owner, MemberRole::Owner)).await?;
    tx.commit().await?;
    Ok(password)
}

/// Adds a new person to a customer by its name; for the command line. Returns the password.
pub async fn add_member(platform: &Platform, customer: &str, name: &str, role: MemberRole) -> Result<String> {
    let ctx = operator(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    let id = store::customer_by_name(&mut tx, customer.trim()).await?.ok_or_else(Error::not_found)?;
    let password = add_person(platform, &mut tx, &ctx, id, (name, role)).await?;
    tx.commit().await?;
    Ok(password)
}

async fn add_person(
    platform: &Platform,
    tx: &mut crate::db::Tx,
    ctx: &OpContext,
    customer: CustomerId,
    (name, role): (&str, MemberRole),
) -> Result<String> {
    let person = NewPerson { name: name.trim().to_lowercase(), role, ..NewPerson::default() };
    let password = add_person_in_tx(platform, tx, ctx, customer, &person).await?;
    password.ok_or_else(|| Error::internal("a new account has no password"))
}

/// A person to be, as an operation of `customers` has checked it.
#[derive(Clone, Debug)]
pub(crate) struct NewPerson {
    pub name: String,
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub role: MemberRole,
    /// The account is there already: it becomes a member.
    pub existing: bool,
    /// Where the person is at the screen: the language they read then.
    pub language: Option<Language>,
}

impl Default for NewPerson {
    fn default() -> Self {
        Self {
            name: String::new(),
            display_name: None,
            email: None,
            role: MemberRole::Member,
            existing: false,
            language: None,
        }
    }
}

/// Somebody in a customer, in a transaction of the system's: a new account, whose password is returned and stored only as a
/// hash, with a link to a first one of their own by mail, or one that exists, whose owner is told.
pub(crate) async fn add_person_in_tx(
    platform: &Platform,
    tx: &mut crate::db::Tx,
    ctx: &OpContext,
    customer: CustomerId,
    person: &NewPerson,
) -> Result<Option<String>> {
    if person.existing {
        return joining::add_existing_in_tx(platform, tx, ctx, customer, person).await.map(|()| None);
    }
    let password = new_password();
    let user = store::insert_person(tx, person, &hash_password(&password)?).await?;
    add_membership_in_tx(tx, ctx, customer, user, person.role).await?;
    if let Some(address) = person.email.as_deref() {
        let name: Vec<String> = customers::names(tx, &[customer.0]).await?.into_values().collect();
        users::first_password::send_in_tx(platform, tx, ctx, (user, &person.name, address), &name).await?;
    }
    Ok(Some(password))
}

/// Makes somebody whose account is there one of a customer's people, in the caller's transaction.
pub(crate) async fn add_membership_in_tx(
    tx: &mut crate::db::Tx,
    ctx: &OpContext,
    customer: CustomerId,
    user: UserId,
    role: MemberRole,
) -> Result<()> {
    store::insert_membership(tx, customer, user, role).await?;
    let mut added = audit::Entry::of_member("customers:add-member", customer, user);
    // As they are called now: the customer reads it by that when they have left.
    let name = store::names(tx, &[user.0]).await?.remove(&user.0);
    added.after = Some(serde_json::json!({ "username": name, "role": role }));
    audit::record_in_tx(tx, ctx, added).await
}

fn operator(platform: &Platform) -> OpContext {
    let ctx = platform.system(SystemActor::Operator);
    OpContext::new(ctx.principal().clone(), ctx.now(), Via::Cli, ctx.request_id(), None, ctx.language())
}

/// Twenty letters and digits without the ones that look alike: about 115 bits.
pub(super) fn new_password() -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut password = String::new();
    while password.len() < 20 {
        let byte = usize::from(secrets::random_bytes::<1>()[0]);
        // Beyond the last whole multiple the first letters would come more often.
        if byte < 256 / LETTERS.len() * LETTERS.len() {
            password.push(char::from(LETTERS[byte % LETTERS.len()]));
        }
    }
    password
}

//! A new e-mail address: proved by a link that goes there, told to the old one.

use chrono::TimeDelta;
use contract::accounts::{EmailChangeConfirm, EmailChangeRequest};
use contract::mail::EMAIL_PATH;
use contract::notifications::NotificationKind;
use contract::{ErrorCode, UserId};

use super::attempts::{self, Subjects};
use super::links::{self, NewLink, Purpose};
use super::{ACCOUNT_PAGE, account, entry, password, signed_in, store};
use crate::authz::SecureAccount;
use crate::db::Tx;
use crate::fields::Wrong;
use crate::mail::{self, NewMail};
use crate::notifications::{self, Notice, Value};
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, settings};

/// Mails to new addresses by one person in [`WINDOW`]: nobody's mailbox is flooded.
const MOST_MAILS: i64 = 3;
const WINDOW: TimeDelta = TimeDelta::minutes(15);

/// Sends a link to the new address; nothing changes before it is used.
///
/// # Errors
/// `Validation` for the address and for the password (a wrong one counts as a failure, as at sign-in); `RateLimited` after
/// too many failures or mails; `WrongState` where no mail goes out at all, and for accounts that a provider keeps;
/// `Conflict` when the password changed meanwhile.
pub async fn request_email_change(platform: &Platform, ctx: &OpContext, body: &EmailChangeRequest) -> Result<()> {
    let user = signed_in(ctx)?;
    // The address opens the account by a link to a new password: nothing an API token may change.
    let ctx = &ctx.trying_own("accounts:request-email-change");
    ctx.authorize(SecureAccount, &account(user.id))?;
    let mut wrong = Wrong::new();
    let email = wrong.email("email", Some(body.email.to_lowercase()));
    if email.is_none() {
        wrong.add("email", "field-required");
    }
    if body.password.is_empty() {
        must_be_kept_here(platform, ctx, user.id).await?;
        wrong.add("password", "field-required");
    }
    wrong.into_result()?;
    let email = email.unwrap_or_default();
    if !mail::is_on(platform).await {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-mail-off"));
    }
    let system = ctx.as_system(SystemActor::Authenticator);
    let subjects = Subjects::of(ctx, &user.name);
    let mut tx = platform.db().begin(&system).await?;
    attempts::check_delay(&mut tx, ctx, &subjects, user.id).await?;
    let credentials = store::credentials_of(&mut tx, user.id).await?.ok_or_else(Error::not_found)?;
    let contact = store::contacts(&mut tx, &[user.id.0]).await?.into_iter().next().ok_or_else(Error::not_found)?;
    tx.commit().await?; // checking the password takes a while: hold no connection meanwhile
    if credentials.password_hash.is_none() {
        return Err(elsewhere());
    }
    if contact.email.as_deref() == Some(email.as_str()) {
        return Err(Error::field("email", "field-email-same"));
    }
    if !password::verify(platform, &body.password, credentials.password_hash).await? {
        let action = "accounts:request-email-change";
        attempts::note_failure(platform, ctx, &subjects, action, Some(user.id)).await?;
        return Err(Error::field("password", "field-password-wrong"));
    }
    let language = contact.language_or(platform);
    let mut tx = platform.db().begin(&system).await?;
    links::lock_owner(&mut tx, user.id).await?;
    let now = store::credentials_of(&mut tx, user.id).await?.map(|row| row.token_version);
    if now != Some(credentials.token_version) {
        return Err(Error::new(ErrorCode::Conflict)); // the password, for one, is another by now
    }
    if links::issued_since(&mut tx, Purpose::EmailChange, user.id, ctx.now() - WINDOW).await? >= MOST_MAILS {
        let limited = Error::new(ErrorCode::RateLimited).with_key("error-rate-limited-wait");
        return Err(limited.with_arg("seconds", WINDOW.num_seconds()));
    }
    links::retire_of_user(&mut tx, Purpose::EmailChange, user.id, ctx.now()).await?;
    let link = NewLink {
        purpose: Purpose::EmailChange,
        user: Some(user.id),
        place: None,
        address: &email,
        created_by: Some(user.id),
    };
    let (_, token) = links::issue(&mut tx, link, ctx.now()).await?;
    let letter = |kind: &'static str, address: String, link: Option<String>| NewMail {
        kind,
        user: Some(user.id),
        address,
        language,
        args: vec![("name", contact.name.clone()), ("email", email.clone())],
        link,
        at: ctx.now(),
        idempotency_key: None,
    };
    let there = letter("email-change", email.clone(), Some(links::address(platform, EMAIL_PATH, &token)));
    mail::enqueue_in_tx(platform, &mut tx, there).await?;
    if let Some(old) = contact.email.clone() {
        mail::enqueue_in_tx(platform, &mut tx, letter("email-change-notice", old, None)).await?;
    }
    let after = serde_json::json!({ "email": email });
    let entry = audit::Entry { after: Some(after), ..entry("accounts:request-email-change", user.id) };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// Who has no password here is not asked for one.
async fn must_be_kept_here(platform: &Platform, ctx: &OpContext, user: UserId) -> Result<()> {
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let row = store::credentials_of(&mut tx, user).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?;
    if row.password_hash.is_some() { Ok(()) } else { Err(elsewhere()) }
}

/// What proves it is theirs is the password, which is not here.
fn elsewhere() -> Error {
    Error::new(ErrorCode::WrongState).with_key("error-email-elsewhere")
}

/// Takes the new address with a link's token.
///
/// # Errors
/// `Validation` for a link that does not work (any more); `AlreadyExists` when somebody else has the address by now.
pub async fn confirm_email_change(platform: &Platform, ctx: &OpContext, body: &EmailChangeConfirm) -> Result<()> {
    let system = ctx.as_system(SystemActor::Authenticator);
    let mut tx = platform.db().begin(&system).await?;
    let link = links::find(&mut tx, &[Purpose::EmailChange], &body.token, ctx.now()).await?;
    let user = link.user.ok_or_else(links::spent)?;
    let contact = store::contacts(&mut tx, &[user.0]).await?.into_iter().next().ok_or_else(links::spent)?;
    links::lock_owner(&mut tx, user).await?;
    if !links::consume(&mut tx, &link, ctx.now()).await? {
        return Err(links::spent());
    }
    // Who opens the link somewhere else may be another than whose account it is: who asked could have named anybody's address.
    let proved = ctx.user().is_some_and(|by| by.id == user).then(|| ctx.now());
    store::set_email(&mut tx, user, &link.address, proved).await?;
    // A link to a new password that went to the old address works no more.
    links::retire_of_user(&mut tx, Purpose::PasswordReset, user, ctx.now()).await?;
    let entry = audit::Entry {
        before: Some(serde_json::json!({ "email": contact.email })),
        after: Some(serde_json::json!({ "email": link.address })),
        ..entry("accounts:change-email", user)
    };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// Tells somebody whose address another changed, in the transaction of that: in the product, at the new address, and at the
/// old one, which nobody could silence by changing it.
pub(super) async fn tell_of_move(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    user: UserId,
    (old, new): (Option<&str>, Option<&str>),
) -> Result<()> {
    if ctx.user().is_some_and(|by| by.id == user) {
        return Ok(());
    }
    let kind = NotificationKind::EmailChanged;
    let email = new.unwrap_or("none").to_owned();
    let args = vec![("email", Value::Text(email.clone())), ("by", notifications::by(ctx))];
    let notice = Notice { kind, args, link: Some(ACCOUNT_PAGE.to_owned()) };
    notifications::notify_in_tx(platform, tx, ctx, &[user], &notice).await?;
    let contact = store::contacts(tx, &[user.0]).await?.into_iter().next();
    let (Some(address), Some(contact)) = (old, contact) else { return Ok(()) };
    if !settings::sends_mail(platform) {
        return Ok(());
    }
    let language = contact.language_or(platform);
    let by = notifications::by_in_words(ctx, language, contact.staff);
    let letter = NewMail {
        kind: kind.code(),
        user: Some(user),
        address: address.to_owned(),
        language,
        args: vec![("name", contact.name), ("email", email), ("by", by)],
        link: Some(format!("{}{ACCOUNT_PAGE}", platform.settings().public_url)),
        at: ctx.now(),
        idempotency_key: None,
    };
    mail::enqueue_in_tx(platform, tx, letter).await.map(|_| ())
}

/// What a link to a new address is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moving {
    /// The name that is signed in with.
    pub account: String,
    pub address: String,
    /// Somebody else has the address by now: the link would be refused.
    pub taken: bool,
}

/// Looks what a link to a new address is about, and leaves it as it is.
///
/// # Errors
/// `Validation` for one that does not work (any more).
pub async fn moving(platform: &Platform, ctx: &OpContext, token: &str) -> Result<Moving> {
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let link = links::find(&mut tx, &[Purpose::EmailChange], token, ctx.now()).await?;
    let user = link.user.ok_or_else(links::spent)?;
    let contact = store::contacts(&mut tx, &[user.0]).await?.into_iter().next().ok_or_else(links::spent)?;
    let holder = store::by_email(&mut tx, &link.address).await?;
    tx.commit().await?;
    let taken = holder.is_some_and(|holder| holder.id != user);
    Ok(Moving { account: contact.name, address: link.address, taken })
}

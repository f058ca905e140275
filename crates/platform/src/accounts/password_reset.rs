//! A new password by a link that goes to the account's address.
//!
//! Whether there is such an account shows nowhere: asking for a link does the same work for every name, and the look-up
//! happens later, in a job.

use contract::accounts::{Language, PasswordResetConfirm, PasswordResetRequest};
use contract::mail::{FORGOT_PATH, RESET_PATH};
use contract::notifications::NotificationKind;
use contract::{ErrorCode, JobId, UserId};

use super::asking::{Asked, Asking, MOST_MAILS, WINDOW};
use super::attempts::{self, FREE_OF_CHALLENGE};
use super::captcha::{self, Captchas, Given};
use super::leftovers;
use super::links::{self, NewLink, Purpose};
use super::{Contact, SessionEnding, entry, identity, password, store};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::jobs::{self, NewJob};
use crate::mail::{self, NewMail};
use crate::notifications::{self, Notice};
use crate::{Error, OpContext, Platform, Result, SystemActor, audit};

const ASKING: Asking = Asking { word: "reset", free_of_challenge: FREE_OF_CHALLENGE };
/// What the typed name is sealed for: it may be a password in the wrong field.
const SEALED_FOR: &str = "jobs.payload:password-reset";

/// Asks for a link.
///
/// # Errors
/// `CaptchaRequired` after some requests, when no solved challenge comes with it; `RateLimited` with the seconds to wait
/// after more; `WrongState` where no mail goes out at all.
pub async fn request_password_reset(platform: &Platform, ctx: &OpContext, body: &PasswordResetRequest) -> Result<()> {
    let account = body.account.trim().to_lowercase();
    if account.is_empty() {
        return Err(Error::field("account", "field-required"));
    }
    // What no name has would only fail later, in the look-up.
    if account.len() > 254 || account.chars().any(char::is_control) {
        return Err(Error::field("account", "field-malformed"));
    }
    if !mail::is_on(platform).await {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-mail-off"));
    }
    let tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let given = Given { id: body.captcha_id.as_deref(), answer: body.captcha.as_deref() };
    let mut tx = Asked::of(ctx, ASKING, &account).take(platform, tx, ctx, given).await?;
    let mut job = NewJob::new("password-reset", ctx.now());
    // The language of the page, for who has chosen none.
    job.payload = serde_json::json!({
        "account": hex::encode(platform.keyring().seal(SEALED_FOR, account.as_bytes())),
        "language": ctx.language().code(),
    });
    jobs::enqueue_in_tx(&mut tx, &job).await?;
    tx.commit().await?;
    Ok(())
}

/// The challenges that the form has to show for this name, from this address; none while little was asked.
pub async fn captchas_of_reset(platform: &Platform, ctx: &OpContext, account: &str) -> Result<Option<Captchas>> {
    let account = account.trim().to_lowercase();
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let challenged = Asked::of(ctx, ASKING, &account).standing(&mut tx, ctx).await?.challenged;
    tx.commit().await?;
    if challenged { captcha::both(platform, ctx).await.map(Some) } else { Ok(None) }
}

/// Looks the account up and sends the link, if there is somebody to send it to; run by the job queue.
pub(crate) async fn send_password_reset(platform: &Platform, payload: &serde_json::Value, job: JobId) -> Result<()> {
    let word = |name: &str| payload.get(name).and_then(serde_json::Value::as_str);
    let sealed = word("account").ok_or_else(|| Error::internal("the job of a new password names nobody"))?;
    // A job of the version before says none.
    let asked_in = word("language").and_then(Language::parse);
    let sealed = hex::decode(sealed).map_err(Error::internal)?;
    let account = String::from_utf8(platform.keyring().open(SEALED_FOR, &sealed)?).map_err(Error::internal)?;
    let ctx = platform.system(SystemActor::Authenticator);
    let mut tx = platform.db().begin(&ctx).await?;
    let found = store::credentials(&mut tx, &account).await?.filter(|row| row.active);
    let Some(row) = found else { return Ok(()) };
    let contact = store::contacts(&mut tx, &[row.id.0]).await?.into_iter().next();
    let Some((mut contact, address)) = contact.and_then(|c| Some((c.clone(), c.email?))) else { return Ok(()) };
    contact.language = contact.language.or(asked_in);
    if row.password_hash.is_none() {
        return tell_where(platform, tx, (row, contact, address)).await;
    }
    links::lock_owner(&mut tx, row.id).await?;
    if links::issued_since(&mut tx, Purpose::PasswordReset, row.id, ctx.now() - WINDOW).await? >= MOST_MAILS {
        return Ok(());
    }
    // Of several mails the last one counts: an earlier one may lie where somebody else reads it.
    links::retire_of_user(&mut tx, Purpose::PasswordReset, row.id, ctx.now()).await?;
    let link = NewLink {
        purpose: Purpose::PasswordReset,
        user: Some(row.id),
        place: None,
        address: &address,
        created_by: None,
    };
    let (_, token) = links::issue(&mut tx, link, ctx.now()).await?;
    let mail = NewMail {
        kind: "password-reset",
        user: Some(row.id),
        address: address.clone(),
        language: contact.language_or(platform),
        args: vec![("name", row.name)],
        link: Some(links::address(platform, RESET_PATH, &token)),
        at: ctx.now(),
        idempotency_key: Some(format!("password-reset:{job}")),
    };
    // A second run of the same job rolls its link back.
    if mail::enqueue_in_tx(platform, &mut tx, mail).await? {
        tx.commit().await?;
    }
    Ok(())
}

/// Who comes from a provider is sent there: once in a while, however often somebody asks.
async fn tell_where(
    platform: &Platform,
    mut tx: Tx,
    (row, contact, address): (store::Credentials, Contact, String),
) -> Result<()> {
    let Some(place) = identity::password_place(&mut tx, row.id).await? else { return Ok(()) };
    let now = platform.clock().now();
    let mail = NewMail {
        kind: "password-elsewhere",
        user: Some(row.id),
        address,
        language: contact.language_or(platform),
        args: vec![("name", row.name), ("provider", place.provider_name)],
        link: place.url, // nowhere to go where nobody named a page
        at: now,
        idempotency_key: Some(format!("password-elsewhere:{}:{}", row.id, now.timestamp() / WINDOW.num_seconds())),
    };
    mail::enqueue_in_tx(platform, &mut tx, mail).await?;
    tx.commit().await?;
    Ok(())
}

/// What a link to a new password is for: with [`Purpose::FirstPassword`] the same page sets the first one.
const PURPOSES: [Purpose; 2] = [Purpose::PasswordReset, Purpose::FirstPassword];

/// Looks whether a link to a new password works, and leaves it as it is: the sign-in services that get in to the account
/// whatever its password is, by name.
///
/// # Errors
/// `Validation` for one that does not work (any more).
pub async fn resetting(platform: &Platform, ctx: &OpContext, token: &str) -> Result<Vec<String>> {
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let user = links::find(&mut tx, &PURPOSES, token, ctx.now()).await?.user.ok_or_else(links::spent)?;
    // Those of an address that nobody proved go with the new password.
    let stay = store::passwords::address_is_proved(&mut tx, user).await?;
    let bound = if stay { store::identity::identities_of(&mut tx, user).await? } else { Vec::new() };
    tx.commit().await?;
    Ok(bound.into_iter().map(|identity| identity.provider_name).collect())
}

/// Sets a new password with a link's token and ends every session of the person.
///
/// # Errors
/// `Validation` for a link that does not work (any more), and for a password that is not good enough.
pub async fn confirm_password_reset(platform: &Platform, ctx: &OpContext, body: &PasswordResetConfirm) -> Result<()> {
    let rule = password::password_rule(platform).await;
    let system = ctx.as_system(SystemActor::Authenticator);
    let mut tx = platform.db().begin(&system).await?;
    let link = links::find(&mut tx, &PURPOSES, &body.token, ctx.now()).await?;
    let user = link.user.ok_or_else(links::spent)?;
    let contact = store::contacts(&mut tx, &[user.0]).await?.into_iter().next().ok_or_else(links::spent)?;
    let credentials = store::credentials_of(&mut tx, user).await?;
    let earlier = store::passwords::earlier(&mut tx, user, rule.remembered.into()).await?;
    tx.commit().await?; // hashing takes a while: hold no connection meanwhile

    let mut wrong = Wrong::new();
    let about = [&contact.name, &contact.display_name, contact.email.as_deref().unwrap_or_default()];
    rule.check(&mut wrong, "newPassword", &body.new_password, &about);
    wrong.into_result()?;
    // The forgotten one may be known to somebody else: it is not taken again.
    let old = credentials.and_then(|row| row.password_hash);
    if old.is_some() && password::verify(platform, &body.new_password, old).await? {
        return Err(Error::field("newPassword", "field-password-old"));
    }
    password::check_unused(platform, earlier, &body.new_password).await?;
    let hash = password::hash(platform, &body.new_password).await?;

    let mut tx = platform.db().begin(&system).await?;
    let before = leftovers::drop_in_tx(&mut tx, ctx, user).await?;
    links::lock_owner(&mut tx, user).await?;
    if !links::consume(&mut tx, &link, ctx.now()).await? {
        return Err(links::spent());
    }
    links::retire_ways_in(&mut tx, user, ctx.now()).await?;
    store::passwords::set(&mut tx, user, &hash, ctx.now()).await?;
    attempts::note_proved(&mut tx, ctx, user).await?;
    audit::record_in_tx(&mut tx, ctx, audit::Entry { before, ..entry("accounts:reset-password", user) }).await?;
    tell_of_password(platform, &mut tx, ctx, user).await?;
    tx.commit().await?;
    let _ = platform.endings().send(SessionEnding::User(UserId(user.0)));
    Ok(())
}

/// Whoever did not do it should hear of it.
pub(super) async fn tell_of_password(platform: &Platform, tx: &mut Tx, ctx: &OpContext, user: UserId) -> Result<()> {
    let args = vec![("who", notifications::who(ctx, user)), ("by", notifications::by(ctx))];
    // The way out for who knows nothing of it.
    let notice = Notice { kind: NotificationKind::PasswordChanged, args, link: Some(FORGOT_PATH.to_owned()) };
    notifications::notify_in_tx(platform, tx, ctx, &[user], &notice).await
}

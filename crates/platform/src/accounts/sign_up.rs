//! People who make an account of their own, where the settings are open to everybody.
//!
//! First they name an address and solve a challenge; the link that goes there proves that it is theirs. Whether the address
//! has an account already shows in its mailbox alone: the answer and the work behind it are the same, and the look-up
//! happens in a job. Who signed up belongs to no customer and holds no role until somebody gives them one.

use contract::accounts::{AccountByLink, SignUpRequest};
use contract::mail::{FORGOT_PATH, SIGN_UP_PATH};
use contract::{ErrorCode, JobId, UserId};

use super::asking::{Asked, Asking, MOST_MAILS, WINDOW};
use super::bootstrap::NewPerson;
use super::captcha::{self, Captchas, Given};
use super::links::{self, Link, NewLink, Purpose};
use super::{entry, password, store, users};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::jobs::{self, NewJob};
use crate::mail::{self, NewMail};
use crate::settings::{self, SignUp};
use crate::{Error, OpContext, Platform, Result, SystemActor, audit};

/// A challenge comes with the very first form: robots look for forms that send mail.
const ASKING: Asking = Asking { word: "sign-up", free_of_challenge: 0 };
/// What the typed address is sealed for.
const SEALED_FOR: &str = "jobs.payload:sign-up";

/// True when anybody may make an account.
pub async fn sign_up_is_open(platform: &Platform) -> bool {
    settings::sign_in(platform).await.sign_up == SignUp::Open
}

/// Asks for the link that makes an account.
///
/// # Errors
/// `WrongState` where the settings are not open to everybody or no mail goes out; `Validation` for the address;
/// `CaptchaRequired` when no solved challenge comes with it; `RateLimited` with the seconds to wait.
pub async fn request_sign_up(platform: &Platform, ctx: &OpContext, body: &SignUpRequest) -> Result<()> {
    must_be_open(platform).await?;
    let mut wrong = Wrong::new();
    let email = wrong.email("email", Some(body.email.trim().to_lowercase()));
    if email.is_none() {
        wrong.add("email", "field-required");
    }
    wrong.into_result()?;
    let email = email.unwrap_or_default();
    if !mail::is_on(platform).await {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-mail-off"));
    }
    let tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let given = Given { id: body.captcha_id.as_deref(), answer: body.captcha.as_deref() };
    let mut tx = Asked::of(ctx, ASKING, &email).take(platform, tx, ctx, given).await?;
    let mut job = NewJob::new("sign-up", ctx.now());
    job.payload = serde_json::json!({
        "email": hex::encode(platform.keyring().seal(SEALED_FOR, email.as_bytes())),
        "language": ctx.language(),
    });
    jobs::enqueue_in_tx(&mut tx, &job).await?;
    tx.commit().await?;
    Ok(())
}

/// The challenges that the form shows.
pub async fn captchas_of_sign_up(platform: &Platform, ctx: &OpContext) -> Result<Captchas> {
    captcha::both(platform, ctx).await
}

/// Sends the link, or says in a mail that there is an account already; run by the job queue.
pub(crate) async fn send_sign_up(platform: &Platform, payload: &serde_json::Value, job: JobId) -> Result<()> {
    let sealed = payload.get("email").and_then(serde_json::Value::as_str).unwrap_or_default();
    let sealed = hex::decode(sealed).map_err(Error::internal)?;
    let email = String::from_utf8(platform.keyring().open(SEALED_FOR, &sealed)?).map_err(Error::internal)?;
    let language = payload.get("language").cloned().and_then(|word| serde_json::from_value(word).ok());
    let ctx = platform.system(SystemActor::Authenticator);
    let mut tx = platform.db().begin(&ctx).await?;
    let known = store::by_email(&mut tx, &email).await?;
    let language = language.unwrap_or_else(|| settings::usual_language(platform));
    let mut letter = NewMail {
        kind: "sign-up-known",
        user: known.as_ref().map(|known| known.id),
        address: email.clone(),
        language: known.as_ref().and_then(|known| known.language).unwrap_or(language),
        args: known.iter().map(|known| ("name", known.name.clone())).collect(),
        link: Some(format!("{}{FORGOT_PATH}", platform.settings().public_url)),
        at: ctx.now(),
        // Once in a while, however often somebody asks.
        idempotency_key: known
            .as_ref()
            .map(|known| format!("sign-up-known:{}:{}", known.id, ctx.now().timestamp() / WINDOW.num_seconds())),
    };
    if known.is_none() {
        if links::sign_ups_since(&mut tx, &email, ctx.now() - WINDOW).await? >= MOST_MAILS {
            return Ok(());
        }
        let link = NewLink { purpose: Purpose::SignUp, user: None, place: None, address: &email, created_by: None };
        let (_, token) = links::issue(&mut tx, link, ctx.now()).await?;
        letter.kind = "sign-up";
        letter.link = Some(links::address(platform, SIGN_UP_PATH, &token));
        letter.idempotency_key = Some(format!("sign-up:{job}"));
    }
    // A second run of the same job rolls its link back.
    if mail::enqueue_in_tx(platform, &mut tx, letter).await? {
        tx.commit().await?;
    }
    Ok(())
}

/// The address that a link proves.
///
/// # Errors
/// `Validation` for a link that does not work (any more); `WrongState` when it is not open to everybody any more.
pub async fn signing_up(platform: &Platform, ctx: &OpContext, token: &str) -> Result<String> {
    must_be_open(platform).await?;
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let link = links::find(&mut tx, &[Purpose::SignUp], token, ctx.now()).await?;
    tx.commit().await?;
    Ok(link.address)
}

/// Makes the account.
///
/// # Errors
/// As [`super::accept_invitation`]'s.
pub async fn sign_up(platform: &Platform, ctx: &OpContext, body: &AccountByLink) -> Result<()> {
    must_be_open(platform).await?;
    let (mut tx, link, person) = prepare(platform, ctx, Purpose::SignUp, body).await?;
    let user = person.insert(&mut tx, &link, ctx).await?;
    let after = serde_json::json!({ "username": person.name, "email": link.address });
    let entry = audit::Entry { after: Some(after), ..entry("accounts:sign-up", user) };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(())
}

async fn must_be_open(platform: &Platform) -> Result<()> {
    match sign_up_is_open(platform).await {
        true => Ok(()),
        false => Err(Error::new(ErrorCode::WrongState).with_key("error-sign-up-closed")),
    }
}

/// Somebody who is about to be, by a link.
pub(super) struct Comer {
    pub name: String,
    display_name: Option<String>,
    hash: String,
}

/// Checks what a person typed under a link and hashes the password; the transaction is the system's, and nothing is used up
/// in it yet.
///
/// # Errors
/// `Validation` with every fault at once, for a link that does not work (any more) too.
pub(super) async fn prepare(
    platform: &Platform,
    ctx: &OpContext,
    purpose: Purpose,
    body: &AccountByLink,
) -> Result<(Tx, Link, Comer)> {
    let rule = password::password_rule(platform).await;
    let system = ctx.as_system(SystemActor::Authenticator);
    let mut tx = platform.db().begin(&system).await?;
    let link = links::find(&mut tx, &[purpose], &body.token, ctx.now()).await?;
    tx.commit().await?; // hashing takes a while: hold no connection meanwhile
    let mut wrong = Wrong::new();
    let name = body.username.trim().to_lowercase();
    if name.is_empty() {
        wrong.add("username", "field-required");
    }
    users::refuse_reserved(&mut wrong, "username", &name);
    let display_name = wrong.display_name("displayName", body.display_name.clone());
    let about = [name.as_str(), display_name.as_deref().unwrap_or_default(), link.address.as_str()];
    rule.check(&mut wrong, "password", &body.password, &about);
    wrong.into_result()?;
    let hash = password::hash(platform, &body.password).await?;
    let tx = platform.db().begin(&system).await?;
    Ok((tx, link, Comer { name, display_name, hash }))
}

impl Comer {
    /// Uses the link up and makes the account.
    ///
    /// # Errors
    /// `Validation` for a link that somebody else used meanwhile; `AlreadyExists` for a name or address that is taken.
    pub(super) async fn insert(&self, tx: &mut Tx, link: &Link, ctx: &OpContext) -> Result<UserId> {
        if !links::consume(tx, link, ctx.now()).await? {
            return Err(links::spent());
        }
        let person = NewPerson {
            name: self.name.clone(),
            display_name: self.display_name.clone(),
            email: Some(link.address.clone()),
            language: Some(ctx.language()),
            ..NewPerson::default()
        };
        let user = store::insert_person(tx, &person, &self.hash).await.map_err(under_own_names)?;
        store::passwords::prove_address(tx, user, ctx.now()).await?;
        Ok(user)
    }
}

/// The user name is `username` in this body.
fn under_own_names(mut error: Error) -> Error {
    for field in error.fields.iter_mut().filter(|field| field.path == "name") {
        field.path = "username";
    }
    error
}

//! The second factor: codes of an authenticator app (TOTP, RFC 6238: SHA-1, six digits, 30 s, one step of slack), and
//! recovery codes for the day the app is lost.
//!
//! Invariants: the secret is stored sealed and shown only while it is being set up; a code counts once, because its step
//! must be newer than the last one taken; recovery codes are stored as hashes and used once; switching it on or off ends
//! every session of the account.

use chrono::{DateTime, TimeDelta, Utc};
use contract::accounts::{RecoveryCodes, SecurityView, TotpEnrollment, TotpProof};
use contract::notifications::NotificationKind;
use contract::{ErrorCode, UserId};
use totp_rs::{Algorithm, Builder, Secret, Totp};

use super::attempts::{self, Subjects};
use super::{SessionEnding, SignedIn, account, entry, identity, password, signed_in, store};
use crate::authz::{SecureAccount, ViewAccount, works_for_platform};
use crate::db::Tx;
use crate::notifications::{self, Notice, Value};
use crate::{Error, OpContext, Platform, Result, SystemActor, UserPrincipal, audit, secrets, settings};

/// How long a secret that was made waits to be confirmed: until then, whoever is at the session sees it.
const PENDING_MINUTES: i64 = 60;
/// Where one sees how the account is secured.
const SECURITY_PAGE: &str = "/account/security";
const STEP_SECONDS: u64 = 30;
const DIGITS: u8 = 6;
/// 160 bits, as RFC 4226 advises.
const SECRET_BYTES: usize = 20;
/// Recovery codes of one set.
const RECOVERY_CODES: usize = 10;
/// 80 bits, so that a plain hash of one says nothing.
const RECOVERY_CHARS: usize = 16;

/// True when this person may not be without a second factor; the one place this rule is read.
pub async fn totp_required(platform: &Platform, user: &UserPrincipal) -> bool {
    works_for_platform(user.platform_admin, user.operator, &user.permissions)
        && settings::sign_in(platform).await.totp_for_admins
}

/// What a code turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Factor {
    App,
    RecoveryCode,
}

impl Factor {
    /// Word in audit rows.
    pub(super) fn code(self) -> &'static str {
        match self {
            Factor::App => "app",
            Factor::RecoveryCode => "recovery_code",
        }
    }
}

/// Takes a code of the app or a recovery code, which then is used up; `None` when it is neither, or was used before.
pub(super) async fn check(
    platform: &Platform,
    tx: &mut Tx,
    user: UserId,
    code: &str,
    now: DateTime<Utc>,
) -> Result<Option<Factor>> {
    let Some(row) = store::second_factor::lock(tx, user).await?.filter(|row| row.confirmed_at.is_some()) else {
        return Ok(None);
    };
    let code = plain(code);
    if code.len() != usize::from(DIGITS) {
        let used = store::second_factor::use_recovery_code(tx, user, &recovery_hash(user, &code), now).await?;
        if used {
            tell(platform, tx, &platform.system(SystemActor::Authenticator), user, "code").await?;
        }
        return Ok(used.then_some(Factor::RecoveryCode));
    }
    match newer_step(platform, user, &row, &code, now)? {
        Some(step) => {
            store::second_factor::set_last_step(tx, user, step).await?;
            Ok(Some(Factor::App))
        }
        None => Ok(None),
    }
}

/// How an account is secured, for its page.
pub async fn security(platform: &Platform, ctx: &OpContext) -> Result<SecurityView> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(ViewAccount, &account(user.id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let (totp_since, recovery_codes_left) = store::second_factor::summary(&mut tx, granted.id()).await?;
    tx.commit().await?;
    // Providers are the staff's to read; where one's own password is is one's own.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let password_place = identity::password_place(&mut tx, granted.id()).await?;
    tx.commit().await?;
    Ok(SecurityView {
        totp_since,
        recovery_codes_left,
        totp_required: totp_required(platform, user).await,
        password_min_length: password::password_rule(platform).await.min_length() as u32,
        password_place,
    })
}

/// Makes a new secret for the app, with the password; who has none here must have signed in a moment ago, as for binding the
/// account. It counts once it is confirmed; until then, a further one takes its place.
///
/// # Errors
/// `WrongState` when a second factor is on, and for who has no password here and signed in too long ago; `Validation` for a
/// wrong password, which counts as a failure; `RateLimited` after too many.
pub async fn enroll_totp(platform: &Platform, ctx: &OpContext, password: &str) -> Result<TotpEnrollment> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:totp-enroll");
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let is_on = || Error::new(ErrorCode::WrongState).with_key("error-totp-on");
    let mut tx = platform.db().begin(ctx).await?;
    let on = store::second_factor::is_on(&mut tx, granted.id()).await?;
    tx.commit().await?;
    if on {
        return Err(is_on());
    }
    let action = "accounts:totp-enroll";
    let proof = TotpProof { password: password.to_owned(), code: String::new() };
    let mut tx = identity::prove(platform, ctx, user, &proof, action).await?;
    let secret = secrets::random_bytes::<SECRET_BYTES>();
    let sealed = platform.keyring().seal(&sealed_for(user.id), &secret);
    if !store::second_factor::begin(&mut tx, &granted, &sealed, ctx.now()).await? {
        return Err(is_on());
    }
    audit::record_in_tx(&mut tx, ctx, entry(action, user.id)).await?;
    tx.commit().await?;
    Ok(enrollment(platform, user, &secret).await)
}

/// The secret that waits to be confirmed, if there is one.
pub async fn pending_totp(platform: &Platform, ctx: &OpContext) -> Result<Option<TotpEnrollment>> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let row = store::second_factor::lock(&mut tx, granted.id()).await?.filter(|row| is_pending(row, ctx));
    tx.commit().await?;
    let Some(row) = row else { return Ok(None) };
    let secret = platform.keyring().open(&sealed_for(user.id), &row.secret)?;
    Ok(Some(enrollment(platform, user, &secret).await))
}

/// Switches the second factor on. Every session of the account ends, the caller's too; a door that holds a browser goes
/// on with what this returns, under a new session.
///
/// # Errors
/// `WrongState` when nothing waits to be confirmed, `Validation` when the code is wrong.
pub async fn confirm_totp(platform: &Platform, ctx: &OpContext, code: &str) -> Result<(RecoveryCodes, SignedIn)> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:totp-enable");
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    // What is told is the system's.
    let mut tx = platform.db().begin(&ctx.as_system(SystemActor::Authenticator)).await?;
    let row = store::second_factor::lock(&mut tx, granted.id()).await?.filter(|row| is_pending(row, ctx));
    let row = row.ok_or_else(|| Error::new(ErrorCode::WrongState).with_key("error-totp-not-pending"))?;
    let step = newer_step(platform, user.id, &row, &plain(code), ctx.now())?;
    let step = step.ok_or_else(|| Error::field("code", "field-code-wrong"))?;
    let (codes, hashes) = new_recovery_codes(user.id);
    store::second_factor::confirm(&mut tx, &granted, step, &hashes, ctx.now()).await?;
    let who = end_everything(&mut tx, ctx, user, &granted, "accounts:totp-enable").await?;
    tell(platform, &mut tx, ctx, user.id, "on").await?;
    tx.commit().await?;
    let _ = platform.endings().send(SessionEnding::User(user.id));
    Ok((codes, who))
}

/// Switches the second factor off, with the password and a code. Ends every session, as [`confirm_totp`].
///
/// # Errors
/// `WrongState` when it is not on, or may not be off; `Validation` for a wrong password or code, which counts as a failure;
/// `RateLimited` after too many.
pub async fn disable_totp(platform: &Platform, ctx: &OpContext, request: &TotpProof) -> Result<SignedIn> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:totp-disable");
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let required = totp_required(platform, user).await;
    let action = "accounts:totp-disable";
    let mut tx = prove(platform, ctx, user, action, request, required).await?;
    store::second_factor::remove(&mut tx, &granted).await?;
    let who = end_everything(&mut tx, ctx, user, &granted, action).await?;
    tell(platform, &mut tx, ctx, user.id, "off").await?;
    tx.commit().await?;
    let _ = platform.endings().send(SessionEnding::User(user.id));
    Ok(who)
}

/// Makes a new set of recovery codes, with the password and a code: they stand for the factor, so that the password alone
/// may not bring them. Those so far count no more. Nothing is signed out: whoever is signed in elsewhere did not come by
/// them.
///
/// # Errors
/// `WrongState` when no second factor is on; `Validation` for a wrong password or code, which counts as a failure;
/// `RateLimited` after too many.
pub async fn renew_recovery_codes(platform: &Platform, ctx: &OpContext, request: &TotpProof) -> Result<RecoveryCodes> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:renew-recovery-codes");
    let granted = ctx.authorize(SecureAccount, &account(user.id))?;
    let action = "accounts:renew-recovery-codes";
    let mut tx = prove(platform, ctx, user, action, request, false).await?;
    let (codes, hashes) = new_recovery_codes(user.id);
    store::second_factor::set_recovery_codes(&mut tx, &granted, &hashes).await?;
    audit::record_in_tx(&mut tx, ctx, entry(action, user.id)).await?;
    tx.commit().await?;
    Ok(codes)
}

/// That it is still them who asks: the password, where they have one here, and a code. What changes the factor goes on in
/// the transaction that this returns.
async fn prove(
    platform: &Platform,
    ctx: &OpContext,
    user: &UserPrincipal,
    action: &'static str,
    proof: &TotpProof,
    required: bool,
) -> Result<Tx> {
    let system = ctx.as_system(SystemActor::Authenticator);
    let subjects = Subjects::of(ctx, &user.name);
    let mut tx = platform.db().begin(&system).await?;
    if !store::second_factor::is_on(&mut tx, user.id).await? {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-totp-off"));
    }
    if required {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-totp-required"));
    }
    attempts::check_delay(&mut tx, ctx, &subjects, user.id).await?;
    let row = store::credentials_of(&mut tx, user.id).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?; // checking the password takes a while: hold no connection meanwhile

    // Who comes from a provider has no password here; then the code alone says that it is them.
    let elsewhere = row.password_hash.is_none();
    if !elsewhere && !password::verify(platform, &proof.password, row.password_hash).await? {
        attempts::note_failure(platform, ctx, &subjects, action, Some(user.id)).await?;
        return Err(Error::field("password", "field-password-wrong"));
    }
    let mut tx = platform.db().begin(&system).await?;
    // The password may have changed, and the factor gone, while one was checked.
    let now = store::credentials_of(&mut tx, user.id).await?.map(|row| row.token_version);
    if now != Some(row.token_version) || store::second_factor::lock(&mut tx, user.id).await?.is_none() {
        return Err(Error::new(ErrorCode::Conflict));
    }
    if check(platform, &mut tx, user.id, &proof.code, ctx.now()).await?.is_none() {
        drop(tx);
        attempts::note_failure(platform, ctx, &subjects, action, Some(user.id)).await?;
        let key = wrong_code_key(&proof.code, ["field-code-wrong", "field-recovery-code-wrong"]);
        return Err(Error::field("code", key));
    }
    Ok(tx)
}

/// What is said of a code that was wrong: of the app, or a recovery code, which has no newer one.
pub(super) fn wrong_code_key(code: &str, [of_app, recovery]: [&'static str; 2]) -> &'static str {
    let code = plain(code);
    // Digits alone, or about as short as the app's, are the app's that was typed wrong.
    if code.len() <= usize::from(DIGITS) + 2 || code.bytes().all(|b| b.is_ascii_digit()) { of_app } else { recovery }
}

/// A set, with what is stored of it.
fn new_recovery_codes(user: UserId) -> (RecoveryCodes, Vec<Vec<u8>>) {
    let recovery_codes: Vec<String> = (0..RECOVERY_CODES).map(|_| new_recovery_code()).collect();
    let hashes = recovery_codes.iter().map(|code| recovery_hash(user, &plain(code)).to_vec()).collect();
    (RecoveryCodes { recovery_codes }, hashes)
}

async fn end_everything(
    tx: &mut Tx,
    ctx: &OpContext,
    user: &UserPrincipal,
    granted: &crate::authz::Granted<SecureAccount>,
    action: &'static str,
) -> Result<SignedIn> {
    let token_version = store::next_token_version(tx, granted).await?;
    audit::record_in_tx(tx, ctx, entry(action, user.id)).await?;
    let provider = store::sessions::came_by(tx, user.session).await?;
    Ok(SignedIn { user: user.id, token_version, active_customer: user.active_customer, provider })
}

/// Whoever did not do it should hear of it: `on`, `off`, or that a recovery `code` was used. In the system's transaction.
pub(super) async fn tell(
    platform: &Platform,
    tx: &mut Tx,
    ctx: &OpContext,
    user: UserId,
    change: &'static str,
) -> Result<()> {
    let args = vec![
        ("change", Value::Text(change.to_owned())),
        ("who", notifications::who(ctx, user)),
        ("by", notifications::by(ctx)),
    ];
    let notice = Notice { kind: NotificationKind::SecondFactorChanged, args, link: Some(SECURITY_PAGE.to_owned()) };
    notifications::notify_in_tx(platform, tx, ctx, &[user], &notice).await
}

/// Whether a secret waits to be confirmed, and not for too long.
fn is_pending(row: &store::second_factor::Row, ctx: &OpContext) -> bool {
    row.confirmed_at.is_none() && row.created_at > ctx.now() - TimeDelta::minutes(PENDING_MINUTES)
}

/// Where the sealed secret belongs.
fn sealed_for(user: UserId) -> String {
    format!("totp_secrets.secret:{user}")
}

fn totp(secret: &[u8]) -> Result<Totp> {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_skew(1)
        .with_step_duration(STEP_SECONDS)
        .with_secret(secret)
        .build()
        .map_err(|error| Error::internal(error.to_string()))
}

/// The app lists it by what this installation is called.
async fn enrollment(platform: &Platform, user: &UserPrincipal, secret: &[u8]) -> TotpEnrollment {
    let secret = Secret::from(secret.to_vec()).to_base32();
    let issuer = escaped(&settings::appearance(platform).await.name);
    // User names have no character that an address would have to escape.
    let uri = format!("otpauth://totp/{issuer}:{}?secret={secret}&issuer={issuer}", user.name);
    TotpEnrollment { secret, uri }
}

/// A text as part of an address (RFC 3986): whatever is not unreserved, a colon too, as its bytes.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            _ => escaped += &format!("%{byte:02X}"),
        }
        escaped
    })
}

/// The step this code is for, when it is newer than the last one taken.
fn newer_step(
    platform: &Platform,
    user: UserId,
    row: &store::second_factor::Row,
    code: &str,
    now: DateTime<Utc>,
) -> Result<Option<i64>> {
    let secret = platform.keyring().open(&sealed_for(user), &row.secret)?;
    let step = totp(&secret)?.check(code, now.timestamp().unsigned_abs());
    Ok(step.map(|step| step as i64).filter(|step| *step > row.last_step))
}

/// A code as it counts: people type spaces, hyphens and capitals.
pub(super) fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).take(64).map(|c| c.to_ascii_lowercase()).collect()
}

fn recovery_hash(user: UserId, code: &str) -> [u8; 32] {
    secrets::sha256(format!("recovery code\0{user}\0{code}").as_bytes())
}

/// Sixteen letters and digits without the ones that look alike, in groups of four.
fn new_recovery_code() -> String {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut code = String::new();
    for (at, byte) in secrets::random_bytes::<RECOVERY_CHARS>().into_iter().enumerate() {
        if at > 0 && at % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(LETTERS[usize::from(byte % 32)]));
    }
    code
}

//! See [`crate::fuzzing`].

use chrono::{DateTime, Utc};
use contract::accounts::CaptchaView;

use super::password::PasswordRule;
use super::{avatars, captcha, second_factor, ssh_keys, tokens};
use crate::fields::Wrong;
use crate::secrets::Keyring;
use crate::{Error, Result};

/// A public key as it is stored.
pub struct SshKey {
    pub public_key: String,
    pub algorithm: String,
    pub fingerprint: String,
    pub comment: String,
}

/// A typed key, or every fault of it.
pub fn ssh_key(text: &str) -> Result<SshKey> {
    let mut wrong = Wrong::new();
    let checked = ssh_keys::check(&mut wrong, text);
    wrong.into_result()?;
    let key = checked.ok_or_else(|| Error::internal("a key without fault"))?;
    let ssh_keys::Checked { public_key, algorithm, fingerprint, comment } = key;
    Ok(SshKey { public_key, algorithm, fingerprint, comment })
}

/// A person's picture as it is kept.
pub fn avatar(bytes: &[u8]) -> Option<Vec<u8>> {
    avatars::recode(bytes)
}

/// What access tokens are signed for.
pub const ACCESS_TOKEN_PURPOSE: &str = tokens::KEY_PURPOSE;

/// Person, epoch and end of an access token that counts.
pub fn access_token(keyring: &Keyring, token: &str, now: DateTime<Utc>) -> Result<(String, i64, i64)> {
    let claims = tokens::read_claims(keyring, token, now)?;
    Ok((claims.sub, claims.epoch, claims.exp))
}

/// The session's secret in a refresh token.
pub fn refresh_token(token: &str) -> Option<&str> {
    tokens::session_secret(token)
}

/// A refresh token of a session's secret.
pub fn new_refresh_token(secret: &str) -> String {
    tokens::new_refresh_token(secret)
}

/// A typed code as it counts.
pub fn second_factor_code(text: &str) -> String {
    second_factor::plain(text)
}

/// A challenge of work.
pub fn captcha_work(keyring: &Keyring, now: DateTime<Utc>) -> Result<CaptchaView> {
    captcha::work::new(keyring, now)
}

/// The id of a picture that says this inside.
pub fn captcha_picture(keyring: &Keyring, inside: &[u8]) -> String {
    format!("{}{}", captcha::picture::MARK, hex::encode(keyring.seal(captcha::picture::SEALED_FOR, inside)))
}

/// Whether an answer is right; `None` for what is none to a challenge of ours.
pub fn captcha_answer(keyring: &Keyring, id: &str, answer: &str, now: DateTime<Utc>) -> Option<bool> {
    captcha::judge(keyring, id, answer, now).map(|judged| judged.right)
}

/// What is wrong with a password that somebody chooses who is called so.
pub fn password_faults(password: &str, about: &[&str]) -> Vec<&'static str> {
    let mut wrong = Wrong::new();
    PasswordRule::default().check(&mut wrong, "password", password, about);
    wrong.into_result().err().map(|error| error.fields.iter().map(|fault| fault.key).collect()).unwrap_or_default()
}

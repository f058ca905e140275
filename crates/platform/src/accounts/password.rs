//! Passwords: argon2id with 19 MiB, t = 2, p = 1 (OWASP's first choice; the crate's default).
//!
//! Hashing runs on a blocking thread behind a small semaphore, so that a flood of sign-ins costs two cores at most and the
//! other requests none.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use contract::ErrorCode;

use crate::error::FieldError;
use crate::{Error, Platform, Result};

/// Longest password looked at, in bytes: hashing costs time per byte.
pub(super) const MAX_PASSWORD_BYTES: usize = 1024;

/// What a new password must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordRule {
    /// Characters.
    pub min_length: usize,
    /// Score of zxcvbn, 0 to 4.
    pub min_score: u8,
}

impl Default for PasswordRule {
    fn default() -> Self {
        Self { min_length: 10, min_score: 2 }
    }
}

impl PasswordRule {
    /// Whether `password` is good enough for somebody about whom `inputs` (names, address) are known.
    ///
    /// # Errors
    /// What is wrong with it, for the field `password`.
    pub fn check(&self, password: &str, inputs: &[&str]) -> Result<(), FieldError> {
        let fault = |key, args| Err(FieldError { path: "password", key, args });
        if password.is_empty() {
            return fault("field-required", Vec::new());
        }
        if password.chars().count() < self.min_length {
            return fault("field-password-short", vec![("min", self.min_length.to_string())]);
        }
        if password.len() > MAX_PASSWORD_BYTES {
            return fault("field-password-long", vec![("max", MAX_PASSWORD_BYTES.to_string())]);
        }
        let score = u8::from(zxcvbn::zxcvbn(password, inputs).score());
        if score < self.min_score { fault("field-password-weak", Vec::new()) } else { Ok(()) }
    }
}

/// Verified against when there is no such user, so that both answers take the same time.
static NOBODYS_HASH: LazyLock<String> =
    LazyLock::new(|| hash_password("nobody has this password").expect("hashing a constant works"));

/// PHC string of a password; takes tens of milliseconds of CPU.
pub fn hash_password(password: &str) -> Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|e| Error::internal(e.to_string()))?;
    Ok(hash.to_string())
}

/// A password by the rule; a fault is named by the field it was typed into.
pub(super) fn check(rule: &PasswordRule, path: &'static str, password: &str, inputs: &[&str]) -> Result<()> {
    rule.check(password, inputs).map_err(|fault| {
        let mut error = Error::new(ErrorCode::Validation);
        error.fields.push(FieldError { path, ..fault });
        error
    })
}

/// As [`hash_password`], on a thread where it holds nobody up.
pub(super) async fn hash(platform: &Platform, password: &str) -> Result<String> {
    let _permit = platform.password_workers().acquire().await.map_err(Error::internal)?;
    let password = password.to_owned();
    tokio::task::spawn_blocking(move || hash_password(&password)).await.map_err(Error::internal)?
}

/// True when `password` fits `hash`; with no hash, false after the same time.
pub(super) async fn verify(platform: &Platform, password: &str, hash: Option<String>) -> Result<bool> {
    let _permit = platform.password_workers().acquire().await.map_err(Error::internal)?;
    let password = password.to_owned();
    tokio::task::spawn_blocking(move || {
        let known = hash.is_some();
        let text = hash.unwrap_or_else(|| NOBODYS_HASH.clone());
        let fits = PasswordHash::new(&text)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        fits && known
    })
    .await
    .map_err(Error::internal)
}

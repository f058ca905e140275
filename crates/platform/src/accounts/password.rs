//! Passwords: argon2id with 19 MiB, t = 2, p = 1 (OWASP's first choice; the crate's default).
//!
//! Hashing runs on a blocking thread behind a small semaphore, so that a flood of sign-ins costs two cores at most and the
//! other requests none.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use crate::{Error, Platform, Result};

/// Longest password looked at, in bytes: hashing costs time per byte.
pub(super) const MAX_PASSWORD_BYTES: usize = 1024;

/// Verified against when there is no such user, so that both answers take the same time.
static NOBODYS_HASH: LazyLock<String> =
    LazyLock::new(|| hash_password("nobody has this password").expect("hashing a constant works"));

/// PHC string of a password; takes tens of milliseconds of CPU.
pub fn hash_password(password: &str) -> Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|e| Error::internal(e.to_string()))?;
    Ok(hash.to_string())
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

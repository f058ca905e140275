//! What an authenticator app shows.

use chrono::{DateTime, Utc};
use totp_rs::{Builder, Secret};

/// The code of this secret (base32, as the product gives it) at this time.
///
/// # Panics
/// For a secret that is none.
pub fn totp_code(secret: &str, at: DateTime<Utc>) -> String {
    let secret = Secret::try_from_base32(secret).expect("base32");
    let app = Builder::new().with_secret(secret).build().expect("a usual secret");
    app.generate(at.timestamp().unsigned_abs()).to_string()
}

//! The challenge that comes with a form after some failures.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What there is to solve. Both count everywhere; the settings say which is offered first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum CaptchaKind {
    /// Work for a program: nobody has to see or to type anything.
    Pow,
    /// Letters in a picture, for people.
    Image,
}

/// Parameters of `GET /api/auth/captcha`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct CaptchaQuery {
    /// `pow` or `image`; as the settings say where it is absent.
    pub kind: Option<CaptchaKind>,
}

/// A challenge; it counts once, for five minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CaptchaView {
    /// Goes back as `captchaId`, with the answer as `captcha`.
    pub captcha_id: String,
    pub kind: CaptchaKind,
    pub expires_at: DateTime<Utc>,
    /// What to work out, for `pow`.
    pub pow: Option<CaptchaWork>,
    /// A PNG as a data URL, for `image`; capitals do not matter.
    pub image: Option<String>,
}

/// A challenge of ALTCHA, version 2 (<https://altcha.org>), as its widgets and solvers take it. The answer is what they
/// make: base64 of `{challenge, solution: {counter, derivedKey}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CaptchaWork {
    pub parameters: CaptchaParameters,
    pub signature: String,
}

/// What has to be worked out: a `counter` for which the key derived from `nonce` and counter begins with `keyPrefix`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CaptchaParameters {
    /// `PBKDF2/SHA-256`.
    pub algorithm: String,
    /// Its iterations.
    pub cost: u32,
    /// Seconds since 1970.
    pub expires_at: i64,
    /// Bytes of the key.
    pub key_length: u32,
    /// Hex digits.
    pub key_prefix: String,
    pub nonce: String,
    pub salt: String,
}

//! How one proves who one is: password, second factor, sessions, tokens. What is secret is in no `Debug` text.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::PasswordPlace;
use crate::{Permission, SessionId, SshKeyId};

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SessionKind {
    /// A cookie.
    Browser,
    /// An access token and the refresh tokens that renew it.
    Token,
    /// An API token.
    Api,
    /// A connection by SSH.
    Ssh,
}

impl SessionKind {
    /// Every kind.
    pub const ALL: [SessionKind; 4] = [SessionKind::Browser, SessionKind::Token, SessionKind::Api, SessionKind::Ssh];

    /// `browser`, `token`, `api` or `ssh`.
    pub fn code(self) -> &'static str {
        match self {
            SessionKind::Browser => "browser",
            SessionKind::Token => "token",
            SessionKind::Api => "api",
            SessionKind::Ssh => "ssh",
        }
    }

    /// Reads what [`SessionKind::code`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == text)
    }
}

/// A session that is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    pub id: SessionId,
    pub kind: SessionKind,
    /// The session that asks.
    pub current: bool,
    /// What its owner calls it; API tokens only.
    pub name: Option<String>,
    /// The sign-in service or directory it came in by, if it did and that is still there.
    pub service: Option<String>,
    /// Address it was opened from.
    pub address: Option<String>,
    /// Program and system in short, e.g. `Firefox · Linux`.
    pub agent: Option<String>,
    pub created_at: DateTime<Utc>,
    /// To the minute.
    pub last_seen_at: DateTime<Utc>,
    /// An API token that nobody has used yet: it was seen nowhere, whoever made it.
    #[serde(default)]
    pub unused: bool,
    /// When it ends at the latest; absent where it does not end by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// How many were ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionsEnded {
    pub ended: u64,
}

/// Body of `POST /api/auth/tokens`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiTokenCreate {
    /// What it is for.
    pub name: String,
    /// What it may do, out of what one may do oneself; absent is all of it, now and later.
    #[serde(default)]
    pub scopes: Option<Vec<Permission>>,
    /// When it ends; absent is never.
    #[serde(default, deserialize_with = "crate::times::maybe")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// An API token as its owner sees it later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApiTokenView {
    /// The id of its session.
    pub id: SessionId,
    pub name: String,
    /// How the token begins.
    pub start: String,
    /// Absent: everything its owner may do.
    pub scopes: Option<Vec<Permission>>,
    pub created_at: DateTime<Utc>,
    /// To the minute; absent before the first use.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Address it was last used from, as far as the time says.
    #[serde(default)]
    pub last_used_from: Option<String>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// The only answer that holds an API token's secret.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApiTokenSecret {
    pub token: ApiTokenView,
    /// For `Authorization: Bearer`.
    pub secret: String,
}

/// Body of `POST /api/customer/settings/ssh-keys`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SshKeyCreate {
    /// What its owner calls it; absent or empty is the key's own comment.
    #[serde(default)]
    pub name: Option<String>,
    /// One line as in a `.pub` file: `ssh-ed25519 AAAA… comment`.
    pub public_key: String,
}

/// How many keys were removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SshKeysRemoved {
    pub removed: u64,
}

/// A public key with which one comes in by SSH.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SshKeyView {
    pub id: SshKeyId,
    pub name: String,
    /// `ssh-ed25519`, `ecdsa-sha2-nistp256`, …
    pub algorithm: String,
    /// `algorithm base64`.
    pub public_key: String,
    /// As `ssh-keygen -l` shows it: `SHA256:…`.
    pub fingerprint: String,
    pub created_at: DateTime<Utc>,
    /// To the minute; absent before the first use.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Address it was last used from.
    #[serde(default)]
    pub last_used_from: Option<String>,
}

/// Body of `POST /api/auth/password/change`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordChange {
    pub old_password: String,
    pub new_password: String,
}

/// Answer of `POST /api/auth/password/change`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PasswordChanged {
    /// The sign-in services that the account stays bound to: whoever is that there still signs in.
    pub stays_bound: Vec<String>,
}

/// How an account is secured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SecurityView {
    /// Since when a code is asked for; absent where none is.
    pub totp_since: Option<DateTime<Utc>>,
    /// Recovery codes that were not used yet.
    pub recovery_codes_left: u32,
    /// The second factor may not be switched off.
    pub totp_required: bool,
    /// Shortest password that is taken.
    pub password_min_length: u32,
    /// Where one's password is, if it is not here; then it cannot be changed here.
    #[serde(default)]
    pub password_place: Option<PasswordPlace>,
}

/// What an authenticator app has to be told; it counts once it is confirmed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TotpEnrollment {
    /// Base32.
    pub secret: String,
    /// `otpauth://totp/…`, for a QR code.
    pub uri: String,
}

/// Body of `POST /api/auth/totp/enroll`: whoever sits at an open session may not lock its owner out.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TotpEnroll {
    /// Not looked at where the password is kept elsewhere; then the session has to have begun within the last ten minutes.
    #[serde(default)]
    pub password: String,
}

/// Body of `POST /api/auth/totp/confirm`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TotpConfirm {
    /// What the app shows now.
    pub code: String,
}

/// Codes for the day the app is lost, each good once; the only answer that holds them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecoveryCodes {
    pub recovery_codes: Vec<String>,
}

/// Body of `POST /api/auth/totp/disable` and of `POST /api/auth/totp/recovery-codes`: what changes the second factor asks
/// for both factors.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TotpProof {
    /// Not looked at where the password is kept elsewhere.
    #[serde(default)]
    pub password: String,
    /// A code of the app, or a recovery code.
    pub code: String,
}

macro_rules! kept_out_of_debug_texts {
    ($($name:ident),+ $(,)?) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}

kept_out_of_debug_texts!(
    ApiTokenSecret,
    PasswordChange,
    TotpEnrollment,
    TotpEnroll,
    TotpConfirm,
    RecoveryCodes,
    TotpProof,
);

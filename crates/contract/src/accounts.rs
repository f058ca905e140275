//! Signing in and who one is.

mod captcha;
mod identity;
mod security;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use captcha::*;
pub use identity::*;
pub use security::*;

use crate::{CustomerId, LinkId, Permission, UserId};

/// Languages of the product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    Zh,
    En,
}

impl Language {
    /// Every language.
    pub const ALL: [Language; 2] = [Language::Zh, Language::En];

    /// `zh` or `en`.
    pub fn code(self) -> &'static str {
        match self {
            Language::Zh => "zh",
            Language::En => "en",
        }
    }

    /// Value for the `lang` attribute of HTML.
    pub fn html_tag(self) -> &'static str {
        match self {
            Language::Zh => "zh-CN",
            Language::En => "en",
        }
    }

    /// Reads `zh`, `zh-CN`, `en`, `en-GB`; nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let primary = text.split(['-', '_']).next()?.trim().to_ascii_lowercase();
        Self::ALL.into_iter().find(|l| l.code() == primary)
    }
}

/// Appearance, set on the server so that nothing flashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the system says.
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    /// Every theme.
    pub const ALL: [Theme; 3] = [Theme::Auto, Theme::Light, Theme::Dark];

    /// `auto`, `light` or `dark`.
    pub fn code(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// Reads what [`Theme::code`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.code() == text)
    }
}

/// Role of a person in a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum MemberRole {
    Owner,
    Member,
}

impl MemberRole {
    /// `owner` or `member`.
    pub fn code(self) -> &'static str {
        match self {
            MemberRole::Owner => "owner",
            MemberRole::Member => "member",
        }
    }

    /// True for who answers for the customer.
    pub fn is_owner(self) -> bool {
        self == MemberRole::Owner
    }

    /// Whether who is this in a customer gains nothing by becoming `other` there.
    pub fn covers(self, other: MemberRole) -> bool {
        self == other || self.is_owner()
    }
}

/// Body of `POST /api/auth/login`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginRequest {
    /// User name or e-mail address.
    pub username: String,
    /// The password.
    pub password: String,
    /// The code of the second factor, or a recovery code, where one is asked for.
    #[serde(default)]
    pub otp: Option<String>,
    /// A challenge of `GET /api/auth/captcha`, where one is asked for.
    #[serde(default)]
    pub captcha_id: Option<String>,
    /// Its answer.
    #[serde(default)]
    pub captcha: Option<String>,
}

impl std::fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginRequest").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Answer of `POST /api/auth/login` and `refresh`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LoginAnswer {
    /// JWT for `Authorization: Bearer`.
    pub access_token: String,
    /// For `POST /api/auth/refresh`, once, within seven days; each refresh brings a new one.
    pub refresh_token: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// Who signed in.
    pub user: Profile,
}

impl std::fmt::Debug for LoginAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginAnswer").field("user", &self.user.name).finish_non_exhaustive()
    }
}

/// Body of `POST /api/auth/refresh`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefreshRequest {
    pub refresh_token: String,
}

/// Body of `PUT /api/auth/profile`; what is absent goes back to the platform's choice. The e-mail address is not changed
/// here, because the new one has to be proved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfileUpdate {
    /// Name to show; the user name where there is none.
    #[serde(default)]
    pub display_name: Option<String>,
    #[serde(default)]
    pub language: Option<Language>,
    /// IANA time zone, e.g. `Asia/Shanghai`.
    #[serde(default)]
    pub time_zone: Option<String>,
}

/// Body of `PATCH /api/auth/preferences`: how the product looks to one; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Preferences {
    pub language: Option<Language>,
    pub theme: Option<Theme>,
    /// IANA time zone, e.g. `Asia/Shanghai`; an empty text goes back to the platform's.
    pub time_zone: Option<String>,
}

/// A customer one belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MembershipView {
    pub customer_id: CustomerId,
    pub customer_name: String,
    pub role: MemberRole,
}

/// Body of `PUT /api/auth/customer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomerSwitch {
    /// One of those one belongs to.
    pub customer_id: CustomerId,
}

/// Who one is and what one may do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    pub id: UserId,
    /// User name.
    pub name: String,
    /// Name to show; the user name where none was given.
    pub display_name: String,
    pub email: Option<String>,
    /// The strongest role: `platform_admin`, `customer_owner`, `customer_member`.
    pub role: String,
    /// Every role held.
    pub roles: Vec<String>,
    /// Permissions held, for menus and buttons.
    pub buttons: Vec<Permission>,
    /// The customer this session acts for, absent for platform staff.
    pub tenant_id: Option<CustomerId>,
    /// Every membership that counts.
    pub memberships: Vec<MembershipView>,
    /// Those in customers that are disabled now: nobody acts for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disabled_memberships: Vec<MembershipView>,
    /// Chosen language, if any.
    pub language: Option<Language>,
    /// Chosen theme, if any.
    #[serde(default)]
    pub theme: Option<Theme>,
    /// IANA time zone, e.g. `Asia/Shanghai`, if chosen.
    pub time_zone: Option<String>,
    pub last_login_at: Option<DateTime<Utc>>,
    /// Address of one's picture, where there is one.
    pub avatar: Option<String>,
}

/// Largest picture of a person as it is handed in, bytes.
pub const MAX_AVATAR_BYTES: usize = 2 * 1024 * 1024;
/// Where one's own picture lies.
pub const AVATAR_PATH: &str = "/api/auth/avatar";

/// Body of `POST /api/auth/password-reset/request`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordResetRequest {
    /// User name or e-mail address.
    pub account: String,
    /// A challenge of `GET /api/auth/captcha`, where one is asked for.
    #[serde(default)]
    pub captcha_id: Option<String>,
    /// Its answer.
    #[serde(default)]
    pub captcha: Option<String>,
}

/// Body of `POST /api/auth/register/request`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignUpRequest {
    /// Where the link goes that makes the account.
    pub email: String,
    /// A challenge of `GET /api/auth/captcha`: always asked for.
    #[serde(default)]
    pub captcha_id: Option<String>,
    /// Its answer.
    #[serde(default)]
    pub captcha: Option<String>,
}

/// Body of `POST /api/auth/password-reset/confirm`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordResetConfirm {
    /// From the link.
    pub token: String,
    pub new_password: String,
}

/// Body of `POST /api/auth/email-change/request`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EmailChangeRequest {
    /// The new address.
    pub email: String,
    /// One's password, because whoever has the address has the account.
    pub password: String,
}

/// Body of `POST /api/auth/email-change/confirm`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EmailChangeConfirm {
    /// From the link.
    pub token: String,
}

/// Body of an invitation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct InvitationCreate {
    pub email: String,
    /// Member unless stated.
    pub role: Option<MemberRole>,
}

/// An invitation that still works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InvitationView {
    pub id: LinkId,
    pub email: String,
    pub role: MemberRole,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// Body of `POST /api/auth/invitation/accept` and of `POST /api/auth/register`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountByLink {
    /// From the link.
    pub token: String,
    pub username: String,
    pub password: String,
    #[serde(default)]
    pub display_name: Option<String>,
}

/// Body of `POST /api/auth/invitation/join`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InvitationJoin {
    /// From the link.
    pub token: String,
}

/// What somebody is now, and where, who accepted an invitation with the account they have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct InvitationJoined {
    pub customer_id: CustomerId,
    pub customer_name: String,
    pub role: MemberRole,
}

/// Bodies with a password or a token say nothing of themselves.
macro_rules! silent {
    ($($name:ident),+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}

silent!(
    PasswordResetRequest,
    PasswordResetConfirm,
    SignUpRequest,
    EmailChangeRequest,
    EmailChangeConfirm,
    InvitationJoin,
    AccountByLink
);

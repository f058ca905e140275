//! Settings of the installation: the one registry of what there is to set, and what of it travels.
//!
//! A key is `group.name`. A secret is written and never read back: the wire says only whether it is set.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::SettingsImportId;

/// Largest logo as it is handed in, and as it is kept, bytes.
pub const MAX_LOGO_BYTES: usize = 64 * 1024;
/// Largest configuration as it is handed in, bytes.
pub const MAX_CONFIGURATION_BYTES: usize = 256 * 1024;
/// Version of the exported format.
pub const CONFIGURATION_FORMAT: u32 = 1;
/// Days that an audit log is kept at least, whatever is set: half a year, as rules on network logs ask for.
pub const AUDIT_RETENTION_FLOOR_DAYS: i64 = 180;
/// What prices can be in, ISO 4217; the first one where nobody chose.
pub const CURRENCIES: [&str; 8] = ["CNY", "USD", "EUR", "HKD", "SGD", "JPY", "GBP", "CHF"];
/// What the product is called where nobody named it.
pub const PRODUCT: &str = "RemoteGPU";

/// What belongs together, and is changed together on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SettingGroup {
    SignIn,
    Mail,
    Notifications,
    Instances,
    Branding,
    Access,
    General,
}

impl SettingGroup {
    /// Every group, in the page's order.
    pub const ALL: [SettingGroup; 7] = [
        SettingGroup::SignIn,
        SettingGroup::Mail,
        SettingGroup::Notifications,
        SettingGroup::Instances,
        SettingGroup::Branding,
        SettingGroup::Access,
        SettingGroup::General,
    ];

    /// The word on the wire.
    pub fn code(self) -> &'static str {
        match self {
            SettingGroup::SignIn => "sign-in",
            SettingGroup::Mail => "mail",
            SettingGroup::Notifications => "notifications",
            SettingGroup::Instances => "instances",
            SettingGroup::Branding => "branding",
            SettingGroup::Access => "access",
            SettingGroup::General => "general",
        }
    }

    /// Whether it decides who gets in: the rules of signing in, and where the links to new passwords go out. Who changes that
    /// can be anybody, so it needs [`crate::Permission::SettingsIdentity`] as well.
    pub fn decides_who_gets_in(self) -> bool {
        matches!(self, SettingGroup::SignIn | SettingGroup::Mail)
    }

    /// Reads what [`SettingGroup::code`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.code() == text)
    }
}

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number within these.
    Number {
        min: i64,
        max: i64,
    },
    /// 0 for never, or a whole number within these.
    NumberOrNever {
        min: i64,
        max: i64,
    },
    /// One line of at most so many characters.
    Text {
        max: u32,
    },
    /// A host name or an IP address.
    Host,
    Email,
    /// An IANA name.
    TimeZone,
    Flag,
    /// Private networks, parted by commas.
    Networks,
    /// Text that is written and never shown.
    Secret {
        max: u32,
    },
    /// A PNG as base64; made from what is uploaded.
    Image,
}

impl SettingKind {
    /// The word on the wire.
    pub fn code(self) -> &'static str {
        match self {
            SettingKind::Choice(_) => "choice",
            SettingKind::Number { .. } | SettingKind::NumberOrNever { .. } => "number",
            SettingKind::Text { .. } => "text",
            SettingKind::Host => "host",
            SettingKind::Email => "email",
            SettingKind::TimeZone => "time-zone",
            SettingKind::Flag => "flag",
            SettingKind::Networks => "networks",
            SettingKind::Secret { .. } => "secret",
            SettingKind::Image => "image",
        }
    }
}

/// What holds where nobody set anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingDefault {
    Nothing,
    Text(&'static str),
    Number(i64),
    Flag(bool),
    /// What the configuration of the process says.
    Installation,
}

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettingSpec {
    pub key: &'static str,
    pub group: SettingGroup,
    pub kind: SettingKind,
    pub default: SettingDefault,
    /// Takes effect only when the servers start anew.
    pub needs_restart: bool,
}

impl SettingSpec {
    /// True for what is written and never read back.
    pub fn is_secret(&self) -> bool {
        matches!(self.kind, SettingKind::Secret { .. })
    }

    /// Whether only the platform's admins change it, who hold [`crate::Permission::SettingsIdentity`] as well: what decides who
    /// gets in, which networks requests of ours reach, how long the log is kept, whether people come in by SSH, and where they are sent with their keys.
    pub fn is_of_admins(&self) -> bool {
        const OF_ADMINS: [&str; 5] = [
            "notifications.private_ranges",
            "access.ssh",
            "access.ssh_host",
            "access.ssh_port",
            "general.audit_retention_days",
        ];
        self.group.decides_who_gets_in() || OF_ADMINS.contains(&self.key)
    }

    /// Key of its name in the text files; with `-hint` that of its explanation.
    pub fn text_key(&self) -> String {
        format!("setting-{}", self.key.replace(['.', '_'], "-"))
    }
}

const fn spec(key: &'static str, group: SettingGroup, kind: SettingKind, default: SettingDefault) -> SettingSpec {
    SettingSpec { key, group, kind, default, needs_restart: false }
}

/// Every setting there is, in the page's order.
pub const SETTINGS: &[SettingSpec] = {
    use SettingDefault as D;
    use SettingGroup::{Access, Branding, General, Instances, Mail, Notifications, SignIn};
    use SettingKind as K;
    &[
        spec("sign_in.sign_up", SignIn, K::Choice(&["off", "invitation", "open"]), D::Text("off")),
        spec("sign_in.password_min_length", SignIn, K::Number { min: 6, max: 128 }, D::Number(10)),
        spec("sign_in.password_min_score", SignIn, K::Number { min: 0, max: 4 }, D::Number(2)),
        spec("sign_in.password_remembered", SignIn, K::Number { min: 0, max: 10 }, D::Number(3)),
        spec("sign_in.session_idle_hours", SignIn, K::Number { min: 1, max: 168 }, D::Number(12)),
        spec("sign_in.totp_for_admins", SignIn, K::Flag, D::Flag(false)),
        spec("sign_in.captcha", SignIn, K::Choice(&["pow", "image"]), D::Text("pow")),
        spec("mail.host", Mail, K::Host, D::Nothing),
        spec("mail.port", Mail, K::Number { min: 1, max: 65_535 }, D::Number(587)),
        spec("mail.security", Mail, K::Choice(&["starttls", "tls", "none"]), D::Text("starttls")),
        spec("mail.user", Mail, K::Text { max: 254 }, D::Nothing),
        spec("mail.password", Mail, K::Secret { max: 256 }, D::Nothing),
        spec("mail.from_address", Mail, K::Email, D::Nothing),
        spec("mail.from_name", Mail, K::Text { max: 100 }, D::Nothing),
        spec("notifications.private_ranges", Notifications, K::Networks, D::Nothing),
        spec("instances.idle_hours", Instances, K::NumberOrNever { min: 1, max: 720 }, D::Number(0)),
        spec("instances.idle_gpu_percent", Instances, K::Number { min: 1, max: 100 }, D::Number(5)),
        spec("instances.idle_cpu_percent", Instances, K::Number { min: 1, max: 100 }, D::Number(5)),
        spec("instances.idle_warning_minutes", Instances, K::Number { min: 5, max: 1440 }, D::Number(60)),
        spec("instances.idle_keep_hours", Instances, K::Number { min: 1, max: 720 }, D::Number(72)),
        spec("branding.name", Branding, K::Text { max: 40 }, D::Text(PRODUCT)),
        spec("branding.logo", Branding, K::Image, D::Nothing),
        spec("access.ssh", Access, K::Flag, D::Flag(true)),
        spec("access.ssh_host", Access, K::Host, D::Nothing),
        spec("access.ssh_port", Access, K::Number { min: 1, max: 65_535 }, D::Installation),
        spec("access.recording", Access, K::Flag, D::Flag(false)),
        spec("access.recording_input", Access, K::Flag, D::Flag(false)),
        spec("access.recording_mb", Access, K::Number { min: 1, max: 256 }, D::Number(50)),
        spec("access.recording_day_mb", Access, K::Number { min: 1, max: 1_000_000 }, D::Number(2048)),
        spec("access.recording_beyond", Access, K::Choice(&["end", "unrecorded"]), D::Text("end")),
        spec("access.recording_days", Access, K::Number { min: 1, max: 3650 }, D::Number(90)),
        spec("general.language", General, K::Choice(&["zh", "en"]), D::Installation),
        spec("general.time_zone", General, K::TimeZone, D::Installation),
        spec("general.currency", General, K::Choice(&CURRENCIES), D::Text(CURRENCIES[0])),
        spec("general.max_file_gb", General, K::Number { min: 1, max: 10_000 }, D::Number(100)),
        spec("general.audit_retention_days", General, RETENTION, D::Number(0)),
        spec("general.split_stop_minutes", General, K::NumberOrNever { min: 1, max: 1440 }, D::Number(0)),
        spec("general.disk_stop_minutes", General, K::NumberOrNever { min: 10, max: 10_080 }, D::Number(0)),
    ]
};

const RETENTION: SettingKind = SettingKind::NumberOrNever { min: AUDIT_RETENTION_FLOOR_DAYS, max: 3650 };

/// The setting of this key.
pub fn setting(key: &str) -> Option<&'static SettingSpec> {
    SETTINGS.iter().find(|spec| spec.key == key)
}

/// A setting as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SettingView {
    pub key: String,
    pub group: SettingGroup,
    /// `choice`, `number`, `text`, `host`, `email`, `time-zone`, `flag`, `networks`, `secret`, `image`.
    pub kind: String,
    /// What may be chosen, for a choice.
    pub choices: Vec<String>,
    /// Least number.
    pub min: Option<i64>,
    /// Greatest number, or most characters.
    pub max: Option<i64>,
    /// The value in force; null where there is none, and always for a secret.
    pub value: Value,
    /// What holds where nobody set anything.
    pub default: Value,
    /// True when somebody set it.
    pub is_set: bool,
    pub secret: bool,
    pub needs_restart: bool,
    /// 0 where it was never changed.
    pub version: i64,
    /// Who changed it last.
    pub updated_by: Option<String>,
    pub updated_at: Option<DateTime<Utc>>,
}

/// Body of `PUT /api/admin/settings/{key}`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SettingUpdate {
    /// The new value; null goes back to the default.
    pub value: Value,
    /// The version one saw; absent overwrites whatever is there.
    #[serde(default)]
    pub version: Option<i64>,
}

// The value may be a secret.
impl std::fmt::Debug for SettingUpdate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SettingUpdate").field("version", &self.version).finish_non_exhaustive()
    }
}

/// The configuration as it is carried to another installation, without secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Configuration {
    /// [`CONFIGURATION_FORMAT`].
    pub format: u32,
    #[serde(default)]
    pub exported_at: Option<DateTime<Utc>>,
    /// Key → value; null is the default.
    pub settings: BTreeMap<String, Value>,
    /// Secrets that are set here and must be set again there.
    #[serde(default)]
    pub secrets_left_out: Vec<String>,
    /// What else is set up here and is no part of the file.
    #[serde(default, skip_serializing_if = "LeftOut::is_empty")]
    pub left_out: LeftOut,
}

/// What a configuration does not hold, by name, as far as whoever took it away may see it: it is set up there by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct LeftOut {
    /// Directories and sign-in services, with their secrets and roles of groups.
    pub sign_in_services: Vec<String>,
    /// Chat robots and webhooks of the platform, with their addresses and secrets.
    pub chat_robots: Vec<String>,
}

impl LeftOut {
    /// True when it names nothing.
    pub fn is_empty(&self) -> bool {
        self.sign_in_services.is_empty() && self.chat_robots.is_empty()
    }
}

/// A setting that an import would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SettingChange {
    pub key: String,
    pub before: Value,
    pub after: Value,
}

/// A configuration that waits to be confirmed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SettingsImportView {
    pub id: SettingsImportId,
    /// What would change.
    pub changes: Vec<SettingChange>,
    /// How many it names that are so already.
    pub unchanged: u64,
    /// Secrets that the configuration says were left out.
    pub secrets_left_out: Vec<String>,
    /// What else it says is no part of it.
    pub left_out: LeftOut,
    /// The mail server would change, and its stored password be forgotten.
    pub forgets_mail_password: bool,
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_defaults_fit_their_kind() {
        let keys: std::collections::BTreeSet<_> = SETTINGS.iter().map(|spec| spec.key).collect();
        assert_eq!(keys.len(), SETTINGS.len());
        for spec in SETTINGS {
            let fits = match (spec.kind, spec.default) {
                (SettingKind::Number { min, max }, SettingDefault::Number(n)) => (min..=max).contains(&n),
                (SettingKind::NumberOrNever { min, max }, SettingDefault::Number(n)) => {
                    n == 0 || (min..=max).contains(&n)
                }
                (SettingKind::Choice(words), SettingDefault::Text(word)) => words.contains(&word),
                (SettingKind::Choice(_) | SettingKind::TimeZone, SettingDefault::Installation) => true,
                (SettingKind::Number { .. }, SettingDefault::Installation) => spec.key == "access.ssh_port",
                (SettingKind::Flag, SettingDefault::Flag(_)) => true,
                (SettingKind::Secret { .. } | SettingKind::Image, SettingDefault::Nothing) => true,
                (SettingKind::Number { .. } | SettingKind::NumberOrNever { .. }, _) => false,
                (SettingKind::Choice(_) | SettingKind::Flag, _) => false,
                (_, default) => matches!(default, SettingDefault::Nothing | SettingDefault::Text(_)),
            };
            assert!(fits, "{}", spec.key);
        }
    }
}

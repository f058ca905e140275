//! The settings as the rest of the program reads them: one typed answer per group.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use contract::accounts::Language;
use contract::settings::setting;
use secrecy::SecretString;
use serde_json::Value;

use super::store::Rows;
use super::{MAIL_PASSWORD, cache, default_of, secret_context};
use crate::accounts::PasswordRule;
use crate::{Platform, outbound, secrets};

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUp {
    /// Only staff make accounts.
    Off,
    /// People who were invited, too.
    Invitation,
    /// Anybody with an e-mail address.
    Open,
}

/// Rules of signing in.
#[derive(Clone, Debug, PartialEq)]
pub struct SignInSettings {
    pub sign_up: SignUp,
    pub password: PasswordRule,
    /// A browser that asks for nothing for so long is signed out.
    pub session_idle: TimeDelta,
    pub totp_for_admins: bool,
    /// The challenge is a picture instead of a proof of work.
    pub captcha_image: bool,
}

/// See the module.
pub async fn sign_in(platform: &Platform) -> SignInSettings {
    let read = Read::new(platform).await;
    SignInSettings {
        sign_up: match read.text("sign_in.sign_up").as_deref() {
            Some("invitation") => SignUp::Invitation,
            Some("open") => SignUp::Open,
            _ => SignUp::Off,
        },
        password: PasswordRule {
            min_length: read.number("sign_in.password_min_length") as usize,
            min_score: read.number("sign_in.password_min_score") as u8,
            remembered: read.number("sign_in.password_remembered") as u8,
            installation: read.text("branding.name").unwrap_or_default(),
        },
        session_idle: TimeDelta::hours(read.number("sign_in.session_idle_hours") as i64),
        totp_for_admins: read.flag("sign_in.totp_for_admins"),
        captcha_image: read.text("sign_in.captcha").as_deref() == Some("image"),
    }
}

/// How the line to the mail server is kept secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportSecurity {
    /// Asked for on a plain line, and required.
    StartTls,
    /// From the first byte.
    Tls,
    /// Not at all.
    Plain,
}

/// Where mail goes out.
#[derive(Clone, Debug)]
pub struct MailServer {
    pub host: String,
    pub port: u16,
    pub security: TransportSecurity,
    pub user: Option<String>,
    pub password: Option<SecretString>,
    pub from_address: String,
    pub from_name: String,
}

/// See the module; `None` while no server and sender are named: no mail goes out then.
pub async fn mail(platform: &Platform) -> Option<MailServer> {
    let read = Read::new(platform).await;
    let (host, from_address) = (read.text("mail.host")?, read.text("mail.from_address")?);
    let security = match read.text("mail.security").as_deref() {
        Some("tls") => TransportSecurity::Tls,
        Some("none") => TransportSecurity::Plain,
        _ => TransportSecurity::StartTls,
    };
    Some(MailServer {
        host,
        port: read.number("mail.port") as u16,
        security,
        user: read.text("mail.user"),
        password: read.secret(MAIL_PASSWORD),
        from_address,
        from_name: read.text("mail.from_name").or(read.text("branding.name")).unwrap_or_default(),
    })
}

/// Private networks that channels may lead into.
pub(crate) async fn private_ranges(platform: &Platform) -> Vec<ipnetwork::IpNetwork> {
    let text = Read::new(platform).await.text("notifications.private_ranges");
    text.and_then(|text| outbound::read_ranges(&text)).unwrap_or_default()
}

/// What an installation is called and how it keeps time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appearance {
    pub name: String,
    /// Changes with the logo, so that browsers may keep it.
    pub logo_tag: Option<String>,
    pub time_zone: chrono_tz::Tz,
    /// Anybody may make an account.
    pub open: bool,
}

/// See the module.
pub async fn appearance(platform: &Platform) -> Appearance {
    let read = Read::new(platform).await;
    Appearance {
        name: read.text("branding.name").unwrap_or_default(),
        logo_tag: read.text("branding.logo").map(|logo| tag_of(&logo)),
        time_zone: read.zone(),
        open: read.text("sign_in.sign_up").as_deref() == Some("open"),
    }
}

/// The logo with this tag, a PNG.
pub async fn logo_file(platform: &Platform, tag: &str) -> Option<Vec<u8>> {
    let logo = Read::new(platform).await.text("branding.logo")?;
    (tag_of(&logo) == tag).then(|| STANDARD.decode(logo).ok()).flatten()
}

/// Tells one picture from another.
pub(super) fn tag_of(logo: &str) -> String {
    hex::encode(&secrets::sha256(logo.as_bytes())[..8])
}

/// How the SSH door is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshDoor {
    /// False: nobody comes in by it.
    pub open: bool,
    /// As people name it: the portal's host where nobody said otherwise.
    pub host: String,
    pub port: u16,
}

/// See the module.
pub async fn ssh(platform: &Platform) -> SshDoor {
    let read = Read::new(platform).await;
    let portal = || url::Url::parse(&platform.settings().public_url).ok()?.host_str().map(str::to_owned);
    SshDoor {
        open: read.flag("access.ssh"),
        host: read.text("access.ssh_host").or_else(portal).unwrap_or_default(),
        port: u16::try_from(read.number("access.ssh_port")).unwrap_or(platform.settings().ssh_port),
    }
}

/// What is recorded of what people do in instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Terminals and SSH sessions that are opened from now on are recorded.
    pub on: bool,
    /// Also what is typed, passwords among it.
    pub input: bool,
    /// Most bytes of one recording: beyond them another one goes on.
    pub most_bytes: u64,
    /// Bytes in the store that a customer's recordings of a day may take.
    pub day_bytes: u64,
    /// What cannot be recorded any more is ended; else it goes on without.
    pub ends: bool,
    /// How long one is kept.
    pub kept: TimeDelta,
}

/// See the module.
pub async fn recording(platform: &Platform) -> Recording {
    let read = Read::new(platform).await;
    Recording {
        on: read.flag("access.recording"),
        input: read.flag("access.recording_input"),
        most_bytes: u64::from(read.number("access.recording_mb")) << 20,
        day_bytes: u64::from(read.number("access.recording_day_mb")) << 20,
        ends: read.text("access.recording_beyond").as_deref() != Some("unrecorded"),
        kept: TimeDelta::days(read.number("access.recording_days").into()),
    }
}

/// What holds for the whole installation.
#[derive(Clone, Debug, PartialEq)]
pub struct General {
    /// Language where nobody chose one.
    pub language: Language,
    /// Decides days and months of leases and statistics, and what is shown to those who chose none.
    pub time_zone: chrono_tz::Tz,
    /// How long the audit log is kept; `None` for ever.
    pub audit_retention: Option<TimeDelta>,
}

/// See the module.
pub async fn general(platform: &Platform) -> General {
    let read = Read::new(platform).await;
    let days = read.number("general.audit_retention_days");
    General {
        language: read.language(),
        time_zone: read.zone(),
        audit_retention: (days > 0).then(|| TimeDelta::days(i64::from(days))),
    }
}

/// The time zone that days and months are of.
pub async fn time_zone(platform: &Platform) -> chrono_tz::Tz {
    Read::new(platform).await.zone()
}

/// How long an instance may be beyond its part of a GPU's memory before it is stopped; nothing for ever.
pub(crate) async fn split_patience(platform: &Platform) -> Option<TimeDelta> {
    let minutes = Read::new(platform).await.number("general.split_stop_minutes");
    (minutes > 0).then(|| TimeDelta::minutes(i64::from(minutes)))
}

/// How long an instance may run with more on its disks than it has before it is stopped; nothing for ever.
pub(crate) async fn disk_patience(platform: &Platform) -> Option<TimeDelta> {
    let minutes = Read::new(platform).await.number("general.disk_stop_minutes");
    (minutes > 0).then(|| TimeDelta::minutes(i64::from(minutes)))
}

/// Largest file that comes in, GB.
pub async fn max_file_gb(platform: &Platform) -> u64 {
    u64::from(Read::new(platform).await.number("general.max_file_gb"))
}

/// What prices are in, an ISO 4217 code.
pub async fn currency(platform: &Platform) -> String {
    Read::new(platform).await.text("general.currency").unwrap_or_default()
}

/// When instances that nobody uses are stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleSettings {
    /// 0 is never; customers may have another time.
    pub after_hours: u32,
    /// From which load on they are used, percent.
    pub gpu_percent: u32,
    pub cpu_percent: u32,
    /// Between the warning and the stop.
    pub warning: TimeDelta,
    /// Most hours that somebody can keep one.
    pub keep_hours: u32,
}

/// See the module.
pub async fn idle(platform: &Platform) -> IdleSettings {
    let read = Read::new(platform).await;
    IdleSettings {
        after_hours: read.number("instances.idle_hours"),
        gpu_percent: read.number("instances.idle_gpu_percent"),
        cpu_percent: read.number("instances.idle_cpu_percent"),
        warning: TimeDelta::minutes(read.number("instances.idle_warning_minutes").into()),
        keep_hours: read.number("instances.idle_keep_hours"),
    }
}

/// Language where nobody chose one, as it was read last: for every answer, also while the database is away.
pub fn usual_language(platform: &Platform) -> Language {
    Read::last(platform).language()
}

/// The same of the time zone.
pub fn usual_time_zone(platform: &Platform) -> chrono_tz::Tz {
    Read::last(platform).zone()
}

/// Whether mail goes out, as it was read last.
pub fn sends_mail(platform: &Platform) -> bool {
    let read = Read::last(platform);
    read.text("mail.host").is_some() && read.text("mail.from_address").is_some()
}

/// Values in force: what is stored, else the default.
struct Read<'a> {
    platform: &'a Platform,
    rows: Arc<Rows>,
}

impl<'a> Read<'a> {
    async fn new(platform: &'a Platform) -> Self {
        Self { platform, rows: cache::rows(platform).await }
    }

    fn last(platform: &'a Platform) -> Self {
        Self { platform, rows: cache::last(platform) }
    }

    fn value(&self, key: &str) -> Value {
        let stored = self.rows.get(key).and_then(|row| row.value.clone());
        stored.or_else(|| Some(default_of(self.platform, setting(key)?))).unwrap_or_default()
    }

    fn text(&self, key: &str) -> Option<String> {
        self.value(key).as_str().map(str::to_owned)
    }

    /// Bounds were checked when it was stored.
    fn number(&self, key: &str) -> u32 {
        self.value(key).as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
    }

    fn flag(&self, key: &str) -> bool {
        self.value(key).as_bool().unwrap_or_default()
    }

    fn zone(&self) -> chrono_tz::Tz {
        let chosen = self.text("general.time_zone").and_then(|name| name.parse().ok());
        chosen.unwrap_or(self.platform.settings().time_zone)
    }

    fn language(&self) -> Language {
        let chosen = self.text("general.language").and_then(|code| Language::parse(&code));
        chosen.unwrap_or(self.platform.settings().default_language)
    }

    fn secret(&self, key: &str) -> Option<SecretString> {
        let sealed = self.rows.get(key)?.secret.as_deref()?;
        let opened = self.platform.keyring().open(&secret_context(key), sealed);
        match opened.map(String::from_utf8) {
            Ok(Ok(text)) => Some(text.into()),
            _ => {
                tracing::error!(key, "the secret of a setting does not open");
                None
            }
        }
    }
}

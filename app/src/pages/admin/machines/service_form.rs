//! Forms of the service page as a browser posts them.

use serde::{Deserialize, Serialize};

/// To plan maintenance; named `form[…]` in the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MaintenanceForm {
    /// `2026-12-01T10:00` in the person's time zone; empty for now.
    pub starts: String,
    pub ends: String,
    pub message: String,
}

/// How a host is reached; named `form[…]` in the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConnectionForm {
    pub port: String,
    pub user: String,
    pub password: String,
    pub private_key: String,
    pub forget: String,
    pub hami_core_path: String,
}

#[cfg(feature = "ssr")]
pub use read::instant;

#[cfg(feature = "ssr")]
mod read {
    use chrono::{DateTime, NaiveDateTime, TimeZone as _, Utc};
    use contract::ErrorCode;
    use contract::machines::{ConnectionUpdate, MaintenanceCreate};
    use contract::times::is_writable;
    use platform::{Error, Result};

    use super::{ConnectionForm, MaintenanceForm};
    use crate::door::look;

    /// An instant as a field of the browser says it, in the person's time zone.
    ///
    /// # Errors
    /// Validation for what is none.
    pub fn instant(path: &'static str, text: &str) -> Result<DateTime<Utc>> {
        let local = NaiveDateTime::parse_from_str(text.trim(), "%Y-%m-%dT%H:%M")
            .or_else(|_| NaiveDateTime::parse_from_str(text.trim(), "%Y-%m-%dT%H:%M:%S"));
        local
            .ok()
            .filter(|local| is_writable(local.date()))
            .and_then(|local| look().zone.from_local_datetime(&local).earliest())
            .map(|at| at.with_timezone(&Utc))
            .ok_or_else(|| Error::field(path, "field-not-a-time"))
    }

    impl MaintenanceForm {
        /// What it asks for.
        ///
        /// # Errors
        /// Validation with the field that does not read.
        pub fn read(&self) -> Result<MaintenanceCreate> {
            let starts_at = match self.starts.trim() {
                "" => None,
                text => Some(instant("startsAt", text)?),
            };
            if self.ends.trim().is_empty() {
                return Err(Error::field("endsAt", "field-required"));
            }
            Ok(MaintenanceCreate { starts_at, ends_at: instant("endsAt", &self.ends)?, message: self.message.clone() })
        }

        /// What to show again when it is refused.
        pub fn typed(self) -> Vec<(&'static str, String)> {
            vec![("starts", self.starts), ("ends", self.ends), ("message", self.message)]
        }
    }

    impl ConnectionForm {
        /// What it asks for.
        ///
        /// # Errors
        /// Validation with the field that does not read.
        pub fn read(&self) -> Result<ConnectionUpdate> {
            let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
            let port = match some(&self.port) {
                None => None,
                Some(text) => Some(
                    text.parse()
                        .map_err(|_| Error::new(ErrorCode::Validation).with_field("port", "field-not-a-number"))?,
                ),
            };
            Ok(ConnectionUpdate {
                port,
                user: some(&self.user),
                password: Some(self.password.clone()).filter(|text| !text.is_empty()),
                private_key: some(&self.private_key),
                forget_secret: self.forget == "true",
                hami_core_path: some(&self.hami_core_path),
            })
        }

        /// What to show again when it is refused; never the secret.
        pub fn typed(self) -> Vec<(&'static str, String)> {
            vec![("port", self.port), ("user", self.user), ("hamiCorePath", self.hami_core_path)]
        }
    }
}

//! How people are reached and in which language, for what is written to them.

use contract::UserId;
use contract::accounts::Language;

use super::store;
use crate::db::Tx;
use crate::{Platform, Result, settings};

/// An active person.
#[derive(Clone, Debug)]
pub(crate) struct Contact {
    pub id: UserId,
    /// User name.
    pub name: String,
    pub email: Option<String>,
    /// As chosen.
    pub language: Option<Language>,
    /// As chosen.
    pub time_zone: Option<String>,
}

impl Contact {
    /// The chosen language, else the installation's.
    pub(crate) async fn language_or(&self, platform: &Platform) -> Language {
        match self.language {
            Some(language) => language,
            None => settings::general(platform).await.language,
        }
    }

    /// The chosen time zone, else the installation's.
    pub(crate) async fn zone_or(&self, platform: &Platform) -> chrono_tz::Tz {
        match self.time_zone.as_deref().and_then(|name| name.parse().ok()) {
            Some(zone) => zone,
            None => settings::general(platform).await.time_zone,
        }
    }
}

/// Those of these people who are active.
pub(crate) async fn contacts(tx: &mut Tx, users: &[UserId]) -> Result<Vec<Contact>> {
    let ids: Vec<i64> = users.iter().map(|user| user.0).collect();
    store::contacts(tx, &ids).await
}

//! How people are reached and in which language, for what is written to them.

use std::collections::HashMap;

use contract::accounts::Language;
use contract::{CustomerId, Permission, UserId};

use super::store;
use crate::authz::builtin_holders;
use crate::db::Tx;
use crate::{Platform, Result, settings};

/// An active person.
#[derive(Clone, Debug)]
pub(crate) struct Contact {
    pub id: UserId,
    /// User name.
    pub name: String,
    /// Empty where none was given.
    pub display_name: String,
    pub email: Option<String>,
    /// As chosen.
    pub language: Option<Language>,
    /// As chosen.
    pub time_zone: Option<String>,
    /// Works for the platform.
    pub staff: bool,
}

impl Contact {
    /// The chosen language, else the installation's.
    pub(crate) fn language_or(&self, platform: &Platform) -> Language {
        self.language.unwrap_or_else(|| settings::usual_language(platform))
    }

    /// The chosen time zone, else the installation's.
    pub(crate) fn zone_or(&self, platform: &Platform) -> chrono_tz::Tz {
        let own = self.time_zone.as_deref().and_then(|name| name.parse().ok());
        own.unwrap_or_else(|| settings::usual_time_zone(platform))
    }
}

/// User names by id, also of people who are disabled or deleted.
pub(crate) async fn names(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, String>> {
    store::names(tx, ids).await
}

/// Active people who hold a permission everywhere, by a built-in role or by one that was made.
pub(crate) async fn holders(tx: &mut Tx, permission: Permission) -> Result<Vec<UserId>> {
    store::holders(tx, &builtin_holders(permission), permission).await
}

/// User names by id of those who are a customer's people now.
pub(crate) async fn names_of_members(tx: &mut Tx, customer: CustomerId, ids: &[i64]) -> Result<HashMap<i64, String>> {
    store::names_of_members(tx, customer, ids).await
}

/// Those of these people who are active.
pub(crate) async fn contacts(tx: &mut Tx, users: &[UserId]) -> Result<Vec<Contact>> {
    let ids: Vec<i64> = users.iter().map(|user| user.0).collect();
    store::contacts(tx, &ids).await
}

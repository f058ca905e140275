//! Who did what to what.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AuditId, CustomerId};

/// One audit event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditView {
    pub id: AuditId,
    pub at: DateTime<Utc>,
    /// `user`, `node`, `system`, `anonymous`.
    pub actor_kind: String,
    pub actor_id: Option<i64>,
    /// User name, or code of a machine; of the system the part of it that acted, `operator` at the command line. Who is not
    /// signed in has none.
    pub actor_name: String,
    /// The door: `page`, `rest`, `ws`, `agent`, `cli`, `system`.
    pub via: String,
    pub address: Option<String>,
    /// What the client called itself, at most 300 characters; absent for events of before that was kept.
    pub user_agent: Option<String>,
    /// `machines:update`, `accounts:sign-in`, …
    pub action: String,
    pub target_kind: String,
    pub target_id: Option<String>,
    /// What it is called: people and customers as they were called then, everything else as the log last called it.
    pub target_name: Option<String>,
    /// The customer it concerns, who sees it too.
    pub customer_id: Option<CustomerId>,
    pub customer_name: Option<String>,
    /// `done`, `denied`, `failed`.
    pub outcome: String,
    pub before: Option<serde_json::Value>,
    pub after: Option<serde_json::Value>,
    /// True where the reader may not see what it is about, so that what it was and is is left out.
    pub withheld: bool,
    /// Empty where the row stands for many requests.
    pub request_id: String,
    /// True once the row is part of the hash chain.
    pub sealed: bool,
    /// True for a row that is not, and never can be: the sealer was there already when it was put in by hand.
    pub outside_chain: bool,
    /// True for a row that was sealed more than a day after the time it is dated: put in by hand, or of a server whose clock was
    /// wrong.
    #[serde(default)]
    pub dated_back: bool,
    /// True for a row that was yet to come when it was sealed: put in by hand, or of a server whose clock was wrong.
    #[serde(default)]
    pub dated_ahead: bool,
}

impl AuditView {
    /// True where it was not done when it says, or not by the platform: to be seen without opening anything.
    pub fn is_suspect(&self) -> bool {
        self.outside_chain || self.dated_back || self.dated_ahead
    }

    /// Key of the words for how it stands to the hash chain.
    pub fn seal(&self) -> &'static str {
        match (self.sealed, self.outside_chain) {
            (true, _) if self.dated_back => "audit-dated-back",
            (true, _) if self.dated_ahead => "audit-dated-ahead",
            (true, _) => "audit-sealed",
            (false, false) => "audit-unsealed",
            (false, true) => "audit-outside",
        }
    }
}

/// Filters of the audit list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AuditQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// Exact action, e.g. `machines:update`.
    pub action: Option<String>,
    /// Exact target kind, e.g. `machine`.
    pub target_kind: Option<String>,
    pub target_id: Option<String>,
    pub outcome: Option<String>,
    /// Part of the actor's name.
    pub actor: Option<String>,
    /// What kind of actor: `user`, `node`, `system`, `anonymous`.
    pub actor_kind: Option<String>,
    /// The customer it concerns.
    pub customer_id: Option<CustomerId>,
    /// From this instant on.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub from: Option<DateTime<Utc>>,
    /// Before this instant.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub until: Option<DateTime<Utc>>,
    pub request_id: Option<String>,
    /// The door, e.g. `rest`.
    pub via: Option<String>,
    /// The address it came from, or a network such as `192.0.2.0/24`.
    pub address: Option<String>,
}

/// The kinds of actors.
pub const ACTORS: [&str; 4] = ["user", "node", "system", "anonymous"];
/// Name of the system's actor that stands for who acts at the command line, and for the first start.
pub const AT_COMMAND_LINE: &str = "operator";

/// The doors an event can have come through.
pub const DOORS: [&str; 6] = ["page", "rest", "ws", "agent", "cli", "system"];

/// Whether the filter by address reads it: an address, or a network with the number of its bits.
pub fn is_network(text: &str) -> bool {
    let (address, bits) = match text.trim().split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text.trim(), None),
    };
    let Ok(address) = address.parse::<std::net::IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= most))
}

/// An event as the customer sees whom it concerns: what was done and by whom, without what it was before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OwnAuditView {
    pub id: AuditId,
    pub at: DateTime<Utc>,
    /// `member` for the customer's own people, `staff`, `node`, `system`, `anonymous`.
    pub actor_kind: String,
    /// The name of one of its own people.
    pub actor_name: Option<String>,
    /// The door, as in [`AuditView`].
    pub via: String,
    /// Where one of its own people was.
    pub address: Option<String>,
    /// What their client called itself.
    pub user_agent: Option<String>,
    pub action: String,
    pub target_kind: String,
    pub target_id: Option<String>,
    /// What one of its own people, who may have left, the customer itself or one of its things is called.
    pub target_name: Option<String>,
    /// `done`, `denied`, `failed`.
    pub outcome: String,
    /// Why staff looked into something of the customer's.
    pub reason: Option<String>,
    /// Of a row that stands for many that were refused: how many; the first few had rows of their own.
    pub repeats: Option<u64>,
    /// When the first of them was.
    pub from: Option<DateTime<Utc>>,
    /// When the last of them was.
    pub until: Option<DateTime<Utc>>,
    /// Empty where the row stands for many requests.
    pub request_id: String,
}

/// Filters of a customer's own part of the log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct OwnAuditQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// Exact action, e.g. `allocations:create`.
    pub action: Option<String>,
    /// Exact target kind, e.g. `allocation`.
    pub target_kind: Option<String>,
    /// Part of the name of one of its own people.
    pub actor: Option<String>,
    /// The door, e.g. `rest`.
    pub via: Option<String>,
    /// The address one of its own people was at, or a network such as `192.0.2.0/24`.
    pub address: Option<String>,
    /// From this instant on.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub from: Option<DateTime<Utc>>,
    /// Before this instant.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub until: Option<DateTime<Utc>>,
}

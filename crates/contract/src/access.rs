//! Ways into instances: by SSH, by the browser's terminal and to applications; who is, or was, in one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::machines::word_enum;
use crate::{CustomerId, InstanceId, UserId};

/// Where the SSH door listens, and is named, when nobody said otherwise.
pub const SSH_PORT: u16 = 2026;

word_enum! {
    /// By which way somebody is in an instance.
    AccessKind {
        Ssh = "ssh",
        /// In the browser.
        Terminal = "terminal",
        /// An application, in the browser.
        App = "app",
    }
}

/// Somebody who is, or was, in an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccessSession {
    pub id: String,
    pub kind: AccessKind,
    pub instance: InstanceId,
    pub instance_name: String,
    pub customer_id: CustomerId,
    /// For staff.
    pub customer_name: Option<String>,
    pub user: UserId,
    pub user_name: String,
    /// From where.
    pub address: Option<String>,
    /// What the program calls itself; not of terminals.
    pub client: Option<String>,
    /// Fingerprint of the key; absent for a password, and in the browser.
    pub fingerprint: Option<String>,
    pub opened_at: DateTime<Utc>,
    /// Absent while it is open.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it ended: `left`, `exited`, `closed`, `idle`, `access` (the right to it ended), `stopped` (the instance), `lost`,
    /// `failed`, `server`, `removed` (the link to the application), `limit` (newer browsers took its place).
    pub reason: Option<String>,
    /// The caller may end it now.
    pub may_end: bool,
}

/// Parameters of the lists of those who are, or were, in instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AccessQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    pub kind: Option<AccessKind>,
    /// Those that are open, or those that are over; both when absent.
    pub open: Option<bool>,
    pub instance: Option<InstanceId>,
    /// Name of the instance.
    pub q: Option<String>,
}

/// Answer of `GET /api/customer/instances/{id}/ssh-command`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SshCommand {
    /// The line to type.
    pub command: String,
    pub host: String,
    pub port: u16,
    /// `person+instance`.
    pub user: String,
    /// Of the host key: `SHA256:…`, what the program shows at the first time.
    pub fingerprint: String,
    /// The host key as a line of `known_hosts`.
    pub known_hosts: String,
    /// The person has a key here; without one, password and code let in.
    pub has_key: bool,
}

//! How machines are run: service state, maintenance, how the host is reached, many at once.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{MachineQuery, ServiceState, word_enum};
use crate::{MaintenanceId, Permission};

impl ServiceState {
    /// Where an action leads from here; `None` where it makes no sense.
    pub fn after(self, action: MachineAction) -> Option<ServiceState> {
        use MachineAction as A;
        use ServiceState as S;
        match (action, self) {
            (A::Cordon, S::InService | S::Draining) => Some(S::Cordoned),
            (A::Drain, S::InService | S::Cordoned) => Some(S::Draining),
            (A::Uncordon, S::Cordoned | S::Draining | S::Maintenance | S::Retired) => Some(S::InService),
            (A::Retire, S::InService | S::Cordoned | S::Draining | S::Maintenance) => Some(S::Retired),
            _ => None,
        }
    }
}

word_enum! {
    /// What staff do with one or with many machines.
    MachineAction {
        /// No new customers; who is there stays.
        Cordon = "cordon",
        /// Back into service.
        Uncordon = "uncordon",
        /// No new customers and no renewals: it becomes empty by itself.
        Drain = "drain",
        /// Out for good; its agent may not connect any more.
        Retire = "retire",
        /// Samples and alerts begin again.
        MonitoringOn = "monitoring-on",
        /// No more samples and alerts; history stays.
        MonitoringOff = "monitoring-off",
        /// Away, with its history kept for the audit.
        Delete = "delete",
    }
}

impl MachineAction {
    /// The permission it takes.
    pub fn permission(self) -> Permission {
        match self {
            Self::Cordon | Self::Uncordon | Self::Drain | Self::Retire => Permission::MachinesOperate,
            Self::MonitoringOn | Self::MonitoringOff => Permission::MachinesUpdate,
            Self::Delete => Permission::MachinesDelete,
        }
    }
}

/// Most machines one bulk action takes.
pub const MAX_BULK: usize = 500;

/// Body of `POST /api/admin/machines/{id}/cordon` and its siblings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ServiceChange {
    /// Why, for colleagues; at most 1,000 characters.
    pub note: Option<String>,
}

/// Body of `POST /api/admin/machines/bulk`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MachineBulk {
    /// Codes, 1 to 500.
    #[serde(default)]
    pub ids: Vec<String>,
    /// Instead of codes: all that match these filters, whatever their page and order; refused when they are more than 500.
    #[serde(default)]
    pub matching: Option<MachineQuery>,
    pub action: MachineAction,
    /// Why, for colleagues.
    #[serde(default)]
    pub note: Option<String>,
}

/// Body of `POST /api/admin/machines/bulk/maintenance`: the same window for many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MaintenanceBulk {
    /// Codes, 1 to 500.
    #[serde(default)]
    pub ids: Vec<String>,
    /// Instead of codes: all that match these filters; refused when they are more than 500.
    #[serde(default)]
    pub matching: Option<MachineQuery>,
    pub window: MaintenanceCreate,
}

word_enum! {
    /// Where a maintenance window stands.
    MaintenanceState {
        Planned = "planned",
        Active = "active",
        Ended = "ended",
        Cancelled = "cancelled",
    }
}

/// Body of `POST /api/admin/machines/{id}/maintenance`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MaintenanceCreate {
    /// Now when absent.
    #[serde(default, deserialize_with = "crate::times::maybe")]
    pub starts_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "crate::times::one")]
    pub ends_at: DateTime<Utc>,
    /// What the people on the machine read, 1 to 1,000 characters.
    pub message: String,
}

/// A time in which a machine is out; the people on it are told from the moment it is planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceView {
    pub id: MaintenanceId,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub message: String,
    pub state: MaintenanceState,
    pub created_by: String,
}

word_enum! {
    /// How a host lets the server in.
    SecretKind {
        Password = "password",
        /// A private key in OpenSSH's format.
        Key = "key",
    }
}

/// Body of `PUT /api/admin/machines/{id}/connection`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ConnectionUpdate {
    /// 22 when absent.
    pub port: Option<u32>,
    /// Absent: the host is not reached by SSH, and a stored secret is forgotten.
    pub user: Option<String>,
    /// A new password; absent keeps what is stored.
    pub password: Option<String>,
    /// A new private key in OpenSSH's format, without passphrase; absent keeps what is stored.
    pub private_key: Option<String>,
    /// Forgets the stored secret.
    pub forget_secret: bool,
    /// Folder of HAMi-core on the host.
    pub hami_core_path: Option<String>,
}

/// How a host is reached. The secret never leaves the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConnectionView {
    pub port: Option<u32>,
    pub user: Option<String>,
    /// What is stored, encrypted.
    pub secret_kind: Option<SecretKind>,
    pub secret_set_at: Option<DateTime<Utc>>,
    pub hami_core_path: Option<String>,
}

/// How a customer gets onto a machine it has. Never with a secret: keys are the host's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SshAccess {
    /// The public address, else the private one; absent where the operator has entered none.
    pub host: Option<String>,
    /// 22 where the operator has entered none.
    pub port: u32,
    /// Absent where the operator has entered none.
    pub user: Option<String>,
    /// The line to paste; absent without a host.
    pub command: Option<String>,
}

impl SshAccess {
    /// With the line that belongs to it.
    pub fn new(host: Option<String>, port: Option<u32>, user: Option<String>) -> Self {
        let port = port.unwrap_or(22);
        let command = host.as_ref().map(|host| {
            let at = user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
            let option = if port == 22 { String::new() } else { format!("-p {port} ") };
            format!("ssh {option}{at}{host}")
        });
        Self { host, port, user, command }
    }
}

#[cfg(test)]
mod tests {
    use super::SshAccess;

    #[test]
    fn the_line_says_what_is_known_and_no_more() {
        let line = |host: Option<&str>, port, user: Option<&str>| {
            SshAccess::new(host.map(str::to_owned), port, user.map(str::to_owned)).command
        };
        assert_eq!(line(Some("10.2.0.7"), Some(2222), Some("gpu")).as_deref(), Some("ssh -p 2222 gpu@10.2.0.7"));
        assert_eq!(line(Some("gpu.example.org"), None, Some("root")).as_deref(), Some("ssh root@gpu.example.org"));
        assert_eq!(line(Some("10.2.0.7"), Some(22), None).as_deref(), Some("ssh 10.2.0.7"), "nobody's name is made up");
        assert_eq!(line(None, Some(2222), Some("gpu")), None);
    }
}

//! How machines are run: service state, maintenance, how the host is reached, many at once.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{MachineQuery, MachineView, ServiceState, word_enum};
use crate::allocations::LeaseToCome;
use crate::{BulkOutcome, MaintenanceId, Permission};

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

    /// Whether a lease that is to begin would wait after this.
    pub fn keeps_out(self) -> bool {
        matches!(self, Self::Cordon | Self::Drain)
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MaintenanceBulk {
    /// Codes, 1 to 500.
    pub ids: Vec<String>,
    /// Instead of codes: all that match these filters; refused when they are more than 500.
    pub matching: Option<MachineQuery>,
    /// Now when absent.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub starts_at: Option<DateTime<Utc>>,
    /// Required, as for one machine.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub ends_at: Option<DateTime<Utc>>,
    /// Required, as for one machine: what the people on the machines read, 1 to 1,000 characters.
    pub message: Option<String>,
    /// Instead of `startsAt`, `endsAt` and `message`, as programs of before send them.
    pub window: Option<MaintenanceCreate>,
}

/// A machine that takes nobody new from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MachineTakenOut {
    #[serde(flatten)]
    pub machine: MachineView,
    /// Leases that are to begin on it, and wait until it is back in service; for those who see allocations.
    pub scheduled: Vec<LeaseToCome>,
}

/// What became of one machine of many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MachineBulkOutcome {
    #[serde(flatten)]
    pub outcome: BulkOutcome,
    /// Where it takes nobody new from now on: leases that are to begin on it, and wait until it is back in service; for those
    /// who see allocations.
    #[serde(default)]
    pub scheduled: Vec<LeaseToCome>,
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

word_enum! {
    /// What hinders an agent in keeping keys.
    HostKeysFault {
        /// The host has no such account, or one without a home folder.
        Account = "account",
        /// What stands at the file's place is not a file of that account alone.
        Unsafe = "unsafe",
        /// The host's file system refuses it.
        Io = "io",
        /// The agent has no right to that account's files.
        Permission = "permission",
        /// It was sent something that is no key.
        Keys = "keys",
    }
}

/// The login account of a host in which its agent keeps the public keys of who has the machine, as the agent says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HostKeysView {
    pub account: String,
    /// Of the keys that are there now.
    pub fingerprints: Vec<String>,
    /// Other keys in the same file, which somebody else keeps.
    pub others: u32,
    pub fault: Option<HostKeysFault>,
    /// What the host said of it.
    pub detail: Option<String>,
    pub seen_at: Option<DateTime<Utc>>,
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
    /// Where the agent keeps customers' keys; absent where whoever runs the host does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<HostKeysView>,
}

/// How a customer gets onto a machine it has. Never with a secret: its people's own keys let them in where the agent keeps
/// them there, and else what whoever runs the host has set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SshAccess {
    /// The public address, else the private one; absent where the operator has entered none.
    pub host: Option<String>,
    /// 22 where the operator has entered none.
    pub port: u32,
    /// Absent where the operator has entered none. Where the agent keeps keys, the account in which it does.
    pub user: Option<String>,
    /// The line to paste; absent without a host.
    pub command: Option<String>,
    /// The machine's agent keeps the keys of one's customer's people there while the customer has it; else whoever runs the
    /// host manages keys.
    #[serde(default)]
    pub keys_by_agent: bool,
    /// Something on the host hinders that just now.
    #[serde(default)]
    pub keys_hindered: bool,
    /// Straight through the SSH door, also where the host has no address that one reaches. Absent where the door is closed or the agent
    /// keeps no keys.
    #[serde(default)]
    pub door: Option<String>,
    /// The same with one's own key to the end.
    #[serde(default)]
    pub jump: Option<String>,
    /// One has a key here that lets one in.
    #[serde(default)]
    pub has_key: bool,
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
        Self {
            host,
            port,
            user,
            command,
            keys_by_agent: false,
            keys_hindered: false,
            door: None,
            jump: None,
            has_key: false,
        }
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

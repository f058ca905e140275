//! Ways into instances: by SSH, by the browser's terminal and to applications, and looking on at a terminal; who is, or was,
//! in one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::machines::word_enum;
use crate::{AllocationId, CustomerId, InstanceId, UserId};

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
        /// Somebody else's terminal, by their consent: seen alone.
        Watch = "watch",
    }
}

word_enum! {
    /// What is kept of what somebody did in an instance.
    RecordingKind {
        /// All that a screen showed, to be played again.
        Screen = "screen",
        /// What was run without a terminal, what went into it and came out, within bounds, and how it ended.
        Command = "command",
        /// That files were copied.
        Files = "files",
    }
}

word_enum! {
    /// How a recording ended.
    RecordingEnding {
        /// With what was recorded.
        Over = "over",
        /// It was as long as one may be; another one goes on.
        Limit = "limit",
        /// There was no more room for recordings of its customer on that day, or none on the disk.
        Full = "full",
        /// It could not be written on, and something is missing at its end.
        Failed = "failed",
        /// The server stopped: what was written until then is kept.
        Server = "server",
    }
}

/// Something that was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecordingView {
    pub id: String,
    /// The session it is of: SSH sessions may have several.
    pub session: String,
    /// By which way the person was in.
    pub door: AccessKind,
    pub kind: RecordingKind,
    pub instance: InstanceId,
    pub instance_name: String,
    pub customer_id: CustomerId,
    /// For staff.
    pub customer_name: Option<String>,
    /// Who was recorded.
    pub user: UserId,
    pub user_name: String,
    /// What was run; in lists only for whom it was recorded of. Absent for a shell.
    pub command: Option<String>,
    /// Columns and rows at the beginning; of a screen.
    pub cols: Option<u16>,
    pub rows: Option<u16>,
    /// What was typed is in it.
    pub with_input: bool,
    pub began_at: DateTime<Utc>,
    /// Absent while it goes on.
    pub ended_at: Option<DateTime<Utc>>,
    pub ending: Option<RecordingEnding>,
    /// What was recorded went on after it without being recorded.
    #[serde(default)]
    pub unrecorded: bool,
    /// What the program ended with, where that is known.
    pub exit_code: Option<i32>,
    /// Bytes of what is kept.
    pub bytes: u64,
    /// There is something to play.
    pub has_content: bool,
}

/// Parameters of the lists of recordings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RecordingQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// Those of one session.
    pub session: Option<String>,
    pub door: Option<AccessKind>,
    pub kind: Option<RecordingKind>,
    pub instance: Option<InstanceId>,
    /// Somebody's alone.
    pub user: Option<UserId>,
    /// Begun at that moment or later.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub from: Option<DateTime<Utc>>,
    /// Begun before that moment.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub until: Option<DateTime<Utc>>,
    /// Name of the instance.
    pub q: Option<String>,
}

/// Whether a customer's sessions are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecordingPolicy {
    /// Whatever holds for everybody.
    pub always: bool,
    /// Everybody's are.
    pub usual: bool,
}

/// Body of `PUT /api/admin/customers/{id}/recording-policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordingPolicyUpdate {
    /// Whatever holds for everybody.
    pub always: bool,
}

/// Why staff look at a recording: its customer reads it in their own log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RecordingReason {
    /// At least five characters that are no blanks.
    pub reason: Option<String>,
}

/// Why staff end an access of a customer's, or take the link of an application away: parameters of `DELETE
/// /api/admin/access/sessions/{id}`, `…/access/machines/{id}` and `…/instances/{id}/links/{link}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct StaffEnding {
    /// At least 5 characters that are no blanks: whose it is is told, and its customer reads it in their own log.
    pub reason: String,
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
    /// So many recordings are kept of it.
    #[serde(default)]
    pub recordings: u32,
    /// The caller finds them in their list.
    #[serde(default)]
    pub may_see_recordings: bool,
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
    /// Somebody's alone.
    pub user: Option<UserId>,
    /// Those that are recorded, or those that are not; both when absent.
    pub recorded: Option<bool>,
    /// Opened at that moment or later.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub from: Option<DateTime<Utc>>,
    /// Opened before that moment.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub until: Option<DateTime<Utc>>,
    /// Name of the instance.
    pub q: Option<String>,
}

/// Somebody who is, or was, on a whole machine by the SSH door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MachineAccess {
    pub id: String,
    /// Its code, as it was called then.
    pub machine: String,
    pub allocation: AllocationId,
    pub customer_id: CustomerId,
    /// For staff.
    pub customer_name: Option<String>,
    pub user: UserId,
    pub user_name: String,
    /// From where.
    pub address: Option<String>,
    /// What the program calls itself.
    pub client: Option<String>,
    /// Fingerprint of the key; absent for a password.
    pub fingerprint: Option<String>,
    pub opened_at: DateTime<Utc>,
    /// Absent while it is open.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it ended: `left`, `access` (the right to it, or somebody, ended it), `stopped` (the machine is theirs no more), `lost`,
    /// `server`.
    pub reason: Option<String>,
    /// The caller may end it now.
    pub may_end: bool,
}

/// Parameters of the lists of those who are, or were, on whole machines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MachineAccessQuery {
    pub page: Option<u32>,
    pub page_size: Option<u32>,
    /// Those that are open, or those that are over; both when absent.
    pub open: Option<bool>,
    /// Somebody's alone.
    pub user: Option<UserId>,
    /// Opened at that moment or later.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub from: Option<DateTime<Utc>>,
    /// Opened before that moment.
    #[serde(deserialize_with = "crate::times::maybe")]
    pub until: Option<DateTime<Utc>>,
    /// Code of the machine.
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
    /// What is done there is recorded.
    #[serde(default)]
    pub recorded: bool,
    /// What is typed there, too.
    #[serde(default)]
    pub recorded_with_input: bool,
}

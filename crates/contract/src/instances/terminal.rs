//! Terminals of instances: how their sockets are opened, and what is said over them.
//!
//! What is typed and what is shown travels as binary messages, any bytes cut anywhere; the rest is JSON as text. A client
//! tells how many bytes it has shown: the server sends no more than [`WINDOW`] beyond that, so that what nobody can read
//! that fast is not made.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ApiError;

/// Most bytes on their way that a client has not said to have shown.
pub const WINDOW: u64 = 256 << 10;
/// Longest message of a client, bytes.
pub const MAX_TERMINAL_MESSAGE: usize = 64 << 10;
/// Most columns, and most rows.
pub const MAX_TERMINAL_SIDE: u16 = 1000;

/// Body of `POST …/instances/{id}/terminal/ticket`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct TerminalTicketCreate {
    /// The shell to go on with, as `opened` named it; without it a new one is opened.
    pub terminal: Option<String>,
}

/// Opens one socket, once, of the session that asked for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TerminalTicket {
    pub ticket: String,
    pub expires_at: DateTime<Utc>,
}

/// Body of `POST …/instances/{id}/terminal/share`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TerminalShareCreate {
    /// The shell, as `opened` named it.
    pub terminal: String,
}

/// Lets one other person look on, once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TerminalShare {
    pub share: String,
    pub expires_at: DateTime<Utc>,
}

/// Body of `POST …/instances/{id}/terminal/unshare`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TerminalUnshare {
    /// The shell, as `opened` named it.
    pub terminal: String,
}

/// Body of `POST /api/customer/instances/{id}/terminal/watch`: one of both, or both: where the link counts no more, the other is
/// taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct TerminalWatchCreate {
    /// What stands in the link.
    pub share: Option<String>,
    /// As the answer before named it: to come back.
    pub watch: Option<String>,
}

/// Body of `POST /api/admin/instances/{id}/terminal/watch`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct StaffWatchCreate {
    /// What stands in the link.
    pub share: Option<String>,
    /// As the answer before named it: to come back.
    pub watch: Option<String>,
    /// At least five characters that are no blanks; its customer reads it.
    pub reason: Option<String>,
}

/// Opens one socket by which one looks on, once, of the session that asked for it. Its link is used up by the socket that shows
/// the shell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TerminalWatchTicket {
    pub ticket: String,
    /// To come back by, in the same instance and session, while who has the shell lets one, and for five minutes without a socket.
    pub watch: String,
    pub expires_at: DateTime<Utc>,
}

/// Parameters of `/ws/instances/{id}/terminal/watch`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct WatchQuery {
    pub ticket: String,
}

/// Parameters of `/ws/instances/{id}/terminal`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct TerminalQuery {
    pub ticket: String,
    /// 80 when absent.
    pub cols: Option<u16>,
    /// 24 when absent.
    pub rows: Option<u16>,
}

/// From the client, as text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub enum TerminalSaid {
    /// The terminal has another size; each side 1 to 1000.
    Resize { cols: u16, rows: u16 },
    /// So many more bytes were shown.
    Ack { bytes: u64 },
    /// Ends the shell.
    Close {},
}

/// From the server, as text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum TerminalTold {
    /// The shell is there. What was shown before comes first, from an empty screen; then `replayed`.
    Opened {
        terminal: String,
        /// It is the one that was asked for.
        resumed: bool,
        /// Why it is another one: `ended`, `gone` where the server that held it is, or `elsewhere` where another one holds it or
        /// stopped so short ago that nobody can tell.
        #[serde(skip_serializing_if = "Option::is_none")]
        instead: Option<String>,
    },
    /// What this shell shows is recorded.
    Recorded {
        /// What is typed, too.
        #[serde(rename = "withInput", default)]
        with_input: bool,
    },
    /// It has to be recorded and is not any more: there is no room for it.
    Unrecorded {},
    /// What follows is new.
    Replayed {},
    /// So many bytes were left out: they came faster than they were read.
    Skipped { bytes: u64 },
    /// So many sockets show this shell, those of who only looks on left out.
    Viewers { count: usize },
    /// Whether somebody may look on, or come back to it: by a link that nobody used yet, or because they did lately; to whom the
    /// shell is. Not said before it is so for the first time.
    Shared { open: bool },
    /// Who only looks on; to whom the shell is.
    Watchers { people: Vec<String> },
    /// The terminal's size; to who only looks on.
    Size { cols: u16, rows: u16 },
    /// The shell is over: `exited` with its code, `lost`, `idle`, `access`, `closed`; or one may look on no more: `unshared`.
    Exit {
        reason: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<i32>,
    },
    /// Sent every 10 s: a client that hears nothing for 25 s connects again.
    Alive {},
    /// There is no shell.
    Refused { error: ApiError },
    /// The server closes on purpose: `session_ended`, `draining`, `input` for more than is taken in; for who looks on also
    /// `elsewhere` (another server holds the shell: the link still counts) and `unsure` (nobody can say whether they still may).
    /// The shell may live on.
    Bye { reason: String },
}

//! `/ws/live`: one WebSocket per page carries every live topic, as JSON text.
//!
//! Per topic: a snapshot, then deltas with a sequence that rises by one. After a cut the client names the epoch and
//! sequence it has; the server sends the missing deltas, or a new snapshot when it no longer has them. A slow reader
//! gets a new snapshot instead of a queue. The server pings every 10 s; a client that hears nothing for 25 s reconnects.

use serde::{Deserialize, Serialize};

use crate::ApiError;
use crate::metrics::{FleetTotals, MachineLive, WallSnapshot, WallTile};
use crate::notifications::NotificationsLive;

/// Topic of the wall.
pub const WALL_TOPIC: &str = "wall";
/// Topic of the key figures of the whole fleet, for pages that do not show its machines.
pub const FLEET_TOPIC: &str = "fleet";
/// Topic of what one is told oneself.
pub const NOTIFICATIONS_TOPIC: &str = "notifications";
/// Most topics on one socket.
pub const MAX_TOPICS: usize = 16;
/// Longest message a client may send, bytes.
pub const MAX_CLIENT_MESSAGE_BYTES: usize = 8 * 1024;

/// Topic of one machine.
pub fn machine_topic(code: &str) -> String {
    format!("machine/{code}")
}

/// Where a client stands in a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub epoch: String,
    pub seq: u64,
}

/// From the browser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub enum ClientMessage {
    /// Begin or resume a topic.
    Subscribe {
        topic: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<Position>,
    },
    /// End it.
    Unsubscribe { topic: String },
    /// Answered by `pong`. Braces, so that unknown fields are refused here too.
    Ping {},
}

/// From the server. Topic data is one of the shapes of [`LiveData`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ServerMessage {
    /// The whole state; replaces what the client had.
    Snapshot { topic: String, epoch: String, seq: u64, data: LiveData },
    /// What changed since `seq - 1`.
    Delta { topic: String, epoch: String, seq: u64, data: LiveData },
    /// The topic may not be seen, does not exist, or has ended.
    Refused { topic: String, error: ApiError },
    /// Sent every 10 s; also the answer to `ping`. Server time in milliseconds since the epoch.
    Pong { now: i64 },
    /// The server closes on purpose: `session_ended`, `draining`; `topic_ended` on a socket of a single topic.
    Bye { reason: String },
}

/// Data of snapshots and deltas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "camelCase")]
pub enum LiveData {
    /// Snapshot of the wall.
    Wall(WallSnapshot),
    /// Delta of the wall: tiles that changed, codes that are gone.
    WallChange { tiles: Vec<WallTile>, gone: Vec<String> },
    /// Snapshot and delta of the fleet's key figures: always whole.
    Fleet(FleetTotals),
    /// Snapshot and delta of a machine: always whole.
    Machine(Box<MachineLive>),
    /// Snapshot and delta of what one is told: always whole.
    Notifications(NotificationsLive),
}

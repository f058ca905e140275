//! Reads `contract::live::ServerMessage` in two steps: first the frame, then the data of the kind it names.
//!
//! The derived reader of a tagged enum buffers everything into a tree and carries a second copy of every reader over that
//! tree: a quarter of the browser bundle. The test holds the two together.

use std::borrow::Cow;

use contract::ApiError;
use contract::live::{LiveData, ServerMessage};
use contract::metrics::{MachineLive, WallSnapshot, WallTile};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(default)]
    topic: String,
    #[serde(default)]
    epoch: String,
    #[serde(default)]
    seq: u64,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<ApiError>,
    #[serde(default)]
    now: i64,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    value: &'a RawValue,
}

#[derive(Deserialize)]
struct WallChange {
    tiles: Vec<WallTile>,
    gone: Vec<String>,
}

/// The message, or nothing for what a newer server says and we do not know.
pub fn read(text: &str) -> Option<ServerMessage> {
    let Frame { kind, topic, epoch, seq, data, error, now, reason } = serde_json::from_str(text).ok()?;
    match kind.as_ref() {
        "snapshot" => Some(ServerMessage::Snapshot { topic, epoch, seq, data: read_data(data?)? }),
        "delta" => Some(ServerMessage::Delta { topic, epoch, seq, data: read_data(data?)? }),
        "refused" => Some(ServerMessage::Refused { topic, error: error? }),
        "pong" => Some(ServerMessage::Pong { now }),
        "bye" => Some(ServerMessage::Bye { reason }),
        _ => None,
    }
}

fn read_data(data: &RawValue) -> Option<LiveData> {
    let Data { kind, value } = serde_json::from_str(data.get()).ok()?;
    match kind.as_ref() {
        "wall" => serde_json::from_str::<WallSnapshot>(value.get()).ok().map(LiveData::Wall),
        "wallChange" => {
            let WallChange { tiles, gone } = serde_json::from_str(value.get()).ok()?;
            Some(LiveData::WallChange { tiles, gone })
        }
        "fleet" => serde_json::from_str(value.get()).ok().map(LiveData::Fleet),
        "machine" => {
            serde_json::from_str::<MachineLive>(value.get()).ok().map(|live| LiveData::Machine(Box::new(live)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use contract::ErrorCode;
    use contract::machines::Presence;

    use super::*;

    #[test]
    fn reads_what_the_contract_writes() {
        let live = MachineLive {
            id: "host-001".into(),
            presence: Presence::Online,
            monitored: true,
            at: Some(chrono::DateTime::from_timestamp(1_800_000_000, 0).expect("is a time")),
            host: Default::default(),
            gpus: vec![Default::default()],
            processes: Vec::new(),
            processes_at: None,
        };
        let error = ApiError {
            code: ErrorCode::NotFound,
            key: "error-not-found".into(),
            message: "\"not\" there".into(),
            fields: Default::default(),
            request_id: None,
        };
        let snapshot = |data| ServerMessage::Snapshot { topic: "t\"opic".into(), epoch: "e".into(), seq: 7, data };
        let messages = [
            snapshot(LiveData::Wall(WallSnapshot::default())),
            snapshot(LiveData::Fleet(Default::default())),
            snapshot(LiveData::Machine(Box::new(live))),
            ServerMessage::Delta {
                topic: "wall".into(),
                epoch: "e".into(),
                seq: 8,
                data: LiveData::WallChange { tiles: Vec::new(), gone: vec!["a".into()] },
            },
            ServerMessage::Refused { topic: "wall".into(), error },
            ServerMessage::Pong { now: 12 },
            ServerMessage::Bye { reason: "draining".into() },
        ];
        for message in messages {
            let text = serde_json::to_string(&message).expect("can be written");
            assert_eq!(read(&text).as_ref(), Some(&message), "{text}");
        }
        for strange in ["", "{}", r#"{"type":"news","seq":1}"#, r#"{"type":"snapshot"}"#] {
            assert_eq!(read(strange), None, "{strange}");
        }
    }
}

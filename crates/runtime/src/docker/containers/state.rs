//! What an engine says of a container, as far as the platform needs it.

use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::Deserialize;

use super::labels::Origin;
use super::spec::{PublishedPort, Transport};
use crate::docker::Fault;

/// Most ports of a container that are read.
const MAX_PORTS: usize = 1000;
/// Longest name or word that is kept, characters.
const MAX_WORD: usize = 200;

/// A container of this installation, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The engine's own name of it, which no other container ever has.
    pub id: String,
    pub name: String,
    pub origin: Origin,
    pub state: State,
    /// In microseconds, as databases keep it: one that was kept is the same as one that is read again.
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Where its ports are now; an engine says nothing of them while it does not run.
    pub ports: Vec<PublishedPort>,
    /// Why the engine could not start it, in its words; mostly empty.
    pub error: String,
}

/// What a container does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It never ran.
    Created,
    Running {
        /// Where the image says how that is found out.
        health: Option<Health>,
    },
    /// Held, and can go on.
    Paused,
    /// It ended, and the engine is about to start it again.
    Restarting {
        /// As of one that exited.
        out_of_memory: bool,
    },
    Exited {
        /// 137 and 143 are 128 and the number of the signal that ended it.
        code: i32,
        /// Something in it was ended because it was over its memory. An engine misses it now and then where the program
        /// ends as fast as the kernel tells of it (one of a hundred and sixty, seen with Engine 20.10 under load).
        out_of_memory: bool,
    },
    /// The engine is taking it away.
    Removing,
    /// The engine could not take it away entirely.
    Dead,
    /// In a word that is newer than this.
    Unknown,
}

impl State {
    /// True where it ended, and something in it was over its memory.
    pub fn is_out_of_memory(self) -> bool {
        matches!(self, State::Exited { out_of_memory: true, .. } | State::Restarting { out_of_memory: true })
    }
}

/// What an image's own check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Starting,
    Healthy,
    Unhealthy,
}

impl Health {
    pub(super) fn read(word: &str) -> Option<Self> {
        match word {
            "starting" => Some(Self::Starting),
            "healthy" => Some(Self::Healthy),
            "unhealthy" => Some(Self::Unhealthy),
            _ => None,
        }
    }
}

/// A container in a list, which says less of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    pub name: String,
    pub origin: Origin,
    /// Running, paused or about to run again; of the others, [`super::Containers::inspect`] says how they ended.
    pub is_up: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawContainer {
    id: String,
    #[serde(default)]
    name: String,
    /// Of the image it was made of.
    #[serde(default)]
    pub(super) image: String,
    config: RawConfig,
    state: RawState,
    #[serde(default)]
    network_settings: Option<RawNetworks>,
    #[serde(default)]
    pub(super) host_config: Option<RawLimits>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawConfig {
    #[serde(default)]
    labels: Option<HashMap<String, String>>,
    #[serde(default)]
    env: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawState {
    status: String,
    #[serde(default, rename = "OOMKilled")]
    oom_killed: bool,
    #[serde(default)]
    exit_code: i64,
    #[serde(default)]
    error: String,
    #[serde(default)]
    started_at: Option<String>,
    #[serde(default)]
    finished_at: Option<String>,
    #[serde(default)]
    health: Option<RawHealth>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawHealth {
    #[serde(default)]
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawNetworks {
    #[serde(default)]
    ports: Option<HashMap<String, Option<Vec<RawPort>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawPort {
    #[serde(default)]
    host_ip: String,
    #[serde(default)]
    host_port: String,
}

/// What an engine kept of the limits it was told: what its kernel cannot do, it drops with a warning.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct RawLimits {
    #[serde(default, rename = "Memory")]
    pub(super) memory: Option<i64>,
    #[serde(default, rename = "NanoCpus")]
    pub(super) nano_cpus: Option<i64>,
    #[serde(default, rename = "PidsLimit")]
    pub(super) pids_limit: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawListed {
    id: String,
    #[serde(default)]
    names: Option<Vec<String>>,
    #[serde(default)]
    labels: Option<HashMap<String, String>>,
    #[serde(default)]
    state: String,
}

impl RawContainer {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        super::wire::json(bytes)
    }

    /// `None`: it is none of ours.
    pub(super) fn container(&self, installation: &str) -> Option<Container> {
        let origin = Origin::read(self.config.labels.as_ref()?, installation)?;
        let state = &self.state;
        Some(Container {
            id: word(&self.id),
            name: word(self.name.trim_start_matches('/')),
            origin,
            state: state.read(),
            started_at: kept(state.started_at.as_deref()),
            finished_at: kept(state.finished_at.as_deref()),
            ports: self.ports(),
            error: Fault::new(crate::docker::FaultKind::StartRefused, &state.error).detail,
        })
    }

    /// Its variables, with those of its image.
    pub(super) fn env(&self) -> &[String] {
        self.config.env.as_deref().unwrap_or_default()
    }

    fn ports(&self) -> Vec<PublishedPort> {
        let Some(ports) = self.network_settings.as_ref().and_then(|it| it.ports.as_ref()) else { return Vec::new() };
        let mut found: Vec<PublishedPort> = Vec::new();
        for (key, places) in ports {
            let Some((container, transport)) = port(key) else { continue };
            for place in places.iter().flatten() {
                let (Ok(address), Ok(host)) = (place.host_ip.parse::<IpAddr>(), place.host_port.parse()) else {
                    continue;
                };
                found.push(PublishedPort { container, transport, address, host: Some(host) });
            }
        }
        found.sort_by_key(|it| (it.container, it.transport, it.address));
        found.truncate(MAX_PORTS);
        found
    }
}

impl RawState {
    fn read(&self) -> State {
        match self.status.as_str() {
            "created" => State::Created,
            "running" => State::Running { health: self.health.as_ref().and_then(|it| Health::read(&it.status)) },
            "paused" => State::Paused,
            "restarting" => State::Restarting { out_of_memory: self.oom_killed },
            "exited" => State::Exited {
                code: i32::try_from(self.exit_code).unwrap_or(i32::MAX),
                out_of_memory: self.oom_killed,
            },
            "removing" => State::Removing,
            "dead" => State::Dead,
            _ => State::Unknown,
        }
    }
}

/// Those of an answer that are ours.
pub(super) fn list(bytes: &[u8], installation: &str) -> Result<Vec<Listed>, Fault> {
    let all: Vec<RawListed> = super::wire::json(bytes)?;
    let one = |it: RawListed| {
        Some(Listed {
            origin: Origin::read(it.labels.as_ref()?, installation)?,
            id: word(&it.id),
            name: it.names?.first().map(|name| word(name.trim_start_matches('/')))?,
            is_up: matches!(it.state.as_str(), "running" | "paused" | "restarting"),
        })
    };
    Ok(all.into_iter().filter_map(one).collect())
}

/// `22/tcp`.
fn port(key: &str) -> Option<(u16, Transport)> {
    let (number, transport) = key.split_once('/')?;
    let transport = match transport {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        _ => return None,
    };
    Some((number.parse().ok()?, transport))
}

/// A time of an engine; that of Go's zero is none.
pub(super) fn time(text: Option<&str>) -> Option<DateTime<Utc>> {
    let read = DateTime::parse_from_rfc3339(text?).ok()?.with_timezone(&Utc);
    (read.timestamp() > 0).then_some(read)
}

/// As a database keeps it, in microseconds: a time that was read back is the one that was seen.
fn kept(text: Option<&str>) -> Option<DateTime<Utc>> {
    time(text).map(|at| at.trunc_subsecs(6))
}

/// Without control characters, and short.
pub(super) fn word(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_WORD).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn inspected(change: impl FnOnce(&mut Value)) -> Option<Container> {
        let mut value = json!({
            "Id": "fec1", "Name": "/c1", "Image": "sha256:1",
            "Config": { "Labels": { "remotegpu.installation": "lab", "remotegpu.instance": "7",
                "remotegpu.revision": "3", "remotegpu.spec": "abc" } },
            "State": { "Status": "exited", "OOMKilled": true, "ExitCode": 137, "Error": "a\u{1b}b",
                "StartedAt": "2026-11-26T22:34:56.428017271Z", "FinishedAt": "0001-01-01T00:00:00Z" },
            "NetworkSettings": { "Ports": { "22/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "32770" }], "80/tcp": null,
                "x/tcp": [{}], "7/sctp": [{}] } },
        });
        change(&mut value);
        RawContainer::read(value.to_string().as_bytes()).ok()?.container("lab")
    }

    #[test]
    fn a_container_is_read() {
        let read = inspected(|_| {}).unwrap();
        assert_eq!((read.name.as_str(), read.origin.revision, read.error.as_str()), ("c1", 3, "ab"));
        assert_eq!(read.state, State::Exited { code: 137, out_of_memory: true });
        assert!(read.started_at.is_some_and(|at| at.timestamp() == 1_795_732_496) && read.finished_at.is_none());
        assert_eq!(read.ports, [PublishedPort { host: Some(32770), ..PublishedPort::local(22) }]);
        let health = |status: &str, health: &str| {
            let state = json!({ "Status": status, "Health": { "Status": health } });
            inspected(|it| it["State"] = state).unwrap().state
        };
        assert_eq!(health("running", "healthy"), State::Running { health: Some(Health::Healthy) });
        assert_eq!(health("running", "none"), State::Running { health: None });
        assert_eq!(health("dead", ""), State::Dead);
        assert_eq!(health("hibernating", ""), State::Unknown);
    }

    #[test]
    fn what_is_not_whole_or_not_ours_is_none() {
        for label in ["installation", "instance", "revision", "spec"] {
            assert_eq!(
                inspected(|it| it["Config"]["Labels"][format!("remotegpu.{label}")] = json!("")),
                None,
                "{label}"
            );
        }
        assert_eq!(inspected(|it| it["Config"]["Labels"] = json!(null)), None);
        assert_eq!(inspected(|it| it["Config"]["Labels"]["remotegpu.instance"] = json!("x".repeat(201))), None);
        assert_eq!(inspected(|it| it["State"] = json!(null)), None);
    }
}

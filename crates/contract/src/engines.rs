//! Docker Engines: how the one of a machine is reached, and what it said when it was tried.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::machines::word_enum;

/// Where Docker's own socket usually is.
pub const USUAL_SOCKET: &str = "/var/run/docker.sock";
/// Docker's port for TLS.
pub const USUAL_PORT: u32 = 2376;
/// Longest text of certificates or of a key, characters.
pub const MAX_PEM: usize = 16_384;

word_enum! {
    /// How an engine is reached.
    EngineKind {
        /// A socket on the server's own host.
        Local = "local",
        /// `tcp://` with TLS.
        Tcp = "tcp",
        /// Through the machine's agent: nothing listens on the machine, and the agent says which socket it is.
        Agent = "agent",
    }
}

word_enum! {
    /// How soon certificates end.
    CertificateState {
        /// In more than thirty days.
        Valid = "valid",
        /// In thirty days or sooner: people have been told.
        Ending = "ending",
        /// They have.
        Expired = "expired",
    }
}

/// Days before the end of certificates on which people are told, once each.
pub const EXPIRY_STEPS: [i64; 3] = [30, 7, 1];

impl CertificateState {
    /// Of certificates that end then.
    pub fn of(expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        if expires_at <= now {
            CertificateState::Expired
        } else if expires_at - now <= chrono::TimeDelta::days(EXPIRY_STEPS[0]) {
            CertificateState::Ending
        } else {
            CertificateState::Valid
        }
    }
}

/// Body of `PUT /api/admin/machines/{code}/docker`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EngineWrite {
    pub kind: EngineKind,
    /// For `local`: an absolute path that ends with `.sock`; `/var/run/docker.sock` when absent.
    #[serde(default)]
    pub socket: Option<String>,
    /// For `tcp`: a name or an address, the one the engine's certificate is for.
    #[serde(default)]
    pub host: Option<String>,
    /// For `tcp`: 2376 when absent.
    #[serde(default)]
    pub port: Option<u32>,
    /// PEM; the only CA that is trusted. Absent keeps what is stored, as with the two below.
    #[serde(default)]
    pub ca_certificate: Option<String>,
    /// PEM.
    #[serde(default)]
    pub client_certificate: Option<String>,
    /// PEM, without a passphrase; never answered again.
    #[serde(default)]
    pub client_key: Option<String>,
    /// What one saw; absent overwrites whatever is there.
    #[serde(default)]
    pub revision: Option<i64>,
    /// It may lead to another engine than the one that the machine's instances are on; without this, that is refused.
    #[serde(default)]
    pub other_engine: bool,
}

impl EngineWrite {
    /// Nothing said yet but which way.
    pub fn new(kind: EngineKind) -> Self {
        Self {
            kind,
            socket: None,
            host: None,
            port: None,
            ca_certificate: None,
            client_certificate: None,
            client_key: None,
            revision: None,
            other_engine: false,
        }
    }
}

/// The key stays out of logs.
impl std::fmt::Debug for EngineWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineWrite").field("kind", &self.kind).field("host", &self.host).finish_non_exhaustive()
    }
}

/// How a machine's engine is reached. Neither certificates nor the key leave the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EngineView {
    pub kind: EngineKind,
    pub socket: Option<String>,
    pub host: Option<String>,
    pub port: Option<u32>,
    /// The first end of CA, client certificate and, once it was seen, the engine's own.
    pub certificates_expire_at: Option<DateTime<Utc>>,
    /// How soon that is; absent without certificates.
    pub certificates: Option<CertificateState>,
    pub updated_at: DateTime<Utc>,
    /// Another one after every change, never used again for this machine.
    pub revision: i64,
    /// The last one since it was changed.
    pub last_test: Option<EngineTest>,
    /// Why it does not say how much its instances store, in the caller's language; absent while it does.
    #[serde(default)]
    pub disks_message: Option<String>,
    /// The engine's own id, as it said it to a test or a look; absent where it says none, or was not asked yet.
    #[serde(default)]
    pub engine_id: Option<String>,
    /// That of another engine that answers in its place.
    #[serde(default)]
    pub other_engine_id: Option<String>,
    /// Since when another engine answers: nothing is done there, and the machine's instances are lost, until the first is back
    /// or the other is accepted (`POST …/docker/accept`).
    #[serde(default)]
    pub other_since: Option<DateTime<Utc>>,
    /// What begins anew where that one is accepted; absent while none answers.
    #[serde(default)]
    pub left: Option<EngineLeft>,
}

/// What is on an engine in whose place another one answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EngineLeft {
    /// Instances that are not being deleted.
    pub instances: u64,
    /// Customers whose they are.
    pub customers: u64,
    /// Those of the instances that have a data disk.
    pub data_disks: u64,
}

impl EngineView {
    /// In one line, as Docker writes it.
    pub fn address(&self) -> String {
        match self.kind {
            EngineKind::Agent => "agent://".to_owned(),
            EngineKind::Local => format!("unix://{}", self.socket.as_deref().unwrap_or_default()),
            EngineKind::Tcp => {
                let host = self.host.as_deref().unwrap_or_default();
                let port = self.port.unwrap_or(USUAL_PORT);
                if host.contains(':') { format!("tcp://[{host}]:{port}") } else { format!("tcp://{host}:{port}") }
            }
        }
    }
}

/// What came of trying it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EngineTest {
    pub at: DateTime<Utc>,
    pub done: bool,
    /// A stable word for what is wrong, such as `refused` or `certificate-expired`.
    pub fault: Option<String>,
    /// What it means and what to do, in the caller's language.
    pub message: String,
    /// What the other end or the network said.
    pub detail: Option<String>,
    pub report: Option<EngineReport>,
}

/// What an engine says of itself; what it does not say is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct EngineReport {
    pub version: String,
    pub api_version: String,
    pub os: Option<String>,
    /// Docker's word, such as `amd64`.
    pub architecture: Option<String>,
    pub kernel: Option<String>,
    /// `1` or `2`.
    pub cgroup_version: Option<String>,
    pub storage_driver: Option<String>,
    pub runtimes: Vec<String>,
    pub default_runtime: Option<String>,
    pub cpus: Option<u32>,
    /// Bytes.
    pub memory: Option<u64>,
    /// It lists NVIDIA's GPUs by descriptions of them (CDI), and is new enough to give them to containers by these.
    pub nvidia_by_cdi: bool,
}

impl EngineReport {
    /// True when a runtime of that name shows that NVIDIA's toolkit is set up. Containers have their GPUs by the toolkit's hook,
    /// which an engine does not list: without such a runtime it may be there all the same.
    pub fn has_nvidia(&self) -> bool {
        self.runtimes.iter().any(|runtime| runtime == "nvidia")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_docker_writes_it() {
        let view = EngineView {
            kind: EngineKind::Tcp,
            socket: None,
            host: Some("10.0.0.7".to_owned()),
            port: Some(2376),
            certificates_expire_at: None,
            certificates: None,
            updated_at: DateTime::UNIX_EPOCH,
            revision: 1,
            last_test: None,
            disks_message: None,
            engine_id: None,
            other_engine_id: None,
            other_since: None,
            left: None,
        };
        assert_eq!(view.address(), "tcp://10.0.0.7:2376");
        assert_eq!(EngineView { host: Some("fd00::7".to_owned()), ..view.clone() }.address(), "tcp://[fd00::7]:2376");
        let local = EngineView { kind: EngineKind::Local, socket: Some(USUAL_SOCKET.to_owned()), ..view };
        assert_eq!(local.address(), "unix:///var/run/docker.sock");
    }
}

//! Whether an engine is there, what it is, and if not, why.

pub(crate) mod fuzzing;

use std::time::Duration;

use bollard::models::{SystemInfo, SystemVersion};
use chrono::{DateTime, Utc};
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::line::{self, Connector};
use super::{Allowed, Endpoint, Fault, FaultKind, MIN_API};

/// For each of the two questions.
const ANSWER: Duration = Duration::from_secs(10);
/// For everything.
const WHOLE: Duration = Duration::from_secs(20);
/// Most that is read over one connection, bytes: descriptions are some kilobytes.
const LIMIT: u64 = 4 * 1024 * 1024;
/// For the reason of a refusal that came without one.
const REASON: Duration = Duration::from_secs(2);
/// Longest word of an engine that is kept, characters.
const MAX_WORD: usize = 100;
/// Most runtimes that are kept.
const MAX_RUNTIMES: usize = 20;
/// The first API of engines that give GPUs by CDI to who asks for them as GPUs (Docker 29.2, moby's pull request 50228).
const GPUS_BY_CDI: (u32, u32) = (1, 53);

/// What an engine says of itself. What it does not say is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The program's.
    pub version: String,
    /// The newest API it speaks.
    pub api_version: String,
    pub os: Option<String>,
    /// Docker's word, such as `amd64`.
    pub architecture: Option<String>,
    pub kernel: Option<String>,
    /// `1` or `2`.
    pub cgroup_version: Option<String>,
    pub storage_driver: Option<String>,
    /// Names of its runtimes, sorted.
    pub runtimes: Vec<String>,
    pub default_runtime: Option<String>,
    pub cpus: Option<u32>,
    /// Bytes.
    pub memory: Option<u64>,
    /// It gives NVIDIA's GPUs by descriptions of them (CDI), under the names that containers ask for.
    pub nvidia_by_cdi: bool,
    /// Until when its own certificate is valid.
    pub certificate_expires_at: Option<DateTime<Utc>>,
}

/// Asks an engine what it is.
///
/// # Errors
/// Why there is no answer, or none that is good enough.
pub async fn probe(endpoint: &Endpoint, allowed: Allowed, now: DateTime<Utc>) -> Result<Report, Fault> {
    let connector = Connector::new(endpoint, allowed, Some(LIMIT));
    let late = |_| Fault::new(FaultKind::Timeout, format!("no answer within {} s", WHOLE.as_secs()));
    let asked = timeout(WHOLE, ask(&connector)).await.map_err(late).flatten();
    let fault = match asked {
        Ok(report) => return Ok(report),
        Err(fault) => fault,
    };
    let Endpoint::Tcp { identity, .. } = endpoint else { return Err(fault) };
    // An engine says only after the handshake that it does not take the client's certificate, and its word is lost when the
    // request is on its way already. Who asks nothing hears it.
    let fault = match fault.kind {
        FaultKind::Closed => refusal(&connector).await.unwrap_or(fault),
        _ => fault,
    };
    let expired = fault.kind == FaultKind::ClientRefused && identity.client_expires_at() <= now;
    Err(if expired { Fault::new(FaultKind::ClientExpired, identity.client_expires_at().to_rfc3339()) } else { fault })
}

/// Why a connection is not kept open.
async fn refusal(connector: &Connector) -> Option<Fault> {
    let mut line = match connector.connect().await {
        Ok(line) => line,
        Err(fault) => return Some(fault),
    };
    let error = timeout(REASON, line.read_u8()).await.ok()?.err()?;
    Fault::of_chain(&error).filter(|fault| fault.kind != FaultKind::Closed)
}

async fn ask(connector: &Connector) -> Result<Report, Fault> {
    let client = line::over(connector.clone(), ANSWER)?;
    let version = client.version().await.map_err(|error| Fault::of_client(&error))?;
    let api = version.api_version.clone().unwrap_or_default();
    let Some(numbers) = api_numbers(&api) else {
        return Err(Fault::new(FaultKind::NotEngine, "it names no API version"));
    };
    if numbers < MIN_API {
        return Err(Fault::new(FaultKind::Version, api));
    }
    let info = client.info().await.map_err(|error| Fault::of_client(&error))?;
    Ok(Report { certificate_expires_at: connector.certificate_expires_at(), ..report(version, info) })
}

/// `1.41` as numbers: as text, 1.9 would be the newer one.
pub(super) fn api_numbers(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn report(version: SystemVersion, info: SystemInfo) -> Report {
    let word = |text: Option<String>| {
        text.map(|text| text.chars().filter(|c| !c.is_control()).take(MAX_WORD).collect::<String>())
            .filter(|text| !text.is_empty())
    };
    let runtimes = info.runtimes.unwrap_or_default().into_keys();
    let mut runtimes: Vec<String> = runtimes.filter_map(|name| word(Some(name))).take(MAX_RUNTIMES).collect();
    runtimes.sort();
    let new = version.api_version.as_deref().and_then(api_numbers).is_some_and(|api| api >= GPUS_BY_CDI);
    let mut devices = info.discovered_devices.iter().flatten().filter_map(|device| device.id.as_deref());
    let nvidia_by_cdi = new && devices.any(is_gpu);
    Report {
        version: word(version.version).unwrap_or_default(),
        api_version: word(version.api_version).unwrap_or_default(),
        os: word(info.operating_system),
        architecture: word(version.arch),
        kernel: word(version.kernel_version),
        cgroup_version: info.cgroup_version.map(|version| version.to_string()).and_then(|text| word(Some(text))),
        storage_driver: word(info.driver),
        runtimes,
        default_runtime: word(info.default_runtime),
        cpus: info.ncpu.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0),
        memory: info.mem_total.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0),
        nvidia_by_cdi,
        certificate_expires_at: None,
    }
}

/// Whether a device is a GPU of NVIDIA's by its own name: numbers are not what containers ask for.
fn is_gpu(id: &str) -> bool {
    id.strip_prefix("nvidia.com/gpu=").is_some_and(|name| name.starts_with("GPU-") || name.starts_with("MIG-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_come_by_cdi_under_their_own_names_and_from_new_engines_alone() {
        let by_cdi = |api: &str, id: &str| {
            let version = serde_json::json!({ "ApiVersion": api });
            let info = serde_json::json!({ "DiscoveredDevices": [{ "Source": "cdi", "ID": id }] });
            report(serde_json::from_value(version).unwrap(), serde_json::from_value(info).unwrap()).nvidia_by_cdi
        };
        assert!(by_cdi("1.53", "nvidia.com/gpu=GPU-955ef018-3bd9-5f27-80b3-fa20ee8d19c5"));
        for (api, id) in [("1.52", "nvidia.com/gpu=GPU-1"), ("1.53", "nvidia.com/gpu=0"), ("1.53", "amd.com/gpu=GPU-1")]
        {
            assert!(!by_cdi(api, id), "{api} {id}");
        }
    }

    #[test]
    fn versions_are_numbers() {
        assert!(api_numbers("1.9").expect("a version") < MIN_API);
        assert!(api_numbers("1.40").expect("a version") < MIN_API);
        assert!(api_numbers("1.41").expect("a version") >= MIN_API);
        assert!(api_numbers("1.100").expect("a version") >= MIN_API);
        assert!(api_numbers("2.0").expect("a version") >= MIN_API);
        for none in ["", "1", "1.", "v1.41", "1.41.2"] {
            assert_eq!(api_numbers(none), None, "{none}");
        }
    }
}

//! Configuration: flag > environment `REMOTEGPU_*` (and `DATABASE_URL`) > file > default. Unknown keys refuse to start.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use contract::accounts::Language;
use platform::instances::AppsAddress;
use serde::Deserialize;

/// Everything that can be set; the same names in the file and, as `REMOTEGPU_<NAME>`, in the environment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub listen: Option<SocketAddr>,
    pub public_url: Option<String>,
    pub database_url: Option<String>,
    pub database_owner_url: Option<String>,
    pub database_connections: Option<u32>,
    pub data_dir: Option<PathBuf>,
    pub files_dir: Option<PathBuf>,
    pub site_dir: Option<PathBuf>,
    pub agent_dir: Option<PathBuf>,
    pub secrets_key_file: Option<PathBuf>,
    pub trusted_proxies: Option<usize>,
    pub default_language: Option<Language>,
    pub time_zone: Option<String>,
    pub log_json: Option<bool>,
    pub workers: Option<bool>,
    pub ssh: Option<bool>,
    pub ssh_listen: Option<SocketAddr>,
    pub apps_url: Option<String>,
    pub apps_listen: Option<SocketAddr>,
    pub audit_anchor_file: Option<PathBuf>,
    pub peer_url: Option<String>,
}

/// The settings in force.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    /// No trailing slash.
    pub public_url: url::Url,
    /// None: the private cluster in `data_dir`.
    pub database_url: Option<String>,
    pub database_owner_url: Option<String>,
    pub database_connections: u32,
    pub data_dir: PathBuf,
    /// Where files lie; with several servers, a directory that all of them see.
    pub files_dir: PathBuf,
    /// Built assets with `manifest.json`.
    pub site_dir: Option<PathBuf>,
    /// Agent programs to hand out.
    pub agent_dir: Option<PathBuf>,
    pub secrets_key_file: PathBuf,
    /// Proxies in front whose `X-Forwarded-For` entry counts.
    pub trusted_proxies: usize,
    pub default_language: Language,
    /// Decides days and months of leases and statistics.
    pub time_zone: chrono_tz::Tz,
    pub log_json: bool,
    /// False: this process runs no background jobs.
    pub workers: bool,
    /// False: this process has no door for SSH.
    pub ssh: bool,
    /// Where that door listens, where it was said.
    pub ssh_listen: Option<SocketAddr>,
    /// Where applications of instances are opened; none: nowhere.
    pub apps: Option<AppsAddress>,
    /// Where their door listens, where it was said.
    pub apps_listen: Option<SocketAddr>,
    /// The end of the audit log is added to it once a day.
    pub audit_anchor_file: Option<PathBuf>,
    /// Where the other servers of the installation reach this one, without a slash at the end; none: nowhere.
    pub peer_url: Option<String>,
}

/// Why it cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{0}")]
    Invalid(String),
    #[error("configuration: {0}")]
    Read(#[from] config::ConfigError),
}

impl Config {
    /// Reads file and environment; `flags` win over both.
    pub fn load(file: Option<&Path>, flags: Settings) -> Result<Self, ConfigError> {
        let mut builder = config::Config::builder();
        if let Some(file) = file {
            builder = builder.add_source(config::File::from(file).format(config::FileFormat::Toml));
        }
        // Only our own prefix; what tests and CI name REMOTEGPU_… for other programs is listed here.
        let foreign = ["REMOTEGPU_BIN", "REMOTEGPU_AGENT_BIN", "REMOTEGPU_NVML_SIM", "REMOTEGPU_PG_BIN"];
        let ours = std::env::vars().filter(|(name, value)| {
            name.starts_with("REMOTEGPU_") && !foreign.contains(&name.as_str()) && !value.is_empty()
        });
        let environment = config::Environment::with_prefix("REMOTEGPU").try_parsing(true);
        builder = builder.add_source(environment.source(Some(ours.collect())));
        if let Some(url) = std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()) {
            builder = builder.set_override("database_url", url)?;
        }
        let read: Settings = builder.build()?.try_deserialize()?;
        Self::resolve(merge(flags, read))
    }

    fn resolve(settings: Settings) -> Result<Self, ConfigError> {
        let listen = settings.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 3000)));
        let public_url = match settings.public_url {
            Some(text) => url::Url::parse(&text)
                .ok()
                .filter(|url| ["http", "https"].contains(&url.scheme()) && url.host().is_some())
                .ok_or_else(|| ConfigError::Invalid(format!("public_url: {text} is not an http(s) address")))?,
            None if listen.ip().is_loopback() => {
                url::Url::parse(&format!("http://{listen}")).map_err(|error| ConfigError::Invalid(error.to_string()))?
            }
            None => {
                return Err(ConfigError::Invalid(format!(
                    "public_url is required because {listen} is not a loopback address: set the address people use, \
                     e.g. REMOTEGPU_PUBLIC_URL=https://gpu.example.org"
                )));
            }
        };
        let loopback = match public_url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        if public_url.scheme() == "http" && !loopback {
            return Err(ConfigError::Invalid(format!(
                "public_url {public_url} is plain http off loopback: passwords would travel readable; put a proxy with \
                 TLS in front and set https://"
            )));
        }
        let time_zone = settings.time_zone.as_deref().unwrap_or("UTC");
        let time_zone = time_zone.parse().map_err(|_| {
            ConfigError::Invalid(format!(
                "time_zone: {time_zone} is not an IANA name such as Asia/Shanghai or Europe/Berlin"
            ))
        })?;
        let apps = settings.apps_url.map(|text| AppsAddress::parse(&text, &public_url));
        let apps = apps.transpose().map_err(|wrong| ConfigError::Invalid(format!("apps_url: {wrong}")))?;
        let data_dir = settings.data_dir.unwrap_or_else(default_data_dir);
        Ok(Self {
            apps,
            apps_listen: settings.apps_listen,
            listen,
            public_url,
            database_url: settings.database_url,
            database_owner_url: settings.database_owner_url,
            database_connections: settings.database_connections.unwrap_or(20).max(4),
            secrets_key_file: settings.secrets_key_file.unwrap_or_else(|| data_dir.join("secrets.key")),
            files_dir: settings.files_dir.unwrap_or_else(|| data_dir.join("files")),
            data_dir,
            site_dir: settings.site_dir,
            agent_dir: settings.agent_dir,
            trusted_proxies: settings.trusted_proxies.unwrap_or(0),
            default_language: settings.default_language.unwrap_or_default(),
            time_zone,
            log_json: settings.log_json.unwrap_or(false),
            workers: settings.workers.unwrap_or(true),
            ssh: settings.ssh.unwrap_or(true),
            ssh_listen: settings.ssh_listen,
            audit_anchor_file: settings.audit_anchor_file,
            peer_url: peer_url(settings.peer_url, listen)?,
        })
    }

    /// The public address without a trailing slash.
    pub fn public_base(&self) -> String {
        self.public_url.as_str().trim_end_matches('/').to_owned()
    }

    /// True when people come over TLS: cookies are `Secure` and named `__Host-…`.
    pub fn is_secure(&self) -> bool {
        self.public_url.scheme() == "https"
    }
}

fn merge(first: Settings, then: Settings) -> Settings {
    Settings {
        listen: first.listen.or(then.listen),
        public_url: first.public_url.or(then.public_url),
        database_url: first.database_url.or(then.database_url),
        database_owner_url: first.database_owner_url.or(then.database_owner_url),
        database_connections: first.database_connections.or(then.database_connections),
        data_dir: first.data_dir.or(then.data_dir),
        files_dir: first.files_dir.or(then.files_dir),
        site_dir: first.site_dir.or(then.site_dir),
        agent_dir: first.agent_dir.or(then.agent_dir),
        secrets_key_file: first.secrets_key_file.or(then.secrets_key_file),
        trusted_proxies: first.trusted_proxies.or(then.trusted_proxies),
        default_language: first.default_language.or(then.default_language),
        time_zone: first.time_zone.or(then.time_zone),
        log_json: first.log_json.or(then.log_json),
        workers: first.workers.or(then.workers),
        ssh: first.ssh.or(then.ssh),
        ssh_listen: first.ssh_listen.or(then.ssh_listen),
        apps_url: first.apps_url.or(then.apps_url),
        apps_listen: first.apps_listen.or(then.apps_listen),
        audit_anchor_file: first.audit_anchor_file.or(then.audit_anchor_file),
        peer_url: first.peer_url.or(then.peer_url),
    }
}

/// Where other servers come to: an address that paths are put behind.
fn peer_url(said: Option<String>, listen: SocketAddr) -> Result<Option<String>, ConfigError> {
    let Some(text) = said else {
        // Not every address that is listened on is one to connect to.
        return Ok((!listen.ip().is_unspecified()).then(|| format!("http://{listen}")));
    };
    let wrong = || {
        let example = "http://10.0.0.7:3000";
        ConfigError::Invalid(format!(
            "peer_url: {text} is not an http(s) address of this server alone, such as {example}"
        ))
    };
    let url = url::Url::parse(&text).map_err(|_| wrong())?;
    let bare =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    let whole = ["http", "https"].contains(&url.scheme()) && url.has_host() && bare;
    whole.then(|| Some(url.as_str().trim_end_matches('/').to_owned())).ok_or_else(wrong)
}

/// `/var/lib/remotegpu` for root, the user's data folder otherwise.
fn default_data_dir() -> PathBuf {
    let root = std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    if root {
        return PathBuf::from("/var/lib/remotegpu");
    }
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(home)
        .unwrap_or_else(|| PathBuf::from("."))
        .join("remotegpu")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: Settings) -> Result<Config, String> {
        Config::resolve(settings).map_err(|error| error.to_string())
    }

    #[test]
    fn the_time_zone_is_a_known_one() {
        assert_eq!(check(Settings::default()).unwrap().time_zone, chrono_tz::Tz::UTC);
        let zone = |name: &str| check(Settings { time_zone: Some(name.to_owned()), ..Settings::default() });
        assert_eq!(zone("Asia/Shanghai").unwrap().time_zone, chrono_tz::Tz::Asia__Shanghai);
        assert!(zone("Mars/Olympus").unwrap_err().contains("Asia/Shanghai"));
    }

    #[test]
    fn other_servers_come_to_where_this_one_listens_unless_it_says_otherwise() {
        let of = |listen: [u8; 4], peer_url: Option<&str>| {
            let listen = Some(SocketAddr::from((listen, 3000)));
            let public_url = Some("https://gpu.example.org".to_owned());
            let peer_url = peer_url.map(str::to_owned);
            check(Settings { listen, public_url, peer_url, ..Settings::default() }).map(|config| config.peer_url)
        };
        let there = |text: &str| -> Result<Option<String>, String> { Ok(Some(text.to_owned())) };
        assert_eq!(of([127, 0, 0, 1], None), there("http://127.0.0.1:3000"));
        assert_eq!(of([10, 0, 0, 7], None), there("http://10.0.0.7:3000"));
        assert_eq!(of([0, 0, 0, 0], None), Ok(None), "nobody connects to that");
        assert_eq!(of([0, 0, 0, 0], Some("http://10.0.0.7:3000/")), there("http://10.0.0.7:3000"));
        assert_eq!(of([0, 0, 0, 0], Some("https://one.example.org/gpu/")), there("https://one.example.org/gpu"));
        for wrong in ["10.0.0.7:3000", "ftp://10.0.0.7", "http://a:b@10.0.0.7", "http://10.0.0.7/?x", ""] {
            assert!(of([0, 0, 0, 0], Some(wrong)).unwrap_err().contains("peer_url"), "{wrong}");
        }
    }

    #[test]
    fn off_loopback_the_public_address_is_required_and_secure() {
        let everywhere = Some(SocketAddr::from(([0, 0, 0, 0], 3000)));
        assert!(check(Settings { listen: everywhere, ..Settings::default() }).unwrap_err().contains("public_url"));
        let plain = Some("http://gpu.example.org".to_owned());
        assert!(check(Settings { public_url: plain, ..Settings::default() }).unwrap_err().contains("https"));
        let secure = Some("https://gpu.example.org/".to_owned());
        let config = check(Settings { listen: everywhere, public_url: secure, ..Settings::default() }).unwrap();
        assert_eq!(config.public_base(), "https://gpu.example.org");
        assert!(config.is_secure());
    }
}

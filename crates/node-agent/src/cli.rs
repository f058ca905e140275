//! Command line and environment.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser, Subcommand};
use tracing::level_filters::LevelFilter;
use url::Url;

use crate::keys::KeysConfig;

/// Where Docker's own socket usually is.
pub const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// Where a host's sshd usually listens.
pub const SSHD: &str = "127.0.0.1:22";
/// Where the keys of a host's sshd usually lie.
pub const SSHD_KEYS: &str = "/etc/ssh";

/// What the binary was asked to do.
#[derive(Debug, Parser)]
#[command(name = "remotegpu-agent", version, about = "Reports this GPU host to a RemoteGPU server")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub options: Options,
}

/// Subcommands; `run` is the default.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Command {
    /// Measure and report until told to stop (the default).
    Run,
    /// Start at boot through systemd; where there is none, start once in the background.
    Install,
    /// Undo `install`. The key and unsent samples stay unless `--purge` is given.
    Uninstall {
        /// Also delete the state folder, and with it this host's key.
        #[arg(long)]
        purge: bool,
    },
    /// Print one inventory and one sample, to compare with `nvidia-smi`. Contacts no server.
    Probe,
}

/// Options of every subcommand.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The server, e.g. `https://gpu.example.org`.
    #[arg(long, global = true, env = "REMOTEGPU_SERVER", value_name = "URL")]
    pub server: Option<String>,
    /// Extra root certificates (PEM) to trust besides the system's.
    #[arg(long, global = true, env = "REMOTEGPU_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Admits this host on first contact. Everybody on the host can read the words of a command: the environment or
    /// `--join-token-file` keep it to yourself.
    #[arg(long, global = true, env = "REMOTEGPU_JOIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub join_token: Option<String>,
    /// File that holds the join token.
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "join_token")]
    pub join_token_file: Option<PathBuf>,
    /// Where the key and unsent samples are kept.
    #[arg(long, global = true, env = "REMOTEGPU_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// The NVML library, instead of the usual places.
    #[arg(long, global = true, env = "REMOTEGPU_NVML_LIB", value_name = "PATH")]
    pub nvml_lib: Option<PathBuf>,
    /// Name proposed to the server on first contact, instead of the host name.
    #[arg(long, global = true, env = "REMOTEGPU_HOST_NAME", value_name = "NAME")]
    pub host_name: Option<String>,
    /// The Docker Engine's socket, the only one that the server can reach through this agent.
    #[arg(long, global = true, env = "REMOTEGPU_DOCKER_SOCKET", value_name = "PATH", default_value = DOCKER_SOCKET)]
    pub docker_socket: PathBuf,
    /// Let the server reach no Docker Engine through this agent.
    #[arg(long, global = true, env = "REMOTEGPU_NO_DOCKER_TUNNEL")]
    pub no_docker_tunnel: bool,
    /// Keep the public keys of the customer who has this machine in this login account of it, for as long as they have it, with
    /// one of the server's SSH door, and lead both to its sshd through this agent. Without it, whoever runs the host manages
    /// keys. Needs root, or to run as that account.
    #[arg(long, global = true, env = "REMOTEGPU_MANAGE_KEYS", value_name = "ACCOUNT", value_parser = login_account)]
    pub manage_keys: Option<String>,
    /// Where the sshd of this host listens, with --manage-keys.
    #[arg(long, global = true, env = "REMOTEGPU_SSHD", value_name = "ADDRESS:PORT", default_value = SSHD)]
    pub sshd: SocketAddr,
    /// Folder with the public host keys of that sshd (`ssh_host_*_key.pub`).
    #[arg(long, global = true, env = "REMOTEGPU_SSHD_KEYS", value_name = "DIR", default_value = SSHD_KEYS)]
    pub sshd_keys: PathBuf,
    /// Home folder of that account, for tests; it counts as the agent's own then.
    #[arg(long, global = true, hide = true, value_name = "DIR")]
    pub keys_home: Option<PathBuf>,
    /// Sampling interval for tests; without it the server decides.
    #[arg(long, global = true, hide = true, value_name = "MS", value_parser = clap::value_parser!(u32).range(50..=60_000))]
    pub interval_ms: Option<u32>,
    /// `error`, `warn`, `info`, `debug`, `trace` or `off`.
    #[arg(long, global = true, env = "REMOTEGPU_LOG", default_value = "info")]
    pub log: LevelFilter,
    /// Install below this folder instead of `/`, for tests.
    #[arg(long, global = true, hide = true, env = "REMOTEGPU_INSTALL_ROOT", value_name = "DIR")]
    pub install_root: Option<PathBuf>,
    /// Leave the terminal's session; used by `install` where there is no systemd.
    #[arg(long, global = true, hide = true)]
    pub detached: bool,
}

impl Options {
    /// The state folder in force: the option, `/var/lib/remotegpu-agent` for root, otherwise the user's state folder.
    ///
    /// # Errors
    /// When not root and neither `XDG_STATE_HOME` nor `HOME` is set.
    pub fn state_dir(&self) -> Result<PathBuf> {
        if let Some(dir) = &self.state_dir {
            return Ok(dir.clone());
        }
        if nix::unistd::geteuid().is_root() {
            return Ok(PathBuf::from("/var/lib/remotegpu-agent"));
        }
        let base = std::env::var_os("XDG_STATE_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state")))
            .context("no place for state: give --state-dir")?;
        Ok(base.join("remotegpu-agent"))
    }

    /// The join token, from the option, the file, or the file `install` left in the state folder. `None` when there is
    /// none, which is usual once the host is known.
    ///
    /// # Errors
    /// When a file that was named cannot be read.
    pub fn join_token(&self, state_dir: &Path) -> Result<Option<String>> {
        if let Some(token) = &self.join_token {
            return Ok(non_empty(token));
        }
        if let Some(file) = &self.join_token_file {
            let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
            return Ok(non_empty(&text));
        }
        Ok(std::fs::read_to_string(state_dir.join(crate::identity::JOIN_TOKEN_FILE))
            .ok()
            .as_deref()
            .and_then(non_empty))
    }

    /// The socket that tunnels lead to; `None` where they are switched off.
    pub fn tunnel_socket(&self) -> Option<PathBuf> {
        (!self.no_docker_tunnel).then(|| self.docker_socket.clone())
    }

    /// What the host's owner allows with keys.
    pub fn keys(&self) -> KeysConfig {
        KeysConfig {
            account: self.manage_keys.clone(),
            sshd: self.sshd,
            sshd_keys: self.sshd_keys.clone(),
            home: self.keys_home.clone(),
        }
    }

    /// The agent's WebSocket on the server.
    ///
    /// # Errors
    /// When there is no server, or it is not an `http`/`https` (or `ws`/`wss`) address.
    pub fn link_url(&self) -> Result<Url> {
        let server =
            self.server.as_deref().context("no server: give --server https://host (or set REMOTEGPU_SERVER)")?;
        let mut url = Url::parse(server).with_context(|| format!("--server {server}"))?;
        let scheme = match url.scheme() {
            "http" | "ws" => "ws",
            "https" | "wss" => "wss",
            other => bail!("--server {server}: http or https expected, not {other}"),
        };
        if url.set_scheme(scheme).is_err() || url.host_str().is_none_or(str::is_empty) {
            bail!("--server {server}: no usable address");
        }
        let path = format!("{}{}", url.path().trim_end_matches('/'), node_protocol::PATH);
        url.set_path(&path);
        url.set_query(None);
        url.set_fragment(None);
        Ok(url)
    }
}

/// A login name as `useradd` takes them.
fn login_account(text: &str) -> Result<String, String> {
    let mut chars = text.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !first || text.len() > 64 || !chars.all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)) {
        return Err("a login name of this host expected".to_owned());
    }
    Ok(text.to_owned())
}

fn non_empty(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(args: &[&str]) -> Options {
        Cli::parse_from(std::iter::once("remotegpu-agent").chain(args.iter().copied())).options
    }

    #[test]
    fn server_becomes_the_link_address() {
        for (server, link) in [
            ("http://127.0.0.1:3000", "ws://127.0.0.1:3000/ws/agent"),
            ("https://gpu.example.org/", "wss://gpu.example.org/ws/agent"),
            ("https://example.org/gpu?x=1", "wss://example.org/gpu/ws/agent"),
        ] {
            assert_eq!(options(&["--server", server]).link_url().unwrap().as_str(), link);
        }
        for bad in ["ftp://host", "gpu.example.org", "http://"] {
            assert!(options(&["--server", bad]).link_url().is_err(), "{bad}");
        }
    }

    #[test]
    fn token_comes_from_option_file_or_state() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(options(&["--join-token", " t1 "]).join_token(dir.path()).unwrap().as_deref(), Some("t1"));
        assert_eq!(options(&[]).join_token(dir.path()).unwrap(), None);
        let file = dir.path().join(crate::identity::JOIN_TOKEN_FILE);
        std::fs::write(&file, "t2\n").unwrap();
        assert_eq!(options(&[]).join_token(dir.path()).unwrap().as_deref(), Some("t2"));
        let named = options(&["--join-token-file", file.to_str().unwrap()]);
        assert_eq!(named.join_token(Path::new("/nowhere")).unwrap().as_deref(), Some("t2"));
    }

    #[test]
    fn tunnels_lead_to_one_socket_or_nowhere() {
        assert_eq!(options(&[]).tunnel_socket().as_deref(), Some(Path::new(DOCKER_SOCKET)));
        let other = options(&["--docker-socket", "/run/user/1000/docker.sock"]);
        assert_eq!(other.tunnel_socket().as_deref(), Some(Path::new("/run/user/1000/docker.sock")));
        assert_eq!(options(&["--no-docker-tunnel", "--docker-socket", "/a.sock"]).tunnel_socket(), None);
    }

    #[test]
    fn keys_are_kept_where_the_owner_says_so() {
        assert_eq!(options(&[]).keys().account, None);
        let keys = options(&["--manage-keys", "gpu", "--sshd", "10.0.0.5:2222"]).keys();
        assert_eq!((keys.account.as_deref(), keys.sshd.to_string().as_str()), (Some("gpu"), "10.0.0.5:2222"));
        for bad in ["", "-x", "a b", "../root", "a\nb"] {
            assert!(Cli::try_parse_from(["remotegpu-agent", &format!("--manage-keys={bad}")]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn flags_may_follow_the_subcommand() {
        let cli = Cli::parse_from(["remotegpu-agent", "install", "--server", "http://a"]);
        assert!(matches!(cli.command, Some(Command::Install)));
        assert_eq!(cli.options.server.as_deref(), Some("http://a"));
    }
}

//! `install` and `uninstall`: through systemd where it runs, otherwise one start in the background, said plainly.
//!
//! Invariants: the join token is written to a file only its owner reads, never to the unit or the installed agent's
//! command line (the server's script hands it over in a file, too); `uninstall` stops only the process that holds the
//! state folder.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use crate::cli::{DOCKER_SOCKET, Options, SSHD, SSHD_KEYS};
use crate::identity::{self, JOIN_TOKEN_FILE};
use crate::keys::{self, KEPT_FILE};

const UNIT: &str = "remotegpu-agent.service";
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// Where things go; tests use another root.
#[derive(Debug, Clone)]
pub struct Places {
    /// Exists where systemd runs.
    pub systemd: PathBuf,
    pub unit_dir: PathBuf,
    pub binary: PathBuf,
    /// The program to install; `None` for the one that runs.
    pub own: Option<PathBuf>,
}

impl Places {
    fn of(options: &Options) -> Self {
        let root = options.install_root.as_deref().unwrap_or(Path::new("/"));
        Self {
            systemd: root.join("run/systemd/system"),
            unit_dir: root.join("etc/systemd/system"),
            binary: root.join("usr/local/bin/remotegpu-agent"),
            own: None,
        }
    }
}

/// Installs and starts.
///
/// # Errors
/// When something cannot be written or started; what was done until then is said on `out`.
pub fn install(options: &Options, out: &mut dyn Write) -> Result<()> {
    install_in(options, &Places::of(options), out)
}

/// [`install`] with other places.
///
/// # Errors
/// As [`install`].
pub fn install_in(options: &Options, places: &Places, out: &mut dyn Write) -> Result<()> {
    options.link_url()?;
    let root = geteuid().is_root();
    if let Some(account) = options.manage_keys.as_deref().filter(|_| options.keys_home.is_none()) {
        keys::check(account)?;
        writeln!(out, "keys of the customer who has this machine are kept in ~{account}/.ssh/authorized_keys")?;
    }
    if places.systemd.is_dir() && !root {
        bail!("installing a service needs root: run this again with sudo");
    }
    let dir = std::path::absolute(options.state_dir()?)?;
    identity::make_private_dir(&dir).with_context(|| format!("make {}", dir.display()))?;
    if let Some(token) = options.join_token(&dir)? {
        identity::write_atomically(&dir.join(JOIN_TOKEN_FILE), token.as_bytes())?;
    }
    let own = places.own.clone().map_or_else(std::env::current_exe, Ok).context("find this program's own file")?;
    let binary = if root { copy_binary(&own, &places.binary, out)? } else { own };
    let arguments = run_arguments(options, &dir)?;
    if places.systemd.is_dir() {
        let unit = places.unit_dir.join(UNIT);
        fs::write(&unit, unit_text(&binary, &arguments)?).with_context(|| format!("write {}", unit.display()))?;
        writeln!(out, "wrote {}", unit.display())?;
        systemctl(&["daemon-reload"])?;
        systemctl(&["enable", UNIT])?;
        systemctl(&["restart", UNIT])?;
        writeln!(out, "{UNIT} runs and starts at boot; see: journalctl -u {UNIT}")?;
    } else {
        stop(&dir, out)?;
        start_detached(&binary, &arguments, &dir, out)?;
    }
    Ok(())
}

/// Stops and removes what [`install`] made.
///
/// # Errors
/// When something cannot be stopped or removed.
pub fn uninstall(options: &Options, purge: bool, out: &mut dyn Write) -> Result<()> {
    uninstall_in(options, purge, &Places::of(options), out)
}

/// [`uninstall`] with other places.
///
/// # Errors
/// As [`uninstall`].
pub fn uninstall_in(options: &Options, purge: bool, places: &Places, out: &mut dyn Write) -> Result<()> {
    let unit = places.unit_dir.join(UNIT);
    if places.systemd.is_dir() && unit.exists() {
        systemctl(&["disable", "--now", UNIT])?;
        fs::remove_file(&unit).with_context(|| format!("remove {}", unit.display()))?;
        systemctl(&["daemon-reload"])?;
        writeln!(out, "removed {}", unit.display())?;
    }
    let dir = options.state_dir()?;
    stop(&dir, out)?;
    let removed = keys::remove_all(&dir)?;
    if !removed.clean.is_empty() {
        writeln!(out, "removed the customer's keys that were kept here")?;
    }
    for name in &removed.unknown {
        let how = "look at its ~/.ssh/authorized_keys when it is back";
        writeln!(out, "this host has no account {name} now, in which customers' keys were kept: {how}")?;
    }
    if geteuid().is_root() && places.binary.exists() {
        fs::remove_file(&places.binary).with_context(|| format!("remove {}", places.binary.display()))?;
        writeln!(out, "removed {}", places.binary.display())?;
    }
    if purge && dir.exists() {
        purge_state(&dir)?;
        writeln!(out, "removed {}", dir.display())?;
    } else {
        writeln!(out, "kept {} (this host's key); --purge removes it", dir.display())?;
    }
    Ok(())
}

/// Only what the agent made: a folder given by mistake must not be emptied.
fn purge_state(dir: &Path) -> Result<()> {
    let spool = dir.join("spool");
    if spool.exists() {
        fs::remove_dir_all(&spool).with_context(|| format!("remove {}", spool.display()))?;
    }
    for name in ["node.key", "machine", "agent.lock", "agent.log", KEPT_FILE, JOIN_TOKEN_FILE] {
        let file = dir.join(name);
        if file.exists() {
            fs::remove_file(&file).with_context(|| format!("remove {}", file.display()))?;
        }
    }
    fs::remove_dir(dir).with_context(|| format!("remove {}: there is something else in it", dir.display()))
}

/// A running binary cannot be written over, but it can be replaced.
fn copy_binary(from: &Path, to: &Path, out: &mut dyn Write) -> Result<PathBuf> {
    if fs::canonicalize(to).ok() == fs::canonicalize(from).ok() {
        return Ok(to.to_owned());
    }
    if let Some(dir) = to.parent() {
        fs::create_dir_all(dir)?;
    }
    let half = to.with_extension("new");
    fs::copy(from, &half).with_context(|| format!("copy to {}", half.display()))?;
    fs::set_permissions(&half, fs::Permissions::from_mode(0o755))?;
    fs::rename(&half, to).with_context(|| format!("replace {}", to.display()))?;
    writeln!(out, "copied to {}", to.display())?;
    Ok(to.to_owned())
}

/// The command line of the installed agent: everything given to `install` but the secret.
fn run_arguments(options: &Options, dir: &Path) -> Result<Vec<String>> {
    let text = |path: &Path| -> Result<String> {
        let path = std::path::absolute(path)?;
        Ok(path.to_str().with_context(|| format!("{}: not UTF-8", path.display()))?.to_owned())
    };
    let mut arguments = vec!["run".to_owned()];
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            arguments.extend([format!("--{name}"), value]);
        }
    };
    add("server", options.server.clone());
    add("state-dir", Some(text(dir)?));
    add("ca", options.ca.as_deref().map(text).transpose()?);
    add("nvml-lib", options.nvml_lib.as_deref().map(text).transpose()?);
    add("host-name", options.host_name.clone());
    let socket = Some(options.docker_socket.as_path()).filter(|path| *path != Path::new(DOCKER_SOCKET));
    add("docker-socket", socket.map(text).transpose()?);
    add("manage-keys", options.manage_keys.clone());
    let sshd = options.sshd.to_string();
    add("sshd", (sshd != SSHD).then_some(sshd));
    let keys = Some(options.sshd_keys.as_path()).filter(|path| *path != Path::new(SSHD_KEYS));
    add("sshd-keys", keys.map(text).transpose()?);
    add("log", Some(options.log.to_string()));
    if options.no_docker_tunnel {
        arguments.push("--no-docker-tunnel".to_owned());
    }
    Ok(arguments)
}

fn unit_text(binary: &Path, arguments: &[String]) -> Result<String> {
    let binary = binary.to_str().context("the program's path is not UTF-8")?;
    let words: Vec<String> =
        std::iter::once(binary).chain(arguments.iter().map(String::as_str)).map(quote).collect::<Result<_>>()?;
    Ok(format!(
        "\
[Unit]
Description=RemoteGPU agent
Wants=network-online.target
After=network-online.target

[Service]
ExecStart={}
Restart=always
RestartSec=5
TimeoutStopSec=20
UMask=0077
NoNewPrivileges=yes
ProtectSystem=full
Nice=5

[Install]
WantedBy=multi-user.target
",
        words.join(" ")
    ))
}

/// As systemd reads a word: quoted, `%` and `$` doubled.
fn quote(word: &str) -> Result<String> {
    if word.chars().any(char::is_control) {
        bail!("{word:?}: control characters cannot be put in a unit");
    }
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    Ok(format!("\"{escaped}\""))
}

fn systemctl(arguments: &[&str]) -> Result<()> {
    let status = Command::new("systemctl").args(arguments).status().context("run systemctl")?;
    if !status.success() {
        bail!("systemctl {} failed: {status}", arguments.join(" "));
    }
    Ok(())
}

fn start_detached(binary: &Path, arguments: &[String], dir: &Path, out: &mut dyn Write) -> Result<()> {
    let log = dir.join("agent.log");
    let file = fs::OpenOptions::new().create(true).append(true).open(&log)?;
    let mut child = Command::new(binary)
        .args(arguments)
        .arg("--detached")
        .env_remove("REMOTEGPU_JOIN_TOKEN")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("start {}", binary.display()))?;
    let deadline = Instant::now() + STOP_PATIENCE;
    while identity::holder(dir) != i32::try_from(child.id()).ok() {
        if let Some(status) = child.try_wait()? {
            bail!("the agent ended at once ({status}); see {}", log.display());
        }
        if Instant::now() > deadline {
            bail!("the agent does not come up; see {}", log.display());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    writeln!(out, "no systemd here: started in the background as process {}, log in {}", child.id(), log.display())?;
    writeln!(out, "it does not start by itself after a reboot: run this again then, or add it to the host's init")?;
    Ok(())
}

/// Ends the agent on this state folder, when one runs.
fn stop(dir: &Path, out: &mut dyn Write) -> Result<()> {
    let Some(pid) = identity::holder(dir).filter(|pid| *pid > 1) else { return Ok(()) };
    kill(Pid::from_raw(pid), Signal::SIGTERM).with_context(|| format!("stop process {pid}"))?;
    let deadline = Instant::now() + STOP_PATIENCE;
    while identity::holder(dir).is_some() {
        if Instant::now() > deadline {
            bail!("process {pid} does not stop");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    writeln!(out, "stopped process {pid}")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn the_unit_starts_what_install_was_given_without_the_secret() {
        let cli = Cli::parse_from([
            "remotegpu-agent",
            "install",
            "--server",
            "https://a",
            "--join-token",
            "sesame",
            "--host-name",
            "50% $x",
        ]);
        let arguments = run_arguments(&cli.options, Path::new("/var/lib/x y")).unwrap();
        let unit = unit_text(Path::new("/usr/local/bin/remotegpu-agent"), &arguments).unwrap();
        assert!(
            unit.contains(
                "ExecStart=\"/usr/local/bin/remotegpu-agent\" \"run\" \"--server\" \"https://a\" \"--state-dir\" \
             \"/var/lib/x y\" \"--host-name\" \"50%% $$x\" \"--log\" \"info\"\n"
            ),
            "{unit}"
        );
        assert!(!unit.contains("sesame"));
        assert!(quote("a\nb").is_err());
        let again = Cli::try_parse_from(std::iter::once("remotegpu-agent".to_owned()).chain(arguments)).unwrap();
        assert_eq!(again.options.server.as_deref(), Some("https://a"));
    }

    #[test]
    fn what_tunnels_may_reach_stays_as_it_was_installed() {
        for words in [&["--docker-socket", "/run/user/1/docker.sock"][..], &["--no-docker-tunnel"], &[]] {
            let cli = Cli::parse_from(["remotegpu-agent", "install", "--server", "https://a"].iter().chain(words));
            let arguments = run_arguments(&cli.options, Path::new("/state")).unwrap();
            let again = Cli::try_parse_from(std::iter::once("remotegpu-agent".to_owned()).chain(arguments)).unwrap();
            assert_eq!(again.options.tunnel_socket(), cli.options.tunnel_socket(), "{words:?}");
        }
    }

    #[test]
    fn who_keeps_keys_stays_as_it_was_installed() {
        let words =
            ["remotegpu-agent", "install", "--server", "https://a", "--manage-keys", "gpu", "--sshd", "[::1]:2222"];
        let arguments = run_arguments(&Cli::parse_from(words).options, Path::new("/state")).unwrap();
        let again = Cli::try_parse_from(std::iter::once("remotegpu-agent".to_owned()).chain(arguments)).unwrap();
        assert_eq!(again.options.manage_keys.as_deref(), Some("gpu"));
        assert_eq!(again.options.sshd.to_string(), "[::1]:2222");
        let usual = Cli::parse_from(["remotegpu-agent", "install", "--server", "https://a"]);
        let arguments = run_arguments(&usual.options, Path::new("/state")).unwrap();
        assert!(!arguments.iter().any(|word| word == "--sshd" || word == "--manage-keys"), "{arguments:?}");
    }

    #[test]
    fn purge_leaves_what_the_agent_did_not_make() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        drop(identity::Identity::open(&state).unwrap());
        fs::write(state.join("letters"), "mine").unwrap();
        assert!(purge_state(&state).is_err());
        assert!(state.join("letters").exists() && !state.join("node.key").exists());
        fs::remove_file(state.join("letters")).unwrap();
        purge_state(&state).unwrap();
        assert!(!state.exists());
    }
}

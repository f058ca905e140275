//! The line that a join token comes with, run for real: as root, below a folder of its own, with a stand-in for systemd.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::json;
use test_support::eventually;

use crate::harness::Server;
use crate::programs::agent;

/// Does what systemd would with the unit's command, and notes what every user of the host can read meanwhile.
const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$*" >>"$NOTES/calls"
cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' >>"$NOTES/words"
case "$1" in
  restart)
    words="$(sed -n 's/^ExecStart=//p' "$REMOTEGPU_INSTALL_ROOT/etc/systemd/system/$2")"
    eval "setsid $words </dev/null >\"$NOTES/agent.log\" 2>&1 &"
    echo $! >"$NOTES/pid"
    ;;
  disable)
    kill "$(cat "$NOTES/pid")"
    ;;
esac
"#;

struct Host {
    folder: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let host = Self { folder: tempfile::tempdir().unwrap() };
        for folder in ["run/systemd/system", "etc/systemd/system", "notes", "bin"] {
            std::fs::create_dir_all(host.at(folder)).unwrap();
        }
        let systemctl = host.at("bin/systemctl");
        std::fs::write(&systemctl, SYSTEMCTL).unwrap();
        std::fs::set_permissions(&systemctl, std::fs::Permissions::from_mode(0o755)).unwrap();
        host
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn note(&self, name: &str) -> String {
        std::fs::read_to_string(self.at("notes").join(name)).unwrap_or_default()
    }

    /// What a person types into a shell: it is read from a pipe, so that no process has it among its words.
    fn types(&self, line: &str) -> Output {
        let path = format!("{}:{}", self.at("bin").display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell.env_clear().env("PATH", path).env("NOTES", self.at("notes"));
        shell.env("REMOTEGPU_INSTALL_ROOT", self.folder.path()).env("REMOTEGPU_STATE_DIR", self.at("state"));
        let shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut shell = shell.unwrap();
        writeln!(shell.stdin.take().unwrap(), "{line}").unwrap();
        shell.wait_with_output().unwrap()
    }
}

async fn typed(host: &std::sync::Arc<Host>, line: String) {
    let host = host.clone();
    let output = tokio::task::spawn_blocking(move || host.types(&line)).await.unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

#[tokio::test]
async fn the_printed_line_installs_the_agent_and_the_machine_appears() {
    if !is_root() {
        // A service is root's. Without root there is nothing to install here.
        return;
    }
    let program = agent();
    let agents = program.parent().map(Path::to_owned);
    let server = Server::with(|config| config.agent_dir = agents).await;
    let staff = server.token(&server.test.admin().await).await;
    let made = server.post(&staff, "/api/admin/machines/join-tokens", json!({ "note": "rack 7" })).await.data();
    let (line, secret) = (made["installCommand"].as_str().unwrap(), made["secret"].as_str().unwrap().to_owned());
    let host = std::sync::Arc::new(Host::new());
    // The test's platform does not know on which port it is served.
    typed(&host, line.replace("http://gpu.test", &server.origin())).await;

    let machine = eventually("the machine to be there and online", async || {
        let list = server.get(&staff, "/api/admin/machines").await.data();
        let machine = list["list"].get(0)?.clone();
        (machine["presence"] == "online").then_some(machine)
    })
    .await;
    assert_eq!(machine["monitored"], true, "{machine}");
    let unit = host.at("etc/systemd/system/remotegpu-agent.service");
    let unit_text = std::fs::read_to_string(&unit).unwrap();
    assert!(host.note("words").contains("remotegpu-agent"), "the words of running commands were looked at");
    for (what, text) in [("a command", host.note("words")), ("the unit", unit_text), ("a log", host.note("agent.log"))]
    {
        assert!(!text.contains(&secret), "the token is in {what}: {text}");
    }
    assert!(host.note("calls").contains("enable remotegpu-agent.service"), "{}", host.note("calls"));
    eventually("the token to be used up", async || (!host.at("state/join-token").exists()).then_some(())).await;
    assert_eq!(std::fs::metadata(host.at("state")).unwrap().mode() & 0o077, 0, "the key is nobody else's to read");

    let installed = host.at("usr/local/bin/remotegpu-agent");
    typed(&host, format!("'{}' uninstall --purge", installed.display())).await;
    assert!(!unit.exists() && !installed.exists() && !host.at("state").exists());
    let pid = host.note("pid");
    eventually("the agent to end", async || (!Path::new("/proc").join(pid.trim()).exists()).then_some(())).await;
}

//! The product's programs, started as an installation starts them.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use test_support::{TestPlatform, eventually};

/// The agent's program; built when only this package's tests were.
pub fn agent() -> PathBuf {
    let server = Path::new(env!("CARGO_BIN_EXE_remotegpu"));
    let program = server.with_file_name("remotegpu-agent");
    if !program.exists() {
        let mut build = Command::new(env!("CARGO"));
        let built = build.args(["build", "-q", "-p", "node-agent"]).status();
        assert!(built.is_ok_and(|status| status.success()), "the agent could not be built");
    }
    program
}

/// `remotegpu` with a data folder of its own and nothing of this process's environment but `PATH`.
pub fn remotegpu(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_remotegpu"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("REMOTEGPU_DATA_DIR", data);
    command
}

/// The most bytes of memory a process has had.
pub fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Runs it to its end, without holding up what else this test does.
pub async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output().unwrap()).await.unwrap()
}

/// A folder that PostgreSQL's user can reach when this is root.
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    folder
}

/// A running `remotegpu serve` over a test's database.
pub struct Serving {
    pub address: SocketAddr,
    child: Child,
    log: Arc<Mutex<String>>,
    _data: tempfile::TempDir,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    pub async fn start(test: &TestPlatform) -> Self {
        let data = folder();
        test.keyring().write_new(&data.path().join("secrets.key")).unwrap();
        let address = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap()
        };
        let mut command = remotegpu(data.path());
        command.arg("serve").env("DATABASE_URL", test.database().owner_url());
        command.env("REMOTEGPU_LISTEN", address.to_string());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (mut stderr, said) = (child.stderr.take().unwrap(), log.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = stderr.read(&mut buffer) {
                said.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        let serving = Self { address, child, log, _data: data };
        // Fails only when it is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        eventually("the server to be ready", async || {
            let answer = http.get(format!("http://{address}/readyz")).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        serving
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The most bytes of memory it has had.
    pub fn memory(&self) -> u64 {
        memory(self.child.id())
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Whether it ended well, once it has ended.
    pub fn ended(&mut self) -> Option<bool> {
        self.child.try_wait().unwrap().map(|status| status.success())
    }
}

/// A running `remotegpu ssh-gateway` over a test's database.
pub struct SshGateway {
    pub port: u16,
    child: Child,
    _data: tempfile::TempDir,
}

impl Drop for SshGateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl SshGateway {
    pub async fn start(test: &TestPlatform) -> Self {
        let data = folder();
        test.keyring().write_new(&data.path().join("secrets.key")).unwrap();
        let address = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap()
        };
        let mut command = remotegpu(data.path());
        command.arg("ssh-gateway").env("DATABASE_URL", test.database().owner_url());
        command.env("REMOTEGPU_SSH_LISTEN", address.to_string());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let gateway = Self { port: address.port(), child, _data: data };
        eventually("the door to be open", async || tokio::net::TcpStream::connect(address).await.ok()).await;
        gateway
    }
}

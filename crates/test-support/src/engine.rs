//! A real Docker Engine (`dockerd`) with data, sockets and certificates of its own, no bridge and no firewall rules; and
//! other ends that an engine's client has to tell from one.

mod identity;

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::program::{self, Program as _, free_port, is_open};

/// Until when a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// For as long as anybody will run these tests.
    Long,
    /// It was, until 2020.
    Over,
}

/// A certificate with its key, PEM.
#[derive(Clone, Debug)]
pub struct Signed {
    pub certificate: String,
    pub key: String,
}

/// An authority that signs for engines and their clients.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one.
    ///
    /// # Panics
    /// When no key can be made, as everything here.
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names are fine");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "engines of the tests");
        let certificate = params.self_signed(&key).expect("an authority signs itself").pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Its own certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for these names; without names, a client's.
    pub fn sign(&self, names: &[&str], validity: Validity) -> Signed {
        let key = KeyPair::generate().expect("a key can be made");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let purpose = match names.is_empty() {
            true => rcgen::ExtendedKeyUsagePurpose::ClientAuth,
            false => rcgen::ExtendedKeyUsagePurpose::ServerAuth,
        };
        let mut params = CertificateParams::new(names).expect("names of the tests are names");
        params.extended_key_usages = vec![purpose];
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(if validity == Validity::Over { 2020 } else { 2100 }, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).expect("an authority signs");
        Signed { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// An engine; it ends with this value.
pub struct DockerEngine {
    folder: TempDir,
    child: Child,
    port: u16,
    authority: Authority,
    is_killed: bool,
    setup: Setup,
}

/// How an engine is started.
#[derive(Clone, Copy, Debug, Default)]
struct Setup {
    /// With NVIDIA's driver, as far as it looks.
    with_gpus: bool,
    /// In a network of its own, where it sets the firewall's rules as on a host.
    walled: bool,
}

/// An image with nothing but busybox, which every engine here can have ([`DockerEngine::import_busybox`]).
pub const BUSYBOX: &str = "busybox:1";

impl DockerEngine {
    /// A new, empty one.
    ///
    /// # Panics
    /// When there is no `dockerd` here (`cargo xtask setup test` gets it), this is not root, or it does not start.
    pub fn start() -> Self {
        Self::begin(Setup::default())
    }

    /// One that keeps its networks apart by the firewall, as on a host; that is its own host's, which this machine does not
    /// reach but by [`DockerEngine::reaches`]: nothing of this machine is changed.
    ///
    /// # Panics
    /// As [`DockerEngine::start`].
    pub fn start_walled() -> Self {
        Self::begin(Setup { walled: true, ..Setup::default() })
    }

    /// One that takes it that NVIDIA's runtime is set up: containers get the GPUs they ask for, which are none.
    ///
    /// # Panics
    /// As [`DockerEngine::start`].
    pub fn start_with_gpus() -> Self {
        Self::begin(Setup { with_gpus: true, ..Setup::default() })
    }

    fn begin(setup: Setup) -> Self {
        program::start(|| Self::launch(setup))
    }

    fn launch(setup: Setup) -> Option<Self> {
        // overlay2 wants a real disk, and /tmp may be memory.
        let folder = tempfile::Builder::new().prefix("rg-engine-").tempdir_in("/var/tmp").expect("/var/tmp is there");
        let place = |name: &str| folder.path().join(name);
        if setup.with_gpus {
            give_hook(&place(HOOKS));
        }
        let authority = Authority::new();
        let own = authority.sign(&["127.0.0.1", "localhost"], Validity::Long);
        let texts = [("ca.pem", authority.certificate()), ("cert.pem", &own.certificate), ("key.pem", &own.key)];
        for (name, text) in texts {
            std::fs::write(place(name), text).expect("the folder can be written");
        }
        let port = free_port();
        identity::rename(folder.path());
        let child = spawn(folder.path(), port, setup);
        let mut engine = Self { folder, child, port, authority, is_killed: false, setup };
        engine.comes_up().then_some(engine)
    }

    /// Whether something there takes a connection: from a container, by the engine's name of it, or from the engine's host.
    /// What is dropped on the way is given up after two seconds.
    ///
    /// # Panics
    /// When there is no such container, or the programs for it are not here.
    pub fn reaches(&self, from: Option<&str>, address: &str, port: u16) -> bool {
        let process = match from {
            None => u64::from(self.child.id()),
            Some(container) => {
                let (status, body) = self.ask("GET", &format!("/containers/{container}/json"), "text/plain", b"");
                assert_eq!(status, 200, "{body}");
                let found: serde_json::Value = serde_json::from_str(&body).expect("it is JSON");
                found["State"]["Pid"].as_u64().expect("it runs")
            }
        };
        let connect = ["timeout", "2", "bash", "-c", "exec 3<>\"/dev/tcp/$0/$1\""];
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{process}/ns/net")).arg("--").args(connect);
        let ended = command.arg(address).arg(port.to_string()).stderr(Stdio::null()).status();
        ended.expect("nsenter is here").success()
    }

    /// Its local socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// Its port for TLS on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Who signs for it and its clients.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Gives it the image [`BUSYBOX`]; no registry is asked.
    ///
    /// # Panics
    /// When busybox is not here (`cargo xtask setup test` gets it).
    pub fn import_busybox(&self) {
        self.import_files("busybox", &[]);
    }

    /// The same, with programs of this machine and the libraries they need.
    ///
    /// # Panics
    /// When one of them is not here (`cargo xtask setup test` gets them).
    pub fn import_programs(&self, programs: &[&str]) {
        self.import_files("busybox", &with_libraries(programs));
    }

    /// Gives it an image of these files, which may all be run, and busybox; no registry is asked.
    ///
    /// # Panics
    /// When busybox is not here, as for [`DockerEngine::import_busybox`].
    pub fn import_files(&self, repository: &str, files: &[(String, Vec<u8>)]) {
        let archive = layer(files);
        let path = format!("/images/create?fromSrc=-&repo={repository}&tag=1");
        let (status, answer) = self.ask("POST", &path, "application/x-tar", &archive);
        assert!(status == 200 && answer.contains("sha256:"), "{answer}");
    }

    /// Makes a network of containers, with addresses that no other engine here has.
    ///
    /// # Panics
    /// When the engine does not, as everything here.
    pub fn create_network(&self, name: &str) {
        let [high, low] = self.port.to_be_bytes();
        let subnet = format!("10.{}.{}.{}/28", 64 + (high >> 4), (high << 4) | (low >> 4), (low & 15) << 4);
        let body =
            serde_json::json!({ "Name": name, "Driver": "bridge", "IPAM": { "Config": [{ "Subnet": subnet }] } });
        let (status, answer) = self.ask("POST", "/networks/create", "application/json", body.to_string().as_bytes());
        assert_eq!(status, 201, "{answer}");
    }

    /// Asks it over its socket, without any client: status and body.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn ask(&self, method: &str, path: &str, content: &str, body: &[u8]) -> (u16, String) {
        self.answer(method, path, content, body).expect("it answers with text")
    }

    fn answer(&self, method: &str, path: &str, content: &str, body: &[u8]) -> io::Result<(u16, String)> {
        let mut stream = std::os::unix::net::UnixStream::connect(self.socket())?;
        let length = body.len();
        write!(
            stream,
            "{method} /v1.41{path} HTTP/1.0\r\nContent-Type: {content}\r\nContent-Length: {length}\r\n\r\n"
        )?;
        stream.write_all(body)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        Ok((status.ok_or(io::ErrorKind::InvalidData)?, body.to_owned()))
    }

    /// Ends it as `kill -9` does; what runs in containers goes on by itself.
    pub fn kill(&mut self) {
        self.is_killed = true;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts a killed one again, with its data and its port; what still ran is stopped by it.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&mut self) {
        // Its containerd went with it; where nobody reaps that, its number still looks alive, and would be waited for.
        let _ = std::fs::remove_file(self.folder.path().join("exec/containerd/containerd.pid"));
        let _ = std::fs::remove_file(self.folder.path().join("pid"));
        self.child = spawn(self.folder.path(), self.port, self.setup);
        assert!(self.comes_up(), "its port was taken: {}", self.said().unwrap_or_default());
        self.is_killed = false;
    }

    /// The same, as one that was set up anew with its data: it calls itself otherwise.
    ///
    /// # Panics
    /// As [`DockerEngine::start_again`].
    pub fn start_anew(&mut self) {
        identity::rename(self.folder.path());
        self.start_again();
    }

    /// Takes all containers and networks away: what they leave in the kernel would outlive the engine.
    fn empty(&self) {
        let ask = |method: &str, path: &str| self.answer(method, path, "text/plain", b"").map(|(_, body)| body);
        let list = ask("GET", "/containers/json?all=1").unwrap_or_default();
        let list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap_or_default();
        for id in list.iter().filter_map(|one| one["Id"].as_str()) {
            let _ = ask("DELETE", &format!("/containers/{id}?force=1&v=1"));
        }
        // An engine leaves their bridges behind when it ends.
        let list = ask("GET", "/networks").unwrap_or_default();
        let list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap_or_default();
        for id in list.iter().filter(|one| one["Driver"] == "bridge").filter_map(|one| one["Id"].as_str()) {
            let _ = ask("DELETE", &format!("/networks/{id}"));
        }
    }
}

/// # Panics
/// When it is not here.
/// Of an image with busybox and these files, which may all be run.
pub(crate) fn layer(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    crate::archive::program_archive("bin/busybox", &busybox(), &APPLETS, files)
}

fn busybox() -> Vec<u8> {
    let program = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find_map(|path| std::fs::read(path).ok());
    program.expect("busybox is not here: cargo xtask setup test gets it")
}

/// Where what an engine looks for in its `PATH` lies in its folder.
const HOOKS: &str = "hooks";

/// An engine has a driver for NVIDIA's GPUs where it finds this program when it starts; it is run before each container with GPUs.
fn give_hook(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let hook = folder.join("nvidia-container-runtime-hook");
    std::fs::create_dir(folder).expect("the folder can be written");
    std::fs::write(&hook, "#!/bin/sh\nexit 0\n").expect("the folder can be written");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("the file is ours");
}

/// Programs, and what they are linked with: all of it by the name under which it is looked for.
fn with_libraries(programs: &[&str]) -> Vec<(String, Vec<u8>)> {
    let mut names = std::collections::BTreeSet::new();
    for program in programs {
        names.insert((*program).to_owned());
        let listed = Command::new("ldd").arg(program).output().expect("ldd is here");
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        names.extend(listed.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned));
    }
    let read = |name: String| {
        let content = std::fs::read(&name);
        let content = content.unwrap_or_else(|error| panic!("{name}: {error}; cargo xtask setup test gets it"));
        (name, content)
    };
    names.into_iter().map(read).collect()
}

/// Names of busybox that the tests use.
const APPLETS: [&str; 17] = [
    "bin/cat",
    "bin/dd",
    "bin/echo",
    "bin/env",
    "bin/head",
    "bin/httpd",
    "bin/mkdir",
    "bin/mv",
    "bin/printf",
    "bin/rm",
    "bin/seq",
    "bin/sh",
    "bin/sleep",
    "bin/sort",
    "bin/tail",
    "bin/tr",
    "bin/true",
];

fn spawn(folder: &Path, port: u16, setup: Setup) -> Child {
    let place = |name: &str| folder.join(name);
    let log = std::fs::File::create(place("log")).expect("the folder can be written");
    let mut command = match setup.walled {
        // Each becomes the next one: the child is the engine itself.
        true => {
            let mut command = Command::new("unshare");
            command.args(["--net", "--", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""]).arg(program());
            command
        }
        false => {
            let mut command = Command::new(program());
            command.args(["--iptables=false", "--ip6tables=false"]);
            command
        }
    };
    for (option, name) in [
        ("--data-root", "data"),
        ("--exec-root", "exec"),
        ("--pidfile", "pid"),
        ("--tlscacert", "ca.pem"),
        ("--tlscert", "cert.pem"),
        ("--tlskey", "key.pem"),
    ] {
        command.arg(option).arg(place(name));
    }
    command
        .args(["--tlsverify", "--bridge=none"])
        .arg(format!("--default-address-pool=base={},size=28", pool(port)))
        .arg(format!("--host=unix://{}", place("docker.sock").display()))
        .arg(format!("--host=tcp://127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    if let Some(config) = identity::config(folder) {
        command.arg("--config-file").arg(config);
    }
    if place(HOOKS).exists() {
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", place(HOOKS).display()));
    }
    command.spawn().expect("dockerd starts")
}

/// Addresses that no other engine here has, for the networks that are made through it.
fn pool(port: u16) -> String {
    format!("10.{}.{}.{}/25", 128 + (port >> 9), (port >> 1) & 255, (port & 1) << 7)
}

impl program::Program for DockerEngine {
    const NAME: &'static str = "dockerd";

    fn process(&mut self) -> &mut Child {
        &mut self.child
    }

    fn listens(&self) -> bool {
        match self.setup.walled {
            // Its port is in its own network.
            true => self.answer("GET", "/version", "text/plain", b"").is_ok(),
            false => is_open(self.port) && self.socket().exists(),
        }
    }

    fn said(&self) -> Option<String> {
        std::fs::read_to_string(self.folder.path().join("log")).ok()
    }
}

impl Drop for DockerEngine {
    /// Asked first, so that its containerd ends with it.
    fn drop(&mut self) {
        if self.is_killed {
            // A killed one leaves what only it can take away.
            self.start_again();
        }
        self.empty();
        if let Ok(id) = i32::try_from(self.child.id()) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM);
        }
        let until = Instant::now() + Duration::from_secs(15);
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        // One that was killed leaves its data mounted on itself, and the folder could not be removed.
        let data = self.folder.path().join("data");
        let _ = Command::new("umount").arg("--lazy").arg(data).stderr(Stdio::null()).status();
    }
}

/// # Panics
/// With what is missing.
fn program() -> &'static Path {
    let program = Path::new("/usr/sbin/dockerd");
    assert!(program.exists(), "{} is not here: cargo xtask setup test gets it", program.display());
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    assert!(root, "only root can start a Docker Engine: run these tests as root");
    program
}

/// What is no engine, on a port of 127.0.0.1; it ends with this value.
pub struct OtherEnd {
    port: u16,
    _end: DropGuard,
}

impl OtherEnd {
    /// Says this to whoever connects, without TLS, and nothing more.
    pub async fn banner(text: &'static str) -> Self {
        Self::serve(move |mut stream| async move {
            let _ = stream.write_all(text.as_bytes()).await;
            // Hanging up on what was said and not heard would take the own words back.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await
    }

    /// Takes connections and says nothing.
    pub async fn silent() -> Self {
        Self::serve(|mut stream| async move {
            let mut nothing = Vec::new();
            let _ = stream.read_to_end(&mut nothing).await;
        })
        .await
    }

    /// TLS with this certificate, and this answer to the first request.
    pub async fn tls(own: &Signed, answer: &'static str) -> Self {
        let chain = vec![CertificateDer::from_pem_slice(own.certificate.as_bytes()).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("certificate and key fit");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        Self::serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                answer_once(&mut stream, answer).await;
            }
        })
        .await
    }

    async fn serve<F>(handle: impl Fn(tokio::net::TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it listens").port();
        let end = CancellationToken::new();
        let ended = end.clone();
        tokio::spawn(ended.run_until_cancelled_owned(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(handle(stream));
            }
        }));
        Self { port, _end: end.drop_guard() }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// A socket in a folder of its own that gives one answer to every first request; it ends with this value.
pub struct OtherSocket {
    folder: TempDir,
    _end: DropGuard,
}

impl OtherSocket {
    /// Answers with these bytes.
    pub fn answering(answer: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listener = tokio::net::UnixListener::bind(folder.path().join("other.sock")).expect("a socket can be made");
        let end = CancellationToken::new();
        let ended = end.clone();
        tokio::spawn(ended.run_until_cancelled_owned(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move { answer_once(&mut stream, answer).await });
            }
        }));
        Self { folder, _end: end.drop_guard() }
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("other.sock")
    }
}

/// Reads the head of a request, answers, hangs up.
async fn answer_once<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(stream: &mut S, answer: &str) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

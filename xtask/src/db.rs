//! The committed descriptions of SQL statements (`.sqlx`): made against a real database, checked for drift.
//!
//! This is what `cargo sqlx prepare` does, without that tool: with `SQLX_OFFLINE_DIR` set and a database at hand, the
//! macros write what they learned.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::env::{cargo, command, read, root, run, target};

/// Packages with checked statements.
const PACKAGES: &[&str] = &["platform"];

/// Writes `.sqlx` anew.
pub fn prepare() -> Result<()> {
    let fresh = describe()?;
    let folder = root().join(".sqlx");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    for (name, bytes) in &fresh {
        std::fs::write(folder.join(name), bytes)?;
    }
    println!(".sqlx: {} statements", fresh.len());
    Ok(())
}

/// Fails when `.sqlx` is not what the code and the migrations say.
pub fn check() -> Result<()> {
    let (fresh, have) = (describe()?, contents(&root().join(".sqlx"))?);
    let missing = fresh.keys().filter(|name| !have.contains_key(*name)).count();
    let stale = have.keys().filter(|name| !fresh.contains_key(*name)).count();
    let other = fresh.iter().filter(|(name, bytes)| have.get(*name).is_some_and(|h| h != *bytes)).count();
    if missing + stale + other > 0 {
        bail!(".sqlx is not fresh ({missing} missing, {stale} stale, {other} changed): run cargo xtask db prepare");
    }
    println!(".sqlx is fresh: {} statements", have.len());
    Ok(())
}

fn contents(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path: PathBuf = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        found.insert(name, std::fs::read(&path)?);
    }
    Ok(found)
}

/// What the macros learn from a database with every migration applied.
fn describe() -> Result<BTreeMap<String, Vec<u8>>> {
    // PostgreSQL runs as another user when this is root: a folder it can reach.
    let folder = std::env::temp_dir().join(format!("remotegpu-describe-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = with_database(&folder);
    let place = folder.join("pg").to_string_lossy().into_owned();
    let stopped = run(&mut cargo(&["run", "-q", "-p", "pg-cluster", "--", "stop", &place]));
    let _ = std::fs::remove_dir_all(&folder);
    stopped?;
    result
}

fn with_database(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let place = folder.join("pg").to_string_lossy().into_owned();
    let url = read(&mut cargo(&["run", "-q", "-p", "pg-cluster", "--", "start", &place, "describe"]))?;
    let mut migrations: Vec<PathBuf> = std::fs::read_dir(root().join("migrations"))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    migrations.sort();
    for migration in migrations {
        let file = migration.to_string_lossy().into_owned();
        read(&mut command(&["psql", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", &url, "-f", &file]))?;
    }
    let out = target().join("sqlx-describe");
    let _ = std::fs::remove_dir_all(&out);
    std::fs::create_dir_all(&out)?;
    for package in PACKAGES {
        // Its own target folder: the macros must expand anew, and nobody else's build must.
        let mut check = cargo(&["check", "-q", "-p", package]);
        check.env("DATABASE_URL", &url).env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", &out);
        touch(package)?;
        run(&mut check)?;
    }
    contents(&out)
}

/// Makes cargo build the package again.
fn touch(package: &str) -> Result<()> {
    let lib = root().join("crates").join(package).join("src/lib.rs");
    let file = std::fs::File::options().append(true).open(lib)?;
    file.set_modified(std::time::SystemTime::now())?;
    Ok(())
}

//! Databases: the one of `cargo xtask run` without its server, and the committed descriptions of SQL statements (`.sqlx`),
//! made against a real database and checked for drift.
//!
//! The latter is what `cargo sqlx prepare` does, without that tool: with `SQLX_OFFLINE_DIR` set and a database at hand, the
//! macros write what they learned.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::env::{cargo, command, read, root, run, target};

/// Packages with checked statements.
const PACKAGES: &[&str] = &["platform"];

/// Its name, as the server knows it.
const DATABASE: &str = "remotegpu";

/// `start` prints how to look into the database of `cargo xtask run`; `stop` stops what was started; `reset` throws its
/// content away, so that the next run is a first one.
pub fn development(word: &str, options: &[&str]) -> Result<()> {
    let data = match options {
        [] => crate::run::data_folder(),
        ["--data", folder] => PathBuf::from(folder),
        _ => bail!("cargo xtask db {word} [--data DIR]"),
    };
    let place = data.join("server/postgres");
    if word != "start" && !place.exists() {
        bail!("{} has no database: cargo xtask run makes one", data.display());
    }
    let cluster = |words: &[&str]| {
        let mut command = cargo(&["run", "-q", "-p", "pg-cluster", "--"]);
        command.args(&words[..1]).arg(&place).args(&words[1..]);
        command
    };
    match word {
        "start" => {
            let url = read(&mut cluster(&["start", DATABASE]))?;
            println!("the owner's connection, past row-level security:\n  psql '{url}'");
        }
        "stop" => {
            read(&mut cluster(&["stop"]))?;
        }
        _ => {
            read(&mut cluster(&["reset", DATABASE])).context("stop cargo xtask run first")?;
            // The key belongs to what is gone, and so do the demo's agents, whose keys nobody knows any more.
            for gone in [data.join("server/secrets.key"), data.join("agents")] {
                let removed = if gone.is_dir() { std::fs::remove_dir_all(&gone) } else { std::fs::remove_file(&gone) };
                match removed {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(error).with_context(|| format!("{}", gone.display()));
                    }
                    _ => {}
                }
            }
            println!("{} is as before its first start", data.display());
        }
    }
    Ok(())
}

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
    // Not `create_dir_all`: one that somebody else made there is not ours to use.
    std::fs::create_dir(&folder).with_context(|| format!("{}", folder.display()))?;
    let result = with_database(&folder);
    let place = folder.join("pg").to_string_lossy().into_owned();
    let stopped = run(&mut cargo(&["run", "-q", "-p", "pg-cluster", "--", "stop", &place]));
    let _ = std::fs::remove_dir_all(&folder);
    stopped?;
    result
}

fn with_database(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let place = folder.join("pg").to_string_lossy().into_owned();
    let url = read(&mut cargo(&["run", "-q", "-p", "pg-cluster", "--", "scratch", &place, "describe"]))?;
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
        // The macros must expand anew.
        let mut check = cargo(&["check", "-q", "-p", package]);
        check.env("DATABASE_URL", &url).env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", &out);
        let lib = root().join("crates").join(package).join("src/lib.rs");
        let file = std::fs::File::options().append(true).open(lib)?;
        let before = file.metadata()?.modified()?;
        file.set_modified(std::time::SystemTime::now())?;
        let checked = run(&mut check);
        // As it was: the tests' and the release's builds of the package, and of all that uses it, stay good.
        file.set_modified(before)?;
        checked?;
    }
    contents(&out)
}

//! Finds PostgreSQL's programs. Version 15 or newer; an existing data folder asks for exactly its major version.

use std::path::{Path, PathBuf};

use crate::ClusterError;

const OLDEST_MAJOR: u32 = 15;

/// The `bin` folder to use; `major` is what an existing data folder was made with.
pub(crate) fn find(data: &Path, major: Option<&str>) -> Result<PathBuf, ClusterError> {
    let found = candidates();
    match major {
        Some(major) => {
            found.iter().find(|(m, _)| m.to_string() == major).map(|(_, bin)| bin.clone()).ok_or_else(|| {
                let installed: Vec<_> = found.iter().map(|(m, _)| m.to_string()).collect();
                ClusterError::OtherMajor {
                    folder: data.to_owned(),
                    found: major.to_owned(),
                    installed: if installed.is_empty() { "none".to_owned() } else { installed.join(", ") },
                }
            })
        }
        None => found
            .into_iter()
            .filter(|(m, _)| *m >= OLDEST_MAJOR)
            .max_by_key(|(m, _)| *m)
            .map(|(_, bin)| bin)
            .ok_or_else(|| ClusterError::NotInstalled { needed: format!("{OLDEST_MAJOR} or newer") }),
    }
}

/// The newest folder that has the programs for backups too: some packages carry the server alone.
pub(crate) fn with_tools() -> Result<PathBuf, ClusterError> {
    let complete = |bin: &PathBuf| bin.join("pg_dump").is_file() && bin.join("pg_restore").is_file();
    let found = candidates().into_iter().filter(|(m, bin)| *m >= OLDEST_MAJOR && complete(bin));
    let newest = found.max_by_key(|(m, _)| *m).map(|(_, bin)| bin);
    newest.ok_or_else(|| ClusterError::NotInstalled { needed: format!("{OLDEST_MAJOR} or newer, with pg_dump") })
}

/// (major, bin folder) of everything installed.
fn candidates() -> Vec<(u32, PathBuf)> {
    let mut folders = Vec::new();
    if let Some(chosen) = std::env::var_os("REMOTEGPU_PG_BIN") {
        folders.push(PathBuf::from(chosen));
    } else {
        let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        folders.extend(debian.map(|entry| entry.path().join("bin")));
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    }
    folders
        .into_iter()
        .filter(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .filter_map(|bin| Some((major_of(&bin)?, bin)))
        .collect()
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` → 15.
fn major_of(bin: &Path) -> Option<u32> {
    let output = std::process::Command::new(bin.join("postgres")).arg("--version").output().ok()?;
    parse_major(&String::from_utf8_lossy(&output.stdout))
}

fn parse_major(text: &str) -> Option<u32> {
    let version = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse_major;

    #[test]
    fn reads_versions() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 18beta2"), Some(18));
        assert_eq!(parse_major("nothing"), None);
    }
}

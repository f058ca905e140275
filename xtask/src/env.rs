//! Where things are, and how other programs are run.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The repository: the one `cargo run` was called in, which is not the one this program was compiled in where several
/// checkouts share a target folder.
pub fn root() -> PathBuf {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    manifest.parent().unwrap_or(&manifest).to_owned()
}

/// Cargo's target folder: `CARGO_TARGET_DIR`, or `target`.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// What survives a fresh clone: tools that are not on the machine.
pub fn cache() -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_else(std::env::temp_dir);
    std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).unwrap_or_else(|| home.join(".cache")).join("remotegpu")
}

/// True for root, who may install packages.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0)
}

/// A program, by its words, in the repository's root.
pub fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(root());
    command.env("PATH", path());
    command
}

/// Our own Node before the system's, where we had to get one; our own tools behind what is on the machine.
fn path() -> std::ffi::OsString {
    let own = cache().join("node/bin");
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let all = own.is_dir().then_some(own).into_iter().chain(std::env::split_paths(&rest)).chain([cache().join("bin")]);
    std::env::join_paths(all).unwrap_or(rest)
}

/// cargo, the one that runs us.
pub fn cargo(words: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(words).current_dir(root()).env("PATH", path());
    // What cargo told this program of itself is none of the next cargo's business: build scripts look at some of it (ring's
    // does), and everything above them would be built again in every clone, and whenever cargo is called without us.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
            .iter()
            .any(|of| name.starts_with(of))
        {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// Runs it with its output shown; an exit status other than 0 is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    println!("$ {shown}");
    let status = command.status().with_context(|| format!("{shown} does not start"))?;
    if !status.success() {
        bail!("{shown}: {status}");
    }
    Ok(())
}

/// Runs it and gives its standard output.
pub fn read(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output = command.output().with_context(|| format!("{shown} does not start"))?;
    if !output.status.success() {
        bail!("{shown}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_next_cargo_hears_nothing_of_this_program() {
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "cargo tells its tests");
        let command = super::cargo(&["build"]);
        let kept = |name: &str| !command.get_envs().any(|(of, value)| of == name && value.is_none());
        assert!(!kept("CARGO_MANIFEST_DIR") && !kept("CARGO_PKG_NAME"));
        assert!(kept("CARGO_TARGET_DIR") && kept("CARGO_HOME"));
    }
}

//! The compiler for the browser's half: rustup's with its wasm target, or else Debian's `rustc-web`, which carries the
//! standard library's sources; from them the target is built once, into our cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::env::{cache, cargo, command, read, root, run, target};
use crate::setup::Need;

/// The target's name.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler, its cargo and the library's sources; `rust-lld` comes from the rustup toolchain or from lld.
const DEBIAN: &[&str] = &["rustc-web", "cargo-web", "rust-web-src"];
const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";

/// A cargo that can build for [`TARGET`], with its first words; builds into [`artifacts`].
pub fn wasm_cargo(words: &[&str]) -> Result<Command> {
    if rustup_has_it()? {
        return Ok(cargo(words));
    }
    let sysroot = debian_sysroot()?;
    let mut command = command(&[CARGO]);
    command.args(words).current_dir(root());
    // What the rustup cargo that runs us has set would lead back to its own compiler.
    for name in ["CARGO", "RUSTUP_TOOLCHAIN", "RUSTUP_HOME", "RUSTC_WORKSPACE_WRAPPER"] {
        command.env_remove(name);
    }
    command.env("RUSTC", RUSTC).env("CARGO_TARGET_DIR", debian_target());
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", format!("--sysroot={}", sysroot.display()));
    Ok(command)
}

/// The folder cargo puts the target's files in.
pub fn artifacts() -> Result<PathBuf> {
    Ok(if rustup_has_it()? { target() } else { debian_target() }.join(TARGET))
}

/// Debian's packages that [`wasm_cargo`] needs and that are not here; none where rustup has the target or can add it.
pub fn missing(need: Need) -> Result<Vec<&'static str>> {
    if rustup_has_it()? {
        return Ok(Vec::new());
    }
    // rustup has been seen to say yes to a target that was not there: what counts is the folder.
    if run(&mut command(&["rustup", "target", "add", TARGET])).is_ok() && rustup_has_it()? {
        return Ok(Vec::new());
    }
    println!("rustup cannot add {TARGET}: building it from the sources of Debian's compiler");
    let mut packages = DEBIAN.to_vec();
    let old = read(&mut command(&[RUSTC, "--version"])).is_ok_and(|version| is_old(&version));
    packages.retain(|package| old || !installed(package));
    if need == Need::Test && !Path::new("/usr/bin/cargo-clippy").exists() {
        packages.push("rust-web-clippy");
    }
    if linker().is_none() {
        packages.push("lld-19");
    }
    Ok(packages)
}

/// Sees to it that [`wasm_cargo`] works, once nothing is [`missing`].
pub fn setup() -> Result<()> {
    if !rustup_has_it()? {
        debian_sysroot()?;
    }
    Ok(())
}

/// Whether the toolchain that runs us builds for [`TARGET`]; or else Debian's compiler does.
pub fn rustup_has_it() -> Result<bool> {
    let sysroot = read(&mut command(&["rustc", "--print", "sysroot"]))?;
    Ok(Path::new(&sysroot).join("lib/rustlib").join(TARGET).join("lib").is_dir())
}

fn installed(package: &str) -> bool {
    read(&mut command(&["dpkg-query", "-W", "-f", "${Status}", package]))
        .is_ok_and(|status| status.ends_with(" installed"))
}

/// The workspace's `rust-version`.
const NEEDED: &str = env!("CARGO_PKG_RUST_VERSION");

/// Compares `rustc 1.96.0 (…)` with what the workspace needs.
fn is_old(version: &str) -> bool {
    let minor = |text: &str| text.split('.').nth(1).and_then(|n| n.parse::<u32>().ok()).unwrap_or(0);
    minor(version) < minor(NEEDED)
}

fn debian_target() -> PathBuf {
    target().join("debian-wasm")
}

/// A linker for wasm: the one of the toolchain that runs us, else Debian's.
fn linker() -> Option<PathBuf> {
    let own = read(&mut command(&["rustc", "--print", "target-libdir"]))
        .ok()
        .and_then(|lib| Some(Path::new(&lib).parent()?.join("bin/rust-lld")));
    own.into_iter().chain(["/usr/bin/lld-19".into(), "/usr/bin/lld".into()]).find(|path: &PathBuf| path.exists())
}

/// A folder that looks like the compiler's own to `--sysroot`, with the target's library and a linker; built when it is
/// not there for this compiler, and named only when whole.
fn debian_sysroot() -> Result<PathBuf> {
    let version = read(&mut command(&[RUSTC, "--version"])).context("Debian's rustc-web is not installed")?;
    if is_old(&version) {
        bail!(
            "{RUSTC} is {version}, and {NEEDED} is needed. Enable bookworm-security and bookworm-updates in \
             /etc/apt/sources.list and run: apt-get update && apt-get install {}",
            DEBIAN.join(" ")
        );
    }
    let host = read(&mut command(&[RUSTC, "--print", "host-tuple"]))?;
    let name = version.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let sysroot = cache().join("wasm-sysroot").join(&name);
    if sysroot.is_dir() {
        return Ok(sysroot);
    }
    let work = cache().join("wasm-sysroot").join(format!("{name}.{}", std::process::id()));
    let (probe, library) = (work.join("probe"), work.join("lib/rustlib").join(TARGET).join("lib"));
    std::fs::create_dir_all(probe.join("src"))?;
    std::fs::create_dir_all(&library)?;
    std::fs::write(
        probe.join("Cargo.toml"),
        "[package]\nname = \"probe\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n",
    )?;
    std::fs::write(probe.join("src/lib.rs"), "")?;
    let mut build = command(&[CARGO, "build", "--release", "--target", TARGET]);
    build.args(["-Z", "build-std=std,panic_abort,panic_unwind,test"]).current_dir(&probe);
    for name in ["CARGO", "RUSTUP_TOOLCHAIN", "CARGO_TARGET_DIR"] {
        build.env_remove(name);
    }
    // The library's sources are of this very compiler, which is what the unstable flag is about.
    run(build.env("RUSTC", RUSTC).env("RUSTC_BOOTSTRAP", "1"))?;
    for entry in std::fs::read_dir(probe.join("target").join(TARGET).join("release/deps"))? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if file.ends_with(".rlib") && !file.starts_with("libprobe") {
            std::fs::copy(&path, library.join(file))?;
        }
    }
    let Some(linker) = linker() else { bail!("no linker for wasm: install lld-19") };
    let bin = work.join("lib/rustlib").join(host).join("bin");
    std::fs::create_dir_all(&bin)?;
    std::os::unix::fs::symlink(linker, bin.join("rust-lld"))?;
    std::fs::remove_dir_all(&probe)?;
    std::fs::rename(&work, &sysroot)?;
    Ok(sysroot)
}

#[cfg(test)]
mod tests {
    use super::is_old;

    #[test]
    fn an_old_compiler_is_told_from_a_new_one() {
        assert!(is_old("rustc 1.85.0 (4d91de4e4 2025-02-17) (built from a source tarball)"));
        assert!(!is_old("rustc 1.96.0 (built from a source tarball)"));
    }
}

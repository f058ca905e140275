//! ssh-audit, which judges what the door for SSH offers to whoever knocks; from PyPI into our cache.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::env::cache;
use crate::python;

/// The wheel this was tried with, for every machine; it needs nothing else.
const WHEEL: &str = "\
ssh-audit==3.9.0 \
--hash=sha256:3dad48d4678e0de31f6332cc7674f9d7dd1805f86babf3796f41c2fd879cb812
";

/// Its program.
pub fn program() -> PathBuf {
    cache().join("ssh-audit-venv/bin/ssh-audit")
}

/// True when the wanted version is here.
pub fn is_here() -> bool {
    program().is_file() && std::fs::read_to_string(stamp()).is_ok_and(|have| have == WHEEL)
}

/// Gets it where it is missing.
pub fn setup() -> Result<()> {
    if is_here() {
        return Ok(());
    }
    std::fs::create_dir_all(cache())?;
    let wanted = cache().join("ssh-audit.txt");
    std::fs::write(&wanted, WHEEL)?;
    let wanted = wanted.to_string_lossy().into_owned();
    let words = ["--only-binary", ":all:", "--require-hashes", "-r", wanted.as_str()];
    python::environment("ssh-audit-venv", &words).context("ssh-audit is missing, and PyPI did not give it")?;
    std::fs::write(stamp(), WHEEL)?;
    Ok(())
}

fn stamp() -> PathBuf {
    cache().join("ssh-audit-venv/package")
}

//! schemathesis, which makes requests out of the API's own description; from PyPI into our cache.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::env::cache;
use crate::python;

/// The version this was tried with.
const PACKAGE: &str = "schemathesis==4.32.5";

/// Its program.
pub fn program() -> PathBuf {
    cache().join("schemathesis-venv/bin/schemathesis")
}

/// True when the wanted version is here.
pub fn is_here() -> bool {
    program().is_file() && std::fs::read_to_string(stamp()).is_ok_and(|have| have == PACKAGE)
}

/// Gets it where it is missing.
pub fn setup() -> Result<()> {
    if is_here() {
        return Ok(());
    }
    python::environment("schemathesis-venv", &[PACKAGE])
        .context("schemathesis is missing, and PyPI did not give it")?;
    std::fs::write(stamp(), PACKAGE)?;
    Ok(())
}

fn stamp() -> PathBuf {
    cache().join("schemathesis-venv/package")
}

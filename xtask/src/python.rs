//! Tools that come from PyPI as finished programs, each in an environment of its own in our cache.

use std::path::PathBuf;

use anyhow::Result;

use crate::env::{cache, command, read, run};

/// What has to be installed before [`environment`] works.
pub fn packages() -> &'static [&'static str] {
    let works = read(&mut command(&["python3", "-c", "import venv, ensurepip"])).is_ok();
    if works { &[] } else { &["python3", "python3-venv"] }
}

/// The environment's folder, with what these words make pip install.
pub fn environment(name: &str, words: &[&str]) -> Result<PathBuf> {
    let folder = cache().join(name);
    let text = folder.to_string_lossy().into_owned();
    run(&mut command(&["python3", "-m", "venv", &text]))?;
    run(command(&[&format!("{text}/bin/pip"), "install", "-q", "--disable-pip-version-check"]).args(words))?;
    Ok(folder)
}

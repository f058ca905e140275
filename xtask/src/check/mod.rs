//! `cargo xtask check`: format, lints, and the directions of ARCHITECTURE.md, each a function that can fail.

mod directions;
mod pictures;
mod texts;
mod wasm;

use anyhow::{Result, bail};

use crate::env::{cargo, command, root, run};
use crate::wasm::{TARGET, wasm_cargo};

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// `path:line`, relative to the repository.
    pub place: String,
    pub what: String,
}

/// A source file.
pub struct Source {
    /// Relative to the repository, with `/`.
    pub path: String,
    pub text: String,
}

/// See the module.
pub fn check() -> Result<()> {
    let findings = findings()?;
    for finding in &findings {
        println!("{}: {}", finding.place, finding.what);
    }
    if !findings.is_empty() {
        bail!("{} broken rules", findings.len());
    }
    println!("directions, file lengths, texts, pictures: fine");
    crate::setup::typescript()?;
    run(command(&["npx", "tsc", "--noEmit"]).current_dir(root().join("end2end")))?;
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&[
        "clippy",
        "-q",
        "--workspace",
        "--exclude",
        "frontend",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    let frontend = ["clippy", "-q", "-p", "frontend", "--target", TARGET, "--", "-D", "warnings"];
    run(&mut wasm_cargo(&frontend)?)?;
    crate::deny::check()?;
    println!("advisories: not checked (they need a service outside)");
    Ok(())
}

fn findings() -> Result<Vec<Finding>> {
    let mut sources = Vec::new();
    for folder in ["app", "frontend", "server", "crates", "xtask", "style", "end2end", "migrations"] {
        for path in crate::build::files(&root().join(folder))? {
            let name = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let kept =
                [".rs", ".ts", ".js", ".mjs", ".css", ".ftl", ".toml", ".sql"].iter().any(|end| name.ends_with(end));
            if kept {
                sources.push(Source { path: name, text: std::fs::read_to_string(&path).unwrap_or_default() });
            }
        }
    }
    let mut found = Vec::new();
    for source in &sources {
        found.extend(directions::check(source));
    }
    found.extend(texts::check(&sources));
    found.extend(pictures::check(&sources, &pictures::on_disk()?));
    found.extend(wasm::check()?);
    Ok(found)
}

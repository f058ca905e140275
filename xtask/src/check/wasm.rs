//! What must never reach the browser.

use anyhow::Result;

use super::Finding;
use crate::env::{cargo, read};

/// Server crates, and those too big for what they would do in a page.
const DENIED: &[&str] = &[
    "platform",
    "server",
    "sqlx",
    "tokio",
    "axum",
    "leptos_axum",
    "hyper",
    "reqwest",
    "chrono-tz",
    "fluent-bundle",
    "texts",
    "rustls",
    "argon2",
];

/// The packages of the wasm build against the list.
pub fn check() -> Result<Vec<Finding>> {
    let tree = read(&mut cargo(&[
        "tree",
        "-p",
        "frontend",
        "--target",
        "wasm32-unknown-unknown",
        "-e",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]))?;
    Ok(denied(&tree))
}

fn denied(tree: &str) -> Vec<Finding> {
    let mut names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter(|name| DENIED.contains(name))
        .map(|name| Finding { place: "frontend".to_owned(), what: format!("{name} is in the wasm build") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::denied;

    #[test]
    fn a_server_crate_is_found() {
        assert_eq!(denied("leptos v0.8.23\nsqlx v0.9.0\nsqlx v0.9.0 (*)").len(), 1);
        assert!(denied("leptos v0.8.23\nserde v1.0.0").is_empty());
    }
}

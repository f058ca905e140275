//! Rules a line of source can break. Patterns are put together here so that this file does not find itself.

use super::{Finding, Source};

/// Longest file that fits a head.
const MAX_LINES: usize = 600;

/// Every rule over one file.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    let lines: Vec<&str> = source.text.lines().collect();
    let path = source.path.as_str();
    let code = [".rs", ".ts", ".mjs", ".css"].iter().any(|end| path.ends_with(end));
    if code && lines.len() > MAX_LINES {
        found.push(Finding {
            place: format!("{path}:1"),
            what: format!("{} lines; {MAX_LINES} is where a file stops fitting a head: split it", lines.len()),
        });
    }
    if path.ends_with("Cargo.toml") {
        found.extend(manifest(path, &lines));
    }
    if !path.ends_with(".rs") {
        return found;
    }
    if !lines.first().is_some_and(|line| line.starts_with("//!")) && !path.contains("/tests/it/main.rs") {
        found.push(Finding { place: format!("{path}:1"), what: "begins without `//!`: say what it is for".to_owned() });
    }
    for (number, line) in lines.iter().enumerate() {
        let line = line.trim_start();
        if line.starts_with("//") {
            continue;
        }
        for (rule, what) in RULES {
            if rule(path, line) {
                found.push(Finding { place: format!("{path}:{}", number + 1), what: (*what).to_owned() });
            }
        }
    }
    found
}

type Rule = (fn(&str, &str) -> bool, &'static str);

const RULES: &[Rule] = &[
    (sql_outside_stores, "SQL stands only in store.rs, store/, db.rs, tests and the cluster's bootstrap"),
    (island_elsewhere, "#[island] stands only in islands.rs"),
    (server_fn_elsewhere, "#[server] stands only in server_fns.rs"),
    (route_elsewhere, "routes are mounted only in server/src/router.rs"),
    (role_compared, "only platform/src/authz compares roles"),
    (door_knows_http, "platform knows no HTTP and no framework"),
    (door_imports_door, "no door imports another"),
];

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.starts_with("crates/test-support/") || path.starts_with("xtask/")
}

fn sql_outside_stores(path: &str, line: &str) -> bool {
    let sql = [
        "query!(",
        "query_as!(",
        "query_scalar!(",
        "query(",
        "query_as(",
        "query_scalar(",
        "query_scalar::",
        "raw_sql(",
    ]
    .iter()
    .any(|call| line.contains(&format!("sqlx::{call}")))
        || line.contains("QueryBuilder::<");
    let allowed = path.ends_with("/store.rs")
        || path.contains("/store/")
        || path.ends_with("platform/src/db.rs")
        || path.starts_with("crates/pg-cluster/")
        || is_test(path);
    sql && !allowed
}

fn island_elsewhere(path: &str, line: &str) -> bool {
    line.starts_with("#[island") && !path.ends_with("/islands.rs")
}

fn server_fn_elsewhere(path: &str, line: &str) -> bool {
    let attribute = line.starts_with("#[server]") || line.starts_with("#[server(");
    attribute && !path.ends_with("/server_fns.rs")
}

fn route_elsewhere(path: &str, line: &str) -> bool {
    line.contains(".route(\"") && path.starts_with("server/src") && !path.ends_with("/router.rs")
}

fn role_compared(path: &str, line: &str) -> bool {
    let compares = ["MemberRole::", "Role::"]
        .iter()
        .any(|role| line.contains(&format!("== {role}")) || line.contains(&format!("!= {role}")));
    compares && !path.starts_with("crates/platform/src/authz/") && !is_test(path)
}

fn door_knows_http(path: &str, line: &str) -> bool {
    path.starts_with("crates/platform/src/")
        && ["axum::", "leptos", "tower_sessions", "http::StatusCode"].iter().any(|word| line.contains(word))
}

fn door_imports_door(path: &str, line: &str) -> bool {
    let rest = path.starts_with("server/src/rest/") && line.contains("crate::ws");
    let sockets = path.starts_with("server/src/ws/") && line.contains("crate::rest::admin");
    rest || sockets
}

/// What each package must not depend on.
const ABSENT: &[(&str, &[&str])] = &[
    ("crates/platform/Cargo.toml", &["axum", "leptos", "tower-sessions", "http", "app", "server"]),
    ("crates/contract/Cargo.toml", &["tokio", "platform", "reqwest", "axum"]),
    ("crates/node-protocol/Cargo.toml", &["tokio", "platform", "contract", "axum"]),
    ("crates/node-agent/Cargo.toml", &["platform", "contract", "sqlx", "axum"]),
    ("app/Cargo.toml", &["sqlx", "axum"]),
    ("server/Cargo.toml", &["sqlx"]),
];

fn manifest(path: &str, lines: &[&str]) -> Vec<Finding> {
    let Some((_, absent)) = ABSENT.iter().find(|(manifest, _)| *manifest == path) else { return Vec::new() };
    let production = lines.iter().take_while(|line| !line.starts_with("[dev-dependencies]")).enumerate();
    production
        .filter_map(|(number, line)| {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            absent.contains(&name).then(|| Finding {
                place: format!("{path}:{}", number + 1),
                what: format!("this package knows no {name}"),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, line: &str) -> bool {
        let text = format!("//! head\n{line}\n");
        !check(&Source { path: path.to_owned(), text }).is_empty()
    }

    #[test]
    fn every_rule_can_fail_and_pass() {
        let cases = [
            (
                "crates/platform/src/machines/mod.rs",
                "crates/platform/src/machines/store.rs",
                "sqlx::query!(\"select 1\")",
            ),
            ("app/src/pages/a/page.rs", "app/src/pages/a/islands.rs", "#[island]"),
            ("app/src/pages/a/page.rs", "app/src/pages/a/server_fns.rs", "#[server]"),
            ("server/src/ops.rs", "server/src/router.rs", "router.route(\"/x\", get(y))"),
            ("app/src/layouts/nav.rs", "crates/platform/src/authz/mod.rs", "if role == MemberRole::Owner {"),
            ("crates/platform/src/machines/mod.rs", "server/src/ops.rs", "use axum::extract::State;"),
            ("server/src/rest/auth.rs", "server/src/router.rs", "use crate::ws::live;"),
        ];
        for (wrong, right, line) in cases {
            assert!(broken(wrong, line), "{wrong}: {line}");
            assert!(!broken(right, line), "{right}: {line}");
        }
    }

    #[test]
    fn long_files_and_headless_files_are_found() {
        let long = Source { path: "app/src/a.rs".to_owned(), text: format!("//! a\n{}", "\n".repeat(MAX_LINES)) };
        assert_eq!(check(&long).len(), 1);
        let headless = Source { path: "app/src/a.rs".to_owned(), text: "use b;\n".to_owned() };
        assert_eq!(check(&headless).len(), 1);
    }

    #[test]
    fn forbidden_dependencies_are_found() {
        let text = "[package]\nname = \"platform\"\n[dependencies]\naxum.workspace = true\n[dev-dependencies]\n";
        let source = Source { path: "crates/platform/Cargo.toml".to_owned(), text: text.to_owned() };
        assert_eq!(check(&source).len(), 1);
    }
}

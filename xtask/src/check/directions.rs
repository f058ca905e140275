//! Rules a line of source can break. Patterns are put together here so that this file does not find itself.

use super::{Finding, Source};

/// Longest file that fits a head.
const MAX_LINES: usize = 600;

/// Every rule over one file.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    let lines: Vec<&str> = source.text.lines().collect();
    let path = source.path.as_str();
    let code = [".rs", ".ts", ".js", ".mjs", ".css"].iter().any(|end| path.ends_with(end));
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
    (store_shown, "a slice's store is its own: `mod store;` without `pub`"),
    (door_knows_http, "platform knows no HTTP and no framework"),
    (door_imports_door, "no door imports another"),
    (fuzzing_elsewhere, "modules called fuzzing are for crates/fuzz alone"),
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
    let mounts = [".route(", ".nest(", ".route_service(", ".nest_service("].iter().any(|call| line.contains(call));
    let door = path.starts_with("server/src/") || path.starts_with("app/src/");
    mounts && door && path != "server/src/router.rs"
}

/// Other slices would read its tables past the operations that decide who may.
fn store_shown(path: &str, line: &str) -> bool {
    let module = line.trim_end_matches([';', '{', ' ']).ends_with(" mod store");
    path.starts_with("crates/platform/src/") && line.starts_with("pub") && module
}

/// Comparing, matching and destructuring are the same question: what somebody's role lets them do.
fn role_compared(path: &str, line: &str) -> bool {
    // The wire type itself says its words.
    let own = path == "crates/contract/src/accounts.rs" || path.starts_with("crates/platform/src/authz/");
    !own && !is_test(path) && line.match_indices("Role::").any(|(at, found)| is_asked(line, at, at + found.len()))
}

/// Whether the role at this place of a line is asked for, rather than given.
fn is_asked(line: &str, at: usize, end: usize) -> bool {
    let of_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let before = line[..at].trim_end_matches(of_path).trim_end_matches(['&', '*', ' ']);
    let after = line[end..].trim_start_matches(of_path).trim_start_matches([')', ' ']);
    let compared = [before.ends_with("=="), before.ends_with("!="), after.starts_with("=="), after.starts_with("!=")];
    let pattern = before.contains("matches!(") || before.contains("if let ") || before.contains("while let ");
    // What stands right of the arrow is the answer, not the question.
    let arm = !before.contains("=>") && (after.contains("=>") || after.starts_with('|'));
    compared.contains(&true) || pattern || arm
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

/// They show what is private.
fn fuzzing_elsewhere(path: &str, line: &str) -> bool {
    let own = path.starts_with("crates/fuzz/") || path.starts_with("xtask/") || path.ends_with("/fuzzing.rs");
    !own && line.contains("fuzzing::")
}

/// What each package must not depend on.
const ABSENT: &[(&str, &[&str])] = &[
    ("crates/platform/Cargo.toml", &["axum", "leptos", "tower-sessions", "http", "app", "server"]),
    ("crates/contract/Cargo.toml", &["tokio", "platform", "reqwest", "axum"]),
    ("crates/node-protocol/Cargo.toml", &["tokio", "platform", "contract", "axum"]),
    ("crates/node-agent/Cargo.toml", &["platform", "contract", "sqlx", "axum"]),
    ("crates/ssh-gateway/Cargo.toml", &["sqlx", "axum", "leptos", "app", "server", "runtime"]),
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
            ("server/src/ops.rs", "server/src/router.rs", "router.route(PATH, get(y))"),
            ("server/src/rest/router.rs", "server/src/router.rs", "Router::new().nest(&prefix, inner)"),
            ("app/src/routes.rs", "server/src/router.rs", "router.nest_service(PATH, files)"),
            ("crates/platform/src/jobs/mod.rs", "crates/test-support/src/lib.rs", "pub mod store;"),
            ("crates/platform/src/jobs/mod.rs", "app/src/lib.rs", "pub(crate) mod store;"),
            ("crates/platform/src/machines/mod.rs", "server/src/ops.rs", "use axum::extract::State;"),
            ("server/src/rest/auth.rs", "server/src/router.rs", "use crate::ws::live;"),
            ("server/src/rest/auth.rs", "crates/fuzz/src/rows.rs", "platform::fuzzing::machine(machine)"),
        ];
        for (wrong, right, line) in cases {
            assert!(broken(wrong, line), "{wrong}: {line}");
            assert!(!broken(right, line), "{right}: {line}");
        }
    }

    #[test]
    fn asking_for_a_role_is_told_from_giving_one() {
        let asked = [
            "if role == MemberRole::Owner {",
            "if member.role != contract::accounts::MemberRole::Owner {",
            "MemberRole::Owner == role",
            "matches!(role, MemberRole::Owner | MemberRole::Member)",
            "let may = matches!(who, Some(Role::Admin));",
            "MemberRole::Owner => true,",
            "Some(MemberRole::Owner) if late => 1,",
            "MemberRole::Owner | MemberRole::Member",
            "if let Some(MemberRole::Owner) = role {",
        ];
        for line in asked {
            assert!(broken("app/src/layouts/nav.rs", line), "{line}");
            assert!(broken("crates/platform/src/customers/mod.rs", line), "{line}");
            assert!(!broken("crates/platform/src/authz/mod.rs", line), "{line}");
            assert!(!broken("crates/platform/tests/it/authz.rs", line), "{line}");
        }
        for given in [
            "role: MemberRole::Owner,",
            "\"owner\" => Ok(MemberRole::Owner),",
            "let role = if first { MemberRole::Owner } else { MemberRole::Member };",
            "add_member(platform, &customer, MemberRole::Member).await?",
            "use contract::accounts::MemberRole;",
        ] {
            assert!(!broken("crates/platform/src/customers/mod.rs", given), "{given}");
        }
    }

    #[test]
    fn a_private_store_is_fine() {
        for line in ["mod store;", "pub mod storefront;", "pub use store::Thing;"] {
            assert!(!broken("crates/platform/src/jobs/mod.rs", line), "{line}");
        }
    }

    #[test]
    fn long_files_and_headless_files_are_found() {
        let long = Source { path: "app/src/a.rs".to_owned(), text: format!("//! a\n{}", "\n".repeat(MAX_LINES)) };
        assert_eq!(check(&long).len(), 1);
        for name in ["frontend/js/src/a.js", "end2end/tests/a.ts", "style/a.css"] {
            let long = |lines: usize| Source { path: name.to_owned(), text: "x\n".repeat(lines) };
            assert_eq!((check(&long(MAX_LINES)).len(), check(&long(MAX_LINES + 1)).len()), (0, 1), "{name}");
        }
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

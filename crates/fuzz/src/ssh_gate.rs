//! What clients of SSH say beside their keys: names, kinds of terminals, variables, hosts, paths and messages of SFTP; and what an
//! instance's own shell answers about its files.

use ssh_gateway::fuzzing as gate;

use crate::{chosen, line_and_rest, text};

/// See the module.
pub fn ssh_gate(data: &[u8]) {
    match chosen(data, 8) {
        (0, user) => named(&text(user)),
        (1, said) => {
            let client = gate::client(said);
            assert!(!client.contains('\n') && client.len() <= said.len() * 3, "{client:?}");
        }
        (2, term) => {
            let term = gate::terminal(&text(term));
            let plain = term.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte));
            assert!(plain && (1..=64).contains(&term.len()), "{term:?}");
        }
        (3, variable) => {
            let variable = text(variable);
            let (name, value) = variable.split_once('=').unwrap_or((&variable, ""));
            let language = name == "LANG" || name == "COLORTERM" || name.starts_with("LC_");
            let line = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !value.contains(['\n', '\0']);
            assert!(!gate::may_be_given(name, value) || (language && line), "{variable:?}");
        }
        (4, host) => {
            let host = text(host);
            let odd = host.contains(['/', '@', ' ', '%', '\0']);
            assert!(!gate::is_itself(&host) || !odd, "{host:?} is taken for the instance itself");
        }
        (5, path) => {
            let (home, path) = line_and_rest(path);
            let path = gate::absolute(&text(home), &text(path));
            assert!(path.starts_with('/'), "{path:?}");
            let odd = |part: &str| part.is_empty() || part == "." || part == "..";
            assert!(path == "/" || !path[1..].split('/').any(odd), "{path:?}");
            assert_eq!(gate::absolute("/elsewhere", &path), path);
        }
        (6, said) => answers(said),
        (_, packet) => drop(gate::is_packet(packet)),
    }
}

fn named(user: &str) {
    match gate::named(user) {
        (person, None) => assert_eq!(person, user),
        (person, Some(instance)) => {
            assert!(!person.is_empty() && !instance.is_empty() && !instance.contains(['+', '@']), "{user:?}");
            assert_eq!(format!("{person}+{instance}"), user);
        }
    }
}

/// Two texts of a message, an answer of a shell, and a line of it about a file.
fn answers(said: &[u8]) {
    if let Some((first, second)) = gate::two(said) {
        let written = [&first, &second].map(|text| [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat());
        assert!(said.starts_with(&written.concat()), "{first:?} and {second:?}");
    }
    let lines = said.iter().filter(|byte| **byte == b'\n').count();
    if let Some(Ok((count, last))) = gate::answer(said) {
        assert!(count < lines && !last.contains('\n'), "{count} lines of {lines}");
    }
    if let Some((mode, size, name)) = gate::file(&text(said)) {
        let again = format!("{mode:x} {size} 0 0 0 0 {name}");
        assert_eq!(gate::file(&again), Some((mode, size, name)));
    }
}

//! What the people of a host can write that its agent reads: an account's public keys, what listens as sshd there, processes,
//! names of people.

use node_agent::fuzzing::{
    container_of, expiry_option, keys_of, others_of, owner_of, start_ticks, users, with_keys, without_ours,
};
use node_protocol::limits::MAX_TEXT_BYTES;

use crate::{chosen, text};

/// See the module.
pub fn host_files(data: &[u8]) {
    match chosen(data, 6) {
        (0, rest) => kept(rest),
        (1, rest) => others(rest),
        (2, rest) => sshd(rest),
        (3, process) => {
            let process = text(process);
            let _ = (start_ticks(&process), owner_of(&process));
        }
        (4, cgroup) => {
            if let Some(id) = container_of(&text(cgroup)) {
                assert!(id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
            }
        }
        (_, passwd) => assert!(users(&text(passwd)).iter().all(|name| name.len() <= MAX_TEXT_BYTES)),
    }
}

/// So many lines of the agent's.
fn lines(many: u8) -> Vec<String> {
    (0..many).map(|number| format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5{number}")).collect()
}

/// The agent's lines are there, once, and what is others' stays byte by byte.
fn kept(rest: &[u8]) {
    let (many, before) = chosen(rest, 4);
    let lines = lines(many);
    let written = with_keys(before, &lines);
    assert_eq!(without_ours(&written), without_ours(before));
    assert_eq!(with_keys(&written, &lines), written, "it is the same when it is written again");
    let (keys, others) = keys_of(&written);
    assert_eq!((keys, others), (lines, keys_of(before).1));
}

/// Each known key is told once, and every other line counts once at most.
fn others(rest: &[u8]) {
    let (many, file) = chosen(rest, 4);
    let known = lines(many);
    let (held, others) = others_of(file, &known);
    assert!(held.iter().all(|key| known.contains(key)) && held.len() <= known.len(), "{held:?}");
    assert!(others + held.len() <= keys_of(file).1);
}

/// A time, and what a sshd says that it is: the option is one, or there is none.
fn sshd(rest: &[u8]) {
    let Some((until, said)) = rest.split_first_chunk::<8>() else { return };
    let Some(option) = expiry_option(&text(said), i64::from_le_bytes(*until)) else { return };
    if option.is_empty() {
        return;
    }
    let time = option.strip_prefix("expiry-time=\"").and_then(|rest| rest.strip_suffix("\" ")).expect("an option");
    let digits = time.strip_suffix('Z').unwrap_or(time);
    assert!(digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_digit()), "{option}");
}

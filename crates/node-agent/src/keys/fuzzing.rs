//! For the crate `fuzz` alone: what an account's own people may write where its keys are looked after.

use super::{expiry, file, processes, removal};

/// `authorized_keys` with these lines of the agent's.
pub fn with_keys(before: &[u8], lines: &[String]) -> Vec<u8> {
    file::rebuilt(before, lines)
}

/// The agent's keys that stand there, and how many others.
pub fn keys_of(bytes: &[u8]) -> (Vec<String>, usize) {
    let found = file::found(bytes);
    (found.keys, found.others)
}

/// What is not the agent's, as it stands there.
pub fn without_ours(bytes: &[u8]) -> Vec<u8> {
    bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| !file::is_ours(line)).flatten().copied().collect()
}

/// Which of these keys others' lines let in, and how many lines let in somebody else.
pub fn others_of(bytes: &[u8], known: &[String]) -> (Vec<String>, usize) {
    let mut others = removal::Others::default();
    removal::note(bytes, known, &mut others);
    (others.known, others.count)
}

/// The option for a key's end, by what the host's sshd says that it is.
pub fn expiry_option(said: &str, until_ms: i64) -> Option<String> {
    expiry::parse(said).map(|version| expiry::option(Some(version), until_ms))
}

/// Whose a process is.
pub fn owner_of(status: &str) -> Option<u32> {
    processes::real_uid(status)
}

//! What an agent has to know of keys after a restart: lines of words in the state folder, replaced whole.

use std::fs;
use std::io;
use std::path::Path;

use crate::identity::write_atomically;

/// In the state folder.
pub const KEPT_FILE: &str = "host-keys";

/// Most keys of one lease that are remembered; the newest stay.
const MAX_KNOWN: usize = 2000;

/// See the module.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Accounts in which there may be something of the agent's.
    pub accounts: Vec<String>,
    pub lease: u64,
    /// Of the lease after which the machine is being taken back.
    pub reclaim: u64,
    /// By this host's clock.
    pub until_ms: i64,
    pub keys: Vec<String>,
    /// Of the server's own door.
    pub door: Option<String>,
    /// What the host's sshd said last that it is, major and minor.
    pub sshd: Option<(u32, u32)>,
    /// The last lease that there were any for.
    pub known_lease: u64,
    /// All that were ever kept for it: whoever came in by one can write it down as their own.
    pub known: Vec<String>,
}

impl Kept {
    /// Nothing where there is no such file. Lines that do not read are left out: whoever edits it can take keys away, and an
    /// agent that is told anew puts them back.
    pub fn read(state_dir: &Path) -> Self {
        let mut kept = Self::default();
        let text = fs::read_to_string(state_dir.join(KEPT_FILE)).unwrap_or_default();
        for (word, rest) in text.lines().filter_map(|line| line.split_once(' ')) {
            match word {
                "account" => kept.accounts.push(rest.to_owned()),
                "lease" => kept.lease = rest.parse().unwrap_or_default(),
                "reclaim" => kept.reclaim = rest.parse().unwrap_or_default(),
                "until" => kept.until_ms = rest.parse().unwrap_or_default(),
                "sshd" => {
                    let pair = rest.split_once('.');
                    kept.sshd = pair.and_then(|(major, minor)| major.parse().ok().zip(minor.parse().ok()));
                }
                "known-lease" => kept.known_lease = rest.parse().unwrap_or_default(),
                "known" if super::is_key(rest) => kept.known.push(rest.to_owned()),
                "key" if super::is_key(rest) => kept.keys.push(rest.to_owned()),
                "door" if super::is_key(rest) => kept.door = Some(rest.to_owned()),
                _ => {}
            }
        }
        kept
    }

    /// Whether anything is to be there.
    pub fn is_wanted(&self) -> bool {
        !self.keys.is_empty() || self.door.is_some()
    }

    /// Remembers which are kept for this lease.
    pub fn remember(&mut self) {
        if self.lease != 0 && self.lease != self.known_lease {
            self.known.clear();
            self.known_lease = self.lease;
        }
        for key in self.keys.iter().chain(&self.door) {
            if !self.known.contains(key) {
                self.known.push(key.clone());
            }
        }
        self.known.drain(..self.known.len().saturating_sub(MAX_KNOWN));
    }

    /// Where it changed.
    pub fn write(&self, state_dir: &Path) -> io::Result<()> {
        if Self::read(state_dir) == *self {
            return Ok(());
        }
        let mut text = format!(
            "lease {}\nreclaim {}\nuntil {}\nknown-lease {}\n",
            self.lease, self.reclaim, self.until_ms, self.known_lease
        );
        let accounts = self.accounts.iter().map(|name| format!("account {name}\n"));
        let keys = self.keys.iter().map(|key| format!("key {key}\n"));
        let door = self.door.iter().map(|key| format!("door {key}\n"));
        let known = self.known.iter().map(|key| format!("known {key}\n"));
        let sshd = self.sshd.iter().map(|(major, minor)| format!("sshd {major}.{minor}\n"));
        text.extend(accounts.chain(keys).chain(door).chain(known).chain(sshd));
        write_atomically(&state_dir.join(KEPT_FILE), text.as_bytes())
    }
}

/// There is nothing any more.
pub fn forget(state_dir: &Path) -> io::Result<()> {
    match fs::remove_file(state_dir.join(KEPT_FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Kept::read(dir.path()), Kept::default());
        let kept = Kept {
            accounts: vec!["gpu".to_owned(), "older".to_owned()],
            lease: 7,
            reclaim: 6,
            until_ms: 99,
            keys: vec!["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA".to_owned()],
            door: Some("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB".to_owned()),
            sshd: Some((9, 10)),
            known_lease: 7,
            known: vec!["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC".to_owned()],
        };
        kept.write(dir.path()).unwrap();
        assert_eq!(Kept::read(dir.path()), kept);
        fs::write(dir.path().join(KEPT_FILE), "lease x\nnonsense\nkey command=\"id\" ssh-rsa AAAA\naccount gpu\n")
            .unwrap();
        let read = Kept::read(dir.path());
        assert_eq!(read, Kept { accounts: vec!["gpu".to_owned()], ..Kept::default() });
        forget(dir.path()).unwrap();
        forget(dir.path()).unwrap();
        assert_eq!(Kept::read(dir.path()), Kept::default());
    }
}

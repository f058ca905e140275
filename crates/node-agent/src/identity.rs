//! What makes this host the same host tomorrow: the state folder, its lock, the node key and the "known" marker.
//!
//! Invariants: the key exists on disk before the first contact; it is replaced by nobody but a person who deletes the
//! file; only one agent works on one state folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Name of the file in the state folder where `install` leaves the join token; deleted after the first welcome.
pub const JOIN_TOKEN_FILE: &str = "join-token";
const KEY_FILE: &str = "node.key";
const MACHINE_FILE: &str = "machine";
const LOCK_FILE: &str = "agent.lock";
const KEY_BYTES: usize = 32;

/// The locked state folder and the key in it. Dropping it frees the lock.
#[derive(Debug)]
pub struct Identity {
    dir: PathBuf,
    key: String,
    _lock: File,
}

impl Identity {
    /// Opens the folder, making it, the lock and the key where missing.
    ///
    /// # Errors
    /// When the folder cannot be used, another agent holds it, or the key file is damaged.
    pub fn open(dir: &Path) -> Result<Self> {
        make_private_dir(dir).with_context(|| format!("make the state folder {}", dir.display()))?;
        let lock = lock(dir)?;
        let key = load_or_make_key(&dir.join(KEY_FILE))?;
        Ok(Self { dir: dir.to_owned(), key, _lock: lock })
    }

    /// The node key, 64 hex digits. A secret: never logged.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The state folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether a server has welcomed this key before.
    pub fn is_known(&self) -> bool {
        self.dir.join(MACHINE_FILE).exists()
    }

    /// Notes that the server knows the key under `machine_code`, and removes the join token `install` left.
    pub fn remember(&self, machine_code: &str) {
        let file = self.dir.join(MACHINE_FILE);
        if fs::read_to_string(&file).is_ok_and(|known| known == machine_code) {
            return;
        }
        if let Err(error) = write_atomically(&file, machine_code.as_bytes()) {
            tracing::warn!("cannot note the machine code in {}: {error}", file.display());
        }
        let _ = fs::remove_file(self.dir.join(JOIN_TOKEN_FILE));
    }
}

/// Makes `dir` and its parents; what is made is readable by its owner only.
///
/// # Errors
/// As the file system says.
pub fn make_private_dir(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Writes `bytes` so that a reader sees the old content or the new, whole, and nobody but the owner can read it.
///
/// # Errors
/// As the file system says; a leftover temporary file is replaced.
pub fn write_atomically(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let half = file.with_extension("new");
    let _ = fs::remove_file(&half);
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&half)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(&half, file)?;
    if let Some(dir) = file.parent() {
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}

/// The process that holds the state folder, when one does.
pub fn holder(dir: &Path) -> Option<i32> {
    let file = File::open(dir.join(LOCK_FILE)).ok()?;
    match file.try_lock() {
        Err(fs::TryLockError::WouldBlock) => fs::read_to_string(dir.join(LOCK_FILE)).ok()?.trim().parse().ok(),
        _ => None,
    }
}

fn lock(dir: &Path) -> Result<File> {
    let path = dir.join(LOCK_FILE);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => bail!("another agent is running on the state folder {}", dir.display()),
        Err(fs::TryLockError::Error(error)) => return Err(error).context(format!("lock {}", path.display())),
    }
    file.set_len(0)?;
    write!(file, "{}", std::process::id())?;
    Ok(file)
}

fn load_or_make_key(path: &Path) -> Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let key = text.trim();
            if key.len() != 2 * KEY_BYTES || !key.bytes().all(|b| b.is_ascii_hexdigit()) {
                bail!("{} is damaged; delete it to join again as a new machine", path.display());
            }
            Ok(key.to_owned())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = random_hex::<KEY_BYTES>()?;
            write_atomically(path, key.as_bytes()).with_context(|| format!("write {}", path.display()))?;
            Ok(key)
        }
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// `N` random bytes as hex.
///
/// # Errors
/// When the system has no randomness to give.
pub fn random_hex<const N: usize>() -> Result<String> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(hex::encode(bytes))
}

/// A name the server accepts: lower case letters, digits and single hyphens inside, at most 63 long; `host` when
/// nothing of `raw` can be used.
pub fn clean_host_name(raw: &str) -> String {
    let short = raw.trim().split('.').next().unwrap_or_default();
    let mut name = String::new();
    for c in short.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' | '0'..='9' => name.push(c),
            _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
        if name.len() == 63 {
            break;
        }
    }
    let name = name.trim_matches('-');
    if name.is_empty() { "host".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn key_is_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("a/b");
        let first = Identity::open(&state).unwrap().key().to_owned();
        assert_eq!(first.len(), 64);
        assert_eq!(Identity::open(&state).unwrap().key(), first);
        assert_eq!(fs::metadata(state.join(KEY_FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(state.join(KEY_FILE), "short").unwrap();
        assert!(Identity::open(&state).unwrap_err().to_string().contains("damaged"));
    }

    #[test]
    fn second_agent_on_a_state_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let first = Identity::open(dir.path()).unwrap();
        assert!(Identity::open(dir.path()).unwrap_err().to_string().contains("another agent"));
        assert_eq!(holder(dir.path()), i32::try_from(std::process::id()).ok());
        drop(first);
        assert_eq!(holder(dir.path()), None);
        Identity::open(dir.path()).unwrap();
    }

    #[test]
    fn known_after_the_first_welcome() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(JOIN_TOKEN_FILE), "t").unwrap();
        let identity = Identity::open(dir.path()).unwrap();
        assert!(!identity.is_known());
        identity.remember("host-001");
        assert!(identity.is_known());
        assert!(!dir.path().join(JOIN_TOKEN_FILE).exists());
    }

    #[test]
    fn host_names_are_cleaned() {
        for (raw, clean) in
            [("GPU_Node 7.example.org", "gpu-node-7"), ("--", "host"), ("", "host"), ("a__b", "a-b"), ("机器-3", "3")]
        {
            assert_eq!(clean_host_name(raw), clean);
        }
        assert_eq!(clean_host_name(&"x".repeat(80)).len(), 63);
    }
}

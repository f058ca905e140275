//! Folders and files that PostgreSQL's user needs: made for it alone, and never through a link that somebody else laid.
//!
//! Invariants: a folder that exists already is used only when it is a true folder, belongs to us (as root: or to
//! `postgres`) and is open to nobody else; a secret is never in a file that others could read, not even for a moment.

use std::io::Write as _;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown, lchown,
};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::ClusterError;

/// Longest folder for a socket: `sockaddr_un` holds 108 bytes, and PostgreSQL adds its file name and a lock suffix.
const MAX_SOCKET_FOLDER: usize = 80;

/// As root, PostgreSQL runs as somebody else, who must be able to walk down to the folder.
pub(crate) fn check_reachable(folder: &Path) -> Result<(), ClusterError> {
    for parent in folder.ancestors() {
        let mode = std::fs::metadata(parent).map_err(ClusterError::file(parent))?.permissions().mode();
        if mode & 0o001 == 0 {
            return Err(ClusterError::NotReachable { folder: folder.to_owned(), parent: parent.to_owned() });
        }
    }
    Ok(())
}

pub(crate) fn is_root() -> bool {
    own_uid() == Some(0)
}

fn own_uid() -> Option<u32> {
    Some(std::fs::metadata("/proc/self").ok()?.uid())
}

fn postgres_ids() -> Result<(u32, u32), ClusterError> {
    let path = Path::new("/etc/passwd");
    let text = std::fs::read_to_string(path).map_err(ClusterError::file(path))?;
    let line = text.lines().find(|line| line.starts_with("postgres:")).ok_or(ClusterError::NoPostgresUser)?;
    let mut numbers = line.split(':').skip(2).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(uid)), Some(Ok(gid))) => Ok((uid, gid)),
        _ => Err(ClusterError::NoPostgresUser),
    }
}

/// A link is given away itself, never what it points to.
pub(crate) fn give_to_postgres(path: &Path) -> Result<(), ClusterError> {
    let (uid, gid) = postgres_ids()?;
    lchown(path, Some(uid), Some(gid)).map_err(ClusterError::file(path))
}

/// A new file with a secret that only PostgreSQL's user can read; what a killed process left there is replaced.
pub(crate) fn write_for_postgres(path: &Path, secret: &str) -> Result<(), ClusterError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(ClusterError::file(path)(error)),
        _ => {}
    }
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(secret.as_bytes())?;
        Ok(file)
    };
    let file = write().map_err(ClusterError::file(path))?;
    if is_root() {
        let (uid, gid) = postgres_ids()?;
        fchown(&file, Some(uid), Some(gid)).map_err(ClusterError::file(path))?;
    }
    Ok(())
}

/// The cluster's own folder when it is short enough, else a private one with a name made from it.
pub(crate) fn socket_folder(folder: &Path) -> Result<PathBuf, ClusterError> {
    let own = folder.join("socket");
    let chosen = if own.as_os_str().len() <= MAX_SOCKET_FOLDER {
        own
    } else {
        // Anybody can know this name, and may have been here before us.
        let digest = hex::encode(&Sha256::digest(folder.as_os_str().as_encoded_bytes())[..8]);
        std::env::temp_dir().join(format!("remotegpu-pg-{digest}"))
    };
    if chosen.as_os_str().len() > MAX_SOCKET_FOLDER {
        return Err(ClusterError::SocketPath { path: chosen });
    }
    private_folder(&chosen)?;
    if is_root() {
        give_to_postgres(&chosen)?;
    }
    Ok(chosen)
}

/// Makes the folder, or finds out that it is ours and nobody else's.
fn private_folder(path: &Path) -> Result<(), ClusterError> {
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(ClusterError::file(path)(error)),
        _ => {}
    }
    let found = std::fs::symlink_metadata(path).map_err(ClusterError::file(path))?;
    let owner = found.uid();
    let ours = own_uid() == Some(owner) || (is_root() && owner == postgres_ids()?.0);
    if found.is_dir() && ours && found.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(ClusterError::NotPrivate { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_a_folder_of_ours_that_is_closed_to_others_is_used() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        private_folder(&at("new")).unwrap();
        assert_eq!(mode(&at("new")), 0o700);
        private_folder(&at("new")).unwrap();

        std::fs::set_permissions(at("new"), std::fs::Permissions::from_mode(0o750)).unwrap();
        assert!(matches!(private_folder(&at("new")), Err(ClusterError::NotPrivate { .. })), "open to a group");
        std::fs::create_dir(at("target")).unwrap();
        std::fs::set_permissions(at("target"), std::fs::Permissions::from_mode(0o700)).unwrap();
        symlink(at("target"), at("link")).unwrap();
        assert!(matches!(private_folder(&at("link")), Err(ClusterError::NotPrivate { .. })), "a link");
        std::fs::write(at("file"), "").unwrap();
        assert!(matches!(private_folder(&at("file")), Err(ClusterError::NotPrivate { .. })), "no folder");
        if is_root() {
            private_folder(&at("theirs")).unwrap();
            chown(at("theirs"), Some(12_345), None).unwrap();
            assert!(matches!(private_folder(&at("theirs")), Err(ClusterError::NotPrivate { .. })), "somebody else's");
            give_to_postgres(&at("theirs")).unwrap();
            private_folder(&at("theirs")).unwrap();
        }
    }

    #[test]
    fn nothing_is_given_away_or_written_through_a_link() {
        let temp = tempfile::tempdir().unwrap();
        let (precious, link) = (temp.path().join("precious"), temp.path().join("link"));
        std::fs::write(&precious, "mine").unwrap();
        symlink(&precious, &link).unwrap();
        if is_root() {
            give_to_postgres(&link).unwrap();
            assert_eq!(std::fs::symlink_metadata(&precious).unwrap().uid(), 0);
        }
        if is_root() || postgres_ids().is_ok() {
            write_for_postgres(&link, "secret").unwrap();
            assert_eq!(std::fs::read_to_string(&precious).unwrap(), "mine");
            assert_eq!((std::fs::read_to_string(&link).unwrap().as_str(), mode(&link)), ("secret", 0o600));
        }
    }
}

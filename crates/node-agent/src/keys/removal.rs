//! Taking the agent's lines away again. What hinders writing must not keep anybody's key in force: sshd takes every line it can
//! read, whatever the file and its folders look like, and who was let in may have made them look so.
//!
//! Invariants: everything is done with the account's own rights, so that following its links does nothing that it could not do
//! itself; a file without a line of the agent's is not changed, and what had to be allowed to look at it is as it was after; what
//! is others' stays in force where there is any way. Where a file cannot be replaced its lines are written over where they stand,
//! which takes no room; where that fails, too, it is set aside whole.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmod, fchmodat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use node_protocol::HostKeysFault;

use super::file::{self, Account, FILE, FOLDER, Found, Hindered, Known, SECOND, TRIES};

/// Longest file whose others are left where they are, bytes; what is longer is set aside.
const MAX_LOOKED_AT: u64 = 8 << 20;
/// How a file is called that could not be changed.
const ASIDE: &str = "set-aside-by-remotegpu";

/// Takes away all of the agent's lines but these, and says what then stands there.
///
/// # Errors
/// What hinders it.
pub fn remove(account: &Account, stay: &[String]) -> Result<Found, Hindered> {
    let Some((_home, mut folder)) = folder(account)? else { return Ok(Found::default()) };
    let left = without(account, &mut folder, FILE, stay);
    // Nothing of the agent's belongs there; each is tried, whatever the other is like.
    without(account, &mut folder, SECOND, &[])?;
    left.map(|left| file::found(&left))
}

/// Takes the agent's lines out of the second file that sshd reads.
///
/// # Errors
/// What hinders it.
pub fn clear_second(account: &Account) -> Result<(), Hindered> {
    let Some((_home, mut folder)) = folder(account)? else { return Ok(()) };
    without(account, &mut folder, SECOND, &[]).map(|_| ())
}

/// Lines that are not marked as the agent's, in both files that sshd reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// Keys that the agent kept, each once: somebody wrote them down as their own.
    pub known: Vec<String>,
    /// How many others.
    pub count: usize,
}

/// See [`Others`].
///
/// # Errors
/// They cannot be looked at.
pub fn others(account: &Account, known: &[String]) -> Result<Others, Hindered> {
    let mut others = Others::default();
    let Some((_home, folder)) = folder(account)? else { return Ok(others) };
    for name in [FILE, SECOND] {
        let Some(there) = seen(&folder, name)? else { continue };
        note(&there.bytes, known, &mut others);
    }
    Ok(others)
}

/// Those of one file.
pub(super) fn note(bytes: &[u8], known: &[String], others: &mut Others) {
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| file::is_others(line)) {
        let text = String::from_utf8_lossy(line);
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let is_there = |key: &&String| key.split_once(' ').is_some_and(|(_, key)| words.contains(&key));
        match known.iter().find(is_there) {
            Some(key) if others.known.contains(key) => {}
            Some(key) => others.known.push(key.clone()),
            None => others.count += 1,
        }
    }
}

/// Something open of the account's. What it had to be allowed for that, it is not any more after.
struct Held {
    file: File,
    before: Option<Mode>,
}

impl Held {
    fn at<Fd: AsFd + Copy>(folder: Fd, name: &Path, flags: OFlag) -> Result<Self, Errno> {
        let open = || openat(folder, name, flags | OFlag::O_CLOEXEC, Mode::empty());
        let (opened, before) = match open() {
            // Its owner may look at it all the same.
            Err(Errno::EACCES) => {
                let before = Mode::from_bits_truncate(fstatat(folder, name, AtFlags::empty())?.st_mode);
                fchmodat(folder, name, before | Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
                (open()?, Some(before))
            }
            opened => (opened?, None),
        };
        Ok(Self { file: File::from(opened), before })
    }

    /// What is in this folder may be changed by its owner.
    fn allow(&mut self) {
        let Ok(facts) = self.file.metadata() else { return };
        let mode = Mode::from_bits_truncate(facts.mode());
        // Where it is another's, what is tried next says so.
        if !mode.contains(Mode::S_IRWXU) && fchmod(&self.file, mode | Mode::S_IRWXU).is_ok() {
            self.before.get_or_insert(mode);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            let _ = fchmod(&self.file, before);
        }
    }
}

/// The home, and `~/.ssh` in it as sshd finds it, through links; none where sshd finds none.
fn folder(account: &Account) -> Result<Option<(Held, Held)>, Hindered> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
    // One that does not open was not looked at: it may be on a disk that is not mounted now.
    let mut home = Held::at(AT_FDCWD, &account.home, flags).map_err(|error| file::of_home(account, error))?;
    let mut opened = Held::at(&home.file, Path::new(FOLDER), flags);
    if matches!(opened, Err(Errno::EACCES)) {
        home.allow();
        opened = Held::at(&home.file, Path::new(FOLDER), flags);
    }
    match opened {
        Ok(folder) => Ok(Some((home, folder))),
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => {
            let owner = home.file.metadata().map_err(file::of_io)?.uid();
            if owner == account.uid.as_raw() {
                return Ok(None);
            }
            let place = account.home.display();
            Err((HostKeysFault::Account, format!("{place} is another account's and empty of keys: is it mounted?")))
        }
        Err(error) => Err(file::at("~/.ssh", error)),
    }
}

/// A file as it was read, through links.
struct Seen {
    held: Held,
    known: Known,
    mode: u32,
    bytes: Vec<u8>,
}

fn seen(folder: &Held, name: &str) -> Result<Option<Seen>, Hindered> {
    // Without waiting: it may be a pipe.
    let held = match Held::at(&folder.file, Path::new(name), OFlag::O_RDONLY | OFlag::O_NONBLOCK) {
        Ok(held) => held,
        Err(Errno::ENOENT | Errno::ELOOP | Errno::ENXIO) => return Ok(None),
        Err(error) => return Err(file::at(name, error)),
    };
    let (known, facts) = file::known(&held.file)?;
    // sshd reads nothing else.
    if !facts.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    if facts.len() <= MAX_LOOKED_AT {
        (&held.file).take(MAX_LOOKED_AT).read_to_end(&mut bytes).map_err(file::of_io)?;
    }
    let mode = held.before.map_or(facts.mode(), |before| before.bits()) & 0o755;
    Ok(Some(Seen { held, known, mode, bytes }))
}

/// What is in that file when nothing of the agent's is in it any more but what stays.
fn without(account: &Account, folder: &mut Held, name: &str, stay: &[String]) -> Result<Vec<u8>, Hindered> {
    for _ in 0..TRIES {
        let Some(before) = seen(folder, name)? else { return Ok(Vec::new()) };
        let large = before.held.file.metadata().map_err(file::of_io)?.len() > MAX_LOOKED_AT;
        let goes = |line: &[u8]| file::is_ours(line) && !file::is_one_of(line, stay);
        let lines = before.bytes.split_inclusive(|byte| *byte == b'\n');
        let wanted = lines.filter(|line| !goes(line)).collect::<Vec<_>>().concat();
        if wanted == before.bytes && !large {
            return Ok(wanted);
        }
        folder.allow();
        if large {
            set_aside(&folder.file, name)?;
            continue;
        }
        let still = || Ok(seen(folder, name)?.map(|now| now.known));
        let place = file::Place { account, folder: &folder.file, name };
        let done = file::replace(&place, (Some(before.known), before.mode), &wanted, still);
        if let Err(hindered) = done
            && write_over(folder, name, &before, goes).is_err()
        {
            tracing::warn!("{name} could neither be replaced nor written over ({}): it is set aside", hindered.1);
            set_aside(&folder.file, name)?;
        }
    }
    Err((HostKeysFault::Io, format!("{name} changes all the time")))
}

/// Makes comments of the lines where they stand.
fn write_over(folder: &Held, name: &str, before: &Seen, goes: impl Fn(&[u8]) -> bool) -> Result<(), Hindered> {
    let held = Held::at(&folder.file, Path::new(name), OFlag::O_WRONLY | OFlag::O_NONBLOCK);
    let held = held.map_err(|error| file::at(name, error))?;
    let (known, facts) = file::known(&held.file)?;
    // Its number and length: that it had to be allowed changed its time.
    if !facts.is_file() || (known.0, known.1) != (before.known.0, before.known.1) {
        return Ok(());
    }
    let mut offset = 0;
    for line in before.bytes.split_inclusive(|byte| *byte == b'\n') {
        if goes(line) {
            let length = line.strip_suffix(b"\n").unwrap_or(line).len();
            held.file.write_all_at(&vec![b'#'; length], offset).map_err(file::of_io)?;
        }
        offset += line.len() as u64;
    }
    held.file.sync_all().map_err(file::of_io)
}

/// Out of sshd's sight, and where that fails gone.
fn set_aside(folder: &File, name: &str) -> Result<(), Hindered> {
    let aside = format!("{name}.{ASIDE}");
    renameat(folder, name, folder, aside.as_str())
        .or_else(|_| unlinkat(folder, name, UnlinkatFlags::NoRemoveDir))
        .map_err(|error| file::at(name, error))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;

    use nix::unistd::{Gid, Uid, getegid, geteuid};

    use super::file::{MARK, keep};
    use super::*;

    const A: &str = "ssh-ed25519 AAAA";
    const THEIRS: &str = "ssh-rsa CCCC me@home\n";

    struct Host {
        home: tempfile::TempDir,
        account: Account,
    }

    impl Host {
        /// With a line of the agent's and one of somebody else's; of an account that is not root's where this is, so that
        /// modes count.
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let (uid, gid) = match geteuid().is_root() {
                true => (Uid::from_raw(65_534), Gid::from_raw(65_534)),
                false => (geteuid(), getegid()),
            };
            nix::unistd::chown(home.path(), Some(uid), Some(gid)).unwrap();
            let host = Self { account: Account { uid, gid, home: home.path().to_owned() }, home };
            assert_eq!(keep(&host.account, &[A.to_owned()]).unwrap().keys, [A]);
            let text = format!("{}{THEIRS}", fs::read_to_string(host.file()).unwrap());
            fs::write(host.file(), text).unwrap();
            host
        }

        fn folder(&self) -> PathBuf {
            self.home.path().join(FOLDER)
        }

        fn file(&self) -> PathBuf {
            self.folder().join(FILE)
        }

        fn chmod(&self, place: &Path, mode: u32) {
            fs::set_permissions(place, fs::Permissions::from_mode(mode)).unwrap();
        }

        /// Nothing can be put in the place of the file: what is written meanwhile has a folder of somebody's in its place.
        fn hinder(&self) {
            fs::create_dir_all(self.folder().join(".authorized_keys.remotegpu/full")).unwrap();
        }

        /// The agent's line is gone from where sshd reads, and the other is there.
        fn is_clean(&self, what: &str) {
            let there = keep(&self.account, &[]);
            assert_eq!(there, Ok(Found { keys: Vec::new(), others: 1 }), "{what}");
            let text = fs::read_to_string(self.file()).unwrap();
            assert!(!text.contains(MARK) && text.ends_with(THEIRS), "{what}: {text}");
        }
    }

    #[test]
    fn what_hinders_writing_keeps_no_key() {
        for (place, mode) in [(".ssh", 0o500), (".ssh", 0o000), (".ssh/authorized_keys", 0o400), (".", 0o500)] {
            let host = Host::new();
            let place = host.home.path().join(place);
            host.chmod(&place, mode);
            let there = keep(&host.account, &[]);
            assert_eq!(there, Ok(Found { keys: Vec::new(), others: 1 }), "{}", place.display());
            assert_eq!(fs::metadata(&place).unwrap().mode() & 0o777, mode, "as it was: {}", place.display());
            host.chmod(&place, 0o700);
            host.is_clean("modes");
        }
        // A second name of the file.
        let host = Host::new();
        fs::hard_link(host.file(), host.home.path().join("second")).unwrap();
        host.is_clean("a second name");
        // More comments than are read where keys are put.
        let host = Host::new();
        let comments = "# nothing\n".repeat(200_000);
        let text = format!("{comments}{}", fs::read_to_string(host.file()).unwrap());
        fs::write(host.file(), text).unwrap();
        host.is_clean("comments");
    }

    #[test]
    fn a_home_that_is_not_there_was_not_looked_at() {
        let mut host = Host::new();
        let away = host.home.path().join("away");
        host.account.home.clone_from(&away);
        assert_eq!(keep(&host.account, &[]).unwrap_err().0, HostKeysFault::Account);
        // As root alone can: where it is mounted there is an empty folder of root's.
        if geteuid().is_root() {
            fs::create_dir(&away).unwrap();
            assert_eq!(keep(&host.account, &[]).unwrap_err().0, HostKeysFault::Account);
            nix::unistd::chown(&away, Some(host.account.uid), None).unwrap();
            assert_eq!(keep(&host.account, &[]), Ok(Found::default()));
        }
    }

    #[test]
    fn links_keep_no_key() {
        // The file is a link: the others' lines stand in its place then.
        let host = Host::new();
        fs::rename(host.file(), host.home.path().join("elsewhere")).unwrap();
        symlink("../elsewhere", host.file()).unwrap();
        host.is_clean("a link");
        // The folder is one.
        let host = Host::new();
        fs::rename(host.folder(), host.home.path().join("elsewhere")).unwrap();
        symlink("elsewhere", host.folder()).unwrap();
        host.is_clean("a folder that is a link");
        // Links of others are left alone.
        let host = Host::new();
        fs::remove_file(host.file()).unwrap();
        fs::write(host.home.path().join("elsewhere"), THEIRS).unwrap();
        symlink("../elsewhere", host.file()).unwrap();
        host.is_clean("nothing of the agent's");
        assert!(fs::symlink_metadata(host.file()).unwrap().is_symlink());
    }

    #[test]
    fn where_nothing_can_be_written_anew_lines_are_written_over() {
        let host = Host::new();
        host.hinder();
        let before = fs::metadata(host.file()).unwrap();
        host.is_clean("written over");
        let after = fs::metadata(host.file()).unwrap();
        assert_eq!((before.ino(), before.len()), (after.ino(), after.len()), "where it stands, and without room");
        // What stays, stays: of two people one left.
        let host = Host::new();
        let two = [A.to_owned(), "ssh-rsa BBBB".to_owned()];
        keep(&host.account, &two).unwrap();
        host.hinder();
        assert!(keep(&host.account, &two[..1]).is_err());
        let left = fs::read_to_string(host.file()).unwrap();
        assert!(left.contains(A) && !left.contains("BBBB"), "{left}");
        // Also with another end of the time than there was.
        let host = Host::new();
        let until = |year: u32| vec![format!("expiry-time=\"{year}01010000Z\" {A}")];
        keep(&host.account, &until(2027)).unwrap();
        host.hinder();
        assert!(keep(&host.account, &until(2028)).is_err());
        let left = fs::read_to_string(host.file()).unwrap();
        assert!(left.contains("\"202701010000Z\" "), "{left}");
    }

    #[test]
    fn what_cannot_be_written_at_all_is_set_aside() {
        // A file of more bytes than anybody's keys have.
        let host = Host::new();
        fs::OpenOptions::new().write(true).open(host.file()).unwrap().set_len(MAX_LOOKED_AT + 1).unwrap();
        assert_eq!(keep(&host.account, &[]), Ok(Found::default()));
        assert!(!host.file().exists() && host.folder().join(format!("{FILE}.{ASIDE}")).exists());
        // As root alone can: a file of root's in the account's folder.
        if !geteuid().is_root() {
            return;
        }
        let host = Host::new();
        host.hinder();
        nix::unistd::chown(&host.file(), Some(Uid::from_raw(0)), None).unwrap();
        host.chmod(&host.file(), 0o644);
        assert_eq!(keep(&host.account, &[]), Ok(Found::default()));
        assert!(!host.file().exists());
    }
}

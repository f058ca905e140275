//! An account's `authorized_keys`, of which the lines that end in [`MARK`] are the agent's.
//!
//! Invariants: the account decides what stands at this place, and may be hostile: every step is done with the account's own
//! rights, from folder to folder without following links, and a file that is not the account's alone is not touched; other
//! lines stay byte by byte as they are; the file is replaced whole or not at all, whenever this process dies. Where lines cannot
//! be put there, those that are to go are taken away all the same ([`super::removal`]).

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, renameat};
use nix::sys::stat::{Mode, fchmod, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, User, geteuid, setfsgid, setfsuid, unlinkat};
use node_protocol::HostKeysFault;

use super::removal::{self, Others};

/// Ends each line that is the agent's.
pub const MARK: &str = "kept-by-remotegpu-agent";
const NOTE: &str = "# Of who has this machine now; put here and removed again by RemoteGPU:";
pub(super) const FOLDER: &str = ".ssh";
pub(super) const FILE: &str = "authorized_keys";
/// What sshd reads besides where nothing else is set.
pub(super) const SECOND: &str = "authorized_keys2";
/// What is being written, until it takes the file's place.
const HALF: &str = ".authorized_keys.remotegpu";
/// Longest file that is read, bytes.
const MAX_FILE: u64 = 1 << 20;
/// Tries while somebody else writes the file, too.
pub(super) const TRIES: usize = 5;

/// What hinders it, and what the host said.
pub type Hindered = (HostKeysFault, String);

/// An account of this host.
#[derive(Debug, Clone)]
pub struct Account {
    pub uid: Uid,
    pub gid: Gid,
    pub home: PathBuf,
}

impl Account {
    /// As the host knows it; none where it says that there is none, which it also says while a directory of accounts is away.
    ///
    /// # Errors
    /// The host cannot say, or the account has no home folder.
    pub fn of(name: &str) -> Result<Option<Self>, Hindered> {
        match User::from_name(name) {
            Ok(None) => Ok(None),
            Ok(Some(user)) if user.dir.is_absolute() => Ok(Some(Self { uid: user.uid, gid: user.gid, home: user.dir })),
            Ok(Some(_)) => Err((HostKeysFault::Account, "it has no home folder".to_owned())),
            Err(error) => Err((HostKeysFault::Account, format!("the host cannot say whether there is one: {error}"))),
        }
    }
}

/// What stands there.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The agent's, each `algorithm base64`.
    pub keys: Vec<String>,
    /// How many others.
    pub others: usize,
}

/// Makes these the agent's lines, and says what then stands there.
///
/// # Errors
/// What hinders it; none of the agent's other lines is there then, unless that is hindered, too.
pub fn keep(account: &Account, lines: &[String]) -> Result<Found, Hindered> {
    let _rights = Rights::of(account)?;
    if lines.is_empty() {
        return removal::remove(account, &[]);
    }
    let done = put(account, lines).and_then(|found| removal::clear_second(account).map(|()| found));
    done.map_err(|(fault, detail)| {
        // Of a place that is not the account's alone nothing is promised, and nothing is left there.
        let stay = if fault == HostKeysFault::Unsafe { &[] } else { lines };
        match removal::remove(account, stay) {
            Ok(_) => (fault, detail),
            Err((_, more)) => (fault, format!("{detail}; what is to go could not be taken away: {more}")),
        }
    })
}

/// What stands there that is not marked as the agent's, and which of these keys it lets in.
///
/// # Errors
/// It cannot be looked at.
pub fn others(account: &Account, known: &[String]) -> Result<Others, Hindered> {
    let _rights = Rights::of(account)?;
    removal::others(account, known)
}

fn put(account: &Account, lines: &[String]) -> Result<Found, Hindered> {
    let folder = folder(account)?;
    // sshd reads nothing that others can write.
    if folder.metadata().map_err(of_io)?.mode() & 0o022 != 0 {
        return Err((HostKeysFault::Unsafe, "others may write to ~/.ssh".to_owned()));
    }
    let still = || opened(&folder)?.map(|file| known(&file)).transpose().map(|now| now.map(|(known, _)| known));
    let place = Place { account, folder: &folder, name: FILE };
    for _ in 0..TRIES {
        let before = Read::of(account, &folder)?;
        let wanted = rebuilt(&before.bytes, lines);
        // A file that others may write to is replaced by one that sshd reads.
        if wanted == before.bytes && !before.loose {
            return Ok(found(&wanted));
        }
        replace(&place, (before.known, before.mode), &wanted, still)?;
    }
    Err((HostKeysFault::Io, format!("{FILE} changes all the time")))
}

/// The account's rights on files for this thread, and for as long as this lives.
struct Rights {
    before: Option<(Uid, Gid)>,
}

impl Rights {
    fn of(account: &Account) -> Result<Self, Hindered> {
        if geteuid() == account.uid {
            return Ok(Self { before: None });
        }
        // The group first: it is the user's rights that let a thread change them.
        let gid = setfsgid(account.gid);
        let uid = setfsuid(account.uid);
        let rights = Self { before: Some((uid, gid)) };
        // Neither says whether it was done: what is asked for next, and is nobody's, changes nothing and says what is.
        let nobody = u32::MAX;
        if (setfsuid(Uid::from_raw(nobody)), setfsgid(Gid::from_raw(nobody))) != (account.uid, account.gid) {
            return Err((HostKeysFault::Permission, "the agent runs neither as root nor as that account".to_owned()));
        }
        Ok(rights)
    }
}

impl Drop for Rights {
    fn drop(&mut self) {
        if let Some((uid, gid)) = self.before {
            setfsuid(uid);
            setfsgid(gid);
        }
    }
}

/// `~/.ssh`; made where there is none.
fn folder(account: &Account) -> Result<File, Hindered> {
    let of_folder = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let home = File::from(open(&account.home, of_folder, Mode::empty()).map_err(|error| of_home(account, error))?);
    // sshd takes no key then, wherever else it is right.
    if home.metadata().map_err(of_io)?.mode() & 0o022 != 0 {
        return Err((
            HostKeysFault::Unsafe,
            "others may write to the home folder, so that sshd takes no key".to_owned(),
        ));
    }
    let inner = || openat(&home, FOLDER, of_folder | OFlag::O_NOFOLLOW, Mode::empty());
    let opened = match inner() {
        Err(Errno::ENOENT) => {
            match mkdirat(&home, FOLDER, Mode::from_bits_truncate(0o700)) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(error) => return Err(at("~/.ssh", error)),
            }
            inner()
        }
        opened => opened,
    };
    let folder = File::from(opened.map_err(|error| match error {
        Errno::ELOOP | Errno::ENOTDIR => (HostKeysFault::Unsafe, "~/.ssh is no folder, or a link".to_owned()),
        error => at("~/.ssh", error),
    })?);
    if folder.metadata().map_err(of_io)?.uid() != account.uid.as_raw() {
        return Err((HostKeysFault::Unsafe, "~/.ssh is another account's".to_owned()));
    }
    Ok(folder)
}

/// Why a home does not open.
pub(super) fn of_home(account: &Account, error: Errno) -> Hindered {
    let kind = match error {
        Errno::EACCES | Errno::EPERM => HostKeysFault::Permission,
        _ => HostKeysFault::Account,
    };
    (kind, format!("{}: {error}", account.home.display()))
}

/// The file as it was read.
struct Read {
    bytes: Vec<u8>,
    /// By what it is known that nobody changed it since; none where there is no file.
    known: Option<Known>,
    mode: u32,
    /// Others may write to it.
    loose: bool,
}

pub(super) type Known = (u64, u64, i64, i64);

pub(super) fn known(file: &File) -> Result<(Known, std::fs::Metadata), Hindered> {
    let facts = file.metadata().map_err(of_io)?;
    Ok(((facts.ino(), facts.size(), facts.ctime(), facts.ctime_nsec()), facts))
}

impl Read {
    fn of(account: &Account, folder: &File) -> Result<Self, Hindered> {
        let Some(file) = opened(folder)? else {
            return Ok(Self { bytes: Vec::new(), known: None, mode: 0o600, loose: false });
        };
        let (known, facts) = known(&file)?;
        // A second name for somebody else's file, which this one would take over.
        if !facts.is_file() || facts.uid() != account.uid.as_raw() || facts.nlink() != 1 {
            return Err((HostKeysFault::Unsafe, format!("~/.ssh/{FILE} is not a file of that account alone")));
        }
        if facts.size() > MAX_FILE {
            return Err((HostKeysFault::Unsafe, format!("~/.ssh/{FILE} has {} bytes", facts.size())));
        }
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(of_io)?;
        let mode = facts.permissions().mode();
        Ok(Self { bytes, known: Some(known), mode: mode & 0o755, loose: mode & 0o022 != 0 })
    }
}

fn opened(folder: &File) -> Result<Option<File>, Hindered> {
    // Without waiting: it may be a pipe.
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    match openat(folder, FILE, flags, Mode::empty()) {
        Ok(file) => Ok(Some(File::from(file))),
        Err(Errno::ENOENT) => Ok(None),
        Err(Errno::ELOOP) => Err((HostKeysFault::Unsafe, format!("~/.ssh/{FILE} is a link"))),
        Err(error) => Err(at(FILE, error)),
    }
}

/// Where a file is replaced.
pub(super) struct Place<'a> {
    pub account: &'a Account,
    pub folder: &'a File,
    pub name: &'a str,
}

/// Puts `wanted` in the file's place, with this mode, unless somebody changed it meanwhile: `still` says how it is known then.
pub(super) fn replace(
    place: &Place<'_>,
    (known, mode): (Option<Known>, u32),
    wanted: &[u8],
    still: impl FnOnce() -> Result<Option<Known>, Hindered>,
) -> Result<(), Hindered> {
    let done = write_half(place, mode, wanted).and_then(|()| {
        if still()? == known {
            renameat(place.folder, HALF, place.folder, place.name).map_err(|error| at(place.name, error))?;
        }
        place.folder.sync_all().map_err(of_io)
    });
    // Half of it is nothing, and takes room that may be what is short.
    if done.is_err() {
        let _ = unlinkat(place.folder, HALF, UnlinkatFlags::NoRemoveDir);
    }
    done
}

fn write_half(place: &Place<'_>, mode: u32, wanted: &[u8]) -> Result<(), Hindered> {
    let folder = place.folder;
    match unlinkat(folder, HALF, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(error) => return Err(at(HALF, error)),
    }
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let half: OwnedFd =
        openat(folder, HALF, flags, Mode::from_bits_truncate(0o600)).map_err(|error| at(HALF, error))?;
    let mut half = File::from(half);
    half.write_all(wanted).map_err(of_io)?;
    fchmod(&half, Mode::from_bits_truncate(mode)).map_err(|error| at(HALF, error))?;
    half.sync_all().map_err(of_io)?;
    if half.metadata().map_err(of_io)?.uid() != place.account.uid.as_raw() {
        return Err((HostKeysFault::Unsafe, "what is written in ~/.ssh is another account's".to_owned()));
    }
    Ok(())
}

/// Whether this is one of these lines of the agent's, or what it writes above them; another end of the time in it makes it no
/// other: whoever has a full disk and a longer lease has to get in to make room.
pub(super) fn is_one_of(line: &[u8], lines: &[String]) -> bool {
    let text = std::str::from_utf8(line.trim_ascii_end()).ok().and_then(|text| text.strip_suffix(MARK));
    let Some(text) = text.map(str::trim_end) else { return false };
    !lines.is_empty() && (text == NOTE || lines.iter().any(|line| around_expiry(line) == around_expiry(text)))
}

/// What stands before and behind the end of the time.
fn around_expiry(text: &str) -> (&str, &str) {
    let around = text.split_once("expiry-time=\"").and_then(|(before, rest)| Some((before, rest.split_once('"')?.1)));
    around.unwrap_or((text, ""))
}

pub(super) fn is_ours(line: &[u8]) -> bool {
    line.trim_ascii_end().ends_with(MARK.as_bytes())
}

/// The agent's lines first, so that what is the others' stays as it is, its end included.
pub(super) fn rebuilt(before: &[u8], lines: &[String]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(before.len());
    if !lines.is_empty() {
        bytes.extend_from_slice(format!("{NOTE} {MARK}\n").as_bytes());
    }
    for line in lines {
        bytes.extend_from_slice(format!("{line} {MARK}\n").as_bytes());
    }
    for line in before.split_inclusive(|byte| *byte == b'\n').filter(|line| !is_ours(line)) {
        bytes.extend_from_slice(line);
    }
    bytes
}

/// Whether this is a line of somebody else's that sshd takes for a key.
pub(super) fn is_others(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    !line.is_empty() && !line.starts_with(b"#") && !is_ours(line)
}

pub(super) fn found(bytes: &[u8]) -> Found {
    let mut found = Found::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        if is_others(line) {
            found.others += 1;
        }
        let text = String::from_utf8_lossy(line);
        if !is_ours(line) || text.trim().starts_with('#') {
            continue;
        }
        // Options, algorithm, key, mark: the options are the agent's own, and have no blanks.
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        if let [.., algorithm, key, _] = words[..] {
            found.keys.push(format!("{algorithm} {key}"));
        }
    }
    found
}

pub(super) fn at(what: &str, error: Errno) -> Hindered {
    let kind = match error {
        Errno::EACCES | Errno::EPERM => HostKeysFault::Permission,
        _ => HostKeysFault::Io,
    };
    (kind, format!("{what}: {error}"))
}

pub(super) fn of_io(error: io::Error) -> Hindered {
    (HostKeysFault::Io, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    const A: &str = "ssh-ed25519 AAAA";
    const B: &str = "expiry-time=\"202701010000Z\" ssh-rsa BBBB";

    fn own(home: &Path) -> Account {
        Account { uid: geteuid(), gid: nix::unistd::getegid(), home: home.to_owned() }
    }

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    fn file(home: &Path) -> PathBuf {
        home.join(FOLDER).join(FILE)
    }

    /// With a file of somebody's.
    fn home(content: &[u8]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(FOLDER)).unwrap();
        fs::set_permissions(home.path().join(FOLDER), fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(file(home.path()), content).unwrap();
        home
    }

    fn fault(account: &Account, wanted: &[&str]) -> HostKeysFault {
        keep(account, &lines(wanted)).unwrap_err().0
    }

    #[test]
    fn what_is_others_stays_byte_by_byte() {
        let theirs: &[u8] =
            b"# mine\r\n\nno-pty ssh-rsa CCCC me@home\n\xff\xfe bytes\nssh-ed25519 DDDD last without an end";
        let home = home(theirs);
        fs::set_permissions(file(home.path()), fs::Permissions::from_mode(0o640)).unwrap();
        let account = own(home.path());
        let there = keep(&account, &lines(&[A, B])).unwrap();
        assert_eq!(there, Found { keys: lines(&[A, "ssh-rsa BBBB"]), others: 3 });
        let text = fs::read(file(home.path())).unwrap();
        assert!(text.ends_with(theirs) && text.starts_with(b"# Of who has"), "{}", String::from_utf8_lossy(&text));
        assert_eq!(fs::metadata(file(home.path())).unwrap().mode() & 0o777, 0o640);
        // Again changes nothing, not even the file's number.
        let number = fs::metadata(file(home.path())).unwrap().ino();
        keep(&account, &lines(&[A, B])).unwrap();
        assert_eq!(fs::metadata(file(home.path())).unwrap().ino(), number);
        assert_eq!(keep(&account, &lines(&[A])).unwrap().keys, lines(&[A]));
        assert_eq!(keep(&account, &[]).unwrap(), Found { keys: Vec::new(), others: 3 });
        assert_eq!(fs::read(file(home.path())).unwrap(), theirs);
    }

    #[test]
    fn a_folder_is_made_for_keys_alone() {
        let home = tempfile::tempdir().unwrap();
        let account = own(home.path());
        assert_eq!(keep(&account, &[]).unwrap(), Found::default());
        assert!(!home.path().join(FOLDER).exists());
        keep(&account, &lines(&[A])).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&home.path().join(FOLDER)), mode(&file(home.path()))), (0o700, 0o600));
        let gone = own(&home.path().join("nowhere"));
        // A home that does not open was not looked at.
        assert_eq!((fault(&gone, &[]), fault(&gone, &[A])), (HostKeysFault::Account, HostKeysFault::Account));
    }

    #[test]
    fn links_and_what_is_not_the_accounts_alone_are_left_alone() {
        let outside = tempfile::tempdir().unwrap();
        let secret = outside.path().join("secret");
        fs::write(&secret, "secret").unwrap();
        // The file is a link.
        let there = home(b"");
        fs::remove_file(file(there.path())).unwrap();
        symlink(&secret, file(there.path())).unwrap();
        assert_eq!(fault(&own(there.path()), &[A]), HostKeysFault::Unsafe);
        // It is a second name of another file.
        let there = home(b"");
        fs::remove_file(file(there.path())).unwrap();
        fs::hard_link(&secret, there.path().join("elsewhere")).unwrap();
        fs::hard_link(&secret, file(there.path())).unwrap();
        assert_eq!(fault(&own(there.path()), &[A]), HostKeysFault::Unsafe);
        // The folder is a link.
        let linked = tempfile::tempdir().unwrap();
        symlink(outside.path(), linked.path().join(FOLDER)).unwrap();
        assert_eq!(fault(&own(linked.path()), &[A]), HostKeysFault::Unsafe);
        // It is a folder, or a pipe that nobody writes to.
        let there = home(b"");
        fs::remove_file(file(there.path())).unwrap();
        fs::create_dir(file(there.path())).unwrap();
        assert_eq!(fault(&own(there.path()), &[A]), HostKeysFault::Unsafe);
        fs::remove_dir(file(there.path())).unwrap();
        nix::unistd::mkfifo(&file(there.path()), Mode::from_bits_truncate(0o600)).unwrap();
        assert_eq!(fault(&own(there.path()), &[A]), HostKeysFault::Unsafe);
        // What is written is not written through a link that waits for it.
        let there = home(b"mine\n");
        symlink(&secret, there.path().join(FOLDER).join(HALF)).unwrap();
        keep(&own(there.path()), &lines(&[A])).unwrap();
        assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_others_write_to_gets_no_keys_and_keeps_none() {
        let home = home(b"mine\n");
        keep(&own(home.path()), &lines(&[A])).unwrap();
        fs::set_permissions(home.path().join(FOLDER), fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(fault(&own(home.path()), &[A]), HostKeysFault::Unsafe);
        assert_eq!(fs::read(file(home.path())).unwrap(), b"mine\n");
    }

    #[test]
    fn what_sshd_would_not_take_is_mended_or_said() {
        let home = home(b"mine\n");
        keep(&own(home.path()), &lines(&[A])).unwrap();
        let before = fs::read(file(home.path())).unwrap();
        // The right lines in a file that everybody may write to.
        fs::set_permissions(file(home.path()), fs::Permissions::from_mode(0o666)).unwrap();
        keep(&own(home.path()), &lines(&[A])).unwrap();
        assert_eq!(fs::metadata(file(home.path())).unwrap().mode() & 0o777, 0o644);
        assert_eq!(fs::read(file(home.path())).unwrap(), before);
        // A home that a group writes to is its owner's to mend.
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o775)).unwrap();
        assert_eq!(fault(&own(home.path()), &[A]), HostKeysFault::Unsafe);
        assert_eq!(fs::read(file(home.path())).unwrap(), b"mine\n");
        assert_eq!(keep(&own(home.path()), &[]).unwrap().others, 1);
    }

    #[test]
    fn what_a_killed_agent_left_half_written_is_nothing() {
        let home = home(b"mine\n");
        fs::write(home.path().join(FOLDER).join(HALF), "ssh-ed25519 half").unwrap();
        assert_eq!(keep(&own(home.path()), &lines(&[A])).unwrap().keys, lines(&[A]));
        assert!(!home.path().join(FOLDER).join(HALF).exists());
    }

    /// As root alone can: an account that owns nothing of what it points at.
    #[test]
    fn an_accounts_rights_are_all_there_are() {
        let nobody = Uid::from_raw(65_534);
        let home = tempfile::tempdir().unwrap();
        let account = Account { uid: nobody, gid: Gid::from_raw(65_534), home: home.path().to_owned() };
        // Another's folder: nobody may not even look into it.
        assert_eq!(fault(&account, &[A]), HostKeysFault::Permission);
        if !geteuid().is_root() {
            return;
        }
        nix::unistd::chown(home.path(), Some(nobody), None).unwrap();
        assert_eq!(keep(&account, &lines(&[A])).unwrap().keys, lines(&[A]));
        assert_eq!(fs::metadata(file(home.path())).unwrap().uid(), 65_534);
        // And this thread has its own again.
        fs::write(home.path().join("roots"), "x").unwrap();
        assert_eq!(fs::metadata(home.path().join("roots")).unwrap().uid(), 0);
        fs::set_permissions(home.path().join("roots"), fs::Permissions::from_mode(0o644)).unwrap();
        fs::remove_file(file(home.path())).unwrap();
        fs::rename(home.path().join("roots"), file(home.path())).unwrap();
        assert_eq!(fault(&account, &[A]), HostKeysFault::Unsafe);
    }
}

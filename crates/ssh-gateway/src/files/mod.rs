//! SFTP for images that have no program for it: the protocol here, the work by the instance's own shell.

pub(crate) mod shell;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use platform::Error;
use platform::instances::Visit;
use russh_sftp::protocol::{
    Attrs, Data, File, FileAttributes, Handle, Name, OpenFlags, Packet, Status, StatusCode, Version,
};
use russh_sftp::server::{Config, Handler, StatusReply};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use self::shell::{Fault, Shell};
use crate::channel::{FAILED, Start};
use crate::connection::Connection;
use crate::program::HangUp;

/// Most files that are open at a time.
const MOST_OPEN: usize = 256;
/// Names that are told at a time.
const NAMES: usize = 100;
/// Most bytes that are read at a time.
const MOST_READ: u32 = 128 << 10;
/// Largest message of a client.
const MAX_PACKET: u32 = 260 << 10;
/// Bytes on their way between the protocol and its channel.
const ON_THE_WAY: usize = 64 << 10;
/// An extension of OpenSSH: a name that is taken is taken over.
const POSIX_RENAME: &str = "posix-rename@openssh.com";

/// Serves files until the client is done.
pub(crate) async fn run(connection: &Arc<Connection>, visit: &Visit, start: &Start) -> Result<u32, Error> {
    let words = ["/bin/sh", "-c", shell::SERVE];
    let running = visit.run(connection.platform(), &words, &[], None).await?;
    let program = running.handle;
    let Ok((shell, home)) = Shell::begin(running.output, running.input).await else {
        start.say(&connection.words("ssh-no-sftp", &[])).await;
        return Ok(FAILED);
    };
    let (near, far) = tokio::io::duplex(ON_THE_WAY);
    let config = Config { max_client_packet_len: MAX_PACKET };
    russh_sftp::server::run_with_config(far, Files { shell, home, open: HashMap::new(), next: 0 }, config).await;
    let _hung_up = HangUp::new(connection, program);
    carry(connection, start, near).await;
    Ok(0)
}

async fn carry(connection: &Arc<Connection>, start: &Start, near: DuplexStream) {
    let (mut from, mut to) = tokio::io::split(near);
    let incoming = async {
        while let Some(bytes) = start.inbox.next().await {
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
        // What was asked for is still answered.
        std::future::pending::<()>().await;
    };
    let outgoing = async {
        let mut buffer = vec![0; ON_THE_WAY];
        while let Ok(n @ 1..) = from.read(&mut buffer).await {
            let starved = (start.writer.writable_packet_size().await == 0).then(|| connection.gate.starve());
            let sent = start.writer.data_bytes(Bytes::copy_from_slice(&buffer[..n])).await;
            drop(starved);
            if sent.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = incoming => {}
        () = outgoing => {}
    }
}

/// A client's files.
struct Files {
    shell: Shell,
    home: String,
    open: HashMap<String, Open>,
    next: u64,
}

enum Open {
    File { path: String, append: bool },
    Folder { rest: Vec<File> },
}

impl From<Fault> for StatusReply {
    fn from(fault: Fault) -> Self {
        let code = match fault {
            Fault::NotThere => StatusCode::NoSuchFile,
            Fault::Refused => StatusCode::PermissionDenied,
            Fault::Failed | Fault::Gone => StatusCode::Failure,
            Fault::Ended => StatusCode::Eof,
            Fault::Unknown => StatusCode::OpUnsupported,
        };
        code.into()
    }
}

fn done(id: u32) -> Status {
    Status { id, status_code: StatusCode::Ok, error_message: String::from("Ok"), language_tag: String::from("en") }
}

/// `mode size uid gid atime mtime`, the first in hex; and what follows.
pub(crate) fn attributes(line: &str) -> Option<(FileAttributes, &str)> {
    let mut words = line.splitn(7, ' ');
    let mode = u32::from_str_radix(words.next()?, 16).ok()?;
    let size = words.next()?.parse().ok()?;
    let (uid, gid) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let mut time = || Some(u32::try_from(words.next()?.parse::<i64>().ok()?).unwrap_or_default());
    let (atime, mtime) = (time()?, time()?);
    let attributes = FileAttributes {
        size: Some(size),
        uid: Some(uid),
        gid: Some(gid),
        permissions: Some(mode),
        atime: Some(atime),
        mtime: Some(mtime),
        ..FileAttributes::empty()
    };
    Some((attributes, words.next().unwrap_or_default()))
}

/// From the root on, without `.` and `..`.
pub(crate) fn absolute(home: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{home}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn mode(attrs: &FileAttributes) -> String {
    attrs.permissions.map_or_else(|| String::from("-"), |mode| format!("{:o}", mode & 0o7777))
}

impl Files {
    fn path(&self, path: &str) -> String {
        absolute(&self.home, path)
    }

    fn keep(&mut self, open: Open) -> Result<String, Fault> {
        if self.open.len() >= MOST_OPEN {
            return Err(Fault::Failed);
        }
        self.next += 1;
        let handle = self.next.to_string();
        self.open.insert(handle.clone(), open);
        Ok(handle)
    }

    fn file(&self, handle: &str) -> Result<(String, bool), Fault> {
        match self.open.get(handle) {
            Some(Open::File { path, append }) => Ok((path.clone(), *append)),
            _ => Err(Fault::Failed),
        }
    }

    async fn look(&mut self, what: &str, id: u32, path: &str) -> Result<Attrs, Fault> {
        let said = self.shell.ask(what, path, ["", ""]).await?.said;
        let (attrs, _) = attributes(&said).ok_or(Fault::Failed)?;
        Ok(Attrs { id, attrs })
    }

    async fn change(&mut self, id: u32, path: &str, attrs: &FileAttributes) -> Result<Status, Fault> {
        if let Some(size) = attrs.size {
            self.shell.ask("size", path, [&size.to_string(), ""]).await?;
        }
        if attrs.permissions.is_some() {
            self.shell.ask("mode", path, [&mode(attrs), ""]).await?;
        }
        if let (Some(uid), Some(gid)) = (attrs.uid, attrs.gid) {
            self.shell.ask("owner", path, [&format!("{uid}:{gid}"), ""]).await?;
        }
        if let Some(mtime) = attrs.mtime {
            self.shell.ask("time", path, [&mtime.to_string(), ""]).await?;
        }
        Ok(done(id))
    }

    async fn rename_to(&mut self, id: u32, from: &str, to: &str, how: &str) -> Result<Status, Fault> {
        let (from, to) = (self.path(from), self.path(to));
        self.shell.ask("rename", &from, [&to, how]).await?;
        Ok(done(id))
    }
}

/// Two texts, each behind its length.
pub(crate) fn two(data: &[u8]) -> Option<(String, String)> {
    let one = |data: &[u8]| -> Option<(String, usize)> {
        let length = u32::from_be_bytes(data.get(..4)?.try_into().ok()?) as usize;
        let text = data.get(4..4usize.checked_add(length)?)?;
        Some((String::from_utf8(text.to_vec()).ok()?, 4 + length))
    };
    let (first, used) = one(data)?;
    let (second, _) = one(data.get(used..)?)?;
    Some((first, second))
}

impl Handler for Files {
    type Error = Fault;

    fn unimplemented(&self) -> Fault {
        Fault::Unknown
    }

    async fn init(&mut self, _version: u32, _extensions: HashMap<String, String>) -> Result<Version, Fault> {
        let mut version = Version::new();
        version.extensions.insert(POSIX_RENAME.to_owned(), "1".to_owned());
        Ok(version)
    }

    async fn open(&mut self, id: u32, name: String, flags: OpenFlags, attrs: FileAttributes) -> Result<Handle, Fault> {
        let path = self.path(&name);
        let words = [
            (OpenFlags::READ, "r"),
            (OpenFlags::WRITE, "w"),
            (OpenFlags::CREATE, "c"),
            (OpenFlags::TRUNCATE, "t"),
            (OpenFlags::EXCLUDE, "x"),
        ];
        let words: String = words.into_iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, word)| word).collect();
        self.shell.ask("open", &path, [&words, &mode(&attrs)]).await?;
        let append = flags.contains(OpenFlags::APPEND);
        let handle = self.keep(Open::File { path, append })?;
        Ok(Handle { id, handle })
    }

    async fn close(&mut self, id: u32, handle: String) -> Result<Status, Fault> {
        self.open.remove(&handle).map(|_| done(id)).ok_or(Fault::Failed)
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Result<Data, Fault> {
        let (path, _) = self.file(&handle)?;
        let data = self.shell.read(&path, offset, len.clamp(1, MOST_READ) as usize).await?;
        if data.is_empty() { Err(Fault::Ended) } else { Ok(Data { id, data }) }
    }

    async fn write(&mut self, id: u32, handle: String, offset: u64, data: Vec<u8>) -> Result<Status, Fault> {
        let (path, append) = self.file(&handle)?;
        let at = match append {
            true => self.look("stat", id, &path).await?.attrs.size.unwrap_or_default(),
            false => offset,
        };
        self.shell.write(&path, at, &data).await?;
        Ok(done(id))
    }

    async fn lstat(&mut self, id: u32, path: String) -> Result<Attrs, Fault> {
        let path = self.path(&path);
        self.look("lstat", id, &path).await
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, Fault> {
        let path = self.path(&path);
        self.look("stat", id, &path).await
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Result<Attrs, Fault> {
        let (path, _) = self.file(&handle)?;
        self.look("stat", id, &path).await
    }

    async fn setstat(&mut self, id: u32, path: String, attrs: FileAttributes) -> Result<Status, Fault> {
        let path = self.path(&path);
        self.change(id, &path, &attrs).await
    }

    async fn fsetstat(&mut self, id: u32, handle: String, attrs: FileAttributes) -> Result<Status, Fault> {
        let (path, _) = self.file(&handle)?;
        self.change(id, &path, &attrs).await
    }

    async fn opendir(&mut self, id: u32, path: String) -> Result<Handle, Fault> {
        let path = self.path(&path);
        let answer = self.shell.ask("list", &path, ["", ""]).await?;
        let named = |line: &String| attributes(line).map(|(attrs, name)| File::new(name, attrs));
        let rest = answer.lines.iter().rev().filter_map(named).collect();
        let handle = self.keep(Open::Folder { rest })?;
        Ok(Handle { id, handle })
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Result<Name, Fault> {
        let Some(Open::Folder { rest }) = self.open.get_mut(&handle) else { return Err(Fault::Failed) };
        let from = rest.len().saturating_sub(NAMES);
        let files: Vec<_> = rest.drain(from..).rev().collect();
        if files.is_empty() { Err(Fault::Ended) } else { Ok(Name { id, files }) }
    }

    async fn remove(&mut self, id: u32, path: String) -> Result<Status, Fault> {
        let path = self.path(&path);
        self.shell.ask("remove", &path, ["", ""]).await?;
        Ok(done(id))
    }

    async fn mkdir(&mut self, id: u32, path: String, attrs: FileAttributes) -> Result<Status, Fault> {
        let path = self.path(&path);
        self.shell.ask("mkdir", &path, [&mode(&attrs), ""]).await?;
        Ok(done(id))
    }

    async fn rmdir(&mut self, id: u32, path: String) -> Result<Status, Fault> {
        let path = self.path(&path);
        self.shell.ask("rmdir", &path, ["", ""]).await?;
        Ok(done(id))
    }

    async fn realpath(&mut self, id: u32, path: String) -> Result<Name, Fault> {
        Ok(Name { id, files: vec![File::dummy(self.path(&path))] })
    }

    async fn rename(&mut self, id: u32, from: String, to: String) -> Result<Status, Fault> {
        self.rename_to(id, &from, &to, "").await
    }

    async fn readlink(&mut self, id: u32, path: String) -> Result<Name, Fault> {
        let path = self.path(&path);
        let to = self.shell.ask("readlink", &path, ["", ""]).await?.said;
        Ok(Name { id, files: vec![File::dummy(to)] })
    }

    /// OpenSSH sends what it leads to first, whatever the draft says.
    async fn symlink(&mut self, id: u32, to: String, link: String) -> Result<Status, Fault> {
        let link = self.path(&link);
        self.shell.ask("symlink", &link, [&to, ""]).await?;
        Ok(done(id))
    }

    async fn extended(&mut self, id: u32, request: String, data: Vec<u8>) -> Result<Packet, Fault> {
        match (request.as_str(), two(&data)) {
            (POSIX_RENAME, Some((from, to))) => self.rename_to(id, &from, &to, "over").await.map(Packet::Status),
            _ => Err(Fault::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_from_the_root() {
        for (path, whole) in [
            (".", "/root"),
            ("", "/root"),
            ("a/b", "/root/a/b"),
            ("../x", "/x"),
            ("/../../etc/./passwd", "/etc/passwd"),
            ("/a//b/", "/a/b"),
        ] {
            assert_eq!(absolute("/root", path), whole, "{path}");
        }
    }

    #[test]
    fn what_a_shell_says_of_a_file_is_read() {
        let (attrs, name) = attributes("81a4 12 0 1000 1700000000 -5 a b ").unwrap();
        assert_eq!((attrs.permissions, attrs.size, attrs.gid), (Some(0o100_644), Some(12), Some(1000)));
        assert_eq!((attrs.mtime, name), (Some(0), "a b "));
        assert!(attributes("").is_none() && attributes("zz 1 1 1 1 1").is_none());
        let packed = [&[0, 0, 0, 1][..], b"a", &[0, 0, 0, 2], b"bc"].concat();
        assert_eq!(two(&packed), Some(("a".to_owned(), "bc".to_owned())));
        assert_eq!(two(&packed[..6]), None);
        assert_eq!(two(&[0xff; 8]), None);
    }
}

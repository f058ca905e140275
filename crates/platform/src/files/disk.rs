//! The store: a folder per content, in it its parts, numbered. Servers of one installation share the directory.
//!
//! Invariants: a path is made of ids of ours, never of what somebody sent; a part has its name only when all of it is on
//! the disk, and its row is committed only after that; a folder that no row names is nobody's and is swept away.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use uuid::Uuid;

use crate::{Error, Result};

/// Bytes that are read, hashed and written at a time.
const STEP: usize = 512 << 10;
/// Bytes of the store's disk that no upload, and nothing that grows, takes.
pub(super) const KEPT_FREE: u64 = 2 << 30;
/// A body that stands still for so long is given up.
const STALLED: Duration = Duration::from_secs(60);

/// Where an installation's files lie.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// A part that was written under a name of its own, and is removed unless it is kept.
pub(super) struct Written {
    temporary: Option<PathBuf>,
    part: PathBuf,
    pub size: u64,
    pub sha256: [u8; 32],
}

/// Why a part was not written.
pub(super) enum Unwritten {
    /// What it was read from did not give it.
    Body(io::Error),
    Ours(Error),
}

impl From<Error> for Unwritten {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl Store {
    /// The store in this directory.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    fn folder(&self, key: Uuid) -> PathBuf {
        let name = key.simple().to_string();
        self.root.join(&name[..2]).join(name)
    }

    fn part(&self, key: Uuid, n: u32) -> PathBuf {
        self.folder(key).join(format!("{n:06}"))
    }

    /// Bytes that may still be stored: PostgreSQL may live on the same disk, and a full one stops it.
    pub(crate) async fn room(&self) -> Result<u64> {
        let root = self.root.clone();
        blocking(move || room_in(&root, KEPT_FREE)).await
    }

    /// The folder for new content, known to the disk before any row names it.
    pub(super) async fn create(&self, key: Uuid) -> Result<()> {
        let (root, folder) = (self.root.clone(), self.folder(key));
        blocking(move || {
            std::fs::create_dir_all(&folder)?;
            let above = folder.parent().unwrap_or(&root);
            sync_folder(above)?;
            sync_folder(&root)
        })
        .await
    }

    /// Takes a part in, at most `size` bytes of it in memory of a fixed size, and sees to it that the disk has it.
    ///
    /// # Errors
    /// `Validation` for a body that ends early, is longer, or stands still.
    pub(super) async fn write(
        &self,
        key: Uuid,
        n: u32,
        size: u64,
        body: &mut (impl AsyncRead + Unpin),
    ) -> Result<Written> {
        let part = self.part(key, n);
        let temporary = part.with_extension(Uuid::new_v4().simple().to_string());
        let path = temporary.clone();
        let mut written = Written { temporary: Some(temporary), part, size, sha256: [0; 32] };
        let mut to = Some((blocking(move || File::create_new(path)).await?, Sha256::new()));
        let mut left = size;
        let mut buffer = Vec::with_capacity(STEP);
        while left > 0 {
            fill(body, &mut buffer, left).await?;
            left -= buffer.len() as u64;
            let (mut file, mut hash) = to.take().ok_or_else(|| Error::internal("a part lost its file"))?;
            let done = blocking(move || {
                hash.update(&buffer);
                file.write_all(&buffer)?;
                Ok((file, hash, buffer))
            });
            let (file, hash, used) = done.await?;
            (to, buffer) = (Some((file, hash)), used);
        }
        end_of(body).await?;
        let (file, hash) = to.ok_or_else(|| Error::internal("a part lost its file"))?;
        blocking(move || file.sync_data()).await?;
        written.sha256 = hash.finalize().into();
        Ok(written)
    }

    /// Takes the next part of a body in whose end nobody knows: all of a part, or what is left, or nothing; in memory of a
    /// fixed size, and seen to it that the disk has it. `whole` is hashed on.
    pub(super) async fn write_next(
        &self,
        key: Uuid,
        (n, most): (u32, u64),
        body: &mut (impl AsyncRead + Unpin),
        mut whole: Sha256,
    ) -> Result<(Written, Sha256), Unwritten> {
        let part = self.part(key, n);
        let temporary = part.with_extension(Uuid::new_v4().simple().to_string());
        let path = temporary.clone();
        let mut written = Written { temporary: Some(temporary), part, size: 0, sha256: [0; 32] };
        let mut file = blocking(move || File::create_new(path)).await?;
        let mut buffer = Vec::with_capacity(STEP);
        while written.size < most {
            let wanted = (most - written.size).min(STEP as u64);
            buffer.clear();
            let mut piece = (&mut *body).take(wanted);
            while piece.limit() > 0 && piece.read_buf(&mut buffer).await.map_err(Unwritten::Body)? > 0 {}
            if buffer.is_empty() {
                break;
            }
            written.size += buffer.len() as u64;
            let done = blocking(move || {
                whole.update(&buffer);
                file.write_all(&buffer)?;
                Ok((file, whole, buffer))
            });
            (file, whole, buffer) = done.await?;
        }
        blocking(move || file.sync_data()).await?;
        Ok((written, whole))
    }

    /// The parts' bytes behind each other, as one file.
    pub(crate) fn open(&self, key: Uuid, size: u64, part_size: u64) -> Content {
        Content { store: self.clone(), key, size, part_size, at: 0, open: None }
    }

    /// Hashes a part on; refuses one that has not this size.
    pub(super) async fn hash_part(&self, key: Uuid, n: u32, size: u64, mut hash: Sha256) -> io::Result<Sha256> {
        let path = self.part(key, n);
        let read = move || {
            let mut file = File::open(path)?;
            let mut buffer = vec![0; STEP];
            let mut seen = 0;
            loop {
                match file.read(&mut buffer)? {
                    0 if seen == size => return Ok(hash),
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    count => {
                        seen += count as u64;
                        hash.update(&buffer[..count]);
                    }
                }
            }
        };
        tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
    }

    /// Removes content, what is left of it, or nothing.
    pub(super) async fn remove(&self, key: Uuid) -> Result<()> {
        let folder = self.folder(key);
        blocking(move || match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        })
        .await
    }

    /// Folders that nothing was written into for so long.
    pub(super) async fn older_than(&self, age: Duration) -> Result<Vec<Uuid>> {
        older_than(&self.root, age).await
    }

    /// Removes what writers that died left in a folder.
    pub(super) async fn remove_unfinished(&self, key: Uuid) -> Result<()> {
        let folder = self.folder(key);
        blocking(move || {
            for path in entries(&folder)? {
                if path.extension().is_some() {
                    std::fs::remove_file(path)?;
                }
            }
            Ok(())
        })
        .await
    }
}

impl Written {
    /// Gives it its name; what had it before is replaced.
    pub(super) async fn keep(mut self) -> Result<()> {
        let Some(from) = self.temporary.take() else { return Ok(()) };
        let to = self.part.clone();
        blocking(move || {
            std::fs::rename(from, &to)?;
            to.parent().map_or(Ok(()), sync_folder)
        })
        .await
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if let Some(path) = self.temporary.take() {
            // What stays is swept away with its folder.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Content of the store, to be read from anywhere in it. Reading blocks.
#[derive(Debug)]
pub struct Content {
    store: Store,
    key: Uuid,
    size: u64,
    part_size: u64,
    at: u64,
    open: Option<(u64, File)>,
}

impl Content {
    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The same once more, whoever reads this one.
    pub(crate) fn read_again(&self) -> Self {
        Self { store: self.store.clone(), key: self.key, size: self.size, part_size: self.part_size, at: 0, open: None }
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.size {
            return Ok(0);
        }
        let (n, within) = (self.at / self.part_size, self.at % self.part_size);
        let number = u32::try_from(n).map_err(io::Error::other)?;
        let file = match self.open.take() {
            Some((open, file)) if open == n => file,
            _ => File::open(self.store.part(self.key, number))?,
        };
        let (_, file) = self.open.insert((n, file));
        file.seek(SeekFrom::Start(within))?;
        let most = (self.part_size - within).min(self.size - self.at).min(buffer.len() as u64);
        let count = file.read(&mut buffer[..usize::try_from(most).map_err(io::Error::other)?])?;
        if count == 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Content {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// Fills the buffer with the next bytes, as many as it holds or as are left.
async fn fill(body: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>, left: u64) -> Result<()> {
    buffer.clear();
    let mut body = body.take(left.min(STEP as u64));
    loop {
        let read = tokio::time::timeout(STALLED, body.read_buf(buffer)).await;
        match read.map_err(|_| Error::field("body", "field-chunk-stalled"))? {
            Ok(0) if body.limit() == 0 => return Ok(()),
            Ok(0) | Err(_) => return Err(Error::field("body", "field-chunk-size")),
            Ok(_) if body.limit() == 0 => return Ok(()),
            Ok(_) => {}
        }
    }
}

/// Nothing may follow.
async fn end_of(body: &mut (impl AsyncRead + Unpin)) -> Result<()> {
    let mut more = [0];
    let read = tokio::time::timeout(STALLED, body.read(&mut more)).await;
    match read.map_err(|_| Error::field("body", "field-chunk-stalled"))? {
        Ok(0) => Ok(()),
        _ => Err(Error::field("body", "field-chunk-size")),
    }
}

/// Bytes that may be written below a folder beside those that are kept free there. Blocks.
pub(super) fn room_in(root: &Path, kept_free: u64) -> io::Result<u64> {
    // Before the first file there is none.
    std::fs::create_dir_all(root)?;
    let disk = nix::sys::statvfs::statvfs(root)?;
    Ok(disk.blocks_available().saturating_mul(disk.fragment_size()).saturating_sub(kept_free))
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let read = match std::fs::read_dir(folder) {
        // Nothing was ever stored, or another server was faster.
        Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => {
            return Ok(Vec::new());
        }
        other => other?,
    };
    read.map(|entry| Ok(entry?.path())).collect()
}

/// The keys of what lies in a store's folders and was not written into for so long.
pub(super) async fn older_than(root: &Path, age: Duration) -> Result<Vec<Uuid>> {
    let root = root.to_owned();
    blocking(move || {
        let before = SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut found = Vec::new();
        for above in entries(&root)? {
            for one in entries(&above)? {
                let key = one.file_name().and_then(|name| Uuid::try_parse(name.to_str()?).ok());
                let modified = std::fs::metadata(&one).and_then(|data| data.modified());
                if let (Some(key), Ok(modified)) = (key, modified)
                    && modified <= before
                {
                    found.push(key);
                }
            }
        }
        Ok(found)
    })
    .await
}

pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?.map_err(Error::internal)
}

//! Content that is read while it still grows: frames behind each other in one file, each after its length.
//!
//! Invariants: what was appended is there after this process is killed; a frame that was cut is the end; these files lie
//! apart from uploads, so that neither's clean-up sees the other's; as uploads, they leave room on the disk.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use uuid::Uuid;

use super::disk::{KEPT_FREE, Store, blocking, older_than, room_in, sync_folder};
use crate::{Error, Result};

/// Longest frame, bytes: what says to be longer was cut.
const MAX_FRAME: u32 = 4 << 20;

/// A folder of the store for content of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Growing {
    root: PathBuf,
    /// Bytes of its disk that are left free.
    kept_free: u64,
}

/// One that is written.
pub(crate) struct Appender {
    file: Option<File>,
    place: Growing,
}

/// One that is read.
pub(crate) struct Frames(BufReader<File>);

impl Store {
    /// Those of a kind.
    pub(crate) fn growing(&self, kind: &'static str) -> Growing {
        Growing { root: self.root().join(kind), kept_free: KEPT_FREE }
    }
}

impl Growing {
    fn path(&self, key: Uuid) -> PathBuf {
        let name = key.simple().to_string();
        self.root.join(&name[..2]).join(name)
    }

    /// Refuses what would take the room that is kept free. Blocks.
    fn fits(&self, bytes: usize) -> io::Result<()> {
        match room_in(&self.root, self.kept_free)? < bytes as u64 {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }

    /// A new one, empty, known to the disk.
    pub(crate) async fn begin(&self, key: Uuid) -> Result<Appender> {
        let (place, root, path) = (self.clone(), self.root.clone(), self.path(key));
        let file = blocking(move || {
            place.fits(1)?;
            let above = path.parent().unwrap_or(&root);
            std::fs::create_dir_all(above)?;
            let file = File::create_new(&path)?;
            sync_folder(above)?;
            sync_folder(&root)?;
            Ok(file)
        });
        Ok(Appender { file: Some(file.await?), place: self.clone() })
    }

    /// What is there of one; `None` where there is none.
    pub(crate) async fn open(&self, key: Uuid) -> Result<Option<Frames>> {
        let path = self.path(key);
        blocking(move || match File::open(path) {
            Ok(file) => Ok(Some(Frames(BufReader::new(file)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    /// Removes one, or nothing.
    pub(crate) async fn remove(&self, key: Uuid) -> Result<()> {
        let path = self.path(key);
        blocking(move || match std::fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        })
        .await
    }

    /// Those that nothing was written into for so long.
    pub(crate) async fn older_than(&self, age: Duration) -> Result<Vec<Uuid>> {
        older_than(&self.root, age).await
    }
}

impl Appender {
    /// Writes a frame behind the others, where it leaves room enough, and sees to it that the disk has it where that is asked
    /// for.
    pub(crate) async fn append(&mut self, frame: &[u8], sync: bool) -> Result<()> {
        let mut file = self.file.take().ok_or_else(|| Error::internal("a file was given up after an error"))?;
        let length = u32::try_from(frame.len()).ok().filter(|length| *length <= MAX_FRAME);
        let length = length.ok_or_else(|| Error::internal("a frame is too long"))?;
        // In one write, so that a reader sees it whole or not at all in all but the rarest cases.
        let bytes = [&length.to_le_bytes()[..], frame].concat();
        let place = self.place.clone();
        let written = blocking(move || {
            place.fits(bytes.len())?;
            file.write_all(&bytes)?;
            if sync {
                file.sync_data()?;
            }
            Ok(file)
        });
        self.file = Some(written.await?);
        Ok(())
    }
}

impl Frames {
    /// The next one; `None` at the end, or where it was cut. Blocks.
    pub(crate) fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut length = [0; 4];
        if !filled(self.0.read_exact(&mut length))? {
            return Ok(None);
        }
        let length = u32::from_le_bytes(length);
        if length > MAX_FRAME {
            return Ok(None);
        }
        let mut frame = vec![0; length as usize];
        Ok(filled(self.0.read_exact(&mut frame))?.then_some(frame))
    }
}

fn filled(read: io::Result<()>) -> io::Result<bool> {
    match read {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_cut_is_the_end() {
        let folder = std::env::temp_dir().join(Uuid::new_v4().simple().to_string());
        let store = Store::new(folder.clone()).growing("films");
        let key = Uuid::new_v4();
        assert!(store.open(key).await.unwrap().is_none());
        let mut film = store.begin(key).await.unwrap();
        film.append(b"one", true).await.unwrap();
        film.append(b"two", false).await.unwrap();
        let all = async || {
            let mut frames = store.open(key).await.unwrap().unwrap();
            std::iter::from_fn(|| frames.read().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(all().await, [b"one".to_vec(), b"two".to_vec()], "read while it grows");
        let path = store.path(key);
        for cut in 1..7 {
            let whole = std::fs::read(&path).unwrap();
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            assert_eq!(all().await, [b"one".to_vec()], "cut by {cut}");
            std::fs::write(&path, &whole).unwrap();
        }
        std::fs::write(&path, [0xff; 9]).unwrap();
        assert_eq!(all().await, Vec::<Vec<u8>>::new(), "no length of ours");
        assert_eq!(store.older_than(Duration::ZERO).await.unwrap(), [key]);
        // Uploads' folders do not take it for one of theirs.
        assert_eq!(Store::new(folder.clone()).older_than(Duration::ZERO).await.unwrap(), Vec::<Uuid>::new());
        store.remove(key).await.unwrap();
        store.remove(key).await.unwrap();
        assert!(store.open(key).await.unwrap().is_none());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn nothing_grows_into_the_room_that_is_kept_free() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_path_buf()).growing("films");
        let mut film = store.begin(Uuid::new_v4()).await.unwrap();
        film.append(b"one", true).await.unwrap();
        let full = Growing { kept_free: u64::MAX, ..store };
        assert!(full.begin(Uuid::new_v4()).await.is_err());
        film.place = full;
        assert!(film.append(b"two", true).await.is_err());
    }
}

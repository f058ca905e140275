//! The entries of an archive by their names, as every engine finds them too.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

use super::ArchiveError;
use super::tar::{self, Entry, Kind};

/// Largest manifest or configuration.
const MAX_JSON: u64 = 4 << 20;
/// Most folders below each other.
const MAX_PARTS: usize = 16;
/// What engines look for.
const INDEXES: [&str; 4] = ["manifest.json", "index.json", "oci-layout", "repositories"];

pub(super) struct Archive<'a, R> {
    from: &'a mut R,
    entries: HashMap<String, Entry>,
}

impl<'a, R: Read + Seek> Archive<'a, R> {
    /// Refuses what would lie elsewhere when it is unpacked than its name says: names that lead away or to what came before,
    /// and what lies behind a link.
    pub fn open(from: &'a mut R) -> Result<Self, ArchiveError> {
        let mut first = [0; 6];
        from.seek(SeekFrom::Start(0)).map_err(ArchiveError::Read)?;
        from.read_exact(&mut first).map_err(|_| ArchiveError::NotTar)?;
        if is_packed(first) {
            return Err(ArchiveError::Compressed);
        }
        let mut entries: HashMap<String, Entry> = HashMap::new();
        let mut clear = true;
        tar::entries(from, |entry| {
            let name = entry.name.strip_prefix("./").unwrap_or(&entry.name);
            let name = if entry.kind == Kind::Folder { name.trim_end_matches('/') } else { name }.to_owned();
            if name.is_empty() && entry.kind == Kind::Folder {
                return Ok(());
            }
            let kind = entry.kind;
            clear = clear && is_plain(&name);
            let before = entries.insert(name, entry);
            clear = clear && before.is_none_or(|before| before.kind == Kind::Folder && kind == Kind::Folder);
            Ok(())
        })?;
        let archive = Self { from, entries };
        let clear = clear && archive.entries.keys().all(|name| archive.lies_in_folders(name));
        let files = INDEXES.iter().all(|name| archive.has(name) || !archive.entries.contains_key(*name));
        if clear && files { Ok(archive) } else { Err(ArchiveError::Names) }
    }

    fn lies_in_folders(&self, name: &str) -> bool {
        let above = name.match_indices('/').filter_map(|(at, _)| self.entries.get(&name[..at]));
        above.into_iter().all(|entry| entry.kind == Kind::Folder)
    }

    /// A file.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name).filter(|entry| entry.kind == Kind::File)
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Names of what is no folder.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|(_, entry)| entry.kind != Kind::Folder).map(|(name, _)| name.as_str())
    }

    pub fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        let Some(entry) = self.get(name) else { return Ok(None) };
        if entry.size > MAX_JSON {
            return Err(ArchiveError::Broken);
        }
        let (offset, size) = (entry.offset, entry.size);
        self.from.seek(SeekFrom::Start(offset)).map_err(ArchiveError::Read)?;
        let mut bytes = Vec::new();
        Read::take(&mut *self.from, size).read_to_end(&mut bytes).map_err(ArchiveError::Read)?;
        Ok(Some(bytes))
    }
}

/// By the first bytes, as engines tell it: gzip, xz, zstd, bzip2, and what zstd skips.
fn is_packed(first: [u8; 6]) -> bool {
    let packed: [&[u8]; 4] = [&[0x1f, 0x8b], &[0xfd, b'7', b'z', b'X', b'Z'], &[0x28, 0xb5, 0x2f, 0xfd], b"BZh"];
    let skipped = first[0] & 0xf0 == 0x50 && first[1..4] == [0x2a, 0x4d, 0x18];
    skipped || packed.iter().any(|magic| first.starts_with(magic))
}

/// A name that means the same to everybody.
fn is_plain(name: &str) -> bool {
    name.split('/').count() <= MAX_PARTS && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

//! The headers of a tar archive, one after the other: names, sizes and where the content lies. Content is skipped.
//!
//! After POSIX.1-2017, `pax`, and the extensions of GNU tar for long names. What programs read differently from each other is
//! refused: an engine would find other entries in it than we do.

use std::io::{self, Read, Seek, SeekFrom};

const BLOCK: u64 = 512;
/// Most entries of an archive: an image of 127 layers has some hundreds.
const MAX_ENTRIES: u32 = 20_000;
/// Longest name, and largest record that says more of an entry.
const MAX_NAME: usize = 1024;
const MAX_RECORD: u64 = 64 << 10;

/// An entry of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: String,
    pub kind: Kind,
    pub size: u64,
    /// Where its content begins.
    pub offset: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// Links, devices, pipes.
    Other,
}

/// Why it is no archive that we read.
#[derive(Debug)]
pub(super) enum TarError {
    /// It is none, or its end is missing.
    Malformed,
    TooMany,
    Read(io::Error),
}

impl From<io::Error> for TarError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => TarError::Malformed,
            _ => TarError::Read(error),
        }
    }
}

/// Tells `each` of every entry, in the archive's order.
pub(super) fn entries(
    from: &mut (impl Read + Seek),
    mut each: impl FnMut(Entry) -> Result<(), TarError>,
) -> Result<(), TarError> {
    let end = from.seek(SeekFrom::End(0))?;
    let mut at = 0;
    let mut said = Said::default();
    for _ in 0..MAX_ENTRIES {
        if at >= end {
            // The two empty blocks at the end are often left out.
            return if at == end && end > 0 { Ok(()) } else { Err(TarError::Malformed) };
        }
        let mut block = [0; BLOCK as usize];
        from.seek(SeekFrom::Start(at))?;
        from.read_exact(&mut block)?;
        if block.iter().all(|byte| *byte == 0) {
            return if at == 0 { Err(TarError::Malformed) } else { Ok(()) };
        }
        let header = Header::read(&block)?;
        let offset = at + BLOCK;
        let size = said.size.filter(|_| header.kind.is_file()).unwrap_or(header.size);
        let after = size.checked_next_multiple_of(BLOCK).and_then(|padded| offset.checked_add(padded));
        let after = after.filter(|_| size <= end.saturating_sub(offset)).ok_or(TarError::Malformed)?;
        match header.kind {
            Type::Said(kind) => said.read(kind, &record(from, offset, size)?)?,
            Type::Entry(kind) => {
                let name = said.name.take().unwrap_or(header.name);
                said = Said::default();
                each(Entry { name, kind, size, offset })?;
            }
            // Of all that follow: we need nothing of it, and what was said before it belongs to nothing.
            Type::Global if said.is_empty() => {}
            // A long target of a link that comes next.
            Type::Target => {}
            Type::Global => return Err(TarError::Malformed),
        }
        at = after;
    }
    Err(TarError::TooMany)
}

/// What a header is of.
#[derive(Clone, Copy)]
enum Type {
    Entry(Kind),
    Said(u8),
    Global,
    Target,
}

impl Type {
    fn read(flag: u8) -> Option<Self> {
        Some(match flag {
            0 | b'0' => Type::Entry(Kind::File),
            b'5' => Type::Entry(Kind::Folder),
            b'1'..=b'6' => Type::Entry(Kind::Other),
            b'x' | b'L' => Type::Said(flag),
            b'g' => Type::Global,
            b'K' => Type::Target,
            _ => return None,
        })
    }

    fn is_file(self) -> bool {
        matches!(self, Type::Entry(Kind::File))
    }
}

struct Header {
    name: String,
    size: u64,
    kind: Type,
}

impl Header {
    fn read(block: &[u8; BLOCK as usize]) -> Result<Self, TarError> {
        let sum: u64 = block
            .iter()
            .enumerate()
            .map(|(at, byte)| u64::from(if (148..156).contains(&at) { b' ' } else { *byte }))
            .sum();
        if number(&block[148..156]) != Some(sum) {
            return Err(TarError::Malformed);
        }
        let kind = Type::read(block[156]).ok_or(TarError::Malformed)?;
        let size = number(&block[124..136]).ok_or(TarError::Malformed)?;
        // Links and folders have no content, whatever they say.
        let size = if matches!(kind, Type::Entry(Kind::Folder | Kind::Other)) { 0 } else { size };
        let (name, prefix) = (text(&block[..100]), text(&block[345..500]));
        let name = match (prefix.is_empty(), &block[257..263], &block[508..]) {
            (true, ..) => name,
            // Of star, where a shorter prefix stands there; of GNU tar, where times do.
            (_, b"ustar\0", b"tar\0") | (_, b"ustar ", _) => return Err(TarError::Malformed),
            (_, b"ustar\0", _) => format!("{prefix}/{name}"),
            _ => name,
        };
        Ok(Self { name, size, kind })
    }
}

/// What records before an entry say of it.
#[derive(Default)]
struct Said {
    name: Option<String>,
    size: Option<u64>,
}

impl Said {
    fn is_empty(&self) -> bool {
        self.name.is_none() && self.size.is_none()
    }

    /// One record for an entry: which of two counts is read differently.
    fn read(&mut self, kind: u8, record: &[u8]) -> Result<(), TarError> {
        if !self.is_empty() {
            return Err(TarError::Malformed);
        }
        if kind == b'L' {
            self.name = Some(short(text(record))?);
            return Ok(());
        }
        let mut rest = record;
        // "<length> <key>=<value>\n", the length with everything.
        while let Some(blank) = rest.iter().position(|byte| *byte == b' ') {
            let length = std::str::from_utf8(&rest[..blank]).ok().and_then(|digits| digits.parse::<usize>().ok());
            let length =
                length.filter(|length| (blank + 2..=rest.len()).contains(length)).ok_or(TarError::Malformed)?;
            let pair = String::from_utf8_lossy(&rest[blank + 1..length - 1]).into_owned();
            match pair.split_once('=') {
                // Nothing: as the header has it.
                Some(("path", "")) => self.name = None,
                Some(("size", "")) => self.size = None,
                Some(("path", path)) => self.name = Some(short(path.to_owned())?),
                Some(("size", size)) => self.size = Some(size.parse().map_err(|_| TarError::Malformed)?),
                // Names and sizes of files with holes, which stand in other records.
                Some((key, _)) if key.starts_with("GNU.sparse.") => return Err(TarError::Malformed),
                _ => {}
            }
            rest = &rest[length..];
        }
        Ok(())
    }
}

fn record(from: &mut (impl Read + Seek), offset: u64, size: u64) -> Result<Vec<u8>, TarError> {
    if size > MAX_RECORD {
        return Err(TarError::Malformed);
    }
    from.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    from.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn short(name: String) -> Result<String, TarError> {
    if name.len() > MAX_NAME { Err(TarError::Malformed) } else { Ok(name) }
}

/// Up to the first NUL.
fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

/// Octal digits, or GNU's binary form for large ones.
fn number(field: &[u8]) -> Option<u64> {
    if field.first().is_some_and(|first| first & 0x80 != 0) {
        let (head, tail) = field.split_at(field.len().saturating_sub(8));
        let empty = head.iter().enumerate().all(|(at, byte)| if at == 0 { *byte == 0x80 } else { *byte == 0 });
        return Some(u64::from_be_bytes(tail.try_into().ok()?)).filter(|_| empty);
    }
    let digits = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

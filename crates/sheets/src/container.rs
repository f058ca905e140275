//! What kind of file it is and whether unpacking it is safe, before anything in it is parsed.

use std::io::{Read, Seek, SeekFrom};

use zip::ZipArchive;

use crate::{ReadOptions, Refusal};

const ZIP_START: &[u8] = b"PK\x03\x04";
const ZIP_END: &[u8] = b"PK\x05\x06";
/// Length of the record at a zip's end, without the comment.
const ZIP_END_LEN: usize = 22;
/// Compound file binary: old Excel, and the shell around an encrypted workbook.
const CFB_START: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
const CFB_ENTRY_LEN: usize = 128;

const MAX_ENTRIES: usize = 2000;
const MAX_UNPACKED: u64 = 512 << 20;
/// Small parts may shrink as much as they like: empty relations do.
const RATIO_FROM: u64 = 1 << 20;
const MAX_RATIO: u64 = 200;
const MAX_CONTENT_TYPES: u64 = 1 << 20;

/// Refuses what is no .xlsx workbook or not safe to unpack. The reader may stand anywhere after it.
pub(crate) fn inspect(file: &mut (impl Read + Seek), options: &ReadOptions) -> Result<(), Refusal> {
    let bytes = file.seek(SeekFrom::End(0)).map_err(Refusal::damaged)?;
    if bytes == 0 {
        return Err(Refusal::Empty);
    }
    if bytes > options.max_bytes {
        return Err(Refusal::TooLarge { bytes, limit: options.max_bytes });
    }
    let start = read_at(file, 0, 4096)?;
    if start.starts_with(ZIP_START) {
        inspect_zip(file, bytes)
    } else if start.starts_with(CFB_START) {
        Err(if is_encrypted(file)? { Refusal::Encrypted } else { Refusal::OldExcel })
    } else if is_text(&start) {
        Err(Refusal::PlainText)
    } else {
        Err(Refusal::NotExcel)
    }
}

fn read_at(file: &mut (impl Read + Seek), position: u64, length: u64) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(position)).map_err(Refusal::damaged)?;
    file.take(length).read_to_end(&mut bytes).map_err(Refusal::damaged)?;
    Ok(bytes)
}

/// Text in any encoding: no characters that only a program would write.
fn is_text(start: &[u8]) -> bool {
    let utf_16 = start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]);
    let control = |byte: &u8| *byte == 0x7F || (*byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C | 0x1B));
    utf_16 || (!start.starts_with(b"%PDF") && !start.iter().any(control))
}

/// Whether a compound file has a stream named `EncryptedPackage`.
///
/// Directory entries are 128 bytes long and stand on multiples of 128 in every sector size, so they are found without
/// following chains of sectors, which a hostile file would bend into a ring.
fn is_encrypted(file: &mut (impl Read + Seek)) -> Result<bool, Refusal> {
    let name: Vec<u8> = "EncryptedPackage\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    file.seek(SeekFrom::Start(0)).map_err(Refusal::damaged)?;
    let mut block = [0; 512 * CFB_ENTRY_LEN];
    let mut filled = 0;
    loop {
        match file.read(&mut block[filled..]).map_err(Refusal::damaged)? {
            0 => break,
            read => filled += read,
        }
        let whole = filled - filled % CFB_ENTRY_LEN;
        // Byte 64 tells the name's length in bytes, byte 66 the kind: 2 is a stream.
        let found = block[..whole].chunks_exact(CFB_ENTRY_LEN).any(|entry| {
            entry.starts_with(&name) && usize::from(entry[64]) == name.len() && entry[65] == 0 && entry[66] == 2
        });
        if found {
            return Ok(true);
        }
        block.copy_within(whole..filled, 0);
        filled -= whole;
    }
    Ok(false)
}

fn inspect_zip(file: &mut (impl Read + Seek), bytes: u64) -> Result<(), Refusal> {
    // The number of entries is looked at before the directory is read, which takes memory for each.
    let tail_start = bytes.saturating_sub((ZIP_END_LEN + usize::from(u16::MAX)) as u64);
    let tail = read_at(file, tail_start, bytes - tail_start)?;
    let end = tail.windows(ZIP_END.len()).rposition(|window| window == ZIP_END).ok_or(Refusal::Truncated)?;
    let record = tail.get(end..end + ZIP_END_LEN).ok_or(Refusal::Truncated)?;
    // 65,535 stands for "see the record for large archives": too many in any case.
    if usize::from(u16::from_le_bytes([record[10], record[11]])) > MAX_ENTRIES {
        return Err(Refusal::Bomb);
    }

    let mut archive = ZipArchive::new(file).map_err(Refusal::damaged)?;
    if archive.len() > MAX_ENTRIES {
        return Err(Refusal::Bomb);
    }
    if archive.has_duplicate_names() {
        return Err(Refusal::damaged("two parts have the same name"));
    }
    // The sizes are claims, but the unpacker gives up on a part that grows beyond its claim.
    let mut unpacked = 0_u64;
    for index in 0..archive.len() {
        let part = archive.by_index_raw(index).map_err(Refusal::damaged)?;
        let size = part.size();
        unpacked = unpacked.saturating_add(size);
        let ratio = size / part.compressed_size().max(1);
        if unpacked > MAX_UNPACKED || (size > RATIO_FROM && ratio > MAX_RATIO) {
            return Err(Refusal::Bomb);
        }
        if part.encrypted() {
            return Err(Refusal::Encrypted);
        }
        let name = part.name().map_err(Refusal::damaged)?.to_ascii_lowercase();
        if name.ends_with("vbaproject.bin") || name.contains("/macrosheets/") {
            return Err(Refusal::Macros);
        }
    }
    inspect_content_types(&mut archive)
}

/// The part that says what the other parts are; every Office file has it.
fn inspect_content_types(archive: &mut ZipArchive<&mut (impl Read + Seek)>) -> Result<(), Refusal> {
    let part = archive.by_name("[Content_Types].xml").map_err(|_| Refusal::NotExcel)?;
    let mut xml = Vec::new();
    part.take(MAX_CONTENT_TYPES).read_to_end(&mut xml).map_err(Refusal::damaged)?;
    let xml = String::from_utf8_lossy(&xml).to_ascii_lowercase();
    if xml.contains("ms-excel.sheet.binary") {
        Err(Refusal::BinaryExcel)
    } else if xml.contains("macroenabled") {
        Err(Refusal::Macros)
    } else if xml.contains("spreadsheetml.sheet.main+xml") || xml.contains("spreadsheetml.template.main+xml") {
        Ok(())
    } else {
        Err(Refusal::NotExcel)
    }
}

//! An archive as an engine is sent it: the same image under one name of the platform's own, whatever its tags are.
//!
//! It is written anew from what the image is made of, piece by piece while it is read: of tags, indexes and annotations, and of
//! whatever else lies in an archive, nothing reaches an engine.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::io::{self, Cursor, Read, Seek, SeekFrom};

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{ArchiveError, Part, Parts, parts};

const BLOCK: usize = 512;
/// Sizes from here on have more digits than a header has room for.
const LARGE: u64 = 1 << 33;

/// What is left to be read.
pub struct Renamed<R> {
    from: R,
    pieces: VecDeque<Piece>,
    size: u64,
}

enum Piece {
    Own(Cursor<Vec<u8>>),
    /// Of the archive.
    Part(Part),
}

/// The image of an archive under this name alone.
///
/// # Errors
/// As [`super::read`]'s.
pub fn renamed<R: Read + Seek>(mut from: R, name: &str) -> Result<Renamed<R>, ArchiveError> {
    let Parts { config, layers } = parts(&mut from)?;
    // Engines that are sent several archives at once tell their entries apart by their names.
    let hash = hex::encode(Sha256::digest(&config));
    let mut renamed = Renamed { from, pieces: VecDeque::new(), size: 0 };
    let config_name = format!("{hash}.json");
    renamed.add_own(&config_name, config);
    let (mut written, mut names) = (HashMap::new(), Vec::new());
    for layer in layers {
        let next = format!("{hash}-{}.tar", written.len());
        names.push(match written.entry(layer.offset) {
            Entry::Occupied(known) => String::clone(known.get()),
            Entry::Vacant(free) => {
                renamed.add_part(&next, layer);
                free.insert(next).clone()
            }
        });
    }
    let manifest = json!([{ "Config": config_name, "RepoTags": [name], "Layers": names }]).to_string();
    renamed.add_own("manifest.json", manifest.into_bytes());
    renamed.add(vec![0; 2 * BLOCK]);
    Ok(renamed)
}

impl<R> Renamed<R> {
    /// Bytes of all of it.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn add(&mut self, bytes: Vec<u8>) {
        self.size += bytes.len() as u64;
        self.pieces.push_back(Piece::Own(Cursor::new(bytes)));
    }

    fn add_own(&mut self, name: &str, mut content: Vec<u8>) {
        self.add(header(name, content.len() as u64));
        content.resize(content.len().next_multiple_of(BLOCK), 0);
        self.add(content);
    }

    fn add_part(&mut self, name: &str, part: Part) {
        self.add(header(name, part.size));
        self.size += part.size;
        self.pieces.push_back(Piece::Part(part));
        let over = part.size % BLOCK as u64;
        self.add(vec![0; if over == 0 { 0 } else { BLOCK - over as usize }]);
    }
}

impl<R: Read + Seek> Read for Renamed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(piece) = self.pieces.front_mut() {
            let count = match piece {
                Piece::Own(bytes) => bytes.read(buffer)?,
                Piece::Part(part) => {
                    let most = usize::try_from(part.size).map_or(buffer.len(), |left| left.min(buffer.len()));
                    self.from.seek(SeekFrom::Start(part.offset))?;
                    let count = self.from.read(&mut buffer[..most])?;
                    if count == 0 && most > 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    *part = Part { offset: part.offset + count as u64, size: part.size - count as u64 };
                    count
                }
            };
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.pieces.pop_front();
        }
        Ok(0)
    }
}

/// Of a file that everybody may read, as GNU's tar writes it.
fn header(name: &str, size: u64) -> Vec<u8> {
    let mut block = vec![0u8; BLOCK];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..107].copy_from_slice(b"0000644");
    block[108..115].copy_from_slice(b"0000000");
    block[116..123].copy_from_slice(b"0000000");
    if size < LARGE {
        block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    } else {
        block[124] = 0x80;
        block[128..136].copy_from_slice(&size.to_be_bytes());
    }
    block[136..147].copy_from_slice(b"00000000000");
    block[148..156].fill(b' ');
    block[156] = b'0';
    block[257..265].copy_from_slice(b"ustar  \0");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

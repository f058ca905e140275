//! What was measured and is not yet acknowledged, in memory and on disk.
//!
//! Invariants:
//! - every sample is in memory; it is also in a segment file, unless the disk failed (said once, tried again now and
//!   then), so a killed agent finds it again at the next start;
//! - a segment file is deleted once nothing in it is waiting for an acknowledgement; what was acknowledged in a
//!   half-done segment may be read and sent again after a restart, which the server ignores;
//! - at most `limit` samples are kept, the oldest go first and are counted;
//! - a torn or damaged record ends its segment: what is before it is kept.
//!
//! A record is `u32` little-endian length, `u32` little-endian CRC-32 of the payload, payload (an encoded `Sample`).
//! Nothing is synced: the page cache outlives the process, and a power cut costs seconds, not the host's disk.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use node_protocol::limits::MAX_FRAME_BYTES;

const SEGMENT_RECORDS: usize = 60;
const HEADER_BYTES: usize = 8;
const DISK_RETRY: Duration = Duration::from_secs(60);

/// Rises by one per sample; the order of measuring.
pub type SampleId = u64;

#[derive(Debug)]
struct Entry {
    bytes: Vec<u8>,
    segment: Option<u64>,
    in_flight: bool,
    /// Waited through a cut or a restart: history, not news.
    old: bool,
}

#[derive(Debug)]
struct Segment {
    number: u64,
    file: File,
    written: usize,
}

/// Which samples to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Measured since the link is up.
    Fresh,
    /// Kept through a cut or a restart.
    Old,
}

/// See the module.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    limit: usize,
    entries: BTreeMap<SampleId, Entry>,
    next_id: SampleId,
    in_flight: HashMap<u64, Vec<SampleId>>,
    /// Samples still waiting, per segment file.
    waiting: BTreeMap<u64, usize>,
    current: Option<Segment>,
    next_segment: u64,
    disk_failed: Option<Instant>,
    dropped: u64,
}

impl Spool {
    /// Opens `dir`, reading what an earlier process left; keeps at most `limit` samples (at least 1).
    /// A folder that cannot be used is no error: the spool then works in memory and says so.
    pub fn open(dir: &Path, limit: usize) -> Self {
        let mut spool = Self {
            dir: dir.to_owned(),
            limit: limit.max(1),
            entries: BTreeMap::new(),
            next_id: 0,
            in_flight: HashMap::new(),
            waiting: BTreeMap::new(),
            current: None,
            next_segment: 0,
            disk_failed: None,
            dropped: 0,
        };
        if let Err(error) = crate::identity::make_private_dir(dir).and_then(|()| spool.load()) {
            spool.note_disk_failure(&error);
        }
        spool.enforce_limit();
        spool
    }

    /// Keeps one encoded sample.
    pub fn append(&mut self, bytes: Vec<u8>) -> SampleId {
        let segment = self.write(&bytes);
        let id = self.keep(bytes, segment, false);
        self.enforce_limit();
        id
    }

    /// Up to `max` samples and `max_bytes` of that age, oldest first, that are not in flight; marks them as sent with
    /// `sequence`. At least one sample where there is one, whatever its size. Empty when there is nothing.
    pub fn take(&mut self, age: Age, sequence: u64, max: usize, max_bytes: usize) -> Vec<&[u8]> {
        let (mut ids, mut size) = (Vec::new(), 0);
        for (id, entry) in &self.entries {
            if entry.in_flight || entry.old != (age == Age::Old) {
                continue;
            }
            if ids.len() == max || (!ids.is_empty() && size + entry.bytes.len() > max_bytes) {
                break;
            }
            size += entry.bytes.len();
            ids.push(*id);
        }
        if ids.is_empty() {
            return Vec::new();
        }
        for id in &ids {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.in_flight = true;
            }
        }
        let samples = ids.iter().filter_map(|id| self.entries.get(id)).map(|entry| entry.bytes.as_slice()).collect();
        self.in_flight.insert(sequence, ids);
        samples
    }

    /// Forgets what was sent with `sequence`. False when nothing was.
    pub fn acknowledge(&mut self, sequence: u64) -> bool {
        let Some(ids) = self.in_flight.remove(&sequence) else { return false };
        for id in ids {
            self.forget(id);
        }
        true
    }

    /// The link is gone: all that waits is history now, and has to be sent again.
    pub fn link_lost(&mut self) {
        self.in_flight.clear();
        for entry in self.entries.values_mut() {
            entry.in_flight = false;
            entry.old = true;
        }
    }

    /// Forgets everything, on disk too: monitoring is off.
    pub fn clear(&mut self) {
        self.in_flight.clear();
        let ids: Vec<SampleId> = self.entries.keys().copied().collect();
        for id in ids {
            self.forget(id);
        }
    }

    /// Batches sent and not acknowledged.
    pub fn batches_in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Samples kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Samples given up because the limit was reached, since this process started.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn keep(&mut self, bytes: Vec<u8>, segment: Option<u64>, old: bool) -> SampleId {
        let id = self.next_id;
        self.next_id += 1;
        if let Some(number) = segment {
            *self.waiting.entry(number).or_default() += 1;
        }
        self.entries.insert(id, Entry { bytes, segment, in_flight: false, old });
        id
    }

    fn enforce_limit(&mut self) {
        while self.entries.len() > self.limit {
            let Some(id) = self.entries.keys().next().copied() else { return };
            self.forget(id);
            self.dropped += 1;
            if self.dropped == 1 || self.dropped.is_multiple_of(600) {
                tracing::warn!(dropped = self.dropped, "buffer full: the oldest samples are given up");
            }
        }
    }

    fn forget(&mut self, id: SampleId) {
        let Some(Entry { segment: Some(number), .. }) = self.entries.remove(&id) else { return };
        let Some(waiting) = self.waiting.get_mut(&number) else { return };
        *waiting -= 1;
        if *waiting > 0 {
            return;
        }
        match &mut self.current {
            // In step with the server this happens every tick: emptying costs less than a new file each time.
            Some(current) if current.number == number && current.file.set_len(0).is_ok() => current.written = 0,
            _ => {
                self.current.take_if(|current| current.number == number);
                self.waiting.remove(&number);
                let _ = fs::remove_file(self.path(number));
            }
        }
    }

    /// Appends to the current segment; `None` when the disk does not take it.
    fn write(&mut self, bytes: &[u8]) -> Option<u64> {
        if self.disk_failed.is_some_and(|at| at.elapsed() < DISK_RETRY) {
            return None;
        }
        match self.try_write(bytes) {
            Ok(number) => {
                if self.disk_failed.take().is_some() {
                    tracing::info!("samples are kept on disk again");
                }
                Some(number)
            }
            Err(error) => {
                self.note_disk_failure(&error);
                // A record may be half written: whatever follows it would be lost with it.
                if let Some(Segment { number, .. }) = self.current.take()
                    && self.waiting.get(&number) == Some(&0)
                {
                    self.waiting.remove(&number);
                    let _ = fs::remove_file(self.path(number));
                }
                None
            }
        }
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<u64> {
        if self.current.as_ref().is_some_and(|current| current.written >= SEGMENT_RECORDS) {
            self.current = None;
        }
        if self.current.is_none() {
            crate::identity::make_private_dir(&self.dir)?;
            let number = self.next_segment;
            self.next_segment += 1;
            let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(self.path(number))?;
            self.waiting.insert(number, 0);
            self.current = Some(Segment { number, file, written: 0 });
        }
        let Some(current) = &mut self.current else { return Err(io::ErrorKind::NotFound.into()) };
        current.file.write_all(&record(bytes))?;
        current.written += 1;
        Ok(current.number)
    }

    fn note_disk_failure(&mut self, error: &io::Error) {
        if self.disk_failed.is_none() {
            tracing::warn!("cannot keep samples in {}: {error}; going on in memory only", self.dir.display());
        }
        self.disk_failed = Some(Instant::now());
    }

    fn load(&mut self) -> io::Result<()> {
        let mut numbers: Vec<u64> = fs::read_dir(&self.dir)?
            .filter_map(|item| item.ok()?.path().file_name()?.to_str()?.strip_suffix(".seg")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        self.next_segment = numbers.last().map_or(0, |last| last + 1);
        for number in numbers {
            let path = self.path(number);
            let bytes = fs::read(&path)?;
            let (records, whole) = records(&bytes);
            if !whole {
                tracing::warn!("{}: the end is torn, {} samples kept", path.display(), records.len());
            }
            if records.is_empty() {
                fs::remove_file(&path)?;
            }
            for record in records {
                self.keep(record.to_vec(), Some(number), true);
            }
        }
        Ok(())
    }

    fn path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number:020}.seg"))
    }
}

pub(crate) fn record(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut record = Vec::with_capacity(HEADER_BYTES + bytes.len());
    record.extend_from_slice(&length.to_le_bytes());
    record.extend_from_slice(&crc32fast::hash(bytes).to_le_bytes());
    record.extend_from_slice(bytes);
    record
}

/// The whole records of a segment, and whether there was nothing else in it.
pub(crate) fn records(mut rest: &[u8]) -> (Vec<&[u8]>, bool) {
    let mut found = Vec::new();
    while let Some((header, tail)) = rest.split_first_chunk::<HEADER_BYTES>() {
        let [a, b, c, d, e, f, g, h] = *header;
        let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let Some((payload, tail)) = tail.split_at_checked(length) else { break };
        let intact = crc32fast::hash(payload) == u32::from_le_bytes([e, f, g, h]);
        if length == 0 || length > MAX_FRAME_BYTES || !intact {
            break;
        }
        found.push(payload);
        rest = tail;
    }
    (found, rest.is_empty())
}

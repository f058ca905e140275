//! The last that a shell wrote, for who comes later, and for who reads it now: one buffer for all.

use std::collections::VecDeque;

/// Bytes that are kept.
const KEPT: usize = 256 << 10;
/// How far from the beginning a line end is looked for, where something before it is gone.
const LOOK: usize = 4 << 10;

/// Bytes with their place in all that was ever written.
#[derive(Default)]
pub(super) struct Replay {
    bytes: VecDeque<u8>,
    start: u64,
}

impl Replay {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let over = self.bytes.len().saturating_sub(KEPT);
        self.bytes.drain(..over);
        self.start += over as u64;
    }

    pub(super) fn start(&self) -> u64 {
        self.start
    }

    pub(super) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// From where it is shown to who comes new: a line's beginning where the oldest is gone, so that it does not begin
    /// within a letter or a colour.
    pub(super) fn begin(&self) -> u64 {
        if self.start == 0 {
            return 0;
        }
        let line_end = self.bytes.iter().take(LOOK).position(|byte| *byte == b'\n');
        self.start + line_end.map_or(0, |at| at as u64 + 1)
    }

    /// What follows a place, at most so many bytes.
    pub(super) fn after(&self, at: u64, most: usize) -> Vec<u8> {
        let from = usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX).min(self.bytes.len());
        let to = from.saturating_add(most).min(self.bytes.len());
        self.bytes.range(from..to).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_end_and_begins_at_a_line() {
        let mut replay = Replay::default();
        replay.push(b"one\n");
        assert_eq!((replay.start(), replay.begin(), replay.end()), (0, 0, 4));
        assert_eq!(replay.after(0, 2), b"on");
        assert_eq!(replay.after(2, 100), b"e\n");
        assert!(replay.after(4, 100).is_empty() && replay.after(1000, 1).is_empty());
        for _ in 0..KEPT {
            replay.push("\u{4e2d}\n".as_bytes());
        }
        assert_eq!(replay.end(), 4 + 4 * KEPT as u64);
        assert_eq!(replay.end() - replay.start(), KEPT as u64, "no more than that");
        replay.push(b"x");
        let begin = replay.begin();
        assert!(begin > replay.start() && replay.after(begin, 4) == "\u{4e2d}\n".as_bytes(), "not within a letter");
        assert_eq!(replay.after(0, 1), replay.after(replay.start(), 1), "what is gone is passed over");
    }
}

//! Lines out of pieces of any size, none of them longer than it may be.

/// What is left of the pieces so far.
pub(super) struct Lines {
    kept: Vec<u8>,
    limit: usize,
    /// The line that is being read is longer than the limit, and what is left of it is let go.
    over: bool,
}

impl Lines {
    pub(super) fn new(limit: usize) -> Self {
        Self { kept: Vec::new(), limit, over: false }
    }

    /// Tells of each line that is whole now, without its end; `None` for one that was too long.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut tell: impl FnMut(Option<&[u8]>)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.keep(&bytes[..end]);
            bytes = &bytes[end + 1..];
            match std::mem::take(&mut self.over) {
                true => tell(None),
                false => tell(Some(&self.kept)),
            }
            self.kept.clear();
        }
        self.keep(bytes);
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.over |= self.kept.len() + bytes.len() > self.limit;
        if self.over { self.kept.clear() } else { self.kept.extend_from_slice(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_however_they_come() {
        let input = b"one\n\nthree is longer than ten\nfour\n0123456789\nrest";
        let whole = |size: usize| {
            let (mut lines, mut found) = (Lines::new(10), Vec::new());
            for piece in input.chunks(size) {
                lines.push(piece, |line| found.push(line.map(<[u8]>::to_vec)));
                assert!(lines.kept.len() <= 10);
            }
            found
        };
        let expected = [Some("one"), Some(""), None, Some("four"), Some("0123456789")];
        for size in 1..=input.len() {
            assert_eq!(whole(size), expected.map(|line| line.map(|line| line.as_bytes().to_vec())), "{size}");
        }
    }
}

//! For the crate `fuzz` alone: what programs write on a terminal, as it is recorded.

use std::time::Duration;

use super::cast::{Letters, OUTPUT, event};

/// The lines of what comes in these pieces, one for each that shows something, and the text of them.
pub fn recorded<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(String, String)> {
    let mut letters = Letters::default();
    let texts = pieces.into_iter().map(|piece| letters.read(piece)).filter(|text| !text.is_empty());
    let numbered: Vec<_> = (0u64..).zip(texts).collect();
    numbered.into_iter().map(|(n, text)| (event(Duration::from_millis(n), OUTPUT, &text), text)).collect()
}

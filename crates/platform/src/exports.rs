//! Lists that are taken away whole, for workbooks: read page by page in one snapshot and handed on row by row, so that none lies
//! in memory; and no longer than a sheet has room for.

use crate::Result;

/// Most rows of an export: a sheet has room for a few more.
pub(crate) const MOST: u32 = 1_000_000;
/// Rows that are read at a time.
const SIZE: u32 = 500;

/// How far an export is in its list.
pub(crate) struct Pages {
    number: u32,
    left: usize,
    over: bool,
    cut: bool,
}

impl Pages {
    /// At the beginning.
    pub(crate) fn new() -> Self {
        Self::of_at_most(MOST)
    }

    /// The same of so many rows at most.
    pub(crate) fn of_at_most(most: u32) -> Self {
        Self { number: 0, left: most as usize, over: false, cut: false }
    }

    /// Number and size of the page to read now; none once the list, or the sheet, is at its end.
    pub(crate) fn wanted(&mut self) -> Option<(u32, u32)> {
        if self.over {
            return None;
        }
        self.number += 1;
        Some((self.number, SIZE))
    }

    /// Hands a page on that was wanted, as far as there is room for it.
    ///
    /// # Errors
    /// Whatever `take` gives.
    pub(crate) fn hand_on<T>(&mut self, rows: Vec<T>, take: &mut impl FnMut(T) -> Result<()>) -> Result<()> {
        self.cut = rows.len() > self.left;
        self.over = self.cut || rows.len() < SIZE as usize;
        let fit = rows.len().min(self.left);
        self.left -= fit;
        rows.into_iter().take(fit).try_for_each(take)
    }

    /// Whether the list has rows for which there was no room.
    pub(crate) fn cut(&self) -> bool {
        self.cut
    }
}

#[cfg(test)]
mod tests {
    use super::{Pages, SIZE};

    /// Rows that came of a list of so many, pages that were read of it, and whether it was cut.
    fn export(length: u32, most: u32) -> (Vec<u32>, u32, bool) {
        let (mut pages, mut rows, mut read) = (Pages::of_at_most(most), Vec::new(), 0);
        let mut take = |row| {
            rows.push(row);
            Ok(())
        };
        while let Some((number, size)) = pages.wanted() {
            let first = (number - 1) * size;
            pages.hand_on((first.min(length)..(first + size).min(length)).collect(), &mut take).unwrap();
            read += 1;
        }
        (rows, read, pages.cut())
    }

    #[test]
    fn every_row_is_handed_on_once_and_a_list_that_is_too_long_is_cut() {
        for (length, most, rows, read, cut) in [
            (0, 2 * SIZE, 0, 1, false),
            (1, 2 * SIZE, 1, 1, false),
            (SIZE, 2 * SIZE, SIZE, 2, false),
            (2 * SIZE - 1, 2 * SIZE, 2 * SIZE - 1, 2, false),
            // Only another look says whether there is more.
            (2 * SIZE, 2 * SIZE, 2 * SIZE, 3, false),
            (2 * SIZE + 1, 2 * SIZE, 2 * SIZE, 3, true),
            (9 * SIZE, 2 * SIZE, 2 * SIZE, 3, true),
            (SIZE + 8, SIZE + 7, SIZE + 7, 2, true),
            (SIZE + 7, SIZE + 7, SIZE + 7, 2, false),
        ] {
            let expected: Vec<u32> = (0..rows).collect();
            assert_eq!(export(length, most), (expected, read, cut), "{length} of at most {most}");
        }
    }

    #[test]
    fn what_the_taker_says_ends_it() {
        let mut pages = Pages::new();
        pages.wanted().unwrap();
        let mut taken = 0;
        let mut take = |_: u32| {
            taken += 1;
            Err(crate::Error::not_found())
        };
        assert!(pages.hand_on(vec![1, 2, 3], &mut take).is_err());
        assert_eq!(taken, 1);
    }
}

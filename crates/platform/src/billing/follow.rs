//! What a ledger has to say when an engine said something: decided apart from the database.
//!
//! What is paid for is the time that a container runs, by its engine's own clock, whenever one hears of it. A row belongs to
//! one run of it. What an engine says may be old when it is written: a run that is over stays over.

use chrono::{DateTime, TimeDelta, Utc};
use contract::billing::{LedgerClosed as Closed, LedgerOpened as Opened};
use rust_decimal::Decimal;

type At = DateTime<Utc>;

/// What was found out about the container of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It runs since then; its run before ended then, where its engine knows of one.
    Runs { since: At, before: Option<At> },
    /// Its last run.
    Ended { since: At, at: At },
    /// It ended, and its engine is about to start it again. When that was, the engine says otherwise once it is stopped
    /// instead: by some milliseconds, because it is the time at which it noticed until then.
    Between { since: At, at: At },
    /// It is not there any more, and nobody saw it end.
    Gone,
}

/// The newest row there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    pub run: At,
    pub started_at: At,
    pub ended_at: Option<At>,
    pub closed_by: Option<Closed>,
}

/// What is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Close { at: At, by: Closed },
    Open { run: At, at: At, by: Opened, price: Decimal },
}

/// What an hour costs and from when on, the earliest first; and before all of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prices {
    pub before: Decimal,
    pub list: Vec<(At, Decimal)>,
}

impl Prices {
    /// What an hour costs then.
    pub(super) fn at(&self, at: At) -> Decimal {
        self.list.iter().rev().find(|(from, _)| *from <= at).map_or(self.before, |(_, price)| *price)
    }

    /// Where another price begins after `from` and before `until`.
    pub(super) fn changes(&self, from: At, until: At) -> impl Iterator<Item = (At, Decimal)> + '_ {
        let mut price = self.at(from);
        let between = self.list.iter().filter(move |(at, _)| *at > from && *at < until);
        between.copied().filter(move |(_, next)| std::mem::replace(&mut price, *next) != *next)
    }
}

/// `seen_running` is when it was known to run last, `now` when what was `seen` is true at least.
pub(super) fn steps(last: Option<Last>, seen: Seen, (seen_running, now): (At, At), prices: &Prices) -> Vec<Step> {
    let mut book = Book { steps: Vec::new(), last, prices };
    match seen {
        Seen::Runs { since, before } => {
            // Old news: by now it runs anew.
            if last.is_some_and(|last| last.run > since) {
                return Vec::new();
            }
            book.another_run(since, before.unwrap_or(seen_running));
            if book.may_open(since) {
                book.open(since);
            }
            // What begins now has begun.
            book.go_on(now + TimeDelta::microseconds(1));
        }
        Seen::Ended { since, at } => {
            if last.is_some_and(|last| last.run > since) {
                return Vec::new();
            }
            book.another_run(since, seen_running);
            if book.may_open(since) && book.free(since) < at {
                book.open(since);
            }
            book.close(at, Closed::Ended);
        }
        Seen::Between { since, at } => {
            if last.is_some_and(|last| last.run > since) {
                return Vec::new();
            }
            book.another_run(since, seen_running);
            if book.may_open(since) && book.free(since) < at {
                book.open(since);
            }
            // It is closed by what the engine says in the end.
            book.go_on(at);
        }
        Seen::Gone => book.close(seen_running, Closed::Unseen),
    }
    book.steps
}

struct Book<'a> {
    steps: Vec<Step>,
    last: Option<Last>,
    prices: &'a Prices,
}

impl Book<'_> {
    fn is_open(&self) -> Option<Last> {
        self.last.filter(|last| last.ended_at.is_none())
    }

    /// From when on nothing is written of this run.
    fn free(&self, since: At) -> At {
        self.last.map_or(since, |last| since.max(last.ended_at.unwrap_or(last.started_at)))
    }

    /// Whether a row of this run is missing: there is none, or it was closed without its engine's word.
    fn may_open(&self, since: At) -> bool {
        self.last
            .is_none_or(|last| last.ended_at.is_some() && (last.run < since || last.closed_by == Some(Closed::Unseen)))
    }

    /// What is open and of a run before this one is over.
    fn another_run(&mut self, since: At, ended: At) {
        if let Some(open) = self.is_open().filter(|open| open.run < since) {
            // Where the two do not fit together, the later start is what is sure.
            let at = ended.max(open.started_at).min(since);
            self.close(at, Closed::Restarted);
        }
    }

    fn open(&mut self, run: At) {
        let at = self.free(run);
        let by = match self.last.is_some_and(|last| last.run == run) {
            true => Opened::Resumed,
            false => Opened::Started,
        };
        self.begin(run, at, by);
    }

    fn begin(&mut self, run: At, at: At, by: Opened) {
        self.steps.push(Step::Open { run, at, by, price: self.prices.at(at) });
        self.last = Some(Last { run, started_at: at, ended_at: None, closed_by: None });
    }

    /// It is known to have run right up to then.
    fn go_on(&mut self, until: At) {
        let Some(open) = self.is_open() else { return };
        let changes: Vec<_> = self.prices.changes(open.started_at, until).collect();
        for (at, _) in changes {
            self.steps.push(Step::Close { at, by: Closed::Price });
            self.begin(open.run, at, Opened::Price);
        }
    }

    fn close(&mut self, at: At, by: Closed) {
        self.go_on(at);
        if let Some(open) = self.is_open() {
            let at = at.max(open.started_at);
            self.steps.push(Step::Close { at, by });
            self.last = Some(Last { ended_at: Some(at), closed_by: Some(by), ..open });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> At {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn prices(list: &[(i64, i64)]) -> Prices {
        let list = list.iter().map(|(from, price)| (at(*from), Decimal::from(*price))).collect();
        Prices { before: Decimal::ONE, list }
    }

    /// Rows that come of this, as (start, end, price).
    fn rows(said: &[(Seen, i64, i64)], prices: &Prices) -> Vec<(i64, Option<i64>, i64)> {
        let mut rows: Vec<(Last, Decimal)> = Vec::new();
        for (seen, seen_running, now) in said {
            let last = rows.last().map(|(last, _)| *last);
            for step in steps(last, *seen, (at(*seen_running), at(*now)), prices) {
                match step {
                    Step::Open { run, at, price, .. } => {
                        assert!(rows.last().is_none_or(|(last, _)| last.ended_at.is_some_and(|end| end <= at)));
                        rows.push((Last { run, started_at: at, ended_at: None, closed_by: None }, price));
                    }
                    Step::Close { at, by } => {
                        let (last, _) = rows.last_mut().unwrap();
                        assert!(last.ended_at.is_none() && at >= last.started_at);
                        (last.ended_at, last.closed_by) = (Some(at), Some(by));
                    }
                }
            }
        }
        let row = |(last, price): (Last, Decimal)| {
            let price = price.to_string().parse().unwrap();
            (last.started_at.timestamp(), last.ended_at.map(|end| end.timestamp()), price)
        };
        rows.into_iter().map(row).collect()
    }

    fn runs(since: i64, before: Option<i64>) -> Seen {
        Seen::Runs { since: at(since), before: before.map(at) }
    }

    fn ended(since: i64, until: i64) -> Seen {
        Seen::Ended { since: at(since), at: at(until) }
    }

    #[test]
    fn the_engines_times_count_and_not_when_one_heard_of_them() {
        let said =
            [(runs(10, None), 12, 12), (runs(10, None), 17, 17), (ended(10, 20), 17, 99), (ended(10, 20), 17, 120)];
        assert_eq!(rows(&said, &prices(&[])), [(10, Some(20), 1)]);
        // Nobody looked while it ran, or ran twice.
        assert_eq!(rows(&[(ended(10, 20), 0, 99)], &prices(&[])), [(10, Some(20), 1)]);
        let said = [(runs(10, None), 12, 12), (runs(30, Some(20)), 12, 31), (ended(40, 45), 31, 50)];
        assert_eq!(rows(&said, &prices(&[])), [(10, Some(20), 1), (30, Some(31), 1), (40, Some(45), 1)]);
    }

    #[test]
    fn a_run_whose_end_is_not_settled_is_closed_by_the_last_word() {
        let between = |since, until| Seen::Between { since: at(since), at: at(until) };
        let stopped = [(runs(10, None), 12, 12), (between(10, 21), 12, 22), (ended(10, 20), 22, 30)];
        assert_eq!(rows(&stopped, &prices(&[])), [(10, Some(20), 1)]);
        let again = [(between(10, 21), 0, 22), (between(10, 21), 22, 24), (runs(30, Some(21)), 24, 31)];
        assert_eq!(rows(&again, &prices(&[])), [(10, Some(21), 1), (30, None, 1)]);
        // Several runs between two looks, and old news.
        let runs_on = [(between(10, 11), 0, 12), (between(30, 31), 11, 32), (between(10, 11), 32, 33)];
        assert_eq!(rows(&runs_on, &prices(&[])), [(10, Some(11), 1), (30, None, 1)]);
        assert_eq!(rows(&[(between(10, 20), 0, 40)], &prices(&[(15, 2), (25, 3)])), [(10, Some(15), 1), (15, None, 2)]);
    }

    #[test]
    fn a_price_cuts_at_its_instant_however_late() {
        let prices = prices(&[(5, 1), (15, 2), (18, 2), (19, 3), (25, 4)]);
        let cut = [(10, Some(15), 1), (15, Some(19), 2), (19, Some(20), 3)];
        assert_eq!(rows(&[(runs(10, None), 12, 12), (ended(10, 20), 12, 99)], &prices), cut);
        assert_eq!(rows(&[(ended(10, 20), 0, 99)], &prices), cut);
        // It is known to run only until now.
        assert_eq!(rows(&[(runs(10, None), 12, 15)], &prices), [(10, Some(15), 1), (15, None, 2)]);
        assert_eq!(rows(&[(runs(10, None), 12, 14)], &prices), [(10, None, 1)]);
        // Its end is at that very instant.
        assert_eq!(rows(&[(ended(10, 15), 0, 99)], &prices), [(10, Some(15), 1)]);
    }

    #[test]
    fn old_news_change_nothing() {
        let said = [
            (runs(10, None), 12, 12),
            (ended(10, 20), 12, 21),
            (runs(10, None), 12, 22),
            (runs(30, Some(20)), 12, 31),
            (ended(10, 20), 31, 32),
            (runs(10, None), 31, 33),
        ];
        assert_eq!(rows(&said, &prices(&[])), [(10, Some(20), 1), (30, None, 1)]);
    }

    #[test]
    fn what_was_taken_away_counts_until_it_was_seen_last() {
        let gone = [(runs(10, None), 12, 12), (Seen::Gone, 17, 25), (Seen::Gone, 17, 26), (runs(30, None), 17, 31)];
        assert_eq!(rows(&gone, &prices(&[])), [(10, Some(17), 1), (30, None, 1)]);
        // It was there all the time.
        let found = [(runs(10, None), 12, 12), (Seen::Gone, 17, 25), (runs(10, None), 17, 26), (ended(10, 40), 30, 50)];
        assert_eq!(rows(&found, &prices(&[])), [(10, Some(17), 1), (17, Some(40), 1)]);
        // Never before it began.
        assert_eq!(rows(&[(runs(10, None), 12, 12), (Seen::Gone, 3, 25)], &prices(&[])), [(10, Some(10), 1)]);
    }
}

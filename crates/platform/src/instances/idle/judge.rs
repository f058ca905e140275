//! When an instance is idle and what follows: decided apart from the database.

use chrono::{DateTime, TimeDelta, Utc};
use contract::instances::IdleReason;
use runtime::docker::containers::Sample;

type At = DateTime<Utc>;

/// Nobody could look for so long: it may have been used meanwhile, so that it counts as used until now.
const GAP: TimeDelta = TimeDelta::minutes(10);

/// What is kept of an instance's use.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::instances) struct Idle {
    /// The run it is about.
    pub run: At,
    pub active_at: At,
    /// The last look that could say something.
    pub known_at: At,
    pub looked_at: At,
    pub unknown: Option<IdleReason>,
    pub gpu_percent: Option<f32>,
    pub gpu_memory: Option<i64>,
    pub cpu_percent: Option<f32>,
    pub counters: Option<Sample>,
    pub warned_at: Option<At>,
    pub kept: Option<Kept>,
}

/// Somebody keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::instances) struct Kept {
    pub at: At,
    pub until: At,
    pub by: String,
    pub because: String,
}

/// What a look saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::instances) struct Seen {
    /// Why it says nothing.
    pub unknown: Option<IdleReason>,
    /// When it did something last, as far as this look knows.
    pub active_at: Option<At>,
    pub gpu_percent: Option<f32>,
    pub gpu_memory: Option<i64>,
    pub cpu_percent: Option<f32>,
    pub counters: Option<Sample>,
}

/// What holds for an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::instances) struct Rule {
    /// Without use; `None` never.
    pub after: Option<TimeDelta>,
    /// Between the warning and the stop.
    pub warning: TimeDelta,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::instances) enum Next {
    Nothing,
    Warn,
    Stop,
}

impl Idle {
    /// Of a run that nobody has looked at yet.
    pub(in crate::instances) fn new(run: At, now: At) -> Self {
        Self {
            run,
            active_at: now,
            known_at: now,
            looked_at: now,
            unknown: Some(IdleReason::FirstLook),
            gpu_percent: None,
            gpu_memory: None,
            cpu_percent: None,
            counters: None,
            warned_at: None,
            kept: None,
        }
    }

    /// After another look at this run.
    pub(in crate::instances) fn after(before: Option<&Self>, run: At, seen: Seen, now: At) -> Self {
        let new = || Self { kept: before.and_then(|before| before.kept.clone()), ..Self::new(run, now) };
        let mut idle = before.filter(|before| before.run == run).cloned().unwrap_or_else(new);
        let was_active = idle.active_at;
        let gap = now - idle.known_at > GAP;
        if seen.unknown.is_none() {
            if gap {
                idle.active_at = now;
            }
            idle.active_at = idle.active_at.max(seen.active_at.unwrap_or(idle.active_at)).min(now);
            idle.known_at = now;
        }
        idle.looked_at = now;
        idle.unknown = seen.unknown;
        (idle.gpu_percent, idle.gpu_memory, idle.cpu_percent) = (seen.gpu_percent, seen.gpu_memory, seen.cpu_percent);
        idle.counters = seen.counters;
        if idle.active_at > was_active {
            idle.warned_at = None;
        }
        idle
    }

    /// When it would be stopped if nobody had to be warned.
    fn due(&self, after: TimeDelta) -> At {
        let due = self.active_at + after;
        self.kept.as_ref().map_or(due, |kept| due.max(kept.until))
    }

    /// What is to be done now; a warning that came too early, by a rule of before, is taken back.
    pub(in crate::instances) fn next(&mut self, rule: Rule, now: At) -> Next {
        let Some(after) = rule.after else { return Next::Nothing };
        let lead = rule.lead(after);
        let due = self.due(after);
        if now < due - lead {
            self.warned_at = None;
            return Next::Nothing;
        }
        match self.warned_at {
            _ if self.unknown.is_some() => Next::Nothing,
            None => {
                self.warned_at = Some(now);
                Next::Warn
            }
            Some(warned) if now >= due.max(warned + lead) => Next::Stop,
            Some(_) => Next::Nothing,
        }
    }

    /// When it is stopped, if it goes on like this.
    pub(in crate::instances) fn stops_at(&self, rule: Rule, now: At) -> Option<At> {
        let after = rule.after?;
        Some(self.due(after).max(self.warned_at.unwrap_or(now) + rule.lead(after)))
    }
}

impl Rule {
    /// Nobody is warned before half of the time is over.
    fn lead(self, after: TimeDelta) -> TimeDelta {
        self.warning.min(after / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { after: Some(TimeDelta::hours(2)), warning: TimeDelta::minutes(30) };

    fn at(minutes: i64) -> At {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn nothing() -> Seen {
        Seen { gpu_percent: Some(0.0), ..Seen::default() }
    }

    fn busy(minutes: i64) -> Seen {
        Seen { active_at: Some(at(minutes)), ..Seen::default() }
    }

    fn away() -> Seen {
        Seen { unknown: Some(IdleReason::NotReported), ..Seen::default() }
    }

    /// Every five minutes a look; when what was done.
    fn course(until: i64, see: impl Fn(i64) -> Seen, meddle: impl Fn(i64, &mut Idle)) -> Vec<(i64, Next)> {
        let mut done = Vec::new();
        let mut idle: Option<Idle> = None;
        for minute in (0..=until).step_by(5) {
            let mut now = Idle::after(idle.as_ref(), at(0), see(minute), at(minute));
            meddle(minute, &mut now);
            match now.next(RULE, at(minute)) {
                Next::Nothing => {}
                next => done.push((minute, next)),
            }
            idle = Some(now);
        }
        done
    }

    #[test]
    fn it_is_warned_of_and_then_stopped() {
        assert_eq!(course(120, |_| nothing(), |_, _| {}), [(90, Next::Warn), (120, Next::Stop)]);
        // A sign of use begins anew, and takes the warning back.
        let used = |minute| if minute == 100 { busy(98) } else { nothing() };
        assert_eq!(course(220, used, |_, _| {}), [(90, Next::Warn), (190, Next::Warn), (220, Next::Stop)]);
    }

    #[test]
    fn nothing_is_stopped_for_what_nobody_saw() {
        assert_eq!(course(600, |_| away(), |_, _| {}), []);
        // Nobody could look from the 95th minute on; when somebody can, all begins anew.
        let gone = |minute| if (95..200).contains(&minute) { away() } else { nothing() };
        assert_eq!(course(320, gone, |_, _| {}), [(90, Next::Warn), (290, Next::Warn), (320, Next::Stop)]);
        // A moment without an answer does not count.
        let short = |minute| if minute == 95 { away() } else { nothing() };
        assert_eq!(course(120, short, |_, _| {}), [(90, Next::Warn), (120, Next::Stop)]);
    }

    #[test]
    fn what_is_kept_runs_on_and_is_warned_of_again() {
        let keep = |minute, idle: &mut Idle| {
            if minute == 100 {
                let (by, because) = ("Ann".to_owned(), "a demo".to_owned());
                idle.kept = Some(Kept { at: at(100), until: at(400), by, because });
                idle.warned_at = None;
            }
        };
        let expected = [(90, Next::Warn), (370, Next::Warn), (400, Next::Stop)];
        assert_eq!(course(400, |_| nothing(), keep), expected);
    }

    #[test]
    fn another_run_and_another_rule_begin_anew() {
        let idle = Idle::after(None, at(0), nothing(), at(0));
        let again = Idle::after(Some(&idle), at(60), nothing(), at(61));
        assert_eq!((again.run, again.active_at), (at(60), at(61)));
        let mut warned = Idle { warned_at: Some(at(90)), ..idle };
        let longer = Rule { after: Some(TimeDelta::hours(9)), ..RULE };
        assert_eq!((warned.next(longer, at(95)), warned.warned_at), (Next::Nothing, None));
        assert_eq!(warned.next(Rule { after: None, ..RULE }, at(5000)), Next::Nothing);
        // A warning that came late still leaves its time.
        assert_eq!(warned.next(RULE, at(5000)), Next::Warn);
        assert_eq!((warned.next(RULE, at(5029)), warned.next(RULE, at(5030))), (Next::Nothing, Next::Stop));
    }
}

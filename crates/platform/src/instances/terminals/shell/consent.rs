//! That others look on at a shell, for as long as who has it lets them.
//!
//! Invariants: who looks on sees nothing from the moment that this process knows that it was ended, however much waits for them;
//! what other servers ended is known within a second, and where nobody can say it for seconds, nobody looks on.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, timeout};
use uuid::Uuid;

use super::{Shell, Viewer};
use crate::instances::store::{self, Consents};
use crate::instances::worker;
use crate::{Platform, Result};

/// How often it is asked who may look on, while somebody does.
const ASK: Duration = Duration::from_secs(1);
/// While nobody does, but its owner may be told that somebody could.
const ASK_ALONE: Duration = Duration::from_secs(5);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Without an answer for so long, nobody looks on.
const UNSURE: Duration = Duration::from_secs(5);
/// How often it is written that they are there.
const SEEN: Duration = Duration::from_secs(20);

/// Somebody who looks on.
pub(super) struct Watcher {
    pub(super) watch: Uuid,
    pub(super) name: String,
    pub(super) cut: Option<Cut>,
}

/// Why somebody looks on no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It was ended.
    Ended,
    /// Nobody can say whether they still may: the database is away.
    Unsure,
}

impl Shell {
    /// Those who look on now, and by what.
    fn watching(&self) -> Vec<(u64, Uuid)> {
        let state = self.state();
        let there = state.watchers.iter().filter(|(_, watcher)| watcher.cut.is_none());
        there.map(|(number, watcher)| (*number, watcher.watch)).collect()
    }

    /// Whether there was such a one.
    fn cut(&self, cut: Cut, is_one: impl Fn(u64, Uuid) -> bool) -> bool {
        let mut state = self.state();
        let mut any = false;
        for (number, watcher) in &mut state.watchers {
            if watcher.cut.is_none() && is_one(*number, watcher.watch) {
                watcher.cut = Some(cut);
                any = true;
            }
        }
        drop(state);
        if any {
            self.changed();
        }
        any
    }

    /// Nobody looks on any more.
    pub(in crate::instances::terminals) fn cut_all(&self) {
        self.cut(Cut::Ended, |_, _| true);
        self.ask_again();
    }

    /// Nobody looks on by this any more.
    pub(in crate::instances::terminals) fn cut_one(&self, watch: Uuid) {
        if self.cut(Cut::Ended, |_, it| it == watch) {
            self.ask_again();
        }
    }

    /// Has it be asked at once who may look on.
    pub(in crate::instances::terminals) fn ask_again(&self) {
        self.asking.notify_one();
    }

    fn is_looked_at(&self) -> bool {
        !self.state().viewers.is_empty()
    }

    fn set_shared(&self, shared: bool) {
        let before = std::mem::replace(&mut self.state().shared, shared);
        if before != shared {
            self.changed();
        }
    }

    fn cut_of(&self, number: u64) -> Option<Cut> {
        self.state().watchers.get(&number).map_or(Some(Cut::Ended), |watcher| watcher.cut)
    }
}

/// The consent by which a viewer only looks on.
pub struct Consent {
    shell: Arc<Shell>,
    number: u64,
    changes: watch::Receiver<u64>,
}

impl Consent {
    /// Until it is ended, and why. Cancel safe.
    pub async fn ended(&mut self) -> Cut {
        loop {
            self.changes.borrow_and_update();
            if let Some(cut) = self.shell.cut_of(self.number) {
                return cut;
            }
            // The sender lives as long as this does.
            let _ = self.changes.changed().await;
        }
    }
}

impl Viewer {
    /// By what it only looks on; none of who may type.
    pub fn consent(&self) -> Option<Consent> {
        let changes = self.shell.changes.subscribe();
        self.told.watches.then(|| Consent { shell: self.shell.clone(), number: self.number, changes })
    }
}

/// Follows what its owner lets others, as the database has it: other servers write there, too. Ends never.
pub(super) async fn follow(platform: &Platform, shell: &Shell) -> Infallible {
    let mut tick = tokio::time::interval(ASK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut answered, mut asked, mut seen) = (Instant::now(), None::<Instant>, None::<Instant>);
    loop {
        let wished = tokio::select! {
            () = shell.asking.notified() => true,
            _ = tick.tick() => false,
        };
        // Before the question: who comes in later is none of its answer.
        let watching = shell.watching();
        if watching.is_empty() {
            answered = Instant::now();
            let due = wished || asked.is_none_or(|at| at.elapsed() >= ASK_ALONE);
            if !due || !shell.is_looked_at() {
                continue;
            }
        }
        asked = Some(Instant::now());
        let writes = seen.is_none_or(|at| at.elapsed() >= SEEN);
        let there: Vec<Uuid> = watching.iter().filter(|_| writes).map(|(_, watch)| *watch).collect();
        match timeout(PATIENCE, ask(platform, shell.id, &there)).await {
            Ok(Ok(now)) => {
                answered = Instant::now();
                if writes {
                    seen = asked;
                }
                let asked_for = |number: u64| watching.iter().any(|(it, _)| *it == number);
                shell.cut(Cut::Ended, |number, watch| asked_for(number) && !now.watches.contains(&watch));
                shell.set_shared(now.links || !now.watches.is_empty());
            }
            Ok(Err(_)) | Err(_) if answered.elapsed() >= UNSURE => {
                shell.cut(Cut::Unsure, |_, _| true);
            }
            Ok(Err(_)) | Err(_) => {}
        }
    }
}

async fn ask(platform: &Platform, terminal: Uuid, there: &[Uuid]) -> Result<Consents> {
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    if !there.is_empty() {
        store::renew_watches(&mut tx, there).await?;
    }
    let consents = store::consents(&mut tx, terminal, ctx.now()).await?;
    tx.commit().await?;
    Ok(consents)
}

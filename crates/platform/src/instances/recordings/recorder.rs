//! Somebody who writes down what happens while it happens.
//!
//! Invariants: what waits to be written is bounded, and who brings it waits for room; what was brought is in the store half
//! a second later, whatever becomes of this process; where a recording is as long as it may be, or could not be written on,
//! another one of the same session goes on, and where none can, that is said to whoever asks ([`Recorder::standing`]); one
//! that lacks something at its end never says that it is whole.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use contract::access::RecordingEnding;
use runtime::docker::containers::TerminalSize;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::sheet::{Paper, Said, Sheet};
use super::sieve::Sieve;
use crate::instances::store::{Figures, RecordingEnd};
use crate::{Error, Result};

/// How often what came is written.
const FLUSH: Duration = Duration::from_millis(500);
/// Longest piece that is brought at once.
const PIECE: usize = 16 << 10;
/// Pieces that wait.
const WAITING: usize = 16;
/// How long who brings something waits for room: a store that hangs holds up no shell.
const STUCK: Duration = Duration::from_secs(10);
/// How long whoever writes waits for the store: what hangs for longer is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is said that it goes on.
const RENEW: Duration = Duration::from_secs(20);
/// Tries to write that it ended.
const TRIES: u32 = 10;
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// Recordings of a session that could not be written on before no other is begun.
const FAILURES: u32 = 3;
/// What a marker says of bytes that were left out.
const LEFT_OUT: &str = "left-out";

/// How it stands with something that has to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Recorded,
    /// It goes on without being recorded.
    Unrecorded,
    /// It must not go on.
    Ended,
}

/// A recording that is written on.
pub(super) struct Leaf<P> {
    pub(super) id: Uuid,
    /// Nothing where only that it happens is kept.
    pub(super) sheet: Option<Sheet<P>>,
}

impl<P: Paper> Leaf<P> {
    fn figures(&self) -> Figures {
        self.sheet.as_ref().map(Sheet::written).unwrap_or_default()
    }
}

/// What a sign of life met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sign {
    /// The recording is there.
    pub(super) there: bool,
    /// There is room for more.
    pub(super) room: bool,
}

/// Where the recordings of a session stand.
pub(super) trait Book: Send + Sync + 'static {
    type Paper: Paper;

    /// The next one, behind one with so much in it; `None` where there is no room for it.
    fn begin(
        &self,
        size: TerminalSize,
        before: Option<(Uuid, Figures)>,
    ) -> impl Future<Output = Result<Option<Leaf<Self::Paper>>>> + Send;

    /// Says that one goes on.
    fn renew(&self, id: Uuid, figures: Figures) -> impl Future<Output = Result<Sign>> + Send;

    /// Writes how one ended.
    fn end(&self, id: Uuid, end: RecordingEnd, figures: Figures) -> impl Future<Output = Result<()>> + Send;

    /// Tells who has to know that it cannot be recorded any more, and why.
    fn stopped(&self, why: RecordingEnding) -> impl Future<Output = Result<()>> + Send;
}

/// What is recorded, as far as whoever writes has to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) size: TerminalSize,
    /// What goes in is kept.
    pub(super) input: bool,
    /// Everything is kept that a screen shows; of what is no screen as much as the sieve lets through.
    pub(super) whole: bool,
    /// What cannot be recorded any more must not go on.
    pub(super) ends: bool,
}

/// What those who bring, who writes and who gives signs of life know of each other.
struct Shared {
    standing: watch::Sender<Standing>,
    ends: bool,
    /// Something was not taken, or is not any more: what follows belongs into another recording, if into any.
    deaf: AtomicBool,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    written: Option<(Uuid, Figures)>,
    /// It is there no more, or there is no room for more of it.
    turn: Option<Uuid>,
}

impl Shared {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().expect("nobody panics holding this lock")
    }

    fn is_deaf(&self) -> bool {
        self.deaf.load(Ordering::Acquire)
    }

    fn is_ended(&self) -> bool {
        *self.standing.borrow() == Standing::Ended
    }

    fn give_up(&self) {
        self.deaf.store(true, Ordering::Release);
        self.standing.send_replace(if self.ends { Standing::Ended } else { Standing::Unrecorded });
    }

    fn go_on(&self) {
        self.deaf.store(false, Ordering::Release);
        self.standing.send_if_modified(|standing| {
            let changes = *standing == Standing::Unrecorded;
            if changes {
                *standing = Standing::Recorded;
            }
            changes
        });
    }
}

/// See the module. When it is dropped, what it wrote down ends there.
pub struct Recorder {
    said: mpsc::Sender<Said>,
    written: JoinHandle<()>,
    signs: AbortOnDropHandle<()>,
    shared: Arc<Shared>,
    with_input: bool,
    content: bool,
}

impl Recorder {
    /// Who goes on with this one; or, where none could be begun, who says that it is not recorded.
    pub(super) fn begin<B: Book>(book: B, leaf: Option<Leaf<B::Paper>>, manner: Manner) -> Self {
        let (said, heard) = mpsc::channel(WAITING);
        let content = leaf.as_ref().is_some_and(|leaf| leaf.sheet.is_some());
        let standing = if leaf.is_some() { Standing::Recorded } else { Standing::Unrecorded };
        let shared = Arc::new(Shared {
            standing: watch::Sender::new(standing),
            ends: manner.ends,
            deaf: AtomicBool::new(leaf.is_none()),
            now: Mutex::default(),
        });
        let book = Arc::new(book);
        let signs = AbortOnDropHandle::new(tokio::spawn(give_signs(book.clone(), shared.clone())));
        let now = Instant::now();
        let sieves = (!manner.whole).then(|| [Sieve::new(now), Sieve::new(now)]);
        let writer = Writer { book, shared: shared.clone(), leaf, size: manner.size, sieves, failures: 0 };
        let written = tokio::spawn(writer.write(heard));
        Self { said, written, signs, shared, with_input: manner.input, content }
    }

    /// Whether what goes in is kept, too.
    pub fn with_input(&self) -> bool {
        self.with_input
    }

    /// How it stands, now and from now on.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.shared.standing.subscribe()
    }

    /// What was shown.
    pub async fn output(&self, bytes: &[u8]) {
        self.bring(bytes, Said::Output).await;
    }

    /// What was typed; left out where the policy does not want it.
    pub async fn input(&self, bytes: &[u8]) {
        if self.with_input {
            self.bring(bytes, Said::Input).await;
        }
    }

    /// Its size from now on.
    pub async fn size(&self, size: TerminalSize) {
        self.say(Said::Size(size)).await;
    }

    async fn bring(&self, bytes: &[u8], said: fn(Vec<u8>) -> Said) {
        for piece in bytes.chunks(PIECE) {
            self.say(said(piece.to_vec())).await;
        }
    }

    async fn say(&self, said: Said) {
        if !self.content {
            return;
        }
        // One that has ended takes nothing, which is as well.
        if !self.shared.is_deaf() && timeout(STUCK, self.said.send(said)).await.is_err() {
            tracing::error!("the store takes nothing: something is not recorded");
            self.shared.give_up();
        }
        if self.shared.is_ended() {
            // Who has it end comes first: nobody sees what is not recorded.
            sleep(STUCK).await;
        }
    }

    /// It is over, with this exit code where it is known; back when that is written.
    pub async fn over(self, code: Option<i32>) {
        let _ = timeout(STUCK, self.said.send(Said::Over(code))).await;
        self.left().await;
    }

    /// It is over, and nobody knows how; back when that is written.
    pub async fn left(self) {
        let Self { said, written, signs, .. } = self;
        drop(said);
        // A store that hangs, or a database that is away, holds up the end of nothing else.
        let _ = timeout(STUCK, written).await;
        // Only now: one that is not over yet says so.
        drop(signs);
    }
}

/// Who writes.
struct Writer<B: Book> {
    book: Arc<B>,
    shared: Arc<Shared>,
    leaf: Option<Leaf<B::Paper>>,
    size: TerminalSize,
    /// Of what goes out and what goes in.
    sieves: Option<[Sieve; 2]>,
    failures: u32,
}

impl<B: Book> Writer<B> {
    async fn write(mut self, mut heard: mpsc::Receiver<Said>) {
        self.note();
        let code = self.listen(&mut heard).await;
        // Nothing more is taken: who brings something does not wait for the end to be written.
        drop(heard);
        let ending = if self.shared.is_deaf() { RecordingEnding::Failed } else { RecordingEnding::Over };
        if let Some((id, end, figures)) = self.close(ending, code, false).await {
            write_end(&*self.book, id, end, figures).await;
        }
    }

    /// Until it is over; with the exit code, where one is known.
    async fn listen(&mut self, heard: &mut mpsc::Receiver<Said>) -> Option<i32> {
        let mut flush = interval(FLUSH);
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                said = heard.recv() => match said {
                    None => return None,
                    Some(Said::Over(code)) => return code,
                    Some(said) => self.take(said).await,
                },
                _ = flush.tick() => self.flush().await,
            }
            if self.leaf.is_some() && self.shared.is_deaf() {
                // What waits came before what was not taken: it still belongs to this one.
                let waiting: Vec<Said> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
                for said in waiting {
                    match said {
                        Said::Over(code) => return code,
                        said => self.take(said).await,
                    }
                }
                if self.shared.is_deaf() {
                    self.turn(RecordingEnding::Failed).await;
                }
            }
            if self.is_to_turn() {
                self.turn(RecordingEnding::Limit).await;
            }
        }
    }

    async fn take(&mut self, said: Said) {
        if let Said::Size(size) = said {
            self.size = size;
        }
        if self.is_left_out(&said) {
            return;
        }
        let taken = match self.sheet() {
            Some(sheet) => in_time(sheet.take(&said)).await,
            None => return,
        };
        match taken {
            Ok(true) => {}
            Ok(false) => {
                self.turn(RecordingEnding::Limit).await;
                if let Some(sheet) = self.sheet()
                    && let Err(error) = in_time(sheet.take(&said)).await
                {
                    self.fail(&error).await;
                }
            }
            Err(error) => self.fail(&error).await,
        }
        self.note();
    }

    /// Whether the sieve keeps it back; what it kept back before is said where something gets through.
    fn is_left_out(&mut self, said: &Said) -> bool {
        let Some(sieves) = &mut self.sieves else { return false };
        let (sieve, bytes) = match said {
            Said::Output(bytes) => (&mut sieves[0], bytes.len()),
            Said::Input(bytes) => (&mut sieves[1], bytes.len()),
            Said::Size(_) | Said::Over(_) => return false,
        };
        if !sieve.lets(bytes, Instant::now()) {
            return true;
        }
        let left_out = sieve.take_left_out();
        if let (Some(bytes), Some(sheet)) = (left_out, self.sheet()) {
            sheet.mark(&format!("{LEFT_OUT} {bytes}"));
        }
        false
    }

    async fn flush(&mut self) {
        if let Some(sheet) = self.sheet()
            && let Err(error) = in_time(sheet.flush(true)).await
        {
            self.fail(&error).await;
        }
        self.note();
    }

    fn sheet(&mut self) -> Option<&mut Sheet<B::Paper>> {
        self.leaf.as_mut()?.sheet.as_mut()
    }

    async fn fail(&mut self, error: &Error) {
        tracing::error!(%error, "a recording could not be written on");
        self.turn(RecordingEnding::Failed).await;
    }

    /// What signs of life are given of.
    fn note(&self) {
        self.shared.now().written = self.leaf.as_ref().map(|leaf| (leaf.id, leaf.figures()));
    }

    fn is_to_turn(&self) -> bool {
        let wanted = self.shared.now().turn.take();
        wanted.is_some() && wanted == self.leaf.as_ref().map(|leaf| leaf.id)
    }

    /// On in another one, where there may be one.
    async fn turn(&mut self, ending: RecordingEnding) {
        let Some(leaf) = &self.leaf else { return };
        let before = Some((leaf.id, leaf.figures()));
        if ending == RecordingEnding::Failed {
            self.failures += 1;
        }
        // What must not go on is not begun again.
        let tries = self.failures <= FAILURES && !self.shared.is_ended();
        let next = match tries {
            true => timeout(STUCK, self.book.begin(self.size, before)).await,
            false => Ok(Ok(None)),
        };
        let (ending, next) = match next {
            Ok(Ok(Some(next))) => (ending, Some(next)),
            Ok(Ok(None)) if ending != RecordingEnding::Failed => (RecordingEnding::Full, None),
            Ok(Ok(None)) => (ending, None),
            Ok(Err(error)) => {
                tracing::error!(%error, "no other recording could be begun");
                (RecordingEnding::Failed, None)
            }
            Err(_) => (RecordingEnding::Failed, None),
        };
        self.change(ending, next).await;
    }

    async fn change(&mut self, ending: RecordingEnding, mut next: Option<Leaf<B::Paper>>) {
        let stops = next.is_none();
        if stops {
            // First: whoever waits to show something hears of it.
            self.shared.give_up();
        }
        if let Some(sheet) = self.sheet()
            && ending != RecordingEnding::Failed
        {
            sheet.mark(ending.code());
        }
        if let (Some(next), Some(before)) = (next.as_mut().and_then(|next| next.sheet.as_mut()), self.sheet()) {
            next.after(before);
        }
        let ended = self.close(ending, None, stops && !self.shared.ends).await;
        self.leaf = next;
        self.note();
        if !stops {
            self.shared.go_on();
        }
        // A database that is away holds up nothing that is written meanwhile.
        let book = self.book.clone();
        tokio::spawn(async move {
            if let Some((id, end, figures)) = ended {
                write_end(&*book, id, end, figures).await;
            }
            if stops && let Err(error) = book.stopped(ending).await {
                tracing::warn!(%error, "nobody could be told that a session is not recorded any more");
            }
        });
    }

    /// Writes what waits, and takes it away; with what is to be written of its end.
    async fn close(
        &mut self,
        ending: RecordingEnding,
        code: Option<i32>,
        unrecorded: bool,
    ) -> Option<(Uuid, RecordingEnd, Figures)> {
        let left_out = self.sieves.as_mut().map(|sieves| sieves.each_mut().map(Sieve::take_left_out));
        let mut leaf = self.leaf.take()?;
        self.note();
        let mut ending = ending;
        if let Some(sheet) = &mut leaf.sheet {
            for bytes in left_out.into_iter().flatten().flatten() {
                sheet.mark(&format!("{LEFT_OUT} {bytes}"));
            }
            if let Err(error) = in_time(sheet.flush(true)).await {
                tracing::error!(%error, id = %leaf.id, "the end of a recording could not be written");
                ending = RecordingEnding::Failed;
            }
        }
        Some((leaf.id, RecordingEnd { ending, code, unrecorded }, leaf.figures()))
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    match timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => Err(Error::internal("the store does not answer")),
    }
}

async fn write_end<B: Book>(book: &B, id: Uuid, end: RecordingEnd, figures: Figures) {
    for _ in 0..TRIES {
        match book.end(id, end, figures).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, %id, "the end of a recording was not written"),
        }
        sleep(TRY_AGAIN).await;
    }
}

/// Says that they go on, whatever their writer waits for.
async fn give_signs<B: Book>(book: Arc<B>, shared: Arc<Shared>) {
    let mut clock = interval_at(Instant::now() + RENEW, RENEW);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let written = shared.now().written;
        let Some((id, figures)) = written else { continue };
        match timeout(RENEW, book.renew(id, figures)).await {
            Ok(Ok(Sign { there: true, room: true })) => {}
            Ok(Ok(_)) => shared.now().turn = Some(id),
            Ok(Err(error)) => tracing::debug!(%error, %id, "no sign of life of a recording could be written"),
            Err(_) => tracing::debug!(%id, "no sign of life of a recording could be written in time"),
        }
    }
}

#[cfg(test)]
mod tests;

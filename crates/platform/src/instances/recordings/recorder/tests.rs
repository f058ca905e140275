//! What becomes of a recording whose store hangs, fills up or is cut, in paused time.

use std::collections::HashMap;

use super::*;
use crate::instances::recordings::sheet;
use crate::secrets::Keyring;

fn screen() -> Manner {
    Manner { size: TerminalSize::default(), input: false, whole: true, ends: false }
}

/// Rows and a store in memory, which may hang, or be full.
#[derive(Clone)]
struct Desk(Arc<Inner>);

struct Inner {
    open: watch::Sender<bool>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    begun: Vec<Uuid>,
    frames: HashMap<Uuid, Vec<Vec<u8>>>,
    ends: HashMap<Uuid, (RecordingEnd, Figures)>,
    stopped: Vec<RecordingEnding>,
    signs: usize,
    most: u64,
    is_full: bool,
    is_gone: bool,
}

struct Drawer(Desk, Uuid);

fn keyring() -> Keyring {
    Keyring::from_bytes([5; 32])
}

impl Paper for Drawer {
    async fn append(&mut self, frame: Vec<u8>, _: bool) -> Result<()> {
        let mut open = self.0.0.open.subscribe();
        open.wait_for(|open| *open).await.map_err(Error::internal)?;
        self.0.seen().frames.entry(self.1).or_default().push(frame);
        Ok(())
    }
}

impl Book for Desk {
    type Paper = Drawer;

    async fn begin(&self, size: TerminalSize, _: Option<(Uuid, Figures)>) -> Result<Option<Leaf<Drawer>>> {
        let (id, most) = (Uuid::new_v4(), self.seen().most);
        if self.seen().is_full {
            return Ok(None);
        }
        let place = (Drawer(self.clone(), id), keyring());
        let sheet = Sheet::begin(place, id, (size, "first\n".to_owned()), most).await?;
        self.seen().begun.push(id);
        Ok(Some(Leaf { id, sheet: Some(sheet) }))
    }

    async fn renew(&self, _: Uuid, _: Figures) -> Result<Sign> {
        let mut seen = self.seen();
        seen.signs += 1;
        Ok(Sign { there: !std::mem::take(&mut seen.is_gone), room: !seen.is_full })
    }

    async fn end(&self, id: Uuid, end: RecordingEnd, figures: Figures) -> Result<()> {
        self.seen().ends.insert(id, (end, figures));
        Ok(())
    }

    async fn stopped(&self, why: RecordingEnding) -> Result<()> {
        self.seen().stopped.push(why);
        Ok(())
    }
}

impl Desk {
    fn new(most: u64) -> Self {
        let seen = Mutex::new(Seen { most, ..Seen::default() });
        Self(Arc::new(Inner { open: watch::Sender::new(true), seen }))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap()
    }

    fn open(&self, open: bool) {
        self.0.open.send_replace(open);
    }

    async fn recorder(&self, manner: Manner) -> Recorder {
        let leaf = self.begin(manner.size, None).await.unwrap();
        Recorder::begin(self.clone(), leaf, manner)
    }

    /// How the nth ended, and what is in the store of it: as much as is said.
    async fn ended(&self, n: usize) -> (RecordingEnd, String) {
        loop {
            {
                let seen = self.seen();
                let id = seen.begun[n];
                if let Some((end, figures)) = seen.ends.get(&id) {
                    let frames = &seen.frames[&id];
                    let lines: Vec<u8> = (0u32..)
                        .zip(frames)
                        .flat_map(|(place, frame)| sheet::open(&keyring(), (id, place), frame).unwrap())
                        .collect();
                    let stored = frames.iter().map(|frame| frame.len() as u64).sum();
                    let due = Figures { bytes: lines.len() as u64, frames: frames.len() as u32, stored };
                    assert_eq!(*figures, due);
                    return (*end, String::from_utf8(lines).unwrap());
                }
            }
            sleep(FLUSH).await;
        }
    }
}

fn end(ending: RecordingEnding, code: Option<i32>) -> RecordingEnd {
    RecordingEnd { ending, code, unrecorded: false }
}

async fn is(recorder: &Recorder, due: Standing) {
    recorder.standing().wait_for(|standing| *standing == due).await.unwrap();
}

/// Brings more than a store that hangs takes.
async fn flood(recorder: &Recorder) {
    while !recorder.shared.is_deaf() {
        recorder.output(b"waits").await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_a_store_which_hung_left_a_hole_in_never_says_that_it_is_whole() {
    let desk = Desk::new(1 << 20);
    let recorder = desk.recorder(screen()).await;
    recorder.output(b"before").await;
    desk.open(false);
    flood(&recorder).await;
    is(&recorder, Standing::Unrecorded).await;
    recorder.output(b"lost").await;
    desk.open(true);
    is(&recorder, Standing::Recorded).await;
    recorder.output(b"after").await;
    recorder.over(Some(0)).await;
    let (first, lines) = desk.ended(0).await;
    assert_eq!(first, end(RecordingEnding::Failed, None));
    assert!(lines.contains("before") && lines.contains("waits") && !lines.contains("after"), "{lines}");
    let (second, lines) = desk.ended(1).await;
    assert_eq!(second, end(RecordingEnding::Over, Some(0)), "another one goes on");
    assert!(lines.contains("after") && !lines.contains("lost"), "{lines}");
    assert!(desk.seen().stopped.is_empty());
}

#[tokio::test(start_paused = true)]
async fn where_nothing_may_go_on_unrecorded_a_store_that_hangs_ends_it() {
    let desk = Desk::new(1 << 20);
    let recorder = desk.recorder(Manner { ends: true, ..screen() }).await;
    desk.open(false);
    flood(&recorder).await;
    assert_eq!(*recorder.standing().borrow(), Standing::Ended);
    let asked = Instant::now();
    recorder.output(b"not to be shown").await;
    assert!(asked.elapsed() >= STUCK, "who has it end comes first");
    desk.open(true);
    // It is over before the writer comes to it.
    recorder.left().await;
    let (first, lines) = desk.ended(0).await;
    assert_eq!(first, end(RecordingEnding::Failed, None));
    assert!(!lines.contains("not to be shown"));
    assert_eq!(desk.seen().begun.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_given_up_and_the_list_says_that_it_goes_on_unrecorded() {
    let desk = Desk::new(1 << 20);
    let recorder = desk.recorder(screen()).await;
    desk.open(false);
    recorder.output(b"waits").await;
    is(&recorder, Standing::Unrecorded).await;
    let asked = Instant::now();
    recorder.output(b"lost").await;
    assert_eq!(asked.elapsed(), Duration::ZERO, "nobody waits for it any more");
    let (first, lines) = desk.ended(0).await;
    assert_eq!(first, RecordingEnd { unrecorded: true, ..end(RecordingEnding::Failed, None) });
    assert_eq!(lines, "first\n");
    recorder.over(Some(0)).await;
    assert_eq!(desk.seen().stopped, [RecordingEnding::Failed]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_as_long_as_it_may_be_goes_on_in_another() {
    let desk = Desk::new(1000);
    let recorder = desk.recorder(screen()).await;
    recorder.size(TerminalSize::new(100, 30).unwrap()).await;
    for n in 0..40 {
        recorder.output(format!("line {n:02} of what is shown").as_bytes()).await;
    }
    recorder.over(Some(3)).await;
    let count = desk.seen().begun.len();
    assert!(count > 1);
    let mut all = String::new();
    for n in 0..count {
        let (ended, lines) = desk.ended(n).await;
        let last = n == count - 1;
        assert_eq!(ended.ending, if last { RecordingEnding::Over } else { RecordingEnding::Limit });
        assert_eq!(lines.contains("\"m\",\"limit\""), !last, "{lines}");
        all += &lines;
    }
    for n in 0..40 {
        assert_eq!(all.matches(&format!("line {n:02} of")).count(), 1, "nothing is missing, nothing there twice");
    }
}

#[tokio::test(start_paused = true)]
async fn without_room_it_goes_on_as_the_policy_says_and_staff_are_told() {
    for ends in [false, true] {
        let desk = Desk::new(1000);
        let recorder = desk.recorder(Manner { ends, ..screen() }).await;
        recorder.output(b"shown").await;
        desk.seen().is_full = true;
        // The next sign of life says so.
        is(&recorder, if ends { Standing::Ended } else { Standing::Unrecorded }).await;
        let (ended, lines) = desk.ended(0).await;
        assert_eq!(ended, RecordingEnd { ending: RecordingEnding::Full, code: None, unrecorded: !ends });
        assert!(lines.contains("shown") && lines.contains("\"m\",\"full\""), "{lines}");
        recorder.left().await;
        assert_eq!(desk.seen().stopped, [RecordingEnding::Full]);
        assert_eq!(desk.seen().begun.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_are_given_while_the_store_hangs_and_a_row_that_is_gone_is_followed_by_another() {
    let desk = Desk::new(1 << 20);
    let recorder = desk.recorder(screen()).await;
    desk.open(false);
    recorder.output(b"waits").await;
    sleep(RENEW + FLUSH).await;
    assert_eq!(desk.seen().signs, 1);
    desk.open(true);
    desk.seen().is_gone = true;
    while desk.seen().begun.len() < 2 {
        sleep(FLUSH).await;
    }
    recorder.output(b"after").await;
    recorder.over(None).await;
    let (second, lines) = desk.ended(1).await;
    assert_eq!(second, end(RecordingEnding::Over, None));
    assert!(lines.contains("after"));
}

#[tokio::test(start_paused = true)]
async fn without_a_terminal_a_flood_is_counted_and_what_is_typed_after_it_is_kept() {
    let desk = Desk::new(64 << 20);
    let recorder = desk.recorder(Manner { input: true, whole: false, ..screen() }).await;
    let flood = vec![b'x'; 4 << 20];
    recorder.output(&flood).await;
    recorder.input(b"echo typed\n").await;
    sleep(Duration::from_secs(5)).await;
    recorder.output(b"shown\n").await;
    recorder.over(Some(0)).await;
    let (ended, lines) = desk.ended(0).await;
    assert_eq!(ended, end(RecordingEnding::Over, Some(0)));
    assert!(lines.len() < 2 << 20, "{}", lines.len());
    let left_out = lines.split("\"m\",\"left-out ").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert_eq!(left_out.parse::<usize>().unwrap(), 3 << 20);
    assert!(lines.contains("\"i\",\"echo typed\\n\"") && lines.contains("\"o\",\"shown\\n\""));
}

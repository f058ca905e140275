//! What a connection's programs show, recorded by the platform's policy; the person is told so where they can read it.

use platform::Error;
use platform::instances::{Recorded, Recorder, RecordingStanding, TerminalSize, Visit};
use tokio_util::task::TaskTracker;

use crate::channel::{Start, Wanted};
use crate::connection::Connection;

/// Of one channel; ends with it, however that ends.
pub(crate) struct Recording {
    recorder: Option<Recorder>,
    /// The words for that it is recorded. Programs that copy files take no words.
    words: Option<&'static str>,
    tasks: TaskTracker,
}

impl Recording {
    /// Begins one, where there is to be one, and says so.
    pub(crate) async fn begin(
        connection: &Connection,
        visit: &Visit,
        start: &Start,
        (wanted, terminal): (&Wanted, Option<TerminalSize>),
    ) -> Result<Self, Error> {
        let command = match wanted {
            Wanted::Command(command) => Some(command.as_str()),
            Wanted::Shell | Wanted::Files => None,
        };
        let recorded = match (wanted, terminal) {
            (Wanted::Files, _) => Recorded::Files,
            (_, Some(size)) => Recorded::Screen(size, command),
            // Nothing shows what is typed there: it is kept as what comes back is.
            (_, None) => Recorded::Command(command),
        };
        let recorder = visit.record(connection.platform(), recorded).await?;
        let with_input = recorder.as_ref().is_some_and(Recorder::with_input);
        let words = match recorded {
            Recorded::Screen(..) if with_input => Some("ssh-recorded-input"),
            Recorded::Screen(..) => Some("ssh-recorded"),
            Recorded::Command(_) => Some("ssh-recorded-command"),
            Recorded::Files => None,
        };
        let recording = Self { recorder, words, tasks: connection.gateway.tasks.clone() };
        if let Some(recorder) = &recording.recorder {
            let standing = *recorder.standing().borrow();
            recording.say(connection, start, standing).await;
        }
        Ok(recording)
    }

    async fn say(&self, connection: &Connection, start: &Start, standing: RecordingStanding) {
        let words = match standing {
            RecordingStanding::Recorded => self.words,
            RecordingStanding::Unrecorded => self.words.and(Some("ssh-unrecorded")),
            RecordingStanding::Ended => None,
        };
        if let Some(words) = words {
            start.say(&connection.words(words, &[])).await;
        }
    }

    /// Says where it is recorded no more, and where it is again; back when it must not go on.
    pub(crate) async fn follow(&self, connection: &Connection, start: &Start) {
        let Some(recorder) = &self.recorder else { return std::future::pending().await };
        let mut standing = recorder.standing();
        loop {
            if *standing.borrow_and_update() == RecordingStanding::Ended {
                return;
            }
            if standing.changed().await.is_err() {
                return std::future::pending().await;
            }
            let now = *standing.borrow();
            self.say(connection, start, now).await;
        }
    }

    /// Who writes it down.
    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        self.recorder.as_ref()
    }

    /// It is over, with this exit code.
    pub(crate) async fn over(mut self, code: u32) {
        if let Some(recorder) = self.recorder.take() {
            recorder.over(i32::try_from(code).ok()).await;
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            self.tasks.spawn(recorder.left());
        }
    }
}

//! What a connection's programs show, recorded by the platform's policy; the person is told so where they can read it.

use platform::Error;
use platform::instances::{Recorded, Recorder, TerminalSize, Visit};
use tokio_util::task::TaskTracker;

use crate::channel::{Start, Wanted};
use crate::connection::Connection;

/// Of one channel; ends with it, however that ends.
pub(crate) struct Recording {
    recorder: Option<Recorder>,
    tasks: TaskTracker,
}

impl Recording {
    /// Begins one, where there is to be one, and says so. Programs that copy files take no words.
    pub(crate) async fn begin(
        connection: &Connection,
        visit: &Visit,
        start: &Start,
        (wanted, terminal): (&Wanted, Option<TerminalSize>),
    ) -> Result<Self, Error> {
        let recorded = match (wanted, terminal) {
            (Wanted::Shell, size) => Recorded::Screen(size.unwrap_or_default(), None),
            (Wanted::Command(command), Some(size)) => Recorded::Screen(size, Some(command)),
            (Wanted::Command(command), None) => Recorded::Command(command),
            (Wanted::Files, _) => Recorded::Files,
        };
        let recorder = visit.record(connection.platform(), recorded).await?;
        let recording = Self { recorder, tasks: connection.gateway.tasks.clone() };
        let key = match recorded {
            Recorded::Screen(..) => "ssh-recorded",
            Recorded::Command(_) => "ssh-recorded-command",
            Recorded::Files => return Ok(recording),
        };
        if recording.recorder.is_some() {
            start.say(&connection.words(key, &[])).await;
        }
        Ok(recording)
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

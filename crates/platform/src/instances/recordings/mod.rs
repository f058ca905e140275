//! What people did in instances, kept where the platform's policy has it so: what screens showed, to be played again, and
//! that something was run or copied.
//!
//! Invariants: who is recorded is told so at the beginning; where a recording cannot be begun, nothing is opened; what is
//! kept is sealed and goes when its time is over, and nobody takes it away before; whoever else looks at it leaves a row in
//! the log, staff with a reason.

mod cast;
pub(crate) mod fuzzing;
mod look;
mod policy;
mod recorder;

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::access::{AccessKind, RecordingEnding, RecordingKind};
use contract::{ErrorCode, UserId};
use runtime::docker::containers::TerminalSize;
use uuid::Uuid;

pub use self::look::{
    RecordingContent, list_all_recordings, list_recordings, recording, recording_content, recording_content_of_any,
    recording_of_any,
};
pub use self::policy::{is_recorded, recording_policy, set_recording_policy};
pub use self::recorder::Recorder;
use self::recorder::Sheet;
use super::store::{self, NewRecording, Row};
use super::worker;
use crate::files::Growing;
use crate::{Error, Platform, Result, settings};

/// Longest command that is kept, bytes.
const MAX_COMMAND: usize = 16 << 10;
/// A file without a row is left alone for so long: its row may be on the way.
const ORPHAN: Duration = Duration::from_secs(24 * 3600);
/// Rows that are forgotten at a time.
const AT_ONCE: u32 = 1000;

/// What is recorded.
#[derive(Clone, Copy, Debug)]
pub enum Recorded<'a> {
    /// What a screen of this size shows, of what was run; of a shell where nothing is named.
    Screen(TerminalSize, Option<&'a str>),
    /// That this was run.
    Command(&'a str),
    /// That files are copied.
    Files,
}

impl Recorded<'_> {
    fn kind(self) -> RecordingKind {
        match self {
            Self::Screen(..) => RecordingKind::Screen,
            Self::Command(_) => RecordingKind::Command,
            Self::Files => RecordingKind::Files,
        }
    }

    fn size(self) -> Option<TerminalSize> {
        match self {
            Self::Screen(size, _) => Some(size),
            _ => None,
        }
    }

    fn command(self) -> Option<String> {
        let command = match self {
            Self::Screen(_, command) => command?,
            Self::Command(command) => command,
            Self::Files => return None,
        };
        let end = (0..=MAX_COMMAND.min(command.len())).rev().find(|end| command.is_char_boundary(*end));
        Some(command[..end.unwrap_or_default()].to_owned())
    }
}

/// Whose recording it is.
pub(super) struct Whose<'a> {
    /// The terminal, or the visit by SSH.
    pub access: Uuid,
    pub door: AccessKind,
    pub user: UserId,
    pub name: &'a str,
}

fn kept(platform: &Platform) -> Growing {
    platform.files().growing("recordings")
}

fn sealed_for(id: Uuid) -> String {
    format!("recordings.sealed_command:{id}")
}

/// Begins one, where the policy has it recorded.
///
/// # Errors
/// `Unavailable` where it cannot be begun: what is to be recorded is not opened then.
pub(super) async fn begin(
    platform: &Platform,
    row: &Row,
    whose: &Whose<'_>,
    recorded: Recorded<'_>,
) -> Result<Option<Recorder>> {
    let Some(policy) = policy::of_customer(platform, row.customer).await? else { return Ok(None) };
    begin_now(platform, row, whose, recorded, &policy).await.map(Some).map_err(|error| {
        tracing::error!(%error, "a recording could not be begun");
        Error::new(ErrorCode::Unavailable).with_key("error-recording")
    })
}

async fn begin_now(
    platform: &Platform,
    row: &Row,
    whose: &Whose<'_>,
    recorded: Recorded<'_>,
    policy: &settings::Recording,
) -> Result<Recorder> {
    let (id, ctx) = (Uuid::new_v4(), worker(platform));
    let size = recorded.size();
    let with_input = policy.input && size.is_some();
    let sheet = match size {
        Some(size) => {
            let first = cast::header(size, ctx.now(), &format!("{}@{}", whose.name, row.name));
            let place = (kept(platform).begin(id).await?, platform.keyring().clone());
            Some(Sheet::begin(place, id, (size, first), policy.most_bytes).await?)
        }
        None => None,
    };
    let command = recorded.command();
    let sealed = command.map(|command| platform.keyring().seal(&sealed_for(id), command.as_bytes()));
    let new = NewRecording {
        id,
        access: whose.access,
        door: whose.door,
        kind: recorded.kind(),
        user: whose.user,
        server: platform.server_id(),
        sealed_command: sealed.as_deref(),
        size: size.map(|size| (size.cols(), size.rows())),
        with_input,
    };
    let mut tx = platform.db().begin(&ctx).await?;
    store::begin_recording(&mut tx, row, &new, ctx.now()).await?;
    tx.commit().await?;
    Ok(Recorder::begin(platform, id, sheet, with_input))
}

async fn renew(platform: &Platform, id: Uuid, bytes: u64) -> Result<()> {
    let mut tx = platform.db().begin(&worker(platform)).await?;
    store::renew_recording(&mut tx, id, bytes).await?;
    tx.commit().await?;
    Ok(())
}

async fn write_end(
    platform: &Platform,
    id: Uuid,
    (ending, code): (RecordingEnding, Option<i32>),
    bytes: u64,
) -> Result<()> {
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    store::end_recording(&mut tx, id, (ending, code), bytes, ctx.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Comes round by the clock: what was kept long enough goes, and so do files that no row names.
pub(super) async fn clean(platform: &Platform) -> Result<()> {
    let ctx = worker(platform);
    let mut tx = platform.db().begin(&ctx).await?;
    store::tidy_recordings(&mut tx).await?;
    tx.commit().await?;
    let before = ctx.now() - settings::recording(platform).await.kept;
    forget(platform, before).await?;
    sweep(platform, ORPHAN).await
}

async fn forget(platform: &Platform, before: DateTime<Utc>) -> Result<()> {
    loop {
        let mut tx = platform.db().begin(&worker(platform)).await?;
        let gone = store::forget_recordings(&mut tx, before, AT_ONCE.into()).await?;
        tx.commit().await?;
        // Only now: until the commit, somebody may look at them. What stays is swept away.
        for id in &gone {
            kept(platform).remove(*id).await?;
        }
        if gone.len() < AT_ONCE as usize {
            return Ok(());
        }
    }
}

async fn sweep(platform: &Platform, orphan: Duration) -> Result<()> {
    let old = kept(platform).older_than(orphan).await?;
    for keys in old.chunks(1000) {
        let mut tx = platform.db().begin(&worker(platform)).await?;
        let unnamed = store::unnamed_recordings(&mut tx, keys).await?;
        tx.commit().await?;
        for id in unnamed {
            tracing::info!(%id, "a recording without a row was removed");
            kept(platform).remove(id).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_command_is_cut_at_a_letter() {
        let command = "\u{4e2d}".repeat(MAX_COMMAND);
        let kept = Recorded::Command(&command).command().unwrap();
        assert!(kept.len() <= MAX_COMMAND && kept.len() > MAX_COMMAND - 3 && command.starts_with(&kept));
        assert_eq!(Recorded::Screen(TerminalSize::default(), None).command(), None);
        assert_eq!(Recorded::Screen(TerminalSize::default(), Some("top")).command().as_deref(), Some("top"));
    }
}

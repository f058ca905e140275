//! What people did in instances, kept where the platform's policy has it so: what screens showed, to be played again, what
//! went in and out of what was run without one, and that files were copied.
//!
//! Invariants: who is recorded is told so at the beginning, and where that ends; where a recording cannot be begun, or none
//! goes on, the policy says whether what is done there may; what is kept is sealed and goes when its time is over, and nobody
//! takes it away before; a customer's take no more than their room of a day; whoever else looks at one leaves a row in the
//! log, staff with a reason.

mod cast;
pub(crate) mod fuzzing;
mod look;
mod policy;
mod recorder;
mod rows;
mod sheet;
mod sieve;

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
pub use self::policy::{recorded_here, recording_policy, set_recording_policy};
use self::recorder::Book as _;
pub use self::recorder::{Recorder, Standing};
use self::rows::Rows;
use super::store::{self, Row};
use super::worker;
use crate::files::Growing;
use crate::secrets::Keyring;
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
    /// What goes in and out, within bounds, of what was run without a terminal; of a shell where nothing is named.
    Command(Option<&'a str>),
    /// Files are copied: only that.
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

    fn size(self) -> TerminalSize {
        match self {
            Self::Screen(size, _) => size,
            Self::Command(_) | Self::Files => TerminalSize::default(),
        }
    }

    fn command(self) -> Option<String> {
        let command = match self {
            Self::Screen(_, command) | Self::Command(command) => command?,
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

/// What a recording is sealed with: a key of its own, so that none seals too much.
fn keyring_of(platform: &Platform, id: Uuid) -> Keyring {
    Keyring::from_bytes(platform.keyring().derive(&format!("recordings.content:{id}")))
}

fn sealed_for(id: Uuid) -> String {
    format!("recordings.sealed_command:{id}")
}

/// Begins one, where the policy has it recorded.
///
/// # Errors
/// `Unavailable` where it cannot be begun and the policy has nothing done unrecorded, or where it could not even be written
/// that it is not: what is to be recorded is not opened then.
pub(super) async fn begin(
    platform: &Platform,
    row: &Row,
    whose: &Whose<'_>,
    recorded: Recorded<'_>,
) -> Result<Option<Recorder>> {
    let Some(policy) = policy::of_customer(platform, row.customer).await? else { return Ok(None) };
    let (rows, size) = (Rows::new(platform, row, whose, recorded, policy), recorded.size());
    let leaf = match rows.begin(size, None).await {
        Ok(Some(leaf)) => Some(leaf),
        Ok(None) => {
            without(&rows, &policy, RecordingEnding::Full).await?;
            None
        }
        Err(error) => {
            tracing::error!(%error, "a recording could not be begun");
            without(&rows, &policy, RecordingEnding::Failed).await?;
            None
        }
    };
    let manner = rows.manner(size);
    Ok(Some(Recorder::begin(rows, leaf, manner)))
}

/// Whether it may be done without being recorded; staff are told.
async fn without(rows: &Rows, policy: &settings::Recording, why: RecordingEnding) -> Result<()> {
    if let Err(error) = rows.stopped(why).await {
        tracing::warn!(%error, "nobody could be told that a session cannot be recorded");
    }
    let key = match why {
        RecordingEnding::Full => "error-recording-full",
        _ => "error-recording",
    };
    let refused = || Error::new(ErrorCode::Unavailable).with_key(key);
    if policy.ends {
        return Err(refused());
    }
    rows.note_unrecorded(why).await.map_err(|error| {
        tracing::error!(%error, "it could not be written that something is not recorded");
        refused()
    })
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
        let kept = Recorded::Command(Some(&command)).command().unwrap();
        assert!(kept.len() <= MAX_COMMAND && kept.len() > MAX_COMMAND - 3 && command.starts_with(&kept));
        assert_eq!(Recorded::Screen(TerminalSize::default(), None).command(), None);
        assert_eq!(Recorded::Screen(TerminalSize::default(), Some("top")).command().as_deref(), Some("top"));
    }
}

//! Ends what is left in instances of who is there no more: shells of a server that is gone, what a door for SSH that is gone had
//! begun, and whatever an engine did not hear the end of.
//!
//! Invariants: what is left is taken by one, and left alone for a while by everybody else, also where the try came to nothing;
//! each is tried by itself, and keeps no other; whoever tries may die anywhere.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::trouble::Trouble;
use super::{ssh, terminals};
use crate::{Platform, Result};

/// Most of a kind that are taken at a time.
pub(super) const MOST: i64 = 20;
/// How long each of them may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks for what is left.
const LOOK: Duration = Duration::from_secs(5);
/// The same after the database was away: whoever is still there says so first.
const BACK: Duration = Duration::from_secs(30);

/// Looks for it until `shutdown`: servers that have workers do, and doors for SSH that are processes of their own, so that what one
/// leaves waits for none of its own kind.
pub async fn keep_ending_left(platform: Platform, shutdown: CancellationToken) {
    let mut pause = LOOK;
    loop {
        let turn = async {
            sleep(pause).await;
            let shells = terminals::end_orphaned_terminals(&platform).await;
            let programs = ssh::hang_up_left(&platform).await;
            shells.and(programs)
        };
        let Some(looked) = shutdown.run_until_cancelled(turn).await else { return };
        pause = match looked {
            Ok(_) => LOOK,
            Err(error) => {
                tracing::debug!(%error, "what is left in instances could not be read");
                BACK
            }
        };
    }
}

/// Tries what was taken, all at once and each by itself; of how many it was done.
pub(super) async fn each<F>(what: &'static str, tries: Vec<F>) -> usize
where
    F: Future<Output = Result<(), Trouble>> + Send + 'static,
{
    let mut going = JoinSet::new();
    for one in tries {
        going.spawn(timeout(PATIENCE, one));
    }
    let (mut ended, mut failed) = (0_usize, 0_usize);
    while let Some(tried) = going.join_next().await {
        match tried {
            Ok(Ok(Ok(()))) => {
                ended += 1;
                continue;
            }
            Ok(Ok(Err(Trouble::Ours(error)))) => tracing::warn!(what, %error, "what is left in an instance stays"),
            Ok(Ok(Err(Trouble::Engine(fault)))) => tracing::debug!(what, %fault, "what is left in an instance stays"),
            Ok(Err(_)) => tracing::debug!(what, "what is left in an instance stays: no answer in time"),
            Err(error) => tracing::error!(what, %error, "what is left in an instance stays"),
        }
        failed += 1;
    }
    if ended + failed > 0 {
        tracing::info!(what, ended, failed, "what was left in instances was ended, or is tried again later");
    }
    ended
}

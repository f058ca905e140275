//! How far long work is: written down by its job, beside the work itself.

use std::time::Duration;

use tokio::sync::watch;

use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result};

/// How often it is written.
const BEAT: Duration = Duration::from_secs(1);

/// What a job is at, where its row says how far it is.
pub(crate) trait UnderWay<P> {
    /// Writes it; false when nobody wants it any more.
    fn note(&self, tx: &mut Tx, progress: P) -> impl Future<Output = Result<bool>> + Send;
}

/// Writes how far it is, until nobody wants it any more: whoever waits for this drops the work then.
pub(crate) async fn until_unwanted<P: Copy + Send + Sync>(
    platform: &Platform,
    ctx: &OpContext,
    what: &(impl UnderWay<P> + Sync),
    progress: watch::Receiver<P>,
) {
    loop {
        tokio::time::sleep(BEAT).await;
        let now = *progress.borrow();
        let noted = async {
            let mut tx = platform.db().begin(ctx).await?;
            let wanted = what.note(&mut tx, now).await?;
            tx.commit().await?;
            Ok::<_, Error>(wanted)
        };
        match noted.await {
            Ok(true) => {}
            Ok(false) => return,
            // The database may be away for a moment; the job's lease decides what that means.
            Err(error) => tracing::debug!(%error, "how far a job is could not be written"),
        }
    }
}

//! The settings as this server acts by them.

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use super::store;
use super::store::Rows;
use crate::db::Tx;
use crate::{Platform, Result, SystemActor};

/// Oldest values a server acts by: another server may have changed them meanwhile.
const FRESH: Duration = Duration::from_secs(2);

/// What was read last, and when.
#[derive(Default)]
pub struct Cache {
    read: RwLock<Option<(Instant, Arc<Rows>)>>,
    /// Whoever holds it asks the database for everybody.
    asking: tokio::sync::Mutex<()>,
}

impl Cache {
    /// The next reader asks the database.
    pub(super) fn forget(&self) {
        if let Some((at, _)) = self.read.write().expect("nobody panics holding this lock").as_mut() {
            *at = long_ago(*at);
        }
    }

    fn fresh(&self) -> Option<Arc<Rows>> {
        let read = self.read.read().expect("nobody panics holding this lock");
        read.as_ref().filter(|(at, _)| at.elapsed() < FRESH).map(|(_, rows)| rows.clone())
    }

    fn know(&self, at: Instant, rows: Arc<Rows>) {
        *self.read.write().expect("nobody panics holding this lock") = Some((at, rows));
    }

    fn last(&self) -> Arc<Rows> {
        let read = self.read.read().expect("nobody panics holding this lock");
        read.as_ref().map(|(_, rows)| rows.clone()).unwrap_or_default()
    }

    /// What was read last, for a while longer: not everybody should wait for a database that is away.
    fn keep(&self) -> Arc<Rows> {
        if let Some((at, _)) = self.read.write().expect("nobody panics holding this lock").as_mut() {
            *at = Instant::now();
        }
        self.last()
    }
}

fn long_ago(at: Instant) -> Instant {
    at.checked_sub(FRESH).unwrap_or(at)
}

/// What is stored, at most two seconds old. While the database is away, what was read last: it was read once at start.
pub(super) async fn rows(platform: &Platform) -> Arc<Rows> {
    let cache = platform.configuration();
    if let Some(rows) = cache.fresh() {
        return rows;
    }
    let _asking = cache.asking.lock().await;
    if let Some(rows) = cache.fresh() {
        return rows;
    }
    match read(platform).await {
        Ok(rows) => rows,
        Err(error) => {
            tracing::warn!(%error, "the settings could not be read; the last ones stay in force");
            cache.keep()
        }
    }
}

/// The same inside of somebody's transaction, the system's or the staff's: a connection of its own, while the caller holds
/// one, could be the one too many that everybody waits for.
pub(super) async fn refresh_in_tx(platform: &Platform, tx: &mut Tx) -> Result<()> {
    if platform.configuration().fresh().is_none() {
        let at = Instant::now();
        let rows = Arc::new(store::all(tx).await?);
        platform.configuration().know(at, rows);
    }
    Ok(())
}

/// What was read last, however long ago.
pub(super) fn last(platform: &Platform) -> Arc<Rows> {
    platform.configuration().last()
}

/// Reads them now.
pub(super) async fn read(platform: &Platform) -> Result<Arc<Rows>> {
    // Before the question, so that a change while it is answered does not count as known.
    let at = Instant::now();
    let mut tx = platform.db().begin(&platform.system(SystemActor::Operator)).await?;
    let rows = Arc::new(store::all(&mut tx).await?);
    tx.commit().await?;
    platform.configuration().know(at, rows.clone());
    Ok(rows)
}

//! What nobody needs goes away: uploads whose time is over, content without a file, folders without a row.

use std::time::Duration;

use chrono::TimeDelta;
use contract::files::UploadFault;

use super::store;
use crate::{Platform, Result, SystemActor};

/// A folder without a row is left alone for so long: its row may be on the way.
const ORPHAN: Duration = Duration::from_secs(24 * 3600);
/// How long one can look up how an upload ended.
const KEPT_DAYS: i64 = 7;

/// See the module. Run by the job queue; may die anywhere and begin anew.
pub async fn clean(platform: &Platform) -> Result<()> {
    sweep(platform, ORPHAN).await
}

/// The same for folders of at least this age, for the tests.
#[doc(hidden)]
pub async fn sweep(platform: &Platform, orphan: Duration) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    let mut gone = Vec::new();
    for id in store::expired(&mut tx, ctx.now()).await? {
        gone.extend(store::upload(&mut tx, id).await?.map(|row| row.store_key));
        store::abort(&mut tx, id, UploadFault::Expired).await?;
    }
    gone.extend(store::forget_unused(&mut tx).await?);
    store::forget_ended(&mut tx, ctx.now() - TimeDelta::days(KEPT_DAYS)).await?;
    tx.commit().await?;
    // Only now: until the commit, they might be needed.
    for key in gone {
        platform.files().remove(key).await?;
    }
    let old = platform.files().older_than(orphan).await?;
    for keys in old.chunks(1000) {
        let mut tx = platform.db().begin(&ctx).await?;
        let unnamed = store::unnamed(&mut tx, keys).await?;
        tx.commit().await?;
        for key in unnamed {
            tracing::info!(%key, "a folder of the store belonged to nobody and was removed");
            platform.files().remove(key).await?;
        }
    }
    Ok(())
}

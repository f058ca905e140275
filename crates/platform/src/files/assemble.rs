//! The job that makes a file of an upload whose chunks are all there.

use contract::UploadId;
use contract::files::{UploadFault, UploadState};
use sha2::{Digest as _, Sha256};

use super::store::{self, UploadRow};
use super::{chunks, read_sha256};
use crate::{Error, Platform, Result, SystemActor};

/// Chunks that are looked up at a time.
const BATCH: i64 = 256;

/// Reads and hashes everything, and makes it a file, or gives it up. Whatever it did before it died it does again; twice
/// at the same time does the same once. `last`: nobody tries again after this.
///
/// # Errors
/// When the store or the database fails and somebody tries again.
pub async fn assemble(platform: &Platform, id: UploadId, last: bool) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    let row = store::upload(&mut tx, id).await?;
    tx.commit().await?;
    let Some(row) = row.filter(|row| row.view.state == UploadState::Assembling && !row.by_platform) else {
        // Somebody was faster.
        return Ok(());
    };
    let sha256 = match hash(platform, &row).await {
        Ok(sha256) => sha256,
        Err(error) if last => {
            tracing::error!(%error, upload = id.0, "an upload could not be read back");
            return give_up(platform, id, UploadFault::Store).await;
        }
        Err(error) => return Err(error),
    };
    let announced = row.view.sha256.as_deref().map(read_sha256);
    if announced.is_some_and(|announced| announced != Some(sha256)) {
        return give_up(platform, id, UploadFault::Hash).await;
    }
    let mut tx = platform.db().begin(&ctx).await?;
    let Some(row) = store::lock_upload(&mut tx, id).await?.filter(|row| row.view.state == UploadState::Assembling)
    else {
        return Ok(());
    };
    let new = store::finish(&mut tx, &row, &sha256, ctx.now()).await?;
    tx.commit().await?;
    match new {
        true => platform.files().remove_unfinished(row.store_key).await,
        false => platform.files().remove(row.store_key).await,
    }
}

async fn hash(platform: &Platform, row: &UploadRow) -> Result<[u8; 32]> {
    let ctx = platform.system(SystemActor::Worker);
    let mut hash = Sha256::new();
    let mut next = 0;
    while next < row.view.chunks {
        let mut tx = platform.db().begin(&ctx).await?;
        let batch = store::chunks_from(&mut tx, row.view.id, next, BATCH).await?;
        tx.commit().await?;
        if batch.is_empty() {
            return Err(Error::internal("chunks are missing"));
        }
        for chunk in batch {
            if chunk.n != next || chunk.size != chunks::size_of(&row.view, next) {
                return Err(Error::internal(format!("chunk {next} is missing")));
            }
            let read = platform.files().hash_part(row.store_key, chunk.n, chunk.size, hash).await;
            hash = read.map_err(Error::internal)?;
            next += 1;
        }
    }
    Ok(hash.finalize().into())
}

async fn give_up(platform: &Platform, id: UploadId, fault: UploadFault) -> Result<()> {
    let mut tx = platform.db().begin(&platform.system(SystemActor::Worker)).await?;
    let Some(row) = store::lock_upload(&mut tx, id).await?.filter(|row| row.view.state == UploadState::Assembling)
    else {
        return Ok(());
    };
    store::abort(&mut tx, id, fault).await?;
    tx.commit().await?;
    platform.files().remove(row.store_key).await
}

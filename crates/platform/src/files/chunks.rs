//! A chunk comes in.

use chrono::TimeDelta;
use contract::files::{ChunkView, UPLOAD_HOURS, UploadState, UploadView};
use contract::{ErrorCode, Permission, UploadId};
use tokio::io::AsyncRead;

use super::{fits_the_disk, found_upload, store, wrong_state};
use crate::authz::{ManageUpload, UploadRef};
use crate::{Error, OpContext, Platform, Result};

/// Bytes of a chunk.
pub(super) fn size_of(upload: &UploadView, n: u32) -> u64 {
    upload.chunk_size.min(upload.size.saturating_sub(u64::from(n) * upload.chunk_size))
}

/// A SHA-256 as 64 hexadecimal digits.
pub fn read_sha256(text: &str) -> Option<[u8; 32]> {
    hex::decode(text.trim()).ok()?.try_into().ok()
}

/// Takes a chunk in, whole or not at all. The same chunk again is fine; whoever sends it side by side sends the same.
///
/// # Errors
/// `NotFound` where there is no such upload or chunk, `WrongState` for an upload that takes none any more, `Validation` for
/// another size or hash than is due, `Conflict` for other bytes than are there already.
pub async fn put_chunk(
    platform: &Platform,
    ctx: &OpContext,
    id: UploadId,
    n: u32,
    sha256: Option<[u8; 32]>,
    body: &mut (impl AsyncRead + Unpin),
) -> Result<ChunkView> {
    let ctx = &ctx.trying_on("files:upload", "upload", id);
    ctx.authorize_list::<UploadRef>(Permission::FilesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let row = found_upload(&mut tx, id).await?;
    tx.commit().await?;
    let granted = ctx.authorize(ManageUpload, &row.resource())?;
    if n >= row.view.chunks {
        return Err(Error::not_found());
    }
    if row.view.state != UploadState::Open {
        return Err(wrong_state(row.view.state));
    }
    let size = size_of(&row.view, n);
    fits_the_disk(platform, size).await?;
    let written = platform.files().write(row.store_key, n, size, body).await?;
    if sha256.is_some_and(|due| due != written.sha256) {
        return Err(Error::field("sha256", "field-chunk-hash"));
    }
    let view = ChunkView { n, size: written.size, sha256: hex::encode(written.sha256) };
    let mut tx = platform.db().begin(ctx).await?;
    if !store::touch(&mut tx, &granted, ctx.now() + TimeDelta::hours(UPLOAD_HOURS)).await? {
        return Err(wrong_state(found_upload(&mut tx, id).await?.view.state));
    }
    match store::chunk(&mut tx, id, n).await? {
        Some(there) if there.sha256 == written.sha256 => {}
        Some(_) => return Err(Error::new(ErrorCode::Conflict).with_key("error-chunk-differs")),
        None => {
            let chunk = store::ChunkRow { n, size: written.size, sha256: written.sha256.to_vec() };
            store::insert_chunk(&mut tx, &granted, &chunk, ctx.now()).await?;
            // Under the row's lock, so that nobody's other bytes take this place; before the commit, so that what a row
            // says is there.
            written.keep().await?;
        }
    }
    tx.commit().await?;
    Ok(view)
}

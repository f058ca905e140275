//! What a job takes in for somebody, out of a body whose end nobody knows before it comes.
//!
//! It counts against the quota from the beginning, by what was announced and then by what really came; each part is on the disk
//! before the next one is read. It becomes a file in the caller's own transaction, together with what is made of it, or
//! nothing of it is left: who dies in between leaves a row that its caller names, and [`forget`] takes that away.

use chrono::TimeDelta;
use contract::files::{CHUNK_BYTES, FilePurpose, GB, UPLOAD_HOURS};
use contract::{CustomerId, ErrorCode, FileId, UploadId, UserId};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncRead;
use uuid::Uuid;

use super::disk::{Content, Unwritten};
use super::{fits_the_disk, store};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, quotas, settings};

/// Whose it will be.
pub(crate) struct Owner {
    pub customer: CustomerId,
    pub person: UserId,
    /// Of the person.
    pub name: String,
}

/// Why it is not here.
pub(crate) enum NotTaken {
    /// What it was read from did not give it.
    Body(std::io::Error),
    /// It is larger than it may be, or than there is room for: an error as people get it.
    Refused(Error),
    /// Somebody gave it up meanwhile.
    GivenUp,
    /// The store or the database.
    Ours(Error),
}

impl From<Error> for NotTaken {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

/// What is on its way in.
pub(crate) struct Taking {
    pub upload: UploadId,
    owner: Owner,
    key: Uuid,
    /// Bytes it counts for.
    counted: u64,
    /// Bytes that are here.
    pub size: u64,
    sha256: [u8; 32],
}

impl Taking {
    /// All of it, to be read before it is a file.
    pub(crate) fn content(&self, platform: &Platform) -> Content {
        platform.files().open(self.key, self.size, CHUNK_BYTES)
    }
}

/// Refuses what does not fit into the limits of a customer and a person; says how many uploads are open. Who asks at the same
/// time waits.
///
/// # Errors
/// `QuotaExceeded`.
pub(crate) async fn room_in_tx(
    tx: &mut Tx,
    (customer, person): (Option<CustomerId>, Option<UserId>),
    bytes: u64,
) -> Result<i64> {
    let (taken, own, going) = store::used(tx, customer, person).await?;
    let limits = quotas::storage_in_tx(tx, person, customer).await?;
    for (limit, taken) in [(limits.customer, taken), (limits.person, own)] {
        let Some(limit) = limit else { continue };
        if taken.saturating_add(bytes) > limit.saturating_mul(GB) {
            return Err(Error::new(ErrorCode::QuotaExceeded)
                .with_key("error-storage-quota")
                .with_arg("limit", in_words(limit.saturating_mul(GB)))
                .with_arg("used", in_words(taken)));
        }
    }
    Ok(going)
}

/// In GB, with two places where it is no whole number, and below one in MB: 27 MB are not "1 GB". What is begun counts.
fn in_words(bytes: u64) -> String {
    const MB: u64 = 1_000_000;
    let hundredths = bytes.saturating_mul(100).div_ceil(GB);
    match (bytes.div_ceil(MB), hundredths % 100) {
        (megabytes @ 1..1000, _) => format!("{megabytes} MB"),
        (_, 0) => format!("{} GB", hundredths / 100),
        (_, part) => format!("{}.{part:02} GB", hundredths / 100),
    }
}

/// A folder for about so many bytes.
///
/// # Errors
/// `TooLarge`, or `Unavailable` where the store's disk is full.
pub(crate) async fn prepare(platform: &Platform, bytes: u64) -> Result<Uuid> {
    may_be_so_large(platform, bytes).await?;
    fits_the_disk(platform, bytes).await?;
    let key = Uuid::new_v4();
    platform.files().create(key).await?;
    Ok(key)
}

/// Takes a folder away that nothing was announced for.
pub(crate) async fn discard(platform: &Platform, key: Uuid) -> Result<()> {
    platform.files().remove(key).await
}

async fn may_be_so_large(platform: &Platform, bytes: u64) -> Result<()> {
    let most = settings::max_file_gb(platform).await;
    match bytes > most * GB {
        true => Err(Error::new(ErrorCode::TooLarge).with_key("error-file-too-large").with_arg("gb", most)),
        false => Ok(()),
    }
}

/// Writes down that about so many bytes come into the folder; they count from now on.
///
/// # Errors
/// `QuotaExceeded`.
pub(crate) async fn announce_in_tx(
    tx: &mut Tx,
    ctx: &OpContext,
    owner: Owner,
    (name, purpose): (&str, FilePurpose),
    (key, bytes): (Uuid, u64),
) -> Result<Taking> {
    let counted = bytes.max(1);
    room_in_tx(tx, (Some(owner.customer), Some(owner.person)), counted).await?;
    let times = (ctx.now() + TimeDelta::hours(UPLOAD_HOURS), ctx.now());
    let upload = store::insert_taking(tx, &owner, (name, purpose, counted), (key, CHUNK_BYTES), times).await?;
    Ok(Taking { upload, owner, key, counted, size: 0, sha256: [0; 32] })
}

/// Takes all of it in; `tell` hears how much is here.
pub(crate) async fn take(
    platform: &Platform,
    ctx: &OpContext,
    taking: &mut Taking,
    body: &mut (impl AsyncRead + Unpin),
    tell: impl Fn(u64),
) -> Result<(), NotTaken> {
    let mut whole = Sha256::new();
    for n in 0.. {
        fits_the_disk(platform, CHUNK_BYTES).await.map_err(NotTaken::Refused)?;
        let next = platform.files().write_next(taking.key, (n, CHUNK_BYTES), body, whole).await;
        let (written, hashed) = next.map_err(|error| match error {
            Unwritten::Body(error) => NotTaken::Body(error),
            Unwritten::Ours(error) => NotTaken::Ours(error),
        })?;
        whole = hashed;
        let ended = written.size < CHUNK_BYTES;
        if written.size > 0 {
            taking.size += written.size;
            may_be_so_large(platform, taking.size).await.map_err(NotTaken::Refused)?;
            count(platform, ctx, taking).await?;
            written.keep().await?;
            tell(taking.size);
        }
        if ended {
            break;
        }
    }
    if taking.size == 0 {
        return Err(NotTaken::Body(std::io::ErrorKind::UnexpectedEof.into()));
    }
    taking.sha256 = whole.finalize().into();
    Ok(())
}

/// It counts for what is here, where that is more than was announced.
async fn count(platform: &Platform, ctx: &OpContext, taking: &mut Taking) -> Result<(), NotTaken> {
    let more = taking.size.saturating_sub(taking.counted);
    let mut tx = platform.db().begin(ctx).await?;
    if more > 0 {
        let whose = (Some(taking.owner.customer), Some(taking.owner.person));
        match room_in_tx(&mut tx, whose, more).await {
            Err(error) if error.code == ErrorCode::QuotaExceeded => return Err(NotTaken::Refused(error)),
            room => room?,
        };
        taking.counted = taking.size;
    }
    let expires_at = platform.system(crate::SystemActor::Worker).now() + TimeDelta::hours(UPLOAD_HOURS);
    let kept = store::keep_taking(&mut tx, taking.upload, (more > 0).then_some(taking.size), expires_at).await?;
    tx.commit().await.map_err(Error::from)?;
    if kept { Ok(()) } else { Err(NotTaken::GivenUp) }
}

/// Makes it a file; nothing where it was given up. After the commit, [`settle`] with what this says.
pub(crate) async fn finish_in_tx(tx: &mut Tx, ctx: &OpContext, taking: &Taking) -> Result<Option<(FileId, bool)>> {
    if !store::keep_taking(tx, taking.upload, Some(taking.size), ctx.now()).await? {
        return Ok(None);
    }
    let row = store::lock_upload(tx, taking.upload).await?.ok_or_else(Error::not_found)?;
    let new = store::finish(tx, &row, &taking.sha256, ctx.now()).await?;
    let done = store::upload(tx, taking.upload).await?.and_then(|row| row.view.file);
    let file = done.ok_or_else(|| Error::internal("what was taken in is no file"))?;
    store::forget_taking(tx, taking.upload).await?;
    Ok(Some((file, new)))
}

/// Takes away what a file does not need: where this very content was there already, all of it.
pub(crate) async fn settle(platform: &Platform, taking: &Taking, new: bool) -> Result<()> {
    match new {
        true => platform.files().remove_unfinished(taking.key).await,
        false => platform.files().remove(taking.key).await,
    }
}

/// Takes it away, whatever is there of it, unless it is a file.
pub(crate) async fn forget(platform: &Platform, ctx: &OpContext, upload: UploadId) -> Result<()> {
    let mut tx = platform.db().begin(ctx).await?;
    let key = store::forget_taking(&mut tx, upload).await?;
    tx.commit().await?;
    match key {
        Some(key) => platform.files().remove(key).await,
        None => Ok(()),
    }
}

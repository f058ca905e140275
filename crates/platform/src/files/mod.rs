//! Files: taken in by chunks, kept once per content, counted by customer.
//!
//! Invariants: what is on the disk and in no row is nobody's and goes away; what a row says is there is on the disk; a
//! chunk counts once it is whole, hashed and synced; content is shared only by those who sent all of it; bytes of files and
//! of open uploads count against the quota from the moment they are announced. The store is a directory, and servers of one
//! installation share it; an object store can take its place behind [`Store`].

mod assemble;
mod chunks;
mod clean;
mod disk;
mod growing;
mod store;
pub(crate) mod taking;
pub(crate) mod unshared;

use std::collections::HashMap;
use std::io::Read as _;

use chrono::TimeDelta;
use contract::files::{
    CHUNK_BYTES, FilePurpose, FileQuery, FileView, MAX_OPEN_UPLOADS, UPLOAD_HOURS, UploadCreate, UploadFault,
    UploadState, UploadView,
};
use contract::{CustomerId, ErrorCode, FileId, Page, Permission, UploadId, UserId};
use tokio::io::AsyncRead;
use uuid::Uuid;

pub use assemble::assemble;
pub use chunks::{put_chunk, read_sha256};
pub use clean::{clean, sweep};
pub use disk::{Content, Store};
pub(crate) use growing::{Appender, Frames, Growing};
use taking::{Owner, room_in_tx};
use unshared::{Maker, Reached};

use crate::authz::{
    CreateFile, DeleteFile, FileRef, FileShelf, Granted, ManageUpload, UploadRef, ViewFile, ViewUpload,
};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::jobs::{NewJob, Standing, enqueue_in_tx};
use crate::{Error, OpContext, Platform, Result, audit};

/// Up to this size who completes an upload waits for the end of it.
const AT_ONCE: u64 = 64 << 20;

/// An upload that may begin.
struct Announced {
    name: String,
    size: u64,
    sha256: Option<[u8; 32]>,
    purpose: FilePurpose,
}

/// Whose files somebody works with: their customer's, or the platform's.
fn shelf(ctx: &OpContext) -> FileShelf {
    let user = ctx.user();
    FileShelf { customer: user.and_then(|user| user.active_customer), owner: user.map(|user| user.id) }
}

impl store::UploadRow {
    fn resource(&self) -> UploadRef {
        UploadRef { id: self.view.id, customer: self.customer, owner: self.owner, machine: None }
    }

    /// Somebody who tries something with it. Of an upload that nobody has completed the log knows no name otherwise.
    fn tried_by(&self, ctx: &OpContext, action: &'static str) -> OpContext {
        tried(ctx, (action, "upload", self.view.id.to_string()), &self.view.name)
    }
}

fn tried(ctx: &OpContext, (action, kind, id): (&'static str, &'static str, String), name: &str) -> OpContext {
    let name = serde_json::json!({ "name": name });
    ctx.trying(audit::Entry { after: Some(name), ..audit::Entry::attempt(action, kind, Some(id)) })
}

impl store::FileRow {
    fn resource(&self) -> FileRef {
        FileRef { id: self.view.id, customer: self.customer, owner: self.owner, machine: None }
    }
}

/// Announces a file; its bytes count from now on.
///
/// # Errors
/// `Validation` with every fault at once, `TooLarge` beyond the installation's limit, `QuotaExceeded` for what does not fit
/// any more, or where too many are open, `Unavailable` where the store's disk is full.
pub async fn create_upload(platform: &Platform, ctx: &OpContext, body: UploadCreate) -> Result<UploadView> {
    let ctx = &ctx.trying_new("files:upload", "upload");
    let shelf = shelf(ctx);
    let granted = ctx.authorize(CreateFile, &shelf)?;
    let new = check(body)?;
    let key = taking::prepare(platform, new.size).await?;
    let announced = announce(platform, ctx, &granted, &shelf, &new, key).await;
    if announced.is_err() {
        // What was refused leaves no folder. Where this fails too, it is swept away later.
        let _ = platform.files().remove(key).await;
    }
    announced
}

/// Whether the caller may bring files in at all: asked before anything they send is taken in.
///
/// # Errors
/// As [`create_upload`] would refuse them.
pub fn may_upload(ctx: &OpContext) -> Result<()> {
    ctx.trying_new("files:upload", "upload").authorize_list::<FileRef>(Permission::FilesUpload).map(drop)
}

/// Refuses what the store's disk cannot hold, whatever the limits say.
async fn fits_the_disk(platform: &Platform, bytes: u64) -> Result<()> {
    if platform.files().room().await? < bytes {
        tracing::warn!("the disk of the files' store is nearly full");
        return Err(Error::new(ErrorCode::Unavailable).with_key("error-store-full"));
    }
    Ok(())
}

/// Writes it down where it still fits.
async fn announce(
    platform: &Platform,
    ctx: &OpContext,
    granted: &Granted<CreateFile>,
    shelf: &FileShelf,
    new: &Announced,
    key: Uuid,
) -> Result<UploadView> {
    let mut tx = platform.db().begin(ctx).await?;
    let going = room_in_tx(&mut tx, (shelf.customer, shelf.owner), new.size).await?;
    if going >= MAX_OPEN_UPLOADS {
        return Err(Error::new(ErrorCode::QuotaExceeded).with_key("error-uploads-open").with_arg("n", going));
    }
    let expires_at = ctx.now() + TimeDelta::hours(UPLOAD_HOURS);
    let id = store::insert_upload(&mut tx, granted, ctx, new, (key, CHUNK_BYTES), expires_at).await?;
    let view = found_upload(&mut tx, id).await?.view;
    tx.commit().await?;
    Ok(view)
}

fn check(body: UploadCreate) -> Result<Announced> {
    let mut wrong = Wrong::new();
    // Only the name counts, whatever path a browser sent.
    let name = body.name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let name = wrong.text("name", Some(name), 255);
    if name.is_none() {
        wrong.add("name", "field-required");
    }
    // Beyond the second, chunks could not be numbered.
    if body.size == 0 || body.size.div_ceil(CHUNK_BYTES) > u64::from(u16::MAX) * 16 {
        wrong.add("size", "field-file-size");
    }
    let sha256 = body.sha256.as_deref().map(read_sha256);
    if sha256 == Some(None) {
        wrong.add("sha256", "field-sha256");
    }
    wrong.into_result()?;
    Ok(Announced { name: name.unwrap_or_default(), size: body.size, sha256: sha256.flatten(), purpose: body.purpose })
}

async fn found_upload(tx: &mut Tx, id: UploadId) -> Result<store::UploadRow> {
    of_people(store::upload(tx, id).await?)
}

/// What the platform takes in is no upload of anybody's.
fn of_people(row: Option<store::UploadRow>) -> Result<store::UploadRow> {
    row.filter(|row| !row.by_platform).ok_or_else(Error::not_found)
}

/// An upload, with which chunks are there.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn get_upload(platform: &Platform, ctx: &OpContext, id: UploadId) -> Result<UploadView> {
    ctx.authorize_list::<UploadRef>(Permission::FilesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let row = found_upload(&mut tx, id).await?;
    tx.commit().await?;
    ctx.authorize(ViewUpload, &row.resource())?;
    Ok(row.view)
}

/// An upload that is going on, for a page.
pub struct Going {
    pub view: UploadView,
    /// User name of who began it.
    pub by: String,
    /// The caller may give it up now.
    pub may_abort: bool,
}

/// What is on its way in, the newest first, at most a hundred.
pub async fn uploads(platform: &Platform, ctx: &OpContext) -> Result<Vec<UploadView>> {
    Ok(uploads_going(platform, ctx).await?.into_iter().map(|going| going.view).collect())
}

/// The same, with whose they are and what may be done.
pub async fn uploads_going(platform: &Platform, ctx: &OpContext) -> Result<Vec<Going>> {
    ctx.authorize_list::<UploadRef>(Permission::FilesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let mut list = Vec::new();
    for id in store::going(&mut tx, shelf(ctx).customer).await? {
        let row = found_upload(&mut tx, id).await?;
        let open = row.view.state == UploadState::Open;
        let may_abort = open && ctx.authorize(ManageUpload, &row.resource()).is_ok();
        list.push(Going { view: row.view, by: row.owner_name, may_abort });
    }
    tx.commit().await?;
    Ok(list)
}

/// Where these uploads stand, for the list of jobs; those that the caller may not see are not there.
pub(crate) async fn standings(tx: &mut Tx, ctx: &OpContext, ids: &[i64]) -> Result<HashMap<i64, Standing>> {
    let list = store::briefs(tx, ids).await?.into_iter().map(|brief| {
        let words = |fault: UploadFault| texts::message(ctx.language(), &format!("upload-fault-{}", fault.code()), &[]);
        let standing = Standing {
            name: brief.name,
            state: brief.state.code(),
            // Who gave it up, or sent nothing more, wanted or knew it.
            failed: matches!(brief.fault, Some(UploadFault::Hash | UploadFault::Store)),
            message: brief.fault.map(words),
            link: (brief.purpose == FilePurpose::Image).then(|| "/images/mine".to_owned()),
            progress: None,
        };
        (brief.id, standing)
    });
    Ok(list.collect())
}

/// All chunks are there: makes a file of them. A large one is checked in the background, and [`get_upload`] says how it
/// went; again changes nothing.
///
/// # Errors
/// `NotFound` where there is none, `WrongState` where chunks are missing or it was given up, `Validation` (`sha256`) where what
/// arrived is not what was announced, also when it is asked again.
pub async fn complete(platform: &Platform, ctx: &OpContext, id: UploadId) -> Result<UploadView> {
    ctx.trying_on("files:upload", "upload", id).authorize_list::<UploadRef>(Permission::FilesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let row = of_people(store::lock_upload(&mut tx, id).await?)?;
    let granted = row.tried_by(ctx, "files:upload").authorize(ManageUpload, &row.resource())?;
    let view = row.view;
    match view.state {
        UploadState::Done => return Ok(view),
        UploadState::Assembling => {}
        UploadState::Aborted => return Err(aborted(&view)),
        UploadState::Open if view.received_bytes < view.size => {
            return Err(Error::new(ErrorCode::WrongState)
                .with_key("error-upload-incomplete")
                .with_arg("received", view.received_bytes)
                .with_arg("size", view.size));
        }
        UploadState::Open => {
            store::assemble(&mut tx, &granted).await?;
            let mut job = NewJob::new("files-assemble", ctx.now());
            job.payload = serde_json::json!({ "upload": id.0 });
            job.idempotency_key = Some(id.to_string());
            job.customer = row.customer;
            job.person = row.owner;
            enqueue_in_tx(&mut tx, &job).await?;
            let facts = serde_json::json!({ "name": view.name, "size": view.size, "purpose": view.purpose });
            audit::record_in_tx(&mut tx, ctx, entry("files:upload", "upload", id.0, row.customer, facts)).await?;
        }
    }
    tx.commit().await?;
    if view.size <= AT_ONCE {
        // What does not go well at once is the job's to do again.
        let _ = assemble(platform, id, false).await;
    }
    let ended = get_upload(platform, ctx, id).await?;
    match ended.state {
        UploadState::Aborted => Err(aborted(&ended)),
        UploadState::Open | UploadState::Assembling | UploadState::Done => Ok(ended),
    }
}

/// Why no file became of it.
fn aborted(view: &UploadView) -> Error {
    match view.fault {
        Some(UploadFault::Hash) => Error::field("sha256", "field-upload-hash"),
        _ => wrong_state(view.state),
    }
}

/// Gives an upload up; again changes nothing.
///
/// # Errors
/// `NotFound` where there is none, `WrongState` for one that is a file by now, or is just becoming one.
pub async fn abort(platform: &Platform, ctx: &OpContext, id: UploadId) -> Result<()> {
    let ctx = &ctx.trying_on("files:abort-upload", "upload", id);
    ctx.authorize_list::<UploadRef>(Permission::FilesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let row = of_people(store::lock_upload(&mut tx, id).await?)?;
    let granted = row.tried_by(ctx, "files:abort-upload").authorize(ManageUpload, &row.resource())?;
    match row.view.state {
        UploadState::Aborted => return Ok(()),
        UploadState::Open => {}
        state => return Err(wrong_state(state)),
    }
    store::cancel(&mut tx, &granted).await?;
    let facts = serde_json::json!({ "name": row.view.name, "size": row.view.size });
    let mut entry = entry("files:abort-upload", "upload", id.0, row.customer, serde_json::Value::Null);
    (entry.before, entry.after) = (Some(facts), None);
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    platform.files().remove(row.store_key).await
}

fn wrong_state(state: UploadState) -> Error {
    Error::new(ErrorCode::WrongState).with_key("error-upload-state").with_arg("state", state.code())
}

/// A whole small file at once, whose size is known. Waits until it is a file.
///
/// # Errors
/// As [`create_upload`]'s and [`put_chunk`]'s.
pub async fn store_whole(
    platform: &Platform,
    ctx: &OpContext,
    new: UploadCreate,
    body: &mut (impl AsyncRead + Unpin),
) -> Result<FileView> {
    let upload = create_upload(platform, ctx, new).await?;
    for n in 0..upload.chunks {
        let mut part = tokio::io::AsyncReadExt::take(&mut *body, chunks::size_of(&upload, n));
        if let Err(error) = put_chunk(platform, ctx, upload.id, n, None, &mut part).await {
            abort(platform, ctx, upload.id).await?;
            return Err(error);
        }
    }
    let done = complete(platform, ctx, upload.id).await?;
    match done.file {
        Some(file) => get(platform, ctx, file).await,
        None => Err(Error::internal(format!("an upload ended as {}", done.state.code()))),
    }
}

/// One's customer's files, or the platform's, the newest first.
pub async fn list(platform: &Platform, ctx: &OpContext, query: &FileQuery) -> Result<Page<FileView>> {
    ctx.authorize_list::<FileRef>(Permission::FilesView)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (list, total) = store::list(&mut tx, shelf(ctx).customer, query, (page, page_size)).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

async fn found(tx: &mut Tx, ctx: &OpContext, id: FileId) -> Result<store::FileRow> {
    let row = store::find(tx, id).await?.ok_or_else(Error::not_found)?;
    ctx.authorize(ViewFile, &row.resource())?;
    Ok(row)
}

/// One of them.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn get(platform: &Platform, ctx: &OpContext, id: FileId) -> Result<FileView> {
    ctx.authorize_list::<FileRef>(Permission::FilesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let row = found(&mut tx, ctx, id).await?;
    tx.commit().await?;
    Ok(row.view)
}

/// Its content. Of what a person did not share, such as what an instance was saved as, staff say why they read it; that person is
/// told, and its customer reads it in their own log: once for whatever is read of it within an hour for the same reason, because
/// a download is as many requests as it has ranges.
///
/// # Errors
/// `NotFound` where there is none, `Validation` for staff of what is not shared, without a reason that says something.
pub async fn content(
    platform: &Platform,
    ctx: &OpContext,
    id: FileId,
    reason: Option<String>,
) -> Result<(FileView, Content)> {
    ctx.authorize_list::<FileRef>(Permission::FilesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let row = found(&mut tx, ctx, id).await?;
    let of = Maker { customer: row.customer, person: row.owner };
    if !row.shared
        && let Some(reason) = unshared::reason(ctx, of, reason)?
    {
        let facts = serde_json::json!({ "name": row.view.name, "reason": reason });
        let read = entry(READ, "file", id.0, row.customer, facts);
        if audit::record_once_within_in_tx(&mut tx, ctx, read, ONE_DOWNLOAD).await? {
            let what = (row.view.name.as_str(), "/images/mine".to_owned());
            unshared::tell(platform, &mut tx, ctx, of, what, (Reached::Read, &reason)).await?;
        }
    }
    tx.commit().await?;
    let content = platform.files().open(row.store_key, row.view.size, row.chunk_size);
    Ok((row.view, content))
}

/// In the audit log, of what staff read that is one person's alone.
const READ: &str = "files:read-unshared";
/// Requests for the same within this count as one download.
const ONE_DOWNLOAD: TimeDelta = TimeDelta::hours(1);

/// Its content, with whose it is.
pub(crate) async fn owned_content(
    platform: &Platform,
    ctx: &OpContext,
    id: FileId,
) -> Result<(FileRef, FileView, Content)> {
    ctx.authorize_list::<FileRef>(Permission::FilesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let row = found(&mut tx, ctx, id).await?;
    tx.commit().await?;
    let content = platform.files().open(row.store_key, row.view.size, row.chunk_size);
    Ok((row.resource(), row.view, content))
}

/// Its content, for a job that brings it somewhere.
pub(crate) async fn content_for_job(platform: &Platform, ctx: &OpContext, id: FileId) -> Result<Content> {
    let mut tx = platform.db().begin(ctx).await?;
    let row = store::find(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?;
    Ok(platform.files().open(row.store_key, row.view.size, row.chunk_size))
}

/// Takes a file away; its bytes count no more, and its content goes once nobody has it.
///
/// # Errors
/// `NotFound` where there is none, `Conflict` while something is made of it.
pub async fn delete(platform: &Platform, ctx: &OpContext, id: FileId) -> Result<()> {
    let ctx = &ctx.trying_on("files:delete", "file", id);
    ctx.authorize_list::<FileRef>(Permission::FilesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let row = found(&mut tx, ctx, id).await?;
    let called = tried(ctx, ("files:delete", "file", id.to_string()), &row.view.name);
    let granted = called.authorize(DeleteFile, &row.resource())?;
    if !store::delete(&mut tx, &granted).await? {
        return Err(Error::not_found());
    }
    let facts = serde_json::json!({ "name": row.view.name, "size": row.view.size });
    let mut entry = entry("files:delete", "file", id.0, row.customer, serde_json::Value::Null);
    (entry.before, entry.after) = (Some(facts), None);
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// Bytes that a person's files and uploads take, of all their customers.
pub(crate) async fn bytes_of(tx: &mut Tx, person: UserId) -> Result<u64> {
    store::bytes_of(tx, person).await
}

/// Bytes that a customer's files and uploads take.
pub(crate) async fn bytes_of_customer(tx: &mut Tx, customer: CustomerId) -> Result<u64> {
    store::bytes_of_customer(tx, customer).await
}

/// Lets its customer's people find it, or who made it and the owners alone: with what was made of it.
pub(crate) async fn set_shared_in_tx(tx: &mut Tx, id: FileId, shared: bool) -> Result<()> {
    store::set_shared(tx, id, shared).await
}

/// Takes the file away of what was made of it, in the transaction that takes that away.
pub(crate) async fn forget_in_tx(tx: &mut Tx, id: FileId) -> Result<()> {
    store::forget(tx, id).await
}

/// At most so many bytes of content from a place on, for a door that sends them on.
///
/// # Errors
/// Where the store does not give them.
pub async fn read_on(mut content: Content, most: usize) -> Result<(Content, Vec<u8>)> {
    let read = move || {
        let mut bytes = vec![0; most];
        let count = content.read(&mut bytes)?;
        bytes.truncate(count);
        Ok((content, bytes))
    };
    let read: std::io::Result<_> = tokio::task::spawn_blocking(read).await.map_err(Error::internal)?;
    read.map_err(Error::internal)
}

fn entry(
    action: &'static str,
    target_kind: &'static str,
    id: i64,
    customer: Option<CustomerId>,
    after: serde_json::Value,
) -> audit::Entry {
    audit::Entry { action, target_kind, target_id: Some(id.to_string()), customer, before: None, after: Some(after) }
}

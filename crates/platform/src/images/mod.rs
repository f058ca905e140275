//! Images: what instances are made of.
//!
//! Invariants: what an admin adds by its address is usable at once; what was uploaded is used by nobody before somebody of
//! the platform approved it, and its archive was read before it is there; what an instance was saved as, who made it
//! and its customer's owners alone find, with its archive, until they share it with their customer's people, who use it until
//! somebody of the platform rejects it; only what is approved, and shared there, is listed; the market shows what is listed and
//! nothing that is for its owners; an image that is deleted stays for what was made from it, its archive for as long as an
//! instance of it is there, unless it was rejected; no archive chooses what engines call it (`named`); what is on a machine
//! from before a customer had all of it is brought anew before a container is made of it (`checks`).

pub mod archive;
mod check;
mod checks;
mod cleanup;
mod copies;
pub(crate) mod fuzzing;
mod named;
mod own;
mod pushes;
mod registries;
mod review;
mod saved;
mod sharing;
mod store;

use std::collections::HashSet;

use chrono::TimeDelta;
use contract::images::{ImageQuery, ImageSort, ImageSource, ImageState, ImageUpload, ImageView, ImageWrite};
use contract::{CustomerId, ErrorCode, ImageId, Page, Permission, SortDirection};
use serde_json::{Value, json};

pub(crate) use checks::{forget_brought_in_tx, forget_copies_in_tx};
pub(crate) use cleanup::cleanup_failed;
pub use cleanup::{clean_up, list_cleanups, preview_cleanup, run_cleanup};
pub(crate) use copies::copy_failed;
pub use copies::{cancel_pull, copies, copy, pull, tidy_copies};
pub(crate) use named::{SAVED, is_there};
pub use own::{
    OpenedOwn, delete_own, export_market, export_own, get_own, list_own, market, market_image, open_own,
    open_own_to_change, update_own, upload_own,
};
pub(crate) use pushes::push_failed;
pub use pushes::{forget_push, image_registry, push, push_archive};
pub use registries::{create_registry, delete_registry, get_registry, list_registries, test_registry, update_registry};
pub use review::{approve, reject};
pub(crate) use saved::{Saved, insert_saved, refuse_saving};
pub use sharing::{may_be_shared, share_own};

use crate::authz::{CreateImage, ImageLibrary, ImageRef, ManageImage, OwnImageRef, ViewImage};
use crate::db::Tx;
use crate::exports::Pages;
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, files, instances};

/// How long an archive waits for an image that is made of it.
const UNUSED_ARCHIVE_HOURS: i64 = 24;

/// Whose images a list is of.
#[derive(Clone, Copy)]
enum Whose {
    /// Everybody's.
    All,
    Customer(CustomerId),
}

/// A page of the library.
pub async fn list(platform: &Platform, ctx: &OpContext, query: &ImageQuery) -> Result<Page<ImageView>> {
    ctx.authorize_list::<ImageRef>(Permission::ImagesView)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let sort = sort_of(query)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (list, total) = store::list(&mut tx, Whose::All, query, &sort, (page, page_size)).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// Which of these are there, of those that the transaction's caller may find.
pub(crate) async fn there(tx: &mut Tx, ids: &[i64]) -> Result<HashSet<i64>> {
    Ok(store::there(tx, ids).await?.into_iter().collect())
}

/// How many wait for somebody to look at them.
pub async fn waiting(platform: &Platform, ctx: &OpContext) -> Result<u64> {
    ctx.authorize_list::<ImageRef>(Permission::ImagesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let waiting = store::waiting(&mut tx).await?;
    tx.commit().await?;
    Ok(waiting)
}

/// Who takes the list away is in the log: to be called before it is read page by page for a workbook.
pub async fn note_export(platform: &Platform, ctx: &OpContext, query: &ImageQuery) -> Result<()> {
    ctx.trying_new("images:export", "image_library").authorize_list::<ImageRef>(Permission::ImagesView)?;
    audit::record_export(platform, ctx, ("images:export", "image_library"), None, query).await
}

/// Every image of these filters, as it all was at one instant; true when there are more than fit into a workbook.
///
/// # Errors
/// As [`list`]'s, and whatever `take` gives.
pub async fn export(
    platform: &Platform,
    ctx: &OpContext,
    query: &ImageQuery,
    mut take: impl FnMut(ImageView) -> Result<()> + Send,
) -> Result<bool> {
    ctx.authorize_list::<ImageRef>(Permission::ImagesView)?;
    let sort = sort_of(query)?;
    let mut tx = platform.db().snapshot(ctx).await?;
    let mut pages = Pages::new();
    while let Some(place) = pages.wanted() {
        let (rows, _) = store::list(&mut tx, Whose::All, query, &sort, place).await?;
        pages.hand_on(rows, &mut take)?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}

fn sort_of(query: &ImageQuery) -> Result<Vec<(ImageSort, SortDirection)>> {
    contract::sort_of(query.sort.as_deref(), ImageSort::parse).map_err(|_| Error::field("sort", "field-sort-unknown"))
}

/// One of them.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn get(platform: &Platform, ctx: &OpContext, id: ImageId) -> Result<ImageView> {
    ctx.authorize(ViewImage, &ImageRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let view = found(&mut tx, id).await?;
    tx.commit().await?;
    Ok(view)
}

async fn found(tx: &mut Tx, id: ImageId) -> Result<ImageView> {
    store::find(tx, id).await?.ok_or_else(Error::not_found)
}

/// The same, and nobody else changes it until the transaction ends.
async fn locked(tx: &mut Tx, id: ImageId) -> Result<ImageView> {
    store::lock(tx, id).await?.ok_or_else(Error::not_found)?;
    found(tx, id).await
}

/// What an instance is made of.
pub(crate) struct Usable {
    pub id: ImageId,
    pub name: String,
    /// Docker's word; nothing where nobody knows.
    pub architecture: Option<&'static str>,
    pub cuda: Option<String>,
}

/// Whether instances may be made of it, by who sees it. What an instance was saved as is the engine's own work on an image
/// that was looked at, and seen by nobody but its customer: it need not wait for what it does not do, which is to be listed.
pub fn is_usable(view: &ImageView) -> bool {
    match view.state {
        ImageState::Approved => true,
        ImageState::PendingReview => view.source == ImageSource::Instance,
        ImageState::Rejected => false,
    }
}

/// An image that the transaction's caller may make an instance of: usable, and the market's or their own. Nothing for any
/// other.
pub(crate) async fn usable_in_tx(tx: &mut Tx, id: ImageId) -> Result<Option<Usable>> {
    Ok(store::find(tx, id).await?.and_then(usable))
}

/// The same of an image that something is made of: also where it was deleted since.
pub(crate) async fn still_usable_in_tx(tx: &mut Tx, id: ImageId) -> Result<Option<Usable>> {
    Ok(store::kept(tx, id).await?.and_then(usable))
}

fn usable(view: ImageView) -> Option<Usable> {
    let may = is_usable(&view) && made_of(&view).is_some();
    may.then(|| Usable {
        id: view.id,
        name: view.name,
        architecture: view.architecture.map(contract::images::Architecture::code),
        cuda: view.cuda_version,
    })
}

/// What an engine is asked for to make containers of it: its address, or the id that its archive has there. Never a name that
/// an archive says: whoever wrote it could name it as another is named.
fn made_of(view: &ImageView) -> Option<&String> {
    view.address.as_ref().or(view.digest.as_ref())
}

/// What an engine is asked for, also of an image that was deleted: what was made of it goes on.
pub(crate) async fn reference_in_tx(tx: &mut Tx, id: ImageId) -> Result<Option<String>> {
    Ok(store::kept(tx, id).await?.as_ref().and_then(made_of).cloned())
}

/// Whether somebody said of it that it works with a part of a GPU's memory.
pub(crate) async fn divides_memory_in_tx(tx: &mut Tx, id: ImageId) -> Result<bool> {
    Ok(store::kept(tx, id).await?.is_some_and(|view| view.memory_split))
}

/// Brings it to an engine now, for a job that needs it there: what containers are made of.
pub(crate) async fn bring_now(
    platform: &Platform,
    ctx: &OpContext,
    id: ImageId,
    machine: contract::MachineId,
) -> Result<std::result::Result<String, runtime::docker::Fault>> {
    copies::bring_now(platform, ctx, id, machine).await
}

/// Adds one by its address: usable at once, listed when somebody lists it.
///
/// # Errors
/// `Validation` with every fault at once, `AlreadyExists` for a name that is taken.
pub async fn create(platform: &Platform, ctx: &OpContext, body: ImageWrite) -> Result<ImageView> {
    let ctx = &ctx.trying_new("images:create", "image");
    let granted = ctx.authorize(CreateImage, &ImageLibrary)?;
    let checked = check::check(body, ImageSource::Registry)?;
    let mut tx = platform.db().begin(ctx).await?;
    let id = store::insert_registry(&mut tx, &granted, ctx, &checked).await?;
    let view = found(&mut tx, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry("images:create", &view, None, Some(facts(&view)))).await?;
    tx.commit().await?;
    Ok(view)
}

/// Whether the caller may make images of what they upload at all, for the platform or for their customer: asked before
/// anything they send is taken in.
///
/// # Errors
/// `NotFound` for who may not.
pub fn may_upload(ctx: &OpContext, of_platform: bool) -> Result<()> {
    let ctx = ctx.trying_new("images:create", "image");
    let held = match of_platform {
        true => ctx.authorize_list::<ImageRef>(Permission::ImagesManage),
        false => ctx.authorize_list::<OwnImageRef>(Permission::ImagesUpload),
    };
    held.map(drop)
}

/// Makes one of the platform's of a file that was uploaded. It waits for review as anybody's does.
///
/// # Errors
/// `Validation` for what is no image, with the reason, or for a file of a customer, and as [`create`]'s.
pub async fn upload(platform: &Platform, ctx: &OpContext, body: ImageUpload) -> Result<ImageView> {
    let ctx = &ctx.trying_new("images:create", "image");
    let granted = ctx.authorize(CreateImage, &ImageLibrary)?;
    let new = own::read(platform, ctx, body, None).await?;
    let mut tx = platform.db().begin(ctx).await?;
    let id = store::insert_upload(&mut tx, &granted, ctx, None, &new).await?;
    let view = found(&mut tx, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry("images:create", &view, None, Some(facts(&view)))).await?;
    tx.commit().await?;
    Ok(view)
}

/// Replaces what is said of it; what it is made of stays.
///
/// # Errors
/// `NotFound` where there is none, `Conflict` when somebody changed it meanwhile, and as [`create`]'s.
pub async fn update(platform: &Platform, ctx: &OpContext, id: ImageId, body: ImageWrite) -> Result<ImageView> {
    let ctx = &ctx.trying_on("images:update", "image", id);
    let granted = ctx.authorize(ManageImage, &ImageRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let before = locked(&mut tx, id).await?;
    let checked = changed(&before, body)?;
    store::update(&mut tx, &granted, &checked).await?;
    let after = found(&mut tx, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry("images:update", &after, Some(facts(&before)), Some(facts(&after))))
        .await?;
    tx.commit().await?;
    Ok(after)
}

fn changed(before: &ImageView, body: ImageWrite) -> Result<check::Checked> {
    if body.revision.is_some_and(|seen| seen != before.revision) {
        return Err(Error::new(ErrorCode::Conflict));
    }
    let mut checked = check::check(body, before.source)?;
    if before.source != ImageSource::Registry {
        checked.architecture = before.architecture.map(contract::images::Architecture::code);
    }
    Ok(checked)
}

/// Lets customers choose it, or not any more; again changes nothing.
///
/// # Errors
/// `NotFound` where there is none, and as [`may_be_listed`]'s.
pub async fn set_listed(platform: &Platform, ctx: &OpContext, id: ImageId, listed: bool) -> Result<ImageView> {
    let action = if listed { "images:list" } else { "images:delist" };
    let ctx = &ctx.trying_on(action, "image", id);
    let granted = ctx.authorize(ManageImage, &ImageRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let before = locked(&mut tx, id).await?;
    may_be_listed(&before, listed)?;
    if before.listed == listed {
        return Ok(before);
    }
    store::set_listed(&mut tx, &granted, listed).await?;
    let after = found(&mut tx, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry(action, &after, Some(facts(&before)), Some(facts(&after)))).await?;
    tx.commit().await?;
    Ok(after)
}

/// Whether customers can be let choose it, or not any more.
///
/// # Errors
/// `WrongState` for one that nobody approved, or that who made it does not even share with their own customer's people.
pub fn may_be_listed(image: &ImageView, listed: bool) -> Result<()> {
    let refused = |key| Err(Error::new(ErrorCode::WrongState).with_key(key));
    match listed {
        true if image.state != ImageState::Approved => refused("error-image-not-approved"),
        true if !image.shared => refused("error-image-not-shared"),
        _ => Ok(()),
    }
}

/// Takes it away, and its archive as soon as no instance is made of it; what was made from it stays.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn delete(platform: &Platform, ctx: &OpContext, id: ImageId) -> Result<()> {
    let ctx = &ctx.trying_on("images:delete", "image", id);
    let granted = ctx.authorize(ManageImage, &ImageRef::of_platform(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let before = locked(&mut tx, id).await?;
    store::delete(&mut tx, &granted, ctx.now()).await?;
    audit::record_in_tx(&mut tx, ctx, entry("images:delete", &before, Some(facts(&before)), None)).await?;
    tx.commit().await?;
    forget_archive(platform, &before).await;
    Ok(())
}

/// Where nothing is made of it, whoever's: it was deleted with its image already. What does not go now, goes with
/// [`forget_unused_archives`].
async fn forget_archive(platform: &Platform, image: &ImageView) {
    let forgotten = async {
        let mut tx = platform.db().begin(&platform.system(SystemActor::Worker)).await?;
        forget_archives_in_tx(&mut tx, Some(image.id)).await?;
        tx.commit().await?;
        Ok::<_, Error>(())
    };
    if let Err(error) = forgotten.await {
        tracing::warn!(image = image.id.0, %error, "the archive of a deleted image could not be deleted yet");
    }
}

/// Of this deleted image, or of all: archives that no instance needs to be made again. One that was rejected is brought nowhere.
async fn forget_archives_in_tx(tx: &mut Tx, image: Option<ImageId>) -> Result<()> {
    for (image, file, state) in store::deleted_archives(tx, image).await? {
        if state != ImageState::Rejected && instances::is_made_of(tx, image).await? {
            continue;
        }
        store::forget_archive(tx, image).await?;
        if !store::is_used(tx, file).await? {
            files::forget_in_tx(tx, file).await?;
        }
    }
    Ok(())
}

/// Takes away archives whose form was given up, which no page shows and which count against the quota, and those of deleted
/// images that nothing is made of any more. Run by the job queue.
pub async fn forget_unused_archives(platform: &Platform) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    for file in store::unused_archives(&mut tx, ctx.now() - TimeDelta::hours(UNUSED_ARCHIVE_HOURS)).await? {
        files::forget_in_tx(&mut tx, file).await?;
    }
    forget_archives_in_tx(&mut tx, None).await?;
    tx.commit().await?;
    Ok(())
}

/// What the audit log keeps.
fn facts(view: &ImageView) -> Value {
    json!({
        "name": view.name, "source": view.source, "address": view.address, "file": view.file,
        "description": view.description, "framework": view.framework, "cudaVersion": view.cuda_version,
        "architecture": view.architecture, "memorySplit": view.memory_split, "state": view.state,
        "reason": view.reason, "listed": view.listed, "shared": view.shared, "digest": view.digest, "tags": view.tags,
        "remark": view.remark,
    })
}

fn entry(action: &'static str, image: &ImageView, before: Option<Value>, after: Option<Value>) -> audit::Entry {
    let target_id = Some(image.id.to_string());
    audit::Entry { action, target_kind: "image", target_id, customer: image.customer, before, after }
}

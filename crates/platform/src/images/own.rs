//! Images as customers see them: the market, and their own.

use contract::files::FilePurpose;
use contract::images::{
    ImageQuery, ImageSource, ImageState, ImageUpload, ImageView, ImageWrite, MarketImage, MarketQuery,
};
use contract::{CustomerId, ErrorCode, FileId, ImageId, Page, Permission};

use super::archive::{self, ArchiveFacts};
use super::check::{self, Checked};
use super::saved::refuse_name;
use super::{Whose, changed, entry, facts, forget_archive, found, locked, sort_of, store};
use crate::authz::{ImageShelf, ManageOwnImage, OwnImageRef, Scope, UploadImage, ViewOwnImage};
use crate::exports::Pages;
use crate::{Error, OpContext, Platform, Result, audit, files};

/// An archive that was read, with what is said of it.
pub(super) struct NewUpload {
    pub file: FileId,
    pub size: u64,
    pub facts: ArchiveFacts,
    pub said: Checked,
}

/// Reads the archive of an upload, for an image of this customer or of the platform: it goes with its image, so it has to
/// be of the same.
pub(super) async fn read(
    platform: &Platform,
    ctx: &OpContext,
    body: ImageUpload,
    of: Option<CustomerId>,
) -> Result<NewUpload> {
    let said = ImageWrite {
        name: body.name,
        description: body.description,
        framework: body.framework,
        cuda_version: body.cuda_version,
        memory_split: body.memory_split,
        remark: body.remark,
        ..ImageWrite::default()
    };
    let mut said = check::check(said, ImageSource::Upload)?;
    let (whose, file, mut content) = files::owned_content(platform, ctx, body.file).await?;
    if file.purpose != FilePurpose::Image {
        return Err(Error::field("file", "field-image-purpose"));
    }
    if whose.customer != of {
        return Err(Error::field("file", "field-image-file-of-customer"));
    }
    if of.is_some() {
        ctx.authorize(UploadImage, &ImageShelf { customer: of, owner: whose.owner })?;
    }
    let read = tokio::task::spawn_blocking(move || archive::read(&mut content)).await.map_err(Error::internal)?;
    let facts = read.map_err(|error| match error {
        archive::ArchiveError::Read(cause) => Error::internal(cause),
        other => Error::field("file", other.key()),
    })?;
    said.cuda_version = said.cuda_version.or_else(|| facts.cuda_version.clone());
    said.architecture = Some(facts.architecture.code());
    Ok(NewUpload { file: file.id, size: file.size, facts, said })
}

/// The customer one acts for.
pub(super) fn customer(ctx: &OpContext) -> Result<CustomerId> {
    match ctx.authorize_list::<OwnImageRef>(Permission::ImagesUse)? {
        Scope::Customer(customer) => Ok(customer),
        Scope::All | Scope::Own(_) => Err(Error::not_found()),
    }
}

/// The images that everybody may choose.
pub async fn market(platform: &Platform, ctx: &OpContext, query: &MarketQuery) -> Result<Page<MarketImage>> {
    customer(ctx)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (list, total) = store::market(&mut tx, query, (page, page_size)).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// All of these filters for a workbook, as they were at one instant; true when there are more than fit. Who takes them away is in
/// the log.
///
/// # Errors
/// As [`market`]'s, and whatever `take` gives.
pub async fn export_market(
    platform: &Platform,
    ctx: &OpContext,
    query: &MarketQuery,
    mut take: impl FnMut(MarketImage) -> Result<()> + Send,
) -> Result<bool> {
    let of = customer(&ctx.trying_new("images:export-market", "image"))?;
    audit::record_export(platform, ctx, ("images:export-market", "image"), Some(of), query).await?;
    let mut tx = platform.db().snapshot(ctx).await?;
    let mut pages = Pages::new();
    while let Some(place) = pages.wanted() {
        let (rows, _) = store::market(&mut tx, query, place).await?;
        pages.hand_on(rows, &mut take)?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}

/// One of them.
///
/// # Errors
/// `NotFound` for one that is not listed.
pub async fn market_image(platform: &Platform, ctx: &OpContext, id: ImageId) -> Result<MarketImage> {
    customer(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    let view = found(&mut tx, id).await?;
    tx.commit().await?;
    if view.listed { Ok(shown(view)) } else { Err(Error::not_found()) }
}

/// What everybody may know.
pub(super) fn shown(view: ImageView) -> MarketImage {
    MarketImage {
        id: view.id,
        name: view.name,
        source: view.source,
        description: view.description,
        framework: view.framework,
        cuda_version: view.cuda_version,
        architecture: view.architecture,
        memory_split: view.memory_split,
        size: view.size,
        created_at: view.created_at,
    }
}

/// One's customer's own.
pub async fn list_own(platform: &Platform, ctx: &OpContext, query: &ImageQuery) -> Result<Page<ImageView>> {
    let customer = customer(ctx)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let sort = sort_of(query)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (list, total) = store::list(&mut tx, Whose::Customer(customer), query, &sort, (page, page_size)).await?;
    tx.commit().await?;
    Ok(Page { list: list.into_iter().map(without_names).collect(), total, page, page_size })
}

/// All of these filters for a workbook, as they were at one instant; true when there are more than fit. Who takes them away is in
/// the log.
///
/// # Errors
/// As [`list_own`]'s, and whatever `take` gives.
pub async fn export_own(
    platform: &Platform,
    ctx: &OpContext,
    query: &ImageQuery,
    mut take: impl FnMut(ImageView) -> Result<()> + Send,
) -> Result<bool> {
    let customer = customer(&ctx.trying_new("images:export-own", "image"))?;
    let sort = sort_of(query)?;
    audit::record_export(platform, ctx, ("images:export-own", "image"), Some(customer), query).await?;
    let mut tx = platform.db().snapshot(ctx).await?;
    let mut pages = Pages::new();
    while let Some(place) = pages.wanted() {
        let (rows, _) = store::list(&mut tx, Whose::Customer(customer), query, &sort, place).await?;
        pages.hand_on(rows, &mut |view| take(without_names(view)))?;
    }
    tx.commit().await?;
    Ok(pages.cut())
}

/// Names of who works for the platform are nobody's business outside.
pub(super) fn without_names(view: ImageView) -> ImageView {
    ImageView { reviewed_by: None, ..view }
}

/// Where an image belongs. One of the market that is another's is not there.
pub(super) async fn resource(tx: &mut crate::db::Tx, id: ImageId) -> Result<(ImageView, OwnImageRef)> {
    let (customer, owner) = store::owners(tx, id).await?.ok_or_else(Error::not_found)?;
    Ok((found(tx, id).await?, OwnImageRef { id, customer, owner, machine: None }))
}

/// One of one's own.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn get_own(platform: &Platform, ctx: &OpContext, id: ImageId) -> Result<ImageView> {
    Ok(open_own(platform, ctx, id).await?.view)
}

/// One of one's own, for its page.
pub struct OpenedOwn {
    pub view: ImageView,
    /// The caller may change it, share it and take it away: it is theirs, or they own its customer.
    pub may_change: bool,
}

/// As [`get_own`], with what may be done.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn open_own(platform: &Platform, ctx: &OpContext, id: ImageId) -> Result<OpenedOwn> {
    let (view, resource) = seen_own(platform, ctx, id).await?;
    let may_change = ctx.authorize(ManageOwnImage, &resource).is_ok();
    Ok(OpenedOwn { view, may_change })
}

/// As [`get_own`], for the form that changes it.
///
/// # Errors
/// `NotFound` where there is none, `Forbidden` for another person's.
pub async fn open_own_to_change(platform: &Platform, ctx: &OpContext, id: ImageId) -> Result<ImageView> {
    let ctx = &ctx.trying_on("images:update", "image", id);
    let (view, resource) = seen_own(platform, ctx, id).await?;
    ctx.authorize(ManageOwnImage, &resource)?;
    Ok(view)
}

async fn seen_own(platform: &Platform, ctx: &OpContext, id: ImageId) -> Result<(ImageView, OwnImageRef)> {
    customer(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (view, resource) = resource(&mut tx, id).await?;
    tx.commit().await?;
    ctx.authorize(ViewOwnImage, &resource)?;
    Ok((without_names(view), resource))
}

/// Makes an image of a file that was uploaded. Nobody uses it before it was approved.
///
/// # Errors
/// `Validation` for what is no image, with the reason, `Forbidden` for a file that one may not take away, `AlreadyExists` for
/// a name that is taken.
pub async fn upload_own(platform: &Platform, ctx: &OpContext, body: ImageUpload) -> Result<ImageView> {
    let user = ctx.user();
    let shelf = ImageShelf { customer: user.and_then(|user| user.active_customer), owner: user.map(|user| user.id) };
    let ctx = &ctx.trying_new("images:create", "image");
    let granted = ctx.authorize(UploadImage, &shelf)?;
    let new = read(platform, ctx, body, shelf.customer).await?;
    let mut tx = platform.db().begin(ctx).await?;
    if let Some(customer) = shelf.customer {
        refuse_name(&mut tx, (customer, shelf.owner), &new.said.name, None).await?;
    }
    let id = store::insert_upload(&mut tx, &granted, ctx, shelf.customer, &new).await?;
    let view = found(&mut tx, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry("images:create", &view, None, Some(facts(&view)))).await?;
    tx.commit().await?;
    Ok(without_names(view))
}

/// Replaces what is said of one's own; what it is made of stays. What was approved waits for review again when more of it
/// changes than the remark: the market would show what nobody looked at.
///
/// # Errors
/// `WrongState` (`error-image-listed`) while it is listed, `NotFound` where there is none, `Conflict` when somebody changed it
/// meanwhile, and as [`upload_own`]'s.
pub async fn update_own(platform: &Platform, ctx: &OpContext, id: ImageId, body: ImageWrite) -> Result<ImageView> {
    let ctx = &ctx.trying_on("images:update", "image", id);
    customer(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (_, resource) = resource(&mut tx, id).await?;
    let granted = ctx.authorize(ManageOwnImage, &resource)?;
    let before = locked(&mut tx, id).await?;
    let checked = changed(&before, body)?;
    let reviewed = is_reviewed_part(&before, &checked);
    if reviewed && before.listed {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-image-listed"));
    }
    if let Some(customer) = resource.customer
        && before.name != checked.name
    {
        refuse_name(&mut tx, (customer, resource.owner), &checked.name, Some(id)).await?;
    }
    store::update(&mut tx, &granted, &checked).await?;
    if reviewed && before.state == ImageState::Approved {
        store::back_to_review(&mut tx, &granted).await?;
    }
    let after = found(&mut tx, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry("images:update", &after, Some(facts(&before)), Some(facts(&after))))
        .await?;
    tx.commit().await?;
    Ok(without_names(after))
}

/// True when more changes than the remark.
fn is_reviewed_part(before: &ImageView, after: &Checked) -> bool {
    before.name != after.name
        || before.description != after.description
        || before.framework != after.framework
        || before.cuda_version != after.cuda_version
        || before.memory_split != after.memory_split
}

/// Takes one's own away, and its archive as soon as no instance is made of it.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn delete_own(platform: &Platform, ctx: &OpContext, id: ImageId) -> Result<()> {
    let ctx = &ctx.trying_on("images:delete", "image", id);
    customer(ctx)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (_, resource) = resource(&mut tx, id).await?;
    let granted = ctx.authorize(ManageOwnImage, &resource)?;
    let before = locked(&mut tx, id).await?;
    store::delete(&mut tx, &granted, ctx.now()).await?;
    audit::record_in_tx(&mut tx, ctx, entry("images:delete", &before, Some(facts(&before)), None)).await?;
    tx.commit().await?;
    forget_archive(platform, &before).await;
    Ok(())
}

//! What the pages of the library call.

use contract::images::{CleanupPreview, CleanupQuery, CleanupRun, ImageCopy, ImageQuery, ImageRegistry, ImageView};
use contract::{ApiError, ImageId, Page, PageQuery};
use leptos::prelude::*;

use super::form::ImageForm;
#[cfg(feature = "ssr")]
use crate::{door, paths};

/// A page of images.
#[server]
pub async fn list_images(#[server(default)] query: ImageQuery) -> Result<Page<ImageView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::images::list(&platform, &ctx, &query).await).await
}

/// One of them.
#[server]
pub async fn get_image(id: ImageId) -> Result<ImageView, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::images::get(&platform, &ctx, id).await).await
}

/// Adds one by its address and goes to it.
#[server]
pub async fn create_image(#[server(default)] form: ImageForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::images::create(&platform, &ctx, form.read()).await;
    let next = |view: ImageView| paths::image(view.id);
    door::form_answer((&platform, &ctx), result, next, paths::IMAGE_NEW, form.typed()).await
}

/// Changes what is said of one and goes back to it.
#[server]
pub async fn update_image(id: ImageId, #[server(default)] form: ImageForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::images::update(&platform, &ctx, id, form.read()).await;
    let next = |view: ImageView| paths::image(view.id);
    door::form_answer((&platform, &ctx), result, next, &paths::image_edit(id), form.typed()).await
}

/// Lets customers choose it, or not any more.
#[server]
pub async fn set_image_listed(id: ImageId, listed: bool) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::images::set_listed(&platform, &ctx, id, listed).await;
    let page = paths::image(id);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, Vec::new()).await
}

/// It may be used from now on.
#[server]
pub async fn approve_image(id: ImageId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::images::approve(&platform, &ctx, id).await;
    let page = paths::image(id);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, Vec::new()).await
}

/// It may not be used, for this reason.
#[server]
pub async fn reject_image(id: ImageId, #[server(default)] reason: String) -> Result<(), ApiError> {
    use contract::images::ImageReject;
    let (platform, ctx) = door::door();
    let body = ImageReject { reason: reason.clone() };
    let result = platform::images::reject(&platform, &ctx, id, body).await;
    let page = paths::image(id);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, vec![("reason", reason)]).await
}

/// Takes one away.
#[server]
pub async fn delete_image(id: ImageId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::images::delete(&platform, &ctx, id).await;
    door::form_answer((&platform, &ctx), result, |()| paths::IMAGES.to_owned(), &paths::image(id), Vec::new()).await
}

/// On which machines it is, or is on its way to.
#[server]
pub async fn list_image_copies(id: ImageId) -> Result<Vec<ImageCopy>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::images::copies(&platform, &ctx, id).await).await
}

/// Brings it to a machine ahead of need.
#[server]
pub async fn pull_image(
    id: ImageId,
    #[server(default)] machine: String,
    #[server(default)] reason: String,
) -> Result<(), ApiError> {
    use contract::images::ImagePull;
    let (platform, ctx) = door::door();
    let body = ImagePull { machine: machine.trim().to_owned(), reason: Some(reason.clone()) };
    let result = platform::images::pull(&platform, &ctx, id, body).await;
    let page = paths::image(id);
    let typed = vec![("machine", machine), ("pullReason", reason)];
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, typed).await
}

/// Stops bringing it there.
#[server]
pub async fn cancel_image_pull(id: ImageId, machine: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::images::cancel_pull(&platform, &ctx, id, &machine).await;
    let page = paths::image(id);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, Vec::new()).await
}

/// What clean-ups would take away from a page of machines.
#[server]
pub async fn preview_image_cleanup(#[server(default)] query: CleanupQuery) -> Result<Page<CleanupPreview>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::images::preview_cleanup(&platform, &ctx, &query).await).await
}

/// Takes these away from a machine.
#[server]
pub async fn start_image_cleanup(
    machine: String,
    #[server(default)] images: Vec<String>,
    #[server(default)] unused_days: Option<u32>,
) -> Result<(), ApiError> {
    use contract::images::CleanupApply;
    let (platform, ctx) = door::door();
    let body = CleanupApply { machine, images, unused_days };
    let result = platform::images::clean_up(&platform, &ctx, body).await;
    let next = |_| format!("{}#runs", paths::IMAGE_CLEANUP);
    door::form_answer((&platform, &ctx), result, next, paths::IMAGE_CLEANUP, Vec::new()).await
}

/// What became of clean-ups.
#[server]
pub async fn list_image_cleanups(#[server(default)] query: PageQuery) -> Result<Page<CleanupRun>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::images::list_cleanups(&platform, &ctx, query).await).await
}

/// Whether its archive is in a registry, or on its way there.
#[server]
pub async fn get_image_registry(id: ImageId) -> Result<ImageRegistry, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::images::image_registry(&platform, &ctx, id).await).await
}

/// Puts its archive into the registry that takes archives.
#[server]
pub async fn push_image(id: ImageId, #[server(default)] reason: String) -> Result<(), ApiError> {
    use contract::images::ImageReason;
    let (platform, ctx) = door::door();
    let body = ImageReason { reason: Some(reason.clone()) };
    let result = platform::images::push(&platform, &ctx, id, body).await;
    let page = paths::image(id);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, vec![("pushReason", reason)]).await
}

/// Has engines be sent its archive again.
#[server]
pub async fn forget_image_push(id: ImageId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::images::forget_push(&platform, &ctx, id).await;
    let page = paths::image(id);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, Vec::new()).await
}

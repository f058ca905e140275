//! What the customers' pages of images call.

use contract::images::{ImageQuery, ImageView, MarketImage, MarketQuery};
use contract::{ApiError, ImageId, Page};
use leptos::prelude::*;

use crate::pages::admin::images::form::ImageForm;
#[cfg(feature = "ssr")]
use crate::{door, paths};

/// The images that everybody may choose.
#[server]
pub async fn list_market(#[server(default)] query: MarketQuery) -> Result<Page<MarketImage>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::images::market(&platform, &ctx, &query).await).await
}

/// One's customer's own.
#[server]
pub async fn list_own_images(#[server(default)] query: ImageQuery) -> Result<Page<ImageView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::images::list_own(&platform, &ctx, &query).await).await
}

/// One of one's own.
#[server]
pub async fn get_own_image(id: ImageId) -> Result<ImageView, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::images::get_own(&platform, &ctx, id).await).await
}

/// Changes what is said of one and goes back to it.
#[server]
pub async fn update_own_image(id: ImageId, #[server(default)] form: ImageForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::images::update_own(&platform, &ctx, id, form.read()).await;
    let next = |view: ImageView| paths::own_image(view.id);
    door::form_answer((&platform, &ctx), result, next, &paths::own_image_edit(id), form.typed()).await
}

/// Takes one away.
#[server]
pub async fn delete_own_image(id: ImageId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::images::delete_own(&platform, &ctx, id).await;
    let next = |()| paths::OWN_IMAGES.to_owned();
    door::form_answer((&platform, &ctx), result, next, &paths::own_image(id), Vec::new()).await
}

/// Shares what an instance was saved as with all people of one's customer, or not any more.
#[server]
pub async fn share_own_image(id: ImageId, #[server(default)] shared: bool) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::images::share_own(&platform, &ctx, id, shared).await;
    let next = |view: ImageView| paths::own_image(view.id);
    door::form_answer((&platform, &ctx), result, next, &paths::own_image(id), Vec::new()).await
}

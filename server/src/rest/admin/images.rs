//! /api/admin/images: the library, what is uploaded to it, and what waits for review.

use app::paths;
use axum::extract::Request;
use axum::response::Response;
use contract::images::{
    CleanupApply, CleanupPreview, CleanupQuery, CleanupRun, ImageCopy, ImagePull, ImageQuery, ImageReason,
    ImageRegistry, ImageReject, ImageUpload, ImageView, ImageWrite,
};
use contract::{Envelope, ImageId, Page, PageQuery};
use platform::images;

use crate::rest::admin::exports;
use crate::rest::images::{Uploaded, uploaded};
use crate::rest::upload::FileForm;
use crate::rest::workbook::AsWorkbook;
use crate::rest::{Body, MaybeBody, Params, Part, Rest};

/// Images of these filters.
#[utoipa::path(get, path = "/api/admin/images", tag = "images", params(ImageQuery),
    responses((status = 200, body = Envelope<Page<ImageView>>)))]
pub async fn list(rest: Rest, wanted: AsWorkbook, Params(query): Params<ImageQuery>) -> Response {
    if wanted.0 {
        return exports::images(rest, Params(query)).await;
    }
    rest.answer(images::list(&rest.platform, &rest.ctx, &query).await).await
}

/// Adds one by its address in a registry: usable at once, listed when somebody lists it.
#[utoipa::path(post, path = "/api/admin/images", tag = "images", request_body = ImageWrite,
    responses((status = 201, body = Envelope<ImageView>)))]
pub async fn create(rest: Rest, Body(body): Body<ImageWrite>) -> Response {
    let result = images::create(&rest.platform, &rest.ctx, body).await;
    rest.created(result, |view| format!("/api/admin/images/{}", view.id)).await
}

/// Makes one of a file that was uploaded with the purpose `image`; a small archive may come in a form itself. It waits for
/// review.
#[utoipa::path(post, path = "/api/admin/images/upload", tag = "images",
    request_body(content((ImageUpload = "application/json"), (inline(FileForm) = "multipart/form-data"))),
    responses((status = 201, body = Envelope<ImageView>), (status = 400, description = "1000: no image, with the reason")))]
pub async fn upload(rest: Rest, request: Request) -> Response {
    let made = async |body| images::upload(&rest.platform, &rest.ctx, body).await;
    let pages = Uploaded { of_platform: true, form: paths::IMAGE_UPLOAD, page: paths::image, api: "/api/admin/images" };
    uploaded(&rest, request, pages, made).await
}

/// One of them.
#[utoipa::path(get, path = "/api/admin/images/{id}", tag = "images", params(("id" = ImageId, Path)),
    responses((status = 200, body = Envelope<ImageView>)))]
pub async fn get(rest: Rest, Part(id): Part<ImageId>) -> Response {
    rest.answer(images::get(&rest.platform, &rest.ctx, id).await).await
}

/// Replaces what is said of it; what it is made of stays.
#[utoipa::path(put, path = "/api/admin/images/{id}", tag = "images", params(("id" = ImageId, Path)),
    request_body = ImageWrite,
    responses((status = 200, body = Envelope<ImageView>), (status = 409, description = "1400: changed meanwhile")))]
pub async fn update(rest: Rest, Part(id): Part<ImageId>, Body(body): Body<ImageWrite>) -> Response {
    rest.answer(images::update(&rest.platform, &rest.ctx, id, body).await).await
}

/// Takes it away, and its archive as soon as no instance is made of it; what was made from it stays.
#[utoipa::path(delete, path = "/api/admin/images/{id}", tag = "images", params(("id" = ImageId, Path)),
    responses((status = 200, description = "Taken away")))]
pub async fn delete(rest: Rest, Part(id): Part<ImageId>) -> Response {
    rest.answer(images::delete(&rest.platform, &rest.ctx, id).await).await
}

/// It may be used from now on; its owners are told.
#[utoipa::path(post, path = "/api/admin/images/{id}/approve", tag = "images", params(("id" = ImageId, Path)),
    responses((status = 200, body = Envelope<ImageView>), (status = 422, description = "1402: it does not wait")))]
pub async fn approve(rest: Rest, Part(id): Part<ImageId>) -> Response {
    rest.answer(images::approve(&rest.platform, &rest.ctx, id).await).await
}

/// It may not be used; its owners are told why.
#[utoipa::path(post, path = "/api/admin/images/{id}/reject", tag = "images", params(("id" = ImageId, Path)),
    request_body = ImageReject,
    responses((status = 200, body = Envelope<ImageView>), (status = 422, description = "1402: it does not wait")))]
pub async fn reject(rest: Rest, Part(id): Part<ImageId>, Body(body): Body<ImageReject>) -> Response {
    rest.answer(images::reject(&rest.platform, &rest.ctx, id, body).await).await
}

/// Lets customers choose it.
#[utoipa::path(post, path = "/api/admin/images/{id}/list", tag = "images", params(("id" = ImageId, Path)),
    responses((status = 200, body = Envelope<ImageView>),
        (status = 422, description = "1402: nobody approved it, or who saved it shares it with nobody")))]
pub async fn enlist(rest: Rest, Part(id): Part<ImageId>) -> Response {
    rest.answer(images::set_listed(&rest.platform, &rest.ctx, id, true).await).await
}

/// Customers may not choose it any more; who has it keeps it.
#[utoipa::path(post, path = "/api/admin/images/{id}/delist", tag = "images", params(("id" = ImageId, Path)),
    responses((status = 200, body = Envelope<ImageView>)))]
pub async fn delist(rest: Rest, Part(id): Part<ImageId>) -> Response {
    rest.answer(images::set_listed(&rest.platform, &rest.ctx, id, false).await).await
}

/// On which machines it is, or is on its way to, with how far that is.
#[utoipa::path(get, path = "/api/admin/images/{id}/machines", tag = "images", params(("id" = ImageId, Path)),
    responses((status = 200, body = Envelope<Vec<ImageCopy>>)))]
pub async fn copies(rest: Rest, Part(id): Part<ImageId>) -> Response {
    rest.answer(images::copies(&rest.platform, &rest.ctx, id).await).await
}

/// Brings it to a machine ahead of need: its engine pulls it, or is sent the archive. With a reason where who saved it shares it
/// with nobody.
#[utoipa::path(post, path = "/api/admin/images/{id}/machines", tag = "images", params(("id" = ImageId, Path)),
    request_body = ImagePull,
    responses((status = 201, body = Envelope<Vec<ImageCopy>>), (status = 409, description = "1400: it is on its way"),
        (status = 422, description = "1402: nobody approved it, or it is for another architecture")))]
pub async fn pull(rest: Rest, Part(id): Part<ImageId>, Body(body): Body<ImagePull>) -> Response {
    let wanted = images::pull(&rest.platform, &rest.ctx, id, body).await;
    rest.created(wanted, |_| format!("/api/admin/images/{id}/machines")).await
}

/// Stops bringing it there; what is there by then stays there.
#[utoipa::path(delete, path = "/api/admin/images/{id}/machines/{code}", tag = "images",
    params(("id" = ImageId, Path), ("code" = String, Path)),
    responses((status = 200, body = Envelope<Vec<ImageCopy>>), (status = 404, description = "1300: it is not on its way")))]
pub async fn cancel_pull(rest: Rest, Part((id, code)): Part<(ImageId, String)>) -> Response {
    rest.answer(images::cancel_pull(&rest.platform, &rest.ctx, id, &code).await).await
}

/// What clean-ups would take away from a page of machines, as their engines say it now: images that no container and no
/// instance is made of, not needed for some days, delisted, rejected or deleted from the library, or without a tag. Nothing is
/// changed.
#[utoipa::path(get, path = "/api/admin/images/cleanup", tag = "images", params(CleanupQuery),
    responses((status = 200, body = Envelope<Page<CleanupPreview>>)))]
pub async fn preview_cleanup(rest: Rest, Params(query): Params<CleanupQuery>) -> Response {
    rest.answer(images::preview_cleanup(&rest.platform, &rest.ctx, &query).await).await
}

/// Takes images away from a machine that the preview shows. A job does it, and leaves what is needed by then.
#[utoipa::path(post, path = "/api/admin/images/cleanup/apply", tag = "images", request_body = CleanupApply,
    responses((status = 201, body = Envelope<CleanupRun>),
        (status = 409, description = "1400: the machine is being cleaned up, or all of them are needed by now"),
        (status = 502, description = "1800: its engine does not say what it has"),
        (status = 503, description = "1802: its engine is not reached")))]
pub async fn clean_up(rest: Rest, Body(body): Body<CleanupApply>) -> Response {
    let wanted = images::clean_up(&rest.platform, &rest.ctx, body).await;
    rest.created(wanted, |_| "/api/admin/images/cleanup/runs".to_owned()).await
}

/// Clean-ups, the latest first, with how far each is and what came of each image.
#[utoipa::path(get, path = "/api/admin/images/cleanup/runs", tag = "images", params(PageQuery),
    responses((status = 200, body = Envelope<Page<CleanupRun>>)))]
pub async fn cleanups(rest: Rest, Params(query): Params<PageQuery>) -> Response {
    rest.answer(images::list_cleanups(&rest.platform, &rest.ctx, query).await).await
}

/// Whether its archive is in a registry, or on its way there, with how far that is.
#[utoipa::path(get, path = "/api/admin/images/{id}/registry", tag = "images", params(("id" = ImageId, Path)),
    responses((status = 200, body = Envelope<ImageRegistry>)))]
pub async fn registry(rest: Rest, Part(id): Part<ImageId>) -> Response {
    rest.answer(images::image_registry(&rest.platform, &rest.ctx, id).await).await
}

/// Puts its archive into the registry that takes archives; engines pull it from there then. With a reason where who saved it
/// shares it with nobody.
#[utoipa::path(post, path = "/api/admin/images/{id}/registry", tag = "images", params(("id" = ImageId, Path)),
    request_body = Option<ImageReason>,
    responses((status = 201, body = Envelope<ImageRegistry>), (status = 409, description = "1400: it is on its way"),
        (status = 422, description = "1402: nobody approved it, it has no archive, or no registry takes archives")))]
pub async fn push(rest: Rest, Part(id): Part<ImageId>, MaybeBody(body): MaybeBody<ImageReason>) -> Response {
    let wanted = images::push(&rest.platform, &rest.ctx, id, body).await;
    rest.created(wanted, |_| format!("/api/admin/images/{id}/registry")).await
}

/// Has engines be sent its archive again; on its way into a registry it is stopped. What is there by then stays there.
#[utoipa::path(delete, path = "/api/admin/images/{id}/registry", tag = "images", params(("id" = ImageId, Path)),
    responses((status = 200, body = Envelope<ImageRegistry>),
        (status = 404, description = "1300: it is neither there nor on its way")))]
pub async fn forget_push(rest: Rest, Part(id): Part<ImageId>) -> Response {
    rest.answer(images::forget_push(&rest.platform, &rest.ctx, id).await).await
}

//! /api/customer/images: the market, and one's customer's own.

use app::paths;
use axum::extract::Request;
use axum::response::Response;
use contract::images::{ImageQuery, ImageUpload, ImageView, ImageWrite, MarketImage, MarketQuery};
use contract::instances::{ImageDeploy, InstanceView};
use contract::{Envelope, ImageId, Page};
use platform::{images, instances};

use crate::rest::images::{Uploaded, uploaded};
use crate::rest::upload::FileForm;
use crate::rest::workbook::{AsWorkbook, download};
use crate::rest::{Body, Params, Part, Rest, instance_sheets};

/// The images that everybody may choose.
#[utoipa::path(get, path = "/api/customer/images/market", tag = "images", params(MarketQuery),
    responses((status = 200, body = Envelope<Page<MarketImage>>)))]
pub async fn market(rest: Rest, wanted: AsWorkbook, Params(query): Params<MarketQuery>) -> Response {
    if wanted.0 {
        return export_market(rest, Params(query)).await;
    }
    rest.answer(images::market(&rest.platform, &rest.ctx, &query).await).await
}

/// All of them as a workbook; who takes it away is in the log.
#[utoipa::path(get, path = "/api/customer/images/market/export", tag = "images", params(MarketQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export_market(rest: Rest, Params(query): Params<MarketQuery>) -> Response {
    let built = async {
        let mut list = instance_sheets::market(rest.ctx.language())?;
        let cut = images::export_market(&rest.platform, &rest.ctx, &query, |row| {
            instance_sheets::market_image(&mut list, row)
        })
        .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "images").await
}

/// One of them.
#[utoipa::path(get, path = "/api/customer/images/market/{id}", tag = "images", params(("id" = ImageId, Path)),
    responses((status = 200, body = Envelope<MarketImage>)))]
pub async fn market_image(rest: Rest, Part(id): Part<ImageId>) -> Response {
    rest.answer(images::market_image(&rest.platform, &rest.ctx, id).await).await
}

/// Makes an instance of one, of the market or of one's own: its place is taken at once, its container is made in the background.
#[utoipa::path(post, path = "/api/customer/images/{id}/deploy", tag = "images", params(("id" = ImageId, Path)),
    request_body = ImageDeploy,
    responses((status = 201, body = Envelope<InstanceView>),
        (status = 404, description = "1300: it is not there, or nobody approved it"),
        (status = 422, description = "1500: a limit, with which and by how much; 1501: no machine fits; 1502: a budget is spent")))]
pub async fn deploy(rest: Rest, Part(id): Part<ImageId>, Body(body): Body<ImageDeploy>) -> Response {
    let made = instances::deploy(&rest.platform, &rest.ctx, id, body).await;
    rest.created(made, |view| format!("/api/customer/instances/{}", view.id)).await
}

/// One's customer's own.
#[utoipa::path(get, path = "/api/customer/images/mine", tag = "images", params(ImageQuery),
    responses((status = 200, body = Envelope<Page<ImageView>>)))]
pub async fn list(rest: Rest, wanted: AsWorkbook, Params(query): Params<ImageQuery>) -> Response {
    if wanted.0 {
        return export(rest, Params(query)).await;
    }
    rest.answer(images::list_own(&rest.platform, &rest.ctx, &query).await).await
}

/// All of them as a workbook; who takes it away is in the log.
#[utoipa::path(get, path = "/api/customer/images/mine/export", tag = "images", params(ImageQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export(rest: Rest, Params(query): Params<ImageQuery>) -> Response {
    let built = async {
        let language = rest.ctx.language();
        let mut list = instance_sheets::own_images(language)?;
        let cut = images::export_own(&rest.platform, &rest.ctx, &query, |row| {
            instance_sheets::own_image(language, &mut list, row)
        })
        .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "images").await
}

/// Makes one of a file that was uploaded with the purpose `image`; a small archive may come in a form itself. Nobody uses
/// it before it was approved.
#[utoipa::path(post, path = "/api/customer/images/upload", tag = "images",
    request_body(content((ImageUpload = "application/json"), (inline(FileForm) = "multipart/form-data"))),
    responses((status = 201, body = Envelope<ImageView>), (status = 400, description = "1000: no image, with the reason")))]
pub async fn upload(rest: Rest, request: Request) -> Response {
    let made = async |body| images::upload_own(&rest.platform, &rest.ctx, body).await;
    let pages = Uploaded {
        of_platform: false,
        form: paths::OWN_IMAGE_UPLOAD,
        page: paths::own_image,
        api: "/api/customer/images/mine",
    };
    uploaded(&rest, request, pages, made).await
}

/// One of one's own.
#[utoipa::path(get, path = "/api/customer/images/mine/{id}", tag = "images", params(("id" = ImageId, Path)),
    responses((status = 200, body = Envelope<ImageView>)))]
pub async fn get(rest: Rest, Part(id): Part<ImageId>) -> Response {
    rest.answer(images::get_own(&rest.platform, &rest.ctx, id).await).await
}

/// Replaces what is said of it; what it is made of stays. What was approved waits for review again when more of it changes
/// than the remark.
#[utoipa::path(put, path = "/api/customer/images/mine/{id}", tag = "images", params(("id" = ImageId, Path)),
    request_body = ImageWrite,
    responses((status = 200, body = Envelope<ImageView>), (status = 409, description = "1400: changed meanwhile"),
        (status = 422, description = "1402: it is listed, and more than the remark changes")))]
pub async fn update(rest: Rest, Part(id): Part<ImageId>, Body(body): Body<ImageWrite>) -> Response {
    rest.answer(images::update_own(&rest.platform, &rest.ctx, id, body).await).await
}

/// Takes it away, and its archive as soon as no instance is made of it.
#[utoipa::path(delete, path = "/api/customer/images/mine/{id}", tag = "images", params(("id" = ImageId, Path)),
    responses((status = 200, description = "Taken away")))]
pub async fn delete(rest: Rest, Part(id): Part<ImageId>) -> Response {
    rest.answer(images::delete_own(&rest.platform, &rest.ctx, id).await).await
}

/// Shares what an instance was saved as with all people of one's customer: they may make instances of it and read its archive.
#[utoipa::path(post, path = "/api/customer/images/mine/{id}/share", tag = "images", params(("id" = ImageId, Path)),
    responses((status = 200, body = Envelope<ImageView>),
        (status = 409, description = "1401: they find another image of its name"),
        (status = 422, description = "1402: no instance was saved as it")))]
pub async fn share(rest: Rest, Part(id): Part<ImageId>) -> Response {
    rest.answer(images::share_own(&rest.platform, &rest.ctx, id, true).await).await
}

/// Has it be its maker's and the owners' alone again; what was made of it stays.
#[utoipa::path(post, path = "/api/customer/images/mine/{id}/unshare", tag = "images", params(("id" = ImageId, Path)),
    responses((status = 200, body = Envelope<ImageView>),
        (status = 422, description = "1402: no instance was saved as it, or it is listed")))]
pub async fn unshare(rest: Rest, Part(id): Part<ImageId>) -> Response {
    rest.answer(images::share_own(&rest.platform, &rest.ctx, id, false).await).await
}

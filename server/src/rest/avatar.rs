//! /api/auth/avatar: one's own picture.

use app::{door, paths};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use contract::accounts::MAX_AVATAR_BYTES;
use platform::accounts;

use super::upload::{FileForm, RawBytes};
use super::{Rest, refuse, upload};

/// One's picture, a PNG of at most 256 × 256 pixels; not in an envelope.
#[utoipa::path(get, path = "/api/auth/avatar", tag = "auth",
    responses((status = 200, body = inline(RawBytes), content_type = "image/png"), (status = 304, description = "As before"),
        (status = 404, description = "1300: one has none")))]
pub async fn get(rest: Rest, uri: Uri, headers: HeaderMap) -> Response {
    let (tag, picture) = match accounts::avatar(&rest.platform, &rest.ctx).await {
        Ok(found) => found,
        Err(error) => return refuse(&rest.platform, &rest.ctx, error).await,
    };
    let etag = format!("\"{tag}\"");
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    // The pages name the tag in the address: that picture never changes.
    let named = uri.query().is_some_and(|query| query == format!("v={tag}"));
    let keep = if named { "private, max-age=86400" } else { "private, no-cache" };
    let mut response = if known.is_some_and(|known| known.split(',').any(|known| known.trim() == etag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, HeaderValue::from_static("image/png"))], picture).into_response()
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// Takes a PNG, JPEG or WebP: the body itself, or the first file of a form. It is made square and small; nothing but its
/// pixels is kept. A browser's form is led back to its page.
#[utoipa::path(post, path = "/api/auth/avatar", tag = "auth",
    request_body(content(
        (inline(RawBytes) = "image/png"), (inline(RawBytes) = "image/jpeg"), (inline(RawBytes) = "image/webp"),
        (inline(FileForm) = "multipart/form-data")
    )),
    responses((status = 200, description = "Kept"), (status = 413, description = "1700: more than 2 MiB")))]
pub async fn set(rest: Rest, request: Request) -> Response {
    let wants_page = upload::accepts_html(&request);
    let kept = match taken(&rest, request).await {
        Ok(bytes) => accounts::set_avatar(&rest.platform, &rest.ctx, bytes).await,
        Err(error) => Err(error),
    };
    match kept {
        Ok(()) if wants_page => Redirect::to(&paths::account_done("picture")).into_response(),
        Err(error) if wants_page => {
            // Of the form it only says that it was this one.
            let typed = vec![("avatar", String::from("1"))];
            let address = door::refused_address((&rest.platform, &rest.ctx), error, paths::ACCOUNT, typed).await;
            Redirect::to(&address).into_response()
        }
        kept => rest.answer(kept).await,
    }
}

/// Takes it away; one's initial stands there again.
#[utoipa::path(delete, path = "/api/auth/avatar", tag = "auth", responses((status = 200, description = "Taken away")))]
pub async fn remove(rest: Rest) -> Response {
    rest.answer(accounts::remove_avatar(&rest.platform, &rest.ctx).await).await
}

/// Who is not signed in learns so before anything is taken in.
async fn taken(rest: &Rest, request: Request) -> platform::Result<Vec<u8>> {
    accounts::may_set_avatar(&rest.ctx)?;
    upload::bytes(request, MAX_AVATAR_BYTES).await
}

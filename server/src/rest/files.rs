//! /api/files: what people bring in, in chunks that may be sent again, and what became of it.

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use contract::files::{
    ChunkView, FilePurpose, FileQuery, FileReason, FileView, MAX_FORM_FILE_BYTES, UploadCreate, UploadView,
};
use contract::{Envelope, FileId, Page, UploadId};
use futures_util::{StreamExt as _, TryStreamExt as _};
use platform::files::{self, Content};
use platform::{Error, Result};
use tokio_util::io::StreamReader;

use super::upload::{FileForm, RawBytes};
use super::{Body, Params, Part, Rest, refuse, upload};

/// Hash of a chunk as its sender knows it, 64 hexadecimal digits.
const CHUNK_SHA256: HeaderName = HeaderName::from_static("x-chunk-sha256");
/// Bytes that are read and sent on at a time.
const STEP: u64 = 256 << 10;

/// One's customer's files, or the platform's for those who work for it, the newest first.
#[utoipa::path(get, path = "/api/files", tag = "files", params(FileQuery),
    responses((status = 200, body = Envelope<Page<FileView>>)))]
pub async fn list(rest: Rest, Params(query): Params<FileQuery>) -> Response {
    rest.answer(files::list(&rest.platform, &rest.ctx, &query).await).await
}

/// A small file in one request, at most 32 MiB: the first file of a form. Larger ones come as an upload.
#[utoipa::path(post, path = "/api/files", tag = "files",
    request_body(content = inline(FileForm), content_type = "multipart/form-data"),
    responses((status = 201, body = Envelope<FileView>), (status = 413, description = "1700: more than 32 MiB"),
        (status = 422, description = "1500: it does not fit the quota")))]
pub async fn create(rest: Rest, request: Request) -> Response {
    let stored = whole(&rest, request, FilePurpose::Other).await.map(|(file, _)| file);
    rest.created(stored, |file| format!("/api/files/{}", file.id)).await
}

/// The file of a form, stored, and the form's fields before it. Who may not bring anything in learns so before anything is
/// taken in.
pub(crate) async fn whole(
    rest: &Rest,
    request: Request,
    purpose: FilePurpose,
) -> Result<(FileView, Vec<(String, String)>)> {
    files::may_upload(&rest.ctx)?;
    let (name, mut content, fields) = upload::form(request, MAX_FORM_FILE_BYTES).await?;
    let size = content.metadata().await.map_err(Error::internal)?.len();
    if size == 0 {
        return Err(Error::field("file", "field-file-required"));
    }
    let new = UploadCreate { name, size, sha256: None, purpose };
    Ok((files::store_whole(&rest.platform, &rest.ctx, new, &mut content).await?, fields))
}

/// What is on its way in, the newest first, at most a hundred.
#[utoipa::path(get, path = "/api/files/uploads", tag = "files",
    responses((status = 200, body = Envelope<Vec<UploadView>>)))]
pub async fn uploads(rest: Rest) -> Response {
    rest.answer(files::uploads(&rest.platform, &rest.ctx).await).await
}

/// Announces a file that comes in chunks; its bytes count against the quota from now on.
#[utoipa::path(post, path = "/api/files/uploads", tag = "files", request_body = UploadCreate,
    responses((status = 201, body = Envelope<UploadView>),
        (status = 413, description = "1700: larger than this installation takes"),
        (status = 422, description = "1500: it does not fit the quota")))]
pub async fn create_upload(rest: Rest, Body(body): Body<UploadCreate>) -> Response {
    let made = files::create_upload(&rest.platform, &rest.ctx, body).await;
    rest.created(made, |view| format!("/api/files/uploads/{}", view.id)).await
}

/// An upload: where it stands, and which chunks are there.
#[utoipa::path(get, path = "/api/files/uploads/{id}", tag = "files", params(("id" = UploadId, Path)),
    responses((status = 200, body = Envelope<UploadView>)))]
pub async fn get_upload(rest: Rest, Part(id): Part<UploadId>) -> Response {
    rest.answer(files::get_upload(&rest.platform, &rest.ctx, id).await).await
}

/// Gives an upload up; what was sent is thrown away.
#[utoipa::path(delete, path = "/api/files/uploads/{id}", tag = "files", params(("id" = UploadId, Path)),
    responses((status = 200, description = "Given up"), (status = 422, description = "1402: it is a file by now")))]
pub async fn abort(rest: Rest, Part(id): Part<UploadId>) -> Response {
    rest.answer(files::abort(&rest.platform, &rest.ctx, id).await).await
}

/// Takes a chunk, numbered from 0: the body itself, exactly `chunkSize` bytes, of the last one what is left. Again is fine.
#[utoipa::path(put, path = "/api/files/uploads/{id}/chunks/{n}", tag = "files",
    params(("id" = UploadId, Path), ("n" = u32, Path),
        ("x-chunk-sha256" = Option<String>, Header, description = "What was sent, 64 hexadecimal digits; checked")),
    request_body(content = inline(RawBytes), content_type = "application/octet-stream"),
    responses((status = 200, body = Envelope<ChunkView>), (status = 400, description = "1000: another size or hash"),
        (status = 409, description = "1400: another chunk is there under this number"),
        (status = 422, description = "1402: no more chunks are taken")))]
pub async fn put_chunk(rest: Rest, Part((id, n)): Part<(UploadId, u32)>, request: Request) -> Response {
    let sha256 = match request.headers().get(CHUNK_SHA256) {
        None => None,
        Some(value) => match value.to_str().ok().and_then(files::read_sha256) {
            Some(sha256) => Some(sha256),
            None => return refuse(&rest.platform, &rest.ctx, Error::field("sha256", "field-sha256")).await,
        },
    };
    let body = request.into_body().into_data_stream().map_err(std::io::Error::other);
    let mut body = StreamReader::new(Box::pin(body));
    rest.answer(files::put_chunk(&rest.platform, &rest.ctx, id, n, sha256, &mut body).await).await
}

/// All chunks are there: makes a file of them. A large one is checked in the background: the upload says when it is done, or
/// why no file became of it.
#[utoipa::path(post, path = "/api/files/uploads/{id}/complete", tag = "files", params(("id" = UploadId, Path)),
    responses((status = 200, body = Envelope<UploadView>),
        (status = 400, description = "1000: what arrived is not what `sha256` announced"),
        (status = 422, description = "1402: chunks are missing, or it was given up")))]
pub async fn complete(rest: Rest, Part(id): Part<UploadId>) -> Response {
    rest.answer(files::complete(&rest.platform, &rest.ctx, id).await).await
}

/// A file.
#[utoipa::path(get, path = "/api/files/{id}", tag = "files", params(("id" = FileId, Path)),
    responses((status = 200, body = Envelope<FileView>)))]
pub async fn get(rest: Rest, Part(id): Part<FileId>) -> Response {
    rest.answer(files::get(&rest.platform, &rest.ctx, id).await).await
}

/// Takes a file away.
#[utoipa::path(delete, path = "/api/files/{id}", tag = "files", params(("id" = FileId, Path)),
    responses((status = 200, description = "Taken away"), (status = 409, description = "1400: something is made of it")))]
pub async fn delete(rest: Rest, Part(id): Part<FileId>) -> Response {
    rest.answer(files::delete(&rest.platform, &rest.ctx, id).await).await
}

/// A file's content, or one range of it; not in an envelope. Staff say why they read what its person did not share.
#[utoipa::path(get, path = "/api/files/{id}/content", tag = "files", params(("id" = FileId, Path), FileReason),
    responses((status = 200, body = inline(RawBytes), content_type = "application/octet-stream"),
        (status = 206, description = "The range that was asked for"),
        (status = 416, description = "There is no such range")))]
pub async fn content(
    rest: Rest,
    Part(id): Part<FileId>,
    Params(why): Params<FileReason>,
    headers: HeaderMap,
) -> Response {
    match files::content(&rest.platform, &rest.ctx, id, why.reason).await {
        Ok((file, content)) => send(&file, content, headers.get(header::RANGE)),
        Err(error) => refuse(&rest.platform, &rest.ctx, error).await,
    }
}

fn send(file: &FileView, mut content: Content, range: Option<&HeaderValue>) -> Response {
    let asked = range.and_then(|value| value.to_str().ok()).map(|text| read_range(text, file.size));
    let (status, from, to) = match asked {
        Some(Some(Err(()))) => {
            let all = HeaderValue::from_str(&format!("bytes */{}", file.size));
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            response.headers_mut().extend(all.ok().map(|all| (header::CONTENT_RANGE, all)));
            return response;
        }
        Some(Some(Ok((from, to)))) => (StatusCode::PARTIAL_CONTENT, from, to),
        // What is no range that we know does not count, as RFC 9110 has it.
        Some(None) | None => (StatusCode::OK, 0, file.size),
    };
    if std::io::Seek::seek(&mut content, std::io::SeekFrom::Start(from)).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let mut response = Response::new(HttpBody::from_stream(stream(content, to - from)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    let encoded = percent_encoding::utf8_percent_encode(&file.name, percent_encoding::NON_ALPHANUMERIC);
    let mut texts = vec![
        (header::CONTENT_LENGTH, (to - from).to_string()),
        (header::ETAG, format!("\"{}\"", file.sha256)),
        // Never shown in a page of ours, whatever it holds.
        (header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{encoded}")),
    ];
    if status == StatusCode::PARTIAL_CONTENT {
        texts.push((header::CONTENT_RANGE, format!("bytes {from}-{}/{}", to - 1, file.size)));
    }
    headers.extend(texts.into_iter().filter_map(|(name, text)| Some((name, HeaderValue::from_str(&text).ok()?))));
    response
}

fn stream(content: Content, length: u64) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> + Send {
    let read = |(content, left): (Content, u64)| async move {
        if left == 0 {
            return None;
        }
        let most = usize::try_from(left.min(STEP)).unwrap_or(usize::MAX);
        match files::read_on(content, most).await {
            Ok((content, bytes)) => {
                let left = left - bytes.len() as u64;
                Some((Ok(Bytes::from(bytes)), (content, left)))
            }
            Err(error) => {
                tracing::error!(%error, "a file could not be read to its end");
                None
            }
        }
    };
    // An answer that ends before its announced length is one that failed.
    futures_util::stream::unfold((content, length), read).boxed()
}

/// From and to, the latter not included, of a single range; nothing for what is none, an error for one outside.
pub(crate) fn read_range(text: &str, size: u64) -> Option<Result<(u64, u64), ()>> {
    let (first, last) = text.strip_prefix("bytes=")?.trim().split_once('-')?;
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let (from, to) = match (first, last) {
        ("", last) => (size.saturating_sub(number(last)?), size),
        (first, "") => (number(first)?, size),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            (first, last.saturating_add(1).min(size))
        }
    };
    Some(if from < to { Ok((from, to)) } else { Err(()) })
}

#[cfg(test)]
mod tests {
    use super::read_range;

    #[test]
    fn ranges() {
        for (text, read) in [
            ("bytes=0-9", Some(Ok((0, 10)))),
            ("bytes=90-", Some(Ok((90, 100)))),
            ("bytes=-10", Some(Ok((90, 100)))),
            ("bytes=-1000", Some(Ok((0, 100)))),
            ("bytes=0-1000", Some(Ok((0, 100)))),
            ("bytes=0-18446744073709551615", Some(Ok((0, 100)))),
            ("bytes=100-", Some(Err(()))),
            ("bytes=-0", Some(Err(()))),
            ("bytes=9-0", None),
            ("bytes=0-1,3-4", None),
            ("bytes=+1-2", None),
            ("lines=0-1", None),
            ("bytes=", None),
        ] {
            assert_eq!(read_range(text, 100), read, "{text}");
        }
    }
}

//! One file from a request: the body itself, or the first file of a form.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request};
use axum::http::header;
use contract::ErrorCode;
use futures_util::{Stream, TryStreamExt as _};
use platform::Error;
use platform::error::FieldError;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};

/// In the description: a body that is the content itself. Of a `Vec<u8>` it would make an array of numbers in JSON.
pub struct RawBytes;

impl utoipa::PartialSchema for RawBytes {
    fn schema() -> RefOr<Schema> {
        let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(binary)).into()
    }
}

impl utoipa::ToSchema for RawBytes {}

/// In the description: a form with a file, of which the first is taken whatever its field is called.
pub struct FileForm;

impl utoipa::PartialSchema for FileForm {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Object).property("file", RawBytes::schema()).required("file").into()
    }
}

impl utoipa::ToSchema for FileForm {}

/// True when a plain form of a page asks, which wants to be led on.
pub fn accepts_html(request: &Request) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// File name and content, at most so many bytes. It goes to a temporary file piece by piece: nobody's file lies in the
/// server's memory while it comes in.
///
/// # Errors
/// `TooLarge`, or `Validation` for a form that does not read or holds no file.
pub async fn file(request: Request, max: usize) -> platform::Result<(String, tokio::fs::File)> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("multipart/form-data") {
        let chunks = request.into_body().into_data_stream().map_err(|_| malformed());
        return Ok((String::new(), spool(chunks, max).await?));
    }
    let mut form = read(request).await?;
    while let Some(field) = form.next_field().await.map_err(|_| malformed())? {
        let Some(name) = field.file_name().map(str::to_owned) else { continue };
        return Ok((name, spool(field.map_err(|_| malformed()), max).await?));
    }
    Err(Error::field("file", "field-file-required"))
}

/// The extractor's own limit is for small forms; [`spool`] counts while it reads.
async fn read(mut request: Request) -> platform::Result<Multipart> {
    DefaultBodyLimit::disable().apply(&mut request);
    Multipart::from_request(request, &()).await.map_err(|_| malformed())
}

/// Most bytes of a field that is no file.
const MAX_FIELD: usize = 64 << 10;
/// Most fields before the file.
const MAX_FIELDS: usize = 50;

/// As [`file`], of a form alone, with the fields that stand before the file.
///
/// # Errors
/// As [`file`]'s.
pub async fn form(request: Request, max: usize) -> platform::Result<(String, tokio::fs::File, Vec<(String, String)>)> {
    let mut form = read(request).await?;
    let mut fields = Vec::new();
    while let Some(mut field) = form.next_field().await.map_err(|_| malformed())? {
        if let Some(name) = field.file_name().map(str::to_owned) {
            return Ok((name, spool(field.map_err(|_| malformed()), max).await?, fields));
        }
        let name = field.name().unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(|_| malformed())? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_FIELD || fields.len() >= MAX_FIELDS {
                return Err(malformed());
            }
        }
        fields.push((name, String::from_utf8(bytes).map_err(|_| malformed())?));
    }
    Err(Error::field("file", "field-file-required"))
}

/// A small file's bytes.
///
/// # Errors
/// As [`file`]'s.
pub async fn bytes(request: Request, max: usize) -> platform::Result<Vec<u8>> {
    let (_, mut content) = file(request, max).await?;
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes).await.map_err(Error::internal)?;
    Ok(bytes)
}

fn malformed() -> Error {
    Error::field("file", "field-malformed")
}

/// Says at the file how large it may be.
fn too_large(max: usize) -> Error {
    let limit = if max < 1 << 20 { format!("{} kB", max >> 10) } else { format!("{} MB", max >> 20) };
    let mut error = Error::new(ErrorCode::TooLarge);
    error.fields.push(FieldError { path: "file", key: "field-file-too-large", args: vec![("limit", limit)] });
    error
}

/// A temporary file, at its beginning, with what comes.
async fn spool(chunks: impl Stream<Item = platform::Result<Bytes>>, max: usize) -> platform::Result<tokio::fs::File> {
    let mut file = tokio::fs::File::from_std(tempfile::tempfile().map_err(Error::internal)?);
    let mut chunks = std::pin::pin!(chunks);
    let mut size = 0;
    while let Some(chunk) = chunks.try_next().await? {
        size += chunk.len();
        if size > max {
            return Err(too_large(max));
        }
        file.write_all(&chunk).await.map_err(Error::internal)?;
    }
    file.rewind().await.map_err(Error::internal)?;
    Ok(file)
}

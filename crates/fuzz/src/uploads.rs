//! Uploads: a body as it is, or a form with a file in it.

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use contract::ErrorCode;
use tokio::runtime::Runtime;

use crate::{chosen, line_and_rest};

/// Largest file.
const MAX: usize = 2048;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().expect("a runtime"));

/// See the module. The first line is the content type, or what comes after the word for a form.
pub fn uploads(data: &[u8]) {
    let (form, rest) = chosen(data, 3);
    let (kind, body) = line_and_rest(rest);
    let prefix: &[u8] = if form == 0 { b"" } else { b"multipart/form-data; boundary=" };
    let Ok(kind) = HeaderValue::from_bytes(&[prefix, kind].concat()) else { return };
    let plain = !kind.to_str().is_ok_and(|kind| kind.starts_with("multipart/form-data"));
    let mut request = Request::new(Body::from(body.to_vec()));
    request.headers_mut().insert(header::CONTENT_TYPE, kind);
    match RUNTIME.block_on(server::fuzzing::upload(request, MAX)) {
        Ok(file) => {
            assert!(file.len() <= MAX);
            let inside = file.is_empty() || body.windows(file.len()).any(|part| part == file);
            assert!(if plain { file == body } else { inside }, "a file is what was sent");
        }
        Err(error) if error.code == ErrorCode::TooLarge => assert!(body.len() > MAX),
        Err(error) => assert_eq!(error.code, ErrorCode::Validation, "{error}"),
    }
}

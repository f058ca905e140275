//! What was recorded in instances as it is sent, and sessions in workbooks: for both sides.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use contract::access::AccessSession;
use contract::accounts::Language;
use platform::instances::RecordingContent;
use sheets::write::Kind;

use super::workbook::{List, say};
use super::{Rest, refuse};

/// What an asciicast is called by.
const KIND: HeaderValue = HeaderValue::from_static("application/x-asciicast");

/// A recording as a file, sent as it is read; or the error in the envelope.
pub(super) async fn send(rest: &Rest, content: platform::Result<RecordingContent>) -> Response {
    let content = match content {
        Ok(content) => content,
        Err(error) => return refuse(&rest.platform, &rest.ctx, error).await,
    };
    // Made by ourselves of a time and an id: nothing in it needs an escape.
    let disposition = format!("attachment; filename=\"{}\"", content.name);
    let pieces = futures_util::stream::try_unfold(content, |content| async move {
        let piece = content.next().await.map_err(|error| {
            tracing::error!(%error, "a recording could not be read");
            std::io::Error::other("it could not be read")
        })?;
        Ok::<_, std::io::Error>(piece.map(|(content, lines)| (Bytes::from(lines), content)))
    });
    let mut response = (StatusCode::OK, Body::from_stream(pieces)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, KIND);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// An empty sheet of sessions.
pub(super) fn sessions(language: Language) -> platform::Result<List> {
    let columns = [
        ("access-person", 24.0, Kind::Text),
        ("access-instance", 24.0, Kind::Text),
        ("access-customer", 24.0, Kind::Text),
        ("access-kind", 20.0, Kind::Text),
        ("access-address", 20.0, Kind::Text),
        ("access-client", 32.0, Kind::Text),
        ("access-fingerprint", 48.0, Kind::Text),
        ("access-since", 20.0, Kind::DateTime),
        ("access-end", 20.0, Kind::DateTime),
        ("access-why", 28.0, Kind::Text),
        ("recordings-title", 12.0, Kind::Number),
    ];
    List::new(language, "access-title", &columns)
}

/// A row of it.
pub(super) fn session(language: Language, list: &mut List, row: AccessSession) -> platform::Result<()> {
    let why = row.reason.map(|reason| say(language, &format!("access-reason-{reason}"), &[]));
    list.row(&[
        row.user_name.into(),
        row.instance_name.into(),
        row.customer_name.into(),
        say(language, &format!("access-kind-{}", row.kind.code()), &[]).into(),
        row.address.into(),
        row.client.into(),
        row.fingerprint.into(),
        row.opened_at.into(),
        row.ended_at.into(),
        why.into(),
        u64::from(row.recordings).into(),
    ])
}

//! For the crate `fuzz` alone: what the doors read of a request before anybody is known, and what operators bring in.

use std::net::IpAddr;
use std::str::FromStr as _;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use platform::accounts::identity::Returned;
use platform::instances::AppsAddress;
use serde::de::DeserializeOwned;
use tower_sessions::cookie::Cookie;
use tower_sessions::session::Id;
use url::Url;

pub use app::fuzzing::{Refused, cookie, look_of, read_refused, refused_address};
pub use app::paths;

pub use crate::apps::AppHeads;

/// Query parameters as a handler gets them.
///
/// # Errors
/// The place that does not read, and why.
pub fn query<T: DeserializeOwned>(text: &str) -> Result<T, (String, String)> {
    crate::rest::read_query(text)
}

/// A JSON body as a handler gets it.
///
/// # Errors
/// The place that does not read, and why.
pub fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, (String, String)> {
    crate::rest::read_json(&Bytes::copy_from_slice(bytes))
}

/// What a browser brings back from a sign-in service.
pub fn returned(query: &str) -> Returned {
    crate::rest::sso::returned(query)
}

/// A file from a request.
///
/// # Errors
/// As a handler gets them.
pub async fn upload(request: Request, max: usize) -> platform::Result<Vec<u8>> {
    crate::rest::upload_bytes(request, max).await
}

/// Id of a request.
pub fn request_id(headers: &HeaderMap) -> String {
    crate::client::request_id(headers)
}

/// The client's address behind so many proxies.
pub fn client_address(request: &Request, hops: usize) -> Option<IpAddr> {
    crate::client::address(request, hops)
}

/// Whether a change may come from where the headers say.
pub fn is_our_origin(method: &Method, headers: &HeaderMap, public_url: &Url, by_cookie: bool) -> bool {
    crate::authn::origin::check(method, headers, public_url, by_cookie).is_ok()
}

/// The token of a request.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    crate::authn::bearer(headers)
}

/// Session ids in a cookie header, as the session layer reads them.
pub fn session_ids(cookies: &str) -> Vec<String> {
    let cookies = Cookie::split_parse(cookies.to_owned()).filter_map(Result::ok);
    cookies.filter_map(|cookie| Id::from_str(cookie.value()).ok()).map(|id| id.to_string()).collect()
}

/// Ids of the keys that a backup was written with, in what PostgreSQL prints of it.
pub fn backup_keys(text: &str) -> Vec<&str> {
    crate::backup::key_ids(text)
}

/// A line of the file of daily anchors: day and position.
pub fn daily_anchor(line: &str) -> Option<String> {
    let (day, anchor) = crate::anchors::parse(line)?;
    Some(format!("{day} {} {}", anchor.position, hex::encode(anchor.hash)))
}

/// The anchor of a verification.
pub fn anchor(text: &str) -> Option<String> {
    let anchor = crate::verify::parse(text)?;
    Some(format!("{} {}", anchor.position, hex::encode(anchor.hash)))
}

/// A range of a file of this size.
pub fn range(text: &str, size: u64) -> Option<Result<(u64, u64), ()>> {
    crate::rest::files::read_range(text, size)
}

/// What an application gets of a request's cookies, and what becomes of the first of them if it sets it; at an origin with a host
/// name of its own, or one that shares it with others.
pub fn app_cookies(headers: &HeaderMap, place: Option<u16>) -> (Option<HeaderValue>, Vec<HeaderValue>) {
    crate::apps::cookies_of(headers, place)
}

/// What becomes of a request's head at the door to applications; none where its host is no origin of a link.
pub fn app_heads(address: &AppsAddress, method: &Method, uri: &Uri, head: &HeaderMap) -> Option<AppHeads> {
    crate::apps::heads_of(address, (method, uri, head))
}

//! What stands around a request: proxies' headers, languages, cookies, origins; and what comes back through addresses: refused
//! forms, ways on, lists of ids.

use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use contract::accounts::Language;
use platform::{OpContext, Principal, Via};
use server::fuzzing::{self, Refused, paths};
use url::Url;

use crate::{chosen, keyring, now, text};

const HEADERS: [&str; 8] =
    ["x-forwarded-for", "x-request-id", "accept-language", "cookie", "origin", "host", "sec-fetch-site", "upgrade"];
const PEER: [u8; 4] = [192, 0, 2, 1];

/// See the module.
pub fn headers(data: &[u8]) {
    match chosen(data, 6) {
        (0, lines) => around(&of(lines)),
        (1, typed) => form(&text(typed)),
        (2, query) => {
            let query = text(query);
            let read = fuzzing::read_refused(keyring(), &somebody(), "/machines", &query);
            // Only what we signed, and that for this page.
            assert!(read.is_none() || query.split_once('.').is_some_and(|(signature, _)| signature.len() == 64));
            assert_eq!(fuzzing::read_refused(keyring(), &somebody(), "/elsewhere", &query), None);
        }
        (3, path) => way_on(&text(path)),
        (4, ids) => {
            let ids: Vec<String> = text(ids).split(' ').map(str::to_owned).collect();
            let read = paths::unpacked(&ids);
            assert!(read.iter().all(|id| !id.is_empty() && !id.contains('.')));
            assert_eq!(paths::unpacked(&[read.join(".")]), read);
        }
        (_, value) => {
            let value = text(value);
            let address = paths::with_query("/machines", [("q", &*value)]);
            let url = Url::parse("https://gpu.example.org").and_then(|base| base.join(&address)).expect("an address");
            let back: Vec<_> = url.query_pairs().collect();
            assert!(value.is_empty() || (back.len() == 1 && back[0].1 == value), "{value:?} came back as {back:?}");
        }
    }
}

/// Headers of lines: a number, then the value.
fn of(lines: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let (which, value) = chosen(line, HEADERS.len() as u8);
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(HeaderName::from_static(HEADERS[usize::from(which)]), value);
        }
    }
    headers
}

fn around(headers: &HeaderMap) {
    let id = fuzzing::request_id(headers);
    assert!((8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{id}");
    let mut request = Request::new(Body::empty());
    *request.headers_mut() = headers.clone();
    let peer = IpAddr::from(PEER);
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from((PEER, 5))));
    assert_eq!(fuzzing::client_address(&request, 0), Some(peer), "nobody's header counts without a proxy");
    for place in [None, Some(9001)] {
        let (handed_on, set) = fuzzing::app_cookies(headers, place);
        for value in handed_on.iter().chain(&set) {
            for pair in value.as_bytes().split(|byte| *byte == b';') {
                assert!(!is_ours(pair), "{value:?} carries one of ours");
            }
        }
        for set in set {
            let attributes = set.as_bytes().split(|byte| *byte == b';').skip(1);
            let mut names =
                attributes.map(|part| part.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii());
            assert!(names.all(|name| !name.eq_ignore_ascii_case(b"domain")), "{set:?}");
        }
    }
    let all: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).collect();
    let all: Vec<&str> = all.iter().flat_map(|value| value.split(',')).map(str::trim).collect();
    for hops in 1..4 {
        let address = fuzzing::client_address(&request, hops).expect("an address");
        let named = all.len().checked_sub(hops).and_then(|at| all[at].parse().ok());
        assert_eq!(address, named.unwrap_or(peer));
    }
    let _ = fuzzing::look_of(headers, None, Language::default());
    if let Some(value) = fuzzing::cookie(headers, "lang") {
        assert!(!value.contains(';'));
    }
    origin(headers);
}

/// Whether a pair of a cookie has a name that is ours, under whatever rule a browser keeps it.
pub(crate) fn is_ours(pair: &[u8]) -> bool {
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    let rules = [&b"__host-http-"[..], b"__host-", b"__http-", b"__secure-", b""];
    rules.iter().any(|rule| name.strip_prefix(*rule).is_some_and(|it| it.starts_with(b"remotegpu")))
}

/// A change that a cookie stands for comes from our own pages.
fn origin(headers: &HeaderMap) {
    let secure = Url::parse("https://gpu.example.org").expect("an address");
    if !fuzzing::is_our_origin(&Method::POST, headers, &secure, true) {
        return;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text("origin") {
        Some(origin) => assert_eq!(Url::parse(origin).expect("an address").origin(), secure.origin()),
        None => assert_eq!(text("sec-fetch-site"), Some("same-origin")),
    }
}

fn somebody() -> OpContext {
    OpContext::new(Principal::Anonymous, now(), Via::Page, "request-1", None, Language::En)
}

/// A refused form comes back with what was typed, as far as an address has room, and never leads away.
fn form(typed: &str) {
    let mut refused = Refused { key: "error-validation".to_owned(), ..Refused::default() };
    for (number, value) in typed.split('\n').take(8).enumerate() {
        refused.typed.insert(format!("field{number}"), value.to_owned());
    }
    let address = fuzzing::refused_address(refused.clone(), keyring(), &somebody(), "/machines?page=2");
    assert!(address.is_ascii() && address.len() < 8192 && HeaderValue::from_str(&address).is_ok());
    let url = Url::parse("https://gpu.example.org").and_then(|base| base.join(&address)).expect("an address");
    assert_eq!((url.host_str(), url.path()), (Some("gpu.example.org"), "/machines"));
    let query = url.query_pairs().find(|(name, _)| name == "refused").expect("what was refused").1;
    let back = fuzzing::read_refused(keyring(), &somebody(), "/machines", &query).expect("it is ours");
    assert_eq!(back.key, refused.key);
    assert!(back.typed.iter().all(|(name, value)| refused.typed.get(name) == Some(value)));
    assert!(typed.len() > 500 || back.typed.len() == refused.typed.len(), "little fits whole");
}

/// Where somebody is led on to is a page of ours, however a browser reads it.
fn way_on(path: &str) {
    let Some(path) = paths::local(path) else { return };
    let ours = Url::parse("https://gpu.example.org/login").expect("an address");
    let there = ours.join(path).expect("a path leads somewhere");
    assert_eq!(there.origin(), ours.origin(), "{path:?}");
}

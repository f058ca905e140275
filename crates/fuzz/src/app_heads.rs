//! Heads of requests at the origins of applications, what becomes of them on both ways, and places in an application.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use platform::instances::{AppName, AppsAddress, is_way, way_in_address};
use server::fuzzing::{AppHeads, app_heads as read_heads};
use url::Url;

use crate::headers::is_ours;
use crate::{chosen, line_and_rest, text};

/// Fields, by the first byte of their line.
const FIELDS: [&str; 16] = [
    "host",
    "origin",
    "referer",
    "cookie",
    "connection",
    "upgrade",
    "transfer-encoding",
    "content-length",
    "sec-fetch-site",
    "sec-fetch-mode",
    "sec-fetch-dest",
    "x-forwarded-for",
    "location",
    "set-cookie",
    "service-worker",
    "x_real_ip",
];
/// What an application is told by the door alone, or not at all.
const NOT_INWARDS: [&str; 12] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "expect",
    "forwarded",
    "x-forwarded-for",
    "x-real-ip",
];
/// What an application says to nobody's browser.
const NOT_OUTWARDS: [&str; 6] = [
    "connection",
    "transfer-encoding",
    "clear-site-data",
    "alt-svc",
    "strict-transport-security",
    "service-worker-allowed",
];

/// A wildcard host name, and a range of ports.
fn addresses() -> &'static [AppsAddress; 2] {
    static ADDRESSES: LazyLock<[AppsAddress; 2]> = LazyLock::new(|| {
        let portal = Url::parse("https://gpu.example.org").expect("an address");
        ["https://*.apps.example.com", "https://apps.example.com:9000-9009"]
            .map(|text| AppsAddress::parse(text, &portal).expect("an address"))
    });
    &ADDRESSES
}

/// See the module.
pub fn app_heads(data: &[u8]) {
    match chosen(data, 3) {
        (2, way) => place(&text(way)),
        (which, head) => drop(read(usize::from(which), head)),
    }
}

/// The head in these lines, method and address and then a field in each, as it is read at that kind of addresses.
pub(crate) fn read(which: usize, lines: &[u8]) -> Option<AppHeads> {
    let address = &addresses()[which];
    let (first, rest) = line_and_rest(lines);
    let first = text(first);
    let (method, uri) = first.split_once(' ')?;
    let (method, uri) = (Method::from_bytes(method.as_bytes()).ok()?, uri.parse::<Uri>().ok()?);
    let mut head = HeaderMap::new();
    for line in rest.split(|byte| *byte == b'\n') {
        let (which, value) = chosen(line, FIELDS.len() as u8);
        if let Ok(value) = HeaderValue::from_bytes(value) {
            head.append(HeaderName::from_static(FIELDS[usize::from(which)]), value);
        }
    }
    let read = read_heads(address, &method, &uri, &head)?;
    named(address, &read);
    inwards(&read);
    outwards(&read);
    let several = |name: &str| head.get_all(name).iter().count() > 1;
    let lengths = head.contains_key("transfer-encoding") && head.contains_key("content-length");
    assert!(
        read.is_ambiguous || !(several("host") || several("content-length") || lengths),
        "{head:?} is read in one way"
    );
    let foreign = head.get("origin").is_some_and(|from| !from.as_bytes().eq_ignore_ascii_case(read.origin.as_bytes()));
    let changes = !matches!(method, Method::GET | Method::HEAD);
    assert!(read.is_from_elsewhere || !(foreign && changes), "{head:?} is no page of this origin");
    assert!(!read.wants_socket || (method == Method::GET && head.get_all("upgrade").iter().count() == 1));
    Some(read)
}

/// One origin is one link's, and is found again by what it is called.
fn named(address: &AppsAddress, read: &AppHeads) {
    assert_eq!(address.authority_of(&read.name).as_ref(), Some(&read.authority));
    assert_eq!(address.named_by(&read.authority).as_ref(), Some(&read.name));
    assert_eq!(AppName::parse(&read.name.to_string()).as_ref(), Some(&read.name));
    let origin = Url::parse(&read.origin).expect("an address");
    assert!(origin.scheme() == "https" && origin.host_str().is_some_and(|host| host.ends_with("apps.example.com")));
}

fn inwards(read: &AppHeads) {
    let head = &read.inwards;
    for name in NOT_INWARDS {
        assert!(!head.contains_key(name), "{name} reaches the application: {head:?}");
    }
    assert!(head.keys().all(|name| !name.as_str().contains('_')), "{head:?}");
    assert_eq!(head.get("host").map(HeaderValue::as_bytes), Some(&b"localhost:8888"[..]));
    assert_eq!(head.get("x-forwarded-host").map(HeaderValue::as_bytes), Some(read.authority.as_bytes()));
    let cookies = head.get_all("cookie").iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    for pair in cookies {
        assert!(!is_ours(pair), "{head:?} carries one of ours");
    }
    let own = head.get("origin").is_some_and(|from| from.as_bytes().eq_ignore_ascii_case(read.origin.as_bytes()));
    assert!(!own, "{head:?} names an origin that the application is not at");
}

fn outwards(read: &AppHeads) {
    let head = &read.outwards;
    for name in NOT_OUTWARDS {
        assert!(!head.contains_key(name), "{name} reaches the browser: {head:?}");
    }
    assert!(head.contains_key("cache-control"), "{head:?}");
    for set in head.get_all("set-cookie") {
        let mut parts = set.as_bytes().split(|byte| *byte == b';');
        assert!(parts.next().is_none_or(|pair| !is_ours(pair)), "{set:?} is one of ours");
        let mut names = parts.map(|part| part.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii());
        assert!(names.all(|name| !name.eq_ignore_ascii_case(b"domain")), "{set:?} reaches beyond its origin");
    }
}

/// Where somebody goes on to in an application is at its origin, however a browser reads it.
fn place(way: &str) {
    if !is_way(way) {
        return;
    }
    let origin = Url::parse("https://0123456789abcdefghij.apps.example.com/").expect("an address");
    let there = origin.join(way).expect("a way leads somewhere");
    assert_eq!(there.origin(), origin.origin(), "{way:?}");
    let written = way_in_address(way);
    assert!(written.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'), "{written}");
}

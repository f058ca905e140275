//! Heads of requests and answers, as they cross between a browser and an application.
//!
//! The application is spoken to as its own localhost: programs that listen there alone refuse other names, because a foreign page
//! could have them looked up. `Host`, and what names the origin of the link (`Origin`, `Referer`, `Location`), are put into
//! those words and back; where it is really seen from, `X-Forwarded-*` says. Bodies are left as they are.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use platform::instances::{AppName, AppsAddress};

use super::cookies::Jar;

/// What is about one connection and not about the message (RFC 9110, 7.6.1), and what has been answered for it here.
const OF_CONNECTIONS: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];
/// What a client may not claim to an application.
const CLAIMS: [&str; 9] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x-real-ip",
    "proxy-authorization",
];
/// Most bytes of a head; what the reading of it lets through beyond is refused here.
pub(super) const HEAD_BYTES: usize = 64 << 10;
/// What would reach beyond the origin, or beyond the folder that a script is in: another place for it, what is kept for hosts and
/// domains, and scripts that would see where its windows go.
const BEYOND: [&str; 8] = [
    "alt-svc",
    "clear-site-data",
    "nel",
    "report-to",
    "public-key-pins",
    "strict-transport-security",
    "proxy-authenticate",
    "service-worker-allowed",
];

/// The origin of a link, and what it is for the application.
#[derive(Clone)]
pub(super) struct Place {
    /// `https://….apps.example.org`
    pub(super) origin: String,
    pub(super) authority: String,
    pub(super) jar: Jar,
    secure: bool,
}

impl Place {
    pub(super) fn new(address: &AppsAddress, name: &AppName) -> Option<Self> {
        Some(Self {
            origin: address.origin_of(name)?,
            authority: address.authority_of(name)?,
            jar: Jar::new(address, name),
            secure: address.is_secure(),
        })
    }

    /// The same, while this link is there.
    pub(super) fn of_link(&self, label: &str) -> Self {
        Self { jar: self.jar.of_link(label), ..self.clone() }
    }

    /// An address below the origin, in the application's words.
    fn inwards(&self, value: &HeaderValue, local: &str) -> Option<HeaderValue> {
        moved(value, &self.origin, &format!("http://{local}"))
    }

    /// One of the application's localhost, as the browser reaches it.
    fn outwards(&self, value: &HeaderValue, port: u16) -> Option<HeaderValue> {
        let hosts = ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("http://{host}:{port}"));
        // `//host/…` and what it was told of itself.
        let bare = ["localhost", "127.0.0.1"].map(|host| format!("//{host}:{port}"));
        let behind = format!("http://{}", self.authority);
        let mut found = hosts.iter().chain(&bare).map(|from| moved(value, from, &self.origin));
        found.find_map(|moved| moved).or_else(|| moved(value, &behind, &self.origin))
    }
}

/// `from` at the beginning put into `to`, where what follows is a path, or nothing.
fn moved(value: &HeaderValue, from: &str, to: &str) -> Option<HeaderValue> {
    let rest = value.to_str().ok()?;
    let head = rest.get(..from.len()).filter(|head| head.eq_ignore_ascii_case(from))?;
    let rest = &rest[head.len()..];
    let ends = rest.is_empty() || rest.starts_with(['/', '?', '#']);
    ends.then(|| HeaderValue::from_str(&format!("{to}{rest}")).ok()).flatten()
}

/// Without what is about the connection, also what `Connection` names.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&OF_CONNECTIONS) {
        headers.remove(name);
    }
}

/// Whether a WebSocket is wanted: the only other protocol that is spoken on.
pub(super) fn wants_socket(method: &Method, headers: &HeaderMap) -> bool {
    let says = |name: HeaderName, word: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(word))
    };
    let only = headers.get_all(header::UPGRADE).iter().count() == 1
        && headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    *method == Method::GET && only && says(header::CONNECTION, "upgrade")
}

/// What is wrong with how it is sent. Two that read one request must not read it as two.
pub(super) fn is_ambiguous(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    let several = |name: HeaderName| headers.get_all(name).iter().count() > 1;
    let named = uri.authority().map(http::uri::Authority::as_str);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    *method == Method::CONNECT
        || !uri.path().starts_with('/')
        || several(header::HOST)
        || several(header::CONTENT_LENGTH)
        || (headers.contains_key(header::TRANSFER_ENCODING) && headers.contains_key(header::CONTENT_LENGTH))
        || named.is_some_and(|named| host.is_none_or(|host| !host.eq_ignore_ascii_case(named)))
}

/// Whether its head is longer than may be.
pub(super) fn is_too_long(uri: &Uri, headers: &HeaderMap) -> bool {
    let fields = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    let line = uri.path_and_query().map_or(0, |way| way.as_str().len());
    line + fields.sum::<usize>() > HEAD_BYTES
}

/// Whether a browser asks for a script that would see everything its windows ask for at this origin, with the tickets that come
/// from the portal: it sees what is below its own folder. Where links have an origin one after the other, there is none at all:
/// it would see what the next one shows.
pub(super) fn is_watcher(uri: &Uri, headers: &HeaderMap, place: &Place) -> bool {
    let everywhere = uri.path().bytes().filter(|b| *b == b'/').count() < 2;
    headers.contains_key("service-worker") && (everywhere || place.jar.is_passed_on())
}

/// Whether a page of another origin had the browser send it. Cookies of a host also come with what its sibling hosts send.
pub(super) fn is_from_elsewhere(method: &Method, headers: &HeaderMap, place: &Place) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let reads = matches!(*method, Method::GET | Method::HEAD);
    // Somebody followed a link: they see what comes, and whoever made the link does not.
    let followed = reads
        && !headers.contains_key(header::UPGRADE)
        && text("sec-fetch-mode") == Some("navigate")
        && text("sec-fetch-dest") == Some("document");
    let site = text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    let origin = text("origin").is_some_and(|origin| !origin.eq_ignore_ascii_case(&place.origin));
    (site || origin) && !followed
}

/// Whether it is the window's own, and no frame in a page; of older browsers that is not known.
pub(super) fn is_window(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-dest").is_none_or(|place| place == "document")
}

/// Whether somebody looks at what comes, rather than a program.
pub(super) fn is_looked_at(method: &Method, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let page = match text("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => text("accept").is_some_and(|accept| accept.contains("text/html")),
    };
    page && matches!(*method, Method::GET | Method::HEAD) && !headers.contains_key(header::UPGRADE)
}

/// The head of a request as the application gets it.
pub(super) fn inwards(
    mut headers: HeaderMap,
    place: &Place,
    (port, client): (u16, Option<IpAddr>),
    socket: bool,
) -> HeaderMap {
    strip(&mut headers);
    // How long the body is, whoever sends it on says.
    for name in [header::CONTENT_LENGTH, header::EXPECT, header::HOST] {
        headers.remove(name);
    }
    for name in CLAIMS {
        headers.remove(name);
    }
    // Programs that read fields as variables take `X_Forwarded_For` for one of those.
    let odd: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().contains('_')).cloned().collect();
    for name in odd {
        headers.remove(name);
    }
    let cookies = place.jar.handed_on(&headers);
    headers.remove(header::COOKIE);
    if let Some(cookies) = cookies {
        headers.insert(header::COOKIE, cookies);
    }
    let local = format!("localhost:{port}");
    for name in [header::ORIGIN, header::REFERER] {
        if let Some(moved) = headers.get(&name).and_then(|value| place.inwards(value, &local)) {
            headers.insert(name, moved);
        }
    }
    let said = [
        ("host", local),
        ("x-forwarded-for", client.map(|client| client.to_string()).unwrap_or_default()),
        ("x-forwarded-host", place.authority.clone()),
        ("x-forwarded-proto", if place.secure { "https" } else { "http" }.to_owned()),
    ];
    for (name, value) in said {
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(&value)) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    if socket {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    headers
}

/// The head of an answer as the browser gets it.
pub(super) fn outwards(status: StatusCode, mut headers: HeaderMap, place: &Place, port: u16) -> HeaderMap {
    strip(&mut headers);
    for name in BEYOND {
        headers.remove(name);
    }
    let cookies: Vec<HeaderValue> =
        headers.get_all(header::SET_COOKIE).iter().flat_map(|value| place.jar.set_by_app(value)).collect();
    headers.remove(header::SET_COOKIE);
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
    }
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        if let Some(moved) = headers.get(&name).and_then(|value| place.outwards(value, port)) {
            headers.insert(name, moved);
        }
    }
    if status == StatusCode::SWITCHING_PROTOCOLS {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    } else {
        // What is somebody's is for no cache between.
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private"));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: &str = "0123456789abcdefghij";

    fn place() -> Place {
        let address = AppsAddress::parse("https://*.apps.example.org", &"https://gpu.example.org".parse().unwrap());
        Place::new(&address.unwrap(), &AppName::Label(LABEL.to_owned())).unwrap()
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn text(headers: &HeaderMap, name: &str) -> Option<String> {
        headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_application_is_its_own_localhost() {
        let place = place();
        let got = headers(&[
            ("host", &place.authority),
            ("origin", &place.origin),
            ("referer", &format!("{}/lab?a=b", place.origin)),
            ("cookie", "__Host-remotegpu-app=secret; a=b"),
            ("x-forwarded-for", "6.6.6.6"),
            ("x-real-ip", "6.6.6.6"),
            ("connection", "close, x-private"),
            ("x-private", "1"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("authorization", "token of-the-app"),
            ("x_forwarded_for", "6.6.6.6"),
            ("remote_user", "admin"),
        ]);
        let got = inwards(got, &place, (8888, "203.0.113.7".parse().ok()), false);
        for (name, value) in [
            ("host", Some("localhost:8888")),
            ("origin", Some("http://localhost:8888")),
            ("referer", Some("http://localhost:8888/lab?a=b")),
            ("cookie", Some("a=b")),
            ("x-forwarded-for", Some("203.0.113.7")),
            ("x-forwarded-host", Some(place.authority.as_str())),
            ("x-forwarded-proto", Some("https")),
            ("authorization", Some("token of-the-app")),
            ("x-real-ip", None),
            ("connection", None),
            ("x-private", None),
            ("transfer-encoding", None),
            ("te", None),
            ("upgrade", None),
            ("x_forwarded_for", None),
            ("remote_user", None),
        ] {
            assert_eq!(text(&got, name).as_deref(), value, "{name}");
        }
        let foreign = inwards(headers(&[("origin", "https://evil.example")]), &place, (1, None), false);
        assert_eq!(text(&foreign, "origin").as_deref(), Some("https://evil.example"));
    }

    #[test]
    fn answers_stay_at_their_origin() {
        let place = place();
        for (from, to) in [
            ("http://localhost:8888/lab", format!("{}/lab", place.origin)),
            ("http://127.0.0.1:8888", place.origin.clone()),
            ("//localhost:8888/x", format!("{}/x", place.origin)),
            (&format!("http://{}/x", place.authority), format!("{}/x", place.origin)),
            ("/relative", "/relative".to_owned()),
            ("http://localhost:88881/x", "http://localhost:88881/x".to_owned()),
            ("https://other.example/", "https://other.example/".to_owned()),
        ] {
            let got = outwards(StatusCode::FOUND, headers(&[("location", from)]), &place, 8888);
            assert_eq!(text(&got, "location"), Some(to), "{from}");
        }
        let got = headers(&[
            ("set-cookie", "a=b; Domain=example.org"),
            ("clear-site-data", "\"cookies\""),
            ("alt-svc", "h3=\":1\""),
            ("strict-transport-security", "max-age=1"),
            ("service-worker-allowed", "/"),
            ("x-app", "1"),
        ]);
        let got = outwards(StatusCode::OK, got, &place, 8888);
        assert_eq!(text(&got, "set-cookie").as_deref(), Some("a=b"));
        assert_eq!(text(&got, "x-app").as_deref(), Some("1"));
        for gone in ["clear-site-data", "alt-svc", "strict-transport-security", "service-worker-allowed"] {
            assert_eq!(text(&got, gone), None, "{gone}");
        }
    }

    #[test]
    fn other_pages_send_nothing_here() {
        let place = place();
        let own = place.origin.clone();
        let sibling = "https://zzzzzzzzzzzzzzzzzzzz.apps.example.org";
        let check =
            |method: Method, pairs: &[(&'static str, &str)]| is_from_elsewhere(&method, &headers(pairs), &place);
        let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        assert!(!check(Method::GET, &link) && check(Method::POST, &link));
        assert!(!check(Method::GET, &[]) && !check(Method::POST, &[("origin", &own)]));
        assert!(!check(Method::GET, &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")]));
        for (method, pairs) in [
            (Method::POST, [("origin", sibling), ("accept", "*/*")]),
            (Method::POST, [("origin", "null"), ("accept", "*/*")]),
            (Method::GET, [("origin", sibling), ("upgrade", "websocket")]),
            (Method::GET, [("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")]),
            (Method::GET, [("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "iframe")]),
        ] {
            assert!(check(method, &pairs), "{pairs:?}");
        }
    }

    #[test]
    fn no_script_watches_the_way_in() {
        let (named, asks) = (place(), headers(&[("service-worker", "script")]));
        let watches = |path: &str, place: &Place| is_watcher(&path.parse().unwrap(), &asks, place);
        for everywhere in ["/sw.js", "/", "/sw.js?of=/a/b"] {
            assert!(watches(everywhere, &named), "{everywhere}");
        }
        // Each sees what is below its folder, where nothing of ours is.
        assert!(!watches("/static/sw.js", &named) && !watches("//sw.js", &named));
        assert!(!is_watcher(&"/sw.js".parse().unwrap(), &headers(&[]), &named), "a script as any other");
        let portal = "https://gpu.example.org".parse().unwrap();
        let address = AppsAddress::parse("https://apps.example.org:9000-9099", &portal).unwrap();
        let passed_on = Place::new(&address, &AppName::Place(9001)).unwrap();
        assert!(watches("/static/sw.js", &passed_on) && watches("/sw.js", &passed_on));
    }

    #[test]
    fn heads_are_no_longer_than_said() {
        let uri = "/x".parse::<Uri>().unwrap();
        assert!(!is_too_long(&uri, &headers(&[("x", &"x".repeat(60 << 10))])));
        assert!(is_too_long(&uri, &headers(&[("x", &"x".repeat(64 << 10))])));
        assert!(is_too_long(&uri, &headers(&[("x", &"x".repeat(40 << 10)), ("y", &"y".repeat(40 << 10))])));
    }

    #[test]
    fn a_request_is_read_in_one_way_or_not_at_all() {
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        let fine = headers(&[("host", "a.example")]);
        assert!(!is_ambiguous(&Method::GET, &uri("/a/../b"), &fine));
        assert!(!is_ambiguous(&Method::GET, &uri("http://A.example/x"), &fine));
        assert!(is_ambiguous(&Method::GET, &uri("http://b.example/x"), &fine));
        assert!(is_ambiguous(&Method::CONNECT, &uri("a.example:1"), &fine));
        assert!(is_ambiguous(&Method::OPTIONS, &uri("*"), &fine));
        let two = headers(&[("host", "a.example"), ("transfer-encoding", "chunked"), ("content-length", "3")]);
        assert!(is_ambiguous(&Method::POST, &uri("/"), &two));
        let mut hosts = fine.clone();
        hosts.append(header::HOST, HeaderValue::from_static("b.example"));
        assert!(is_ambiguous(&Method::GET, &uri("/"), &hosts));
    }

    #[test]
    fn only_websockets_are_spoken_on() {
        let asks = |upgrade: &str| {
            let pairs = headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", upgrade)]);
            wants_socket(&Method::GET, &pairs)
        };
        assert!(asks("websocket") && asks("WebSocket"));
        assert!(!asks("h2c") && !asks("websocket, h2c") && !asks("TLS/1.0"));
        assert!(!wants_socket(&Method::GET, &headers(&[("upgrade", "websocket")])));
    }
}

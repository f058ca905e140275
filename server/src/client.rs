//! Where a request comes from.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, header};

use crate::arrival::REQUEST_ID;

/// The id the client or a proxy gave, when it is sane; else a new one.
pub(super) fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    given
        .filter(|id| (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
        .map_or_else(|| uuid::Uuid::now_v7().simple().to_string(), str::to_owned)
}

/// The client behind `hops` trusted proxies: each appends one address, so ours is counted from the right. The leftmost
/// entry is whatever the client made up.
pub(super) fn address(request: &Request, hops: usize) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    if hops == 0 {
        return peer;
    }
    let forwarded: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let index = forwarded.len().checked_sub(hops);
    index.and_then(|index| forwarded_address(forwarded[index])).or(peer)
}

/// An address as proxies write it: some add the port, and then put brackets around IPv6.
fn forwarded_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

/// What the client calls itself; bytes that are no ASCII, which no known client sends, are written as escapes.
pub(super) fn user_agent(headers: &HeaderMap) -> Option<String> {
    headers.get(header::USER_AGENT).map(|value| value.as_bytes().escape_ascii().to_string())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn the_client_is_counted_from_the_right() {
        let mut request =
            Request::builder().header("x-forwarded-for", "6.6.6.6, 203.0.113.7").body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 5))));
        assert_eq!(address(&request, 0), Some(IpAddr::from([127, 0, 0, 1])));
        assert_eq!(address(&request, 1), Some(IpAddr::from([203, 0, 113, 7])));
        assert_eq!(address(&request, 3), Some(IpAddr::from([127, 0, 0, 1])), "fewer entries than proxies");
    }

    #[test]
    fn ports_of_clients_do_not_make_them_the_proxy() {
        let seven = Some(IpAddr::from([203, 0, 113, 7]));
        let six = "2001:db8::7".parse::<IpAddr>().ok();
        for (text, expected) in [
            ("203.0.113.7", seven),
            ("203.0.113.7:52301", seven),
            ("2001:db8::7", six),
            ("[2001:db8::7]", six),
            ("[2001:db8::7]:52301", six),
            ("unknown", None),
            ("203.0.113.7:port", None),
        ] {
            assert_eq!(forwarded_address(text), expected, "{text}");
        }
    }
}

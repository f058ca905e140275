//! Where the server sends messages, with which signature, and what the other end answers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::HeaderValue;
use contract::notifications::ChannelKind;
use ipnetwork::IpNetwork;
use platform::fuzzing;
use url::{Host, Url};

use crate::{chosen, line_and_rest, now, text};

/// See the module.
pub fn outbound(data: &[u8]) {
    match chosen(data, 6) {
        (0, url) => {
            let url = text(url);
            if let Some(read) = fuzzing::outbound_url(&url) {
                address_of(&read);
            }
        }
        (1, bytes) => {
            if let Some(address) = address_from(bytes) {
                assert!(!fuzzing::outbound_reached(address, &[]) || is_public(address), "{address}");
            }
        }
        (2, rest) => {
            let (ranges, bytes) = line_and_rest(rest);
            named(&text(ranges), address_from(bytes));
        }
        (3, secret) => {
            let secret = text(secret);
            if let Some(key) = fuzzing::webhook_secret(&secret) {
                assert!((24..=64).contains(&key.len()) && secret.starts_with("whsec_"));
            }
        }
        (4, rest) => {
            let (kind, rest) = chosen(rest, 4);
            let (secret, words) = line_and_rest(rest);
            message(ChannelKind::ALL[usize::from(kind)], &text(secret), &text(words));
        }
        (_, rest) => {
            let (kind, body) = chosen(rest, 4);
            for status in [200, 302, 500] {
                let answer = fuzzing::channel_answer(ChannelKind::ALL[usize::from(kind)], status, body);
                assert!(status == 200 || answer.is_err());
                // It is stored and shown.
                let fine = |detail: &str| detail.chars().count() <= 200 && !detail.chars().any(char::is_control);
                assert!(answer.is_ok() || answer.is_err_and(|failure| fine(&failure.detail)));
            }
        }
    }
}

fn address_from(bytes: &[u8]) -> Option<IpAddr> {
    if let Some((v6, _)) = bytes.split_first_chunk::<16>() {
        return Some(Ipv6Addr::from(*v6).into());
    }
    bytes.split_first_chunk::<4>().map(|(v4, _)| Ipv4Addr::from(*v4).into())
}

/// IPv4 inside of IPv6, as networks translate it.
pub(crate) fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let bytes = v6.octets();
    let inside = Ipv4Addr::new(bytes[12], bytes[13], bytes[14], bytes[15]);
    let mapped = bytes[..10] == [0; 10] && bytes[10..12] == [0xff, 0xff];
    let translated = bytes[..12] == [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];
    if mapped || translated { inside.into() } else { address }
}

/// By other words than the product's: what the standard library knows, and the rest by hand.
fn is_public(address: IpAddr) -> bool {
    match unwrapped(address) {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let own = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_documentation();
            let shared = a == 100 && (64..128).contains(&b);
            let special = a == 0 || a >= 224 || (a, b, c) == (192, 0, 0) || (a == 198 && (18..20).contains(&b));
            !own && !shared && !special && v4.octets() != [168, 63, 129, 16]
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            (0x2000..0x4000).contains(&first) && first != 0x2002 && !(first == 0x2001 && second == 0xdb8)
        }
    }
}

fn address_of(url: &Url) {
    assert!(matches!(url.scheme(), "https" | "http") && url.has_host() && url.fragment().is_none());
    assert!(url.username().is_empty() && url.password().is_none());
    assert_eq!(fuzzing::outbound_url(url.as_str()).as_ref().unwrap_or(url), url, "an address is itself");
    let address: IpAddr = match url.host() {
        Some(Host::Ipv4(v4)) => v4.into(),
        Some(Host::Ipv6(v6)) => v6.into(),
        _ => return,
    };
    assert!(!fuzzing::outbound_reached(address, &[]) || is_public(address), "{url}");
}

/// Ranges that are taken open private addresses alone, and never those where credentials are.
fn named(ranges: &str, address: Option<IpAddr>) {
    let Some(ranges) = fuzzing::outbound_ranges(ranges) else { return };
    assert!(ranges.len() <= 20 && ranges.iter().all(|range| !is_public(range.network())));
    let Some(address) = address else { return };
    let inside = ranges.iter().any(|range: &IpNetwork| range.contains(unwrapped(address)));
    if fuzzing::outbound_reached(address, &ranges) {
        assert!(inside || is_public(address), "{address}");
        let never = ["169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254"];
        assert!(!never.contains(&unwrapped(address).to_string().as_str()), "{address}");
    }
}

/// What is posted is JSON for the address that was set, under headers that are some; robots call no group together.
fn message(kind: ChannelKind, secret: &str, words: &str) {
    let url = Url::parse("https://hooks.example.org/in?key=1").expect("an address");
    let secret = Some(secret).filter(|secret| !secret.is_empty());
    let (to, headers, body) = fuzzing::channel_message(kind, url.clone(), secret, words, now());
    assert_eq!((to.origin(), to.path()), (url.origin(), url.path()));
    assert!(headers.iter().all(|(_, value)| HeaderValue::from_str(value).is_ok()));
    let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    if kind != ChannelKind::Webhook {
        let said = body.pointer("/text/content").or(body.pointer("/content/text")).and_then(|text| text.as_str());
        assert!(said.is_some_and(|said| said.len() <= 2048 && !said.contains('<')), "{body}");
    }
}

//! How an engine is reached: sockets, hosts, certificates and keys as somebody pasted them; and prices.

use contract::engines::{EngineKind, EngineWrite};

use crate::{chosen, line_and_rest, text};

/// Between the texts of an input.
pub(crate) const BETWEEN: &str = "\n====\n";

/// See the module.
pub fn engines(data: &[u8]) {
    match chosen(data, 3) {
        (0, socket) => {
            let socket = text(socket).into_owned();
            // Of an agent, nobody says which socket it is.
            let of_agent = EngineWrite { socket: Some(socket.clone()), ..EngineWrite::new(EngineKind::Agent) };
            assert!(!kept(of_agent) || socket.trim().is_empty());
            kept(EngineWrite { socket: Some(socket), ..EngineWrite::new(EngineKind::Local) });
        }
        (1, rest) => {
            kept(over_tls(rest));
        }
        (_, price) => {
            let Some(price) = platform::fuzzing::price(&text(price)) else { return };
            assert!(price.chars().all(|c| c.is_ascii_digit() || c == '.') && price.len() <= 16, "{price}");
            assert_eq!(platform::fuzzing::price(&price).as_ref(), Some(&price));
        }
    }
}

/// A line with host and port, and three texts.
fn over_tls(rest: &[u8]) -> EngineWrite {
    let (place, pems) = line_and_rest(rest);
    let (place, pems) = (text(place).into_owned(), text(pems).into_owned());
    let (host, port) = place.split_once(' ').unwrap_or((&place, ""));
    let mut pems = pems.splitn(3, BETWEEN).map(str::to_owned);
    EngineWrite {
        host: Some(host.to_owned()),
        port: port.parse().ok(),
        ca_certificate: pems.next(),
        client_certificate: pems.next(),
        client_key: pems.next(),
        ..EngineWrite::new(EngineKind::Tcp)
    }
}

/// Whether it is kept; then it is kept again as it is, and a socket is one.
fn kept(body: EngineWrite) -> bool {
    let Ok(kept) = platform::fuzzing::engine(body) else { return false };
    if let Some(socket) = &kept.socket {
        assert!(socket.starts_with('/') && socket.ends_with(".sock") && !socket.contains(".."), "{socket:?}");
        assert!(!socket.chars().any(char::is_control), "{socket:?}");
    }
    if let Some(host) = &kept.host {
        assert!(!host.is_empty() && !host.contains(|c: char| c.is_whitespace() || "/@?#".contains(c)), "{host:?}");
    }
    let again = platform::fuzzing::engine(kept.clone());
    assert!(again.is_ok_and(|again| again == kept), "{kept:?}");
    true
}

/// Whether an input is a connection that is kept.
#[cfg(test)]
pub(crate) fn reads(data: &[u8]) -> bool {
    kept(over_tls(data))
}

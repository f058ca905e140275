//! Which addresses the server may be sent to: the public ones, and the private ranges that an admin named.
//!
//! Who types an address must not reach through the server what they could not reach themselves. The ranges are those of
//! IANA's special-purpose registries (RFC 6890) and the places where clouds answer with credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};

/// Most ranges an admin can name.
const MAX_RANGES: usize = 20;

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> (Ipv4Addr, u8) {
    (Ipv4Addr::new(a, b, c, d), prefix)
}

/// Not public.
const SPECIAL_V4: &[(Ipv4Addr, u8)] = &[
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];

/// Where clouds give out credentials, beside the link-local ones: Alibaba's, Oracle's, Azure's. Never reached.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192), Ipv4Addr::new(168, 63, 129, 16)];

/// Of those that are not public, the ones an admin may open.
const OPENABLE_V4: &[(Ipv4Addr, u8)] =
    &[v4(10, 0, 0, 0, 8), v4(100, 64, 0, 0, 10), v4(127, 0, 0, 0, 8), v4(172, 16, 0, 0, 12), v4(192, 168, 0, 0, 16)];

/// In 2000::/3, and not public all the same: protocol assignments (Teredo, ORCHID), documentation, 6to4.
const SPECIAL_V6: &[(Ipv6Addr, u8)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Unique local addresses, and the host itself.
const OPENABLE_V6: &[(Ipv6Addr, u8)] = &[(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7), (Ipv6Addr::LOCALHOST, 128)];

/// Amazon's, inside of what an admin may open.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// How an address may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Everybody's.
    Public,
    /// In a range that an admin named.
    Named,
    /// In a private range that an admin could name.
    Forbidden,
    /// Nobody opens it: where clouds give out credentials, what is link-local, multicast or nobody's.
    Closed,
}

/// What the address really is: IPv4 inside of IPv6 counts as IPv4 (mapped, RFC 4291; NAT64, RFC 6052).
pub(crate) fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return v4.into();
    }
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)).into(),
        _ => address,
    }
}

fn within_v4(address: Ipv4Addr, ranges: &[(Ipv4Addr, u8)]) -> bool {
    ranges.iter().any(|(net, prefix)| Ipv4Network::new(*net, *prefix).is_ok_and(|range| range.contains(address)))
}

fn within_v6(address: Ipv6Addr, ranges: &[(Ipv6Addr, u8)]) -> bool {
    ranges.iter().any(|(net, prefix)| Ipv6Network::new(*net, *prefix).is_ok_and(|range| range.contains(address)))
}

fn is_openable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => within_v4(v4, OPENABLE_V4) && !METADATA_V4.contains(&v4),
        IpAddr::V6(v6) => within_v6(v6, OPENABLE_V6) && v6 != METADATA_V6,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !within_v4(v4, SPECIAL_V4) && !METADATA_V4.contains(&v4),
        // Global unicast is 2000::/3; everything else is local, mapped, multicast or reserved.
        IpAddr::V6(v6) => v6.segments()[0] & 0xe000 == 0x2000 && !within_v6(v6, SPECIAL_V6),
    }
}

/// Whether the server may be sent there; `named` are the ranges that an admin opened.
pub(super) fn reach(address: IpAddr, named: &[IpNetwork]) -> Reach {
    let address = unwrapped(address);
    if is_public(address) {
        Reach::Public
    } else if !is_openable(address) {
        Reach::Closed
    } else if named.iter().any(|range| range.contains(address)) {
        Reach::Named
    } else {
        Reach::Forbidden
    }
}

/// Whether a machine of the installation's own may be at this address. The rule above is for what people type; an engine's
/// address is typed by whoever may connect machines, and machines are in private networks on purpose: those are open without
/// being named. Where clouds give out credentials, and what is link-local, multicast or nobody's, stays closed.
pub(crate) fn may_be_a_host(address: IpAddr) -> bool {
    let address = unwrapped(address);
    is_public(address) || is_openable(address)
}

/// The same where nothing is encrypted: only in private networks.
pub(crate) fn may_be_a_private_host(address: IpAddr) -> bool {
    is_openable(unwrapped(address))
}

/// Ranges as an admin types them, parted by commas or blanks; `None` when one is none, or is not within what may be opened.
pub(crate) fn read_ranges(text: &str) -> Option<Vec<IpNetwork>> {
    let words = text.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty());
    let ranges: Vec<IpNetwork> = words.map(|word| word.parse().ok().filter(is_named)).collect::<Option<_>>()?;
    (ranges.len() <= MAX_RANGES).then_some(ranges)
}

/// True when all of it lies in one of the ranges that may be opened, and its address is its first one.
fn is_named(range: &IpNetwork) -> bool {
    let inside = match range {
        IpNetwork::V4(range) => {
            let mut outer = OPENABLE_V4.iter().filter(|(_, prefix)| range.prefix() >= *prefix);
            outer.any(|(net, prefix)| within_v4(range.network(), &[(*net, *prefix)]))
        }
        IpNetwork::V6(range) => {
            let mut outer = OPENABLE_V6.iter().filter(|(_, prefix)| range.prefix() >= *prefix);
            outer.any(|(net, prefix)| within_v6(range.network(), &[(*net, *prefix)]))
        }
    };
    inside && range.ip() == range.network()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str, named: &str) -> Reach {
        reach(address.parse().expect(address), &read_ranges(named).expect(named))
    }

    #[test]
    fn only_public_addresses_are_reached() {
        let public = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"];
        for address in public.into_iter().chain(["64:ff9b::808:808"]) {
            assert_eq!(of(address, ""), Reach::Public, "{address}");
        }
        let forbidden = [
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.8.8.8",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "fc00::1",
        ];
        let closed = [
            "0.0.0.0",
            "100.100.100.200",
            "169.254.169.254",
            "192.0.0.192",
            "192.0.2.1",
            "168.63.129.16",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
        ];
        for address in forbidden {
            assert_eq!(of(address, ""), Reach::Forbidden, "{address}");
        }
        for address in closed {
            assert_eq!(of(address, ""), Reach::Closed, "{address}");
        }
    }

    #[test]
    fn machines_are_anywhere_but_where_credentials_are() {
        for address in ["10.1.2.3", "192.168.1.7", "127.0.0.1", "::1", "fd00::7", "8.8.8.8", "100.64.0.9"] {
            assert!(may_be_a_host(address.parse().expect(address)), "{address}");
        }
        let closed = ["169.254.169.254", "::ffff:169.254.169.254", "100.100.100.200", "fd00:ec2::254", "fe80::1"];
        for address in closed.into_iter().chain(["0.0.0.0", "::", "224.0.0.1", "168.63.129.16", "255.255.255.255"]) {
            assert!(!may_be_a_host(address.parse().expect(address)), "{address}");
        }
    }

    #[test]
    fn an_admin_opens_private_ranges_but_never_where_credentials_are() {
        let named = "10.1.0.0/16, 127.0.0.1 ::1 100.64.0.0/10 fd00::/8";
        let reached = ["10.1.2.3", "127.0.0.1", "::1", "::ffff:10.1.2.3", "64:ff9b::a01:203", "100.64.0.1", "fd00::1"];
        for address in reached {
            assert_eq!(of(address, named), Reach::Named, "{address}");
        }
        for address in ["10.2.0.1", "127.0.0.2"] {
            assert_eq!(of(address, named), Reach::Forbidden, "{address}");
        }
        for address in ["100.100.100.200", "fd00:ec2::254", "169.254.169.254", "fe80::1"] {
            assert_eq!(of(address, named), Reach::Closed, "{address}");
        }
        for none in ["0.0.0.0/0", "169.254.0.0/16", "8.8.8.8", "10.0.0.0/7", "10.1.2.3/8", "fe80::/10", "::/0", "x"] {
            assert_eq!(read_ranges(none), None, "{none}");
        }
        assert_eq!(read_ranges(&"10.0.0.1 ".repeat(21)), None);
    }
}

//! See [`crate::fuzzing`].

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use url::Url;

use super::addresses::{self, Reach};

/// An address that messages are sent to.
pub fn outbound_url(text: &str) -> Option<Url> {
    super::read_url(text)
}

/// Ranges that an admin opens.
pub fn outbound_ranges(text: &str) -> Option<Vec<IpNetwork>> {
    addresses::read_ranges(text)
}

/// Whether the server may be sent there.
pub fn outbound_reached(address: IpAddr, named: &[IpNetwork]) -> bool {
    matches!(addresses::reach(address, named), Reach::Public | Reach::Named)
}

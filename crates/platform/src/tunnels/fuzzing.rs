//! See [`crate::fuzzing`].

use node_protocol::TunnelRefused;
use runtime::docker::Fault;

use crate::secrets::Keyring;

/// What an agent's refusal becomes.
pub fn tunnel_refused(refused: &TunnelRefused) -> Fault {
    super::of_refusal(refused)
}

/// A pass of another server, as it would travel again.
pub fn peer_pass(keyring: &Keyring, text: &str) -> Option<String> {
    super::Pass::read(keyring, text).map(|pass| pass.sign(keyring))
}

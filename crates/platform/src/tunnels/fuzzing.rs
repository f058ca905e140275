//! See [`crate::fuzzing`].

use futures_util::FutureExt as _;
use node_protocol::TunnelRefused;
use runtime::docker::Fault;

use super::sealed::Line;
use crate::secrets::Keyring;

/// What an agent's refusal becomes.
pub fn tunnel_refused(refused: &TunnelRefused) -> Fault {
    super::of_refusal(refused)
}

/// A pass of another server, as it would travel again.
pub fn peer_pass(keyring: &Keyring, text: &str) -> Option<String> {
    super::Pass::read(keyring, text).map(|pass| pass.sign(keyring))
}

/// Whether a stranger's first words to a server with a pass of theirs begin a line.
pub fn peer_line(keyring: &Keyring, said: &[u8]) -> bool {
    let stranger = tokio::io::join(said, tokio::io::sink());
    // Nothing here waits: what they say is there, and what they are answered is taken.
    Line::of_holder(stranger, keyring, &[0; 16]).now_or_never().is_some_and(|line| line.is_ok())
}

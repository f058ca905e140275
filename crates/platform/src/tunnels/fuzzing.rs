//! See [`crate::fuzzing`].

use node_protocol::TunnelRefused;
use runtime::docker::Fault;

/// What an agent's refusal becomes.
pub fn tunnel_refused(refused: &TunnelRefused) -> Fault {
    super::of_refusal(refused)
}

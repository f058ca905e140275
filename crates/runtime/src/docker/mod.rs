//! A Docker Engine, over its local socket, over TLS, or by a way that somebody else makes.
//!
//! The client is bollard's; the way to the engine is our own (`line`), because a connection has to trust one CA and no
//! other, has to go to an address that was looked at, and has to say what went wrong.

mod certificates;
pub mod containers;
mod fault;
pub(crate) mod images;
mod line;
pub(crate) mod probe;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use certificates::{CertificateFault, Identity};
pub use fault::{Fault, FaultKind};
pub use images::{Credentials, Progress, load, pull, pull_as, tag};
pub use line::{Bytes, Opening, Way};
pub use probe::{Report, probe};

/// The oldest API that is spoken: Engine 20.10's, the first with cgroup versions in its description.
pub const MIN_API: (u32, u32) = (1, 41);

/// Longest wait for a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(5);

/// How an engine is reached.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// A socket on the server's own host.
    Local { socket: PathBuf },
    /// Over TLS, with nobody's word but this CA's.
    Tcp { host: String, port: u16, identity: Box<Identity> },
    /// Over connections that come ready, such as an agent's tunnels.
    Given(Arc<dyn Way>),
}

/// Which addresses may be connected to at all; asked of every address of a name.
pub type Allowed = fn(IpAddr) -> bool;

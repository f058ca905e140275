//! The page's one live link: every island that shows something live asks here, and all share one WebSocket.
//!
//! The server knows only [`Link`]; the socket itself exists in the browser.

pub mod frame;
#[cfg(feature = "hydrate")]
mod socket;

#[cfg(feature = "hydrate")]
pub use socket::{clock, every_second, on_link, server_now, start, watch};

/// How the link stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Link {
    /// As the server rendered it: not connected yet, or no JavaScript.
    Waiting,
    /// Connected and heard from.
    Live,
    /// Lost; trying again. Holds when something was last heard, milliseconds since the Unix epoch.
    Reconnecting { heard_ms: f64 },
    /// What the page shows is over: no longer permitted, or gone.
    Over,
    /// The server ended the topic for another reason.
    Ended,
}

/// Where an address of the server function or socket lies.
pub const SOCKET_PATH: &str = "/ws/live";

//! Versioned messages between the server and the agent on a GPU host.
//!
//! One WebSocket, opened by the agent (so it works behind NAT) at [`PATH`]. Every binary WebSocket message is exactly
//! one [`AgentFrame`] (agent to server) or one [`ServerFrame`] (server to agent), encoded with prost; text messages are
//! refused. The structs are written by hand instead of generated, so that no `protoc` is needed.
//!
//! Invariants:
//! - Tags are never reused or renumbered. New fields are optional; unknown fields are ignored; so an old agent keeps
//!   working with a new server and the other way round within one [`PROTOCOL_VERSION`].
//! - A figure that was not measured is absent, never 0.
//! - Order: the agent sends [`Hello`] first, the server answers [`Welcome`]; then [`Batch`]es, each acknowledged by
//!   sequence only once its rows are committed. What is not acknowledged is sent again after a reconnect; the server
//!   ignores a sample it already has (same thing, same instant), so re-sending never doubles.
//! - Authentication is in the HTTP upgrade: `Authorization: Bearer <node key>`, and on first contact also the header
//!   [`JOIN_TOKEN_HEADER`]. The agent makes its key itself and stores it before the first attempt, so a crash between
//!   the server's commit and its answer loses nothing.
//! - A tunnel is a WebSocket of its own at [`TUNNEL_PATH`], opened by the agent with its key and a ticket the server sent
//!   over the link. Its binary messages are the bytes of one connection to the host's Docker Engine, in order; an empty one
//!   ends its direction. Whatever else ends it, a close included, is a connection that broke.

pub mod limits;
mod messages;

pub use messages::*;
pub use prost::Message;

/// The version this crate speaks. The server accepts every version from [`MIN_PROTOCOL_VERSION`] up to its own.
pub const PROTOCOL_VERSION: u32 = 1;
/// The oldest agent version of the protocol the server still accepts.
pub const MIN_PROTOCOL_VERSION: u32 = 1;
/// Path of the agent's WebSocket on the server.
pub const PATH: &str = "/ws/agent";
/// Path of tunnels, beside [`PATH`].
pub const TUNNEL_PATH: &str = "/ws/agent/tunnel";
/// Carries the ticket of a tunnel.
pub const TUNNEL_TICKET_HEADER: &str = "x-remotegpu-tunnel-ticket";
/// Carries the join token on the first upgrade of an agent the server does not know yet.
pub const JOIN_TOKEN_HEADER: &str = "x-remotegpu-join-token";
/// Carries the host's proposed name on that first upgrade (usually its host name, cleaned to `[a-z0-9-]`).
pub const HOST_NAME_HEADER: &str = "x-remotegpu-host-name";

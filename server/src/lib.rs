//! The process `remotegpu`: doors over HTTP and WebSocket, above one platform.
//!
//! Invariants: every route stands in `router.rs`; a door authenticates (done once, in `authn`), calls one operation and
//! translates its answer; no SQL and no rule about the domain in this crate.

// Views are deeply nested types, and their layout is computed here.
#![recursion_limit = "512"]

pub mod agents;
pub mod anchors;
pub mod apps;
pub mod arrival;
pub mod authn;
pub mod backup;
pub mod bundle;
mod client;
pub mod config;
pub mod database;
#[doc(hidden)]
pub mod fuzzing;
pub mod headers;
pub mod limits;
pub mod ops;
pub mod pages;
pub mod rest;
pub mod router;
pub mod serve;
pub mod site;
pub mod ssh;
mod unread;
pub mod verify;
pub mod ws;

use std::sync::Arc;

use platform::Platform;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What every door shares; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub platform: Platform,
    pub config: Arc<config::Config>,
    pub site: Arc<site::Site>,
    pub rates: Arc<limits::Rates>,
    pub prometheus: Option<metrics_exporter_prometheus::PrometheusHandle>,
    /// Cancelled when the process begins to stop: open sockets say good-bye.
    pub draining: CancellationToken,
    /// Open sockets: once upgraded, they are no longer the HTTP server's to wait for.
    pub sockets: TaskTracker,
}

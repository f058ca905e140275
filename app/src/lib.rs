//! The portals: pages rendered on the server, with islands where something lives.
//!
//! Two builds: `ssr` holds everything; `hydrate` (wasm) holds only the islands, the live link and what they share, so
//! pages, layouts and texts never reach the browser. `#[island]` only in `islands.rs`, `#[server]` only in
//! `server_fns.rs`.

// Views are deeply nested types.
#![recursion_limit = "256"]

pub mod live;
pub mod pages;
pub mod paths;
pub mod ui;

#[cfg(feature = "ssr")]
pub mod door;
#[cfg(feature = "ssr")]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "ssr")]
pub mod layouts;
#[cfg(feature = "ssr")]
pub mod menus;
#[cfg(feature = "ssr")]
pub mod role_words;
#[cfg(feature = "ssr")]
mod routes;
#[cfg(feature = "ssr")]
pub mod ways;
#[cfg(feature = "ssr")]
pub mod words;

#[cfg(feature = "ssr")]
pub use layouts::failure_page;
#[cfg(feature = "ssr")]
pub use routes::{App, shell};

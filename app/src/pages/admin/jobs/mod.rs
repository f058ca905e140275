//! The queue: what waits, runs and has ended, who works, and what can be stopped or done again.

#[cfg(feature = "ssr")]
pub mod list;
#[cfg(feature = "ssr")]
pub mod page;
pub mod server_fns;

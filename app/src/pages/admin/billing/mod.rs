//! What everybody used and what it costs, for staff.

#[cfg(feature = "ssr")]
pub mod page;
pub mod server_fns;

//! The machines one's customer has.

pub mod server_fns;

#[cfg(feature = "ssr")]
pub mod page;

//! One's own account.

pub mod server_fns;

#[cfg(feature = "ssr")]
pub mod page;

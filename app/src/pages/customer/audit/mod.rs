//! What concerns one's customer in the audit log.

#[cfg(feature = "ssr")]
pub mod page;
pub mod server_fns;

//! How a machine's Docker Engine is reached.

pub mod form;
pub mod server_fns;

#[cfg(feature = "ssr")]
pub mod page;

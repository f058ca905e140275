//! What the platform has to say.

pub mod form;
pub mod server_fns;

#[cfg(feature = "ssr")]
pub mod edit;
#[cfg(feature = "ssr")]
pub mod list;

//! What one is told, and how one wants to be told it.

pub mod server_fns;

#[cfg(feature = "ssr")]
pub mod channels;
#[cfg(feature = "ssr")]
pub mod choices;
#[cfg(feature = "ssr")]
pub mod page;

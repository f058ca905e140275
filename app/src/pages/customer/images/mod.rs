//! Images as customers see them: the market, and their own.

pub mod server_fns;

#[cfg(feature = "ssr")]
pub mod market;
#[cfg(feature = "ssr")]
pub mod mine;

//! Signing in and out.

pub mod server_fns;

#[cfg(feature = "ssr")]
mod captcha;
#[cfg(feature = "ssr")]
pub mod invitation;
#[cfg(feature = "ssr")]
pub mod links;
#[cfg(feature = "ssr")]
pub mod page;
#[cfg(feature = "ssr")]
pub(crate) mod service;

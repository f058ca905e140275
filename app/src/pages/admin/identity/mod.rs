//! What people sign in through: directories and sign-in services.

pub mod server_fns;

#[cfg(feature = "ssr")]
pub mod edit;
#[cfg(feature = "ssr")]
pub mod form;
#[cfg(feature = "ssr")]
pub mod list;
#[cfg(feature = "ssr")]
mod mappable;
#[cfg(feature = "ssr")]
mod secret;

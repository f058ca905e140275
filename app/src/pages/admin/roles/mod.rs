//! Roles: the built-in ones and those made here, what they permit, who holds them.

pub mod form;
pub mod server_fns;

#[cfg(feature = "ssr")]
pub mod edit;
#[cfg(feature = "ssr")]
pub mod list;
#[cfg(feature = "ssr")]
pub mod page;

//! The customer's workbench and its people.

pub mod server_fns;

#[cfg(feature = "ssr")]
mod instances;
#[cfg(feature = "ssr")]
pub mod invitations;
#[cfg(feature = "ssr")]
mod inviting;
#[cfg(feature = "ssr")]
mod machines;
#[cfg(feature = "ssr")]
pub mod page;

//! Everybody's instances, for staff.

#[cfg(feature = "ssr")]
pub mod list;
#[cfg(feature = "ssr")]
pub mod page;
pub mod server_fns;

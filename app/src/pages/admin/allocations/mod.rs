//! Allocations as staff run them.

pub mod form;
pub mod server_fns;

#[cfg(feature = "ssr")]
pub mod allocate;
#[cfg(feature = "ssr")]
pub mod bulk;
#[cfg(feature = "ssr")]
pub mod handover;
#[cfg(feature = "ssr")]
pub mod list;
#[cfg(feature = "ssr")]
pub mod page;
#[cfg(feature = "ssr")]
pub mod timeline;

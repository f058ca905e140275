//! Workbooks that staff import: of machines, of people.

pub mod server_fns;

#[cfg(feature = "ssr")]
pub mod page;

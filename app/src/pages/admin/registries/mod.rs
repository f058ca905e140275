//! Registries of images that are attached to the installation.

pub mod form;
pub mod server_fns;

#[cfg(feature = "ssr")]
pub mod page;

//! Images: library, review, forms, upload; and what the customers' pages of images share with it.

pub mod form;
pub mod server_fns;

#[cfg(feature = "ssr")]
pub mod cells;
#[cfg(feature = "ssr")]
pub mod cleanup;
#[cfg(feature = "ssr")]
pub mod copies;
#[cfg(feature = "ssr")]
pub mod edit;
#[cfg(feature = "ssr")]
pub mod list;
#[cfg(feature = "ssr")]
pub mod page;
#[cfg(feature = "ssr")]
pub mod registry;
#[cfg(feature = "ssr")]
pub mod upload;

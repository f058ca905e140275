//! Machines: list, form, detail, and the tokens agents join with.

pub mod figures;
pub mod form;
pub mod islands;
pub(crate) mod panels;
pub mod server_fns;
pub mod service_form;

#[cfg(feature = "ssr")]
pub mod bulk;
#[cfg(feature = "ssr")]
mod bulk_maintenance;
#[cfg(feature = "ssr")]
pub mod charts;
#[cfg(feature = "hydrate")]
mod charts_client;
#[cfg(feature = "ssr")]
pub(crate) mod columns;
#[cfg(feature = "ssr")]
pub mod edit;
#[cfg(feature = "ssr")]
pub mod gpu_card;
#[cfg(feature = "ssr")]
pub mod hardware;
#[cfg(feature = "ssr")]
pub mod join_tokens;
#[cfg(feature = "ssr")]
pub(crate) mod lease;
#[cfg(feature = "ssr")]
pub mod list;
#[cfg(feature = "ssr")]
pub mod page;
#[cfg(feature = "ssr")]
pub mod passport;
#[cfg(feature = "ssr")]
pub mod service;

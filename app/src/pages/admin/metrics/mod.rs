//! The wall: every machine at a glance.

pub mod islands;
pub mod order;
pub mod server_fns;
pub mod tile;

#[cfg(feature = "hydrate")]
mod wall_client;

#[cfg(feature = "ssr")]
pub mod page;

//! The staff's area.

pub mod allocations;
#[cfg(feature = "ssr")]
pub mod audit;
pub mod customers;
#[cfg(feature = "ssr")]
pub mod dashboard;
pub mod identity;
pub mod machines;
pub mod metrics;
pub mod settings;

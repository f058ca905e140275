//! The staff's area.

pub mod allocations;
pub mod announcements;
#[cfg(feature = "ssr")]
pub mod audit;
pub mod billing;
pub mod customers;
#[cfg(feature = "ssr")]
pub mod dashboard;
pub mod engines;
pub mod identity;
pub mod images;
pub mod imports;
pub mod instances;
pub mod jobs;
pub mod machines;
pub mod metrics;
pub mod registries;
pub mod roles;
pub mod settings;
pub mod specs;
pub mod users;

//! The customer's portal.

pub mod accounts;
pub mod audit;
pub mod billing;
pub mod customers;
pub mod images;
pub mod instances;
pub mod jobs;
pub mod machines;
pub mod notifications;

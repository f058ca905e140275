//! /api/admin: for staff; for everybody else it does not exist.

pub mod allocation_overview;
pub mod allocations;
pub mod announcements;
pub mod audit;
pub mod billing;
pub mod channels;
pub mod customers;
pub mod engines;
pub mod exports;
pub mod identity;
pub mod images;
pub mod instances;
pub mod jobs;
pub mod machine_service;
pub mod machine_sheets;
pub mod machines;
pub mod mail;
pub mod members;
pub mod metrics;
pub mod reports;
pub mod roles;
pub mod settings;
pub mod specs;
pub mod statistics;
pub mod user_sheets;
pub mod users;

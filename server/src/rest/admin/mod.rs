//! /api/admin: for staff; for everybody else it does not exist.

pub mod audit;
pub mod jobs;
pub mod machines;
pub mod metrics;

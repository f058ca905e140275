//! The built library, loaded the way an agent loads NVML.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod buffers;
mod control;
mod health;
mod instances;
mod models;
mod simulation;

//! Engines and what is none, for real.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod containers;
mod docker;
mod images;

//! The platform's operations against a real PostgreSQL; each test has a database of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod allocations;
mod audit;
mod authz;
mod credentials;
mod customers;
mod jobs;
mod ldap;
mod machines;
mod mail;
mod metrics;
mod notifications;
mod oidc;
mod second_factor;
mod secrets;
mod settings;
mod tenancy;

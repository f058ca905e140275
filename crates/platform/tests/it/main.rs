//! The platform's operations against a real PostgreSQL; each test has a database of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod allocations;
mod announcements;
mod apps;
mod attempts;
mod audit;
mod audit_names;
mod audit_people;
mod audit_refused;
mod audit_retention;
mod authz;
mod billing;
mod billing_on_engine;
mod budgets;
mod channels;
mod credentials;
mod customers;
mod engines;
mod files;
mod idle;
mod image_copies;
mod images;
mod instances;
mod instances_on_engine;
mod jobs;
mod joining;
mod ldap;
mod leftovers;
mod machines;
mod mail;
mod may;
mod memory_split;
mod metrics;
mod notifications;
mod oidc;
mod roles;
mod saves_on_engine;
mod second_factor;
mod secrets;
mod settings;
mod specs;
mod tenancy;
mod told;
mod user_import;
mod users;

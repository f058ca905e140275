//! The doors, from outside: a real server on a port of its own, over a database of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agent_link;
mod authz_coverage;
mod both;
mod both_doors;
mod envelope;
mod fleet_both_doors;
mod harness;
mod leases_both_doors;
mod live;
mod ops;
mod origin;
mod reports;
mod sessions;
mod sockets;
mod users_both_doors;

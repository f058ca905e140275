//! The agent against a real server end, real files and a real child process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod agent;
mod gpu;
mod host;
mod keys;
mod link;
mod server;
mod spool;
mod tls;
mod tunnel;

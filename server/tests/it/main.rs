//! The doors, from outside: a real server on a port of its own, over a database of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agent_link;
mod announcements_both_doors;
mod audit_both_doors;
mod authz_coverage;
mod avatars_both_doors;
mod both;
mod both_doors;
mod channels_both_doors;
mod command_line;
mod cut_off;
mod engines_both_doors;
mod envelope;
mod failures;
mod files_both_doors;
mod fleet_both_doors;
mod forged_tokens;
mod harness;
mod idempotency;
mod install;
mod instances_both_doors;
mod invitations_both_doors;
mod joining_both_doors;
mod leases_both_doors;
mod live;
mod mail_both_doors;
mod notifications_both_doors;
mod ops;
mod origin;
mod programs;
mod reports;
mod search;
mod sessions;
mod settings_both_doors;
mod sign_up_both_doors;
mod sockets;
mod specs_both_doors;
mod ssh_keys_both_doors;
mod sso;
mod stopping;
mod switching_both_doors;
mod tokens_both_doors;
mod tunnels;
mod users_both_doors;
mod workbooks;

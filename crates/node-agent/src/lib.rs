//! The agent on a GPU host: measures the host and its GPUs, keeps what it measured until the server has it, and keeps
//! one outgoing link to the server.
//!
//! Who runs where:
//! - thread `gpu` owns NVML and nothing else ([`gpu`]); a driver that hangs stops only this thread;
//! - thread `sampler` keeps the tick, reads `/proc` and puts samples together ([`sampler`]);
//! - thread `disks` asks file systems for their size, slowly, because that call can hang ([`host::disks`]);
//! - thread `keys` keeps the public keys of who has the machine in an account of it, where its owner allowed that ([`keys`]);
//! - the main thread runs the link on a single-threaded runtime ([`link`]) and owns the [`spool`].
//!
//! Invariants: a figure that could not be measured is absent, never 0; a sample leaves the spool only once the server
//! acknowledged it or the buffer limit was reached; the agent knows no user and no database.

pub mod cli;
#[doc(hidden)]
pub mod fuzzing;
pub mod gpu;
pub mod host;
pub mod identity;
pub mod install;
pub mod keys;
pub mod link;
pub mod probe;
pub mod run;
pub mod sampler;
pub mod spool;
pub mod tick;

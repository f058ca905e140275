//! Real and hostile workbooks through the child process, and the other parts that need files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the measured sizes are worth reading")]

mod files;
mod headers;
mod hostile;
mod programs;
mod reading;
mod size;
mod writing;

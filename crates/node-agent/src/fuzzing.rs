//! For the crate `fuzz` alone.

pub use crate::keys::fuzzing::*;

/// The whole records of a spool's segment, and whether there was nothing else in it.
pub fn spool_records(bytes: &[u8]) -> (Vec<&[u8]>, bool) {
    crate::spool::records(bytes)
}

/// A record of a spool's segment.
pub fn spool_record(bytes: &[u8]) -> Vec<u8> {
    crate::spool::record(bytes)
}

/// When a process began, in ticks.
pub fn start_ticks(stat: &str) -> Option<u64> {
    crate::gpu::processes::start_ticks(stat)
}

/// The container that a process is of.
pub fn container_of(cgroup: &str) -> Option<String> {
    crate::gpu::processes::container_of(cgroup)
}

/// What people of a host are called.
pub fn users(passwd: &str) -> Vec<String> {
    crate::gpu::processes::parse_passwd(passwd).into_values().collect()
}

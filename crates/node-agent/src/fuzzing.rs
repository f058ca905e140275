//! For the crate `fuzz` alone.

/// The whole records of a spool's segment, and whether there was nothing else in it.
pub fn spool_records(bytes: &[u8]) -> (Vec<&[u8]>, bool) {
    crate::spool::records(bytes)
}

/// A record of a spool's segment.
pub fn spool_record(bytes: &[u8]) -> Vec<u8> {
    crate::spool::record(bytes)
}

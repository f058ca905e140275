//! See `fuzz::ssh_keys`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::ssh_keys(data));

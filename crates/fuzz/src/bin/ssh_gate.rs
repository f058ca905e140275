//! See `fuzz::ssh_gate`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::ssh_gate(data));

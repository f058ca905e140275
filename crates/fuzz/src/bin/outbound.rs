//! See `fuzz::outbound`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::outbound(data));

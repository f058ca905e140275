//! See `fuzz::engine_streams`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::engine_streams(data));

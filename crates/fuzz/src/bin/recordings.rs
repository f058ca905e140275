//! See `fuzz::recordings`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::recordings(data));

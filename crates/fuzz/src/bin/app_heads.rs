//! See `fuzz::app_heads`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::app_heads(data));

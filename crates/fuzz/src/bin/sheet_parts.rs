//! See `fuzz::sheet_parts`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::sheet_parts(data));

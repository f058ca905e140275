//! See `fuzz::image_archive`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::image_archive(data));

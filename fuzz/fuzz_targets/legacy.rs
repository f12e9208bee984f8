#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kimdb_fuzz::legacy::run(data));

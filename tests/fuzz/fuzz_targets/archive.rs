//! libFuzzer target: `properties::archive`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::archive::holds(input));

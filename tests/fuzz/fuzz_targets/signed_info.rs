//! libFuzzer target: `properties::signed_info`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::signed_info::holds(input));

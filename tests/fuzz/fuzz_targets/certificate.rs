//! libFuzzer target: `properties::certificate`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::certificate::holds(input));

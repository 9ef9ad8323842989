//! libFuzzer target: `properties::evidence`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::evidence::holds(input));

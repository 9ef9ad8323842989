//! libFuzzer target: `properties::call`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::call::holds(input));

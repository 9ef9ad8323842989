//! libFuzzer target: `properties::gate`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::gate::holds(input));

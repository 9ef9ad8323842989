//! libFuzzer target: `properties::event_log`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::event_log::holds(input));

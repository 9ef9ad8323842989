//! libFuzzer target: `properties::pkcs11_uri`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::pkcs11_uri::holds(input));

//! Raw RSA of OpenSSL on one core: what every ratio of the report is to.

use std::process::Command;

/// Private operations a second of CPU time by `openssl speed`; none where it cannot be run or read.
pub(super) fn rsa_per_second(bits: u16) -> Option<f64> {
    let output = Command::new("openssl").args(["speed", "-seconds", "2", &format!("rsa{bits}")]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    // The last line: name, seconds for a private and a public operation, then both a second.
    text.lines().last()?.split_whitespace().rev().nth(1)?.parse().ok()
}

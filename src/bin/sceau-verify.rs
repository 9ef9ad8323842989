//! `sceau-verify`: the officer's offline verifier.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    sceau::verifier::main()
}

//! The program `sceau-signer`; everything is in [`sceau::signer`].

use std::process::ExitCode;

fn main() -> ExitCode {
    sceau::signer::run()
}

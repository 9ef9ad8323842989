//! `sceau-connect`: the companion of the appliance on an application server.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    sceau::connect::main()
}

//! `sceau-console`: provisioning, screen and sticks of the appliance.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    sceau::console::main()
}

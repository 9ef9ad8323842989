//! `sceau-relayd`: mutual TLS to the DMP, one assertion for one call.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    sceau::relay::main()
}

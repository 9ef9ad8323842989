//! `sceau-verify`: the offline verifier.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    sceau::verifier::main()
}

//! `sceau-attestd`: the TPM behind a socket.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    sceau::attest::main()
}

//! `sceau-signer`: one PKCS#11 key behind a socket.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    sceau::signer::main()
}

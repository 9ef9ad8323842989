//! `sceau-gate`: applications of other machines, by TLS.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    sceau::gate::main()
}

//! `sceau`: the command line.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    sceau::cli::main()
}

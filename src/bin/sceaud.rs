//! `sceaud`: the door for applications.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    sceau::daemon::main()
}

//! The product's executables, and how they are launched for an establishment.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::establishment::Establishment;

/// Path of one of the product's programs: where Cargo says, else beside the folder of the running program.
pub fn program(name: &str) -> PathBuf {
    let told = match name {
        "sceaud" => option_env!("CARGO_BIN_EXE_sceaud"),
        "sceau-signer" => option_env!("CARGO_BIN_EXE_sceau-signer"),
        "sceau-attestd" => option_env!("CARGO_BIN_EXE_sceau-attestd"),
        "sceau-relayd" => option_env!("CARGO_BIN_EXE_sceau-relayd"),
        "sceau-connect" => option_env!("CARGO_BIN_EXE_sceau-connect"),
        "sceau-gate" => option_env!("CARGO_BIN_EXE_sceau-gate"),
        "sceau-console" => option_env!("CARGO_BIN_EXE_sceau-console"),
        "sceau" => option_env!("CARGO_BIN_EXE_sceau"),
        "sceau-verify" => option_env!("CARGO_BIN_EXE_sceau-verify"),
        _ => None,
    };
    told.map(PathBuf::from).unwrap_or_else(|| {
        let running = std::env::current_exe().unwrap();
        running.parent().and_then(Path::parent).unwrap().join(name)
    })
}

/// `setpriv --pdeathsig`: even a test program that is killed leaves nothing behind.
pub(super) fn command_of(of: &Establishment, executable: &str, args: &[&str]) -> Command {
    let path = program(executable);
    assert!(path.exists(), "{} is missing: cargo build --release --locked --bins", path.display());
    let mut command = Command::new("setpriv");
    // The gate has a configuration of its own.
    let config = if executable == "sceau-gate" { of.folder.join("gate.toml") } else { of.config() };
    command.args(["--pdeathsig", "KILL", "--"]).arg(path).arg("--config").arg(config).args(args);
    command.env("SOFTHSM2_CONF", of.store.conf());
    for foreign in
        ["JOURNAL_STREAM", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID"]
    {
        command.env_remove(foreign);
    }
    command.stdin(Stdio::null()).process_group(0);
    command
}

/// Starts it with standard output and error in `log`.
pub(super) fn spawn(command: &mut Command, log: &Path, anew: bool) -> Child {
    let log = File::options().create(true).write(true).append(!anew).truncate(anew).open(log).unwrap();
    command
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|e| panic!("setpriv (util-linux): {e}"))
}

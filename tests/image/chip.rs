//! The TPM of a machine: swtpm behind a socket on which QEMU powers it up and down.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::support::tpm_maker::manufacture;
use super::support::wait::until;

/// Makes a TPM in `folder` as a manufacturer and a maker of machines do: certificates of its EK and of its platform.
pub(super) fn make(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    manufacture(folder, &["--create-ek-cert", "--create-platform-cert", "--lock-nvram"]);
}

/// A TPM that waits for its machine; it ends when the machine does.
pub(super) struct Chip {
    child: Child,
    socket: PathBuf,
}

impl Chip {
    /// The TPM whose state is in `folder`, with its socket in `run`.
    pub(super) fn start(folder: &Path, run: &Path) -> Chip {
        let socket = run.join("tpm");
        let _ = std::fs::remove_file(&socket);
        let state = format!("dir={}", folder.join("state").display());
        let control = format!("type=unixio,path={}", socket.display());
        let mut swtpm = Command::new("setpriv");
        swtpm.args(["--pdeathsig", "KILL", "--", "swtpm", "socket", "--tpm2", "--terminate"]);
        swtpm.args(["--tpmstate", &state, "--ctrl", &control]);
        swtpm.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let chip = Chip { child: swtpm.spawn().unwrap(), socket };
        until("swtpm listens", || chip.socket.exists());
        chip
    }

    /// What QEMU is told.
    pub(super) fn arguments(&self) -> Vec<String> {
        let socket = format!("socket,id=tpm,path={}", self.socket.display());
        ["-chardev", &socket, "-tpmdev", "emulator,id=tpm,chardev=tpm", "-device", "tpm-crb,tpmdev=tpm"]
            .map(str::to_owned)
            .to_vec()
    }
}

impl Drop for Chip {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

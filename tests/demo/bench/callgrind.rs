//! Instructions of `sceaud` for one token, counted by valgrind: they do not depend on the machine's mood.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::load;
use crate::support::daemon::Daemon;
use crate::support::establishment::Establishment;
use crate::support::plan::Plan;
use crate::support::program::program;

/// Connections: so that commits and wake-ups are shared as they are under load.
const CONNECTIONS: usize = 32;

/// Instructions in user space, libraries included; Err: why they cannot be counted here.
pub(super) fn instructions_per_token(time: Duration) -> Result<f64, String> {
    for tool in ["valgrind", "callgrind_control"] {
        Command::new(tool).arg("--version").output().map_err(|_| format!("{tool} n'est pas installé"))?;
    }
    let establishment = Plan::new("callgrind").processes(2).audit(None).build();
    let signers: Vec<_> = establishment
        .signer_instances()
        .iter()
        .map(|instance| Daemon::signer(&establishment, instance, &[]))
        .collect();
    signers.iter().for_each(|signer| signer.wait_ready(1));
    let wrapper = establishment.folder.join("counted");
    let folder = establishment.folder.display();
    let text = format!(
        "#!/bin/sh\nexec valgrind --quiet --tool=callgrind --callgrind-out-file={folder}/callgrind.%p {} \"$@\"\n",
        program("sceaud").display()
    );
    fs::write(&wrapper, text).unwrap();
    fs::set_permissions(&wrapper, Permissions::from_mode(0o755)).unwrap();
    let sceaud = Daemon::start(&establishment, "sceaud", wrapper.to_str().unwrap(), &[], &[]);
    sceaud.wait_ready(1);
    load::run(&establishment, CONNECTIONS, time / 2, None);
    let pid = sceaud.pid().to_string();
    control(&establishment.folder, "--zero", &pid)?;
    let issued = load::run(&establishment, CONNECTIONS, time, None).issued;
    control(&establishment.folder, "--dump", &pid)?;
    let counted = total(&establishment, &pid).ok_or("callgrind n'a rien laissé")?;
    drop(sceaud);
    Ok(counted / issued.max(1) as f64)
}

fn control(folder: &Path, what: &str, pid: &str) -> Result<(), String> {
    let mut command = Command::new("callgrind_control");
    let output = command.args([what, pid]).current_dir(folder).output().map_err(|e| e.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// The instructions of the first dump.
fn total(establishment: &Establishment, pid: &str) -> Option<f64> {
    let text = fs::read_to_string(establishment.folder.join(format!("callgrind.{pid}.1"))).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("totals: "))?;
    line.split_whitespace().next()?.parse().ok()
}

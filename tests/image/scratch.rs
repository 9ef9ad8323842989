//! The room in which machines have their disks: beside the image, and gone with the test program, however that ends.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use tempfile::TempDir;

/// A folder, and who removes it: what is shared by tests is never dropped by them.
struct Scratch {
    folder: PathBuf,
    /// For sockets, whose paths are short (unix(7)).
    sockets: PathBuf,
    /// Its input ends when this program does.
    _janitor: Child,
}

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| {
    let base = super::support::collection::target_folder();
    let folder = tempfile::Builder::new().prefix("machines-").tempdir_in(base).unwrap().keep();
    let sockets = tempfile::Builder::new().prefix("machines-").tempdir().unwrap().keep();
    let mut janitor = Command::new("sh");
    janitor.args(["-c", "trap '' INT TERM HUP; cat >/dev/null; rm -rf -- \"$@\"", "sh"]).args([&folder, &sockets]);
    let janitor = janitor.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    Scratch { folder, sockets, _janitor: janitor }
});

/// A new folder there.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in(&SCRATCH.folder).unwrap()
}

/// A new folder for the sockets of one boot.
pub(crate) fn sockets() -> TempDir {
    tempfile::tempdir_in(&SCRATCH.sockets).unwrap()
}

//! The room in which machines have their disks: beside the image, and gone with the test program, however that ends.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use tempfile::TempDir;

/// A folder, and who removes it: what is shared by tests is never dropped by them.
struct Scratch {
    folder: PathBuf,
    /// Its input ends when this program does.
    _janitor: Child,
}

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| {
    let base = super::support::collection::target_folder();
    let folder = tempfile::Builder::new().prefix("machines-").tempdir_in(base).unwrap().keep();
    let mut janitor = Command::new("sh");
    janitor.args(["-c", "trap '' INT TERM HUP; cat >/dev/null; rm -rf -- \"$1\"", "sh"]).arg(&folder);
    let janitor = janitor.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    Scratch { folder, _janitor: janitor }
});

/// A new folder there.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in(&SCRATCH.folder).unwrap()
}

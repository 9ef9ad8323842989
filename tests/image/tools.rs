//! Programs that no host needs to have: those of the Debian tree with which the image is built.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::artefacts::folder;

/// Where the tree's libraries are.
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";
/// Where the tree's programs are.
const FOLDERS: [&str; 3] = ["usr/bin", "usr/sbin", "usr/lib/systemd"];

/// The tree.
pub(crate) fn tree() -> PathBuf {
    let told = std::env::var_os("SCEAU_IMAGE_TOOLS").map(PathBuf::from);
    told.unwrap_or_else(|| folder().join("tools"))
}

/// A file of the tree.
pub(crate) fn file(name: &str) -> PathBuf {
    let path = tree().join(name);
    assert!(path.exists(), "{} is missing: make image", path.display());
    path
}

/// A program of the tree under the tree's own loader and libraries: nothing is mounted, and no right is needed. It is killed
/// with whoever started it.
pub(crate) fn tool(name: &str) -> Command {
    let paths = FOLDERS.map(|folder| tree().join(folder).join(name));
    let path = paths.iter().find(|path| path.exists());
    let path = path.unwrap_or_else(|| panic!("{name} is not in {}: make image", tree().display()));
    let libraries = [LIBRARIES.to_owned(), format!("{LIBRARIES}/systemd")].map(|name| tree().join(name));
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(file("usr/lib64/ld-linux-x86-64.so.2"));
    command.args(["--argv0".as_ref(), name.as_ref(), "--library-path".as_ref(), colons(&libraries).as_os_str()]);
    command.arg(path).stdin(Stdio::null());
    // Parts that these programs load by a path of their own.
    command.env("QEMU_MODULE_DIR", tree().join(LIBRARIES).join("qemu"));
    command.env("GCONV_PATH", tree().join(LIBRARIES).join("gconv"));
    command
}

fn colons(paths: &[PathBuf]) -> std::ffi::OsString {
    paths.iter().map(|path| path.as_os_str()).collect::<Vec<&OsStr>>().join(":".as_ref())
}

/// An argument that names a file of a disk image, as mtools want it: `disk@@offset`.
pub(crate) fn at_offset(disk: &Path, offset: u64) -> String {
    format!("{}@@{offset}", disk.display())
}

/// A Python program of the tree, by its path there.
pub(crate) fn python(program: &str) -> Command {
    let mut command = tool("python3");
    command.env("PYTHONHOME", tree().join("usr")).env("PYTHONPATH", tree().join("usr/lib/python3/dist-packages"));
    command.arg(file(program));
    command
}

//! Variables of a firmware (OVMF): its keys, and whether it enforces them.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tempfile::TempDir;

use super::support::softhsm::run;
use super::tools::{file, python};
use super::{artefacts, scratch};

/// Whose entries these are in the firmware's lists: part of what PCR 7 measures, so it is the one of the published values.
const OWNER: &str = "5ce0a5ea-1ba6-4e2f-9c53-0d1a5f2b7e11";

static ENFORCING: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = scratch::folder();
    let mut make = python("usr/bin/virt-fw-vars");
    make.arg("--input").arg(open()).arg("--output").arg(folder.path().join("variables"));
    for (option, key) in [("--set-pk", "PK"), ("--add-kek", "KEK"), ("--add-db", "db")] {
        make.args([option, OWNER]).arg(artefacts::key(key).with_extension("crt"));
    }
    run(make.arg("--secure-boot"));
    // The tool adds a list of one forbidden hash that means nothing; a machine begins with an empty one, and PCR 7 tells them apart.
    let mut empty = python("usr/bin/virt-fw-vars");
    let path = folder.path().join("variables");
    run(empty.arg("--inplace").arg(&path).args(["--delete", "dbx"]));
    folder
});

/// The image's keys alone, enforced.
pub(crate) fn enforcing() -> PathBuf {
    ENFORCING.path().join("variables")
}

/// No keys: Secure Boot is off.
pub(crate) fn open() -> PathBuf {
    file("usr/share/OVMF/OVMF_VARS_4M.fd")
}

/// The firmware itself, in the build that protects its variables from the system.
pub(crate) fn code() -> PathBuf {
    file("usr/share/OVMF/OVMF_CODE_4M.secboot.fd")
}

/// Keys of another machine's owner, enforced.
pub(crate) fn of_another_owner(certificate: &Path, folder: &Path) -> PathBuf {
    let path = folder.join("variables");
    let mut make = python("usr/bin/virt-fw-vars");
    make.arg("--input").arg(open()).arg("--output").arg(&path);
    for option in ["--set-pk", "--add-kek", "--add-db"] {
        make.args([option, OWNER]).arg(certificate);
    }
    run(make.args(["--add-db", OWNER]).arg(artefacts::key("db").with_extension("crt")).arg("--secure-boot"));
    path
}

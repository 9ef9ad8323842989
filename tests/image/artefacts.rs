//! What `make image` leaves: the files that are booted, judged and attacked.

use std::path::PathBuf;

/// The folder of the build: `SCEAU_IMAGE`, else `target/image` of the source tree.
pub(crate) fn folder() -> PathBuf {
    let told = std::env::var_os("SCEAU_IMAGE").map(PathBuf::from);
    told.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/image"))
}

fn built(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(path.exists(), "{} is missing: make image", path.display());
    path
}

/// The disk image of the version under test.
pub(crate) fn disk() -> PathBuf {
    built("sceau.raw")
}

/// Its kernel alone.
pub(crate) fn kernel() -> PathBuf {
    built("sceau.vmlinuz")
}

/// Variables of a firmware that holds the image's keys and enforces Secure Boot.
pub(crate) fn variables() -> PathBuf {
    built("OVMF_VARS.fd")
}

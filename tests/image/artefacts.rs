//! What `make image` leaves: the files that are booted, judged and attacked.

use std::path::PathBuf;

/// The version under test: the package's.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The folder of the build: `SCEAU_IMAGE`, else `target/image` of the source tree.
pub(crate) fn folder() -> PathBuf {
    let told = std::env::var_os("SCEAU_IMAGE").map(PathBuf::from);
    told.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/image"))
}

/// A file of the build.
pub(crate) fn built(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(path.exists(), "{} is missing: make image", path.display());
    path
}

/// `-devel`, for those who look into an image while they make it; what is published has no profile.
fn profile() -> String {
    std::env::var("SCEAU_IMAGE_PROFILE").map(|name| format!("-{name}")).unwrap_or_default()
}

/// The disk image of a version.
pub(crate) fn disk(version: &str) -> PathBuf {
    built(&format!("out{}/sceau_{version}.raw", profile()))
}

/// The kernel alone.
pub(crate) fn kernel() -> PathBuf {
    built(&format!("mkosi{}/vmlinuz", profile()))
}

/// A key for trials with which the image was signed, without its ending: `PK`, `KEK`, `db`…
pub(crate) fn key(name: &str) -> PathBuf {
    built("keys").join(name)
}

/// A part of an update: `efi`, `root.raw`, `root-verity.raw`.
pub(crate) fn built_for(version: &str, part: &str) -> PathBuf {
    built(&format!("out{}/sceau_{version}.{part}", profile()))
}

/// The published reference values.
pub(crate) fn reference() -> PathBuf {
    built(&format!("sceau_{VERSION}/reference.json"))
}

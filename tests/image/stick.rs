//! A memory stick: a vfat file system on a disk of its own, prepared and read on the host while no machine has it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::disk::Esp;
use super::support::softhsm::run;
use super::tools::tool;

/// Room on it: an update fits.
const LEN_BYTES: u64 = 512 << 20;

/// Where FAT 32 has its state, in bytes.
const STATE_OFFSET: u64 = 0x41;

/// The stick.
pub(crate) struct Stick {
    path: PathBuf,
    files: Esp,
}

impl Stick {
    /// A stick with this label; its file is sparse.
    pub(crate) fn new(path: &Path, label: &str) -> Stick {
        File::create(path).unwrap().set_len(LEN_BYTES).unwrap();
        run(tool("mkfs.vfat").args(["-F", "32", "-n", label]).arg(path));
        Stick { path: path.into(), files: Esp(path.display().to_string()) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether no system has it mounted: one that has marks it in the first sector (Linux, `fat_set_state`).
    pub(crate) fn is_let_go(&self) -> bool {
        let mut state = [0; 1];
        File::open(&self.path).unwrap().read_exact_at(&mut state, STATE_OFFSET).unwrap();
        state[0] & 1 == 0
    }

    /// Its files.
    pub(crate) fn files(&self) -> &Esp {
        &self.files
    }
}

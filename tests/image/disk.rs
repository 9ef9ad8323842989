//! The disk of a machine that is off: its partitions, changed bytes, files of its ESP.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::support::softhsm::run;
use super::tools::{at_offset, tool};

/// Unit of a partition table.
const SECTOR_BYTES: u64 = 512;

/// One partition.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    pub(crate) label: String,
    /// Type of the Discoverable Partitions Specification.
    pub(crate) kind: String,
    pub(crate) start_bytes: u64,
    pub(crate) len_bytes: u64,
}

/// The disk.
pub(crate) struct Disk(PathBuf);

impl Disk {
    pub(super) fn of(path: &Path) -> Disk {
        Disk(path.into())
    }

    /// Copies a file and leaves its holes.
    pub(super) fn copy(from: &Path, to: &Path) {
        run(Command::new("cp").args(["--sparse=always", "--reflink=auto"]).args([from, to]));
    }

    /// Its partitions, in the order of the table.
    pub(crate) fn partitions(&self) -> Vec<Partition> {
        let table: Value = serde_json::from_str(&run(tool("sfdisk").arg("--json").arg(&self.0))).unwrap();
        let bytes = |value: &Value| value.as_u64().unwrap() * SECTOR_BYTES;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let partitions = table["partitiontable"]["partitions"].as_array().unwrap().iter();
        partitions
            .map(|partition| Partition {
                label: text(&partition["name"]),
                kind: text(&partition["type"]).to_lowercase(),
                start_bytes: bytes(&partition["start"]),
                len_bytes: bytes(&partition["size"]),
            })
            .collect()
    }

    /// The one of this type and label's beginning.
    pub(crate) fn partition(&self, kind: &str, label: &str) -> Partition {
        let all = self.partitions();
        let found = all.iter().find(|partition| partition.kind == kind && partition.label.starts_with(label));
        found.unwrap_or_else(|| panic!("no {label} of {kind} in {all:#?}")).clone()
    }

    /// Turns over one bit of every byte of a range of a partition.
    pub(crate) fn flip(&self, partition: &Partition, offset: u64, len: usize) {
        let file = File::options().read(true).write(true).open(&self.0).unwrap();
        let mut bytes = vec![0; len];
        let at = partition.start_bytes + offset;
        file.read_exact_at(&mut bytes, at).unwrap();
        bytes.iter_mut().for_each(|byte| *byte ^= 1);
        file.write_all_at(&bytes, at).unwrap();
    }

    /// Bytes of a partition.
    pub(crate) fn read(&self, partition: &Partition, offset: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        File::open(&self.0).unwrap().read_exact_at(&mut bytes, partition.start_bytes + offset).unwrap();
        bytes
    }

    /// The EFI system partition.
    pub(crate) fn esp(&self) -> Esp {
        let esp = self.partition("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "");
        Esp(at_offset(&self.0, esp.start_bytes))
    }
}

/// A FAT file system, by mtools.
pub(crate) struct Esp(pub(super) String);

impl Esp {
    fn mtools(&self, name: &str) -> Command {
        let mut command = tool(name);
        // Sizes that this tool finds odd are mkfs's business.
        command.env("MTOOLS_SKIP_CHECK", "1").args(["-i", &self.0]);
        command
    }

    /// Names in a folder, without their paths.
    pub(crate) fn list(&self, folder: &str) -> Vec<String> {
        let said = run(self.mtools("mdir").args(["-b", &format!("::{folder}")]));
        let name = |line: &str| line.trim_end_matches('/').rsplit('/').next().unwrap().to_owned();
        said.lines().filter(|line| !line.trim().is_empty()).map(name).collect()
    }

    /// Whether there is such a file.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.mtools("mdir").args(["-b", &format!("::{name}")]).output().unwrap().status.success()
    }

    /// Copies a file out of it.
    pub(crate) fn take(&self, name: &str, to: &Path) {
        run(self.mtools("mcopy").args(["-n", &format!("::{name}")]).arg(to));
    }

    /// What a file of it holds.
    pub(crate) fn content(&self, name: &str) -> Vec<u8> {
        let output = self.mtools("mtype").arg(format!("::{name}")).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Puts a file into it, in the place of one that was there.
    pub(crate) fn put(&self, from: &Path, name: &str) {
        run(self.mtools("mcopy").arg("-o").arg(from).arg(format!("::{name}")));
    }

    /// Makes a folder, if it is not there.
    pub(crate) fn folder(&self, name: &str) {
        if !self.has(name) {
            run(self.mtools("mmd").arg(format!("::{name}")));
        }
    }

    /// Removes a file.
    pub(crate) fn remove(&self, name: &str) {
        run(self.mtools("mdel").arg(format!("::{name}")));
    }
}

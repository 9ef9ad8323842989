//! A disk whose calls fail as they are told to, for the ledger's folder of one program.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;

use crate::support::establishment::Establishment;

/// What a disk says: broken, full, read-only.
pub(crate) const ERRNOS: [i32; 3] = [Errno::EIO as i32, Errno::ENOSPC as i32, Errno::EROFS as i32];

/// One call that fails; shim.c tells the kinds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) operation: &'static str,
    /// Which call, from 1.
    pub(crate) n: u32,
    pub(crate) errno: i32,
    pub(crate) kind: &'static str,
}

impl Fault {
    /// The two twins of each error: not done and told, done and told.
    pub(crate) fn of(operation: &'static str, n: u32) -> impl Iterator<Item = Fault> {
        ERRNOS.into_iter().flat_map(move |errno| {
            ["lost", "kept"].into_iter().map(move |kind| Fault { operation, n, errno, kind })
        })
    }

    /// For a write also: half done and told, half done and said so.
    pub(crate) fn of_write(n: u32) -> impl Iterator<Item = Fault> {
        let torn = ERRNOS.into_iter().map(move |errno| Fault { operation: "write", n, errno, kind: "torn" });
        Fault::of("write", n).chain(torn).chain([Fault { operation: "write", n, errno: 0, kind: "short" }])
    }
}

pub(crate) struct Disk {
    library: PathBuf,
    folder: PathBuf,
    plan: PathBuf,
}

impl Disk {
    pub(crate) fn of(establishment: &Establishment) -> Self {
        Disk::below(&establishment.folder, &establishment.folder.join("ledger"))
    }

    /// The same for the files below another folder, with what it needs beside them in `own`.
    pub(crate) fn below(own: &Path, folder: &Path) -> Self {
        // As the program sees it: its descriptors have no links in their paths.
        let (own, parent) = (own.canonicalize().unwrap(), folder.parent().unwrap().canonicalize().unwrap());
        let disk = Self {
            library: own.join("faults.so"),
            folder: parent.join(folder.file_name().unwrap()),
            plan: own.join("faults.plan"),
        };
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/faults/shim.c");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&disk.library).args([source, "-ldl"]);
        assert!(cc.status().unwrap().success(), "cc: {source}");
        disk
    }

    pub(crate) fn environment(&self) -> [(&str, &str); 3] {
        let [library, folder, plan] = [&self.library, &self.folder, &self.plan].map(|path| path.to_str().unwrap());
        [("LD_PRELOAD", library), ("FAULT_FOLDER", folder), ("FAULT_PLAN", plan)]
    }

    /// From now on that call fails.
    pub(crate) fn fails(&self, fault: Fault) {
        self.is_well();
        let _ = std::fs::remove_file(self.told());
        let Fault { operation, n, errno, kind } = fault;
        let aside = self.plan.with_extension("new");
        std::fs::write(&aside, format!("{operation} {n} {errno} {kind}\n")).unwrap();
        std::fs::rename(aside, &self.plan).unwrap();
    }

    /// From now on none does.
    pub(crate) fn is_well(&self) {
        let _ = std::fs::remove_file(&self.plan);
    }

    /// Whether the fault was met.
    pub(crate) fn fired(&self) -> bool {
        self.told().exists()
    }

    fn told(&self) -> PathBuf {
        PathBuf::from(format!("{}.fired", self.plan.display()))
    }
}

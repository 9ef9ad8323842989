//! A unified kernel image: its sections (PE/COFF), changed, signed by somebody.

use std::path::Path;
use std::process::Command;

use super::support::softhsm::run;
use super::tools::tool;

/// The bytes of one.
pub(crate) struct Uki(pub(crate) Vec<u8>);

impl Uki {
    pub(crate) fn read(path: &Path) -> Uki {
        Uki(std::fs::read(path).unwrap())
    }

    fn number(&self, at: usize, len: usize) -> usize {
        self.0[at..at + len].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
    }

    /// Where a section is in the file.
    fn place(&self, name: &str) -> std::ops::Range<usize> {
        let header = self.number(0x3c, 4);
        assert_eq!(&self.0[header..header + 4], b"PE\0\0");
        let (count, optional) = (self.number(header + 6, 2), self.number(header + 20, 2));
        let table = header + 24 + optional;
        let entries = (0..count).map(|number| table + number * 40);
        let mut padded = [0; 8];
        padded[..name.len()].copy_from_slice(name.as_bytes());
        let entry = entries.into_iter().find(|at| self.0[*at..at + 8] == padded);
        let entry = entry.unwrap_or_else(|| panic!("no section {name}"));
        let (len, start) = (self.number(entry + 8, 4), self.number(entry + 20, 4));
        start..start + len
    }

    /// What a section holds.
    pub(crate) fn section(&self, name: &str) -> &[u8] {
        &self.0[self.place(name)]
    }

    /// Turns over one bit in the middle of a section.
    pub(crate) fn flip(&mut self, name: &str) {
        let place = self.place(name);
        self.0[place.start + place.len() / 2] ^= 1;
    }

    /// Other words in the place of words of its command line; as long, so that nothing else moves.
    pub(crate) fn reword(&mut self, from: &str, to: &str) {
        assert_eq!(from.len(), to.len());
        let place = self.place(".cmdline");
        let line = String::from_utf8(self.0[place.clone()].to_vec()).unwrap();
        assert!(line.contains(from), "{line}");
        self.0[place].copy_from_slice(line.replacen(from, to, 1).as_bytes());
    }

    /// Without its signature.
    pub(crate) fn stripped(self) -> Uki {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("uki");
        std::fs::write(&path, &self.0).unwrap();
        run(tool("sbattach").arg("--remove").arg(&path));
        Uki::read(&path)
    }

    /// Signed with this key and certificate (`….key`, `….crt`), and with no other.
    pub(crate) fn signed(self, key: &Path) -> Uki {
        self.stripped().first_signed(key)
    }

    /// The same of one that has no signature yet, which the stripping tool takes for a fault.
    pub(crate) fn first_signed(self, key: &Path) -> Uki {
        let folder = tempfile::tempdir().unwrap();
        let (plain, out) = (folder.path().join("plain"), folder.path().join("signed"));
        std::fs::write(&plain, &self.0).unwrap();
        let mut sign = tool("sbsign");
        sign.arg("--key").arg(key.with_extension("key")).arg("--cert").arg(key.with_extension("crt"));
        run(sign.arg("--output").arg(&out).arg(&plain));
        Uki::read(&out)
    }
}

/// A key that no machine knows, as `folder/foreign.key` and `.crt`.
pub(crate) fn foreign_key(folder: &Path) -> std::path::PathBuf {
    let key = folder.join("foreign");
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Foreign"]);
    run(make.arg("-keyout").arg(key.with_extension("key")).arg("-out").arg(key.with_extension("crt")));
    key
}

/// An addition to the command line, unsigned, as ukify makes them.
pub(crate) fn addon(words: &str, folder: &Path) -> std::path::PathBuf {
    let path = folder.join("addon.efi");
    let mut make = super::tools::python("usr/bin/ukify");
    make.arg("build").arg(format!("--cmdline={words}")).arg(format!("--output={}", path.display()));
    make.arg(format!("--stub={}", super::tools::file("usr/lib/systemd/boot/efi/addonx64.efi.stub").display()));
    run(&mut make);
    path
}

/// An SSH key that no image knows.
pub(crate) fn ssh_key(folder: &Path) -> std::path::PathBuf {
    let key = folder.join("stranger");
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "stranger", "-f"]).arg(&key));
    key
}

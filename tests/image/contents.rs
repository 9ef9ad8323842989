//! What is in the image, and what is not: its root, extracted.

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tempfile::TempDir;

use super::disk::Disk;
use super::support::softhsm::run;
use super::tools::tool;
use super::{artefacts, scratch};

/// The root's verity-protected partition on x86-64 (Discoverable Partitions Specification).
pub(super) const ROOT: &str = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709";
/// Programs with which somebody who is inside gets further. By name: the list of programs is judged by itself below.
const TOOLS_OF_INTRUDERS: &[&str] = &[
    "ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "rbash", "sash", "sh", "tcsh", "toybox",
    "zsh", // shells
    "awk", "gawk", "mawk", "lua", "node", "perl", "php", "python", "python3", "ruby",
    "tclsh", // interpreters
    "as", "cc", "gcc", "gdb", "ld", "make", "strace", "tcc", // compilers and debuggers
    "apt", "apt-get", "aptitude", "dpkg", "rpm", "snap", "flatpak", "pip", "pip3", // package managers
    "ssh", "sshd", "scp", "sftp", "telnet", "telnetd", "ftp", "rsync", "dropbear", // remote access
    "curl", "nc", "netcat", "ncat", "socat", "tcpdump", "wget", "nmap", // networks
    "su", "sudo", // other users
];

/// The root of the image, unpacked.
struct Root {
    folder: TempDir,
}

static ROOT_OF_IMAGE: LazyLock<Root> = LazyLock::new(|| {
    let folder = scratch::folder();
    let disk = Disk::of(&artefacts::disk(artefacts::VERSION));
    let root = disk.partition(ROOT, "");
    let into = format!("--extract={}", folder.path().join("root").display());
    let offset = format!("--offset={}", root.start_bytes);
    run(tool("fsck.erofs")
        .args([&into, &offset, "--preserve-perms", "--no-preserve-owner"])
        .arg(artefacts::disk(artefacts::VERSION)));
    Root { folder }
});

impl Root {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("root").join(name)
    }

    /// Every file, folder and link below it, as a path from `/`, with what the file system says of it.
    fn entries(&self) -> Vec<(PathBuf, std::fs::Metadata)> {
        let root = self.path("");
        let mut found = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let metadata = entry.path().symlink_metadata().unwrap();
                if metadata.is_dir() {
                    folders.push(entry.path());
                }
                found.push((Path::new("/").join(entry.path().strip_prefix(&root).unwrap()), metadata));
            }
        }
        assert!(found.len() > 300, "a root has more than {} files", found.len());
        found
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

fn shown(paths: impl IntoIterator<Item = PathBuf>) -> String {
    paths.into_iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("\n")
}

#[test]
fn nothing_in_it_raises_a_callers_rights() {
    let raises = |metadata: &std::fs::Metadata| metadata.is_file() && metadata.mode() & 0o6000 != 0;
    let found: Vec<PathBuf> =
        ROOT_OF_IMAGE.entries().into_iter().filter(|(_, of)| raises(of)).map(|(path, _)| path).collect();
    assert!(found.is_empty(), "setuid or setgid:\n{}", shown(found));
}

#[test]
fn there_is_no_tool_for_an_intruder() {
    let entries = ROOT_OF_IMAGE.entries();
    let is_named = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        // python3.13, perl5.40…
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
        TOOLS_OF_INTRUDERS.contains(&name) || TOOLS_OF_INTRUDERS.contains(&stem)
    };
    let runs = |of: &std::fs::Metadata| of.is_symlink() || of.is_file() && of.mode() & 0o111 != 0;
    let found = entries.iter().filter(|(path, of)| runs(of) && is_named(path)).map(|(path, _)| path.clone());
    let found: Vec<PathBuf> = found.collect();
    assert!(found.is_empty(), "{}", shown(found));
    // The canary: the same look sees what is there.
    assert!(entries.iter().any(|(path, of)| runs(of) && path.ends_with("usr/bin/sceaud")));
}

#[test]
fn no_file_asks_for_an_interpreter_that_is_there() {
    let mut found = Vec::new();
    for (path, of) in ROOT_OF_IMAGE.entries() {
        if !of.is_file() || of.permissions().mode() & 0o111 == 0 {
            continue;
        }
        let content =
            std::fs::read(ROOT_OF_IMAGE.path(path.strip_prefix("/").unwrap().to_str().unwrap())).unwrap();
        if let Some(rest) = content.strip_prefix(b"#!") {
            let line = String::from_utf8_lossy(rest.split(|byte| *byte == b'\n').next().unwrap()).into_owned();
            let interpreter =
                line.split_whitespace().next().unwrap_or_default().trim_start_matches('/').to_owned();
            if ROOT_OF_IMAGE.path(&interpreter).exists() {
                found.push(path);
            }
        }
    }
    assert!(found.is_empty(), "{}", shown(found));
}

#[test]
fn everything_is_root_s_to_change_alone() {
    let open = |of: &std::fs::Metadata| !of.is_symlink() && of.mode() & 0o022 != 0 && of.mode() & 0o1000 == 0;
    let found: Vec<PathBuf> =
        ROOT_OF_IMAGE.entries().into_iter().filter(|(_, of)| open(of)).map(|(path, _)| path).collect();
    assert!(found.is_empty(), "writable by others:\n{}", shown(found));
}

#[test]
fn nobody_can_log_in() {
    let shadow = ROOT_OF_IMAGE.text("etc/shadow");
    assert!(shadow.lines().any(|line| line.starts_with("root:")), "{shadow}");
    for line in shadow.lines() {
        let password = line.split(':').nth(1).unwrap();
        assert!(password.starts_with(['!', '*']), "{}", line.split(':').next().unwrap());
    }
    for unit in [
        "getty@.service",
        "serial-getty@.service",
        "console-getty.service",
        "debug-shell.service",
        "rescue.service",
    ] {
        let path = ROOT_OF_IMAGE.path("etc/systemd/system").join(unit);
        let stock = ROOT_OF_IMAGE.path("usr/lib/systemd/system").join(unit);
        // What would be a rescue elsewhere is the end of the boot.
        let ends = |to: &Path| to == Path::new("/dev/null") || to == Path::new("emergency.service");
        let masked = [&path, &stock].into_iter().any(|path| std::fs::read_link(path).is_ok_and(|to| ends(&to)));
        let away = [&path, &stock].into_iter().all(|path| path.symlink_metadata().is_err());
        assert!(masked || away, "{unit} is neither masked nor away");
    }
}

#[test]
fn every_unit_of_ours_is_there_as_it_is_in_the_source() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["systemd/system", "image/mkosi.extra/usr/lib/systemd/system"];
    let units = folders.iter().flat_map(|folder| std::fs::read_dir(repository.join(folder)).unwrap());
    // The gate is no part of the system: there it is a connector, if an order attaches one.
    let ours = units
        .map(|unit| unit.unwrap().path())
        .filter(|path| path.is_file() && !path.file_name().unwrap().to_str().unwrap().starts_with("sceau-gate."));
    let mut count = 0;
    for unit in ours {
        let installed = ROOT_OF_IMAGE.path("usr/lib/systemd/system").join(unit.file_name().unwrap());
        let same = std::fs::read(&installed).is_ok_and(|text| text == std::fs::read(&unit).unwrap());
        assert!(same, "{} is not the source's", installed.display());
        count += 1;
    }
    assert!(count >= 25, "{count} units");
}

#[test]
fn no_unit_listens_on_a_network() {
    let mut listening = BTreeSet::new();
    let mut sockets = 0;
    for folder in ["usr/lib/systemd/system", "etc/systemd/system"] {
        for entry in std::fs::read_dir(ROOT_OF_IMAGE.path(folder)).unwrap().map(Result::unwrap) {
            if !entry.path().is_file() || entry.path().extension().is_none_or(|extension| extension != "socket") {
                continue;
            }
            sockets += 1;
            for line in std::fs::read_to_string(entry.path()).unwrap().lines() {
                // A path or an abstract name is local; the kernel's own channels (netlink) are no listeners.
                let local = |address: &str| address.is_empty() || address.starts_with(['/', '@', '%']);
                if let Some(("ListenStream" | "ListenDatagram" | "ListenSequentialPacket", address)) =
                    line.split_once('=')
                    && !local(address)
                {
                    listening.insert(format!("{}: {line}", entry.file_name().display()));
                }
            }
        }
    }
    assert!(sockets > 5, "{sockets} sockets");
    assert!(listening.is_empty(), "{listening:#?}");
}

#[test]
fn every_daemon_is_as_shut_in_there_as_in_the_source() {
    let mut judged = 0;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/system");
    for entry in std::fs::read_dir(source).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        // The gate is no part of the system: there it is a connector, if an order attaches one.
        if !name.ends_with(".service") || name.starts_with("sceau-gate.") {
            continue;
        }
        let mut analyze = std::process::Command::new("systemd-analyze");
        analyze.args(["security", "--offline=yes", "--threshold=15", "--no-pager"]);
        analyze.arg(format!("--root={}", ROOT_OF_IMAGE.path("").display())).arg(&name);
        let output = analyze.output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stdout));
        judged += 1;
    }
    assert!(judged >= 5, "{judged} services of ours");
}

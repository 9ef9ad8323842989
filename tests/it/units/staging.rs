//! The unit files of the source and a root folder on which systemd's own tools judge them.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Stock units that ours name; a staged root needs them or verify reports them as missing.
const STOCK_UNITS: [&str; 8] = [
    "sysinit.target",
    "timers.target",
    "umount.target",
    "basic.target",
    "sockets.target",
    "multi-user.target",
    "time-sync.target",
    "shutdown.target",
];

/// Kinds of units that are ours.
pub(super) const ENDINGS: [&str; 5] = ["service", "socket", "target", "mount", "timer"];

pub(crate) fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The unit files with this ending, never an empty list.
pub(super) fn units(ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(source("systemd/system"))
        .expect("systemd/system is part of the source")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no .{ending} in systemd/system");
    found
}

/// Runs a tool of systemd; its absence fails the test with the remedy.
pub(super) fn run(tool: &str, arguments: &[&str]) -> Output {
    Command::new(tool)
        .args(arguments)
        .env("SYSTEMD_COLORS", "0")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("{tool}: {error}; install Debian's package `systemd`, or run `make test`"))
}

pub(super) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The settings of a unit file in order, without comments and sections.
pub(super) fn settings(unit: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(unit).unwrap();
    text.lines()
        .filter(|line| !line.starts_with(['#', ';', '[']) && !line.trim().is_empty())
        .map(|line| {
            let (key, value) =
                line.split_once('=').unwrap_or_else(|| panic!("{}: no setting: {line}", unit.display()));
            (key.trim().to_owned(), value.trim().to_owned())
        })
        .collect()
}

/// Every program that a service executes, at its start or later.
fn programs(service: &Path) -> Vec<PathBuf> {
    let is_command = |key: &str| key.starts_with("Exec") && !key.ends_with("Paths");
    let commands = settings(service).into_iter().filter(|(key, _)| is_command(key));
    let program = |(_, command): (String, String)| {
        PathBuf::from(command.split_whitespace().next().unwrap().trim_start_matches(['+', '-', '!', ':', '@']))
    };
    commands.map(program).collect()
}

/// The program that a service starts.
pub(super) fn program(service: &Path) -> PathBuf {
    let settings = settings(service);
    let (_, command) = settings.iter().find(|(key, _)| key == "ExecStart").expect("a service starts something");
    PathBuf::from(command.split_whitespace().next().unwrap())
}

pub(super) fn file_name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// A root folder that holds our units, the stock units they name, and an executable at each program's path: verify
/// asks that the program can be executed and never starts it.
pub(crate) fn staged_root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let stock = root.path().join("usr/lib/systemd/system");
    let ours = root.path().join("etc/systemd/system");
    fs::create_dir_all(&stock).unwrap();
    fs::create_dir_all(&ours).unwrap();
    for name in STOCK_UNITS {
        fs::copy(Path::new("/usr/lib/systemd/system").join(name), stock.join(name)).unwrap_or_else(|error| {
            panic!("{name}: {error}; install Debian's package `systemd`, or run `make test`")
        });
    }
    for ending in ENDINGS {
        for unit in units(ending) {
            fs::copy(&unit, ours.join(file_name(&unit))).unwrap();
        }
    }
    for program in units("service").iter().flat_map(|service| programs(service)) {
        let target = root.path().join(program.strip_prefix("/").expect("commands are absolute"));
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(&target, "").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).unwrap();
    }
    root
}

/// What `systemd-analyze verify` says about one unit of a staged root; an unknown key is only a warning with
/// status 0, so silence is asked for as well.
pub(crate) fn verify(root: &Path, unit: &str) -> Result<(), String> {
    let root = format!("--root={}", root.display());
    let output = run("systemd-analyze", &["verify", "--man=no", "--no-pager", &root, unit]);
    let words = said(&output);
    if output.status.success() && words.trim().is_empty() { Ok(()) } else { Err(words) }
}

//! The promise of the systemd units: clean, tightly sandboxed, without a network, and about programs that exist.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The highest exposure that `systemd-analyze security` may print for a service, in tenths.
const EXPOSURE_MAX_TENTHS: u32 = 15;

/// Stock units that ours name; a staged root needs them or verify reports them as missing.
const STOCK_UNITS: [&str; 6] = [
    "sysinit.target",
    "basic.target",
    "sockets.target",
    "multi-user.target",
    "time-sync.target",
    "shutdown.target",
];

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The unit files with this ending, never an empty list.
fn units(ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(source("systemd/system"))
        .expect("systemd/system is part of the source")
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == ending)
        })
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no .{ending} in systemd/system");
    found
}

/// Runs a tool of systemd; its absence fails the test with the remedy.
fn run(tool: &str, arguments: &[&str]) -> Output {
    Command::new(tool)
        .args(arguments)
        .env("SYSTEMD_COLORS", "0")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| {
            panic!("{tool}: {error}; install Debian's package `systemd`, or run `make test`")
        })
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The settings of a unit file in order, without comments and sections.
fn settings(unit: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(unit).unwrap();
    text.lines()
        .filter(|line| !line.starts_with(['#', ';', '[']) && !line.trim().is_empty())
        .map(|line| {
            let (key, value) = line
                .split_once('=')
                .unwrap_or_else(|| panic!("{}: no setting: {line}", unit.display()));
            (key.trim().to_owned(), value.trim().to_owned())
        })
        .collect()
}

/// The program that a service starts.
fn program(service: &Path) -> PathBuf {
    let settings = settings(service);
    let (_, command) = settings
        .iter()
        .find(|(key, _)| key == "ExecStart")
        .expect("a service starts something");
    PathBuf::from(command.split_whitespace().next().unwrap())
}

fn file_name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// A root folder that holds our units, the stock units they name, and an executable at each program's path: verify
/// asks that the program can be executed and never starts it.
fn staged_root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let stock = root.path().join("usr/lib/systemd/system");
    let ours = root.path().join("etc/systemd/system");
    fs::create_dir_all(&stock).unwrap();
    fs::create_dir_all(&ours).unwrap();
    for name in STOCK_UNITS {
        fs::copy(
            Path::new("/usr/lib/systemd/system").join(name),
            stock.join(name),
        )
        .unwrap_or_else(|error| {
            panic!("{name}: {error}; install Debian's package `systemd`, or run `make test`")
        });
    }
    for ending in ["service", "socket", "target"] {
        for unit in units(ending) {
            fs::copy(&unit, ours.join(file_name(&unit))).unwrap();
        }
    }
    for service in units("service") {
        let target = root.path().join(
            program(&service)
                .strip_prefix("/")
                .expect("ExecStart is absolute"),
        );
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(&target, "").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).unwrap();
    }
    root
}

/// What `systemd-analyze verify` says about one unit of a staged root; an unknown key is only a warning with
/// status 0, so silence is asked for as well.
fn verify(root: &Path, unit: &str) -> Result<(), String> {
    let root = format!("--root={}", root.display());
    let output = run(
        "systemd-analyze",
        &["verify", "--man=no", "--no-pager", &root, unit],
    );
    let words = said(&output);
    if output.status.success() && words.trim().is_empty() {
        Ok(())
    } else {
        Err(words)
    }
}

#[test]
fn every_unit_is_verified_clean() {
    let root = staged_root();
    for ending in ["service", "socket", "target"] {
        for unit in units(ending) {
            if let Err(words) = verify(root.path(), file_name(&unit)) {
                panic!("{}:\n{words}", file_name(&unit));
            }
        }
    }
}

#[test]
fn verification_notices_a_misspelt_setting_and_a_missing_program() {
    let root = staged_root();
    let unit = root.path().join("etc/systemd/system/sceaud.service");
    let good = fs::read_to_string(&unit).unwrap();
    fs::write(
        &unit,
        good.replace("MemoryDenyWriteExecute=", "MemoryDenyWriteExec="),
    )
    .unwrap();
    assert!(
        verify(root.path(), "sceaud.service")
            .unwrap_err()
            .contains("MemoryDenyWriteExec")
    );
    fs::write(&unit, good.replace("/usr/bin/sceaud ", "/usr/bin/absent ")).unwrap();
    assert!(
        verify(root.path(), "sceaud.service")
            .unwrap_err()
            .contains("/usr/bin/absent")
    );
}

/// The overall exposure in tenths, as printed: `→ Overall exposure level for x.service: 0.4 SAFE`.
fn exposure_tenths(unit: &Path) -> u32 {
    let output = run(
        "systemd-analyze",
        &[
            "security",
            "--offline=yes",
            "--no-pager",
            unit.to_str().unwrap(),
        ],
    );
    let words = said(&output);
    let figure = words
        .lines()
        .find(|line| line.contains("Overall exposure level"))
        .and_then(|line| line.rsplit_once(": "))
        .and_then(|(_, verdict)| verdict.split_whitespace().next())
        .unwrap_or_else(|| panic!("no exposure level in:\n{words}"));
    let (whole, tenth) = figure.split_once('.').expect("a figure with one decimal");
    whole.parse::<u32>().unwrap() * 10 + tenth.parse::<u32>().unwrap()
}

#[test]
fn every_service_exposes_at_most_1_5() {
    for service in units("service") {
        let tenths = exposure_tenths(&service);
        println!(
            "exposure {}: {}.{}",
            file_name(&service),
            tenths / 10,
            tenths % 10
        );
        assert!(
            tenths <= EXPOSURE_MAX_TENTHS,
            "{}: {tenths} tenths",
            file_name(&service)
        );
    }
}

#[test]
fn exposure_rises_when_the_sandbox_is_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let bare = folder.path().join("bare.service");
    fs::write(&bare, "[Service]\nExecStart=/usr/bin/sceaud\nUser=sceau\n").unwrap();
    assert!(exposure_tenths(&bare) > 50);
}

#[test]
fn every_service_starts_a_program_of_this_package() {
    let manifest = fs::read_to_string(source("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let programs: Vec<&str> = manifest
        .get("bin")
        .and_then(toml::Value::as_array)
        .expect("Cargo.toml declares its programs as [[bin]]")
        .iter()
        .map(|bin| bin["name"].as_str().unwrap())
        .collect();
    for service in units("service") {
        let program = program(&service);
        assert!(program.starts_with("/usr/bin"), "{}", program.display());
        assert!(
            programs.contains(&file_name(&program)),
            "{} is none of {programs:?}",
            program.display()
        );
    }
}

/// SO_PEERCRED answers 65534 for every other user inside a user namespace of one's own.
#[test]
fn no_service_hides_the_users_it_must_recognise() {
    for service in units("service") {
        for (key, value) in settings(&service) {
            let hides =
                key == "PrivateUsers" && !["no", "false", "off", "0"].contains(&value.as_str());
            assert!(!hides, "{}: {key}={value}", file_name(&service));
        }
    }
}

#[test]
fn no_service_has_a_network() {
    for service in units("service") {
        let settings = settings(&service);
        let all = |wanted: &str| -> Vec<&str> {
            settings
                .iter()
                .filter(|(key, _)| key == wanted)
                .map(|(_, value)| value.as_str())
                .collect()
        };
        assert_eq!(
            all("RestrictAddressFamilies"),
            ["AF_UNIX"],
            "{}",
            file_name(&service)
        );
        assert_eq!(all("PrivateNetwork"), ["yes"], "{}", file_name(&service));
        assert_eq!(all("IPAddressDeny"), ["any"], "{}", file_name(&service));
        assert!(all("IPAddressAllow").is_empty(), "{}", file_name(&service));
    }
}

/// A core file would put PIN, session secrets and assertions on a disk.
#[test]
fn no_service_leaves_a_core_file() {
    for service in units("service") {
        let limits: Vec<String> = settings(&service)
            .into_iter()
            .filter(|(key, _)| key == "LimitCORE")
            .map(|(_, value)| value)
            .collect();
        assert_eq!(limits, ["0"], "{}", file_name(&service));
    }
}

/// Each documented drop-in is accepted beside the unit it belongs to.
#[test]
fn every_example_drop_in_is_verified_clean() {
    let root = staged_root();
    let folder = "systemd/system/sceau-signer@.service.d";
    let target = root
        .path()
        .join("etc/systemd/system/sceau-signer@.service.d");
    fs::create_dir_all(&target).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(source(folder)).unwrap() {
        let example = entry.unwrap().path();
        let name = file_name(&example)
            .strip_suffix(".example")
            .expect("only examples: nothing may act unasked");
        fs::copy(&example, target.join(name)).unwrap();
        count += 1;
    }
    assert!(count >= 3, "examples for PIN, soft token and HSM address");
    if let Err(words) = verify(root.path(), "sceau-signer@seal-1.service") {
        panic!("{words}");
    }
}

/// Users and folders on an empty root: what sysusers makes is what tmpfiles and the units name.
#[test]
fn users_and_folders_are_made_for_the_services() {
    let root = tempfile::tempdir().unwrap();
    for folder in ["sysusers.d", "tmpfiles.d"] {
        let target = root.path().join("usr/lib").join(folder);
        fs::create_dir_all(&target).unwrap();
        fs::copy(
            source("systemd").join(folder).join("sceau.conf"),
            target.join("sceau.conf"),
        )
        .unwrap();
    }
    fs::create_dir_all(root.path().join("etc")).unwrap();
    let at = format!("--root={}", root.path().display());
    let output = run("systemd-sysusers", &[&at, "sceau.conf"]);
    assert!(output.status.success(), "{}", said(&output));
    let output = run("systemd-sysusers", &["--dry-run", &at, "sceau.conf"]);
    assert!(
        output.status.success(),
        "a second run changes nothing: {}",
        said(&output)
    );

    let users = database(root.path(), "etc/passwd");
    let groups = database(root.path(), "etc/group");
    for service in units("service") {
        let settings = settings(&service);
        let named = |wanted: &str| &settings.iter().find(|(key, _)| key == wanted).unwrap().1;
        assert!(users.contains_key(named("User")), "{}", named("User"));
        assert!(groups.contains_key(named("Group")), "{}", named("Group"));
    }
    assert!(
        users.values().all(|fields| fields[6].ends_with("/nologin")),
        "{users:?}"
    );
    assert_eq!(
        groups["sceau-signer"][3], "sceau",
        "the token daemon alone may connect to the signers"
    );
    assert!(groups.contains_key("sceau-admin"));

    folders_are_made(root.path(), &at);
}

/// Only root may give a folder to another user, so for others the syntax is checked and the modes are not.
fn folders_are_made(root: &Path, at: &str) {
    let uid = String::from_utf8(run("id", &["-u"]).stdout).unwrap();
    let output = run("systemd-tmpfiles", &[at, "--create", "sceau.conf"]);
    let words = said(&output);
    if uid.trim() != "0" {
        assert!(!words.contains("sceau.conf:"), "{words}");
        println!("folder modes: skipped, they need root");
        return;
    }
    assert!(output.status.success(), "{words}");
    for (folder, mode) in [
        ("run/sceau", 0o755),
        ("run/sceau-signer", 0o750),
        ("var/lib/sceau", 0o700),
    ] {
        let found = fs::metadata(root.join(folder))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777;
        assert_eq!(found, mode, "{folder}");
    }
}

/// A colon-separated user or group database by name.
fn database(root: &Path, path: &str) -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(root.join(path)).unwrap();
    text.lines()
        .map(|line| {
            let fields: Vec<String> = line.split(':').map(str::to_owned).collect();
            (fields[0].clone(), fields)
        })
        .collect()
}

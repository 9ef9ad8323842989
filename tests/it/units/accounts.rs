//! The users, groups and folders that the services need, made on an empty root.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path};

use super::staging::{run, said, settings, source, units};

/// Users and folders on an empty root: what sysusers makes is what tmpfiles and the units name.
#[test]
fn users_and_folders_are_made_for_the_services() {
    let root = tempfile::tempdir().unwrap();
    for folder in ["sysusers.d", "tmpfiles.d"] {
        let target = root.path().join("usr/lib").join(folder);
        fs::create_dir_all(&target).unwrap();
        fs::copy(source("systemd").join(folder).join("sceau.conf"), target.join("sceau.conf")).unwrap();
    }
    fs::create_dir_all(root.path().join("etc")).unwrap();
    let at = format!("--root={}", root.path().display());
    let output = run("systemd-sysusers", &[&at, "sceau.conf"]);
    assert!(output.status.success(), "{}", said(&output));
    let output = run("systemd-sysusers", &["--dry-run", &at, "sceau.conf"]);
    assert!(output.status.success(), "a second run changes nothing: {}", said(&output));

    let users = database(root.path(), "etc/passwd");
    let groups = database(root.path(), "etc/group");
    for service in units("service") {
        let settings = settings(&service);
        let named = |wanted: &str| &settings.iter().find(|(key, _)| key == wanted).unwrap().1;
        // Every system has root.
        let is_there = |of: &BTreeMap<String, Vec<String>>, name: &str| name == "root" || of.contains_key(name);
        assert!(is_there(&users, named("User")), "{}", named("User"));
        assert!(is_there(&groups, named("Group")), "{}", named("Group"));
    }
    assert!(users.values().all(|fields| fields[6].ends_with("/nologin")), "{users:?}");
    assert_eq!(groups["sceau-signer"][3], "sceau", "the token daemon alone may connect to the signers");
    assert_eq!(
        groups["sceau-authentication"][3], "sceau-relay",
        "the relay alone may connect to its key's signers"
    );
    assert_eq!(groups["tss"][3], "sceau-attest", "the TPM daemon alone may open the TPM");
    let mut admitted: Vec<_> = groups["sceau-admin"][3].split(',').collect();
    admitted.sort_unstable();
    assert_eq!(admitted, ["sceau", "sceau-attest"], "operators are added by whoever runs the machine");

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
        ("run/sceau-relay", 0o755),
        ("run/sceau-attest", 0o755),
        ("var/lib/sceau-attest", 0o700),
        ("run/sceau-authentication", 0o750),
    ] {
        let found = fs::metadata(root.join(folder)).unwrap().permissions().mode() & 0o7777;
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

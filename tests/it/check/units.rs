//! Installed units compared with ours on a staged root: drop-ins that weaken them are found at their line.

use std::path::{Path, PathBuf};

use super::{Checked, check, plan};
use crate::support::establishment::{Establishment, write};

/// A root with our units as the guide installs them.
pub(super) fn stage(establishment: &Establishment) -> PathBuf {
    let root = establishment.folder.join("root");
    let to = root.join("usr/lib/systemd/system");
    std::fs::create_dir_all(&to).unwrap();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/system")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
    root
}

fn look(establishment: &Establishment, root: &Path) -> Checked {
    check(establishment, &["--json", "--units", root.to_str().unwrap()])
}

#[test]
fn our_own_units_are_good_and_each_weakened_one_is_found() {
    let establishment = plan().build();
    let root = stage(&establishment);
    let checked = look(&establishment, &root);
    assert_eq!((checked.seen(), checked.code), (vec![], Some(0)), "{}", checked.out);
    assert!(checked.json()["checked"].as_array().unwrap().contains(&"units".into()));
    for (folder, setting, rule) in [
        ("sceaud.service.d", "NoNewPrivileges=no", "unit-weakened"),
        ("sceaud.service.d", "PrivateUsers=yes", "unit-weakened"),
        ("sceaud.service.d", "RestrictAddressFamilies=AF_INET", "unit-weakened"),
        ("sceaud.service.d", "PrivateNetwork=false", "unit-weakened"),
        ("sceaud.service.d", "IPAddressDeny=", "unit-weakened"),
        ("sceaud.service.d", "User=root", "unit-weakened"),
        ("sceaud.service.d", "CapabilityBoundingSet=CAP_SYS_ADMIN", "unit-weakened"),
        ("sceaud.service.d", "SystemCallFilter=@privileged", "unit-weakened"),
        ("sceaud.service.d", "ExecStartPre=/bin/true", "unit-weakened"),
        ("sceaud.service.d", "InaccessiblePaths=", "unit-weakened"),
        ("sceaud.service.d", "ReadWritePaths=/etc", "unit-weakened"),
        ("service.d", "LimitCORE=infinity", "unit-weakened"),
        ("sceau-signer@.service.d", "PrivateNetwork=no", "unit-weakened"),
        // The TPM's group is for who has its device.
        ("sceau-signer@.service.d", "SupplementaryGroups=tss", "unit-weakened"),
        ("sceau-signer@seal-a-1.service.d", "ProtectSystem=no", "unit-weakened"),
        ("sceau-signer@.service.d", "ProcSubset=all", "unit-exception"),
        ("sceau-signer@.service.d", "ReadWritePaths=/var/lib/sceau-signer/tokens", "unit-exception"),
        ("sceau-.service.d", "IPAddressAllow=192.0.2.0/24", "unit-weakened"),
        ("sceau-signer@.service.d", "ReadWritePaths=/home", "unit-weakened"),
    ] {
        let file = root.join("etc/systemd/system").join(folder).join("50-local.conf");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        write(&file, &format!("# local\n[Service]\n{setting}\n"), 0o644);
        let checked = look(&establishment, &root);
        let mut seen = checked.seen();
        // One drop-in for every service is found once, in its own file.
        seen.dedup();
        let found = (rule.to_owned(), "50-local.conf".to_owned(), Some(3), Some(1));
        assert!(!seen.is_empty() && seen.iter().all(|one| *one == found), "{setting}: {}", checked.out);
        assert_eq!(checked.code, Some(if rule == "unit-weakened" { 1 } else { 0 }), "{}", checked.out);
        std::fs::remove_file(&file).unwrap();
    }
    // What only takes more away, or bounds the program, is the operator's to choose.
    for setting in [
        "IPAddressDeny=any",
        "InaccessiblePaths=/srv",
        "MemoryMax=1G",
        "LoadCredential=seal.pin:/etc/x",
        "NoNewPrivileges=true",
    ] {
        let file = root.join("etc/systemd/system/sceaud.service.d/50-local.conf");
        write(&file, &format!("[Service]\n{setting}\n"), 0o644);
        let checked = look(&establishment, &root);
        assert_eq!(checked.seen(), [], "{setting}: {}", checked.out);
        std::fs::remove_file(&file).unwrap();
    }
}

#[test]
fn the_guides_own_drop_ins_are_notes() {
    let establishment = plan().build();
    let root = stage(&establishment);
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/system/sceau-signer@.service.d");
    let folder = root.join("etc/systemd/system/sceau-signer@.service.d");
    std::fs::create_dir_all(&folder).unwrap();
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.join(path.file_stem().unwrap())).unwrap();
    }
    let checked = look(&establishment, &root);
    let seen = checked.seen();
    assert!(seen.len() == 6 && seen.iter().all(|(rule, ..)| rule == "unit-exception"), "{}", checked.out);
    assert_eq!(checked.code, Some(0));
}

#[test]
fn changed_missing_and_masked_units_are_found() {
    let establishment = plan().build();
    let root = stage(&establishment);
    let folder = root.join("usr/lib/systemd/system");
    let service = folder.join("sceaud.service");
    let text = std::fs::read_to_string(&service).unwrap();
    std::fs::write(&service, text.replace("ProtectHome=yes\n", "")).unwrap();
    let checked = look(&establishment, &root);
    assert_eq!(
        checked.seen(),
        [("unit-weakened".to_owned(), "sceaud.service".to_owned(), None, None)],
        "{}",
        checked.out
    );
    std::fs::remove_file(&service).unwrap();
    let checked = look(&establishment, &root);
    assert_eq!(checked.seen(), [("unit-missing".to_owned(), "unité sceaud.service".to_owned(), None, None)]);
    assert_eq!(checked.code, Some(0));
    std::os::unix::fs::symlink("/dev/null", &service).unwrap();
    let checked = look(&establishment, &root);
    assert_eq!(checked.seen(), [("unit-masked".to_owned(), "sceaud.service".to_owned(), None, None)]);
    assert_eq!(checked.code, Some(1));
    let socket = folder.join("sceaud.socket");
    let text = std::fs::read_to_string(&socket).unwrap();
    std::fs::write(&socket, text.replace("SocketUser=sceau\n", "SocketUser=root\n")).unwrap();
    let checked = look(&establishment, &root);
    assert!(
        checked
            .seen()
            .iter()
            .any(|(rule, file, line, _)| rule == "unit-weakened" && file == "sceaud.socket" && line.is_some())
    );
}

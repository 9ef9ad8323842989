//! What is written for a start of the machine is what systemd takes.

use std::fs;
use std::process::Command;

use super::rig::Rig;
use crate::support::program::program;
use crate::units::staging::{staged_root, verify};

#[test]
fn units_of_a_start_are_verified_clean() {
    let Some(rig) = Rig::new("console::units_of_a_start_are_verified_clean") else { return };
    rig.bring_signed(&rig.right());
    rig.visited();
    let _ = fs::remove_dir_all(rig.root("run/systemd"));
    assert_eq!(rig.apply().0, Some(0));
    let units = rig.root("run/systemd/system");
    let wanted = |name: &str| fs::read_link(units.join("sceau.target.wants").join(name)).unwrap();
    for unit in ["sceau-signer@seal-1", "sceau-signer@seal-2", "sceau-signer@audit-1", "sceau-signer@auth-1"] {
        let unit = format!("{unit}.service");
        assert!(wanted(&unit).ends_with("usr/lib/systemd/system/sceau-signer@.service"));
        let drop_in = units.join(format!("{unit}.d/50-appliance.conf"));
        let text = fs::read_to_string(&drop_in).unwrap();
        let credential = if unit.contains("auth") { "auth.pin" } else { "seal.pin" };
        assert!(
            text.contains(&format!("LoadCredentialEncrypted={credential}:/etc/sceau/credentials/{credential}"))
        );
        // Verified where an administrator's would stand.
        let root = staged_root();
        let target = root.path().join(format!("etc/systemd/system/{unit}.d"));
        fs::create_dir_all(&target).unwrap();
        fs::copy(&drop_in, target.join("50-appliance.conf")).unwrap();
        if let Err(words) = verify(root.path(), &unit) {
            panic!("{unit}:\n{words}\n{text}");
        }
    }
    no_unit_is_weakened(&rig);
    let network = fs::read_to_string(rig.root("run/systemd/network/10-sceau.network")).unwrap();
    for line in ["Name=en*", "Address=192.0.2.10/24", "Gateway=192.0.2.1", "DNS=192.0.2.53", "LLMNR=no"] {
        assert!(network.lines().any(|found| found == line), "{line}: {network}");
    }
    assert_eq!(
        fs::read_to_string(rig.root("run/sceau-time/sceau.sources")).unwrap(),
        "server ntp.exemple.fr iburst nts\n"
    );
    assert_eq!(fs::read_to_string(rig.root("run/sceau-network/resolv.conf")).unwrap(), "nameserver 192.0.2.53\n");
}

/// What `sceau check` says of the units of a start: openings that the guide foresees, and nothing weaker.
fn no_unit_is_weakened(rig: &Rig) {
    let root = staged_root();
    for entry in fs::read_dir(rig.root("run/systemd/system")).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), root.path().join("run/systemd/system").join(entry.file_name()));
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(from).unwrap().map(|file| file.unwrap().path()).filter(|file| file.is_file()) {
            fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
        }
    }
    let config = rig.root("var/lib/sceau-config/sceau.toml");
    let mut check = Command::new(program("sceau"));
    let output =
        check.args(["check", "--json", "--config"]).arg(config).arg("--units").arg(root.path()).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rules: Vec<_> =
        report["findings"].as_array().unwrap().iter().map(|found| found["rule"].as_str().unwrap()).collect();
    assert!(rules.contains(&"unit-exception") && !rules.contains(&"unit-weakened"), "{report:#}");
}

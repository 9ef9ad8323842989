//! The promise of the systemd units: clean, tightly sandboxed, without a network, and about programs that exist.

mod accounts;
pub(crate) mod staging;

use std::{fs, path::Path};

use staging::{ENDINGS, file_name, program, run, said, settings, source, staged_root, units, verify};

/// The highest exposure that `systemd-analyze security` may print for a service, in tenths.
pub(crate) const EXPOSURE_MAX_TENTHS: u32 = 15;

#[test]
fn every_unit_is_verified_clean() {
    let root = staged_root();
    for ending in ENDINGS {
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
    fs::write(&unit, good.replace("MemoryDenyWriteExecute=", "MemoryDenyWriteExec=")).unwrap();
    assert!(verify(root.path(), "sceaud.service").unwrap_err().contains("MemoryDenyWriteExec"));
    fs::write(&unit, good.replace("/usr/bin/sceaud ", "/usr/bin/absent ")).unwrap();
    assert!(verify(root.path(), "sceaud.service").unwrap_err().contains("/usr/bin/absent"));
}

/// A folder of /run goes with the unit that has it: one that several have would take the PINs of the others away.
#[test]
fn a_sealed_pin_has_a_folder_of_its_own() {
    let read = |file: &str| fs::read_to_string(source("systemd/system").join(file)).unwrap();
    let unit = read("sceau-pin@.service");
    let folder = "RuntimeDirectory=sceau-pin/%i\n";
    assert!(unit.contains(folder) && unit.contains("--out /run/sceau-pin/%i/pin\n"), "{unit}");
    let signer = read("sceau-signer@.service.d/pin-sealed.conf.example");
    assert!(signer.contains("LoadCredential=seal.pin:/run/sceau-pin/seal/pin\n"), "{signer}");
}

/// The overall exposure in tenths, as printed: `→ Overall exposure level for x.service: 0.4 SAFE`.
pub(crate) fn exposure_tenths(unit: &Path) -> u32 {
    let output = run("systemd-analyze", &["security", "--offline=yes", "--no-pager", unit.to_str().unwrap()]);
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
        println!("exposure {}: {}.{}", file_name(&service), tenths / 10, tenths % 10);
        assert!(tenths <= EXPOSURE_MAX_TENTHS, "{}: {tenths} tenths", file_name(&service));
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
        assert!(programs.contains(&file_name(&program)), "{} is none of {programs:?}", program.display());
    }
}

/// SO_PEERCRED answers 65534 for every other user inside a user namespace of one's own.
#[test]
fn no_service_hides_the_users_it_must_recognise() {
    for service in units("service") {
        for (key, value) in settings(&service) {
            let hides = key == "PrivateUsers" && !["no", "false", "off", "0"].contains(&value.as_str());
            assert!(!hides, "{}: {key}={value}", file_name(&service));
        }
    }
}

#[test]
fn no_service_has_a_network() {
    // The relay calls the DMP: addresses are refused until a drop-in names them (`the_relay_calls_nobody_unasked`).
    for service in units("service").iter().filter(|service| file_name(service) != "sceau-relayd.service") {
        let settings = settings(service);
        let all = |wanted: &str| -> Vec<&str> {
            settings.iter().filter(|(key, _)| key == wanted).map(|(_, value)| value.as_str()).collect()
        };
        assert_eq!(all("RestrictAddressFamilies"), ["AF_UNIX"], "{}", file_name(service));
        assert_eq!(all("PrivateNetwork"), ["yes"], "{}", file_name(service));
        assert_eq!(all("IPAddressDeny"), ["any"], "{}", file_name(service));
        assert!(all("IPAddressAllow").is_empty(), "{}", file_name(service));
    }
}

/// The one daemon with a network calls out alone, and only where a drop-in lets it.
#[test]
fn the_relay_calls_nobody_unasked() {
    let settings = settings(&source("systemd/system/sceau-relayd.service"));
    for (key, value) in [
        ("IPAddressDeny", "any"),
        ("SocketBindDeny", "any"),
        ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"),
    ] {
        assert!(settings.iter().any(|(k, v)| k == key && v == value), "{key}={value}");
    }
    assert!(!settings.iter().any(|(key, _)| key == "IPAddressAllow"));
    let root = staged_root();
    for (unit, example) in [("sceau-relayd", "dmp-address.conf"), ("sceau-signer@auth-1", "authentication.conf")] {
        let folder = format!("systemd/system/{unit}.service.d");
        let target = root.path().join("etc").join(&folder);
        fs::create_dir_all(&target).unwrap();
        fs::copy(source(&folder).join(format!("{example}.example")), target.join(example)).unwrap();
        if let Err(words) = verify(root.path(), &format!("{unit}.service")) {
            panic!("{words}");
        }
    }
}

/// A core file would put PIN, session secrets and assertions on a disk.
#[test]
fn no_service_leaves_a_core_file() {
    for service in units("service") {
        let limits: Vec<String> =
            settings(&service).into_iter().filter(|(key, _)| key == "LimitCORE").map(|(_, value)| value).collect();
        assert_eq!(limits, ["0"], "{}", file_name(&service));
    }
}

/// Each documented drop-in is accepted beside the unit it belongs to.
#[test]
fn every_example_drop_in_is_verified_clean() {
    let root = staged_root();
    let folder = "systemd/system/sceau-signer@.service.d";
    let target = root.path().join("etc/systemd/system/sceau-signer@.service.d");
    fs::create_dir_all(&target).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(source(folder)).unwrap() {
        let example = entry.unwrap().path();
        let name = file_name(&example).strip_suffix(".example").expect("only examples: nothing may act unasked");
        fs::copy(&example, target.join(name)).unwrap();
        count += 1;
    }
    assert!(count >= 3, "examples for PIN, soft token and HSM address");
    if let Err(words) = verify(root.path(), "sceau-signer@seal-1.service") {
        panic!("{words}");
    }
}

/// A wrong PIN is remembered on a disk, by all instances, and what may pass by itself is started again.
#[test]
fn the_signer_keeps_its_memory_and_is_restarted_but_for_a_refused_configuration() {
    let settings = settings(&source("systemd/system/sceau-signer@.service"));
    for (key, value) in [
        ("StateDirectory", "sceau-signer"),
        ("StateDirectoryMode", "0700"),
        ("Restart", "always"),
        ("RestartPreventExitStatus", "2"),
    ] {
        assert!(settings.iter().any(|(k, v)| k == key && v == value), "{key}={value}");
    }
}

//! What the appliance image is made of, read from its definition; real boots are `make image-test`.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

fn definition(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("image").join(path)).unwrap()
}

/// Lines that say something.
fn said(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// Whoever gets in finds no tool: shells, interpreters, package managers, ways in, compilers, ways to another user.
#[test]
fn nothing_that_interprets_installs_or_lets_in_stays() {
    let unwanted = [
        "sh", "bash", "dash", "busybox", "python3", "perl", "awk", "apt", "apt-get", "dpkg", "sshd", "login",
        "agetty", "sulogin", "su", "sudo", "gcc", "ld", "gdb", "strace", "nc", "curl", "env", "vi",
    ];
    for list in ["keep/system.list", "keep/initrd.list"] {
        let list = definition(list);
        let programs: Vec<&str> = said(&list).into_iter().filter(|line| line.contains("bin/")).collect();
        assert!(programs.len() > 10, "the list names programs one by one");
        for program in programs {
            let name = program.rsplit('/').next().unwrap();
            assert!(!name.contains('*') && !name.is_empty(), "{program} names no single program");
            assert!(!unwanted.contains(&name), "{program} stays in the image");
        }
    }
}

#[test]
fn the_command_line_is_the_images_alone() {
    let line = definition("cmdline");
    let options = said(&line);
    for wanted in [
        "lockdown=confidentiality",
        "module.sig_enforce=1",
        "systemd.import_credentials=no",
        "systemd.gpt_auto=no",
        "systemd.machine_id=firmware",
        "iommu=force",
    ] {
        assert!(options.contains(&wanted), "{wanted} is missing");
    }
    for option in &options {
        let unwanted =
            ["init=", "rd.break", "systemd.unit=", "systemd.debug", "systemd.mask", "single", "emergency"];
        assert!(!unwanted.iter().any(|way| option.starts_with(way)), "{option} opens a way in");
        assert!(!option.contains(' '), "{option}: one option a line, with its reason above");
    }
}

/// A state made under an injected credential, or without Secure Boot, would be a state that opens so for ever.
#[test]
fn the_state_is_bound_to_our_images_secure_boot_and_an_unchanged_boot() {
    let made =
        definition("mkosi.images/initrd/mkosi.extra/usr/lib/systemd/system/systemd-repart.service.d/sceau.conf");
    assert!(said(&made).contains(&"AssertSecurity=uefi-secureboot"));
    assert!(said(&made).contains(&"AssertSecurity=tpm2"));
    assert!(made.contains("--tpm2-public-key=/usr/lib/sceau/pcr-disk.pub --tpm2-public-key-pcrs=11"));
    assert!(made.contains(&format!("--tpm2-pcrs=7:sha256+12:sha256={}", "0".repeat(64))));
    let kernel = definition("build/disk.sh");
    assert!(
        kernel.contains("--pcr-public-key \"$keys/pcr-disk.pub\" --phases enter-initrd \\"),
        "the disk's key signs one phase"
    );
}

/// `name -> number` of the users and groups in a sysusers.d file.
fn numbers(text: &str) -> BTreeMap<&str, &str> {
    said(text)
        .into_iter()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let kind = words.next()?;
            matches!(kind, "u" | "g").then_some(())?;
            Some((words.next()?, words.next()?))
        })
        .collect()
}

#[test]
fn who_owns_files_of_the_state_keeps_his_number() {
    let fixed = definition("mkosi.extra/usr/lib/sysusers.d/00-sceau-appliance.conf");
    let fixed = numbers(&fixed);
    let everybody =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/sysusers.d/sceau.conf")).unwrap();
    let connectors = definition("mkosi.extra/usr/lib/sysusers.d/sceau-connectors.conf");
    let ours = numbers(&everybody).into_keys().filter(|name| *name != "tss").map(|name| (name, fixed.get(name)));
    let all = ours.map(|(name, number)| (name, *number.unwrap_or_else(|| panic!("{name} has no fixed number"))));
    let mut seen = BTreeMap::new();
    for (name, number) in all.chain(numbers(&connectors)) {
        let number: u32 = number.parse().unwrap_or_else(|_| panic!("{name} has no fixed number"));
        assert!((500..1000).contains(&number), "{name}: a system user");
        assert_eq!(seen.insert(number, name), None, "{number} is two users'");
    }
}

#[test]
fn an_update_is_local_and_never_takes_the_running_slot() {
    for transfer in ["10-root-verity", "20-root", "30-kernel"] {
        let text = definition(&format!("mkosi.extra/usr/lib/sysupdate.d/{transfer}.transfer"));
        let said = said(&text);
        assert!(said.contains(&"ProtectVersion=%A"), "{transfer} may take the running slot");
        assert!(
            said.contains(&"Type=regular-file") && said.contains(&"Path=/var/lib/sceau-update"),
            "{transfer} is not local"
        );
    }
    assert!(definition("mkosi.extra/usr/lib/sysupdate.d/30-kernel.transfer").contains("TriesLeft=3"));
}

/// After the lock the kernel takes no module any more: what comes late, or is attached later, must be there already.
#[test]
fn what_comes_after_the_lock_is_loaded_before_it() {
    let (loaded, present) =
        (definition("mkosi.extra/usr/lib/modules-load.d/sceau.conf"), definition("mkosi.conf.d/20-modules.conf"));
    for module in [
        "usb_storage",
        "sd_mod",
        "uas",
        "vfat",
        "usbhid",
        "hid_generic",
        "evdev",
        "button",
        "loop",
        "dm_verity",
        "erofs",
        "overlay",
    ] {
        assert!(said(&loaded).contains(&module), "{module} is not loaded at the start");
        let spelled = [module.to_owned(), module.replace('_', "-")];
        assert!(spelled.iter().any(|name| present.contains(name.as_str())), "{module} is not in the image");
    }
}

/// A phase that is missing in PCR 11 opens no PIN until the next boot, and a second try could measure it twice.
#[test]
fn a_phase_that_was_not_measured_starts_the_machine_again() {
    for phase in ["systemd-pcrphase-sysinit", "systemd-pcrphase"] {
        let unit = definition(&format!("mkosi.extra/usr/lib/systemd/system/{phase}.service.d/appliance.conf"));
        assert_eq!(said(&unit), ["[Unit]", "FailureAction=reboot"]);
    }
    assert!(definition("keep/system.list").contains("systemd-pcrextend"), "what measures is in the image");
}

#[test]
fn who_closes_the_kernel_to_modules_is_shut_in_himself() {
    let unit = "image/mkosi.extra/usr/lib/systemd/system/sceau-modules-lock.service";
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--offline=yes", "--threshold=15", "--no-pager"]);
    let output = analyze.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(unit)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The build's own check, on keys that the build itself makes, and on others.
#[test]
fn keys_for_trials_sign_no_release() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("image/build/keys.sh");
    let run = |release: &str| {
        Command::new(&script)
            .env("IMAGE_KEYS", &keys)
            .env("IMAGE_WORK", folder.path().join("work"))
            .env("IMAGE_RELEASE", release)
            .env("SOURCE_DATE_EPOCH", "0")
            .output()
            .unwrap()
    };
    assert!(run("no").status.success());
    let refused = |what: &str| {
        let refused = run("yes");
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            !refused.status.success() && told.contains("clé d'essai refusée") && told.contains(what),
            "{told}"
        );
    };
    refused("dossier fait par cette construction");
    fs::remove_file(keys.join("complete")).unwrap();
    for name in ["PK", "KEK", "db", "extensions"] {
        refused(&format!("{name}.crt"));
        let made = Command::new("openssl")
            .args(["req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=Hospital"])
            .arg("-keyout")
            .arg(keys.join(format!("{name}.key")))
            .arg("-out")
            .arg(keys.join(format!("{name}.crt")))
            .output()
            .unwrap();
        assert!(made.status.success());
    }
    for name in ["release", "provisioning"] {
        refused(&format!("{name}.pub"));
        fs::remove_file(keys.join(name)).unwrap();
        let mut keygen = Command::new("ssh-keygen");
        let made = keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "hospital", "-f"]).arg(keys.join(name));
        assert!(made.status().unwrap().success());
    }
    for name in ["pcr-disk", "pcr-ready"] {
        refused(&format!("{name}.key"));
        // The same key: what says that it is for trials is skipped by those who read it.
        let read =
            Command::new("openssl").args(["rsa", "-in"]).arg(keys.join(format!("{name}.key"))).output().unwrap();
        assert!(read.status.success());
        fs::write(keys.join(format!("{name}.key")), read.stdout).unwrap();
    }
    assert!(run("yes").status.success());
}

/// The build's own judge of what checkers found, on answers of theirs.
#[test]
fn a_finding_without_a_reason_and_a_reason_without_its_finding_end_the_build() {
    let folder = tempfile::tempdir().unwrap();
    let (reasons, answers) = (folder.path().join("hardening.tsv"), folder.path().join("answers"));
    fs::create_dir(&answers).unwrap();
    let checks = r#"[{"option_name":"CONFIG_A","check_result_bool":false},{"option_name":"CONFIG_B","check_result_bool":true}]"#;
    let found = "lynis_tests_done=3\nwarning[]=TEST-1|Words of it|-|-|\nsuggestion[]=LYNIS|Its own age|-|-|\n";
    let judged = |text: &str| {
        fs::write(&reasons, text).unwrap();
        let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("image/build/hardening.py");
        let output = Command::new("python3").arg(judge).args([&reasons, &answers]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), said)
    };
    fs::write(answers.join("lynis.dat"), found).unwrap();
    fs::write(answers.join("kernel.json"), checks).unwrap();
    let right = "# why\nkernel-hardening-checker\tCONFIG_A\tsettled elsewhere\nlynis\tTEST-1 Words of it\tnobody is there\n";
    let (good, said) = judged(right);
    assert!(good && said.contains("CONFIG_A : settled elsewhere") && said.contains("1 bons"), "{said}");
    for (wrong, words) in [
        (right.replace("CONFIG_A", "CONFIG_B"), "CONFIG_A » est sans raison"),
        (right.replace("CONFIG_A", "CONFIG_B"), "CONFIG_B » n'est plus trouvé"),
        (right.replace("TEST-1 Words", "TEST-1 Other words"), "TEST-1 Words of it » est sans raison"),
        (right.replace("settled elsewhere", ""), "ligne 2"),
        (format!("{right}{right}"), "ligne 5"),
        (right.replace("lynis\t", "other\t"), "contrôleur inconnu"),
    ] {
        let (good, said) = judged(&wrong);
        assert!(!good && said.contains(words), "{words}: {said}");
    }
    // A checker that could not be had is named; one that did not come to its end is no good answer.
    fs::remove_file(answers.join("kernel.json")).unwrap();
    let (good, said) = judged(right);
    assert!(good && said.contains("NON FAIT"), "{said}");
    fs::write(answers.join("lynis.dat"), "").unwrap();
    assert!(!judged(right).0);
}

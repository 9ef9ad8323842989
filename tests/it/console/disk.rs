//! Work on the state's disk, a real LUKS2 header and a software TPM: its slot bound anew by the recovery key, and its end.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::rig::Rig;
use crate::support::softhsm::run;

/// A state as the initial file system makes it: LUKS2, a recovery key, a key of its own for those who look.
struct Disk {
    rig: Rig,
    recovery: String,
}

impl Disk {
    /// None where the programs are not installed.
    fn new(test: &str) -> Option<Disk> {
        let rig = Rig::new(test)?;
        for folder in ["dev/disk/by-partlabel", "sys/firmware/efi/efivars"] {
            fs::create_dir_all(rig.root(folder)).unwrap();
        }
        let (state, key) = (rig.root("dev/disk/by-partlabel/sceau-state"), rig.path("own-key"));
        fs::write(&key, "of those who look").unwrap();
        fs::File::create(&state).unwrap().set_len(40 << 20).unwrap();
        let mut format = Command::new("cryptsetup");
        format.args([
            "luksFormat",
            "--batch-mode",
            "--type=luks2",
            "--pbkdf=pbkdf2",
            "--pbkdf-force-iterations=1000",
        ]);
        run(format.arg(&state).arg(&key));
        let mut enroll = Command::new("systemd-cryptenroll");
        let recovery =
            run(enroll.arg(format!("--unlock-key-file={}", key.display())).arg("--recovery-key").arg(&state));
        let (private, public) = (rig.path("pcr-disk.key"), rig.root("usr/lib/sceau/pcr-disk.pub"));
        run(Command::new("openssl").args(["genrsa", "-out"]).arg(&private).arg("2048"));
        run(Command::new("openssl").args(["rsa", "-pubout", "-in"]).arg(&private).arg("-out").arg(&public));
        rig.pcr(12, &"0".repeat(64));
        Some(Disk { rig, recovery: recovery.trim().to_owned() })
    }

    fn state(&self) -> PathBuf {
        self.rig.root("dev/disk/by-partlabel/sceau-state")
    }

    fn typed(&self, key: &str) {
        fs::create_dir_all(self.rig.root("run/sceau-typed")).unwrap();
        fs::write(self.rig.root("run/sceau-typed/recovery-key"), key).unwrap();
    }

    /// Slots that a TPM opens: their policies.
    fn bound(&self) -> Vec<String> {
        let mut dump = Command::new("cryptsetup");
        let told = run(dump.args(["luksDump", "--dump-json-metadata"]).arg(self.state()));
        let told: Value = serde_json::from_str(&told).unwrap();
        let tokens = told["tokens"].as_object().unwrap().values();
        let by_tpm = tokens.filter(|token| token["type"] == "systemd-tpm2");
        by_tpm.map(|token| token["tpm2-policy-hash"].as_str().unwrap().to_owned()).collect()
    }

    fn opens(&self, key: &str) -> bool {
        let file = self.rig.path("tried");
        fs::write(&file, key).unwrap();
        let mut open = Command::new("cryptsetup");
        open.args(["open", "--test-passphrase", "--key-file"]).arg(&file).arg(self.state());
        open.output().unwrap().status.success()
    }
}

#[test]
fn the_state_is_bound_to_changed_firmware_keys_by_the_recovery_key_alone() {
    let test = "console::the_state_is_bound_to_changed_firmware_keys_by_the_recovery_key_alone";
    let Some(disk) = Disk::new(test) else { return };
    let key = "run/sceau-typed/recovery-key";
    // Nobody typed anything.
    assert!(disk.rig.rebind().1.contains("n'a pas été saisie"));
    let mut before = Vec::new();
    for _ in 0..2 {
        disk.typed(&disk.recovery);
        let (code, said) = disk.rig.rebind();
        assert_eq!(code, Some(0), "{said}");
        let now = disk.bound();
        assert!(now.len() == 1 && now != before, "one slot, of the state as it is: {now:?} after {before:?}");
        assert!(!disk.rig.root(key).exists() && disk.opens(&disk.recovery));
        before = now;
        // The firmware's keys have changed.
        disk.rig.extend(7);
    }
    let header = fs::read(disk.state()).unwrap();
    let refused = |words: &str| {
        let (code, said) = disk.rig.rebind();
        assert!(code != Some(0) && said.contains(words) && said.contains(" ; "), "{words}: {said}");
        assert!(!said.contains(&disk.recovery[..17]), "{said}");
        assert_eq!(fs::read(disk.state()).unwrap(), header, "{words}: nothing has changed");
        assert!(!disk.rig.root(key).exists(), "forgotten");
    };
    // Another one of the right form opens nothing.
    disk.typed(&["cbdefghi-jklnrtuv"; 4].join("-"));
    refused("liaison du disque");
    disk.typed(&disk.recovery);
    disk.rig.pcr(12, &format!("{}1", "0".repeat(63)));
    refused("PCR 12");
    disk.typed(&disk.recovery);
    disk.rig.pcr(7, &"0".repeat(64));
    refused("PCR 7");
}

#[test]
fn a_factory_reset_leaves_nothing_that_opens() {
    let Some(disk) = Disk::new("console::a_factory_reset_leaves_nothing_that_opens") else { return };
    disk.rig.bring_signed(&disk.rig.right().replace("authentication = true", "authentication = false"));
    disk.rig.visited();
    assert!(disk.opens(&disk.recovery) && disk.rig.opens_pin("seal.pin"));
    for _ in 0..2 {
        let (code, said) = disk.rig.factory_reset();
        assert_eq!(code, Some(0), "{said}");
        assert!(!disk.opens(&disk.recovery) && !disk.opens("of those who look"), "no slot is left");
        let whole = fs::read(disk.state()).unwrap();
        for at in [0, 0x4000] {
            assert_ne!(&whole[at..at + 4], b"LUKS", "no header is left at {at}");
            assert_ne!(&whole[at..at + 4], b"SKUL", "no header is left at {at}");
        }
        assert!(!disk.rig.opens_pin("seal.pin"), "the TPM that sealed it is another one now");
    }
    let variable = "sys/firmware/efi/efivars/FactoryReset-8cf2644b-4b0b-428f-9387-6d876050dc67";
    // Attributes, then UTF-16: as the firmware's own tools write it.
    assert_eq!(fs::read(disk.rig.root(variable)).unwrap(), b"\x07\0\0\0y\0e\0s\0\0\0");
    let told = fs::read_to_string(disk.rig.root("run/sceau-console/disk.txt")).unwrap();
    assert!(told.contains("redémarre vierge"), "{told}");
}

/// A TPM whose lockout somebody guards is not cleared by us: the rest is done, and what is left is told.
#[test]
fn a_guarded_tpm_keeps_no_disk_readable() {
    let Some(disk) = Disk::new("console::a_guarded_tpm_keeps_no_disk_readable") else { return };
    disk.rig.guard_lockout();
    let (code, said) = disk.rig.factory_reset();
    assert!(code == Some(1) && said.contains("TPM") && said.contains("Clear TPM"), "{said}");
    assert!(!disk.opens(&disk.recovery));
}

//! Negative boots, named by the attack: each machine had a state of its own before, and each attack ends as it must.

use std::path::Path;

use super::contents::ROOT;
use super::life::{fresh, lived_in, visited};
use super::machine::{Boot, End, Machine};
use super::uki::{Uki, foreign_key};
use super::{artefacts, firmware};

/// What the firmware and the boot loader say of a program whose signature they do not accept.
const REFUSED: &str = "Access denied";
/// What the machine asks for when its TPM does not open the state.
const RECOVERY_KEY: &str = "recovery key";

/// Puts another kernel image in the place of the one that the machine starts.
fn replace_uki(machine: &Machine, change: impl FnOnce(Uki) -> Uki) {
    let folder = tempfile::tempdir().unwrap();
    let (esp, path) = (machine.disk().esp(), folder.path().join("uki"));
    let name = esp.list("EFI/Linux").into_iter().find(|name| name.ends_with(".efi")).unwrap();
    esp.take(&format!("EFI/Linux/{name}"), &path);
    std::fs::write(&path, change(Uki::read(&path)).0).unwrap();
    esp.put(&path, &format!("EFI/Linux/{name}"));
}

/// Boots what must not start at all.
fn refused_by_the_firmware(mut machine: Machine) {
    let mut boot = machine.boot();
    assert_eq!(boot.says_or_ends(&[REFUSED, RECOVERY_KEY]), Some(REFUSED), "{}", boot.tail());
    assert!(!boot.said().contains("Linux version"), "{}", boot.tail());
}

/// Boots what must not open the state: asked for the recovery key, whoever does not know it ends with a machine that is off.
fn does_not_open_the_state(boot: &mut Boot<'_>) {
    boot.says(RECOVERY_KEY);
    for _ in 0..3 {
        boot.console().send("une-cle-inventee\r");
    }
    assert_eq!(boot.ends(), End::PoweredOff, "{}", boot.tail());
    assert_eq!(boot.answered(), None, "{}", boot.tail());
}

#[test]
fn a_changed_root_ends_in_a_halt() {
    let mut machine = lived_in();
    let root = machine.disk().partition(ROOT, "");
    // The superblock stays right: it is mounted, and read further on. Not a byte of a wrong block is handed out.
    for offset in (1 << 20..root.len_bytes / 4).step_by(64 << 10) {
        machine.disk().flip(&root, offset, 1);
    }
    let mut boot = machine.boot();
    // It panics; without a console that tells it, it restarts and does so again: this machine is not switched on again.
    let stopped = boot
        .until("a panic", |boot| boot.said().contains("dm-verity device corrupted") || boot.answered().is_some());
    assert!(boot.answered().is_none(), "{}", boot.tail());
    assert!(stopped || boot.ends() != End::PoweredOff, "{}", boot.tail());
}

#[test]
fn a_changed_kernel_image_is_refused_by_the_firmware() {
    let machine = fresh();
    replace_uki(&machine, |mut uki| {
        uki.flip(".initrd");
        uki
    });
    refused_by_the_firmware(machine);
}

#[test]
fn an_unsigned_kernel_image_is_refused_by_the_firmware() {
    let machine = fresh();
    replace_uki(&machine, Uki::stripped);
    refused_by_the_firmware(machine);
}

#[test]
fn a_kernel_image_of_another_signer_is_refused_by_the_firmware() {
    let (machine, folder) = (fresh(), tempfile::tempdir().unwrap());
    let key = foreign_key(folder.path());
    replace_uki(&machine, |mut uki| {
        uki.reword("quiet", "debug");
        uki.signed(&key)
    });
    refused_by_the_firmware(machine);
}

#[test]
fn a_thief_of_the_firmware_key_alone_does_not_open_the_state() {
    let mut machine = lived_in();
    replace_uki(&machine, |mut uki| {
        uki.reword("quiet", "debug");
        uki.signed(&artefacts::key("db"))
    });
    // The firmware starts it; PCR 11 is one that the key of the state's policy never signed.
    does_not_open_the_state(&mut machine.boot());
}

#[test]
fn without_secure_boot_the_state_stays_shut() {
    let mut machine = lived_in();
    machine.with_variables(&firmware::open());
    let mut boot = machine.boot();
    // Nobody is even asked for the recovery key: whoever asks may be anybody.
    assert_eq!(boot.ends(), End::PoweredOff, "{}", boot.tail());
    assert!(!boot.said().contains(RECOVERY_KEY) && boot.answered().is_none(), "{}", boot.tail());
}

#[test]
fn the_keys_of_another_owner_do_not_open_the_state() {
    let (mut machine, folder) = (lived_in(), tempfile::tempdir().unwrap());
    let key = foreign_key(folder.path());
    // He admits the image's signer too: everything starts, under another policy (PCR 7).
    machine.with_variables(&firmware::of_another_owner(&key.with_extension("crt"), folder.path()));
    does_not_open_the_state(&mut machine.boot());
}

#[test]
fn the_disk_beside_another_tpm_does_not_open_its_state() {
    let mut machine = lived_in();
    machine.with_new_chip();
    does_not_open_the_state(&mut machine.boot());
}

/// Units that switch the machine off if anybody takes them.
const POWER_OFF: &str = "[Unit]\nRequires=poweroff.target\n";

#[test]
fn a_credential_of_the_machines_firmware_is_not_taken() {
    let mut machine = lived_in();
    let credential = format!("type=11,value=io.systemd.credential:systemd.unit-dropin.sysinit.target={POWER_OFF}");
    machine.with(&["-smbios", &credential]);
    visited(&mut machine);
}

#[test]
fn a_credential_of_the_boot_partition_is_not_taken() {
    let (mut machine, folder) = (lived_in(), tempfile::tempdir().unwrap());
    let credential = folder.path().join("credential");
    std::fs::write(&credential, POWER_OFF).unwrap();
    let esp = machine.disk().esp();
    esp.folder("loader/credentials");
    esp.put(&credential, "loader/credentials/systemd.unit-dropin.sysinit.target.cred");
    // The boot loader hands it on and measures that it did (PCR 12): the state is not opened.
    does_not_open_the_state(&mut machine.boot());
}

#[test]
fn words_for_the_command_line_are_not_taken() {
    let mut machine = lived_in();
    machine.with(&["-smbios", "type=11,value=io.systemd.stub.kernel-cmdline-extra=systemd.unit=poweroff.target"]);
    visited(&mut machine);
}

#[test]
fn an_addition_to_the_command_line_by_another_signer_is_not_taken() {
    let (mut machine, folder) = (lived_in(), tempfile::tempdir().unwrap());
    let addon = super::uki::addon("systemd.unit=poweroff.target", folder.path());
    add(&machine, &Uki::read(&addon).signed(&foreign_key(folder.path())), folder.path());
    visited(&mut machine);
}

/// Puts an addition beside the kernel image, where the boot loader looks for it.
fn add(machine: &Machine, addon: &Uki, folder: &Path) {
    let path = folder.join("signed.addon.efi");
    std::fs::write(&path, &addon.0).unwrap();
    let esp = machine.disk().esp();
    let name = esp.list("EFI/Linux").into_iter().find(|name| name.ends_with(".efi")).unwrap();
    esp.folder(&format!("EFI/Linux/{name}.extra.d"));
    esp.put(&path, &format!("EFI/Linux/{name}.extra.d/more.addon.efi"));
}

//! Negative boots, named by the attack: each machine had a state of its own before, and each attack ends as it must.

use std::path::Path;
use std::sync::LazyLock;

use super::contents::ROOT;
use super::later::later;
use super::life::{fresh, lived_in};
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
    // It panics and starts anew, and does so again: this machine is switched on by its test alone.
    boot.says("dm-verity device corrupted");
    assert_eq!(boot.ends(), End::Rebooted, "{}", boot.tail());
    assert_eq!(boot.answered(), None, "{}", boot.tail());
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

/// A unit that switches the machine off if anybody takes it.
const POWER_OFF: &str = "[Unit]\nRequires=poweroff.target\n";
/// A word for the command line, and what its kernel tells on the console if it is taken: of a line as long as ours the end is not shown.
const LOUD: &str = "ignore_loglevel";
const LOUD_TAKEN: &str = "ignoring loglevel setting";

/// One boot with what is to be ignored: a credential of the firmware, an addition by a stranger.
static INJECTED: LazyLock<(String, String)> = LazyLock::new(|| {
    let mut machine = lived_in();
    let credential = format!("type=11,value=io.systemd.credential:systemd.unit-dropin.sysinit.target={POWER_OFF}");
    machine.with(&["-smbios", &credential]);
    add_a_strangers_words(&machine);
    let mut boot = machine.boot();
    let answer = boot.comes_up();
    (answer, boot.said())
});

/// The same words on a machine without Secure Boot, where they are taken: the canary of what is seen.
static UNENFORCED: LazyLock<(End, String, Option<String>)> = LazyLock::new(|| {
    let mut machine = lived_in();
    machine.with_variables(&firmware::open());
    add_a_strangers_words(&machine);
    let mut boot = machine.boot();
    let end = boot.ends();
    (end, boot.said(), boot.answered())
});

fn add_a_strangers_words(machine: &Machine) {
    let folder = tempfile::tempdir().unwrap();
    let addon = super::uki::addon(LOUD, folder.path());
    add(machine, &Uki::read(&addon).first_signed(&foreign_key(folder.path())), folder.path());
}

#[test]
fn without_secure_boot_the_state_stays_shut() {
    let (end, said, answered) = &*UNENFORCED;
    // Nobody is even asked for the recovery key: whoever asks may be anybody.
    assert_eq!(*end, End::PoweredOff, "{said}");
    assert!(!said.contains(RECOVERY_KEY) && answered.is_none(), "{said}");
}

#[test]
fn a_credential_of_the_machines_firmware_is_not_taken() {
    // It came up: what the credential asks for would have switched it off.
    assert!(INJECTED.0.contains("État : provisionnée"), "{}", INJECTED.0);
}

#[test]
fn an_addition_to_the_command_line_by_another_signer_is_not_taken() {
    assert!(!INJECTED.1.contains(LOUD_TAKEN), "{}", INJECTED.1);
    assert!(UNENFORCED.1.contains(LOUD_TAKEN), "{}", UNENFORCED.1);
}

#[test]
fn words_for_the_command_line_keep_the_state_shut() {
    let mut machine = lived_in();
    machine.with(&["-smbios", &format!("type=11,value=io.systemd.stub.kernel-cmdline-extra={LOUD}")]);
    // The kernel's stub takes them, and measures that it did (PCR 12).
    let mut boot = machine.boot();
    does_not_open_the_state(&mut boot);
    assert!(boot.said().contains(LOUD_TAKEN), "{}", boot.tail());
}

#[test]
fn a_credential_of_the_boot_partition_keeps_the_state_shut() {
    let (mut machine, folder) = (lived_in(), tempfile::tempdir().unwrap());
    let credential = folder.path().join("credential");
    std::fs::write(&credential, POWER_OFF).unwrap();
    let esp = machine.disk().esp();
    esp.folder("loader/credentials");
    esp.put(&credential, "loader/credentials/systemd.unit-dropin.sysinit.target.cred");
    // The boot loader hands it on and measures that it did (PCR 12): it is asked for the recovery key, not switched off by the unit.
    does_not_open_the_state(&mut machine.boot());
}

#[test]
fn an_older_copy_of_the_disk_is_told() {
    // The TPM's counter went on without it.
    let status = &later().rolled_back;
    assert!(status["state"] == "halted" && status["ready"] == false, "{status}");
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

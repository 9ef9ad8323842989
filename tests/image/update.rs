//! Updates by a stick, asked for at the keyboard: to the next version, back to an older one, to one that never becomes good.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use super::artefacts::{self, VERSION, built};
use super::disk::Disk;
use super::life::provisioned;
use super::machine::{Boot, End};
use super::stick::Stick;
use super::support::convention::ssh_sign;
use super::support::softhsm::run;
use super::support::varlink::Issued;
use super::token::{issue, print, ready};
use super::uki::Uki;

/// What a maker's signature of an update is made for.
const NAMESPACE: &str = "fr.sceau.release";
/// How often the boot loader tries a version (image/mkosi.extra/usr/lib/sysupdate.d).
const TRIES: u32 = 3;

/// The folder of a version that `image/build/next.sh` made.
fn next(version: &str) -> PathBuf {
    built(&format!("next/sceau_{version}"))
}

/// The version that many patches behind the one under test.
fn behind(patches: u32) -> String {
    let (rest, patch) = VERSION.rsplit_once('.').unwrap();
    format!("{rest}.{}", patch.parse::<u32>().unwrap() + patches)
}

/// Puts an update on a stick, in the place of one that was there.
fn bring(stick: &Stick, folder: &Path) {
    let files = stick.files();
    files.folder("sceau/update");
    for name in files.list("sceau/update") {
        files.remove(&format!("sceau/update/{name}"));
    }
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        files.put(&entry.path(), &format!("sceau/update/{}", entry.file_name().display()));
    }
}

/// Asks for it at the keyboard; what the console says of it follows.
fn asked_for(boot: &mut Boot<'_>) {
    boot.says("Choix, puis Entrée");
    // Whatever page is shown: the first one is drawn anew.
    boot.forgets();
    boot.console().send("\r");
    boot.says_now("Choix, puis Entrée");
    boot.console().send("6\r");
    boot.says_now("Appliquer la mise à jour");
    boot.console().send("OUI\r");
}

/// The same update with a root that is not what its hash says, signed by its maker all the same.
fn spoilt(folder: &Path, into: &Path) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        Disk::copy(&entry.path(), &into.join(entry.file_name()));
    }
    let names = || fs::read_dir(into).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let root = into.join(names().find(|name| name.ends_with(".root.raw")).unwrap());
    let mut bytes = fs::read(&root).unwrap();
    // The superblock stays right: it is mounted, and read further on.
    let len = bytes.len();
    for byte in bytes[1 << 20..len / 4].iter_mut().step_by(64 << 10) {
        *byte ^= 1;
    }
    fs::write(&root, bytes).unwrap();
    let mut parts: Vec<String> = names().filter(|name| !name.starts_with("SHA256SUMS")).collect();
    parts.sort();
    let sums = run(Command::new("sha256sum").args(&parts).current_dir(into));
    fs::write(into.join("SHA256SUMS"), sums).unwrap();
    let signature = ssh_sign(&artefacts::key("release"), NAMESPACE, &into.join("SHA256SUMS"));
    fs::write(into.join("SHA256SUMS.sig"), signature).unwrap();
}

/// What was seen of one machine that went through them all.
struct Updated {
    /// Its first assertion under the next version, and the verdict on its evidence by that version's published values.
    issued: Issued,
    verdict: (i32, Value),
    /// Kernel images on its boot partition once the next version was good.
    good: Vec<String>,
    /// The console after an older version was brought.
    downgrade: String,
    /// How each start of the version that never becomes good ended, and the assertion after it.
    trials: Vec<End>,
    after: Issued,
    /// The version that its console names then.
    shown: String,
}

static UPDATED: LazyLock<Updated> = LazyLock::new(|| {
    let (mut machine, site) = (provisioned().machine.twin(), &provisioned().site);
    let officer = provisioned().officer.twin();
    let (second, third) = (behind(1), behind(2));
    bring(machine.stick(), &next(&second).join("update"));
    let mut boot = machine.boot();
    asked_for(&mut boot);
    assert_eq!(boot.ends(), End::Rebooted, "{}", boot.tail());
    print(&format!("power to an update in place: {} s", boot.seconds()));
    drop(boot);

    // Judged before the update too: what it says of the ledger then is what it must have grown from.
    officer.judges(provisioned().machine.stick(), &artefacts::reference());
    machine.pull_stick();
    let mut boot = machine.boot();
    let issued = issue(&mut ready(&boot, site), site);
    boot.is_given(|stick| officer.nonce(stick));
    let verdict = officer.judges(boot.stick(), &next(&second).join("reference.json"));
    boot.brings(|stick| bring(stick, &built(&format!("sceau_{VERSION}/update"))));
    asked_for(&mut boot);
    boot.says("elle est refusée");
    boot.says("Entrée pour continuer");
    let downgrade = boot.said();
    let folder = tempfile::tempdir().unwrap();
    spoilt(&next(&third).join("update"), folder.path());
    boot.brings(|stick| bring(stick, folder.path()));
    asked_for(&mut boot);
    assert_eq!(boot.ends(), End::Rebooted, "{}", boot.tail());
    drop(boot);
    let good = machine.disk().esp().list("EFI/Linux");
    machine.pull_stick();
    let trials = (0..TRIES).map(|_| machine.boot().ends()).collect();
    let mut boot = machine.boot();
    let after = issue(&mut ready(&boot, site), site);
    boot.says("Choix, puis Entrée");
    Updated { issued, verdict, good, downgrade, trials, after, shown: boot.said() }
});

#[test]
fn an_update_is_taken_and_the_state_survives_it() {
    let (code, verdict) = &UPDATED.verdict;
    assert_eq!((*code, verdict["verdict"].as_str()), (0, Some("good")), "{verdict:#}");
    // It was marked as good: the boot loader counts no more.
    assert!(UPDATED.good.contains(&format!("sceau_{}.efi", behind(1))), "{:?}", UPDATED.good);
}

#[test]
fn a_downgraded_update_is_refused() {
    let said = UPDATED.downgrade.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(&format!("la version {VERSION} n'est pas plus récente que celle en place")), "{said}");
}

#[test]
fn a_version_that_never_becomes_good_gives_way_to_the_one_before() {
    assert_eq!(UPDATED.trials, [End::Rebooted; TRIES as usize]);
    assert!(UPDATED.after.entry > UPDATED.issued.entry);
    assert!(UPDATED.shown.contains(&format!("image {}", behind(1))), "{}", UPDATED.shown);
}

/// Foreseen before any machine restarts: the state opens under what the disk's key signed, and it signed each version's PCR 11.
#[test]
fn each_update_carries_the_policy_that_opens_the_state() {
    let policies = |path: &Path| -> Vec<(String, String)> {
        let text = String::from_utf8(Uki::read(path).section(".pcrsig").to_vec()).unwrap();
        let all: Value = serde_json::from_str(text.trim_end_matches('\0')).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let entries = all["sha256"].as_array().unwrap().iter();
        entries.map(|entry| (text(&entry["pkfp"]), text(&entry["pol"]))).collect()
    };
    let now = policies(&artefacts::built_for(VERSION, "efi"));
    let second = behind(1);
    let then = policies(&next(&second).join(format!("update/sceau_{second}.efi")));
    let keys = |of: &[(String, String)]| of.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&now), keys(&then), "the same two keys, in the same order");
    assert!(now.iter().zip(&then).all(|((_, now), (_, then))| now != then), "of another PCR 11 each");
}

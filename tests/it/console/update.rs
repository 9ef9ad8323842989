//! An update on a stick, on a staged root: what is taken, and that nothing else stays where systemd-sysupdate looks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::program::program;

const UUID: &str = "8f9f7bc2-c669-fe10-6dc6-07f255f1d7dc";

/// An appliance that runs version 0.1.0, and a signed update to 0.2.0 on a stick.
struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Site {
        let site = Site(tempfile::tempdir().unwrap());
        for folder in ["root/usr/lib/sceau", "root/var/lib", "stick/sceau/update"] {
            fs::create_dir_all(site.path(folder)).unwrap();
        }
        fs::write(site.path("root/usr/lib/os-release"), "ID=debian\nIMAGE_VERSION=0.1.0\n").unwrap();
        for name in ["release", "stranger"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(site.path(name))
                .status();
            assert!(made.unwrap().success());
        }
        let public = fs::read_to_string(site.path("release.pub")).unwrap();
        fs::write(site.path("root/usr/lib/sceau/release.keys"), format!("maker@sceau {public}")).unwrap();
        site.publish("0.2.0");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn stick(&self, name: &str) -> PathBuf {
        self.path("stick/sceau/update").join(name)
    }

    /// The three files of a version, their sums as sha256sum writes them, and the maker's signature.
    fn publish(&self, version: &str) {
        let folder = self.stick("");
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir_all(&folder).unwrap();
        let names = names(version);
        for name in &names {
            fs::write(folder.join(name), format!("content of {name}").repeat(1000)).unwrap();
        }
        let sums = Command::new("sha256sum").args(&names).current_dir(&folder).output().unwrap();
        fs::write(folder.join("SHA256SUMS"), sums.stdout).unwrap();
        self.sign("release", "fr.sceau.release");
    }

    fn sign(&self, key: &str, namespace: &str) {
        let _ = fs::remove_file(self.stick("SHA256SUMS.sig"));
        let mut command = Command::new("ssh-keygen");
        command
            .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
            .arg(self.path(key))
            .arg(self.stick("SHA256SUMS"));
        assert!(command.stderr(Stdio::null()).status().unwrap().success());
    }

    fn take(&self) -> Output {
        let mut command = Command::new(program("sceau-console"));
        command.arg("take-update").arg("--stick").arg(self.path("stick")).arg("--root").arg(self.path("root"));
        command.output().unwrap()
    }

    /// What systemd-sysupdate would find.
    fn taken(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("root/var/lib/sceau-update")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn refused(&self, because: &str) {
        let output = self.take();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(because), "{told}");
        assert!(told.contains(" ; "), "cause and remedy: {told}");
        assert_eq!(self.taken(), Vec::<String>::new(), "{because}");
    }
}

fn names(version: &str) -> Vec<String> {
    let mut names = vec![
        format!("sceau_{version}.efi"),
        format!("sceau_{version}_{UUID}.root-verity.raw"),
        format!("sceau_{version}_{UUID}.root.raw"),
    ];
    names.sort();
    names
}

fn append(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes.push(b'x');
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_newer_signed_update_is_taken_whole() {
    let site = Site::new();
    for _ in 0..2 {
        let output = site.take();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(site.taken(), names("0.2.0"));
    }
    for name in names("0.2.0") {
        let copied = fs::read(site.path("root/var/lib/sceau-update").join(&name)).unwrap();
        assert_eq!(copied, fs::read(site.stick(&name)).unwrap());
    }
}

#[test]
fn an_older_or_the_same_version_is_refused_though_signed() {
    let site = Site::new();
    for version in ["0.1.0", "0.0.9"] {
        assert!({
            site.publish("0.2.0");
            site.take().status.success()
        });
        site.publish(version);
        site.refused("n'est pas plus récente");
    }
}

#[test]
fn what_is_not_as_the_maker_signed_it_never_reaches_the_other_slot() {
    let site = Site::new();
    site.sign("stranger", "fr.sceau.release");
    site.refused("n'est pas parmi les signataires");
    site.sign("release", "fr.sceau.provisioning");
    site.refused("un autre usage");
    site.sign("release", "fr.sceau.release");
    append(&site.stick("SHA256SUMS"));
    site.refused("n'est pas celle de ce fichier");
    for name in names("0.2.0") {
        site.publish("0.2.0");
        append(&site.stick(&name));
        site.refused("n'est pas celui qui a été signé");
    }
    site.publish("0.2.0");
    fs::remove_file(site.stick("SHA256SUMS.sig")).unwrap();
    site.refused("ce fichier manque");
}

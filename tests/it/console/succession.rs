//! What a renewal leaves when it is cut off at any step, and what stays of it once years have passed.

use std::fs;

use super::certificates::spki;
use super::rig::Rig;
use super::scene::{appliance, home, old_and_new, ordered};
use crate::faults::disk::{Disk, Fault};

/// Exit code of a program that shim.c has cut off.
const CUT: Option<i32> = Some(99);

#[test]
fn a_power_cut_between_two_steps_of_a_renewal_loses_no_key() {
    let Some(rig) = Rig::new("console::a_power_cut_between_two_steps_of_a_renewal_loses_no_key") else { return };
    appliance(&rig, "");
    rig.bring_only(&[]);
    let disk = Disk::below(&rig.path("root"), &home(&rig, ""));
    let (toml, seal) = (rig.configured("sceau.toml").unwrap(), rig.configured("seal.pem").unwrap());
    let cut = |n: u32, kind: &'static str| {
        disk.fails(Fault { operation: "rename", n, errno: 5, kind });
        let (code, said) = rig.visit_with(&disk.environment());
        assert!(disk.fired() == (code == CUT) && (code == CUT || code == Some(0)), "{n} {kind}: {code:?} {said}");
        disk.is_well();
        assert_eq!(rig.configured("seal.pem").as_ref(), Some(&seal), "{n} {kind}");
        code == CUT
    };
    // The key is made: whatever is cut off, the next visit has its request, and of one key.
    let mut asked = Vec::new();
    for (n, kind) in (1..).flat_map(|n| ["cut", "cut-behind"].map(|kind| (n, kind))) {
        let _ = fs::remove_file(home(&rig, "requests/seal-r2.csr"));
        ordered(&rig);
        let was_cut = cut(n, kind);
        assert_eq!(rig.configured("sceau.toml").as_ref(), Some(&toml), "{n} {kind}");
        rig.visited();
        assert!(rig.configured("requests/seal-r2.wanted").is_none(), "{n} {kind}");
        asked.push(spki(&rig.configured("requests/seal-r2.csr").unwrap()));
        if !was_cut {
            assert!(n >= 3, "the draft and the request are two");
            break;
        }
    }
    asked.dedup();
    assert_eq!(asked.len(), 1, "what a cut left is taken, not made twice");
    // It comes into force: before, the old one serves alone; behind, both do; nothing else is ever there.
    let new = rig.pki.issue(&old_and_new()[1], &asked[0]);
    let mut in_force = None;
    for (n, kind) in (1..).flat_map(|n| ["cut", "cut-behind"].map(|kind| (n, kind))) {
        fs::write(home(&rig, "sceau.toml"), &toml).unwrap();
        let _ = fs::remove_file(home(&rig, "seal-r2.pem"));
        rig.bring_only(&[("neuf.pem", &new)]);
        let was_cut = cut(n, kind);
        let left = rig.configured("sceau.toml").unwrap();
        // The stick may be gone: what was installed is enough.
        if rig.configured("seal-r2.pem").is_some() {
            rig.bring_only(&[]);
        }
        rig.visited();
        let now = rig.configured("sceau.toml").unwrap();
        assert!(left == toml || left == now, "{n} {kind}");
        assert!(now.contains("key = \"seal\"") && now.contains("key = \"seal-r2\""), "{now}");
        assert_eq!(*in_force.get_or_insert_with(|| now.clone()), now);
        assert_eq!(rig.configured("seal-r2.pem").unwrap().trim(), new.trim());
        if !was_cut {
            assert!(n >= 4, "certificate, drafts and sceau.toml are four");
            break;
        }
    }
}

#[test]
fn a_certificate_that_has_ended_leaves_its_successor_alone() {
    let Some(rig) = Rig::new("console::a_certificate_that_has_ended_leaves_its_successor_alone") else { return };
    let first = appliance(&rig, "");
    ordered(&rig);
    rig.visited();
    let [_, right] = old_and_new();
    rig.bring_only(&[("neuf.pem", &rig.pki.issue(&right, &spki(&rig.answer("seal-r2.csr"))))]);
    rig.visited();
    let unit =
        |key: &str| rig.root(&format!("run/systemd/system/sceau.target.wants/sceau-signer@{key}-1.service"));
    let has = |key: &str| unit(key).symlink_metadata().is_ok();
    assert!(has("seal") && has("seal-r2"));
    // Years later.
    fs::write(home(&rig, "seal.pem"), rig.pki.issue(&right.clone().expired(), &first)).unwrap();
    let said = rig.visited();
    assert!(said.contains("certificat échu, retiré du service : seal ;"), "{said}");
    assert!(
        !has("seal") && has("seal-r2") && !unit("seal").with_file_name("sceau-signer@seal-1.service.d").exists()
    );
    let told = rig.configured("sceau.toml").unwrap();
    assert!(!told.contains("key = \"seal\"") && told.contains("key = \"seal-r2\""), "{told}");
    assert!(rig.configured("seal.pem").is_some(), "nothing is destroyed");
    // The next one follows the one that serves.
    fs::write(home(&rig, "requests/seal-r3.wanted"), "").unwrap();
    rig.visited();
    rig.bring_only(&[("suite.pem", &rig.pki.issue(&right, &spki(&rig.answer("seal-r3.csr"))))]);
    assert!(rig.visited().contains("clé seal-r3 mise en service"));
    assert!(has("seal-r2") && has("seal-r3"));
}

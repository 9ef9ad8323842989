//! Images of connectors and modules on a stick: what comes in waits for an order, what is not whole or not a vendor's stays out.

use std::fs;

use sceau::traces::digest::Digest;

use super::rig::Rig;
use crate::connectors::image::{Parts, Vendor};

/// A provisioned appliance that knows one vendor, and him.
fn scene(test: &str) -> Option<(Rig, Vendor)> {
    let rig = Rig::new(test)?;
    rig.bring_signed(&rig.right().replace("authentication = true", "authentication = false"));
    rig.visited();
    let vendor = Vendor::rsa(&rig.path(""), "vendor");
    fs::create_dir_all(rig.root("usr/lib/verity.d")).unwrap();
    fs::copy(&vendor.certificate, rig.root("usr/lib/verity.d/vendor.crt")).unwrap();
    for folder in ["connectors", "modules"] {
        fs::create_dir_all(rig.stick(folder)).unwrap();
    }
    Some((rig, vendor))
}

#[test]
fn images_on_a_stick_come_in_and_wait_for_their_orders() {
    let Some((rig, vendor)) = scene("console::images_on_a_stick_come_in_and_wait_for_their_orders") else {
        return;
    };
    let parts = Parts::good(&rig.path(""), "demo", &vendor);
    parts.write(&rig.stick("connectors/demo.raw"));
    let module = Parts::good(&rig.path(""), "module", &vendor);
    module.write(&rig.stick("modules/softhsm.raw"));
    // A stick knows no modes: everybody's on it is nobody's here.
    fs::set_permissions(rig.stick("connectors/demo.raw"), std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .unwrap();
    let said = rig.visited();
    for words in [
        format!("image du connecteur demo vérifiée et reçue, racine {}", parts.hash),
        format!("sceau modules attach --name softhsm --root-hash {}", module.hash),
    ] {
        assert!(said.contains(&words), "{words} is not in {said}");
    }
    let arrived = rig.root("var/lib/portables/incoming/demo.raw");
    assert_eq!(fs::read(&arrived).unwrap(), fs::read(rig.stick("connectors/demo.raw")).unwrap());
    assert!(rig.root("var/lib/sceau-modules/incoming/softhsm.raw").is_file());
    // Not in its place: no order named it.
    assert!(!rig.root("var/lib/portables/demo.raw").exists());
    assert!(rig.visited().contains("image du connecteur demo : déjà là"));
    // In its place, and brought again: nothing waits.
    fs::rename(&arrived, rig.root("var/lib/portables/demo.raw")).unwrap();
    assert!(rig.visited().contains("image du connecteur demo : déjà là") && !arrived.exists());
    // Another one of that name waits beside the one in its place.
    let newer = Parts::good(&rig.path(""), "newer", &vendor);
    newer.write(&rig.stick("connectors/demo.raw"));
    assert!(rig.visited().contains(&newer.hash) && arrived.is_file());
    // One in its place that is spoilt is mended by the same one.
    newer.write(&rig.root("var/lib/portables/demo.raw"));
    fs::remove_file(&arrived).unwrap();
    let mut spoilt = fs::read(rig.root("var/lib/portables/demo.raw")).unwrap();
    spoilt[2048 * 512 + 100] ^= 1;
    fs::write(rig.root("var/lib/portables/demo.raw"), spoilt).unwrap();
    assert!(rig.visited().contains("demo vérifiée et reçue") && arrived.is_file());
}

#[test]
fn an_image_that_is_not_whole_or_not_a_vendors_stays_out() {
    let Some((rig, vendor)) = scene("console::an_image_that_is_not_whole_or_not_a_vendors_stays_out") else {
        return;
    };
    let stranger = Vendor::rsa(&rig.path(""), "stranger");
    Parts::good(&rig.path(""), "a", &stranger).write(&rig.stick("connectors/foreign.raw"));
    let mut spoilt = Parts::good(&rig.path(""), "b", &vendor);
    spoilt.data[4096] ^= 1;
    spoilt.write(&rig.stick("connectors/spoilt.raw"));
    Parts::good(&rig.path(""), "c", &vendor).write(&rig.stick("connectors/Root.raw"));
    fs::write(rig.stick("connectors/text.raw"), "no image").unwrap();
    fs::File::create(rig.stick("modules/huge.raw")).unwrap().set_len((256 << 20) + 1).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", rig.stick("modules/link.raw")).unwrap();
    let good = Parts::good(&rig.path(""), "good", &vendor);
    good.write(&rig.stick("connectors/good.raw"));
    let (code, said) = rig.visit();
    assert_ne!(code, Some(0), "{said}");
    for (file, words) in [
        ("foreign.raw", "d'aucun fournisseur"),
        ("spoilt.raw", "n'est pas celui de sa racine dm-verity"),
        ("Root.raw", "n'est pas celui d'un connecteur"),
        ("text.raw", "ce n'est pas une image signée"),
        ("huge.raw", "dépasse 256 Mio"),
        ("link.raw", "vérifiez la clé USB"),
    ] {
        let told = said.split("\n  - ").find(|told| told.contains(file));
        let told = told.unwrap_or_else(|| panic!("{file} is not in {said}")).replace("\n    ", " ");
        assert!(told.contains(words), "{file}: {told}");
    }
    // It keeps no other one out, and leaves nothing.
    assert!(said.contains("image du connecteur good vérifiée et reçue"), "{said}");
    let names = |folder: &str| -> Vec<_> {
        let entries = fs::read_dir(rig.root(folder)).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names("var/lib/portables/incoming"), ["good.raw"]);
    assert_eq!(names("var/lib/sceau-modules/incoming"), [""; 0]);
}

/// A setting is known by its bytes: it waits under their digest, whatever it is called on the stick, until an order names it.
#[test]
fn settings_on_a_stick_wait_under_their_digests() {
    let Some((rig, _)) = scene("console::settings_on_a_stick_wait_under_their_digests") else { return };
    fs::create_dir_all(rig.stick("settings")).unwrap();
    fs::write(rig.stick("settings/gate.toml"), "sources = []\n").unwrap();
    fs::write(rig.stick("settings/empty"), "").unwrap();
    fs::write(rig.stick("settings/long.bin"), vec![b'x'; (64 << 10) + 1]).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", rig.stick("settings/link")).unwrap();
    let (code, said) = rig.visit();
    assert_ne!(code, Some(0), "{said}");
    let digest = Digest::of(&[b"sources = []\n"]).to_string();
    assert!(said.contains(&format!("réglage gate.toml reçu, sha256 {digest}")), "{said}");
    for refused in ["settings/empty", "settings/long.bin", "settings/link"] {
        assert!(said.contains(refused), "{refused} is not in {said}");
    }
    let kept: Vec<_> = fs::read_dir(rig.root("var/lib/portables/settings")).unwrap().collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(fs::read(rig.root(&format!("var/lib/portables/settings/{digest}"))).unwrap(), b"sources = []\n");
}

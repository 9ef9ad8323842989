//! A seal key's successor on a machine that serves: asked for, ordered and certified on a stick, and it seals, also after the power was
//! cut; what is asked for meanwhile the old one seals.

use std::fs;
use std::process::Command;

use super::life::provisioned;
use super::site::Site;
use super::stick::Stick;
use super::support::softhsm::run;
use super::support::varlink::Issued;
use super::token::{issue, print, ready, sealing};

/// The key that serves, and the one that follows it: the appliance names it.
const KEYS: [&str; 2] = ["seal", "seal-r2"];

/// Asks for the order of a new key.
fn ask(stick: &Stick, site: &Site) {
    let empty = site.path("renouveler.txt");
    fs::write(&empty, "").unwrap();
    stick.files().put(&empty, "sceau/renouveler.txt");
}

/// The certificate that an assertion carries, in base64.
fn carried(issued: &Issued) -> &str {
    let (_, rest) = issued.assertion.split_once("<ds:X509Certificate>").unwrap();
    rest.split_once('<').unwrap().0
}

/// The base64 of a certificate.
fn base64(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

#[test]
fn a_key_that_was_ordered_and_certified_on_a_stick_seals_and_does_so_after_a_power_cut() {
    let (mut machine, site) = (provisioned().machine.twin(), &provisioned().site);
    let [_, successor] = KEYS;
    let old = base64(&fs::read_to_string(site.path("seal.pem")).unwrap());

    machine.pull_stick();
    let mut boot = machine.boot();
    let first = issue(&mut ready(&boot, site), site);
    assert_eq!(carried(&first), old);
    let offered = boot.is_given(|stick| ask(stick, site));
    assert!(offered.contains("cle-neuve-seal.json"), "{offered}\n{}", boot.tail());
    assert!(!boot.stick().files().has("sceau/renouveler.txt"), "answered once");

    // Ordered: the key is in the token and asks for its certificate, and the other one seals.
    let ordered = boot.brings(|stick| site.order_key(stick, KEYS[0]));
    let made = format!("clé {successor} générée dans le token ; l'ancienne sert toujours");
    assert!(ordered.contains(&made), "{ordered}\n{}", boot.tail());
    let [asked_old, asked] = KEYS.map(|key| {
        let request = site.path(&format!("{key}.csr"));
        fs::write(&request, boot.stick().files().content(&format!("sceau/answers/{key}.csr"))).unwrap();
        run(Command::new("openssl").args(["req", "-verify", "-noout", "-pubkey", "-in"]).arg(&request))
    });
    assert_ne!(asked, asked_old, "a request of the old key");
    let meanwhile = issue(&mut ready(&boot, site), site);
    assert_eq!(carried(&meanwhile), old);
    print(&format!("boot, the order of a new key, its request and a token of the old one: {} s", boot.seconds()));

    // Certified: it seals, beside the old one.
    let mut new = String::new();
    let certified = boot.brings(|stick| new = base64(&site.certify(stick, successor)));
    for words in [format!("pour la clé {successor}"), format!("clé {successor} mise en service")] {
        assert!(certified.contains(&words), "{words}: {certified}\n{}", boot.tail());
    }
    let after = issue(&mut sealing(&boot, site, &KEYS), site);
    assert_eq!(carried(&after), new);
    print(&format!("the same, its certificate and a token that bears it: {} s", boot.seconds()));
    drop(boot);

    // Power cut: both signers come back by themselves, and the new key is the one that seals.
    let boot = machine.boot();
    let last = issue(&mut sealing(&boot, site, &KEYS), site);
    assert_eq!(carried(&last), new);
    print(&format!("boot to a token of the new key: {} s", boot.seconds()));
    let entries = [&first, &meanwhile, &after, &last].map(|issued| issued.entry);
    assert!(entries.is_sorted_by(|one, next| one < next), "{entries:?}");
}

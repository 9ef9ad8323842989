//! A PIN that the token refuses.

use std::fs;
use std::path::Path;

use super::{Caller, locked_sceaud, same_sceaud};
use crate::support::daemon::Daemon;
use crate::support::daemons::Daemons;
use crate::support::establishment::{Establishment, write};
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::skip::skip;
use crate::support::softhsm::MODULE;

/// OpenSC's recorder of PKCS#11 calls; Debian's multiarch folder is the machine's.
fn spy() -> Option<std::path::PathBuf> {
    let folder = Path::new("/usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
    [folder.join("pkcs11-spy.so"), folder.join("pkcs11/pkcs11-spy.so")].into_iter().find(|path| path.exists())
}

fn set_pin(establishment: &Establishment, pin: &str) {
    write(&establishment.folder.join("secrets/seal-a.pin"), pin, 0o600);
}

/// The established truth: calls of C_Login that reached the token.
fn logins(record: &Path) -> usize {
    fs::read_to_string(record).unwrap_or_default().matches("C_Login\n").count()
}

#[test]
fn a_refused_pin_is_tried_once() {
    let Some(spy) = spy() else {
        return skip("recovery::a_refused_pin_is_tried_once", "pkcs11-spy.so (opensc) is not installed");
    };
    let plan = Plan::new("pin").key_type(KeyType::P256).processes(2).edit_config(move |config| {
        for seal in config["seal"].as_array_mut().unwrap() {
            seal.as_table_mut().unwrap().insert("module".into(), spy.to_str().unwrap().into());
        }
    });
    let establishment = plan.build();
    let record = establishment.folder.join("log/spy");
    let env = [("PKCS11SPY", MODULE), ("PKCS11SPY_OUTPUT", record.to_str().unwrap())];
    let right = establishment.seals[0].token.pin.clone();
    set_pin(&establishment, "00000000");
    let sceaud = locked_sceaud(&establishment);
    let signers: Vec<_> =
        establishment.signer_instances().iter().map(|name| Daemon::signer(&establishment, name, &env)).collect();
    signers.iter().for_each(|signer| signer.wait_ready(1));
    let mut caller = Caller::of(&establishment);
    let refused = |caller: &mut Caller| {
        super::eventually("pin-refused", || match caller.issue().unwrap_err().brief() {
            ("Unavailable", "pin-refused") => Some(()),
            // Until a signer has said why.
            ("Unavailable", "token-unreachable") => None,
            other => panic!("{other:?}"),
        });
    };
    refused(&mut caller);
    assert!(!caller.ready());
    assert_eq!(caller.client.status()["state"], "locked");
    // Neither another process nor another life tries it again.
    for signer in &signers {
        signer.kill();
        signer.wait_ready(2);
    }
    refused(&mut caller);
    assert_eq!(logins(&record), 1, "{}", fs::read_to_string(&record).unwrap());

    set_pin(&establishment, &right);
    caller.is_served();
    assert_eq!(caller.client.status()["state"], "operational");
    super::eventually("both processes", || (logins(&record) == 3).then_some(()));

    // In service: a wrong PIN in the file is met by the next life of each process, once for both.
    let daemons = Daemons { sceaud, signers, audit: None };
    set_pin(&establishment, "11111111");
    for life in [3, 4] {
        daemons.signers.iter().for_each(Daemon::kill);
        daemons.signers.iter().for_each(|signer| signer.wait_ready(life));
        refused(&mut caller);
        assert!(!caller.ready());
    }
    super::eventually("one try of the wrong PIN", || (logins(&record) == 4).then_some(()));
    set_pin(&establishment, &right);
    caller.is_served();
    super::eventually("both processes", || (logins(&record) == 6).then_some(()));
    same_sceaud(&daemons);
    let said: String = daemons.signers.iter().chain([&daemons.sceaud]).map(|daemon| daemon.log()).collect();
    assert!(![right.as_str(), "00000000", "11111111"].iter().any(|pin| said.contains(pin)), "a PIN in the log");
}

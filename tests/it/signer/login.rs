//! A refused PIN is never tried again: not by another process, not after a restart.

use std::fs;

use sceau::seal::wire::{Answer, Failure, Request};
use sceau::vihf::signature::SignatureAlgorithm;

use super::rig::{PIN, Rig, SPY, Setting, eventually};
use super::seal::text;

#[test]
fn a_wrong_pin_is_tried_once_by_two_processes_and_three_restarts_and_a_new_one_heals() {
    let rig = Rig::new("EC:prime256v1");
    rig.configure(&Setting { module: SPY.as_ref(), ..Setting::default() });
    rig.set_pin("9999");
    let mut signers = vec![];
    for round in 0..4 {
        signers = ["seal-a-1", "seal-a-2"].map(|instance| rig.spawn(instance)).into();
        for signer in &mut signers {
            signer.wait_ready();
            let mut client = signer.connect();
            eventually("the refusal is known", || {
                (client.ask(&Request::Hello) == Answer::Failure(Failure::PinRefused)).then_some(())
            });
            let message = text(SignatureAlgorithm::EcdsaSha256);
            assert_eq!(client.sign(message.as_bytes()), Err(Failure::PinRefused));
        }
        assert_eq!(rig.calls("C_Login"), 1, "one try in all, by whichever process came first");
        if round < 3 {
            signers.clear();
        }
    }
    let marker = fs::read(rig.path("run/seal-a.pin-refused")).unwrap();
    assert!(!marker.windows(4).any(|bytes| bytes == b"9999"));

    // The operator corrects the file: both processes, still the same, try the new PIN once each.
    rig.set_pin(PIN);
    for signer in &signers {
        let mut client = signer.connect();
        eventually("the new PIN", || match client.ask(&Request::Hello) {
            Answer::Key(key) => Some(key.pid == signer.child.id()).filter(|same| *same),
            _ => None,
        });
        assert!(client.sign(text(SignatureAlgorithm::EcdsaSha256).as_bytes()).is_ok());
    }
    assert_eq!(rig.calls("C_Login"), 3);
    assert!(!rig.path("run/seal-a.pin-refused").exists());
    for instance in ["seal-a-1", "seal-a-2"] {
        let log = rig.log(instance);
        assert!(!log.contains("9999") && !log.contains(PIN), "a PIN in the log");
    }
    // SoftHSM raises CKF_USER_PIN_COUNT_LOW after a wrong PIN and lowers it at the next good login.
    let warned = ["seal-a-1", "seal-a-2"].map(|i| rig.log(i).matches("CKF_USER_PIN_COUNT_LOW").count());
    assert_eq!(warned.iter().sum::<usize>(), 1, "the process that logs in first is told of the wrong try");
}

#[test]
fn a_pin_file_that_others_may_read_or_that_is_missing_refuses_the_start() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::new("EC:prime256v1");
    let file = rig.path("secrets/seal-a.pin");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).unwrap();
    let (code, message) = rig.refused("seal-a-1");
    assert!(code == Some(2) && message.contains("chmod 0400"), "{message}");
    fs::remove_file(&file).unwrap();
    let (code, message) = rig.refused("seal-a-1");
    assert!(code == Some(2) && message.contains("seal-a.pin"), "{message}");
}

//! The audit key's signer: checkpoints of its own ledger and nothing else; a seal key never signs one.

use std::fs;

use sceau::seal::key::KeyAlgorithm;
use sceau::seal::wire::{Answer, Failure, NONCE_LEN, Request, self_test_message};
use sceau::traces::audit::AuditPublicKey;
use sceau::traces::checkpoint::{Checkpoint, SignedCheckpoint};
use sceau::traces::digest::Digest;
use sceau::vihf::signature::SignatureAlgorithm;

use super::rig::{Rig, SOFTHSM};
use super::seal::text;

const ORIGIN: &str = "example.fr/sceau";

/// A seal key `seal-a` (P-256) and an audit key of that kind.
fn rig(kind: &str) -> Rig {
    let rig = Rig::new("EC:prime256v1");
    rig.pkcs11_tool(&["--keypairgen", "--key-type", kind, "--label", "audit", "--id", "07"]);
    let audit = format!(
        "[audit]\norigin = \"{ORIGIN}\"\nkey = \"audit\"\nuri = \"pkcs11:token=sceau-test;object=audit;type=private\"\n\
         module = \"{SOFTHSM}\"\npin_file = \"secrets/seal-a.pin\"\npublic_key = \"AUDIT.pub\"\n[[service]]"
    );
    let config = fs::read_to_string(rig.path("sceau.toml")).unwrap();
    fs::write(rig.path("sceau.toml"), config.replacen("[[service]]", &audit, 1)).unwrap();
    rig
}

fn checkpoint(origin: &str) -> Checkpoint {
    Checkpoint::new(origin, 1_234, Digest::of(&[b"root"]), Digest::of(&[b"map"])).unwrap()
}

#[test]
fn the_audit_key_signs_checkpoints_of_its_ledger_that_verify() {
    for (kind, algorithm) in
        [("EC:edwards25519", KeyAlgorithm::Ed25519), ("EC:prime256v1", KeyAlgorithm::EcdsaSha256)]
    {
        let rig = rig(kind);
        let signer = rig.start("audit-1");
        let mut client = signer.connect();
        let key = client.hello();
        assert_eq!((key.key.as_str(), key.algorithm, key.bits), ("audit", algorithm, 256));
        let public = AuditPublicKey::of_spki(ORIGIN, &key.spki).unwrap();
        for generation in [1, 2] {
            let ours = checkpoint(&format!("{ORIGIN}/{generation}"));
            let verifier = public.of_generation(generation);
            let signed = ours.sign(&verifier, |text| client.sign(text)).unwrap();
            let note = signed.note().to_string();
            let opened = SignedCheckpoint::open(&note, ours.origin(), &[verifier]).unwrap();
            assert_eq!(opened.checkpoint(), &ours, "{kind}");
        }
        assert!(matches!(client.ask(&Request::SelfTest([9; NONCE_LEN])), Answer::Signature(_)));
        assert_eq!(client.stats().signatures, 4, "the proof at opening, two checkpoints, a self-test");
    }
}

#[test]
fn the_audit_key_signs_nothing_else() {
    let rig = rig("EC:edwards25519");
    let signer = rig.start("audit-1");
    let mut client = signer.connect();
    let good = checkpoint(&format!("{ORIGIN}/1")).to_string();
    let refused = [
        String::new(),
        text(SignatureAlgorithm::EcdsaSha256),
        text(SignatureAlgorithm::RsaSha256),
        checkpoint(ORIGIN).to_string(),
        checkpoint("example.org/sceau/1").to_string(),
        checkpoint(&format!("{ORIGIN}/0")).to_string(),
        format!("{good}more\n"),
        good.trim_end().to_owned(),
        good.replace("1234", "01234"),
        good.replace("sceau-map-v1", "sceau-map-v2"),
        format!(" {good}"),
    ];
    for text in refused {
        assert_eq!(client.sign(text.as_bytes()), Err(Failure::ShapeRefused), "{text}");
    }
    assert_eq!(client.sign(&self_test_message(&[9; NONCE_LEN])), Err(Failure::ShapeRefused));
    assert_eq!(client.sign(&[0xff, 0xfe]), Err(Failure::ShapeRefused));
    assert_eq!(client.stats().signatures, 1, "only the proof at opening");
    assert!(client.sign(good.as_bytes()).is_ok(), "the connection survives refusals");
}

#[test]
fn a_seal_key_never_signs_a_checkpoint() {
    let rig = rig("EC:prime256v1");
    let signer = rig.start("seal-a-1");
    let mut client = signer.connect();
    let checkpoint = checkpoint(&format!("{ORIGIN}/1")).to_string();
    assert_eq!(client.sign(checkpoint.as_bytes()), Err(Failure::ShapeRefused));
    assert_eq!(client.stats().signatures, 1, "only the proof at opening");
}

#[test]
fn a_key_of_the_other_kind_refuses_the_start() {
    let wrong = rig("rsa:2048");
    let (code, message) = wrong.refused("audit-1");
    assert!(code == Some(2) && message.contains("Ed25519 ou P-256"), "{message}");
    let wrong = Rig::new("EC:edwards25519");
    let (code, message) = wrong.refused("seal-a-1");
    assert!(code == Some(2) && message.contains("un cachet est RSA"), "{message}");
    let (code, message) = rig("EC:edwards25519").refused("audit-2");
    assert!(code == Some(2) && message.contains("seal-a-2, audit-1"), "{message}");
}

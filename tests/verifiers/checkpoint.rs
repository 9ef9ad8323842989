//! The ledger's checkpoints and proofs, judged by Cloudflare's crates and by OpenSSL.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs;
use std::process::Command;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sceau::traces::checkpoint::{Checkpoint, SignedCheckpoint};
use sceau::traces::digest::Digest;
use sceau::traces::merkle::frontier::Frontier;
use sceau::traces::merkle::{Nodes, leaf_hash, prove};
use sceau::traces::note::key::VerifierKey;
use signed_note::{Note, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::Hash;

const ORIGIN: &str = "example.fr/journal";

/// The verifier of ECDSA notes: Cloudflare's crate reads and dispatches the note, OpenSSL verifies the signature.
struct OpenSsl {
    id: u32,
    spki: Vec<u8>,
}

impl Verifier for OpenSsl {
    fn name(&self) -> &str {
        ORIGIN
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let pem =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&self.spki));
        fs::write(path("key"), pem).unwrap();
        fs::write(path("signature"), signature).unwrap();
        fs::write(path("text"), message).unwrap();
        let mut openssl = Command::new("openssl");
        openssl.args(["dgst", "-sha256", "-verify"]).arg(path("key")).arg("-signature").arg(path("signature"));
        openssl.arg(path("text")).output().unwrap().status.success()
    }
}

fn checkpoint() -> Checkpoint {
    Checkpoint::new(ORIGIN, 20_852_163, Digest::of(&[b"root"]), Digest::of(&[b"map"])).unwrap()
}

/// What the crates make of a note, good and with one figure of the size changed.
fn judged(signed: &SignedCheckpoint, list: &VerifierList) {
    let note = signed.note().to_string();
    let read = Note::from_bytes(note.as_bytes()).unwrap();
    let (verified, unknown) = read.verify(list).unwrap();
    assert_eq!((verified.len(), unknown.len()), (1, 0));
    let text = tlog_tiles::Checkpoint::from_bytes(read.text()).unwrap();
    let ours = signed.checkpoint();
    assert_eq!((text.origin(), text.size(), text.hash().0), (ORIGIN, ours.size, *ours.root.as_bytes()));
    assert_eq!(text.extension(), format!("sceau-map-v1 {}\n", ours.map.to_base64()));
    let spoilt = note.replacen("20852163", "20852164", 1);
    assert!(Note::from_bytes(spoilt.as_bytes()).unwrap().verify(list).is_err());
}

#[test]
fn cloudflare_reads_our_checkpoints_of_both_types() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let key = VerifierKey::ed25519(ORIGIN, pair.public_key().as_ref()).unwrap();
    let sign = |text: &[u8]| Ok::<_, Infallible>(pair.sign(text).as_ref().to_vec());
    let signed = checkpoint().sign(&key, sign).unwrap();
    // The crate reads our text form of the key, and finds its own id in it.
    let theirs = StandardVerifier::new(&key.to_string()).unwrap();
    judged(&signed, &VerifierList::new(vec![Box::new(theirs)]));

    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let key = VerifierKey::p256(ORIGIN, pair.public_key().as_ref()).unwrap();
    let sign = |text: &[u8]| pair.sign(&SystemRandom::new(), text).map(|signature| signature.as_ref().to_vec());
    let signed = checkpoint().sign(&key, sign).unwrap();
    let text = key.to_string();
    let mut parts = text.splitn(3, '+').skip(1);
    let id = u32::from_str_radix(parts.next().unwrap(), 16).unwrap();
    let spki = STANDARD.decode(parts.next().unwrap()).unwrap().split_off(1);
    judged(&signed, &VerifierList::new(vec![Box::new(OpenSsl { id, spki })]));
}

/// A store in memory.
#[derive(Default)]
struct Kept(HashMap<(u8, u64), Digest>);

impl Nodes for Kept {
    type Error = ();

    fn node(&self, level: u8, index: u64) -> Result<Digest, ()> {
        self.0.get(&(level, index)).copied().ok_or(())
    }
}

#[test]
fn cloudflare_accepts_our_proofs() {
    let theirs = |digest: Digest| Hash(*digest.as_bytes());
    let (mut frontier, mut kept, mut roots) = (Frontier::new(), Kept::default(), Vec::new());
    for n in 0..70u64 {
        let leaf = n.to_be_bytes();
        assert_eq!(tlog_tiles::record_hash(&leaf), theirs(leaf_hash(&leaf)));
        frontier.append(leaf_hash(&leaf), |node| {
            kept.0.insert((node.level, node.index), node.hash);
        });
        roots.push(theirs(frontier.root()));
    }
    for size in 1..=70u64 {
        let root = roots[size as usize - 1];
        for index in 0..size {
            let proof = prove::inclusion(&kept, index, size).unwrap().into_iter().map(theirs).collect();
            let leaf = theirs(leaf_hash(&index.to_be_bytes()));
            tlog_tiles::check_record(&proof, size, root, index, leaf).unwrap();
            assert!(tlog_tiles::check_record(&proof, size, root, index, roots[0]).is_err() || index == 0);
        }
        for first in 1..=size {
            let proof = prove::consistency(&kept, first, size).unwrap().into_iter().map(theirs).collect();
            tlog_tiles::check_tree(&proof, size, root, first, roots[first as usize - 1]).unwrap();
        }
    }
}

//! Keys in memory that seal what is forged here: the pure rooms alone, no program and no token between.

use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256,
};
use rcgen::{KeyPair, PublicKeyData, RsaKeySize};

use sceau::certificate::SealCertificate;
use sceau::vihf::assertion::forge;
use sceau::vihf::signature::SignatureAlgorithm;

use super::sample::{ID, Sample};
use crate::support::certificate;
use crate::support::pki::{CaKeys, CaNames, Pki};
use crate::support::plan::STRUCTURES;

enum Key {
    Rsa(rsa::KeyPair),
    Ecdsa(EcdsaKeyPair),
}

/// A key with its certificate.
pub(super) struct Sealer {
    key: Key,
    pub(super) certificate: SealCertificate,
    pki: Pki,
}

/// RSA 2048, P-256 and P-384, each with another hostile name in its certificate.
pub(super) fn one_of_each_algorithm() -> Vec<Sealer> {
    let ecdsa = |algorithm, pair: KeyPair| {
        (Key::Ecdsa(EcdsaKeyPair::from_pkcs8(algorithm, &pair.serialize_der()).unwrap()), pair)
    };
    let rsa = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let keys = [
        (Key::Rsa(rsa::KeyPair::from_pkcs8(&rsa.serialize_der()).unwrap()), rsa),
        ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()),
        ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap()),
    ];
    let names = ["CH <SUD> & \"FILS\"", "𝔄 + B; \\ #", "</saml:Issuer><x/> ]]>"];
    keys.into_iter()
        .zip(names)
        .map(|((key, pair), name)| {
            let pki = Pki::generate(CaNames::Test, CaKeys::P256);
            let wanted = certificate::SealCertificate::of(STRUCTURES[0]).organisation(name).common_name(name);
            let pem = pki.issue(&wanted, &pair.subject_public_key_info());
            Sealer { key, certificate: SealCertificate::parse(pem.as_bytes()).unwrap(), pki }
        })
        .collect()
}

impl Sealer {
    /// `ca.pem` and `intermediate.pem`.
    pub(super) fn write_trust(&self, folder: &Path) {
        std::fs::write(folder.join("ca.pem"), self.pki.root_pem()).unwrap();
        std::fs::write(folder.join("intermediate.pem"), self.pki.intermediate_pem()).unwrap();
    }

    /// The sealed assertion.
    pub(super) fn seal(&self, sample: &Sample) -> String {
        let facts = sample.facts(self.certificate.issuer_field(), ID);
        let unsealed = forge(&facts, self.certificate.algorithm());
        unsealed.sealed(&self.sign(unsealed.signed_info().as_bytes()), self.certificate.base64())
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Rsa(pair) => {
                assert_eq!(self.certificate.algorithm(), SignatureAlgorithm::RsaSha256);
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Key::Ecdsa(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
        }
    }
}

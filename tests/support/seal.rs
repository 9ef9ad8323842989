//! Seals: a key in a token of its own, and the certificate that belongs to it or, on demand, does not.

use std::path::Path;

use super::certificate::SealCertificate;
use super::establishment::write;
use super::key_bank;
use super::key_kind::{KeyOrigin, KeyType};
use super::pki::Pki;
use super::sealed;
use super::softhsm::{Token, TokenStore};

/// One `[[seal]]`: its key, and the certificate that belongs (or does not) to it.
pub struct SealPlan {
    /// Struct_IdNat in the configuration.
    pub structure: String,
    /// Label of the key.
    pub key: String,
    /// Kind of key.
    pub key_type: KeyType,
    /// How the key came to be.
    pub origin: KeyOrigin,
    /// The certificate's content.
    pub certificate: SealCertificate,
    /// Certified by a stranger of the same names.
    pub unknown_ca: bool,
    /// Certified for another key than the token's.
    pub other_key: bool,
    /// Signer processes.
    pub processes: u32,
}

impl SealPlan {
    /// A right seal of that structure.
    pub fn of(structure: &str, key: &str, key_type: KeyType) -> SealPlan {
        SealPlan {
            structure: structure.into(),
            key: key.into(),
            key_type,
            origin: KeyOrigin::Generated,
            certificate: SealCertificate::of(structure),
            unknown_ca: false,
            other_key: false,
            processes: 1,
        }
    }
}

/// A seal as it was laid out.
pub struct Seal {
    /// Struct_IdNat in the configuration.
    pub structure: String,
    /// Label of the key; signers are `<key>-1` … `<key>-<processes>`.
    pub key: String,
    /// Signer processes.
    pub processes: u32,
    /// The token with its PIN and public key.
    pub token: Token,
    /// The certificate, PEM.
    pub certificate_pem: String,
}

/// Makes key, PIN file and certificate.
pub(super) fn lay_seal(folder: &Path, store: &TokenStore, pki: &Pki, plan: SealPlan, fresh: bool) -> Seal {
    let token = if plan.origin == KeyOrigin::Sealed {
        sealed::make(folder, &plan.key, plan.key_type, "seal")
    } else if plan.origin == KeyOrigin::Generated && !fresh {
        key_bank::withdraw(store, &plan.key, plan.key_type)
    } else {
        store.make(&format!("sceau-{}", plan.key), &plan.key, plan.key_type, plan.origin)
    };
    let certificate_pem = if plan.other_key {
        let other = tempfile::tempdir().unwrap();
        let other = key_bank::withdraw(&TokenStore::create(other.path()), "another-key", plan.key_type);
        pki.issue(&plan.certificate, &other.spki_der)
    } else {
        pki.issue(&plan.certificate, &token.spki_der)
    };
    write(&folder.join(format!("pki/{}.pem", plan.key)), &certificate_pem, 0o644);
    write(&folder.join(format!("secrets/{}.pin", plan.key)), &token.pin, 0o600);
    Seal { structure: plan.structure, key: plan.key, processes: plan.processes, token, certificate_pem }
}

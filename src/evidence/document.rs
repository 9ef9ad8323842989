//! Evidence (RFC 9334 §8.1): the one JSON document that an appliance, the attester, gives to a verifier.
//!
//! TPM structures are in it exactly as the TPM marshalled them (TCG TPM 2.0 Library, part 2), as base64: what was signed is
//! what is read. Nothing here is believed before it is appraised.

use serde::{Deserialize, Serialize};

use super::nonce::Nonce;
use crate::policy::keyring::Keyring;
use crate::traces::digest::Digest;

/// Name and version of the format: another meaning of any member is another version.
pub const FORMAT: &str = "fr.sceau.evidence/1";
/// Longest document in bytes. Reason: two logs at their limits, in base64, and a tenth of that for everything else.
pub const DOCUMENT_LEN_MAX: usize = 6 * 1024 * 1024;
/// PCRs that a quote covers, of the SHA-256 bank: firmware and boot (0–7), image (11), its command line and credentials (12), its
/// machine and volumes (15).
pub const PCRS: [u8; 11] = [0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 15];

/// Bytes as they were marshalled or encoded by whoever made them; base64 in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Marshalled(#[serde(with = "crate::varlink::base64")] pub Vec<u8>);

/// Evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// [`FORMAT`].
    pub format: String,
    /// The verifier's nonce, which this evidence answers.
    pub nonce: Nonce,
    /// What the attester says of itself; the quote's qualifying data covers all of it ([`super::binding`]).
    pub claims: Claims,
    /// Which TPM.
    pub endorsement: Endorsement,
    /// Public area of the attestation key (AK): TPMT_PUBLIC.
    pub attestation_key: Marshalled,
    /// TPM2_Quote by the AK over [`PCRS`]; its `extraData` is [`super::binding::qualifying_data`].
    pub quote: Attested,
    /// Values of [`PCRS`], ascending, each once.
    pub pcrs: Vec<PcrValue>,
    /// The firmware's event log, crypto-agile, binary: `/sys/kernel/security/tpm0/binary_bios_measurements`.
    pub event_log: Marshalled,
    /// systemd's log of what it measured itself (`/run/log/systemd/tpm2-measure.log`, JSON-SEQ), where there is one.
    pub userspace_log: Option<Marshalled>,
    /// Keys that live in this TPM, each certified by the AK.
    pub keys: Vec<CertifiedKey>,
    /// TPM2_NV_Certify of the counter by the AK (`extraData` as for the quote), where the TPM library can.
    pub counter: Option<CertifiedCounter>,
    /// Proof that the ledger grew from an earlier size to the claimed checkpoint (RFC 9162 §2.1.4).
    pub consistency: Option<Consistency>,
}

/// What the measured software says. As true as the measured software is honest, which PCRs 4, 7 and 11 tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Version of Sceau.
    pub version: String,
    /// Version of the image (`IMAGE_VERSION` of os-release), where it runs from one.
    pub image: Option<String>,
    /// SHA-256 of the convention in force, as the ledger's entries name it; zeros where the appliance did not say.
    pub convention: Digest,
    /// The certificates that assertions are sealed with, in the configuration's order.
    pub seals: Vec<KeyCertificate>,
    /// The certificates of mutual TLS to the DMP, in the configuration's order; absent where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authentications: Vec<KeyCertificate>,
    /// The ledger, where it has an audit key.
    pub ledger: Option<Ledger>,
    /// Value of the monotonic counter of the ledger, where it has one in the TPM.
    pub counter: Option<u64>,
}

/// A certificate in use, and which key it is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyCertificate {
    /// Struct_IdNat that it serves.
    pub structure: String,
    /// Name of its key in the configuration.
    pub key: String,
    /// The certificate, X.509 DER.
    pub certificate: Marshalled,
    /// Where its key is kept; absent: in a token.
    #[serde(default, skip_serializing_if = "Keyring::is_token")]
    pub keyring: Keyring,
}

/// Where the ledger stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// The audit key: the line of `AUDIT.pub`, without its newline.
    pub audit_key: String,
    /// The newest checkpoint: a C2SP signed note, as text.
    pub checkpoint: String,
}

impl Ledger {
    /// How many entries the checkpoint says that it covers, whoever signed it (C2SP tlog-checkpoint: its second line).
    #[must_use]
    pub fn entries(&self) -> Option<u64> {
        self.checkpoint.lines().nth(1)?.parse().ok()
    }
}

/// What vouches for the TPM (RFC 9334: endorsement).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endorsement {
    /// The certificate of the endorsement key (EK) as it is in the TPM, X.509 DER.
    pub ek_certificate: Marshalled,
    /// Authorities between it and its root, X.509 DER, where the attester knows them; the verifier may have its own.
    pub ek_chain: Vec<Marshalled>,
    /// Public area of the EK: TPMT_PUBLIC.
    pub ek_public: Marshalled,
}

/// What a TPM attested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attested {
    /// TPMS_ATTEST: the bytes that are signed, without a TPM2B's length.
    pub attest: Marshalled,
    /// TPMT_SIGNATURE, ECDSA P-256 with SHA-256.
    pub signature: Marshalled,
}

/// One PCR of the SHA-256 bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PcrValue {
    /// Its number.
    pub pcr: u8,
    /// Its value.
    pub sha256: Digest,
}

/// What a key in the TPM is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyRole {
    /// Signs the ledger's checkpoints.
    Audit,
    /// Seals assertions.
    Seal,
    /// Authenticates to the DMP.
    Authentication,
}

/// A key in the TPM and the AK's word for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertifiedKey {
    /// What it is for.
    pub role: KeyRole,
    /// Its name in the configuration.
    pub key: String,
    /// Its public area: TPMT_PUBLIC.
    pub public: Marshalled,
    /// TPM2_Certify of it by the AK; `extraData` as for the quote.
    pub certification: Attested,
}

/// A counter in the TPM's NV memory and the AK's word for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertifiedCounter {
    /// Public area of the NV index: TPMS_NV_PUBLIC.
    pub public: Marshalled,
    /// TPM2_NV_Certify of its 8 bytes from offset 0.
    pub certification: Attested,
}

/// The ledger's proof of growth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    /// Number of entries from which it proves.
    pub since: u64,
    /// The proof of RFC 9162, in its order.
    pub proof: Vec<Digest>,
}

/// Why a text is no evidence of this format; French, for whoever gave it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Over the limit.
    #[error("le document dépasse {max} octets ; redemandez la preuve à l'appliance")]
    TooLong {
        /// The limit in bytes.
        max: usize,
    },
    /// Not the JSON of the format, where `serde` says.
    #[error(
        "ce n'est pas un document {format} complet (ligne {line}, colonne {column}) ; redemandez-le, et transmettez-le sans le modifier"
    )]
    Form {
        /// What was expected.
        format: &'static str,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
    },
    /// The JSON of something else.
    #[error(
        "le document dit être « {found} », il faut {wanted} ; donnez le bon fichier, ou un vérificateur de la même version"
    )]
    Format {
        /// What was expected.
        wanted: &'static str,
        /// What the document says, shortened.
        found: String,
    },
}

/// A document that says what it is.
pub trait Document: Serialize + for<'de> Deserialize<'de> {
    /// Name and version of its format.
    const FORMAT: &'static str;
    /// Longest text in bytes.
    const LEN_MAX: usize = DOCUMENT_LEN_MAX;

    /// Reads it; nothing in it is verified.
    ///
    /// After `Ok` every member is there once, no other is, and bytes are of their alphabet.
    ///
    /// # Errors
    /// [`DocumentError`].
    fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        if bytes.len() > Self::LEN_MAX {
            return Err(DocumentError::TooLong { max: Self::LEN_MAX });
        }
        let form = |fault: serde_json::Error| DocumentError::Form {
            format: Self::FORMAT,
            line: fault.line(),
            column: fault.column(),
        };
        let head: Head = serde_json::from_slice(bytes).map_err(form)?;
        if head.format != Self::FORMAT {
            let found = head.format.chars().filter(|c| !c.is_control()).take(FOUND_LEN_MAX).collect();
            return Err(DocumentError::Format { wanted: Self::FORMAT, found });
        }
        serde_json::from_slice(bytes).map_err(form)
    }

    /// Its text, with a final newline; whoever keeps it needs no tool to read it.
    #[must_use]
    fn text(&self) -> String {
        // Texts, numbers and lists: nothing that JSON cannot hold.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// Most characters that a message repeats of a format's name.
const FOUND_LEN_MAX: usize = 60;

impl Document for Evidence {
    const FORMAT: &'static str = FORMAT;
}

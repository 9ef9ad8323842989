//! What is asked of a token for a new key pair: kinds, and the templates of both halves.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;

use super::key::{ED25519_NAME, P256, P384};

/// 65537, the exponent that every outside verifier takes.
const PUBLIC_EXPONENT: [u8; 3] = [1, 0, 1];

/// Kinds of keys that are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with a modulus of so many bits: 2048, 3072 or 4096.
    Rsa(u16),
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// Ed25519, for audit keys.
    Ed25519,
}

/// A key to be made.
pub(super) struct Order<'a> {
    pub(super) label: &'a [u8],
    pub(super) object: &'a str,
    pub(super) id: &'a [u8],
    pub(super) kind: KeyKind,
}

/// How much of what a key may not do is said to the module.
///
/// tpm2-pkcs11 1.9 ties the uses of the halves together, because a TPM has one flag for "sign" and "encrypt" and one for
/// "decrypt" and "verify"; and it signs RSA by `TPM2_RSA_Decrypt`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    /// Both halves: nothing but signatures.
    Whole,
    /// The private half: what the public one may do binds nobody.
    Private,
    /// What the module makes of "it signs"; told to the person.
    Least,
}

impl KeyKind {
    /// All but the last resort.
    pub(super) fn strictest_first(self) -> &'static [Strictness] {
        match self {
            // An RSA key that is kept from decrypting cannot sign in tpm2-pkcs11, and cannot be destroyed there either
            // once it has failed to.
            Self::Rsa(_) => &[Strictness::Whole],
            Self::P256 | Self::P384 | Self::Ed25519 => &[Strictness::Whole, Strictness::Private],
        }
    }
}

impl Order<'_> {
    pub(super) fn public_half(&self, strictness: Strictness) -> (Mechanism<'static>, Vec<Attribute>) {
        let mut half = vec![
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Label(self.label.to_vec()),
            Attribute::Id(self.id.to_vec()),
        ];
        if strictness == Strictness::Whole {
            half.extend([Attribute::Verify(true), Attribute::Encrypt(false), Attribute::Wrap(false)]);
        }
        let mechanism = match self.kind {
            KeyKind::Rsa(bits) => {
                half.push(Attribute::ModulusBits(u64::from(bits).into()));
                half.push(Attribute::PublicExponent(PUBLIC_EXPONENT.to_vec()));
                Mechanism::RsaPkcsKeyPairGen
            }
            KeyKind::P256 | KeyKind::P384 => {
                let curve = if self.kind == KeyKind::P256 { P256 } else { P384 };
                half.push(Attribute::EcParams(curve.to_vec()));
                Mechanism::EccKeyPairGen
            }
            KeyKind::Ed25519 => {
                half.push(Attribute::EcParams(ED25519_NAME.to_vec()));
                Mechanism::EccEdwardsKeyPairGen
            }
        };
        (mechanism, half)
    }

    pub(super) fn private_half(&self, strictness: Strictness) -> Vec<Attribute> {
        let mut half = vec![
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Label(self.label.to_vec()),
            Attribute::Id(self.id.to_vec()),
            Attribute::Sign(true),
        ];
        // Said, since a token's default may be on (SoftHSM's is).
        if strictness != Strictness::Least {
            half.extend([Attribute::Decrypt(false), Attribute::Unwrap(false)]);
        }
        half
    }
}

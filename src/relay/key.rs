//! The key of mutual TLS as rustls knows one: signatures come from a signer process and are verified before they leave.

use std::sync::Arc;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

use super::signers::Signers;
use crate::seal::handshake::Scheme;

/// A key behind signers.
#[derive(Debug)]
pub(super) struct TokenKey {
    signers: Arc<Signers>,
    spki: Vec<u8>,
    algorithm: SignatureAlgorithm,
}

impl TokenKey {
    /// The key `spki` (SubjectPublicKeyInfo, DER), RSA or P-256, behind these signers.
    pub(super) fn new(signers: Arc<Signers>, spki: Vec<u8>, is_rsa: bool) -> Self {
        let algorithm = if is_rsa { SignatureAlgorithm::RSA } else { SignatureAlgorithm::ECDSA };
        Self { signers, spki, algorithm }
    }
}

impl SigningKey for TokenKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        // PSS first: TLS 1.3 has nothing else for RSA.
        let ours: &[(Scheme, SignatureScheme)] = match self.algorithm {
            SignatureAlgorithm::RSA => &[
                (Scheme::RsaPss, SignatureScheme::RSA_PSS_SHA256),
                (Scheme::RsaPkcs1, SignatureScheme::RSA_PKCS1_SHA256),
            ],
            _ => &[(Scheme::EcdsaP256, SignatureScheme::ECDSA_NISTP256_SHA256)],
        };
        let (scheme, named) = *ours.iter().find(|(_, named)| offered.contains(named))?;
        Some(Box::new(TokenSigner { signers: Arc::clone(&self.signers), spki: self.spki.clone(), scheme, named }))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(SubjectPublicKeyInfoDer::from(self.spki.as_slice()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }
}

#[derive(Debug)]
struct TokenSigner {
    signers: Arc<Signers>,
    spki: Vec<u8>,
    scheme: Scheme,
    named: SignatureScheme,
}

impl Signer for TokenSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |cause: &dyn std::fmt::Display| Error::General(cause.to_string());
        // Called within the poll of a connection: the worker's other tasks move to another thread meanwhile.
        let signed = tokio::task::block_in_place(|| self.signers.sign(self.scheme, message));
        let signature = signed.map_err(|cause| failed(&cause))?;
        // A faulty RSA signature can give the key away (Boneh, DeMillo, Lipton 1997).
        let verification: &'static dyn aws_lc_rs::signature::VerificationAlgorithm = match self.scheme {
            Scheme::RsaPss => &RSA_PSS_2048_8192_SHA256,
            Scheme::RsaPkcs1 => &RSA_PKCS1_2048_8192_SHA256,
            Scheme::EcdsaP256 => &ECDSA_P256_SHA256_FIXED,
        };
        let key =
            ParsedPublicKey::new(verification, &self.spki).map_err(|_| failed(&"the key is of another kind"))?;
        key.verify_sig(message, &signature).map_err(|_| failed(&"the signer's signature does not verify"))?;
        match self.scheme {
            Scheme::EcdsaP256 => der_signature(&signature).ok_or_else(|| failed(&"no r‖s")),
            _ => Ok(signature),
        }
    }

    fn scheme(&self) -> SignatureScheme {
        self.named
    }
}

/// r‖s as the `Ecdsa-Sig-Value` that TLS wants (RFC 3279 §2.2.3); for curves of 256 bits, all lengths fit in a byte.
fn der_signature(raw: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = raw.split_at_checked(raw.len() / 2)?;
    let integer = |bytes: &[u8]| {
        let digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        // Positive: a leading bit would be a sign; nought has a digit.
        let pad = digits.first().is_none_or(|first| *first >= 0x80);
        let digits = if pad { [&[0], digits.as_slice()].concat() } else { digits };
        Some([&[0x02, u8::try_from(digits.len()).ok()?], digits.as_slice()].concat())
    };
    let both = [integer(r)?, integer(s)?].concat();
    Some([&[0x30, u8::try_from(both.len()).ok().filter(|len| *len < 0x80)?], both.as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_der_has_them() {
        let mut raw = [0; 64];
        raw[31] = 0x7f;
        raw[63] = 0x80;
        assert_eq!(der_signature(&raw), Some(vec![0x30, 7, 2, 1, 0x7f, 2, 2, 0, 0x80]));
        assert_eq!(der_signature(&[0xff; 64]).map(|der| der.len()), Some(2 + 2 * (2 + 33)));
        assert_eq!(der_signature(&[0; 64]), Some(vec![0x30, 6, 2, 1, 0, 2, 1, 0]));
    }
}

//! The key of a signer, in a token or sealed: one door to both, which signs what the key is for and nothing else.

use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::rand;

use crate::config::{Purpose, SignerKey};
use crate::policy::keyring;
use crate::seal::handshake::{self, Scheme};
use crate::seal::key::{KeyAlgorithm, KeyAttributes, KeyDescription, SpkiSource, TokenIdentity};
use crate::seal::wire::{Failure, NONCE_LEN, self_test_message};
use crate::sealed::{SealedError, SealedKey, WrappingKey};
use crate::sys::confinement;
use crate::token::{Device, Meter, PinGuard, TokenError, Unusable};
use crate::traces::audit::is_checkpoint_text;
use crate::vihf::signature::recognise;

/// Bytes of a key's digest that stand for a serial number.
const SERIAL_LEN: usize = 8;

/// An open key.
#[derive(Debug)]
pub(super) struct Keyring {
    description: KeyDescription,
    purpose: Purpose,
    place: Place,
}

/// Where it is.
#[derive(Debug)]
enum Place {
    Token(Box<Device>),
    Sealed(Box<SealedKey>, Arc<Meter>),
}

/// Why a key cannot be opened or has not signed; French cause and remedy.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyError {
    /// In a token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Sealed.
    #[error(transparent)]
    Sealed(#[from] SealedError),
}

impl KeyError {
    /// What a caller is told: nothing of the inside.
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::Token(error) => error.failure(),
            Self::Sealed(error) => error.failure(),
        }
    }

    /// Whether only a change of the configuration or of the key helps: waiting does not.
    pub(super) fn is_configuration(&self) -> bool {
        match self {
            Self::Token(error) => error.is_configuration(),
            Self::Sealed(error) => error.is_configuration(),
        }
    }

    /// Whether the secret's file is at fault, which may be missing for a moment while it is replaced.
    pub(super) fn is_secret(&self) -> bool {
        matches!(
            self,
            Self::Token(TokenError::Pin(_)) | Self::Sealed(SealedError::Wrapping(_) | SealedError::WrappingForm)
        )
    }

    /// As [`TokenError::marker`].
    pub(super) fn marker(&self) -> Option<&Path> {
        match self {
            Self::Token(error) => error.marker(),
            // A wrapping key may be tried as often as one likes: nothing counts, and nothing locks.
            Self::Sealed(_) => None,
        }
    }
}

impl Keyring {
    /// Opens the key where the configuration says that it is; after `Ok` it has made a signature that verified.
    ///
    /// A sealed key is in this process's memory from here on, and the process has no file, no network and no other program
    /// any more ([`confinement`]); where the kernel refuses that, `production` refuses the key.
    ///
    /// # Errors
    /// [`KeyError`]; nothing is left open.
    pub(super) fn open(
        key: &SignerKey,
        guard: &PinGuard,
        meter: &Arc<Meter>,
        production: bool,
    ) -> Result<Self, KeyError> {
        let purpose = key.purpose.clone();
        let Some(path) = key.sealed_file() else {
            let device = Device::open(key, guard, Arc::clone(meter))?;
            let description = device.description().clone();
            if let Err(refusal) = description.requirements() {
                if production {
                    let (object, cause) = (description.key, Unusable::Refused(refusal));
                    return Err(TokenError::Unusable { object, cause }.into());
                }
                tracing::warn!(?refusal, "production would refuse this key");
            }
            return Ok(Self { description, purpose, place: Place::Token(Box::new(device)) });
        };
        let wrapping = WrappingKey::read(&key.pin)?;
        // It signs once, to prove itself.
        let sealed = meter.count(|| SealedKey::open(path, &purpose, &wrapping))?;
        drop(wrapping);
        if let Err(cause) = confinement::give_up_all_but_signing() {
            if production {
                return Err(SealedError::Confinement(cause).into());
            }
            tracing::warn!(%cause, "the process is not confined; production would refuse this");
        }
        let description = described(key, &sealed);
        Ok(Self { description, purpose, place: Place::Sealed(Box::new(sealed), Arc::clone(meter)) })
    }

    /// What the key is.
    pub(super) fn description(&self) -> &KeyDescription {
        &self.description
    }

    /// Signs what this key is for, and nothing else: a seal key a canonical `SignedInfo` of its algorithm, an audit key the
    /// canonical text of a checkpoint of its ledger. None, and the key was not asked, for other bytes.
    pub(super) fn sign_text(&self, bytes: &[u8]) -> Option<Result<Vec<u8>, KeyError>> {
        let is_ours = match &self.purpose {
            Purpose::Seal => recognise(bytes).map(KeyAlgorithm::from) == Some(self.description.algorithm),
            Purpose::Audit { origin } => is_checkpoint_text(bytes, origin),
            Purpose::Authentication => false,
        };
        is_ours.then(|| self.sign(bytes))
    }

    /// Signs what a TLS client's CertificateVerify covers, and nothing else, with a key of that purpose.
    pub(super) fn sign_handshake(&self, scheme: Scheme, content: &[u8]) -> Option<Result<Vec<u8>, KeyError>> {
        let may = self.purpose == Purpose::Authentication
            && handshake::may_sign(scheme, content, &self.description.spki);
        match &self.place {
            _ if !may => None,
            Place::Token(device) => Some(device.sign_handshake(scheme, content)?.map_err(KeyError::from)),
            Place::Sealed(key, meter) => {
                let signed = meter.count(|| key.sign_handshake(scheme, content).transpose());
                Some(signed.transpose()?.map_err(KeyError::from))
            }
        }
    }

    /// Signs [`self_test_message`] of `nonce`, as the others are signed.
    pub(super) fn self_test(&self, nonce: &[u8; NONCE_LEN]) -> Result<Vec<u8>, KeyError> {
        self.sign(&self_test_message(nonce))
    }

    /// Signs a self-test in each session, so that a network HSM, or a firewall before it, that has silently dropped an idle
    /// one is found now and not by the next request. A key in our own memory needs none.
    ///
    /// # Errors
    /// The key is lost.
    pub(super) fn keep_alive(&self) -> Result<(), KeyError> {
        let Place::Token(device) = &self.place else { return Ok(()) };
        for _ in 0..self.description.sessions {
            let mut nonce = [0; NONCE_LEN];
            if rand::fill(&mut nonce).is_err() {
                return Ok(());
            }
            match device.sign(&self_test_message(&nonce)) {
                // Others sign: it is not idle.
                Ok(_) | Err(TokenError::Busy) => {}
                Err(cause) => return Err(cause.into()),
            }
        }
        Ok(())
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Ok(match &self.place {
            Place::Token(device) => device.sign(message)?,
            Place::Sealed(key, meter) => meter.count(|| key.sign(message))?,
        })
    }
}

/// A sealed key in a token's words, none of which may be taken for one's: it says nothing of attributes.
fn described(key: &SignerKey, sealed: &SealedKey) -> KeyDescription {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, sealed.spki());
    let serial = digest.as_ref().iter().take(SERIAL_LEN).map(|byte| format!("{byte:02x}")).collect();
    KeyDescription {
        key: key.key.as_str().to_owned(),
        keyring: keyring::Keyring::Sealed,
        algorithm: sealed.algorithm(),
        bits: sealed.bits(),
        spki: sealed.spki().to_vec(),
        spki_source: SpkiSource::PrivateKey,
        attributes: KeyAttributes::default(),
        token: TokenIdentity {
            label: sealed.path().display().to_string(),
            manufacturer: "Sceau".to_owned(),
            model: "sealed-key/1".to_owned(),
            serial,
        },
        module: "aws-lc".to_owned(),
        sessions: key.sessions,
        pid: std::process::id(),
    }
}

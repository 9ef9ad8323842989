//! One generation of a key in its token: sessions that sign with handles resolved once.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use tracing::warn;

use super::cause::Unusable;
use super::error::TokenError;
use super::login::login;
use super::meter::Meter;
use super::module::Module;
use super::pin::Pin;
use super::public::Spki;
use super::refused::PinGuard;
use super::uri::KeyUri;
use super::{key, mechanism, public};
use crate::config::SignerKey;
use crate::policy::keyring::Keyring;
use crate::seal::handshake::Scheme;
use crate::seal::key::{KeyDescription, SpkiSource, TokenIdentity};
use crate::seal::wire::{NONCE_LEN, self_test_message};

/// How long a request waits for a free session; `sceaud` sends no more at once than there are sessions.
const SESSION_WAIT: Duration = Duration::from_millis(1_000);

/// A key that can sign; dropping it closes its sessions, then finalises and unloads the library.
///
/// The next one may be opened only when this one is dropped entirely: the library's state is the process's.
#[derive(Debug)]
pub struct Device {
    description: KeyDescription,
    handle: ObjectHandle,
    meter: Arc<Meter>,
    /// Locked only to take a session and to put it back, never while it signs; in turn, so that none lies idle while others
    /// sign and is dropped by a network HSM that says nothing.
    pool: Mutex<VecDeque<Pooled>>,
    returned: Condvar,
    /// Never signs: the login lasts as long as any session (PKCS#11 §5.6.8), whatever becomes of the others.
    anchor: Mutex<Option<Session>>,
    module: Option<Module>,
}

#[derive(Debug)]
struct Pooled {
    index: usize,
    session: Session,
}

/// A session taken from the pool; goes back when dropped, and cannot outlive its device.
struct Lease<'a> {
    device: &'a Device,
    pooled: Option<Pooled>,
}

impl Device {
    /// Loads the library, finds the token and the key, logs in, and proves the key by a verified signature.
    ///
    /// Trusts the library with the process. After `Ok` every session is logged in and the public key is known to be the
    /// private key's; after `Err` nothing is left open.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open(configured: &SignerKey, guard: &PinGuard, meter: Arc<Meter>) -> Result<Self, TokenError> {
        let meter_of_opening = Arc::clone(&meter);
        let _opening = meter_of_opening.begin_opening();
        let uri = KeyUri::parse(&configured.uri)?;
        let object = uri.object_name();
        let path = configured.module.clone().or_else(|| uri.module_path.clone()).ok_or(TokenError::NoModule)?;
        let pin = Pin::read(&configured.pin)?;
        // Declared before the sessions, so that on an early return they are closed before it is finalised.
        let module = Module::load(&path)?;
        let token = module.token(&uri)?;
        let anchor = module.session(token.slot).map_err(|e| TokenError::of(e, &object))?;
        let memory = guard.token(&path, token.info.serial_number(), token.info.label());
        login(&module, &anchor, &token, &pin, &memory)?;
        drop(pin);
        let private = key::find(&anchor, &uri, token.info.label())?;
        if !private.algorithm.serves(&configured.purpose) {
            return Err(TokenError::Unusable { object, cause: Unusable::Purpose });
        }
        let candidates = public::candidates(&anchor, &private, &object, configured.certificate.as_deref())?;
        let pool = sessions(&module, &token, configured.sessions).map_err(|e| TokenError::of(e, &object))?;
        let description = KeyDescription {
            key: configured.key.as_str().to_owned(),
            keyring: Keyring::Pkcs11,
            algorithm: private.algorithm,
            bits: private.bits,
            // The next lines find out which.
            spki: Vec::new(),
            spki_source: SpkiSource::PublicObject,
            attributes: private.attributes,
            token: TokenIdentity {
                label: token.info.label().to_owned(),
                manufacturer: token.info.manufacturer_id().to_owned(),
                model: token.info.model().to_owned(),
                serial: token.info.serial_number().to_owned(),
            },
            module: lossy(path),
            sessions: u16::try_from(pool.len()).unwrap_or(u16::MAX),
            pid: std::process::id(),
        };
        let mut device = Self {
            description,
            handle: private.handle,
            meter,
            pool: Mutex::new(pool),
            returned: Condvar::new(),
            anchor: Mutex::new(Some(anchor)),
            module: Some(module),
        };
        device.prove(object, candidates)?;
        Ok(device)
    }

    /// What the key is.
    #[must_use]
    pub fn description(&self) -> &KeyDescription {
        &self.description
    }

    /// Signs bytes of any shape: whether they are what this key is for is the signer's to decide ([`crate::signer`]). RSA as
    /// long as the modulus, ECDSA raw r‖s, Ed25519 R‖S.
    ///
    /// # Errors
    /// [`TokenError::Busy`]; any other: the device is spent.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        let (mechanism, input) = mechanism::of(self.description.algorithm, message);
        self.sign_with(&mechanism, &input)
    }

    /// The same for a TLS handshake; none if the key is of another kind.
    ///
    /// # Errors
    /// As [`Device::sign`].
    #[must_use]
    pub fn sign_handshake(&self, scheme: Scheme, content: &[u8]) -> Option<Result<Vec<u8>, TokenError>> {
        let (mechanism, input) = mechanism::of_handshake(scheme, self.description.algorithm, content)?;
        Some(self.sign_with(&mechanism, &input))
    }

    /// A signature at opening shows which candidate is the public key: a token may hold another key's public object under
    /// the same id, and a wrong one is found now, not by a verifier elsewhere.
    fn prove(&mut self, object: String, candidates: Vec<Spki>) -> Result<(), TokenError> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| TokenError::Lost { cause: Box::new(Error::NotSupported) })?;
        let (algorithm, message) = (self.description.algorithm, self_test_message(&nonce));
        let signature = self.sign(&message)?;
        let mut proved =
            candidates.into_iter().filter(|(spki, _)| public::verifies(algorithm, spki, &message, &signature));
        (self.description.spki, self.description.spki_source) =
            proved.next().ok_or(TokenError::Unusable { object, cause: Unusable::PublicKeyMismatch })?;
        Ok(())
    }

    fn sign_with(&self, mechanism: &Mechanism<'_>, input: &[u8]) -> Result<Vec<u8>, TokenError> {
        let lease = self.lease()?;
        let Some(pooled) = &lease.pooled else { return Err(TokenError::Busy) };
        let signed = self.meter.sign(pooled.index, || pooled.session.sign(mechanism, self.handle, input));
        let signature = signed.map_err(|e| TokenError::of(e, &self.description.key))?;
        let len = mechanism::signature_len(self.description.algorithm, self.description.bits);
        if signature.len() == len {
            Ok(signature)
        } else {
            Err(TokenError::Lost { cause: Box::new(Error::InvalidValue) })
        }
    }

    fn lease(&self) -> Result<Lease<'_>, TokenError> {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut pool, _) = self
            .returned
            .wait_timeout_while(pool, SESSION_WAIT, |pool| pool.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let pooled = pool.pop_front().ok_or(TokenError::Busy)?;
        Ok(Lease { device: self, pooled: Some(pooled) })
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.device.pool.lock().unwrap_or_else(PoisonError::into_inner).extend(self.pooled.take());
        self.device.returned.notify_one();
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _closing = self.meter.begin_opening();
        self.pool.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        *self.anchor.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        self.module = None;
    }
}

/// As many sessions as wanted, or as the token has left if that is at least one.
fn sessions(module: &Module, token: &super::module::Token, wanted: u16) -> Result<VecDeque<Pooled>, Error> {
    let mut pool = VecDeque::new();
    for index in 0..usize::from(wanted) {
        match module.session(token.slot) {
            Ok(session) => pool.push_back(Pooled { index, session }),
            Err(Error::Pkcs11(RvError::SessionCount, _)) if !pool.is_empty() => {
                warn!(wanted, opened = pool.len(), "the token has no more sessions");
                break;
            }
            Err(cause) => return Err(cause),
        }
    }
    Ok(pool)
}

fn lossy(path: PathBuf) -> String {
    path.into_os_string().to_string_lossy().into_owned()
}

//! A key that ends with its session: what a token can do is measured without one of its keys.

use std::thread;
use std::time::{Duration, Instant};

use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki::session::Session;

use super::error::TokenError;
use super::mechanism;
use super::meter::Meter;
use super::open::OpenToken;
use super::template::{KeyKind, Order, Strictness};
use crate::seal::key::KeyAlgorithm;
use crate::seal::wire::{NONCE_LEN, self_test_message};

/// How the key is called for as long as it lives.
const NAME: &str = "sceau-bench";

/// A key pair of the session (`CKA_TOKEN` false, PKCS#11 §4.4): no token keeps it, and it ends with the [`OpenToken`].
#[derive(Debug)]
pub struct ThrowAway<'t> {
    token: &'t OpenToken,
    handle: ObjectHandle,
    algorithm: KeyAlgorithm,
}

/// What a number of sessions signed.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Signatures a second.
    pub per_second: f64,
    /// CPU of this process inside `C_SignInit` and `C_Sign`, in microseconds a signature.
    pub cpu_us: f64,
}

impl OpenToken {
    /// Makes a key pair that the token does not keep.
    ///
    /// # Errors
    /// [`TokenError`]: the module makes none of that kind for a session.
    pub fn throw_away(&self, kind: KeyKind) -> Result<ThrowAway<'_>, TokenError> {
        let order = Order { label: NAME.as_bytes(), object: NAME, id: NAME.as_bytes(), kind };
        let (mechanism, public) = order.public_half(Strictness::Least);
        let [public, private] = [public, order.private_half(Strictness::Least)].map(of_session);
        let pair = self.session.generate_key_pair(&mechanism, &public, &private);
        let (_, handle) = pair.map_err(|e| TokenError::of(e, NAME))?;
        let algorithm = match kind {
            KeyKind::Rsa(_) => KeyAlgorithm::RsaSha256,
            KeyKind::P256 => KeyAlgorithm::EcdsaSha256,
            KeyKind::P384 => KeyAlgorithm::EcdsaSha384,
            KeyKind::Ed25519 => KeyAlgorithm::Ed25519,
        };
        Ok(ThrowAway { token: self, handle, algorithm })
    }
}

fn of_session(half: Vec<Attribute>) -> Vec<Attribute> {
    let is_place = |attribute: &Attribute| matches!(attribute, Attribute::Token(_));
    half.into_iter().filter(|attribute| !is_place(attribute)).chain([Attribute::Token(false)]).collect()
}

impl ThrowAway<'_> {
    /// Signs self-tests in so many sessions at once for `time`.
    ///
    /// # Errors
    /// [`TokenError`]: a session is not given, or a signature failed.
    pub fn rate(&self, sessions: u16, time: Duration) -> Result<Rate, TokenError> {
        let sessions: Vec<Session> =
            (0..sessions).map(|_| self.token.signing_session(NAME)).collect::<Result<_, _>>()?;
        let meter = Meter::new(0);
        let (handle, algorithm) = (self.handle, self.algorithm);
        let began = Instant::now();
        let signed = thread::scope(|scope| {
            let meter = &meter;
            let sign = move |session: Session| {
                let (mechanism, input) = mechanism::of(algorithm, &self_test_message(&[0; NONCE_LEN]));
                while began.elapsed() < time {
                    meter.count(|| session.sign(&mechanism, handle, &input))?;
                }
                Ok(())
            };
            let threads: Vec<_> = sessions.into_iter().map(|session| scope.spawn(move || sign(session))).collect();
            // A thread that panicked signed nothing more: its count stands.
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
        });
        signed.map_err(|e| TokenError::of(e, NAME))?;
        let signatures = (meter.signatures() as f64).max(1.0);
        let (seconds, cpu_us) = (began.elapsed().as_secs_f64(), meter.sign_cpu_ns() as f64 / 1000.0);
        Ok(Rate { per_second: signatures / seconds, cpu_us: cpu_us / signatures })
    }
}

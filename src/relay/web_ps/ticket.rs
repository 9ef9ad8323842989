//! One-time addresses: who asked for them, for which assertion, until when.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use zeroize::Zeroizing;

use crate::relay::caller::Caller;
use crate::relay::claim::Sealed;
use crate::relay::fault::Fault;
use crate::traces::digest::Digest;

/// Life of an address: from the application's answer to the browser that opens it.
const LIFE: Duration = Duration::from_secs(60);
/// Addresses of one application that wait at one time.
const WAITING_MAX: usize = 1024;
/// Bytes of chance in an address: not to be guessed.
const SECRET_LEN: usize = 32;

/// What an address is for.
#[derive(Debug)]
pub(super) struct Ticket {
    caller: Caller,
    until: Instant,
    /// Which `[[web_ps]]`.
    pub(super) place: usize,
    /// What the assertion is asked with; its session must still live then.
    pub(super) sealed: Box<Sealed>,
}

/// Every address that waits, by the digest of its secret.
#[derive(Debug, Default)]
pub(in crate::relay) struct Tickets(Mutex<HashMap<Digest, Ticket>>);

impl Tickets {
    /// Keeps what is asked for and gives its secret.
    ///
    /// # Errors
    /// Too many wait.
    pub(super) fn add(
        &self,
        caller: Caller,
        place: usize,
        sealed: Box<Sealed>,
    ) -> Result<Zeroizing<String>, Fault> {
        let shed = || {
            Fault::receiver(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "trop d'adresses attendent un navigateur ; réessayez dans un instant",
            )
        };
        let mut bytes = Zeroizing::new([0; SECRET_LEN]);
        aws_lc_rs::rand::fill(bytes.as_mut_slice()).map_err(|_| shed())?;
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()));
        let now = Instant::now();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, ticket| now < ticket.until);
        if waiting.values().filter(|ticket| ticket.caller == caller).count() >= WAITING_MAX {
            return Err(shed());
        }
        waiting.insert(key(&secret), Ticket { caller, until: now + LIFE, place, sealed });
        Ok(secret)
    }

    /// Forgets what is over: with it goes a session's secret.
    pub(in crate::relay) fn forget(&self) {
        let now = Instant::now();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, ticket| now < ticket.until);
    }

    /// Takes what an address is for; none: unknown, taken before, ended, or another application's.
    pub(super) fn take(&self, caller: Caller, secret: &str) -> Option<Ticket> {
        let key = key(secret);
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Another application's attempt leaves it there.
        if waiting.get(&key)?.caller != caller {
            return None;
        }
        waiting.remove(&key).filter(|ticket| Instant::now() < ticket.until)
    }
}

/// Looked up by digest: how long a look-up takes tells nothing of a secret.
fn key(secret: &str) -> Digest {
    Digest::of(&[secret.as_bytes()])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sealed() -> Box<Sealed> {
        Box::new(Sealed {
            session: Zeroizing::new("secret".into()),
            nonce: "n-0123456789abcdef".into(),
            transaction: "0.10",
            purpose: "normal",
            patient: None,
            system: None,
            invisible: false,
        })
    }

    #[test]
    fn an_address_serves_once_and_its_own_application() {
        let tickets = Tickets::default();
        let secret = tickets.add(Caller::User(7), 0, sealed()).unwrap();
        assert_eq!(secret.len(), 43);
        assert!(tickets.take(Caller::User(8), &secret).is_none() && tickets.take(Caller::User(7), "x").is_none());
        assert!(tickets.take(Caller::User(7), &secret).is_some());
        assert!(tickets.take(Caller::User(7), &secret).is_none());
        let ended = tickets.add(Caller::User(7), 0, sealed()).unwrap();
        tickets.0.lock().unwrap().values_mut().for_each(|ticket| ticket.until = Instant::now());
        assert!(tickets.take(Caller::User(7), &ended).is_none());
        let (over, waiting) = (
            tickets.add(Caller::User(7), 0, sealed()).unwrap(),
            tickets.add(Caller::User(7), 0, sealed()).unwrap(),
        );
        tickets.0.lock().unwrap().get_mut(&key(&over)).unwrap().until = Instant::now();
        tickets.forget();
        assert_eq!(tickets.0.lock().unwrap().keys().copied().collect::<Vec<_>>(), [key(&waiting)]);
    }

    #[test]
    fn one_application_does_not_take_the_others_room() {
        let tickets = Tickets::default();
        for _ in 0..WAITING_MAX {
            tickets.add(Caller::User(7), 0, sealed()).unwrap();
        }
        assert_eq!(tickets.add(Caller::User(7), 0, sealed()).unwrap_err().code, "busy");
        assert!(tickets.add(Caller::User(8), 0, sealed()).is_ok());
    }
}

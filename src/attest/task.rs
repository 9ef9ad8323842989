//! What is done with the TPM: one request, one opened TPM, one answer.

use std::time::Instant;

use super::answer::{Answer, No, undefined};
use super::budget::Budget;
pub(super) use super::request::Request;
use crate::config::{Config, CounterPlace};

/// The TPM's place, and what is remembered between tasks.
#[derive(Debug)]
pub(super) struct Tasks {
    pub(super) config: Config,
    budget: Budget,
}

impl Tasks {
    /// With that configuration.
    pub(super) fn new(config: Config) -> Self {
        Self { config, budget: Budget::full(Instant::now()) }
    }

    /// Does what is asked.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub(super) fn perform(&mut self, request: Request) -> Result<Answer, No> {
        match request {
            Request::Counter => {
                let index = self.counter_index()?;
                let value = self.open()?.counter(index).map_err(undefined)?;
                Ok(Answer::Counter { value })
            }
            Request::Increment => {
                let index = self.counter_index()?;
                if !self.budget.take(Instant::now()) {
                    return Err(No::Unavailable(
                        "counter-worn",
                        "le compteur a été avancé trop souvent et le TPM s'use à chaque fois : sceaud redémarre-t-il sans \
                         cesse ? corrigez-en la cause ; un essai de plus est admis toutes les dix minutes"
                            .to_owned(),
                    ));
                }
                let value = self.open()?.raise_counter(index).map_err(undefined)?;
                Ok(Answer::Counter { value })
            }
            Request::Enrol { anew } => self.enrol(anew),
            Request::Activate { challenge } => self.activate(&challenge),
            Request::Evidence { nonce, heard } => self.evidence(nonce, heard),
            Request::Status => self.status(),
            Request::Certify(order) => self.certify(*order),
            Request::Seal(order) => self.seal(&order),
            Request::Unseal { name, boot_pin } => self.unseal(&name, boot_pin.as_bytes()),
            Request::Approve { name, signatures } => self.approve(&name, &signatures),
            Request::Foresee { name, expected } => self.foresee(&name, &expected),
        }
    }

    fn counter_index(&self) -> Result<u32, No> {
        match self.config.ledger.counter {
            Some(CounterPlace::Tpm(index)) => Ok(index),
            Some(CounterPlace::File(_)) | None => Err(No::Unavailable(
                "counter-undefined",
                "la configuration ne nomme pas de compteur du TPM ; donnez [ledger] counter, ou redémarrez sceau-attestd \
                 après l'avoir fait"
                    .to_owned(),
            )),
        }
    }
}

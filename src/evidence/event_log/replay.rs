//! What PCRs hold after a log: each event extends its PCR (TPM 2.0 part 1, §17.4 "Extend of a PCR").

use super::{EV_NO_ACTION, Event, EventLog, PCR_COUNT};
use crate::traces::digest::Digest;

/// Marks the event that says by which locality the TPM was started (PC Client Platform Firmware Profile §10.4.5.3).
const STARTUP_LOCALITY: &[u8] = b"StartupLocality\0";
/// Localities that start a TPM: of the firmware, and of a hardware root of trust.
const STARTUP_LOCALITIES: [u8; 3] = [0, 3, 4];

/// PCRs of the SHA-256 bank while a log is replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pcrs([Digest; PCR_COUNT]);

impl Default for Pcrs {
    /// As they are when the machine starts; 17 to 22 are of the dynamic root of trust, which nothing here uses.
    fn default() -> Self {
        let mut all = [Digest::default(); PCR_COUNT];
        for dynamic in all.iter_mut().take(23).skip(17) {
            *dynamic = Digest::new([0xFF; Digest::LEN]);
        }
        Self(all)
    }
}

impl Pcrs {
    /// The value of one; `None` if there is no such PCR.
    #[must_use]
    pub fn get(&self, pcr: usize) -> Option<Digest> {
        self.0.get(pcr).copied()
    }

    /// Extends one.
    pub fn extend(&mut self, pcr: usize, digest: &Digest) {
        if let Some(value) = self.0.get_mut(pcr) {
            *value = Digest::of(&[value.as_bytes(), digest.as_bytes()]);
        }
    }

    /// Extends with every event of a firmware's log, from its start.
    pub fn replay(&mut self, log: &EventLog<'_>) {
        let mut untouched = true;
        for event in &log.events {
            match locality(event) {
                // Once, before the first measurement: later it would be a way to choose the PCR's value.
                Some(locality) if untouched => {
                    let mut start = [0; Digest::LEN];
                    if let Some(last) = start.last_mut() {
                        *last = locality;
                    }
                    if let Some(value) = self.0.first_mut() {
                        *value = Digest::new(start);
                    }
                    untouched = false;
                }
                _ if event.kind == EV_NO_ACTION => {}
                _ => {
                    untouched &= event.pcr != 0;
                    self.extend(event.pcr, &event.sha256);
                }
            }
        }
    }
}

fn locality(event: &Event<'_>) -> Option<u8> {
    match event.data.split_last() {
        Some((locality, STARTUP_LOCALITY)) if event.kind == EV_NO_ACTION && event.pcr == 0 => {
            STARTUP_LOCALITIES.contains(locality).then_some(*locality)
        }
        _ => None,
    }
}

//! The gate, from the side of `sceaud` and the relay: `[gate]`.

use serde::Deserialize;

use crate::policy::breach::Breach;

/// Longest life of an invitation in milliseconds: a day, as that of an order.
const INVITATION_MAX_MS: u64 = 24 * 3_600_000;

/// Who speaks for applications of other machines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateRules {
    /// Unix user of the gate; empty: our own, which test mode alone admits.
    pub user: String,
    /// How long an invitation may be used.
    #[serde(default = "longest")]
    pub invitation_ms: u64,
}

const fn longest() -> u64 {
    INVITATION_MAX_MS
}

impl GateRules {
    /// What is wrong with the table.
    pub(super) fn check(&self, production: bool) -> Vec<Breach> {
        let mut breaches = Vec::new();
        if self.user.is_empty() && production {
            let cause = "[gate] user est vide ; donnez l'utilisateur Unix du portail, par exemple sceau-gate";
            breaches.push(Breach::of("bad-value", "gate", "user", cause));
        }
        if !(1..=INVITATION_MAX_MS).contains(&self.invitation_ms) {
            let cause = format!(
                "[gate] invitation_ms = {} : attendu 1 à {INVITATION_MAX_MS} millisecondes",
                self.invitation_ms
            );
            breaches.push(Breach::of("bad-value", "gate", "invitation_ms", cause));
        }
        breaches
    }
}

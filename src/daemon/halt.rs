//! Halted: nothing is issued until an operator acts. Why, and what to do.

use std::sync::{Mutex, PoisonError};

/// Why nothing is issued: an invariant of our own is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// What the ledger's disk holds is in doubt.
    Ledger,
    /// The ledger is not the one that its own checkpoint says.
    Checkpoint,
    /// An approved assertion does not obey its profile.
    Profile,
    /// The system gives no random bytes.
    Random,
    /// The counter is ahead: this is an older copy of the ledger.
    LedgerOlder,
    /// The counter is behind: it was reset.
    CounterReset,
}

impl Halt {
    /// Whether the counter says so: what `counter-accept` settles.
    #[must_use]
    pub(super) const fn is_of_counter(self) -> bool {
        matches!(self, Self::LedgerOlder | Self::CounterReset)
    }

    /// Its word, in `Status`, `Instance` and logs.
    #[must_use]
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Ledger => "ledger-broken",
            Self::Checkpoint => "ledger-contradicts-checkpoint",
            Self::Profile => "profile-breach",
            Self::Random => "no-random",
            Self::LedgerOlder => "ledger-older",
            Self::CounterReset => "counter-reset",
        }
    }

    /// Cause and remedy, for the operator.
    #[must_use]
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Ledger => {
                "le disque du journal a rendu une erreur, ce qu'il tient est incertain ; arrêtez sceaud, vérifiez le disque, \
                 conservez le dossier du journal, puis relancez : il est vérifié au démarrage"
            }
            Self::Checkpoint => {
                "le journal n'est pas celui que dit son dernier point de contrôle signé ; conservez le dossier du journal, \
                 vérifiez-le avec sceau traces verify et prévenez le responsable de la sécurité"
            }
            Self::Profile => {
                "une assertion approuvée n'obéit pas à son profil ; conservez le journal de sceaud, vérifiez les profils de \
                 l'établissement, prévenez le support, puis relancez"
            }
            Self::Random => {
                "le système ne donne plus d'octets aléatoires ; vérifiez la machine, puis relancez sceaud"
            }
            Self::LedgerOlder => {
                "ce journal est plus ancien que son compteur : une copie a été remise en place ; remettez le journal le plus \
                 récent, ou faites signer counter-accept par deux opérateurs"
            }
            Self::CounterReset => {
                "le compteur est en retard sur le journal : il a été remis à zéro ou remplacé ; retrouvez pourquoi, puis faites \
                 signer counter-accept par deux opérateurs"
            }
        }
    }
}

/// The daemon's own answer to whether it halted. Sticky: a restart or a signed order ends it.
#[derive(Debug, Default)]
pub(super) struct Halted(Mutex<Option<Halt>>);

impl Halted {
    /// Halts; the first cause stands.
    pub(super) fn set(&self, cause: Halt) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(cause);
    }

    /// A signed order has settled what the counter halted for; any other cause stands.
    pub(super) fn counter_accepted(&self) {
        let mut cause = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cause.take_if(|cause| cause.is_of_counter());
    }

    /// Why, if it halted.
    pub(super) fn cause(&self) -> Option<Halt> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

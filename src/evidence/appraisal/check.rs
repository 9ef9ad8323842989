//! The checks of an appraisal: a closed list, each with what its failure may mean and what to do.

use serde::Serialize;

/// One check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The EK certificate is the enrolled one, and leads to the given roots.
    EkCertificate,
    /// The AK is the enrolled one.
    AttestationKey,
    /// The quote was made by the AK.
    Quote,
    /// The quote covers the SHA-256 bank.
    PcrBank,
    /// The nonce is one of this verifier's, for this appliance, in time, unspent.
    Nonce,
    /// The quote covers nonce and claims.
    Binding,
    /// The PCR values are those of the quote.
    PcrValues,
    /// The event log replays to the PCRs.
    EventLog,
    /// Secure Boot was on.
    SecureBoot,
    /// PCRs hold reference values.
    ReferenceValues,
    /// Machine and volumes are those of the last good evidence (PCR 15).
    Machine,
    /// The TPM's clock went forward.
    Clock,
    /// The monotonic counter did not go back.
    Counter,
    /// The audit key lives in the TPM, or is the one that the officer gave at enrolment.
    AuditKey,
    /// Every other certified key lives in the TPM and is the one in use.
    Keys,
    /// The ledger grew from what was seen last.
    Ledger,
}

/// Every check, in the order of a report.
pub const CHECKS: [Check; 16] = [
    Check::EkCertificate,
    Check::AttestationKey,
    Check::Quote,
    Check::PcrBank,
    Check::Nonce,
    Check::Binding,
    Check::PcrValues,
    Check::EventLog,
    Check::SecureBoot,
    Check::ReferenceValues,
    Check::Machine,
    Check::Clock,
    Check::Counter,
    Check::AuditKey,
    Check::Keys,
    Check::Ledger,
];

impl Check {
    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EkCertificate => "ek-certificate",
            Self::AttestationKey => "attestation-key",
            Self::Quote => "quote",
            Self::PcrBank => "pcr-bank",
            Self::Nonce => "nonce",
            Self::Binding => "binding",
            Self::PcrValues => "pcr-values",
            Self::EventLog => "event-log",
            Self::SecureBoot => "secure-boot",
            Self::ReferenceValues => "reference-values",
            Self::Machine => "machine",
            Self::Clock => "clock",
            Self::Counter => "counter",
            Self::AuditKey => "audit-key",
            Self::Keys => "keys",
            Self::Ledger => "ledger",
        }
    }

    /// Its title, French.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::EkCertificate => "TPM reconnu",
            Self::AttestationKey => "clé d'attestation enrôlée",
            Self::Quote => "citation signée par le TPM",
            Self::PcrBank => "banque et PCR cités",
            Self::Nonce => "fraîcheur (nonce)",
            Self::Binding => "déclarations couvertes",
            Self::PcrValues => "valeurs des PCR",
            Self::EventLog => "journal du démarrage",
            Self::SecureBoot => "Secure Boot",
            Self::ReferenceValues => "image de référence",
            Self::Machine => "machine et volumes",
            Self::Clock => "horloge du TPM",
            Self::Counter => "compteur monotone",
            Self::AuditKey => "clé d'audit dans le TPM",
            Self::Keys => "autres clés dans le TPM",
            Self::Ledger => "journal des traces",
        }
    }

    /// What its failure may mean, French.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::EkCertificate => {
                "ce n'est pas le TPM enrôlé, ou personne de connu ne garantit que c'en est un : machine remplacée, preuve d'une autre appliance, ou TPM simulé"
            }
            Self::AttestationKey => {
                "la preuve vient d'une autre clé : autre appliance, disque cloné sur une autre machine, TPM effacé, ou clé forgée"
            }
            Self::Quote => "ces octets n'ont pas été signés par le TPM de l'appliance : document modifié ou forgé",
            Self::PcrBank => {
                "les mesures citées ne sont pas celles qu'il faut : une banque SHA-1 se falsifie, un PCR omis cache ce qu'il mesure"
            }
            Self::Nonce => "une ancienne preuve est peut-être présentée à la place d'une nouvelle",
            Self::Binding => {
                "version, convention, certificats, journal ou compteur déclarés ne sont pas ceux que le TPM a couverts : document modifié, ou preuve faite pour un autre nonce"
            }
            Self::PcrValues => "les valeurs montrées ne sont pas celles que le TPM a citées : document modifié",
            Self::EventLog => {
                "quelque chose a été mesuré qui n'est pas au journal, ou le journal a été modifié ou coupé : un programme a pu être lancé à l'insu de la chaîne de démarrage"
            }
            Self::SecureBoot => "le micrologiciel a pu lancer un système que personne n'a signé",
            Self::ReferenceValues => {
                "le système démarré n'est pas une image publiée : mise à jour dont vous n'avez pas les valeurs, micrologiciel ou clés Secure Boot changés, ou image modifiée"
            }
            Self::Machine => {
                "le volume d'état ou l'identité de la machine a changé : disque remplacé, réinstallé ou copié"
            }
            Self::Clock => {
                "une preuve antérieure à la dernière est présentée, ou le TPM est revenu à un état ancien (machine virtuelle restaurée)"
            }
            Self::Counter => {
                "l'état de l'appliance est revenu en arrière : sauvegarde ou instantané remis en service, ou disque cloné"
            }
            Self::AuditKey => {
                "les points de contrôle du journal peuvent être signés hors de cette machine, par qui détient une copie de la clé"
            }
            Self::Keys => {
                "une clé que l'appliance dit dans son TPM n'y est pas, ou n'est pas celle dont elle se sert"
            }
            Self::Ledger => "le journal a été réécrit, tronqué ou remplacé depuis le dernier verdict",
        }
    }

    /// What to do when it fails, French.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::EkCertificate => {
                "vérifiez sur place que c'est la machine attendue ; si elle a été remplacée, enrôlez-la (sceau-verify evidence enrol), sinon arrêtez-la et prévenez la sécurité"
            }
            Self::AttestationKey => {
                "vérifiez que le fichier est celui de cette appliance ; si son TPM a été effacé ou remplacé par vos soins, enrôlez-la de nouveau, sinon traitez-la comme compromise"
            }
            Self::Quote | Self::PcrValues => {
                "redemandez une preuve et transmettez-la sans la modifier ; si cela persiste, traitez l'appliance comme compromise"
            }
            Self::PcrBank => {
                "vérifiez que la banque SHA-256 du TPM est active dans le micrologiciel, puis redemandez une preuve"
            }
            Self::Nonce => "tirez un nonce (sceau-verify evidence nonce) et demandez avec lui une nouvelle preuve",
            Self::Binding => {
                "redemandez une preuve avec le nonce courant ; si cela persiste, traitez l'appliance comme compromise"
            }
            Self::EventLog => {
                "redémarrez l'appliance et redemandez une preuve ; si cela persiste, suspendez-la et faites examiner la machine"
            }
            Self::SecureBoot => {
                "activez Secure Boot dans le micrologiciel avec les clés de l'établissement, protégez-le d'un mot de passe, puis redemandez une preuve"
            }
            Self::ReferenceValues => {
                "procurez-vous par une voie sûre les valeurs de la version installée ; si elle est à jour et que l'écart reste, suspendez l'appliance"
            }
            Self::Machine => {
                "si vous avez réinstallé ou changé le disque, jugez avec --new-baseline et la raison ; sinon suspendez l'appliance"
            }
            Self::Clock | Self::Counter => {
                "demandez à l'exploitant ce qui a été restauré ; si c'est légitime, jugez avec --new-baseline et la raison, sinon suspendez l'appliance et comparez le journal à vos points de contrôle"
            }
            Self::AuditKey => {
                "mettez la clé d'audit dans le TPM (guide de l'exploitant), ou, si un HSM la tient, enrôlez l'appliance avec --key AUDIT.pub obtenu par une voie sûre ; si vous l'avez changée, jugez avec --new-baseline, la raison et --key ; si elle était dans le TPM, suspendez l'appliance"
            }
            Self::Keys => {
                "faites comparer [[seal]] et [[authentication]] de la configuration à ce que le TPM tient ; si rien ne l'explique, suspendez l'appliance"
            }
            Self::Ledger => {
                "si seule manque la preuve de prolongement, redemandez-la (sceau attest evidence --since) ; sinon suspendez l'appliance, gardez son disque et vérifiez le journal (sceau traces verify --since) ; après une restauration déclarée, jugez avec --new-baseline et la raison"
            }
        }
    }
}

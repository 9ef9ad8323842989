//! Why a convention does not come into force: a closed list, each with its remedy.

/// Why a convention that was presented is not taken; the one before it, if there is one, stays in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each has its sentence below")]
pub enum NotTaken {
    NotConfigured,
    Unreadable,
    NoOperators,
    Unsigned,
    Altered,
    Namespace,
    SignerUnknown,
    SignerRevoked,
    NotApprover,
    SignerTwice,
    SignersMissing,
    NotYet,
    Ended,
    Older,
    SameNumber,
}

impl NotTaken {
    /// All reasons.
    pub const ALL: [Self; 15] = [
        Self::NotConfigured,
        Self::Unreadable,
        Self::NoOperators,
        Self::Unsigned,
        Self::Altered,
        Self::Namespace,
        Self::SignerUnknown,
        Self::SignerRevoked,
        Self::NotApprover,
        Self::SignerTwice,
        Self::SignersMissing,
        Self::NotYet,
        Self::Ended,
        Self::Older,
        Self::SameNumber,
    ];

    /// Its word on the wire and in traces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotConfigured => "convention-not-configured",
            Self::Unreadable => "convention-unreadable",
            Self::NoOperators => "convention-no-operators",
            Self::Unsigned => "convention-unsigned",
            Self::Altered => "convention-altered",
            Self::Namespace => "convention-namespace",
            Self::SignerUnknown => "convention-signer-unknown",
            Self::SignerRevoked => "convention-signer-revoked",
            Self::NotApprover => "convention-signer-role",
            Self::SignerTwice => "convention-signer-twice",
            Self::SignersMissing => "convention-signers-missing",
            Self::NotYet => "convention-not-yet",
            Self::Ended => "convention-ended",
            Self::Older => "convention-older",
            Self::SameNumber => "convention-same-number",
        }
    }

    /// Cause and remedy.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::NotConfigured => {
                "sceau.toml ne nomme pas de fichier de convention ; donnez [convention] file, puis relancez sceaud"
            }
            Self::Unreadable => {
                "le fichier de la convention manque, n'est pas lisible ou n'est pas correct ; sceau convention check dit tout"
            }
            Self::NoOperators => {
                "aucun opérateur n'est encore inscrit ; inscrivez-les avec sceau operators bootstrap, puis sceau convention take"
            }
            Self::Unsigned => {
                "la convention n'est pas signée ; deux approbateurs la signent avec sceau convention approve"
            }
            Self::Altered => {
                "une signature n'est pas celle de ce texte, octet pour octet : il a changé depuis ; faites-le signer de nouveau, ou remettez le texte signé"
            }
            Self::Namespace => {
                "une signature est faite pour un autre usage ; signez avec sceau convention approve (espace de noms sceau-convention)"
            }
            Self::SignerUnknown => {
                "une signature est d'une clé qui n'est à aucun opérateur ; sceau operators list les donne"
            }
            Self::SignerRevoked => "une signature est d'un opérateur révoqué ; faites signer quelqu'un d'autre",
            Self::NotApprover => {
                "une signature est d'un opérateur qui n'est pas approbateur ; deux personnes de rôle approver signent"
            }
            Self::SignerTwice => "la même personne a signé deux fois ; deux approbateurs distincts signent",
            Self::SignersMissing => {
                "un seul approbateur a signé ; un deuxième signe avec sceau convention approve"
            }
            Self::NotYet => {
                "cette convention commence plus tard (from) ; prenez-la ce jour-là, ou corrigez la date"
            }
            Self::Ended => "cette convention est finie (until) ; faites-en signer une nouvelle",
            Self::Older => {
                "cette convention porte un numéro plus ancien que celle que le journal connaît ; une ancienne ne revient pas, faites-en une nouvelle"
            }
            Self::SameNumber => {
                "cette convention porte le numéro de celle que le journal connaît, et un autre texte ; donnez-lui un numéro plus grand, et faites-la signer"
            }
        }
    }
}

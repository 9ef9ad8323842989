//! Why a proof is not taken: each rule by name.

use std::fmt;

/// The rule that a proof breaks. Its words name the rule and the remedy, never the token's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No identity provider is registered.
    NoProvider,
    /// Longer than [`super::PROOF_LEN_MAX`].
    TooLong,
    /// Not the three parts of a compact JWS: JSON serialization, encryption (five parts), a part taken away.
    NotCompact,
    /// A part is not base64url in its one spelling.
    Encoding,
    /// Header or claims are no JSON object.
    Json,
    /// A member is given twice, at any level: two readers could see two tokens.
    DuplicateMember,
    /// The header has a member that no proof needs.
    Header,
    /// `typ` is another token's: an access or logout token shows no login.
    Type,
    /// The token brings its own key, or says where to fetch one.
    EmbeddedKey,
    /// `crit` or `b64`: an extension that would change how the token is to be read.
    Critical,
    /// Not one of the provider's algorithms; `none` and HMAC never are.
    Algorithm,
    /// `kid` is missing, or names no key of the provider.
    KeyUnknown,
    /// The key is not for this algorithm.
    KeyUse,
    /// The signature is not that key's.
    Signature,
    /// The issuer is no registered provider.
    Issuer,
    /// A claim is missing or not of its type.
    Claim,
    /// Not made for this application.
    Audience,
    /// `azp` names another client, or is missing beside several audiences.
    AuthorizedParty,
    /// Past its `exp`.
    Expired,
    /// Before its `nbf`.
    NotYetValid,
    /// Issued (`iat`) after now.
    IssuedInFuture,
    /// Issued (`iat`) before a part of the ledger was lost, which may have spent it, or before a new time began.
    MaybeSpent,
    /// Issued (`iat`) too long ago to be shown for the first time.
    TooOld,
    /// The login (`auth_time`) comes after the token that tells of it.
    LoginAfterIssue,
    /// The instant that the application tells is not the provider's.
    LoginDiffers,
    /// The subject is not paired with the practitioner who is named.
    Subject,
    /// `acr` and `amr` do not show the method that is named.
    Method,
}

impl Refusal {
    /// Every rule, in the order in which they are looked at.
    pub const ALL: [Self; 27] = [
        Self::NoProvider,
        Self::TooLong,
        Self::NotCompact,
        Self::Encoding,
        Self::Json,
        Self::DuplicateMember,
        Self::EmbeddedKey,
        Self::Critical,
        Self::Header,
        Self::Type,
        Self::Issuer,
        Self::Algorithm,
        Self::KeyUnknown,
        Self::KeyUse,
        Self::Signature,
        Self::Claim,
        Self::Audience,
        Self::AuthorizedParty,
        Self::Expired,
        Self::NotYetValid,
        Self::IssuedInFuture,
        Self::TooOld,
        Self::LoginAfterIssue,
        Self::MaybeSpent,
        Self::LoginDiffers,
        Self::Subject,
        Self::Method,
    ];

    /// Its stable name, kebab-case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.words().0
    }

    /// Name, cause and remedy.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NoProvider => (
                "no-provider",
                "aucun fournisseur d'identité n'est déclaré : cette preuve ne peut pas être vérifiée",
            ),
            Self::TooLong => (
                "too-long",
                "elle est trop longue ; demandez au fournisseur un jeton d'identité sans claims superflus",
            ),
            Self::NotCompact => (
                "not-compact",
                "ce n'est pas un JWS compact de trois parties ; transmettez le jeton d'identité tel que reçu, signé et non chiffré",
            ),
            Self::Encoding => {
                ("encoding", "une partie n'est pas en base64url ; transmettez le jeton sans y toucher")
            }
            Self::Json => {
                ("json", "l'en-tête ou les claims ne sont pas un objet JSON ; transmettez le jeton sans y toucher")
            }
            Self::DuplicateMember => {
                ("duplicate-member", "un membre y est donné deux fois ; signalez-le au fournisseur d'identité")
            }
            Self::Header => {
                ("header", "son en-tête a un membre inattendu ; seuls alg, kid, typ, x5t et x5t#S256 sont admis")
            }
            Self::Type => (
                "type",
                "ce n'est pas un jeton d'identité ; transmettez l'ID token, ni l'access token ni un autre",
            ),
            Self::EmbeddedKey => (
                "embedded-key",
                "elle apporte sa propre clé ou une adresse de clé ; seules les clés enregistrées comptent, prévenez la sécurité",
            ),
            Self::Critical => {
                ("critical", "elle exige une extension (crit, b64) ; faites-la retirer chez le fournisseur")
            }
            Self::Algorithm => (
                "algorithm",
                "son algorithme n'est pas de ceux du fournisseur ; faites signer avec un algorithme déclaré en [[identity_provider]]",
            ),
            Self::KeyUnknown => (
                "key-unknown",
                "son kid ne désigne aucune clé enregistrée ; si le fournisseur a changé de clé, mettez son fichier JWKS à jour",
            ),
            Self::KeyUse => (
                "key-use",
                "la clé que son kid désigne n'est pas faite pour cet algorithme ; vérifiez le fichier JWKS",
            ),
            Self::Signature => (
                "signature",
                "sa signature est fausse ; transmettez le jeton tel que reçu, ou prévenez la sécurité",
            ),
            Self::Issuer => {
                ("issuer", "son émetteur n'est pas un fournisseur déclaré ; vérifiez [[identity_provider]] issuer")
            }
            Self::Claim => (
                "claim",
                "un claim manque ou n'est pas de son type ; il faut iss, sub, aud, exp, iat et auth_time (demandez-le par max_age)",
            ),
            Self::Audience => (
                "audience",
                "elle n'est pas destinée à cette application ; vérifiez [[application.audience]] client_id",
            ),
            Self::AuthorizedParty => (
                "authorized-party",
                "elle a été remise à un autre client (azp) ; employez un jeton obtenu par cette application",
            ),
            Self::Expired => ("expired", "elle est échue ; le professionnel doit s'authentifier de nouveau"),
            Self::NotYetValid => ("not-yet-valid", "elle n'est pas encore valable (nbf) ; vérifiez les horloges"),
            Self::IssuedInFuture => {
                ("issued-in-future", "elle est émise dans le futur (iat) ; vérifiez les horloges")
            }
            Self::TooOld => (
                "too-old",
                "elle a été émise il y a trop longtemps (iat) ; ouvrez la session dès la connexion, avec un jeton neuf",
            ),
            Self::LoginAfterIssue => {
                ("login-after-issue", "la connexion (auth_time) y suit l'émission ; signalez-le au fournisseur")
            }
            Self::MaybeSpent => (
                "maybe-spent",
                "elle a été émise avant que le journal ne reprenne d'une copie, ou l'heure d'un ordre, et a pu déjà servir ; le \
                 professionnel doit s'authentifier de nouveau",
            ),
            Self::LoginDiffers => (
                "login-differs",
                "instant ou initial_instant ne sont pas ceux qu'elle atteste ; donnez pour instant l'auth_time du jeton",
            ),
            Self::Subject => (
                "subject",
                "son sujet n'est pas apparié à ce professionnel ; vérifiez l'identifiant, ou faites l'appariement au registre",
            ),
            Self::Method => (
                "method",
                "elle ne montre pas cette méthode (acr, amr) ; vérifiez method, ou [[identity_provider.method]]",
            ),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, words) = self.words();
        write!(f, "la preuve est refusée (règle {name}) : {words}")
    }
}

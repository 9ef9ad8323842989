//! What a structure's two certificates are for, and what of a certificate shows it (vihf.md §6).

use x509_parser::prelude::*;

/// emailProtection, the extended key usage of ORG_SIGN certificates (1.3.6.1.5.5.7.3.4), as DER content.
const EMAIL_PROTECTION: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x04];
/// clientAuth, the extended key usage of ORG_AUTH_CLI certificates (1.3.6.1.5.5.7.3.2), as DER content.
const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// What a key and its certificate are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Sealing assertions: offer ORG_SIGN.
    Seal,
    /// TLS client of the DMP: offer ORG_AUTH_CLI.
    Authentication,
}

impl KeyUse {
    /// The name in JSON and on command lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Authentication => "authentication",
        }
    }

    /// The offer of IGC-Santé.
    #[must_use]
    pub fn offer(self) -> &'static str {
        match self {
            Self::Seal => "ORG_SIGN",
            Self::Authentication => "ORG_AUTH_CLI",
        }
    }

    /// The use that a certificate shows, if it is one of ours.
    #[must_use]
    pub fn of(der: &[u8]) -> Option<Self> {
        let (_, x509) = X509Certificate::from_der(der).ok()?;
        [Self::Seal, Self::Authentication].into_iter().find(|key_use| key_use.admits(&x509))
    }

    /// The use whose extended key usage it has.
    pub(super) fn shown(x509: &X509Certificate<'_>) -> Self {
        match x509.extended_key_usage().ok().flatten() {
            Some(extended) if extended.value.client_auth && !extended.value.email_protection => {
                Self::Authentication
            }
            _ => Self::Seal,
        }
    }

    /// OID of the extended key usage, as DER content.
    pub(super) fn extended(self) -> &'static [u8] {
        match self {
            Self::Seal => EMAIL_PROTECTION,
            Self::Authentication => CLIENT_AUTH,
        }
    }

    /// Whether key usages are those of this use. A seal's extended usage is judged with its chain.
    pub(super) fn admits(self, x509: &X509Certificate<'_>) -> bool {
        let Some(usage) = x509.key_usage().ok().flatten().map(|extension| extension.value) else { return false };
        match self {
            Self::Seal => usage.digital_signature() && usage.non_repudiation(),
            Self::Authentication => {
                let extended = x509.extended_key_usage().ok().flatten();
                usage.digital_signature()
                    && !usage.non_repudiation()
                    && extended.is_some_and(|extension| extension.value.client_auth)
            }
        }
    }
}

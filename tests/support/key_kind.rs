//! Kinds of keys: size, and how they came to be.

/// Kind and size of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// RSA 2048.
    Rsa2048,
    /// RSA 3072.
    Rsa3072,
    /// RSA 4096.
    Rsa4096,
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// Ed25519, for audit keys alone.
    Ed25519,
}

impl KeyType {
    /// All that may seal.
    pub const ALL: [KeyType; 5] =
        [KeyType::Rsa2048, KeyType::Rsa3072, KeyType::Rsa4096, KeyType::P256, KeyType::P384];

    /// `rsa-2048` … `p-384`.
    pub fn name(self) -> &'static str {
        match self {
            KeyType::Rsa2048 => "rsa-2048",
            KeyType::Rsa3072 => "rsa-3072",
            KeyType::Rsa4096 => "rsa-4096",
            KeyType::P256 => "p-256",
            KeyType::P384 => "p-384",
            KeyType::Ed25519 => "ed25519",
        }
    }

    pub(super) fn pkcs11_tool(self) -> &'static str {
        match self {
            KeyType::Rsa2048 => "rsa:2048",
            KeyType::Rsa3072 => "rsa:3072",
            KeyType::Rsa4096 => "rsa:4096",
            KeyType::P256 => "EC:prime256v1",
            KeyType::P384 => "EC:secp384r1",
            KeyType::Ed25519 => "EC:edwards25519",
        }
    }
}

/// How the private key came to be, and what may be done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyOrigin {
    /// Generated in the token, sensitive, never extractable: the only one that may seal.
    Generated,
    /// Generated in the token, but CKA_EXTRACTABLE.
    Extractable,
    /// Generated in the token, but not CKA_SENSITIVE.
    NotSensitive,
    /// Made outside and written into the token (not CKA_LOCAL).
    Imported,
}

//! The audit key: in a token of its own, with the public half that officers have.

use std::path::Path;

use sceau::traces::audit::AuditPublicKey;

use super::establishment::write;
use super::key_bank;
use super::key_kind::{KeyOrigin, KeyType};
use super::sealed;
use super::softhsm::{Token, TokenStore};

/// Origin of every test ledger.
pub const ORIGIN: &str = "example.fr/sceau-test";
/// Name of the key; its signer is `audit-1`.
pub const KEY: &str = "audit";

/// An audit key as it was laid out.
pub struct Audit {
    /// The token with its PIN and public key.
    pub token: Token,
    /// What `AUDIT.pub` holds.
    pub public: AuditPublicKey,
}

/// Makes key, PIN file and `pki/AUDIT.pub`.
pub(super) fn lay_audit(
    folder: &Path,
    store: &TokenStore,
    kind: KeyType,
    origin: KeyOrigin,
    fresh: bool,
) -> Audit {
    let token = match fresh {
        _ if origin == KeyOrigin::Sealed => sealed::make(folder, KEY, kind, "audit"),
        true => store.make("sceau-audit", KEY, kind, KeyOrigin::Generated),
        false => key_bank::withdraw(store, KEY, kind),
    };
    let public = AuditPublicKey::of_spki(ORIGIN, &token.spki_der).unwrap();
    write(&folder.join("pki/AUDIT.pub"), &format!("{public}\n"), 0o644);
    write(&folder.join(format!("secrets/{KEY}.pin")), &token.pin, 0o600);
    Audit { token, public }
}

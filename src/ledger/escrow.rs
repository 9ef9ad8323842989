//! The keys of a ledger as they are given into escrow: what a restore needs beside the backup, and never travels with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::key_file::{KEY_LEN, Key};
use super::secrets::Secrets;
use super::store::StoreError;

/// Version of the text.
const VERSION: u8 = 1;

/// Root key and wrapping key of one epoch.
pub struct Escrow {
    /// The epoch: once a purge has begun another, this escrow is to be destroyed.
    pub epoch: u64,
    pub(super) root: Key,
    pub(super) wrapping: Key,
}

/// Why a text is no escrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ce n'est pas un séquestre de clés de cette version ; vérifiez le fichier et la clé qui l'a déchiffré")]
pub struct NotAnEscrow;

/// Erased when dropped: it holds the keys in text.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Text {
    sceau_escrow: u8,
    epoch: u64,
    root: String,
    wrapping: String,
}

impl Escrow {
    /// The present keys.
    pub(super) fn of(secrets: &Secrets) -> Result<Self, StoreError> {
        let (root, wrapping) = (secrets.root_key()?, secrets.epochs.current_key()?);
        Ok(Self { epoch: secrets.epochs.current(), root, wrapping })
    }

    /// The text that is encrypted for the recovery certificates.
    pub(super) fn text(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let text = Text {
            sceau_escrow: VERSION,
            epoch: self.epoch,
            root: STANDARD.encode(self.root.as_slice()),
            wrapping: STANDARD.encode(self.wrapping.as_slice()),
        };
        serde_json::to_vec(&text).map(Zeroizing::new).map_err(|_| StoreError::Broken("an escrow"))
    }

    /// Reads a decrypted escrow.
    ///
    /// # Errors
    /// [`NotAnEscrow`].
    pub fn parse(text: &[u8]) -> Result<Self, NotAnEscrow> {
        let text: Text = serde_json::from_slice(text).map_err(|_| NotAnEscrow)?;
        if text.sceau_escrow != VERSION || text.epoch == 0 {
            return Err(NotAnEscrow);
        }
        Ok(Self { epoch: text.epoch, root: key(&text.root)?, wrapping: key(&text.wrapping)? })
    }
}

impl std::fmt::Debug for Escrow {
    /// The epoch alone.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Escrow({})", self.epoch)
    }
}

fn key(text: &str) -> Result<Key, NotAnEscrow> {
    let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| NotAnEscrow)?);
    let key = <[u8; KEY_LEN]>::try_from(bytes.as_slice()).map_err(|_| NotAnEscrow)?;
    Ok(Zeroizing::new(key))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_come_out_as_they_went_in_and_no_form_shows_them() {
        let escrow = Escrow { epoch: 7, root: Zeroizing::new([1; 32]), wrapping: Zeroizing::new([2; 32]) };
        let text = escrow.text().unwrap();
        let back = Escrow::parse(&text).unwrap();
        assert_eq!((back.epoch, *back.root, *back.wrapping), (7, [1; 32], [2; 32]));
        assert_eq!(format!("{escrow:?}"), "Escrow(7)");
        for wrong in [&text[1..], b"{}", br#"{"sceau_escrow":2,"epoch":1,"root":"","wrapping":""}"#] {
            assert!(Escrow::parse(wrong).is_err());
        }
    }
}

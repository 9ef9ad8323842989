//! The vendor's library from loading to `C_Finalize`, and the one token in it that fits a URI.

use std::path::Path;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::Session;
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use tracing::warn;

use super::cause::Absence;
use super::error::TokenError;
use super::uri::KeyUri;

/// A loaded and initialised library; finalised and unloaded when dropped.
///
/// `C_Initialize` and `C_Finalize` are the process's: at most one `Module` may live, and every [`Session`] must be
/// dropped before it, because a session closed after a later `C_Initialize` might close somebody else's handle.
#[derive(Debug)]
pub(super) struct Module(Option<Pkcs11>);

/// A token with what it said of itself.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) slot: Slot,
    pub(super) info: TokenInfo,
}

impl Module {
    pub(super) fn load(path: &Path) -> Result<Self, TokenError> {
        let module = |cause| TokenError::Module { path: path.to_owned(), cause: Box::new(cause) };
        let pkcs11 = Pkcs11::new(path).map_err(module)?;
        match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // A library that does not finalise well is still usable.
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(Self(Some(pkcs11))),
            Err(cause) => Err(module(cause)),
        }
    }

    fn pkcs11(&self) -> Result<&Pkcs11, TokenError> {
        self.0.as_ref().ok_or_else(|| TokenError::Lost { cause: Box::new(Error::NotSupported) })
    }

    /// The one initialised token that fits.
    pub(super) fn token(&self, uri: &KeyUri) -> Result<Token, TokenError> {
        let pkcs11 = self.pkcs11()?;
        let slots = pkcs11.get_slots_with_token().map_err(|e| TokenError::of(e, "C_GetSlotList"))?;
        // A slot that does not answer is not the one we look for, or it will be when it does.
        let tokens = slots.into_iter().filter_map(|slot| {
            let info = pkcs11.get_token_info(slot).ok()?;
            info.token_initialized().then_some(Token { slot, info })
        });
        let (mut fit, other): (Vec<_>, Vec<_>) = tokens.partition(|token| token.fits(uri));
        match (fit.pop(), fit.is_empty()) {
            (Some(token), true) => Ok(token),
            (Some(token), false) => {
                fit.push(token);
                Err(Absence::Tokens { found: names(&fit) }.into())
            }
            (None, _) => Err(Absence::Token { found: names(&other) }.into()),
        }
    }

    /// Initialises the first slot whose token nobody has initialised.
    pub(super) fn initialise_free_slot(&self, officer: &AuthPin, label: &str) -> Result<(), TokenError> {
        let pkcs11 = self.pkcs11()?;
        let slots = pkcs11.get_slots_with_token().map_err(|e| TokenError::of(e, "C_GetSlotList"))?;
        let is_free = |slot: &Slot| pkcs11.get_token_info(*slot).is_ok_and(|info| !info.token_initialized());
        let Some(slot) = slots.into_iter().find(is_free) else {
            return Err(Absence::Token { found: "aucun emplacement libre".to_owned() }.into());
        };
        pkcs11.init_token(slot, officer, label).map_err(|e| TokenError::of(e, label))
    }

    /// A read-only session: signing changes nothing in a token.
    pub(super) fn session(&self, slot: Slot) -> Result<Session, Error> {
        self.pkcs11().map_err(|_| Error::NotSupported)?.open_ro_session(slot)
    }

    /// A session that may make and destroy objects, for the key ceremony.
    pub(super) fn writing_session(&self, slot: Slot) -> Result<Session, Error> {
        self.pkcs11().map_err(|_| Error::NotSupported)?.open_rw_session(slot)
    }

    /// What the token says of itself now.
    pub(super) fn token_info(&self, slot: Slot) -> Result<TokenInfo, TokenError> {
        self.pkcs11()?.get_token_info(slot).map_err(|e| TokenError::of(e, "C_GetTokenInfo"))
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if let Some(pkcs11) = self.0.take()
            && let Err(cause) = pkcs11.finalize()
        {
            // A lost device often cannot say goodbye; the library is unloaded all the same.
            warn!(%cause, "C_Finalize failed");
        }
    }
}

impl Token {
    fn fits(&self, uri: &KeyUri) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|w| w == value);
        is(&uri.token, self.info.label())
            && is(&uri.serial, self.info.serial_number())
            && is(&uri.manufacturer, self.info.manufacturer_id())
            && is(&uri.model, self.info.model())
            && uri.slot_id.is_none_or(|id| id == self.slot.id())
    }
}

fn names(tokens: &[Token]) -> String {
    if tokens.is_empty() {
        return "aucun".to_owned();
    }
    let name =
        |t: &Token| format!("{:?} (serial {}, slot-id {})", t.info.label(), t.info.serial_number(), t.slot.id());
    tokens.iter().map(name).collect::<Vec<_>>().join(", ")
}

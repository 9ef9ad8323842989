//! One token opened for one command of a person: found first, then logged in to once.

use std::path::{Path, PathBuf};

use cryptoki::session::Session;
use cryptoki::slot::Slot;

use super::error::TokenError;
use super::login::login;
use super::module::{Module, Token};
use super::pin::Pin;
use super::refused::PinGuard;
use super::uri::KeyUri;
use crate::config::PinSource;
use crate::seal::key::TokenIdentity;

/// A token that was found and not yet asked for anything.
#[derive(Debug)]
pub struct Reached {
    module: Module,
    token: Token,
    path: PathBuf,
    identity: TokenIdentity,
}

/// A token with a session that may write, logged in; dropping it logs out, finalises and unloads the library.
///
/// At most one lives in a process, and none beside a [`super::Device`]: the library's state is the process's.
#[derive(Debug)]
pub struct OpenToken {
    // Dropped in this order: a session must be closed before its library is finalised.
    pub(super) session: Session,
    identity: TokenIdentity,
    path: PathBuf,
    slot: Slot,
    module: Module,
}

impl Reached {
    /// Loads the library and finds the one token that fits; `module` wins over the URI's `module-path`.
    ///
    /// Trusts the library with the process.
    ///
    /// # Errors
    /// [`TokenError`]; nothing is left loaded.
    pub fn find(module: Option<&Path>, uri: &KeyUri) -> Result<Self, TokenError> {
        let path = module.or(uri.module_path.as_deref()).ok_or(TokenError::NoModule)?.to_owned();
        let module = Module::load(&path)?;
        let token = module.token(uri)?;
        let identity = TokenIdentity {
            label: token.info.label().to_owned(),
            manufacturer: token.info.manufacturer_id().to_owned(),
            model: token.info.model().to_owned(),
            serial: token.info.serial_number().to_owned(),
        };
        Ok(Self { module, token, path, identity })
    }

    /// How the token names itself.
    #[must_use]
    pub fn identity(&self) -> &TokenIdentity {
        &self.identity
    }

    /// The library.
    #[must_use]
    pub fn module(&self) -> &Path {
        &self.path
    }

    /// Logs in with the PIN of `source`: one `C_Login` at most, and none if `guard` remembers that this PIN was refused.
    ///
    /// # Errors
    /// [`TokenError`]; the token is closed.
    pub fn login(self, source: &PinSource, guard: &PinGuard) -> Result<OpenToken, TokenError> {
        let pin = Pin::read(source)?;
        let library = |e| TokenError::of(e, &self.identity.label);
        let session = self.module.writing_session(self.token.slot).map_err(library)?;
        let memory = guard.token(&self.path, &self.identity.serial, &self.identity.label);
        login(&self.module, &session, &self.token, &pin, &memory)?;
        Ok(OpenToken {
            session,
            identity: self.identity,
            path: self.path,
            slot: self.token.slot,
            module: self.module,
        })
    }
}

impl OpenToken {
    /// A session for one signature, logged in with the others: when it is closed, a signature that failed half-way no
    /// longer holds its key (tpm2-pkcs11 does not destroy a key that an operation has begun with).
    pub(super) fn signing_session(&self, object: &str) -> Result<Session, TokenError> {
        self.module.session(self.slot).map_err(|e| TokenError::of(e, object))
    }

    /// How the token names itself.
    #[must_use]
    pub fn identity(&self) -> &TokenIdentity {
        &self.identity
    }

    /// The library.
    #[must_use]
    pub fn module(&self) -> &Path {
        &self.path
    }
}

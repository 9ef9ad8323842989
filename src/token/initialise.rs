//! A new soft token: named, with the PINs of its officer and its user.

use std::path::Path;

use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::cause::Absence;
use super::error::TokenError;
use super::module::Module;
use super::uri::KeyUri;

/// The PINs of a new token.
#[derive(Debug)]
pub struct NewPins {
    /// The security officer's, who alone may set the user's anew.
    pub officer: Zeroizing<String>,
    /// The user's, with which keys are made and used.
    pub user: Zeroizing<String>,
}

/// Initialises the module's first free slot as token `label`.
///
/// Trusts the library with the process. A token that is initialised already is never touched: there must be a free slot and
/// none of that label.
///
/// # Errors
/// [`TokenError`]; a crash or an error half-way leaves a token without a user's PIN, which serves nobody.
pub fn initialise(module: &Path, label: &str, pins: &NewPins) -> Result<(), TokenError> {
    let module = Module::load(module)?;
    let uri = KeyUri { token: Some(label.to_owned()), ..KeyUri::default() };
    if module.token(&uri).is_ok() {
        return Err(Absence::Tokens { found: label.to_owned() }.into());
    }
    let pin = |text: &Zeroizing<String>| AuthPin::from(text.as_str());
    module.initialise_free_slot(&pin(&pins.officer), label)?;
    // SoftHSM gives an initialised token another slot: it is looked for by its name.
    let token = module.token(&uri)?;
    let library = |cause| TokenError::of(cause, label);
    let session = module.writing_session(token.slot).map_err(library)?;
    session.login(UserType::So, Some(&pin(&pins.officer))).map_err(library)?;
    session.init_pin(&pin(&pins.user)).map_err(library)
}

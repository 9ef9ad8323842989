//! The login: one try of the PIN, under the token's memory, and what the token's answer says of the PIN.

use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::types::RawAuthPin;
use tracing::{info, warn};

use super::cause::{Absence, PinRefusal};
use super::error::TokenError;
use super::module::{Module, Token};
use super::pin::Pin;
use super::refused::TokenMemory;
use super::tries::TriesLeft;

/// What a failed `C_Login` says of the PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// It is wrong.
    Refused,
    /// Nothing: the token was not there, or was never asked.
    Nothing,
    /// Perhaps that it is wrong: some modules answer a wrong PIN with a general error.
    Unclear,
}

/// Logs the user in, once for all sessions of this process (PKCS#11 §5.6.8); tries a PIN only if `memory` admits it.
pub(super) fn login(
    module: &Module,
    anchor: &Session,
    token: &Token,
    pin: &Pin,
    memory: &TokenMemory,
) -> Result<(), TokenError> {
    let mut attempt = memory.admit(pin)?;
    // Asked while no other process of the token can be trying: the flags are those before this very try.
    let slot = token.slot;
    let info = module.token_info(slot)?;
    let token = info.label().to_owned();
    if !info.login_required() {
        return Ok(());
    }
    if !info.user_pin_initialized() {
        return Err(Absence::PinNotInitialised { token }.into());
    }
    if info.user_pin_locked() {
        return Err(PinRefusal::Locked { token }.into());
    }
    if info.user_pin_final_try() {
        return Err(PinRefusal::FinalTry { token }.into());
    }
    if info.user_pin_count_low() {
        warn!(token, "a wrong PIN has been entered since the last login (CKF_USER_PIN_COUNT_LOW)");
    }
    attempt.prepare()?;
    let marker = memory.marker();
    match anchor.login_with_raw(UserType::User, &RawAuthPin::new(Box::new(pin.expose().to_vec()))) {
        Ok(()) => {
            info!(token, "logged in");
            attempt.accepted();
            Ok(())
        }
        Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
            attempt.withdrawn();
            Ok(())
        }
        Err(cause) => match meaning(&cause) {
            Meaning::Refused => {
                attempt.refused()?;
                // Asked again: the flags above were those before this try.
                let tries = module.token_info(slot).map_or(TriesLeft::Unsaid, |info| TriesLeft::of(&info));
                Err(PinRefusal::Token { cause: Box::new(cause), tries, marker }.into())
            }
            Meaning::Unclear => {
                let wait_s = attempt.unclear().as_secs();
                Err(TokenError::LoginUnclear { cause: Box::new(cause), wait_s, marker })
            }
            Meaning::Nothing => {
                attempt.withdrawn();
                Err(match cause {
                    Error::Pkcs11(RvError::UserPinNotInitialized, _) => {
                        Absence::PinNotInitialised { token }.into()
                    }
                    cause => TokenError::Lost { cause: Box::new(cause) },
                })
            }
        },
    }
}

fn meaning(cause: &Error) -> Meaning {
    let Error::Pkcs11(rv, _) = cause else { return Meaning::Nothing };
    match rv {
        RvError::PinIncorrect
        | RvError::PinInvalid
        | RvError::PinLenRange
        | RvError::PinExpired
        | RvError::PinLocked => Meaning::Refused,
        // The library has no session with a token to which a PIN could have gone.
        RvError::DeviceRemoved
        | RvError::TokenNotPresent
        | RvError::TokenNotRecognized
        | RvError::SessionClosed
        | RvError::SessionHandleInvalid
        | RvError::CryptokiNotInitialized
        | RvError::UserPinNotInitialized => Meaning::Nothing,
        _ => Meaning::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    #[test]
    fn what_is_neither_a_wrong_pin_nor_a_missing_token_is_unclear() {
        let of = |rv| meaning(&Error::Pkcs11(rv, Function::Login));
        for rv in [RvError::PinIncorrect, RvError::PinLocked, RvError::PinExpired, RvError::PinLenRange] {
            assert_eq!(of(rv), Meaning::Refused, "{rv:?}");
        }
        for rv in [RvError::DeviceRemoved, RvError::TokenNotPresent, RvError::SessionHandleInvalid] {
            assert_eq!(of(rv), Meaning::Nothing, "{rv:?}");
        }
        for rv in [
            RvError::GeneralError,
            RvError::FunctionFailed,
            RvError::DeviceError,
            RvError::DeviceMemory,
            RvError::VendorDefined(0x8000_0001),
        ] {
            assert_eq!(of(rv), Meaning::Unclear, "{rv:?}");
        }
        assert_eq!(meaning(&Error::NotSupported), Meaning::Nothing, "the library has no C_Login");
    }
}

//! How many tries of a PIN a token has left, as far as its flags say (PKCS#11 §3.2, `CK_TOKEN_INFO`).

use std::fmt;

use cryptoki::slot::TokenInfo;

/// What the flags of a token allow to say after a refused PIN, and nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriesLeft {
    /// `CKF_USER_PIN_LOCKED`: none.
    None,
    /// `CKF_USER_PIN_FINAL_TRY`: one; the next wrong PIN locks it.
    One,
    /// `CKF_USER_PIN_COUNT_LOW` alone: fewer than at first, the token does not say how many.
    Fewer,
    /// No flag: the token says nothing, which may also mean that it does not count.
    Unsaid,
}

impl TriesLeft {
    pub(super) fn of(info: &TokenInfo) -> Self {
        if info.user_pin_locked() {
            Self::None
        } else if info.user_pin_final_try() {
            Self::One
        } else if info.user_pin_count_low() {
            Self::Fewer
        } else {
            Self::Unsaid
        }
    }
}

impl fmt::Display for TriesLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "essais restants : aucun, le token est verrouillé (CKF_USER_PIN_LOCKED)",
            Self::One => "essais restants : un seul avant verrouillage (CKF_USER_PIN_FINAL_TRY)",
            Self::Fewer => {
                "essais restants : moins qu'au départ, le token ne dit pas combien (CKF_USER_PIN_COUNT_LOW)"
            }
            Self::Unsaid => "essais restants : le token ne le dit pas",
        })
    }
}

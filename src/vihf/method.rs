//! Primary authentication methods: the closed table of annexe 2, and the two beside it (vihf.md §2).

use std::fmt;

use serde::Deserialize;

/// How a professional logged in at the establishment, under the name that `AuthnContextDecl` gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub enum Method {
    /// 1: CPS card and PIN.
    Cps,
    /// 2: the establishment's contactless card and PIN.
    CarteEts,
    /// 3: CPS and PIN first, then contactless within a delay.
    CpsSansContact,
    /// 4: password and one-time code by SMS.
    OtpSms,
    /// 5: password and PIN on a mobile application.
    AppMobileAuth,
    /// 6: password and PIN in a web browser.
    AppBrowserAuth,
    /// "AIR simplifié": conformity to the PGSSI-S requirements.
    ConfExiPgssis,
    /// Bluetooth device and PIN: known, without a published value.
    BluetoothPin,
}

impl Method {
    /// Every method that is known.
    pub const ALL: [Self; 8] = [
        Self::Cps,
        Self::CarteEts,
        Self::CpsSansContact,
        Self::OtpSms,
        Self::AppMobileAuth,
        Self::AppBrowserAuth,
        Self::ConfExiPgssis,
        Self::BluetoothPin,
    ];

    /// The name in the contract, the configuration and the registers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cps => "CPS",
            Self::CarteEts => "CARTE_ETS",
            Self::CpsSansContact => "CPS:CPSSANSCONTACT",
            Self::OtpSms => "OTP_SMS",
            Self::AppMobileAuth => "APP_MOBILE_AUTH",
            Self::AppBrowserAuth => "APP_BROWSER_AUTH",
            Self::ConfExiPgssis => "CONF_EXI_PGSSIS",
            Self::BluetoothPin => "BLUETOOTH_PIN",
        }
    }

    /// The method of that name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

impl TryFrom<String> for Method {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        Self::parse(&name).ok_or_else(|| {
            // The name is not repeated: it is the caller's, of any length.
            let known: Vec<_> = Self::ALL.iter().map(|m| m.name()).collect();
            format!("cette méthode est inconnue ; les méthodes connues sont {}", known.join(", "))
        })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

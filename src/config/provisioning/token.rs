//! `[token]`: the soft token that the appliance makes itself, or a vendor's module.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::policy::breach::Breach;

/// The word for the soft token of the image.
const SOFT: &str = "softhsm";
/// Where signers may execute a module from (`ExecPaths=` of their unit).
const FOLDERS: [&str; 3] = ["/usr/lib/", "/usr/local/lib/", "/opt/"];

/// Where keys are made and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenModule {
    /// SoftHSM: tokens on the encrypted state, PINs that nobody knows.
    Soft,
    /// A vendor's library and token.
    Vendor {
        /// The library.
        module: PathBuf,
        /// `pkcs11:token=…`: the token, without a key.
        uri: String,
        /// A network HSM's address, which the signers may call.
        address: Option<IpAddr>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenTable {
    module: String,
    uri: Option<String>,
    address: Option<String>,
}

impl TokenTable {
    /// The module, or what is wrong with it.
    pub(super) fn check(self, breaches: &mut Vec<Breach>) -> Option<TokenModule> {
        let before = breaches.len();
        let mut refuse = |rule, field, cause: String| {
            breaches.push(Breach::of(rule, "token", field, format!("[token] {cause}")))
        };
        if self.module == SOFT {
            for (field, given) in [("uri", self.uri.is_some()), ("address", self.address.is_some())] {
                if given {
                    let cause = format!("{field} ne va pas avec module = \"{SOFT}\" ; retirez-le");
                    refuse("contradiction", field, cause);
                }
            }
            return (breaches.len() == before).then_some(TokenModule::Soft);
        }
        if !is_module(&self.module) {
            let folders = FOLDERS.join(", ");
            let cause = format!("module : donnez \"{SOFT}\", ou une bibliothèque sous {folders}");
            refuse("bad-value", "module", cause);
        }
        let uri = self.uri.filter(|uri| is_token(uri));
        if uri.is_none() {
            let cause = "uri : donnez le token, sans clé, par exemple pkcs11:token=cachet".to_owned();
            refuse("bad-value", "uri", cause);
        }
        let address = self.address.map(|text| text.parse::<IpAddr>().ok());
        if address == Some(None) {
            let cause = "address n'est pas une adresse ; donnez celle du HSM, par exemple 192.0.2.30".to_owned();
            refuse("bad-value", "address", cause);
        }
        if breaches.len() > before {
            return None;
        }
        Some(TokenModule::Vendor { module: self.module.into(), uri: uri?, address: address.flatten() })
    }
}

/// A library at a place from which it may be executed, in a name that needs no quoting.
fn is_module(module: &str) -> bool {
    FOLDERS.iter().any(|folder| module.starts_with(folder))
        && module.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._+-".contains(&b))
        && !module.split('/').any(|part| part == ".." || part == ".")
}

/// `pkcs11:` with a token and no key; its values are judged by whoever opens it.
fn is_token(uri: &str) -> bool {
    uri.strip_prefix("pkcs11:").is_some_and(|path| {
        let attributes: Vec<_> = path.split(';').filter_map(|part| part.split_once('=')).collect();
        !attributes.is_empty()
            && attributes.len() == path.split(';').count()
            && attributes.iter().all(|(name, _)| ["token", "serial", "manufacturer", "model"].contains(name))
            && path.bytes().all(|b| b.is_ascii_graphic() && !b"\"'\\".contains(&b))
    })
}

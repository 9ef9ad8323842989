//! RFC 7512 URI of a private key: text to decoded, checked values.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use pk11_uri_parser::{PK11URIError, parse};

/// Longest URI in bytes: every attribute at its PKCS#11 length, percent-encoded, is shorter.
const URI_LEN_MAX: usize = 4096;
/// Attributes that we match on; another one would silently not be obeyed, so it is refused.
const KNOWN: [&str; 9] =
    ["token", "serial", "manufacturer", "model", "slot-id", "object", "id", "type", "module-path"];

/// Which private key of which token; what is `None` is not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyUri {
    /// Label of the token.
    pub token: Option<String>,
    /// Serial number of the token.
    pub serial: Option<String>,
    /// Maker of the token.
    pub manufacturer: Option<String>,
    /// Model of the token.
    pub model: Option<String>,
    /// Number of its slot; some modules renumber slots at every start.
    pub slot_id: Option<u64>,
    /// `CKA_LABEL` of the key.
    pub object: Option<Vec<u8>>,
    /// `CKA_ID` of the key.
    pub id: Option<Vec<u8>>,
    /// The vendor's library.
    pub module_path: Option<PathBuf>,
}

/// Why a URI is not taken; never repeats a PIN that stood in it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// It holds a PIN or says where one is.
    #[error("pin-value et pin-source n'y ont pas leur place ; utilisez pin_file ou pin_credential")]
    Pin,
    /// An attribute that we would not obey.
    #[error(
        "l'attribut {0:?} n'est pas pris en charge ; admis : token, serial, manufacturer, model, slot-id, object, id, type, module-path"
    )]
    Attribute(String),
    /// An attribute given twice.
    #[error("l'attribut {0:?} est donné deux fois")]
    Twice(String),
    /// Not a private key's URI.
    #[error("type={0} ; un cachet est une clé privée : type=private")]
    Type(String),
    /// Not the form of RFC 7512.
    #[error("ce n'est pas une URI RFC 7512 : {0}")]
    Form(String),
}

impl KeyUri {
    /// Reads the URI of a private key.
    ///
    /// # Errors
    /// [`UriError`].
    pub fn parse(uri: &str) -> Result<Self, UriError> {
        check_attributes(uri)?;
        let parts = parse(uri).map_err(|e: PK11URIError| UriError::Form(e.to_string()))?;
        match parts.r#type() {
            None | Some("private") => {}
            Some(other) => return Err(UriError::Type(other.to_owned())),
        }
        let slot_id = parts.slot_id().map(|n| n.parse().map_err(|_| UriError::Form(format!("slot-id={n}"))));
        Ok(Self {
            token: text(parts.token())?,
            serial: text(parts.serial())?,
            manufacturer: text(parts.manufacturer())?,
            model: text(parts.model())?,
            slot_id: slot_id.transpose()?,
            object: parts.object().map(bytes),
            id: parts.id().map(bytes),
            module_path: parts.module_path().map(|v| OsString::from_vec(bytes(v)).into()),
        })
    }

    /// How the key is called in messages.
    #[must_use]
    pub fn object_name(&self) -> String {
        match (&self.object, &self.id) {
            (Some(label), _) => String::from_utf8_lossy(label).into_owned(),
            (None, Some(id)) => format!("id={}", hex(id)),
            (None, None) => "(sans nom)".to_owned(),
        }
    }
}

/// Refuses what the parser would take and we would not obey, before the parser quotes it in an error.
fn check_attributes(uri: &str) -> Result<(), UriError> {
    if uri.len() > URI_LEN_MAX || !uri.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(UriError::Form(format!("plus de {URI_LEN_MAX} octets, ou un caractère à écrire en %XX")));
    }
    let mut seen = HashSet::new();
    let path =
        uri.strip_prefix("pkcs11:").ok_or_else(|| UriError::Form("elle commence par pkcs11:".to_owned()))?;
    let attributes: Vec<_> =
        path.split([';', '?', '&']).filter(|a| !a.is_empty()).map(|a| a.split('=').next().unwrap_or(a)).collect();
    // Anywhere: two URIs pasted as one hide the second one's PIN in a value, and the parser's message would show it.
    let holds_pin = ["pin-value", "pin-source"].iter().any(|name| uri.to_ascii_lowercase().contains(name));
    if holds_pin || attributes.iter().any(|name| name.starts_with("pin")) {
        return Err(UriError::Pin);
    }
    for name in attributes {
        if !KNOWN.contains(&name) {
            return Err(UriError::Attribute(name.to_owned()));
        }
        if !seen.insert(name) {
            return Err(UriError::Twice(name.to_owned()));
        }
    }
    Ok(())
}

fn bytes(encoded: &str) -> Vec<u8> {
    percent_decode_str(encoded).collect()
}

fn text(encoded: Option<&str>) -> Result<Option<String>, UriError> {
    let decoded = encoded.map(|v| String::from_utf8(bytes(v)).map_err(|_| UriError::Form(v.to_owned())));
    decoded.transpose()
}

/// Lower-case hexadecimal, as tools show `CKA_ID`.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_decoded() {
        let uri = "pkcs11:token=The%20Software%20PKCS%2311;serial=00%2F1;slot-id=3;object=cl%C3%A9;id=%00%ff;type=private?module-path=/usr/lib/x.so";
        let key = KeyUri::parse(uri).unwrap();
        assert_eq!(key.token.as_deref(), Some("The Software PKCS#11"));
        assert_eq!((key.serial.as_deref(), key.slot_id), (Some("00/1"), Some(3)));
        assert_eq!(
            (key.object.as_deref(), key.id.as_deref()),
            (Some("clé".as_bytes()), Some([0, 255].as_slice()))
        );
        assert_eq!(key.module_path, Some("/usr/lib/x.so".into()));
    }

    #[test]
    fn what_we_would_not_obey_is_refused() {
        for (uri, error) in [
            ("pkcs11:object=k?pin-value=1234", UriError::Pin),
            ("pkcs11:object=k?pin-source=file:/p", UriError::Pin),
            ("pkcs11:object=k;pin-value=1234", UriError::Pin),
            ("pkcs11:object=k;library-version=3", UriError::Attribute("library-version".to_owned())),
            ("pkcs11:object=k;x-own=3", UriError::Attribute("x-own".to_owned())),
            ("pkcs11:object=k;object=l", UriError::Twice("object".to_owned())),
            ("pkcs11:object=k;type=cert", UriError::Type("cert".to_owned())),
        ] {
            assert_eq!(KeyUri::parse(uri), Err(error), "{uri}");
        }
        for uri in ["", "http://x", "pkcs11:slot-id=a", "pkcs11:object=a b", "pkcs11:token=%ff", "pkcs11:;"] {
            assert!(matches!(KeyUri::parse(uri), Err(UriError::Form(_))), "{uri}");
        }
    }

    #[test]
    fn a_pin_is_not_repeated() {
        for uri in [
            "pkcs11:object=a/b?pin-value=s3cr3t",
            "pkcs11:;?pin-value=s3cr3t",
            "pkcs11:?pin-value=s3cr3t&&",
            "pkcs11:model=apkcs11:pin-value=s3cr3t/:?;?",
            "pkcs11:model=aPIN-VALUE=s3cr3t%$:?;?",
        ] {
            let message = KeyUri::parse(uri).unwrap_err().to_string();
            assert!(!message.contains("s3cr3t"), "{message}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(tail in "[ -~é]{0,60}", structured in "(token|object|id|slot-id|type|[a-z-]{0,5})=?[%a-f0-9/;?&= ]{0,20}") {
            let _ = KeyUri::parse(&format!("pkcs11:{tail}"));
            let _ = KeyUri::parse(&format!("pkcs11:{structured};{structured}?{tail}"));
            let _ = KeyUri::parse(&tail);
        }
    }
}

//! A key's URI: what is read can be written and read again, and no message repeats a PIN.

use sceau::token::KeyUri;

/// Longest URI that is read.
const URI_LEN_MAX: usize = 4096;

pub fn holds(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match KeyUri::parse(text) {
        Ok(key) => {
            assert!(text.starts_with("pkcs11:"), "{text}");
            assert!(!key.object_name().is_empty() || key.object.as_deref() == Some(b""), "{key:?}");
            let written = write(&key);
            // Each encoded byte is three: a long URI grows past the limit.
            assert!(written.len() > URI_LEN_MAX || KeyUri::parse(&written).as_ref() == Ok(&key), "{written}");
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.len() > 10, "{message}");
            // Whatever stands behind pin-value= is a secret, however wrong the rest is.
            let pin =
                text.split_once("pin-value=").map(|(_, rest)| rest.split([';', '&', '?']).next().unwrap_or(rest));
            // The refusal of any PIN is a text of ours, in which even a word of the URI may stand by chance.
            let fixed = KeyUri::parse("pkcs11:?pin-value=0").map_err(|error| error.to_string());
            let repeats = |pin: &str| pin.len() >= 8 && message.contains(pin) && fixed.as_ref() != Err(&message);
            assert!(!pin.is_some_and(repeats), "{message}");
        }
    }
}

/// Every attribute, each byte as `%XX`.
fn write(key: &KeyUri) -> String {
    let encode = |bytes: &[u8]| bytes.iter().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let text = |value: &Option<String>| value.as_ref().map(|value| encode(value.as_bytes()));
    let attributes = [
        ("token", text(&key.token)),
        ("serial", text(&key.serial)),
        ("manufacturer", text(&key.manufacturer)),
        ("model", text(&key.model)),
        ("slot-id", key.slot_id.map(|slot| slot.to_string())),
        ("object", key.object.as_deref().map(encode)),
        ("id", key.id.as_deref().map(encode)),
    ];
    let path: Vec<String> =
        attributes.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?))).collect();
    let module = key.module_path.as_ref().map(|path| encode(path.as_os_str().as_encoded_bytes()));
    format!("pkcs11:{}{}", path.join(";"), module.map(|path| format!("?module-path={path}")).unwrap_or_default())
}

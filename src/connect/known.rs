//! The appliances that this server was introduced to: their addresses, and the keys that their gates were introduced with.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::policy::breach::Breach;
use crate::policy::fingerprint::Fingerprint;
use crate::sys::durable;
use crate::tables::{ConfigError, Document, Fault, Key, Kind, may, must};

const FILE: &str = "appliances.toml";
const MODE: u32 = 0o644;
/// An establishment has an appliance, or two.
pub(super) const APPLIANCES_MAX: usize = 2;

const KEYS: &[Key] = &[
    must("application", Kind::Text),
    may("appliance", Kind::Tables(&[must("address", Kind::Text), must("gate", Kind::Text)])),
];

/// What `enrol` wrote.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    /// Its name in their registers.
    pub(super) application: String,
    /// One or two.
    #[serde(default)]
    pub(super) appliance: Vec<Entry>,
}

/// One appliance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// `HOST:PORT`.
    pub(super) address: String,
    /// Fingerprint of its gate's key.
    pub(super) gate: String,
}

impl Entry {
    /// The fingerprint; checked when it was read.
    pub(super) fn gate(&self) -> Option<Fingerprint> {
        Fingerprint::parse(&self.gate)
    }

    /// Host and port.
    pub(super) fn place(&self) -> Option<(&str, u16)> {
        place(&self.address)
    }
}

/// `HOST:PORT`, an IPv6 address between brackets.
pub(super) fn place(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = match bare {
        Some(bare) => bare,
        None if host.contains(':') => return None,
        None => host,
    };
    let port: u16 = port.parse().ok()?;
    rustls_pki_types::ServerName::try_from(host).ok()?;
    (port != 0).then_some((host, port))
}

impl Known {
    /// Reads the file of `folder`; none where nothing was enrolled.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, ConfigError> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let mut document: Document<Self> = Document::read(&path, KEYS);
        let mut faults = std::mem::take(&mut document.faults);
        let known = document.take();
        if let Some(known) = &known {
            let wrong =
                |number, field, cause: &str| Breach::of("bad-value", "appliance", field, cause).in_entry(number);
            let entries = known.appliance.iter().enumerate();
            let breaches = entries.flat_map(|(number, entry)| {
                let place = entry.place().is_none().then(|| wrong(number, "address", "donnez HÔTE:PORT"));
                let cause = "ce n'est pas l'empreinte d'une clé (sha256:…) ; refaites « enrol »";
                [place, entry.gate().is_none().then(|| wrong(number, "gate", cause))]
            });
            faults.extend(document.locate(breaches.flatten().collect()));
            if known.appliance.len() > APPLIANCES_MAX {
                let cause = format!("plus de {APPLIANCES_MAX} appliances ; retirez celles qui ne servent plus");
                faults.push(Fault::of("too-many", &path, cause));
            }
        }
        ConfigError::unless_empty(faults)?;
        Ok(known)
    }

    /// Adds an appliance, or replaces what was known of that address, durably.
    ///
    /// # Errors
    /// The file that cannot be written.
    pub(super) fn add(mut self, folder: &Path, entry: Entry) -> Result<Self, Fault> {
        let path = folder.join(FILE);
        match self.appliance.iter_mut().find(|known| known.address == entry.address) {
            Some(known) => *known = entry,
            None => self.appliance.push(entry),
        }
        let text = toml::to_string(&self)
            .map_err(|_| Fault::of("file-unusable", &path, "il ne peut pas être écrit ; signalez-le"))?;
        let text = format!("# Écrit par sceau-connect enrol.\n{text}");
        durable::replace(&path, text.as_bytes(), MODE).map_err(|cause| Fault::unread(&path, &cause))?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        assert_eq!(place("sceau-a.chu.example:8443"), Some(("sceau-a.chu.example", 8443)));
        assert_eq!(place("[2001:db8::1]:443"), Some(("2001:db8::1", 443)));
        assert_eq!(place("10.0.0.1:1"), Some(("10.0.0.1", 1)));
        for wrong in ["", "a", "a:", ":1", "a:0", "a:65536", "2001:db8::1:443", "a b:1", "https://a:1"] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_was_added_is_read_again_and_an_address_has_one_key() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Known::read(folder.path()).unwrap().is_none());
        let entry =
            |address: &str, key: &[u8]| Entry { address: address.into(), gate: Fingerprint::of(key).to_string() };
        let mut known = Known { application: "dpi".into(), appliance: Vec::new() };
        for (address, key) in [("a:1", "one"), ("b:1", "two"), ("a:1", "three")] {
            known = known.add(folder.path(), entry(address, key.as_bytes())).unwrap();
        }
        let read = Known::read(folder.path()).unwrap().unwrap();
        assert_eq!(read.appliance, [entry("a:1", b"three"), entry("b:1", b"two")]);
        std::fs::write(
            folder.path().join(FILE),
            "application = \"dpi\"\n[[appliance]]\naddress = \"a\"\ngate = \"x\"\n",
        )
        .unwrap();
        let said = Known::read(folder.path()).unwrap_err().to_string();
        assert!(said.contains("ligne 3") && said.contains("ligne 4"), "{said}");
    }
}

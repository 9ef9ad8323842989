//! What a quote covers beside PCRs: nonce and claims, as the 32 bytes of its qualifying data.

use super::document::{Claims, KeyCertificate};
use super::nonce::Nonce;
use crate::traces::digest::Digest;

/// Says what the hash is for; changes with any change below.
const DOMAIN: &str = "fr.sceau.evidence.binding/1";

/// `qualifyingData` of TPM2_Quote, TPM2_Certify and TPM2_NV_Certify for this nonce and these claims.
///
/// SHA-256 over a list of items, each preceded by its length in bytes (4 bytes, big-endian). Lists and optional values are preceded by an
/// item that holds their number (4 bytes, big-endian; 0 or 1 for an optional value), so that no two claims have one encoding:
///
/// domain · nonce · version · image? · convention · number of seals, then structure, key and SHA-256 of the certificate of each
/// (followed, where the key is in no token, by `sealed` in the certificate's item) ·
/// ledger? (audit key, checkpoint) · counter? (8 bytes, big-endian) · where there are certificates of mutual TLS their number, then the
/// same of each as of a seal; nothing where there is none, so that evidence of an appliance without a relay keeps its bytes.
#[must_use]
pub fn qualifying_data(nonce: &Nonce, claims: &Claims) -> Digest {
    let mut items = Items::default();
    items.add(DOMAIN.as_bytes());
    items.add(nonce.as_bytes());
    items.add(claims.version.as_bytes());
    items.count(usize::from(claims.image.is_some()));
    if let Some(image) = &claims.image {
        items.add(image.as_bytes());
    }
    items.add(claims.convention.as_bytes());
    items.certificates(&claims.seals);
    items.count(usize::from(claims.ledger.is_some()));
    if let Some(ledger) = &claims.ledger {
        items.add(ledger.audit_key.as_bytes());
        items.add(ledger.checkpoint.as_bytes());
    }
    items.count(usize::from(claims.counter.is_some()));
    if let Some(counter) = claims.counter {
        items.add(&counter.to_be_bytes());
    }
    if !claims.authentications.is_empty() {
        items.certificates(&claims.authentications);
    }
    Digest::of(&[&items.0])
}

#[derive(Default)]
struct Items(Vec<u8>);

impl Items {
    fn add(&mut self, item: &[u8]) {
        self.0.extend(len(item.len()));
        self.0.extend_from_slice(item);
    }

    fn certificates(&mut self, all: &[KeyCertificate]) {
        self.count(all.len());
        for one in all {
            self.add(one.structure.as_bytes());
            self.add(one.key.as_bytes());
            let certificate = Digest::of(&[&one.certificate.0]);
            // Within the item, so that appliances without such keys have the bytes of before, and no two claims have one.
            let keyring = if one.keyring.is_token() { "" } else { one.keyring.name() };
            self.add(&[certificate.as_bytes().as_slice(), keyring.as_bytes()].concat());
        }
    }

    fn count(&mut self, number: usize) {
        self.add(&len(number));
    }
}

/// A document is far below 4 GiB (`DOCUMENT_LEN_MAX`).
fn len(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::evidence::document::{Ledger, Marshalled};
    use crate::policy::keyring::Keyring;

    fn seal(structure: &str, key: &str) -> KeyCertificate {
        KeyCertificate {
            structure: structure.to_owned(),
            key: key.to_owned(),
            certificate: Marshalled(vec![0x30]),
            keyring: Keyring::Pkcs11,
        }
    }

    fn claims() -> Claims {
        Claims {
            version: "0.1.0".to_owned(),
            image: None,
            convention: Digest::of(&[b"convention"]),
            seals: vec![seal("1750000012", "seal-a")],
            authentications: vec![],
            ledger: Some(Ledger { audit_key: "key".to_owned(), checkpoint: "note".to_owned() }),
            counter: Some(7),
        }
    }

    /// The same list made by hand, as the attester's other implementations would.
    #[test]
    fn the_bytes_never_change() {
        let item = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
        let count = |number: u32| item(&number.to_be_bytes());
        let bytes = [
            item(b"fr.sceau.evidence.binding/1"),
            item(&[5; 32]),
            item(b"0.1.0"),
            count(0),
            item(Digest::of(&[b"convention"]).as_bytes()),
            count(1),
            item(b"1750000012"),
            item(b"seal-a"),
            item(Digest::of(&[&[0x30]]).as_bytes()),
            count(1),
            item(b"key"),
            item(b"note"),
            count(1),
            item(&7u64.to_be_bytes()),
        ];
        let found = qualifying_data(&Nonce::new([5; 32]), &claims());
        assert_eq!(found, Digest::of(&[&bytes.concat()]));
        assert_eq!(found.to_string(), "ac8e7c4c4684c73f13a7f6d8aebe52d37eeca78212b74b43765ac8931c4058d1");
    }

    #[test]
    fn every_claim_is_covered_and_no_two_are_alike() {
        let all = [
            claims(),
            Claims { version: "0.1.1".to_owned(), ..claims() },
            Claims { image: Some(String::new()), ..claims() },
            Claims { convention: Digest::of(&[]), ..claims() },
            Claims { seals: vec![], ..claims() },
            Claims { authentications: vec![seal("1750000012", "auth")], ..claims() },
            Claims { authentications: vec![seal("1750000012", "auth"); 2], ..claims() },
            Claims { authentications: vec![seal("1750000012", "seal-a")], seals: vec![], ..claims() },
            Claims { seals: vec![seal("1750000012s", "eal-a")], ..claims() },
            Claims { seals: vec![seal("1750000012", "seal-a"), seal("1750000012", "seal-a")], ..claims() },
            Claims {
                seals: vec![KeyCertificate { keyring: Keyring::Sealed, ..seal("1750000012", "seal-a") }],
                ..claims()
            },
            Claims { ledger: None, ..claims() },
            Claims {
                ledger: Some(Ledger { audit_key: "keyn".to_owned(), checkpoint: "ote".to_owned() }),
                ..claims()
            },
            Claims { counter: None, ..claims() },
            Claims { counter: Some(8), ..claims() },
        ];
        let mut found: Vec<_> = all.iter().map(|claims| qualifying_data(&Nonce::new([5; 32]), claims)).collect();
        found.push(qualifying_data(&Nonce::new([6; 32]), &claims()));
        let different: std::collections::HashSet<_> = found.iter().collect();
        assert_eq!(different.len(), found.len());
    }
}

//! Files that people bring: certificates in PEM or DER, the other certificate or request of the structure.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::KeysError;
use crate::certificate::OtherSubject;

/// Longest file in bytes: a certificate with its chain is a tenth of it.
const FILE_LEN_MAX: usize = 64 * 1024;

/// Reads a file of that length at most.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, KeysError> {
    let failed = |cause| KeysError::Read { path: path.to_owned(), cause };
    // Asked before opening: opening a FIFO would wait for its writer.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(KeysError::Usage(format!("{} n'est pas un fichier", path.display())));
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(FILE_LEN_MAX).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() > FILE_LEN_MAX {
        let path = path.display();
        return Err(KeysError::Usage(format!("{path} dépasse {FILE_LEN_MAX} octets ; donnez le certificat seul")));
    }
    Ok(bytes)
}

/// The subject of the other certificate or request.
pub(super) fn other_subject(path: &Path, pem: &[u8]) -> Result<OtherSubject, KeysError> {
    OtherSubject::parse(pem.strip_prefix(BYTE_ORDER_MARK).unwrap_or(pem)).ok_or_else(|| {
        KeysError::Usage(format!(
            "--same-subject-as : {} n'est ni un certificat ni une demande PEM lisibles ; donnez l'autre fichier de la \
             structure",
            path.display()
        ))
    })
}

/// UTF-8's byte order mark, which some editors put before the text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// `id-signedData` (RFC 5652 §5.1), DER: the first member of a PKCS#7 file, behind its length.
const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";

/// What a file without a certificate of ours holds in its stead, where that is known: cause and remedy.
pub(super) fn other_kind(bytes: &[u8]) -> Option<&'static str> {
    let holds = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    let begins_so = bytes.get(..bytes.len().min(32)).unwrap_or_default();
    if holds("-----BEGIN CERTIFICATE-----") {
        None
    } else if holds("PRIVATE KEY-----") {
        Some(
            "il contient une clé privée et aucun certificat ; mettez-la en lieu sûr ou détruisez-la, et donnez le \
             certificat reçu de l'IGC-Santé",
        )
    } else if holds("-----BEGIN PKCS7-----") {
        Some(
            "c'est un fichier PKCS#7 (.p7b) ; extrayez-en les certificats (openssl pkcs7 -print_certs -in FICHIER.p7b \
             -out certificat.pem) et donnez certificat.pem",
        )
    } else if begins_so.windows(SIGNED_DATA.len()).any(|window| window == SIGNED_DATA) {
        Some(
            "c'est un fichier PKCS#7 (.p7b) ; extrayez-en les certificats (openssl pkcs7 -inform DER -print_certs -in \
             FICHIER.p7b -out certificat.pem) et donnez certificat.pem",
        )
    } else if holds("CERTIFICATE REQUEST-----") {
        Some("c'est la demande, non le certificat ; donnez le fichier reçu de l'IGC-Santé en retour")
    } else {
        None
    }
}

/// Every certificate of a PEM file, or the one of a DER file; as PEM, each alone.
pub(super) fn certificates(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let pem: Vec<_> =
        CertificateDer::pem_slice_iter(bytes).filter_map(Result::ok).map(|der| to_pem(&der)).collect();
    if pem.is_empty() && bytes.first() == Some(&0x30) { vec![to_pem(bytes)] } else { pem }
}

/// RFC 7468: lines of 64 characters.
fn to_pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for (at, character) in text.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem + "\n-----END CERTIFICATE-----\n"
}

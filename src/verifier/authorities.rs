//! Authorities that the command line names: PEM files of roots and of what is between.

use std::path::PathBuf;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::NotJudged;
use super::file::{FILE_LEN_MAX, open};
use crate::certificate::Trust;

/// Reads the files that `option` named; self-signed certificates are the anchors. `missing` says which root is expected.
///
/// # Errors
/// [`NotJudged::Usage`]: file, form, a certificate of no authority, or no root at all.
pub(super) fn read(option: &str, paths: &[PathBuf], missing: &str) -> Result<Trust, NotJudged> {
    let mut trust = Trust::default();
    for path in paths {
        let refuse = |cause: &str| NotJudged::Usage(format!("{option} {} : {cause}", path.display()));
        let pem = open(path, FILE_LEN_MAX)?;
        let before = trust.anchors.len() + trust.intermediates.len();
        for der in CertificateDer::pem_slice_iter(&pem) {
            let der = der.map_err(|_| refuse("une section PEM est abîmée ; redonnez le fichier de l'autorité"))?;
            let Ok((_, x509)) = X509Certificate::from_der(&der) else {
                return Err(refuse("un certificat n'est pas lisible ; redonnez le fichier de l'autorité"));
            };
            if !x509.is_ca() {
                return Err(refuse(
                    "un certificat n'est pas celui d'une autorité (CA:TRUE) ; donnez la racine et ses intermédiaires",
                ));
            }
            let self_signed = x509.subject() == x509.issuer();
            if self_signed { trust.anchors.push(der) } else { trust.intermediates.push(der) }
        }
        if trust.anchors.len() + trust.intermediates.len() == before {
            return Err(refuse("aucun certificat PEM (-----BEGIN CERTIFICATE-----)"));
        }
    }
    if trust.anchors.is_empty() {
        return Err(NotJudged::Usage(format!(
            "{option} : aucune racine (certificat autosigné) ; ajoutez {missing}"
        )));
    }
    Ok(trust)
}

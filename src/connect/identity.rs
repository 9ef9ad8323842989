//! Who the companion is: a key made here, and a certificate that it signs itself.
//!
//! The gate knows the key's fingerprint from the enrolment; no authority vouches for anything.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PublicKeyData as _,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::policy::fingerprint::Fingerprint;
use crate::sys::durable;
use crate::tables::system_words;

const KEY_FILE: &str = "key.pem";
const CERTIFICATE_FILE: &str = "certificate.pem";
/// For the companion's user alone (on Windows the folder's access list says so).
const KEY_MODE: u32 = 0o600;
const CERTIFICATE_MODE: u32 = 0o644;
#[cfg(unix)]
const FOLDER_MODE: u32 = 0o700;
/// Life of a certificate: what ends an application's access is its withdrawal from the register, not this.
const LIFE: Duration = Duration::days(3 * 365);
/// A gate whose clock is late must not refuse a certificate of today.
const CLOCK_SLACK: Duration = Duration::days(1);

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub(super) enum IdentityError {
    /// Nothing was enrolled yet.
    #[error("ce serveur n'a pas encore de clé dans {} ; faites-le connaître d'une appliance : sceau-connect enrol", .0.display())]
    None(PathBuf),
    /// A file is there and is no use.
    #[error("{} n'est pas lisible comme clé ou certificat ; rendez-le d'une sauvegarde, ou effacez key.pem et certificate.pem et refaites « enrol »", .0.display())]
    Unreadable(PathBuf),
    /// The system refuses.
    #[error("{} ne peut pas être lu ou écrit ({}) ; vérifiez le dossier et ses droits", path.display(), system_words(cause))]
    File { path: PathBuf, cause: io::Error },
    /// The cryptographic library refuses.
    #[error("la clé ou le certificat n'a pas pu être fait ; recommencez, puis signalez-le")]
    NotMade(#[from] rcgen::Error),
}

/// A key with its certificate.
pub(super) struct Identity {
    pub(super) certificate: CertificateDer<'static>,
    /// The same, as PEM.
    pub(super) certificate_pem: String,
    pub(super) key: PrivateKeyDer<'static>,
    /// `SubjectPublicKeyInfo`, DER.
    pub(super) public_key: Vec<u8>,
}

impl Identity {
    /// Reads what [`Identity::made`] left in `folder`.
    ///
    /// # Errors
    /// There is none, or it is no use.
    pub(super) fn read(folder: &Path) -> Result<Self, IdentityError> {
        let key_file = folder.join(KEY_FILE);
        let pem = read(&key_file, folder)?;
        let pair = KeyPair::from_pem(&pem).map_err(|_| IdentityError::Unreadable(key_file))?;
        let certificate_file = folder.join(CERTIFICATE_FILE);
        let certificate_pem = read(&certificate_file, folder)?.to_string();
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
            .map_err(|_| IdentityError::Unreadable(certificate_file))?;
        Ok(Self::of(&pair, certificate, certificate_pem))
    }

    /// The key in `folder`, made if there is none, with a new certificate in the application's name.
    ///
    /// After `Ok` both files are durable, the key readable by its owner alone. A crash leaves the key without a certificate, or
    /// the old one: calling again finishes.
    ///
    /// # Errors
    /// Something cannot be read, made or written.
    pub(super) fn made(folder: &Path, application: &str) -> Result<Self, IdentityError> {
        make_folder(folder)?;
        let key_file = folder.join(KEY_FILE);
        let pair = match read(&key_file, folder) {
            Ok(pem) => KeyPair::from_pem(&pem).map_err(|_| IdentityError::Unreadable(key_file))?,
            Err(IdentityError::None(_)) => {
                let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
                let pem = Zeroizing::new(pair.serialize_pem());
                let written = durable::create(&key_file, pem.as_bytes(), KEY_MODE);
                written.map_err(|cause| IdentityError::File { path: key_file, cause })?;
                pair
            }
            Err(other) => return Err(other),
        };
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, application);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let now = OffsetDateTime::now_utc();
        (params.not_before, params.not_after) = (now - CLOCK_SLACK, now + LIFE);
        let certificate = params.self_signed(&pair)?;
        let path = folder.join(CERTIFICATE_FILE);
        let written = durable::replace(&path, certificate.pem().as_bytes(), CERTIFICATE_MODE);
        written.map_err(|cause| IdentityError::File { path, cause })?;
        Ok(Self::of(&pair, certificate.der().clone(), certificate.pem()))
    }

    fn of(pair: &KeyPair, certificate: CertificateDer<'static>, certificate_pem: String) -> Self {
        let key = PrivatePkcs8KeyDer::from(pair.serialize_der()).into();
        Self { certificate, certificate_pem, key, public_key: pair.subject_public_key_info() }
    }

    /// What the gate knows it by.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.public_key)
    }
}

fn read(path: &Path, folder: &Path) -> Result<Zeroizing<String>, IdentityError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Err(IdentityError::None(folder.to_owned())),
        Err(cause) => Err(IdentityError::File { path: path.to_owned(), cause }),
    }
}

/// A folder for the companion alone; one that is there keeps its owner and mode.
pub(super) fn make_folder(folder: &Path) -> Result<(), IdentityError> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, FOLDER_MODE);
    let made = builder.recursive(true).create(folder);
    made.map_err(|cause| IdentityError::File { path: folder.to_owned(), cause })
}

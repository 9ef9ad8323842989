//! `sceau attest certify`: a key of the PKCS#11 library's that lives in the TPM is shown in each evidence.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use serde_json::json;
use zeroize::Zeroizing;

use super::ask::Ask;
use crate::cli::NotDone;
use crate::config::KeyName;

/// Longest file of a wrapped key in bytes: RSA 4096 has some two thousand.
const FILE_LEN_MAX: usize = 8 * 1024;

/// À quoi sert la clé.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// Signe les points de contrôle du journal.
    Audit,
    /// Scelle les assertions.
    Seal,
    /// Authentifie auprès du DMP.
    Authentication,
}

/// Fait certifier par le TPM, dans chaque preuve, une clé que tpm2-pkcs11 y tient ; à faire en tant que root.
#[derive(Debug, Args)]
pub(super) struct Certify {
    #[command(flatten)]
    ask: Ask,
    /// À quoi sert la clé.
    #[arg(long, value_enum, value_name = "RÔLE")]
    role: Role,
    /// Nom de la clé dans la configuration.
    #[arg(long, value_name = "CLÉ", value_parser = KeyName::parse)]
    key: KeyName,
    /// Fichier .pub de tpm2_ptool export --format tpm2.
    #[arg(long, value_name = "FICHIER")]
    public: PathBuf,
    /// Fichier .priv du même export.
    #[arg(long, value_name = "FICHIER")]
    private: PathBuf,
    /// Fichier de l'autorisation de la clé (object-auth du même export).
    #[arg(long, value_name = "FICHIER")]
    auth_file: PathBuf,
    /// Adresse persistante de sa clé parente.
    #[arg(long, value_name = "ADRESSE", default_value = "0x81000001")]
    parent: String,
}

impl Certify {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let role = match self.role {
            Role::Audit => "audit",
            Role::Seal => "seal",
            Role::Authentication => "authentication",
        };
        let auth = Zeroizing::new(read(&self.auth_file)?);
        let auth = Zeroizing::new(String::from_utf8_lossy(&auth).trim_end().to_owned());
        let parameters = json!({
            "role": role,
            "key": self.key.as_str(),
            "public": STANDARD.encode(read(&self.public)?),
            "private": STANDARD.encode(read(&self.private)?),
            "parent": self.parent,
            "auth": auth.as_str(),
        });
        self.ask.ask("Certify", &parameters)?;
        println!("La clé {} sera certifiée dans chaque preuve ; effacez l'export.", self.key);
        Ok(0)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, NotDone> {
    let unread = |cause: &dyn std::fmt::Display| {
        let remedy = "donnez les fichiers de tpm2_ptool export --format tpm2";
        NotDone::Usage(format!("{} ne peut pas être lu ({cause}) ; {remedy}", path.display()))
    };
    let bytes = std::fs::read(path).map_err(|cause| unread(&cause))?;
    if bytes.len() <= FILE_LEN_MAX { Ok(bytes) } else { Err(unread(&"il est trop long")) }
}

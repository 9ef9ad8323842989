//! `sceau-verify vihf`: the signature of one VIHF, and whether it is sealed under the authorities that were given.

use std::fs;
use std::path::{Path, PathBuf};

use bergshamra_dsig::{DsigContext, VerifyResult, verify};
use clap::Args;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::config::take_profile;
use crate::sys::clock;
use crate::vihf::instant::Instant;
use crate::vihf::profile::Profiles;

/// Vérifie un VIHF, de Sceau ou d'un autre.
#[derive(Debug, Args)]
pub(super) struct Vihf {
    /// Le document XML.
    #[arg(value_name = "FICHIER")]
    file: PathBuf,
    /// Certificats PEM de l'autorité racine et de ses intermédiaires ; peut être répété ; sans elle, jamais « bon ».
    #[arg(long, value_name = "AC.pem")]
    trust: Vec<PathBuf>,
    /// Profil attendu : un nom connu, ou un fichier .toml.
    #[arg(long, value_name = "PROFIL")]
    profile: Option<String>,
    /// Instant du jugement, AAAA-MM-JJThh:mm:ssZ ; l'horloge de la machine sinon.
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
    /// Un document JSON sur la sortie standard.
    #[arg(long)]
    json: bool,
}

impl Vihf {
    /// Prints the verdict; true is good.
    pub(super) fn run(self) -> Result<bool, String> {
        let at = match &self.at {
            Some(text) => Instant::parse(text).ok_or("--at : donnez AAAA-MM-JJThh:mm:ssZ, en UTC")?,
            None => clock::now(),
        };
        if let Some(profile) = &self.profile {
            known(profile)?;
        }
        let mut context = DsigContext::new(Default::default())
            // The key is the one of the certificate that the assertion carries, once that is found under an authority.
            .with_trusted_keys_only(false)
            .with_verify_keys(true)
            .with_verification_time(at.to_string());
        for path in &self.trust {
            for certificate in certificates(path)? {
                context.keys_manager.add_trusted_cert(certificate.to_vec());
            }
        }
        let xml = fs::read_to_string(&self.file).map_err(|cause| unreadable(&self.file, &cause))?;
        let good =
            matches!(verify::verify(&context, &xml), Ok(VerifyResult::Valid { .. })) && !self.trust.is_empty();
        if self.json {
            println!("{}", serde_json::json!({ "good": good }));
        } else {
            println!("{} : {}", self.file.display(), if good { "bon" } else { "pas bon" });
        }
        Ok(good)
    }
}

/// Whether the profile is a shipped one or a file that can be read.
fn known(profile: &str) -> Result<(), String> {
    let mut profiles = Profiles::shipped().map_err(|error| error.to_string())?;
    if Path::new(profile).extension().is_some_and(|extension| extension == "toml") {
        take_profile(&mut profiles, Path::new(profile)).map_err(|error| error.to_string())?;
    } else if profiles.get(profile).is_none() {
        let names: Vec<_> = profiles.names().collect();
        return Err(format!(
            "--profile : profil inconnu ; choisissez parmi {} ou un fichier .toml",
            names.join(", ")
        ));
    }
    Ok(())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = fs::read(path).map_err(|cause| unreadable(path, &cause))?;
    CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|_| format!("le fichier {} n'est pas fait de certificats PEM", path.display()))
}

fn unreadable(path: &Path, cause: &std::io::Error) -> String {
    format!("le fichier {} ne peut pas être lu ({cause}) : vérifiez son chemin et ses droits", path.display())
}

//! `sceau-verify vihf`, also `sceau lint`: judges one VIHF.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{NotJudged, json, sarif, text};
use crate::certificate::Trust;
use crate::lint::{Judgement, Moment, Verdict, lint};
use crate::sys::clock;
use crate::usage::EXIT_NEGATIVE;
use crate::vihf::instant::Instant;
use crate::vihf::profile::{Profile, ProfileError, Profiles};
use crate::xmldsig::DOCUMENT_LEN_MAX;

/// Largest file of authorities or profile in bytes: a bundle of every IGC-Santé authority has some tens of kB.
const FILE_LEN_MAX: u64 = 1024 * 1024;

/// Vérifie une assertion VIHF, de Sceau ou d'un autre, ou le message SOAP qui la porte.
///
/// Le document, la signature, le certificat et chaque champ sont confrontés aux règles du VIHF ; chaque défaut est nommé, avec
/// sa place et son remède. La révocation des certificats n'est pas vérifiée (aucun accès au réseau).
#[derive(Debug, Args)]
pub(crate) struct Vihf {
    /// Fichier à vérifier ; « - » pour l'entrée standard.
    #[arg(value_name = "FICHIER")]
    file: PathBuf,
    /// Autorités (PEM) : la racine et ses intermédiaires ; peut être répété. Sans elles, aucun jeton n'est déclaré bon.
    #[arg(long, value_name = "CA.pem")]
    trust: Vec<PathBuf>,
    /// Profil : dmp-air, dmp-air-simplifie, dmp-indirecte ou un fichier TOML ; par défaut, selon le mode du jeton.
    #[arg(long, value_name = "PROFIL")]
    profile: Option<String>,
    /// Instant de la réception (RFC 3339), où le jeton doit être valable ; par défaut, l'instant de son émission.
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
    /// Imprime un document JSON.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Forme du rapport : texte (par défaut), json ou sarif (pour l'intégration continue).
    #[arg(long, value_name = "FORME", value_enum)]
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    #[value(alias = "text")]
    Texte,
    Json,
    Sarif,
}

impl Vihf {
    /// Judges the file and prints the report.
    ///
    /// # Errors
    /// [`NotJudged`]; nothing was printed on standard output but what was written before the output failed.
    pub(crate) fn run(self) -> Result<u8, NotJudged> {
        let judgement = Judgement { profile: self.profile()?, trust: self.trust()?, moment: self.moment()? };
        let bytes = if self.file == Path::new("-") {
            read(io::stdin().lock(), DOCUMENT_LEN_MAX as u64).map_err(|cause| unreadable(&self.file, &cause))?
        } else {
            open(&self.file, DOCUMENT_LEN_MAX as u64)?
        };
        let report = lint(&bytes, &judgement);
        let name = self.file.display().to_string();
        let page = match if self.json { Format::Json } else { self.format.unwrap_or(Format::Texte) } {
            Format::Texte => text::page(&name, &report),
            Format::Json => json::page(&name, &report),
            Format::Sarif => sarif::page(&name, &report),
        };
        let mut out = io::stdout().lock();
        out.write_all(page.as_bytes()).and_then(|()| out.flush())?;
        Ok(if report.verdict == Verdict::Good { 0 } else { EXIT_NEGATIVE })
    }

    fn profile(&self) -> Result<Option<Arc<Profile>>, NotJudged> {
        let Some(name) = &self.profile else { return Ok(None) };
        let refuse = |cause: String| NotJudged::Usage(format!("--profile : {cause}"));
        let mut profiles = Profiles::shipped().map_err(|e| refuse(e.to_string()))?;
        if let Some(profile) = profiles.get(name) {
            return Ok(Some(Arc::clone(profile)));
        }
        if !name.ends_with(".toml") {
            let known = profiles.names().collect::<Vec<_>>().join(", ");
            return Err(refuse(format!("ce profil est inconnu ; donnez {known}, ou un fichier .toml")));
        }
        let text = open(Path::new(name), FILE_LEN_MAX)?;
        let text = String::from_utf8(text).map_err(|_| refuse("le fichier n'est pas en UTF-8".to_owned()))?;
        profiles.take(&text).map(Some).map_err(|error| match error {
            ProfileError::Rule { cause, .. } => refuse(format!("{name} : {cause}")),
            ProfileError::Shape(error) => {
                let line = error
                    .span()
                    .and_then(|span| text.get(..span.start))
                    .map_or(1, |before| before.lines().count().max(1));
                refuse(format!("{name}, ligne {line} : ce n'est pas un profil ; partez de extends = \"dmp-air\""))
            }
        })
    }

    fn trust(&self) -> Result<Option<Trust>, NotJudged> {
        if self.trust.is_empty() {
            return Ok(None);
        }
        let mut trust = Trust::default();
        for path in &self.trust {
            let refuse = |cause: &str| NotJudged::Usage(format!("--trust {} : {cause}", path.display()));
            let pem = open(path, FILE_LEN_MAX)?;
            let before = trust.anchors.len() + trust.intermediates.len();
            for der in CertificateDer::pem_slice_iter(&pem) {
                let der =
                    der.map_err(|_| refuse("une section PEM est abîmée ; redonnez le fichier de l'autorité"))?;
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
            return Err(NotJudged::Usage(
                "--trust : aucune racine (certificat autosigné) ; ajoutez celle de l'IGC-Santé".to_owned(),
            ));
        }
        Ok(Some(trust))
    }

    fn moment(&self) -> Result<Moment, NotJudged> {
        let at = match &self.at {
            None => return Ok(Moment::NotAfter(clock::now())),
            Some(text) => OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
                NotJudged::Usage(
                    "--at : l'instant n'est pas lisible ; écrivez-le comme 2026-01-31T08:30:00Z".to_owned(),
                )
            })?,
        };
        Ok(Moment::At(instant(at)))
    }
}

fn instant(at: OffsetDateTime) -> Instant {
    Instant::from_ms(i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or_default())
}

/// Reads a file, one byte past the limit at most: what is larger is the reader's to refuse.
fn open(path: &Path, len_max: u64) -> Result<Vec<u8>, NotJudged> {
    File::open(path).and_then(|file| read(file, len_max)).map_err(|cause| unreadable(path, &cause))
}

fn read(from: impl Read, len_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(len_max + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(path: &Path, cause: &io::Error) -> NotJudged {
    let cause = match cause.kind() {
        io::ErrorKind::NotFound => "il n'existe pas ; vérifiez le chemin",
        io::ErrorKind::PermissionDenied => "vous n'avez pas le droit de le lire",
        io::ErrorKind::IsADirectory => "c'est un dossier ; donnez un fichier",
        _ => "la lecture échoue",
    };
    NotJudged::Usage(format!("{} ne peut pas être lu : {cause}", path.display()))
}

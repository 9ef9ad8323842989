//! `sceau-verify vihf`, also `sceau lint`: judges one VIHF.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::file::{FILE_LEN_MAX, open, read, unreadable};
use super::{NotJudged, authorities, json, sarif, text};
use crate::certificate::Trust;
use crate::lint::{Judgement, Moment, Verdict, lint};
use crate::sys::clock;
use crate::usage::EXIT_NEGATIVE;
use crate::vihf::instant::Instant;
use crate::vihf::profile::{Profile, ProfileError, Profiles};
use crate::xmldsig::DOCUMENT_LEN_MAX;

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
        authorities::read("--trust", &self.trust, "celle de l'IGC-Santé").map(Some)
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

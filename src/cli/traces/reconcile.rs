//! `sceau traces reconcile`: an extract of the national side against ours.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{TracesError, each_entry};
use crate::cli::{EXIT_NEGATIVE, NotDone};
use crate::config::Config;
use crate::ledger::Reader;
use crate::traces::reconcile::{ExtractError, Reconciled, Reconciliation, Strange, read};
use crate::vihf::identity::PsIdNat;

/// Largest extract in bytes: its most rows, at 200 bytes each.
const EXTRACT_LEN_MAX: u64 = 1 << 30;
/// Lines of one kind that are printed for a person; JSON has all.
const LINES_MAX: usize = 50;

/// Rapproche un extrait national des traces : nomme les jetons qui ne viennent pas d'ici, et les nôtres qu'il n'a pas.
#[derive(Debug, Args)]
pub(super) struct Reconcile {
    /// Extrait national (CSV).
    #[arg(value_name = "EXTRAIT.csv")]
    file: PathBuf,
    /// Fichier de configuration.
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    config: PathBuf,
    /// Imprime un document JSON.
    #[arg(long)]
    json: bool,
}

impl Reconcile {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let reconciled = self.reconciled()?;
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{:#}", document(&reconciled))?;
        } else {
            table(&reconciled, &mut out)?;
        }
        out.flush()?;
        Ok(if reconciled.strange.is_empty() { 0 } else { EXIT_NEGATIVE })
    }

    fn reconciled(&self) -> Result<Reconciled, TracesError> {
        let path = || self.file.clone();
        let refuse = |cause| TracesError::Extract { path: path(), cause };
        let mut text = String::new();
        std::fs::File::open(&self.file)
            .and_then(|file| file.take(EXTRACT_LEN_MAX + 1).read_to_string(&mut text))
            .map_err(|cause| TracesError::Read(path(), cause))?;
        if text.len() as u64 > EXTRACT_LEN_MAX {
            return Err(refuse(ExtractError::TooLong));
        }
        let config = Config::load(&self.config)?;
        let reader = Reader::open(&config.ledger.folder)?;
        let lookup = |text: &str| Some(reader.lookup_key().practitioner(&PsIdNat::parse(text).ok()?));
        let mut reconciliation = Reconciliation::new(read(&text, lookup).map_err(refuse)?);
        each_entry(&reader, |entry| reconciliation.take(entry))?;
        Ok(reconciliation.end())
    }
}

fn document(reconciled: &Reconciled) -> serde_json::Value {
    let strange: Vec<_> = reconciled
        .strange
        .iter()
        .map(|(seen, why)| json!({ "row": seen.row, "id": seen.id, "instant": seen.instant.to_string(), "why": why.name() }))
        .collect();
    let missing: Vec<_> =
        reconciled.missing.iter().map(|(entry, id)| json!({ "entry": entry, "id": id })).collect();
    json!({ "rows": reconciled.rows, "matched": reconciled.matched, "strange": strange, "missing": missing })
}

fn table(reconciled: &Reconciled, out: &mut impl io::Write) -> io::Result<()> {
    for (seen, why) in reconciled.strange.iter().take(LINES_MAX) {
        let said = match why {
            Strange::NotOurs => "ne vient pas d'ici : prévenez la sécurité et le responsable national",
            Strange::OtherDigest => "porte un identifiant d'ici et un autre contenu : prévenez la sécurité",
            Strange::OtherPractitioner => "vient d'ici, pour un autre professionnel : prévenez la sécurité",
            Strange::NotReleased => "a été tracé ici sans que sa remise le soit : cherchez un arrêt à cet instant",
            Strange::Repeated => {
                "est deux fois dans l'extrait : une assertion présentée deux fois, ou un extrait fautif"
            }
        };
        let id = seen.id.as_deref().unwrap_or("(sans identifiant)").escape_debug();
        writeln!(out, "ligne {} ({}, {id}) : {said}", seen.row, seen.instant)?;
    }
    for (entry, id) in reconciled.missing.iter().take(LINES_MAX) {
        writeln!(
            out,
            "entrée {entry} ({id}) : remise ici, absente de l'extrait (non utilisée, ou extrait incomplet)"
        )?;
    }
    let hidden =
        reconciled.strange.len().saturating_sub(LINES_MAX) + reconciled.missing.len().saturating_sub(LINES_MAX);
    if hidden > 0 {
        writeln!(out, "… et {hidden} autres (--json les donne toutes)")?;
    }
    let Reconciled { rows, matched, strange, missing } = reconciled;
    writeln!(
        out,
        "{rows} jetons dans l'extrait : {matched} d'ici et remis, {} à examiner ; {} d'ici absents de l'extrait",
        strange.len(),
        missing.len()
    )
}

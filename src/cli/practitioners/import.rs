//! `sceau practitioners import`: a file becomes the register, whole or not at all.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::progress::Progress;
use super::read;
use crate::cli::NotDone;
use crate::cli::order::{Signing, read_document};
use crate::config::{Config, ConfigError, Whole};
use crate::policy::order::Verb;
use crate::policy::practitioner::import::{self, Format, Slip};
use crate::policy::practitioner::{Practitioners, Record};
use crate::sys::{clock, peer};
use crate::traces::digest::Digest;
use crate::usage::EXIT_NEGATIVE;

pub(super) const AFTER_HELP: &str = "\
Toutes les lignes sont bonnes, ou rien ne change. --dry-run dit chaque ligne fautive et ce qui changerait, sans rien changer.

  sceau practitioners import professionnels.csv --dry-run
  sceau practitioners import professionnels.csv --sign-with ~/.ssh/id_ed25519_sk

Codes de sortie : 0 fait ou bon ; 1 refusé, une ligne au moins est fautive ; 2 ligne de commande, configuration ou fichier \
illisible ; 3 occupé ou indisponible ; 4 arrêté.";

/// Fait d'un fichier CSV ou JSON le registre des professionnels : ordre d'un administrateur.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// Fichier, 16 Mio au plus.
    #[arg(value_name = "FICHIER")]
    file: PathBuf,
    /// Format : csv ou json ; par défaut d'après l'extension du fichier.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Dire ce qui est fautif et ce qui changerait, et ne rien changer.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    signing: Signing,
}

/// The format of that word, or of the file's extension.
pub(super) fn format(word: Option<&str>, file: &Path) -> Result<Format, NotDone> {
    let word = word.or_else(|| file.extension().and_then(|extension| extension.to_str())).unwrap_or_default();
    let usage = || NotDone::Usage("le format n'est pas reconnu ; donnez --format csv ou --format json".to_owned());
    Format::parse(&word.to_lowercase()).ok_or_else(usage)
}

impl Import {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let format = format(self.format.as_deref(), &self.file)?;
        let document = read_document(&self.file)?;
        let config = Config::load(self.signing.config())?;
        let named = config.examine_named(&Whole::ALL, |user| peer::uid_of(user).ok().flatten(), clock::now());
        let presented = named.convention.ok_or_else(|| ConfigError::from(named.convention_faults))?;
        let around = config.around(&presented.convention, &named.profiles);
        let judged = {
            let mut progress = Progress::of("vérification");
            import::judge(&document, format, &around, None, &mut |done, total| progress.tell(done, total))
        };
        let practitioners = match judged {
            Ok(practitioners) => practitioners,
            Err(slips) => return self.refuse(&slips),
        };
        if self.dry_run {
            return self.tell(&practitioners);
        }
        let digest =
            Digest::of(&[&document]).as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let arguments = [("format", format.name().into()), ("sha256", digest.into())];
        let arguments: Map<String, Value> =
            arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if !self.signing.signs() {
            return self.signing.give(Verb::PractitionersImport, arguments, None);
        }
        let answer = {
            let mut progress = Progress::of("envoi");
            let verb = Verb::PractitionersImport;
            self.signing.give_with(verb, arguments, &document, &mut |done, total| progress.tell(done, total))?
        };
        let mut out = io::stdout().lock();
        if self.signing.wants_json() {
            writeln!(out, "{answer}")?;
        } else {
            let number = |value: &Value| value.as_u64().unwrap_or_default();
            let (entry, done) = (number(&answer["entry"]), &answer["done"]);
            writeln!(
                out,
                "{} professionnel(s) au registre, inscrit à l'entrée {entry}",
                number(&done["practitioners"])
            )?;
        }
        out.flush()?;
        Ok(0)
    }

    /// Tells every bad line.
    fn refuse(&self, slips: &[Slip]) -> Result<u8, NotDone> {
        let mut out = io::stdout().lock();
        if self.signing.wants_json() {
            let slip = |slip: &Slip| json!({ "line": slip.line, "column": slip.column, "rule": slip.rule, "cause": slip.cause });
            let slips: Vec<_> = slips.iter().map(slip).collect();
            writeln!(out, "{}", json!({ "good": false, "faults": slips }))?;
        } else {
            for Slip { line, column, rule, cause } in slips {
                let column = if column.is_empty() { String::new() } else { format!(", colonne {column}") };
                writeln!(out, "ligne {line}{column} ({rule}) : {cause}")?;
            }
            writeln!(out, "{} faute(s) : rien n'a changé", slips.len())?;
        }
        out.flush()?;
        Ok(EXIT_NEGATIVE)
    }

    /// Tells what would change, as far as the running register is known.
    fn tell(&self, practitioners: &Practitioners) -> Result<u8, NotDone> {
        let now = self.signing.connect().and_then(|mut client| read::register(&mut client)).ok();
        let total = practitioners.all().len();
        let changes = now.map(|now| {
            let mut before: HashMap<&str, &Record> =
                now.records.iter().map(|one| (one.id.as_str(), one)).collect();
            let (mut added, mut changed) = (0, 0);
            for one in practitioners.all() {
                match before.remove(one.id.as_str()) {
                    None => added += 1,
                    Some(known) if *known != one.record => changed += 1,
                    Some(_) => {}
                }
            }
            (added, changed, before.len())
        });
        let mut out = io::stdout().lock();
        if self.signing.wants_json() {
            let mut answer = json!({ "good": true, "practitioners": total });
            if let Some((added, changed, removed)) = changes {
                answer["added"] = added.into();
                answer["changed"] = changed.into();
                answer["removed"] = removed.into();
            }
            writeln!(out, "{answer}")?;
        } else {
            writeln!(out, "{total} ligne(s), toutes bonnes ; rien n'a changé")?;
            match changes {
                Some((added, changed, removed)) => {
                    writeln!(
                        out,
                        "l'import en ajouterait {added}, en modifierait {changed}, en retirerait {removed}"
                    )?;
                }
                None => writeln!(out, "sceaud ne répond pas : ce qui changerait n'est pas connu")?,
            }
        }
        out.flush()?;
        Ok(0)
    }
}

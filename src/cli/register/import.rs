//! `import`: a file becomes a register, whole or not at all.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::progress::Progress;
use super::read::Read;
use super::{Register, read};
use crate::cli::order::{Signing, read_document};
use crate::cli::{NotDone, convention};
use crate::config::Config;
use crate::policy::register::{Format, Slip};
use crate::traces::digest::Digest;
use crate::usage::EXIT_NEGATIVE;

/// Fait d'un fichier CSV ou JSON le registre : ordre d'un administrateur.
#[derive(Debug, Args)]
pub(in crate::cli) struct Import {
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
    pub(in crate::cli) fn run<R: Register>(self) -> Result<u8, NotDone> {
        let format = format(self.format.as_deref(), &self.file)?;
        let document = read_document(&self.file)?;
        let config = Config::load(self.signing.config())?;
        let named = convention::named(&config, self.signing.door())?;
        // Without it the judgement of sceaud is the only one: it knows.
        let now = if R::KEEPS { self.now::<R>() } else { None };
        let now = now.filter(|now| now.source == "ledger").map(|now| now.records).unwrap_or_default();
        let judged = {
            let mut progress = Progress::of("vérification");
            R::judge(&config, &named, (&document, format), &now, &mut |done, total| progress.tell(done, total))
        };
        let records = match judged {
            Ok(records) => records,
            Err(slips) => return self.refuse(&slips),
        };
        if self.dry_run {
            return self.tell::<R>(&records);
        }
        let digest =
            Digest::of(&[&document]).as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let arguments = [("format", format.name().into()), ("sha256", digest.into())];
        let arguments: Map<String, Value> =
            arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if !self.signing.signs() {
            return self.signing.give(R::IMPORT, arguments, None);
        }
        let answer = {
            let mut progress = Progress::of("envoi");
            let tell = &mut |done, total| progress.tell(done, total);
            self.signing.give_with(R::IMPORT, arguments, &document, tell)?
        };
        let mut out = io::stdout().lock();
        if self.signing.wants_json() {
            writeln!(out, "{answer}")?;
        } else {
            let number = |value: &Value| value.as_u64().unwrap_or_default();
            let (entry, done) = (number(&answer["entry"]), &answer["done"]);
            writeln!(out, "{} {} au registre, inscrit à l'entrée {entry}", number(&done[R::MEMBER]), R::ENTRIES)?;
        }
        out.flush()?;
        Ok(0)
    }

    /// The register of now, if `sceaud` tells it.
    fn now<R: Register>(&self) -> Option<Read<R>> {
        self.signing.connect().and_then(|mut client| read::<R>(&mut client)).ok()
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
    fn tell<R: Register>(&self, records: &[R::Record]) -> Result<u8, NotDone> {
        let now = self.now::<R>();
        let total = records.len();
        let changes = now.map(|now| {
            let mut before: HashMap<&str, &R::Record> = now.records.iter().map(|one| (R::key(one), one)).collect();
            let (mut added, mut changed) = (0, 0);
            for one in records {
                match before.remove(R::key(one)) {
                    None => added += 1,
                    Some(known) if known != one => changed += 1,
                    Some(_) => {}
                }
            }
            (added, changed, before.len())
        });
        let mut out = io::stdout().lock();
        if self.signing.wants_json() {
            let mut answer = json!({ "good": true, R::MEMBER: total });
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

//! `sceau practitioners review`: rights that end, that nobody uses, that a movement left behind.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::Path;

use clap::Args;
use serde_json::json;

use super::Practitioners;
use crate::cli::register::read;
use crate::cli::traces::TracesError;
use crate::cli::{AdminDoor, NotDone, convention};
use crate::config::Config;
use crate::ledger::Reader;
use crate::policy::practitioner::review::{Finding, Why, review};
use crate::sys::clock;
use crate::traces::digest::Digest;
use crate::traces::entry::Head;
use crate::traces::entry::event::Event;
use crate::vihf::identity::PsIdNat;
use crate::vihf::instant::Instant;

/// Liste les droits à revoir : qui finissent, inutilisés, ou laissés par un mouvement.
///
/// La dernière utilisation est lue au journal : lancez-la avec les droits de le lire (sudo).
#[derive(Debug, Args)]
pub(super) struct Review {
    /// Droits qui finissent dans ce nombre de jours.
    #[arg(long, value_name = "JOURS", default_value_t = 30)]
    within: u32,
    /// Professionnels sans assertion depuis ce nombre de jours.
    #[arg(long, value_name = "JOURS", default_value_t = 90)]
    unused: u32,
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    door: AdminDoor,
}

impl Review {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let register = read::<Practitioners>(&mut self.door.connect()?)?;
        let config = Config::load(&self.door.config)?;
        let used = Used::open(&config.ledger.folder)?;
        let presented = convention::presented(&config, &self.door)?;
        let service_exists = |name: &str| presented.convention.service(name).is_some();
        let (now, mut findings) = (clock::now(), Vec::new());
        for record in &register.records {
            let last = used.last(&record.id)?;
            findings.extend(review(record, last, now, (self.within, self.unused), service_exists));
        }
        let mut out = io::stdout().lock();
        if self.json {
            let finding = |one: &Finding<'_>| json!({ "practitioner": one.record.id, "name": one.record.name, "reason": one.why.code(), "message": one.message() });
            let findings: Vec<_> = findings.iter().map(finding).collect();
            writeln!(out, "{}", json!({ "practitioners": register.records.len(), "findings": findings }))?;
        } else {
            for one in &findings {
                writeln!(out, "{}  {}  {}", one.record.id, one.record.name, one.message())?;
            }
            let of = |why| findings.iter().filter(|one| one.why == why).count();
            writeln!(
                out,
                "{} professionnel(s) : {} droit(s) qui finissent, {} finis, {} sans objet, {} professionnel(s) inactifs",
                register.records.len(),
                of(Why::Due),
                of(Why::Outlived),
                of(Why::NoService),
                of(Why::Unused)
            )?;
        }
        out.flush()?;
        Ok(0)
    }
}

/// Who used what, as the ledger has it.
struct Used {
    reader: Reader,
    heads: HashMap<Digest, Head>,
}

impl Used {
    fn open(folder: &Path) -> Result<Self, TracesError> {
        let reader = Reader::open(folder)?;
        let heads = reader.heads()?;
        Ok(Self { reader, heads })
    }

    /// When the newest assertion of that practitioner was issued.
    fn last(&self, id: &str) -> Result<Option<Instant>, TracesError> {
        let Ok(id) = PsIdNat::parse(id) else { return Ok(None) };
        let lookup = self.reader.lookup_key().practitioner(&id);
        let Some(head) = self.heads.get(&lookup) else { return Ok(None) };
        for entry in self.reader.from_head(lookup, *head) {
            let (entry, _) = entry?;
            if matches!(entry.event, Event::Issued(_)) {
                return Ok(Some(entry.time));
            }
        }
        Ok(None)
    }
}

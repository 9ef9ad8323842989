//! `sceau applications review`: homologations that end, applications and rights that nobody uses, exceptional access.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::Path;

use clap::Args;
use serde_json::json;

use super::Applications;
use crate::cli::register::read;
use crate::cli::traces::TracesError;
use crate::cli::{AdminDoor, NotDone, convention};
use crate::config::Config;
use crate::ledger::{Reader, StoreError};
use crate::policy::application::review::{Beside, Finding, Use, Why, review};
use crate::sys::clock;
use crate::traces::entry::Entry;
use crate::traces::entry::event::{Event, Issued};
use crate::vihf::codes::Purpose;
use crate::vihf::instant::Instant;
use crate::vihf::method::Method;

/// Entries that are read at once: a few megabytes.
const BLOCK_LEN: u64 = 4096;
/// A day in milliseconds.
const DAY_MS: u64 = 24 * 3_600_000;

/// Liste ce qui est à revoir : homologations qui finissent ou finies, applications et droits inutilisés, accès exceptionnels.
///
/// Les utilisations sont lues au journal : lancez-la avec les droits de le lire (sudo).
#[derive(Debug, Args)]
pub(super) struct Review {
    /// Homologations qui finissent dans ce nombre de jours.
    #[arg(long, value_name = "JOURS", default_value_t = 60)]
    within: u32,
    /// Applications et droits qui n'ont pas servi depuis ce nombre de jours.
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
        let register = read::<Applications>(&mut self.door.connect()?)?;
        let config = Config::load(&self.door.config)?;
        let now = clock::now();
        let named = convention::named(&config, &self.door)?;
        let users: Vec<&str> = register.records.iter().map(|record| record.user.as_str()).collect();
        let since_ms = now.ms() - i64::from(self.unused) * i64::try_from(DAY_MS).unwrap_or(i64::MAX);
        let used = uses(&config.ledger.folder, &users, Instant::from_ms(since_ms))?;
        let around = named.around(&config);
        let beside = Beside {
            now,
            within: self.within,
            unused: self.unused,
            service_exists: &|name| around.services.contains(name),
            declaration: &|profile, method| {
                let form = named.profiles.get(profile)?.methods.get(&Method::parse(method)?)?;
                Some(form.decl.clone())
            },
            profile_exists: &|name| named.profiles.get(name).is_some(),
        };
        let none = Use::default();
        let findings: Vec<Finding<'_>> = register
            .records
            .iter()
            .flat_map(|record| review(record, used.get(&record.user).unwrap_or(&none), &beside))
            .collect();
        let mut out = io::stdout().lock();
        if self.json {
            let finding = |one: &Finding<'_>| json!({ "application": one.record.user, "reason": one.why.code(), "message": one.message });
            let findings: Vec<_> = findings.iter().map(finding).collect();
            writeln!(out, "{}", json!({ "applications": register.records.len(), "findings": findings }))?;
        } else {
            for one in &findings {
                writeln!(out, "{}  {}", one.record.user, one.message)?;
            }
            let of = |whys: &[Why]| findings.iter().filter(|one| whys.contains(&one.why)).count();
            writeln!(
                out,
                "{} application(s) : {} homologation(s) finies ou qui finissent, {} application(s) sans usage, {} droit(s) sans usage ou sans objet, {} accès exceptionnel(s)",
                register.records.len(),
                of(&[Why::HomologationEnded, Why::HomologationDue]),
                of(&[Why::Unused]),
                of(&[Why::UnusedRight, Why::Gone]),
                of(&[Why::Exceptional])
            )?;
        }
        out.flush()?;
        Ok(0)
    }
}

/// What each of these applications asked for since then, and when its newest assertion of all was issued.
///
/// Reads the ledger from its end, and no further than that instant unless an application has no assertion by then.
fn uses(folder: &Path, users: &[&str], since: Instant) -> Result<HashMap<String, Use>, TracesError> {
    let reader = Reader::open(folder)?;
    let mut uses: HashMap<String, Use> = HashMap::new();
    let mut end = reader.edge().frontier.size();
    let mut is_recent = true;
    while end > 0 && (is_recent || users.iter().any(|user| !uses.contains_key(*user))) {
        let from = end.saturating_sub(BLOCK_LEN);
        reader.leaves(from..end, |index, leaf| {
            let entry = Entry::decode(leaf).map_err(|_| StoreError::Broken("an entry cannot be read"))?;
            // Times may go back with a new time: a block counts as old only if its first entry is.
            is_recent = is_recent && (index > from || entry.time >= since);
            if let Event::Issued(issued) = &entry.event {
                let used = uses.entry(issued.setting.application.as_str().to_owned()).or_default();
                used.last = used.last.max(Some(entry.time));
                if entry.time >= since {
                    note(used, issued);
                }
            }
            Ok::<_, StoreError>(())
        })?;
        end = from;
    }
    Ok(uses)
}

fn note<P, S>(used: &mut Use, issued: &Issued<P, S>) {
    let setting = &issued.setting;
    let text = |word: &crate::traces::entry::word::Word| word.as_str().to_owned();
    used.services.insert(text(&setting.service));
    used.channels.insert(text(&setting.channel));
    used.profiles.insert(text(&setting.profile));
    used.declarations.extend(setting.method.as_ref().map(text));
    if issued.purpose.as_str() != Purpose::Normal.code() {
        *used.exceptional.entry((text(&issued.purpose), text(&setting.service))).or_default() += 1;
    }
}

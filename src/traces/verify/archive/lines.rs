//! The entries of an archive and the rows of its table: each is made again and compared.

use std::io::{BufRead, Read, Seek};

use super::super::Verdict;
use super::super::finding::Finding;
use super::{Heads, Inside, Told};
use crate::traces::archive::choice::Role;
use crate::traces::archive::container::Container;
use crate::traces::archive::manifest::Manifest;
use crate::traces::archive::record::{Claim, Facts, LINE_LEN_MAX, People, Person, Record};
use crate::traces::archive::{ENTRIES_MAX, member, table};
use crate::traces::chain::{Bounds, Complete};
use crate::traces::digest::Digest;
use crate::traces::entry::Entry;
use crate::traces::entry::event::Event;
use crate::traces::merkle::{leaf_hash, verify};

/// The next line with its newline, at most [`LINE_LEN_MAX`] bytes; empty at the end, `None` for what is no line.
fn next_line<'l>(from: &mut impl BufRead, line: &'l mut Vec<u8>) -> Option<&'l str> {
    line.clear();
    from.take(LINE_LEN_MAX as u64).read_until(b'\n', line).ok()?;
    let text = std::str::from_utf8(line).ok()?;
    (text.is_empty() || text.ends_with('\n')).then_some(text)
}

impl Inside<'_> {
    /// Judges every line.
    pub(super) fn entries<R: Read + Seek>(
        &mut self,
        archive: &mut Container<R>,
        verdict: &mut Verdict,
        told: &mut Told<'_>,
    ) {
        let Ok(mut lines) = archive.member(member::ENTRIES) else { return };
        let mut line = Vec::new();
        loop {
            match next_line(&mut lines, &mut line) {
                Some("") => return,
                Some(text) if self.lines < ENTRIES_MAX => {
                    told.read(text.len());
                    self.line(text, verdict);
                    self.lines += 1;
                }
                _ => return verdict.add(Finding::Unreadable { at: self.lines, cause: "no line".to_owned() }),
            }
        }
    }

    fn line(&mut self, text: &str, verdict: &mut Verdict) {
        verdict.entries += 1;
        let at = self.lines;
        let claim = serde_json::from_str::<Claim>(text).ok();
        let bytes = claim.as_ref().and_then(Claim::bytes);
        let Some((claim, (leaf, proof))) = claim.zip(bytes) else {
            return verdict.add(Finding::Unreadable { at, cause: "no line of an archive".to_owned() });
        };
        let entry = match Entry::decode(&leaf) {
            Ok(entry) => entry,
            Err(cause) => return verdict.add(Finding::Unreadable { at, cause: cause.to_string() }),
        };
        let index = entry.index;
        if self.last.is_some_and(|last| last >= index) {
            verdict.add(Finding::OutOfOrder { at, index });
            return;
        }
        self.last = Some(index);
        let checkpoint = self.signed.checkpoint();
        if !verify::inclusion(&leaf_hash(&leaf), index, checkpoint.size, &proof, &checkpoint.root) {
            return verdict.add(Finding::NotIncluded { index });
        }
        verdict.covered += 1;
        self.belongs(&entry, claim.role, verdict);
        let people = if claim.role == Role::Shown { self.people(&entry, verdict) } else { People::default() };
        self.named(&entry, &people, &claim, verdict);
        let facts = Facts::of(&entry, &people);
        self.unreadable += if claim.role == Role::Shown { facts.unreadable.len() as u64 } else { 0 };
        let again = Record::new(index, claim.role, facts, &leaf, &proof).line();
        if again.ok().as_deref() != Some(text) {
            verdict.add(Finding::FactsAltered { index });
        }
        if let Event::Outcome(outcome) = &entry.event {
            self.outcomes.entry(outcome.of).or_default().push(outcome.outcome);
        }
    }

    /// Whether the entry is one that the archive is about, in the role that it is shown in.
    fn belongs(&mut self, entry: &Entry, role: Role, verdict: &mut Verdict) {
        let index = entry.index;
        if let (Role::Order, Event::Order(order)) = (role, &entry.event) {
            self.order = Some((index, order.clone()));
            return;
        }
        let inside = self.period.holds(entry.time);
        let of_act = matches!(&entry.event, Event::Outcome(outcome) if self.acts.contains(&outcome.of));
        let selected = if self.patient {
            entry.event.patient().is_some_and(|patient| self.ids.contains_key(&patient.lookup))
        } else {
            entry.link.is_some_and(|link| self.ids.contains_key(&link.practitioner))
        };
        let right = match role {
            Role::Shown if self.patient => of_act || selected && inside,
            Role::Shown => selected && (inside || of_act),
            // An entry of the period may not be shown without its people.
            Role::Boundary => !self.patient && selected && !inside,
            Role::Order => false,
        };
        if !right {
            return verdict.add(Finding::OutsideSelection { index });
        }
        if role == Role::Shown && matches!(entry.event, Event::Issued(_)) {
            self.acts.insert(index);
        }
        if let (false, Some(link)) = (self.patient, entry.link) {
            let ends = self.chains.entry(link.practitioner).or_default();
            ends.oldest = ends.oldest.or(Some(entry.time));
            ends.newest = Some(entry.time);
            if let Err(incomplete) = ends.chain.take(entry) {
                ends.broken = true;
                verdict.add(Finding::Incomplete(incomplete));
            }
        }
    }

    /// The people of an entry, as its ciphertexts say with the archive's keys.
    fn people(&mut self, entry: &Entry, verdict: &mut Verdict) -> People {
        let index = entry.index;
        let mut people = People::default();
        if let Some((link, ciphertext)) = entry.link.zip(entry.event.practitioner()) {
            let place = (link.practitioner, ciphertext.key);
            if let Some(key) = self.keys.get(&place) {
                self.used.insert(place);
                match entry.practitioner(key) {
                    Ok(id) => people.practitioner = id,
                    Err(_) => verdict.add(Finding::KeyWrong { index }),
                }
            }
        }
        if let Some(patient) = entry.event.patient() {
            let place = (patient.lookup, patient.identity.key);
            if let Some(key) = self.keys.get(&place) {
                self.used.insert(place);
                match entry.patient(key) {
                    Ok(patient) => people.patient = patient,
                    Err(_) => verdict.add(Finding::KeyWrong { index }),
                }
            }
        }
        people
    }

    /// Whether line and manifest name the people whom the ciphertexts do.
    fn named(&self, entry: &Entry, people: &People, claim: &Claim, verdict: &mut Verdict) {
        let practitioner = people.practitioner.map(|id| id.as_str().to_owned());
        let patient = people.patient.as_ref().map(Person::of);
        let said = |lookup: Option<Digest>, id: Option<String>| {
            id.is_none_or(|id| lookup.and_then(|lookup| self.ids.get(&lookup)).is_none_or(|said| *said == id))
        };
        let manifest = said(entry.link.map(|link| link.practitioner), practitioner.clone())
            && said(
                entry.event.patient().map(|patient| patient.lookup),
                patient.as_ref().map(|patient| format!("{} {}", patient.oid, patient.ins)),
            );
        if claim.practitioner != practitioner || claim.patient != patient || !manifest {
            verdict.add(Finding::IdentityAltered { index: entry.index });
        }
    }

    /// Compares the table with the rows that the entries give.
    pub(super) fn table<R: Read + Seek>(
        &mut self,
        entries: &mut Container<R>,
        table: &mut Container<R>,
        verdict: &mut Verdict,
        told: &mut Told<'_>,
    ) {
        let (Ok(mut lines), Ok(mut rows)) = (entries.member(member::ENTRIES), table.member(member::TABLE)) else {
            return;
        };
        let (mut line, mut row) = (Vec::new(), Vec::new());
        // The first row amiss: those after it may only have moved.
        let mut amiss = (next_line(&mut rows, &mut row).map(str::to_owned) != table::head().ok()).then_some(1);
        while let Some(text) = next_line(&mut lines, &mut line).filter(|text| !text.is_empty()) {
            told.read(text.len());
            let Some(claim) = serde_json::from_str::<Claim>(text).ok().filter(|claim| claim.role == Role::Shown)
            else {
                continue;
            };
            let entry = claim.bytes().and_then(|(leaf, _)| Entry::decode(&leaf).ok());
            let Some(entry) = entry else { continue };
            // What its keys do not open was told with the entry.
            let people = self.people(&entry, &mut Verdict::default());
            let facts = Facts::of(&entry, &people);
            if !table::has_row(&facts) {
                continue;
            }
            self.rows += 1;
            let said = next_line(&mut rows, &mut row).unwrap_or_default();
            told.read(said.len());
            let outcomes = self.outcomes.get(&entry.index).map(Vec::as_slice).unwrap_or_default();
            let again =
                table::offset_of(said).map(|offset| table::row(entry.index, entry.time, &facts, outcomes, offset));
            if again.and_then(Result::ok).as_deref() != Some(said) {
                amiss = amiss.or(Some(self.rows + 1));
            }
        }
        if next_line(&mut rows, &mut row) != Some("") {
            amiss = amiss.or(Some(self.rows + 2));
        }
        if let Some(row) = amiss {
            verdict.add(Finding::TableAltered { row });
        }
    }

    /// Judges what can be judged when everything was read.
    pub(super) fn end(&mut self, manifest: &Manifest, heads: &Heads, verdict: &mut Verdict) -> Vec<Complete> {
        if (manifest.entries, manifest.rows) != (self.lines, self.rows) {
            verdict.add(Finding::ManifestAltered { what: "counts" });
        }
        if self.keys.keys().any(|place| !self.used.contains(place)) {
            verdict.add(Finding::KeyForeign);
        }
        let mut complete = Vec::new();
        let practitioners = manifest.practitioners.as_deref().unwrap_or_default();
        for (practitioner, head) in practitioners.iter().zip(heads) {
            let Some((lookup, head)) = Digest::from_base64(&practitioner.lookup).zip(*head) else { continue };
            let ends = self.chains.remove(&lookup).unwrap_or_default();
            let bounds = Bounds {
                older_shown: ends.oldest.is_some_and(|time| time < self.period.from),
                newer_shown: ends.newest.is_some_and(|time| time >= self.period.to),
            };
            match ends.chain.end(head, bounds) {
                Ok(whole) if !ends.broken => complete.push(whole),
                Ok(_) => {}
                Err(incomplete) => verdict.add(Finding::Incomplete(incomplete)),
            }
        }
        complete
    }
}

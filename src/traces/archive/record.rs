//! One line of `entries.jsonl`: the leaf, its proof, and what the leaf says in readable names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::choice::Role;
use crate::traces::digest::Digest;
use crate::traces::entry::Entry;
use crate::traces::entry::event::{Event, Issued, Refused, Setting};
use crate::traces::entry::evidence::Evidence;
use crate::traces::entry::identity::{Ciphertext, SealedPatient};
use crate::traces::entry::word::Word;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;
use crate::vihf::instant::Instant;

/// Longest line, in bytes. Reason: a leaf of 4 kB in base64, 64 hashes, and its facts again in JSON, stay below.
pub const LINE_LEN_MAX: usize = 32 * 1024;

/// One line.
#[derive(Debug, Serialize)]
pub struct Record {
    /// The entry's index.
    pub index: u64,
    /// Why it is here.
    pub role: Role,
    /// What it says; nothing where it is not shown.
    #[serde(flatten)]
    pub facts: Option<Facts>,
    /// The leaf in base64.
    pub leaf: String,
    /// Inclusion proof, hashes in base64, the sibling first.
    pub proof: Vec<String>,
}

/// What a reader of a line trusts of it: nothing but this, and this only once it is proven.
#[derive(Debug, Deserialize)]
pub struct Claim {
    /// The entry's index.
    pub index: u64,
    /// Why it is said to be here.
    pub role: Role,
    /// The leaf in base64.
    pub leaf: String,
    /// Inclusion proof.
    pub proof: Vec<String>,
    /// The practitioner that the line names.
    pub practitioner: Option<String>,
    /// The patient that the line names.
    pub patient: Option<Person>,
}

/// A patient in clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// INS.
    pub ins: String,
    /// Its identifier system.
    pub oid: String,
}

impl Person {
    /// A patient's two identifiers.
    #[must_use]
    pub fn of(patient: &Patient) -> Self {
        Self { ins: patient.ins.as_str().to_owned(), oid: patient.oid.as_str().to_owned() }
    }
}

/// The people of an entry, as far as their data keys are there.
#[derive(Clone, Debug, Default)]
pub struct People {
    /// Who acts.
    pub practitioner: Option<PsIdNat>,
    /// Whose record.
    pub patient: Option<Patient>,
}

/// The facts of an entry (format-traces.md, *Leaf*) in readable names; digests in hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are those of Setting, Issued, Refused and Order")]
pub struct Facts {
    pub time: String,
    pub boot: u64,
    pub kind: &'static str,
    /// The entry's number among its practitioner's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub practitioner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<&'static str>,
    /// SHA-256 of the proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_login: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<Person>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub invisible_to_guardians: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertion_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertion_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyring: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub convention: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verb: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measure: Option<String>,
    /// Those of the entry's people who cannot be read: their data key was destroyed or is not in the archive.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<&'static str>,
}

impl Record {
    /// The line of an entry, with its newline.
    ///
    /// # Errors
    /// serde_json's own, which a vector never meets.
    pub fn line(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self).map(|line| line + "\n")
    }

    /// The record of a leaf: `facts` unless it is a mere boundary.
    #[must_use]
    pub fn new(index: u64, role: Role, facts: Facts, leaf: &[u8], proof: &[Digest]) -> Self {
        Self {
            index,
            role,
            facts: (role != Role::Boundary).then_some(facts),
            leaf: STANDARD.encode(leaf),
            proof: proof.iter().map(Digest::to_base64).collect(),
        }
    }
}

impl Claim {
    /// Leaf and proof as bytes; `None` if they are no base64.
    #[must_use]
    pub fn bytes(&self) -> Option<(Vec<u8>, Vec<Digest>)> {
        let leaf = STANDARD.decode(&self.leaf).ok()?;
        let proof = self.proof.iter().map(|hash| Digest::from_base64(hash)).collect::<Option<_>>()?;
        Some((leaf, proof))
    }
}

fn text(word: &Word) -> Option<String> {
    Some(word.to_string())
}

fn optional(word: Option<&Word>) -> Option<String> {
    word.map(ToString::to_string)
}

fn hex(digest: &Digest) -> Option<String> {
    Some(digest.to_string())
}

fn moment(at: Option<Instant>) -> Option<String> {
    at.map(|at| at.to_string())
}

impl Facts {
    /// What an entry says, its people in clear as far as they are known.
    #[must_use]
    pub fn of(entry: &Entry, people: &People) -> Self {
        let mut facts = Self {
            time: entry.time.to_string(),
            boot: entry.boot,
            kind: entry.event.kind().name(),
            number: entry.link.map(|link| link.number),
            practitioner: people.practitioner.map(|id| id.as_str().to_owned()),
            patient: people.patient.as_ref().map(Person::of),
            ..Self::default()
        };
        if entry.event.practitioner().is_some() && people.practitioner.is_none() {
            facts.unreadable.push("practitioner");
        }
        if entry.event.patient().is_some() && people.patient.is_none() {
            facts.unreadable.push("patient");
        }
        match &entry.event {
            Event::Issued(issued) => facts.issued(issued),
            Event::Refused(refused) => facts.refused(refused),
            Event::SessionOpened(opened) => {
                facts.setting(&opened.setting);
                facts.expires = moment(Some(opened.expires));
            }
            Event::SessionClosed(closed) => {
                facts.application = text(&closed.application);
                facts.session = Some(closed.session);
            }
            Event::Order(order) => {
                facts.verb = text(&order.verb);
                facts.actors = order.actors.iter().map(ToString::to_string).collect();
                facts.order = hex(&order.order);
                facts.reason = optional(order.refused.as_ref());
            }
            Event::Outcome(outcome) => {
                facts.of = Some(outcome.of);
                facts.outcome = Some(outcome.outcome.name());
            }
            Event::Alarm(alarm) => {
                facts.subject = text(&alarm.subject);
                facts.measure = text(&alarm.measure);
                facts.application = optional(alarm.application.as_ref());
            }
            // They speak of nobody and are in no archive.
            Event::Configuration(_) | Event::Register(_) | Event::Start(_) | Event::Stop => {}
        }
        facts
    }

    fn setting(&mut self, setting: &Setting<Ciphertext>) {
        self.application = text(&setting.application);
        self.service = text(&setting.service);
        self.structure = text(&setting.structure);
        self.channel = text(&setting.channel);
        self.profile = text(&setting.profile);
        self.method = optional(setting.method.as_ref());
        self.evidence(setting.evidence);
        self.login = moment(setting.login);
        self.initial_login = moment(setting.initial_login);
        self.configuration = hex(&setting.configuration);
        self.convention = hex(&setting.convention);
    }

    fn evidence(&mut self, evidence: Evidence) {
        self.evidence = Some(evidence.name());
        if let Evidence::Proof(digest) = evidence {
            self.proof_digest = hex(&digest);
        }
    }

    fn issued(&mut self, issued: &Issued<Ciphertext, SealedPatient>) {
        self.setting(&issued.setting);
        self.session = Some(issued.session);
        self.transaction = text(&issued.transaction);
        self.purpose = text(&issued.purpose);
        self.invisible_to_guardians = issued.invisible_to_guardians;
        self.assertion_id = text(&issued.assertion_id);
        self.assertion_digest = hex(&issued.assertion);
        self.certificate = hex(&issued.certificate);
        self.keyring = optional(issued.keyring.as_ref());
        self.expires = moment(Some(issued.expires));
    }

    fn refused(&mut self, refused: &Refused<Ciphertext, SealedPatient>) {
        self.application = text(&refused.application);
        self.reason = text(&refused.reason);
        self.count = Some(refused.count);
        self.since = moment(refused.since);
        self.service = optional(refused.service.as_ref());
        self.structure = optional(refused.structure.as_ref());
        self.channel = optional(refused.channel.as_ref());
        self.profile = optional(refused.profile.as_ref());
        self.method = optional(refused.method.as_ref());
        if let Some(evidence) = refused.evidence {
            self.evidence(evidence);
        }
        self.login = moment(refused.login);
        self.initial_login = moment(refused.initial_login);
        self.session = refused.session;
        self.transaction = optional(refused.transaction.as_ref());
        self.purpose = optional(refused.purpose.as_ref());
        self.configuration = hex(&refused.configuration);
        self.convention = hex(&refused.convention);
    }
}

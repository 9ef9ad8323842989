//! The judgement of an archive: nothing of it is believed, everything is made again from what its checkpoint proves.

mod lines;
mod outside;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{self, Read, Seek};

use super::Verdict;
use super::finding::Finding;
use crate::traces::archive::choice::Outcomes;
use crate::traces::archive::container::{Container, ContainerError};
use crate::traces::archive::manifest::Manifest;
use crate::traces::archive::member;
use crate::traces::archive::request::Period;
use crate::traces::audit::AuditPublicKey;
use crate::traces::chain::{Chain, Complete};
use crate::traces::checkpoint::SignedCheckpoint;
use crate::traces::digest::Digest;
use crate::traces::entry::Head;
use crate::traces::entry::event::Order;
use crate::traces::entry::key::DataKey;
use crate::vihf::instant::Instant;

/// What became of the comparison with the checkpoint that the officer kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Since {
    /// He gave none: rollback, fork and a cut end are not judged.
    #[default]
    NotGiven,
    /// The archive has no proof from that size.
    NoProof,
    /// Judged.
    Checked,
}

/// An archive, judged.
#[derive(Debug, Default)]
pub struct Judged {
    /// Everything amiss.
    pub verdict: Verdict,
    /// What the archive says of itself; true as far as nothing is amiss, but for what it lists as not proven.
    pub manifest: Option<Manifest>,
    /// How much of each practitioner's chain is proven complete, in the manifest's order.
    pub chains: Vec<Complete>,
    /// Identities that cannot be read: their data key was destroyed, or taken out of the archive.
    pub unreadable: u64,
    /// Comparison with the officer's checkpoint.
    pub since: Since,
}

/// How far the judge is: bytes read, bytes to read.
pub type Progress<'p> = &'p mut dyn FnMut(u64, u64);

/// Judges an archive; `open` gives its file, from its beginning, as often as it is asked.
///
/// Trusts `keys`, the ledger's audit keys, and that `kept` was kept by the officer. Memory: some bytes for each entry,
/// whatever the archive says of itself.
///
/// # Errors
/// Those of `open` alone; whatever is amiss with the archive is a finding.
pub fn judge<R: Read + Seek>(
    open: impl Fn() -> io::Result<R>,
    keys: &[AuditPublicKey],
    kept: Option<&SignedCheckpoint>,
    progress: Progress<'_>,
) -> io::Result<Judged> {
    let mut judged = Judged::default();
    let opened = [Container::open(open()?), Container::open(open()?)];
    let (mut one, mut other) = match opened {
        [Ok(one), Ok(other)] => (one, other),
        [Err(cause), _] | [_, Err(cause)] => {
            judged.verdict.add(match cause {
                ContainerError::Repeated => Finding::MemberRepeated,
                cause => Finding::ArchiveUnreadable { cause: cause.to_string() },
            });
            return Ok(judged);
        }
    };
    let Some(manifest) = outside::manifest(&mut one, &mut judged.verdict) else { return Ok(judged) };
    let total = manifest.members.iter().map(|member| member.bytes).sum::<u64>();
    let mut told = Told { progress, done: 0, total: total.saturating_mul(3) };
    outside::members(&mut one, &manifest, &mut judged.verdict, &mut told);
    let signed = outside::checkpoint(&mut one, keys, &mut judged.verdict);
    let (Some(signed), Some(period), Some(lookups)) = (signed, manifest.period(), manifest.lookups()) else {
        if manifest.period().is_none() || manifest.lookups().is_none() {
            judged.verdict.add(Finding::ManifestAltered { what: "period" });
        }
        judged.manifest = Some(manifest);
        return Ok(judged);
    };
    outside::claims(&manifest, &signed, &mut judged.verdict);
    let (heads, since) = outside::proofs(&mut one, &manifest, &signed, kept, &mut judged.verdict);
    judged.since = since;
    judged.verdict.since_checked = since == Since::Checked;
    let mut inside = Inside {
        signed: &signed,
        period,
        patient: manifest.patient.is_some(),
        ids: lookups.into_iter().collect(),
        keys: outside::keys(&mut one, &mut judged.verdict),
        used: HashSet::new(),
        chains: BTreeMap::new(),
        acts: BTreeSet::new(),
        outcomes: Outcomes::new(),
        order: None,
        last: None,
        lines: 0,
        rows: 0,
        unreadable: 0,
    };
    inside.entries(&mut one, &mut judged.verdict, &mut told);
    inside.table(&mut one, &mut other, &mut judged.verdict, &mut told);
    judged.chains = inside.end(&manifest, &heads, &mut judged.verdict);
    outside::order(&mut one, &manifest, inside.order.as_ref(), &mut judged.verdict);
    judged.unreadable = inside.unreadable;
    judged.manifest = Some(manifest);
    Ok(judged)
}

/// How far the judge is.
struct Told<'p> {
    progress: Progress<'p>,
    done: u64,
    total: u64,
}

impl Told<'_> {
    fn read(&mut self, bytes: usize) {
        self.done += bytes as u64;
        (self.progress)(self.done.min(self.total), self.total);
    }
}

/// The entries of an archive as they are read.
struct Inside<'a> {
    signed: &'a SignedCheckpoint,
    period: Period,
    /// Whether the archive is one patient's.
    patient: bool,
    /// The selection: keyed hash to the identity that the manifest says.
    ids: HashMap<Digest, String>,
    keys: HashMap<(Digest, u64), DataKey>,
    used: HashSet<(Digest, u64)>,
    chains: BTreeMap<Digest, Ends>,
    /// Entries of the period: what an outcome may speak of.
    acts: BTreeSet<u64>,
    outcomes: Outcomes,
    order: Option<(u64, Order)>,
    /// Index of the line before.
    last: Option<u64>,
    lines: u64,
    rows: u64,
    unreadable: u64,
}

/// A practitioner's chain with the times of its ends.
#[derive(Debug, Default)]
struct Ends {
    chain: Chain,
    oldest: Option<Instant>,
    newest: Option<Instant>,
    broken: bool,
}

/// What the map says of each practitioner of the manifest; none if it could not be proven.
type Heads = Vec<Option<Option<Head>>>;

/// Whether a member is needed in every archive.
fn needed(name: &str) -> bool {
    name != member::ORDER
}

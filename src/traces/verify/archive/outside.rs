//! What surrounds an archive's entries: manifest, members, checkpoint, proofs, keys and order.

use std::collections::HashMap;
use std::io::{BufRead as _, Read, Seek};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::Verdict;
use super::super::finding::Finding;
use super::{Heads, Since, Told, needed};
use crate::traces::archive::container::Container;
use crate::traces::archive::manifest::{FORMAT, Key, LEN_MAX, Manifest, Proofs};
use crate::traces::archive::{ENTRIES_MAX, member};
use crate::traces::audit::{self, AuditPublicKey, generation_in};
use crate::traces::chain::Incomplete;
use crate::traces::checkpoint::SignedCheckpoint;
use crate::traces::digest::Digest;
use crate::traces::entry::event::{Order, TRACES_EXPORT};
use crate::traces::entry::key::DataKey;
use crate::traces::map::proof::MapProof;
use crate::traces::merkle::verify;
use crate::traces::note::NOTE_LEN_MAX;
use crate::vihf::instant::Instant;

/// Longest order, in bytes: what `admin.sock` takes.
const ORDER_LEN_MAX: u64 = 16 * 1024;

/// The manifest, if it has the one form that it is written in.
pub(super) fn manifest<R: Read + Seek>(archive: &mut Container<R>, verdict: &mut Verdict) -> Option<Manifest> {
    if !archive.names().iter().any(|name| name == member::MANIFEST) {
        verdict.add(Finding::MemberMissing { name: member::MANIFEST.to_owned() });
        return None;
    }
    let text = archive.text(member::MANIFEST, LEN_MAX).unwrap_or_default();
    let Ok(manifest) = serde_json::from_str::<Manifest>(&text) else {
        verdict.add(Finding::ManifestAltered { what: "form" });
        return None;
    };
    if manifest.format != FORMAT {
        verdict.add(Finding::ManifestAltered { what: "format" });
        return None;
    }
    let mut again = manifest.clone();
    again.conclude();
    if again.text().ok().as_deref() != Some(&text) {
        verdict.add(Finding::ManifestAltered { what: "form" });
    }
    Some(manifest)
}

/// Each member is there, is ours, and is the one that was hashed.
pub(super) fn members<R: Read + Seek>(
    archive: &mut Container<R>,
    manifest: &Manifest,
    verdict: &mut Verdict,
    told: &mut Told<'_>,
) {
    let names = archive.names().to_vec();
    for name in &names {
        if name != member::MANIFEST && !member::COVERED.contains(&name.as_str()) {
            verdict.add(Finding::MemberForeign { name: name.clone() });
        }
    }
    for name in member::COVERED {
        let listed = manifest.members.iter().find(|listed| listed.name == name);
        let there = names.iter().any(|there| there == name);
        match (listed, there) {
            (Some(listed), true) => {
                let digest = archive.digest(name).ok();
                let same = digest.is_some_and(|(digest, len)| {
                    (digest.to_string(), len) == (listed.sha256.clone(), listed.bytes)
                });
                if !same {
                    verdict.add(Finding::MemberAltered { name: name.to_owned() });
                }
                told.read(usize::try_from(listed.bytes).unwrap_or_default());
            }
            (Some(_), false) => verdict.add(Finding::MemberMissing { name: name.to_owned() }),
            (None, false) if needed(name) => verdict.add(Finding::MemberMissing { name: name.to_owned() }),
            (None, false) => {}
            (None, true) => verdict.add(Finding::MemberForeign { name: name.to_owned() }),
        }
    }
    if manifest.members.iter().any(|listed| !member::COVERED.contains(&listed.name.as_str())) {
        verdict.add(Finding::ManifestAltered { what: "members" });
    }
}

/// The checkpoint, if a trusted key named like its origin signed it.
pub(super) fn checkpoint<R: Read + Seek>(
    archive: &mut Container<R>,
    keys: &[AuditPublicKey],
    verdict: &mut Verdict,
) -> Option<SignedCheckpoint> {
    let note = archive.text(member::CHECKPOINT, NOTE_LEN_MAX as u64).unwrap_or_default();
    match audit::open(keys, &note) {
        Ok(signed) => Some(signed),
        Err(cause) => {
            verdict.add(Finding::CheckpointForged { cause: cause.to_string() });
            None
        }
    }
}

/// What the manifest says of the checkpoint.
pub(super) fn claims(manifest: &Manifest, signed: &SignedCheckpoint, verdict: &mut Verdict) {
    let checkpoint = signed.checkpoint();
    if manifest.origin != checkpoint.origin() || manifest.size != checkpoint.size {
        verdict.add(Finding::ManifestAltered { what: "checkpoint" });
    }
    if manifest.practitioners.is_some() == manifest.patient.is_some() {
        verdict.add(Finding::ManifestAltered { what: "selection" });
    }
}

/// What the map says of each practitioner, and the comparison with the officer's checkpoint.
pub(super) fn proofs<R: Read + Seek>(
    archive: &mut Container<R>,
    manifest: &Manifest,
    signed: &SignedCheckpoint,
    kept: Option<&SignedCheckpoint>,
    verdict: &mut Verdict,
) -> (Heads, Since) {
    let text = archive.text(member::PROOFS, LEN_MAX).unwrap_or_default();
    let proofs = serde_json::from_str::<Proofs>(&text).unwrap_or_else(|_| {
        verdict.add(Finding::MemberAltered { name: member::PROOFS.to_owned() });
        Proofs { map: Vec::new(), consistency: None }
    });
    let head = |(practitioner, text): (&crate::traces::archive::manifest::Practitioner, Option<&String>)| {
        let lookup = Digest::from_base64(&practitioner.lookup)?;
        MapProof::parse(text?)?.verify(&lookup, &signed.checkpoint().map)
    };
    let practitioners = manifest.practitioners.as_deref().unwrap_or_default();
    let heads: Heads = practitioners.iter().enumerate().map(|(at, one)| head((one, proofs.map.get(at)))).collect();
    for _ in heads.iter().filter(|head| head.is_none()) {
        verdict.add(Finding::Incomplete(Incomplete::Map));
    }
    let Some(kept) = kept else { return (heads, Since::NotGiven) };
    (heads, since(kept, signed, &proofs, verdict))
}

fn since(kept: &SignedCheckpoint, signed: &SignedCheckpoint, proofs: &Proofs, verdict: &mut Verdict) -> Since {
    let (kept, now) = (kept.checkpoint(), signed.checkpoint());
    let generations = (generation_in(now.origin()), generation_in(kept.origin()));
    // The declaration of a restoration is not in an archive: that there is one, the ledger must show.
    let or_restored = |finding| match generations {
        (archive, kept) if archive != kept => Finding::OtherGeneration { archive, kept },
        _ => finding,
    };
    if now.size < kept.size {
        verdict.add(or_restored(Finding::OlderThanKept { entries: now.size, kept: kept.size }));
        return Since::Checked;
    }
    let none = Vec::new();
    let proof = match &proofs.consistency {
        Some(consistency) if consistency.size == kept.size => &consistency.proof,
        // Two checkpoints of one size need no proof.
        _ if kept.size == now.size => &none,
        _ => return Since::NoProof,
    };
    let proof: Option<Vec<Digest>> = proof.iter().map(|hash| Digest::from_base64(hash)).collect();
    let extends = |proof: &[Digest]| verify::consistency(kept.size, now.size, proof, &kept.root, &now.root);
    // The map of one size is one too.
    let same_map = kept.size != now.size || kept.map == now.map;
    if !proof.is_some_and(|proof| extends(&proof)) || !same_map {
        verdict.add(or_restored(Finding::Forked { size: kept.size }));
    }
    Since::Checked
}

/// The data keys of the people shown.
pub(super) fn keys<R: Read + Seek>(
    archive: &mut Container<R>,
    verdict: &mut Verdict,
) -> HashMap<(Digest, u64), DataKey> {
    let mut keys = HashMap::new();
    let Ok(lines) = archive.member(member::KEYS) else { return keys };
    // Two people an entry.
    for line in lines.take(ENTRIES_MAX * 2 * 128).lines() {
        let key = line.ok().and_then(|line| serde_json::from_str::<Key>(&line).ok()).and_then(|key| {
            let bytes = Zeroizing::new(STANDARD.decode(&key.key).ok()?);
            let data_key = DataKey::new(key.id, <[u8; 32]>::try_from(bytes.as_slice()).ok()?);
            Some(((Digest::from_base64(&key.lookup)?, key.id), data_key))
        });
        if key.and_then(|(place, key)| keys.insert(place, key).is_none().then_some(())).is_none() {
            verdict.add(Finding::MemberAltered { name: member::KEYS.to_owned() });
            break;
        }
    }
    keys
}

/// What an order's text asks for; the rest of it is its signers' and `sceaud`'s.
#[derive(Deserialize)]
struct Asked {
    verb: String,
    arguments: Arguments,
}

#[derive(Deserialize)]
struct Arguments {
    #[serde(default)]
    practitioners: Vec<String>,
    #[serde(default)]
    patient: Option<String>,
    from: String,
    to: String,
}

impl Asked {
    /// Whether the manifest is of what was asked: an archive of less would be as whole in itself.
    fn is_of(&self, manifest: &Manifest) -> bool {
        let shown = manifest.practitioners.iter().flatten().map(|one| &one.id);
        let period = (Instant::parse(&self.arguments.from), Instant::parse(&self.arguments.to));
        self.verb == TRACES_EXPORT
            && self.arguments.practitioners.iter().eq(shown)
            && self.arguments.patient.as_ref() == manifest.patient.as_ref().map(|patient| &patient.ins)
            && period == (Instant::parse(&manifest.from), Instant::parse(&manifest.to))
    }
}

/// The order that the manifest names is recorded, was done, and is the one whose text is shown; the archive is what it asks.
pub(super) fn order<R: Read + Seek>(
    archive: &mut Container<R>,
    manifest: &Manifest,
    shown: Option<&(u64, Order)>,
    verdict: &mut Verdict,
) {
    let there = archive.names().iter().any(|name| name == member::ORDER);
    let text = archive.text(member::ORDER, ORDER_LEN_MAX).unwrap_or_default();
    let matches = match (manifest.order, shown) {
        (None, None) => !there,
        (Some(index), Some((at, order))) => {
            let asked = serde_json::from_str::<Asked>(&text);
            index == *at
                && order.order == Digest::of(&[text.as_bytes()])
                && order.verb.as_str() == TRACES_EXPORT
                && order.refused.is_none()
                && asked.is_ok_and(|asked| asked.is_of(manifest))
        }
        _ => false,
    };
    if !matches {
        verdict.add(Finding::OrderAltered);
    }
}

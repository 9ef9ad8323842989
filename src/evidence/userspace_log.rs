//! systemd's log of what it measured itself (`/run/log/systemd/tpm2-measure.log`): JSON-SEQ (RFC 7464), CEL-JSON records.

use serde::Deserialize;

use super::event_log::PCR_COUNT;
use super::event_log::replay::Pcrs;
use crate::traces::digest::Digest;

/// Longest log in bytes. Reason: a record has some 300 bytes, a boot some ten of them.
pub const USERSPACE_LOG_LEN_MAX: usize = 1024 * 1024;
/// Begins a record (RFC 7464 §2.2).
const RECORD: char = '\u{1e}';

/// One measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// PCR that it extends.
    pub pcr: usize,
    /// Its digest.
    pub sha256: Digest,
    /// The phase of the boot that it ends (`enter-initrd`, `ready`, …), where it is one and the digest is of that word.
    pub phase: Option<String>,
}

/// Why a text is no such log; French, for an officer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserspaceLogFault {
    /// Over the limit.
    #[error("il dépasse {USERSPACE_LOG_LEN_MAX} octets")]
    TooLong,
    /// Not JSON-SEQ, or cut.
    #[error("son enregistrement n° {record} n'est pas lisible")]
    Form {
        /// Which, from 1.
        record: usize,
    },
    /// A record without a digest of the SHA-256 bank.
    #[error("son enregistrement n° {record} n'a pas d'empreinte SHA-256")]
    NoSha256 {
        /// Which, from 1.
        record: usize,
    },
    /// A phase that is not what was measured.
    #[error("son enregistrement n° {record} nomme une phase qui n'est pas ce qui a été mesuré")]
    Phase {
        /// Which, from 1.
        record: usize,
    },
}

#[derive(Deserialize)]
struct Line {
    /// Absent where something else than a PCR is extended (an NV index).
    pcr: Option<usize>,
    #[serde(default)]
    digests: Vec<LineDigest>,
    #[serde(default)]
    content: Option<Content>,
}

#[derive(Deserialize)]
struct LineDigest {
    #[serde(rename = "hashAlg")]
    algorithm: String,
    digest: String,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    string: Option<String>,
    #[serde(rename = "eventType", default)]
    kind: Option<String>,
}

/// Reads the whole log.
///
/// # Errors
/// [`UserspaceLogFault`].
pub fn parse(log: &[u8]) -> Result<Vec<Record>, UserspaceLogFault> {
    if log.len() > USERSPACE_LOG_LEN_MAX {
        return Err(UserspaceLogFault::TooLong);
    }
    let Ok(text) = std::str::from_utf8(log) else { return Err(UserspaceLogFault::Form { record: 1 }) };
    let Some(records) = text.strip_prefix(RECORD) else {
        return if text.is_empty() { Ok(Vec::new()) } else { Err(UserspaceLogFault::Form { record: 1 }) };
    };
    let mut all = Vec::new();
    for (text, number) in records.split(RECORD).zip(1..) {
        // A record that a crash cut has no end of line (RFC 7464 §2.4).
        let line = text.strip_suffix('\n').ok_or(UserspaceLogFault::Form { record: number })?;
        all.extend(record(line, number)?);
    }
    Ok(all)
}

fn record(line: &str, number: usize) -> Result<Option<Record>, UserspaceLogFault> {
    let form = UserspaceLogFault::Form { record: number };
    let line: Line = serde_json::from_str(line).map_err(|_| form)?;
    let Some(pcr) = line.pcr else { return Ok(None) };
    if pcr >= PCR_COUNT {
        return Err(form);
    }
    let mut digests = line.digests.iter().filter(|digest| digest.algorithm == "sha256");
    let sha256 = match (digests.next(), digests.next()) {
        (Some(one), None) => Digest::from_hex(&one.digest).ok_or(form)?,
        _ => return Err(UserspaceLogFault::NoSha256 { record: number }),
    };
    let phase = line.content.filter(|content| content.kind.as_deref() == Some("phase"));
    let phase = phase.and_then(|content| content.string);
    if phase.as_ref().is_some_and(|phase| Digest::of(&[phase.as_bytes()]) != sha256) {
        return Err(UserspaceLogFault::Phase { record: number });
    }
    Ok(Some(Record { pcr, sha256, phase }))
}

/// Extends with every measurement, in the log's order.
pub fn replay(records: &[Record], pcrs: &mut Pcrs) {
    for record in records {
        pcrs.extend(record.pcr, &record.sha256);
    }
}

//! The bytes of a backup's segment, before they are encrypted: a header, records, and a tag over both.
//!
//! `"sceau-backup-v1\n"`, then records: kind (1 byte), length (4 bytes, big endian), that many bytes. The first is the header
//! (JSON), the last the tag: HMAC-SHA-256 over everything before it, under a key that is derived from the ledger's root key.
//! Each header names the tag of the segment before: none can be left out, doubled, or taken from another backup.

use std::io::{self, Read, Write};

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};

use super::key_file::Key;
use super::secrets::derive;
use super::store::StoreError;
use crate::traces::digest::Digest;

/// First bytes of every segment.
const MAGIC: &[u8] = b"sceau-backup-v1\n";
/// Longest record: the largest register of practitioners
/// ([`crate::policy::practitioner::import::DOCUMENT_LEN_MAX`]) and what encrypts it; leaves have at most 4096 bytes.
const RECORD_LEN_MAX: usize = 1 << 25;

/// What a segment is, and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    /// The ledger's generation.
    pub(super) generation: u64,
    /// From 1 in its generation.
    pub(super) number: u64,
    /// Tag of the segment before, base64; empty for the first.
    pub(super) previous: String,
    /// Epoch of the wrapped keys; escrows of other epochs do not open them.
    pub(super) epoch: u64,
    /// First entry.
    pub(super) from: u64,
    /// The last entry plus 1.
    pub(super) to: u64,
    /// Data keys up to that number are in earlier segments of this epoch.
    pub(super) keys_after: u64,
    /// Whether the ledger had more when this was made: what ends here is not whole.
    pub(super) more: bool,
    /// Tree root over all entries up to `to`, base64.
    pub(super) root: String,
    /// When, RFC 3339.
    pub(super) made_at: String,
    /// The newest signed checkpoint, if there is one.
    pub(super) checkpoint: Option<String>,
}

/// One thing of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// The next entry.
    Leaf(Vec<u8>),
    /// A wrapped data key.
    DataKey { id: u64, person: Digest, wrapped: Vec<u8> },
    /// A closed DMP.
    Closing { patient: Digest, entry: u64, at_ms: u64 },
    /// A register.
    Register { name: String, entry: u64, content: Vec<u8> },
}

/// Numbers of the records' kinds; part of the format.
const HEADER: u8 = 0;
const LEAF: u8 = 1;
const DATA_KEY: u8 = 2;
const CLOSING: u8 = 3;
const REGISTER: u8 = 4;
const TAG: u8 = 255;

/// Why a segment is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// It ended early, or whoever decrypts it failed.
    #[error("il ne peut pas être lu jusqu'au bout ({0})")]
    Read(#[from] io::Error),
    /// Its bytes are no segment.
    #[error("ce n'est pas un segment de sauvegarde de cette version")]
    Form,
    /// Its tag is wrong: altered, or of another ledger.
    #[error("il a été modifié, ou il est d'un autre journal que ce séquestre")]
    Tag,
    /// A key could not be derived.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A segment that is written.
pub(super) struct SegmentWriter<W> {
    out: W,
    mac: hmac::Context,
}

/// The key of all tags of a ledger.
pub(super) fn tag_key(root: &Key) -> Result<hmac::Key, StoreError> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, derive(root, b"backup")?.as_ref()))
}

impl<W: Write> SegmentWriter<W> {
    /// Begins a segment with its header.
    pub(super) fn new(out: W, key: &hmac::Key, header: &Header) -> io::Result<Self> {
        let mut segment = Self { out, mac: hmac::Context::with_key(key) };
        segment.write(MAGIC)?;
        segment.record(HEADER, &[&serde_json::to_vec(header)?])?;
        Ok(segment)
    }

    /// Appends an entry.
    pub(super) fn leaf(&mut self, leaf: &[u8]) -> io::Result<()> {
        self.record(LEAF, &[leaf])
    }

    /// Appends a wrapped data key.
    pub(super) fn data_key(&mut self, id: u64, person: &Digest, wrapped: &[u8]) -> io::Result<()> {
        self.record(DATA_KEY, &[&id.to_be_bytes(), person.as_bytes(), wrapped])
    }

    /// Appends a closing.
    pub(super) fn closing(&mut self, patient: &Digest, entry: u64, at_ms: u64) -> io::Result<()> {
        self.record(CLOSING, &[patient.as_bytes(), &entry.to_be_bytes(), &at_ms.to_be_bytes()])
    }

    /// Appends a register.
    pub(super) fn register(&mut self, name: &str, entry: u64, content: &[u8]) -> io::Result<()> {
        self.record(REGISTER, &[&entry.to_be_bytes(), name.as_bytes(), b"\0", content])
    }

    /// Ends the segment; its tag is the next one's `previous`.
    pub(super) fn finish(mut self) -> io::Result<(W, Digest)> {
        let tag = self.mac.clone().sign();
        let tag = Digest::from_slice(tag.as_ref()).ok_or(io::ErrorKind::InvalidData)?;
        self.record(TAG, &[tag.as_bytes()])?;
        Ok((self.out, tag))
    }

    fn record(&mut self, kind: u8, parts: &[&[u8]]) -> io::Result<()> {
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        let len = u32::try_from(len).ok().filter(|len| *len as usize <= RECORD_LEN_MAX);
        let len = len.ok_or(io::ErrorKind::InvalidData)?;
        self.write(&[kind])?;
        self.write(&len.to_be_bytes())?;
        parts.iter().try_for_each(|part| self.write(part))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.mac.update(bytes);
        self.out.write_all(bytes)
    }
}

/// A segment that is read. Nothing of it may be believed before [`SegmentReader::next`] gave None.
pub(super) struct SegmentReader<R> {
    read: R,
    mac: hmac::Context,
    header: Header,
    tag: Option<Digest>,
}

impl<R: Read> SegmentReader<R> {
    /// Reads the header.
    pub(super) fn new(mut read: R, key: &hmac::Key) -> Result<Self, SegmentError> {
        let mut mac = hmac::Context::with_key(key);
        let mut magic = [0; MAGIC.len()];
        read.read_exact(&mut magic)?;
        mac.update(&magic);
        if magic != MAGIC {
            return Err(SegmentError::Form);
        }
        let (kind, bytes, _) = record(&mut read, &mut mac)?;
        let header = serde_json::from_slice(&bytes).ok().filter(|_| kind == HEADER).ok_or(SegmentError::Form)?;
        Ok(Self { read, mac, header, tag: None })
    }

    /// What it says of itself.
    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// The next record; None at the end, which proves everything before it.
    pub(super) fn next(&mut self) -> Result<Option<Record>, SegmentError> {
        if self.tag.is_some() {
            return Ok(None);
        }
        let (kind, bytes, before) = record(&mut self.read, &mut self.mac)?;
        if kind == TAG {
            let tag = Digest::from_slice(&bytes).ok_or(SegmentError::Form)?;
            aws_lc_rs::constant_time::verify_slices_are_equal(before.sign().as_ref(), tag.as_bytes())
                .map_err(|_| SegmentError::Tag)?;
            if self.read.read(&mut [0])? != 0 {
                return Err(SegmentError::Form);
            }
            self.tag = Some(tag);
            return Ok(None);
        }
        parse(kind, &bytes).map(Some).ok_or(SegmentError::Form)
    }

    /// The tag, once the end was reached.
    pub(super) fn tag(&self) -> Option<Digest> {
        self.tag
    }
}

/// Reads one record into the running tag; also the tag's state before it.
fn record(read: &mut impl Read, mac: &mut hmac::Context) -> Result<(u8, Vec<u8>, hmac::Context), SegmentError> {
    let mut head = [0; 5];
    read.read_exact(&mut head)?;
    let [kind, a, b, c, d] = head;
    let len = u32::from_be_bytes([a, b, c, d]) as usize;
    if len > RECORD_LEN_MAX {
        return Err(SegmentError::Form);
    }
    let mut bytes = Vec::new();
    // No memory for what is only claimed.
    read.take(len as u64).read_to_end(&mut bytes)?;
    if bytes.len() != len {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    let before = mac.clone();
    mac.update(&head);
    mac.update(&bytes);
    Ok((kind, bytes, before))
}

fn parse(kind: u8, bytes: &[u8]) -> Option<Record> {
    let number = |bytes: &[u8]| -> Option<u64> { Some(u64::from_be_bytes(bytes.try_into().ok()?)) };
    Some(match kind {
        LEAF => Record::Leaf(bytes.to_vec()),
        DATA_KEY => Record::DataKey {
            id: number(bytes.get(..8)?)?,
            person: Digest::from_slice(bytes.get(8..40)?)?,
            wrapped: bytes.get(40..)?.to_vec(),
        },
        CLOSING => Record::Closing {
            patient: Digest::from_slice(bytes.get(..32)?)?,
            entry: number(bytes.get(32..40)?)?,
            at_ms: number(bytes.get(40..)?)?,
        },
        REGISTER => {
            let rest = bytes.get(8..)?;
            let end = memchr::memchr(0, rest)?;
            Record::Register {
                name: std::str::from_utf8(rest.get(..end)?).ok()?.to_owned(),
                entry: number(bytes.get(..8)?)?,
                content: rest.get(end + 1..)?.to_vec(),
            }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use zeroize::Zeroizing;

    fn key(root: u8) -> hmac::Key {
        tag_key(&Zeroizing::new([root; 32])).unwrap()
    }

    fn header() -> Header {
        Header {
            generation: 1,
            number: 2,
            previous: "AAAA".to_owned(),
            epoch: 3,
            from: 4,
            to: 6,
            keys_after: 7,
            more: false,
            root: Digest::of(&[b"root"]).to_base64(),
            made_at: "2026-01-01T00:00:00.000Z".to_owned(),
            checkpoint: None,
        }
    }

    fn written() -> (Vec<u8>, Digest, Vec<Record>) {
        let person = Digest::of(&[b"person"]);
        let mut segment = SegmentWriter::new(Vec::new(), &key(1), &header()).unwrap();
        segment.leaf(b"leaf").unwrap();
        segment.data_key(8, &person, b"wrapped").unwrap();
        segment.closing(&person, 5, 1_000).unwrap();
        segment.register("operators", 5, b"{\"a\":\"\0\"}").unwrap();
        let records = vec![
            Record::Leaf(b"leaf".to_vec()),
            Record::DataKey { id: 8, person, wrapped: b"wrapped".to_vec() },
            Record::Closing { patient: person, entry: 5, at_ms: 1_000 },
            Record::Register { name: "operators".to_owned(), entry: 5, content: b"{\"a\":\"\0\"}".to_vec() },
        ];
        let (bytes, tag) = segment.finish().unwrap();
        (bytes, tag, records)
    }

    fn read(bytes: &[u8], key: &hmac::Key) -> Result<(Header, Vec<Record>, Digest), SegmentError> {
        let mut segment = SegmentReader::new(bytes, key)?;
        let mut records = Vec::new();
        while let Some(record) = segment.next()? {
            records.push(record);
        }
        Ok((segment.header().clone(), records, segment.tag().unwrap()))
    }

    #[test]
    fn a_segment_is_read_as_it_was_written() {
        let (bytes, tag, records) = written();
        assert_eq!(read(&bytes, &key(1)).unwrap(), (header(), records, tag));
    }

    #[test]
    fn every_bit_of_a_segment_counts() {
        let (bytes, _, _) = written();
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            assert!(read(&altered, &key(1)).is_err(), "byte {at}");
            assert!(read(&bytes[..at], &key(1)).is_err(), "cut at {at}");
        }
        assert!(matches!(read(&bytes, &key(2)), Err(SegmentError::Tag)), "another ledger's key");
        assert!(matches!(read(&[bytes, vec![0]].concat(), &key(1)), Err(SegmentError::Form)));
    }
}

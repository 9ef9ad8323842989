//! The firmware's event log, crypto-agile (TCG PC Client Platform Firmware Profile §10): every length is held against what is left.
//!
//! Nothing in a log is believed: what is measured is what replays to the PCRs of a quote ([`replay`]).

pub mod replay;
pub mod secure_boot;

use crate::traces::digest::Digest;

/// Longest log in bytes. Reason: those of servers with many option ROMs have some 200 kB.
pub const EVENT_LOG_LEN_MAX: usize = 2 * 1024 * 1024;
/// Most events. Reason: a firmware writes some hundreds; memory is bounded by it.
pub const EVENTS_MAX: usize = 20_000;
/// Most hash algorithms of a log; TPMs have at most four or five banks.
const ALGORITHMS_MAX: usize = 16;
/// Longest digest in bytes: that of SHA-512.
const DIGEST_LEN_MAX: usize = 64;
/// TPM_ALG_SHA256.
const SHA256: u16 = 0x000B;
/// An event that extends no PCR.
pub const EV_NO_ACTION: u32 = 0x0000_0003;
/// Marks the first event of a crypto-agile log.
const SPEC_ID: &[u8; 16] = b"Spec ID Event03\0";
/// PCRs of a PC.
pub const PCR_COUNT: usize = 24;

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// PCR that it extends.
    pub pcr: usize,
    /// TCG event type.
    pub kind: u32,
    /// Digest with which the PCR of the SHA-256 bank is extended.
    pub sha256: Digest,
    /// What the firmware says of it; measured only where the digest is of these bytes.
    pub data: &'a [u8],
    /// Where it begins in the log, in bytes.
    pub offset: usize,
}

/// A log that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLog<'a> {
    /// Its events after the first, which only describes the log.
    pub events: Vec<Event<'a>>,
}

/// Why bytes are no event log; French, for an officer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventLogFault {
    /// Over a limit of this program.
    #[error("il dépasse {EVENT_LOG_LEN_MAX} octets ou {EVENTS_MAX} événements")]
    TooLong,
    /// A log of TPM 1.2, of SHA-1 alone, or no log.
    #[error("ce n'est pas un journal à plusieurs algorithmes (Spec ID Event03)")]
    NotCryptoAgile,
    /// The SHA-256 bank is not logged.
    #[error("il ne porte pas la banque SHA-256")]
    NoSha256,
    /// It ends inside an event.
    #[error("il est coupé dans l'événement qui commence à l'octet {offset}")]
    Truncated {
        /// Where the event begins.
        offset: usize,
    },
    /// An event that no firmware writes.
    #[error("l'événement qui commence à l'octet {offset} n'est pas correct ({what})")]
    Event {
        /// Where it begins.
        offset: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// What is left of the log.
struct Reader<'a> {
    rest: &'a [u8],
    /// Where the event begins that is being read.
    offset: usize,
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, len: usize) -> Result<&'a [u8], EventLogFault> {
        let (taken, rest) =
            self.rest.split_at_checked(len).ok_or(EventLogFault::Truncated { offset: self.offset })?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], EventLogFault> {
        let (taken, rest) =
            self.rest.split_first_chunk().ok_or(EventLogFault::Truncated { offset: self.offset })?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, EventLogFault> {
        self.array::<1>().map(|[byte]| *byte)
    }

    fn u16(&mut self) -> Result<u16, EventLogFault> {
        self.array().map(|bytes| u16::from_le_bytes(*bytes))
    }

    fn u32(&mut self) -> Result<u32, EventLogFault> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }

    fn len(&mut self) -> Result<usize, EventLogFault> {
        let len = self.u32()?;
        usize::try_from(len).map_err(|_| self.wrong("longueur"))
    }

    fn wrong(&self, what: &'static str) -> EventLogFault {
        EventLogFault::Event { offset: self.offset, what }
    }
}

impl<'a> EventLog<'a> {
    /// Reads a whole log; nothing may follow its last event.
    ///
    /// Memory is bounded by [`EVENTS_MAX`]; data of events are borrowed.
    ///
    /// # Errors
    /// [`EventLogFault`].
    pub fn parse(log: &'a [u8]) -> Result<Self, EventLogFault> {
        if log.len() > EVENT_LOG_LEN_MAX {
            return Err(EventLogFault::TooLong);
        }
        let mut reader = Reader { rest: log, offset: 0 };
        let sizes = description(&mut reader)?;
        if !sizes.contains(&(SHA256, Digest::LEN)) {
            return Err(EventLogFault::NoSha256);
        }
        let mut events = Vec::new();
        while !reader.rest.is_empty() {
            if events.len() == EVENTS_MAX {
                return Err(EventLogFault::TooLong);
            }
            reader.offset = log.len() - reader.rest.len();
            events.push(event(&mut reader, &sizes)?);
        }
        Ok(Self { events })
    }
}

/// The first event, in the form of TPM 1.2 (TCG_PCClientPCREvent, TCG_EfiSpecIdEvent): algorithms and lengths of their digests.
fn description(reader: &mut Reader<'_>) -> Result<Vec<(u16, usize)>, EventLogFault> {
    let (pcr, kind) = (reader.u32()?, reader.u32()?);
    let digest = reader.array::<20>()?;
    let len = reader.len()?;
    if pcr != 0 || kind != EV_NO_ACTION || digest.iter().any(|byte| *byte != 0) {
        return Err(EventLogFault::NotCryptoAgile);
    }
    let mut inside = Reader { rest: reader.bytes(len)?, offset: 0 };
    if inside.array::<16>().ok() != Some(SPEC_ID) {
        return Err(EventLogFault::NotCryptoAgile);
    }
    // Platform class, version, errata, size of a UINTN.
    inside.bytes(4 + 2 + 1 + 1)?;
    let number = inside.len()?;
    if !(1..=ALGORITHMS_MAX).contains(&number) {
        return Err(inside.wrong("nombre d'algorithmes"));
    }
    let mut sizes: Vec<(u16, usize)> = Vec::with_capacity(number);
    for _ in 0..number {
        let (algorithm, size) = (inside.u16()?, usize::from(inside.u16()?));
        if size == 0 || size > DIGEST_LEN_MAX || sizes.iter().any(|(known, _)| *known == algorithm) {
            return Err(inside.wrong("algorithme"));
        }
        sizes.push((algorithm, size));
    }
    let vendor = usize::from(inside.byte()?);
    inside.bytes(vendor)?;
    if inside.rest.is_empty() { Ok(sizes) } else { Err(inside.wrong("description plus longue que son contenu")) }
}

/// TCG_PCR_EVENT2.
fn event<'a>(reader: &mut Reader<'a>, sizes: &[(u16, usize)]) -> Result<Event<'a>, EventLogFault> {
    let (pcr, kind) = (reader.len()?, reader.u32()?);
    if pcr >= PCR_COUNT {
        return Err(reader.wrong("PCR inconnu"));
    }
    let number = reader.len()?;
    if number > sizes.len() {
        return Err(reader.wrong("plus d'empreintes que d'algorithmes"));
    }
    let mut sha256 = None;
    let mut seen = [0; ALGORITHMS_MAX];
    for at in 0..number {
        let algorithm = reader.u16()?;
        let known = sizes.iter().find(|(known, _)| *known == algorithm);
        let (_, size) = known.ok_or_else(|| reader.wrong("algorithme non annoncé"))?;
        if seen.iter().take(at).any(|earlier| *earlier == algorithm) {
            return Err(reader.wrong("algorithme répété"));
        }
        if let Some(place) = seen.get_mut(at) {
            *place = algorithm;
        }
        let digest = reader.bytes(*size)?;
        if algorithm == SHA256 {
            sha256 = Digest::from_slice(digest);
        }
    }
    let sha256 = sha256.ok_or_else(|| reader.wrong("sans empreinte SHA-256"))?;
    let len = reader.len()?;
    Ok(Event { pcr, kind, sha256, data: reader.bytes(len)?, offset: reader.offset })
}

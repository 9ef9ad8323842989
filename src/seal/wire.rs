//! Frames between `sceaud` and a signer process: bytes to values and back, no input or output.
//!
//! A frame is a `u32` in network order (the length of what follows, 1 to [`FRAME_LEN_MAX`]), one tag byte and the tag's
//! payload. One request, one answer, in order. Both sides are of one release, but a new answer field is tolerated so
//! that either may be restarted first.

use serde::{Deserialize, Serialize};

use super::handshake::Scheme;
use super::key::KeyDescription;

/// Longest frame in bytes after its length: the messages of a TLS 1.2 handshake with a server that names a hundred
/// authorities and sends a long chain fit, nothing much longer does.
pub const FRAME_LEN_MAX: usize = 64 * 1024;
/// Bytes of the length before each frame.
pub const HEADER_LEN: usize = 4;
/// Bytes of a self-test's nonce: as many as its digest, so that no two tests sign the same thing.
pub const NONCE_LEN: usize = 32;
/// Begins every self-test message. A NUL cannot stand in XML 1.0 (§2.2), so no self-test is ever a `SignedInfo`.
pub const SELF_TEST_DOMAIN: &[u8] = b"fr.sceau.signer self-test v1\0";

/// What `sceaud` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Which key is this? Answered by [`Answer::Key`].
    Hello,
    /// Sign a canonical `SignedInfo`. Answered by [`Answer::Signature`].
    Sign(&'a [u8]),
    /// Sign what a TLS client's CertificateVerify covers ([`super::handshake`]). Answered by [`Answer::Signature`].
    SignHandshake(Scheme, &'a [u8]),
    /// Sign [`self_test_message`] of this nonce. Answered by [`Answer::Signature`].
    SelfTest([u8; NONCE_LEN]),
    /// Counters since the process began. Answered by [`Answer::Stats`].
    Stats,
}

/// What a signer answers; [`Answer::Failure`] may stand in the place of any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The key behind this signer.
    Key(Box<KeyDescription>),
    /// RSA: as long as the modulus. ECDSA: raw r‖s.
    Signature(Vec<u8>),
    /// Counters.
    Stats(Stats),
    /// Nothing was signed.
    Failure(Failure),
}

/// Counters of a signer process since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Signatures made, self-tests included.
    pub signatures: u64,
    /// Thread CPU inside `C_SignInit` and `C_Sign`, in nanoseconds.
    pub sign_cpu_ns: u64,
    /// Times the module was closed and opened again with success.
    pub recoveries: u64,
}

/// Why nothing was signed; a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// Module, token or key cannot be reached; the signer keeps trying, so this heals by itself.
    TokenUnreachable,
    /// The PIN was refused or may not be tried; an operator must act.
    PinRefused,
    /// The bytes are not what this key is for; asking again is useless.
    ShapeRefused,
    /// Every session or connection is taken.
    Busy,
}

impl Failure {
    /// The name in logs and in `reason` values.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TokenUnreachable => "token-unreachable",
            Self::PinRefused => "pin-refused",
            Self::ShapeRefused => "shape-refused",
            Self::Busy => "busy",
        }
    }
}

/// Bytes that are no frame of this protocol: hang up, the two sides no longer agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The length is zero or over [`FRAME_LEN_MAX`].
    #[error("a frame of {0} bytes is not 1 to {FRAME_LEN_MAX}")]
    Length(usize),
    /// The tag is not one of this direction.
    #[error("tag {0:#04x} is not one of this direction")]
    Tag(u8),
    /// The payload is not the tag's.
    #[error("the payload of tag {0:#04x} is not of its form")]
    Payload(u8),
}

const HELLO: u8 = 0x01;
const SIGN: u8 = 0x02;
const SELF_TEST: u8 = 0x03;
const STATS: u8 = 0x04;
const SIGN_HANDSHAKE: u8 = 0x05;
const KEY_ANSWER: u8 = 0x81;
const SIGNATURE_ANSWER: u8 = 0x82;
const STATS_ANSWER: u8 = 0x83;
const FAILURE_ANSWER: u8 = 0x84;

/// The bytes that a self-test signs, with the mechanism of a seal.
#[must_use]
pub fn self_test_message(nonce: &[u8; NONCE_LEN]) -> Vec<u8> {
    [SELF_TEST_DOMAIN, nonce].concat()
}

/// Appends a request's frame to `out`.
///
/// # Errors
/// [`WireError::Length`]; `out` is as it was.
pub fn encode(request: &Request<'_>, out: &mut Vec<u8>) -> Result<(), WireError> {
    match request {
        Request::Hello => frame(HELLO, &[], out),
        Request::Sign(signed_info) => frame(SIGN, signed_info, out),
        Request::SignHandshake(scheme, content) => {
            frame(SIGN_HANDSHAKE, &[&scheme.number().to_be_bytes(), *content].concat(), out)
        }
        Request::SelfTest(nonce) => frame(SELF_TEST, nonce, out),
        Request::Stats => frame(STATS, &[], out),
    }
}

/// Appends an answer's frame to `out`.
///
/// # Errors
/// [`WireError::Length`] or, for a key that JSON cannot write, [`WireError::Payload`]; `out` is as it was.
pub fn encode_answer(answer: &Answer, out: &mut Vec<u8>) -> Result<(), WireError> {
    match answer {
        Answer::Key(key) => {
            let json = serde_json::to_vec(key).map_err(|_| WireError::Payload(KEY_ANSWER))?;
            frame(KEY_ANSWER, &json, out)
        }
        Answer::Signature(signature) => frame(SIGNATURE_ANSWER, signature, out),
        Answer::Stats(stats) => {
            let counters = [stats.signatures, stats.sign_cpu_ns, stats.recoveries].map(u64::to_be_bytes);
            frame(STATS_ANSWER, counters.as_flattened(), out)
        }
        Answer::Failure(failure) => frame(FAILURE_ANSWER, failure.as_str().as_bytes(), out),
    }
}

fn frame(tag: u8, payload: &[u8], out: &mut Vec<u8>) -> Result<(), WireError> {
    let len = payload.len() + 1;
    let header = u32::try_from(len).ok().filter(|_| len <= FRAME_LEN_MAX).ok_or(WireError::Length(len))?;
    out.reserve(HEADER_LEN + len);
    out.extend_from_slice(&header.to_be_bytes());
    out.push(tag);
    out.extend_from_slice(payload);
    Ok(())
}

/// How many bytes follow this length.
///
/// # Errors
/// [`WireError::Length`]: read no further.
pub fn header(bytes: &[u8; HEADER_LEN]) -> Result<usize, WireError> {
    let len = usize::try_from(u32::from_be_bytes(*bytes)).unwrap_or(usize::MAX);
    if (1..=FRAME_LEN_MAX).contains(&len) { Ok(len) } else { Err(WireError::Length(len)) }
}

/// Reads the tag and payload of a request; trusts nothing about them.
///
/// # Errors
/// [`WireError`].
pub fn decode_request(frame: &[u8]) -> Result<Request<'_>, WireError> {
    let (tag, payload) = split(frame)?;
    match tag {
        HELLO if payload.is_empty() => Ok(Request::Hello),
        SIGN => Ok(Request::Sign(payload)),
        SIGN_HANDSHAKE => payload
            .split_first_chunk()
            .and_then(|(number, content)| {
                Some(Request::SignHandshake(Scheme::from_number(u16::from_be_bytes(*number))?, content))
            })
            .ok_or(WireError::Payload(tag)),
        SELF_TEST => payload.try_into().map(Request::SelfTest).map_err(|_| WireError::Payload(tag)),
        STATS if payload.is_empty() => Ok(Request::Stats),
        HELLO | STATS => Err(WireError::Payload(tag)),
        _ => Err(WireError::Tag(tag)),
    }
}

/// Reads the tag and payload of an answer; trusts nothing about them.
///
/// # Errors
/// [`WireError`].
pub fn decode_answer(frame: &[u8]) -> Result<Answer, WireError> {
    let (tag, payload) = split(frame)?;
    let wrong = WireError::Payload(tag);
    match tag {
        KEY_ANSWER => serde_json::from_slice(payload).map(|key| Answer::Key(Box::new(key))).map_err(|_| wrong),
        SIGNATURE_ANSWER => Ok(Answer::Signature(payload.to_vec())),
        STATS_ANSWER => match payload.as_chunks::<8>() {
            (&[signatures, sign_cpu_ns, recoveries], []) => Ok(Answer::Stats(Stats {
                signatures: u64::from_be_bytes(signatures),
                sign_cpu_ns: u64::from_be_bytes(sign_cpu_ns),
                recoveries: u64::from_be_bytes(recoveries),
            })),
            _ => Err(wrong),
        },
        FAILURE_ANSWER => {
            let all = [Failure::TokenUnreachable, Failure::PinRefused, Failure::ShapeRefused, Failure::Busy];
            all.into_iter().find(|f| f.as_str().as_bytes() == payload).map(Answer::Failure).ok_or(wrong)
        }
        _ => Err(WireError::Tag(tag)),
    }
}

fn split(frame: &[u8]) -> Result<(u8, &[u8]), WireError> {
    match frame.split_first() {
        Some((tag, payload)) if frame.len() <= FRAME_LEN_MAX => Ok((*tag, payload)),
        _ => Err(WireError::Length(frame.len())),
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;

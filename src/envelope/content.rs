//! The stream of an envelope: header, encrypted chunks, end.

use std::fmt;
use std::io::{self, Write};

use aws_lc_rs::cipher::{AES_256, EncryptionContext, StreamingEncryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use cms::cert::x509::der::Encode as _;
use cms::cert::x509::der::asn1::SetOfVec;
use cms::enveloped_data::{RecipientInfo, RecipientInfos};
use zeroize::Zeroizing;

use super::recipient::{KEY_LEN, Recipient};

/// Bytes of one chunk: a pipe's worth, so that memory stays small and headers cost nothing.
const CHUNK_LEN: usize = 64 * 1024;
/// Bytes of an AES block, and of the initialisation vector.
const BLOCK_LEN: usize = 16;

// X.690 §8.1: what has no length ends with `END`.
const INDEFINITE: u8 = 0x80;
const END: [u8; 2] = [0, 0];
/// id-envelopedData (RFC 5652 §6.1), DER.
const ENVELOPED_DATA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03];
/// id-data (RFC 5652 §4), DER.
const DATA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// AlgorithmIdentifier of AES-256-CBC (RFC 3565 §4.1) up to the vector's bytes, DER.
const AES256_CBC: [u8; 15] =
    [0x30, 0x1d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a, 0x04, 0x10];

/// An envelope under way: what is written to it goes encrypted to `W`. Without [`Envelope::finish`] nobody can open it.
pub struct Envelope<W: Write> {
    out: W,
    cipher: StreamingEncryptingKey,
    gathered: Zeroizing<Vec<u8>>,
}

impl<W: Write> Envelope<W> {
    /// Begins an envelope under a new content key and writes its header.
    ///
    /// Memory: two chunks, whatever the length.
    ///
    /// # Errors
    /// Those of `out`; [`io::ErrorKind::InvalidInput`] without recipients; [`io::ErrorKind::Other`] when the library
    /// fails. Nothing of the content was written.
    pub fn new(recipients: &[Recipient], mut out: W) -> io::Result<Self> {
        if recipients.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "an envelope without recipient"));
        }
        let (mut key, mut iv) = (Zeroizing::new([0; KEY_LEN]), [0; BLOCK_LEN]);
        aws_lc_rs::rand::fill(key.as_mut()).map_err(|_| failed("random bits"))?;
        aws_lc_rs::rand::fill(&mut iv).map_err(|_| failed("random bits"))?;
        let infos = recipients.iter().map(|recipient| recipient.wrap(&key)).collect::<Result<Vec<_>, _>>();
        let infos = infos.map_err(|_| failed("a recipient's key"))?;
        out.write_all(&header(infos, &iv).ok_or_else(|| failed("the header"))?)?;
        let cipher = UnboundCipherKey::new(&AES_256, key.as_ref())
            // The vector is the header's, random and used once: the key is new.
            .and_then(|key| {
                StreamingEncryptingKey::less_safe_cbc_pkcs7(key, EncryptionContext::Iv128(FixedLength::from(iv)))
            })
            .map_err(|_| failed("the cipher"))?;
        Ok(Self { out, cipher, gathered: Zeroizing::new(Vec::with_capacity(CHUNK_LEN)) })
    }

    /// Encrypts what was gathered as one chunk.
    fn chunk(&mut self) -> io::Result<()> {
        let mut room = vec![0; self.gathered.len() + BLOCK_LEN];
        let update = self.cipher.update(&self.gathered, &mut room).map_err(|_| failed("the cipher"))?;
        octets(&mut self.out, update.written())?;
        self.gathered.clear();
        Ok(())
    }

    /// Ends the envelope. After `Ok` it is whole and `out` has all of it (flushing is the caller's).
    ///
    /// # Errors
    /// Those of `out`; nobody can open what was written.
    pub fn finish(mut self) -> io::Result<W> {
        self.chunk()?;
        let mut room = [0; BLOCK_LEN];
        let (_, last) = self.cipher.finish(&mut room).map_err(|_| failed("the cipher"))?;
        octets(&mut self.out, last.written())?;
        // Content, EncryptedContentInfo, EnvelopedData, [0] and ContentInfo.
        self.out.write_all(&END.repeat(5))?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Envelope<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fits = bytes.len().min(CHUNK_LEN - self.gathered.len());
        let (taken, _) = bytes.split_at(fits);
        self.gathered.extend_from_slice(taken);
        if self.gathered.len() == CHUNK_LEN {
            self.chunk()?;
        }
        Ok(fits)
    }

    /// What is less than a chunk stays: a chunk's end tells nobody how the content was written.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> fmt::Debug for Envelope<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Envelope(…)")
    }
}

/// Everything before the first chunk: BER, whose lengths need not be known; what is of known length is DER.
fn header(infos: Vec<RecipientInfo>, iv: &[u8; BLOCK_LEN]) -> Option<Vec<u8>> {
    // RFC 5652 §6.1: 0 if every recipient has version 0, otherwise 2.
    let version = if infos.iter().all(|info| matches!(info, RecipientInfo::Ktri(_))) { 0 } else { 2 };
    let infos = RecipientInfos(SetOfVec::try_from(infos).ok()?).to_der().ok()?;
    Some(
        [
            &[0x30, INDEFINITE],
            ENVELOPED_DATA.as_slice(),
            &[0xa0, INDEFINITE, 0x30, INDEFINITE, 0x02, 0x01, version],
            &infos,
            &[0x30, INDEFINITE],
            &DATA,
            &AES256_CBC,
            iv,
            &[0xa0, INDEFINITE],
        ]
        .concat(),
    )
}

/// One OCTET STRING of the content; none if there is nothing to write.
fn octets(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let len = u32::try_from(bytes.len()).map_err(|_| failed("a chunk's length"))?.to_be_bytes();
    // Four bytes of length, always: BER does not ask for the shortest form.
    out.write_all(&[&[0x04, 0x84], len.as_slice()].concat())?;
    out.write_all(bytes)
}

fn failed(what: &'static str) -> io::Error {
    io::Error::other(format!("encryption failed: {what}"))
}

//! Recovery: three envelopes, one for each pair of three officers; each is opened by the first and then by the second.
//!
//! An envelope within an envelope for each pair rather than a secret divided by Shamir's method: whoever must open it in
//! ten years has OpenSSL and his key, not our program, and no arithmetic of secrets is ours to get wrong. Three pairs are
//! few; for more officers that would not hold.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::cli::NotDone;
use crate::config::KeyName;
use crate::envelope::{Envelope, Recipient};
use crate::sys::{clock, durable};

/// Officers, of whom two are enough.
const OFFICERS: usize = 3;
/// Pairs of them, counted from 1.
const PAIRS: [(usize, usize); 3] = [(1, 2), (1, 3), (2, 3)];

/// The officers' certificates.
pub(super) struct Officers(Vec<Recipient>);

/// An envelope and the pair that opens it.
pub(super) type Sealed = ((usize, usize), Vec<u8>);

impl Officers {
    /// Reads three certificates of different keys.
    ///
    /// # Errors
    /// Another number, one key twice, or one that cannot receive.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, NotDone> {
        if paths.len() != OFFICERS {
            let remedy = "donnez --officer trois fois, deux d'entre eux rouvriront le PIN";
            return Err(NotDone::Usage(format!("{} officiers ; {remedy}", paths.len())));
        }
        let mut officers: Vec<Recipient> = Vec::new();
        for path in paths {
            let text = super::text(path)?;
            let officer = Recipient::from_pem(text.as_bytes(), clock::now())
                .map_err(|cause| NotDone::Usage(format!("{} : {cause}", path.display())))?;
            // Two certificates of one key would let one officer open the envelope of two.
            if officers.iter().any(|known| known.has_key_of(&officer)) {
                let message = format!(
                    "{} : même clé que celle d'un certificat donné avant ; il faut trois officiers",
                    path.display()
                );
                return Err(NotDone::Usage(message));
            }
            officers.push(officer);
        }
        Ok(Self(officers))
    }

    /// An envelope for each pair: outside for the first, inside for the second.
    pub(super) fn envelopes(&self, secret: &[u8]) -> Result<Vec<Sealed>, NotDone> {
        let officer = |number: usize| self.0.get(number - 1).map(std::slice::from_ref).unwrap_or_default();
        let pair = |pair: &(usize, usize)| {
            let inner = Zeroizing::new(envelope(officer(pair.1), secret)?);
            Ok((*pair, envelope(officer(pair.0), &inner)?))
        };
        PAIRS.iter().map(pair).collect()
    }
}

fn envelope(recipients: &[Recipient], content: &[u8]) -> Result<Vec<u8>, NotDone> {
    let mut envelope = Envelope::new(recipients, Vec::new())?;
    envelope.write_all(content)?;
    Ok(envelope.finish()?)
}

/// Writes the envelopes where nothing is, and gives their names.
///
/// # Errors
/// One is there already, or what the system said; none was left.
pub(super) fn keep(folder: &Path, name: &KeyName, envelopes: &[Sealed]) -> Result<Vec<PathBuf>, NotDone> {
    let mut kept = Vec::new();
    for ((first, second), envelope) in envelopes {
        let path = folder.join(format!("{name}-officiers-{first}-{second}.p7m"));
        if let Err(cause) = durable::create(&path, envelope, 0o600) {
            kept.iter().for_each(|path: &PathBuf| drop(std::fs::remove_file(path)));
            let remedy = "donnez --recovery, un dossier qui existe et qui n'a pas encore ces enveloppes";
            return Err(NotDone::Usage(format!("{} ne peut pas être écrit ({cause}) ; {remedy}", path.display())));
        }
        kept.push(path);
    }
    Ok(kept)
}

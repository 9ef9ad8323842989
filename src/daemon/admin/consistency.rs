//! `Consistency`: that the ledger only grew, for evidence whose maker may not read it.

use super::super::Daemon;
use super::answer::No;
use super::privacy::reading;
use crate::ledger::Reader;
use crate::policy::denial::Malformed;
use crate::traces::digest::Digest;

/// From how many entries to how many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) since: u64,
    pub(super) size: u64,
}

impl Daemon {
    /// The proof of RFC 9162 §2.1.4.1, read aside from the way of tokens.
    ///
    /// # Errors
    /// [`No::Malformed`]: there are not so many entries; [`No::Unavailable`]: the ledger was not read.
    pub(super) async fn consistency(&self, Span { since, size }: Span) -> Result<Vec<Digest>, No> {
        let wrong = |field: &str, message: &str| No::Malformed(Malformed::new(field, message));
        if size > self.ledger.size() {
            return Err(wrong("size", "le journal a moins d'entrées ; donnez le nombre d'un point de contrôle"));
        }
        if since > size {
            return Err(wrong("since", "le journal avait moins d'entrées ; donnez le nombre du dernier verdict"));
        }
        let folder = self.config.ledger.folder.clone();
        reading(move || Reader::open(&folder)?.consistency(since, size)).await
    }
}

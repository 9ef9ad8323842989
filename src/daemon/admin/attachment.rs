//! A document that comes beside an order: in pieces, before it, on the same connection.
//!
//! A frame has 64 KiB at most, so that nobody's words cost more memory than that before they are judged; a register has
//! megabytes. What comes here is judged by nobody before the order that names its digest, is bounded in size, and by two
//! places for the whole daemon.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Admin;
use super::answer::No;
use crate::policy::denial::Malformed;
use crate::policy::register::FILE_LEN_MAX;
use crate::sys::places::Place;

/// Documents on their way for all operators: one that is handed in, and one whose sender fell asleep.
pub(super) const ATTACHMENTS_MAX: usize = 2;

/// What a connection has handed in since its last order.
#[derive(Default)]
pub(super) struct Attachment(Option<Taken>);

struct Taken {
    bytes: Zeroizing<Vec<u8>>,
    _place: Place,
}

impl Attachment {
    /// Appends a piece in base64; how many bytes there are.
    ///
    /// # Errors
    /// Busy: the places are taken. Malformed: no base64, or too long as a whole; what came before is gone.
    pub(super) fn append(&mut self, admin: &Admin, uid: u32, chunk: &str) -> Result<usize, No> {
        let wrong = |message: &str| No::Malformed(Malformed::new("chunk", message));
        let piece = STANDARD.decode(chunk).map(Zeroizing::new);
        let piece = piece.map_err(|_| wrong("ce morceau n'est pas du base64 ; envoyez de nouveau le document"))?;
        let mut taken = match self.0.take() {
            Some(taken) => taken,
            None => {
                let place = admin.attachments.take(uid, ATTACHMENTS_MAX).ok_or(No::Busy)?;
                Taken { bytes: Zeroizing::default(), _place: place }
            }
        };
        if taken.bytes.len() + piece.len() > FILE_LEN_MAX {
            return Err(wrong("ce document dépasse 16 Mio ; vérifiez le fichier"));
        }
        taken.bytes.extend_from_slice(&piece);
        Ok(self.0.insert(taken).bytes.len())
    }

    /// Hands it over; none is left.
    pub(super) fn take(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        self.0.take().map(|taken| taken.bytes)
    }
}

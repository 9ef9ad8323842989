//! `admin.sock`: the door of the operators. What they order is signed, judged, recorded, and then done.
//!
//! | file | noun |
//! |---|---|
//! | `door` | one connection |
//! | `dispatch` | from a frame to the method it calls |
//! | `submit` | one order, from its words to its answer, as one function |
//! | `obey` | what each verb does: one function a verb |
//! | `privacy`, `suspensions` | the orders of terms and copies; those that suspend and resume |
//! | `export` | the archive of traces that an order asks for |
//! | `convention` | the convention: taken when it is presented, told |
//! | `connectors` | the orders that attach and detach foreign software |
//! | `gate` | the orders about certificates of remote applications |
//! | `practitioners` | the register of practitioners: its changes, its pages |
//! | `consistency` | the proof that the ledger only grew |
//! | `attachment` | a document that comes beside an order |
//! | `delivery` | documents that leave in chunks |
//! | `answer` | answers and errors, put on the wire in one place |
//!
//! A slow operator slows nobody: documents are made on threads of their own, orders are judged one at a time, and no
//! request of an application waits for one.

mod answer;
mod attachment;
mod connectors;
mod consistency;
mod convention;
mod delivery;
mod dispatch;
pub(super) mod door;
mod export;
mod gate;
mod obey;
mod privacy;
mod registers;
mod submit;
mod suspensions;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::ledger::{Restored, StoreError};
use crate::policy::connectors::{self as attached, Connectors};
use crate::policy::operators::{self, Operators};
use crate::sys::places::Places;
use crate::traces::digest::Digest;

/// Connections of all operators: some people, and a supervision.
const CONNECTIONS_MAX: usize = 16;
/// Connections of one Unix user, so that one cannot take every place.
pub(super) const CONNECTIONS_PER_USER_MAX: usize = 8;
/// Refused orders of one Unix user that are recorded in [`REFUSED_WITHIN`]; beyond, `Busy`: a flood must not fill the ledger.
const REFUSED_MAX: usize = 30;
/// See [`REFUSED_MAX`].
const REFUSED_WITHIN: Duration = Duration::from_secs(60);

/// What is served on `admin.sock`.
#[derive(Debug)]
pub(super) struct Admin {
    pub(super) connections: Arc<Places>,
    attachments: Arc<Places>,
    /// One order at a time, from its judgement to its trace.
    orders: Mutex<Orders>,
    /// Changed by whoever holds `orders` alone.
    connectors: RwLock<Arc<Connectors>>,
}

/// What orders are judged with.
#[derive(Debug)]
struct Orders {
    operators: Operators,
    /// Marks of the orders that are used up, as the ledger has them.
    used: HashSet<Digest>,
    refused: HashMap<u32, VecDeque<Instant>>,
}

impl Admin {
    /// Takes up what the ledger kept.
    ///
    /// # Errors
    /// The register of operators, or that of connectors, is none that this version writes.
    pub(super) fn new(restored: &Restored) -> Result<Self, StoreError> {
        let document = |register: &str| {
            restored.registers.iter().find(|(name, _)| name == register).map(|(_, document)| document)
        };
        let connectors = match document(attached::REGISTER) {
            Some(document) => {
                Connectors::parse(document).ok_or(StoreError::Broken("the register of connectors"))?
            }
            None => Connectors::default(),
        };
        let operators = match document(operators::REGISTER) {
            Some(document) => Operators::parse(document).ok_or(StoreError::Broken("the register of operators"))?,
            None => Operators::default(),
        };
        let used = restored.orders.iter().copied().collect();
        Ok(Self {
            connections: Places::new(CONNECTIONS_MAX),
            attachments: Places::new(attachment::ATTACHMENTS_MAX),
            connectors: RwLock::new(Arc::new(connectors)),
            orders: Mutex::new(Orders { operators, used, refused: HashMap::new() }),
        })
    }
}

impl Orders {
    /// Whether a refusal of an order of this user would still be recorded.
    fn has_room(&mut self, uid: u32) -> bool {
        let now = Instant::now();
        self.refused.retain(|_, times| {
            times.retain(|at| now.duration_since(*at) < REFUSED_WITHIN);
            !times.is_empty()
        });
        self.refused.get(&uid).is_none_or(|times| times.len() < REFUSED_MAX)
    }

    /// Counts a refusal.
    fn refused(&mut self, uid: u32) {
        self.refused.entry(uid).or_default().push_back(Instant::now());
    }
}

//! The registers in force: from the ledger once an order imported one, else from their files; each exchanged whole, at once.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::ledger::{Restored, StoreError};
use crate::policy::application::{self, Applications};
use crate::policy::practitioner::{self, Practitioners};
use crate::policy::session::Session;
use crate::sys::peer;
use crate::traces::digest::Digest;
use crate::traces::entry::key::LookupKey;
use crate::vihf::identity::PsIdNat;

/// A register with where it comes from.
#[derive(Debug)]
pub(super) struct Kept<R> {
    pub(super) register: Arc<R>,
    /// SHA-256 of the ledger's document; none: the register is its file.
    pub(super) document: Option<Digest>,
}

impl<R> Kept<R> {
    pub(super) fn of(register: R, document: Option<Digest>) -> Self {
        Self { register: Arc::new(register), document }
    }

    /// Where it comes from, in the interface's words.
    pub(super) fn source(&self) -> &'static str {
        if self.document.is_some() { "ledger" } else { "file" }
    }
}

impl<R> Clone for Kept<R> {
    fn clone(&self) -> Self {
        Self { register: Arc::clone(&self.register), document: self.document }
    }
}

/// Practitioners by what the ledger looks them up by: whom an operator is told of.
pub(super) type Names = HashMap<Digest, PsIdNat>;

/// Computes a hash for each practitioner: for a thread that may take its time.
pub(super) fn names(practitioners: &Practitioners, lookup: &LookupKey) -> Names {
    practitioners.all().iter().map(|known| (lookup.practitioner(&known.id), known.id)).collect()
}

/// Both registers, as a request takes them.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    pub(super) practitioners: Kept<Practitioners>,
    pub(super) names: Arc<Names>,
    pub(super) applications: Kept<Applications>,
    /// Applications of the ledger whose Unix user did not exist at the start.
    pub(super) left_out: usize,
}

/// One register that an order makes.
#[derive(Debug)]
pub(super) enum New {
    Practitioners(Kept<Practitioners>, Names),
    Applications(Kept<Applications>),
}

/// The registers of now. Nobody waits: a request keeps those that it took, the next one takes the new.
#[derive(Debug)]
pub(super) struct Registers {
    in_force: RwLock<InForce>,
    lookup: Arc<LookupKey>,
}

impl Registers {
    /// The ledger's registers where it has them, else those of the files.
    ///
    /// # Errors
    /// One of the ledger's is none that this version writes.
    pub(super) fn new(
        (practitioners, applications): (Practitioners, Applications),
        restored: &Restored,
        physician_specialties: &[String],
        lookup: LookupKey,
    ) -> Result<Self, StoreError> {
        let document = |register: &str| {
            restored.registers.iter().find(|(name, _)| name == register).map(|(_, document)| document)
        };
        let practitioners = match document(practitioner::REGISTER) {
            Some(document) => restored_practitioners(&practitioners, document, physician_specialties)?,
            None => Kept::of(practitioners, None),
        };
        let (applications, left_out) = match document(application::REGISTER) {
            Some(document) => restored_applications(&applications, document)?,
            None => (Kept::of(applications, None), 0),
        };
        let names = Arc::new(names(&practitioners.register, &lookup));
        let in_force = RwLock::new(InForce { practitioners, names, applications, left_out });
        Ok(Self { in_force, lookup: Arc::new(lookup) })
    }

    /// What the ledger looks people up by, for a thread beside the requests.
    pub(super) fn lookup(&self) -> Arc<LookupKey> {
        Arc::clone(&self.lookup)
    }

    /// The registers of now.
    pub(super) fn in_force(&self) -> InForce {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The practitioners of now.
    pub(super) fn practitioners(&self) -> Arc<Practitioners> {
        self.in_force().practitioners.register
    }

    /// The applications of now.
    pub(super) fn applications(&self) -> Arc<Applications> {
        self.in_force().applications.register
    }

    /// Whether a session ends with that register of practitioners: its login was by means of before ([`Practitioner::outlived`]),
    /// or of before its practitioner came back.
    ///
    /// [`Practitioner::outlived`]: practitioner::Practitioner::outlived
    pub(super) fn ends(&self, session: &Session, after: &Practitioners) -> bool {
        let (Some(method), id) = (session.method(), session.practitioner().id.as_str()) else { return false };
        match (self.practitioners().named(id), after.named(id)) {
            (Some(before), Some(after)) => after.outlived(before, method),
            (None, Some(_)) => true,
            (_, None) => false,
        }
    }

    /// What the ledger has from now on.
    pub(super) fn take(&self, new: New) {
        let mut in_force = self.in_force.write().unwrap_or_else(PoisonError::into_inner);
        match new {
            New::Practitioners(practitioners, names) => {
                in_force.practitioners = practitioners;
                in_force.names = Arc::new(names);
            }
            New::Applications(applications) => {
                in_force.applications = applications;
                in_force.left_out = 0;
            }
        }
    }
}

fn restored_practitioners(
    file: &Practitioners,
    document: &[u8],
    physician_specialties: &[String],
) -> Result<Kept<Practitioners>, StoreError> {
    let parsed = Practitioners::parse(document, physician_specialties);
    let (register, lost) = parsed.ok_or(StoreError::Broken("the register of practitioners"))?;
    if !file.all().is_empty() {
        tracing::warn!(
            file = file.all().len(),
            ledger = register.all().len(),
            "the file of practitioners is ignored: the register in the ledger rules; empty the file"
        );
    }
    if lost > 0 {
        tracing::warn!(
            lost,
            "practitioners that the profile of now does not admit are left out; import the register again"
        );
    }
    Ok(Kept::of(register, Some(Digest::of(&[document]))))
}

/// The register, and how many of its entries are left out.
fn restored_applications(file: &Applications, document: &[u8]) -> Result<(Kept<Applications>, usize), StoreError> {
    let parsed = Applications::parse(document, |user| peer::uid_of(user).ok().flatten());
    let (register, lost) = parsed.ok_or(StoreError::Broken("the register of applications"))?;
    if !file.all().is_empty() {
        tracing::warn!(
            file = file.all().len(),
            ledger = register.all().len(),
            "the file of applications is ignored: the register in the ledger rules; empty the file"
        );
    }
    for user in &lost {
        tracing::warn!(
            user,
            "an application is left out: its Unix user does not exist; create it and start again"
        );
    }
    Ok((Kept::of(register, Some(Digest::of(&[document]))), lost.len()))
}

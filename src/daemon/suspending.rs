//! Suspensions in the way of requests: in force at once, in the ledger with the next commit, lifted by order alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::Daemon;
use super::answer::No;
use super::sessions::Traced;
use super::status::document::Trouble;
use super::trace::word;
use super::volumes::Counted;
use crate::ledger::{Ledger, Line, NotRecorded, Restored, StoreError};
use crate::policy::application::{Application, Applications};
use crate::policy::denial::{Denial, Reason};
use crate::policy::guard::{Reached, Subject, Volume};
use crate::policy::issuing::Asking;
use crate::policy::load::Load;
use crate::policy::suspensions::{Change, REGISTER, Suspended, Suspension, Suspensions};
use crate::traces::digest::Digest;
use crate::traces::entry::event::{Alarm, Event, Register};
use crate::traces::entry::key::LookupKey;

/// Who is suspended, and what the ledger has of it.
#[derive(Debug)]
pub(super) struct Suspending {
    /// What requests are held against: ahead of the ledger for as long as a commit takes.
    in_force: Mutex<Suspensions>,
    /// What the ledger has; held while it is being changed.
    written: Arc<AsyncMutex<Suspensions>>,
    lookup: LookupKey,
}

/// A change that an order makes: begun before its trace is written, in force once it is.
#[derive(Debug)]
pub(super) struct Changing {
    written: OwnedMutexGuard<Suspensions>,
    next: Suspensions,
    change: Change,
}

impl Changing {
    /// The register as it will be.
    pub(super) fn next(&self) -> &Suspensions {
        &self.next
    }
}

impl Suspending {
    /// Takes up what the ledger kept.
    ///
    /// # Errors
    /// The register is none that this version writes; the ledger's key cannot be read.
    pub(super) fn new(restored: &Restored, ledger: &Ledger) -> Result<Self, StoreError> {
        let document = restored.registers.iter().find(|(name, _)| name == REGISTER);
        let written = match document {
            Some((_, document)) => {
                Suspensions::parse(document).ok_or(StoreError::Broken("the register of suspensions"))?
            }
            None => Suspensions::default(),
        };
        let lookup = ledger.lookup_key()?;
        let in_force = Mutex::new(written.clone());
        Ok(Self { in_force, written: Arc::new(AsyncMutex::new(written)), lookup })
    }

    /// What requests are held against.
    pub(super) fn in_force(&self) -> MutexGuard<'_, Suspensions> {
        // Nothing under this lock panics but for memory.
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the ledger looks people up by.
    pub(super) fn lookup(&self) -> &LookupKey {
        &self.lookup
    }

    /// Prepares a change by order; nobody else changes the register until it is dropped or settled.
    pub(super) async fn change(&self, change: Change) -> Changing {
        let written = Arc::clone(&self.written).lock_owned().await;
        let mut next = written.clone();
        next.change(&change);
        Changing { written, next, change }
    }
}

/// How the register names a subject; none for an application that is no longer registered.
pub(super) fn named(subject: Subject, applications: &Applications) -> Option<Suspended> {
    Some(match subject {
        Subject::Practitioner(lookup) => Suspended::Practitioner(lookup),
        Subject::Application(uid) => Suspended::Application(applications.get(uid)?.user.clone()),
        Subject::Establishment => Suspended::Establishment,
    })
}

/// The other way round.
fn subject(who: &Suspended, applications: &Applications) -> Option<Subject> {
    Some(match who {
        Suspended::Practitioner(lookup) => Subject::Practitioner(*lookup),
        Suspended::Application(user) => Subject::Application(applications.named(user)?.uid),
        Suspended::Establishment => Subject::Establishment,
    })
}

impl Daemon {
    /// Whether nobody who asks is suspended.
    pub(super) fn not_suspended(&self, application: &Application, practitioner: Digest) -> Result<(), No> {
        let denial = self.suspending.in_force().denial(&application.user, practitioner);
        denial.map_or(Ok(()), |denial| Err(denial.into()))
    }

    /// Counts a request that policy approved; who exceeds a budget is suspended from here on.
    ///
    /// # Errors
    /// The refusal; the suspension is in the ledger, or as soon as it can be written.
    pub(super) async fn within_budgets(
        &self,
        application: &Application,
        traced: &Traced,
        asking: &Asking,
    ) -> Result<Counted<'_>, No> {
        let is_emergency = Load::from(asking.purpose) == Load::Emergency;
        let volume = Volume {
            practitioner: traced.chain,
            application: application.uid,
            patient: asking.patient.as_ref().map(|patient| self.suspending.lookup.patient(patient)),
            emergency: is_emergency || traced.session.is_emergency(),
        };
        let Reached { subject, measure } = match self.volumes.count(volume) {
            Ok((counted, alarms)) => {
                // With the next commit: nobody waits for it, and the log has told.
                alarms.into_iter().filter_map(|alarm| self.alarm(alarm)).for_each(|line| self.ledger.note(line));
                return Ok(counted);
            }
            Err(reached) => reached,
        };
        if let Some(who) = named(subject, &self.registers.applications()) {
            let suspension = Suspension { since: self.clock.now(), cause: measure.into() };
            tracing::error!(
                subject = who.kind(),
                measure = measure.name(),
                "suspended: a freeze level is exceeded; two operators may resume, sceau suspensions tells whom"
            );
            self.suspending.in_force().change(&Change::Suspend { who, suspension });
        }
        if let Err(cause) = self.keep_suspensions().await {
            tracing::error!(%cause, "a suspension is in force and not yet in the ledger");
        }
        let message = "trop d'assertions, ou pour trop de patients, ont été demandées ; adressez-vous au responsable de la sécurité";
        Err(Denial::new(Reason::QuotaExceeded, message).into())
    }

    /// The trace of an alarm; none for an application that is no longer registered.
    fn alarm(&self, Reached { subject, measure }: Reached) -> Option<Line> {
        let who = named(subject, &self.registers.applications())?;
        let (application, chain) = match &who {
            Suspended::Practitioner(lookup) => (None, Some(*lookup)),
            Suspended::Application(user) => (Some(word(user)), None),
            Suspended::Establishment => (None, None),
        };
        let alarm = Alarm { subject: word(subject.kind()), measure: word(measure.name()), application };
        Some(Line::alarm(alarm, chain))
    }

    /// Writes what is in force and not yet in the ledger, if there is something.
    ///
    /// # Errors
    /// [`NotRecorded`]; tried again between requests.
    pub(super) async fn keep_suspensions(&self) -> Result<(), NotRecorded> {
        let mut written = self.suspending.written.lock().await;
        let wanted = self.suspending.in_force().clone();
        if wanted == *written {
            return Ok(());
        }
        let content = wanted.document();
        // Nobody ordered it: the guard itself.
        let event = Register { register: word(REGISTER), content: Digest::of(&[&content]), mandate: None };
        self.ledger.write(Line::register(Event::Register(event), REGISTER, content)).await?;
        *written = wanted;
        Ok(())
    }

    /// Settles a change by order once its trace is on the disk, or is not.
    pub(super) fn settle_suspension(&self, changing: Changing, recorded: bool) {
        let Changing { mut written, next, change } = changing;
        if !recorded {
            return;
        }
        *written = next;
        self.suspending.in_force().change(&change);
        if let Change::Resume { who, .. } = &change
            && let Some(subject) = subject(who, &self.registers.applications())
        {
            self.volumes.begin_anew(subject);
        }
    }

    /// Whether nothing is issued to anybody.
    pub(super) fn is_suspended(&self) -> bool {
        self.suspending.in_force().has(&Suspended::Establishment)
    }

    /// Suspensions, alarms and marked emergencies in words that name nobody.
    pub(super) fn volume_troubles(&self) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        let mut tell = |reason, message: String| troubles.push(Trouble { reason, message: message.into() });
        if self.is_suspended() {
            tell(
                "establishment-suspended",
                "rien n'est délivré ; deux opérateurs lèvent la suspension avec sceau resume --establishment"
                    .to_owned(),
            );
        }
        let suspended =
            self.suspending.in_force().all().filter(|(who, _)| **who != Suspended::Establishment).count();
        if suspended > 0 {
            let words = "professionnels ou applications sont suspendus ; sceau suspensions dit lesquels";
            tell("suspended", format!("{suspended} {words}"));
        }
        let alarms = self.volumes.alarms().len();
        if alarms > 0 {
            tell(
                "volume-alarm",
                format!("{alarms} niveaux d'alerte sont atteints ; sceau suspensions dit par qui"),
            );
        }
        let relaxed = self.volumes.relaxed();
        if relaxed > 0 {
            let words =
                "assertions d'urgence au-delà d'un niveau d'arrêt depuis le démarrage ; vérifiez-les aux traces";
            tell("emergency-relaxed", format!("{relaxed} {words}"));
        }
        troubles
    }

    /// What goes on between requests.
    pub(super) async fn watch_volumes(&self) {
        self.volumes.tidy();
        // The first refusal told why; a disk that is away tells so itself.
        let _ = self.keep_suspensions().await;
    }
}

//! The program `sceaud`: the doors for applications and operators. No network, no foreign code; keys are behind the signers.

mod admin;
mod alarms;
pub mod answer;
mod checkpointing;
mod clock;
mod convention;
mod counter;
mod declared;
mod dispatch;
mod door;
mod exceptional;
mod gate;
mod halt;
mod listen;
mod lost;
mod outcomes;
mod pipeline;
mod providers;
mod refusals;
mod registers;
mod relay;
mod request;
mod run;
mod sessions;
mod space;
pub mod status;
mod suspending;
mod trace;
mod volumes;

pub use dispatch::read;
pub use request::{Issue, Outcome, PatientNamed, Request};
pub use run::main;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use admin::Admin;
use answer::No;
use checkpointing::{Ask, Checkpoints};
use convention::{Conventions, Ruling};
use counter::Counting;
use declared::Declared;
use exceptional::Exceptional;
use gate::Gate;
use halt::{Halt, Halted};
use lost::MaybeSpent;
use outcomes::Outcomes;
use providers::ProvidersInForce;
use refusals::Refusals;
use registers::{InForce, Registers};
use sessions::{Sessions, Traced};
use space::Growth;
use suspending::Suspending;
use volumes::Volumes;

use crate::config::{Config, Loaded};
use crate::ledger::{Ledger, Restored, SPENT_PROOFS, StoreError};
use crate::policy::memory::Memory;
use crate::policy::opening::Known;
use crate::proof::Providers;
use crate::replay::{Nonces, PROOFS};
use crate::seal::audit::Audit;
use crate::seal::seals::Seals;
use crate::sys::places::Places;
use crate::sys::timekeeper::Timekeeper;
use crate::vihf::instant::Instant as Day;
use crate::vihf::profile::Profiles;

/// Everything that answers requests.
#[derive(Debug)]
struct Daemon {
    config: Config,
    /// Shipped and configured profiles: what else the configuration names is in force elsewhere.
    profiles: Profiles,
    registers: Registers,
    conventions: Conventions,
    providers: ProvidersInForce,
    seals: Seals,
    /// None: nothing signs the ledger, which production does not admit.
    audit: Option<Audit>,
    checkpoints: Checkpoints,
    ledger: Ledger,
    clock: Arc<Timekeeper>,
    counting: Counting,
    growth: Growth,
    sessions: Sessions,
    nonces: Nonces,
    /// Proofs of login that were used.
    proofs: Nonces,
    maybe_spent: MaybeSpent,
    declared: Declared,
    volumes: Volumes,
    exceptional: Exceptional,
    suspending: Suspending,
    outcomes: Outcomes,
    requests: Arc<Places>,
    connections: Arc<Places>,
    refusals: Refusals,
    /// Sticky until an operator acts.
    halted: Halted,
    admin: Admin,
    /// A signature was made and verified at least once.
    unlocked: AtomicBool,
    /// Unix user of the relay, if there is one.
    relay: Option<u32>,
    gate: Gate,
}

impl Daemon {
    fn new(
        config: Config,
        loaded: Loaded,
        (seals, audit): (Seals, Option<Audit>),
        (ledger, restored): (Ledger, &Restored),
        clock: Arc<Timekeeper>,
        (relay, gate): (Option<u32>, Gate),
    ) -> Result<(Self, mpsc::UnboundedReceiver<Ask>), StoreError> {
        let (checkpoints, asked) = Checkpoints::new();
        let limits = &config.limits;
        let conventions = Conventions::new(&config, restored);
        let window = Duration::from_millis(config.session_lifetime_max_ms());
        let Loaded { profiles, practitioners, applications, providers, .. } = loaded;
        let specialties = config.physician_specialties(&profiles);
        let files = (practitioners, applications);
        let providers = ProvidersInForce::new(&config, providers);
        let registers = Registers::new(files, restored, specialties, ledger.lookup_key()?)?;
        let suspending = Suspending::new(restored, &ledger)?;
        let daemon = Self {
            registers,
            providers,
            ledger,
            clock,
            counting: Counting::of(&config),
            growth: Growth::default(),
            sessions: Sessions::new(window, limits.sessions_per_application_max),
            nonces: Nonces::new(window, limits.nonces_per_application_max, limits.emergency_share_percent),
            proofs: Nonces::new(
                Duration::from_millis(Providers::memory_ms()),
                limits.nonces_per_application_max,
                0,
            ),
            maybe_spent: MaybeSpent::new(restored.lost),
            declared: Declared::default(),
            volumes: Volumes::new(conventions.current().convention.guard),
            conventions,
            exceptional: Exceptional::default(),
            suspending,
            outcomes: Outcomes::default(),
            requests: Places::sharing(limits.requests_in_flight_max, limits.emergency_share_percent),
            connections: Places::new(limits.connections_max),
            refusals: Refusals::default(),
            halted: Halted::default(),
            admin: Admin::new(restored)?,
            unlocked: AtomicBool::new(false),
            relay,
            gate,
            config,
            profiles,
            seals,
            audit,
            checkpoints,
        };
        daemon.restore(restored)?;
        Ok((daemon, asked))
    }

    /// Takes up what the ledger kept beyond the restart.
    fn restore(&self, restored: &Restored) -> Result<(), StoreError> {
        let (now, moment) = (self.clock.now(), Instant::now());
        let reader = self.ledger.reader()?;
        let in_force = self.registers.in_force();
        let applications = &in_force.applications.register;
        self.declared.refill(&reader, applications, now, moment)?;
        let suspensions = self.suspending.in_force().clone();
        let ruling = self.conventions.current();
        self.volumes.refill(&reader, applications, &ruling.convention, &suspensions, now)?;
        drop(reader);
        for spent in &restored.nonces {
            if spent.application.as_str() == SPENT_PROOFS {
                self.proofs.restore(PROOFS, spent, now, moment);
            } else if let Some(application) = applications.named(spent.application.as_str()) {
                self.nonces.restore(application.uid, spent, now, moment);
            }
        }
        for issued in &restored.issued {
            if let Some(application) = applications.named(issued.application.as_str()) {
                self.outcomes.restore(application.uid, issued);
            }
        }
        let providers = self.providers.now();
        let known = self.known(&ruling, &in_force, &providers, now);
        for kept in &restored.sessions {
            let session = applications.get(kept.uid).and_then(|application| {
                let memory: Memory = serde_json::from_slice(&kept.body).ok()?;
                memory.session(&known, application)
            });
            if let Some(session) = session {
                let traced = Traced {
                    session: Arc::new(session),
                    entry: kept.entry,
                    chain: kept.chain,
                    convention: ruling.digest,
                };
                self.sessions.keep(kept.secret, traced, now);
            }
        }
        Ok(())
    }

    /// What a session is decided with.
    fn known<'k>(
        &'k self,
        ruling: &'k Ruling,
        in_force: &'k InForce,
        providers: &'k Providers,
        now: Day,
    ) -> Known<'k> {
        Known {
            convention: &ruling.convention,
            services: &ruling.convention.services,
            structures: &ruling.structures,
            practitioners: &in_force.practitioners.register,
            profiles: &self.profiles,
            default_profile: &self.config.profiles.default,
            providers,
            declarations: &ruling.convention.declarations,
            lost_until: self.maybe_spent.until(now),
            login_future_max_ms: self.config.limits.login_future_max_ms,
            now,
        }
    }

    fn in_order(&self) -> Result<(), No> {
        if self.halted.cause().is_some() { Err(No::Halted) } else { Ok(()) }
    }

    /// Our own invariant is broken: nothing is issued any more.
    fn halt(&self, cause: Halt) -> No {
        tracing::error!(
            cause = cause.code(),
            "halted: an invariant is broken; nothing is issued until an operator acts"
        );
        self.halted.set(cause);
        No::Halted
    }
}

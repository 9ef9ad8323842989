//! The full cross product: method × proof or declared × practitioner's state × application × service × structure × channel × profile
//! for sessions, and × transaction × purpose × patient × the register of now for assertions, against a model of the rules.

mod model;
mod question;
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sceau::config::{Config, Loaded};
use sceau::policy::application::Application;
use sceau::policy::convention::Convention;
use sceau::policy::denial::Decision;
use sceau::policy::issuing::{self, Asking};
use sceau::policy::opening::{self, Known};
use sceau::policy::practitioner::Practitioners;
use sceau::policy::rights::Transaction;
use sceau::policy::session::Session;
use sceau::sys::clock;
use sceau::vihf::assertion::Patient;
use sceau::vihf::codes::{Purpose, Sector};
use sceau::vihf::identity::{Ins, InsOid, StructIdNat};
use sceau::vihf::instant::Instant;
use serde_json::json;

use crate::proofs::mint::Mint;
use crate::rights::PURPOSES;
use crate::support::daemons::Daemons;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::{Client, Refused};
use model::{Issue, Reasons, Tables};
use question::{Asked, Proofs};
use world::{State, World, register};

/// Sessions of a world whose every assertion is asked for under the register that they were opened with.
const SESSIONS: usize = 300;
/// The same for each register in which everybody is in another state by now.
const SESSIONS_OF_ANOTHER_STATE: usize = 40;
/// Questions of the same verdict that go through the socket, in each world and in each session.
const ALIKE: usize = 4;
/// Sessions of a world in which assertions are asked for through the socket.
const SESSIONS_BY_SOCKET: usize = 12;
/// One question in so many is a candidate for the socket; prime, so that no dimension is skipped.
const STRIDE: usize = 29;

const APPROVED: &str = "approved";

/// Everything that is known in one world, as `sceaud` loads it.
struct Judge {
    world: World,
    config: Config,
    convention: Convention,
    loaded: Loaded,
    structures: Vec<(StructIdNat, Sector)>,
    application: Arc<Application>,
    now: Instant,
}

impl Judge {
    fn new(world: World, config: &Path, now: Instant) -> Self {
        let config = Config::load(config).unwrap();
        let loaded = config.load_named(|_| Some(7), now).unwrap();
        let convention = config.present_convention().unwrap().convention;
        let structures = convention.structures.iter().map(|known| (known.id, known.sector)).collect();
        let application = Arc::clone(loaded.applications.get(7).unwrap());
        Self { world, config, convention, loaded, structures, application, now }
    }

    fn known<'k>(&'k self, practitioners: &'k Practitioners) -> Known<'k> {
        Known {
            convention: &self.convention,
            services: &self.convention.services,
            structures: &self.structures,
            practitioners,
            profiles: &self.loaded.profiles,
            default_profile: &self.config.profiles.default,
            providers: &self.loaded.providers,
            declarations: &self.convention.declarations,
            login_future_max_ms: self.config.limits.login_future_max_ms,
            lost_until: None,
            now: self.now,
        }
    }

    fn open(&self, proofs: &Proofs, asked: &Asked) -> (String, Option<Session>) {
        let known = self.known(&self.loaded.practitioners);
        told(opening::decide(&known, &self.application, &proofs.opening(asked, self.now)))
    }

    fn issue(
        &self,
        practitioners: &Practitioners,
        application: &Arc<Application>,
        session: &Arc<Session>,
        issue: &Issue<'_>,
    ) -> String {
        let asking = Asking {
            transaction: Transaction::parse(issue.transaction).unwrap(),
            purpose: Purpose::parse(issue.purpose.0).unwrap(),
            patient: issue.patient.then(|| Patient { ins: Ins::parse(PATIENTS[0]).unwrap(), oid: InsOid::Nir }),
            invisible_to_guardians: issue.invisible,
        };
        told(issuing::decide(&self.known(practitioners), application, session, asking)).0
    }

    /// The register in which everybody is in the state that `now` gives.
    fn register(&self, now: impl Fn(State) -> State) -> Practitioners {
        let file = toml::from_str(&toml::to_string(&register(now)).unwrap()).unwrap();
        let specialties = self.config.physician_specialties(&self.loaded.profiles);
        let (practitioners, breaches) = Practitioners::check(file, specialties, |_| true, |_| true);
        assert_eq!(breaches, []);
        practitioners
    }
}

fn told<T>(decision: Decision<T>) -> (String, Option<T>) {
    match decision {
        Decision::Approved(approved) => (APPROVED.to_owned(), Some(approved)),
        Decision::Denied(denial) => (denial.reason.code().to_owned(), None),
        Decision::Malformed(malformed) => (format!("malformed:{}", malformed.field), None),
    }
}

/// A verdict as the socket told it.
fn told_by_socket<T>(answer: Result<T, Refused>) -> (String, Option<T>) {
    match answer {
        Ok(given) => (APPROVED.to_owned(), Some(given)),
        Err(refused) => match refused.brief() {
            ("Denied", reason) => (reason.to_owned(), None),
            ("Malformed", field) => (format!("malformed:{field}"), None),
            _ => panic!("{refused:?}"),
        },
    }
}

/// Approved if nothing speaks against it, else refused for a reason that does.
fn agrees(told: &str, expected: &Reasons) -> bool {
    if expected.is_empty() { told == APPROVED } else { expected.contains(told) }
}

/// How often each verdict was told.
#[derive(Default)]
struct Tally(BTreeMap<String, usize>);

impl Tally {
    fn note(&mut self, told: &str) {
        match self.0.get_mut(told) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(told.to_owned(), 1)),
        }
    }

    fn add(&mut self, other: Self) {
        other.0.into_iter().for_each(|(told, count)| *self.0.entry(told).or_default() += count);
    }

    fn total(&self) -> usize {
        self.0.values().sum()
    }
}

/// Every question of `Issue` in a session of `asked`, whose practitioner is in `state` by now, and its caller that application.
fn every_issue<'t>(
    tables: &'t Tables,
    asked: Asked,
    state: State,
    application: World,
) -> impl Iterator<Item = Issue<'t>> {
    let patients = [(true, false), (false, false), (true, true)];
    tables.transactions().into_iter().flat_map(move |transaction| {
        PURPOSES.into_iter().flat_map(move |purpose| {
            patients.into_iter().map(move |(patient, invisible)| Issue {
                asked,
                application,
                state,
                transaction,
                purpose,
                patient,
                invisible,
            })
        })
    })
}

/// About that many of them, evenly.
fn some<T>(all: &[T], number: usize) -> impl Iterator<Item = &T> {
    all.iter().step_by((all.len() / number).max(1))
}

/// Asks everything in one world: the verdicts on sessions and on assertions.
fn judge_all(
    judge: &Judge,
    others: &[Judge],
    questions: &[Asked],
    proofs: &Proofs,
    tables: &Tables,
) -> (Tally, Tally) {
    let (mut opened, mut issued, mut sessions) = (Tally::default(), Tally::default(), Vec::new());
    for asked in questions {
        let (told, session) = judge.open(proofs, asked);
        let expected = model::opening(judge.world, asked);
        assert!(agrees(&told, &expected), "{:?} {asked:?}: {told}, not {expected:?}", judge.world);
        opened.note(&told);
        if let Some(session) = session {
            assert_eq!(session.practitioner().id.as_str(), asked.who.id());
            assert_eq!(session.profile().name, asked.profile.unwrap_or("dmp-air"));
            assert!(asked.service.is_none_or(|service| session.service() == service));
            assert!(asked.structure.is_none_or(|structure| session.structure().as_str() == structure));
            assert!(asked.channel.is_none_or(|channel| session.channel().name() == channel));
            sessions.push((*asked, Arc::new(session)));
        }
    }
    let mut ask = |practitioners: &Practitioners, application, session: &Arc<Session>, issue: &Issue<'_>| {
        let told = judge.issue(practitioners, application, session, issue);
        let expected = tables.issuing(judge.world, issue);
        assert!(agrees(&told, &expected), "{:?} {issue:?}: {told}, not {expected:?}", judge.world);
        issued.note(&told);
    };
    for (asked, session) in some(&sessions, SESSIONS) {
        for issue in every_issue(tables, *asked, asked.who, judge.world) {
            ask(&judge.loaded.practitioners, &judge.application, session, &issue);
        }
    }
    for state in State::ALL {
        let practitioners = judge.register(|_| state);
        for (asked, session) in some(&sessions, SESSIONS_OF_ANOTHER_STATE) {
            for issue in every_issue(tables, *asked, state, judge.world) {
                ask(&practitioners, &judge.application, session, &issue);
            }
        }
    }
    // The register of applications changed since: the widest application is each of the others by now.
    let narrowed =
        others.iter().filter(|other| judge.world == World::Wide && judge.config.mode == other.config.mode);
    for other in narrowed {
        for (asked, session) in some(&sessions, SESSIONS_OF_ANOTHER_STATE) {
            for issue in every_issue(tables, *asked, asked.who, other.world) {
                ask(&judge.loaded.practitioners, &other.application, session, &issue);
            }
        }
    }
    (opened, issued)
}

#[test]
fn every_decision_is_the_models() {
    let (mint, tables, questions, now) = (Mint::start(), Tables::read(), question::every(), clock::now());
    let proofs = Proofs::of_all(&mint, &questions, now);
    let judges = World::ALL.map(|world| {
        let establishment = world.establishment(&mint);
        Judge::new(world, &establishment.config(), now)
    });
    let next = AtomicUsize::new(0);
    let judge = || {
        let (mut opened, mut issued) = (Tally::default(), Tally::default());
        while let Some(judge) = judges.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (of_sessions, of_assertions) = judge_all(judge, &judges, &questions, &proofs, &tables);
            opened.add(of_sessions);
            issued.add(of_assertions);
        }
        (opened, issued)
    };
    let (mut opened, mut issued) = (Tally::default(), Tally::default());
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        for judged in (0..threads).map(|_| scope.spawn(judge)).collect::<Vec<_>>() {
            let (of_sessions, of_assertions) = judged.join().unwrap();
            opened.add(of_sessions);
            issued.add(of_assertions);
        }
    });
    println!("{} sessions: {:?}", opened.total(), opened.0);
    println!("{} assertions: {:?}", issued.total(), issued.0);
    assert_eq!(opened.total(), World::ALL.len() * questions.len());
    // Every reason that these dimensions can bring up was the one that was told, at least once.
    let of_everybody = [
        APPROVED,
        "practitioner-unknown",
        "practitioner-suspended",
        "practitioner-not-enrolled",
        "training-missing",
        "authenticator-revoked",
        "method-not-allowed",
        "service-not-allowed",
        "structure-not-declared",
        "profile-not-allowed",
        "application-suspended",
        "homologation-expired",
        "channel-not-allowed",
        "proof-required",
    ];
    let of_sessions = [
        "method-not-declared",
        "proof-invalid",
        "login-too-old",
        "login-in-future",
        "malformed:service",
        "malformed:structure",
        "malformed:authentication",
    ];
    let of_assertions =
        ["transaction-not-allowed", "purpose-not-allowed", "patient-required", "patient-not-expected"];
    for (tally, own) in [(&opened, of_sessions.as_slice()), (&issued, of_assertions.as_slice())] {
        let known: Vec<_> = of_everybody.iter().chain(own).collect();
        assert!(known.iter().all(|told| tally.0.contains_key(**told)), "{:?}", tally.0);
        assert_eq!(tally.0.len(), known.len(), "{:?}", tally.0);
    }
}

/// The first [`ALIKE`] of each verdict.
fn of_each<Q>(questions: impl Iterator<Item = Q>, verdict: impl Fn(&Q) -> String) -> Vec<(Q, String)> {
    let (mut tally, mut chosen) = (Tally::default(), Vec::new());
    for question in questions {
        let told = verdict(&question);
        tally.note(&told);
        if tally.0[&told] <= ALIKE {
            chosen.push((question, told));
        }
    }
    chosen
}

/// Asks a sample of one world's questions at the door; how many verdicts were compared.
fn ask_by_socket(
    world: World,
    (mint, proofs, now): (&Mint, &Proofs, Instant),
    questions: &[Asked],
    tables: &Tables,
) -> usize {
    let establishment = world.establishment(mint);
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let judge = Judge::new(world, &establishment.config(), now);
    // Each world begins elsewhere.
    let candidates = questions.iter().skip(world as usize).step_by(STRIDE);
    let chosen = of_each(candidates, |asked| judge.open(proofs, asked).0);
    let (mut compared, mut sessions) = (0, Vec::new());
    let mut ask = |client: &mut Client, asked: &Asked, expected: &str| {
        let answer = client.open_session(Proofs::words(mint, asked, clock::now()));
        let (told, session) = told_by_socket(answer);
        assert_eq!(told, expected, "{world:?} {asked:?} at the door");
        assert!(agrees(&told, &model::opening(world, asked)), "{world:?} {asked:?}: {told}");
        compared += 1;
        sessions.extend(session.map(|session| (*asked, session)));
    };
    for (asked, expected) in &chosen {
        ask(&mut client, asked, expected);
    }
    let approved: Vec<_> = questions.iter().filter(|asked| model::opening(world, asked).is_empty()).collect();
    for asked in some(&approved, SESSIONS_BY_SOCKET) {
        ask(&mut client, asked, APPROVED);
    }
    for (asked, session) in sessions {
        let (_, decided) = judge.open(proofs, &asked);
        let decided = Arc::new(decided.unwrap());
        let every = every_issue(tables, asked, asked.who, world);
        for (issue, expected) in
            of_each(every, |issue| judge.issue(&judge.loaded.practitioners, &judge.application, &decided, issue))
        {
            let mut words = json!({
                "session": session, "transaction": issue.transaction, "purpose": issue.purpose.0,
                "invisible_to_guardians": issue.invisible,
            });
            if issue.patient {
                words["patient"] = json!({ "ins": PATIENTS[0] });
            }
            let (told, _) = told_by_socket(client.issue(words));
            assert_eq!(told, expected, "{world:?} {issue:?} at the door");
            compared += 1;
        }
    }
    compared
}

#[test]
fn the_door_decides_as_the_decisions_do() {
    let (mint, tables, questions, now) = (Mint::start(), Tables::read(), question::every(), clock::now());
    let proofs = Proofs::of_all(&mint, &questions, now);
    let compared = World::ALL.map(|world| ask_by_socket(world, (&mint, &proofs, now), &questions, &tables));
    println!("verdicts compared in each world: {compared:?}");
    assert!(
        compared.iter().sum::<usize>() >= 500 && compared.iter().all(|number| *number >= ALIKE),
        "{compared:?}"
    );
}

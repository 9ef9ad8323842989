//! What must come of each question: every reason for which it may be refused, out of the convention's and the profiles' own texts.
//!
//! Written from the rules as people read them, in no order and without the product's code; the rights are read from the official
//! tables. A verdict is right if nothing speaks against the question and it was approved, or if it was refused for one of the
//! reasons that do speak against it.

use std::collections::BTreeSet;

use super::question::{Asked, Shown, When};
use super::world::{DECLARED, State, UNDECLARED_METHOD, World};
use crate::rights::{self, Question, Table};
use crate::support::configuration::SERVICES;
use crate::support::plan::STRUCTURES;

/// Reasons of `Denied`; a field of `Malformed` behind `malformed:`.
pub(super) type Reasons = BTreeSet<&'static str>;

/// What the profiles' texts say of a profile.
struct Terms {
    channels: &'static [&'static str],
    login_required: bool,
    methods: &'static [&'static str],
}

/// `vihf.md` §2 and §5: the six methods of annexe 2; the simplified profile its one alone; plain indirect has no Web-PS channel.
const ANNEXE_2: &[&str] =
    &["CPS", "CARTE_ETS", "CPS:CPSSANSCONTACT", "OTP_SMS", "APP_MOBILE_AUTH", "APP_BROWSER_AUTH"];
const SIMPLIFIED: &[&str] = &["CONF_EXI_PGSSIS"];

fn terms(profile: &str) -> Option<Terms> {
    let both: &[&str] = &["LPS", "WEB_PS"];
    Some(match profile {
        "dmp-air" => Terms { channels: both, login_required: true, methods: ANNEXE_2 },
        "dmp-air-simplifie" => Terms { channels: both, login_required: true, methods: SIMPLIFIED },
        "dmp-indirecte" => Terms { channels: &["LPS"], login_required: false, methods: ANNEXE_2 },
        _ => return None,
    })
}

/// Why the application gets nothing at all.
fn of_application(world: World) -> Option<&'static str> {
    match world {
        World::Suspended => Some("application-suspended"),
        World::HomologationEnded => Some("homologation-expired"),
        _ => None,
    }
}

/// Why nothing is issued for this practitioner at all.
fn of_practitioner(state: State) -> Option<&'static str> {
    match state {
        State::Suspended => Some("practitioner-suspended"),
        State::NotEnrolled => Some("practitioner-not-enrolled"),
        State::NotTrained | State::TrainedTomorrow => Some("training-missing"),
        State::Unknown => Some("practitioner-unknown"),
        _ => None,
    }
}

/// Services of practice today.
fn services(state: State) -> &'static [&'static str] {
    match state {
        State::InOnePlace | State::ServiceToCome => &SERVICES[..1],
        State::ServiceOver => &SERVICES[1..],
        _ => &SERVICES,
    }
}

/// Structures of practice that are declared.
fn structures(state: State) -> &'static [&'static str] {
    if state == State::InOnePlace { &STRUCTURES[..1] } else { &STRUCTURES[..DECLARED] }
}

/// Whether a means of that method is paired: why not.
fn of_means(state: State, method: &str) -> Option<&'static str> {
    match (state, method) {
        (State::CardLost, "CPS") => Some("authenticator-revoked"),
        // Who has cards in the register has nothing else.
        (State::CardLost | State::WithCard, method) if method != "CPS" => Some("method-not-allowed"),
        _ => None,
    }
}

/// Everything that speaks against opening this session.
pub(super) fn opening(world: World, asked: &Asked) -> Reasons {
    // An application that is out of force is told nothing of anybody else, nor is one that names somebody who is.
    if let Some(reason) = of_application(world) {
        return Reasons::from([reason]);
    }
    let mut reasons = Reasons::new();
    let profile = asked.profile.unwrap_or("dmp-air");
    let terms = terms(profile).filter(|_| world.profiles().contains(&profile));
    if terms.is_none() {
        reasons.insert("profile-not-allowed");
    }
    if let Some(reason) = of_practitioner(asked.who) {
        reasons.insert(reason);
        return reasons;
    }
    let channel = asked.channel.unwrap_or("LPS");
    if !world.channels().contains(&channel)
        || terms.as_ref().is_some_and(|terms| !terms.channels.contains(&channel))
    {
        reasons.insert("channel-not-allowed");
    }
    let open: Vec<_> = services(asked.who).iter().filter(|service| world.services().contains(service)).collect();
    reasons.extend(place(asked.service, &open, "malformed:service", "service-not-allowed"));
    let open: Vec<_> = structures(asked.who).iter().collect();
    reasons.extend(place(asked.structure, &open, "malformed:structure", "structure-not-declared"));
    reasons.extend(login(world, asked, terms.as_ref()));
    reasons
}

/// What is named must be open; what is not named must be the only one.
fn place(
    named: Option<&str>,
    open: &[&&str],
    unclear: &'static str,
    closed: &'static str,
) -> Option<&'static str> {
    match named {
        Some(name) => (!open.iter().any(|known| ***known == *name)).then_some(closed),
        None => match open.len() {
            0 => Some(closed),
            1 => None,
            _ => Some(unclear),
        },
    }
}

fn login(world: World, asked: &Asked, terms: Option<&Terms>) -> Reasons {
    let mut reasons = Reasons::new();
    let Some((method, shown, when)) = asked.login else {
        if terms.is_some_and(|terms| terms.login_required) {
            reasons.insert("malformed:authentication");
        }
        if !world.may_declare() {
            reasons.insert("proof-required");
        }
        return reasons;
    };
    if terms.is_some_and(|terms| !terms.methods.contains(&method)) || !world.methods().contains(&method) {
        reasons.insert("method-not-allowed");
    }
    if method == UNDECLARED_METHOD {
        reasons.insert("method-not-declared");
    }
    reasons.extend(of_means(asked.who, method));
    match shown {
        Shown::Declared if !world.may_declare() => drop(reasons.insert("proof-required")),
        Shown::Declared => {}
        // A provider that tells of a login to come is not believed.
        Shown::Proof if when != When::Ahead => {}
        Shown::Proof | Shown::ProofOfAnother | Shown::ProofOfOther => drop(reasons.insert("proof-invalid")),
    }
    match when {
        When::Fresh => {}
        When::Old => drop(reasons.insert("login-too-old")),
        When::Ahead => drop(reasons.insert("login-in-future")),
    }
    reasons
}

/// One question of `Issue`, in a session that was opened by `asked`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Issue<'a> {
    pub(super) asked: Asked,
    /// Whose application the caller is by now, in the register.
    pub(super) application: World,
    /// The practitioner's state in the register of now.
    pub(super) state: State,
    pub(super) transaction: &'a str,
    pub(super) purpose: (&'static str, &'static str),
    pub(super) patient: bool,
    pub(super) invisible: bool,
}

/// The official tables.
pub(super) struct Tables {
    pub(super) air: Table,
    pub(super) indirect: Table,
}

impl Tables {
    pub(super) fn read() -> Self {
        Self { air: rights::table("air-rights.tsv"), indirect: rights::table("indirect-rights.tsv") }
    }

    /// Keys of both.
    pub(super) fn transactions(&self) -> BTreeSet<&str> {
        self.air.keys().chain(self.indirect.keys()).map(String::as_str).collect()
    }

    /// Everything that speaks against this assertion.
    pub(super) fn issuing(&self, world: World, issue: &Issue<'_>) -> Reasons {
        let (asked, state, application) = (issue.asked, issue.state, issue.application);
        if let Some(reason) = of_application(application) {
            return Reasons::from([reason]);
        }
        let (profile, channel) = (asked.profile.unwrap_or("dmp-air"), asked.channel.unwrap_or("LPS"));
        let mut reasons = Reasons::new();
        if !application.profiles().contains(&profile) {
            reasons.insert("profile-not-allowed");
        }
        if let Some(reason) = of_practitioner(state) {
            reasons.insert(reason);
            return reasons;
        }
        reasons.extend(rights::reasons(
            &Question {
                scope: world.scope(),
                profile,
                channel,
                physician: state != State::Nurse,
                transaction: issue.transaction,
                purpose: issue.purpose,
                patient: issue.patient,
            },
            &self.air,
            &self.indirect,
        ));
        if !application.channels().contains(&channel) {
            reasons.insert("channel-not-allowed");
        }
        // No profile gives the form of a minor's secret connection yet (`vihf.md` §9).
        if issue.invisible {
            reasons.insert("profile-not-allowed");
        }
        // What the opening found must still be there.
        let open: Vec<_> = services(asked.who).iter().filter(|open| world.services().contains(open)).collect();
        let service = asked.service.unwrap_or_else(|| open[0]);
        if !services(state).contains(&service) || !application.services().contains(&service) {
            reasons.insert("service-not-allowed");
        }
        if !World::purposes(service).contains(&issue.purpose.0) {
            reasons.insert("purpose-not-allowed");
        }
        let structure = asked.structure.unwrap_or(structures(asked.who)[0]);
        if !structures(state).contains(&structure) {
            reasons.insert("structure-not-declared");
        }
        if let Some((method, _, _)) = asked.login {
            reasons.extend(of_means(state, method));
            if !application.methods().contains(&method) {
                reasons.insert("method-not-allowed");
            }
        }
        let is_proved = asked.login.is_some_and(|(_, shown, _)| shown == Shown::Proof);
        if !is_proved && !application.may_declare() {
            reasons.insert("proof-required");
        }
        reasons
    }
}

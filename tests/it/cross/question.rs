//! What is asked: every value of every dimension, as a typed question for the decisions and as words for the socket.

use std::collections::HashMap;

use sceau::policy::opening::{Authentication, Opening};
use sceau::vihf::identity::{Form, PsIdNat, StructIdNat};
use sceau::vihf::instant::Instant;
use sceau::vihf::method::Method;
use sceau::vihf::profile::Channel;
use serde_json::{Value, json};

use super::world::{CLIENT, ISSUER, METHODS, State};
use crate::proofs::mint::Mint;
use crate::support::plan::STRUCTURES;
use crate::support::varlink::nonce;

/// What is shown for a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Shown {
    Declared,
    /// A proof of this login.
    Proof,
    /// A proof of somebody else's login.
    ProofOfAnother,
    /// A proof of a login by another method.
    ProofOfOther,
}

/// When the login was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum When {
    /// A minute ago.
    Fresh,
    /// Five hours ago, where four are the most.
    Old,
    /// In ten minutes.
    Ahead,
}

impl When {
    fn ms(self, now: i64) -> i64 {
        // Whole seconds, as a provider tells.
        let login = match self {
            Self::Fresh => now - 60_000,
            Self::Old => now - 5 * 3_600_000,
            Self::Ahead => now + 600_000,
        };
        login / 1000 * 1000
    }
}

/// One question of `OpenSession`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) who: State,
    pub(super) login: Option<(&'static str, Shown, When)>,
    pub(super) service: Option<&'static str>,
    pub(super) structure: Option<&'static str>,
    pub(super) channel: Option<&'static str>,
    pub(super) profile: Option<&'static str>,
}

/// Every question: logins that are not fresh only where structure and channel are left out of play.
pub(super) fn every() -> Vec<Asked> {
    let mut all = Vec::new();
    let shown = [Shown::Declared, Shown::Proof, Shown::ProofOfAnother, Shown::ProofOfOther];
    let of_method = |method| shown.map(|shown| (method, shown));
    let ways: Vec<_> = METHODS.into_iter().flat_map(of_method).collect();
    let logins = [When::Fresh, When::Old, When::Ahead]
        .into_iter()
        .flat_map(|when| ways.iter().map(move |(method, shown)| Some((*method, *shown, when))));
    let logins: Vec<_> = std::iter::once(None).chain(logins).collect();
    for who in State::ALL {
        for &login in &logins {
            let fresh = login.is_none_or(|(_, _, when)| when == When::Fresh);
            let structures: &[_] = if fresh {
                &[None, Some(STRUCTURES[0]), Some(STRUCTURES[1]), Some(STRUCTURES[2])]
            } else {
                &[Some(STRUCTURES[0])]
            };
            let channels: &[_] = if fresh { &[None, Some("LPS"), Some("WEB_PS")] } else { &[None] };
            for service in [None, Some("consultation"), Some("urgences"), Some("radiologie")] {
                for &structure in structures {
                    for &channel in channels {
                        for profile in
                            [None, Some("dmp-air"), Some("dmp-air-simplifie"), Some("dmp-indirecte"), Some("dmp")]
                        {
                            all.push(Asked { who, login, service, structure, channel, profile });
                        }
                    }
                }
            }
        }
    }
    all
}

/// Who logged in by what, what is shown of it, and when it was.
type Login = (usize, &'static str, Shown, When);

/// A proof of each login: the decisions do not remember which were used.
pub(super) struct Proofs(HashMap<Login, String>);

impl Proofs {
    /// Makes every proof that the questions show.
    pub(super) fn of_all(mint: &Mint, questions: &[Asked], now: Instant) -> Self {
        let mut proofs = HashMap::new();
        for asked in questions {
            if let Some(key) = key(asked) {
                proofs.entry(key).or_insert_with(|| make(mint, asked, now));
            }
        }
        Self(proofs)
    }

    /// The question for the decision.
    pub(super) fn opening(&self, asked: &Asked, now: Instant) -> Opening {
        Opening {
            practitioner: PsIdNat::parse(&asked.who.id()).unwrap(),
            authentication: asked.login.map(|(method, _, when)| Authentication {
                method: Method::parse(method).unwrap(),
                instant: Instant::from_ms(when.ms(now.ms())),
                initial_instant: initial(method, when, now),
                proof: key(asked).map(|key| self.0[&key].clone().into()),
            }),
            structure: asked.structure.map(|id| StructIdNat::parse(id, Form::Test).unwrap()),
            service: asked.service.map(Into::into),
            channel: asked.channel.map(|channel| Channel::parse(channel).unwrap()),
            profile: asked.profile.map(Into::into),
        }
    }

    /// The same in the contract's words, with a proof that was never shown.
    pub(super) fn words(mint: &Mint, asked: &Asked, now: Instant) -> Value {
        let mut words = json!({ "practitioner": asked.who.id() });
        let named = [
            ("structure", asked.structure),
            ("service", asked.service),
            ("channel", asked.channel),
            ("profile", asked.profile),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                words[name] = value.into();
            }
        }
        if let Some((method, shown, when)) = asked.login {
            let mut login =
                json!({ "method": method, "instant": Instant::from_ms(when.ms(now.ms())).to_string() });
            if let Some(initial) = initial(method, when, now) {
                login["initial_instant"] = initial.to_string().into();
            }
            if shown != Shown::Declared {
                login["proof"] = make(mint, asked, now).into();
            }
            words["authentication"] = login;
        }
        words
    }
}

fn key(asked: &Asked) -> Option<Login> {
    let (method, shown, when) = asked.login?;
    (shown != Shown::Declared).then_some((asked.who as usize, method, shown, when))
}

/// When the card was read with its PIN, for the contactless method.
fn initial(method: &str, when: When, now: Instant) -> Option<Instant> {
    (method == "CPS:CPSSANSCONTACT").then(|| Instant::from_ms(when.ms(now.ms()) - 600_000))
}

fn make(mint: &Mint, asked: &Asked, now: Instant) -> String {
    let (method, shown, when) = asked.login.unwrap();
    let other = METHODS[(METHODS.iter().position(|known| *known == method).unwrap() + 1) % METHODS.len()];
    let (issued, login) = (now.ms() / 1000, when.ms(now.ms()) / 1000);
    let claims = json!({
        "iss": ISSUER, "aud": CLIENT, "azp": CLIENT, "jti": nonce(), "iat": issued, "exp": issued + 3600,
        "auth_time": login, "card_pin_time": login - 600,
        "sub": if shown == Shown::ProofOfAnother { "somebody".to_owned() } else { asked.who.subject() },
        "acr": if shown == Shown::ProofOfOther { other } else { method },
    });
    let header = json!({ "alg": "ES256", "kid": "ec", "typ": "JWT" });
    mint.token(&json!({ "do": "sign", "key": "ec", "header": header, "claims": claims }))
}

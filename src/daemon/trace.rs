//! What the ledger is told: requests and answers as entries.

use super::Daemon;
use super::refusals::{Kind, OTHERS};
use super::sessions::Traced;
use crate::config::RegisterFile;
use crate::ledger::{self, Line, Startup};
use crate::policy::application::Application;
use crate::policy::memory::Memory;
use crate::policy::opening::Opening;
use crate::policy::session::Session;
use crate::seal::forged::Forged;
use crate::traces::digest::Digest;
use crate::traces::entry::event::{Event, Issued, Refused, SessionClosed, SessionOpened, Setting, Start};
use crate::traces::entry::evidence::Evidence;
use crate::traces::entry::word::Word;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;
use crate::vihf::instant::Instant;

/// An entry with its people in clear.
pub(super) type Clear = Event<PsIdNat, Patient>;

/// Names and codes of ours are short and printable already; what a configuration has made longer is cut.
pub(super) fn word(text: &str) -> Word {
    let cut = || Word::parse(&text.chars().filter(|c| !c.is_control()).take(32).collect::<String>());
    Word::parse(text).or_else(cut).unwrap_or_else(Word::unknown)
}

/// How a Unix user is named that is no application.
fn stranger(uid: u32) -> Word {
    if uid == OTHERS { word("uid:*") } else { word(&format!("uid:{uid}")) }
}

/// The entry of a start, with the files of registers that were read for it; where the ledger has a convention, that one is
/// told instead of `convention`.
pub(super) fn start(
    configuration: Digest,
    (convention, register): (Digest, Option<&'static str>),
    files: &[RegisterFile],
) -> Startup {
    let start = Event::Start(Start { software: word(env!("CARGO_PKG_VERSION")), configuration, convention });
    let file = |file: &RegisterFile| ledger::RegisterFile {
        name: word(file.name),
        content: file.content,
        names_people: file.names_people,
    };
    Startup { start, convention: register, files: files.iter().map(file).collect() }
}

impl Daemon {
    fn setting(&self, application: &Application, session: &Session, convention: Digest) -> Setting<PsIdNat> {
        let authn = session.authn();
        Setting {
            application: word(&application.user),
            practitioner: session.practitioner().id,
            service: word(session.service()),
            structure: word(session.structure().as_str()),
            channel: word(session.channel().name()),
            profile: word(&session.profile().name),
            method: Word::parse(&authn.decl),
            evidence: session.evidence(),
            login: Some(authn.instant),
            initial_login: session.initial_login(),
            configuration: self.config.digest,
            convention,
        }
    }

    /// The trace of an assertion that is about to be sealed.
    pub(super) fn issued(&self, forged: &Forged, convention: Digest, session: u64, nonce: Digest) -> Line {
        let approved = forged.approved();
        let asking = approved.asking();
        let event = Event::Issued(Box::new(Issued {
            setting: self.setting(approved.application(), approved.session(), convention),
            session,
            nonce,
            transaction: word(asking.transaction.key()),
            purpose: word(asking.purpose.code()),
            patient: asking.patient.clone(),
            invisible_to_guardians: asking.invisible_to_guardians,
            assertion_id: word(forged.id()),
            assertion: forged.digest(),
            certificate: forged.certificate(),
            keyring: Some(forged.keyring())
                .filter(|keyring| !keyring.is_token())
                .map(|keyring| word(keyring.name())),
            expires: forged.expires_at(),
        }));
        Line::plain(event)
    }

    /// The trace of a session that opens.
    pub(super) fn opened(
        &self,
        application: &Application,
        session: &Session,
        convention: Digest,
        secret: Digest,
    ) -> Line {
        let setting = self.setting(application, session, convention);
        let body = serde_json::to_vec(&Memory::of(session)).unwrap_or_default();
        let event = Event::SessionOpened(Box::new(SessionOpened { setting, expires: session.expires_at() }));
        Line::opened(event, secret, application.uid, session.expires_at(), body)
    }

    /// The trace of a session that closes.
    pub(super) fn closed(application: &Application, traced: &Traced, secret: Digest) -> Line {
        let event =
            Event::SessionClosed(SessionClosed { application: word(&application.user), session: traced.entry });
        Line::closed(event, secret, traced.chain)
    }

    /// The same of one that ends by the establishment's order.
    pub(super) fn ended(&self, traced: &Traced, secret: Digest) -> Line {
        let uid = traced.session.application();
        let applications = self.registers.applications();
        let application = applications.get(uid).map_or_else(|| stranger(uid), |known| word(&known.user));
        let event = Event::SessionClosed(SessionClosed { application, session: traced.entry });
        Line::closed(event, secret, traced.chain)
    }

    /// The trace of one refusal; what was not known at that point is absent.
    pub(super) fn refused(
        &self,
        application: &Application,
        reason: &str,
        asked: Asked<'_>,
        nonce: Option<Digest>,
    ) -> Line {
        Line::plain(self.refusal(word(&application.user), reason, asked, nonce))
    }

    /// The trace of a refusal to a Unix user that is no application.
    pub(super) fn refused_stranger(&self, uid: u32, reason: &str) -> Line {
        Line::plain(self.refusal(stranger(uid), reason, Asked::default(), None))
    }

    /// The trace of `count` refusals alike, the first of them at `since`: a number names nobody.
    pub(super) fn refused_alike(&self, (uid, reason): Kind, count: u64, since: Instant) -> Line {
        let applications = self.registers.applications();
        let application = applications.get(uid).map_or_else(|| stranger(uid), |known| word(&known.user));
        let mut event = self.refusal(application, reason, Asked::default(), None);
        if let Event::Refused(refused) = &mut event
            && count > 1
        {
            (refused.count, refused.since) = (count, Some(since));
        }
        Line::plain(event)
    }

    fn refusal(&self, application: Word, reason: &str, asked: Asked<'_>, nonce: Option<Digest>) -> Clear {
        let session = asked.session.map(|traced| &*traced.session);
        let refused = Refused {
            application,
            reason: word(reason),
            count: 1,
            since: None,
            practitioner: session
                .map(|session| session.practitioner().id)
                .or(asked.opening.map(|o| o.practitioner)),
            service: session
                .map(|s| word(s.service()))
                .or(asked.opening.and_then(|o| o.service.as_deref()).map(word)),
            structure: session
                .map(|s| word(s.structure().as_str()))
                .or(asked.opening.and_then(|o| o.structure.as_ref()).map(|s| word(s.as_str()))),
            channel: session.map(|s| word(s.channel().name())),
            profile: session.map(|s| word(&s.profile().name)),
            method: session.and_then(|s| Word::parse(&s.authn().decl)),
            evidence: asked.evidence,
            login: session.map(|s| s.authn().instant),
            initial_login: None,
            session: asked.session.map(|traced| traced.entry),
            nonce,
            transaction: asked.transaction.map(word),
            purpose: asked.purpose.map(word),
            patient: None,
            configuration: self.config.digest,
            convention: asked.convention.unwrap_or_else(|| self.conventions.current().digest),
        };
        Event::Refused(Box::new(refused))
    }
}

/// What is known of a refused request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked<'a> {
    /// The convention that it was judged by; none: that of now.
    pub(super) convention: Option<Digest>,
    pub(super) session: Option<&'a Traced>,
    pub(super) opening: Option<&'a Opening>,
    pub(super) evidence: Option<Evidence>,
    pub(super) transaction: Option<&'static str>,
    pub(super) purpose: Option<&'a str>,
}

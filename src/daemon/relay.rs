//! `fr.sceau.Relay`: assertions for the relay's calls, each spent once and durably before its call is made.

use zeroize::Zeroizing;

use super::Daemon;
use super::answer::{Answer, No};
use super::request::{self, Issue, Outcome};
use crate::ledger::Line;
use crate::policy::application::{remote, unknown_application};
use crate::policy::denial::{Denial, Reason};
use crate::policy::fingerprint::Fingerprint;
use crate::traces::entry::outcome::Outcome as Told;
use crate::varlink::members::{MemberError, Members};
use crate::vihf::signature::is_assertion_id;

/// Longest list of transactions in bytes: every key of every table is shorter.
const TRANSACTIONS_LEN_MAX: usize = 1024;

/// A request of the interface, every value of its type, and the application that it is for.
#[derive(Debug)]
pub(super) struct RelayRequest {
    application: Caller,
    asked: Asked,
}

/// Whom the relay calls for.
#[derive(Clone, Copy, Debug)]
enum Caller {
    /// That Unix user.
    User(u32),
    /// The application that the gate knows by that certificate.
    Certificate(Fingerprint),
}

impl Caller {
    fn read(text: &str) -> Option<Self> {
        match Fingerprint::parse(text) {
            Some(certificate) => Some(Self::Certificate(certificate)),
            None => text.parse().ok().filter(|uid| !remote::is_reserved(*uid)).map(Self::User),
        }
    }
}

#[derive(Debug)]
enum Asked {
    IssueFor(Issue),
    Spend { id: String, transactions: Zeroizing<String> },
    Outcome { id: String, outcome: Outcome },
}

impl RelayRequest {
    /// Reads the parameters of the method of that name; None: there is no such method.
    ///
    /// # Errors
    /// The member that is missing, wrong or unknown.
    pub(super) fn read(method: &str, mut members: Members) -> Result<Option<Self>, MemberError> {
        if !matches!(method, "IssueFor" | "Spend" | "Outcome") {
            return Ok(None);
        }
        let application = members.text("application")?;
        let application = Caller::read(&application).ok_or_else(|| {
            members
                .malformed("application", "donnez le numéro d'un utilisateur Unix, ou l'empreinte d'un certificat")
        })?;
        let asked = match method {
            "IssueFor" => Asked::IssueFor(request::issue(members)?),
            "Spend" => {
                let id = id(&mut members)?;
                let transactions = members.text("transactions")?;
                if transactions.len() > TRANSACTIONS_LEN_MAX {
                    return Err(members.malformed("transactions", "cette liste est trop longue"));
                }
                members.finish()?;
                Asked::Spend { id, transactions }
            }
            _ => {
                let (id, outcome) = request::report(members)?;
                Asked::Outcome { id, outcome }
            }
        };
        Ok(Some(Self { application, asked }))
    }
}

fn id(members: &mut Members) -> Result<String, MemberError> {
    let id = members.text("id")?;
    if is_assertion_id(&id) {
        Ok(id.to_string())
    } else {
        Err(members.malformed("id", "ce n'est pas un id de Sceau"))
    }
}

/// Why an assertion cannot be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotSpent {
    /// Another application's, or forgotten by a restart: its life was over by then or soon will be.
    Unknown,
    /// Spent before.
    Spent,
    /// Too late.
    Expired,
    /// It was asked for another transaction.
    Transaction,
}

impl From<NotSpent> for No {
    fn from(cause: NotSpent) -> Self {
        match cause {
            NotSpent::Unknown => Self::Denied(Denial::new(
                Reason::AssertionUnknown,
                "cette assertion n'a pas été remise à cette application depuis le démarrage ; demandez-en une",
            )),
            NotSpent::Spent => Self::Spent,
            NotSpent::Expired => Self::Expired,
            NotSpent::Transaction => Self::Denied(Denial::new(
                Reason::TransactionNotAllowed,
                "cette assertion a été demandée pour une autre transaction que celle de l'appel ; demandez-en une pour lui",
            )),
        }
    }
}

impl Daemon {
    /// One request of the relay.
    pub(super) async fn obey_relay(&self, request: RelayRequest) -> Result<Answer, No> {
        let RelayRequest { application, asked } = request;
        let application = match application {
            Caller::User(uid) => uid,
            Caller::Certificate(certificate) => {
                let applications = self.registers.applications();
                applications.of_certificate(&certificate).ok_or_else(unknown_application)?.uid
            }
        };
        match asked {
            Asked::IssueFor(issue) => self.issue(application, issue).await,
            Asked::Spend { id, transactions } => self.spend_assertion(application, &id, &transactions).await,
            Asked::Outcome { id, outcome } => self.report(application, &id, outcome).await,
        }
    }

    /// Spends an assertion for its one call.
    ///
    /// What a crash leaves: before the line is on the disk, nothing was sent and the assertion, forgotten with the memory of
    /// what was issued, can never be spent; after it, the ledger says `spent` whether the call left or not. Whoever is not
    /// answered sends nothing.
    async fn spend_assertion(&self, uid: u32, id: &str, transactions: &str) -> Result<Answer, No> {
        self.in_order()?;
        self.application(&self.registers.in_force(), uid)?;
        let written = self.outcomes.spend(uid, id, transactions, self.clock.now())?;
        let line = Line::outcome(written.index, Told::Spent, written.chain.unwrap_or_default());
        // An assertion whose line could not be written stays spent: it may be on the disk all the same.
        self.ledger.write(line).await.map_err(|cause| self.unrecorded(cause))?;
        Ok(Answer::Done)
    }
}

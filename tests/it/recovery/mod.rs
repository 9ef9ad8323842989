//! Signers and tokens that die, freeze, vanish or lie under load: honest answers meanwhile, and service back without a
//! restart of `sceaud`.

mod chaos;
mod false_signer;
pub(crate) mod load;
mod pin;
mod process;
mod token;

use serde_json::Value;

use crate::support::daemon::Daemon;
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::varlink::{Client, Refused, login};
use crate::support::wait::eventually;

/// Parameters of a session that may consult.
fn consultation() -> Value {
    login(&Practitioner::physician().id, "CPS", "consultation")
}

/// A client with a session.
struct Caller {
    client: Client,
    session: String,
}

impl Caller {
    fn of(establishment: &Establishment) -> Caller {
        let mut client = establishment.client();
        let session = client.open_session(consultation()).unwrap();
        Caller { client, session }
    }

    fn ready(&mut self) -> bool {
        let status = self.client.status();
        let (ready, seal) = (status["ready"].as_bool().unwrap(), status["seals"][0]["ready"].as_bool().unwrap());
        assert!(seal || !ready, "ready without its only seal: {status}");
        ready
    }

    fn wait_ready(&mut self, ready: bool) {
        eventually(if ready { "ready" } else { "not ready" }, || (self.ready() == ready).then_some(()));
    }

    fn issue(&mut self) -> Result<(), Refused> {
        self.client.consult(&self.session, PATIENTS[0]).map(drop)
    }

    /// The service is back: it says so, and it is so.
    fn is_served(&mut self) {
        self.wait_ready(true);
        self.issue().unwrap();
    }
}

/// Nothing was restarted but what the test killed.
fn same_sceaud(daemons: &Daemons) {
    assert_eq!(daemons.sceaud.starts(), 1);
    let log = daemons.sceaud.log();
    assert!(!log.contains("panicked"), "{log}");
}

/// `sceaud` without waiting for its READY: the door opens before a signature is made.
fn locked_sceaud(establishment: &Establishment) -> Daemon {
    let sceaud = Daemon::sceaud(establishment, &[]);
    let socket = establishment.token_socket();
    eventually("the door", || Client::connect(&socket).ok().map(drop));
    sceaud
}

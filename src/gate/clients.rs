//! Whom `sceaud` admits: asked twice a second, so that an order is in force within two.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::policy::fingerprint::Fingerprint;
use crate::sys::exchange::exchange;

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How long an answer is waited for.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// Longest answer in bytes: a thousand applications with 64 certificates of 74 bytes each.
const ANSWER_LEN_MAX: usize = 8 * 1024 * 1024;

/// Who may come in.
#[derive(Debug, Default)]
pub(super) struct Admitted {
    pub(super) certificates: HashSet<Fingerprint>,
    /// A client without certificate may propose one.
    pub(super) enrolment: bool,
}

/// Who may come in now. Nobody, until `sceaud` has said so; while it is silent, whom it named last, whose requests fail.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    now: watch::Receiver<Arc<Admitted>>,
}

/// Who tells them.
pub(super) type Teller = watch::Sender<Arc<Admitted>>;

#[derive(Deserialize)]
struct Reply {
    parameters: Told,
}

#[derive(Deserialize)]
struct Told {
    revision: String,
    enrolment: bool,
    certificates: Option<HashSet<Fingerprint>>,
}

impl Clients {
    /// Nobody, and whoever is to tell of others.
    pub(super) fn none() -> (Self, Teller) {
        let (teller, now) = watch::channel(Arc::new(Admitted::default()));
        (Self { now }, teller)
    }

    /// Who may come in now.
    pub(super) fn now(&self) -> Arc<Admitted> {
        Arc::clone(&self.now.borrow())
    }

    /// Returns once that certificate is admitted no longer.
    pub(super) async fn gone(&self, certificate: Fingerprint) {
        let mut now = self.now.clone();
        // An error: the program ends.
        let _ = now.wait_for(|admitted| !admitted.certificates.contains(&certificate)).await;
    }
}

/// Asks for ever. `key`: the gate's own public key, which invitations name.
pub(super) async fn ask(socket: &Path, key: Fingerprint, teller: Teller) {
    let mut silent = false;
    loop {
        let trouble = match UnixStream::connect(socket).await {
            // Of a new connection everything is asked anew: sceaud may have been started with another register.
            Ok(stream) => converse(stream, key, &teller).await,
            Err(cause) => cause.to_string(),
        };
        // Nobody can propose what nobody takes.
        teller.send_if_modified(|admitted| {
            let changes = admitted.enrolment;
            if changes {
                *admitted = Arc::new(Admitted { certificates: admitted.certificates.clone(), enrolment: false });
            }
            changes
        });
        if !silent {
            tracing::warn!(
                trouble,
                "sceaud does not tell whom to admit; [gate] of its configuration names our user"
            );
        }
        silent = true;
        sleep(ASK_EVERY).await;
    }
}

/// Asks on one connection until it breaks; gives why.
async fn converse(mut stream: UnixStream, key: Fingerprint, teller: &Teller) -> String {
    let mut after = None::<String>;
    loop {
        let call = json!({
            "method": "fr.sceau.Gate.Clients",
            "parameters": { "key": key.to_string(), "after": after },
        });
        let mut frame = call.to_string().into_bytes();
        frame.push(0);
        let answer = match timeout(ANSWER_WAIT, exchange(&mut stream, &frame, ANSWER_LEN_MAX)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(cause)) => return cause.to_string(),
            Err(_) => return "no answer".to_owned(),
        };
        let Ok(Reply { parameters: told }) = serde_json::from_slice::<Reply>(&answer) else {
            return "an error".to_owned();
        };
        if after.is_none() {
            tracing::info!("sceaud tells whom to admit");
        }
        take(told.certificates, told.enrolment, teller);
        after = Some(told.revision);
        sleep(ASK_EVERY).await;
    }
}

/// Tells what changed, and nobody if nothing did.
fn take(certificates: Option<HashSet<Fingerprint>>, enrolment: bool, teller: &Teller) {
    teller.send_if_modified(|admitted| {
        let certificates = certificates.filter(|new| *new != admitted.certificates);
        if certificates.is_none() && enrolment == admitted.enrolment {
            return false;
        }
        let certificates = certificates.unwrap_or_else(|| admitted.certificates.clone());
        tracing::info!(certificates = certificates.len(), enrolment, "who may connect has changed");
        *admitted = Arc::new(Admitted { certificates, enrolment });
        true
    });
}

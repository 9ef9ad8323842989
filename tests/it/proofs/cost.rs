//! What a proof costs: one check of a signature for each session, none for its assertions.

use super::{Provider, claims, proved};
use crate::support::daemons::Daemons;
use crate::support::practitioners::PATIENTS;

const SESSIONS: usize = 3;
const ASSERTIONS: usize = 20;

#[test]
fn a_session_checks_one_signature_and_its_assertions_none() {
    let provider = Provider::new();
    let establishment = provider.plan().build();
    let mut daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    for _ in 0..SESSIONS {
        let claims = claims();
        let session = client.open_session(proved(&claims, &provider.proof(&claims))).unwrap();
        for _ in 0..ASSERTIONS {
            client.consult(&session, PATIENTS[0]).unwrap();
        }
    }
    drop(client);
    daemons.sceaud.stop();
    let log = daemons.sceaud.log();
    // As the daemon counts them where they are made.
    assert!(log.contains(&format!("signatures_checked={SESSIONS}\n")), "{log}");
}

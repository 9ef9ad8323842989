//! Peers that misbehave: each costs itself alone, while a well-behaved application gets its assertions.

mod connections;
mod corpus;
mod flood;
mod frames;
mod json_suite;
mod peers;

use std::io::ErrorKind;
use std::path::Path;

use nix::unistd::Pid;
use toml::{Table, Value};

use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::varlink::{Client, login};
pub(crate) use crate::support::wait::{DEADLINE, eventually, freeze};

/// A running establishment. Its fields are dropped in this order.
pub(super) struct Hospital {
    pub(super) daemons: Daemons,
    pub(super) establishment: Establishment,
}

impl Hospital {
    /// One P-256 seal and these `[limits]`.
    pub(super) fn open(name: &str, limits: &[(&str, i64)]) -> Hospital {
        Hospital::of(plan(name, limits))
    }

    pub(super) fn of(plan: Plan) -> Hospital {
        let establishment = plan.build();
        Hospital { daemons: Daemons::start(&establishment), establishment }
    }

    /// A well-behaved application with a session of its own.
    pub(super) fn bystander(&self) -> Bystander {
        let mut client = self.establishment.client();
        let session = client.open_session(consultation()).unwrap();
        Bystander { client, session }
    }

    pub(super) fn connect(&self) -> Client {
        self.establishment.client()
    }

    pub(super) fn sceaud(&self) -> Pid {
        self.daemons.sceaud.pid()
    }
}

/// One P-256 seal and these `[limits]`.
pub(super) fn plan(name: &str, limits: &[(&str, i64)]) -> Plan {
    let limits: Table =
        limits.iter().map(|(limit, value)| ((*limit).to_owned(), Value::Integer(*value))).collect();
    Plan::new(name)
        .key_type(KeyType::P256)
        .edit_config(|config| drop(config.insert("limits".into(), limits.into())))
}

/// Parameters of a session that may consult.
pub(super) fn consultation() -> serde_json::Value {
    login(&Practitioner::physician().id, "CPS", "consultation")
}

/// The well-behaved client beside each attack.
pub(super) struct Bystander {
    pub(super) client: Client,
    pub(super) session: String,
}

impl Bystander {
    /// Asks for an assertion and gets it.
    pub(super) fn is_served(&mut self) {
        let issued = self.client.consult(&self.session, PATIENTS[0]).unwrap();
        assert!(issued.assertion.contains(&issued.id));
    }
}

/// Waits until the peer has closed; panics if it says anything before.
pub(super) fn closed(client: &mut Client) {
    match client.receive() {
        Ok(None) => {}
        // The peer closed with bytes of ours unread.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("the connection is not closed: {other:?}"),
    }
}

/// Open descriptors of a process.
pub(super) fn descriptors(pid: Pid) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Resident memory of a process in KiB.
pub(super) fn resident_kib(pid: Pid) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A folder or file of the project.
pub(super) fn source(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

//! Operators with real SSH keys before the door of a `sceaud`; orders written without the product's own code.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use sceau::traces::digest::Digest;
use sceau::traces::entry::event::{Event, Order};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::doorstep::DoorAlone;
use crate::support::key_kind::KeyType;
use crate::support::ledger::entries;
use crate::support::plan::Plan;
use crate::support::softhsm::run;
use crate::support::varlink::{Client, Refused, nonce};

/// An SSH key made by ssh-keygen.
pub(crate) struct Key(pub(crate) PathBuf);

impl Key {
    /// Makes a key with these arguments of ssh-keygen; `name` becomes its file below `folder`.
    pub(crate) fn make(folder: &Path, name: &str, arguments: &[&str]) -> Key {
        let path = folder.join(name);
        let mut command = Command::new("ssh-keygen");
        run(command.args(["-q", "-N", "", "-C", "comment of a person", "-f"]).arg(&path).args(arguments));
        Key(path)
    }

    /// Algorithm and base64 of the public key.
    pub(crate) fn public(&self) -> String {
        let line = std::fs::read_to_string(self.0.with_extension("pub")).unwrap();
        line.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// `ssh-keygen -Y sign`.
    pub(crate) fn sign(&self, namespace: &str, bytes: &[u8]) -> String {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(&self.0);
        sign_with(command, bytes)
    }
}

/// Runs a signing command on these bytes.
pub(crate) fn sign_with(mut command: Command, bytes: &[u8]) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("ssh-keygen (openssh-client): {e}"));
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// RFC 3339 UTC, that many seconds from now.
pub(crate) fn at(seconds: i64) -> String {
    (OffsetDateTime::now_utc() + time::Duration::seconds(seconds)).format(&Rfc3339).unwrap()
}

/// `sceaud` and its operators: alice and dave administrators, bob approver, carol auditor.
pub(crate) struct Office {
    pub(crate) door: DoorAlone,
    pub(crate) ledger: String,
    pub(crate) alice: Key,
    pub(crate) bob: Key,
    pub(crate) carol: Key,
    pub(crate) dave: Key,
}

impl Office {
    /// Opens the door; nobody is registered yet.
    pub(crate) fn empty(plan: Plan) -> Office {
        Office::before(DoorAlone::open(plan.key_type(KeyType::P256)))
    }

    /// Operators before a door that is open; nobody is registered yet.
    pub(crate) fn before(door: DoorAlone) -> Office {
        let folder = door.establishment.folder.clone();
        let key = |name: &str, arguments: &[&str]| Key::make(&folder, name, arguments);
        let mut office = Office {
            ledger: String::new(),
            alice: key("alice", &["-t", "ed25519"]),
            bob: key("bob", &["-t", "ecdsa", "-b", "256"]),
            carol: key("carol", &["-t", "ecdsa", "-b", "256"]),
            dave: key("dave", &["-t", "ed25519"]),
            door,
        };
        let instance = office.call("Instance", json!({})).unwrap();
        office.ledger = instance["ledger"].as_str().unwrap().to_owned();
        office
    }

    /// The same with its four operators registered.
    pub(crate) fn open() -> Office {
        let office = Office::empty(Plan::new("admin"));
        office.register();
        office
    }

    /// Registers the four.
    pub(crate) fn register(&self) {
        let all = [&self.alice, &self.bob, &self.carol, &self.dave];
        self.submit(&self.bootstrap_order(), &all).unwrap();
    }

    /// A bootstrap that names the four.
    pub(crate) fn bootstrap_order(&self) -> Value {
        let operators = [
            named("alice", &["administrator"], &self.alice),
            named("bob", &["approver"], &self.bob),
            named("carol", &["auditor"], &self.carol),
            named("dave", &["administrator"], &self.dave),
        ];
        self.order("operators-bootstrap", json!({ "operators": operators }))
    }

    /// A new connection to the operators' door.
    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.door.establishment.admin_socket()).unwrap()
    }

    /// Calls a method of the operators' interface.
    pub(crate) fn call(&self, method: &str, parameters: Value) -> Result<Value, Refused> {
        self.client().call(&format!("fr.sceau.Admin.{method}"), parameters)
    }

    /// An order for this ledger, valid from now for an hour.
    pub(crate) fn order(&self, verb: &str, arguments: Value) -> Value {
        json!({
            "sceau_order": 1, "ledger": self.ledger, "verb": verb, "id": nonce(),
            "issued_at": at(0), "expires_at": at(3600), "arguments": arguments,
        })
    }

    /// An order for one more operator.
    pub(crate) fn add(&self, name: &str, roles: &[&str], key: &Key) -> Value {
        self.order("operator-add", named(name, roles, key))
    }

    /// An order to revoke that operator.
    pub(crate) fn revoke(&self, name: &str) -> Value {
        self.order("operator-revoke", json!({ "name": name }))
    }

    /// Signs an order with these keys and submits it.
    pub(crate) fn submit(&self, order: &Value, keys: &[&Key]) -> Result<Value, Refused> {
        let text = order.to_string();
        let signatures = keys.iter().map(|key| key.sign("sceau-order", text.as_bytes())).collect();
        self.submit_text(&text, signatures)
    }

    /// Submits a text and these signatures.
    pub(crate) fn submit_text(&self, text: &str, signatures: Vec<String>) -> Result<Value, Refused> {
        self.call("Submit", json!({ "order": text, "signatures": signatures }))
    }

    /// Names and roles of the active operators.
    pub(crate) fn active(&self) -> Vec<String> {
        let operators = self.call("Operators", json!({})).unwrap();
        let operators = operators["operators"].as_array().unwrap().iter();
        operators.filter(|o| o["revoked"].is_null()).map(|o| o["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Every order in the ledger.
    pub(crate) fn orders(&self) -> Vec<Order> {
        let orders = entries(&self.door.establishment).into_iter().filter_map(|entry| match entry.event {
            Event::Order(order) => Some(order),
            _ => None,
        });
        orders.collect()
    }

    /// The newest order in the ledger: verb, signers, reason of its refusal; its digest is that of `text`.
    pub(crate) fn trace_of(&self, text: &str) -> (String, Vec<String>, Option<String>) {
        let order = self.orders().pop().unwrap();
        assert_eq!(order.order, Digest::of(&[text.as_bytes()]));
        let actors = order.actors.iter().map(ToString::to_string).collect();
        (order.verb.to_string(), actors, order.refused.map(|reason| reason.to_string()))
    }

    /// Kills `sceaud`; returns once its next life listens.
    pub(crate) fn kill_and_wait(&self) {
        let before = self.door.sceaud.starts();
        self.door.sceaud.kill();
        self.door.sceaud.wait_starts(before + 1);
        crate::doorstep::until("sceaud listens again", || {
            Client::connect(&self.door.establishment.admin_socket()).is_ok_and(|mut client| {
                let answered = client.try_call("fr.sceau.Admin.Instance", json!({}));
                answered.is_ok_and(|answer| answer.is_ok())
            })
        });
    }
}

/// An operator as an order names one.
pub(crate) fn named(name: &str, roles: &[&str], key: &Key) -> Value {
    json!({ "name": name, "roles": roles, "key": key.public() })
}

/// Longest that a caller beside a slow one may wait.
pub(crate) const PROMPT: Duration = Duration::from_secs(5);

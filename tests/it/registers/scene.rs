//! An appliance with an administrator and an approver, and files that are to become its register.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use sceau::traces::entry::event::Event;
use serde_json::{Value, json};

pub(super) use crate::support::crowd::{HEAD, crowd, nurse, rpps};
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::ledger::entries;
use crate::support::plan::Plan;
use crate::support::program::program;
use crate::support::varlink::{Client, Refused, ago, nonce};

/// National ids: the general physician of the file, and a nurse that no file has.
pub(crate) const ANNE: &str = "899900063480";
pub(crate) const NEW: &str = "899900100027";

/// First line of a table of applications.
pub(crate) const APPLICATIONS_HEAD: &str = "user;lps_name;lps_version;lps_id;homologation;homologation_expires_on;services;channels;methods;profiles;audience;may_declare;suspended\n";

/// A line of an application; a column may be given otherwise.
pub(crate) fn application(user: &str, otherwise: &[(&str, &str)]) -> String {
    let mut cells = [
        ("user", user),
        ("lps_name", "Logiciel"),
        ("lps_version", "4.2"),
        ("lps_id", "INST-7"),
        ("homologation", "HOMOL-7"),
        ("homologation_expires_on", "2100-12-31"),
        ("services", "consultation|urgences"),
        ("channels", "LPS|WEB_PS"),
        ("methods", "CPS|OTP_SMS"),
        ("profiles", "dmp-air|dmp-indirecte"),
        ("audience", ""),
        ("may_declare", "oui"),
        ("suspended", ""),
    ];
    for (column, value) in otherwise {
        cells.iter_mut().find(|(name, _)| name == column).unwrap().1 = value;
    }
    cells.map(|(_, value)| value).join(";") + "\n"
}

pub(crate) struct Scene {
    // Dropped first: the programs must be gone before their folder.
    pub(crate) daemons: Daemons,
    pub(crate) establishment: Establishment,
}

impl Scene {
    pub(crate) fn open(name: &str) -> Scene {
        Scene::of(Plan::new(name))
    }

    /// Terms are over at once, as test mode allows.
    pub(crate) fn of(plan: Plan) -> Scene {
        let establishment = plan.key_type(KeyType::P256).build();
        Scene::over(Daemons::start(&establishment), establishment)
    }

    /// The same over what runs already.
    pub(crate) fn over(daemons: Daemons, establishment: Establishment) -> Scene {
        let scene = Scene { daemons, establishment };
        for name in ["alice", "bob", "carol"] {
            good(&scene.run("ssh-keygen", &["-q", "-N", "", "-t", "ed25519", "-f", name], ""));
        }
        let operators = ["alice:administrator:alice.pub", "bob:approver:bob.pub", "carol:auditor:carol.pub"];
        let mut bootstrap = vec!["operators", "bootstrap"];
        operators.iter().for_each(|operator| bootstrap.extend(["--operator", operator]));
        ["alice", "bob", "carol"].iter().for_each(|key| bootstrap.extend(["--sign-with", key]));
        good(&scene.sceau(&bootstrap));
        scene
    }

    pub(crate) fn run(&self, program: &str, arguments: &[&str], input: &str) -> Output {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.establishment.folder);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Who refuses its words may not read them.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    pub(crate) fn sceau(&self, arguments: &[&str]) -> Output {
        let config = self.establishment.config();
        let arguments = [arguments, &["--config", config.to_str().unwrap()]].concat();
        self.run(program("sceau").to_str().unwrap(), &arguments, "")
    }

    /// Writes a file into the folder.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.establishment.folder.join(name), bytes).unwrap();
    }

    /// `sceau practitioners …` signed by these.
    pub(crate) fn practitioners(&self, arguments: &[&str], signers: &[&str]) -> Output {
        self.practitioner("", &[&["practitioners"], arguments].concat(), signers)
    }

    /// `sceau …` about the one of this id, signed by these.
    pub(crate) fn practitioner(&self, id: &str, arguments: &[&str], signers: &[&str]) -> Output {
        let config = self.establishment.config();
        let mut all = [arguments, &["--config", config.to_str().unwrap()]].concat();
        signers.iter().for_each(|signer| all.extend(["--sign-with", signer]));
        self.run(program("sceau").to_str().unwrap(), &all, id)
    }

    /// Imports a table by alice's order.
    pub(crate) fn import(&self, table: impl AsRef<[u8]>) -> Output {
        self.file("professionnels.csv", table);
        self.practitioners(&["import", "professionnels.csv"], &["alice"])
    }

    /// `practitioners list --json`.
    pub(crate) fn list(&self) -> Value {
        json(&self.practitioners(&["list", "--json"], &[]))
    }

    /// `sceau applications …` signed by these.
    pub(crate) fn applications(&self, arguments: &[&str], signers: &[&str]) -> Output {
        self.practitioner("", &[&["applications"], arguments].concat(), signers)
    }

    /// Imports this table of applications by alice's order.
    pub(crate) fn import_applications(&self, lines: &[String]) -> Output {
        self.file("applications.csv", format!("{APPLICATIONS_HEAD}{}", lines.concat()));
        self.applications(&["import", "applications.csv"], &["alice"])
    }

    /// National ids in the register.
    pub(crate) fn ids(&self) -> Vec<String> {
        let list = self.list();
        list["practitioners"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.establishment.folder.join("ledger")
    }

    /// Kills `sceaud`; returns once its next life is ready.
    pub(crate) fn kill_and_wait(&self) {
        let before = self.daemons.sceaud.starts();
        self.daemons.sceaud.kill();
        self.daemons.sceaud.wait_ready(before + 1);
    }

    /// Entries that tell a change of the register of practitioners.
    pub(crate) fn changes(&self) -> usize {
        self.changes_of("practitioners")
    }

    /// Entries that tell a change of that register by order.
    pub(crate) fn changes_of(&self, register: &str) -> usize {
        let is_ours = |event: &Event<_, _>| matches!(event, Event::Register(told) if told.register.as_str() == register && told.mandate.is_some());
        entries(&self.establishment).iter().filter(|entry| is_ours(&entry.event)).count()
    }

    /// An order of alice's for an import of these bytes, written without the product's own code.
    pub(crate) fn import_order(&self, bytes: &[u8]) -> Value {
        self.register_order("practitioners-import", bytes)
    }

    /// The same for any register.
    pub(crate) fn register_order(&self, verb: &str, bytes: &[u8]) -> Value {
        self.file("signed", bytes);
        let sum = self.run("sha256sum", &["signed"], "");
        let sum = String::from_utf8(sum.stdout).unwrap().split(' ').next().unwrap().to_owned();
        let ledger = self.admin().call("fr.sceau.Admin.Instance", json!({})).unwrap()["ledger"].clone();
        let order = json!({
            "sceau_order": 1, "ledger": ledger, "verb": verb, "id": nonce(),
            "issued_at": ago(std::time::Duration::ZERO), "expires_at": ago_ahead(),
            "arguments": { "format": "csv", "sha256": sum },
        });
        let text = order.to_string();
        let signature = self.run("ssh-keygen", &["-q", "-Y", "sign", "-n", "sceau-order", "-f", "alice"], &text);
        json!({ "order": text, "signatures": [String::from_utf8(signature.stdout).unwrap()] })
    }

    /// A new connection to the operators' door.
    pub(crate) fn admin(&self) -> Client {
        Client::connect(&self.establishment.admin_socket()).unwrap()
    }
}

fn ago_ahead() -> String {
    let format = &time::format_description::well_known::Rfc3339;
    (time::OffsetDateTime::now_utc() + time::Duration::hours(1)).format(format).unwrap()
}

/// Hands a document in and submits.
pub(crate) fn submit(client: &mut Client, submission: &Value, document: &[u8]) -> Result<Value, Refused> {
    use base64::Engine as _;
    for piece in document.chunks(40_000) {
        let chunk = base64::engine::general_purpose::STANDARD.encode(piece);
        client.call("fr.sceau.Admin.Attach", json!({ "chunk": chunk }))?;
    }
    client.call("fr.sceau.Admin.Submit", submission.clone())
}

/// The general physician's line, with these services and authenticators.
pub(crate) fn anne(services: &str, authenticators: &str) -> String {
    format!(
        "{ANNE};ANNE DUPONT;10;SM26;{services};Bureau des cartes;cps;2026-01-10;{authenticators};2026-01-15;\n"
    )
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub(crate) fn good(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}

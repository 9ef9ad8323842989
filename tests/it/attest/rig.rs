//! An establishment with a TPM and the program that speaks to it.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::daemon::Daemon;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::program::program;
use crate::support::skip::skip;
use crate::support::softhsm::run;
use crate::support::swtpm::Swtpm;
use crate::support::varlink::{Client, Refused};

/// Index of the counter in these tests.
pub(crate) const INDEX: &str = "0x01800100";

/// A machine with a TPM.
pub(crate) struct Machine {
    pub(crate) tpm: Swtpm,
    pub(crate) establishment: Establishment,
}

impl Machine {
    /// None, counted as skipped, where the software TPM is not installed.
    pub(crate) fn with(test: &str, tpm: fn() -> Swtpm) -> Option<Machine> {
        let missing = Machine::missing();
        if !missing.is_empty() {
            skip(&format!("attest::{test}"), &format!("not installed: {}", missing.join(", ")));
            return None;
        }
        Some(Machine::of(tpm(), Plan::new("attest").key_type(KeyType::P256)))
    }

    /// Programs that it needs and that are not installed.
    pub(crate) fn missing() -> Vec<&'static str> {
        Swtpm::missing(&["swtpm", "swtpm_setup", "tpm2_nvdefine", "tpm2_quote"])
    }

    /// That plan beside that TPM.
    pub(crate) fn of(tpm: Swtpm, plan: Plan) -> Machine {
        let tcti = tpm.tcti();
        let edit = move |config: &mut toml::Table| {
            let place = [
                ("tcti", tcti.into()),
                ("folder", "attest".into()),
                ("event_log", "event.log".into()),
                ("userspace_log", "userspace.log".into()),
            ];
            config.insert("tpm".into(), crate::support::configuration::table(place).into());
            let counter = format!("tpm:{INDEX}");
            config["ledger"].as_table_mut().unwrap().insert("counter".into(), counter.into());
            config["sockets"].as_table_mut().unwrap().insert("attest".into(), "run/attest.sock".into());
        };
        let establishment = plan.edit_config(edit).build();
        std::fs::create_dir(establishment.folder.join("attest")).unwrap();
        Machine { tpm, establishment }
    }

    /// Makes the counter as tpm2-tools do.
    pub(crate) fn define_counter(&self) {
        let attributes = "authread|authwrite|no_da|nt=counter";
        run(&mut self.tpm.tool("tpm2_nvdefine", &[INDEX, "-C", "o", "-s", "8", "-a", attributes]));
    }

    /// What tpm2-tools read of it.
    pub(crate) fn counter(&self) -> u64 {
        let value = run(&mut self.tpm.tool("sh", &["-c", &format!("tpm2_nvread {INDEX} -s 8 | od -An -tx1")]));
        let digits: String = value.split_whitespace().collect();
        u64::from_str_radix(&digits, 16).unwrap_or_else(|_| panic!("{value}"))
    }

    /// `sceau-attestd`, ready.
    pub(crate) fn attestd(&self) -> Daemon {
        let quiet = [("TSS2_LOG", "all+none")];
        let daemon = Daemon::start(&self.establishment, "attestd", "sceau-attestd", &[], &quiet);
        daemon.wait_ready(1);
        daemon
    }

    /// One call at its door.
    pub(crate) fn ask(&self, method: &str, parameters: Value) -> Result<Value, Refused> {
        let mut client = Client::connect(&self.establishment.folder.join("run/attest.sock")).unwrap();
        client.call(&format!("fr.sceau.Attest.{method}"), parameters)
    }

    /// One call without parameters to a program that may not live to answer it.
    pub(crate) fn try_ask(&self, method: &str) -> std::io::Result<Result<Value, Refused>> {
        let mut client = Client::connect(&self.establishment.folder.join("run/attest.sock"))?;
        client.try_call(&format!("fr.sceau.Attest.{method}"), json!({}))
    }

    /// `sceau attest …`: exit code, and what it said.
    pub(crate) fn attest(&self, arguments: &[&str]) -> (i32, String) {
        let mut sceau = Command::new(program("sceau"));
        sceau.arg("attest").args(arguments).arg("--config").arg(self.establishment.config());
        let output = sceau.current_dir(&self.establishment.folder).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    }

    /// The same, which does what it is asked.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let (code, said) = self.attest(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        said
    }

    /// What a call without parameters says.
    pub(crate) fn value(&self, method: &str) -> u64 {
        self.ask(method, json!({})).unwrap()["value"].as_u64().unwrap()
    }
}

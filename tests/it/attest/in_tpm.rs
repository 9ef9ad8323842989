//! An establishment whose keys live in its TPM through tpm2-pkcs11, with an officer who judges it.

use std::process::Command;

use super::rig::INDEX;
use super::verdict;
use crate::evidence::boot::pcrs;
use crate::evidence::officer::{Officer, Verdict};
use crate::support::configuration::table;
use crate::support::daemon::Daemon;
use crate::support::establishment::{Establishment, write};
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::program::program;
use crate::support::softhsm::run;
use crate::support::tpm_token::TpmTokens;

/// The establishment. Programs are dropped before their folder, and before the TPM.
pub(super) struct InTpm {
    pub(super) establishment: Establishment,
    pub(super) officer: Officer,
    pub(super) tokens: TpmTokens,
    environment: Vec<(&'static str, String)>,
}

impl InTpm {
    /// With nothing in the TPM but a token for each of these keys; `edit` puts them into the configuration. None, counted as
    /// skipped, where tpm2-pkcs11 is not installed.
    pub(super) fn with(test: &str, edit: impl FnOnce(&TpmTokens, &mut toml::Table)) -> Option<InTpm> {
        let tokens = TpmTokens::over(verdict::booted, test)?;
        let measured = pcrs(&tokens.manager.tpm);
        let establishment = Plan::new("in-tpm").key_type(KeyType::P256).build();
        for folder in ["attest", "run/authentication"] {
            std::fs::create_dir(establishment.folder.join(folder)).unwrap();
        }
        establishment.edit_file("sceau.toml", |config| {
            let place = [
                ("tcti", tokens.manager.tcti().into()),
                ("folder", "attest".into()),
                ("event_log", "event.log".into()),
                ("userspace_log", "userspace.log".into()),
            ];
            config.insert("tpm".into(), table(place).into());
            config["ledger"].as_table_mut().unwrap().insert("counter".into(), format!("tpm:{INDEX}").into());
            config["sockets"].as_table_mut().unwrap().insert("attest".into(), "run/attest.sock".into());
            edit(&tokens, config);
        });
        let officer = verdict::officer_of(&tokens.manager.tpm, &establishment.folder, &measured);
        let environment = tokens.environment().to_vec();
        Some(InTpm { establishment, officer, tokens, environment })
    }

    /// What programs need to find TPM and tokens.
    pub(super) fn environment(&self) -> Vec<(&str, &str)> {
        self.environment.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// `sceau …` on the appliance.
    pub(super) fn sceau(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("sceau"));
        command.args(arguments).args(["--config", "sceau.toml"]).current_dir(&self.establishment.folder);
        command.envs(self.environment()).env("STATE_DIRECTORY", self.establishment.folder.join("run"));
        command
    }

    /// `sceau-attestd`, ready, its TPM enrolled with the officer.
    pub(super) fn attestd(&self) -> Daemon {
        let attestd = Daemon::start(&self.establishment, "attestd", "sceau-attestd", &[], &self.environment());
        attestd.wait_ready(1);
        verdict::enrol(&self.officer, &self.establishment.folder, &|words| self.attest(words), &[]);
        attestd
    }

    pub(super) fn attest(&self, words: &[&str]) -> String {
        run(&mut self.sceau(&[&["attest"], words].concat()))
    }

    /// `sceau attest certify` of a key's export, with the authorisation of that file.
    pub(super) fn certify(&self, role: &str, key: &str, auth: &str) -> Command {
        let (public, private) =
            (self.tokens.file(&format!("{key}.pub")), self.tokens.file(&format!("{key}.priv")));
        let what = ["attest", "certify", "--role", role, "--key", key];
        self.sceau(&[&what[..], &["--public", &public, "--private", &private, "--auth-file", auth]].concat())
    }

    /// Exports a key and has it certified from now on.
    pub(super) fn certified(&self, role: &str, key: &str) {
        let exported = self.tokens.export(key);
        run(&mut self.certify(role, key, &exported.auth));
    }

    /// A certificate of the establishment's authority, in the key's file.
    pub(super) fn install(&self, key: &str, certificate: &str) {
        write(&self.establishment.folder.join(format!("pki/{key}.pem")), certificate, 0o644);
    }

    /// Makes the audit key, which is in the configuration already, and hands its public half out.
    pub(super) fn audit_key(&self) {
        self.tokens.generate("audit", "audit", KeyType::P256);
        std::fs::remove_file(self.establishment.folder.join("pki/AUDIT.pub")).unwrap();
        run(&mut self.sceau(&["keys", "audit-public", "--key", "audit", "--out", "pki/AUDIT.pub"]));
    }

    /// Asked and judged for the first time.
    pub(super) fn judged(&self) -> Verdict {
        verdict::judged(&self.officer, &self.establishment.folder, &|words| self.attest(words), &[])
    }

    /// The same again, with the proof that the ledger goes on from where that verdict saw it.
    pub(super) fn judged_since(&self, before: &Verdict) -> Verdict {
        let entries = verdict::entries(before).to_string();
        let more = ["--since", entries.as_str()];
        verdict::judged(&self.officer, &self.establishment.folder, &|words| self.attest(words), &more)
    }
}

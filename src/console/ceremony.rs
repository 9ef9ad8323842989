//! The steps of the key ceremony, each the program `sceau keys` in a process of the signers' user.
//!
//! The vendor's library is loaded there and nowhere else: none of its code ever runs as root, and it gets the PIN in a file
//! that its user alone may read.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::error::ConsoleError;
use super::folder::{self, Owner};
use super::pin::PinFile;
use super::place::Place;
use super::program::{own_program, words};
use super::stick::read_file;
use super::vault::{Planned, Purpose, Vault};
use crate::config::provisioning::{Establishment, Keys};
use crate::sys::command::{Ended, run};
use crate::sys::{durable, peer};

/// Longest wait for a step: an RSA 4096 key in a slow token takes minutes.
const STEP_WAIT: Duration = Duration::from_secs(600);
/// Largest certificate that is installed, in bytes.
const CERTIFICATE_LEN_MAX: u64 = 64 * 1024;
/// Exit code of `sceau keys` for "refused" and for "taken already, or wrongly asked" (contract).
const REFUSED: i32 = 1;

/// One token, its user and its PIN.
pub(super) struct Ceremony<'a> {
    place: &'a Place,
    vault: &'a Vault,
    /// The folder of the configuration.
    folder: PathBuf,
    /// The configuration that names the keys: `sceau.toml`, or what it is to become.
    configuration: PathBuf,
    user: Owner,
    pin: PinFile,
    test: bool,
}

impl<'a> Ceremony<'a> {
    /// With the configuration in `folder`; `pin` is handed on in memory.
    pub(super) fn new(
        place: &'a Place,
        vault: &'a Vault,
        folder: &Path,
        pin: &[u8],
        test: bool,
    ) -> Result<Self, ConsoleError> {
        let user = user_of(place, vault)?;
        let work = place.work();
        folder::make(&work, 0o711, None)?;
        let state = place.signers_state(vault.user);
        // Before the first signer has started; afterwards it is theirs, and in use.
        if !state.is_dir() {
            folder::make(&state, 0o700, user)?;
        }
        let pin = PinFile::write(&work, &vault.credential(), pin, user)?;
        let configuration = folder.join("sceau.toml");
        Ok(Self { place, vault, folder: folder.to_owned(), configuration, user, pin, test })
    }

    /// The same with another configuration beside `sceau.toml`.
    pub(super) fn by(self, configuration: PathBuf) -> Self {
        Self { configuration, ..self }
    }

    /// Makes the soft token itself; the officer's PIN is drawn and forgotten: nobody sets the user's anew.
    pub(super) fn make_token(&self, officer: &str, pin: &str) -> Result<(), ConsoleError> {
        let folder = self.place.at(&self.vault.folder());
        folder::make(&folder, 0o700, self.user)?;
        let mut command = self.child(&own_program("sceau-console"));
        command.args(["make-token", "--module", &self.vault.module, "--label", self.vault.name]);
        self.ended(command, format!("{officer}\n{pin}\n").into_bytes(), "création du jeton logiciel").map(|_| ())
    }

    /// Makes a key pair.
    pub(super) fn generate(&self, key: &Planned, keys: &Keys) -> Result<(), ConsoleError> {
        let kind = if key.purpose == Purpose::Audit { &keys.audit } else { &keys.kind };
        let mut command = self.step("generate", key);
        command.arg(format!("--type={kind}"));
        self.ended(command, Vec::new(), "génération d'une clé").map(|_| ())
    }

    /// The request of a key, PEM; `same_as` is the first request of the structure, whose subject a second one repeats.
    pub(super) fn request(
        &self,
        key: &Planned,
        establishment: &Establishment,
        same_as: Option<&Path>,
    ) -> Result<Vec<u8>, ConsoleError> {
        let mut command = self.step("csr", key);
        match same_as {
            Some(first) => command.arg("--same-subject-as").arg(first),
            None => command
                .arg(format!("--department={}", establishment.department))
                .arg(format!("--organisation={}", establishment.organisation))
                .arg(format!("--application={}", establishment.application)),
        };
        if key.purpose == Purpose::Authentication && self.test {
            command.arg("--test");
        }
        self.ended(command, Vec::new(), "demande de certificat").map(|ended| ended.output.to_vec())
    }

    /// `AUDIT.pub`.
    pub(super) fn audit_public(&self, key: &Planned) -> Result<Vec<u8>, ConsoleError> {
        let command = self.step("audit-public", key);
        self.ended(command, Vec::new(), "clé publique du journal").map(|ended| ended.output.to_vec())
    }

    /// Judges the certificate of a key; the one to install, PEM.
    pub(super) fn certificate(&self, key: &Planned, name: &str, offered: &[u8]) -> Result<Vec<u8>, ConsoleError> {
        let folder = self.place.work().join("import");
        folder::remove(&folder, self.user)?;
        folder::make(&folder, 0o755, None)?;
        let (given, taken) = (folder.join("offered.pem"), folder.join("taken.pem"));
        durable::replace(&given, offered, 0o644).map_err(ConsoleError::file(&given))?;
        folder::make(&folder, 0o755, self.user)?;
        let mut command = self.step("import-certificate", key);
        command.arg("--out").arg(&taken);
        if let (Purpose::Authentication, Some(structure)) = (key.purpose, &key.structure) {
            command.arg(format!("--structure={structure}"));
        }
        command.arg(&given);
        let ended = self.run(command, Vec::new(), "import du certificat");
        let result = ended.and_then(|ended| match ended.status.code() {
            // Judged by the program; whoever holds that user may have exchanged it since, and only exchanges a public text.
            Some(0) => read_file(&taken, CERTIFICATE_LEN_MAX)
                .map(Option::unwrap_or_default)
                .map_err(ConsoleError::file(&taken)),
            Some(REFUSED) => Err(ConsoleError::refused(name, words(&ended))),
            _ => Err(ConsoleError::Program { step: "import du certificat", complaint: words(&ended) }),
        });
        folder::remove(&folder, self.user)?;
        result
    }

    fn step(&self, step: &str, key: &Planned) -> Command {
        let mut command = self.child(&own_program("sceau"));
        command.args(["keys", step, "--config"]).arg(&self.configuration);
        command.arg("--pin-file").arg(self.pin.path());
        if key.purpose == Purpose::Authentication {
            command.arg(format!("--module={}", self.vault.module)).arg(format!("--uri={}", self.vault.uri(key)));
            command.arg(format!("--use={}", key.purpose.word()));
        } else {
            command.arg(format!("--key={}", key.name));
        }
        command
    }

    /// A child of the token's user that sees this token.
    fn child(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
        command.env("STATE_DIRECTORY", self.place.signers_state(self.vault.user));
        if self.vault.soft {
            command.env("SOFTHSM2_CONF", self.folder.join(self.vault.settings()));
        }
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn run(&self, mut command: Command, input: Vec<u8>, step: &'static str) -> Result<Ended, ConsoleError> {
        let ended = run(&mut command, input, STEP_WAIT).map_err(ConsoleError::not_run(step, &command))?;
        if self.vault.soft {
            // SoftHSM syncs nothing, and what is answered next must not be about a key that a power cut takes. By our own folder, on the
            // same disk: the token's is its user's alone.
            durable::settle(&self.folder).map_err(ConsoleError::file(&self.folder))?;
        }
        Ok(ended)
    }

    fn ended(&self, command: Command, input: Vec<u8>, step: &'static str) -> Result<Ended, ConsoleError> {
        let ended = self.run(command, input, step)?;
        if ended.status.success() {
            return Ok(ended);
        }
        Err(ConsoleError::Program { step, complaint: words(&ended) })
    }
}

/// Uid and gid of the token's user; None on a staged root, where everything is the caller's.
pub(super) fn user_of(place: &Place, vault: &Vault) -> Result<Owner, ConsoleError> {
    if place.is_staged() {
        return Ok(None);
    }
    match peer::ids_of(vault.user) {
        Ok(Some(ids)) => Ok(Some(ids)),
        Ok(None) | Err(_) => Err(ConsoleError::Program {
            step: "utilisateur du signataire",
            complaint: format!("{} n'existe pas sur cette image", vault.user),
        }),
    }
}

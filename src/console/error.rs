//! Why the console did not do what was asked, for the person in front of it and for the stick.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::config::{Fault, Position, system_words};
use crate::usage::{EXIT_NEGATIVE, EXIT_UNAVAILABLE};

/// One thing that is refused: where it stands, and cause and remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// A file, a field, a step.
    pub(super) at: String,
    /// Cause and, behind a semicolon, remedy.
    pub(super) text: String,
}

impl Refusal {
    pub(super) fn new(at: impl Into<String>, text: impl Into<String>) -> Self {
        Self { at: at.into(), text: text.into() }
    }

    /// A fault of a file of the stick; the file is told by its name alone.
    pub(super) fn of_fault(fault: &Fault) -> Self {
        let name = fault.file.file_name().unwrap_or_default().to_string_lossy();
        let at = match fault.position {
            Some(Position { line, column }) => format!("{name}, ligne {line}, colonne {column}"),
            None => name.into_owned(),
        };
        let remedy =
            if fault.cause.contains(" ; ") { "" } else { " ; corrigez ce fichier et faites-le signer de nouveau" };
        Self::new(at, format!("{}{remedy}", fault.cause))
    }
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConsoleError {
    /// What somebody brought is not taken: every reason.
    #[error("{}", listed(.0))]
    Refused(Vec<Refusal>),
    /// A file of the appliance or the stick.
    #[error("{path} : {} ; vérifiez la clé USB ou le disque, puis recommencez", system_words(cause))]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A program of the appliance did not do its part.
    #[error("{step} : {complaint} ; corrigez ce qu'il dit, ou recommencez")]
    Program {
        /// What it was to do (French).
        step: &'static str,
        /// What it said.
        complaint: String,
    },
    /// The system did not start a program of the appliance, or it did not end in time and was killed: it said nothing itself.
    #[error(
        "{step} : le système ne fait pas tourner {program} ({}) ; redémarrez l'appliance, puis signalez-le au fabricant",
        system_words(cause)
    )]
    NotRun {
        /// What it was to do (French).
        step: &'static str,
        /// Its name.
        program: String,
        /// What the system said.
        cause: io::Error,
    },
    /// The TPM measured nothing there: a secret bound to it would be bound to nothing.
    #[error(
        "le PCR {0} du TPM est vide ou illisible, cette machine ne mesure pas son démarrage ; activez le TPM et Secure Boot dans le microprogramme, puis redémarrez"
    )]
    NotMeasured(u8),
    /// The kernel gives no random bytes, or refuses what protects the process.
    #[error("le système refuse ce qu'il faut pour tenir un secret ({0}) ; redémarrez l'appliance")]
    System(io::Error),
}

impl ConsoleError {
    /// A file that could not be read or written.
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::File { path, cause }
    }

    /// A program that could not be run to its end.
    pub(super) fn not_run(step: &'static str, command: &Command) -> impl FnOnce(io::Error) -> Self {
        let program =
            Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        move |cause| Self::NotRun { step, program, cause }
    }

    /// One refusal.
    pub(super) fn refused(at: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Refused(vec![Refusal::new(at, text)])
    }

    /// What is told of it, one entry per reason.
    pub(super) fn refusals(&self) -> Vec<Refusal> {
        match self {
            Self::Refused(refusals) => refusals.clone(),
            other => vec![Refusal::new("appliance", other.to_string())],
        }
    }

    /// Exit code of the contract.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => EXIT_NEGATIVE,
            _ => EXIT_UNAVAILABLE,
        }
    }
}

fn listed(refusals: &[Refusal]) -> String {
    let lines: Vec<_> = refusals.iter().map(|Refusal { at, text }| format!("{at} : {text}")).collect();
    lines.join("\n")
}

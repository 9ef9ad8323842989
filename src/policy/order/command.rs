//! A verb with its arguments, typed: read once, strictly.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::verb::Verb;
use crate::policy::connectors::Door;
use crate::policy::operator::Named;

/// What is ordered, ready to be obeyed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the verbs are told in verb.rs")]
pub enum Command {
    OperatorsBootstrap(Bootstrap),
    OperatorAdd(Named),
    OperatorRevoke(Revoke),
    ClockAccept(ClockAccept),
    ClockConfirm(ClockConfirm),
    CounterAccept(CounterAccept),
    TracesExport(TracesExport),
    TracesCloseDmp(TracesCloseDmp),
    TracesPurge(TracesPurge),
    TracesBackup(TracesBackup),
    LedgerRestore(LedgerRestore),
    PractitionersImport(RegisterImport),
    ApplicationsImport(RegisterImport),
    AuthenticatorRevoke(AuthenticatorRevoke),
    PractitionerSuspend(OfPractitioner),
    PractitionerResume(OfPractitioner),
    ApplicationSuspend(OfApplication),
    ApplicationResume(OfApplication),
    EstablishmentSuspend(OfEstablishment),
    EstablishmentResume(OfEstablishment),
    ConnectorAttach(ConnectorAttach),
    ConnectorDetach(Detach),
    ModuleAttach(ModuleAttach),
    ModuleDetach(Detach),
    ApplicationInvite(OfApplication),
    ApplicationCertificate(OfCertificate),
    ApplicationCertificateRevoke(OfCertificate),
    KeyRenew(KeyRenew),
}

/// Arguments of `operators-bootstrap`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bootstrap {
    /// The first operators; each signs.
    pub operators: Vec<Named>,
}

/// Arguments of `operator-revoke`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Who ceases to be an operator.
    pub name: String,
}

/// Arguments of `clock-accept`: none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockAccept {}

/// Arguments of `clock-confirm`: none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockConfirm {}

/// Arguments of `counter-accept`: none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CounterAccept {}

/// Arguments of `traces-export`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracesExport {
    /// PS_IdNat of each.
    #[serde(default)]
    pub practitioners: Vec<String>,
    /// INS, instead of practitioners.
    #[serde(default)]
    pub patient: Option<String>,
    /// RFC 3339 UTC, included.
    pub from: String,
    /// RFC 3339 UTC, not included.
    pub to: String,
    /// PEM certificates that the archive is encrypted for, one after the other.
    #[serde(default)]
    pub encrypt_for: Option<String>,
    /// Size of a checkpoint that was kept: the archive proves that it extends it.
    #[serde(default)]
    pub since: Option<String>,
}

/// Arguments of `traces-close-dmp`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracesCloseDmp {
    /// INS of the patient.
    pub patient: String,
}

/// Arguments of `traces-purge`: none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracesPurge {}

/// Arguments of `traces-backup`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracesBackup {
    /// The state that the last segment of the folder came with; everything without.
    #[serde(default)]
    pub since: Option<String>,
    /// The keys' escrow instead of segments.
    #[serde(default, deserialize_with = "yes")]
    pub escrow: bool,
}

/// Arguments of `ledger-restore`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerRestore {
    /// The generation that the restoration began, in decimal: `sceau operators list` gives it.
    pub generation: String,
}

/// Arguments of `practitioner-suspend` and `practitioner-resume`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfPractitioner {
    /// PS_IdNat.
    pub practitioner: String,
}

/// Arguments of `application-suspend`, `application-resume` and `application-invite`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfApplication {
    /// Unix user, as the register names it.
    pub application: String,
}

/// Arguments of `application-certificate` and `application-certificate-revoke`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfCertificate {
    /// Remote application, as the register names it: `gate:` and its name.
    pub application: String,
    /// Its certificate's public key, `sha256:` and 64 hexadecimal digits.
    pub certificate: String,
}

/// Arguments of `establishment-suspend` and `establishment-resume`: none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfEstablishment {}

/// Arguments of `practitioners-import` and `applications-import`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterImport {
    /// `csv` or `json`.
    pub format: String,
    /// SHA-256 of the file that comes beside the order, in hexadecimal.
    pub sha256: String,
}

/// Arguments of `authenticator-revoke`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthenticatorRevoke {
    /// PS_IdNat.
    pub practitioner: String,
    /// Method of annexe 2.
    pub method: String,
    /// The authenticator's identifier in the register.
    pub authenticator: String,
}

/// Arguments of `connector-attach`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectorAttach {
    /// Its name.
    pub name: String,
    /// Root hash of its image, in hexadecimal.
    pub image: String,
    /// What it is let to: `token`, `relay`, `metrics`, `journal`, `state`.
    #[serde(default)]
    pub doors: Vec<String>,
    /// Network interface; none: no network.
    #[serde(default)]
    pub interface: Option<String>,
    /// Addresses or prefixes that it may speak with.
    #[serde(default)]
    pub peers: Vec<String>,
    /// TCP port that it may listen at, in decimal.
    #[serde(default)]
    pub listen: Option<String>,
    /// Device that becomes its standard input and output.
    #[serde(default)]
    pub device: Option<String>,
    /// Files that the establishment sets for it, each `NAME:SHA256`.
    #[serde(default)]
    pub settings: Vec<String>,
}

impl ConnectorAttach {
    /// Whether it reaches beyond the machine, by a network or a device, or beyond its own end, by what it keeps on the disk.
    #[must_use]
    pub fn reaches_out(&self) -> bool {
        self.interface.is_some()
            || self.device.is_some()
            || self.doors.iter().any(|door| Door::parse(door) == Some(Door::State))
    }
}

/// Arguments of `module-attach`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleAttach {
    /// Its name.
    pub name: String,
    /// Root hash of its image, in hexadecimal.
    pub image: String,
}

/// Arguments of `connector-detach` and `module-detach`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detach {
    /// Its name.
    pub name: String,
}

/// Arguments of `key-renew`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRenew {
    /// The key that another one is to follow, as the configuration names it.
    pub key: String,
}

/// Arguments of orders are texts: `oui`, or not there.
fn yes<'d, D: serde::Deserializer<'d>>(value: D) -> Result<bool, D::Error> {
    match String::deserialize(value)?.as_str() {
        "oui" => Ok(true),
        _ => Err(serde::de::Error::custom("oui")),
    }
}

impl Command {
    /// Reads the arguments of a verb; None: a member is missing, unknown, or not of its type.
    pub(super) fn read(verb: Verb, arguments: Value) -> Option<Self> {
        fn typed<T: DeserializeOwned>(arguments: Value) -> Option<T> {
            serde_json::from_value(arguments).ok()
        }
        // serde would take a list for a struct, member by member.
        if !arguments.is_object() {
            return None;
        }
        Some(match verb {
            Verb::OperatorsBootstrap => Self::OperatorsBootstrap(typed(arguments)?),
            Verb::OperatorAdd => Self::OperatorAdd(typed(arguments)?),
            Verb::OperatorRevoke => Self::OperatorRevoke(typed(arguments)?),
            Verb::ClockAccept => Self::ClockAccept(typed(arguments)?),
            Verb::ClockConfirm => Self::ClockConfirm(typed(arguments)?),
            Verb::CounterAccept => Self::CounterAccept(typed(arguments)?),
            Verb::TracesExport => Self::TracesExport(typed(arguments)?),
            Verb::TracesCloseDmp => Self::TracesCloseDmp(typed(arguments)?),
            Verb::TracesPurge => Self::TracesPurge(typed(arguments)?),
            Verb::TracesBackup => Self::TracesBackup(typed(arguments)?),
            Verb::LedgerRestore => Self::LedgerRestore(typed(arguments)?),
            Verb::PractitionerSuspend => Self::PractitionerSuspend(typed(arguments)?),
            Verb::PractitionerResume => Self::PractitionerResume(typed(arguments)?),
            Verb::ApplicationSuspend => Self::ApplicationSuspend(typed(arguments)?),
            Verb::ApplicationResume => Self::ApplicationResume(typed(arguments)?),
            Verb::EstablishmentSuspend => Self::EstablishmentSuspend(typed(arguments)?),
            Verb::EstablishmentResume => Self::EstablishmentResume(typed(arguments)?),
            Verb::PractitionersImport => Self::PractitionersImport(typed(arguments)?),
            Verb::ApplicationsImport => Self::ApplicationsImport(typed(arguments)?),
            Verb::AuthenticatorRevoke => Self::AuthenticatorRevoke(typed(arguments)?),
            Verb::ConnectorAttach => Self::ConnectorAttach(typed(arguments)?),
            Verb::ConnectorDetach => Self::ConnectorDetach(typed(arguments)?),
            Verb::ModuleAttach => Self::ModuleAttach(typed(arguments)?),
            Verb::ModuleDetach => Self::ModuleDetach(typed(arguments)?),
            Verb::ApplicationInvite => Self::ApplicationInvite(typed(arguments)?),
            Verb::ApplicationCertificate => Self::ApplicationCertificate(typed(arguments)?),
            Verb::ApplicationCertificateRevoke => Self::ApplicationCertificateRevoke(typed(arguments)?),
            Verb::KeyRenew => Self::KeyRenew(typed(arguments)?),
        })
    }

    /// Its verb.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        match self {
            Self::OperatorsBootstrap(_) => Verb::OperatorsBootstrap,
            Self::OperatorAdd(_) => Verb::OperatorAdd,
            Self::OperatorRevoke(_) => Verb::OperatorRevoke,
            Self::ClockAccept(_) => Verb::ClockAccept,
            Self::ClockConfirm(_) => Verb::ClockConfirm,
            Self::CounterAccept(_) => Verb::CounterAccept,
            Self::TracesExport(_) => Verb::TracesExport,
            Self::TracesCloseDmp(_) => Verb::TracesCloseDmp,
            Self::TracesPurge(_) => Verb::TracesPurge,
            Self::TracesBackup(_) => Verb::TracesBackup,
            Self::LedgerRestore(_) => Verb::LedgerRestore,
            Self::PractitionerSuspend(_) => Verb::PractitionerSuspend,
            Self::PractitionerResume(_) => Verb::PractitionerResume,
            Self::ApplicationSuspend(_) => Verb::ApplicationSuspend,
            Self::ApplicationResume(_) => Verb::ApplicationResume,
            Self::EstablishmentSuspend(_) => Verb::EstablishmentSuspend,
            Self::EstablishmentResume(_) => Verb::EstablishmentResume,
            Self::PractitionersImport(_) => Verb::PractitionersImport,
            Self::ApplicationsImport(_) => Verb::ApplicationsImport,
            Self::AuthenticatorRevoke(_) => Verb::AuthenticatorRevoke,
            Self::ConnectorAttach(_) => Verb::ConnectorAttach,
            Self::ConnectorDetach(_) => Verb::ConnectorDetach,
            Self::ModuleAttach(_) => Verb::ModuleAttach,
            Self::ModuleDetach(_) => Verb::ModuleDetach,
            Self::ApplicationInvite(_) => Verb::ApplicationInvite,
            Self::ApplicationCertificate(_) => Verb::ApplicationCertificate,
            Self::ApplicationCertificateRevoke(_) => Verb::ApplicationCertificateRevoke,
            Self::KeyRenew(_) => Verb::KeyRenew,
        }
    }
}

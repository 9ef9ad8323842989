//! Reading `sceau.toml`: text to [`Config`], with file, line and column of everything that is wrong.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::audit::{AuditKey, AuditTable};
use super::clock::ClockTable;
use super::destination::{Destination, check_destinations};
use super::document::Document;
use super::identity_provider::{self, IdentityProviderTable};
use super::ledger::LedgerTable;
use super::relay::Relay;
use super::schema::CONFIGURATION;
use super::seal::SealTable;
use super::signer_key::Purpose;
use super::tpm::TpmPlace;
use super::web_ps::{WebPs, check_web_ps};
use super::{
    Backup, Config, ConfigError, Fault, Limits, Mode, Profiles, Registers, STRUCTURES_MAX, SealKey, Sockets,
    Structure, Trust,
};
use crate::policy::breach::Breach;
use crate::policy::convention::{Convention, Service};
use crate::policy::declaration::{Declaration, Declarations, Exception, ExceptionTable};
use crate::policy::guard::Budgets;
use crate::traces::digest::Digest;
use crate::vihf::codes::Sector;
use crate::vihf::identity::{Form, StructIdNat};

/// Most seal keys: two (old and new while certificates overlap) for each structure.
const SEALS_MAX: usize = 2 * STRUCTURES_MAX;
/// Most keys of mutual TLS: one, two during a renewal.
const AUTHENTICATIONS_MAX: usize = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    structure: Vec<StructureTable>,
    #[serde(default)]
    seal: Vec<SealTable>,
    audit: Option<AuditTable>,
    #[serde(default)]
    authentication: Vec<SealTable>,
    relay: Option<Relay>,
    #[serde(default)]
    dmp: Vec<Destination>,
    #[serde(default)]
    web_ps: Vec<WebPs>,
    #[serde(default)]
    trust: Trust,
    #[serde(default)]
    convention: Convention,
    #[serde(default)]
    service: Vec<Service>,
    #[serde(default)]
    identity_provider: Vec<IdentityProviderTable>,
    #[serde(default)]
    declaration: Declaration,
    #[serde(default)]
    exception: Vec<ExceptionTable>,
    #[serde(default)]
    profiles: Profiles,
    #[serde(default)]
    registers: Registers,
    #[serde(default)]
    sockets: Sockets,
    #[serde(default)]
    ledger: LedgerTable,
    #[serde(default)]
    tpm: TpmPlace,
    #[serde(default)]
    clock: ClockTable,
    #[serde(default)]
    backup: Backup,
    #[serde(default)]
    guard: Budgets,
    #[serde(default)]
    limits: Limits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StructureTable {
    id: String,
    sector: String,
}

/// A configuration as far as it is right, and what is wrong with it.
#[derive(Debug)]
pub struct Reading {
    /// What could be understood: wrong entries are left out, wrong values stand at their defaults. None: nothing could.
    pub config: Option<Config>,
    /// Everything that is wrong with the file; empty: the configuration may be used.
    pub faults: Vec<Fault>,
    /// Sections that were understood whole: only then may something be concluded from what they do not hold.
    pub whole: Whole,
}

/// Which sections were understood whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct Whole {
    /// `[[structure]]`.
    pub structures: bool,
    /// `[[service]]`.
    pub services: bool,
    /// `[[identity_provider]]`.
    pub identity_providers: bool,
    /// `[[exception]]`.
    pub exceptions: bool,
    /// `[profiles]`.
    pub profiles: bool,
    /// `[audit]`, absent or there.
    pub audit: bool,
    /// `[trust]`.
    pub trust: bool,
    /// `[convention]`.
    pub convention: bool,
    /// `[registers]`.
    pub registers: bool,
    /// `[sockets]`.
    pub sockets: bool,
    /// `mode`.
    pub mode: bool,
}

impl Whole {
    /// Of a configuration without fault.
    pub const ALL: Self = Self {
        structures: true,
        services: true,
        identity_providers: true,
        exceptions: true,
        profiles: true,
        audit: true,
        trust: true,
        convention: true,
        registers: true,
        sockets: true,
        mode: true,
    };
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong; nothing but the file was read.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let Reading { config, faults, .. } = Self::examine(path);
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(ConfigError::from(faults)),
        }
    }

    /// Reads a configuration file as far as it goes.
    #[must_use]
    pub fn examine(path: &Path) -> Reading {
        let path = match std::path::absolute(path) {
            Ok(path) => path,
            Err(cause) => {
                let faults = vec![Fault::unread(path, &cause)];
                return Reading { config: None, faults, whole: Whole::default() };
            }
        };
        let mut document: Document<File> = Document::read(&path, CONFIGURATION);
        let base = path.parent().unwrap_or(Path::new("/")).to_owned();
        let Some(file) = document.take() else {
            return Reading { config: None, faults: document.faults, whole: Whole::default() };
        };
        let (config, breaches) = check(file, &path, &base, &document);
        let sound =
            |section| document.is_whole(section) && !breaches.iter().any(|breach| breach.section == section);
        let whole = Whole {
            structures: sound("structure"),
            services: sound("service"),
            identity_providers: sound("identity_provider"),
            exceptions: sound("exception"),
            profiles: sound("profiles"),
            audit: sound("audit"),
            trust: sound("trust"),
            convention: sound("convention"),
            registers: sound("registers"),
            sockets: sound("sockets"),
            mode: sound("mode"),
        };
        let mut faults = std::mem::take(&mut document.faults);
        faults.extend(document.locate(breaches));
        faults.sort_by_key(|fault| fault.position);
        Reading { config: Some(config), faults, whole }
    }
}

/// The configuration without its wrong entries, and what is wrong with those.
fn check(file: File, path: &Path, base: &Path, document: &Document<File>) -> (Config, Vec<Breach>) {
    let mut breaches = Vec::new();
    // Letters in a structure's number are the mark of test structures: production never takes them.
    let form = if file.mode == Mode::Test || !document.is_whole("mode") { Form::Test } else { Form::Strict };
    let structures = structures(&file.structure, form, &mut breaches);
    if file.structure.len() > STRUCTURES_MAX {
        let cause = format!(
            "[[structure]] : {} déclarées, la convention (annexe 3) en admet {STRUCTURES_MAX}",
            file.structure.len()
        );
        breaches.push(Breach::of("bad-value", "structure", "id", cause));
    }
    unique("structure", "id", file.structure.iter().map(|s| s.id.as_str()), &mut breaches);
    let (services_declared, seals_declared) = (!file.service.is_empty(), !file.seal.is_empty());
    let mut seals = Vec::new();
    let (keys, uris, certificates) = (
        file.seal.iter().map(|s| s.key.clone()).collect::<Vec<_>>(),
        file.seal.iter().map(|s| s.uri.clone()).collect::<Vec<_>>(),
        file.seal.iter().map(|s| s.certificate.display().to_string()).collect::<Vec<_>>(),
    );
    if keys.len() > SEALS_MAX {
        let cause = format!("[[seal]] : {} clés, le maximum est {SEALS_MAX}", keys.len());
        breaches.push(Breach::of("bad-value", "seal", "key", cause));
    }
    for (names, field) in [(&keys, "key"), (&uris, "uri"), (&certificates, "certificate")] {
        // One key pair and one certificate per structure (vihf.md §6).
        unique("seal", field, names.iter().map(String::as_str), &mut breaches);
    }
    for (entry, table) in file.seal.into_iter().enumerate() {
        match table.check(Purpose::Seal, base, entry) {
            Ok(seal) if document.is_whole_entry("seal", entry) => seals.push(seal),
            Ok(_) => {}
            Err(wrong) => breaches.extend(wrong),
        }
    }
    let audit = match file.audit.map(|table| table.check(base)) {
        Some(Ok(audit)) => {
            check_audit(&audit, &keys, &uris, &mut breaches);
            Some(audit).filter(|_| document.is_whole("audit"))
        }
        Some(Err(wrong)) => {
            breaches.extend(wrong);
            None
        }
        None => None,
    };
    let authentications = authentications(file.authentication, base, document, (&keys, &uris), &mut breaches);
    let destinations = check_destinations(file.dmp, &mut breaches);
    let web_ps = check_web_ps(file.web_ps, file.mode == Mode::Production, &mut breaches);
    let relay = file.relay.map(|relay| relay.based(base));
    match &relay {
        Some(relay) => {
            breaches.extend(relay.check(file.mode == Mode::Production));
            for (what, none) in [("authentication", authentications.is_empty()), ("dmp", destinations.is_empty())]
            {
                if none && document.is_whole(what) && !breaches.iter().any(|breach| breach.section == what) {
                    let cause =
                        format!("[relay] : il n'y a pas de [[{what}]] ; déclarez-en un, ou retirez [relay]");
                    breaches.push(Breach::of("contradiction", "relay", "anchors", cause));
                }
            }
        }
        None if !destinations.is_empty() && document.is_whole("relay") => {
            let cause = "[[dmp]] : il n'y a pas de [relay] ; ajoutez-le, avec ses autorités";
            breaches.push(Breach::of("contradiction", "dmp", "host", cause));
        }
        None if !web_ps.is_empty() && document.is_whole("relay") => {
            let cause = "[[web_ps]] : il n'y a pas de [relay] ; ajoutez-le, ou retirez [[web_ps]]";
            breaches.push(Breach::of("contradiction", "web_ps", "name", cause));
        }
        None => {}
    }
    let sound = |section: &str, breaches: &[Breach]| {
        document.is_whole(section) && !breaches.iter().any(|breach| breach.section == section)
    };
    if sound("structure", &breaches) {
        check_seals(&seals, &structures, sound("seal", &breaches), &mut breaches);
        for key in authentications.iter().filter(|key| !structures.iter().any(|s| s.id.as_str() == key.structure))
        {
            let cause = format!(
                "[[authentication]] key = {:?} : la structure {:?} n'est pas déclarée ; ajoutez-la en [[structure]]",
                key.key.as_str(),
                key.structure
            );
            breaches
                .push(Breach::of("unknown-structure", "authentication", "structure", cause).in_entry(key.entry));
        }
        // Nothing more is said of a key whose structure is told already.
        seals.retain(|seal| structures.iter().any(|s| s.id.as_str() == seal.structure));
    }
    unique("service", "name", file.service.iter().map(|s| s.name.as_str()), &mut breaches);
    for (entry, service) in file.service.iter().enumerate() {
        breaches.extend(service.check().into_iter().map(|breach| breach.in_entry(entry)));
    }
    if seals_declared && !services_declared && document.is_whole("service") {
        let cause = "[[service]] : aucun service n'est déclaré ; déclarez-en au moins un";
        breaches.push(Breach::of("contradiction", "", "", cause));
    }
    let whole = |entry| document.is_whole_entry("identity_provider", entry);
    let providers = identity_provider::check(file.identity_provider, base, form, whole, &mut breaches);
    let exceptions = exceptions(file.exception, &mut breaches);
    breaches.extend(file.declaration.check());
    let declarations = Declarations { test: file.mode == Mode::Test, limits: file.declaration, exceptions };
    breaches.extend(file.convention.check());
    breaches.extend(file.limits.check());
    breaches.extend(file.guard.check());
    let (ledger, wrong) = file.ledger.check(file.mode, base);
    breaches.extend(wrong);
    let (tpm, wrong) = file.tpm.check(base);
    breaches.extend(wrong);
    let (clock, wrong) = file.clock.check(file.mode, base);
    breaches.extend(wrong);
    let absolute = |paths: Vec<PathBuf>| paths.into_iter().map(|p| base.join(p)).collect::<Vec<_>>();
    // Their Debug form names every value, in an order that the source fixes.
    let proofs: Vec<_> = providers.iter().map(|provider| &provider.terms).collect();
    let terms = format!("{:?} {:?} {proofs:?} {declarations:?}", file.convention, file.service);
    let convention_digest = Digest::of(&[terms.as_bytes()]);
    let config = Config {
        path: path.to_owned(),
        mode: file.mode,
        structures,
        seals,
        audit,
        authentications,
        relay,
        destinations,
        web_ps,
        trust: Trust {
            anchors: absolute(file.trust.anchors),
            intermediates: absolute(file.trust.intermediates),
            policy_oid: file.trust.policy_oid,
        },
        convention: file.convention,
        services: file.service,
        identity_providers: providers,
        declarations,
        profiles: Profiles { default: file.profiles.default, files: absolute(file.profiles.files) },
        registers: Registers {
            applications: base.join(file.registers.applications),
            practitioners: base.join(file.registers.practitioners),
        },
        sockets: Sockets {
            token: base.join(file.sockets.token),
            admin: base.join(file.sockets.admin),
            signers: base.join(file.sockets.signers),
            signer_client: file.sockets.signer_client,
            authentication_signers: base.join(file.sockets.authentication_signers),
            relay: base.join(file.sockets.relay),
            relay_ledger: base.join(file.sockets.relay_ledger),
            attest: base.join(file.sockets.attest),
            relay_user: file.sockets.relay_user,
        },
        ledger,
        tpm,
        clock,
        backup: Backup { readers: absolute(file.backup.readers), recovery: absolute(file.backup.recovery) },
        digest: Digest::of(&[document.text().as_bytes()]),
        convention_digest,
        guard: file.guard,
        limits: file.limits,
    };
    (config, breaches)
}

fn structures(tables: &[StructureTable], form: Form, breaches: &mut Vec<Breach>) -> Vec<Structure> {
    let mut structures = Vec::new();
    for (entry, table) in tables.iter().enumerate() {
        let mut refuse = |field, cause: String| {
            breaches.push(Breach::of("bad-identifier", "structure", field, cause).in_entry(entry));
        };
        let id = StructIdNat::parse(&table.id, form)
            .map_err(|e| refuse("id", format!("[[structure]] id = {:?} : {e}", table.id)));
        let sector = Sector::parse(&table.sector)
            .map_err(|e| refuse("sector", format!("[[structure]] sector = {:?} : {e}", table.sector)));
        if let (Ok(id), Ok(sector)) = (id, sector) {
            structures.push(Structure { id, sector });
        }
    }
    structures
}

fn check_seals(seals: &[SealKey], structures: &[Structure], all: bool, breaches: &mut Vec<Breach>) {
    let mut strangers = false;
    for seal in seals {
        if !structures.iter().any(|s| s.id.as_str() == seal.structure) {
            strangers = true;
            let cause = format!(
                "[[seal]] key = {:?} : la structure {:?} n'est pas déclarée ; ajoutez-la en [[structure]]",
                seal.key.as_str(),
                seal.structure
            );
            breaches.push(Breach::of("unknown-structure", "seal", "structure", cause).in_entry(seal.entry));
        }
    }
    // A seal of an unknown structure is perhaps the one that seems to be missing.
    if strangers || !all {
        return;
    }
    for (entry, structure) in structures.iter().enumerate() {
        let keys = seals.iter().filter(|s| s.structure == structure.id.as_str()).count();
        if !seals.is_empty() && !(1..=2).contains(&keys) {
            let cause = format!(
                "[[structure]] id = {:?} : {keys} clé(s) de cachet ; il en faut une, ou deux pendant un renouvellement",
                structure.id.as_str()
            );
            breaches.push(Breach::of("contradiction", "structure", "id", cause).in_entry(entry));
        }
    }
}

/// The audit key is a key of its own: who may seal must not be able to sign another past for the ledger.
fn check_audit(audit: &AuditKey, keys: &[String], uris: &[String], breaches: &mut Vec<Breach>) {
    let taken = [("key", audit.signer.key.as_str(), keys), ("uri", audit.signer.uri.as_str(), uris)];
    for (field, value, seals) in taken {
        if seals.iter().any(|seal| seal == value) {
            let cause = format!(
                "[audit] {field} = {value:?} est aussi celui d'un [[seal]] ; la clé d'audit est une clé à part, donnez la sienne"
            );
            breaches.push(Breach::of("declared-twice", "audit", field, cause));
        }
    }
}

fn exceptions(tables: Vec<ExceptionTable>, breaches: &mut Vec<Breach>) -> Vec<Exception> {
    unique("exception", "application", tables.iter().map(ExceptionTable::application), breaches);
    let mut exceptions = Vec::new();
    for (entry, table) in tables.into_iter().enumerate() {
        match table.check() {
            Ok(exception) => exceptions.push(exception),
            Err(wrong) => breaches.extend(wrong.into_iter().map(|breach| breach.in_entry(entry))),
        }
    }
    exceptions
}

/// Keys of mutual TLS: each a key of its own, none of which seals.
fn authentications(
    tables: Vec<SealTable>,
    base: &Path,
    document: &Document<File>,
    seals: (&[String], &[String]),
    breaches: &mut Vec<Breach>,
) -> Vec<SealKey> {
    if tables.len() > AUTHENTICATIONS_MAX {
        let cause = format!("[[authentication]] : {} clés, le maximum est {AUTHENTICATIONS_MAX}", tables.len());
        breaches.push(Breach::of("bad-value", "authentication", "key", cause));
    }
    for (field, of_seals, own) in [
        ("key", seals.0, tables.iter().map(|table| table.key.clone()).collect::<Vec<_>>()),
        ("uri", seals.1, tables.iter().map(|table| table.uri.clone()).collect()),
    ] {
        unique("authentication", field, own.iter().map(String::as_str), breaches);
        for (entry, name) in own.iter().enumerate().filter(|(_, name)| of_seals.contains(name)) {
            let cause = format!(
                "[[authentication]] {field} = {name:?} est aussi celui d'un [[seal]] ; la clé d'authentification est une clé à part"
            );
            breaches.push(Breach::of("declared-twice", "authentication", field, cause).in_entry(entry));
        }
    }
    let mut keys = Vec::new();
    for (entry, table) in tables.into_iter().enumerate() {
        match table.check(Purpose::Authentication, base, entry) {
            Ok(key) if document.is_whole_entry("authentication", entry) => keys.push(key),
            Ok(_) => {}
            Err(wrong) => breaches.extend(wrong),
        }
    }
    keys
}

/// Names that are given twice, each at its second place; what was mended away is no name.
pub(super) fn unique<'a>(
    section: &'static str,
    field: &'static str,
    names: impl Iterator<Item = &'a str>,
    breaches: &mut Vec<Breach>,
) {
    let mut seen = HashSet::new();
    for (entry, name) in names.enumerate() {
        if !name.is_empty() && !seen.insert(name) {
            let cause =
                format!("[[{section}]] {field} = {name:?} est donné deux fois ; retirez l'une des deux entrées");
            breaches.push(Breach::of("declared-twice", section, field, cause).in_entry(entry));
        }
    }
}

//! Reading `sceau.toml`: text to [`Config`], with file, line and column of everything that is wrong.

use std::path::{Path, PathBuf};

use super::document::Document;
use super::file::{File, StructureTable};
use super::reading::{Reading, Whole};
use super::relay::check_destinations;
use super::schema::CONFIGURATION;
use super::{
    Backup, Config, ConfigError, Fault, Mode, Profiles, Registers, STRUCTURES_MAX, Sockets, Structure, Trust,
    identity_provider, keys,
};
use crate::policy::breach::{Breach, unique};
use crate::policy::declaration::{Declarations, Exception, ExceptionTable};
use crate::traces::digest::Digest;
use crate::vihf::codes::Sector;
use crate::vihf::identity::{Form, StructIdNat};

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
    let names: Vec<_> = file.seal.iter().map(|s| s.key.clone()).collect();
    let uris: Vec<_> = file.seal.iter().map(|s| s.uri.clone()).collect();
    let mut seals = keys::seals(file.seal, base, document, &mut breaches);
    let audit = match file.audit.map(|table| table.check(base)) {
        Some(Ok(audit)) => {
            keys::check_audit(&audit, &names, &uris, &mut breaches);
            Some(audit).filter(|_| document.is_whole("audit"))
        }
        Some(Err(wrong)) => {
            breaches.extend(wrong);
            None
        }
        None => None,
    };
    let authentications =
        keys::authentications(file.authentication, base, document, (&names, &uris), &mut breaches);
    let destinations = check_destinations(file.dmp, &mut breaches);
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
        None => {}
    }
    let sound = |section: &str, breaches: &[Breach]| {
        document.is_whole(section) && !breaches.iter().any(|breach| breach.section == section)
    };
    if sound("structure", &breaches) {
        let all = sound("seal", &breaches);
        keys::of_structures((&mut seals, all), &authentications, &structures, &mut breaches);
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
            relay_user: file.sockets.relay_user,
        },
        ledger,
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

//! Reading `sceau.toml`: text to [`Config`], with file, line and column of everything that is wrong.

use std::path::{Path, PathBuf};

use super::convention::{self, Terms};
use super::destination::check_destinations;
use super::file::File;
use super::reading::{Reading, Whole};
use super::schema::CONFIGURATION;
use super::signer_key::locate;
use super::web_ps::check_web_ps;
use super::{
    Backup, Config, ConfigError, Fault, Mode, Profiles, Registers, Sockets, Trust, identity_provider, keys,
};
use crate::policy::breach::Breach;
use crate::tables::Document;
use crate::traces::digest::Digest;
use crate::vihf::identity::Form;

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
fn check(mut file: File, path: &Path, base: &Path, document: &Document<File>) -> (Config, Vec<Breach>) {
    let mut breaches = Vec::new();
    // Letters in a structure's number are the mark of test structures: production never takes them.
    let form = if file.mode == Mode::Test || !document.is_whole("mode") { Form::Test } else { Form::Strict };
    let test = file.mode == Mode::Test;
    let is_empty = file.service.is_empty();
    let (terms, wrong, inline) = convention::terms(&mut file, base, form, test);
    breaches.extend(wrong);
    let uris = file.seal.iter_mut().chain(&mut file.authentication).map(|table| &mut table.uri);
    uris.chain(file.audit.iter_mut().map(|audit| &mut audit.uri)).for_each(|uri| locate(uri, base));
    let seals_declared = !file.seal.is_empty();
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
    // What a file of its own declares is judged when it is read; that production has no such file is told then, too.
    if let Terms::Inline(convention) = &terms
        && (test || inline)
    {
        if sound("structure", &breaches) {
            let all = sound("seal", &breaches);
            keys::of_structures((&mut seals, all), &authentications, &convention.structures, &mut breaches);
        }
        if seals_declared && is_empty && document.is_whole("service") {
            let cause = "[[service]] : aucun service n'est déclaré ; déclarez-en au moins un";
            breaches.push(Breach::of("contradiction", "", "", cause));
        }
    }
    let whole = |entry| document.is_whole_entry("identity_provider", entry);
    let providers = identity_provider::check(file.identity_provider, base, form, whole, &mut breaches);
    breaches.extend(file.limits.check());
    let (ledger, wrong) = file.ledger.check(file.mode, base);
    breaches.extend(wrong);
    let (tpm, wrong) = file.tpm.check(base);
    breaches.extend(wrong);
    let (clock, wrong) = file.clock.check(file.mode, base);
    breaches.extend(wrong);
    breaches.extend(file.connectors.check());
    breaches.extend(file.gate.iter().flat_map(|gate| gate.check(file.mode == Mode::Production)));
    let absolute = |paths: Vec<PathBuf>| paths.into_iter().map(|p| base.join(p)).collect::<Vec<_>>();
    let config = Config {
        path: path.to_owned(),
        mode: file.mode,
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
        terms,
        has_inline_terms: inline,
        identity_providers: providers,
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
        connectors: file.connectors,
        gate: file.gate,
        digest: Digest::of(&[document.text().as_bytes()]),
        limits: file.limits,
    };
    (config, breaches)
}

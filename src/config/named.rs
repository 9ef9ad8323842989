//! Every file that the configuration names, read as far as it goes: profiles, registers, authorities, certificates.

use std::path::Path;

use super::certificates::Appraised;
use super::reading::Whole;
use super::register_file::RegisterFile;
use super::schema::{APPLICATIONS, PRACTITIONERS, PROFILE};
use super::{Audit, Config, Fault, Presented, keys};
use crate::policy::application::{Applications, ApplicationsFile};
use crate::policy::breach::Breach;
use crate::policy::convention::Convention;
use crate::policy::practitioner::{Practitioners, PractitionersFile};
use crate::policy::review;
use crate::proof::Providers;
use crate::tables::Document;
use crate::vihf::instant::Instant;
use crate::vihf::profile::{ProfileError, Profiles};

/// What the configuration names, as far as it is right, and what is wrong with it.
#[derive(Debug)]
pub struct Named {
    /// Shipped and configured profiles.
    pub profiles: Profiles,
    /// Who may ask.
    pub applications: Applications,
    /// For whom.
    pub practitioners: Practitioners,
    /// The registers' files as they were read.
    pub register_files: Vec<RegisterFile>,
    /// Who proves logins, with their keys.
    pub providers: Providers,
    /// Keys whose certificate could be read.
    pub seals: Vec<Appraised>,
    /// The audit key, if its public half could be read.
    pub audit: Option<Audit>,
    /// The terms, if they could be read.
    pub convention: Option<Presented>,
    /// What is wrong with a convention's file: `sceaud` starts without it, and issues nothing until a right one is taken.
    pub convention_faults: Vec<Fault>,
    /// What `sceaud` refuses to start with.
    pub faults: Vec<Fault>,
    /// What is not refused and should be known.
    pub remarks: Vec<Fault>,
}

impl Config {
    /// Reads what the configuration names, as far as it goes; concludes nothing from sections that are not `whole`.
    ///
    /// `uid` finds a Unix user's number, `now` judges certificates and homologations.
    #[must_use]
    pub fn examine_named(&self, whole: &Whole, uid: impl Fn(&str) -> Option<u32>, now: Instant) -> Named {
        let (mut faults, mut remarks) = (Vec::new(), Vec::new());
        let (profiles, all_profiles) = self.read_profiles(whole, &mut faults);
        let default = profiles.get(&self.profiles.default);
        if default.is_none() && all_profiles {
            let names: Vec<_> = profiles.names().collect();
            let cause = format!(
                "[profiles] default = {:?} est inconnu ; choisissez parmi {}",
                self.profiles.default,
                names.join(", ")
            );
            let breach = Breach::of("unknown-profile", "profiles", "default", cause);
            faults.extend(self.locate(vec![breach]));
        }
        let (convention, convention_faults) = match self.present_convention() {
            Ok(presented) => (Some(presented), Vec::new()),
            Err(faults) => (None, faults),
        };
        faults.extend(self.terms_out_of_place(whole));
        let of_its_own = self.convention_file();
        let declared = convention.as_ref().map(|presented| &presented.convention);
        let providers = self.read_providers(&mut faults);
        // By its name in the configuration: a provider whose keys cannot be read is told already.
        let provider_exists = |name: &str| {
            !whole.identity_providers || self.identity_providers.iter().any(|known| known.terms.name == name)
        };
        let (mut applications, mut practitioners) = (Applications::default(), Practitioners::default());
        // A register may run ahead of the next convention, or behind the last one: what it has beyond the one that is
        // signed is told, and serves nobody.
        let inline = declared.filter(|_| of_its_own.is_none());
        let outside = declared.filter(|_| of_its_own.is_some());
        let service_exists =
            |name: &str| !whole.services || inline.is_none_or(|terms| terms.service(name).is_some());
        // A path that was not understood may still be the right one by default.
        let found = |path: &Path| whole.registers || path.is_file();
        let mut register_files = Vec::new();
        if found(&self.registers.applications) {
            let mut register: Document<ApplicationsFile> =
                Document::read(&self.registers.applications, APPLICATIONS);
            register_files.push(RegisterFile::of_applications(register.digest()));
            faults.append(&mut register.faults);
            if let Some(file) = register.take() {
                let profile_exists = |name: &str| !all_profiles || profiles.get(name).is_some();
                let (taken, breaches) = Applications::check(file, uid, service_exists, profile_exists);
                faults.extend(register.locate(breaches));
                faults.extend(register.locate(review::audiences(&taken, provider_exists)));
                if let Some(terms) = declared.filter(|_| whole.exceptions && whole.mode) {
                    remarks.extend(register.locate(review::declarations(&taken, &terms.declarations, now)));
                }
                if let Some(terms) = declared.filter(|_| whole.convention && all_profiles) {
                    remarks.extend(register.locate(review::applications(&taken, terms, &profiles, now)));
                }
                if let Some(terms) = outside {
                    remarks.extend(register.locate(review::outside(&taken, terms)));
                }
                applications = taken;
            }
        }
        if found(&self.registers.practitioners) {
            let mut register: Document<PractitionersFile> =
                Document::read(&self.registers.practitioners, PRACTITIONERS);
            register_files.push(RegisterFile::of_practitioners(register.digest()));
            faults.append(&mut register.faults);
            if let (Some(file), Some(default)) = (register.take(), default) {
                let structure_exists =
                    |id: &str| !whole.structures || inline.is_none_or(|terms| terms.structure(id).is_some());
                let specialties = &default.physician_specialties;
                let (taken, breaches) = Practitioners::check(file, specialties, structure_exists, service_exists);
                faults.extend(register.locate(breaches));
                faults.extend(register.locate(taken.of_unknown_providers(provider_exists)));
                remarks.extend(taken.withdrawn_professions().map(|(code, since, number)| {
                    let cause = format!(
                        "{number} professionnel(s) portent la profession {code}, retirée de la nomenclature depuis le {since} ; corrigez leur profession"
                    );
                    Fault::of("profession-withdrawn", &self.registers.practitioners, cause)
                }));
                if let Some(terms) = outside {
                    remarks.extend(register.locate(review::outside_practitioners(&taken, terms)));
                }
                practitioners = taken;
            }
        }
        if let Some(terms) = declared.filter(|_| whole.convention && all_profiles) {
            remarks.extend(self.locate_terms(review::convention(terms, &profiles)));
        }
        let mut convention_faults = convention_faults;
        if let Some(terms) = outside {
            convention_faults.extend(self.keys_without_structure(terms));
        }
        let seals = self.read_seals(whole, now, &mut faults, &mut remarks);
        let audit = self.read_audit(whole, &mut faults);
        Named {
            profiles,
            applications,
            practitioners,
            register_files,
            providers,
            seals,
            audit,
            convention,
            convention_faults,
            faults,
            remarks,
        }
    }

    /// The places of breaches of `sceau.toml` itself that show only with its neighbours.
    #[must_use]
    pub fn locate(&self, breaches: Vec<Breach>) -> Vec<Fault> {
        let document: Document<toml::Table> = Document::read(&self.path, super::schema::CONFIGURATION);
        document.locate(breaches)
    }

    /// The same for breaches of the terms, wherever they are.
    #[must_use]
    pub fn locate_terms(&self, breaches: Vec<Breach>) -> Vec<Fault> {
        match self.convention_file() {
            Some(path) => {
                let document: Document<toml::Table> = Document::read(path, super::schema::CONVENTION_FILE);
                document.locate(breaches)
            }
            None => self.locate(breaches),
        }
    }

    /// Keys of structures that the convention does not declare, and structures of it without a key.
    fn keys_without_structure(&self, convention: &Convention) -> Vec<Fault> {
        let (mut seals, mut breaches) = (self.seals.clone(), Vec::new());
        keys::of_structures((&mut seals, true), &self.authentications, &convention.structures, &mut breaches);
        let (theirs, ours) = breaches.into_iter().partition(|breach| breach.section == "structure");
        let mut faults = self.locate(ours);
        faults.extend(self.locate_terms(theirs));
        faults
    }

    /// Production rules by what approvers signed, and by nothing else.
    fn terms_out_of_place(&self, whole: &Whole) -> Vec<Fault> {
        if self.is_test() || !whole.mode || self.convention_file().is_some() || !whole.convention {
            return Vec::new();
        }
        let cause = if self.has_inline_terms {
            "les termes de la convention sont dans sceau.toml ; la production les veut dans un fichier à part, que deux approbateurs signent : [convention] file = \"convention.toml\""
        } else if self.seals.is_empty() {
            return Vec::new();
        } else {
            "[convention] file manque : nommez le fichier de la convention, que deux approbateurs signent"
        };
        self.locate(vec![Breach::of("convention-inline", "convention", "", cause)])
    }

    /// The providers whose keys could be read.
    fn read_providers(&self, faults: &mut Vec<Fault>) -> Providers {
        let mut providers = Providers::default();
        for provider in &self.identity_providers {
            match provider.read_keys() {
                Ok(keys) => providers.add(provider.terms.clone(), keys),
                Err(fault) => faults.push(fault),
            }
        }
        providers
    }

    /// The profiles, and whether all of them could be read.
    fn read_profiles(&self, whole: &Whole, faults: &mut Vec<Fault>) -> (Profiles, bool) {
        let mut all = whole.profiles;
        let mut profiles = match Profiles::shipped() {
            Ok(profiles) => profiles,
            Err(cause) => {
                faults.push(Fault::of("bad-value", &self.path, cause.to_string()));
                return (Profiles::default(), false);
            }
        };
        for path in &self.profiles.files {
            let document: Document<toml::Table> = Document::read(path, PROFILE);
            if !document.faults.is_empty() {
                faults.extend(document.faults.iter().cloned());
                all = false;
                continue;
            }
            match profiles.take(document.text()) {
                Ok(profile) if profile.test && !self.is_test() && whole.mode => {
                    let cause = format!(
                        "le profil {:?} est marqué test ; mode = \"production\" ne l'admet pas",
                        profile.name
                    );
                    faults.extend(document.locate(vec![Breach::of("test-profile", "", "test", cause)]));
                }
                Ok(_) => {}
                Err(ProfileError::Rule { field, cause }) => {
                    let rule = if field == "extends" { "unknown-profile" } else { "bad-value" };
                    faults.extend(document.locate(vec![Breach::of(rule, "", field, cause)]));
                    all = false;
                }
                Err(ProfileError::Shape(_)) => {
                    let cause =
                        "une valeur n'est pas de la forme attendue ; corrigez le profil d'après un profil livré";
                    faults.push(Fault::of("wrong-type", path, cause));
                    all = false;
                }
            }
        }
        (profiles, all)
    }
}

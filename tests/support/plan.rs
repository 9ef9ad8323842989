//! What an establishment shall be: right by default, each method varies one thing.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use toml::Table;

use super::audit::lay_audit;
use super::configuration::{METHODS, PROFILES};
use super::convention;
use super::establishment::{Establishment, write};
use super::key_kind::{KeyOrigin, KeyType};
use super::pki::{CaKeys, CaNames, Pki};
use super::practitioners::Practitioner;
use super::seal::{Seal, SealPlan, lay_seal};
use super::softhsm::TokenStore;

/// Struct_IdNat of the test structures: fictive ones, as the DMP's test environment has them.
pub const TEST_STRUCTURES: [&str; 3] = ["10B0127189", "10B0307377", "10B0127197"];
/// Struct_IdNat with right FINESS keys, which production mode asks for.
pub const STRUCTURES: [&str; 3] = ["1690781810", "1750712184", "1510000029"];

type Edit = Box<dyn FnOnce(&mut Table)>;

/// What to lay out. The defaults are right: each method varies one thing.
pub struct Plan {
    pub(super) name: String,
    pub(super) folder: Option<PathBuf>,
    pub(super) mode: &'static str,
    pub(super) ca_keys: CaKeys,
    pub(super) fresh_keys: bool,
    pub(super) structures: Vec<String>,
    pub(super) seals: Vec<SealPlan>,
    pub(super) key_type: KeyType,
    pub(super) processes: u32,
    pub(super) keys: KeyOrigin,
    pub(super) audit: Option<KeyType>,
    pub(super) profile: String,
    pub(super) policy: String,
    pub(super) methods: Vec<String>,
    pub(super) practitioners: Vec<Practitioner>,
    pub(super) may_declare: bool,
    pub(super) edits: [Vec<Edit>; 3],
}

impl Plan {
    /// Test mode, one test structure with one RSA 2048 seal and one signer, every method, profile and practitioner,
    /// declared logins, an Ed25519 audit key. `name` (a-z 0-9 -) becomes part of the folders' names.
    pub fn new(name: &str) -> Plan {
        Plan {
            name: name.into(),
            folder: None,
            mode: "test",
            ca_keys: CaKeys::P256,
            fresh_keys: false,
            structures: vec![STRUCTURES[0].into()],
            seals: Vec::new(),
            key_type: KeyType::Rsa2048,
            processes: 1,
            keys: KeyOrigin::Generated,
            audit: Some(KeyType::Ed25519),
            profile: PROFILES[0].into(),
            policy: String::new(),
            methods: METHODS.map(Into::into).to_vec(),
            practitioners: Practitioner::all(),
            may_declare: true,
            edits: [Vec::new(), Vec::new(), Vec::new()],
        }
    }

    /// Production mode, with CA names that say nothing of tests and a structure with a right FINESS.
    pub fn production(mut self) -> Plan {
        self.mode = "production";
        self.structures = vec![STRUCTURES[0].into()];
        self
    }

    /// Lays out in that folder, which stays, instead of a temporary one.
    pub fn in_folder(mut self, folder: &Path) -> Plan {
        self.folder = Some(folder.into());
        self
    }

    /// Keys of the CAs.
    pub fn ca_keys(mut self, keys: CaKeys) -> Plan {
        self.ca_keys = keys;
        self
    }

    /// Makes each seal key anew instead of taking the process's copy.
    pub fn fresh_keys(mut self) -> Plan {
        self.fresh_keys = true;
        self
    }

    /// The declared structures (1 to 3).
    pub fn structures(mut self, structures: &[&str]) -> Plan {
        self.structures = structures.iter().map(ToString::to_string).collect();
        self
    }

    /// Kind of every seal key that `seal` does not give.
    pub fn key_type(mut self, key: KeyType) -> Plan {
        self.key_type = key;
        self
    }

    /// Where every key is kept that `seal` does not give, the audit key's included; the convention permits it.
    pub fn keys(mut self, keys: KeyOrigin) -> Plan {
        self.keys = keys;
        self
    }

    /// Signer processes per seal key that `seal` does not give.
    pub fn processes(mut self, processes: u32) -> Plan {
        self.processes = processes;
        self
    }

    /// Kind of the audit key (Ed25519 without this); none: no `[audit]`.
    pub fn audit(mut self, key: Option<KeyType>) -> Plan {
        self.audit = key;
        self
    }

    /// Adds a seal; with none, each structure gets a right one: `seal-a`, `seal-b`, `seal-c`.
    pub fn seal(mut self, seal: SealPlan) -> Plan {
        self.seals.push(seal);
        self
    }

    /// The default profile; the application may use all of them.
    pub fn profile(mut self, profile: &str) -> Plan {
        self.profile = profile.into();
        self
    }

    /// The required certificate policy.
    pub fn policy(mut self, oid: &str) -> Plan {
        self.policy = oid.into();
        self
    }

    /// The methods of the convention and of the application; annexe 2's without this.
    pub fn methods(mut self, methods: &[&str]) -> Plan {
        self.methods = methods.iter().map(ToString::to_string).collect();
        self
    }

    /// Adds a practitioner.
    pub fn practitioner(mut self, practitioner: Practitioner) -> Plan {
        self.practitioners.push(practitioner);
        self
    }

    /// Exactly these practitioners.
    pub fn practitioners(mut self, practitioners: Vec<Practitioner>) -> Plan {
        self.practitioners = practitioners;
        self
    }

    /// Whether the application may declare logins without a proof.
    pub fn may_declare(mut self, may: bool) -> Plan {
        self.may_declare = may;
        self
    }

    /// Changes `sceau.toml` before it is written.
    pub fn edit_config(mut self, edit: impl FnOnce(&mut Table) + 'static) -> Plan {
        self.edits[0].push(Box::new(edit));
        self
    }

    /// Changes `applications.toml` before it is written; its one entry is `["application"][0]`.
    pub fn edit_applications(mut self, edit: impl FnOnce(&mut Table) + 'static) -> Plan {
        self.edits[1].push(Box::new(edit));
        self
    }

    /// Changes `practitioners.toml` before it is written.
    pub fn edit_practitioners(mut self, edit: impl FnOnce(&mut Table) + 'static) -> Plan {
        self.edits[2].push(Box::new(edit));
        self
    }

    /// Lays it all out.
    pub fn build(mut self) -> Establishment {
        static COUNTER: AtomicU32 = AtomicU32::new(1);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{}-{number}", self.name, std::process::id());
        let (temporary, folder) = match self.folder.take() {
            Some(folder) => (None, folder),
            None => {
                let temporary = tempfile::Builder::new().prefix("sceau-").tempdir().unwrap();
                let folder = temporary.path().to_owned();
                (Some(temporary), folder)
            }
        };
        for (sub, mode) in [
            ("", 0o755),
            ("pki", 0o755),
            ("run", 0o755),
            ("run/signers", 0o755),
            ("secrets", 0o700),
            ("log", 0o755),
        ] {
            let sub = folder.join(sub);
            std::fs::create_dir_all(&sub).unwrap();
            std::fs::set_permissions(&sub, PermissionsExt::from_mode(mode)).unwrap();
        }
        let names = if self.mode == "test" { CaNames::Test } else { CaNames::Production };
        let pki = Pki::generate(names, self.ca_keys);
        write(&folder.join("pki/ca.pem"), &pki.root_pem(), 0o644);
        write(&folder.join("pki/intermediate.pem"), &pki.intermediate_pem(), 0o644);
        let store = TokenStore::create(&folder.join("softhsm"));
        if self.seals.is_empty() {
            let keys = ["seal-a", "seal-b", "seal-c"];
            let plans = self.structures.iter().zip(keys).map(|(structure, key)| SealPlan {
                processes: self.processes,
                origin: self.keys,
                ..SealPlan::of(structure, key, self.key_type)
            });
            self.seals = plans.collect();
        }
        let plans = std::mem::take(&mut self.seals);
        let stranger = Pki::generate(names, CaKeys::P256);
        let lay = |plan: SealPlan| {
            let issuer = if plan.unknown_ca { &stranger } else { &pki };
            lay_seal(&folder, &store, issuer, plan, self.fresh_keys)
        };
        let seals: Vec<Seal> = plans.into_iter().map(lay).collect();
        let audit = self.audit.map(|kind| lay_audit(&folder, &store, kind, self.keys, self.fresh_keys));
        let establishment = Establishment {
            practitioners: self.practitioners.clone(),
            structures: self.structures.clone(),
            profile: self.profile.clone(),
            name,
            folder,
            pki,
            store,
            seals,
            audit,
            _temporary: temporary,
        };
        let tables = [
            ("sceau.toml", self.config(&establishment), 0o644),
            ("applications.toml", self.applications(), 0o644),
            // It names people.
            ("practitioners.toml", self.register(), 0o640),
        ];
        for ((file, mut table, mode), edits) in tables.into_iter().zip(self.edits) {
            edits.into_iter().for_each(|edit| edit(&mut table));
            if file == "sceau.toml" && self.mode == "production" {
                let convention = convention::cut(&mut table);
                write(&establishment.convention(), &toml::to_string(&convention).unwrap(), mode);
            }
            write(&establishment.folder.join(file), &toml::to_string(&table).unwrap(), mode);
        }
        if establishment.has_convention() {
            establishment.lay_convention();
        }
        establishment
    }
}

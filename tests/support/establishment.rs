//! A complete establishment in a folder: configuration, registers, PKI, tokens and PINs.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use nix::unistd::{Uid, User};
use time::{Duration, OffsetDateTime};
use toml::{Table, Value};

use super::pki::{CaKeys, CaNames, Pki, SealCertificate};
use super::practitioners::Practitioner;
use super::softhsm::{KeyOrigin, KeyType, MODULE, Token, TokenStore};
use super::{key_bank, varlink};

/// Every method of annexe 2 (`vihf.md` §2) that has a declared value.
pub const METHODS: [&str; 6] = [
    "CPS",
    "CARTE_ETS",
    "CPS:CPSSANSCONTACT",
    "OTP_SMS",
    "APP_MOBILE_AUTH",
    "APP_BROWSER_AUTH",
];
/// The profiles shipped with the product.
pub const PROFILES: [&str; 3] = ["dmp-air", "dmp-air-simplifie", "dmp-indirecte"];
/// Struct_IdNat of the test structures: fictive ones, as the DMP's test environment has them.
pub const TEST_STRUCTURES: [&str; 3] = ["10B0127189", "10B0307377", "10B0127197"];
/// Struct_IdNat with right FINESS keys, which production mode asks for.
pub const STRUCTURES: [&str; 3] = ["1690781810", "1750712184", "1510000029"];

/// One `[[seal]]`: its key, and the certificate that belongs (or does not) to it.
pub struct SealPlan {
    /// Struct_IdNat in the configuration.
    pub structure: String,
    /// Label of the key.
    pub key: String,
    /// Kind of key.
    pub key_type: KeyType,
    /// How the key came to be.
    pub origin: KeyOrigin,
    /// The certificate's content.
    pub certificate: SealCertificate,
    /// Certified by a stranger of the same names.
    pub unknown_ca: bool,
    /// Certified for another key than the token's.
    pub other_key: bool,
    /// Signer processes.
    pub processes: u32,
}

impl SealPlan {
    /// A right seal of that structure.
    pub fn of(structure: &str, key: &str, key_type: KeyType) -> SealPlan {
        SealPlan {
            structure: structure.into(),
            key: key.into(),
            key_type,
            origin: KeyOrigin::Generated,
            certificate: SealCertificate::of(structure),
            unknown_ca: false,
            other_key: false,
            processes: 1,
        }
    }
}

/// A seal as it was laid out.
pub struct Seal {
    /// Struct_IdNat in the configuration.
    pub structure: String,
    /// Label of the key; signers are `<key>-1` … `<key>-<processes>`.
    pub key: String,
    /// Signer processes.
    pub processes: u32,
    /// The token with its PIN and public key.
    pub token: Token,
    /// The certificate, PEM.
    pub certificate_pem: String,
}

type Edit = Box<dyn FnOnce(&mut Table)>;

/// What to lay out. The defaults are right: each method varies one thing.
pub struct Plan {
    name: String,
    folder: Option<PathBuf>,
    mode: &'static str,
    ca_keys: CaKeys,
    fresh_keys: bool,
    structures: Vec<String>,
    seals: Vec<SealPlan>,
    key_type: KeyType,
    processes: u32,
    profile: String,
    policy: String,
    practitioners: Vec<Practitioner>,
    may_declare: bool,
    edits: [Vec<Edit>; 3],
}

impl Plan {
    /// Test mode, one test structure with one RSA 2048 seal and one signer, every method, profile and practitioner,
    /// declared logins. `name` (a-z 0-9 -) becomes part of the folders' names.
    pub fn new(name: &str) -> Plan {
        Plan {
            name: name.into(),
            folder: None,
            mode: "test",
            ca_keys: CaKeys::P256,
            fresh_keys: false,
            structures: vec![TEST_STRUCTURES[0].into()],
            seals: Vec::new(),
            key_type: KeyType::Rsa2048,
            processes: 1,
            profile: PROFILES[0].into(),
            policy: String::new(),
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

    /// Signer processes per seal key that `seal` does not give.
    pub fn processes(mut self, processes: u32) -> Plan {
        self.processes = processes;
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
        let names = if self.mode == "test" {
            CaNames::Test
        } else {
            CaNames::Production
        };
        let pki = Pki::generate(names, self.ca_keys);
        write(&folder.join("pki/ca.pem"), &pki.root_pem(), 0o644);
        write(
            &folder.join("pki/intermediate.pem"),
            &pki.intermediate_pem(),
            0o644,
        );
        let store = TokenStore::create(&folder.join("softhsm"));
        if self.seals.is_empty() {
            let keys = ["seal-a", "seal-b", "seal-c"];
            let plans = self
                .structures
                .iter()
                .zip(keys)
                .map(|(structure, key)| SealPlan {
                    processes: self.processes,
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
        let establishment = Establishment {
            practitioners: self.practitioners.clone(),
            structures: self.structures.clone(),
            profile: self.profile.clone(),
            name,
            folder,
            pki,
            store,
            seals,
            _temporary: temporary,
        };
        let tables = [
            ("sceau.toml", self.config(&establishment.seals)),
            ("applications.toml", self.applications()),
            ("practitioners.toml", self.register()),
        ];
        for ((file, mut table), edits) in tables.into_iter().zip(self.edits) {
            edits.into_iter().for_each(|edit| edit(&mut table));
            write(
                &establishment.folder.join(file),
                &toml::to_string(&table).unwrap(),
                0o644,
            );
        }
        establishment
    }

    fn config(&self, seals: &[Seal]) -> Table {
        let structures = self
            .structures
            .iter()
            .map(|id| table([("id", id.as_str().into()), ("sector", "SA01".into())]));
        let seals = seals.iter().map(|seal| {
            table([
                ("structure", seal.structure.as_str().into()),
                ("key", seal.key.as_str().into()),
                ("uri", seal.token.uri().into()),
                ("module", MODULE.into()),
                ("pin_file", format!("secrets/{}.pin", seal.key).into()),
                ("certificate", format!("pki/{}.pem", seal.key).into()),
                ("processes", i64::from(seal.processes).into()),
            ])
        });
        let service = |name: &str, lifetime_ms: i64| {
            let age = Value::Integer(4 * 3_600_000);
            table([
                ("name", name.into()),
                ("lifetime_ms", lifetime_ms.into()),
                ("login_age_max_ms", age),
            ])
        };
        let trust = [
            ("anchors", vec!["pki/ca.pem"].into()),
            ("intermediates", vec!["pki/intermediate.pem"].into()),
            ("policy_oid", self.policy.as_str().into()),
        ];
        let convention = [
            ("methods", METHODS.to_vec().into()),
            ("rights", "consultation".into()),
            ("contactless_delay_ms", (4 * 3_600_000).into()),
        ];
        let sockets = [
            ("token", "run/token.sock".into()),
            ("signers", "run/signers".into()),
            // Everything runs as whoever runs the tests: production's own users do not exist here.
            (
                "signer_client",
                if self.mode == "test" {
                    "".into()
                } else {
                    user_name().into()
                },
            ),
        ];
        let registers = [
            ("applications", "applications.toml".into()),
            ("practitioners", "practitioners.toml".into()),
        ];
        let profiles = [
            ("default", self.profile.as_str().into()),
            ("files", Value::Array(Vec::new())),
        ];
        table([
            ("mode", self.mode.into()),
            (
                "structure",
                Value::Array(structures.map(Value::Table).collect()),
            ),
            ("seal", Value::Array(seals.map(Value::Table).collect())),
            ("trust", table(trust).into()),
            ("convention", table(convention).into()),
            (
                "service",
                vec![service("consultation", 30_000), service("urgences", 15_000)].into(),
            ),
            ("profiles", table(profiles).into()),
            ("registers", table(registers).into()),
            ("sockets", table(sockets).into()),
        ])
    }

    fn applications(&self) -> Table {
        let next_year = OffsetDateTime::from(SystemTime::now()) + Duration::days(365);
        let application = table([
            ("user", user_name().into()),
            ("lps_name", "Démo LPS".into()),
            ("lps_version", "1.0".into()),
            ("lps_id", "INST-0001".into()),
            ("homologation", "HOMOL-DEMO-2026".into()),
            (
                "homologation_expires_on",
                next_year.date().to_string().into(),
            ),
            ("services", vec!["consultation", "urgences"].into()),
            ("channels", vec!["LPS", "WEB_PS"].into()),
            ("methods", METHODS.to_vec().into()),
            ("profiles", PROFILES.to_vec().into()),
            ("may_declare", self.may_declare.into()),
        ]);
        table([("application", vec![application].into())])
    }

    fn register(&self) -> Table {
        let entries: Vec<Table> = self
            .practitioners
            .iter()
            .map(|who| who.to_toml(&self.structures))
            .collect();
        table([("practitioner", entries.into())])
    }
}

fn lay_seal(folder: &Path, store: &TokenStore, pki: &Pki, plan: SealPlan, fresh: bool) -> Seal {
    let token = if plan.origin == KeyOrigin::Generated && !fresh {
        key_bank::withdraw(store, &plan.key, plan.key_type)
    } else {
        store.make(
            &format!("sceau-{}", plan.key),
            &plan.key,
            plan.key_type,
            plan.origin,
        )
    };
    let certificate_pem = if plan.other_key {
        let other = tempfile::tempdir().unwrap();
        let other = key_bank::withdraw(
            &TokenStore::create(other.path()),
            "another-key",
            plan.key_type,
        );
        pki.issue(&plan.certificate, &other.spki_der)
    } else {
        pki.issue(&plan.certificate, &token.spki_der)
    };
    write(
        &folder.join(format!("pki/{}.pem", plan.key)),
        &certificate_pem,
        0o644,
    );
    write(
        &folder.join(format!("secrets/{}.pin", plan.key)),
        &token.pin,
        0o600,
    );
    Seal {
        structure: plan.structure,
        key: plan.key,
        processes: plan.processes,
        token,
        certificate_pem,
    }
}

/// An establishment on disk. A temporary one vanishes with this value: drop its daemons first.
pub struct Establishment {
    /// Unique in this process and among those that run beside it.
    pub name: String,
    /// Where everything is.
    pub folder: PathBuf,
    /// Its certification authority, for further certificates.
    pub pki: Pki,
    /// Its tokens.
    pub store: TokenStore,
    /// Its seals.
    pub seals: Vec<Seal>,
    /// Its practitioners.
    pub practitioners: Vec<Practitioner>,
    /// Struct_IdNat of its declared structures.
    pub structures: Vec<String>,
    /// The default profile.
    pub profile: String,
    _temporary: Option<tempfile::TempDir>,
}

impl Establishment {
    /// `sceau.toml`.
    pub fn config(&self) -> PathBuf {
        self.folder.join("sceau.toml")
    }

    /// The applications' socket.
    pub fn token_socket(&self) -> PathBuf {
        self.folder.join("run/token.sock")
    }

    /// `pki/ca.pem` (the root alone) and `pki/intermediate.pem`.
    pub fn trust_files(&self) -> [PathBuf; 2] {
        [
            self.folder.join("pki/ca.pem"),
            self.folder.join("pki/intermediate.pem"),
        ]
    }

    /// Rewrites one of the configuration's files, as an operator with an editor would.
    pub fn edit_file(&self, file: &str, edit: impl FnOnce(&mut Table)) {
        let path = self.folder.join(file);
        let mut table: Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        edit(&mut table);
        write(&path, &toml::to_string(&table).unwrap(), 0o644);
    }

    /// A new connection to the applications' socket.
    pub fn client(&self) -> varlink::Client {
        varlink::Client::of(self)
    }

    /// Instances of `sceau-signer`: `<key>-<n>`.
    pub fn signer_instances(&self) -> Vec<String> {
        let of = |seal: &Seal| {
            (1..=seal.processes)
                .map(|n| format!("{}-{n}", seal.key))
                .collect::<Vec<_>>()
        };
        self.seals.iter().flat_map(of).collect()
    }
}

/// Writes a file with exactly that mode, whatever was there.
pub fn write(path: &Path, content: &str, mode: u32) {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path);
    let mut file = file.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    file.set_permissions(PermissionsExt::from_mode(mode))
        .unwrap();
    file.write_all(content.as_bytes()).unwrap();
}

/// Name of the Unix user that runs this; its number where it has no name.
pub fn user_name() -> String {
    let uid = Uid::effective();
    User::from_uid(uid)
        .unwrap()
        .map_or_else(|| uid.to_string(), |user| user.name)
}

/// A TOML table of these entries.
pub fn table<const N: usize>(entries: [(&str, Value); N]) -> Table {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

//! `[establishment]` and `[keys]`: whose appliance it is, as its certificates will say, and which keys it makes.

use serde::Deserialize;

use crate::certificate::Subject;
use crate::policy::breach::Breach;
use crate::policy::convention::STRUCTURES_MAX;
use crate::traces::audit::is_origin;
use crate::vihf::identity::Form;

/// Kinds of certified keys; the first one unless the file says otherwise.
pub const KEY_TYPES: [&str; 5] = ["rsa-2048", "rsa-3072", "rsa-4096", "p-256", "p-384"];
/// Kinds of audit keys; the first one unless the file says otherwise, the second where the token makes no Ed25519.
pub const AUDIT_KEY_TYPES: [&str; 2] = ["ed25519", "p-256"];
/// Profile of sessions that name none.
const PROFILE: &str = "dmp-air";

/// Whose appliance it is.
#[derive(Clone, Debug)]
pub struct Establishment {
    /// O of the certificates.
    pub organisation: String,
    /// ST.
    pub department: String,
    /// CN.
    pub application: String,
    /// Name of the ledger, for good.
    pub origin: String,
    /// Struct_IdNat, each with a seal key.
    pub structures: Vec<String>,
    /// Default profile.
    pub profile: String,
}

/// Which keys are made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// One of [`KEY_TYPES`].
    #[serde(rename = "type")]
    pub kind: String,
    /// One of [`AUDIT_KEY_TYPES`].
    pub audit: String,
    /// Also one for mutual TLS towards the DMP.
    pub authentication: bool,
}

impl Default for Keys {
    fn default() -> Self {
        Self { kind: KEY_TYPES[0].to_owned(), audit: AUDIT_KEY_TYPES[0].to_owned(), authentication: false }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EstablishmentTable {
    organisation: String,
    department: String,
    application: String,
    origin: String,
    structures: Vec<String>,
    profile: Option<String>,
}

impl EstablishmentTable {
    /// Says what is wrong.
    pub(super) fn check(&self, test: bool, breaches: &mut Vec<Breach>) {
        let mut refuse = |field, cause: String| {
            breaches.push(Breach::of("bad-value", "establishment", field, format!("[establishment] {cause}")));
        };
        if !is_origin(&self.origin) {
            let cause = "origin n'est pas un nom de journal ; donnez 1 à 100 caractères parmi a-z 0-9 . _ - /, comme \
                         ch-exemple.fr/sceau";
            refuse("origin", cause.to_owned());
        }
        if !(1..=STRUCTURES_MAX).contains(&self.structures.len()) {
            let cause = format!("structures : donnez 1 à {STRUCTURES_MAX} structures (Struct_IdNat)");
            refuse("structures", cause);
        }
        let form = if test { Form::Test } else { Form::Strict };
        for structure in &self.structures {
            // What a request would refuse after its key was made is refused before.
            if let Err(cause) =
                Subject::new(&self.department, &self.organisation, structure, &self.application, form)
            {
                // The words are those of `sceau keys csr`, whose options have the names of these keys.
                refuse("structures", cause.to_string().replace("--", ""));
                break;
            }
        }
        let mut structures = self.structures.clone();
        structures.sort_unstable();
        structures.dedup();
        if structures.len() < self.structures.len() {
            refuse("structures", "une structure est donnée deux fois ; retirez-en une".to_owned());
        }
    }
}

impl From<EstablishmentTable> for Establishment {
    fn from(table: EstablishmentTable) -> Self {
        let EstablishmentTable { organisation, department, application, origin, structures, profile } = table;
        let profile = profile.unwrap_or_else(|| PROFILE.to_owned());
        Self { organisation, department, application, origin, structures, profile }
    }
}

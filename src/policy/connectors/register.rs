//! What is attached: one canonical document in the ledger, changed by orders alone.

use serde::{Deserialize, Serialize};

use super::door::Door;
use super::name::{Name, RootHash};
use super::reach::Reach;
use super::setting::Setting;
use crate::vihf::instant::Instant;

/// Name of the register in the ledger.
pub const REGISTER: &str = "connectors";
/// Unix users that the image has for connectors (`sceau-connector-1` and on): once a connector's, never another one's, so that
/// traces and the register of applications name one thing.
pub const USERS_MAX: u8 = 16;
/// Modules at once: the one in use and its successor, of two vendors.
const MODULES_MAX: usize = 4;

/// A connector that is, or was, attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connector {
    /// Its name, for good.
    pub name: Name,
    /// Number of its Unix user, for good.
    pub number: u8,
    /// Which image.
    pub image: RootHash,
    /// What it is let to, in the order of [`Door::ALL`].
    pub doors: Vec<Door>,
    /// How far it reaches; none: nowhere.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reach: Option<Reach>,
    /// What the establishment sets for it, in the order of the names.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub settings: Vec<Setting>,
    /// When it was attached last, RFC 3339 UTC.
    pub since: String,
    /// It is attached now.
    pub attached: bool,
}

impl Connector {
    /// Its Unix user.
    #[must_use]
    pub fn user(&self) -> String {
        format!("sceau-connector-{}", self.number)
    }
}

/// A vendor's PKCS#11 module that is attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// Its name.
    pub name: Name,
    /// Which image.
    pub image: RootHash,
    /// When it was attached, RFC 3339 UTC.
    pub since: String,
}

/// Everything that is attached, and the names that Unix users were given to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connectors {
    sceau_connectors: u32,
    connectors: Vec<Connector>,
    modules: Vec<Module>,
}

impl Default for Connectors {
    fn default() -> Self {
        Self { sceau_connectors: 1, connectors: Vec::new(), modules: Vec::new() }
    }
}

/// Why the register is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotChanged {
    /// Nothing of that name is attached.
    NotAttached,
    /// There is no Unix user, or no place, left.
    Full,
    /// It is so already.
    AsItIs,
}

impl Connectors {
    /// Reads what [`Connectors::document`] writes, and nothing else.
    #[must_use]
    pub fn parse(document: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(document).ok()?;
        let ordered = read.connectors.iter().zip(1..=USERS_MAX).all(|(one, number)| one.number == number);
        let mut names: Vec<_> = read.connectors.iter().map(|one| &one.name).collect();
        names.sort_unstable();
        let distinct = names.windows(2).all(|pair| pair.first() != pair.last());
        let formed = read.connectors.iter().all(|one| {
            one.doors == in_order(&one.doors)
                && one.reach.as_ref().is_none_or(Reach::is_formed)
                && Setting::are_formed(&one.settings)
                && Instant::parse(&one.since).is_some()
        });
        let bounded = read.connectors.len() <= usize::from(USERS_MAX) && read.modules.len() <= MODULES_MAX;
        let sorted = read.modules.is_sorted_by(|one, next| one.name < next.name);
        (read.sceau_connectors == 1
            && ordered
            && distinct
            && formed
            && bounded
            && sorted
            && read.document() == document)
            .then_some(read)
    }

    /// The register's one text: its SHA-256 is in the ledger.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        // Only a map with keys that are no strings fails, and there is none.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Connectors that are attached, in the order of their Unix users.
    pub fn attached(&self) -> impl Iterator<Item = &Connector> {
        self.connectors.iter().filter(|connector| connector.attached)
    }

    /// Whether a connector of another name is attached as that Unix user.
    #[must_use]
    pub fn has_another_as(&self, user: &str, name: &str) -> bool {
        self.attached().any(|one| one.user() == user && one.name.as_str() != name)
    }

    /// Every connector that ever was, the detached ones included.
    #[must_use]
    pub fn all(&self) -> &[Connector] {
        &self.connectors
    }

    /// Modules that are attached, by name.
    #[must_use]
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The register with that connector attached; one of its name is replaced and keeps its Unix user.
    ///
    /// # Errors
    /// [`NotChanged::Full`], [`NotChanged::AsItIs`].
    pub fn with(
        &self,
        name: &Name,
        image: RootHash,
        doors: &[Door],
        reach: Option<Reach>,
        settings: &[Setting],
        at: Instant,
    ) -> Result<Self, NotChanged> {
        let mut next = self.clone();
        let doors = in_order(doors);
        let (settings, since) = (settings.to_vec(), at.to_string());
        match next.connectors.iter_mut().find(|known| known.name == *name) {
            Some(known)
                if known.attached
                    && (known.image, &known.doors, &known.reach, &known.settings)
                        == (image, &doors, &reach, &settings) =>
            {
                return Err(NotChanged::AsItIs);
            }
            Some(known) => {
                *known = Connector {
                    name: name.clone(),
                    number: known.number,
                    image,
                    doors,
                    reach,
                    settings,
                    since,
                    attached: true,
                };
            }
            None => {
                let number = u8::try_from(next.connectors.len() + 1).ok().filter(|number| *number <= USERS_MAX);
                let number = number.ok_or(NotChanged::Full)?;
                next.connectors.push(Connector {
                    name: name.clone(),
                    number,
                    image,
                    doors,
                    reach,
                    settings,
                    since,
                    attached: true,
                });
            }
        }
        Ok(next)
    }

    /// The register with that connector detached; its Unix user stays its own.
    ///
    /// # Errors
    /// [`NotChanged::NotAttached`].
    pub fn without(&self, name: &str) -> Result<Self, NotChanged> {
        let mut next = self.clone();
        let known = next.connectors.iter_mut().find(|known| known.attached && known.name.as_str() == name);
        known.ok_or(NotChanged::NotAttached)?.attached = false;
        Ok(next)
    }

    /// The register with that module attached, in the place of one of its name.
    ///
    /// # Errors
    /// [`NotChanged::Full`], [`NotChanged::AsItIs`].
    pub fn with_module(&self, name: &Name, image: RootHash, at: Instant) -> Result<Self, NotChanged> {
        let mut next = self.clone();
        if next.modules.iter().any(|known| known.name == *name && known.image == image) {
            return Err(NotChanged::AsItIs);
        }
        next.modules.retain(|known| known.name != *name);
        if next.modules.len() >= MODULES_MAX {
            return Err(NotChanged::Full);
        }
        next.modules.push(Module { name: name.clone(), image, since: at.to_string() });
        next.modules.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(next)
    }

    /// The register without that module.
    ///
    /// # Errors
    /// [`NotChanged::NotAttached`].
    pub fn without_module(&self, name: &str) -> Result<Self, NotChanged> {
        let mut next = self.clone();
        next.modules.retain(|known| known.name.as_str() != name);
        if next.modules.len() == self.modules.len() { Err(NotChanged::NotAttached) } else { Ok(next) }
    }
}

/// Each door once, in the order of [`Door::ALL`].
fn in_order(doors: &[Door]) -> Vec<Door> {
    Door::ALL.into_iter().filter(|door| doors.contains(door)).collect()
}

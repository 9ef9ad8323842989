//! The identifier systems of an INS (vihf.md §3).

use super::IdentityError;

/// Which system gave an INS its number. Two patients may share digits across systems: never compare an INS without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InsOid {
    /// Definitive number (NIR).
    Nir,
    /// Waiting number (NIA).
    Nia,
    /// Test patients.
    Test,
    /// Demonstration patients.
    Demo,
}

impl InsOid {
    /// The four systems.
    pub const ALL: [InsOid; 4] = [InsOid::Nir, InsOid::Nia, InsOid::Test, InsOid::Demo];

    /// Accepts a dotted OID, character by character.
    pub fn parse(value: &str) -> Result<InsOid, IdentityError> {
        InsOid::ALL.into_iter().find(|oid| oid.as_str() == value).ok_or(IdentityError::UnknownOid)
    }

    /// The dotted OID, as `resource-id` carries it.
    pub fn as_str(self) -> &'static str {
        match self {
            InsOid::Nir => "1.2.250.1.213.1.4.8",
            InsOid::Nia => "1.2.250.1.213.1.4.9",
            InsOid::Test => "1.2.250.1.213.1.4.10",
            InsOid::Demo => "1.2.250.1.213.1.4.11",
        }
    }
}

impl std::fmt::Display for InsOid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

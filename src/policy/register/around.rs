//! What a register is judged beside.

use std::collections::HashSet;

/// What a register is judged beside.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// Families of physicians' specialties of the default profile.
    pub physician_specialties: Vec<String>,
    /// Declared structures.
    pub structures: HashSet<String>,
    /// Services of the configuration.
    pub services: HashSet<String>,
    /// Identity providers of the configuration.
    pub providers: HashSet<String>,
    /// Shipped and configured profiles.
    pub profiles: HashSet<String>,
}

//! What came of reading a configuration: as far as it is right, and what may be concluded from it.

use super::{Config, Fault};

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

//! The operating system: users, processes, clocks, logs; the only room that names nix.

#[cfg(any(all(unix, feature = "appliance"), feature = "connect"))]
pub mod accepting;
#[cfg(all(unix, feature = "appliance"))]
pub mod call;
pub mod clock;
#[cfg(unix)]
pub mod command;
#[cfg(all(unix, feature = "appliance"))]
pub mod confinement;
#[cfg(unix)]
pub mod cpu;
pub mod durable;
#[cfg(any(all(unix, feature = "appliance"), feature = "connect"))]
pub mod exchange;
#[cfg(unix)]
pub mod file;
#[cfg(any(all(unix, feature = "appliance"), feature = "connect"))]
pub mod frames;
#[cfg(any(all(unix, feature = "appliance"), feature = "connect"))]
pub mod log;
#[cfg(all(unix, feature = "appliance"))]
pub mod neighbours;
#[cfg(unix)]
pub mod peer;
#[cfg(any(all(unix, feature = "appliance"), feature = "connect"))]
pub mod places;
#[cfg(unix)]
pub mod process;
#[cfg(any(all(unix, feature = "appliance"), feature = "connect"))]
pub mod serving;
#[cfg(all(unix, any(feature = "appliance", feature = "connect")))]
pub mod socket;
#[cfg(unix)]
pub mod space;
#[cfg(unix)]
pub mod synchronisation;
#[cfg(all(unix, feature = "appliance"))]
pub mod terminal;
#[cfg(unix)]
pub mod timekeeper;
#[cfg(all(unix, feature = "appliance"))]
pub mod watchdog;

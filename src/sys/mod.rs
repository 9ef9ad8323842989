//! The operating system: users, processes, clocks, logs; the only room that names nix.

pub mod clock;
pub mod cpu;
pub mod durable;
pub mod log;
pub mod peer;
pub mod process;

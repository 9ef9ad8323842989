//! The companion on application servers: local doors, appliances known by their keys, fail-over, nothing asked twice.

pub(crate) mod appliance;
mod doors;
mod end_to_end;
mod failover;
mod hosts;
mod keys;
mod network;
mod toy_gate;
mod windows;

//! The companion on application servers: local doors, appliances known by their keys, fail-over, nothing asked twice.

mod companion;
mod doors;
mod failover;
mod hosts;
mod keys;
mod toy_gate;

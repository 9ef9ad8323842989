//! The program `sceau-connect`: on an application server, a local door to one or two appliances behind their gates.
//!
//! | file | noun |
//! |---|---|
//! | `run` | life of the companion: begin here |
//! | `arguments` | verbs of the command line |
//! | `settings` | its configuration file |
//! | `identity`, `known` | its key and certificate; the appliances that it was introduced to |
//! | `enrol`, `status` | the two conversations before it runs |
//! | `tls`, `far` | a connection to a gate whose key is known; frames and HTTP over it |
//! | `appliance`, `pair` | one appliance and its health; which of them serves |
//! | `carry` | a local varlink connection as one function |
//! | `proxy`, `head`, `stream` | a local HTTP call as one function; what of its head goes on; its bodies |
//! | `fault` | what local callers are told when no appliance can be asked |
//! | `unix`, `owner` | Linux: the socket, and who is at the other end of a loopback connection |
//! | `pipe`, `service` | Windows: the named pipe, and life as a service |
//! | `http`, `secrets` | the loopback door, and secrets of its users |
//! | `install` | what `install` and `uninstall` do |
//!
//! # Invariants
//! - A gate is known by its key, given in the invitation, and by nothing else.
//! - Nothing is sent twice: what may have reached an appliance is answered `Unavailable`, reason `appliance-unreachable`.
//! - Nothing is kept: no assertion, no session, no answer outlives its own exchange.
//! - The private key is made here and leaves its file for this process's memory alone.

mod appliance;
mod arguments;
mod carry;
mod enrol;
mod far;
mod fault;
mod head;
mod http;
mod identity;
mod install;
mod known;
#[cfg(target_os = "linux")]
mod owner;
mod pair;
#[cfg(windows)]
mod pipe;
mod proxy;
mod refusals;
mod run;
mod secrets;
#[cfg(windows)]
mod service;
mod settings;
mod status;
mod stream;
mod tls;
#[cfg(unix)]
mod unix;

pub use arguments::main;

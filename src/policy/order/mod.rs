//! Orders: what an operator signs, who must sign it, and the decision whether it is obeyed.
//!
//! | file | noun |
//! |---|---|
//! | `document` | the signed text: strict JSON, whose exact bytes count |
//! | `verb` | what may be ordered, and by how many persons of which roles |
//! | `command` | a verb with its arguments, typed |
//! | `decision` | from signatures to [`Ordered`], the proof that an order is to be obeyed |
//! | `refusal` | why not: a closed list |

mod command;
mod decision;
mod document;
mod refusal;
mod verb;

pub use command::{
    AuthenticatorRevoke, Bootstrap, ClockAccept, ClockConfirm, Command, ConnectorAttach, CounterAccept, Detach,
    KeyRenew, LedgerRestore, ModuleAttach, OfApplication, OfCertificate, OfEstablishment, OfPractitioner,
    RegisterImport, Revoke, TracesBackup, TracesCloseDmp, TracesExport, TracesPurge,
};
pub use decision::{Known, Ordered, Refused, decide};
pub use document::{ISSUED_AHEAD_MAX_MS, LIFETIME_MAX_MS, ORDER_LEN_MAX, Order, text};
pub use refusal::Refusal;
pub use verb::Verb;

/// Namespace of the signatures (`ssh-keygen -Y sign -n sceau-order`): one made for another purpose orders nothing.
pub const NAMESPACE: &str = "sceau-order";

#[cfg(test)]
mod tests;

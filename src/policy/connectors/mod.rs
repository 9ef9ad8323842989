//! Foreign software on the appliance, attached by order alone: connectors beside the doors, vendor modules inside the signers.
//!
//! | file | noun |
//! |---|---|
//! | `name` | what they are called by, and the root hash that says which image is meant |
//! | `door` | what of the appliance a connector is let to |
//! | `setting` | a file that the establishment sets for a connector |
//! | `reach` | how far a connector reaches beyond the machine |
//! | `register` | what is attached: one canonical document in the ledger |

mod door;
mod name;
mod reach;
mod register;
mod setting;

pub use door::Door;
pub use name::{GATE, Name, RootHash};
pub use reach::{Allowed, NotAllowed, Reach, Wanted};
pub use register::{Connector, Connectors, Module, NotChanged, REGISTER, USERS_MAX};
pub use setting::{SETTING_LEN_MAX, Setting};

#[cfg(test)]
mod tests;

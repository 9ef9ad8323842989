//! Foreign software on this machine: images judged, and exactly what the ledger names attached. Runs as root, before and beside
//! the daemons; loads and executes nothing of an image itself.
//!
//! | file | noun |
//! |---|---|
//! | `image` | a disk image: its root hash, its vendor's signature |
//! | `verity` | the tree over its blocks: whether all of them are below the root hash |
//! | `arrival` | images that somebody brought, until an order names them |
//! | `settings` | files that somebody brought for connectors, each known by its digest |
//! | `vendor` | the certificates that the image of the appliance trusts, and what they signed |
//! | `told` | the register as `admin.sock` tells it, read strictly |
//! | `unit` | the walls of one connector, as a drop-in of its unit |
//! | `links` | modules where `systemd-sysext` looks for them |
//! | `apply` | from the register to files and to calls of systemd's tools |
//!
//! # Who holds what to the root hash
//! The ledger names it, this room refuses an image that tells another one or that no vendor signed, and the kernel refuses every
//! block that is not below it: the hash goes to systemd as `RootHash=`, or beside the module's link, never from the image.

mod apply;
mod arrival;
mod image;
mod links;
mod settings;
mod told;
mod unit;
mod vendor;
mod verity;

pub use apply::{Applied, Attachment, NotApplied, NotAttached, Places, apply};
pub use arrival::{Arrival, admit, arrivals};
pub use image::{Image, NotGood};
pub use settings::{NotKept, keep};
pub use told::{Told, ToldConnector, ToldModule};
pub use unit::{Around, drop_in, unit_name};
pub use vendor::Vendors;

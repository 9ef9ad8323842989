//! Foreign XML and its signatures: the only room that names bergshamra and uppsala.
//!
//! One tree serves everything: what the rules read is the node that the signature was held against, so that no two
//! parsers can see two documents. Nothing here opens a file or a connection, whatever a document asks for.

mod document;
mod element;
mod verification;
mod width;

pub use document::{DOCUMENT_LEN_MAX, Document, Unreadable};
pub use element::{Element, Position, moves};
pub use verification::{Fault, canonical, verify};

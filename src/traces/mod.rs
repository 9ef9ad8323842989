//! stub
pub mod chain;
pub mod checkpoint;
pub mod digest;
pub mod entry;
pub mod map;
pub mod merkle;
pub mod note;
pub mod receipt;
pub mod verify;

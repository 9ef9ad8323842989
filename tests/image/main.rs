//! Real boots of the image in QEMU, with a firmware that enforces Secure Boot and a software TPM: what it does, what is
//! done to it, how each ends. Run by `make image-test` after `make image`.
//!
//! | module | noun |
//! |---|---|
//! | `artefacts`, `tools` | what `make image` left; the programs of its tools tree |
//! | `machine` | a machine: begin here |
//! | `chip`, `disk`, `stick`, `console`, `qmp`, `accelerator` | its TPM, its disk, a stick, its screen, QEMU's door, its processor |
//! | `contents` | what is in the image, and what is not |
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accelerator;
mod artefacts;
mod chip;
mod console;
mod contents;
mod disk;
mod machine;
mod qmp;
mod stick;
#[path = "../support/mod.rs"]
mod support;
mod tools;

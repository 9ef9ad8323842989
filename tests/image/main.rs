//! Real boots of the image in QEMU, with a firmware that enforces Secure Boot and a software TPM: what it does, what is
//! done to it, how each ends. Run by `make image-test` after `make image`.
//!
//! | module | noun |
//! |---|---|
//! | `artefacts`, `tools` | what `make image` left; the programs of its tools tree |
//! | `machine` | a machine: begin here |
//! | `chip`, `disk`, `stick`, `console`, `qmp`, `accelerator` | its TPM, its disk, a stick, its screen, QEMU's door, its processor |
//! | `firmware` | its firmware's keys |
//! | `uki` | a kernel image, changed and signed by somebody |
//! | `scratch` | the room of their disks |
//! | `site` | the establishment: what it brings on a stick |
//! | `orders` | what its operators order there |
//! | `token` | an assertion, asked for on the host |
//! | `remote` | an application of another machine, before and behind the gate |
//! | `enrolled` | the same with the companion, enrolled by stick |
//! | `renewal` | a key's successor, on a stick |
//! | `officer` | who judges its evidence |
//! | `life` | machines that were switched on before |
//! | `later` | the next boots of one of them |
//! | `contents` | what is in the image, and what is not |
//! | `attached` | foreign software that is published beside it |
//! | `kernel_image` | its command line, its signatures |
//! | `provisioning` | a blank machine becomes an establishment's, and stays it |
//! | `evidence` | what it attests, judged by what was published |
//! | `update` | the next version, an older one, one that never becomes good |
//! | `walls` | what an intruder in a connector can do |
//! | `attacks` | negative boots, each named by what is done |
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accelerator;
mod artefacts;
mod attached;
mod attacks;
mod chip;
mod console;
mod contents;
mod disk;
mod enrolled;
mod evidence;
mod firmware;
mod kernel_image;
mod later;
mod life;
mod machine;
mod officer;
mod orders;
mod provisioning;
mod qmp;
mod remote;
mod renewal;
mod scratch;
mod site;
mod stick;
#[path = "../support/mod.rs"]
mod support;
mod token;
mod tools;
mod uki;
mod update;
mod walls;

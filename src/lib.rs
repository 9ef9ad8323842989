//! Sceau forges VIHF assertions, seals them with a key that never leaves its token, and answers no request twice.
//!
//! # Rooms
//! | room | duty | kind |
//! |---|---|---|
//! | [`daemon`] | `sceaud`: the doors for applications and operators; `pipeline.rs` is one request as one function, `admin/submit.rs` one order | program |
//! | [`signer`] | `sceau-signer`: one key behind a socket, of a token or sealed | program |
//! | [`relay`] | `sceau-relayd`: mutual TLS to the DMP, an assertion for one call | program |
//! | [`attest`] | `sceau-attestd`: the TPM behind a socket: the ledger's counter, evidence, sealed PINs | program |
//! | [`console`] | `sceau-console`: a blank appliance made an establishment's; `visit.rs` is one visit with a stick as one function | program |
//! | [`connect`] | `sceau-connect`: the companion on an application server, a local door to one or two appliances; also for Windows | program |
//! | [`gate`] | `sceau-gate`: applications of other machines, by TLS with certificates that operators confirmed | program |
//! | [`cli`] | `sceau`: one file per verb | program |
//! | [`verifier`] | `sceau-verify`, also `sceau lint`: any VIHF, judged offline; no Unix, no appliance | program |
//! | [`check`] | what is wrong with this machine: one file per subject, nothing is changed | outside |
//! | [`config`] | the configuration and the files it names, read once | outside |
//! | [`seal`] | signer processes from the side of `sceaud`; from a fresh request to a sealed assertion | outside |
//! | [`tables`] | TOML files that people write, every fault told with its line | outside |
//! | [`xmldsig`] | foreign XML and its signatures; the only room that names bergshamra and uppsala | outside |
//! | [`token`] | PKCS#11; the only room that names cryptoki | outside |
//! | [`sealed`] | keys without a token: wrapped in a file, unwrapped in a signer alone | outside |
//! | [`tpm`] | the TPM; the only room that names tss-esapi | outside |
//! | [`sys`] | the operating system; the only room that names nix | outside |
//! | [`envelope`] | CMS: what leaves the appliance is readable by chosen certificates' keys alone | outside |
//! | [`usage`] | command lines: French help, French answers to what is mistyped | outside |
//! | [`connectors`] | foreign software: images judged, exactly what the ledger names attached | outside |
//! | [`ledger`] | the durable store: entries, nonces and sessions in one commit before anything is sealed | state |
//! | [`replay`] | nonces, each spent once: the memory of those whose window is open | state |
//! | [`policy`] | who may ask for what: values in, decision out | pure |
//! | [`proof`] | proof of a login: an identity provider's token to facts or a named refusal | pure |
//! | [`vihf`] | the token: typed facts to canonical bytes | pure |
//! | [`certificate`] | may this certificate serve for this structure; subjects and requests | pure |
//! | [`evidence`] | what the TPM of an appliance attests: the document, how it is bound, its appraisal; no TSS | pure |
//! | [`traces`] | the ledger: entries, Merkle tree and map, signed checkpoints, their verification | pure |
//! | [`lint`] | what is wrong with a VIHF, ours or not: every rule by name | pure |
//! | [`metrics`] | figures of the service as OpenMetrics text | pure |
//! | [`varlink`] | frames to calls and back | pure |
//!
//! # Arrows
//! They go down only: bin → programs → outside rooms → state → pure rooms → std. Programs do not import each other.
//!
//! # Invariants
//! - No assertion without [`policy::issuing::Approved`], then [`ledger::Recorded`], then [`seal::signed::Signed`], each made in one
//!   place and spent by the next step: "sign without a trace" does not compile.
//! - Every signature is verified before its assertion leaves ([`seal::signed::Signed`]).
//! - A signer signs what its key is for and self-tests, nothing else: a seal a canonical `SignedInfo`
//!   ([`vihf::signature::recognise`]), the audit key a checkpoint of its ledger, an authentication key a client's TLS handshake.
//! - Nothing changes by the word of an operator alone: an order is signed, judged, recorded, then obeyed.
//! - The key ceremony has a key sign a request of its own public key and self-tests, nothing else ([`cli`], `keys`).
//! - A PIN that was refused is never tried again.
//! - No patient or practitioner data in logs.
#![forbid(unsafe_code)]

#[cfg(all(feature = "appliance", not(unix)))]
compile_error!("the appliance is for Linux; elsewhere: cargo build --no-default-features --bin sceau-verify");

#[cfg(all(unix, feature = "appliance"))]
pub mod attest;
pub mod certificate;
#[cfg(all(unix, feature = "appliance"))]
pub mod check;
#[cfg(all(unix, feature = "appliance"))]
pub mod cli;
#[cfg(all(unix, feature = "appliance"))]
pub mod config;
#[cfg(feature = "connect")]
pub mod connect;
#[cfg(all(unix, feature = "appliance"))]
pub mod connectors;
#[cfg(all(unix, feature = "appliance"))]
pub mod console;
#[cfg(all(unix, feature = "appliance"))]
pub mod daemon;
#[cfg(all(unix, feature = "appliance"))]
pub mod envelope;
pub mod evidence;
#[cfg(all(unix, feature = "appliance"))]
pub mod gate;
#[cfg(all(unix, feature = "appliance"))]
pub mod ledger;
pub mod lint;
pub mod metrics;
pub mod policy;
pub mod proof;
#[cfg(all(unix, feature = "appliance"))]
pub mod relay;
#[cfg(all(unix, feature = "appliance"))]
pub mod replay;
#[cfg(all(unix, feature = "appliance"))]
pub mod seal;
#[cfg(all(unix, feature = "appliance"))]
pub mod sealed;
#[cfg(all(unix, feature = "appliance"))]
pub mod signer;
pub mod sys;
#[cfg(any(all(unix, feature = "appliance"), feature = "connect"))]
pub mod tables;
#[cfg(all(unix, feature = "appliance"))]
pub mod token;
#[cfg(all(unix, feature = "appliance"))]
pub mod tpm;
pub mod traces;
pub mod usage;
pub mod varlink;
pub mod verifier;
pub mod vihf;
pub mod xmldsig;

//! Evidence of a TPM and the officer's verdict on it: `sceau-verify evidence` against structures that tpm2-tools made on a software TPM.

mod attester;
mod boot;
mod enrolment;
mod good;
mod ledger;
mod logs;
mod mutation;
mod officer;
mod quotes;
mod report;
mod rogue;

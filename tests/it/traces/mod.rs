//! Traces that leave the appliance: archives of a real ledger, judged by the program that officers have.

mod archives;
mod figures;
mod orders;
mod rig;
mod spoilt;

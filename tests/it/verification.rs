//! The verifier: every rule finds its defect and only that; no mutation of our tokens passes; hostile input costs little.

mod corpora;
mod defects;
mod foreign;
mod forms;
mod hostile;
mod mutations;
mod ours;
mod soap;
mod wrapping;

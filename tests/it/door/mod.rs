//! The door of `sceaud`: what the contract says of `fr.sceau.Token`, whoever calls and whatever is asked.

mod activation;
mod answers;
mod readiness;
mod secrets;
mod stopping;
mod stranger;
mod words;

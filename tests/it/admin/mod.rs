//! Orders of operators: signed by real keys, judged, recorded, obeyed once.

pub(crate) mod acceptances;
mod bootstrap;
mod command_line;
mod crash;
mod hostile;
mod keys;
pub(crate) mod office;
mod operators;
mod refusals;

//! Orders of operators: signed by real keys, judged, recorded, obeyed once.

mod acceptances;
mod bootstrap;
mod command_line;
mod crash;
mod hostile;
mod keys;
mod office;
mod operators;
mod refusals;

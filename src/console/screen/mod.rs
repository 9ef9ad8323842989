//! The screen: state and menu on a text terminal of 80 columns and 24 lines, a keyboard in front of it.
//!
//! | file | noun |
//! |---|---|
//! | `run` | the loop: what is shown, what is typed, what is done |
//! | `facts` | what is known of the appliance at this moment |
//! | `frame` | facts and menu as lines; pure |
//! | `keyboard` | what is typed, line by line, whatever is sent |
//! | `dialogue` | questions of a provisioning, and the file that the answers make |

mod dialogue;
mod facts;
mod frame;
mod keyboard;
mod run;

pub(super) use run::run;

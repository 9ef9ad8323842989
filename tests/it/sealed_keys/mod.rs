//! Keys without a token: made and sealed by the ceremony, permitted by the convention alone, told everywhere, and never near
//! anything that signing does not need. What holds for both keyrings is with the signer, the recovery and the issuance.

mod ceremony;
mod permission;
mod process;

use std::path::Path;
use std::process::{Command, Output};

use crate::support::program::program;

/// `sceau` with these arguments, in that folder; exit code and what it said.
fn sceau(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program("sceau"));
    command.args(arguments).current_dir(folder).env("SOFTHSM2_CONF", folder.join("softhsm/softhsm2.conf"));
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// The same, done.
fn done(folder: &Path, arguments: &[&str]) -> String {
    let (code, said) = sceau(folder, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {said}");
    said
}
